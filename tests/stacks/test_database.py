"""What the stack of an Aurora MySQL export does by its log types, and that RDS's own events are watched."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest

from settings.exports import AuroraMysqlExport
from stacks.next_steps import database_configured, database_steps
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
    rest = "Nothing else to do, unless it is said here:"
    assert (
        database_configured(aurora("error"), "", region="eu-west-1")
        == f"The deploy switches on the export of error. {rest} "
    )
    assert database_configured(aurora("audit", "general"), "Restart billing-1.", region="eu-west-1") == (
        "The deploy switches on the export of audit, general and the parameters that have the engine write them. "
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
