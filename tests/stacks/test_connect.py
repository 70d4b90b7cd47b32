"""What `connect` adds to a stack: whom the role trusts, in which order things are made, what the connector may do."""

import datetime
import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from logdock.settings import Deployment
from tests.conftest import Synthesized, synthesize, synthesize_now
from tests.settings.documents import document, export
from tests.stacks.test_snapshots import SNAPSHOTS

ACCOUNT = "111122223333"
OTHER = {"name": "other", "project_id": "6e2211c17a3e5a48f5497de3"}


def synth(*exports: dict[str, Any]) -> Synthesized:
    return synthesize_now(Deployment.model_validate(document(*exports)))


def options() -> Synthesized:
    """Return the deployment of the options that no example has."""
    return synthesize(SNAPSHOTS / "options.yaml")


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


def test_nothing_that_is_kept_is_made_before_atlas_has_agreed(everything: Synthesized) -> None:
    access, _ = only(everything, "acme-prod-orders", "Custom::LogdockAtlasAccessRole")
    bucket, _ = only(everything, "acme-prod-orders", "AWS::S3::Bucket")
    assert access in waits_for(everything, "acme-prod-orders", bucket)


@pytest.mark.parametrize(
    ("stack", "later"),
    [("acme-prod-inside", "Custom::LogdockAtlasAlert"), ("acme-prod-points", "Custom::LogdockAtlasRedaction")],
)
def test_the_integration_comes_after_the_role_and_the_buckets_policy(stack: str, later: str) -> None:
    integration, _ = only(options(), stack, "Custom::LogdockAtlasLogExport")
    access, _ = only(options(), stack, "Custom::LogdockAtlasAccessRole")
    policy, _ = only(options(), stack, "AWS::S3::BucketPolicy")
    assert {access, policy, "Role8C6B06EB"} <= waits_for(options(), stack, integration)
    assert integration in waits_for(options(), stack, only(options(), stack, later)[0])


def test_next_steps_say_what_the_deploy_leaves() -> None:
    made = synth(atlas(), atlas(alert=True, auditing={"filter": "{}"}) | OTHER)
    plain, whole = (
        made.templates[f"acme-prod-{name}"]["Outputs"]["NextSteps"]["Value"] for name in ("orders", "other")
    )
    assert plain.startswith("Nothing to do: ")
    assert whole.startswith("Nothing to do: ")
    assert "Database Auditing is on in the project" in plain
    assert ("connect.alert" in plain, "connect." in whole) == (True, False)


def cockroachdb(**changes: Any) -> dict[str, Any]:
    given = {"cluster_account_id": None, "external_id": None, "connect": {"secret": "acme/cockroach"}, **changes}
    return export("cockroachdb", **given)


LEDGER = "acme-prod-ledger"


def test_no_log_group_is_made_before_the_cluster_was_looked_at_and_none_is_missing_when_it_writes(
    everything: Synthesized,
) -> None:
    cluster, _ = only(everything, LEDGER, "Custom::LogdockCockroachdbCluster")
    log_export, _ = only(everything, LEDGER, "Custom::LogdockCockroachdbLogExport")
    of_type = {name: one["Type"] for name, one in resources(everything, LEDGER).items()}
    landings = {name for name, kind in of_type.items() if kind == "AWS::Logs::LogGroup" and name.startswith("Landing")}
    subscriptions = {name for name, kind in of_type.items() if kind == "AWS::Logs::SubscriptionFilter"}
    assert len(landings) == len(subscriptions) == 3
    for landing in landings:
        assert cluster in waits_for(everything, LEDGER, landing)
    assert {*landings, *subscriptions, "Role8C6B06EB"} <= waits_for(everything, LEDGER, log_export)


def test_a_cluster_is_configured_after_the_log_groups_of_every_region() -> None:
    assert "acme-prod-abroad-us-east-1" in options().dependencies["acme-prod-abroad"]


@pytest.mark.parametrize("stack", ["acme-prod-points", "acme-prod-billing", "acme-prod-apps", "acme-prod-legacy"])
def test_a_revision_reaches_every_custom_resource_of_an_export(stack: str) -> None:
    custom = [one for one in resources(options(), stack).values() if one["Type"].startswith("Custom::Logdock")]
    assert custom
    assert {one["Properties"].get("Revision") for one in custom} == {"2026-11 restore"}


def test_a_cluster_in_another_region_is_configured_from_there() -> None:
    stack = synth(cockroachdb(regions=["us-east-1"]))
    only(stack, LEDGER, "Custom::LogdockCockroachdbLogExport")
    assert not [name for name in resources(stack, LEDGER) if name.startswith("Landing")]


