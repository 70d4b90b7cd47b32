"""CloudFormation's resource types: their names and ARNs, and which IAM actions CloudFormation calls for a resource.

Every type's schema names the actions: ``handlers.*.permissions`` (CloudFormation CLI User Guide, "Resource type
definition schema"); cfn-lint brings the schemas. A schema names the actions of every property; `NEEDED_BY` says which
belong to properties that a resource may omit. What an action is asked about comes from AWS's Service
Authorization Reference. The local cloud's CloudFormation and the proof of its policies both ask here.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections import defaultdict
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_IAM_DATA = Path(__file__).resolve().parents[1] / "node_modules" / "@cloud-copilot" / "iam-data" / "data"
_REGION = "us-east-1"
"""Whose schemas are taken: every type is there."""

Operation = Literal["create", "update", "delete"]
_HANDLERS: Mapping[Operation, tuple[str, ...]] = {
    "create": ("create",),
    "update": ("read", "update"),
    "delete": ("delete",),
}
"""CloudFormation CLI User Guide, "Developing resource types": an update reads the resource's state as well."""

NAMED_BY: Mapping[str, str] = {
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CloudWatch::MetricStream": "Name",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::ApiDestination": "Name",
    "AWS::Events::Connection": "Name",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": "PolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::Destination": "DestinationName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::LogStream": "LogStreamName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
    "Custom::LogdockLogGroup": "Name",
}
"""The property with the name by which others refer to a resource; without it CloudFormation generates a name."""

ARNS: Mapping[str, str] = {
    "AWS::CloudWatch::MetricStream": "arn:{partition}:cloudwatch:{region}:{account}:metric-stream/{name}",
    "AWS::DynamoDB::Table": "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::ApiDestination": "arn:{partition}:events:{region}:{account}:api-destination/{name}/1f6b2c3d",
    "AWS::Events::Connection": "arn:{partition}:events:{region}:{account}:connection/{name}/1f6b2c3d",
    "AWS::Events::EventBus": "arn:{partition}:events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Rule": "arn:{partition}:events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::Kinesis::Stream": "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
    "AWS::KinesisFirehose::DeliveryStream": "arn:{partition}:firehose:{region}:{account}:deliverystream/{name}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::LayerVersion": "arn:{partition}:lambda:{region}:{account}:layer:{name}:1",
    "AWS::Logs::Destination": "arn:{partition}:logs:{region}:{account}:destination:{name}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{name}",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
    "AWS::SNS::Topic": "arn:{partition}:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:{partition}:sqs:{region}:{account}:{name}",
    "AWS::SSM::Parameter": "arn:{partition}:ssm:{region}:{account}:parameter{name}",
    "AWS::StepFunctions::StateMachine": "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
}
"""The ARN of a resource with a name."""

_ALARM = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"
_DATABASE = "arn:{partition}:glue:{region}:{account}:database/{DatabaseName}"
_FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:{FunctionName}"
_LOG_GROUP = "arn:{partition}:logs:{region}:{account}:log-group:{LogGroupName}"
_ROLES = "arn:{partition}:iam::{account}:role/{Roles}"
_CODE = "arn:{partition}:s3:::{S3Bucket}/{S3Key}"
_FURTHER_ARNS: Mapping[str, tuple[str, ...]] = {
    "AWS::Athena::WorkGroup": ("arn:{partition}:athena:{region}:{account}:workgroup/{name}",),
    "AWS::CloudWatch::Alarm": (_ALARM,),
    "AWS::CloudWatch::CompositeAlarm": (_ALARM,),
    "AWS::CloudWatch::Dashboard": ("arn:{partition}:cloudwatch::{account}:dashboard/{DashboardName}",),
    "AWS::Events::Connection": (
        "arn:{partition}:secretsmanager:{region}:{account}:secret:events!connection/{name}/1f6b2c3d",
        "arn:{partition}:iam::{account}:role/aws-service-role/apidestinations.events.amazonaws.com/AWSServiceRoleFor",
    ),
    "AWS::Glue::Database": ("arn:{partition}:glue:{region}:{account}:database/{name}",),
    "AWS::Glue::Table": (_DATABASE, "arn:{partition}:glue:{region}:{account}:table/{DatabaseName}/{name}"),
    "AWS::IAM::ManagedPolicy": ("arn:{partition}:iam::{account}:policy/{name}", _ROLES),
    "AWS::IAM::Policy": (_ROLES,),
    "AWS::KMS::Alias": (
        "arn:{partition}:kms:{region}:{account}:{name}",
        "arn:{partition}:kms:{region}:{account}:key/{TargetKeyId}",
    ),
    "AWS::Lambda::EventInvokeConfig": (_FUNCTION,),
    "AWS::Lambda::EventSourceMapping": ("arn:{partition}:lambda:{region}:{account}:event-source-mapping:{name}",),
    "AWS::Lambda::Function": (_CODE,),
    "AWS::Lambda::LayerVersion": ("arn:{partition}:lambda:{region}:{account}:layer:{name}", _CODE),
    "AWS::Lambda::Permission": (_FUNCTION,),
    "AWS::Logs::LogStream": (_LOG_GROUP, _LOG_GROUP + ":log-stream:{name}"),
    "AWS::Logs::MetricFilter": (_LOG_GROUP,),
    "AWS::Logs::SubscriptionFilter": (_LOG_GROUP,),
    "AWS::S3::BucketPolicy": ("arn:{partition}:s3:::{Bucket}",),
    "AWS::SQS::QueuePolicy": ("arn:{partition}:sqs:{region}:{account}:{Queues}",),
}
"""Further ARNs that the actions of a type's handlers are called on; fields are the name, and properties."""

