"""HTTPS to a vendor's API with the standard library: verified TLS, timeouts, bounded retries, no redirects.

The functions have no HTTP client among their wheels, and none is needed for a handful of JSON calls. What a vendor
answers goes into the stack's events, so every credential is taken out of it first.
"""

import email.utils
import html
import json
import os
import random
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from vendor_connector import answers, aws, public_text
from vendor_connector.request import ConnectorError

T = TypeVar("T")

_TIMEOUT_SECONDS = 30.0
# Of a whole answer's body: the timeout is that of one read, and begins anew with every byte.
_BODY_SECONDS = 60.0
_TRIES = 5
_LONGEST_BACKOFF_SECONDS = 60.0
_LONGEST_RETRY_AFTER_SECONDS = 300.0
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_READ_BYTES = 64 * 1024
_SHOWN_BYTES = 600
# Not carried out, whatever the method: rate limits are checked before anything else.
_RATE_LIMITED = 429
# 408 and 425 ask for another try; of the 5xx, 501 and 505 say what no other try changes (RFC 9110, 15.5 and 15.6).
_TEMPORARY = frozenset({408, 425, _RATE_LIMITED})
_LASTING = frozenset({501, 505})

# Since when a request has had no usable answer, by its address and call: an answer ends it.
_failing_since: dict[tuple[str, str], float] = {}


def is_temporary(status: int) -> bool:
    """Return whether a status passes by itself, whatever the body says: a load balancer answers with HTML pages."""
    return status in _TEMPORARY or (status >= 500 and status not in _LASTING)


class VendorRefusalError(Exception):
    """The vendor answered, and the answer was a lasting no.

    Attributes
    ----------
    status : int
        The HTTP status.
    document : dict
        The answer's JSON object; empty when it was none.
    said : str
        The answer as text, shortened and without credentials.
    """

    def __init__(self, call: str, status: int, document: dict[str, Any], said: str) -> None:
        super().__init__(f"{call} answered {status}: {said}")
        self.status, self.document, self.said = status, document, said


class NoAnswerError(Exception):
    """No usable answer came. It may pass by itself.

    The connection failed or was cut off, the vendor limited the rate, its servers failed, or its answer is not what its
    API description says (see ``answers``).

    Attributes
    ----------
    since : float or None
        When this request began to have no usable answer.
    status : int
        The HTTP status; 0 when there was none.
    document : dict
        The answer's JSON object; empty when it was none.
    was_not_executed : bool
        Whether the request was certainly not carried out. Otherwise that is not known.
    retry_after : str
        What the answer's ``Retry-After`` says.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int = 0,
        document: Mapping[str, Any] | None = None,
        was_not_executed: bool = False,
        retry_after: str = "",
    ) -> None:
        super().__init__(text)
        self.status, self.document, self.was_not_executed = status, document or {}, was_not_executed
        self.retry_after = retry_after
        self.since: float | None = None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the credential to another address."""

    def redirect_request(self, *_: Any) -> None:
        return None


def pause_seconds(asked: str, attempt: int, first_seconds: float = 2.0) -> float:
    """Return how long to wait before the next try: what ``Retry-After`` says, or a doubling time with jitter."""
    wait = _retry_after(asked.strip())
    if wait is None:
        wait = first_seconds * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311  (spreads retries)
        return min(wait, _LONGEST_BACKOFF_SECONDS)
    return min(max(wait, 0.0), _LONGEST_RETRY_AFTER_SECONDS)


