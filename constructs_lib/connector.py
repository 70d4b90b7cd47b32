"""A function that does, at deploy time, what CloudFormation has no resource for, and undoes it when the stack goes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import CustomResource, Duration, Stack, custom_resources
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib import statements
from constructs_lib.log_group import function_log_group
from constructs_lib.shipper import RUNTIME

POLL_SECONDS = 10
"""How long is waited between two looks at what takes its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorProps:
    """What a connector is called and may do.

    Attributes
    ----------
    function_name
        Name of the function; the framework's function is ``<function_name>-framework``.
    source
        The asset root of the function's code.
    permissions
        What its role may do, besides writing its own log.
    log_key_arn
        Key of the log groups; its policy must admit ``/aws/lambda/<function_name>*``.
    is_polled
        Operations may take longer than a function runs: they are asked for again until they are done, for an hour.
    subnet_ids, security_group_ids
        Where the functions run. Empty: outside of any VPC.
    """

    function_name: str
    source: Path
    permissions: Sequence[iam.PolicyStatement]
    log_key_arn: str
    is_polled: bool = False
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()


class Connector(Construct):
    """A custom-resource provider on the CDK provider framework, in the stack that needs it."""

    def __init__(self, scope: Construct, construct_id: str, props: ConnectorProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self._source = lambda_.Code.from_asset(str(props.source), exclude=["**/__pycache__", "*.pyc"])
        self._log_key_arn = props.log_key_arn
        functions = [props.function_name, f"{props.function_name}-schedule"]
        if props.is_polled:
            functions.append(f"{props.function_name}-poll")
        self._role = self._function_role("Role", functions, [*props.permissions, *self._vpc_permissions()])
        self.function = self._function("Function", props.function_name, "on_event")
        framework = f"{props.function_name}-framework"
        logs_of_framework = function_log_group(self, "FrameworkLogs", framework, self._log_key_arn)
        polling: dict[str, Any] = {}
        if props.is_polled:
            polling = {
                "is_complete_handler": self._function("IsCompleteFunction", functions[-1], "is_complete"),
                "framework_complete_and_timeout_role": self._function_role("FrameworkPollRole", [framework], []),
                "query_interval": Duration.seconds(POLL_SECONDS),
                # CloudFormation's own limit; the function gives up a little before, with a reason.
                "total_timeout": Duration.hours(1),
            }
        self._provider = custom_resources.Provider(
            self,
            "Provider",
            provider_function_name=framework,
            on_event_handler=self.function,
            framework_on_event_role=self._function_role("FrameworkRole", [framework], []),
            log_group=logs.LogGroup.from_log_group_name(self, "FrameworkLogsByName", f"/aws/lambda/{framework}"),
            **polling,
        )
        self._provider.node.add_dependency(logs_of_framework)

    def _function_role(
        self, construct_id: str, functions: Sequence[str], permissions: Sequence[iam.PolicyStatement]
    ) -> iam.Role:
        """Make the role of some functions. The CDK's own has AWS's managed policy: every log group, and new ones."""
        stack = Stack.of(self)
        log_groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:/aws/lambda"
        own_logs = iam.PolicyStatement(
            sid="OwnLogs",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"{log_groups}/{name}:*" for name in functions],
        )
        return iam.Role(
            self,
            construct_id,
            description="Logdock: configures what CloudFormation cannot",
            assumed_by=statements.service_of_this_account("lambda.amazonaws.com", stack.account),
            inline_policies={"Connector": iam.PolicyDocument(statements=[own_logs, *permissions])},
        )

    def _function(self, construct_id: str, name: str, handler: str) -> lambda_.Function:
        log_group = function_log_group(self, f"{construct_id}Logs", name, self._log_key_arn)
        function = lambda_.Function(
            self,
            construct_id,
            function_name=name,
            description="Logdock: configures what CloudFormation cannot, and undoes it",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"vendor_connector.handler.{handler}",
            code=self._source,
            role=self._role,
            timeout=Duration.minutes(15),
            memory_size=256,
            log_group=logs.LogGroup.from_log_group_name(self, f"{construct_id}LogsByName", f"/aws/lambda/{name}"),
        )
        function.node.add_dependency(log_group)
        if self._props.subnet_ids:
            resource = function.node.default_child
            assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101  (narrows a jsii type)
            # The native property: `vpc` asks for the VPC itself, which nothing else here needs to know.
            resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=list(self._props.subnet_ids), security_group_ids=list(self._props.security_group_ids)
            )
        return function

    def _vpc_permissions(self) -> list[iam.PolicyStatement]:
        """Let Lambda make network interfaces with the functions' role, but not the functions' own code.

        Source: Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC" (required
        permissions; the descriptions work on every resource only, the deletion needs every id).
        """
        if not self._props.subnet_ids:
            return []
        stack = Stack.of(self)
        manage = [
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ]
        describe = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
        everything = f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}:*/*"
        own = f"arn:{stack.partition}:lambda:{stack.region}:{stack.account}:function:{self._props.function_name}*"
        return [
            iam.PolicyStatement(sid="EnterVpc", actions=manage, resources=[everything]),
            iam.PolicyStatement(sid="LookAtVpc", actions=describe, resources=["*"]),
            iam.PolicyStatement(
                sid="CodeStaysOut",
                effect=iam.Effect.DENY,
                actions=[*manage, *describe],
                resources=["*"],
                conditions={"ArnLike": {"lambda:SourceFunctionArn": own}},
            ),
        ]

    def apply(self, construct_id: str, operation: str, properties: Mapping[str, object]) -> CustomResource:
        """Have an operation done when the stack is deployed, kept up to date, and undone when it is destroyed."""
        return CustomResource(
            self,
            construct_id,
            resource_type="Custom::Logdock" + operation.title().replace("-", ""),
            service_token=self._provider.service_token,
            properties={"Operation": operation, **properties},
        )

    def repeat(self, construct_id: str, operation: str, properties: Mapping[str, object], *, minutes: int) -> None:
        """Have an operation repeated on a schedule, by a function with the same code and role."""
        function = self._function(f"{construct_id}Function", f"{self._props.function_name}-schedule", "on_schedule")
        rule = events.CfnRule(
            self,
            construct_id,
            description="Logdock: looks for what has appeared since the deploy",
            schedule_expression=f"rate({minutes} minutes)",
            targets=[
                events.CfnRule.TargetProperty(
                    id="Connector",
                    arn=function.function_arn,
                    input=json.dumps({"Operation": operation, **properties}, sort_keys=True),
                )
            ],
        )
        lambda_.CfnPermission(
            self,
            f"{construct_id}Permission",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
