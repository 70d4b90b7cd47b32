import contextlib
import sqlite3
import threading
from collections.abc import Iterator

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.logs.order import TimeOrderedBuffer
from logdock.cli.logs.parallel import OrderedParallelMap
from logdock.cli.logs.scan import Hit

TIMES = st.integers(0, 20).map("{:02}".format)


@hypothesis.settings(deadline=None)
@given(st.lists(st.lists(TIMES, max_size=6), max_size=6), st.lists(TIMES, max_size=6), st.booleans())
def test_lines_leave_in_the_order_of_their_times_once_and_not_too_early(
    batches: list[list[str]], releases: list[str], on_disk: bool
) -> None:
    ordered = TimeOrderedBuffer(in_memory_bytes=150 if on_disk else 10**9)
    came: list[Hit] = []
    left: list[bytes] = []
    for number, batch in enumerate(batches):
        hits = [Hit(time, f"{time} {number}.{at}".encode()) for at, time in enumerate(batch)]
        ordered.add(hits)
        came += hits
        if number < len(releases):
            released = list(ordered.release(releases[number]))
            assert all(line.split()[0].decode() < releases[number] for line in released)
            assert released == sorted(released, key=lambda line: line.split()[0])
            left += released
    last = list(ordered.release())
    assert last == sorted(last, key=lambda line: line.split()[0])
    assert sorted(left + last) == sorted(hit.line for hit in came)


@pytest.mark.parametrize("in_memory_bytes", [0, 10**9])
def test_lines_of_the_same_time_keep_their_order(in_memory_bytes: int) -> None:
    ordered = TimeOrderedBuffer(in_memory_bytes)
    for line in (b"b", b"a", b"c"):
        ordered.add([Hit("1", line)])
    assert list(ordered.release()) == [b"b", b"a", b"c"]
    assert list(ordered.release()) == []


def test_items_come_in_order_however_long_each_takes() -> None:
    second_done = threading.Event()

    def work(item: int) -> Iterator[int]:
        if item == 0:
            assert second_done.wait(10)
        yield item * 10
        second_done.set()
        yield item * 10 + 1

    found = [(item, list(batches)) for item, batches in OrderedParallelMap(work, 2).over(range(5))]
    assert found == [(item, [item * 10, item * 10 + 1]) for item in range(5)]


def test_what_a_worker_raises_is_raised_where_its_batches_are_read() -> None:
    def work(item: int) -> Iterator[int]:
        yield item
        raise KeyError(item)

    lanes = OrderedParallelMap(work, 2).over([1])
    _, batches = next(lanes)
    assert next(batches) == 1
    with pytest.raises(KeyError):
        next(batches)
    lanes.close()


def test_a_worker_stops_when_the_reader_is_gone() -> None:
    yielded: list[int] = []

    def work(_: int) -> Iterator[int]:
        for number in range(10_000):
            yielded.append(number)
            yield number

    lanes = OrderedParallelMap(work, 1)
    with contextlib.closing(lanes.over([1, 2, 3])) as over:
        next(next(over)[1])
    assert lanes.stopped
    assert len(yielded) < 10


def test_a_disk_that_is_full_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = sqlite3.connect("", isolation_level=None)
    monkeypatch.setattr("sqlite3.connect", lambda *_, **__: disk)
    ordered = TimeOrderedBuffer(in_memory_bytes=1)
    ordered.add([Hit("2026-11-17T03:12:00", b"one")])
    disk.execute("pragma max_page_count = 3")
    with pytest.raises(CommandError, match=r"database or disk is full\. TMPDIR names another directory") as refused:
        ordered.add([Hit("2026-11-17T03:12:01", bytes(100_000))])
    assert refused.value.code == ExitCode.USAGE
