"""The AWS S3 Encryption Client V2 with a raw AES master key: how Aptible encrypts before it uploads.

The envelope is the object's user metadata. Written from the client's own description, to seal what the shipper must be
able to open without knowing this module. Source: aws-sdk-ruby, ``Aws::S3::EncryptionV2``, with the key wrap schema
``aes_gcm`` and the content encryption schema ``aes_gcm_no_padding``.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTENT_ALGORITHM = "AES/GCM/NoPadding"
_IV_BYTES = 12
_KEY_BYTES = 32


def key_id(master_key: bytes) -> str:
    """Return the path segment by which an object's master key is known."""
    return hashlib.sha256(master_key).hexdigest()


def seal(body: bytes, master_key: bytes) -> tuple[bytes, dict[str, str]]:
    """Encrypt a body; return it, and the envelope as user metadata."""
    content_key, content_iv, wrap_iv = os.urandom(_KEY_BYTES), os.urandom(_IV_BYTES), os.urandom(_IV_BYTES)
    wrapped = wrap_iv + AESGCM(master_key).encrypt(wrap_iv, content_key, _CONTENT_ALGORITHM.encode())
    envelope = {
        "x-amz-key-v2": base64.b64encode(wrapped).decode(),
        "x-amz-iv": base64.b64encode(content_iv).decode(),
        "x-amz-cek-alg": _CONTENT_ALGORITHM,
        "x-amz-wrap-alg": "AES/GCM",
        "x-amz-tag-len": "128",
        "x-amz-matdesc": "{}",
        "x-amz-unencrypted-content-length": str(len(body)),
    }
    return AESGCM(content_key).encrypt(content_iv, body, None), envelope


def unseal(body: bytes, envelope: Mapping[str, str], master_key: bytes) -> bytes:
    """Decrypt a body with the envelope that was stored beside it."""
    wrapped = base64.b64decode(envelope["x-amz-key-v2"])
    content_key = AESGCM(master_key).decrypt(
        wrapped[:_IV_BYTES], wrapped[_IV_BYTES:], envelope["x-amz-cek-alg"].encode()
    )
    return AESGCM(content_key).decrypt(base64.b64decode(envelope["x-amz-iv"]), body, None)
