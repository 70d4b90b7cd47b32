from typing import Any

import boto3
import pytest
from vendor_connector.request import ConnectorError

NAME = "/aws/rds/cluster/billing/audit"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PROPERTIES = {"Operation": "log-group", "Name": NAME, "RetentionDays": "400", "KmsKeyArn": KEY}


@pytest.fixture
def logs(wire: Any) -> Any:
    return boto3.client("logs")


def group(logs: Any) -> dict[str, Any]:
    found: dict[str, Any] = logs.describe_log_groups(logGroupNamePrefix=NAME)["logGroups"][0]
    return found


def test_create_makes_a_group_with_retention_and_key(logs: Any, connector: Any) -> None:
    data = connector.create(PROPERTIES)
    made = group(logs)
    assert (made["retentionInDays"], made["kmsKeyId"]) == (400, KEY)
    arn = f"arn:aws:logs:eu-west-1:123456789012:log-group:{NAME}"
    assert data == {"Arn": arn, "Name": NAME, "Adopted": "false", "DeletionProtected": "false"}


def test_create_hands_key_tags_and_protection_over_with_the_group_itself(wire: Any, connector: Any) -> None:
    wire.answers["PutLogGroupDeletionProtection"] = lambda _: {}
    connector.create({**PROPERTIES, "DeletionProtection": "true", "Tags": {"team": "data"}})
    assert wire.requests("CreateLogGroup") == [
        {"logGroupName": NAME, "kmsKeyId": KEY, "deletionProtectionEnabled": True, "tags": {"team": "data"}}
    ]


def test_adopts_a_group_that_aurora_made(logs: Any, wire: Any, connector: Any) -> None:
    logs.create_log_group(logGroupName=NAME)
    wire.answers["AssociateKmsKey"] = lambda _: {}
    assert connector.create(PROPERTIES)["Adopted"] == "true"
    assert group(logs)["retentionInDays"] == 400
    assert wire.requests("AssociateKmsKey") == [{"logGroupName": NAME, "kmsKeyId": KEY}]


def test_adopts_by_the_exact_name_not_by_a_longer_one(logs: Any, wire: Any, connector: Any) -> None:
    logs.create_log_group(logGroupName=f"{NAME}-archive")
    listed = logs.describe_log_groups()["logGroups"]
    late = [{"logGroups": listed}]
    wire.answers["DescribeLogGroups"] = lambda _: late.pop() if late else NotImplemented
    data = connector.create({"Operation": "log-group", "Name": NAME})
    assert data["Arn"] == f"arn:aws:logs:eu-west-1:123456789012:log-group:{NAME}"


def test_create_twice_changes_nothing_the_second_time(wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    wire.calls.clear()
    connector.create(PROPERTIES)
    assert [name for name, _ in wire.writes()] == ["CreateLogGroup"]


def test_adopted_group_gets_deletion_protection(logs: Any, wire: Any, connector: Any) -> None:
    logs.create_log_group(logGroupName=NAME)
    wire.answers["PutLogGroupDeletionProtection"] = lambda _: {}
    data = connector.create({"Operation": "log-group", "Name": NAME, "DeletionProtection": "true"})
    assert data["DeletionProtected"] == "true"
    assert wire.requests("PutLogGroupDeletionProtection") == [
        {"logGroupIdentifier": NAME, "deletionProtectionEnabled": True}
    ]


def test_says_so_where_deletion_protection_cannot_be_had(wire: Any, connector: Any) -> None:
    wire.refuse("PutLogGroupDeletionProtection", "UnknownOperationException")
    data = connector.create({"Operation": "log-group", "Name": NAME, "DeletionProtection": "true"})
    assert data["DeletionProtected"] == "false"


def test_a_refused_deletion_protection_fails(wire: Any, connector: Any) -> None:
    wire.refuse("PutLogGroupDeletionProtection", "AccessDeniedException")
    with pytest.raises(ConnectorError, match="PutLogGroupDeletionProtection"):
        connector.create({"Operation": "log-group", "Name": NAME, "DeletionProtection": "true"})


def test_update_changes_only_the_retention_that_changed(logs: Any, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    wire.calls.clear()
    connector.update({**PROPERTIES, "RetentionDays": "731"}, PROPERTIES)
    assert [name for name, _ in wire.writes()] == ["CreateLogGroup", "PutRetentionPolicy"]
    assert group(logs)["retentionInDays"] == 731


def test_update_that_drops_retention_leaves_it(logs: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.update({"Operation": "log-group", "Name": NAME}, PROPERTIES)
    assert group(logs)["retentionInDays"] == 400


def test_delete_touches_nothing(logs: Any, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    wire.calls.clear()
    connector.delete(PROPERTIES)
    assert wire.calls == []


def test_waits_while_another_request_changes_the_group(wire: Any, connector: Any) -> None:
    wire.refuse("CreateLogGroup", "OperationAbortedException", times=2)
    assert connector.create(PROPERTIES)["Adopted"] == "false"
    assert wire.slept == [2.0, 4.0]


def test_finds_a_group_that_is_listed_late(wire: Any, connector: Any) -> None:
    late: list[dict[str, Any]] = [{"logGroups": []}]
    wire.answers["DescribeLogGroups"] = lambda _: late.pop() if late else NotImplemented
    assert connector.create(PROPERTIES)["Name"] == NAME
    assert wire.slept == [1.0]
