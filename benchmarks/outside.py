"""The outside world of a measurement, in a process of its own, whose cost is not counted.

Just enough of S3, Parameter Store and Secrets Manager, and a listener that takes everything.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote


class Handler(BaseHTTPRequestHandler):
    """Answers what a shipper asks; objects are files of a folder."""

    protocol_version = "HTTP/1.1"
    folder = Path()

    def do_GET(self) -> None:
        """Give an object."""
        path = self._file()
        if not path.exists():
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>", {"Content-Type": "application/xml"})
            return
        metadata = {
            "x-amz-meta-logdock-policy": sys.argv[3],
            "ETag": '"e"',
            "Last-Modified": "Sat, 21 Nov 2026 02:00:00 GMT",
        }
        self.send_response(200)
        for name, value in metadata.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with path.open("rb") as body:
            while chunk := body.read(1 << 20):
                self.wfile.write(chunk)

    def do_PUT(self) -> None:
        """Keep an object."""
        self._file().write_bytes(self._drain())
        self._answer(200, b"", {"ETag": '"e"'})

    def do_POST(self) -> None:
        """Answer Parameter Store, Secrets Manager and DynamoDB; take whatever else is posted."""
        self._drain()
        target = self.headers.get("X-Amz-Target", "")
        if target.endswith("GetParameter"):
            self._answer(200, json.dumps({"Parameter": {"Value": sys.argv[2]}}).encode())
        elif target.endswith("GetSecretValue"):
            self._answer(200, json.dumps({"SecretString": "bench-token"}).encode())
        elif target.startswith("DynamoDB"):
            # every object is claimed for the first time, long after the table was made
            self._answer(200, b'{"Attributes":{"since":{"N":"0"}}}')
        else:
            self._answer(200, b"")

    def _file(self) -> Path:
        return self.folder / quote(unquote(self.path.partition("?")[0]).strip("/"), safe="")

    def _drain(self) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    Handler.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
