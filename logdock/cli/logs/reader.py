"""Objects as streams of their logical bytes, read on from where a connection broke.

Aptible's archives are decrypted, but not before the whole body has been received and its tag verifies.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from log_shipper.compacted import Extract, find_part
from log_shipper.errors import EnvelopeError

from logdock.cli.account import Account
from logdock.cli.errors import CommandError, ExitCode, code_of, is_absent, is_refused
from logdock.cli.logs.places import INSTRUCTION, SearchObject
from logdock.vendors.aptible.settings import AptibleExport

if TYPE_CHECKING:
    from log_shipper.vendors.aptible.envelope import Envelope
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 256 * 1024
_IN_MEMORY_BYTES = 4 * 1024 * 1024
"""What of an encrypted body is held in memory before it goes to a temporary file, still encrypted."""
ATTEMPTS = 4
_GONE = "it was deleted or overwritten while it was searched"
_ARCHIVED = "it is in Glacier Deep Archive: restore it first (`aws s3api restore-object --region …`), and search again"


class UnreadableError(Exception):
    """An object that cannot be read, with the reason: it is named, and the others are searched."""


class Keys:
    """Aptible's decryption keys: of a file, or of a secret, read when first needed.

    Parameters
    ----------
    file
        The file with the keys; ``-`` for standard input.
    secret
        The secret with them; None for the one that the export's settings name.
    """

    def __init__(self, account: Account, file: Path | None, secret: str | None) -> None:
        self._account, self._file, self._secret = account, file, secret
        self._held: dict[str, list[bytes]] = {}
        self._reading = threading.Lock()
        if file:
            # an error in it is reported before the search begins
            self._of_file: list[bytes] | None = self._read("--decryption-keys", str(file), _text_of(file))
        else:
            self._of_file = None

    def are_expected(self, export: AptibleExport) -> bool:
        """Say whether objects of an export are encrypted: the settings, or the person, name keys."""
        return bool(self._of_file or self._secret or export.decryption_keys_secret)

    def of(self, export: AptibleExport) -> list[bytes]:
        """Return the keys for an export.

        Raises
        ------
        UnreadableError
            When there are none.
        """
        if self._of_file is not None:
            return self._of_file
        secret = self._secret or export.decryption_keys_secret
        if secret is None:
            raise UnreadableError(
                "it is encrypted; give --decryption-keys FILE or --decryption-keys-secret NAME, or name the secret as "
                "`decryption_keys_secret` in the settings"
            )
        with self._reading:
            if secret not in self._held:
                self._held[secret] = self._read("the secret", secret, self._text_of_secret(secret))
            return self._held[secret]

    def _text_of_secret(self, secret: str) -> str:
        try:
            return self._account.secrets_manager.get_secret_value(SecretId=secret).get("SecretString", "")
        except ClientError as error:
            if is_absent(error):
                raise CommandError(f"the secret {secret} does not exist", ExitCode.USAGE) from None
            raise

    @staticmethod
    def _read(what: str, name: str, text: str) -> list[bytes]:
        from log_shipper.vendors.aptible.envelope import read_keys

        try:
            return read_keys(text)
        except EnvelopeError as error:
            raise CommandError(f"{what} {name}: {error}", ExitCode.USAGE) from None


class Reader:
    """Opens objects; one serves all threads."""

    def __init__(self, s3: S3Client, keys: Keys) -> None:
        self._s3, self._keys = s3, keys

    def chunks(self, found: SearchObject) -> Iterator[bytes]:
        """Yield an object's bytes, decrypted where the vendor encrypts, and still compressed.

        Raises
        ------
        UnreadableError
            When the object is gone, out of reach, or cannot be decrypted.
        botocore.exceptions.ClientError
            When the caller may not read it.
        """
        body = _Body(self._s3, found)
        if not isinstance(found.place.export, AptibleExport) or found.place.layout is None:
            yield from body
            return
        # with it comes cryptography, which no other search waits for
        from log_shipper.vendors.aptible import envelope as aptible_envelope

        try:
            envelope = self._envelope(found, body.metadata)
            if envelope is None:
                if self._keys.are_expected(found.place.export):
                    raise EnvelopeError("it has no encryption envelope, and the export has decryption keys")
                yield from body
                return
            master_key = aptible_envelope.master_key_for(found.key, self._keys.of(found.place.export))
            content_key = aptible_envelope.unwrap_key(envelope, master_key)
            with SpooledTemporaryFile(_IN_MEMORY_BYTES) as held:

                def kept() -> Iterator[bytes]:
                    for chunk in body:
                        try:
                            held.write(chunk)
                        except OSError as error:
                            raise CommandError(
                                f"{gettempdir()}: {error.strerror}. An encrypted archive is held there until its tag "
                                "verifies: TMPDIR names another directory",
                                ExitCode.USAGE,
                            ) from None
                        yield chunk

                aptible_envelope.verify(kept(), envelope, content_key)
                held.seek(0)
                pieces = iter(lambda: held.read(CHUNK_BYTES), b"")
                yield from aptible_envelope.decrypt(pieces, envelope, content_key)
        except EnvelopeError as error:
            raise UnreadableError(str(error)) from None

    def _envelope(self, found: SearchObject, metadata: Mapping[str, str]) -> Envelope | None:
        from log_shipper.vendors.aptible.envelope import read_envelope

        envelope = read_envelope(metadata)
        if envelope:
            return envelope
        # the encryption client may write the envelope beside the object
        try:
            answer = self._s3.get_object(Bucket=found.place.bucket, Key=found.key + INSTRUCTION)
        except ClientError as error:
            if is_absent(error) or is_refused(error):
                return None
            raise
        try:
            return read_envelope(orjson.loads(answer["Body"].read()))
        except (orjson.JSONDecodeError, AttributeError):
            raise EnvelopeError("its instruction file is not the JSON that the encryption client writes") from None


class _Body:
    """The bytes of an object as it was when it was listed."""

    def __init__(self, s3: S3Client, found: SearchObject) -> None:
        self._s3, self._found = s3, found
        self._extract: Extract | None = None
        self._first = self._get(0)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The object's user metadata."""
        metadata: Mapping[str, str] = self._first["Metadata"]
        return metadata

    def __iter__(self) -> Iterator[bytes]:
        position, attempt, answer = 0, 1, self._first
        while True:
            try:
                body = answer["Body"]
                while chunk := body.read(CHUNK_BYTES):
                    position += len(chunk)
                    yield chunk
                return
            except (HTTPClientError, IncompleteReadError) as error:
                attempt += 1
                if attempt > ATTEMPTS:
                    raise UnreadableError(f"the connection broke {ATTEMPTS} times: {error}") from None
            if position >= self._found.size:
                return
            answer = self._get(position)

    def _get(self, position: int) -> Any:
        found = self._found
        get: Callable[..., Any] = self._s3.get_object
        try:
            if self._extract:
                return get(Bucket=found.place.bucket, Key=self._extract.key, Range=self._extract.range(position))
            more = {"Range": f"bytes={position}-"} if position else {}
            return get(Bucket=found.place.bucket, Key=found.key, IfMatch=found.etag, **more)
        except ClientError as error:
            if is_absent(error) and found.place.layout is None and self._extract is None:
                # compacted since it was listed: the same bytes are in a compacted object
                self._extract = find_part(self._s3, found.place.bucket, found.key)
                if self._extract:
                    return self._get(position)
            if is_absent(error) or code_of(error) in ("PreconditionFailed", "412"):
                raise UnreadableError(_GONE) from None
            if code_of(error) == "InvalidObjectState":
                raise UnreadableError(_ARCHIVED) from None
            raise


def _text_of(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CommandError(f"--decryption-keys {file}: {reason}", ExitCode.USAGE) from None
