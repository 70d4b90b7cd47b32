"""`logdock logs` against the obvious way: whole commands in fresh processes, over one day of the archive.

What is claimed is the ratio of two figures of one run. S3 is a process of its own; it answers at once, which leaves the
cost of the commands themselves, and after 30 ms, which is quick for S3: the S3 User Guide ("Performance design patterns
for Amazon S3") speaks of 100 to 200 ms for small objects.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
from isal import igzip

from benchmarks import LONG_SECONDS, report_progress
from benchmarks.inputs import mongodb_lines

ROOT = Path(__file__).parents[1]
ACCOUNT = "111122223333"
BUCKET = f"bench-archive-{ACCOUNT}-us-east-1"
SETTINGS = f"""\
deployment: bench
account: "{ACCOUNT}"
region: us-east-1
exports:
  - {{name: app, kind: cloudwatch-logs, log_groups: [/bench/app]}}
"""
NEEDLE = "needle-4711"
HOURS = 24
LATENCY_SECONDS = 0.03
QUERIES = {"a text": NEEDLE, "an expression": r"needle-47.1", "an expression without a text": "(needle|nadel)-[0-9]+"}


def measure(folder: Path, runs: int, lines: int) -> dict[str, Any]:
    """Return both ways' seconds and CPU seconds, and their ratios, by query, by range and by number of objects."""
    (folder / "logdock.yaml").write_text(SETTINGS)
    megabytes = fill(folder / "day", 10, lines // (HOURS * 10)) / 1e6
    result: dict[str, Any] = {"objects": HOURS * 10, "megabytes": megabytes}
    with Outside(folder, "day", 0.0, runs) as outside:
        result["S3 answers at once"] = {query: outside.both(HOURS, pattern) for query, pattern in QUERIES.items()}
    with Outside(folder, "day", LATENCY_SECONDS, runs) as outside:
        result["hours"] = {str(hours): outside.both(hours, NEEDLE) for hours in (1, 6, HOURS)}
    by_objects = {str(HOURS * 10): result["hours"][str(HOURS)]}
    for per_hour in (1, 20):
        fill(folder / f"of{per_hour}", per_hour, lines // (HOURS * per_hour))
        with Outside(folder, f"of{per_hour}", LATENCY_SECONDS, runs) as outside:
            by_objects[str(HOURS * per_hour)] = outside.both(HOURS, NEEDLE)
    result["objects of the day"] = dict(sorted(by_objects.items(), key=lambda each: int(each[0])))
    return result


def fill(folder: Path, per_hour: int, lines: int) -> int:
    """Write a day of archive objects with one wanted line in each hour; return their size decompressed."""
    template = b"".join(
        b'{"time":"2026-11-21T00:%02d:%02d.%03dZ","export":"app","vendor":"cloudwatch-logs","log_type":"app",'
        b'"source":"cloudwatch:/bench/app","message":'
        % (i // 60_000 % 60, i // 1000 % 60, i % 1000)
        + orjson.dumps(line.decode())
        + b"}\n"
        for i, line in enumerate(mongodb_lines(lines))
    )
    wanted = template.partition(b"\n")[0].replace(b"Slow query", NEEDLE.encode()) + b"\n"
    total = 0
    for hour in range(HOURS):
        path = folder / "logs" / "app" / "dt=2026-11-21" / f"hour={hour:02}"
        path.mkdir(parents=True)
        for number in range(per_hour):
            body = (template + wanted if number == 0 else template).replace(b"11-21T00", b"11-21T%02d" % hour)
            (path / f"1795219200000-{number:016x}.json.gz").write_bytes(igzip.compress(body, 1))
            total += len(body)
    return total


class Outside:
    """An S3 with a folder's objects, and the two commands that search it."""

    def __init__(self, folder: Path, name: str, latency: float, runs: int) -> None:
        self._folder, self._name, self._latency, self._runs = folder, name, latency, runs
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "benchmarks.search_outside", str(folder / name), str(latency)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def __enter__(self) -> Outside:
        assert self._process.stdout is not None
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *(ROOT / "lambda_src").iterdir()))),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._process.stdout.readline().strip()}",
            "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null",
        }  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def both(self, hours: int, pattern: str) -> dict[str, float]:
        """Search the first hours of the day both ways, by turns; return the least of each, and the ratios."""
        report_progress(f"search {hours} h of {self._name} for {pattern}, S3 takes {self._latency * 1000:.0f} ms")
        until = "2026-11-22" if hours == HOURS else f"2026-11-21T{hours:02}:00Z"
        ours = ["-m", "logdock", "logs", "--raw", "--grep", pattern, "--since", "2026-11-21", "--until", until]
        prefixes = [f"logs/app/dt=2026-11-21/hour={hour:02}/" for hour in range(hours)]
        obvious = ["-m", "benchmarks.obvious_search", BUCKET, pattern, *prefixes]
        taken: list[tuple[tuple[float, float], ...]] = []
        begun = time.perf_counter()
        while len(taken) < self._runs and time.perf_counter() - begun < LONG_SECONDS:
            taken.append((self._once(ours, hours), self._once(obvious, hours)))
        (seconds, cpu), (obvious_seconds, obvious_cpu) = (
            tuple(min(run[way][figure] for run in taken) for figure in (0, 1)) for way in (0, 1)
        )
        return {
            "seconds": seconds, "cpu": cpu, "obvious_seconds": obvious_seconds, "obvious_cpu": obvious_cpu,
            "times_faster": obvious_seconds / seconds, "times_less_cpu": obvious_cpu / cpu,
        }  # fmt: skip

    def _once(self, command: list[str], wanted: int) -> tuple[float, float]:
        begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(  # noqa: S603 - this interpreter, this project
            [sys.executable, *command], env=self.environment, cwd=self._folder, capture_output=True, check=False
        )
        seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        found = done.stdout.count(b"\n")
        if found != wanted:
            raise SystemExit(f"{command} found {found} lines:\n{done.stderr.decode()[-2000:]}")
        return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show(result: dict[str, Any]) -> list[str]:
    """Return the tables' lines."""
    rows = [f"search of {result['objects']} objects, {result['megabytes']:.0f} MB decompressed"]
    rows.append(f"{'s':>8} {'CPU s':>8} {'obvious s':>10} {'CPU s':>8} {'faster':>8} {'less CPU':>9}")
    for name, figures in result.items():
        if not isinstance(figures, dict):
            continue
        rows.append(name)
        rows += [
            f"{f['seconds']:8.2f} {f['cpu']:8.2f} {f['obvious_seconds']:10.2f} {f['obvious_cpu']:8.2f} "
            f"{f['times_faster']:8.1f} {f['times_less_cpu']:9.1f}  {what}"
            for what, f in figures.items()
        ]
    return rows
