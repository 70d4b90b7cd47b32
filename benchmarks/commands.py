"""Commands over very many objects or exports: `redrive` of quarantine, `backfill`, `status`, each a fresh process.

AWS is a process of its own (:mod:`benchmarks.commands_outside`). It answers after 30 ms, and `status` after 100 ms.
``python -m benchmarks.commands --keys 10000000`` lists ten million objects, which takes longer than the five minutes
that a part of `python -m benchmarks` may.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import report_progress
from benchmarks.search import ACCOUNT

ROOT = Path(__file__).parents[1]
SETTINGS = f"""\
deployment: bench
account: "{ACCOUNT}"
region: us-east-1
destinations:
  - {{name: logz, kind: logzio, token_secret: bench/logz}}
exports:
  - {{name: app, kind: s3-logs, existing_bucket: bench-landing, ship_to: [logz]}}
"""
SECONDS, STATUS_SECONDS = 0.03, 0.1
REFUSED = 20_000
KEYS = (100_000, 1_000_000)
EXPORTS = 200
LIMIT_SECONDS = 3600


def measure(folder: Path, keys: tuple[int, ...] = KEYS) -> dict[str, Any]:
    """Return the seconds, CPU seconds and peak memory of each command."""
    (folder / "logdock.yaml").write_text(SETTINGS)
    report_progress(f"redrive of {REFUSED:,} quarantined objects")
    with _outside(SECONDS, 0, REFUSED) as port:
        redrive = _command(folder, port, "redrive", "--only", "quarantine", "--wait", "60")
    redrive |= {"objects": REFUSED, "objects_per_second": round(REFUSED / redrive["seconds"])}
    (folder / "logdock.yaml").write_text(SETTINGS + _many())
    report_progress(f"status of {EXPORTS} exports")
    with _outside(STATUS_SECONDS, 0, 0) as port:
        status = _command(folder, port, "status", "--json") | {"exports": EXPORTS}
    (folder / "logdock.yaml").write_text(SETTINGS)
    return {"redrive": redrive, "status": status, "backfill": [backfill(folder, number) for number in keys]}


def backfill(folder: Path, keys: int) -> dict[str, Any]:
    """List so many objects, and begin to announce them for a few seconds, each in a run of its own."""
    (folder / "logdock.yaml").write_text(SETTINGS)
    range_ = ("--export", "app", "--since", "2026-11-01", "--until", "2026-11-30")
    report_progress(f"backfill of {keys:,} objects, listed")
    with _outside(0.0, keys, 0) as port:
        listed = _command(folder, port, "backfill", *range_, "--dry-run")
    report_progress(f"backfill of {keys:,} objects, until the first message")
    with _outside(SECONDS, keys, 0) as port:
        begun = _command(folder, port, "backfill", *range_, stop_at="SendMessageBatch")
    first = begun["first"]["SendMessageBatch"] - begun["first"]["GetCallerIdentity"]
    return {"keys": keys, **listed, "first_message_seconds": round(first, 2)}


def _many() -> str:
    """Return further exports, half of them of log groups."""
    kinds = ("kind: s3-logs, existing_bucket: b-{0}", "kind: cloudwatch-logs, log_groups: [/e/{0}]")
    rows = (
        f"{{name: e{number}, {kinds[number % 2].format(number)}, ship_to: [logz]}}" for number in range(EXPORTS - 1)
    )
    return "".join(f"  - {row}\n" for row in rows)


@contextmanager
def _outside(seconds: float, keys: int, refused: int) -> Iterator[int]:
    server = subprocess.Popen(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-m", "benchmarks.commands_outside", str(seconds), str(keys), str(refused)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline())
    finally:
        server.terminate()
        server.wait()


def _command(folder: Path, port: int, *arguments: str, stop_at: str = "") -> dict[str, Any]:
    """Run a command to its end, or until it has made a request; return what it took and what it asked for."""
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((*map(str, (ROOT / "lambda_src").iterdir()), str(ROOT))),
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null",
    }  # fmt: skip
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "logdock", *arguments],
            env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    peak = 0
    while process.poll() is None:
        if (stop_at and stop_at in _figures(url)["first"]) or time.monotonic() - begun > LIMIT_SECONDS:
            process.terminate()
        peak = max(peak, _peak_kb(process.pid))
        time.sleep(0.05)
    seconds = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # 1: something is left to do, such as exports that are silent
    if process.returncode not in (0, 1) and not stop_at:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}:\n{said.read_text()[-2000:]}")
    found = _figures(url)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": round(seconds, 2),
        "cpu": round(cpu, 2),
        "rss_mb": round(peak / 1024),
        "calls": found["counts"],
        **({"first": found["first"]} if stop_at else {}),
    }


def _figures(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url + "/counts") as answer:  # noqa: S310 - loopback
        return dict(json.loads(answer.read()))


def _peak_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def show(result: dict[str, Any]) -> list[str]:
    """Return the table's lines."""
    redrive, status = result["redrive"], result["status"]
    of_redrive = f"{redrive['objects']:,} quarantined objects, {redrive['objects_per_second']:,} a second"
    rows = [
        f"{'s':>8} {'CPU s':>8} {'MB':>6}",
        f"{_row(redrive)}  redrive of {of_redrive}, AWS answers after 30 ms",
        f"{_row(status)}  status of {status['exports']} exports, AWS answers after 100 ms",
    ]
    rows += [
        f"{_row(each)}  backfill of {each['keys']:,} objects, listed; first message after "
        f"{each['first_message_seconds']:.2f} s where AWS answers after 30 ms"
        for each in result["backfill"]
    ]
    return rows


def _row(figures: dict[str, Any]) -> str:
    return f"{figures['seconds']:8.1f} {figures['cpu']:8.1f} {figures['rss_mb']:6}"


def main() -> None:
    """List one number of objects."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands", description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000_000, help="objects of the landing bucket")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(backfill(Path(folder), options.keys), indent=2) + "\n")


if __name__ == "__main__":
    main()
