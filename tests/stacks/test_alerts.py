"""Alarm notifications: the topic, the rules, the reminders and the webhook, with their documents compared whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import ROOT, Synthesized, synthesize

ACCOUNT, HOME = "111122223333", "eu-west-1"
ALERTS = ROOT / "examples" / "alerts.yaml"
MACHINE = f"arn:aws:states:{HOME}:{ACCOUNT}:stateMachine:acme-prod-alerts"
TOPIC = f"arn:aws:sns:{HOME}:{ACCOUNT}:acme-prod-alerts"
OWN_TOPIC = f"arn:aws:sns:{HOME}:{ACCOUNT}:oncall"


def of_type(example: Synthesized, stack: str, resource_type: str) -> dict[str, dict[str, Any]]:
    return {
        logical_id: resource["Properties"]
        for name, logical_id, resource in example.resources(resource_type)
        if name == stack
    }


def role(example: Synthesized, stack: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in of_type(example, stack, "AWS::IAM::Role").values() if each.get("RoleName") == name]
    return found


def may(properties: dict[str, Any]) -> list[dict[str, Any]]:
    (policy,) = properties["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def rule(example: Synthesized, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [
        each["Properties"]
        for _, _, each in example.resources("AWS::Events::Rule")
        if each["Properties"].get("Name") == name
    ]
    assert len(found) == 1
    return found[0]


def allow(sid: str, action: str | list[str], resource: Any, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def definition(example: Synthesized, stack: str = "acme-prod-core") -> dict[str, Any]:
    (machine,) = of_type(example, stack, "AWS::StepFunctions::StateMachine").values()
    text = machine["DefinitionString"]
    document: dict[str, Any] = json.loads(text if isinstance(text, str) else "".join(text["Fn::Join"][1]))
    return document


def archive_key(example: Synthesized) -> Any:
    return example.templates["acme-prod-core"]["Outputs"]["ArchiveKeyArn"]["Value"]


def test_the_reminders_may_see_alarms_publish_and_start_themselves() -> None:
    example = synthesize(ALERTS)
    found = role(example, "acme-prod-core", "acme-prod-alerts")
    assert may(found) == [
        allow("SeeAlarms", "cloudwatch:DescribeAlarms", "*"),
        allow("StartAnew", "states:StartExecution", MACHINE),
        allow("Notify", "sns:Publish", [TOPIC, OWN_TOPIC]),
        allow(
            "EncryptMessages",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [f"arn:aws:kms:{HOME}:{ACCOUNT}:key/*", archive_key(example)],
            {"StringEquals": {"kms:ViaService": f"sns.{HOME}.amazonaws.com"}},
        ),
        allow(
            "NotifyWebhook",
            "events:PutEvents",
            f"arn:aws:events:{HOME}:{ACCOUNT}:event-bus/default",
            {
                "ForAllValues:StringEquals": {"events:source": "logdock.acme-prod"},
                "Null": {"events:source": "false"},
            },
        ),
    ]


def test_without_topics_of_the_users_and_a_webhook_the_reminders_may_less(everything: Synthesized) -> None:
    found = may(role(everything, "acme-prod-core", "acme-prod-alerts"))
    assert [each["Sid"] for each in found] == ["SeeAlarms", "StartAnew", "Notify", "EncryptMessages"]
    assert found[2]["Resource"] == TOPIC
    assert found[3]["Resource"] == archive_key(everything)


def test_the_rules_may_start_the_reminders_and_post_to_the_webhook() -> None:
    example = synthesize(ALERTS)
    (destination,) = of_type(example, "acme-prod-core", "AWS::Events::ApiDestination")
    assert may(role(example, "acme-prod-core", "acme-prod-alerts-rules")) == [
        allow("StartReminders", "states:StartExecution", MACHINE),
        allow("PostToWebhook", "events:InvokeApiDestination", {"Fn::GetAtt": [destination, "Arn"]}),
    ]


@pytest.mark.parametrize(
    ("name", "service", "source"),
    [
        ("acme-prod-alerts", "states", MACHINE),
        ("acme-prod-alerts-rules", "events", f"arn:aws:events:{HOME}:{ACCOUNT}:rule/acme-prod-alerts-*"),
    ],
)
def test_only_the_services_own_resources_take_these_roles(name: str, service: str, source: str) -> None:
    trust = role(synthesize(ALERTS), "acme-prod-core", name)["AssumeRolePolicyDocument"]["Statement"]
    assert trust == [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": source}},
        }
    ]


def test_the_topic_admits_this_deployments_alarms_alone(everything: Synthesized) -> None:
    (policy,) = of_type(everything, "acme-prod-core", "AWS::SNS::TopicPolicy").values()
    (admits,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    # With the slash: the alarms of a deployment acme-prod-two are none of this one's.
    assert admits["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{HOME}:{ACCOUNT}:alarm:acme-prod/*"},
    }


def test_reminders_receive_composites_that_begin_and_those_that_end(everything: Synthesized) -> None:
    found = rule(everything, "acme-prod-alerts-state")
    assert found["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {
            "alarmName": [{"prefix": "acme-prod/"}],
            "configuration": {"alarmRule": [{"exists": True}]},
            "$or": [
                {"state": {"value": ["ALARM"]}},
                {"state": {"value": ["OK"]}, "previousState": {"value": ["ALARM"]}},
            ],
        },
    }
    (target,) = found["Targets"]
    assert target["Arn"] == MACHINE
    assert json.loads(target["InputTransformer"]["InputTemplate"]) == {
        "alarm": "<alarm>",
        "state": "<state>",
        "at": "<at>",
    }


def test_the_webhook_receives_every_alarm_that_begins_and_all_reminders() -> None:
    example = synthesize(ALERTS)
    began, reminders = rule(example, "acme-prod-alerts-began"), rule(example, "acme-prod-alerts-told")
    assert began["EventPattern"]["detail"] == {
        "alarmName": [{"prefix": "acme-prod/"}],
        "configuration": {"alarmRule": [{"exists": False}]},
        "state": {"value": ["ALARM"]},
    }
    assert reminders["EventPattern"] == {"source": ["logdock.acme-prod"]}
    for target in (*began["Targets"], *reminders["Targets"]):
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200, "MaximumRetryAttempts": 185}
    (target,) = began["Targets"]
    assert json.loads(target["InputTransformer"]["InputTemplate"]) == {
        "text": "[acme-prod] alarm <alarm> since <since>: <description> (<reason>)"
    }
    assert reminders["Targets"][0]["InputPath"] == "$.detail"


def test_the_webhooks_secrets_are_resolved_as_it_deploys_and_are_in_no_template() -> None:
    example = synthesize(ALERTS)
    (destination,) = of_type(example, "acme-prod-core", "AWS::Events::ApiDestination").values()
    (connection,) = of_type(example, "acme-prod-core", "AWS::Events::Connection").values()
    assert destination["InvocationEndpoint"] == "{{resolve:secretsmanager:acme/chat-webhook:SecretString}}"
    assert connection["AuthParameters"] == {
        "ApiKeyAuthParameters": {
            "ApiKeyName": "X-Api-Key",
            "ApiKeyValue": "{{resolve:secretsmanager:acme/chat-key:SecretString}}",
        }
    }


def test_secrets_are_resolved_for_the_webhook_alone(example: Synthesized) -> None:
    for stack, template in example.templates.items():
        for resource in template["Resources"].values():
            if resource["Type"] not in ("AWS::Events::Connection", "AWS::Events::ApiDestination"):
                assert "{{resolve:secretsmanager" not in json.dumps(resource), stack


def test_without_a_webhook_there_is_none(everything: Synthesized) -> None:
    for resource_type in ("AWS::Events::Connection", "AWS::Events::ApiDestination"):
        assert not list(everything.resources(resource_type))


def test_a_reminder_comes_after_so_many_minutes() -> None:
    assert definition(synthesize(ALERTS))["States"]["Wait"]["Seconds"] == 1440 * 60
    assert definition(synthesize(ROOT / "examples" / "everything.yaml"))["States"]["Wait"]["Seconds"] == 10080 * 60


def test_a_message_goes_to_every_topic_and_to_the_webhook() -> None:
    branches = definition(synthesize(ALERTS))["States"]["Notify"]["Branches"]
    tasks = [task for branch in branches for task in branch["States"].values()]
    assert [task["Resource"].rpartition(":::")[2] for task in tasks] == [
        "sns:publish",
        "sns:publish",
        "events:putEvents",
    ]
    assert [task["Arguments"]["TopicArn"] for task in tasks[:2]] == [TOPIC, OWN_TOPIC]
    (entry,) = tasks[2]["Arguments"]["Entries"]
    assert entry["Source"] == "logdock.acme-prod"
    assert entry["Detail"] == {"text": "{% $text %}"}
    assert all(task["Retry"] for task in tasks)


def test_every_region_with_stacks_has_reminders_of_its_own() -> None:
    example = synthesize(ROOT / "examples" / "cockroachdb.yaml")
    stack = "acme-prod-shipper-us-east-1"
    assert role(example, stack, "acme-prod-alerts-us-east-1")
    assert role(example, stack, "acme-prod-alerts-rules-us-east-1")
    (key,) = of_type(example, stack, "AWS::KMS::Key")
    statement = may(role(example, stack, "acme-prod-alerts-us-east-1"))[3]
    assert statement["Resource"] == {"Fn::GetAtt": [key, "Arn"]}
    assert (
        definition(example, stack)["States"]["ScheduleNext"]["Arguments"]["StateMachineArn"].split(":")[3]
        == "us-east-1"
    )
