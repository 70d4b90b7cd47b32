"""Operation ``log-group``: a log group that may exist already is created or adopted, and protected as asked.

Aurora makes ``/aws/rds/cluster/<name>/audit`` by itself, with retention Never Expire, when it finds none, so the group
cannot be a plain CloudFormation resource. Delete deletes nothing and loosens nothing: the group, its retention, its key
and its deletion protection stay as they are, and an Update that asks for less leaves what is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import botocore
from botocore.exceptions import ClientError

from vendor_connector import aws
from vendor_connector.request import ConnectorError, Request, read

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import CreateLogGroupRequestTypeDef, LogGroupTypeDef

# Another request changes the same group at this moment (CloudWatch Logs API, CreateLogGroup errors).
BUSY = frozenset({"OperationAbortedException"})
# What a Region or a cloud answers that does not have the call yet, and a group that cannot be protected.
_UNKNOWN_CALL = frozenset({"UnknownOperationException", "InvalidAction", "InvalidOperationException"})
_LISTED_AFTER_TRIES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    name: str
    retention_days: int | None = None
    kms_key_arn: str | None = None
    deletion_protection: bool = False
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What names the resource: one per log group."""
        return f"log-group/{self.name}"


def apply(request: Request) -> dict[str, str]:
    """Create or adopt the group, then bring key, retention and deletion protection to what is asked.

    Returns
    -------
    dict
        ``Arn`` (without the trailing ``:*``), ``Name``, ``Adopted`` (it existed before), ``DeletionProtected``.
    """
    wanted = read(Settings, request.properties)
    logs = aws.logs()
    adopted = not _create(logs, wanted, request)
    group = _find(logs, wanted.name)
    protect(logs, group, retention_days=wanted.retention_days, kms_key_arn=wanted.kms_key_arn)
    protected = group.get("deletionProtectionEnabled", False)
    if wanted.deletion_protection and not protected:
        protected = _protect_from_deletion(logs, wanted.name)
    arn = group.get("logGroupArn") or group["arn"].removesuffix(":*")
    return {
        "Arn": arn,
        "Name": wanted.name,
        "Adopted": str(adopted).lower(),
        "DeletionProtected": str(protected).lower(),
    }


def delete(request: Request) -> None:
    """Leave the group as it is: logs outlive the stack that landed them, as protected as they were."""
    aws.log("kept", log_group=request.properties.get("Name"))


def protect(
    logs: CloudWatchLogsClient, group: LogGroupTypeDef, *, retention_days: int | None, kms_key_arn: str | None
) -> None:
    """Set key and retention of an existing group where they are asked for and differ."""
    name = group["logGroupName"]
    if kms_key_arn and group.get("kmsKeyId") != kms_key_arn:
        logs.associate_kms_key(logGroupName=name, kmsKeyId=kms_key_arn)
        aws.log("key set", log_group=name, before=group.get("kmsKeyId"), now=kms_key_arn)
    if retention_days and group.get("retentionInDays") != retention_days:
        logs.put_retention_policy(logGroupName=name, retentionInDays=retention_days)
        aws.log("retention set", log_group=name, before=group.get("retentionInDays"), now=retention_days)


def _create(logs: CloudWatchLogsClient, wanted: Settings, request: Request) -> bool:
    """Create the group with key and protection from its first moment; return False when it exists already."""
    arguments: CreateLogGroupRequestTypeDef = {"logGroupName": wanted.name}
    if wanted.kms_key_arn:
        arguments["kmsKeyId"] = wanted.kms_key_arn
    if wanted.deletion_protection and _knows_deletion_protection(logs):
        arguments["deletionProtectionEnabled"] = True
    if wanted.tags:
        arguments["tags"] = wanted.tags
    try:
        aws.retry_until_accepted(
            lambda: logs.create_log_group(**arguments),
            retry_on=BUSY,
            remaining_seconds=request.remaining_seconds,
            doing=f"creating log group {wanted.name}",
        )
    except ClientError as error:
        if aws.error_code(error) != "ResourceAlreadyExistsException":
            raise
        return False
    aws.log("created", log_group=wanted.name)
    return True


def _knows_deletion_protection(logs: CloudWatchLogsClient) -> bool:
    """Return whether the SDK can send the setting, which the client itself refuses where its model lacks it.

    Which SDK a runtime has depends on its version and on the Region (Lambda Developer Guide, "Runtime-included SDK
    versions").
    """
    create = logs.meta.service_model.operation_model("CreateLogGroup").input_shape
    members = create.members if create else {}
    return "deletionProtectionEnabled" in members and hasattr(logs, "put_log_group_deletion_protection")


def _find(logs: CloudWatchLogsClient, name: str) -> LogGroupTypeDef:
    """Return the group's description; a group made a moment ago may not be listed at once."""
    for _ in range(_LISTED_AFTER_TRIES):
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name):
            for group in page["logGroups"]:
                if group["logGroupName"] == name:
                    return group
        aws.sleep(1.0)
    raise ConnectorError(f"log group {name} exists but CloudWatch Logs does not list it. Deploy again.")


def _protect_from_deletion(logs: CloudWatchLogsClient, name: str) -> bool:
    """Switch deletion protection on; return False, and log why, where it cannot be had."""
    if not _knows_deletion_protection(logs):
        why = f"botocore {botocore.__version__} of this Lambda runtime is too old; 1.41 or later knows it"
        aws.log("no deletion protection", level="WARNING", log_group=name, error=why)
        return False
    try:
        logs.put_log_group_deletion_protection(logGroupIdentifier=name, deletionProtectionEnabled=True)
    except ClientError as error:
        if aws.error_code(error) not in _UNKNOWN_CALL:
            raise
        aws.log("no deletion protection", level="WARNING", log_group=name, error=str(error))
        return False
    return True
