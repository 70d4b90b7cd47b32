"""What `connect` adds to a stack: whom the role trusts, in which order things are made, what the connector may do."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from logdock.settings import Deployment
from tests.conftest import ROOT, Synthesized, synthesize, synthesize_now
from tests.settings.documents import document, export

ACCOUNT, HOME = "111122223333", "eu-west-1"
KEY = f"arn:aws:kms:{HOME}:{ACCOUNT}:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11"
STATES = f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/logdock/acme-prod"


@pytest.fixture
def synth(tmp_path: Path) -> Any:
    """Synthesize a settings document."""

    def synthesized(whole: dict[str, Any]) -> Synthesized:
        file = tmp_path / "logdock.yaml"
        file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        return synthesize(file)

    return synthesized


def atlas(**connect: Any) -> dict[str, Any]:
    connect = {"secret": "acme/atlas", **connect}
    return export("mongodb-atlas", atlas_principal_arn=None, external_id=None, connect=connect)


def resources(of: Synthesized, stack: str) -> dict[str, Any]:
    found: dict[str, Any] = of.templates[stack]["Resources"]
    return found


def only(of: Synthesized, stack: str, resource_type: str) -> tuple[str, dict[str, Any]]:
    ((logical_id, resource),) = [
        (name, one) for name, one in resources(of, stack).items() if one["Type"] == resource_type
    ]
    return logical_id, resource


def connector_statements(of: Synthesized, stack: str) -> list[dict[str, Any]]:
    """Every statement of the connector functions' role, except those for its own logs and configurations."""
    ((role_id, role),) = [each for each in resources(of, stack).items() if each[0].startswith("ConnectorRole")]
    (policy,) = role["Properties"]["Policies"]
    found: list[dict[str, Any]]
    own_logs, configurations, *found = policy["PolicyDocument"]["Statement"]
    log_groups = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/lambda/{stack}-connector"
    assert own_logs == {
        "Sid": "OwnLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [f"{log_groups}-poll:*", f"{log_groups}-schedule:*", f"{log_groups}:*"],
    }
    assert configurations == {
        "Sid": "ReadConfigurations",
        "Effect": "Allow",
        "Action": "ssm:GetParameter",
        "Resource": f"{STATES}/{stack.removeprefix('acme-prod-')}/connector/*",
    }
    for each in resources(of, stack).values():
        if each["Type"] == "AWS::IAM::Policy" and each["Properties"]["Roles"] == [{"Ref": role_id}]:
            found += each["Properties"]["PolicyDocument"]["Statement"]
    return found


def waits_for(of: Synthesized, stack: str, logical_id: str) -> set[str]:
    """Return everything that a resource waits for, however far."""
    known, queue = resources(of, stack), [logical_id]
    seen: set[str] = set()
    while queue:
        resource = known[queue.pop()]
        named = set(resource.get("DependsOn", []))
        named |= {name for name in known if f'"{name}"' in json.dumps(resource["Properties"])}
        queue += sorted(named - seen)
        seen |= named
    return seen


def test_the_role_trusts_whom_atlas_names_by_the_external_id_that_atlas_gives(synth: Any) -> None:
    stack = synth(document(atlas()))
    access, _ = only(stack, "acme-prod-orders", "Custom::LogdockAtlasAccessRole")
    roles = [one for one in resources(stack, "acme-prod-orders").values() if one["Type"] == "AWS::IAM::Role"]
    (role,) = [one for one in roles if one["Properties"].get("RoleName") == "acme-prod-orders"]
    assert role["Properties"]["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": {"Fn::GetAtt": [access, "ExternalId"]}}},
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::GetAtt": [access, "PrincipalArn"]}},
        }
    ]
    assert role["Properties"]["MaxSessionDuration"] == 43200


def test_nothing_that_is_kept_is_made_before_atlas_has_agreed(synth: Any) -> None:
    stack = synth(document(atlas()))
    access, _ = only(stack, "acme-prod-orders", "Custom::LogdockAtlasAccessRole")
    bucket, _ = only(stack, "acme-prod-orders", "AWS::S3::Bucket")
    assert access in waits_for(stack, "acme-prod-orders", bucket)


