"""An AWS in the test's own process, a real listener on loopback, the recorded inputs and the events that name them."""

import base64
import gzip
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError
from log_shipper import archive, aws, mark_items, marks, ship

from logdock.settings.document import Part

EVENTS = Path(__file__).parents[2] / "events"
ARCHIVE, FAILURES, LANDING = "acme-archive", "acme-failures", "acme-landing"
MARKS = "acme-marks"
TOKEN = "tok-3f9c1d"


def recorded(name: str) -> str:
    """Return a recorded input."""
    return (EVENTS / name).read_text(encoding="utf-8")


class Context:
    """Lambda's context, with as much time left as a test wants."""

    def __init__(self, milliseconds: int = 300_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class Cloud:
    """The buckets, parameters and secrets a shipper sees, and shortcuts to fill and read them."""

    def __init__(self) -> None:
        self.s3 = aws.s3()
        for bucket in (ARCHIVE, FAILURES, LANDING):
            self.s3.create_bucket(Bucket=bucket)
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        untyped: Any = aws.dynamodb()
        self.dynamodb = untyped
        self.dynamodb.create_table(
            TableName=MARKS,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for name in ("logz", "archive", "feed", "other", "otlp"):
            self.first_mark(name, 0)
        self.ssm = aws.ssm()
        self.secrets = aws.secrets_manager()

    def first_mark(self, destination: str, since: float) -> None:
        """Say when a destination's first mark was written: long ago, so that none is in S3, or later."""
        item = {"id": {"S": f"{destination}/"}, "since": {"N": str(since)}}
        self.dynamodb.put_item(TableName=MARKS, Item=item)
        marks._since.clear()

    def marks(self) -> dict[str, dict[str, Any]]:
        """Return the items of the mark table by their keys, without the notes of when each destination began."""
        items = self.dynamodb.scan(TableName=MARKS)["Items"]
        return {item["id"]["S"]: item for item in items if not item["id"]["S"].endswith("/")}

    def is_finished(self, export: str, identity: str, destination: str = "logz") -> bool:
        """Say whether the table says that an object is finished."""
        return mark_items.is_finished(self.dynamodb, MARKS, destination, export, identity)

    def export(self, name: str, **document: Any) -> None:
        """Write an export's configuration; one of a bucket lands in `LANDING`, unless it says where."""
        if Part((), {"kind": document.get("vendor")}).lands_in_bucket:
            document = {"landing": {"bucket": LANDING}} | document
        self.ssm.put_parameter(
            Name=f"/logdock/acme/exports/{name}", Type="String", Value=json.dumps(document), Overwrite=True
        )
        archive._configs.cache_clear()
        ship._kept.cache_clear()

    def secret(self, name: str, value: str) -> None:
        self.secrets.create_secret(Name=name, SecretString=value)

    def land(self, key: str, body: bytes, bucket: str = LANDING, **more: Any) -> dict[str, Any]:
        """Put an object; return what an event would say of it."""
        answer = self.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)
        return {"key": key, "size": len(body), "etag": answer["ETag"].strip('"'), "version-id": answer["VersionId"]}

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]

    def lines(self, bucket: str, prefix: str = "") -> list[dict[str, Any]]:
        """Return the lines of every gzip object under a prefix, in key order."""
        return [
            json.loads(line)
            for key in self.keys(bucket, prefix)
            for line in gzip.decompress(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()).splitlines()
        ]

    def versions(self, bucket: str, prefix: str = "") -> int:
        return len(self.s3.list_object_versions(Bucket=bucket, Prefix=prefix).get("Versions", ()))


def message(
    export: str, item: dict[str, Any], bucket: str = LANDING, number: int = 1, received: int = 1
) -> dict[str, Any]:
    """Return an SQS record as the deployment's event rule makes it."""
    body = {
        "export": export,
        "time": "2026-11-21T02:03:04Z",
        "detail": {"bucket": {"name": bucket}, "object": item, "reason": "PutObject"},
    }
    return {
        "messageId": f"m{number}",
        "receiptHandle": f"r{number}",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": str(received)},
        "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:acme-logz",
    }


def batch(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(messages)}


def subscription(export: str, group: str, messages: list[str], **more: Any) -> dict[str, Any]:
    """Return a CloudWatch Logs subscription event."""
    payload = {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": group,
        "logStream": "stream-1",
        "subscriptionFilters": [f"logdock.{export}"],
        "logEvents": [
            {"id": f"3719557{i:04d}", "timestamp": 1763690400000 + i, "message": text}
            for i, text in enumerate(messages)
        ],
    } | more
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(payload).encode())).decode()}}


def refusal(code: str) -> Callable[..., Any]:
    """Return a call of an AWS client that always ends in an error."""

    def call(**_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "Call")

    return call


def stream_batch(*payloads: dict[str, Any] | str, shard: int = 6) -> dict[str, Any]:
    """Return the event in which Lambda hands over the records of a Kinesis shard: subscription events, or texts."""
    records = []
    for number, payload in enumerate(payloads):
        record = json.loads(recorded("kinesis/record.json"))
        sequence = str(int(record["kinesis"]["sequenceNumber"]) + number)
        record["eventID"] = f"shardId-{shard:012d}:{sequence}"
        if isinstance(payload, str):
            data = base64.b64encode(gzip.compress(payload.encode())).decode()
        else:
            data = payload["awslogs"]["data"]
        record["kinesis"] |= {"sequenceNumber": sequence, "data": data}
        records.append(record)
    return {"Records": records}


class Listener:
    """A Logz.io bulk listener: answers from a script, then 200; keeps what it accepted."""

    def __init__(self, accept: Callable[[bytes], list[Any]] | None = None) -> None:
        take = accept or (lambda body: [json.loads(line) for line in body.splitlines()])
        self.refuse: Callable[[bytes], int] = lambda _: 200
        self.paths: list[str] = []
        self.on_second = threading.Event()
        self.script: list[Callable[[BaseHTTPRequestHandler, bytes], bool]] = []
        self.bodies: list[bytes] = []
        self.accepted: list[dict[str, Any]] = []
        self.queries: list[dict[str, list[str]]] = []
        self.types: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
                listener.bodies.append(body)
                if len(listener.bodies) == 2:
                    listener.on_second.set()
                listener.queries.append(parse_qs(urlsplit(self.path).query))
                listener.paths.append(urlsplit(self.path).path)
                listener.headers.append(dict(self.headers))
                if listener.script and not listener.script.pop(0)(self, body):
                    return
                status = listener.refuse(body)
                if status == 200:
                    lines = take(body)
                    listener.accepted += lines
                    default = listener.queries[-1].get("type", [""])[0]
                    documents = [line for line in lines if isinstance(line, dict)]
                    listener.types += [(line.get("type", default), str(line.get("message"))) for line in documents]
                answer(self, status)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def messages(self) -> list[str]:
        return [record["message"] for record in self.accepted]

    def will_answer(self, *statuses: int, body: bytes = b"", **headers: str) -> None:
        """Answer the next posts so, and accept nothing of them."""
        for status in statuses:
            self.script.append(lambda handler, _, s=status: answer(handler, s, body, headers))  # type: ignore[misc]


def answer(
    handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> bool:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return False
