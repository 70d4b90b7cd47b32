"""What the vendors' APIs have in common: HTTPS, a record of what was asked, and failures on demand.

The record has every request without its credential, in the form in which it can be held against the vendor's published
OpenAPI description.
"""

from __future__ import annotations

import copy
import http.server
import json
import math
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from local_cloud.tls_server import TlsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message
    from pathlib import Path

_RECORDED_HEADERS = ("Accept", "Content-Type", "Cc-Version")


class Strict(BaseModel):
    """A body that may have the fields it names and no others, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Camel(Strict):
    """A body whose fields are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)

    def document(self, *, without_empty: bool = False) -> dict[str, Any]:
        """Return it as the vendor shows it."""
        return self.model_dump(by_alias=True, exclude_none=without_empty)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes
    """`method`, `path`, `query`, `headers`, `body`: As they arrived; the body as it was sent."""

    def json(self) -> Any:
        """Return the body as JSON.

        Raises
        ------
        Refused
            When it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refused(400, {"message": "the body is no JSON"}) from None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is kept of a request: no credential; and of the answer, unless it was a failure on demand."""

    vendor: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    status: int | None = None
    answer: Any = None
    """`status`, `answer`: What the stand-in itself answered."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None

    @property
    def body(self) -> bytes:
        """What is sent: the document as JSON, or the page as it is."""
        if self.page is not None:
            return self.page.encode()
        return b"" if self.document is None else json.dumps(self.document).encode()


def error_page(status: int, *, retry_after: str = "") -> Reply:
    """Answer as a load balancer does, with a page of HTML."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status} Bad Gateway</h1><hr>nginx</body></html>\n"
    return Reply(status, headers={"Retry-After": retry_after} if retry_after else {}, page=page)


class Refused(Exception):  # noqa: N818  (an answer, not a fault)
    """An answer other than 200, given from anywhere inside."""

    def __init__(self, status: int, document: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {document}")
        self.reply = Reply(status, document, headers or {})


@dataclass(slots=True)
class _Fault:
    matches: Callable[[Request], bool]
    reply: Reply | None
    is_carried_out: bool
    times: int
    until: float = math.inf


class VendorApi(ABC):
    """An API on loopback, from ``with`` to the end of its block.

    Parameters
    ----------
    certificate, key
        PEM files to serve TLS with.

    Attributes
    ----------
    url
        Where it listens: what ``api_base_url`` is set to.
    recorded
        What was asked, in order.
    now
        The clock by which delays and outages are measured.
    list_delay_seconds, read_delay_seconds
        How long a new object is missing from lists, and how long it cannot be read by its id.
    """

    vendor: str
    url: str

    def __init__(self, *, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self.recorded: list[Recorded] = []
        self.now: Callable[[], float] = time.time
        self.list_delay_seconds = self.read_delay_seconds = 0.0
        self._accepted: dict[object, float] = {}
        self._faults: list[_Fault] = []
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        self._server = _Server(self, certificate=self._certificate, key=self._key)
        self.url = self._server.url
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.stop()

    def fail(
        self,
        method: str,
        path_part: str,
        reply: Reply | None,
        *,
        times: int = 1,
        is_carried_out: bool = False,
    ) -> None:
        """Answer the next requests of a kind differently.

        Parameters
        ----------
        method, path_part
            Which requests: the method, and something that the path contains.
        reply
            The answer; None for a connection that is closed without one.
        is_carried_out
            Whether what was asked is done all the same.
        """
        matches = lambda request: request.method == method and path_part in request.path  # noqa: E731
        self._faults.append(_Fault(matches, reply, is_carried_out, times))

    def fail_for(self, seconds: float, reply: Reply | None, *, path_part: str = "", method: str = "") -> None:
        """Answer every request of a kind differently for a time; nothing of it is carried out."""
        matches = lambda request: method in ("", request.method) and path_part in request.path  # noqa: E731
        self._faults.append(_Fault(matches, reply, is_carried_out=False, times=-1, until=self.now() + seconds))

    def accept(self, object_id: object) -> None:
        """Note when an object was created, for the delays."""
        self._accepted[object_id] = self.now()

    def is_listed(self, object_id: object) -> bool:
        """Return whether an object appears in lists yet."""
        return self.now() >= self._accepted.get(object_id, 0.0) + self.list_delay_seconds

    def is_shown(self, object_id: object) -> bool:
        """Return whether an object can be read by its id yet."""
        return self.now() >= self._accepted.get(object_id, 0.0) + self.read_delay_seconds

    def writes(self) -> list[Recorded]:
        """Return the recorded requests that change something at the vendor."""
        return [one for one in self.recorded if one.method != "GET" and not self.is_sign_in(one.path)]

    def is_sign_in(self, path: str) -> bool:  # noqa: ARG002
        """Return whether a path is where a credential is exchanged for a token."""
        return False

    def save(self, file: Path) -> None:
        """Append the record to a file, one JSON document a line."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as lines:
            lines.writelines(json.dumps(asdict(one)) + "\n" for one in self.recorded)

    def take(self, request: Request) -> Reply | None:
        """Answer one request; None closes the connection."""
        # One at a time: what is asked changes what the next one sees.
        with self._lock:
            self.recorded.append(self._without_credential(request))
            fault = next((one for one in self._faults if self._applies(one, request)), None)
            if fault:
                fault.times -= 1
                if not fault.is_carried_out:
                    return fault.reply
            place, reply = len(self.recorded) - 1, self._answer(request)
            if reply.page is None and not self.is_sign_in(request.path):
                answer = copy.deepcopy(reply.document)
                self.recorded[place] = replace(self.recorded[place], status=reply.status, answer=answer)
            return fault.reply if fault else reply

    def _applies(self, fault: _Fault, request: Request) -> bool:
        return bool(fault.times) and self.now() < fault.until and fault.matches(request)

    def _without_credential(self, request: Request) -> Recorded:
        headers = {name: request.headers[name] for name in _RECORDED_HEADERS if name in request.headers}
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = dict(parse_qsl(request.body.decode(errors="replace")))
        return Recorded(self.vendor, request.method, request.path, dict(request.query), headers, body)

    def _answer(self, request: Request) -> Reply:
        try:
            return self.answer(request)
        except Refused as refused:
            return refused.reply
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            return self.malformed(wrong)

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Do what is asked."""

    @abstractmethod
    def malformed(self, wrong: str) -> Reply:
        """Refuse a body that has unknown, missing or wrong fields."""


class _Server(TlsServer):
    def __init__(self, api: VendorApi, *, certificate: Path, key: Path) -> None:
        self.api = api
        super().__init__(_Handler, certificate=certificate, key=key)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers=self.headers,
            body=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
        )
        reply = self.server.api.take(request)
        if reply is None:
            self.close_connection = True
            return
        body = reply.body
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json" if reply.page is None else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815  (the base class's names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Nothing: the record has what is worth knowing."""