def test_the_integration_comes_after_the_role_and_the_buckets_policy(synth: Any) -> None:
    stack = synth(document(atlas(alert=True, redact_clusters=["Cluster0"])))
    name = "acme-prod-orders"
    integration, found = only(stack, name, "Custom::LogdockAtlasLogExport")
    access, _ = only(stack, name, "Custom::LogdockAtlasAccessRole")
    policy, _ = only(stack, name, "AWS::S3::BucketPolicy")
    assert {access, policy, "Role8C6B06EB", "Key9BCD29C7"} <= waits_for(stack, name, integration)
    for later in ("Custom::LogdockAtlasAlert", "Custom::LogdockAtlasRedaction"):
        assert integration in waits_for(stack, name, only(stack, name, later)[0])
    assert found["Properties"] | {"ServiceToken": ""} == {
        "ServiceToken": "",
        "Operation": "atlas-log-export",
        "Configuration": found["Properties"]["Configuration"],
        "Secret": "acme/atlas",
        "Adopt": "false",
        "ProjectId": "5e2211c17a3e5a48f5497de3",
        "StateParameter": "/logdock/acme-prod/orders/atlas-log-export",
        "RoleId": {"Fn::GetAtt": [access, "RoleId"]},
        "RoleArn": {"Fn::GetAtt": ["Role8C6B06EB", "Arn"]},
        "Bucket": f"acme-prod-orders-{ACCOUNT}-{HOME}",
        "Prefix": "atlas",
        "LogTypes": ["MONGOD", "MONGOS", "MONGOD_AUDIT", "MONGOS_AUDIT"],
        "LegacyPaths": "false",
        "KmsKey": {"Fn::GetAtt": ["Key9BCD29C7", "Arn"]},
    }


def test_an_access_point_is_named_by_its_arn_and_without_a_key(synth: Any) -> None:
    point = f"arn:aws:s3::{ACCOUNT}:accesspoint/mfzwi23gnjvgw.mrap"
    stack = synth(document(atlas() | {"mrap_arn": point}))
    _, integration = only(stack, "acme-prod-orders", "Custom::LogdockAtlasLogExport")
    assert integration["Properties"]["Bucket"] == point
    assert "KmsKey" not in integration["Properties"]


