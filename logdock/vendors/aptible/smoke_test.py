"""The marked record of `logdock smoke-test`, in this kind's format."""

import base64
import gzip
import hashlib
import json
import os
from datetime import datetime

from logdock.cli.smoke_test.records import NAME, ObjectRecord, iso_time, message
from logdock.vendors.aptible.settings import AptibleExport

_WRAP_AAD = b"AES/GCM/NoPadding"
_IV_BYTES, _KEY_BYTES = 12, 32


def object_record(_export: AptibleExport, marker: str, now: datetime, master_key: bytes | None) -> ObjectRecord:
    """Return a container's line as Aptible archives it, encrypted with one of its keys if there is one."""
    line = json.dumps({"log": f"{message(marker)}\n", "stream": "stdout", "time": iso_time(now)}, separators=(",", ":"))
    body, metadata, key_id = gzip.compress(f"{line}\n".encode()), dict[str, str](), "0" * 64
    if master_key is not None:
        body, metadata = _encrypt(body, master_key)
        key_id = hashlib.sha256(master_key).hexdigest()
    second = f"{now:%Y-%m-%dT%H:%M:%S}"
    file = f"{marker}-json.log.{second}.{second}.archived.gz"
    key = f"{NAME}/shareable/v3/{key_id}/apps-0/{file}"
    # what is archived, and filtered, is the container's line
    return ObjectRecord(key=key, body=body, line=message(marker), metadata=metadata)


def _encrypt(body: bytes, master_key: bytes) -> tuple[bytes, dict[str, str]]:
    """Encrypt as the AWS S3 Encryption Client V2 does with a raw AES key (the shipper's `aptible.envelope` reads)."""
    # only this kind of export needs it, and it takes a tenth of a second to import
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    content_key, content_iv, wrap_iv = os.urandom(_KEY_BYTES), os.urandom(_IV_BYTES), os.urandom(_IV_BYTES)
    wrapped = wrap_iv + AESGCM(master_key).encrypt(wrap_iv, content_key, _WRAP_AAD)
    metadata = {
        "x-amz-key-v2": base64.b64encode(wrapped).decode(),
        "x-amz-iv": base64.b64encode(content_iv).decode(),
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "AES/GCM",
        "x-amz-tag-len": "128",
        "x-amz-matdesc": "{}",
        "x-amz-unencrypted-content-length": str(len(body)),
    }
    return AESGCM(content_key).encrypt(content_iv, body, None), metadata
