"""What the stand-in seals is what the AWS S3 Encryption Client V2 seals, so the shipper opens it."""

import base64
import os

import pytest
from cryptography.exceptions import InvalidTag
from log_shipper.vendors.aptible import envelope as aptible_envelope

from local_cloud.vendors.aptible.encryption import key_id, seal, unseal


def test_opens_what_it_sealed() -> None:
    key = os.urandom(32)

    assert unseal(*seal(b"a log line", key), key) == b"a log line"


def test_rejects_another_key() -> None:
    with pytest.raises(InvalidTag):
        unseal(*seal(b"a log line", os.urandom(32)), os.urandom(32))


def test_the_envelope_has_the_fields_and_sizes_of_the_client() -> None:
    body, envelope = seal(b"a log line", os.urandom(32))

    assert len(body) == len(b"a log line") + 16
    # IV, encrypted key and tag.
    assert len(base64.b64decode(envelope.pop("x-amz-key-v2"))) == 12 + 32 + 16
    assert len(base64.b64decode(envelope.pop("x-amz-iv"))) == 12
    assert envelope == {
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "AES/GCM",
        "x-amz-tag-len": "128",
        "x-amz-matdesc": "{}",
        "x-amz-unencrypted-content-length": "10",
    }


def test_the_shipper_opens_what_was_sealed() -> None:
    key = os.urandom(32)
    body, metadata = seal(b"a log line\n" * 1000, key)
    envelope = aptible_envelope.read_envelope(metadata)
    assert envelope is not None
    master_key = aptible_envelope.master_key_for(f"stack/shareable/v3/{key_id(key)}/apps-1/x", [os.urandom(32), key])

    content_key = aptible_envelope.unwrap_key(envelope, master_key)
    opened = b"".join(aptible_envelope.decrypt(iter([body]), envelope, content_key))

    assert opened == b"a log line\n" * 1000
