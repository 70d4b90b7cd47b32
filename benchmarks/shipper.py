"""The shipper's functions against their floors and the standard library, and how their cost grows with an object."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import LONG_SECONDS, inputs, report_progress

ROOT = Path(__file__).parents[1]
DETECTORS = ["email", "ipv4", "ipv6", "payment-card", "aws-key", "bearer-token"]
ARM64_DOLLARS_PER_GB_SECOND = 0.0000133334
"""Lambda's arm64 price in us-east-1, an input of the cost table."""
GB_PER_CPU = 1769 / 1024
"""Memory that comes with one CPU (Lambda Developer Guide, "Configure Lambda function memory"): a CPU second costs that
many GB-seconds, whatever the memory is set to."""
MB_RECORDS = 1_000_000 // inputs.LINE_BYTES
PLAIN = {"vendor": "mongodb-atlas", "landing": {"bucket": "landing"}}
REDACTED = PLAIN | {"redaction": {"markers": "redact", "detectors": DETECTORS}}
APP = {"vendor": "cloudwatch-logs"}


class Bench:
    """Runs subjects against an outside world with the given inputs."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.folder, self.runs = folder, runs

    def measure(self, name: str, records: int, export: dict[str, Any], **more: str) -> dict[str, float]:
        """Return the least CPU seconds and the peak RSS of a subject."""
        report_progress(
            f"{name.replace('_', ' ')}, {records:,} lines{', with redaction' if 'redaction' in export else ''}"
        )
        from log_shipper.export_config import parse_export_config

        document = json.dumps(export)
        policy = parse_export_config("bench", document).policy
        outside = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "benchmarks.outside", str(self.folder), document, policy],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        try:
            assert outside.stdout is not None
            port = outside.stdout.readline().strip()
            figures: list[dict[str, float]] = []
            begun = time.monotonic()
            while len(figures) < self.runs and time.monotonic() - begun < LONG_SECONDS:
                figures.append(self._once(name, records, port, dict(more)))
        finally:
            outside.terminate()
            outside.wait()
        return {"cpu": min(f["cpu"] for f in figures), "rss_mb": max(f["rss"] for f in figures)}

    def _once(self, name: str, records: int, port: str, more: dict[str, str]) -> dict[str, float]:
        for mark in self.folder.glob("failures%2Fprogress%2F*"):
            mark.unlink()  # or the object would pass for one that is done
        url = f"http://127.0.0.1:{port}"
        destination = {"name": "logz", "kind": "logzio", "listener_url": url, "token_secret": "bench"}
        if more.pop("kind", "") == "otlp":
            destination = {"name": "lake", "kind": "otlp", "endpoint": url}
        environment = os.environ | {
            "PYTHONPATH": str(ROOT / "lambda_src" / "log_shipper"),
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "BENCH_PORT": port,
            "LOGDOCK_DEPLOYMENT": "bench", "LOGDOCK_ACCOUNT": "111122223333", "LOGDOCK_EXPORTS_PATH": "/bench/",
            "LOGDOCK_ARCHIVE_BUCKET": "archive", "LOGDOCK_FAILURE_BUCKET": "failures", "LOGDOCK_MARK_TABLE": "marks",
            "LOGDOCK_DESTINATION": json.dumps(destination),
            "BENCH_EVENT": str(self.folder / "event.json"), "BENCH_REPEAT": "1", "BENCH_SUFFIX": "",
        } | more  # fmt: skip
        done = subprocess.run(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "benchmarks.subjects", name, str(records)],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return dict(json.loads(done.stderr.splitlines()[-1]))

    def fill(self, records: int) -> None:
        """Write the inputs of so many records."""
        for suffix, count in (("", records), (".tiny", 10)):
            (self.folder / f"landing%2Flanded.gz{suffix}").write_bytes(inputs.landed(count))
            (self.folder / f"archive%2Flogs%2Fbench%2Farchived.gz{suffix}").write_bytes(inputs.archived(count))


def measure(folder: Path, runs: int, records: int, large_mb: int) -> dict[str, Any]:
    """Measure every subject; return figures and ratios."""
    bench = Bench(folder, runs)
    bench.fill(records)
    for suffix, count in (("", 10_000), (".tiny", 10)):
        (bench.folder / f"event.json{suffix}").write_text(json.dumps(inputs.subscription(count)), encoding="utf-8")
    repeat = {"BENCH_REPEAT": "10"}
    figures = {
        "floor, wrap": bench.measure("floor_wrap", records, PLAIN),
        "ship, wrap": bench.measure("ship_wrap", records, PLAIN),
        "ship, wrap, all redaction": bench.measure("ship_wrap", records, REDACTED),
        "floor, pass through": bench.measure("floor_pass", records, PLAIN),
        "ship, pass through": bench.measure("ship_pass", records, PLAIN),
        "floor, event": bench.measure("floor_event", 10_000, APP, **repeat),
        "archive, event": bench.measure("archive_event", 10_000, APP, **repeat),
        "standard library": bench.measure("reference_stdlib", records, PLAIN),
        "start, SDK": bench.measure("start_sdk", 0, PLAIN),
        "start, shipper": bench.measure("start_ship", 0, PLAIN),
        "start, archiver": bench.measure("start_archive", 0, PLAIN),
    }
    cpu = {name: figure["cpu"] for name, figure in figures.items()}
    ratios = {
        "wrap": (cpu["ship, wrap"] / cpu["floor, wrap"], 1.25),
        "pass through": (cpu["ship, pass through"] / cpu["floor, pass through"], 1.25),
        "all redaction": (cpu["ship, wrap, all redaction"] / cpu["floor, wrap"], 3.0),
        "event to archive": (cpu["archive, event"] / cpu["floor, event"], 1.25),
        "standard library to shipper": (cpu["standard library"] / cpu["ship, wrap"], None),
        "start above the SDK, ms": ((cpu["start, shipper"] - cpu["start, SDK"]) * 1000, 60.0),
    }
    growth = [grown(bench, megabytes) for megabytes in (1, 10, 50, 100, large_mb)]
    rss = [row["rss_mb"] for row in growth]
    ours = [figure["rss_mb"] for name, figure in figures.items() if name.startswith(("ship", "archive"))]
    ratios |= {
        "memory, MB between 1 MB and the largest": (max(rss) - min(rss), 10.0),
        "memory, MB in all": (max(rss + ours), 100.0),
    }
    return {
        "records": records,
        "dollars_per_gb_second": ARM64_DOLLARS_PER_GB_SECOND,
        "figures": figures,
        "ratios": {name: {"value": value, "at_most": limit} for name, (value, limit) in ratios.items()},
        "growth": growth,
    }


def grown(bench: Bench, megabytes: int) -> dict[str, float]:
    """Measure an object of so many decompressed megabytes, as gzip members of at most ten, and what its CPU costs."""
    member = min(megabytes, 10)
    bench.fill(member * MB_RECORDS)
    landed = bench.folder / "landing%2Flanded.gz"
    landed.write_bytes(landed.read_bytes() * (megabytes // member))
    records = megabytes // member * member * MB_RECORDS
    figure = bench.measure("ship_wrap", records, PLAIN)
    gigabytes = records * inputs.LINE_BYTES / 1e9
    dollars = figure["cpu"] * GB_PER_CPU * ARM64_DOLLARS_PER_GB_SECOND / gigabytes
    return {"mb": megabytes, "records": records, **figure, "dollars_per_gb": dollars}


def show(result: dict[str, Any]) -> list[str]:
    """Return the tables' lines."""
    rows = [f"{'CPU s':>8} {'RSS MB':>8}"]
    rows += [f"{f['cpu']:8.3f} {f['rss_mb']:8.1f}  {name}" for name, f in result["figures"].items()]
    rows += ["", f"{'ratio':>8} {'at most':>8}"]
    for name, ratio in result["ratios"].items():
        limit = "" if ratio["at_most"] is None else f"{ratio['at_most']:.2f}"
        rows.append(f"{ratio['value']:8.2f} {limit:>8}  {name}")
    rows += ["", f"{'MB':>8} {'CPU s':>8} {'RSS MB':>8} {'$/GB':>9}"]
    rows += [f"{g['mb']:8d} {g['cpu']:8.3f} {g['rss_mb']:8.1f} {g['dollars_per_gb']:9.6f}" for g in result["growth"]]
    return rows
