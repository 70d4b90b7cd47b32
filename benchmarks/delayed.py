"""AWS and a listener that answer after a fixed time, in a process of their own, whose cost is not counted.

What a shipper of many small objects asks for: S3, DynamoDB, Parameter Store, Secrets Manager, SQS and a listener that
takes everything. Objects under `landing` and `archive` all exist and hold the same lines; what is written is kept.
A key that begins with `large-` and a number is an object of so many lines.
"""

import asyncio
import gzip
import json
import sys
from collections import Counter
from urllib.parse import unquote

from benchmarks.inputs import landed
from benchmarks.serving import Request, serve

LINE = "2026-11-21T02:00:00.{:03d}Z INFO request {} took 12 ms on the checkout path"
LINES = 10


class Server:
    """Answers as AWS and the listener do.

    Parameters
    ----------
    delay : float
        Seconds until AWS answers.
    listener_delay : float
        Seconds until the listener answers.
    configuration : str
        The document of every export.
    """

    def __init__(self, delay: float, listener_delay: float, configuration: str, policy: str) -> None:
        self._delay, self._listener_delay, self._configuration = delay, listener_delay, configuration
        lines = [LINE.format(number, number) for number in range(LINES)]
        records = [
            {"time": line[:24], "@timestamp": line[:24], "export": "bench", "vendor": "s3-logs", "log_type": "app",
             "source": "s3://landing/a", "message": line}
            for line in lines
        ]  # fmt: skip
        self._landed = gzip.compress("\n".join(lines).encode())
        self._archived = gzip.compress("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records).encode())
        self._policy = policy
        self._kept: dict[str, bytes] = {}
        self.counts: Counter[str] = Counter()

    async def answer(self, request: Request) -> bytes:
        """Answer a request after a fixed time, and count it."""
        method, target, headers, body = request
        is_listener = "authorization" not in headers and target != "/counts"
        await asyncio.sleep(self._listener_delay if is_listener else self._delay)
        status, answer, more = self._answer(method, unquote(target), headers, body)
        self.counts["POST listener" if is_listener else self._name(method, target, headers)] += 1
        names = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        shown = answer if method != "HEAD" else b""
        return f"HTTP/1.1 {status} X\r\n{names}Content-Length: {len(shown)}\r\n\r\n".encode() + shown

    @staticmethod
    def _name(method: str, target: str, headers: dict[str, str]) -> str:
        if action := headers.get("x-amz-target"):
            return action.rpartition(".")[2]
        parts = target.partition("?")[0].strip("/").split("/")
        return f"{method} {'/'.join(parts[:2]) if parts[0] == 'failures' or len(parts) > 2 else parts[0]}"

    def _answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        path = target.partition("?")[0].strip("/")
        if path == "counts":
            return 200, json.dumps(self.counts).encode(), {}
        if method == "POST":
            return 200, self._called(headers.get("x-amz-target", "")), {}
        if method == "PUT":
            if headers.get("if-none-match") and path in self._kept:
                return 412, b"<Error><Code>PreconditionFailed</Code></Error>", {"Content-Type": "application/xml"}
            self._kept[path] = body
            answer = b"<CopyObjectResult></CopyObjectResult>" if "x-amz-copy-source" in headers else b""
            return 200, answer, {"ETag": '"e"'}
        if "list-type=2" in target:
            return 200, b"<ListBucketResult></ListBucketResult>", {}
        held = self._kept.get(path)
        if held is None and path.startswith("landing/large-"):
            held = self._kept[path] = landed(int(path.removeprefix("landing/large-").partition("/")[0]))
        if held is None and path.startswith("landing/"):
            held = self._landed
        if held is None and path.startswith("archive/logs/"):
            held = self._archived
        if held is None:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", {"Content-Type": "application/xml"}
        modified = "Sat, 21 Nov 2026 02:00:00 GMT"
        return 200, held, {"ETag": '"e"', "Last-Modified": modified, "x-amz-meta-logdock-policy": self._policy}

    def _called(self, action: str) -> bytes:
        action = action.rpartition(".")[2]
        if action == "GetParameter":
            return json.dumps({"Parameter": {"Value": self._configuration}}).encode()
        if action == "GetSecretValue":
            return b'{"SecretString":"token"}'
        if action == "UpdateItem":
            # every object is claimed for the first time, long after the table was made
            return b'{"Attributes":{"since":{"N":"0"}}}'
        return b"{}"


if __name__ == "__main__":
    _delay, _listener_delay, _configuration, _policy = sys.argv[1:5]
    _server = Server(float(_delay) / 1000, float(_listener_delay) / 1000, _configuration, _policy)
    asyncio.run(serve(_server.answer))