def _retry_after(asked: str) -> float | None:
    """Read the header, a number of seconds or a date (RFC 9110, 10.2.3)."""
    if asked.isascii() and asked.isdigit():
        return float(asked)
    try:
        return max(email.utils.parsedate_to_datetime(asked).timestamp() - aws.now(), 0.5)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorApi:
    """One vendor's API under one credential."""

    vendor: str
    """Its name, for messages."""
    base_url: str
    """``https://`` and the host, without a path."""
    remaining_seconds: Callable[[], float]
    """How long the function may still run; no pause goes beyond it."""
    headers: Callable[[], Mapping[str, str]] = dict
    """Headers of every request, made anew for each try: a token may have to be fetched."""
    handlers: Sequence[urllib.request.BaseHandler] = ()
    """Further urllib handlers, such as for digest authentication."""
    first_pause_seconds: float = 2.0
    """How long the first pause is when the vendor names none; each further one doubles it."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ConnectorError(f"{self.vendor}: the API's address must be https:// and a host, not {self.base_url!r}")

    def call(
        self,
        method: str,
        path: str,
        read: Callable[[Any], T],
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
    ) -> T:
        """Make a request; return what ``read`` makes of the answer's JSON, which is None when the answer is empty.

        Parameters
        ----------
        method, path, query
            What is asked.
        read
            Checks the answer (see ``answers``).
        body, form
            A JSON document, or the fields of a form.
        headers
            Headers of this request.
        is_repeatable
            Whether the request may be sent again when its result is unknown. Default: yes for every method but POST.

        Raises
        ------
        VendorRefusalError
            The vendor refused for good.
        NoAnswerError
            After the last try there was no usable answer; or, to a request that must not be sent again, none to the
            first, which may have been carried out.
        """
        if is_repeatable is None:
            is_repeatable = method != "POST"
        call = f"{self.vendor}: {method} {path}"
        key = self.base_url, call
        url = self.base_url.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        for attempt in range(1, _TRIES + 1):
            request = self._request(method, url, headers or {})
            if form is not None:
                request.data = urlencode(form).encode()
            elif body is not None:
                request.data = json.dumps(body, separators=(",", ":")).encode()
                if not request.has_header("Content-type"):
                    request.add_header("Content-Type", "application/json")
            try:
                answer = self._read(call, self._send(call, request), read)
            except VendorRefusalError:
                _failing_since.pop(key, None)
                raise
            except NoAnswerError as failure:
                failure.since = _failing_since.setdefault(key, aws.now())
                wait = pause_seconds(failure.retry_after, attempt, self.first_pause_seconds)
                is_last = attempt == _TRIES or self.remaining_seconds() < aws.RESERVE_SECONDS + wait
                if is_last or not (is_repeatable or failure.was_not_executed):
                    raise
                aws.log("trying again", call=call, why=str(failure), seconds=round(wait, 1))
            else:
                _failing_since.pop(key, None)
                return answer
            aws.sleep(wait)
        raise AssertionError("unreachable: the last try returns or raises")

    def _request(self, method: str, url: str, headers: Mapping[str, str]) -> urllib.request.Request:
        try:
            own = self.headers()
        except NoAnswerError as error:
            # Such as a token that could not be fetched: the request itself was not sent.
            error.was_not_executed = True
            raise
        request = urllib.request.Request(url, method=method)  # noqa: S310  (checked to be https)
        for name, value in {"Accept": "application/json", **own, **headers}.items():
            request.add_header(name, value)
        return request

    @staticmethod
    def _read(call: str, answer: Any, read: Callable[[Any], T]) -> T:
        try:
            return read(answer)
        except answers.UnusableError as error:
            raise NoAnswerError(f"{call}: {error}") from error

    def _send(self, call: str, request: urllib.request.Request) -> Any:
        """Send a request once."""
        try:
            with self._open(request) as response:
                return self._json(call, _body(call, response))
        except urllib.error.HTTPError as error:
            refusal = _refusal(call, error)
            if not is_temporary(error.code):
                raise refusal from error
            raise NoAnswerError(
                str(refusal),
                status=error.code,
                document=refusal.document,
                was_not_executed=error.code == _RATE_LIMITED,
                retry_after=error.headers.get("Retry-After") or "",
            ) from error
        except IncompleteRead as error:
            raise NoAnswerError(f"{call}: the answer was cut off") from error
        except (OSError, HTTPException) as error:
            said = public_text.public(str(error) or type(error).__name__, _SHOWN_BYTES)
            raise NoAnswerError(f"{call}: no answer ({said})", was_not_executed=_is_not_sent(error)) from error
        except (ValueError, IndexError):
            # http.client, of a header that is not valid HTTP; urllib, of a digest's challenge that is none. Their texts
            # repeat the header, so nothing is chained.
            invalid = f"{call}: a header is not valid HTTP: does the secret hold line breaks or unusual characters?"
            if self.handlers:
                invalid = f"{call}: the server's WWW-Authenticate is no challenge for the credential in the secret"
        raise ConnectorError(invalid)

    @contextmanager
    def _open(self, request: urllib.request.Request) -> Iterator[Any]:
        # A further handler keeps count of the tries of one request, so each such request has an opener of its own.
        build = _build_opener if self.handlers else _opener
        opener = build(os.environ.get("SSL_CERT_FILE", ""), *self.handlers)
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            yield answer

    def _json(self, call: str, raw: bytes) -> Any:
        if not raw.strip():
            return None
        try:
            return answers.parse(raw)
        except ValueError:
            said = _readable(raw.decode(errors="replace"))
        raise NoAnswerError(f"{call}: the answer is no JSON; is {self.base_url} the address of its API? ({said})")


def _build_opener(authorities: str, *handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    https = urllib.request.HTTPSHandler(context=_tls(authorities))
    return urllib.request.build_opener(_NoRedirects, https, *handlers)


_opener = cache(_build_opener)


@cache
def _tls(_authorities: str) -> ssl.SSLContext:
    """Return what verifies servers by some authorities, or the system's: reading those takes milliseconds each time."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _body(call: str, response: HTTPResponse) -> bytes:
    """Read the whole body of an answer.

    Raises
    ------
    NoAnswerError
        When it is shorter than its ``Content-Length`` says, takes too long, or is too long.
    """
    parts, size, length, end = [], 0, response.length, aws.now() + _BODY_SECONDS
    while (length is None or size < length) and (part := response.read1(_READ_BYTES)):
        parts.append(part)
        size += len(part)
        if size > _MAX_ANSWER_BYTES:
            raise NoAnswerError(f"{call}: the answer is longer than {_MAX_ANSWER_BYTES} bytes")
        if aws.now() > end:
            raise NoAnswerError(f"{call}: the answer did not end within {_BODY_SECONDS:.0f} seconds")
    if length is not None and size < length:
        raise NoAnswerError(f"{call}: the answer was cut off after {size} of {length} bytes")
    return b"".join(parts)


def _refusal(call: str, error: urllib.error.HTTPError) -> VendorRefusalError:
    # urllib's own refusals, such as of a digest that was not accepted, have no body.
    try:
        raw = _body(call, error.fp) if isinstance(error.fp, HTTPResponse) else b""
    except (OSError, HTTPException, NoAnswerError):
        raw = b""
    text = raw.decode(errors="replace")
    try:
        document = answers.parse(text)
    except ValueError:
        document = None
    said = _readable(text) or public_text.public(str(error.reason), _SHOWN_BYTES)
    return VendorRefusalError(call, error.code, document if isinstance(document, dict) else {}, said)


def _readable(text: str) -> str:
    """Return an answer's body as text: without secrets, on one line, shortened; of an HTML page its words."""
    if text.lstrip()[:1] == "<":
        text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^<>]*>", " ", text)
        text = html.unescape(text)
    return public_text.public(" ".join(text.split()), _SHOWN_BYTES)


def _is_not_sent(error: Exception) -> bool:
    """Return whether a connection failed before anything was sent: urllib wraps what happens until then."""
    reason = getattr(error, "reason", None)
    return isinstance(reason, (socket.gaierror, ConnectionRefusedError))
