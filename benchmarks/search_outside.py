"""S3 for a search, in a process of its own: lists and gives the files of a folder, each answer after a while.

``python -m benchmarks.search_outside FOLDER SECONDS``; prints its port.
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.search import ACCOUNT

CALLER = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
PAGE_KEYS = 1000


class Handler(BaseHTTPRequestHandler):
    """Answers what a search asks: who is calling, what is there, an object."""

    protocol_version = "HTTP/1.1"
    # header and body in one write, or the body waits for the acknowledgement of the header
    wbufsize = -1
    folder, seconds = Path(), 0.0
    keys: tuple[str, ...] = ()

    def do_HEAD(self) -> None:
        """Say how large an object is."""
        self._answer((self.folder / self._key()).stat().st_size, b"")

    def do_GET(self) -> None:
        """Give a page of a listing, or an object."""
        time.sleep(self.seconds)
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        body = self._listing(query).encode() if "list-type" in query else (self.folder / self._key()).read_bytes()
        self._answer(len(body), body)

    def do_POST(self) -> None:
        """Say who is calling."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(len(CALLER), CALLER.encode())

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/").partition("/")[2]

    def _listing(self, query: dict[str, str]) -> str:
        after = query.get("continuation-token") or query.get("start-after", "")
        keys = [key for key in self.keys if key.startswith(query.get("prefix", "")) and key > after]
        more = f"<NextContinuationToken>{keys[PAGE_KEYS - 1]}</NextContinuationToken>" if len(keys) > PAGE_KEYS else ""
        contents = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-11-21T02:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
            f"<Size>{(self.folder / key).stat().st_size}</Size></Contents>"
            for key in keys[:PAGE_KEYS]
        )
        truncated = str(bool(more)).lower()
        return f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{contents}{more}</ListBucketResult>"

    def _answer(self, size: int, body: bytes) -> None:
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 02:00:00 GMT")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    Handler.folder, Handler.seconds = Path(sys.argv[1]), float(sys.argv[2])
    Handler.keys = tuple(
        sorted(str(file.relative_to(Handler.folder)) for file in Handler.folder.rglob("*") if file.is_file())
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
