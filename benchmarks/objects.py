"""How fast objects go through, one function at a time, where AWS and the destination take up to 100 ms to answer.

An object holds ten lines; a batch 25 messages, ten of a feed's FIFO queue. The time of a batch is the wall time of one
invocation of a warm execution environment; how many of those run side by side is the destination's `concurrency`.
One object of 50 MB is shipped alone, too.
"""

import json
import os
import resource
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks import report_progress

ROOT = Path(__file__).parents[1]
DELAYS_MS, LARGE_DELAYS_MS = (0, 30, 100), (0, 20, 100)
OBJECTS = 200
LARGE_LINES, LARGE_RUNS = 105_047, 3
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
    large: list[dict[str, Any]] = []
    for delay in LARGE_DELAYS_MS:
        for kind in ("logzio", "otlp"):
            report_progress(f"{kind}, an object of 50 MB, everything answers after {delay} ms")
            figures = [_once(kind, "landing", delay, document, policy, "large") for _ in range(runs)]
            least = min(figures, key=lambda figure: figure["seconds"])
            large.append({"destination": kind, "ms": delay, **least})
    return {"objects": rows, "large": large}


def _once(kind: str, bucket: str, delay: int, document: str, policy: str, subject: str = "small") -> dict[str, float]:
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
        done = subprocess.run(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "benchmarks.objects", subject],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
        )  # fmt: skip
    finally:
        world.terminate()
        world.wait()
    if done.returncode:
        raise SystemExit(f"{kind} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return dict(json.loads(done.stderr.splitlines()[-1]))


class Context:
    """Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time that a function has at its start."""
        return 300_000


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _ship(keys: list[str]) -> None:
    """Ship objects as one batch."""
    from log_shipper import ship

    bucket, records = os.environ["BENCH_BUCKET"], []
    for key in keys:
        body = {"export": "bench", "detail": {"bucket": {"name": bucket}, "object": {"key": key, "etag": "e"}}}
        records.append({"messageId": key, "body": json.dumps(body), "attributes": {}})
    answer = ship.handler({"Records": records}, Context())
    assert answer == {"batchItemFailures": []}


def ship_large() -> None:
    """Ship an object of 50 MB in this process, warm; write the figures as the last line of standard error."""
    _ship(["app/first.log.gz"])
    _ship([f"large-{LARGE_LINES}/0"])
    figures = []
    for number in range(LARGE_RUNS):
        cpu, begun = _spent(), time.monotonic()
        _ship([f"large-{LARGE_LINES}/0?{number}"])
        figures.append((round(time.monotonic() - begun, 3), round(_spent() - cpu, 3)))
    seconds, cpu = min(figures)
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stderr.write(json.dumps({"seconds": seconds, "cpu": cpu, "rss_mb": rss_mb}) + "\n")


def ship_small() -> None:
    """Ship batches of objects in this process; write the figures as the last line of standard error."""
    from log_shipper import delivery

    bucket = os.environ["BENCH_BUCKET"]
    size = 10 if json.loads(os.environ["LOGDOCK_DESTINATION"])["kind"] == "feed" else delivery.AHEAD

    def keys(batch: int) -> list[str]:
        names = [f"{batch:04d}-{number}" for number in range(size)]
        where = "logs/bench/dt=2026-11-21/hour=02/{}.json.gz" if bucket == "archive" else "app/{}.log.gz"
        return [where.format(name) for name in names]

    def counts() -> dict[str, int]:
        with urllib.request.urlopen(os.environ["BENCH_URL"] + "/counts") as answer:  # noqa: S310 - loopback
            return dict(json.loads(answer.read()))

    _ship(keys(0))
    before, cpu, begun = counts(), _spent(), time.monotonic()
    for batch in range(1, OBJECTS // size + 1):
        _ship(keys(batch))
    wall, cpu = time.monotonic() - begun, _spent() - cpu
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
    rows.append(f"{'ms':>8} {'s':>8} {'CPU s':>8} {'MB':>6}  an object of 50 MB to, where everything answers after ms")
    for row in result["large"]:
        rows.append(f"{row['ms']:8d} {row['seconds']:8.2f} {row['cpu']:8.2f} {row['rss_mb']:6}  {row['destination']}")
    return rows


if __name__ == "__main__":
    {"small": ship_small, "large": ship_large}[sys.argv[1]]()
