"""Alarms: evaluated by themselves, with dimensions, missing data and warm-up; announced; and of every kind."""

from __future__ import annotations

import datetime
import json
import threading
import time
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator, responses
from ministack.services import cloudwatch, eventbridge, kms, sns, stepfunctions
from ministack.services.cloudformation import provisioners

from local_cloud.corrections.metrics import MINUTE_SECONDS, record_queues
from local_cloud.stand_ins.service_principal import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BANDS, _MADE = "Metrics", "made"
_LOOKING = threading.Lock()
"""Held from the read of a metric until the alarm's state is set: the clock and requests both evaluate."""


def apply() -> None:
    """Make these corrections."""
    _evaluate_as_cloudwatch_does()
    _announce_state_changes()
    _keep_a_history_of_actions()
    _take_every_alarm_of_a_template()
    _take_webhooks_of_a_template()
    _describe_alarms_in_full()
    _put_events_with_objects()
    _publish_over_tls()


def _evaluate_as_cloudwatch_does() -> None:
    """Each alarm looks at its own metric every minute; MiniStack looks when one is put, whatever its dimensions."""
    cloudwatch._evaluate_alarm = evaluate
    threading.Thread(target=_tick, daemon=True).start()


def _tick() -> None:
    while True:
        time.sleep(MINUTE_SECONDS)
        for account, region in {scope[:2] for scope in list(cloudwatch._alarms._data)}:
            with responses.request_scope(account, region):
                record_queues()
                cloudwatch._evaluate_all_alarms()
                settle_composites()


def evaluate(alarm: dict[str, Any]) -> None:
    """Set the state that an alarm's metric asks for (CloudWatch User Guide, "Alarm evaluation")."""
    with _LOOKING:
        before, state, reason = _look(alarm)
    if state != before:
        cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)


def settle_composites() -> None:
    """Set each composite's state anew: one that was put while an alarm of its rule changed may have missed that."""
    for composite in cloudwatch._composite_alarms.values():
        state = cloudwatch._composite_rule_state(composite)
        if state != composite["StateValue"]:
            cloudwatch._transition_composite(composite, state, f"Its rule evaluates to {state}", [])


def _look(alarm: dict[str, Any]) -> tuple[str, str, str]:
    """Set an alarm's state by its metric; return the state before, the state, and why."""
    now, before = time.time(), alarm["StateValue"]
    warm_up = alarm.get("WarmUpConfiguration") or {}
    warm_seconds = float(warm_up.get("WarmUpPeriodDurationInMinutes", 0)) * MINUTE_SECONDS
    if alarm.get(_BANDS) or now < alarm.get(_MADE, 0.0) + warm_seconds:
        return before, before, ""
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    period, periods = alarm["Period"] / 60 * MINUTE_SECONDS, defaultdict(list)
    for point in list(cloudwatch._metrics.get(key) or []):
        periods[int((now - point["Timestamp"]) // period)].append(point)
    inside = [periods[at] for at in range(alarm["EvaluationPeriods"]) if at in periods]
    compare = _COMPARISONS[alarm["ComparisonOperator"]]
    breaching = sum(compare(cloudwatch._calc_stats(one)[alarm["Statistic"]], alarm["Threshold"]) for one in inside)
    if alarm.get("TreatMissingData") == "breaching":
        breaching += alarm["EvaluationPeriods"] - len(inside)
    wanted = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    state = "ALARM" if breaching >= wanted else "OK"
    if state == before:
        return before, before, ""
    crossed = f"{breaching} of the last {alarm['EvaluationPeriods']} datapoints are breaching ({wanted} are needed)"
    reason = f"Threshold Crossed: {crossed}." if state == "ALARM" else f"Threshold no longer crossed: {crossed}."
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(now))
    return before, state, reason


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def _announce_state_changes() -> None:
    """CloudWatch announces each change of an alarm's state on EventBridge; MiniStack keeps it to itself.

    Source of the event: CloudWatch User Guide, "Alarm events and EventBridge".
    """
    original = cloudwatch._record_history

    def record(name: str, before: str, after: str, reason: str, *more: Any, **named: Any) -> None:
        original(name, before, after, reason, *more, **named)
        alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
        if before == after or alarm is None:
            return
        now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "+0000"
        composite = {"alarmRule": alarm["AlarmRule"]} if "AlarmRule" in alarm else {"metrics": [{"id": "metric"}]}
        detail = {
            "alarmName": name,
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

    cloudwatch._record_history = record


def _keep_a_history_of_actions() -> None:
    """An alarm's history shows each action and its result; the topic and its key must admit CloudWatch.

    MiniStack publishes whatever the policies say, and keeps no history of it. Source: CloudWatch User Guide, "Using
    Amazon CloudWatch alarms" (alarm history), and "Setting up Amazon SNS notifications" (encrypted topics).
    """
    original = cloudwatch._dispatch_alarm_actions

    def dispatch(alarm: dict[str, Any], before: str, after: str, reason: str) -> None:
        field = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(after, "InsufficientDataActions")
        actions = (alarm.get(field) or []) if alarm.get("ActionsEnabled", True) else []
        refusals = {action: _refusal(alarm["AlarmArn"], action) for action in actions}
        original({**alarm, field: [action for action in actions if not refusals[action]]}, before, after, reason)
        for action, refusal in refusals.items():
            _record_action(alarm, action, refusal)

    cloudwatch._dispatch_alarm_actions = dispatch


def _refusal(alarm_arn: str, topic_arn: str) -> str:
    """Return why CloudWatch may not publish to a topic, if it may not."""
    topic = sns._topics.get(topic_arn)
    if topic is None:
        return f"Topic does not exist: {topic_arn}"
    *_, region, account, _ = alarm_arn.split(":", 5)
    request = {"service": "cloudwatch.amazonaws.com", "region": region, "source_account": account}
    publish = ServiceRequest(action="sns:Publish", resource_arn=topic_arn, source_arn=alarm_arn, **request)
    policy = topic["attributes"].get("Policy", "{}")
    if not publish.is_allowed_by(policy) and not _admits_the_account(policy, account):
        return f"CloudWatch Alarms is not authorized to perform: SNS:Publish on resource: {topic_arn}"
    key = kms._resolve_key(topic["attributes"].get("KmsMasterKeyId") or "")
    if key is None:
        return ""
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        use = ServiceRequest(action=action, resource_arn=key["Arn"], source_arn=alarm_arn, **request)
        if not use.is_allowed_by(key["Policy"]):
            return f"CloudWatch Alarms is not authorized to perform: {action} on resource: {key['Arn']}"
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
            "Timestamp": cloudwatch._ts_iso(time.time()),
            "HistoryItemType": "Action",
            "HistorySummary": summary,
            "HistoryData": json.dumps(data),
        }
    )


