"""An hour of an archive in memory, as S3 and DynamoDB answer for it, and a count of the requests.

``python -m benchmarks.compaction_bucket PARTS BYTES``: so many parts, each of about so many bytes, of the hour five
hours ago, which every destination has.
"""

import asyncio
import gzip
import json
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.serving import Request, serve

BEGAN = datetime.now(UTC)
HOUR = BEGAN - timedelta(hours=5)
PREFIX = f"logs/orders/dt={HOUR:%Y-%m-%d}/hour={HOUR:%H}/"
PAGE = 1000


class Bucket:
    """The objects, by key: body and metadata."""

    def __init__(self, parts: int, size: int) -> None:
        chance = random.Random(1)  # noqa: S311
        first = int(HOUR.timestamp() * 1000)
        # incompressible, so that sizes are what was asked for
        body = gzip.compress(chance.randbytes(size * 3 // 4).hex()[: size * 2].encode(), 1, mtime=0)
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {
            f"{PREFIX}{first + i:013d}-{i:016x}.json.gz": (body, {}) for i in range(parts)
        }
        self.uploads: dict[str, tuple[str, dict[str, str], dict[int, bytes]]] = {}
        self.requests: Counter[str] = Counter()

    async def answer(self, request: Request) -> bytes:
        """Answer a request."""
        url = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if request.target == "/requests":
            objects = Counter("part" if key.endswith(".json.gz") else "compacted" for key in self.objects
                              if key.startswith("logs/"))  # fmt: skip
            return _response(json.dumps({"requests": self.requests, "objects": objects}).encode())
        if "x-amz-target" in request.headers:
            self.requests["BatchGetItem"] += 1
            ((table, wanted),) = json.loads(request.body)["RequestItems"].items()
            items = [{**key, "holder": {"S": "h"}, "done": {"BOOL": True}} for key in wanted["Keys"]]
            return _response(json.dumps({"Responses": {table: items}}).encode())
        key = unquote(url.path.removeprefix("/archive").removeprefix("/"))
        metadata = {name: value for name, value in request.headers.items() if name.startswith("x-amz-meta-")}
        if request.method == "POST":
            return self._post(key, query, request.body, metadata)
        if request.method == "PUT":
            self.requests["UploadPart" if "partNumber" in query else "PutObject"] += 1
            if "partNumber" in query:
                self.uploads[query["uploadId"]][2][int(query["partNumber"])] = request.body
            else:
                self.objects[key] = (request.body, metadata)
            return _response(b"", ETag='"e"')
        if "list-type" in query:
            self.requests["ListObjectsV2"] += 1
            return _response(self._list(query).encode())
        self.requests["HeadObject" if request.method == "HEAD" else "GetObject"] += 1
        body, metadata = self.objects[key]
        more = {"ETag": '"e"', "Last-Modified": f"{HOUR:%a, %d %b %Y %H:%M:%S} GMT", **metadata}
        return _response(body, is_head=request.method == "HEAD", **more)

    def _post(self, key: str, query: dict[str, str], body: bytes, metadata: dict[str, str]) -> bytes:
        if "delete" in query:
            self.requests["DeleteObjects"] += 1
            for each in body.decode().split("<Key>")[1:]:
                del self.objects[each.partition("<")[0]]
            return _response(b"<DeleteResult/>")
        if "uploads" in query:
            self.requests["CreateMultipartUpload"] += 1
            name = str(len(self.uploads))
            self.uploads[name] = (key, metadata, {})
            return _response(f"<R><UploadId>{name}</UploadId></R>".encode())
        self.requests["CompleteMultipartUpload"] += 1
        key, metadata, sent = self.uploads[query["uploadId"]]
        self.objects[key] = (b"".join(sent[number] for number in sorted(sent)), metadata)
        return _response(b"<R><ETag>e</ETag></R>")

    def _list(self, query: dict[str, str]) -> str:
        if "delimiter" in query:
            return "<R><CommonPrefixes><Prefix>logs/orders/</Prefix></CommonPrefixes></R>"
        after = query.get("continuation-token") or query.get("start-after", "")
        keys = sorted(key for key in self.objects if key.startswith(query["prefix"]) and key > after)
        shown = keys[:PAGE]
        contents = "".join(
            f'<Contents><Key>{key}</Key><Size>{len(self.objects[key][0])}</Size><ETag>"e"</ETag>'
            f"<LastModified>{HOUR:%Y-%m-%dT%H:%M:%S}.000Z</LastModified></Contents>"
            for key in shown
        )
        more = f"<NextContinuationToken>{shown[-1]}</NextContinuationToken>" if len(keys) > PAGE else ""
        return f"<R><IsTruncated>{str(len(keys) > PAGE).lower()}</IsTruncated>{more}{contents}</R>"


def _response(body: bytes, *, is_head: bool = False, **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode()
    return head if is_head else head + body


if __name__ == "__main__":
    asyncio.run(serve(Bucket(int(sys.argv[1]), int(sys.argv[2])).answer))