def test_the_connector_reads_one_secret_and_remembers_and_no_more(synth: Any) -> None:
    stack = synth(document(atlas()))
    assert connector_statements(stack, "acme-prod-orders") == [
        {
            "Sid": "ReadCredential",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:acme/atlas-??????",
        },
        {
            "Sid": "RememberBefore",
            "Effect": "Allow",
            "Action": ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            "Resource": [f"{STATES}/orders/atlas-access-role", f"{STATES}/orders/atlas-access-role/*"],
        },
        {
            "Sid": "RememberBefore",
            "Effect": "Allow",
            "Action": ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            "Resource": [f"{STATES}/orders/atlas-log-export", f"{STATES}/orders/atlas-log-export/*"],
        },
        {
            "Sid": "ReadState",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": [f"{STATES}/orders/atlas-access-role", f"{STATES}/orders/atlas-access-role/*"],
        },
    ]


def test_a_secrets_own_key_may_decrypt_that_secret_alone(synth: Any) -> None:
    arn = f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:acme/atlas-AbCdEf"
    stack = synth(document(atlas(secret=arn, secret_key_arn=KEY)))
    assert connector_statements(stack, "acme-prod-orders")[1:2] == [
        {
            "Sid": "DecryptCredential",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": KEY,
            "Condition": {
                "StringEquals": {"kms:ViaService": f"secretsmanager.{HOME}.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:SecretARN": arn},
            },
        }
    ]


def test_in_a_vpc_lambda_may_make_interfaces_and_the_code_may_not(synth: Any) -> None:
    vpc = {"subnet_ids": ["subnet-0abc1234", "subnet-0abc1235"], "security_group_ids": ["sg-0abc1234"]}
    stack = synth(document(atlas(vpc=vpc)))
    functions = [
        one["Properties"]
        for name, one in resources(stack, "acme-prod-orders").items()
        if one["Type"] == "AWS::Lambda::Function" and one["Properties"]["Handler"].startswith("vendor_connector.")
    ]
    assert {function["Handler"].rpartition(".")[2] for function in functions} == {"on_event", "is_complete"}
    for function in functions:
        assert function["VpcConfig"] == {"SubnetIds": vpc["subnet_ids"], "SecurityGroupIds": vpc["security_group_ids"]}
    manage = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    ]
    describe = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
    own = f"arn:aws:lambda:{HOME}:{ACCOUNT}:function:acme-prod-orders-connector*"
    assert connector_statements(stack, "acme-prod-orders")[:3] == [
        {"Sid": "EnterVpc", "Effect": "Allow", "Action": manage, "Resource": f"arn:aws:ec2:{HOME}:{ACCOUNT}:*/*"},
        {"Sid": "LookAtVpc", "Effect": "Allow", "Action": describe, "Resource": "*"},
        {
            "Sid": "CodeStaysOut",
            "Effect": "Deny",
            "Action": sorted([*manage, *describe]),
            "Resource": "*",
            "Condition": {"ArnLike": {"lambda:SourceFunctionArn": own}},
        },
    ]


def test_outside_a_vpc_no_function_has_one(everything: Synthesized) -> None:
    for _, _, function in everything.resources("AWS::Lambda::Function"):
        assert "VpcConfig" not in function["Properties"]


def waiters(example: Synthesized) -> list[dict[str, Any]]:
    """Return the state machines that poll; the one that reminds of alarms has a name."""
    machines = example.resources("AWS::StepFunctions::StateMachine")
    return [machine for _, _, machine in machines if "StateMachineName" not in machine["Properties"]]


def test_what_is_asked_for_is_polled_every_ten_seconds_for_an_hour(everything: Synthesized) -> None:
    machines = waiters(everything)
    assert machines
    for machine in machines:
        definition = json.dumps(machine["Properties"]["DefinitionString"])
        assert '\\"IntervalSeconds\\":10,\\"MaxAttempts\\":360,\\"BackoffRate\\":1' in definition.replace("\\\\", "\\")


def test_without_connect_nothing_polls_and_no_role_reads_a_credential() -> None:
    for name in ("mongodb-atlas", "aurora-mysql", "s3-logs", "cloudwatch-logs"):
        example = synthesize(ROOT / "examples" / f"{name}.yaml")
        assert not waiters(example)
        assert "ReadCredential" not in json.dumps(example.templates)


@pytest.mark.parametrize(
    ("connect", "said"),
    [
        ({}, ["Database Auditing is on in the project", "connect.alert"]),
        ({"alert": True, "auditing": {"filter": "{}"}}, []),
    ],
)
def test_next_steps_say_what_the_deploy_leaves(synth: Any, connect: dict[str, Any], said: list[str]) -> None:
    steps = synth(document(atlas(**connect))).templates["acme-prod-orders"]["Outputs"]["NextSteps"]["Value"]
    assert steps.startswith("Nothing to do: ")
    assert all(one in steps for one in said)
    assert ("connect." in steps) == bool(said)


def cockroachdb(**changes: Any) -> dict[str, Any]:
    given = {"cluster_account_id": None, "external_id": None, "connect": {"secret": "acme/cockroach"}, **changes}
    return export("cockroachdb", **given)


LEDGER = "acme-prod-ledger"
STACK_ID = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}


@pytest.mark.parametrize(
    ("changes", "external_id", "sent"),
    [
        ({}, STACK_ID, STACK_ID),
        ({"external_id": ["old-id", "new-id"]}, ["old-id", "new-id"], "new-id"),
        ({"plan": "standard"}, "f78b7feb-b6cf-4396-9d7f-494982d7d81e", None),
    ],
    ids=["the-stacks-own", "rotated", "standard"],
)
def test_the_role_trusts_the_account_that_the_cluster_has_by_an_external_id(
    synth: Any, changes: dict[str, Any], external_id: Any, sent: Any
) -> None:
    stack = synth(document(cockroachdb(**changes)))
    cluster, _ = only(stack, LEDGER, "Custom::LogdockCockroachdbCluster")
    role = resources(stack, LEDGER)["Role8C6B06EB"]["Properties"]
    account = {"Fn::GetAtt": [cluster, "AccountId"]}
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::Join": ["", ["arn:aws:iam::", account, ":root"]]}},
        }
    ]
    _, log_export = only(stack, LEDGER, "Custom::LogdockCockroachdbLogExport")
    assert log_export["Properties"].get("ExternalId") == sent