def _take_every_alarm_of_a_template() -> None:
    """Templates may have composite alarms, alarms on expressions and warm-up periods; MiniStack knows none of them."""
    original = provisioners._cw_metric_alarm_record

    def record(name: str, props: Mapping[str, Any]) -> dict[str, Any]:
        expressions = props.get(_BANDS)
        # An expression is stored and never evaluated.
        simple = {"MetricName": "-", "Namespace": "-", "Threshold": 0} if expressions else {}
        alarm: dict[str, Any] = original(name, {**props, **simple, _BANDS: None})
        kept = {_BANDS: expressions, "WarmUpConfiguration": props.get("WarmUpConfiguration")}
        alarm |= {setting: value for setting, value in kept.items() if value}
        alarm[_MADE] = cloudwatch._alarms.get(name, {}).get(_MADE, time.time())
        return alarm

    provisioners._cw_metric_alarm_record = record

    def put(name: str, props: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        status, _, body = cloudwatch._put_composite_alarm({}, dict(props), is_cbor=False, is_json=True)
        if status != 200:
            raise ValueError(body)
        return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}

    provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::CompositeAlarm"] = {
        "create": lambda _id, props, _stack: put(props["AlarmName"], props),
        "update": lambda _id, _old, props, _stack: put(props["AlarmName"], props),
        "delete": lambda name, _props: cloudwatch._composite_alarms.pop(name, None),
    }


def _take_webhooks_of_a_template() -> None:
    """Templates may have connections and API destinations; MiniStack takes them by its API alone."""
    stores = {"Connection": eventbridge._connections, "ApiDestination": eventbridge._api_destinations}
    creates = {"Connection": eventbridge._create_connection, "ApiDestination": eventbridge._create_api_destination}

    def handlers(kind: str) -> dict[str, Any]:
        def create(_id: str, props: Mapping[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
            status, _, body = creates[kind](dict(props))
            if status != 200:
                raise ValueError(body)
            return props["Name"], {"Arn": stores[kind][props["Name"]][f"{kind}Arn"]}

        def update(name: str, _old: Any, props: Mapping[str, Any], stack: str) -> tuple[str, dict[str, str]]:
            stores[kind].pop(name, None)
            return create(name, props, stack)

        return {"create": create, "update": update, "delete": lambda name, _props: stores[kind].pop(name, None)}

    for kind in stores:
        provisioners._RESOURCE_HANDLERS[f"AWS::Events::{kind}"] = handlers(kind)


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
