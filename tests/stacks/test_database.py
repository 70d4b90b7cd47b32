"""What the stack of a database does by its log types, and that RDS's own events are watched."""

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
    nothing = "Nothing to do in RDS for cluster billing."
    assert (
        database_configured(aurora("error"), nothing, region="eu-west-1")
        == f"The deploy switches on the export of error. {nothing}"
    )
    assert database_configured(aurora("audit", "general"), "Restart billing-1.", region="eu-west-1") == (
        "The deploy switches on the export of audit, general and sets the parameters that it needs. Restart billing-1."
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
    ("example", "export_name", "changes", "is_matched"),
    [
        ("aurora-mysql", "billing", {}, True),
        ("aurora-mysql", "billing", {"SourceIdentifier": "stock"}, False),
        ("aurora-mysql", "billing", {"SourceIdentifier": "billing-1", "SourceType": "DB_INSTANCE"}, True),
        ("aurora-mysql", "billing", {"Message": "Unable to publish to CloudWatch Logs"}, True),
        ("aurora-mysql", "billing", {"Message": "Completed failover to DB instance: billing-2"}, False),
        ("rds", "orders", {"SourceIdentifier": "orders", "SourceType": "DB_INSTANCE"}, True),
        ("rds", "orders", {"SourceIdentifier": "other", "SourceType": "DB_INSTANCE"}, False),
        ("rds", "ledger", {"SourceIdentifier": "ledger"}, True),
        ("rds", "ledger", {"SourceIdentifier": "ledger-1", "SourceType": "DB_INSTANCE"}, True),
    ],
)
def test_rds_events_about_permissions_of_the_database_are_matched(
    example: str, export_name: str, changes: dict[str, str], is_matched: bool
) -> None:
    (pattern,) = [
        rule["Properties"]["EventPattern"]
        for _, _, rule in synthesize(ROOT / "examples" / f"{example}.yaml").resources("AWS::Events::Rule")
        if rule["Properties"].get("Name") == f"acme-prod-{export_name}_rds-events"
    ]
    detail, event = dict(pattern["detail"]), {**EVENT, **changes}
    choices = detail.pop("$or", [{}])
    assert (matches(detail, event) and any(matches(choice, event) for choice in choices)) == is_matched


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
            "Restart instance shop."
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
