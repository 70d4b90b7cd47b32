"""What compaction takes: CPU of the function and requests per GB of raw lines, and objects before and after."""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import report_progress

ROOT = Path(__file__).parents[1]
PARTS, PART_BYTES = 6000, 50_000
"""An hour of 1.5 GB of raw lines, at 4,000 payloads a GB that gzip leaves a fifth of."""
PARTS_A_GB = 4000


def measure(_folder: Path) -> dict[str, Any]:
    """Compact an hour against a server that answers at once."""
    report_progress(f"compaction of {PARTS:,} parts")
    world = subprocess.Popen(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-m", "benchmarks.compaction_bucket", str(PARTS), str(PART_BYTES)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        assert world.stdout is not None
        port = int(world.stdout.readline())
        url = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join((str(ROOT / "lambda_src" / "log_shipper"), str(ROOT))),
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.compaction"], env=environment, cwd=ROOT, check=True,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        figures = json.loads(done.stdout.splitlines()[-1])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/requests")
        counted = json.load(connection.getresponse())
    finally:
        world.kill()
        world.wait()
    scale = PARTS_A_GB / PARTS
    return {
        "objects_before": PARTS,
        "objects_after": counted["objects"]["compacted"],
        "cpu_ms_per_part": figures["cpu_seconds"] / PARTS * 1000,
        "megabytes": figures["megabytes"],
        "requests_per_gb": {name: round(count * scale, 1) for name, count in counted["requests"].items()},
    }


def show(result: dict[str, Any]) -> list[str]:
    """Return the figures as lines."""
    requests = ", ".join(f"{count:g} {name}" for name, count in result["requests_per_gb"].items())
    return [
        f"compaction: {result['objects_before']:,} objects become {result['objects_after']}",
        f"{result['cpu_ms_per_part']:.2f} ms of CPU a part, {result['megabytes']:.0f} MB of memory",
        f"per GB of raw lines: {requests}",
    ]


def _run() -> None:
    import resource
    import time
    from datetime import UTC, datetime

    from log_shipper.compact import Compactor, Settings
    from log_shipper.export_config import ExportConfigs

    document = json.dumps({"vendor": "cockroachdb", "landing": {"log_groups": []}, "ship_to": ["logz"]})
    settings = Settings("archive", "marks", frozenset())
    compactor = Compactor(settings, ExportConfigs(lambda _: document), lambda: 1000.0, datetime.now(UTC))
    before = time.process_time()
    compactor.run()
    assert compactor.parts == PARTS
    used = time.process_time() - before
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"cpu_seconds": used, "megabytes": megabytes}) + "\n")


if __name__ == "__main__":
    _run()
