"""Secrets at run time: read from Secrets Manager, kept in memory for a few minutes, never in a log line or an error."""

import re
import time
from collections.abc import Callable
from threading import Lock

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from log_shipper import aws
from log_shipper.errors import ConfigurationError, EnvelopeError

TIME_TO_LIVE_SECONDS = 300.0
# What http.client sends as it is. It refuses anything else with an exception that repeats the value.
_VISIBLE = re.compile(r"[!-~]+")
_HEADER_VALUE = re.compile(r"[ -~]*")
# RFC 9110, 5.6.2, tokens.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class SecretStore:
    """Reads secrets by name or ARN and keeps each for five minutes, so that a rotated one is seen."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, tuple[float, str]] = {}
        self._reading = Lock()

    def text(self, name: str) -> str:
        """Return a secret's text.

        Raises
        ------
        ConfigurationError
            When it cannot be read or has no text. Names the secret, never its value.
        """
        with self._reading:  # several objects may need it at a time
            return self._text(name)

    def _text(self, name: str) -> str:
        held = self._held.get(name)
        if held is not None and self._clock() < held[0]:
            return held[1]
        try:
            value = aws.secrets_manager().get_secret_value(SecretId=name).get("SecretString", "")
        except (ClientError, BotoCoreError) as error:
            raise ConfigurationError(f"secret {name!r} cannot be read: {type(error).__name__}") from None
        if not value.strip():
            raise ConfigurationError(f"secret {name!r} has no text")
        self._held[name] = (self._clock() + TIME_TO_LIVE_SECONDS, value)
        return value

    def token(self, name: str) -> str:
        """Return a token: the secret's text, or the ``token`` of its JSON."""
        text = self.text(name).strip()
        if text.startswith("{"):
            value = _json_object(name, text).get("token")
            if not isinstance(value, str) or not value.strip():
                raise ConfigurationError(f"secret {name!r} is JSON without a token")
            text = value.strip()
        if not _VISIBLE.fullmatch(text):
            raise ConfigurationError(
                f"secret {name!r} must be printable ASCII characters without blanks or line breaks"
            )
        return text

    def headers(self, name: str) -> dict[str, str]:
        """Return HTTP headers: the secret's JSON object of texts."""
        headers = _json_object(name, self.text(name))
        if not all(isinstance(value, str) and _HEADER_VALUE.fullmatch(value) for value in headers.values()):
            raise ConfigurationError(f"secret {name!r} has a header value that is not a printable text (ASCII)")
        if not all(_HEADER_NAME.fullmatch(key) for key in headers):
            raise ConfigurationError(f"secret {name!r} has a header whose name HTTP does not allow")
        return {key: str(value) for key, value in headers.items()}

    def decryption_keys(self, name: str) -> list[bytes]:
        """Return raw AES keys, as `read_keys` does."""
        from log_shipper.vendors.aptible.envelope import read_keys

        text = self.text(name)
        try:
            return read_keys(text)
        except EnvelopeError as error:
            raise ConfigurationError(f"secret {name!r}: {error}") from None

    def forget(self, name: str) -> None:
        """Drop a secret from memory, after a destination refused it: the next attempt reads it anew."""
        self._held.pop(name, None)


def _json_object(name: str, text: str) -> dict[str, object]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ConfigurationError(f"secret {name!r} is not a JSON object")
    return value
