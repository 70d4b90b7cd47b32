"""What the tests of the command share: an AWS in the test's own process, and a way to type commands."""

import contextlib
import functools
import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.client import BaseClient
from moto import mock_aws

from logdock.cli import main as command_line
from logdock.cli.main import main
from tests.cli.deployed import Deployed, forget
from tests.conftest import ROOT
from tests.lambda_src.log_shipper.world import Listener

ACCOUNT = "111122223333"
EVERYTHING = ROOT / "examples" / "everything.yaml"


# The command line is assembled from the signatures of all commands each time that one is typed.
_app = functools.cache(command_line.app)
command_line.app = lambda names: _app(tuple(names))
typer.main.get_command = functools.cache(typer.main.get_command)


@dataclass(frozen=True)
class Typed:
    """What came of a command."""

    code: int
    out: str
    err: str


Type = Callable[..., Typed]


@pytest.fixture
def logdock(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Type:
    """Type a command in an empty directory, not on a terminal."""
    monkeypatch.chdir(tmp_path)

    def type_in(*arguments: str) -> Typed:
        capsys.readouterr()
        code = main(list(arguments))
        printed = capsys.readouterr()
        return Typed(code, printed.out, printed.err)

    return type_in


@pytest.fixture
def answering(logdock: Type, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Type a command with arguments, and then one answer a line, not on a terminal."""

    def type_in(command: str, arguments: list[str], answers: list[str]) -> Typed:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in answers)))
        return logdock(command, *arguments)

    return type_in


def typed(*answers: str) -> Callable[[], str]:
    """Return what answers in the place of `input`, as a terminal shows it."""
    left = iter(answers)

    def answer() -> str:
        given = next(left)
        print(given, file=sys.stderr)
        return given

    return answer


def main_into_closed_pipe(*arguments: str) -> int:
    """Type a command whose reader has ended, as `head` does; return the exit code.

    Not a fixture: pytest replaces the streams between a test's setup and its call.
    """
    reader, writer = os.pipe()
    os.close(reader)
    with contextlib.ExitStack() as streams:
        for redirect in (contextlib.redirect_stdout, contextlib.redirect_stderr):
            stream = open(os.dup(writer), "w", buffering=1, encoding="utf-8")  # noqa: SIM115, PTH123
            streams.callback(stream.close)
            streams.enter_context(redirect(stream))
        os.close(writer)
        return main(list(arguments))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS where the caller is the deployment's account."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_ACCOUNT_ID": ACCOUNT,
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


Requests = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def requests(aws: None, monkeypatch: pytest.MonkeyPatch) -> Requests:
    """Return what AWS is asked from here on: operations and their parameters."""
    asked: Requests = []
    client: Any = BaseClient
    make = client._make_api_call

    def spy(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        asked.append((operation, parameters))
        return make(self, operation, parameters)

    monkeypatch.setattr(client, "_make_api_call", spy)
    return asked


@pytest.fixture
def deployed(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """A deployment whose shipper works whenever the command waits."""
    listener = Listener()
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("logdock.cli.redrive.dead_letters.WAIT_SECONDS", 0)
    yield Deployed(tmp_path, listener, monkeypatch)
    listener.close()
    forget()
