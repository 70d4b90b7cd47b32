"""The function that puts the tags of resources on a delivery stream, every five minutes, and its role."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib import statements
from constructs_lib.log_group import function_log_group
from constructs_lib.shipper import RUNTIME

EVERY_MINUTES = 5
TIMEOUT_SECONDS = 240
"""Less than the time between two runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceTagsProps:
    """Whose tags are put where.

    Attributes
    ----------
    name
        Name of the function and of its role.
    source
        The asset root of the function.
    resource_types
        Types of resources, as the Resource Groups Tagging API takes them.
    delivery_stream_name
        The delivery stream of Firehose, of this account and Region.
    log_key_arn
        Key of the function's log group, whose policy admits the log group.
    """

    name: str
    source: Path
    resource_types: Sequence[str]
    delivery_stream_name: str
    log_key_arn: str


class ResourceTags(Construct):
    """Puts a metric with the tags of each resource on a delivery stream, on a schedule."""

    def __init__(self, scope: Construct, construct_id: str, props: ResourceTagsProps) -> None:
        super().__init__(scope, construct_id)
        log_group = function_log_group(self, "Logs", props.name, props.log_key_arn)
        function = lambda_.Function(
            self,
            "Function",
            function_name=props.name,
            description="Logdock: sends the tags of resources as metrics",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler="resource_tags.handler.handler",
            code=lambda_.Code.from_asset(str(props.source), exclude=["**/__pycache__", "*.pyc"]),
            role=self._role(props),
            timeout=Duration.seconds(TIMEOUT_SECONDS),
            memory_size=256,
            environment={
                "LOGDOCK_DELIVERY_STREAM": props.delivery_stream_name,
                "LOGDOCK_RESOURCE_TYPES": ",".join(props.resource_types),
            },
            log_group=logs.LogGroup.from_log_group_name(self, "LogsByName", f"/aws/lambda/{props.name}"),
        )
        function.node.add_dependency(log_group)
        rule = events.CfnRule(
            self,
            "Schedule",
            description="Logdock: sends the tags of resources",
            schedule_expression=f"rate({EVERY_MINUTES} minutes)",
            targets=[events.CfnRule.TargetProperty(id="ResourceTags", arn=function.function_arn)],
        )
        lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )

    def _role(self, props: ResourceTagsProps) -> iam.Role:
        stack = Stack.of(self)
        here = f"{stack.region}:{stack.account}"
        permissions = [
            iam.PolicyStatement(
                sid="OwnLogs",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[f"arn:{stack.partition}:logs:{here}:log-group:/aws/lambda/{props.name}:*"],
            ),
            # The action knows no resource and no condition (Service Authorization Reference, "Amazon Resource Group
            # Tagging API"): a principal that has it can read the tags of everything.
            iam.PolicyStatement(sid="ReadTags", actions=["tag:GetResources"], resources=["*"]),
            iam.PolicyStatement(
                sid="PutTags",
                actions=["firehose:PutRecordBatch"],
                resources=[f"arn:{stack.partition}:firehose:{here}:deliverystream/{props.delivery_stream_name}"],
            ),
        ]
        return iam.Role(
            self,
            "Role",
            role_name=props.name,
            description="Logdock: sends the tags of resources as metrics",
            assumed_by=statements.service_of_this_account("lambda.amazonaws.com", stack.account),
            inline_policies={"Tags": iam.PolicyDocument(statements=permissions)},
        )
