"""The client-side encryption envelope of Aptible's archives: AWS S3 Encryption Client V2 with a raw AES master key.

The object's metadata holds the content key, wrapped by AES-GCM under the master key, and the content's IV; the body is
AES-256-GCM ciphertext followed by its tag. Sources: the aptible-cli (key_wrap_schema aes_gcm, content_encryption_schema
aes_gcm_no_padding) and aws-sdk-ruby's encryptionV2. Pure: knows bytes and mappings, not S3.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from log_shipper.errors import EnvelopeError

WRAP_AAD = b"AES/GCM/NoPadding"
TAG_BYTES = 16
_IV_BYTES = 12
_AES_KEY_BYTES = (16, 24, 32)
_KEY_HASH_SEGMENT = 3


class Envelope(NamedTuple):
    """What an object's metadata says about its encryption."""

    wrapped_key: bytes
    iv: bytes


def read_envelope(metadata: Mapping[str, str]) -> Envelope | None:
    """Return the envelope in an object's user metadata (names with or without ``x-amz-meta-``), None without one.

    Raises
    ------
    EnvelopeError
        For a legacy V1 envelope, another algorithm, or values that cannot be read.
    """
    values = {name.lower().removeprefix("x-amz-meta-"): value for name, value in metadata.items()}
    if "x-amz-key-v2" not in values:
        if "x-amz-key" in values:
            raise EnvelopeError("the object has a legacy V1 envelope (x-amz-key), which is not read: it has no tag")
        return None
    for name, wanted in (
        ("x-amz-cek-alg", "AES/GCM/NoPadding"), ("x-amz-wrap-alg", "AES/GCM"), ("x-amz-tag-len", "128"),
    ):  # fmt: skip
        if values.get(name) != wanted:
            raise EnvelopeError(f"{name} is {values.get(name)!r}, allowed is {wanted!r}")
    try:
        wrapped_key = base64.b64decode(values["x-amz-key-v2"], validate=True)
        iv = base64.b64decode(values["x-amz-iv"], validate=True)
    except (KeyError, binascii.Error, ValueError):
        raise EnvelopeError("x-amz-key-v2 or x-amz-iv is missing or not base64") from None
    if len(iv) != _IV_BYTES or len(wrapped_key) <= _IV_BYTES + TAG_BYTES:
        raise EnvelopeError("x-amz-key-v2 or x-amz-iv has the wrong length")
    return Envelope(wrapped_key, iv)


def read_keys(text: str) -> list[bytes]:
    """Return raw AES keys: base64 texts parted by white space, or a JSON object with a list of ``keys``.

    Raises
    ------
    EnvelopeError
        When there is none, or one is not base64 or has not the length of an AES key; says which, and never its text.
    """
    try:
        encoded = orjson.loads(text).get("keys") if text.lstrip().startswith("{") else text.split()
    except orjson.JSONDecodeError:
        raise EnvelopeError("it begins like JSON and is none") from None
    if not isinstance(encoded, list) or not encoded:
        raise EnvelopeError("it has no keys")
    keys = []
    for number, each in enumerate(encoded, 1):
        try:
            key = base64.b64decode(each, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise EnvelopeError(f"key {number} is not base64") from None
        if len(key) not in _AES_KEY_BYTES:
            raise EnvelopeError(f"key {number} has {len(key)} bytes; an AES key has 16, 24 or 32")
        keys.append(key)
    return keys


def master_key_for(object_key: str, keys: Iterable[bytes]) -> bytes:
    """Return the key whose SHA-256, in hex, is the fourth segment of the object's key.

    Raises
    ------
    EnvelopeError
        When none is.
    """
    segments = object_key.split("/")
    wanted = segments[_KEY_HASH_SEGMENT] if len(segments) > _KEY_HASH_SEGMENT else ""
    for key in keys:
        if hashlib.sha256(key).hexdigest() == wanted:
            return key
    raise EnvelopeError(f"no decryption key has the SHA-256 {wanted[:64]!r}, which the object's key names")


def unwrap_key(envelope: Envelope, master_key: bytes) -> bytes:
    """Return the content key.

    Raises
    ------
    EnvelopeError
        When the master key is not the one it was wrapped with.
    """
    nonce, wrapped = envelope.wrapped_key[:_IV_BYTES], envelope.wrapped_key[_IV_BYTES:]
    try:
        return AESGCM(master_key).decrypt(nonce, wrapped, WRAP_AAD)
    except (InvalidTag, ValueError):
        raise EnvelopeError("the content key does not unwrap under the chosen master key") from None


def verify(chunks: Iterable[bytes], envelope: Envelope, content_key: bytes) -> None:
    """Read a whole body and check its tag; nothing of the plaintext is kept.

    Raises
    ------
    EnvelopeError
        When the tag does not verify: the body is damaged, truncated or not what was encrypted.
    """
    for _ in decrypt(chunks, envelope, content_key):
        pass


def decrypt(chunks: Iterable[bytes], envelope: Envelope, content_key: bytes) -> Iterator[bytes]:
    """Yield the plaintext of a body piece by piece; only to be used on a body that `verify` has accepted.

    The tag, the body's last 16 bytes, is checked again at the end.
    """
    try:
        decryptor = Cipher(algorithms.AES(content_key), modes.GCM(envelope.iv)).decryptor()
    except ValueError:
        raise EnvelopeError("the content key is not an AES key") from None
    held = b""
    for chunk in chunks:
        held += chunk
        if len(held) > TAG_BYTES:
            piece, held = held[:-TAG_BYTES], held[-TAG_BYTES:]
            yield decryptor.update(piece)
    if len(held) < TAG_BYTES:
        raise EnvelopeError("the body is shorter than its tag")
    try:
        decryptor.finalize_with_tag(held)
    except InvalidTag:
        raise EnvelopeError("the body's tag does not verify") from None
