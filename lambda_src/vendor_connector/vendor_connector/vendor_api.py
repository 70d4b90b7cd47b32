"""HTTPS to a vendor's API with the standard library: verified TLS, timeouts, bounded retries, no redirects.

The functions have no HTTP client among their wheels, and none is needed for a handful of JSON calls. What a vendor
answers goes into the stack's events, so every credential is taken out of it first.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from vendor_connector import aws
from vendor_connector.request import ConnectorError

_TIMEOUT_SECONDS = 30.0
_TRIES = 5
_LONGEST_PAUSE_SECONDS = 60.0
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_SHOWN_CHARACTERS = 600
_BUSY = frozenset({429, 500, 502, 503, 504})
# Not carried out, whatever the method: rate limits are checked before anything else.
_NOT_TAKEN = frozenset({429})


class VendorRefusalError(Exception):
    """The vendor answered, and the answer was no.

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
    """No usable answer came; whether the request was carried out is not known."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the credential to another address."""

    def redirect_request(self, *_: Any) -> None:
        return None


def pause_seconds(asked: str, attempt: int) -> float:
    """Return how long to wait before the next try: what ``Retry-After`` says, or a doubling time with jitter."""
    if asked.isdigit():
        return min(float(asked), _LONGEST_PAUSE_SECONDS)
    try:
        seconds = email.utils.parsedate_to_datetime(asked).timestamp() - aws.now()
    except ValueError:
        seconds = 2.0**attempt * random.uniform(0.5, 1.0)  # noqa: S311  (spreads retries, hides nothing)
    return min(max(seconds, 0.5), _LONGEST_PAUSE_SECONDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorApi:
    """One vendor's API under one credential.

    Parameters
    ----------
    vendor : str
        Its name, for messages.
    base_url : str
        ``https://`` and the host, without a path.
    remaining_seconds : Callable
        How long the function may still run; no pause goes beyond it.
    headers : Callable
        Headers of every request, made anew for each try: a token may have to be fetched.
    handlers : Sequence
        Further urllib handlers, such as for digest authentication.
    secrets : Sequence
        Texts that must not appear in a message.
    """

    vendor: str
    base_url: str
    remaining_seconds: Callable[[], float]
    headers: Callable[[], Mapping[str, str]] = dict
    handlers: Sequence[urllib.request.BaseHandler] = ()
    secrets: Sequence[str] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme != "https" or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ConnectorError(f"{self.vendor}: the API's address must be https:// and a host, not {self.base_url!r}")

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
    ) -> Any:
        """Make a request; return the answer's JSON, or None when it is empty.

        Parameters
        ----------
        method, path, query
            What is asked.
        body, form
            A JSON document, or the fields of a form.
        headers
            Headers of this request.
        is_repeatable
            Whether the request may be sent again when its fate is not known. Left out: every method but POST.

        Raises
        ------
        VendorRefusalError
            The vendor refused, or was still busy after the last try.
        NoAnswerError
            The connection failed, or the vendor failed in the middle of something that must not be repeated.
        """
        if is_repeatable is None:
            is_repeatable = method != "POST"
        url = self.base_url.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        for attempt in range(1, _TRIES + 1):
            request = urllib.request.Request(url, method=method)  # noqa: S310  (checked to be https)
            for name, value in {"Accept": "application/json", **self.headers(), **(headers or {})}.items():
                request.add_header(name, value)
            if form is not None:
                request.data = urlencode(form).encode()
            elif body is not None:
                request.data = json.dumps(body, separators=(",", ":")).encode()
                if not request.has_header("Content-type"):
                    request.add_header("Content-Type", "application/json")
            where, again = f"{self.vendor}: {method} {path}", attempt < _TRIES
            try:
                with self._open(request) as answer:
                    return self._json(answer.read(_MAX_ANSWER_BYTES))
            except urllib.error.HTTPError as error:
                refusal = self._refusal(where, error)
                if error.code in _BUSY and not is_repeatable and error.code not in _NOT_TAKEN:
                    raise NoAnswerError(str(refusal)) from error
                if error.code not in _BUSY or not again:
                    raise refusal from error
                self._pause(
                    where, str(error.code), pause_seconds(error.headers.get("Retry-After", ""), attempt), refusal
                )
            except (OSError, HTTPException) as error:
                lost = NoAnswerError(f"{where}: no answer ({self._clean(str(error) or type(error).__name__)})")
                if not (is_repeatable and again):
                    raise lost from error
                self._pause(where, type(error).__name__, pause_seconds("", attempt), lost)
        raise AssertionError("unreachable: the last try returns or raises")

    @contextmanager
    def _open(self, request: urllib.request.Request) -> Iterator[Any]:
        # Handlers keep count of the tries of one request, so each request has an opener of its own.
        opener = urllib.request.build_opener(_NoRedirects, *self.handlers)
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            yield answer

    def _pause(self, where: str, why: str, seconds: float, otherwise: Exception) -> None:
        if self.remaining_seconds() < aws.RESERVE_SECONDS + seconds:
            raise otherwise
        aws.log("trying again", call=where, why=why, seconds=round(seconds, 1))
        aws.sleep(seconds)

    def _refusal(self, where: str, error: urllib.error.HTTPError) -> VendorRefusalError:
        # urllib's own refusals, such as of a digest that was not accepted, have no body.
        raw = error.read(_MAX_ANSWER_BYTES) if error.fp else b""
        text = raw.decode(errors="replace")
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        said = " ".join(self._clean(text).split()) or str(error.reason)
        return VendorRefusalError(where, error.code, document if isinstance(document, dict) else {}, said)

    def _json(self, raw: bytes) -> Any:
        if not raw.strip():
            return None
        try:
            return json.loads(raw)
        except ValueError as error:
            raise NoAnswerError(
                f"{self.vendor}: the answer is no JSON; is {self.base_url} the address of its API?"
            ) from error

    def _clean(self, text: str) -> str:
        """Take credentials out of a text, and shorten it."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        text = re.sub(r"(?i)\b(bearer|basic|digest)\s+\S+", r"\1 ***", text)
        return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " ..."
