"""How fast small objects go through, one function at a time, where AWS takes 0, 30 or 100 ms to answer.

An object holds ten lines; a batch 25 messages, ten of a feed's FIFO queue. The time of a batch is the wall time of one
invocation of a warm execution environment; how many of those run side by side is the destination's `concurrency`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import report_progress

ROOT = Path(__file__).parents[1]
DELAYS_MS = (0, 30, 100)
OBJECTS = 200
EXPORT = {"vendor": "s3-logs", "format": "plain", "landing": {"bucket": "landing"}}
SUBJECTS = {
    "logzio": ("logzio", "landing"),
    "logzio, archived": ("logzio", "archive"),
    "otlp": ("otlp", "landing"),
    "archive": ("archive", "landing"),
    "feed": ("feed", "archive"),
}
"""By the name in the results: the destination's kind, and the bucket that its objects are in."""


def measure(_folder: Path, runs: int = 1) -> dict[str, Any]:
    """Measure every destination at every delay."""
    from log_shipper.export_config import parse_export_config

    document = json.dumps(EXPORT)
    policy = parse_export_config("bench", document).policy
    rows = []
    for delay in DELAYS_MS:
        for name, (kind, bucket) in SUBJECTS.items():
            report_progress(f"{name}, objects of ten lines, AWS answers after {delay} ms")
            figures = [_once(kind, bucket, delay, document, policy) for _ in range(runs)]
            least = min(figures, key=lambda figure: figure["ms_per_object"])
            rows.append({"destination": name, "s3_ms": delay, **least})
    return {"objects": rows}


def _once(kind: str, bucket: str, delay: int, document: str, policy: str) -> dict[str, float]:
    world = subprocess.Popen(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-m", "benchmarks.delayed", str(delay), str(delay), document, policy],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        assert world.stdout is not None
        url = f"http://127.0.0.1:{world.stdout.readline().strip()}"
        destination = {"name": kind, "kind": kind, "listener_url": url, "token_secret": "t", "endpoint": url}
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join((str(ROOT / "lambda_src" / "log_shipper"), str(ROOT))),
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null",
            "LOGDOCK_DEPLOYMENT": "bench", "LOGDOCK_ACCOUNT": "111122223333", "LOGDOCK_EXPORTS_PATH": "/bench/",
            "LOGDOCK_ARCHIVE_BUCKET": "archive", "LOGDOCK_FAILURE_BUCKET": "failures", "LOGDOCK_MARK_TABLE": "marks",
            "LOGDOCK_DESTINATION": json.dumps(destination), "BENCH_BUCKET": bucket, "BENCH_URL": url,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.objects"],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
        )  # fmt: skip
    finally:
        world.terminate()
        world.wait()
    if done.returncode:
        raise SystemExit(f"{kind} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return dict(json.loads(done.stderr.splitlines()[-1]))


def subject() -> None:
    """Ship batches of objects in this process; write the figures as the last line of standard error."""
    import resource
    import time
    import urllib.request

    from log_shipper import delivery, ship

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 300_000

    bucket = os.environ["BENCH_BUCKET"]
    size = 10 if json.loads(os.environ["LOGDOCK_DESTINATION"])["kind"] == "feed" else delivery.AHEAD

    def event(batch: int) -> dict[str, Any]:
        records = []
        for number in range(size):
            name = f"{batch:04d}-{number}"
            key = f"logs/bench/dt=2026-11-21/hour=02/{name}.json.gz" if bucket == "archive" else f"app/{name}.log.gz"
            item = {"key": key, "etag": "e"}
            body = {"export": "bench", "detail": {"bucket": {"name": bucket}, "object": item}}
            records.append({"messageId": name, "body": json.dumps(body), "attributes": {}})
        return {"Records": records}

    def counts() -> dict[str, int]:
        with urllib.request.urlopen(os.environ["BENCH_URL"] + "/counts") as answer:  # noqa: S310 - loopback
            return dict(json.loads(answer.read()))

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    done = {"batchItemFailures": list[Any]()}
    assert ship.handler(event(0), Context()) == done
    before, cpu, begun = counts(), spent(), time.monotonic()
    for batch in range(1, OBJECTS // size + 1):
        assert ship.handler(event(batch), Context()) == done
    wall, cpu = time.monotonic() - begun, spent() - cpu
    calls = {name: (count - before.get(name, 0)) / OBJECTS for name, count in counts().items() if name != "GET counts"}
    sys.stderr.write(
        json.dumps(
            {
                "ms_per_object": round(wall / OBJECTS * 1000, 2),
                "cpu_ms_per_object": round(cpu / OBJECTS * 1000, 2),
                "batch": size,
                "objects_per_second": round(OBJECTS / wall, 1),
                "calls_per_object": {name: round(count, 2) for name, count in sorted(calls.items()) if count},
            }
        )
        + "\n"
    )


def show(result: dict[str, Any]) -> list[str]:
    """Return the table's lines."""
    rows = [f"{'AWS ms':>8} {'ms':>8} {'CPU ms':>8} {'a second':>9}  objects of ten lines to"]
    for row in result["objects"]:
        figures = f"{row['s3_ms']:8d} {row['ms_per_object']:8.1f} {row['cpu_ms_per_object']:8.2f}"
        calls = ", ".join(f"{name} {count:g}" for name, count in row["calls_per_object"].items())
        rows.append(f"{figures} {row['objects_per_second']:9.1f}  {row['destination']} ({calls})")
    return rows


if __name__ == "__main__":
    subject()
