"""Tables: which items a request names, and their key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions, responses
from ministack.services import dynamodb, kms
from ministack.services.cloudformation import provisioners

from local_cloud.corrections.permissions import KeyUse, ask_key_too

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON_ITEMS = frozenset(f"dynamodb:{action}Item" for action in ("Get", "Put", "Update", "Delete"))


def apply() -> None:
    """Make these corrections."""
    _encrypt_tables_of_templates()
    _show_leading_keys_to_policies()
    _ask_the_key_for_items()


def _encrypt_tables_of_templates() -> None:
    """CloudFormation encrypts a table as its template says; MiniStack drops that when it makes one."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
    create = handlers["create"]

    def create_encrypted(logical_id: str, properties: Mapping[str, Any], *rest: Any) -> Any:
        name, attributes = create(logical_id, properties, *rest)
        if wanted := properties.get("SSESpecification"):
            specification = {**wanted, "Enabled": wanted.get("SSEEnabled")}
            dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(specification)
        return name, attributes

    handlers["create"] = create_encrypted


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
        table = dynamodb._tables.get(str(asked.get("TableName")).rpartition("/")[2])
        key = (asked.get("Key") or asked.get("Item") or {}).get(table["pk_name"]) if table else None
        return {**context, "dynamodb:LeadingKeys": [str(each) for each in key.values()]} if key else context

    iam_actions.dynamodb_service_context = dynamodb_service_context


def _ask_the_key_for_items() -> None:
    """Who reads or writes an item of a table under a key needs Decrypt on it too; MiniStack asks no key.

    Source: DynamoDB Developer Guide, "DynamoDB encryption at rest usage notes".
    """

    def used(action: str, table_arn: str, _: Mapping[str, Any]) -> KeyUse | None:
        name = table_arn.rpartition(":table/")[2]
        table = dynamodb._tables.get(name) if action in _ON_ITEMS else None
        description = (table or {}).get("SSEDescription") or {}
        record = kms._resolve_key(description.get("KMSMasterKeyArn") or "")
        if record is None:
            return None
        context = {"aws:dynamodb:tableName": name, "aws:dynamodb:subscriberId": responses.get_account_id()}
        return KeyUse(record["Arn"], "kms:Decrypt", context)

    ask_key_too(used)
