"""Logz.io's bulk listener, with the limits and answers that its documentation gives.

``POST /?token=...&type=...``, newline-delimited JSON, ``Content-Encoding: gzip`` accepted. 200 with an empty body when
every line was accepted; 400 with counts when some were not, the others being in; 401 for a token it does not know; 413
for a body over 10 MB, measured as it arrives and as it unpacks. A line's own ``type`` overrides the one in the URL.
A line that breaks a limit of its fields is accepted, and has a tag that says so. Sources: docs.logz.io, "JSON uploads"
and "Understanding Invalid Log Errors".
"""

from __future__ import annotations

import http.server
import json
import threading
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

from local_cloud.markers import Sightings
from local_cloud.tls_server import TlsServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_LINE_BYTES = 500_000
MAX_FIELDS = 1000
MAX_JSON_DEPTH = 10
MAX_VALUE_CHARS = 32_700
_GZIP_WINDOW = 31


class TooLargeError(Exception):
    """A body is over the limit."""


class LogzioListener:
    """A listener on loopback, from ``with`` to the end of its block. What it accepted is kept in memory."""

    url: str
    """Where it listens."""

    def __init__(self, *, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self.tokens: dict[str, str] = {}
        """The Logz.io account (any name) that each shipping token belongs to."""
        self._lock = threading.Lock()
        self.accepted: dict[tuple[str, str], Sightings] = defaultdict(Sightings)
        """The markers of the lines that were accepted, by account and export."""
        self.lines: dict[str, list[bytes]] = defaultdict(list)
        """The accepted lines, as they came, by account."""
        self.types: dict[tuple[str, str], set[str]] = defaultdict(set)
        """The types of the accepted lines, by account and export."""
        self.tags: dict[tuple[str, str], set[str]] = defaultdict(set)
        """Why lines were invalid, by account and export: ``MAX_FIELDS_NUMBER`` and the like."""
        self.refusals: dict[int, int] = defaultdict(int)
        """How often it did not answer 200, by status."""
        self.failing: int | None = None
        """The status that everything is answered with, of which nothing is taken; None while it is well."""
        self.max_line_bytes = MAX_LINE_BYTES
        """The longest line that it takes."""
        self._port = 0

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        self.come_back()
        return self

    def come_back(self) -> None:
        """Listen, where it has listened before it went away."""
        self._server = _Server(self, certificate=self._certificate, key=self._key, port=self._port)
        self._port = self._server.server_address[1]
        self.url = self._server.url
        self._server.start()

    def go_away(self) -> None:
        """Refuse connections; what was taken is answered for, and nothing more is taken over those that are open."""
        self._server.is_open = False
        self._server.stop()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        if self._server.is_open:
            self.go_away()

    def take(self, query: Mapping[str, list[str]], body: bytes) -> tuple[int, bytes]:
        """Accept a body's lines; return the status and the body of the answer."""
        token = query.get("token", [""])[0]
        if not token:
            return 401, b"Logging token is missing"
        account = self.tokens.get(token)
        if account is None:
            return 401, b"Logging token is not valid"
        counts = {"malformedLines": 0, "successfulLines": 0, "oversizedLines": 0, "emptyLogLines": 0}
        good: list[tuple[str, bytes]] = []
        for line in body.removesuffix(b"\n").split(b"\n"):
            verdict, export = judge(line, self.max_line_bytes)
            counts[verdict] += 1
            if verdict == "successfulLines":
                good.append((export, line))
        with self._lock:
            for export, line in good:
                self.accepted[account, export].see([line.decode(errors="replace")])
                self.lines[account].append(line)
                document = json.loads(line)
                self.types[account, export].add(str(document.get("type", query.get("type", ["http-bulk"])[0])))
                self.tags[account, export].update(invalid_tags(document))
        return (200, b"") if len(good) == sum(counts.values()) else (400, json.dumps(counts).encode())

    def note(self, status: int) -> None:
        """Count an answer that was not 200."""
        with self._lock:
            self.refusals[status] += 1


def judge(line: bytes, max_line_bytes: int = MAX_LINE_BYTES) -> tuple[str, str]:
    """Return what the listener counts a line as, and the export that the line names."""
    if not line.strip():
        return "emptyLogLines", ""
    if len(line) > max_line_bytes:
        return "oversizedLines", ""
    try:
        document = json.loads(line)
    except ValueError:
        return "malformedLines", ""
    if not isinstance(document, dict):
        return "malformedLines", ""
    return "successfulLines", str(document.get("export", ""))


def invalid_tags(document: Mapping[str, object]) -> set[str]:
    """Return the tags that Logz.io gives a line whose fields break its limits."""
    tags: set[str] = set()
    count = 0
    waiting: list[tuple[object, int]] = [(document, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            count += len(value)
            if depth >= MAX_JSON_DEPTH:
                tags.add("MAX_JSON_DEPTH")
            if any("." in name for name in value):
                tags.add("ARRAY_INDEX_OUT_OF_BOUNDS_EXCEPTION")
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth) for inner in value]
        elif isinstance(value, str) and len(value) > MAX_VALUE_CHARS:
            tags.add("INVALID_FIELD_VALUE_LENGTH")
    return tags | ({"MAX_FIELDS_NUMBER"} if count > MAX_FIELDS else set())


def unpack(body: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was compressed.

    Raises
    ------
    TooLargeError
        When it is over 10 MB, before or after.
    ValueError
        When it is no gzip stream, or the encoding is another.
    """
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise ValueError(f"unknown content encoding {encoding}")
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unpacker.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise ValueError("not a gzip stream") from error
    if len(plain) > MAX_BODY_BYTES:
        raise TooLargeError
    if not unpacker.eof:
        raise ValueError("a gzip stream that is cut off")
    return plain


class _Server(TlsServer):
    is_open = True

    def __init__(self, listener: LogzioListener, *, certificate: Path, key: Path, port: int) -> None:
        self.listener = listener
        super().__init__(_Handler, certificate=certificate, key=key, port=port)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        if self.headers.get("Transfer-Encoding"):
            self._answer(411, b"Length Required")
            return
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(413, b"Request Entity Too Large")
            return
        body = self.rfile.read(length)
        if not self.server.is_open:
            self.close_connection = True
            return
        if failing := self.server.listener.failing:
            self._answer(failing, b"")
            return
        try:
            plain = unpack(body, self.headers.get("Content-Encoding", ""))
        except TooLargeError:
            self._answer(413, b"Request Entity Too Large")
        except ValueError as error:
            self._answer(400, str(error).encode())
        else:
            self._answer(*self.server.listener.take(parse_qs(parts.query), plain))

    def _answer(self, status: int, body: bytes) -> None:
        if status != 200:
            self.server.listener.note(status)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Nothing: a request's line holds the token."""
