"""S3 for a search, in a process of its own: lists and gives the files of a folder, each answer after a while.

``python -m benchmarks.search_outside FOLDER SECONDS``; prints its port. The user metadata of all objects is what the
folder's `METADATA` has. That an object is there (HEAD) is said at once: the AWS CLI does not ask for each.
``GET /counted`` says what was asked for since the last time.
"""

import json
import shutil
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.search import ACCOUNT

CALLER = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
PAGE_KEYS = 1000
METADATA = "metadata.json"


class Handler(BaseHTTPRequestHandler):
    """Answers what a search asks: who is calling, what is there, an object."""

    protocol_version = "HTTP/1.1"
    # or a body waits 40 ms for the acknowledgement of its header, which S3's do not
    disable_nagle_algorithm = True
    folder, seconds = Path(), 0.0
    counts: Counter[str] = Counter()  # noqa: RUF012 - of all connections
    lock = threading.Lock()
    keys: tuple[str, ...] = ()
    metadata: dict[str, str] = {}  # noqa: RUF012 - set once, before the server starts

    def do_HEAD(self) -> None:
        """Say how large an object is."""
        self._head((self.folder / self._key()).stat().st_size)

    def do_GET(self) -> None:
        """Give a page of a listing, or an object."""
        if self.path == "/counted":
            with self.lock:
                counted = json.dumps(self.counts)
                self.counts.clear()
            self._answer(counted.encode())
            return
        time.sleep(self.seconds)
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if "list-type" in query:
            self._count(list=1)
            self._answer(self._listing(query).encode())
            return
        with (self.folder / self._key()).open("rb") as body:
            size = Path(body.name).stat().st_size
            if asked := self.headers.get("Range"):
                first, _, last = asked.removeprefix("bytes=").partition("-")
                body.seek(int(first))
                piece = body.read(int(last) + 1 - int(first) if last else -1)
                self._count(get=1, bytes=len(piece))
                self._head(len(piece), 206)
                self.wfile.write(piece)
                return
            self._count(get=1, bytes=size)
            self._head(size)
            shutil.copyfileobj(body, self.wfile, 1 << 20)

    def do_POST(self) -> None:
        """Say who is calling."""
        time.sleep(self.seconds)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(CALLER.encode())

    def _count(self, **asked: int) -> None:
        with self.lock:
            self.counts.update(asked)

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/").partition("/")[2]

    def _listing(self, query: dict[str, str]) -> str:
        after, prefix = query.get("continuation-token") or query.get("start-after", ""), query.get("prefix", "")
        keys = [key for key in self.keys if key.startswith(prefix) and key > after]
        more = f"<NextContinuationToken>{keys[PAGE_KEYS - 1]}</NextContinuationToken>" if len(keys) > PAGE_KEYS else ""
        folders = dict.fromkeys(
            prefix + key.removeprefix(prefix).partition("/")[0] + "/"
            for key in keys[:PAGE_KEYS]
            if "delimiter" in query and "/" in key.removeprefix(prefix)
        )
        contents = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-11-21T02:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
            f"<Size>{(self.folder / key).stat().st_size}</Size></Contents>"
            for key in keys[:PAGE_KEYS]
            if not folders
        )
        contents += "".join(f"<CommonPrefixes><Prefix>{each}</Prefix></CommonPrefixes>" for each in folders)
        truncated = str(bool(more)).lower()
        return f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{contents}{more}</ListBucketResult>"

    def _answer(self, body: bytes) -> None:
        self._head(len(body))
        self.wfile.write(body)

    def _head(self, size: int, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Sat, 21 Nov 2026 02:00:00 GMT")
        self.send_header("Content-Length", str(size))
        for name, value in self.metadata.items():
            self.send_header(f"x-amz-meta-{name}", value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    Handler.folder, Handler.seconds = Path(sys.argv[1]), float(sys.argv[2])
    found = {str(file.relative_to(Handler.folder)) for file in Handler.folder.rglob("*") if file.is_file()}
    Handler.keys = tuple(sorted(found - {METADATA}))
    if METADATA in found:
        Handler.metadata = json.loads((Handler.folder / METADATA).read_text())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
