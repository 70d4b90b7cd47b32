"""Kept-alive HTTP connections that retry what may be retried, within the time left, and never show their URL.

The URL's query may hold a token: errors name the host and what happened, nothing more.
"""

import email.utils
import http.client
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from log_shipper.errors import DeliveryError

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
MAX_ATTEMPTS = 4
BASE_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 20.0
TIMEOUT_SECONDS = 30.0
LEAST_TIMEOUT_SECONDS = 1.0
_MAX_ANSWER_BYTES = 64 * 1024


class Answer(NamedTuple):
    """What came back: the status and the beginning of the body."""

    status: int
    body: bytes


class Backoff:
    """What the connections to one destination share: while bodies are posted again, one by one, no other begins.

    So a destination that asks for time gets it from all connections, and one that does not recover is tried with one
    body. Once that is given up, so are the others, also those that wait.
    """

    def __init__(self) -> None:
        self._changed, self._one = threading.Condition(), threading.Lock()
        self._failed = 0
        self._error: DeliveryError | None = None

    def wait(self) -> None:
        """Return when no body is to be posted again.

        Raises
        ------
        DeliveryError
            When one was given up.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._failed or self._error is not None)
        self._check()

    def pause(self, seconds: float) -> None:
        """Wait before a body is posted again; raises as `wait` does, at once."""
        with self._changed:
            self._changed.wait_for(lambda: self._error is not None, seconds)
        self._check()

    def give_up(self, error: DeliveryError) -> None:
        """Let no connection begin another post."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    @contextmanager
    def retrying(self) -> Iterator[None]:
        """Let no other connection post meanwhile; raises as `wait` does."""
        with self._changed:
            self._failed += 1
        try:
            with self._one:
                try:
                    self._check()
                    yield
                except DeliveryError as error:
                    # before the next has its turn
                    self.give_up(error)
                    raise
        finally:
            with self._changed:
                self._failed -= 1
                self._changed.notify_all()

    def _check(self) -> None:
        if self._error is not None:
            raise DeliveryError(str(self._error), retry_after_seconds=self._error.retry_after_seconds)


class HttpClient:
    """Posts bodies to one URL over one connection.

    Parameters
    ----------
    url : str
        Where to; its query may hold a secret.
    remaining_seconds : callable
        How long the caller may still take.
    backoff : Backoff
        What this connection shares with the destination's others.
    """

    def __init__(self, url: str, *, remaining_seconds: Callable[[], float], backoff: Backoff | None = None) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self._port, self._secure = parts.port, parts.scheme == "https"
        self._path, self._query = parts.path or "/", parts.query
        self._remaining = remaining_seconds
        self._backoff = backoff or Backoff()
        self._connection: http.client.HTTPConnection | None = None
        self.requests = 0
        self.retries = 0
        self.seconds = 0.0

    def post(self, body: bytes, headers: Mapping[str, str], query: str = "") -> Answer:
        """Post a body; return the answer unless it is one to try again. ``query`` is added to the URL's.

        429, 408, 425 and 5xx are tried again, as are connections that fail: at most four times in all, with full
        jitter, after ``Retry-After`` when the answer has it, and never longer than the time left. No other connection
        that shares the `Backoff` posts meanwhile.

        Raises
        ------
        DeliveryError
            When no attempt got a lasting answer.
        """
        target = "?".join(filter(None, (self._path, "&".join(filter(None, (self._query, query))))))
        self._backoff.wait()
        outcome, retry_after = self._attempt(target, body, headers)
        if isinstance(outcome, Answer):
            return outcome
        failed_at = time.monotonic()
        with self._backoff.retrying():
            for attempt in range(1, MAX_ATTEMPTS + 1):
                delay = min(MAX_DELAY_SECONDS, BASE_DELAY_SECONDS * 2 ** (attempt - 1)) * random.random()  # noqa: S311
                # what was waited for another body's sake counts
                wait = max(0.0, failed_at - time.monotonic() + (retry_after or 0.0) + delay)
                if attempt == MAX_ATTEMPTS or wait >= self._remaining():
                    raise DeliveryError(f"{self.host} {outcome}, {attempt} attempts", retry_after_seconds=retry_after)
                self.retries += 1
                self._backoff.pause(wait)
                outcome, retry_after = self._attempt(target, body, headers)
                if isinstance(outcome, Answer):
                    return outcome
                failed_at = time.monotonic()
        raise AssertionError("unreachable")

    def give_up(self) -> None:
        """Begin no other post, over any of the connections that share the `Backoff`."""
        self._backoff.give_up(DeliveryError(f"{self.host}: another body was given up"))

    def close(self) -> None:
        """Close the connection; the next post opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _attempt(self, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer | str, float | None]:
        self.requests += 1
        begun = time.monotonic()
        try:
            connection = self._connected()
            connection.request("POST", target, body, dict(headers))
            response = connection.getresponse()
            answer = response.read(_MAX_ANSWER_BYTES)
            if not response.isclosed():
                self.close()
        except TimeoutError:
            self.close()
            return "did not answer in time", None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return f"broke the connection ({type(error).__name__})", None
        except ValueError:
            # http.client, of a header or an address that is not valid HTTP: its text repeats the value.
            self.close()
            invalid = DeliveryError(f"{self.host}: the request is not valid HTTP; look at the destination's secret")
        else:
            if response.status in RETRIED_STATUSES:
                return f"answered {response.status}", _retry_after(response.headers.get("Retry-After"))
            return Answer(response.status, answer), None
        finally:
            self.seconds += time.monotonic() - begun
        raise invalid

    def _connected(self) -> http.client.HTTPConnection:
        timeout = max(LEAST_TIMEOUT_SECONDS, min(TIMEOUT_SECONDS, self._remaining()))
        if self._connection is None:
            self._connection = (
                http.client.HTTPSConnection(self.host, self._port, timeout=timeout, context=_tls_context())
                if self._secure
                else http.client.HTTPConnection(self.host, self._port, timeout=timeout)
            )
        elif self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        return self._connection


@lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    """Return what `http.client` makes anew for each connection: to read the certificate authorities takes 50 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _retry_after(value: str | None) -> float | None:
    """Return the seconds of a ``Retry-After`` header, which has a number or a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
