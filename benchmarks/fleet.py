"""Two hundred exports of a thousand databases on the local cloud: what deploying them and looking at them takes.

The real CDK deploys the real stacks: of eight exports four are of `mongodb-atlas`, three of `cockroachdb` and one is of
`aurora-mysql`, because a Region takes 30 rules as that one needs. Each has five databases, all switched on at their
vendors' APIs. Then `logdock status`, `validate` and `logs` run as
whole commands. The local cloud is an emulator in one process, so its seconds say nothing of AWS's; that all of it
deploys, and what the commands' own CPU is, do.

``python -m benchmarks.fleet`` takes 40 to 70 minutes on two cores; ``--exports 6`` is a quick look. The results are in
``build/fleet.json``.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks import report_progress
from local_cloud.cdk import Cdk
from local_cloud.commands import PYTHON_PATH
from local_cloud.customer import make_secrets, prepare
from local_cloud.emulator import Emulator
from local_cloud.vendor_accounts import Vendors
from logdock.settings import load_settings
from logdock.settings.landing import BucketLanding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from logdock.settings import Deployment

ROOT = Path(__file__).parents[1]
OUT = ROOT / "build" / "fleet.json"
ACCOUNT, REGION, NAME = "111122223333", "eu-west-1", "acme-fleet"
DATABASES = 5
"""Databases of each export."""
TOGETHER = 10
"""Stacks of one `cdk deploy`, which may take 15 minutes here."""
NEEDLE = "needle in the fleet"


def settings_document(exports: int) -> dict[str, Any]:
    """Return the settings of so many exports."""
    return {
        "deployment": NAME,
        "account": ACCOUNT,
        "region": REGION,
        "alerts": {"email": ["oncall@acme.example"]},
        "exports": [_export(number) for number in range(exports)],
    }


def _export(number: int) -> dict[str, Any]:
    name = f"export-{number}"
    members = [number * DATABASES + member for member in range(DATABASES)]
    atlas: dict[str, Any] = {
        "kind": "mongodb-atlas",
        "project_ids": [f"{member:024x}" for member in members],
        "connect": {"secret": "acme/atlas"},
    }
    cockroachdb = {
        "kind": "cockroachdb",
        "cluster_ids": [f"f78b7feb-b6cf-4396-9d7f-{member:012x}" for member in members],
        "connect": {"secret": "acme/cockroach"},
        "log_group": f"/acme/cockroach/{name}",
    }
    aurora = {"kind": "aurora-mysql", "cluster_ids": [f"cluster-{member}" for member in members]}
    kinds = [atlas, cockroachdb, aurora, atlas, cockroachdb, atlas, cockroachdb, atlas]
    return {"name": name, **kinds[number % len(kinds)]}


def measure(folder: Path, exports: int) -> dict[str, Any]:
    """Deploy the exports in groups, write a line into each, and time the commands that look at all of them.

    Parameters
    ----------
    folder
        Where the cloud keeps its logs.
    """
    with Emulator(log_file=folder / "emulator.log") as cloud, Vendors(cloud) as vendors:
        document = settings_document(exports)
        vendors.localise(document)
        file = folder / "logdock.yaml"
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        settings = load_settings(file)
        secrets = make_secrets(settings)
        secrets.credentials.update(vendors.know(settings))
        prepare(cloud, settings, secrets)
        seconds = _deploy(cloud, settings, file, folder)
        report_progress("writing a line into every export")
        _write(cloud, settings)
        commands = {name: _timed(cloud, file, *arguments) for name, *arguments in _commands()}
    return {"exports": exports, "databases": exports * DATABASES, "deploy_seconds": round(seconds), **commands}


def _commands() -> Iterator[tuple[str, ...]]:
    yield "status", "status"
    yield "validate", "validate"
    yield "logs_of_one", "logs", "--export", "export-0", "--since", "3h", "--grep", NEEDLE
    yield "logs_of_all", "logs", "--since", "3h", "--grep", NEEDLE


def _deploy(cloud: Emulator, settings: Deployment, file: Path, folder: Path) -> float:
    cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=folder / "cdk.log")
    report_progress("synth")
    cdk.bootstrap()
    assembly = folder / "cdk.out"
    cdk.synth(file, assembly)
    names = [f"{NAME}-{export.name}" for export in settings.exports]
    others = sorted({path.name.removesuffix(".template.json") for path in assembly.glob("*.template.json")} - {*names})
    started = time.monotonic()
    # what all need first; the rest of the deployment's own stacks last
    cdk.deploy(assembly, stacks=[f"{NAME}-core"])
    for group in (names[start : start + TOGETHER] for start in range(0, len(names), TOGETHER)):
        report_progress(f"deploying {group[0]} to {group[-1]}")
        cdk.deploy(assembly, stacks=group, exclusively=True)
    cdk.deploy(assembly, stacks=others, exclusively=True)
    return time.monotonic() - started


def _write(cloud: Emulator, settings: Deployment) -> None:
    """Write a line into every bucket and every log group of the exports."""
    s3, logs = (cloud.client(name, ACCOUNT, region=REGION) for name in ("s3", "logs"))
    now = datetime.datetime.now(datetime.UTC)
    line = json.dumps({"t": {"$date": now.isoformat(timespec="milliseconds")}, "msg": NEEDLE}) + "\n"
    for export in settings.exports:
        landing = export.landing(settings)
        if isinstance(landing, BucketLanding):
            stamp = f"{now:%Y-%m-%dT%H-%M-%S.000}"
            key = f"{landing.prefix}fleet/Cluster0/shard-00-00.mongodb.net/mongodb/{stamp}-mongodb.log"
            s3.put_object(Bucket=landing.bucket, Key=key, Body=gzip.compress(line.encode()))
            continue
        for group in landing.names:
            logs.create_log_stream(logGroupName=group, logStreamName="fleet")
            event = {"timestamp": int(now.timestamp() * 1000), "message": NEEDLE}
            logs.put_log_events(logGroupName=group, logStreamName="fleet", logEvents=[event])


def _timed(cloud: Emulator, file: Path, *arguments: str) -> dict[str, Any]:
    """Run a command; return its seconds, its CPU seconds and its last line."""
    report_progress(f"logdock {' '.join(arguments)}")
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(  # noqa: S603 - the arguments are this module's own
        [sys.executable, "-P", "-m", "logdock", *arguments, "--settings", str(file)],
        env={**cloud.environment(ACCOUNT, REGION), "PYTHONPATH": PYTHON_PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return {
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "exit_code": done.returncode,
        "lines": len(printed),
        "found": sum(NEEDLE in line for line in printed),
        "last_line": printed[-1] if printed else "",
    }


def main() -> None:
    """Measure, keep the result, and show it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--exports", type=int, default=200)
    parser.add_argument("--keep", action="store_true", help="leave the folder with the logs")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))
    try:
        result = measure(folder, options.exports)
    finally:
        if options.keep:
            sys.stderr.write(f"the logs are in {folder}{os.linesep}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
