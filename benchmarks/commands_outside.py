"""AWS for commands that look at very many objects or exports, in a process of its own; each answer after a while.

``python -m benchmarks.commands_outside SECONDS KEYS REFUSED`` prints its port. A landing bucket has so many keys, and
the failure bucket so many quarantined objects; neither takes memory here, because keys follow from their number. What
a command sends is counted, and when it sent what first and last.
"""

import asyncio
import gzip
import json
import re
import sys
import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.search import ACCOUNT
from benchmarks.search_outside import CALLER
from benchmarks.serving import Request, serve

PAGE = 1000
PER_FOLDER = 10_000
"""Landed objects of a day and host, as a folder."""
QUARANTINED = "quarantine/app/logz/dt=2026-11-21/{:08d}-0123456789abcdef.json.gz"
MODIFIED = "2026-11-21T02:00:00.000Z"
_NUMBER = re.compile(r"(\d{8})(?:-|\.)")
_STACKS = """<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>
<Stacks/></DescribeStacksResult></DescribeStacksResponse>"""
_QUEUE = {f"ApproximateNumberOfMessages{what}": "0" for what in ("", "NotVisible", "Delayed")}


class Server:
    """Answers as AWS does.

    Parameters
    ----------
    delay
        Seconds until AWS answers.
    keys
        Objects of the landing bucket.
    refused
        Objects in quarantine.
    """

    def __init__(self, delay: float, keys: int, refused: int) -> None:
        self._delay, self._keys, self._refused = delay, keys, refused
        line = {"reason": "the listener refused the record", "time": MODIFIED, "message": "a line"}
        self._record = gzip.compress(json.dumps(line).encode() + b"\n")
        self._begun = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.first: dict[str, float] = {}
        self.last: dict[str, float] = {}

    async def answer(self, request: Request) -> bytes:
        """Answer a request after a while, and count it."""
        name, status, answer = self._answer(*request)
        if name != "counts":
            await asyncio.sleep(self._delay)
            self.counts[name] += 1
            self.last[name] = time.monotonic() - self._begun
            self.first.setdefault(name, self.last[name])
        kind = "application/json" if answer[:1] == b"{" else "application/xml"
        head = f'HTTP/1.1 {status} X\r\nETag: "e"\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n\r\n'
        return head.encode() + answer

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[str, int, bytes]:
        if target == "/counts":
            figures = {"counts": self.counts, "first": self.first, "last": self.last}
            return "counts", 200, json.dumps(figures).encode()
        if action := headers.get("x-amz-target", "").rpartition(".")[2]:
            return action, 200, json.dumps(self._called(action, json.loads(body))).encode()
        if method == "POST" and target == "/":
            name = parse_qs(body.decode())["Action"][0]
            return name, 200, (CALLER if name == "GetCallerIdentity" else _STACKS).encode()
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if "versions" in query:
            return "ListObjectVersions", 200, self._versions(query).encode()
        if "list-type" in query:
            return "ListObjectsV2", 200, self._listing(query, unquote(parts.path)).encode()
        if "delete" in query:
            return "DeleteObjects", 200, b"<DeleteResult></DeleteResult>"
        return f"{method} object", 200, self._record

    def _called(self, action: str, asked: Any) -> dict[str, Any]:
        if action == "GetQueueUrl":
            return {"QueueUrl": f"http://127.0.0.1/{ACCOUNT}/{asked['QueueName']}"}
        if action == "GetQueueAttributes":
            return {"Attributes": _QUEUE}
        if action == "SendMessageBatch":
            return {"Successful": [{"Id": each["Id"], "MessageId": "m"} for each in asked["Entries"]]}
        # whatever was sent has arrived by the time that it is asked for
        done = {"Item": {"id": {"S": "x"}, "sent": {"N": "1795219200"}, "done": {"BOOL": True}}}
        if action == "GetItem":
            return done
        if action == "BatchGetItem":
            ((table, of_table),) = asked["RequestItems"].items()
            return {"Responses": {table: [done["Item"] | {"id": key["id"]} for key in of_table["Keys"]]}}
        if action == "GetMetricData":
            moments = [time.time() // 300 * 300 - 600]
            return {
                "MetricDataResults": [
                    {"Id": each["Id"], "Timestamps": moments, "Values": [1.0]} for each in asked["MetricDataQueries"]
                ]
            }
        return {"MetricAlarms": [], "CompositeAlarms": []} if action == "DescribeAlarms" else {}

    def _versions(self, query: dict[str, str]) -> str:
        start = int(query["key-marker"]) if query.get("key-marker") else 0
        stop = min(start + PAGE, self._refused)
        rows = "".join(
            f"<Version><Key>{QUARANTINED.format(number)}</Key><VersionId>v</VersionId><IsLatest>true</IsLatest>"
            f"<LastModified>{MODIFIED}</LastModified><ETag>&quot;e&quot;</ETag><Size>99</Size></Version>"
            for number in range(start, stop)
        )
        more = f"<NextKeyMarker>{stop}</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>"
        return (
            f"<ListVersionsResult><IsTruncated>{str(stop < self._refused).lower()}</IsTruncated>"
            f"{more if stop < self._refused else ''}{rows}</ListVersionsResult>"
        )

    def _listing(self, query: dict[str, str], path: str) -> str:
        """List the landing bucket, whose folders hold ten thousand objects each; nothing of any other bucket."""
        prefix = query.get("prefix", "")
        if "landing" not in path:
            return "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>"
        after = query.get("continuation-token") or query.get("start-after") or ""
        folders = -(-self._keys // PER_FOLDER)
        if not prefix:
            start = int(after[1:5]) + 1 if after else 0
            rows = "".join(
                f"<CommonPrefixes><Prefix>h{number:04d}/</Prefix></CommonPrefixes>"
                for number in range(start, min(start + PAGE, folders))
            )
            is_more, token = start + PAGE < folders, f"h{start + PAGE - 1:04d}"
        else:
            folder = int(prefix[1:5])
            found = _NUMBER.search(after)
            first = folder * PER_FOLDER
            start = int(found[1]) + 1 if found else first
            end = min(first + PER_FOLDER, self._keys)
            stop = min(start + PAGE, end)
            rows = "".join(
                f"<Contents><Key>{prefix}{number:08d}.log.gz</Key><LastModified>{MODIFIED}</LastModified>"
                f"<ETag>&quot;e&quot;</ETag><Size>500</Size></Contents>"
                for number in range(start, stop)
            )
            is_more, token = stop < end, f"{stop - 1:08d}."
        more = f"<NextContinuationToken>{token}</NextContinuationToken>" if is_more else ""
        return f"<ListBucketResult><IsTruncated>{str(is_more).lower()}</IsTruncated>{more}{rows}</ListBucketResult>"


if __name__ == "__main__":
    asyncio.run(serve(Server(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])).answer))
