"""Log groups: their keys, their protection, and their subscriptions."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from ministack.core import responses
from ministack.services import cloudwatch_logs

from local_cloud.corrections.operations import client, intercept, json_error
from local_cloud.corrections.templates import extend
from local_cloud.stand_ins.service_principal import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request

_WORD = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')
_TERM = re.compile(r'\$\.(\w+)(\[0\])? *= *"([^"]*)"')
_PROTECTED = "deletionProtectionEnabled"
_PROTECTED_MESSAGE = "The log group cannot be deleted while deletion protection is enabled."


def apply() -> None:
    """Make these corrections."""
    extend("AWS::Logs::LogGroup", check=_check, apply=_protect, check_delete=_check_delete)
    extend("AWS::Logs::SubscriptionFilter", check=_require_the_group)
    intercept(cloudwatch_logs, "AssociateKmsKey", "PutLogGroupDeletionProtection")(_change)
    intercept(cloudwatch_logs, "DeleteLogGroup")(_keep_protected)
    _match_patterns()


def _match_patterns() -> None:
    """Words are case-sensitive, and a pattern in braces matches JSON of these fields alone.

    MiniStack ignores case, and takes a pattern in braces to match everything.

    Those of the project are read: a field, or the first of its list, equals a string, with ``*`` for any characters;
    several are joined by ``||``. Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters".
    """
    original = cloudwatch_logs._compile_filter_pattern

    def compile_pattern(raw: str) -> Any:
        pattern = (raw or "").strip()
        terms = [_TERM.fullmatch(term.strip()) for term in pattern.strip("{}").split("||")]
        if not pattern.startswith(("{", "[", "%", "?")):
            words = [(not minus, quoted or bare) for minus, quoted, bare in _WORD.findall(pattern)]
            return lambda message: all((word in message) is wanted for wanted, word in words)
        if None in terms:
            return original(raw)

        def matches(message: str) -> bool:
            try:
                document = json.loads(message)
            except ValueError:
                return False
            return isinstance(document, dict) and any(_has(document, *term.groups()) for term in terms if term)

        return matches

    cloudwatch_logs._compile_filter_pattern = compile_pattern


def _has(document: Mapping[str, Any], name: str, first: str | None, wanted: str) -> bool:
    value = document.get(name)
    if first:
        value = value[0] if isinstance(value, list) and value else None
    return isinstance(value, str) and fnmatchcase(value, wanted)


def _check(properties: Mapping[str, Any], current: str | None) -> None:
    """A log group of a template requires a key that the service may use, and a free name."""
    name = properties.get("LogGroupName")
    if properties.get("KmsKeyId") and not _logs_may_use_key(properties["KmsKeyId"], name or current or ""):
        raise ValueError(f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{name}'")
    if name != current and name in cloudwatch_logs._log_groups:
        raise ValueError(f"Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' already exists")


def _protect(name: str, properties: Mapping[str, Any], _: Mapping[str, Any]) -> None:
    protected = str(properties.get("DeletionProtectionEnabled", False)).lower() == "true"
    cloudwatch_logs._log_groups[name][_PROTECTED] = protected


def _check_delete(name: str) -> None:
    if cloudwatch_logs._log_groups.get(name, {}).get(_PROTECTED):
        raise ValueError(_PROTECTED_MESSAGE)


def _require_the_group(properties: Mapping[str, Any], _: str | None) -> None:
    """A subscription filter requires its log group; MiniStack's template handler makes one that is missing.

    CloudWatch Logs API Reference, PutSubscriptionFilter: ResourceNotFoundException.
    """
    if properties.get("LogGroupName") not in cloudwatch_logs._log_groups:
        raise ValueError(f"The specified log group does not exist: {properties.get('LogGroupName')}")


async def _keep_protected(request: Request, proceed: Proceed) -> Answer:
    """A protected log group is not deleted."""
    if cloudwatch_logs._log_groups.get(request.parameters.get("logGroupName"), {}).get(_PROTECTED):
        return json_error("ValidationException", _PROTECTED_MESSAGE)
    return await proceed()


async def _change(request: Request, _: Proceed) -> Answer:
    """A key and deletion protection can be put on a log group that exists; MiniStack knows neither action."""
    data = request.parameters
    name = data.get("logGroupName") or data["logGroupIdentifier"].removesuffix(":*").rpartition(":log-group:")[2]
    if name not in cloudwatch_logs._log_groups:
        message = f"The specified log group does not exist: {name}"
        return json_error("ResourceNotFoundException", message)
    if request.operation == "PutLogGroupDeletionProtection":
        cloudwatch_logs._log_groups[name][_PROTECTED] = data[_PROTECTED]
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"
    if not _logs_may_use_key(data["kmsKeyId"], name):
        message = f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{name}'"
        return json_error("InvalidParameterException", message)
    cloudwatch_logs._log_groups[name]["kmsKeyId"] = data["kmsKeyId"]
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"


def _logs_may_use_key(key_arn: str, log_group_name: str) -> bool:
    account_id, region = responses.get_account_id(), responses.get_region()
    log_group = f"arn:aws:logs:{region}:{account_id}:log-group:{log_group_name}"
    try:
        policy = client("kms").get_key_policy(KeyId=key_arn, PolicyName="default")["Policy"]
    except ClientError:
        return False
    return all(
        ServiceRequest(
            service=f"logs.{region}.amazonaws.com",
            action=action,
            resource_arn=key_arn,
            region=region,
            source_account=account_id,
            source_arn=log_group,
            context={"kms:encryptioncontext:aws:logs:arn": log_group},
        ).is_allowed_by(policy)
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    )