GLOBAL_TABLE: tuple[str, ...] = ()
"""AWS::DynamoDB::GlobalTable alone has replicas; no property of AWS::DynamoDB::Table needs these actions."""
NEEDED_BY: dict[str, dict[str, tuple[str, ...]]] = {
    "Athena::WorkGroup": {
        "iam:*": ("ExecutionRole",),
        "kms:*": ("ManagedQueryResultsConfiguration", "MonitoringConfiguration"),
        "s3:*": ("ManagedQueryResultsConfiguration", "MonitoringConfiguration"),
    },
    "DynamoDB::Table": {
        "dynamodb:*Item": ("ImportSourceSpecification",),
        "dynamodb:*Import*": ("ImportSourceSpecification",),
        "dynamodb:*KinesisStreaming*": ("KinesisStreamSpecification",),
        "dynamodb:*TableReplica": GLOBAL_TABLE,
        "dynamodb:[PD]*ResourcePolicy": ("ResourcePolicy",),
        "dynamodb:Query": ("ImportSourceSpecification",),
        "dynamodb:Scan": ("ImportSourceSpecification",),
        "iam:CreateServiceLinkedRole": GLOBAL_TABLE,
        "kinesis:*": ("KinesisStreamSpecification",),
        "logs:*": ("ImportSourceSpecification",),
        "s3:*": ("ImportSourceSpecification",),
    },
    "Events::EventBus": {"kms:*": ("KmsKeyIdentifier",)},
    "Glue::Database": {"glue:*Connection": ("TargetDatabase", "FederatedDatabase")},
    "Glue::Table": {
        "glue:PassConnection": ("OpenTableFormatInput",),
        "glue:GetSchemaVersion": ("SchemaReference",),
        "iam:PassRole": ("OpenTableFormatInput",),
        "s3:*": ("OpenTableFormatInput",),
    },
    "IAM::ManagedPolicy": {"iam:*GroupPolicy": ("Groups",), "iam:*UserPolicy": ("Users",)},
    "IAM::Policy": {"iam:*GroupPolicy": ("Groups",), "iam:*UserPolicy": ("Users",)},
    "IAM::Role": {"iam:*PermissionsBoundary": ("PermissionsBoundary",)},
    "Kinesis::Stream": {"kinesis:*EnhancedMonitoring": ("DesiredShardLevelMetrics",)},
    "Lambda::EventSourceMapping": {"kms:*": ("KmsKeyArn",)},
    "Lambda::Function": {
        "elasticfilesystem:*": ("FileSystemConfigs",),
        "lambda:*CapacityProvider": ("CapacityProviderConfig",),
        "lambda:*tFunctionScalingConfig": ("FunctionScalingConfig",),
        "lambda:[PD]*FunctionCodeSigningConfig": ("CodeSigningConfigArn",),
        "lambda:GetCodeSigningConfig": ("CodeSigningConfigArn",),
        "lambda:PublishVersion": ("PublishToLatestPublished",),
        "s3files:*": ("FileSystemConfigs",),
    },
    "Logs::LogGroup": {
        "firehose:*": ("DataProtectionPolicy",),
        "logs:[PD]*DataProtectionPolicy": ("DataProtectionPolicy",),
        "logs:[PD]*IndexPolicy": ("FieldIndexPolicies",),
        "logs:[PD]*ResourcePolicy": ("ResourcePolicyDocument",),
        "logs:CreateLogDelivery": ("DataProtectionPolicy",),
        "logs:PutBearerTokenAuthentication": ("BearerTokenAuthenticationEnabled",),
        "s3:*": ("DataProtectionPolicy",),
    },
    "S3::Bucket": {
        "s3:*BucketMetadata*": ("MetadataTableConfiguration", "MetadataConfiguration"),
        "s3:*DeleteObject": ("MetadataTableConfiguration", "MetadataConfiguration"),
        "s3:[PD]*Abac": ("AbacStatus",),
        "s3:[PD]*AccelerateConfiguration": ("AccelerateConfiguration",),
        "s3:[PD]*Acl": ("AccessControl",),
        "s3:[PD]*AnalyticsConfiguration": ("AnalyticsConfigurations",),
        "s3:[PD]*BucketC[Oo][Rr][Ss]": ("CorsConfiguration",),
        "s3:[PD]*BucketWebsite": ("WebsiteConfiguration",),
        "s3:[PD]*IntelligentTieringConfiguration": ("IntelligentTieringConfigurations",),
        "s3:[PD]*InventoryConfiguration": ("InventoryConfigurations",),
        "s3:[PD]*MetricsConfiguration": ("MetricsConfigurations",),
        "s3tables:*": ("MetadataTableConfiguration", "MetadataConfiguration"),
    },
    "SNS::Subscription": {"iam:*": ("SubscriptionRoleArn",)},
    "SNS::Topic": {
        "iam:*": ("DeliveryStatusLogging",),
        "sns:*ubscri*": ("Subscription",),
        "sns:PutDataProtectionPolicy": ("DataProtectionPolicy",),
    },
    "StepFunctions::StateMachine": {
        "kms:*": ("EncryptionConfiguration",),
        "s3:*": ("DefinitionS3Location",),
    },
}
"""By type: a pattern of actions, and the properties that need them. All other actions of a schema are always needed.

So are those of reading: a read handler knows a resource's identifier and none of its properties (CloudFormation CLI
User Guide, "Resource type handler contract").
"""

