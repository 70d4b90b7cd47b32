"""A demo that stays up: how it is reached, and how it is ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_cloud import kept
from local_cloud.cdk import under_way

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLD = """
import sys, time
from pathlib import Path
from local_cloud import kept
kept.BUILD = Path(sys.argv[1])
kept.LOCK = kept.BUILD / "demo.lock"
kept.ENVIRONMENT = kept.BUILD / "environment.sh"
with kept.alone():
    kept.stay({"AWS_REGION": "eu-west-1"})
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "BUILD", tmp_path)
    monkeypatch.setattr(kept, "LOCK", tmp_path / "demo.lock")
    monkeypatch.setattr(kept, "ENVIRONMENT", tmp_path / "environment.sh")


@pytest.fixture
def staying(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=Path(__file__).parents[2]) as process:
        while process.poll() is None and not kept.ENVIRONMENT.exists():
            pass
        yield process
        process.kill()


def test_one_that_stays_is_ended_and_leaves_the_checkout_free(
    staying: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(kept.BusyError, match="make local-stop"), kept.alone():
        pass
    assert kept.stop() == 0
    assert staying.wait(10) != 0
    assert "Stopped." in capsys.readouterr().out
    assert kept.stop() == 0
    assert "No local cloud is running" in capsys.readouterr().out


def test_a_shell_has_nothing_of_its_own_aws_configuration_afterwards(tmp_path: Path) -> None:
    kept.ENVIRONMENT.write_text(kept.script({"AWS_REGION": "eu-west-1", "TMPDIR": "/nowhere", "SSL_CERT_FILE": "a b"}))
    ended = subprocess.run(
        ["/bin/sh", "-c", f". {kept.ENVIRONMENT}; env"],
        env={"PATH": os.environ["PATH"], "AWS_PROFILE": "prod", "AWS_REGION": "us-east-1", "CDK_DEFAULT_ACCOUNT": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = dict(line.split("=", 1) for line in ended.stdout.splitlines())
    assert {name: value for name, value in found.items() if name.startswith(("AWS", "CDK"))} == {
        "AWS_REGION": "eu-west-1"
    }
    assert found["SSL_CERT_FILE"] == "a b"
    assert "TMPDIR" not in found
    assert found["PATH"].split(":")[0] == str(Path(sys.executable).parent)


def test_a_deploy_names_the_stacks_that_are_under_way() -> None:
    printed = "core: deploying... [1/3]\nshipper: deploying... [2/3]\norders: deploying... [3/3]\n ✅  shipper\n"
    assert under_way(printed) == "core, orders"
