"""Alarm notifications after the first one: reminders, one "recovered", and a webhook for all of it.

CloudWatch itself notifies topics when an alarm begins (`constructs_lib.alarms`). It never repeats that, and its "OK"
also comes when an alarm is made, so the rest is done here, without a function: event rules on alarm state changes, and
a state machine (`constructs_lib.reminders`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from constructs_lib.alarms import Alarms, AlarmsProps
from constructs_lib.reminders import definition
from constructs_lib.statements import endpoint, service_principal
from logdock.alarms import ALARMS, SECTIONS, Metric

WEBHOOK_HOURS = 2
"""How long a message is tried at a webhook that does not take it; then an alarm says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookProps:
    """Where messages are posted to.

    Attributes
    ----------
    url
        The address; a reference to a secret that CloudFormation resolves, or the address itself.
    header, header_value
        A header and its value. EventBridge wants one; where the webhook does not, it is a harmless one.
    """

    url: str
    header: str
    header_value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationsProps:
    """Recipients, and how often they are notified.

    Attributes
    ----------
    deployment
        The deployment's name: what messages begin with, and what names begin with.
    role_suffix
        Ends the names of the roles: they are the account's, and each Region needs its own.
    topic_arns
        Topics that reminders go to, the deployment's own first.
    topic_key_arn
        The key of the deployment's own topic.
    remind_after_minutes
        How long an alarm lasts before the next reminder.
    webhook
        A webhook that is posted every message. Default: none.
    runbook
        Address or path of the runbook.
    """

    deployment: str
    role_suffix: str
    topic_arns: Sequence[str]
    topic_key_arn: str
    remind_after_minutes: int
    webhook: WebhookProps | None
    runbook: str


