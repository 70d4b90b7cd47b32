from typing import Any

import boto3
import botocore.endpoint
import pytest
from vendor_connector import handler
from vendor_connector.request import ConnectorError, Request, read
from vendor_connector.vendors.cloudwatch_logs.operations import log_group_subscriptions

STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/archiver"
OTHER_STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/other"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:archiver"
ROLE = "arn:aws:iam::123456789012:role/logs-to-kinesis"
PROPERTIES = {
    "Operation": "log-group-subscriptions",
    "Prefixes": ["/apps/"],
    "ExcludePrefixes": ["/apps/logdock-"],
    "DestinationArn": STREAM,
    "FilterName": "logdock.apps",
    "RoleArn": ROLE,
    "StateParameter": "/logdock/acme/apps/log-group-subscriptions",
}
SETTINGS = {name: value for name, value in PROPERTIES.items() if name != "Operation"}


@pytest.fixture
def logs(wire: Any) -> Any:
    kinesis = boto3.client("kinesis")
    for name in ("archiver", "other"):
        kinesis.create_stream(StreamName=name, ShardCount=1)
    client = boto3.client("logs")
    for name in ("/apps/a", "/apps/b", "/apps/logdock-shipper", "/else/c"):
        client.create_log_group(logGroupName=name)
    wire.calls.clear()
    return client


def filters(logs: Any) -> dict[str, list[tuple[str, str]]]:
    """Return name and destination of every filter, by log group that has one."""
    found = {}
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            answer = logs.describe_subscription_filters(logGroupName=group["logGroupName"])
            if answer["subscriptionFilters"]:
                found[group["logGroupName"]] = [
                    (item["filterName"], item["destinationArn"]) for item in answer["subscriptionFilters"]
                ]
    return found


def occupy(logs: Any, group: str, *names: str) -> None:
    for name in names:
        logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern="", destinationArn=OTHER_STREAM, roleArn=ROLE
        )


OURS = [("logdock.apps", STREAM)]


def test_subscribes_every_group_under_the_prefix_but_the_excluded(logs: Any, connector: Any) -> None:
    assert connector.create(PROPERTIES) == {"Subscribed": "2", "Skipped": "0", "SkippedNames": "", "Remaining": "0"}
    assert filters(logs) == {"/apps/a": OURS, "/apps/b": OURS}


