"""Tables: items that a role may name, conditions of writes, and the key.

Each test of a refusal goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator

ITEMS = ["dynamodb:GetItem", "dynamodb:UpdateItem"]


def _table(emulator: Emulator, **more: Any) -> str:
    name = made.new_name()
    made.client(emulator, "dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    return name


def _update(client: Any, table: str, key: str, **more: Any) -> Any:
    return client.update_item(
        TableName=table,
        Key={"id": {"S": key}},
        UpdateExpression="SET holder = :me",
        ExpressionAttributeValues={":me": {"S": "a"}},
        **more,
    )


def _member(emulator: Emulator, table: str, *statements: dict[str, Any]) -> Any:
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    condition = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["logz/*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    role = made.role(emulator, {**made.allow(ITEMS, arn), "Condition": condition}, *statements)
    return made.client(emulator, "dynamodb", made.assume(emulator, role))


def test_a_role_reaches_the_items_that_its_policy_names(emulator: Emulator) -> None:
    table = _table(emulator)
    member = _member(emulator, table)
    _update(member, table, "logz/a")
    assert member.get_item(TableName=table, Key={"id": {"S": "logz/a"}})["Item"]["holder"] == {"S": "a"}
    for refused in ("logz", "logz2/a", "other/a"):
        with pytest.raises(ClientError, match="AccessDenied"):
            _update(member, table, refused)


def test_an_item_needs_the_key_of_its_table(emulator: Emulator) -> None:
    kms = made.client(emulator, "kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=made.document(made.delegation()))
    table = _table(emulator, SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key})
    context = {
        "kms:ViaService": f"dynamodb.{REGION}.amazonaws.com",
        "kms:EncryptionContext:aws:dynamodb:tableName": table,
    }
    allowed = {**made.allow("kms:Decrypt", key), "Condition": {"StringEquals": context}}
    _update(_member(emulator, table, allowed), table, "logz/a")
    with pytest.raises(ClientError, match="AccessDenied"):
        _update(_member(emulator, table), table, "logz/a")


def test_a_condition_that_does_not_hold_shows_the_item(emulator: Emulator) -> None:
    table, client = _table(emulator), made.client(emulator, "dynamodb")
    once = {"ConditionExpression": "attribute_not_exists(holder)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    assert "Attributes" not in _update(client, table, "a", ReturnValues="ALL_OLD", **once)
    with pytest.raises(ClientError) as refused:
        _update(client, table, "a", **once)
    assert json.dumps(refused.value.response["Item"], sort_keys=True) == '{"holder": {"S": "a"}, "id": {"S": "a"}}'  # type: ignore[typeddict-item]
