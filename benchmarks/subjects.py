"""What is measured, each in a fresh process that prints its figures: `python -m benchmarks.subjects <name> <records>`.

The floors do the same work with the same libraries and nothing else: no filters, no limits, no retries, no accounting.
"""

import json
import os
import sys
import time
from functools import lru_cache
from typing import Any

ARCHIVED = "logs/bench/archived.gz"


@lru_cache(maxsize=1)
def _floor_client() -> Any:
    import botocore.session

    return botocore.session.get_session().create_client("s3")


def floor_wrap(_: int) -> None:
    """GET, gunzip, wrap every line, gzip, POST."""
    _floor("landing", "landed.gz", wrap=True)


def floor_pass(_: int) -> None:
    """GET, gunzip, cut batches at line ends, gzip, POST."""
    _floor("archive", ARCHIVED, wrap=False)


def _floor(bucket: str, key: str, *, wrap: bool) -> None:
    import http.client

    import orjson
    from isal import isal_zlib

    body = _floor_client().get_object(Bucket=bucket, Key=key + os.environ["BENCH_SUFFIX"])["Body"]
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["BENCH_PORT"]))
    prefix = b'{"@timestamp":"2026-11-21T02:03:04.000Z","export":"bench","vendor":"mongodb-atlas","log_type":"mongodb",'
    prefix += b'"source":"s3://landing/landed.gz","message":'

    def post(raw: bytes) -> None:
        compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
        packed = compressor.compress(raw) + compressor.flush()
        connection.request("POST", "/?token=x", packed, {"Content-Encoding": "gzip"})
        connection.getresponse().read()

    member = isal_zlib.decompressobj(31)
    rest, batch, size = b"", [], 0
    for chunk in body.iter_chunks(128 * 1024):
        data = rest + member.decompress(chunk)
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if wrap:
            lines = [prefix + orjson.dumps(line.decode()) + b"}\n" for line in data[:cut].split(b"\n") if line]
            out = b"".join(lines)
        else:
            out = data[:cut]
        batch.append(out)
        size += len(out)
        if size > 6 * 1024 * 1024:
            post(b"".join(batch))
            batch, size = [], 0
    post(b"".join(batch))


def reference_stdlib(_: int) -> None:
    """The same as `floor_wrap` with the standard library alone, but for S3."""
    import gzip
    import urllib.request

    client = _floor_client()
    body = client.get_object(Bucket="landing", Key="landed.gz" + os.environ["BENCH_SUFFIX"])["Body"]
    url = f"http://127.0.0.1:{os.environ['BENCH_PORT']}/?token=x"
    batch: list[str] = []

    def post() -> None:
        packed = gzip.compress("\n".join(batch).encode(), 6)
        urllib.request.urlopen(urllib.request.Request(url, packed, {"Content-Encoding": "gzip"})).read()

    with gzip.open(body, "rt", encoding="utf-8") as lines:
        for line in lines:
            time_of = json.loads(line)["t"]["$date"]
            batch.append(json.dumps({"@timestamp": time_of, "export": "bench", "message": line.rstrip("\n")}))
            if len(batch) == 10_000:
                post()
                batch.clear()
    post()


def ship_wrap(records: int) -> None:
    """The shipper on a landed object."""
    _ship("landing", "landed.gz", records)


def ship_pass(records: int) -> None:
    """The shipper on an archive object."""
    _ship("archive", ARCHIVED, records)


def _ship(bucket: str, key: str, records: int) -> None:
    from log_shipper import ship

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 900_000

    body = {
        "export": "bench",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key + os.environ["BENCH_SUFFIX"], "etag": "e"}},
    }
    event = {"Records": [{"messageId": "m", "body": json.dumps(body)}]}
    assert ship.handler(event, Context()) == {"batchItemFailures": []}
    del records


def _event() -> dict[str, Any]:
    with open(os.environ["BENCH_EVENT"], "rb") as file:  # noqa: PTH123
        return dict(json.load(file))


def floor_event(_: int) -> None:
    """A subscription event, each event dumped with a constant suffix, gzip, PUT."""
    import base64

    import orjson
    from isal import igzip_lib, isal_zlib

    client = _floor_client()
    for _ in range(int(os.environ["BENCH_REPEAT"])):
        data = _EVENT["awslogs"]["data"]
        payload = orjson.loads(igzip_lib.decompress(base64.b64decode(data), igzip_lib.DECOMP_GZIP))
        suffix = (
            b',"export":"bench","vendor":"cloudwatch-logs","log_type":"orders","source":"cloudwatch:/app/orders"}\n'
        )
        lines = [orjson.dumps(event)[:-1] + suffix for event in payload["logEvents"]]
        compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
        client.put_object(Bucket="archive", Key="x", Body=compressor.compress(b"".join(lines)) + compressor.flush())


def archive_event(records: int) -> None:
    """The archiver on a subscription event."""
    from log_shipper import archive

    for _ in range(int(os.environ["BENCH_REPEAT"])):
        assert archive.handler(_EVENT, None)["archived"] == records


def start_sdk(_: int) -> None:
    """Import the SDK and make an S3 client."""
    import botocore.session

    botocore.session.get_session().create_client("s3")


def start_ship(_: int) -> None:
    """Import the shipper and make its S3 client."""
    from log_shipper import aws, ship

    del ship
    aws.s3()


def start_archive(_: int) -> None:
    """Import the archiver and make its clients."""
    from log_shipper import archive, aws

    del archive
    aws.s3()
    aws.ssm()


_EVENT: dict[str, Any] = {}


def warm(name: str) -> None:
    """Run a subject once on a handful of records: clients, connections and caches are made, as in a warm function."""
    global _EVENT
    event, repeat = _EVENT, os.environ.get("BENCH_REPEAT", "1")
    os.environ["BENCH_REPEAT"] = "1"
    if name.endswith("_event"):
        with open(os.environ["BENCH_EVENT"] + ".tiny", "rb") as file:  # noqa: PTH123
            _EVENT = dict(json.load(file))
    os.environ["BENCH_SUFFIX"] = ".tiny"
    globals()[name](10)
    _EVENT = event
    os.environ["BENCH_REPEAT"], os.environ["BENCH_SUFFIX"] = repeat, ""


def peak_rss_mb() -> float:
    """Return this process's own peak resident set; getrusage would give the parent's when that is larger."""
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    name, count = sys.argv[1], int(sys.argv[2])
    if name.endswith("_event"):
        _EVENT = _event()
    if not name.startswith("start_"):
        import botocore.session  # noqa: F401 - the SDK's own import is not what is compared

        warm(name)
    begun = time.process_time()
    globals()[name](count)
    figures = {"cpu": time.process_time() - begun, "rss": peak_rss_mb()}
    sys.stderr.write(json.dumps(figures))
