"""Alarms: of every kind, set by ``SetAlarmState`` alone, announced, and notified by who may.

No alarm is evaluated here. What an alarm would do with its metric is in its properties, and the tests compare those
with the metrics that were recorded; what follows a change of its state begins with SetAlarmState.
"""

from __future__ import annotations

import datetime
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from ministack.core import iam_evaluator, responses
from ministack.services import cloudwatch, eventbridge, stepfunctions

from local_cloud.corrections.operations import client
from local_cloud.corrections.templates import change, define
from local_cloud.stand_ins.service_principal import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


def apply() -> None:
    """Make these corrections."""
    # MiniStack's looks when a metric is put, at the metrics of all dimensions.
    cloudwatch._evaluate_alarm = lambda _alarm: None
    _act_on_changes_of_state()
    _take_every_alarm_of_a_template()
    _take_webhooks_of_a_template()
    _describe_alarms_in_full()
    _put_events_with_objects()
    _publish_over_tls()


def _act_on_changes_of_state() -> None:
    """CloudWatch announces each change of state on EventBridge, and keeps a history of the actions and their results.

    MiniStack keeps changes to itself, publishes whatever the policies of topic and key say, and keeps no history of it.
    Sources: CloudWatch User Guide, "Alarm events and EventBridge", "Using Amazon CloudWatch alarms" (alarm history),
    and "Setting up Amazon SNS notifications" (encrypted topics).
    """
    original = cloudwatch._dispatch_alarm_actions

    def dispatch(alarm: dict[str, Any], before: str, after: str, reason: str) -> None:
        _announce(alarm, before, after, reason)
        field = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(after, "InsufficientDataActions")
        actions = (alarm.get(field) or []) if alarm.get("ActionsEnabled", True) else []
        refusals = {action: _refusal(alarm["AlarmArn"], action) for action in actions}
        original({**alarm, field: [action for action in actions if not refusals[action]]}, before, after, reason)
        for action, refusal in refusals.items():
            _record_action(alarm, action, refusal)

    cloudwatch._dispatch_alarm_actions = dispatch


def _announce(alarm: Mapping[str, Any], before: str, after: str, reason: str) -> None:
    now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "+0000"
    composite = {"alarmRule": alarm["AlarmRule"]} if "AlarmRule" in alarm else {"metrics": [{"id": "metric"}]}
    detail = {
        "alarmName": alarm["AlarmName"],
        "configuration": {"description": alarm.get("AlarmDescription", ""), **composite},
        "previousState": {"value": before, "timestamp": now},
        "state": {"value": after, "reason": reason, "timestamp": now},
    }
    event = {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Detail": json.dumps(detail),
        "Time": int(time.time()),
        "Resources": [alarm["AlarmArn"]],
        "Account": responses.get_account_id(),
        "Region": responses.get_region(),
    }
    eventbridge._dispatch_event(event)


def _refusal(alarm_arn: str, topic_arn: str) -> str:
    """Return why CloudWatch may not publish to a topic, if it may not."""
    try:
        topic = client("sns").get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    except ClientError:
        return f"Topic does not exist: {topic_arn}"
    *_, region, account, _ = alarm_arn.split(":", 5)

    def may(action: str, resource_arn: str, policy: str) -> bool:
        return ServiceRequest(
            service="cloudwatch.amazonaws.com",
            action=action,
            resource_arn=resource_arn,
            region=region,
            source_account=account,
            source_arn=alarm_arn,
        ).is_allowed_by(policy)

    if not may("sns:Publish", topic_arn, topic["Policy"]) and not _admits_the_account(topic["Policy"], account):
        return f"CloudWatch Alarms is not authorized to perform: SNS:Publish on resource: {topic_arn}"
    if not (key := topic.get("KmsMasterKeyId")):
        return ""
    key_arn = client("kms").describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    policy = client("kms").get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"]
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        if not may(action, key_arn, policy):
            return f"CloudWatch Alarms is not authorized to perform: {action} on resource: {key_arn}"
    return ""


