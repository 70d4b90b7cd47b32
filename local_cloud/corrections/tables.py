"""Tables: which items a request names, and their key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from ministack.core import iam_actions, responses

from local_cloud.corrections.operations import client
from local_cloud.corrections.permissions import KeyUse, ask_key_too, key_arn_of
from local_cloud.corrections.templates import extend

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON_ITEMS = frozenset(f"dynamodb:{action}Item" for action in ("Get", "Put", "Update", "Delete"))


def apply() -> None:
    """Make these corrections."""
    extend("AWS::DynamoDB::Table", apply=_encrypt)
    _show_leading_keys_to_policies()
    _ask_the_key_for_items()


def _encrypt(name: str, properties: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """CloudFormation encrypts a table as its template says; MiniStack drops that when it makes one."""
    wanted = properties.get("SSESpecification")
    if wanted and not before:
        renamed = {"Enabled" if setting == "SSEEnabled" else setting: value for setting, value in wanted.items()}
        client("dynamodb").update_table(TableName=name, SSESpecification=renamed)


def _show_leading_keys_to_policies() -> None:
    """``dynamodb:LeadingKeys`` are the partition keys that a request names; MiniStack shows none.

    Source: DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control".
    """
    original = iam_actions.dynamodb_service_context

    def dynamodb_service_context(body: bytes) -> Any:
        context = original(body)
        try:
            asked = json.loads(body or b"{}")
        except ValueError:
            return context
        item = asked.get("Key") or asked.get("Item")
        table = _table(str(asked.get("TableName")).rpartition("/")[2]) if item else {}
        keys = [each["AttributeName"] for each in table.get("KeySchema", []) if each["KeyType"] == "HASH"]
        values = [str(value) for key in keys for value in item.get(key, {}).values()]
        return {**context, "dynamodb:LeadingKeys": values} if values else context

    iam_actions.dynamodb_service_context = dynamodb_service_context


def _ask_the_key_for_items() -> None:
    """Who reads or writes an item of a table under a key needs Decrypt on it too; MiniStack asks no key.

    Source: DynamoDB Developer Guide, "DynamoDB encryption at rest usage notes".
    """

    def used(action: str, table_arn: str, _: Mapping[str, Any]) -> KeyUse | None:
        name = table_arn.rpartition(":table/")[2]
        table = _table(name) if action in _ON_ITEMS else {}
        key_arn = key_arn_of(table.get("SSEDescription", {}).get("KMSMasterKeyArn"))
        context = {"aws:dynamodb:tableName": name, "aws:dynamodb:subscriberId": responses.get_account_id()}
        return KeyUse(key_arn, "kms:Decrypt", context) if key_arn else None

    ask_key_too(used)


def _table(name: str) -> dict[str, Any]:
    try:
        return dict(client("dynamodb").describe_table(TableName=name)["Table"])
    except ClientError:
        return {}
