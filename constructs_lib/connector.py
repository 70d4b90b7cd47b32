"""A function that does, at deploy time, what CloudFormation has no resource for, and undoes it when the stack goes.

Two rules decide where its authority comes from and how long it lasts.

**Authority comes from the deployment.** The caller of the function writes its event, so the event only names a
configuration, and the function reads that from a Systems Manager parameter which this stack makes and the function may
not write. The environment of a function holds 4 KB, too little for the longest filters and user lists.

**What is undone is undone with the permissions and the configuration that made it.** CloudFormation updates a role in
place before it deletes the custom resources that left a template, and deletes in the clean-up phase, in the reverse
order of dependencies (aws-cdk#9840; aws-cdk#14037, where the CDK's maintainers advise a policy per grant whose logical
id follows from its content; CloudFormation User Guide, "Update behaviors of stack resources" and "DependsOn
attribute"). So a policy, and a configuration, is a resource whose logical id and name hold a hash of its content, and
the custom resource depends on both. A change makes a new one beside the former one; the former one goes in the
clean-up phase, after the resources that depended on it.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from aws_cdk import CustomResource, Stack, custom_resources
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct, IDependable

from constructs_lib import statements
from constructs_lib.durations import minutes, seconds
from constructs_lib.log_group import function_log_group
from constructs_lib.shipper import ARCHITECTURE, RUNTIME
from constructs_lib.statements import Statement, document_of, rendered_document, statement
from logdock.parameter_value import without_double_braces

POLL_SECONDS = 10
"""How long is waited between two looks at what takes its time."""

PAGE_CHARACTERS = 3000
"""How many characters of names share a configuration: a standard parameter holds 4,096 in all."""

UNRESOLVED = "{Token["
"""Part of every string and list that the CDK replaces."""

_SHARED = ("security-group", "subnet")
"""What a function in a VPC has of the VPC, which may be of another account."""

Permissions = Sequence[Sequence[Statement]]
"""What an operation needs. Each group of statements is a policy; equal groups are one policy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorProps:
    """What a connector is called and may do.

    Attributes
    ----------
    function_name
        Name of the function; the framework's function is ``<function_name>-framework``.
    source
        The asset root of the function's code.
    configuration_path
        Path of the parameters that hold the operations' configurations, with a slash at both ends.
    log_key_arn
        Key of the log groups; its policy must admit ``/aws/lambda/<function_name>*``.
    partition, region, account
        Of the stack, as the caller knows them: each would be a call of the CDK.
    is_polled
        Operations may take longer than a function runs: they are asked for again until they are done, for an hour.
    has_members
        Several objects of a kind are configured, each by a resource of its own. While an export of one becomes one of
        several, or the other way round, two resources have the same object: the parameter ``Members`` has the
        functions look for the other one before they undo anything, and they may list the configurations.
    subnet_ids, security_group_ids
        Where the functions run. Empty: outside of any VPC.
    """

    function_name: str
    source: Path
    configuration_path: str
    log_key_arn: str
    partition: str
    region: str
    account: str
    is_polled: bool = False
    has_members: bool = False
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()


class _Configuration(NamedTuple):
    """A configuration: what the function receives, and the parameter that holds it."""

    id: str
    parameter: ssm.CfnParameter