def test_no_log_group_is_made_before_the_cluster_was_looked_at_and_none_is_missing_when_it_writes(synth: Any) -> None:
    groups = [{"log_name": "/acme/ops", "channels": ["OPS"], "min_level": "WARNING", "redact": False}]
    stack = synth(document(cockroachdb(groups=groups, omitted_channels=["SQL_PERF"])))
    cluster, looked = only(stack, LEDGER, "Custom::LogdockCockroachdbCluster")
    log_export, found = only(stack, LEDGER, "Custom::LogdockCockroachdbLogExport")
    of_type = {name: one["Type"] for name, one in resources(stack, LEDGER).items()}
    landings = {name for name, kind in of_type.items() if kind == "AWS::Logs::LogGroup" and name.startswith("Landing")}
    subscriptions = {name for name, kind in of_type.items() if kind == "AWS::Logs::SubscriptionFilter"}
    assert len(landings) == len(subscriptions) == 2
    for landing in landings:
        assert cluster in waits_for(stack, LEDGER, landing)
    assert {*landings, *subscriptions, "Role8C6B06EB"} <= waits_for(stack, LEDGER, log_export)
    target = {
        "ServiceToken": "",
        "Secret": "acme/cockroach",
        "Adopt": "false",
        "ClusterId": "f78b7feb-b6cf-4396-9d7f-494982d7d81e",
        "StateParameter": "/logdock/acme-prod/ledger/cockroachdb-log-export",
    }
    assert looked["Properties"] | {"ServiceToken": ""} == {
        **target,
        "Operation": "cockroachdb-cluster",
        "Configuration": looked["Properties"]["Configuration"],
        "Plan": "ADVANCED",
        "Regions": [],
    }
    assert found["Properties"] | {"ServiceToken": ""} == {
        **target,
        "Operation": "cockroachdb-log-export",
        "Configuration": found["Properties"]["Configuration"],
        "RoleArn": {"Fn::GetAtt": ["Role8C6B06EB", "Arn"]},
        "ExternalId": STACK_ID,
        "LogName": "/acme/cockroach/ledger",
        "Redact": "true",
        "OmittedChannels": ["SQL_PERF"],
        "Groups": json.dumps(groups),
        "Region": HOME,
    }


def test_a_cluster_is_configured_after_the_log_groups_of_every_region(synth: Any) -> None:
    abroad = f"{LEDGER}-us-east-1"
    stack = synth(document(cockroachdb(regions=[HOME, "us-east-1"])))
    assert abroad in stack.dependencies[LEDGER]
    assert not [name for name in resources(stack, abroad) if name.startswith("Connector")]
    _, log_export = only(stack, LEDGER, "Custom::LogdockCockroachdbLogExport")
    _, cluster = only(stack, LEDGER, "Custom::LogdockCockroachdbCluster")
    assert "Region" not in log_export["Properties"]
    assert cluster["Properties"]["Regions"] == [HOME, "us-east-1"]


def test_a_cluster_in_another_region_is_configured_from_there(synth: Any) -> None:
    stack = synth(document(cockroachdb(regions=["us-east-1"])))
    only(stack, LEDGER, "Custom::LogdockCockroachdbLogExport")
    assert not [name for name in resources(stack, LEDGER) if name.startswith("Landing")]


def test_log_groups_are_adopted_after_the_look_by_the_same_functions(synth: Any) -> None:
    stack = synth(document(cockroachdb(adopt_log_groups=True)))
    cluster, _ = only(stack, LEDGER, "Custom::LogdockCockroachdbCluster")
    adopted, _ = only(stack, LEDGER, "Custom::LogdockLogGroup")
    log_export, _ = only(stack, LEDGER, "Custom::LogdockCockroachdbLogExport")
    assert cluster in waits_for(stack, LEDGER, adopted)
    assert adopted in waits_for(stack, LEDGER, log_export)


