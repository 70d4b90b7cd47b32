"""What a command imports: its own modules alone, for a person waits for each of them before the first request."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks import search
from logdock.cli.main import COMMANDS
from tests.conftest import ROOT

NEVER = {"aws_cdk", "jsii", "moto", "matplotlib"}


RUN = """
import json, sys
from logdock.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write("\\n" + json.dumps(list(sys.modules)))
sys.exit(code)
"""


def imported(*typed: str, environment: Mapping[str, str] | None = None) -> set[str]:
    """Return the modules that a command imports in a process of its own, until it ends well."""
    path = os.pathsep.join(map(str, (ROOT, *(ROOT / "lambda_src").iterdir())))
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *typed],
        env=environment or os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stderr.splitlines()[-1]))


# Each is a process of its own.
@pytest.mark.proof
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_imports_no_other(command: str) -> None:
    modules = imported(command, "--help")
    assert COMMANDS[command] in modules
    assert not modules & {module for name, module in COMMANDS.items() if name != command}
    assert not modules & NEVER


def test_a_search_imports_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    """No transfer manager, no drawing without a terminal, no decryption of what is not encrypted."""
    (tmp_path / "logdock.yaml").write_text(search.SETTINGS)
    search.fill(tmp_path / "day", per_hour=1, lines=10)
    with search.Outside(tmp_path, "day", latency=0, runs=1) as outside:
        modules = imported(
            "logs", "--since", "2026-11-21", "--until", "2026-11-22", "--grep", search.NEEDLE,
            "--settings", str(tmp_path / "logdock.yaml"),
            environment=outside.environment,
        )  # fmt: skip
    assert {"botocore.session", "logdock.settings", "isal", "re2"} <= modules
    assert not modules & {
        *NEVER,
        *(module for name, module in COMMANDS.items() if name != "logs"),
        "boto3",
        "s3transfer",
        "rich.console",
        "rich.progress",
        "cryptography",
        "logdock.cli.vendors",
    }
