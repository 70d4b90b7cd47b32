"""A chat's webhook: takes what is posted to its secret address with its secret header, and keeps the texts."""

from __future__ import annotations

import http.server
import json
from typing import TYPE_CHECKING, Self

from local_cloud.tls_server import TlsServer

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/hooks/b7c1f0d2"
HEADER, HEADER_VALUE = "X-Api-Key", "chat-key-5d1e"


class Webhook:
    """A webhook on loopback, from ``with`` to the end of its block."""

    url: str
    """Its address, which is a secret."""

    def __init__(self, *, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self.texts: list[str] = []
        """What was posted, in order."""

    def __enter__(self) -> Self:
        """Start to listen on a free port."""
        texts = self.texts

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                known = self.path == PATH and self.headers[HEADER] == HEADER_VALUE
                if known:
                    texts.append(json.loads(body)["text"])
                self.send_response(200 if known else 403)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: the request's line holds the secret path."""

        self._server = TlsServer(Handler, certificate=self._certificate, key=self._key)
        self.url = f"{self._server.url}{PATH}"
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.stop()
