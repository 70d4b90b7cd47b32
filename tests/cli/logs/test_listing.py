"""How many LISTs the walk over a landing bucket takes, and that it finds all the same."""

import itertools
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from logdock.cli.backfill.announcements import Landed
from logdock.cli.logs.layouts import DatedNames, Layout, Logpush, ServicePaths
from logdock.cli.logs.places import SearchLocation, objects, stream
from tests.cli.logs.listing import PAGE, Listing
from tests.costly import sample

NOW = datetime(2026, 11, 29, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATE = timedelta(hours=2)
NODES = ("node-0", "node-1", "node-2")


def place(layout: Layout | None = None) -> SearchLocation:
    return SearchLocation(export=cast("Any", None), bucket="b", stack="s", prefix="atlas/", layout=layout)


def a_file_a_minute(days: int, *folders: str, form: str) -> Listing:
    """Return a bucket with a file a minute in each folder until now; each landed at the end of its minute."""
    times = [NOW - timedelta(minutes=minute) for minute in range(days * 1440, 0, -1)]
    return of_times({f"{folder}{time:{form}}": time for folder in folders for time in times})


def of_times(landed: dict[str, datetime]) -> Listing:
    return Listing(sorted(landed), lambda key: landed[key] + timedelta(minutes=1))


def found(listing: Listing, layout: Layout) -> list[str]:
    s3 = cast("Any", listing)
    return [each.key for each in objects(s3, [place(layout)], layout.since, layout.until, 4)]


def announced(listing: Listing, layout: Layout, start_after: str = "") -> Iterator[str]:
    landed = Landed(layout.since, layout.until, timedelta(), layout)
    return (each.key for each in stream(cast("Any", listing), place(), landed, start_after, 4))


FLAT = tuple(f"atlas/c/{node}/mongodb/" for node in NODES)
AWS = "atlas/AWSLogs/111122223333/CloudTrail/eu-west-1/"


@pytest.mark.parametrize(
    ("folders", "form", "layout", "most"),
    sample(
        [
            # per folder: the first page, five days of 1,440 names, and the end of the names that are no dates
            (FLAT, "%Y-%m-%dT%H-%M-mongodb.log", DatedNames, 3 * 11),
            # per folder: its days, and four of them with two pages each
            (FLAT, "%Y-%m-%d/%Y-%m-%dT%H-%M-mongodb.log", DatedNames, 3 * 10),
            ((AWS,), "%Y/%m/%d/%H-%M.json.gz", ServicePaths, 25),
            ((AWS,), "year=%Y/month=%m/day=%d/hour=%H/%M.json.gz", ServicePaths, 110),
        ],
        2,
    ),
)
@pytest.mark.parametrize("days_ago", sample([25, 2], 2))
@pytest.mark.covering
def test_an_hour_takes_as_many_lists_whenever_it_was(
    folders: tuple[str, ...], form: str, layout: type[Layout], most: int, days_ago: int
) -> None:
    listing = a_file_a_minute(27, *folders, form=form)
    since = NOW - days_ago * DAY
    wanted = layout(since, since + HOUR, LATE)
    keys = found(listing, wanted)
    above = sum(len(set(folder.split("/"))) for folder in folders)
    assert listing.requests <= most + above, f"{listing.requests} LISTs"
    assert set(keys) == {key for key in listing.keys if wanted.wants(key, listing._modified(key))}
    assert len(keys) >= 60 * len(folders)

    listing.requests = 0
    landed = list(announced(listing, wanted))
    assert listing.requests <= most + above, f"{listing.requests} LISTs"
    assert landed == [key for key in listing.keys if since <= listing._modified(key) < wanted.until]


LOGPUSH = "atlas/http_requests/"


@pytest.mark.parametrize("form", ["%Y%m%d/%Y%m%dT%H%M%SZ_a.log.gz", "%Y%m%dT%H%M%SZ_a.log.gz"])
def test_the_lists_of_a_logpush_bucket_grow_with_the_hours_asked_for(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of a busy zone has 36 pages, and an hour one and a half."""
    monkeypatch.setattr("tests.cli.logs.listing.PAGE", 40)
    listing, since = a_file_a_minute(6, LOGPUSH, form=form), NOW - 4 * DAY + 3 * HOUR
    for hours in (1, 4, 16):
        wanted = Logpush(since, since + hours * HOUR, LATE)
        # two folders, of up to four days the first page and the end; the range, and around it an hour and what is late
        most = 12 + 1.5 * (hours + 2 * (LATE / HOUR + 1))
        listing.requests = 0
        keys = found(listing, wanted)
        assert listing.requests <= most, hours
        assert set(keys) == {key for key in listing.keys if wanted.wants(key, listing._modified(key))}

        listing.requests = 0
        assert len(list(announced(listing, wanted))) == hours * 60
        assert listing.requests <= most, hours


def test_a_logpush_file_is_found_wherever_its_batch_began_and_however_late_it_landed() -> None:
    old, time = NOW - 40 * DAY, NOW - 10 * DAY
    begins = [old + minute * timedelta(minutes=1) for minute in range(3000)]
    landed = {f"{LOGPUSH}{begin:%Y%m%dT%H%M%SZ}_a.log.gz": begin for begin in begins}
    for offset, delay in ((-5, 6), (0, 119), (59, 119)):
        begin = time + timedelta(minutes=offset)
        name = f"{LOGPUSH}{begin:%Y%m%dT%H%M%SZ}_b.log.gz"
        listing = of_times({**landed, name: begin + timedelta(minutes=delay)})
        assert name in found(listing, Logpush(time, time + HOUR, LATE)), (offset, delay)


def test_names_without_a_date_among_dated_ones_are_found() -> None:
    old = a_file_a_minute(20, FLAT[0], form="%Y-%m-%dT%H-%M-mongodb.log")
    listing = of_times({key: old._modified(key) for key in old.keys} | {f"{FLAT[0]}mongodb-now.log": NOW - 15 * DAY})
    since = NOW - 15 * DAY
    wanted = DatedNames(since, since + HOUR, LATE)
    assert f"{FLAT[0]}mongodb-now.log" in found(listing, wanted)
    assert f"{FLAT[0]}mongodb-now.log" in set(announced(listing, wanted))


@pytest.mark.parametrize("hours", sample(range(-12, 15, 2), 4))
def test_no_object_is_missed_whatever_the_time_zone_of_its_name_and_its_delay(hours: int) -> None:
    """A name may say the time of any zone, and an object may land as late as was asked for."""
    landed = {
        f"{FLAT[0]}{NOW - 40 * DAY + minute * timedelta(minutes=1):%Y-%m-%dT%H-%M}": NOW for minute in range(9000)
    }
    time = NOW - 10 * DAY
    name = f"{FLAT[0]}{time + hours * HOUR:%Y-%m-%dT%H-%M}-mongodb.log"
    landed |= {f"{FLAT[0]}{NOW - minute * timedelta(minutes=1):%Y-%m-%dT%H-%M}": NOW for minute in range(9000)}
    landed[name] = time + LATE
    listing = of_times(landed)
    assert name in found(listing, DatedNames(time, time + HOUR, LATE))
    range_ = DatedNames(time + LATE - 8 * DAY, time + LATE + HOUR, timedelta())
    assert name in set(announced(listing, range_))


def test_a_search_that_follows_finds_what_arrives_after_it_began() -> None:
    """The range of the search counts, and not that of when the command was typed."""
    listing = of_times({f"{FLAT[0]}{NOW:%Y-%m-%dT%H-%M}-mongodb.log": NOW})
    typed = DatedNames(NOW - 9 * HOUR, NOW - 8 * HOUR, LATE)
    s3 = cast("Any", listing)
    assert len(list(objects(s3, [place(typed)], NOW - HOUR, NOW + HOUR, 4))) == 1


class Numbered(Sequence[str]):
    """So many keys in folders of a hundred thousand, computed when they are looked at."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: Any) -> Any:
        return f"atlas/{at // 100_000:03}/{at:09}.log"


def everything() -> Landed:
    layout = ServicePaths(NOW - 400 * DAY, NOW, timedelta())
    return Landed(layout.since, layout.until, timedelta(), layout)


def test_ten_million_keys_are_announced_while_they_are_listed() -> None:
    listing = Listing(Numbered(10_000_000), lambda _: NOW - DAY)
    first = next(stream(cast("Any", listing), place(), everything(), "", 4))
    assert first.key == "atlas/000/000000000.log"
    # the folders, and the first pages of some of them
    assert listing.requests <= 20


@pytest.mark.proof
def test_memory_does_not_grow_with_the_number_of_keys() -> None:
    def peak(count: int) -> int:
        listing = Listing(Numbered(count), lambda _: NOW - DAY)
        tracemalloc.start()
        try:
            assert sum(1 for _ in stream(cast("Any", listing), place(), everything(), "", 2)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(30_000) < 2 * peak(10_000)


@pytest.mark.parametrize("page", [3, PAGE])
def test_a_stream_goes_on_after_any_key(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr("tests.cli.logs.listing.PAGE", page)
    names = ["a", "a.log", "a/b", "a/b.log", "a/b/c", "a/b/d", "a/b0", "a/c", "a0", "b/x/y/z", "b/x/y0", "b/x", "c"]
    listing = of_times({f"atlas/{name}": NOW - DAY for name in names})
    keys = [each.key for each in stream(cast("Any", listing), place(), everything(), "", 4)]
    assert keys == sorted(f"atlas/{name}" for name in names)
    for at, key in itertools.chain(enumerate(keys), [(2, "atlas/a/b-"), (len(keys) - 1, "atlas/zz")]):
        after = [each.key for each in stream(cast("Any", listing), place(), everything(), key, 4)]
        assert after == [each for each in keys if each > key], (at, key)