def test_the_filter_passes_everything_through_the_role(logs: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    made = logs.describe_subscription_filters(logGroupName="/apps/a")["subscriptionFilters"][0]
    assert (made["filterPattern"], made["roleArn"]) == ("", ROLE)


def test_reads_every_page_of_groups(logs: Any, connector: Any) -> None:
    for number in range(60):
        logs.create_log_group(logGroupName=f"/apps/more-{number:02d}")
    assert connector.create(PROPERTIES)["Subscribed"] == "62"


def test_a_group_under_two_prefixes_is_counted_once(logs: Any, connector: Any) -> None:
    assert connector.create({**PROPERTIES, "Prefixes": ["/apps/", "/apps/a"]})["Subscribed"] == "2"


def test_never_subscribes_the_log_of_the_destination_function() -> None:
    function = "arn:aws:lambda:eu-west-1:123456789012:function:acme-archiver:live"
    properties = {**SETTINGS, "Prefixes": ["/aws/lambda/"], "DestinationArn": function}
    wanted = read(log_group_subscriptions.Settings, properties)
    assert not wanted.covers("/aws/lambda/acme-archiver")
    assert wanted.covers("/aws/lambda/acme-archiver-of-another-owner")


def test_create_twice_writes_nothing_the_second_time(logs: Any, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    wire.calls.clear()
    assert connector.create(PROPERTIES)["Subscribed"] == "2"
    assert wire.writes() == []


def test_rejects_groups_without_a_free_slot_naming_them_and_undoes_the_rest(logs: Any, connector: Any) -> None:
    occupy(logs, "/apps/b", "x", "y")
    with pytest.raises(ConnectorError, match=r"1 log groups take no further subscription .*: /apps/b\."):
        connector.create(PROPERTIES)
    assert filters(logs) == {"/apps/b": [("x", OTHER_STREAM), ("y", OTHER_STREAM)]}


def test_skips_and_reports_full_groups_when_allowed(logs: Any, connector: Any) -> None:
    occupy(logs, "/apps/b", "x", "y")
    data = connector.create({**PROPERTIES, "SkipFull": "true"})
    assert data == {"Subscribed": "1", "Skipped": "1", "SkippedNames": "/apps/b", "Remaining": "0"}


def test_a_class_without_subscriptions_counts_as_skipped(logs: Any, wire: Any, connector: Any) -> None:
    listed = [{"logGroupName": "/apps/rare", "logGroupClass": "INFREQUENT_ACCESS"}]
    wire.answers["DescribeLogGroups"] = lambda _: {"logGroups": listed}
    assert connector.create({**PROPERTIES, "SkipFull": "true"})["SkippedNames"] == "/apps/rare"
    assert wire.requests("PutSubscriptionFilter") == []


def test_names_of_skipped_groups_stay_bounded(logs: Any, wire: Any, connector: Any) -> None:
    listed = [{"logGroupName": f"/apps/{number:0500d}"} for number in range(9)]
    wire.answers["DescribeLogGroups"] = lambda _: {"logGroups": listed}
    wire.answers["DescribeSubscriptionFilters"] = lambda _: {"subscriptionFilters": []}
    wire.refuse("PutSubscriptionFilter", "LimitExceededException")
    data = connector.create({**PROPERTIES, "SkipFull": "true"})
    assert data["Skipped"] == "9"
    assert len(data["SkippedNames"]) == 1000


def test_a_group_that_vanished_meanwhile_is_passed_over(logs: Any, wire: Any, connector: Any) -> None:
    wire.refuse("PutSubscriptionFilter", "ResourceNotFoundException", times=1)
    assert connector.create(PROPERTIES) == {"Subscribed": "1", "Skipped": "0", "SkippedNames": "", "Remaining": "0"}


def test_a_refusal_names_the_log_group(logs: Any, wire: Any, connector: Any) -> None:
    wire.refuse("PutSubscriptionFilter", "AccessDeniedException")
    with pytest.raises(ConnectorError, match=r"log group /apps/a: .*AccessDeniedException"):
        connector.create(PROPERTIES)


def test_a_full_group_is_asked_once(logs: Any, connector: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    occupy(logs, "/apps/b", "x", "y")
    make_request = botocore.endpoint.Endpoint.make_request

    def counted(endpoint: Any, model: Any, request: Any) -> Any:
        answer = make_request(endpoint, model, request)
        sent.extend([model.name] * (answer[1]["ResponseMetadata"]["RetryAttempts"] + 1))
        return answer

    monkeypatch.setattr(botocore.endpoint.Endpoint, "make_request", counted)
    connector.create({**PROPERTIES, "SkipFull": "true"})
    assert sent.count("PutSubscriptionFilter") == 2


def test_waits_while_another_request_changes_the_group(logs: Any, wire: Any, connector: Any) -> None:
    wire.refuse("PutSubscriptionFilter", "OperationAbortedException", times=1)
    assert connector.create(PROPERTIES)["Subscribed"] == "2"


class Hurried:
    """Lambda's context with time for a few log groups: each takes one look at its filters."""

    def __init__(self, wire: Any, groups: int) -> None:
        self._wire, self._end = wire, len(wire.requests("DescribeSubscriptionFilters")) + groups

    def get_remaining_time_in_millis(self) -> int:
        return 900_000 if len(self._wire.requests("DescribeSubscriptionFilters")) < self._end else 1_000


@pytest.fixture
def many(logs: Any, wire: Any) -> list[str]:
    """Ten log groups, two of them from the fixture."""
    for number in range(8):
        logs.create_log_group(logGroupName=f"/apps/more-{number}")
    wire.calls.clear()
    return ["/apps/a", "/apps/b", *(f"/apps/more-{number}" for number in range(8))]


def looked_at(wire: Any) -> list[str]:
    return [one["logGroupName"] for one in wire.requests("DescribeSubscriptionFilters")]


def test_many_groups_are_continued_and_each_is_looked_at_once(
    many: list[str], wire: Any, connector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = handler.on_event(connector.event("Create", PROPERTIES), Hurried(wire, 4))["Data"]
    assert (first["Subscribed"], first["Remaining"]) == ("4", "6")
    monkeypatch.setenv("LOGDOCK_SCHEDULED", connector.configured(PROPERTIES)["Configuration"])
    assert handler.on_schedule({}, Hurried(wire, 4))["Remaining"] == "2"
    last = handler.on_schedule({}, connector.Context())
    assert (last["Subscribed"], last["Skipped"], last["Remaining"]) == ("10", "0", "0")
    assert looked_at(wire) == many
    assert connector.remembered(PROPERTIES["StateParameter"]) is None
    assert handler.on_schedule({}, Hurried(wire, 4))["Remaining"] == "6", "the next pass looks at all of them again"


def test_another_configuration_begins_anew(many: list[str], wire: Any, connector: Any) -> None:
    handler.on_event(connector.event("Create", PROPERTIES), Hurried(wire, 4))
    other = {**PROPERTIES, "RetentionDays": "30"}
    assert connector.update(other, PROPERTIES)["Subscribed"] == "10"


def test_a_destroy_continues_with_the_groups_that_are_left(
    many: list[str], logs: Any, wire: Any, connector: Any
) -> None:
    connector.create(PROPERTIES)
    with pytest.raises(ConnectorError, match="6 of 10 log groups to unsubscribe"):
        handler.on_event(connector.event("Delete", PROPERTIES), Hurried(wire, 4))
    wire.calls.clear()
    connector.delete(PROPERTIES)
    assert looked_at(wire) == many[4:]
    assert filters(logs) == {}
    assert connector.remembered(PROPERTIES["StateParameter"]) is None


def test_sets_retention_only_when_asked(logs: Any, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    assert wire.requests("PutRetentionPolicy") == []
    connector.update({**PROPERTIES, "RetentionDays": "30"}, PROPERTIES)
    assert wire.requests("PutRetentionPolicy") == [
        {"logGroupName": "/apps/a", "retentionInDays": 30},
        {"logGroupName": "/apps/b", "retentionInDays": 30},
    ]


def test_update_releases_groups_no_longer_covered(logs: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.update({**PROPERTIES, "Prefixes": ["/else/", "/apps/b"]}, PROPERTIES)
    assert filters(logs) == {"/apps/b": OURS, "/else/c": OURS}


def test_update_of_what_another_release_made_releases_its_groups(logs: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    former = {**SETTINGS, "SkipFull": "at times", "Reach": "all"}
    log_group_subscriptions.apply(Request(properties={**SETTINGS, "Prefixes": ["/else/"]}, old_properties=former))
    assert filters(logs) == {"/else/c": OURS}


def test_update_points_filters_at_a_new_destination(logs: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    connector.update({**PROPERTIES, "DestinationArn": OTHER_STREAM}, PROPERTIES)
    assert filters(logs)["/apps/a"] == [("logdock.apps", OTHER_STREAM)]


@pytest.mark.parametrize("to_stream", [True, False])
def test_update_moves_a_filter_between_function_and_stream_without_taking_it_off(
    logs: Any, wire: Any, connector: Any, to_stream: bool
) -> None:
    through = dict(PROPERTIES)
    straight = {key: value for key, value in PROPERTIES.items() if key != "RoleArn"} | {"DestinationArn": FUNCTION}
    wire.answers["PutSubscriptionFilter"] = lambda _: {}
    connector.update(*((through, straight) if to_stream else (straight, through)))
    writes = [(name, arguments.get("destinationArn"), arguments.get("roleArn")) for name, arguments in wire.writes()]
    assert writes == [("PutSubscriptionFilter", *((STREAM, ROLE) if to_stream else (FUNCTION, None)))] * 2


def test_update_of_the_filter_name_needs_no_second_slot(logs: Any, connector: Any) -> None:
    occupy(logs, "/apps/a", "x")
    connector.create(PROPERTIES)
    connector.update({**PROPERTIES, "FilterName": "logdock.new"}, PROPERTIES)
    assert filters(logs)["/apps/a"] == [("x", OTHER_STREAM), ("logdock.new", STREAM)]


def test_delete_removes_only_our_filters(logs: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    occupy(logs, "/apps/a", "x")
    connector.delete(PROPERTIES)
    assert filters(logs) == {"/apps/a": [("x", OTHER_STREAM)]}


def test_delete_leaves_a_filter_of_our_name_that_points_elsewhere(logs: Any, connector: Any) -> None:
    occupy(logs, "/apps/a", "logdock.apps")
    connector.delete(PROPERTIES)
    assert filters(logs) == {"/apps/a": [("logdock.apps", OTHER_STREAM)]}


def test_delete_succeeds_when_a_filter_was_removed_by_hand(logs: Any, wire: Any, connector: Any) -> None:
    connector.create(PROPERTIES)
    wire.refuse("DeleteSubscriptionFilter", "ResourceNotFoundException", times=1)
    connector.delete(PROPERTIES)
    assert "/apps/b" not in filters(logs)


def on_schedule(connector: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Run what the schedule runs; the event is anyone's who may invoke the function."""
    monkeypatch.setenv("LOGDOCK_SCHEDULED", connector.configured(PROPERTIES)["Configuration"])
    forged = {**PROPERTIES, "DestinationArn": "arn:aws:lambda:eu-west-1:999999999999:function:theirs"}
    return handler.on_schedule(forged, connector.Context())


def test_the_schedule_subscribes_groups_that_appeared_since(
    logs: Any, connector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector.create(PROPERTIES)
    logs.create_log_group(logGroupName="/apps/new")
    assert on_schedule(connector, monkeypatch)["Subscribed"] == "3"
    assert filters(logs)["/apps/new"] == OURS


def test_the_schedule_fails_when_a_group_is_full_and_keeps_the_others(
    logs: Any, connector: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupy(logs, "/apps/b", "x", "y")
    with pytest.raises(ConnectorError, match="/apps/b"):
        on_schedule(connector, monkeypatch)
    assert filters(logs)["/apps/a"] == OURS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Prefixes": []}, "property Prefixes is empty"),
        ({"ExcludePrefixes": [""]}, "ExcludePrefixes holds an empty text"),
    ],
)
def test_rejects_a_wrong_property(wire: Any, connector: Any, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorError, match=message):
        connector.create({**PROPERTIES, **change})
    assert wire.calls == []
