"""Every command on a terminal of 80 and 120 columns: in this process frame by frame, and in a real pseudo-terminal."""

import os
import pty
import shlex
import struct
import sys
import termios
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path

import pytest

from logdock.cli.main import COMMANDS, main
from logdock.cli.redrive.rate_limiter import RateLimiter
from logdock.cli.screen import Screen
from logdock.cli.validate.checks import Checks
from tests.cli.deployed import Deployed
from tests.cli.terminal import Terminal
from tests.cli.test_transcripts import SCENES
from tests.conftest import ROOT

WIDTHS = [80, 120]
EXAMPLES = ROOT / "examples"
PLAN = f"logdock plan --from {EXAMPLES / 'aurora-mysql.yaml'} {EXAMPLES / 'everything.yaml'}"


def nothing(_: Deployed) -> None:
    """Leave the account as it is."""


def a_file_of_lines(_: Deployed) -> None:
    Path("app.log").write_text("a line\n" * 3)


SCENARIOS: dict[str, Callable[[Deployed], None]] = {
    **SCENES,
    PLAN: nothing,
    "logdock validate": nothing,
    "logdock smoke-test --no-alarms --record run.json --timeout 1": nothing,
    "logdock preview --export jobs app.log": a_file_of_lines,
    "logdock new .": nothing,
    "logdock bootstrap-policy": nothing,
    "logdock explain a deploy waits for the vendor": nothing,
    "logdock explain xyzzy": nothing,
    "logdock status --settings nowhere.yaml": nothing,
    "logdock logs --since never": nothing,
    "logdock lgos": nothing,
    **{f"logdock {name} --help": nothing for name in COMMANDS},
}
QUICK = ["logdock validate --offline", "logdock explain xyzzy", "logdock init --kind cockroachdb --settings prod.yaml"]
"""Some that take milliseconds; the rest is run by `make proof`."""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "command", [pytest.param(each, marks=() if each in QUICK else pytest.mark.proof) for each in SCENARIOS]
)
@pytest.mark.covering
def test_command_fits_the_terminal(
    command: str, width: int, deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RateLimiter, "pause", lambda *_: deployed.ship())
    # moto has no metric streams, and its functions need a container engine
    monkeypatch.setattr("logdock.cli.validate.command.check_archiver", nothing_at_all)
    monkeypatch.setattr("logdock.cli.validate.command.check_destination", a_long_check)
    monkeypatch.setattr("logdock.cli.validate.command.check_export", a_long_check)
    monkeypatch.setattr("logdock.cli.smoke_test.functions.Functions.check", lambda _: {})
    monkeypatch.setattr("logdock.cli.smoke_test.functions.Functions.check_starts", nothing_at_all)
    copied: list[str] = []
    copyable = Screen.copyable

    def spy(screen: Screen, text: str) -> None:
        copied.append(text)
        copyable(screen, text)

    monkeypatch.setattr(Screen, "copyable", spy)
    terminal = Terminal(width)
    with monkeypatch.context() as patch:
        terminal.install(patch)
        SCENARIOS[command](deployed)
        code = main(shlex.split(command)[1:])
    assert code != 70, terminal.rows
    assert (terminal.faults, terminal.is_tidy) == ([], True)
    # only what is there to be copied may be wider than the terminal
    assert [row for row in terminal.wrapped if not any(row in text for text in copied)] == []


def nothing_at_all(*_: object) -> Checks:
    """Check nothing."""
    return Checks("nothing", "nothing")


def a_long_check(*_: object) -> Checks:
    """Find two things wrong, each with a command that fixes it."""
    checks = Checks("orders", "npx cdk deploy acme-prod-orders")
    for number in range(2):
        with checks.of_thing(f"role acme-prod-orders-{number}") as check:
            check.require(False, "it trusts arn:aws:iam::999999999999:root, and should trust another one " * 2)
    return checks


def test_every_command_is_run() -> None:
    assert {command.split()[1] for command in SCENARIOS if "--help" not in command} - {"lgos"} == set(COMMANDS)


@pytest.mark.parametrize("width", WIDTHS)
def test_command_fits_a_real_terminal(width: int, tmp_path: Path) -> None:
    """What the tests above replace: the width that the system reports, and two streams that are one terminal."""
    terminal = Terminal(width)
    process, descriptor = pty.fork()
    if process == 0:
        code = 1
        try:
            # in place of what pytest captures
            sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8") for number in (1, 2))  # noqa: PTH123, SIM115
            ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
            for name in ("COLUMNS", "LINES", "NO_COLOR"):
                os.environ.pop(name, None)
            os.environ["TERM"] = "xterm-256color"
            code = main(shlex.split(PLAN)[1:])
        finally:
            sys.stdout.flush()
            os._exit(code)
    try:
        while data := os.read(descriptor, 65_536):
            terminal.write(data.replace(b"\r\n", b"\n"))
    except OSError:  # Linux reports the end of a pseudo-terminal as an error
        pass
    finally:
        os.close(descriptor)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 2
    assert (terminal.faults, terminal.wrapped, terminal.is_tidy) == ([], [], True)
    assert terminal.rows[-1].endswith("--accept legacy:stack`")