def test_log_groups_are_adopted_after_the_look_by_the_same_functions() -> None:
    cluster, _ = only(options(), "acme-prod-rotated", "Custom::LogdockCockroachdbCluster")
    adopted, _ = only(options(), "acme-prod-rotated", "Custom::LogdockLogGroup")
    log_export, _ = only(options(), "acme-prod-rotated", "Custom::LogdockCockroachdbLogExport")
    assert cluster in waits_for(options(), "acme-prod-rotated", adopted)
    assert adopted in waits_for(options(), "acme-prod-rotated", log_export)


def test_nothing_is_left_to_do_at_cockroachdb_but_its_own_settings() -> None:
    other = {"name": "other", "cluster_id": "0d2a1b1e-7b1f-4c55-9b3e-3f1a0f2f6c11", "log_group": "/acme/other"}
    made = synth(cockroachdb(), cockroachdb(**other, omitted_channels=["SENSITIVE_ACCESS", "SESSIONS"]))
    for stack, is_said in ((LEDGER, True), ("acme-prod-other", False)):
        outputs = made.templates[stack]["Outputs"]
        assert outputs["NextSteps"]["Value"].startswith("Nothing to do: ")
        for each in ("SENSITIVE_ACCESS", "EXPERIMENTAL_AUDIT SET READ WRITE;", "auth_log.sql_sessions.enabled = true;"):
            assert (each in outputs["NextSteps"]["Value"]) == is_said
        assert "SwitchOff" not in outputs


def test_asked_to_every_deploy_has_the_vendor_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    for hour in (12, 13):
        now = datetime.datetime(2026, 11, 21, hour, tzinfo=datetime.UTC)
        monkeypatch.setattr("stacks.connection.now", lambda now=now: now)
        made = synth(atlas(check_each_deploy=True), atlas(check_each_deploy=True, revision="2") | OTHER)
        for name, prefix in (("orders", ""), ("other", "2 ")):
            revisions = {each["Properties"]["Revision"] for each in polled(made, f"acme-prod-{name}")}
            assert revisions == {f"{prefix}2026-11-21T{hour}:00:00Z"}


def polled(of: Synthesized, stack: str = "acme-prod-orders") -> list[dict[str, Any]]:
    return [
        each
        for each in resources(of, stack).values()
        if each["Type"].startswith("Custom::") and "Secret" in each["Properties"]
    ]


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


def test_a_configuration_holds_what_the_resource_does_but_for_what_a_vendor_answers(everything: Synthesized) -> None:
    stack, name = everything, "acme-prod-orders"
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


def test_what_the_schedule_repeats_is_in_its_functions_environment_and_its_rule_sends_nothing(
    everything: Synthesized,
) -> None:
    stack = everything
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


def test_a_hundred_adopted_log_groups_share_configurations_and_a_policy() -> None:
    names = [f"/acme/services/a-service-with-a-long-name-{number:03}" for number in range(100)]
    stack = synth(export("cloudwatch-logs", log_groups=names, retention_days=30))
    found = resources(stack, "acme-prod-apps")
    adopted = [one for one in found.values() if one["Type"] == "Custom::LogdockLogGroup"]
    pages = {one["Properties"]["Configuration"] for one in adopted}
    assert (len(adopted), len(pages)) == (100, 2)
    for one in adopted:
        assert one["Properties"]["Name"] in configured(stack, "acme-prod-apps", one)[1]["Names"]
    assert len(found) < 500


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:CreateNetworkInterface", f"{ACCOUNT}:network-interface/eni-1"),
        ("ec2:CreateNetworkInterface", f"{ACCOUNT}:subnet/subnet-1"),
        ("ec2:CreateNetworkInterface", "999988887777:subnet/subnet-1"),
        ("ec2:CreateNetworkInterface", "999988887777:security-group/sg-1"),
        ("ec2:DeleteNetworkInterface", f"{ACCOUNT}:network-interface/eni-1"),
    ],
)
def test_lambda_enters_subnets_that_another_account_shares(action: str, resource: str) -> None:
    assert entered(action, resource)


@pytest.mark.parametrize("action", ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"])
def test_lambda_touches_no_network_interface_of_another_account(action: str) -> None:
    assert not entered(action, "999988887777:network-interface/eni-1")


def entered(action: str, resource: str) -> bool:
    """Say whether the role of functions in a VPC allows an action of EC2 on a resource, its code aside."""
    _, role = next(
        (name, one)
        for name, one in resources(options(), "acme-prod-inside").items()
        if one["Type"] == "AWS::IAM::Role" and "EnterVpc" in json.dumps(one)
    )
    (policy,) = role["Properties"]["Policies"]
    (statement,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "EnterVpc"]
    arns = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
    wanted = f"arn:aws:ec2:eu-west-1:{resource}"
    return action in statement["Action"] and any(fnmatchcase(wanted, arn) for arn in arns)
