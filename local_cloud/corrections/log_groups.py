"""Log groups: their keys, their protection, and their subscriptions."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator, responses
from ministack.services import cloudwatch_logs, kms
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Mapping

_TERM = re.compile(r'\$\.(\w+)(\[0\])? *= *"([^"]*)"')
_PROTECTED = "deletionProtectionEnabled"
_PROTECTED_MESSAGE = "The log group cannot be deleted while deletion protection is enabled."


def apply() -> None:
    """Make these corrections."""
    _check_log_groups_of_templates()
    _change_log_groups_that_exist()
    _subscribe_groups_that_exist()
    _match_json_patterns()


def _match_json_patterns() -> None:
    """A pattern in braces matches JSON of these fields alone; MiniStack takes it to match everything.

    Those of the project are read: a field, or the first of its list, equals a string, with ``*`` for any characters;
    several are joined by ``||``. Source: CloudWatch Logs User Guide, "Filter pattern syntax for metric filters".
    """
    original = cloudwatch_logs._compile_filter_pattern

    def compile_pattern(raw: str) -> Any:
        pattern = (raw or "").strip()
        terms = [_TERM.fullmatch(term.strip()) for term in pattern.strip("{}").split("||")]
        if not pattern.startswith("{") or None in terms:
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


def _check_log_groups_of_templates() -> None:
    """A group needs a key that the service may use, and a free name; a protected one is not deleted."""
    create, update, delete = provisioners._cwlogs_create, provisioners._cwlogs_update, provisioners._cwlogs_delete

    def check_key(name: str, props: Mapping[str, Any]) -> None:
        if props.get("KmsKeyId") and not _logs_may_use_key(props["KmsKeyId"], name):
            message = f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{name}'"
            raise ValueError(message)

    def protect(name: str, props: Mapping[str, Any]) -> None:
        protected = str(props.get("DeletionProtectionEnabled", False)).lower() == "true"
        cloudwatch_logs._log_groups[name][_PROTECTED] = protected

    def checked_create(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:
        name = props.get("LogGroupName") or f"/aws/cloudformation/{stack_name}/{logical_id}"
        check_key(name, props)
        if name in cloudwatch_logs._log_groups:
            message = f"Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' already exists"
            raise ValueError(message)
        name, attributes = create(logical_id, props, stack_name)
        protect(name, props)
        return name, attributes

    def checked_update(physical_id: str, old: Any, new: Any, stack_name: str, logical_id: str | None = None) -> Any:
        check_key(new.get("LogGroupName") or physical_id, new)
        name, attributes = update(physical_id, old, new, stack_name, logical_id)
        protect(name, new)
        return name, attributes

    def checked_delete(physical_id: str, props: Mapping[str, Any]) -> Any:
        if cloudwatch_logs._log_groups.get(physical_id, {}).get(_PROTECTED):
            raise ValueError(_PROTECTED_MESSAGE)
        return delete(physical_id, props)

    provisioners._cwlogs_create = checked_create  # the update of a renamed group creates one
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    handlers.update(create=checked_create, update=checked_update, delete=checked_delete)

    original_delete = cloudwatch_logs._delete_log_group

    def delete_log_group(data: Mapping[str, Any]) -> Any:
        if cloudwatch_logs._log_groups.get(data.get("logGroupName"), {}).get(_PROTECTED):
            return responses.error_response_json("ValidationException", _PROTECTED_MESSAGE, 400)
        return original_delete(data)

    cloudwatch_logs._delete_log_group = delete_log_group


def _change_log_groups_that_exist() -> None:
    """A key and deletion protection can be put on a log group that exists; MiniStack knows neither action."""
    original = cloudwatch_logs.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action not in ("AssociateKmsKey", "PutLogGroupDeletionProtection"):
            return await original(method, path, headers, body, query_params)
        data = json.loads(body)
        name = data.get("logGroupName") or data["logGroupIdentifier"].removesuffix(":*").rpartition(":log-group:")[2]
        if name not in cloudwatch_logs._log_groups:
            message = f"The specified log group does not exist: {name}"
            return responses.error_response_json("ResourceNotFoundException", message, 400)
        if action == "PutLogGroupDeletionProtection":
            cloudwatch_logs._log_groups[name][_PROTECTED] = data[_PROTECTED]
            return responses.json_response({})
        if not _logs_may_use_key(data["kmsKeyId"], name):
            message = f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{name}'"
            return responses.error_response_json("InvalidParameterException", message, 400)
        cloudwatch_logs._log_groups[name]["kmsKeyId"] = data["kmsKeyId"]
        return responses.json_response({})

    cloudwatch_logs.handle_request = handle_request


def _subscribe_groups_that_exist() -> None:
    """A subscription filter requires its log group; MiniStack's template handler makes one that is missing.

    CloudWatch Logs API Reference, PutSubscriptionFilter: ResourceNotFoundException.
    """
    original = provisioners._cwlogs_subfilter_create

    def create(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:
        if props.get("LogGroupName") not in cloudwatch_logs._log_groups:
            message = f"The specified log group does not exist: {props.get('LogGroupName')}"
            raise ValueError(message)
        return original(logical_id, props, stack_name)

    provisioners._cwlogs_subfilter_create = create  # the update to another group creates one
    provisioners._RESOURCE_HANDLERS["AWS::Logs::SubscriptionFilter"]["create"] = create


def _logs_may_use_key(key_arn: str, log_group_name: str) -> bool:
    record = kms._resolve_key(key_arn)
    if record is None:
        return False
    account_id, region = responses.get_account_id(), responses.get_region()
    log_group = f"arn:aws:logs:{region}:{account_id}:log-group:{log_group_name}"
    service = f"logs.{region}.amazonaws.com"

    def allows(action: str) -> bool:
        context = iam_evaluator.EvalContext(
            principal_arn=service,
            principal_type="Service",
            principal_account="",
            action=action,
            resource_arn=record["Arn"],
            region=region,
            service_context={
                "kms:encryptioncontext:aws:logs:arn": log_group,
                "aws:sourcearn": log_group,
                "aws:sourceaccount": account_id,
            },
        )
        decision = iam_evaluator.evaluate_resource_policy(record.get("Policy"), context, service=service).decision
        return bool(decision == "Allow")

    return allows("kms:GenerateDataKey") and allows("kms:Decrypt")
