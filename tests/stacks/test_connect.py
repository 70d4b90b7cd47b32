"""What `connect` adds to a stack: whom the role trusts, in which order things are made, what the connector may do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Synthesized, synthesize
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
    """Every statement of the role that the connector's functions run with, besides those of its own logs."""
    (role,) = [one for name, one in resources(of, stack).items() if name.startswith("ConnectorRole")]
    (policy,) = role["Properties"]["Policies"]
    found: list[dict[str, Any]]
    own_logs, *found = policy["PolicyDocument"]["Statement"]
    log_groups = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/lambda/{stack}-connector"
    assert own_logs == {
        "Sid": "OwnLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [f"{log_groups}-poll:*", f"{log_groups}-schedule:*", f"{log_groups}:*"],
    }
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
            "Resource": [f"{STATES}/orders/atlas-access-role", f"{STATES}/orders/atlas-log-export"],
        },
    ]


def test_a_secrets_own_key_may_decrypt_that_secret_alone(synth: Any) -> None:
    arn = f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:acme/atlas-AbCdEf"
    stack = synth(document(atlas(secret=arn, secret_key_arn=KEY)))
    assert connector_statements(stack, "acme-prod-orders")[2:] == [
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
    assert connector_statements(stack, "acme-prod-orders")[2:] == [
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


def test_what_is_asked_for_is_polled_every_ten_seconds_for_an_hour(everything: Synthesized) -> None:
    machines = list(everything.resources("AWS::StepFunctions::StateMachine"))
    assert machines
    for _, _, machine in machines:
        definition = json.dumps(machine["Properties"]["DefinitionString"])
        assert '\\"IntervalSeconds\\":10,\\"MaxAttempts\\":360,\\"BackoffRate\\":1' in definition.replace("\\\\", "\\")


def test_without_connect_nothing_is_polled_and_nobody_reads_a_credential() -> None:
    for name in ("mongodb-atlas", "aurora-mysql", "s3-logs", "cloudwatch-logs"):
        example = synthesize(ROOT / "examples" / f"{name}.yaml")
        assert not list(example.resources("AWS::StepFunctions::StateMachine"))
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
