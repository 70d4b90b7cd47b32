"""The inputs: MongoDB's documented lines with varying values, the same as an archive object and as an event."""

import base64
import gzip
import random

import orjson
from isal import igzip

LINE_BYTES = 476
"""The size of a line, as in the figures of other shippers that these are compared with."""


def mongodb_lines(count: int, seed: int = 7) -> list[bytes]:
    """Return structured mongod lines of about `LINE_BYTES`, with an address in every third."""
    chance = random.Random(seed)  # noqa: S311 - reproducible input, not a secret
    lines = []
    for i in range(count):
        stamp = f"2026-11-21T{i // 3_600_000 % 24:02d}:{i // 60_000 % 60:02d}:{i // 1000 % 60:02d}.{i % 1000:03d}+00:00"
        remote = f'"remote":"10.{chance.randrange(256)}.{chance.randrange(256)}.9:54298",' if i % 3 == 0 else ""
        head = (
            f'{{"t":{{"$date":"{stamp}"}},"s":"I","c":"COMMAND","id":51803,"ctx":"conn{chance.randrange(500)}",'
            f'"msg":"Slow query","attr":{{"type":"command","ns":"stocks.trades",{remote}"appName":"MongoDB Shell",'
            f'"command":{{"aggregate":"trades","cursor":{{}},"$db":"stocks"}},"planSummary":"COLLSCAN",'
            f'"cursorid":{chance.randrange(10**18)},"docsExamined":{chance.randrange(10**6)},'
            f'"durationMillis":{chance.randrange(9000)},"note":"'
        )
        words = " ".join(chance.choice(("index", "scan", "plan", "cache", "lock")) for _ in range(30))
        lines.append((head + words[: max(0, LINE_BYTES - len(head) - 4)] + '"}}').encode())
    return lines


def landed(count: int) -> bytes:
    """Return an object as Atlas lands it."""
    return gzip.compress(b"\n".join(mongodb_lines(count)) + b"\n", 6)


def archived(count: int) -> bytes:
    """Return the same records as an archive object."""
    lines = []
    for line in mongodb_lines(count):
        time = line[15:38] + b"Z"
        middle = (
            b'","export":"bench","vendor":"mongodb-atlas","log_type":"mongodb","source":"s3://landing/x","message":'
        )
        lines.append(b'{"time":"' + time + b'","@timestamp":"' + time + middle + orjson.dumps(line.decode()) + b"}\n")
    return igzip.compress(b"".join(lines), 1)


def subscription(count: int) -> dict[str, dict[str, str]]:
    """Return a CloudWatch Logs event of so many application lines."""
    events = [
        {"id": f"37195570{i:048d}", "timestamp": 1763690400000 + i, "message": line.decode()}
        for i, line in enumerate(mongodb_lines(count))
    ]
    payload = {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "/app/orders",
        "logStream": "orders/1",
        "subscriptionFilters": ["logdock.bench"],
        "logEvents": events,
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(orjson.dumps(payload))).decode()}}