NOT_IN_SCHEMA: Mapping[tuple[str, str], tuple[str, ...]] = {
    # EventBridge deletes the secret of a connection with it (AWS managed policy AmazonEventBridgeFullAccess)
    ("AWS::Events::Connection", "delete"): ("secretsmanager:DeleteSecret",),
}
"""By type and handler: actions that a schema lacks."""


class Environment(NamedTuple):
    """Where a resource is."""

    partition: str
    region: str
    account: str


def fill(pattern: str, name: str, properties: Mapping[str, Any], environment: Environment) -> str:
    """Return the ARN of a resource with a name; of the default bus, a rule's ARN has no bus.

    Source: Amazon EventBridge User Guide, "Resources".
    """
    bus = properties.get("EventBusName", "default")
    return pattern.format(name=name if bus == "default" else f"{_last(bus)}/{name}", **environment._asdict())


def requests(
    kind: str, operation: Operation, properties: Mapping[str, Any], *, name: str, environment: Environment
) -> set[tuple[str, str]]:
    """Return each action that CloudFormation calls for a resource, with the ARN that it calls it on.

    An action of another resource than the one that is made, such as iam:PassRole, is called on those that the
    properties name. Where they name none, it is called on one of the resource's own name, so that no action of the
    schema is omitted; only of iam:PassRole is known that without a role there is nothing to ask.

    Parameters
    ----------
    properties
        Without references.
    name
        What CloudFormation calls the resource where its properties do not name it: a name, URL or ARN.
    """
    values = defaultdict(list, {field: [value] for field, value in environment._asdict().items()})
    named = []
    for key, value in _strings(properties):
        values[key].append(_last(value))
        named += [value] if value.startswith("arn:") else []
    chosen = str(properties.get(NAMED_BY.get(kind, "")) or _last(name))
    values["name"] = [chosen]
    own = [found for pattern in _FURTHER_ARNS.get(kind, ()) for found in _filled(pattern, values)]
    if kind in ARNS:
        own.append(name if name.startswith("arn:") else fill(ARNS[kind], chosen, properties, environment))
    asked = set()
    for action in actions(kind, _HANDLERS[operation], properties):
        required, optional = _resource_patterns(action)
        found = {arn for each in required for arn in _matching([each], own) or _matching([each], named)}
        # one of several types is meant, such as by events:TagResource
        found |= {*(_matching(optional, own) or _matching(optional, named))}
        if not required and not optional:
            found = {"*"}
        elif not found and action != "iam:PassRole":
            found = {_made_up((required + optional)[0], chosen, environment)}
        asked |= {(action, arn) for arn in found}
    return asked


