"""The transcripts of docs/logdock.md are what the commands print.

With LOGDOCK_WRITE_TRANSCRIPTS set, the page is written instead of compared.
"""

from __future__ import annotations

import gzip
import os
import re
import shlex
from collections.abc import Callable
from datetime import timedelta

import pytest
from log_shipper.jobs import identity_of
from log_shipper.record import Record
from log_shipper.rendering import Renderer, Shape, archive_key

from cli.redrive.pace import Pace
from tests.cli.conftest import Type
from tests.cli.deployed import Deployed
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "logdock.md"
BLOCK = re.compile(r"^```console\n\$ (logdock[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
A_SEARCH = r"logdock logs --export jobs --since '2026-11-17 03:00' --until '2026-11-17 04:00' --grep 'status=5\d\d'"
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


def a_morning(deployed: Deployed) -> None:
    """All is well, but for what Logz.io has not taken."""
    after_an_outage(deployed)
    deployed.measured("AWS/Events", "MatchedEvents", 3, timedelta(hours=3), RuleName="acme-app")
    for export, destination, lag_ms in (("app", "logz", 33_000), ("app", "lake", 4_000), ("jobs", "archive", 5_000)):
        deployed.shipped(export, destination, timedelta(hours=3), lag_ms=lag_ms)
    deployed.archive_object("jobs", timedelta(hours=3))
    deployed.send("lake", deployed.land("late.log", "line"))
    deployed.measured("AWS/SQS", "ApproximateAgeOfOldestMessage", 600, timedelta(minutes=2), QueueName="acme-ship-lake")


def after_a_night(deployed: Deployed) -> None:
    """Two workers could not reach the payment service at three, and one of them again at five."""
    for worker, time, status in (
        (7, "2026-11-17T03:12:04.201Z", 502),
        (2, "2026-11-17T03:12:09.870Z", 503),
        (2, "2026-11-17T05:00:00.000Z", 503),
    ):
        message = f"charge failed status={status} order=47{10 + status % 100 - 1}"
        record = Record(message, time, f"worker/{worker}")
        renderer = Renderer(Shape(), export="jobs", vendor="cloudwatch-logs", source="cloudwatch:/acme/jobs")
        key = archive_key("jobs", time, identity_of(message))
        deployed.s3.put_object(Bucket=deployed.archive, Key=key, Body=gzip.compress(renderer.archived(record)))


SCENES: dict[str, Callable[[Deployed], None]] = {
    "logdock validate --offline": lambda _: None,
    "logdock status": a_morning,
    A_SEARCH: after_a_night,
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
    # a search is summed up when its lines are printed; what else is noted comes before the result
    shown = ended.out + ended.err if command.startswith("logdock logs") else ended.err + ended.out
    printed = re.sub(r" +$", "", shown, flags=re.MULTILINE)
    page = PAGE.read_text()
    if "LOGDOCK_WRITE_TRANSCRIPTS" in os.environ:
        page = BLOCK.sub(
            lambda block: f"```console\n$ {command}\n{printed}```" if block[1] == command else block[0], page
        )
        PAGE.write_text(page)
    assert dict(BLOCK.findall(page)).get(command) == printed


def test_every_transcript_of_the_page_is_of_a_scene() -> None:
    assert {command for command, _ in BLOCK.findall(PAGE.read_text())} == set(SCENES)
