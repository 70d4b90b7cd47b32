"""The local AWS's alarms are announced and notified as AWS's are; SetAlarmState alone changes them.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from local_cloud.emulator import Emulator
from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION


def client(emulator: Emulator, service: str) -> Any:
    return emulator.client(service, ACCOUNT, region=REGION)


def until(condition: Callable[[], Any]) -> Any:
    found: list[Any] = []

    def reached() -> bool:
        found.append(condition())
        return bool(found[-1])

    made.until(reached)
    return found[-1]


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


def deploy(emulator: Emulator, stack: str, **resources: dict[str, Any]) -> None:
    assert made.deploy(emulator, stack, resources) == "CREATE_COMPLETE"


def set_state(emulator: Emulator, name: str, value: str) -> None:
    client(emulator, "cloudwatch").set_alarm_state(AlarmName=name, StateValue=value, StateReason="test")


def state(emulator: Emulator, name: str) -> str:
    kinds = ["MetricAlarm", "CompositeAlarm"]
    answer = client(emulator, "cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=kinds)
    alarms: list[dict[str, Any]] = answer["MetricAlarms"] + answer["CompositeAlarms"]
    assert len(alarms) == 1
    return str(alarms[0]["StateValue"])


def test_a_metric_changes_no_state(emulator: Emulator) -> None:
    deploy(emulator, "unmoved", One=alarm("unmoved"))
    data = [{"MetricName": "unmoved", "Value": 1, "Dimensions": [{"Name": "of", "Value": "this"}]}]
    client(emulator, "cloudwatch").put_metric_data(Namespace="Test", MetricData=data)
    assert state(emulator, "unmoved") == "INSUFFICIENT_DATA"


def test_an_alarm_on_an_expression_is_taken(emulator: Emulator) -> None:
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
    deploy(emulator, "band", Band=band)
    assert state(emulator, "band") == "INSUFFICIENT_DATA"


def test_a_composite_of_a_template_follows_its_alarms_and_outlives_none_of_them(emulator: Emulator) -> None:
    composite = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": ["One"],
        "Properties": {"AlarmName": "acme/any", "AlarmRule": 'ALARM("acme/any/one")'},
    }
    deploy(emulator, "composite", One=alarm("acme/any/one"), Any=composite)
    assert state(emulator, "acme/any") == "OK"
    set_state(emulator, "acme/any/one", "ALARM")
    assert state(emulator, "acme/any") == "ALARM"
    set_state(emulator, "acme/any/one", "OK")
    assert state(emulator, "acme/any") == "OK"
    formation = client(emulator, "cloudformation")
    formation.delete_stack(StackName="composite")
    composites = partial(client(emulator, "cloudwatch").describe_alarms, AlarmTypes=["CompositeAlarm"])
    until(lambda: "acme/any" not in [each["AlarmName"] for each in composites()["CompositeAlarms"]])


def subscribed_queue(emulator: Emulator, name: str, pattern: dict[str, Any]) -> Callable[[], list[dict[str, Any]]]:
    """Make a queue that an event rule fills, and return how to read it."""
    sqs, rules = client(emulator, "sqs"), client(emulator, "events")
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


def test_a_change_of_state_is_announced_with_the_alarms_text(emulator: Emulator) -> None:
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["notified"], "state": {"value": ["ALARM"]}}}
    received = subscribed_queue(emulator, "received", pattern)
    deploy(emulator, "notified", One=alarm("notified", AlarmDescription="Something is wrong."))
    set_state(emulator, "notified", "ALARM")
    (event,) = until(received)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["configuration"]["description"] == "Something is wrong."
    assert "alarmRule" not in event["detail"]["configuration"]
    assert event["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert event["detail"]["state"]["reason"] == "test"


def test_a_rule_without_targets_counts_what_it_matches(emulator: Emulator) -> None:
    rules = client(emulator, "events")
    rules.put_rule(Name="counted", EventPattern=json.dumps({"source": ["counted"]}))
    rules.put_events(Entries=[{"Source": "other", "DetailType": "x", "Detail": "{}"}] * 2)
    rules.put_events(Entries=[{"Source": "counted", "DetailType": "x", "Detail": "{}"}] * 2)
    assert statistic(emulator, "AWS/Events", "MatchedEvents", "Sum", RuleName="counted") == 2


def statistic(emulator: Emulator, namespace: str, name: str, wanted: str, **dimensions: str) -> float:
    answer = client(emulator, "cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=time.time() - 300,
        EndTime=time.time() + 60,
        Period=600,
        Statistics=[wanted],
    )
    return float(answer["Datapoints"][0][wanted])


def test_a_line_in_the_embedded_metric_format_is_a_metric(emulator: Emulator) -> None:
    logs = client(emulator, "logs")
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
    found = [statistic(emulator, "Embedded", name, "Maximum", of="this") for name in ("seen", "lag")]
    assert found == [7, 10]


def test_a_state_machine_sees_when_a_composite_changed_and_sends_events_with_objects(emulator: Emulator) -> None:
    composite = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": ["One"],
        "Properties": {"AlarmName": "seen", "AlarmRule": 'ALARM("seen/one")'},
    }
    deploy(emulator, "seen", One=alarm("seen/one"), Any=composite)
    set_state(emulator, "seen/one", "ALARM")
    received = subscribed_queue(emulator, "sent", {"source": ["machine"]})
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
    machines = client(emulator, "stepfunctions")
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = client(emulator, "iam").create_role(
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


def test_the_history_of_an_alarm_has_each_action_with_its_result_and_policies_count(emulator: Emulator) -> None:
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    key = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [root]}}}
    publish = {"Version": "2012-10-17", "Statement": [admit("sns:Publish")]}
    policy = {"Type": "AWS::SNS::TopicPolicy", "Properties": {"PolicyDocument": publish, "Topics": [{"Ref": "Topic"}]}}
    acting = alarm("acting", AlarmActions=[{"Ref": "Topic"}])
    keyed = topic(KmsMasterKeyId={"Fn::GetAtt": ["Key", "Arn"]})
    deploy(emulator, "acting", Key=key, Topic=keyed, Policy=policy, Alarm=acting)
    cloudwatch, kms, sns = (client(emulator, service) for service in ("cloudwatch", "kms", "sns"))
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


def test_a_subscription_has_no_arn_until_it_is_confirmed(emulator: Emulator) -> None:
    sns = client(emulator, "sns")
    arn = sns.create_topic(Name="pending")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint="http://127.0.0.1:9/")
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="oncall@acme.example")
    found = {each["Protocol"]: each["SubscriptionArn"] for each in sns.list_subscriptions_by_topic(TopicArn=arn)[
        "Subscriptions"
    ]}  # fmt: skip
    assert found["http"] == "PendingConfirmation"
    assert found["email"].startswith(f"{arn}:")
