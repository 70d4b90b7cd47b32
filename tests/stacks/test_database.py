"""What the stack of a database does by its log types, and that RDS's own events are watched."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.rds.next_steps import database_configured, database_steps
from logdock.vendors.rds.settings import RdsExport
from tests.conftest import ROOT, synthesize
from tests.settings.documents import export

# RDS's sample event of a cluster (Aurora User Guide, "Overview of events for Aurora"), with another message.
EVENT = {
    "SourceType": "CLUSTER",
    "SourceIdentifier": "billing",
    "Message": "The IAM role does not have permissions to write audit logs",
}


def aurora(*log_types: str, **changes: object) -> AuroraMysqlExport:
    return AuroraMysqlExport.model_validate(export("aurora-mysql", log_types=list(log_types), **changes))


def test_next_steps_say_what_the_deploy_has_switched_on() -> None:
    rest = "Left to do, if anything:"
    assert (
        database_configured(aurora("error"), "", region="eu-west-1")
        == f"The deploy switches on the export of error. {rest} "
    )
    assert database_configured(aurora("audit", "general"), "Restart billing-1.", region="eu-west-1") == (
        "The deploy switches on the export of audit, general and sets the parameters that it needs. "
        f"{rest} Restart billing-1."
    )


@pytest.mark.parametrize("log_type", ["error", "audit", "general", "slowquery"])
def test_commands_by_hand_set_parameters_only_where_a_log_needs_them(log_type: str) -> None:
    steps = database_steps(aurora(log_type), role_arn=None, region="eu-west-1")
    assert ("modify-db-cluster-parameter-group" in steps) == (log_type != "error")
    assert f'"EnableLogTypes":["{log_type}"]' in steps


@pytest.mark.parametrize(("log_types", "has_role"), [(["error"], False), (["audit", "error"], True)])
def test_a_role_of_the_customers_own_is_for_the_audit_log_alone(log_types: list[str], has_role: bool) -> None:
    assert aurora(*log_types, role="custom").has_own_role == has_role


@pytest.mark.parametrize(
    ("changes", "is_matched"),
    [
        ({}, True),
        ({"SourceIdentifier": "stock"}, False),
        ({"SourceIdentifier": "billing-1", "SourceType": "DB_INSTANCE"}, True),
        ({"Message": "Unable to publish to CloudWatch Logs"}, True),
        ({"Message": "Completed failover to DB instance: billing-2"}, False),
    ],
)
def test_rds_events_about_permissions_are_matched(changes: dict[str, str], is_matched: bool) -> None:
    example = synthesize(ROOT / "examples" / "aurora-mysql.yaml")
    (rule,) = [
        rule["Properties"]
        for _, _, rule in example.resources("AWS::Events::Rule")
        if rule["Properties"]["Name"] == "acme-prod-billing_rds-events"
    ]
    pattern, event = rule["EventPattern"], {**EVENT, **changes}
    assert pattern["source"] == ["aws.rds"]
    assert pattern["detail-type"] == ["RDS DB Cluster Event", "RDS DB Instance Event"]
    detail = dict(pattern["detail"])
    choices = detail.pop("$or")
    found = matches(detail, event) and any(matches(choice, event) for choice in choices)
    assert found == is_matched


def matches(pattern: dict[str, list[Any]], event: dict[str, Any]) -> bool:
    """Match as EventBridge does, as far as this rule needs it."""

    def fits(condition: Any, value: str) -> bool:
        match condition:
            case {"wildcard": form}:
                return fnmatchcase(value, form)
            case {"equals-ignore-case": other}:
                return bool(value.lower() == other.lower())
        return bool(value == condition)

    return all(any(fits(each, event[name]) for each in conditions) for name, conditions in pattern.items())


def rds(**changes: object) -> RdsExport:
    return RdsExport.model_validate(export("rds", **changes))


def test_next_steps_name_what_only_a_user_can_do_inside_the_database() -> None:
    steps = database_configured(rds(pgaudit=["ddl"]), "Restart instance shop.", region="eu-west-1")
    assert steps.splitlines() == [
        (
            "The deploy switches on the export of postgresql and sets the parameters that it needs. "
            "Left to do, if anything: Restart instance shop."
        ),
        (
            "# After the restart, in SQL, in each database: SET pgaudit.log = 'none'; CREATE EXTENSION IF NOT EXISTS "
            "pgaudit;"
        ),
    ]
    steps = database_configured(rds(engine="mysql", log_types=["audit"]), "", region="eu-west-1")
    assert "OptionName=MARIADB_AUDIT_PLUGIN" in steps
    assert database_configured(rds(), "", region="eu-west-1").count("\n") == 0


def test_commands_by_hand_are_those_of_an_instance() -> None:
    steps = database_steps(rds(log_statement="ddl"), role_arn=None, region="eu-west-1")
    assert steps.splitlines() == [
        (
            'aws rds --region eu-west-1 modify-db-parameter-group --db-parameter-group-name "$GROUP" --parameters '
            """'[{"ParameterName":"log_statement","ParameterValue":"ddl","ApplyMethod":"immediate"}]'"""
        ),
        (
            "aws rds --region eu-west-1 modify-db-instance --db-instance-identifier shop "
            """--cloudwatch-logs-export-configuration '{"EnableLogTypes":["postgresql"]}'"""
        ),
    ]


@pytest.mark.parametrize(
    ("stack", "changes", "is_matched"),
    [
        ("acme-prod-orders", {"SourceIdentifier": "orders", "SourceType": "DB_INSTANCE"}, True),
        ("acme-prod-orders", {"SourceIdentifier": "other", "SourceType": "DB_INSTANCE"}, False),
        ("acme-prod-ledger", {"SourceIdentifier": "ledger"}, True),
        ("acme-prod-ledger", {"SourceIdentifier": "ledger-1", "SourceType": "DB_INSTANCE"}, True),
    ],
)
def test_rds_events_of_an_instance_are_its_own(stack: str, changes: dict[str, str], is_matched: bool) -> None:
    example = synthesize(ROOT / "examples" / "rds.yaml")
    (pattern,) = [
        rule["Properties"]["EventPattern"]
        for _, _, rule in example.resources("AWS::Events::Rule")
        if rule["Properties"].get("Name") == f"{stack}_rds-events"
    ]
    of_cluster = ["RDS DB Cluster Event", "RDS DB Instance Event"]
    assert pattern["detail-type"] == (of_cluster if stack == "acme-prod-ledger" else of_cluster[1:])
    detail = dict(pattern["detail"])
    choices = detail.pop("$or", [{}])
    event = {**EVENT, **changes}
    assert (matches(detail, event) and any(matches(choice, event) for choice in choices)) == is_matched


@pytest.mark.parametrize(
    ("name", "kind", "verb", "default"),
    [("orders", "db:orders", "DB", "pg:default.postgres*"),
     ("ledger", "cluster:ledger", "DBCluster", "cluster-pg:default.aurora-postgresql*")],
)  # fmt: skip
def test_connector_may_configure_the_one_database(name: str, kind: str, verb: str, default: str) -> None:
    example = synthesize(ROOT / "examples" / "rds.yaml")
    (found,) = [
        policy["Properties"]["PolicyDocument"]["Statement"]
        for stack, logical_id, policy in example.resources("AWS::IAM::Policy")
        if stack == f"acme-prod-{name}" and logical_id.startswith("ConnectorPolicy")
    ]
    arn = "arn:aws:rds:eu-west-1:111122223333"
    group_kind = default.partition(":")[0]
    ours = f"{arn}:{group_kind}:logdock-acme-prod-{name}"
    groups = sorted([ours, f"{arn}:pg:orders-params"]) if name == "orders" else ours
    modify = "rds:ModifyDBInstance" if verb == "DB" else "rds:ModifyDBCluster"
    describe = "rds:DescribeDBInstances" if verb == "DB" else "rds:DescribeDBClusters"
    of_rds = [each for each in found if str(each["Action"]).find("rds:") >= 0]
    assert [(each["Action"], each["Resource"]) for each in of_rds] == [
        ([describe, modify], f"{arn}:{kind}"),
        (modify, sorted([ours, f"{arn}:{default}", *([f"{arn}:{kind}"] if verb == "DB" else [])])),
        ([f"rds:Create{verb}ParameterGroup", f"rds:Delete{verb}ParameterGroup", f"rds:Describe{verb}ParameterGroups"],
         ours),
        ([f"rds:Describe{verb}Parameters", f"rds:Modify{verb}ParameterGroup", f"rds:Reset{verb}ParameterGroup"],
         groups),
    ]  # fmt: skip


def test_aurora_mysql_keeps_the_names_that_deployed_stacks_have() -> None:
    example = synthesize(ROOT / "examples" / "aurora-mysql.yaml")
    assert "ConnectorAudit2DAEB011" in example.templates["acme-prod-billing"]["Resources"]
