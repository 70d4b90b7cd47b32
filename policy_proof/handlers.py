"""The actions that CloudFormation calls for the types of resources that Logdock's templates have.

Every type's schema names them: ``handlers.*.permissions`` (CloudFormation CLI User Guide, "Resource type definition
schema"). Not all are needed: a schema names those of every property. `NOT_USED` takes out what belongs to properties
that no template sets, and a test finds a template that sets one. ``python -m policy_proof.handlers`` writes
``logdock/cli/bootstrap_policy/permissions.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from policy_proof.synthesis import ROOT

TABLE = ROOT / "logdock" / "cli" / "bootstrap_policy" / "permissions.json"
IAM_DATA = ROOT / "node_modules" / "@cloud-copilot" / "iam-data" / "data" / "actions"
REGION = "us-east-1"
"""Whose schemas are taken: every type is there."""
HANDLERS = ("create", "read", "update", "delete")

GLOBAL_TABLE: tuple[str, ...] = ()
"""AWS::DynamoDB::GlobalTable alone has replicas; no property of AWS::DynamoDB::Table needs these actions."""
NOT_USED: dict[str, dict[str, tuple[str, ...]]] = {
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
"""By type: the pattern of actions that are omitted, and the properties that would need them."""


def schemas(types: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return CloudFormation's schemas of some types; cfn-lint brings them."""
    import cfnlint

    folder = Path(str(cfnlint.__file__)).parent / "data" / "schemas"
    files = json.loads((folder / "providers" / f"{REGION}.json").read_text(encoding="utf-8"))
    return {
        name: json.loads((folder / "resources" / f"{files[name]}.json").read_text(encoding="utf-8"))
        for name in sorted(types)
    }


def permissions(types: Iterable[str]) -> dict[str, list[str]]:
    """Return the actions that each type needs."""
    return {
        name: sorted(each for each in set(named(schema)) if _exists(each) and not _is_unused(name, each))
        for name, schema in schemas(types).items()
    }


def named(schema: dict[str, Any]) -> Iterator[str]:
    """Yield every action that a schema names."""
    for handler in HANDLERS:
        yield from schema["handlers"].get(handler, {}).get("permissions", [])


def _is_unused(name: str, action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in NOT_USED.get(name.removeprefix("AWS::"), {}))


def _exists(action: str) -> bool:
    """Say whether IAM has an action; some schemas name operations that are none, such as s3:REST.PUT.OBJECT."""
    return action_details(action) is not None


def action_details(action: str) -> dict[str, Any] | None:
    """Return what AWS's Service Authorization Reference has of an action."""
    service, _, name = action.partition(":")
    details: dict[str, Any] | None = _actions(service).get(name.lower())
    return details


@cache
def _actions(service: str) -> dict[str, Any]:
    path = IAM_DATA / f"{service}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


if __name__ == "__main__":
    written = permissions(json.loads(TABLE.read_text(encoding="utf-8")))
    TABLE.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