def _admits_the_account(policy: str, account: str) -> bool:
    """Say whether a topic's policy is as SNS makes it: any alarm of the topic's account may publish then.

    Source: Amazon SNS Developer Guide, "Overview of managing access in Amazon SNS" (``AWS:SourceOwner``).
    """
    of_account = {"StringEquals": {"AWS:SourceOwner": account}}
    statements = json.loads(policy).get("Statement", [])
    return any(each["Effect"] == "Allow" and each.get("Condition") == of_account for each in statements)


def _record_action(alarm: Mapping[str, Any], action: str, refusal: str) -> None:
    summary = f"Failed to execute action {action}" if refusal else f"Successfully executed action {action}"
    data = {
        "actionState": "Failed" if refusal else "Succeeded",
        "notificationResource": action,
        "error": refusal or None,
    }
    cloudwatch._history_entries().append(
        {
            "AlarmName": alarm["AlarmName"],
            "AlarmType": "CompositeAlarm" if "AlarmRule" in alarm else "MetricAlarm",
            "Timestamp": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
            "HistoryItemType": "Action",
            "HistorySummary": summary,
            "HistoryData": json.dumps(data),
        }
    )


def _take_every_alarm_of_a_template() -> None:
    """Templates may have composite alarms and alarms on expressions; MiniStack has neither.

    An expression is not kept: an alarm on one has its name, state and actions here.
    """

    def simple(properties: Mapping[str, Any]) -> Mapping[str, Any]:
        without = {"Metrics": None, "MetricName": "-", "Namespace": "-", "Threshold": 0}
        return {**properties, **without} if properties.get("Metrics") else properties

    change("AWS::CloudWatch::Alarm", simple)

    def put(properties: Mapping[str, Any]) -> str:
        cloudwatch_client, name = client("cloudwatch"), properties["AlarmName"]
        cloudwatch_client.put_composite_alarm(**properties)
        found = cloudwatch_client.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
        return str(found["CompositeAlarms"][0]["AlarmArn"])

    define(
        "AWS::CloudWatch::CompositeAlarm",
        put,
        delete=lambda name: client("cloudwatch").delete_alarms(AlarmNames=[name]),
    )


def _take_webhooks_of_a_template() -> None:
    """Templates may have connections and API destinations; MiniStack takes them by its API alone."""
    define(
        "AWS::Events::Connection",
        lambda properties: str(client("events").create_connection(**properties)["ConnectionArn"]),
        update=lambda properties: str(client("events").update_connection(**properties)["ConnectionArn"]),
        delete=lambda name: client("events").delete_connection(Name=name),
    )
    define(
        "AWS::Events::ApiDestination",
        lambda properties: str(client("events").create_api_destination(**properties)["ApiDestinationArn"]),
        update=lambda properties: str(client("events").update_api_destination(**properties)["ApiDestinationArn"]),
        delete=lambda name: client("events").delete_api_destination(Name=name),
    )


def _describe_alarms_in_full() -> None:
    """Step Functions returns the whole of what DescribeAlarms answers; MiniStack's XML leaves out times and texts."""
    stepfunctions._AWS_SDK_SERVICE_MAP["cloudwatch"] = {
        "target_prefix": "GraniteServiceVersion20100801",
        "protocol": "json",
        "service_key": "monitoring",
    }


def _put_events_with_objects() -> None:
    """Step Functions takes an event's detail as an object and sends it as text; MiniStack sends it as it is."""
    name = "arn:aws:states:::events:putEvents"
    original = stepfunctions._SERVICE_DISPATCH[name]

    def put(resource: str, arguments: dict[str, Any]) -> Any:
        entries = [{**entry, "Detail": json.dumps(entry["Detail"])} for entry in arguments["Entries"]]
        return original(resource, {**arguments, "Entries": entries})

    stepfunctions._SERVICE_DISPATCH[name] = put


def _publish_over_tls() -> None:
    """Step Functions calls SNS by TLS, which a topic may ask for; MiniStack's calls have no transport at all."""
    name = "arn:aws:states:::sns:publish"
    original = stepfunctions._SERVICE_DISPATCH[name]

    def publish(resource: str, arguments: dict[str, Any]) -> Any:
        iam_evaluator.pin_request_origin("127.0.0.1", secure_transport=True)
        return original(resource, arguments)

    stepfunctions._SERVICE_DISPATCH[name] = publish
