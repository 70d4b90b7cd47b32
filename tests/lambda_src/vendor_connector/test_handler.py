from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from vendor_connector import handler, state
from vendor_connector.request import ConnectorError

GROUP = {"Operation": "log-group", "Name": "/acme/ledger"}
STATE = "/logdock/acme/x"


def test_answers_with_the_physical_id_and_data(wire: Any, connector: Any) -> None:
    answer = handler.on_event(connector.event("Create", GROUP), connector.Context())
    assert set(answer) == {"PhysicalResourceId", "Data"}
    assert answer["PhysicalResourceId"] == "log-group//acme/ledger"


def test_an_update_that_names_another_thing_is_a_replacement(wire: Any, connector: Any) -> None:
    event = connector.event("Update", GROUP, OldResourceProperties=GROUP)
    event["ResourceProperties"] = {**GROUP, "Name": "/acme/other"}
    answer = handler.on_event(event, connector.Context())
    assert answer["PhysicalResourceId"] == "log-group//acme/other" != event["PhysicalResourceId"]


def test_delete_answers_with_the_id_that_it_was_given(wire: Any, connector: Any) -> None:
    event = connector.event("Delete", GROUP, PhysicalResourceId="an id of an older version")
    assert handler.on_event(event, connector.Context()) == {"PhysicalResourceId": "an id of an older version"}


@pytest.mark.parametrize("operation", ["aurora", None])
def test_rejects_an_unknown_operation(connector: Any, operation: str | None) -> None:
    event = {"RequestType": "Create", "ResourceProperties": {"Operation": operation}}
    with pytest.raises(ConnectorError, match=f"unknown Operation '{operation}'; known are"):
        handler.on_event(event, connector.Context())


def test_an_aws_error_names_operation_and_call(wire: Any, connector: Any) -> None:
    wire.refuse("CreateLogGroup", "LimitExceededException")
    with pytest.raises(ConnectorError, match=r"log-group: .*LimitExceededException.* the CreateLogGroup operation"):
        connector.create(GROUP)


def test_a_failed_undo_does_not_hide_the_failure(wire: Any, connector: Any, capsys: Any) -> None:
    properties = {
        "Operation": "bucket-events",
        "BucketName": "b",
        "BucketOwner": "123456789012",
        "StateParameter": STATE,
    }
    wire.answers["GetBucketNotificationConfiguration"] = lambda _: {}
    wire.refuse("PutBucketNotificationConfiguration", "InternalError")
    wire.refuse("DeleteParameter", "AccessDeniedException")
    with pytest.raises(ConnectorError, match="PutBucketNotificationConfiguration"):
        connector.create(properties)
    assert "undo failed" in capsys.readouterr().out


def test_a_failed_update_in_place_is_left_to_cloudformations_rollback(wire: Any, connector: Any, capsys: Any) -> None:
    connector.create(GROUP)
    wire.refuse("PutRetentionPolicy", "AccessDeniedException")
    with pytest.raises(ConnectorError):
        connector.update({**GROUP, "RetentionDays": "30"}, GROUP)
    assert "undoing" not in capsys.readouterr().out


def test_logs_are_json_lines_without_the_signed_address(wire: Any, connector: Any, capsys: Any) -> None:
    connector.create(GROUP)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["request", "created", "done"]
    assert "signed.example" not in "".join(lines)


def test_the_schedule_needs_the_properties_of_the_resource(wire: Any, connector: Any) -> None:
    with pytest.raises(ConnectorError, match="property Name is missing"):
        handler.on_schedule({"Operation": "log-group"}, connector.Context())


def test_memory_holds_more_than_four_kilobytes(wire: Any, connector: Any) -> None:
    state.save(STATE, "a", {"users": "u" * 5000})
    assert state.load(STATE, "a") == {"users": "u" * 5000}
    assert wire.requests("PutParameter")[0]["Tier"] == "Intelligent-Tiering"


def test_memory_goes_with_its_last_entry(wire: Any, connector: Any) -> None:
    state.save(STATE, "a", {})
    state.save(STATE, "b", {})
    state.drop(STATE, "a")
    assert connector.remembered(STATE) == {"b": {}}
    state.drop(STATE, "b")
    assert connector.remembered(STATE) is None


def test_dropping_what_is_gone_is_no_error(wire: Any) -> None:
    state.drop(STATE, "a")
    assert wire.writes() == []


@pytest.mark.parametrize("value", ["not json", "[]"])
def test_rejects_a_memory_that_somebody_overwrote(wire: Any, value: str) -> None:
    boto3.client("ssm").put_parameter(Name=STATE, Value=value, Type="String")
    with pytest.raises(ConnectorError, match=f"SSM parameter {STATE} does not hold what Logdock wrote"):
        state.load(STATE, "a")
