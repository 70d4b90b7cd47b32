"""An S3 object as a stream of its logical bytes: the version the event named, decrypted when the vendor encrypts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from log_shipper import aws, compacted
from log_shipper.archive_writer import POLICY_METADATA
from log_shipper.errors import EnvelopeError, ForeignObjectError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

    from log_shipper.events import ObjectRef
    from log_shipper.export_config import ExportConfig
    from log_shipper.secret_store import SecretStore

CHUNK_BYTES = 128 * 1024
INSTRUCTION_SUFFIX = ".instruction"
_MAX_INSTRUCTION_BYTES = 64 * 1024
"""More than any envelope has: names and values of a few keys."""
FRESH = timedelta(minutes=15)


class OpenObject(NamedTuple):
    """An object that is being read."""

    chunks: Iterator[bytes]
    """The body as stored, or its plaintext when it is client-side encrypted; still compressed."""
    metadata: dict[str, str]
    """The user metadata."""
    modified: str
    """When it was written, RFC 3339 in UTC."""

    def read_ahead(self) -> OpenObject:
        """Return the object with its first chunk read: that is all there is of a small one."""
        first = next(self.chunks, b"")
        return self._replace(chunks=chain((first,), self.chunks) if len(first) == CHUNK_BYTES else iter((first,)))


def resolve_version(ref: ObjectRef) -> ObjectRef:
    """Return a reference that says which version it means: what is remembered of one must not be taken for another."""
    if ref.version:
        return ref
    answer = aws.s3().head_object(Bucket=ref.bucket, Key=ref.key)
    return ref._replace(version_id=answer.get("VersionId", ""), etag=answer["ETag"].strip('"'))


def check_not_deleted(ref: ObjectRef, modified: str) -> None:
    """Refuse a version of an object that has been deleted since: what was deleted from a bucket leaves it no more.

    An object that was overwritten is shipped, each version by its own message. An event is on its way for seconds, and
    so a version that is younger than `FRESH` is not looked at twice; an older one has waited, or was named explicitly.

    Raises
    ------
    ForeignObjectError
        When the object is deleted, or it cannot be seen that it is not.
    """
    if datetime.fromisoformat(modified) > datetime.now(UTC) - FRESH:
        return
    try:
        aws.s3().head_object(Bucket=ref.bucket, Key=ref.key)
    except ClientError as error:
        if compacted.is_gone(error):
            raise ForeignObjectError("the object has been deleted, and so its versions are not shipped") from None
        raise


def open_object(
    ref: ObjectRef, config: ExportConfig, secrets: SecretStore, answer: GetObjectOutputTypeDef
) -> OpenObject:
    """Return the stream of an object that S3 has answered for.

    A client-side encrypted object is read twice: once to check its tag, once to release its plaintext, so that memory
    stays bounded and nothing is released that was tampered with.

    Raises
    ------
    EnvelopeError
        When the envelope cannot be opened or the tag does not verify.
    """
    metadata = answer["Metadata"]
    modified = answer["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")
    if config.vendor != "aptible":
        return OpenObject(_chunks(answer), metadata, modified)
    from log_shipper.vendors.aptible import envelope as aptible_envelope

    envelope = aptible_envelope.read_envelope(metadata) or aptible_envelope.read_envelope(_instruction(ref))
    if envelope is None and config.decryption_keys_secret is None:
        return OpenObject(_chunks(answer), metadata, modified)
    if envelope is None:
        # Aptible encrypts every object: one that is not was put there by someone else, or lost what protected it.
        raise EnvelopeError("the object has no encryption envelope, and the export has decryption keys")
    if config.decryption_keys_secret is None:
        raise EnvelopeError("the object is client-side encrypted and the export has no decryption_keys_secret")
    keys = secrets.decryption_keys(config.decryption_keys_secret)
    content_key = aptible_envelope.unwrap_key(envelope, aptible_envelope.master_key_for(ref.key, keys))
    aptible_envelope.verify(_chunks(answer), envelope, content_key)
    same = ref if ref.version else ref._replace(etag=answer["ETag"].strip('"'))
    plaintext = aptible_envelope.decrypt(_chunks(get_object(same)), envelope, content_key)
    return OpenObject(plaintext, metadata, modified)


def get_object(ref: ObjectRef) -> GetObjectOutputTypeDef:
    """Ask S3 for an object.

    Raises
    ------
    botocore.exceptions.ClientError
        When S3 does not give it.
    """
    which: dict[str, Any] = {}
    if ref.version_id:
        which["VersionId"] = ref.version_id
    if ref.etag and ref.version == ref.etag:
        which["IfMatch"] = f'"{ref.etag}"'
    return aws.s3().get_object(Bucket=ref.bucket, Key=ref.key, **which)


def get_archive_object(ref: ObjectRef) -> GetObjectOutputTypeDef:
    """Ask S3 for an archive object; for one that has been compacted, for its bytes in the compacted object.

    Raises
    ------
    botocore.exceptions.ClientError
        When S3 does not give it.
    """
    try:
        return get_object(ref)
    except ClientError as error:
        if not compacted.is_gone(error):
            raise
        try:
            extract = compacted.find_part(aws.s3(), ref.bucket, ref.key)
        except ClientError as second:
            if not compacted.is_gone(second):
                raise
            raise error from None
        if extract is None:
            raise
    answer = aws.s3().get_object(Bucket=ref.bucket, Key=extract.key, Range=extract.range())
    answer["Metadata"] = {POLICY_METADATA: extract.policy, compacted.INDEX_METADATA: extract.key}
    return answer


def _chunks(answer: GetObjectOutputTypeDef) -> Iterator[bytes]:
    """Yield chunks of one size whatever the network delivered, so that every later cut is the same on a retry."""
    body = answer["Body"]
    held = bytearray()
    while chunk := body.read(CHUNK_BYTES):
        if not held and len(chunk) == CHUNK_BYTES:
            yield chunk
            continue
        held += chunk
        while len(held) >= CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
    if held:
        yield bytes(held)


def _instruction(ref: ObjectRef) -> dict[str, str]:
    """Return the envelope of an instruction file, which the encryption client may write beside the object.

    Raises
    ------
    EnvelopeError
        When there is a file of another kind.
    """
    import orjson

    try:
        answer = aws.s3().get_object(Bucket=ref.bucket, Key=ref.key + INSTRUCTION_SUFFIX)
    except ClientError as error:
        if aws.is_absent(error) or error.response.get("Error", {}).get("Code") == "AccessDenied":
            return {}
        raise
    try:
        document = orjson.loads(answer["Body"].read(_MAX_INSTRUCTION_BYTES))
        return {str(name): str(value) for name, value in document.items()}
    except (orjson.JSONDecodeError, AttributeError):
        raise EnvelopeError("its instruction file is not the JSON that the encryption client writes") from None
