"""The local AWS's alarms are on when AWS's are, and say so where AWS's do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local_cloud.emulator import Emulator

pytestmark = pytest.mark.proof  # they wait for minutes of an alarm, each a second long

ACCOUNT, REGION = "111122223333", "eu-west-1"
MINUTE_SECONDS = 1.0
WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    with Emulator(options={"LOCAL_CLOUD_MINUTE_SECONDS": str(MINUTE_SECONDS)}) as running:
        yield running


def client(cloud: Emulator, service: str) -> Any:
    return cloud.client(service, ACCOUNT, region=REGION)


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.05)
    return found


def alarm(name: str, **changes: Any) -> dict[str, Any]:
    properties = {
        "AlarmName": name,
        "Namespace": "Test",
        "MetricName": name,
        "Dimensions": [{"Name": "of", "Value": "this"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties | changes}


SILENT = {"ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching", "DatapointsToAlarm": 3}


def deploy(cloud: Emulator, stack: str, **resources: dict[str, Any]) -> None:
    formation = client(cloud, "cloudformation")
    formation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))
    formation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


def state(cloud: Emulator, name: str) -> str:
    kinds = ["MetricAlarm", "CompositeAlarm"]
    answer = client(cloud, "cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=kinds)
    alarms: list[dict[str, Any]] = answer["MetricAlarms"] + answer["CompositeAlarms"]
    assert len(alarms) == 1
    return str(alarms[0]["StateValue"])


def has_been(cloud: Emulator, name: str, wanted: str) -> bool:
    """Say whether an alarm ever came into a state: one that soon ends may be over before anybody looks."""
    history = client(cloud, "cloudwatch").describe_alarm_history(
        AlarmName=name, AlarmTypes=["MetricAlarm", "CompositeAlarm"], HistoryItemType="StateUpdate"
    )
    return any(item["HistorySummary"].endswith(f" to {wanted}") for item in history["AlarmHistoryItems"])


def put(cloud: Emulator, name: str, of: str, value: float = 1) -> None:
    client(cloud, "cloudwatch").put_metric_data(
        Namespace="Test",
        MetricData=[{"MetricName": name, "Value": value, "Dimensions": [{"Name": "of", "Value": of}]}],
    )


def test_an_alarm_sees_its_own_dimensions_alone_and_ends_when_its_periods_have_passed(cloud: Emulator) -> None:
    deploy(cloud, "dimensions", One=alarm("dimensions"))
    put(cloud, "dimensions", "other")
    assert state(cloud, "dimensions") == "OK"
    put(cloud, "dimensions", "this")
    until(lambda: has_been(cloud, "dimensions", "ALARM"))
    until(lambda: state(cloud, "dimensions") == "OK")


def test_missing_data_that_breach_are_an_alarm(cloud: Emulator) -> None:
    deploy(cloud, "missing", One=alarm("missing", **SILENT))
    until(lambda: state(cloud, "missing") == "ALARM")
    put(cloud, "missing", "this")
    until(lambda: has_been(cloud, "missing", "OK"))
    until(lambda: state(cloud, "missing") == "ALARM")


def test_an_alarm_that_warms_up_is_not_evaluated(cloud: Emulator) -> None:
    warm_up = {"WarmUpPeriodDurationInMinutes": 2880, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": True}
    deploy(cloud, "warm", Warm=alarm("warm", **SILENT, WarmUpConfiguration=warm_up), Cold=alarm("cold", **SILENT))
    until(lambda: state(cloud, "cold") == "ALARM")
    assert state(cloud, "warm") == "INSUFFICIENT_DATA"


def test_an_alarm_on_an_expression_is_taken_and_left_alone(cloud: Emulator) -> None:
    band = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": "band",
            "Metrics": [{"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(volume, 3)"}],
            "ThresholdMetricId": "band",
            "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold",
            "EvaluationPeriods": 3,
        },
    }
    deploy(cloud, "band", Band=band)
    assert state(cloud, "band") == "INSUFFICIENT_DATA"


def test_a_composite_of_a_template_follows_its_alarms_and_outlives_none_of_them(cloud: Emulator) -> None:
    composite = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": ["One"],
        "Properties": {"AlarmName": "acme/any", "AlarmRule": 'ALARM("acme/any/one")'},
    }
    deploy(cloud, "composite", One=alarm("acme/any/one"), Any=composite)
    assert state(cloud, "acme/any") == "OK"
    put(cloud, "acme/any/one", "this")
    until(lambda: has_been(cloud, "acme/any", "ALARM"))
    until(lambda: state(cloud, "acme/any") == "OK")
    formation = client(cloud, "cloudformation")
    formation.delete_stack(StackName="composite")
    formation.get_waiter("stack_delete_complete").wait(StackName="composite", WaiterConfig={"Delay": 1})
    answer = client(cloud, "cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])
    assert "acme/any" not in [each["AlarmName"] for each in answer["CompositeAlarms"]]


def test_a_composite_that_has_missed_a_change_is_set_right(cloud: Emulator) -> None:
    composite = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": ["One"],
        "Properties": {"AlarmName": "late", "AlarmRule": 'ALARM("late/one")'},
    }
    deploy(cloud, "late", One=alarm("late/one"), Any=composite)
    client(cloud, "cloudwatch").set_alarm_state(AlarmName="late", StateValue="ALARM", StateReason="missed")
    until(lambda: state(cloud, "late") == "OK")


def subscribed_queue(cloud: Emulator, name: str, pattern: dict[str, Any]) -> Callable[[], list[dict[str, Any]]]:
    """Make a queue that an event rule fills, and return how to read it."""
    sqs, rules = client(cloud, "sqs"), client(cloud, "events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    rule = rules.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    policy = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    rules.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def read() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return read


def test_a_change_of_state_is_announced_with_the_alarms_text(cloud: Emulator) -> None:
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["notified"], "state": {"value": ["ALARM"]}}}
    received = subscribed_queue(cloud, "received", pattern)
    deploy(cloud, "notified", One=alarm("notified", AlarmDescription="Something is wrong."))
    put(cloud, "notified", "this")
    (event,) = until(received)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["configuration"]["description"] == "Something is wrong."
    assert "alarmRule" not in event["detail"]["configuration"]
    assert event["detail"]["previousState"]["value"] == "OK"
    assert event["detail"]["state"]["reason"].startswith("Threshold Crossed: ")


def test_a_rule_without_targets_counts_what_it_matches(cloud: Emulator) -> None:
    rules = client(cloud, "events")
    rules.put_rule(Name="counted", EventPattern=json.dumps({"source": ["counted"]}))
    watched = {"Namespace": "AWS/Events", "MetricName": "MatchedEvents", "Threshold": 2}
    name = [{"Name": "RuleName", "Value": "counted"}]
    deploy(cloud, "counted", One=alarm("counted", **watched, Dimensions=name))
    rules.put_events(Entries=[{"Source": "other", "DetailType": "x", "Detail": "{}"}] * 2)
    assert state(cloud, "counted") == "OK"
    rules.put_events(Entries=[{"Source": "counted", "DetailType": "x", "Detail": "{}"}] * 2)
    until(lambda: has_been(cloud, "counted", "ALARM"))


def test_a_line_in_the_embedded_metric_format_is_a_metric_and_time_in_it_runs_as_the_clock_does(
    cloud: Emulator,
) -> None:
    logs = client(cloud, "logs")
    logs.create_log_group(logGroupName="/embedded")
    logs.create_log_stream(logGroupName="/embedded", logStreamName="one")
    described = {
        "Namespace": "Embedded",
        "Dimensions": [["of"]],
        "Metrics": [{"Name": "seen", "Unit": "Count"}, {"Name": "lag", "Unit": "Milliseconds"}],
    }
    line = {"_aws": {"CloudWatchMetrics": [described]}, "of": "this", "seen": 7, "lag": 10}
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps(line)}
    logs.put_log_events(logGroupName="/embedded", logStreamName="one", logEvents=[event])
    metrics = client(cloud, "cloudwatch")

    def largest(name: str) -> float:
        answer = metrics.get_metric_statistics(
            Namespace="Embedded",
            MetricName=name,
            Dimensions=[{"Name": "of", "Value": "this"}],
            StartTime=time.time() - 300,
            EndTime=time.time() + 60,
            Period=60,
            Statistics=["Maximum"],
        )
        return float(answer["Datapoints"][0]["Maximum"])

    assert (largest("seen"), largest("lag")) == (7, 10 * 60 / MINUTE_SECONDS)


def test_a_queue_says_how_old_its_oldest_message_is(cloud: Emulator) -> None:
    client(cloud, "sqs").send_message(
        QueueUrl=client(cloud, "sqs").create_queue(QueueName="waiting")["QueueUrl"], MessageBody="one"
    )
    watched = {"Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage", "Statistic": "Maximum"}
    name = [{"Name": "QueueName", "Value": "waiting"}]
    deploy(cloud, "waiting", One=alarm("waiting", **watched, Dimensions=name, Threshold=300))
    until(lambda: state(cloud, "waiting") == "ALARM")


def test_a_state_machine_sees_when_a_composite_changed_and_sends_events_with_objects(cloud: Emulator) -> None:
    composite = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": ["One"],
        "Properties": {"AlarmName": "seen", "AlarmRule": 'ALARM("seen/one")'},
    }
    deploy(cloud, "seen", One=alarm("seen/one", **SILENT), Any=composite)
    until(lambda: state(cloud, "seen") == "ALARM")
    received = subscribed_queue(cloud, "sent", {"source": ["machine"]})
    since = "{% $states.result.CompositeAlarms[0].StateTransitionedTimestamp %}"
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Look",
        "States": {
            "Look": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:cloudwatch:describeAlarms",
                "Arguments": {"AlarmNames": ["seen"], "AlarmTypes": ["CompositeAlarm"]},
                "Assign": {"since": since},
                "Next": "Send",
            },
            "Send": {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Arguments": {
                    "Entries": [{"Source": "machine", "DetailType": "x", "Detail": {"since": "{% $since %}"}}]
                },
                "End": True,
            },
        },
    }
    machines = client(cloud, "stepfunctions")
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = client(cloud, "iam").create_role(
        RoleName="looks", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    arn = machines.create_state_machine(name="looks", definition=json.dumps(definition), roleArn=role)[
        "stateMachineArn"
    ]
    machines.start_execution(stateMachineArn=arn)
    (event,) = until(received)
    assert event["detail"]["since"].endswith("Z")


def topic(**changes: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "notified", **changes}}


def admit(*actions: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": list(actions),
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }


def test_the_history_of_an_alarm_has_each_action_with_its_result_and_policies_count(cloud: Emulator) -> None:
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [root]}}}
    publish = {"Version": "2012-10-17", "Statement": [admit("sns:Publish")]}
    policy = {"Type": "AWS::SNS::TopicPolicy", "Properties": {"PolicyDocument": publish, "Topics": [{"Ref": "Topic"}]}}
    acting = alarm("acting", AlarmActions=[{"Ref": "Topic"}])
    keyed = topic(KmsMasterKeyId={"Fn::GetAtt": ["Key", "Arn"]})
    deploy(cloud, "acting", Key=key, Topic=keyed, Policy=policy, Alarm=acting)
    cloudwatch, kms, sns = (client(cloud, service) for service in ("cloudwatch", "kms", "sns"))
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:notified"
    key_arn = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["KmsMasterKeyId"]

    def acted(state: str) -> str:
        cloudwatch.set_alarm_state(AlarmName="acting", StateValue=state, StateReason="test")
        found = cloudwatch.describe_alarm_history(AlarmName="acting", HistoryItemType="Action")["AlarmHistoryItems"]
        data = [json.loads(item["HistoryData"]) for item in found]
        return f"{len(found)}: {sorted(each['actionState'] for each in data)}"

    assert acted("ALARM") == "1: ['Failed']"
    assert acted("OK") == "1: ['Failed']"
    may = {"Version": "2012-10-17", "Statement": [root, admit("kms:Decrypt", "kms:GenerateDataKey*")]}
    kms.put_key_policy(KeyId=key_arn, PolicyName="default", Policy=json.dumps(may))
    assert acted("ALARM") == "2: ['Failed', 'Succeeded']"


def test_a_subscription_has_no_arn_until_it_is_confirmed(cloud: Emulator) -> None:
    sns = client(cloud, "sns")
    arn = sns.create_topic(Name="pending")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint="http://127.0.0.1:9/")
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="oncall@acme.example")
    found = {each["Protocol"]: each["SubscriptionArn"] for each in sns.list_subscriptions_by_topic(TopicArn=arn)[
        "Subscriptions"
    ]}  # fmt: skip
    assert found["http"] == "PendingConfirmation"
    assert found["email"].startswith(f"{arn}:")