class Connector(Construct):
    """A custom-resource provider on the CDK provider framework, in the stack that needs it."""

    def __init__(self, scope: Construct, construct_id: str, props: ConnectorProps) -> None:
        super().__init__(scope, construct_id)
        self._props = props
        self._arn = f"arn:{props.partition}:{{}}:{props.region}:{props.account}:{{}}"
        self._source = lambda_.Code.from_asset(str(props.source), exclude=["**/__pycache__", "*.pyc"])
        self._log_key_arn = props.log_key_arn
        functions = [props.function_name, f"{props.function_name}-schedule"]
        if props.is_polled:
            functions.append(f"{props.function_name}-poll")
        self._policies: dict[str, iam.CfnPolicy] = {}
        self._configurations: dict[str, _Configuration] = {}
        self._members = self._members_parameter() if props.has_members else None
        self._role = self._function_role("Role", functions, [self._read_configurations(), *self._vpc_permissions()])
        self._role_name = self._role.role_name
        self.function = self._function("Function", props.function_name, "on_event")
        framework = f"{props.function_name}-framework"
        logs_of_framework = function_log_group(self, "FrameworkLogs", framework, self._log_key_arn)
        polling: dict[str, Any] = {}
        if props.is_polled:
            polling = {
                "is_complete_handler": self._function("IsCompleteFunction", functions[-1], "is_complete"),
                "framework_complete_and_timeout_role": self._function_role("FrameworkPollRole", [framework], []),
                "query_interval": seconds(POLL_SECONDS),
                # CloudFormation's own limit; the function gives up a little before, with a reason.
                "total_timeout": minutes(60),
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
        if props.is_polled:
            waiter = self._provider.node.find_child("waiter-state-machine").node.find_child("Role").node.default_child
            assert isinstance(waiter, iam.CfnRole)  # noqa: S101  (narrows a jsii type)
            # The condition that the CDK's own state machines have, and this one's role has not.
            waiter.add_property_override(
                "AssumeRolePolicyDocument.Statement.0.Condition",
                {
                    "StringEquals": {"aws:SourceAccount": props.account},
                    "ArnLike": {"aws:SourceArn": self._arn.format("states", "stateMachine:*")},
                },
            )
        self._service_token = self._provider.service_token

    def _function_role(self, construct_id: str, functions: Sequence[str], permissions: Sequence[Statement]) -> iam.Role:
        """Make the role of some functions. The CDK's own has AWS's managed policy: every log group, and new ones."""
        own_logs = statement(
            "OwnLogs",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [self._arn.format("logs", f"log-group:/aws/lambda/{name}:*") for name in functions],
        )
        return iam.Role(
            self,
            construct_id,
            description="Logdock: configures what CloudFormation cannot",
            assumed_by=statements.service_of_this_account("lambda.amazonaws.com", self._props.account),
            inline_policies={"Connector": document_of([own_logs, *permissions])},
        )

    def _function(
        self, construct_id: str, name: str, handler: str, *after: IDependable, **environment: str
    ) -> lambda_.Function:
        log_group = function_log_group(self, f"{construct_id}Logs", name, self._log_key_arn)
        function = lambda_.Function(
            self,
            construct_id,
            function_name=name,
            description="Logdock: configures what CloudFormation cannot, and undoes it",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"vendor_connector.handler.{handler}",
            code=self._source,
            role=self._role,
            timeout=minutes(15),
            memory_size=256,
            environment={"LOGDOCK_CONFIGURATIONS": self._props.configuration_path, **environment},
            log_group=logs.LogGroup.from_log_group_name(self, f"{construct_id}LogsByName", f"/aws/lambda/{name}"),
        )
        function.node.add_dependency(log_group, *after)
        if self._props.subnet_ids:
            resource = function.node.default_child
            assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101  (narrows a jsii type)
            # The native property: `vpc` asks for the VPC itself, which nothing else here needs to know.
            resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=list(self._props.subnet_ids), security_group_ids=list(self._props.security_group_ids)
            )
        return function

    def _vpc_permissions(self) -> list[Statement]:
        """Let Lambda make network interfaces with the functions' role, but not the functions' own code.

        Source: Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC" (required
        permissions; the descriptions work on every resource only, the deletion needs every id). A subnet or security
        group that another account shares has that account in its ARN (VPC User Guide, "Share your VPC subnets with
        other accounts").
        """
        if not self._props.subnet_ids:
            return []
        manage = [
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ]
        describe = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
        own = {"lambda:SourceFunctionArn": self._arn.format("lambda", f"function:{self._props.function_name}*")}
        shared = [f"arn:{self._props.partition}:ec2:{self._props.region}:*:{kind}/*" for kind in _SHARED]
        return [
            statement("EnterVpc", manage, [self._arn.format("ec2", "*/*"), *shared]),
            statement("LookAtVpc", describe, ["*"]),
            statement("CodeStaysOut", [*manage, *describe], ["*"], {"ArnLike": own}, effect="Deny"),
        ]

    def _read_configurations(self) -> Statement:
        """Let the functions read what the operations are configured with; they write none of it."""
        path = self._arn.format("ssm", f"parameter{self._props.configuration_path}*")
        return statement("ReadConfigurations", ["ssm:GetParameter"], [path])

    def apply(
        self,
        construct_id: str,
        operation: str,
        properties: Mapping[str, object],
        *,
        permissions: Permissions,
        configuration: Mapping[str, object] | None = None,
        after: Sequence[IDependable] = (),
    ) -> CustomResource:
        """Have an operation done when the stack is deployed, kept up to date, and undone when it is destroyed.

        Parameters
        ----------
        properties
            The custom resource's: CloudFormation sees a change by them. The function does not use them.
        permissions
            What the operation needs, also to be undone.
        configuration
            What the function uses. Nothing in it may come from a resource that waits for this connector. Default: the
            properties.
        after
            What the operation waits for.
        """
        chosen = self._configure(construct_id, operation, properties if configuration is None else configuration)
        policies = map(self._policy, permissions)
        resource = self._resource(construct_id, operation, properties, chosen, *policies, *after)
        if self._members:
            # As long as the resource is there, also while it is deleted.
            resource.node.add_dependency(self._members, self._policy([self._list_configurations()]))
        return resource

    def _members_parameter(self) -> ssm.CfnParameter:
        return ssm.CfnParameter(
            self,
            "Members",
            name=f"{self._props.configuration_path}Members",
            description="Logdock: each object of this connector has a resource of its own. Written by CloudFormation",
            type="String",
            value='{"Operation":""}',
        )

    def _list_configurations(self) -> Statement:
        path = self._arn.format("ssm", f"parameter{self._props.configuration_path.rstrip('/')}")
        return statement("ListConfigurations", ["ssm:GetParametersByPath"], [path])

    def apply_to_each(
        self,
        construct_id: str,
        operation: str,
        names: Sequence[str],
        properties: Mapping[str, object],
        *,
        permissions: Sequence[Statement],
        after: Sequence[IDependable] = (),
    ) -> dict[str, CustomResource]:
        """Have an operation that undoes nothing done for each of some names.

        The names share configurations and one policy, which is changed in place: a stack has 500 resources, and the
        inline policies of a role 10,240 characters.

        Returns
        -------
        dict
            The resource ``<construct_id>-<name>`` by name.
        """
        policy = self._new_policy(f"{construct_id}Policy", construct_id, permissions)
        resources: dict[str, CustomResource] = {}
        for number, page in enumerate(_pages(names)):
            chosen = self._configure(f"{construct_id}-{number}", operation, {"Names": page, **properties})
            for name in page:
                own = {"Name": name, **properties}
                resources[name] = self._resource(f"{construct_id}-{name}", operation, own, chosen, policy, *after)
        return resources

    def configuration_of(self, construct_id: str) -> str:
        """Return the id of the configuration of what was made under a construct id."""
        return self._configurations[construct_id].id

    def repeat(self, construct_id: str, *, of: str, minutes: int) -> None:
        """Have what ``apply`` made under the id ``of`` repeated on a schedule, by a function of the same role.

        The function's own environment names the configuration; what the rule sends is not used.
        """
        chosen = self._configurations[of]
        function = self._function(
            f"{construct_id}Function",
            f"{self._props.function_name}-schedule",
            "on_schedule",
            chosen.parameter,
            LOGDOCK_SCHEDULED=self.configuration_of(of),
        )
        rule = events.CfnRule(
            self,
            construct_id,
            description="Logdock: looks for what has appeared since the deploy",
            schedule_expression=f"rate({minutes} minutes)",
            targets=[events.CfnRule.TargetProperty(id="Connector", arn=function.function_arn)],
        )
        lambda_.CfnPermission(
            self,
            f"{construct_id}Permission",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )

    def _resource(
        self,
        construct_id: str,
        operation: str,
        properties: Mapping[str, object],
        chosen: _Configuration,
        *after: IDependable,
    ) -> CustomResource:
        resource = CustomResource(
            self,
            construct_id,
            resource_type="Custom::Logdock" + operation.title().replace("-", ""),
            service_token=self._service_token,
            properties={"Operation": operation, "Configuration": chosen.id, **properties},
        )
        resource.node.add_dependency(chosen.parameter, *after)
        return resource

    def _configure(self, construct_id: str, operation: str, properties: Mapping[str, object]) -> _Configuration:
        """Write a configuration, under a name that holds the hash of its content."""
        document = {"Operation": operation, **properties}
        version = self._hash(document)
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", construct_id)
        parameter = ssm.CfnParameter(
            self,
            f"{construct_id}Configuration{version}",
            name=f"{self._props.configuration_path}{name}-{version}",
            description="Logdock: what the connector may act on. Written by CloudFormation alone",
            type="String",
            # Standard up to 4 KB; a long filter or list of users makes it advanced.
            tier="Intelligent-Tiering",
            value=self._text(document),
        )
        self._configurations[construct_id] = found = _Configuration(f"{name}-{version}", parameter)
        return found

    def _policy(self, statements: Sequence[Statement]) -> iam.CfnPolicy:
        """Return the policy of some statements, under an id and a name that hold the hash of its content."""
        version = self._hash(list(statements))
        if version not in self._policies:
            self._policies[version] = self._new_policy(f"Policy{version}", f"Connector-{version}", statements)
        return self._policies[version]

    def _new_policy(self, construct_id: str, name: str, statements: Sequence[Statement]) -> iam.CfnPolicy:
        return iam.CfnPolicy(
            self,
            construct_id,
            policy_name=name,
            policy_document=rendered_document(statements),
            roles=[self._role_name],
        )

    @cached_property
    def _stack(self) -> Stack:
        return Stack.of(self)

    def _text(self, document: object) -> str:
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        # What refers to a resource has names and ARNs alone, and none of them has braces.
        return self._stack.to_json_string(document) if UNRESOLVED in text else without_double_braces(text)

    def _hash(self, document: object) -> str:
        # Only what refers to a resource must be resolved, in another process.
        if UNRESOLVED in json.dumps(document):
            document = self._stack.resolve(document)
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]


def _pages(names: Sequence[str]) -> list[list[str]]:
    """Divide names so that each page fits into a standard parameter."""
    pages: list[list[str]] = []
    for name in names:
        if not pages or len(json.dumps([*pages[-1], name])) > PAGE_CHARACTERS:
            pages.append([])
        pages[-1].append(name)
    return pages
