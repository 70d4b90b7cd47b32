"""The local AWS's alarms are announced and notified as AWS's are; SetAlarmState alone changes them.

Each test goes red when its correction is taken out of ``corrections``.
"""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from local_cloud.emulator import Emulator
from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION


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


def composite_of_one(name: str) -> dict[str, Any]:
    properties = {"AlarmName": name, "AlarmRule": f'ALARM("{name}/one")'}
    return {"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": ["One"], "Properties": properties}


def deploy(emulator: Emulator, stack: str, **resources: dict[str, Any]) -> None:
    assert made.deploy(emulator, stack, resources) == "CREATE_COMPLETE"


def set_state(emulator: Emulator, name: str, value: str) -> None:
    made.client(emulator, "cloudwatch").set_alarm_state(AlarmName=name, StateValue=value, StateReason="test")


def state(emulator: Emulator, name: str) -> str:
    kinds = ["MetricAlarm", "CompositeAlarm"]
    answer = made.client(emulator, "cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=kinds)
    alarms: list[dict[str, Any]] = answer["MetricAlarms"] + answer["CompositeAlarms"]
    assert len(alarms) == 1
    return str(alarms[0]["StateValue"])


def test_a_metric_changes_no_state(emulator: Emulator) -> None:
    deploy(emulator, "unmoved", One=alarm("unmoved"))
    data = [{"MetricName": "unmoved", "Value": 1, "Dimensions": [{"Name": "of", "Value": "this"}]}]
    made.client(emulator, "cloudwatch").put_metric_data(Namespace="Test", MetricData=data)
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
    deploy(emulator, "composite", One=alarm("acme/any/one"), Any=composite_of_one("acme/any"))
    assert state(emulator, "acme/any") == "OK"
    set_state(emulator, "acme/any/one", "ALARM")
    assert state(emulator, "acme/any") == "ALARM"
    set_state(emulator, "acme/any/one", "OK")
    assert state(emulator, "acme/any") == "OK"
    formation = made.client(emulator, "cloudformation")
    formation.delete_stack(StackName="composite")
    composites = partial(made.client(emulator, "cloudwatch").describe_alarms, AlarmTypes=["CompositeAlarm"])
    made.until(lambda: "acme/any" not in [each["AlarmName"] for each in composites()["CompositeAlarms"]])


def test_a_change_of_state_is_announced_with_the_alarms_text(emulator: Emulator) -> None:
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": ["notified"], "state": {"value": ["ALARM"]}}}
    received = made.queue_of(emulator, "received", pattern)
    deploy(emulator, "notified", One=alarm("notified", AlarmDescription="Something is wrong."))
    set_state(emulator, "notified", "ALARM")
    (event,) = made.until(received)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["configuration"]["description"] == "Something is wrong."
    assert "alarmRule" not in event["detail"]["configuration"]
    assert event["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert event["detail"]["state"]["reason"] == "test"


def test_a_rule_without_targets_counts_what_it_matches(emulator: Emulator) -> None:
    rules = made.client(emulator, "events")
    rules.put_rule(Name="counted", EventPattern=json.dumps({"source": ["counted"]}))
    rules.put_events(Entries=[{"Source": "other", "DetailType": "x", "Detail": "{}"}] * 2)
    rules.put_events(Entries=[{"Source": "counted", "DetailType": "x", "Detail": "{}"}] * 2)
    assert made.statistic(emulator, "AWS/Events", "MatchedEvents", "Sum", RuleName="counted") == 2


def test_a_line_in_the_embedded_metric_format_is_a_metric(emulator: Emulator) -> None:
    logs, group = made.log_group(emulator)
    described = {
        "Namespace": "Embedded",
        "Dimensions": [["of"]],
        "Metrics": [{"Name": "seen", "Unit": "Count"}, {"Name": "lag", "Unit": "Milliseconds"}],
    }
    line = {"_aws": {"CloudWatchMetrics": [described]}, "of": "this", "seen": 7, "lag": 10}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[made.event(json.dumps(line))])
    found = [made.statistic(emulator, "Embedded", name, "Maximum", of="this") for name in ("seen", "lag")]
    assert found == [7, 10]


def test_values_of_a_metric_come_newest_first_unless_asked_otherwise(emulator: Emulator) -> None:
    cloudwatch, name = made.client(emulator, "cloudwatch"), made.new_name()
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for minutes in (5, 3, 4):
        data = {"MetricName": name, "Value": minutes, "Timestamp": now - timedelta(minutes=minutes)}
        cloudwatch.put_metric_data(Namespace="Test", MetricData=[data])
    stat = {"Metric": {"Namespace": "Test", "MetricName": name}, "Period": 60, "Stat": "Sum"}

    def values(**order: str) -> list[float]:
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "a", "MetricStat": stat}],
            StartTime=now - timedelta(hours=1),
            EndTime=now,
            **order,
        )
        (result,) = answer["MetricDataResults"]
        assert result["Timestamps"] == [now - timedelta(minutes=each) for each in result["Values"]]
        return list(result["Values"])

    assert values() == values(ScanBy="TimestampDescending") == [3, 4, 5]
    assert values(ScanBy="TimestampAscending") == [5, 4, 3]


def test_a_state_machine_sees_when_a_composite_changed_and_sends_events_with_objects(emulator: Emulator) -> None:
    deploy(emulator, "seen", One=alarm("seen/one"), Any=composite_of_one("seen"))
    set_state(emulator, "seen/one", "ALARM")
    received = made.queue_of(emulator, "sent", {"source": ["machine"]})
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
    machines = made.client(emulator, "stepfunctions")
    role = made.role(emulator, made.allow("*", "*"), principal={"Service": "states.amazonaws.com"})
    machine = machines.create_state_machine(name="looks", definition=json.dumps(definition), roleArn=role)
    machines.start_execution(stateMachineArn=machine["stateMachineArn"])
    (event,) = made.until(received)
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
    cloudwatch, kms, sns = (made.client(emulator, service) for service in ("cloudwatch", "kms", "sns"))
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
    sns = made.client(emulator, "sns")
    arn = sns.create_topic(Name="pending")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="http", Endpoint="http://127.0.0.1:9/")
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="oncall@acme.example")
    found = {each["Protocol"]: each["SubscriptionArn"] for each in sns.list_subscriptions_by_topic(TopicArn=arn)[
        "Subscriptions"
    ]}  # fmt: skip
    assert found["http"] == "PendingConfirmation"
    assert found["email"].startswith(f"{arn}:")