def actions(kind: str, handlers: Iterable[str], properties: Mapping[str, Any]) -> set[str]:
    """Return the actions that handlers of a type call for a resource with these properties; none of an unknown type."""
    properties_set = set(property_names(properties))
    unneeded = [
        pattern
        for pattern, needing in NEEDED_BY.get(kind.removeprefix("AWS::"), {}).items()
        if properties_set.isdisjoint(needing)
    ]
    return {
        action
        for handler in handlers
        for action in (
            *schema(kind).get("handlers", {}).get(handler, {}).get("permissions", []),
            *NOT_IN_SCHEMA.get((kind, handler), ()),
        )
        # some schemas name operations that are no actions of IAM, such as s3:REST.PUT.OBJECT
        if action_details(action)
        and (handler == "read" or not any(fnmatchcase(action, pattern) for pattern in unneeded))
    }


@cache
def schema(kind: str) -> dict[str, Any]:
    """Return CloudFormation's schema of a type; empty where there is none."""
    file = _schema_files().get(kind)
    found: dict[str, Any] = json.loads((_schemas() / "resources" / f"{file}.json").read_bytes()) if file else {}
    return found


@cache
def _schema_files() -> dict[str, str]:
    files: dict[str, str] = json.loads((_schemas() / "providers" / f"{_REGION}.json").read_bytes())
    return files


@cache
def _schemas() -> Path:
    package = importlib.util.find_spec("cfnlint")  # importing it takes seconds
    return Path(str(package and package.origin)).parent / "data" / "schemas"


def property_names(value: Any) -> Iterator[str]:
    """Yield the name of every property, also of those within others."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from property_names(each)
    elif isinstance(value, list):
        for each in value:
            yield from property_names(each)


def action_details(action: str) -> dict[str, Any] | None:
    """Return what AWS's Service Authorization Reference has of an action."""
    service, _, name = action.partition(":")
    details: dict[str, Any] | None = _iam_data("actions", service).get(name.lower())
    return details


@cache
def _resource_patterns(action: str) -> tuple[list[str], list[str]]:
    """Return the ARNs of the types of resources that an action needs each of, and of those that it may be about."""
    types = (action_details(action) or {})["resourceTypes"]
    known = _iam_data("resourceTypes", action.partition(":")[0])
    required, optional = (
        [known[each["name"].lower()]["arn"] for each in types if each["required"] is is_required]
        for is_required in (True, False)
    )
    return required, optional


@cache
def _iam_data(kind: str, service: str) -> dict[str, Any]:
    path = _IAM_DATA / kind / f"{service}.json"
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    return found


def _matching(patterns: Iterable[str], arns: Iterable[str]) -> list[str]:
    return [arn for arn in arns if any(_expression(pattern).fullmatch(arn) for pattern in patterns)]


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    literal = re.split(r"(\$\{\w+\})", pattern)
    widths = {"${Partition}": "[^:]+", "${Region}": "[^:]*", "${Account}": "[^:]*"}
    return re.compile("".join(widths.get(each, ".+") if each.startswith("${") else re.escape(each) for each in literal))


def _made_up(pattern: str, name: str, environment: Environment) -> str:
    known = {field.title(): value for field, value in environment._asdict().items()}
    return re.sub(r"\$\{(\w+)\}", lambda found: known.get(found[1], name), pattern)


def _filled(pattern: str, values: Mapping[str, list[str]]) -> Iterator[str]:
    fields = re.findall(r"\{(\w+)\}", pattern)
    for each in product(*(values[field] for field in fields)):
        yield pattern.format(**dict(zip(fields, each, strict=True)))


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield each string of some properties with its property's name; what a policy is about is not used."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, key)
    elif isinstance(value, dict):
        for inner, each in value.items():
            if "Polic" not in inner:
                yield from _strings(each, inner)


def _last(name: str) -> str:
    """Return the name in an ARN or a queue's URL."""
    return re.split("[:/]", name)[-1] if name.startswith(("arn:", "https:")) else name
