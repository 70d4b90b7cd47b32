"""The transcripts of docs/logdock.md are what the commands print.

With LOGDOCK_WRITE_TRANSCRIPTS set, the page is written instead of compared.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable

import pytest

from cli.redrive.pace import Pace
from tests.cli.conftest import Type
from tests.cli.deployed import Deployed
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "logdock.md"
BLOCK = re.compile(r"^```console\n\$ (logdock[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LONG = "x" * 40_000


def after_an_outage(deployed: Deployed) -> None:
    """Logz.io was down for hours, refused two records as too long, and the archiver was throttled once."""
    deployed.export("app", vendor="s3-logs", oversize="quarantine")
    deployed.send("logz", deployed.land("long.log", f"a{LONG}", f"b{LONG}"))
    deployed.ship()
    deployed.export("app", vendor="s3-logs", oversize="split")
    for number in range(12):
        died = deployed.send("logz-dead", deployed.land(f"{number}.log", "line"))
        deployed.said("logz", died, "DeliveryError: listener.logz.io answered 503, 4 attempts")
    deployed.keep_event("async", "one")


SCENES: dict[str, Callable[[Deployed], None]] = {
    "logdock validate": lambda _: None,
    "logdock redrive --dry-run": after_an_outage,
    "logdock redrive": after_an_outage,
}


@pytest.mark.parametrize("command", SCENES)
def test_a_transcript_of_the_page_is_what_the_command_prints(
    command: str, logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "pause", lambda *_: deployed.ship())
    SCENES[command](deployed)
    ended = logdock(*shlex.split(command)[1:])
    printed = re.sub(r" +$", "", ended.err + ended.out, flags=re.MULTILINE)
    page = PAGE.read_text()
    if "LOGDOCK_WRITE_TRANSCRIPTS" in os.environ:
        page = BLOCK.sub(
            lambda block: f"```console\n$ {command}\n{printed}```" if block[1] == command else block[0], page
        )
        PAGE.write_text(page)
    assert dict(BLOCK.findall(page)).get(command) == printed


def test_every_transcript_of_the_page_is_of_a_scene() -> None:
    assert {command for command, _ in BLOCK.findall(PAGE.read_text())} == set(SCENES)
