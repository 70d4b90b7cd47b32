"""The credential: its shape, and messages that never hold it."""

import json
from typing import Any

import boto3
import pytest
from vendor_connector import credential
from vendor_connector.request import ConnectorError

ACCOUNT, KEYS = ("client_id", "client_secret"), ("public_key", "private_key")
TOKEN = ("api_token",)


def store(text: str) -> None:
    boto3.client("secretsmanager").create_secret(Name="acme/vendor", SecretString=text)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"client_id": "a", "client_secret": "b"}, {"client_id": "a", "client_secret": "b"}),
        ({"public_key": " a\n", "private_key": "b"}, {"public_key": "a", "private_key": "b"}),
        (
            {"client_id": "a", "client_secret": "b", "public_key": "c", "note": 1},
            {"client_id": "a", "client_secret": "b"},
        ),
    ],
)
def test_reads_the_first_shape_that_is_whole(wire: Any, document: object, expected: dict[str, str]) -> None:
    store(json.dumps(document))
    assert credential.read("acme/vendor", ACCOUNT, KEYS) == expected


@pytest.mark.parametrize("text", ["CCDB1_abc\n", '{"api_token": "CCDB1_abc"}'])
def test_a_single_text_may_be_the_secret_itself(wire: Any, text: str) -> None:
    store(text)
    assert credential.read("acme/vendor", TOKEN) == {"api_token": "CCDB1_abc"}


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "hunter2 hunter2",
        '"hunter2"',
        "[1]",
        '{"hunter2": "x"}',
        '{"client_id": "hunter2"}',
        '{"client_id": "hunter2", "client_secret": ""}',
        '{"client_id": "hunter2", "client_secret": 5}',
        "{hunter2",
    ],
)
def test_rejects_another_shape_without_showing_it(wire: Any, text: str) -> None:
    store(text)
    with pytest.raises(ConnectorError) as refused:
        credential.read("acme/vendor", ACCOUNT, KEYS)
    assert str(refused.value) == (
        'secret acme/vendor: its value must be the JSON object {"client_id": "...", "client_secret": "..."} or '
        '{"public_key": "...", "private_key": "..."}, each a text that is not empty'
    )


@pytest.mark.parametrize("text", ["hunter2", "{hunter2"])
def test_rejects_a_single_text_where_two_are_needed_or_json_is_broken(wire: Any, text: str) -> None:
    store(text)
    shapes = (ACCOUNT,) if text == "hunter2" else (TOKEN,)
    with pytest.raises(ConnectorError, match="its value must be the JSON object"):
        credential.read("acme/vendor", *shapes)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ResourceNotFoundException", "no such secret in this account and Region"),
        ("AccessDeniedException", "`connect.secret_key_arn`"),
        ("DecryptionFailure", "its KMS key cannot be used"),
        ("InternalServiceError", "AWS says InternalServiceError"),
    ],
)
def test_says_why_a_secret_cannot_be_read(wire: Any, code: str, said: str) -> None:
    wire.refuse("GetSecretValue", code)
    with pytest.raises(ConnectorError, match=f"secret acme/vendor: .*{said}"):
        credential.read("acme/vendor", TOKEN)
