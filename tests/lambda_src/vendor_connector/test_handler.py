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
    event["ResourceProperties"] = connector.configured({**GROUP, "Name": "/acme/other"})
    answer = handler.on_event(event, connector.Context())
    assert answer["PhysicalResourceId"] == "log-group//acme/other" != event["PhysicalResourceId"]


def test_delete_answers_with_the_id_that_it_was_given(wire: Any, connector: Any) -> None:
    event = connector.event("Delete", GROUP, PhysicalResourceId="an id of an older version")
    assert handler.on_event(event, connector.Context()) == {"PhysicalResourceId": "an id of an older version"}


@pytest.mark.parametrize("operation", ["aurora", None])
def test_rejects_an_unknown_operation(wire: Any, connector: Any, operation: str | None) -> None:
    with pytest.raises(ConnectorError, match=f"unknown Operation {operation!r}; known are"):
        handler.on_event(connector.event("Create", {"Operation": operation}), connector.Context())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "names no Configuration.*Deploy this release with the same settings first"),
        ({"Configuration": "Resource-000000000000"}, "unknown Configuration: there is no SSM parameter"),
        ({"Configuration": "../orders/Resource-000000000000"}, "it must be an id that the stack made"),
        ({"Configuration": ["a"]}, "it must be a string"),
    ],
)
def test_rejects_a_configuration_that_the_deployment_did_not_write(
    wire: Any, connector: Any, given: dict[str, Any], said: str
) -> None:
    for kind in ("Create", "Delete"):
        event = {"RequestType": kind, "PhysicalResourceId": "x", "ResourceProperties": {**GROUP, **given}}
        with pytest.raises(ConnectorError, match=said):
            handler.on_event(event, connector.Context())
    assert wire.writes() == []


def test_the_properties_of_an_event_are_not_used(wire: Any, connector: Any) -> None:
    event = connector.event("Create", GROUP)
    event["ResourceProperties"] |= {"Operation": "bucket-events", "Name": "/theirs", "KmsKeyArn": "arn:aws:kms:theirs"}
    assert handler.on_event(event, connector.Context())["PhysicalResourceId"] == "log-group//acme/ledger"
    assert wire.requests("CreateLogGroup") == [{"logGroupName": "/acme/ledger"}]


def test_a_configuration_for_several_names_admits_no_other(wire: Any, connector: Any) -> None:
    shared = {"Operation": "log-group", "Names": ["/acme/a", "/acme/b"], "RetentionDays": "30"}
    event = connector.event("Create", {**GROUP, "Name": "/acme/a"})
    event["ResourceProperties"] = {**connector.configured(shared), "Name": "/acme/b"}
    assert handler.on_event(event, connector.Context())["PhysicalResourceId"] == "log-group//acme/b"
    event["ResourceProperties"]["Name"] = "/acme/c"
    with pytest.raises(ConnectorError, match=r"Name is '/acme/c', which .* does not list"):
        handler.on_event(event, connector.Context())


def test_a_policy_given_a_moment_ago_may_take_a_minute_to_be_seen(wire: Any, connector: Any) -> None:
    wire.refuse("CreateLogGroup", "AccessDeniedException", times=5)
    connector.create(GROUP)
    assert wire.slept == [10.0] * 5
    wire.refuse("CreateLogGroup", "AccessDeniedException")
    with pytest.raises(ConnectorError, match="AccessDeniedException"):
        connector.create(GROUP)


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


def test_the_schedule_takes_nothing_from_its_event(wire: Any, connector: Any) -> None:
    with pytest.raises(ConnectorError, match="names no Configuration"):
        handler.on_schedule(connector.configured(GROUP), connector.Context())
    assert wire.calls == []


def test_memory_holds_more_than_four_kilobytes(wire: Any, connector: Any) -> None:
    state.save(STATE, "a", {"users": "u" * 5000})
    assert state.load(STATE, "a") == {"users": "u" * 5000}
    assert wire.requests("PutParameter")[0]["Tier"] == "Intelligent-Tiering"


def test_memory_holds_double_braces(wire: Any, connector: Any) -> None:
    """A parameter may not: "You can't include values wrapped in double brackets {{}}" (PutParameter)."""
    found = {"filter": '{"param.ns": "{{{{x}}}}"}', "{{": "\\{{}}"}
    state.save(STATE, "{{a}}", found)
    assert "{{" not in wire.requests("PutParameter")[0]["Value"]
    state.begin()
    assert (state.load(STATE, "{{a}}"), state.entries(STATE)) == (found, {"{{a}}": found})


def test_memory_has_a_parameter_for_each_object(wire: Any, connector: Any) -> None:
    for number in range(12):
        state.save(STATE, f"object|{number}", {"id": number})
    names = [one["Name"] for one in wire.requests("PutParameter")]
    assert len({*names}) == 12
    assert all(name.startswith(f"{STATE}/") for name in names)
    assert connector.remembered(STATE) == {f"object|{number}": {"id": number} for number in range(12)}
    for number in range(12):
        state.delete(STATE, f"object|{number}")
    assert connector.remembered(STATE) is None


def test_memory_of_an_earlier_release_is_read_and_goes_with_what_is_dropped(wire: Any, connector: Any) -> None:
    shared = {"a": {"id": 1}, "b": {"id": 2}}
    boto3.client("ssm").put_parameter(Name=STATE, Value=json.dumps(shared), Type="String")
    assert (state.load(STATE, "a"), connector.remembered(STATE)) == ({"id": 1}, shared)
    state.begin()
    state.save(STATE, "a", {"id": 3})
    assert (state.load(STATE, "a"), connector.remembered(STATE)) == ({"id": 3}, {**shared, "a": {"id": 3}})
    state.delete(STATE, "a")
    assert connector.remembered(STATE) == {"b": {"id": 2}}
    state.delete(STATE, "b")
    assert boto3.client("ssm").describe_parameters()["Parameters"] == []


def test_a_list_of_memory_is_read_once_in_an_invocation(wire: Any, connector: Any) -> None:
    state.save(STATE, "a", {})
    state.begin()
    wire.calls.clear()
    for _ in range(3):
        state.entries(STATE)
        state.save(STATE, "b", {"id": 1})
        assert state.load(STATE, "b") == {"id": 1}
    assert len(wire.requests("GetParametersByPath")) == 1


def test_dropping_what_is_gone_is_no_error(wire: Any) -> None:
    state.delete(STATE, "a")
    assert state.entries(STATE) == {}


@pytest.mark.parametrize("value", ["not json", "[]"])
def test_rejects_a_state_that_was_overwritten(wire: Any, value: str) -> None:
    state.begin()
    boto3.client("ssm").put_parameter(Name=STATE, Value=value, Type="String")
    with pytest.raises(ConnectorError, match=f"SSM parameter {STATE} does not hold what Logdock wrote"):
        state.load(STATE, "a")
