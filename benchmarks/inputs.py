"""The inputs: MongoDB's documented lines with varying values, the same as an archive object and as an event."""

import base64
import gzip
import random

import orjson
from isal import igzip

LINE_BYTES = 476
"""The size of a line, as in the figures of other shippers that these are compared with."""
EVENT_BYTES = 1342
"""About the size of an event of CloudTrail."""


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


def shapes(megabytes: float) -> dict[str, tuple[str, bytes]]:
    """Return inputs of one size and of each shape that has a way of its own: the vendor and the object's lines."""
    lines = mongodb_lines(int(megabytes * 1_000_000) // LINE_BYTES)
    text = b"\n".join(lines) + b"\n"
    odd = range(0, len(lines), 50)
    return {
        "json": ("mongodb-atlas", text),
        "escaped": ("mongodb-atlas", b"\n".join(map(_escaped, lines)) + b"\n"),
        "nested": ("s3-logs", _sized(b"\n".join(map(_nested, lines)), text) + b"\n"),
        "delete": (
            "mongodb-atlas",
            b"\n".join(_marked(line, b"\x7f") if i in odd else line for i, line in enumerate(lines)),
        ),
        "latin-1": (
            "mongodb-atlas",
            b"\n".join(_marked(line, b"\xe9") if i in odd else line for i, line in enumerate(lines)),
        ),
        "plain": ("s3-logs", _sized(b"\n".join(map(_plain, lines)), text) + b"\n"),
        "cloudtrail": ("s3-logs", cloudtrail(int(megabytes * 1_000_000) // EVENT_BYTES)),
    }


def _sized(data: bytes, like: bytes) -> bytes:
    whole = data * (len(like) // len(data) + 1)
    return whole[: whole.rfind(b"\n", 0, len(like))]


def _escaped(line: bytes) -> bytes:
    return line.replace(b"plan", rb"pl\u00e4n", 1).replace(b"index", rb"\"index\"", 1).replace(b"lock", rb"lock\n", 1)


def _nested(line: bytes) -> bytes:
    """Return a line as a container's runtime writes it: the program's JSON in a string."""
    time = line[15:38].decode() + "Z"
    return orjson.dumps({"time": time, "stream": "stdout", "log": line.decode() + "\n"})


def _plain(line: bytes) -> bytes:
    return line[15:38].replace(b"T", b" ") + b" INFO " + line[44:].translate(None, b'{}"')


def _marked(line: bytes, mark: bytes) -> bytes:
    return line.replace(b"scan", b"sc" + mark + b"n", 1)


def cloudtrail(count: int, seed: int = 7) -> bytes:
    """Return an object of so many events as CloudTrail writes it, each with an address and an access key."""
    chance = random.Random(seed)  # noqa: S311 - reproducible input, not a secret
    events = []
    for i in range(count):
        key = "".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
        session = (
            f"arn:aws:sts::111122223333:assumed-role/orders-{chance.randrange(40)}/i-{chance.randrange(16**17):017x}"
        )
        role = {"type": "Role", "principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::111122223333:role/orders"}
        context = {
            "sessionIssuer": role,
            "attributes": {"creationDate": "2026-11-21T02:00:00Z", "mfaAuthenticated": "false"},
        }
        events.append({
            "eventVersion": "1.11",
            "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:orders", "arn": session,
                             "accountId": "111122223333", "accessKeyId": "ASIA" + key, "sessionContext": context},
            "eventTime": f"2026-11-21T02:0{i * 5 // count}:{i * 300 // count % 60:02d}Z",
            "eventSource": "s3.amazonaws.com", "eventName": chance.choice(("GetObject", "PutObject", "HeadObject")),
            "awsRegion": "us-east-1", "sourceIPAddress": f"10.{chance.randrange(256)}.{chance.randrange(256)}.9",
            "userAgent": "[aws-sdk-java/2.28.1 Linux/6.1.112 OpenJDK_64-Bit_Server_VM/21.0.5+11-LTS Java/21.0.5]",
            "requestParameters": {"bucketName": "orders-data", "key": f"in/{chance.randrange(10**9)}.json",
                                  "Host": "orders-data.s3.us-east-1.amazonaws.com"},
            "responseElements": None,
            "additionalEventData": {"SignatureVersion": "SigV4", "CipherSuite": "TLS_AES_128_GCM_SHA256",
                                    "bytesTransferredIn": 0, "bytesTransferredOut": chance.randrange(10**6)},
            "requestID": f"{chance.randrange(16**16):016X}", "eventID": f"{chance.randrange(16**32):032x}",
            "readOnly": True, "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::orders-data/in/x.json"}],
            "eventType": "AwsApiCall", "managementEvent": False, "recipientAccountId": "111122223333",
            "eventCategory": "Data", "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
        })  # fmt: skip
    return orjson.dumps({"Records": events})


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