class Notifications(Construct):
    """Reminders while an alarm lasts, one message when it is over, and a webhook."""

    def __init__(self, scope: Construct, construct_id: str, props: NotificationsProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self._props, self._stack = props, stack
        self._name, self._source = f"{props.deployment}-alerts", f"logdock.{props.deployment}"
        self._machine_arn = f"arn:{stack.partition}:states:{stack.region}:{stack.account}:stateMachine:{self._name}"
        self._machine = stepfunctions.CfnStateMachine(
            self,
            "Reminders",
            state_machine_name=self._name,
            role_arn=self._role("RemindersRole", self._name, "states", self._machine_arn, self._may_remind()).role_arn,
            definition_string=json.dumps(
                definition(
                    partition=stack.partition,
                    deployment=props.deployment,
                    machine_arn=self._machine_arn,
                    remind_after_seconds=props.remind_after_minutes * 60,
                    topic_arns=props.topic_arns,
                    event_source=self._source if props.webhook else None,
                ),
                indent=1,
            ),
        )
        starts = [_allow("StartReminders", "states:StartExecution", [self._machine_arn])]
        destination = self._destination(props.webhook) if props.webhook else None
        if destination:
            starts.append(_allow("PostToWebhook", "events:InvokeApiDestination", [destination.attr_arn]))
        rules = f"arn:{stack.partition}:events:{stack.region}:{stack.account}:rule/{self._name}-*"
        self._rules_role = self._role("RulesRole", f"{self._name}-rules", "events", rules, starts)
        self._start_reminders()
        watched = ["state"]
        if destination:
            self._post(destination)
            watched += ["began", "told"]
        self._watch(watched)

    def _destination(self, webhook: WebhookProps) -> events.CfnApiDestination:
        connection = events.CfnConnection(
            self,
            "Connection",
            name=self._name,
            description="Logdock: the webhook that alarms notify",
            authorization_type="API_KEY",
            auth_parameters=events.CfnConnection.AuthParametersProperty(
                api_key_auth_parameters=events.CfnConnection.ApiKeyAuthParametersProperty(
                    api_key_name=webhook.header, api_key_value=webhook.header_value
                )
            ),
        )
        return events.CfnApiDestination(
            self,
            "Webhook",
            name=self._name,
            connection_arn=connection.attr_arn,
            http_method="POST",
            invocation_endpoint=webhook.url,
            invocation_rate_limit_per_second=5,
        )

    def _start_reminders(self) -> None:
        pattern = _state_change(
            {
                "alarmName": [{"prefix": f"{self._props.deployment}/"}],
                "configuration": {"alarmRule": [{"exists": True}]},
                "$or": [
                    {"state": {"value": ["ALARM"]}},
                    # An alarm that is made becomes OK, too; only one that was on has recovered.
                    {"state": {"value": ["OK"]}, "previousState": {"value": ["ALARM"]}},
                ],
            }
        )
        paths = {"alarm": "$.detail.alarmName", "state": "$.detail.state.value", "at": "$.detail.state.timestamp"}
        target = events.CfnRule.TargetProperty(
            id="Reminders",
            arn=self._machine_arn,
            role_arn=self._rules_role.role_arn,
            input_transformer=events.CfnRule.InputTransformerProperty(
                input_paths_map=paths, input_template=json.dumps({name: f"<{name}>" for name in paths})
            ),
        )
        rule = self._rule("State", "Composite alarms that begin or end, to the reminders", pattern, target)
        rule.add_resource_dependency(self._machine)

    def _post(self, destination: events.CfnApiDestination) -> None:
        def target(**what: Any) -> events.CfnRule.TargetProperty:
            return events.CfnRule.TargetProperty(
                id="Webhook",
                arn=destination.attr_arn,
                role_arn=self._rules_role.role_arn,
                retry_policy=events.CfnRule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=WEBHOOK_HOURS * 3600, maximum_retry_attempts=185
                ),
                **what,
            )

        began = _state_change(
            {
                "alarmName": [{"prefix": f"{self._props.deployment}/"}],
                "configuration": {"alarmRule": [{"exists": False}]},
                "state": {"value": ["ALARM"]},
            }
        )
        message = f"[{self._props.deployment}] alarm <alarm> since <since>: <description> (<reason>)"
        transformer = events.CfnRule.InputTransformerProperty(
            input_paths_map={
                "alarm": "$.detail.alarmName",
                "since": "$.detail.state.timestamp",
                "description": "$.detail.configuration.description",
                "reason": "$.detail.state.reason",
            },
            input_template=json.dumps({"text": message}),
        )
        self._rule("Began", "Alarms that begin, to the webhook", began, target(input_transformer=transformer))
        reminders = {"source": [self._source]}
        self._rule("Told", "Reminders and recoveries, to the webhook", reminders, target(input_path="$.detail"))

    def _rule(
        self, construct_id: str, description: str, pattern: object, target: events.CfnRule.TargetProperty
    ) -> events.CfnRule:
        return events.CfnRule(
            self,
            construct_id,
            name=f"{self._name}-{construct_id.lower()}",
            description=description,
            event_pattern=pattern,
            targets=[target],
        )

    def _watch(self, rules: Sequence[str]) -> None:
        """Watch the notifications: an undelivered message is an alarm of its own, on the topics."""
        alarms = Alarms(
            self,
            "Alarms",
            AlarmsProps(
                name=f"{self._props.deployment}/alerts",
                section=SECTIONS["alerts"],
                first_command="logdock status",
                topic_arns=self._props.topic_arns,
                runbook=self._props.runbook,
            ),
        )
        machine = {"StateMachineArn": self._machine_arn}
        failed = {"reminders": Metric(namespace="AWS/States", name="ExecutionsFailed", dimensions=machine)}
        for rule in rules:
            dimensions = {"RuleName": f"{self._name}-{rule}"}
            failed[rule] = Metric(namespace="AWS/Events", name="FailedInvocations", dimensions=dimensions)
        for name, metric in failed.items():
            values = {"message": name, "id": name.title()}
            alarms.add(ALARMS["alerts/undelivered"].fill(values, metric=metric))
        alarms.complete()

    def _may_remind(self) -> list[iam.PolicyStatement]:
        props, stack = self._props, self._stack
        keys = [props.topic_key_arn]
        if len(props.topic_arns) > 1:
            # Which key encrypts a topic of the user's own is not known here; that key's policy has its say as well.
            keys.append(f"arn:{stack.partition}:kms:{stack.region}:{stack.account}:key/*")
        statements = [
            # Composite alarms are described to those only who may describe every alarm (DescribeAlarms, API Reference).
            _allow("SeeAlarms", "cloudwatch:DescribeAlarms", ["*"]),
            _allow("StartAnew", "states:StartExecution", [self._machine_arn]),
            _allow("Notify", "sns:Publish", list(props.topic_arns)),
            iam.PolicyStatement(
                sid="EncryptMessages",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=keys,
                conditions={"StringEquals": {"kms:ViaService": endpoint("sns", stack.region)}},
            ),
        ]
        if props.webhook:
            statements.append(
                iam.PolicyStatement(
                    sid="NotifyWebhook",
                    actions=["events:PutEvents"],
                    resources=[f"arn:{stack.partition}:events:{stack.region}:{stack.account}:event-bus/default"],
                    # The key has many values, and with none at all "all values" is true (IAM User Guide, "Multivalued
                    # context keys").
                    conditions={
                        "ForAllValues:StringEquals": {"events:source": self._source},
                        "Null": {"events:source": "false"},
                    },
                )
            )
        return statements

    def _role(
        self, construct_id: str, name: str, service: str, source_arn: str, may: Sequence[iam.PolicyStatement]
    ) -> iam.Role:
        return iam.Role(
            self,
            construct_id,
            role_name=f"{name}{self._props.role_suffix}",
            description="Logdock: sends alarm notifications",
            assumed_by=iam.PrincipalWithConditions(
                service_principal(f"{service}.amazonaws.com"),
                {
                    "StringEquals": {"aws:SourceAccount": self._stack.account},
                    "ArnLike": {"aws:SourceArn": source_arn},
                },
            ),
            inline_policies={"Alerts": iam.PolicyDocument(statements=list(may))},
        )


def _allow(sid: str, action: str, resources: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=[action], resources=resources)


def _state_change(detail: object) -> dict[str, object]:
    return {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "detail": detail}