def test_the_connector_of_a_cluster_reads_one_secret_and_remembers_and_no_more(synth: Any) -> None:
    assert connector_statements(synth(document(cockroachdb())), LEDGER) == [
        {
            "Sid": "ReadCredential",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:acme/cockroach-??????",
        },
        {
            "Sid": "RememberBefore",
            "Effect": "Allow",
            "Action": ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            "Resource": [f"{STATES}/ledger/cockroachdb-log-export", f"{STATES}/ledger/cockroachdb-log-export/*"],
        },
        {
            "Sid": "ListExports",
            "Effect": "Allow",
            "Action": "ssm:GetParametersByPath",
            "Resource": f"{STATES}/exports",
        },
        {
            "Sid": "ReadWhatOthersRemember",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": [f"{STATES}/*/cockroachdb-log-export", f"{STATES}/*/cockroachdb-log-export/*"],
        },
    ]


@pytest.mark.parametrize(("omitted", "said"), [([], True), (["SENSITIVE_ACCESS", "SESSIONS"], False)])
def test_nothing_is_left_to_do_at_cockroachdb_but_its_own_settings(synth: Any, omitted: list[str], said: bool) -> None:
    outputs = synth(document(cockroachdb(omitted_channels=omitted or None))).templates[LEDGER]["Outputs"]
    assert outputs["NextSteps"]["Value"].startswith("Nothing to do: ")
    for each in ("SENSITIVE_ACCESS", "EXPERIMENTAL_AUDIT SET READ WRITE;", "auth_log.sql_sessions.enabled = true;"):
        assert (each in outputs["NextSteps"]["Value"]) == said
    assert "SwitchOff" not in outputs


@pytest.mark.parametrize("encryption", ["sse-s3", "kms"])
def test_aptible_has_no_api_so_the_deploy_ends_with_two_values_and_the_request(synth: Any, encryption: str) -> None:
    name = "acme-prod-platform"
    outputs = synth(document(export("aptible", encryption=encryption))).templates[name]["Outputs"]
    bucket = f"{name}-{ACCOUNT}-{HOME}"
    assert (outputs["AccountId"]["Value"], outputs["BucketName"]["Value"]) == (ACCOUNT, bucket)
    request = (
        "Ask Aptible Support (Enterprise plan, limited beta): Please enable S3 log archiving for our stack in "
        f"{HOME}. AWS account id: {ACCOUNT}. Bucket: {bucket}."
    )
    encrypt = f"{request} Please have the replication rule encrypt with our KMS key "
    with_key = {"Fn::Join": ["", [encrypt, {"Fn::GetAtt": ["Key9BCD29C7", "Arn"]}, "."]]}
    assert outputs["NextSteps"]["Value"] == (with_key if encryption == "kms" else request)


@pytest.mark.parametrize("revision", [None, "2"])
def test_asked_to_every_deploy_has_the_vendor_looked_at(revision: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for noon in (12, 13):
        now = datetime.datetime(2026, 11, 21, noon, tzinfo=datetime.UTC)
        monkeypatch.setattr("stacks.connection.now", lambda now=now: now)
        settings = Deployment.model_validate(document(atlas(check_each_deploy=True, revision=revision)))
        seen.append({each["Properties"]["Revision"] for each in polled(synthesize_now(settings))})
    prefix = f"{revision} " if revision else ""
    assert seen == [{f"{prefix}2026-11-21T12:00:00Z"}, {f"{prefix}2026-11-21T13:00:00Z"}]


def polled(of: Synthesized) -> list[dict[str, Any]]:
    return [
        each
        for each in resources(of, "acme-prod-orders").values()
        if each["Type"].startswith("Custom::") and "Secret" in each["Properties"]
    ]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("aurora-mysql", {"log_groups": "adopt"}),
        ("cloudwatch-logs", {"log_groups": ["/acme/a"], "log_group_prefixes": ["/acme/b"], "retention_days": 30}),
        ("s3-logs", {"bucket": None, "services": [], "existing_bucket": "acme-logs"}),
    ],
)
def test_a_revision_reaches_every_custom_resource_of_an_export(kind: str, changes: dict[str, Any]) -> None:
    changes = {name: value for name, value in changes.items() if value is not None}
    settings = Deployment.model_validate(document(export(kind, revision="2026-11 restore", **changes)))
    found = synthesize_now(settings)
    (stack,) = [name for name in found.templates if name.endswith(f"-{settings.exports[0].name}")]
    custom = [one for one in resources(found, stack).values() if one["Type"].startswith("Custom::Logdock")]
    assert custom
    assert {one["Properties"].get("Revision") for one in custom} == {"2026-11 restore"}


def configured(of: Synthesized, stack: str, resource: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the configuration that a custom resource names: the id of its parameter, and the content."""
    end = "/connector/" + resource["Properties"]["Configuration"]
    for logical_id, one in resources(of, stack).items():
        if one["Type"] == "AWS::SSM::Parameter" and one["Properties"]["Name"].endswith(end):
            value = one["Properties"]["Value"]
            text = (
                value
                if isinstance(value, str)
                else "".join(part if isinstance(part, str) else "<reference>" for part in value["Fn::Join"][1])
            )
            return logical_id, json.loads(text)
    raise AssertionError(resource)


def test_every_operation_waits_for_its_configuration_and_its_policies(everything: Synthesized) -> None:
    """A change makes new ones beside the former, which go after what was made with them."""
    found = 0
    all_resources = [(stack, *each) for stack, one in everything.templates.items() for each in one["Resources"].items()]
    for stack, name, resource in all_resources:
        if not resource["Type"].startswith("Custom::Logdock") or "Operation" not in resource["Properties"]:
            continue
        found += 1
        logical_id, document = configured(everything, stack, resource)
        policies = [one for one in resource["DependsOn"] if "Policy" in one]
        assert logical_id in resource["DependsOn"], name
        assert policies, name
        assert document["Operation"] == resource["Properties"]["Operation"]
        version = resource["Properties"]["Configuration"].rpartition("-")[2]
        assert f"Configuration{version}" in logical_id
    assert found > 5


def test_a_configuration_holds_what_the_resource_does_but_for_what_a_vendor_answers(synth: Any) -> None:
    stack, name = synth(document(atlas())), "acme-prod-orders"
    _, resource = only(stack, name, "Custom::LogdockAtlasLogExport")
    _, document_ = configured(stack, name, resource)
    expected = {**resource["Properties"], "AccessRoleState": "/logdock/acme-prod/orders/atlas-access-role"}
    for vendors in ("ServiceToken", "Configuration", "RoleId"):
        del expected[vendors]
    expected |= {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "KmsKey": "<reference>"}
    assert document_ == expected


def test_a_change_makes_another_policy_and_configuration_and_changes_none_in_place() -> None:
    before, after = (
        {
            logical_id: one["Properties"]
            for logical_id, one in resources(
                synthesize_now(Deployment.model_validate(document(atlas(secret=secret)))), "acme-prod-orders"
            ).items()
            if logical_id.startswith("Connector") and one["Type"] in ("AWS::IAM::Policy", "AWS::SSM::Parameter")
        }
        for secret in ("acme/one", "acme/two")
    )
    assert before.keys() != after.keys()
    assert {one: before[one] for one in before.keys() & after.keys()} == {
        one: after[one] for one in before.keys() & after.keys()
    }
    for kind in ("PolicyName", "Name"):
        names = [one[kind] for one in before.values() if kind in one and one not in after.values()]
        assert names
        assert not {*names} & {one.get(kind) for one in after.values()}


def test_what_the_schedule_repeats_is_in_its_functions_environment_and_its_rule_sends_nothing(synth: Any) -> None:
    stack = synth(document(export("cloudwatch-logs", log_groups=None, log_group_prefixes=["/acme/"])))
    _, resource = only(stack, "acme-prod-apps", "Custom::LogdockLogGroupSubscriptions")
    (function,) = [
        one["Properties"]
        for one in resources(stack, "acme-prod-apps").values()
        if one["Properties"].get("Handler") == "vendor_connector.handler.on_schedule"
    ]
    assert function["Environment"]["Variables"] == {
        "LOGDOCK_CONFIGURATIONS": "/logdock/acme-prod/apps/connector/",
        "LOGDOCK_SCHEDULED": resource["Properties"]["Configuration"],
    }
    (target,) = [
        target
        for one in resources(stack, "acme-prod-apps").values()
        if one["Type"] == "AWS::Events::Rule"
        for target in one["Properties"]["Targets"]
        if target["Id"] == "Connector"
    ]
    assert target.keys() == {"Arn", "Id"}


def test_a_hundred_adopted_log_groups_share_configurations_and_a_policy(synth: Any) -> None:
    names = [f"/acme/services/a-service-with-a-long-name-{number:03}" for number in range(100)]
    stack = synth(document(export("cloudwatch-logs", log_groups=names, retention_days=30)))
    found = resources(stack, "acme-prod-apps")
    adopted = [one for one in found.values() if one["Type"] == "Custom::LogdockLogGroup"]
    pages = {one["Properties"]["Configuration"] for one in adopted}
    assert (len(adopted), len(pages)) == (100, 2)
    for one in adopted:
        assert one["Properties"]["Name"] in configured(stack, "acme-prod-apps", one)[1]["Names"]
    assert len(found) < 500
