import base64
import gzip
import hashlib
import json
import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import ship
from log_shipper.errors import EnvelopeError
from log_shipper.vendors.aptible.envelope import WRAP_AAD, decrypt, master_key_for, read_envelope, unwrap_key, verify

from tests.lambda_src.log_shipper.world import FAILURES, Cloud, Context, Listener, batch, message, recorded

MASTER = bytes(range(32))


def encrypt(plaintext: bytes, master: bytes = MASTER) -> tuple[bytes, dict[str, str]]:
    """Return a body and its metadata as the AWS S3 Encryption Client V2 writes them under a raw AES key."""
    content_key, iv, nonce = os.urandom(32), os.urandom(12), os.urandom(12)
    body = AESGCM(content_key).encrypt(iv, plaintext, None)
    wrapped = nonce + AESGCM(master).encrypt(nonce, content_key, WRAP_AAD)
    metadata = {
        "x-amz-key-v2": base64.b64encode(wrapped).decode(),
        "x-amz-iv": base64.b64encode(iv).decode(),
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "AES/GCM",
        "x-amz-tag-len": "128",
        "x-amz-matdesc": "{}",
        "x-amz-unencrypted-content-length": str(len(plaintext)),
    }
    return body, metadata


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def opened(body: bytes, metadata: dict[str, str], size: int, master: bytes = MASTER) -> bytes:
    envelope = read_envelope(metadata)
    assert envelope is not None
    key = unwrap_key(envelope, master)
    verify(cut(body, size), envelope, key)
    return b"".join(decrypt(cut(body, size), envelope, key))


@given(st.binary(max_size=200), st.integers(1, 64))
def test_opens_what_was_encrypted(plaintext: bytes, size: int) -> None:
    assert opened(*encrypt(plaintext), size) == plaintext


@given(st.binary(max_size=100), st.data())
def test_rejects_any_flipped_bit(plaintext: bytes, data: st.DataObject) -> None:
    body, metadata = encrypt(plaintext)
    damaged = bytearray(body)
    damaged[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(EnvelopeError, match="tag"):
        opened(bytes(damaged), metadata, 16)


@given(st.integers(0, 60))
def test_rejects_any_truncation(length: int) -> None:
    body, metadata = encrypt(b"x" * 45)
    with pytest.raises(EnvelopeError, match="tag"):
        opened(body[:length], metadata, 7)


def test_rejects_another_master_key() -> None:
    with pytest.raises(EnvelopeError, match="unwrap"):
        opened(*encrypt(b"x"), 7, bytes(32))


def test_rejects_legacy_envelope() -> None:
    with pytest.raises(EnvelopeError, match="V1"):
        read_envelope({"x-amz-key": "AAAA", "x-amz-iv": "AAAA"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-cek-alg", "AES/CBC/PKCS5Padding"),
        ("x-amz-wrap-alg", "kms+context"),
        ("x-amz-tag-len", "96"),
        ("x-amz-key-v2", "!"),
        ("x-amz-iv", "AAAA"),
    ],
)
def test_rejects_envelope_with_another_value(name: str, value: str) -> None:
    with pytest.raises(EnvelopeError, match=name):
        read_envelope(encrypt(b"x")[1] | {name: value})


def test_object_without_envelope_has_none() -> None:
    assert read_envelope({"other": "x"}) is None


def test_key_is_chosen_by_the_hash_in_the_path() -> None:
    path = f"stack/shareable/v3/{hashlib.sha256(MASTER).hexdigest()}/apps-1/x"
    assert master_key_for(path, [bytes(32), MASTER]) == MASTER
    with pytest.raises(EnvelopeError, match="SHA-256"):
        master_key_for(path, [bytes(32)])


KEY = (
    f"mystack/shareable/v3/{hashlib.sha256(MASTER).hexdigest()}/apps-321/service-123/"
    "0123456789ab-json.log.2022-08-24T21:12:33.2022-08-24T22:12:33.archived.gz"
)


@pytest.fixture
def platform(cloud: Cloud) -> Cloud:
    cloud.secret("acme/aptible", f"{base64.b64encode(bytes(32)).decode()} {base64.b64encode(MASTER).decode()}")
    cloud.export("platform", vendor="aptible", decryption_keys_secret="acme/aptible")
    return cloud


LINES = [json.loads(line)["log"].removesuffix("\n") for line in recorded("aptible/docker.log").splitlines()]
"""The container's own lines."""


def test_encrypted_archives_are_shipped(platform: Cloud, logz: Listener) -> None:
    body, metadata = encrypt(gzip.compress(recorded("aptible/docker.log").encode()))
    item = platform.land(KEY, body, Metadata=metadata)
    assert ship.handler(batch(message("platform", item)), Context()) == {"batchItemFailures": []}
    assert logz.messages() == LINES
    assert logz.accepted[0]["log_type"] == "apps"


def test_an_envelope_beside_the_object_is_read(platform: Cloud, logz: Listener) -> None:
    body, envelope = encrypt(gzip.compress(recorded("aptible/docker.log").encode()))
    platform.land(f"{KEY}.instruction", json.dumps(envelope).encode())
    item = platform.land(KEY, body)
    assert ship.handler(batch(message("platform", item)), Context()) == {"batchItemFailures": []}
    assert logz.messages() == LINES


@pytest.mark.parametrize("file", [b"", b"[]", b"7", b"{", b'{"x-amz-iv": "' + b"A" * 70_000 + b'"}', b"\xff"])
def test_a_file_beside_the_object_that_is_no_envelope_is_named(
    platform: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str], file: bytes
) -> None:
    body, _ = encrypt(gzip.compress(recorded("aptible/docker.log").encode()))
    platform.land(f"{KEY}.instruction", file)
    item = platform.land(KEY, body)
    assert ship.handler(batch(message("platform", item)), Context()) == {
        "batchItemFailures": [{"itemIdentifier": "m1"}]
    }
    assert logz.bodies == []
    assert "its instruction file is not the JSON that the encryption client writes" in capsys.readouterr().out


def test_nothing_of_a_tampered_archive_is_released(platform: Cloud, logz: Listener) -> None:
    body, metadata = encrypt("".join(f"line {i}\n" for i in range(100_000)).encode())
    item = platform.land(KEY, body[:-1] + bytes([body[-1] ^ 1]), Metadata=metadata)
    assert ship.handler(batch(message("platform", item)), Context()) == {
        "batchItemFailures": [{"itemIdentifier": "m1"}]
    }
    assert logz.bodies == []
    assert platform.keys(FAILURES) == []


def test_object_without_envelope_is_refused_where_keys_are_configured(
    platform: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    """Aptible encrypts every object: what anybody else puts there, in the clear, is not taken for Aptible's."""
    item = platform.land(KEY, gzip.compress(recorded("aptible/docker.log").encode()))
    assert ship.handler(batch(message("platform", item)), Context()) == {
        "batchItemFailures": [{"itemIdentifier": "m1"}]
    }
    assert logz.bodies == []
    assert platform.keys(FAILURES) == []
    assert "the object has no encryption envelope, and the export has decryption keys" in capsys.readouterr().out


def test_object_without_envelope_is_shipped_where_no_keys_are_configured(cloud: Cloud, logz: Listener) -> None:
    cloud.export("platform", vendor="aptible")
    item = cloud.land(KEY, gzip.compress(recorded("aptible/docker.log").encode()))
    assert ship.handler(batch(message("platform", item)), Context()) == {"batchItemFailures": []}
    assert logz.messages() == LINES
