from datetime import UTC, datetime

import pytest

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.logs.times import ALLOWED, bound, moment, written

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
"""A Saturday."""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-11-21T15:30:00Z"),
        ("90s", "2026-11-21T15:28:30Z"),
        ("15min", "2026-11-21T15:15:00Z"),
        ("1h30m", "2026-11-21T14:00:00Z"),
        ("2 h ago", "2026-11-21T13:30:00Z"),
        ("1w", "2026-11-14T15:30:00Z"),
        ("today", "2026-11-21T00:00:00Z"),
        ("Yesterday  03:12", "2026-11-20T03:12:00Z"),
        ("tuesday 03:12", "2026-11-17T03:12:00Z"),
        ("last Tue", "2026-11-17T00:00:00Z"),
        ("saturday", "2026-11-21T00:00:00Z"),
        ("saturday 16:00", "2026-11-14T16:00:00Z"),
        ("last saturday", "2026-11-14T00:00:00Z"),
        ("03:12", "2026-11-21T03:12:00Z"),
        ("16:00:01.5", "2026-11-20T16:00:01.500000Z"),
        ("2026-11-17", "2026-11-17T00:00:00Z"),
        ("20261117", "2026-11-17T00:00:00Z"),
        ("2026-11-17T03:12:00Z", "2026-11-17T03:12:00Z"),
        ("2026-11-17T03:12:00.123456789Z", "2026-11-17T03:12:00.123456Z"),
        ("2026-11-17 03:12", "2026-11-17T03:12:00Z"),
        ("2026-11-17 03:12 UTC", "2026-11-17T03:12:00Z"),
        ("2026-11-17 03:12 +0100", "2026-11-17T02:12:00Z"),
        ("17/Nov/2026:03:12:00 +0000", "2026-11-17T03:12:00Z"),
        ("Tue, 17 Nov 2026 03:12:00 +0000", "2026-11-17T03:12:00Z"),
        ("1763349120", "2025-11-17T03:12:00Z"),
        ("1763349120500", "2025-11-17T03:12:00.500000Z"),
    ],
)
def test_a_time_is_understood_in_any_usual_notation(text: str, meant: str) -> None:
    assert written(moment("--since", text, NOW)) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "2",
        "5 moons",
        "01/02/2026",
        "25:00",
        "yesterday 3",
        "last yesterday",
        "2026-13-01",
        "99999999999w",
        "t 1:00",
    ],
)
def test_rejects_a_time_that_is_none_or_may_be_several(text: str) -> None:
    with pytest.raises(CommandError) as refused:
        moment("--since", text, NOW)
    assert refused.value.code == ExitCode.USAGE
    assert str(refused.value) == f"--since {text!r} is not a time. Times look like {ALLOWED}"


def test_a_bound_compares_with_the_times_of_records_whatever_their_digits() -> None:
    at = bound(moment("--since", "2026-11-17T03:12:04.500Z", NOW))
    assert "2026-11-17T03:12:04.49" < at <= "2026-11-17T03:12:04.5" <= "2026-11-17T03:12:04.500"
    assert bound(moment("--since", "2026-11-17T03:12:10Z", NOW)) == "2026-11-17T03:12:10"
