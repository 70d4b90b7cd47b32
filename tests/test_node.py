"""The Node that the CDK runs in is one process, and what the CDK prints there reaches the user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from logdock.node import PRELOADED, choose_node
from tests.conftest import ROOT

CHOSEN = ("JSII_NODE", "JSII_RUNTIME", "NODE_OPTIONS")
SYNTHESIS = """
from logdock.node import choose_node
choose_node()
import aws_cdk
app = aws_cdk.App()
aws_cdk.Stack(app, "Stack")
app.synth()
print("synthesized")
"""
KERNEL = "console.log('kernel'); ({errorFD:2,readFD:3,writeFD:3})"


def synthesized(tmp_path: Path, **own: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in CHOSEN}
    return subprocess.run(
        [sys.executable, "-c", SYNTHESIS],
        env={**environment, "CDK_OUTDIR": str(tmp_path / "cdk.out"), "PYTHONPATH": str(ROOT), **own},
        capture_output=True,
        text=True,
        check=False,
    )


def test_synthesis_starts_one_node_with_the_options_of_the_user(tmp_path: Path) -> None:
    started, recorder = tmp_path / "started", tmp_path / "recorder.js"
    line = f"require('fs').appendFileSync({json.dumps(str(started))}, process.argv[1] + '\\n')"
    recorder.write_text(f"if (require('worker_threads').isMainThread) {line}\n", encoding="utf-8")
    ended = synthesized(tmp_path, NODE_OPTIONS=f"--require={recorder}")
    assert (ended.stdout, ended.stderr, ended.returncode) == ("synthesized\n", "", 0)
    assert [Path(each).name for each in started.read_text(encoding="utf-8").splitlines()] == ["jsii-runtime.js"]
    assert (tmp_path / "cdk.out" / "Stack.template.json").is_file()


def test_what_the_cdk_prints_reaches_the_user(tmp_path: Path) -> None:
    ended = synthesized(tmp_path, JSII_DEBUG_TIMING="1")
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert "\n[@jsii/kernel:timing] require(" in ended.stdout
    assert ended.stdout.endswith("\nsynthesized\n")


@pytest.mark.parametrize("name", ["JSII_NODE", "JSII_RUNTIME"])
def test_node_that_the_user_chose_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in CHOSEN:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "own")
    choose_node()
    assert {each: os.environ[each] for each in CHOSEN if each in os.environ} == {name: "own"}


@pytest.mark.parametrize(
    ("main", "program", "expected"),
    [
        ("jsii-runtime.js", KERNEL, {"stdout": "a2VybmVsCg=="}),
        # The messages are elsewhere, the program has another name, or it is another program that loads the module.
        ("jsii-runtime.js", KERNEL.replace("readFD:3", "readFD:4"), "relay"),
        ("jsii-runtime.js", None, "relay"),
        ("other.js", KERNEL, "relay"),
    ],
)
def test_jsii_that_is_made_otherwise_runs_as_it_is(
    main: str, program: str | None, expected: object, tmp_path: Path
) -> None:
    for folder in ("bin", "lib"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / main).write_text("console.error('\"relay\"')", encoding="utf-8")
    if program:
        (tmp_path / "lib" / "program.js").write_text(program, encoding="utf-8")
    command = [os.environ["JSII_NODE"], f"--require={PRELOADED}", str(tmp_path / "bin" / main)]
    environment = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(ended.stderr) == expected
