"""Compaction: a reader sees every line once, whatever step a run ends at, and whatever runs at the same time."""

import gzip
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import aws, compact, compacted, compaction_plan, parallel
from log_shipper.compact import CompactionError
from log_shipper.compaction_plan import AGAIN_AFTER, CLOSED_AFTER, LARGE_BYTES, MAX_BYTES, SETTLED_AFTER, Part, plan
from log_shipper.keys import identity_of

from tests.fuzz.budget import fuzz
from tests.lambda_src.log_shipper.compaction_world import (
    ARCHIVE,
    CONFIG,
    HOUR,
    LANDED,
    NOW,
    Bucket,
    KilledError,
    Now,
    read_archive,
)

MiB = 1024 * 1024


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    return enter(monkeypatch, Bucket())


def enter(monkeypatch: pytest.MonkeyPatch, bucket: Bucket) -> Bucket:
    monkeypatch.setattr(aws, "s3", bucket.client)
    monkeypatch.setattr(aws, "dynamodb", bucket.client)
    monkeypatch.setattr(parallel, "start", Now)
    compacted.fetch_index.cache_clear()
    return bucket


def fill(bucket: Bucket, count: int = 5, hour: str = HOUR) -> list[str]:
    """Write parts that every destination has."""
    keys = [
        bucket.part(number, [f"hour {hour[-3:-1]} line {number}.{each}" for each in range(2)], hour)
        for number in range(count)
    ]
    for key in keys:
        mark(bucket, key)
    return keys


def mark(bucket: Bucket, key: str, destination: str = "logz") -> None:
    bucket.items[f"{destination}/orders/{identity_of(ARCHIVE, key, '')}"] = {"done": {"BOOL": True}}


# the plan

PARTS = st.lists(
    st.tuples(st.integers(1, LARGE_BYTES + 2 * MiB), st.integers(0, 200 * 60)).map(
        lambda each: (each[0], NOW - timedelta(minutes=each[1]))
    ),
    max_size=12,
).map(lambda each: [Part(f"{HOUR}{i:013d}-{i:016x}.json.gz", size, "e", at) for i, (size, at) in enumerate(each)])


@fuzz
@given(parts=PARTS, is_first=st.booleans(), late=st.integers(-30, 300))
def test_plan_any_parts_holds_its_promises(parts: list[Part], is_first: bool, late: int) -> None:
    now = NOW + timedelta(minutes=late)
    planned = plan(HOUR, parts, is_first=is_first, now=now)
    chosen = [part for each in planned for part in each]
    assert [*map(parts.index, chosen)] == sorted({parts.index(part) for part in chosen})  # once each, in order
    assert all(len(each) > 1 and sum(part.size for part in each) <= MAX_BYTES for each in planned)
    assert all(part.modified + SETTLED_AFTER <= now and part.size < LARGE_BYTES for part in chosen)
    # neighbours would not fit into one
    assert all(sum(part.size for part in first) + second[0].size > MAX_BYTES for first, second in pairwise(planned))


@pytest.mark.parametrize(
    ("now", "is_first", "objects"),
    [
        (datetime.fromisoformat("2026-11-21T07:00:00+00:00") + CLOSED_AFTER - timedelta(seconds=1), True, 0),
        (datetime.fromisoformat("2026-11-21T07:00:00+00:00") + CLOSED_AFTER, True, 1),
        (LANDED + AGAIN_AFTER - timedelta(seconds=1), False, 0),
        (LANDED + AGAIN_AFTER, False, 1),
    ],
)
def test_plan_hour_waits_for_late_parts(now: datetime, is_first: bool, objects: int) -> None:
    parts = [Part(f"{HOUR}{i:013d}-{i:016x}.json.gz", 10, "e", LANDED) for i in range(3)]
    assert len(plan(HOUR, parts, is_first=is_first, now=now)) == objects


# a run


def test_run_makes_one_object_of_an_hour_and_removes_its_parts(s3: Bucket) -> None:
    keys = fill(s3)
    bodies = [s3.objects[ARCHIVE, key].body for key in keys]
    before = read_archive(s3)
    made = s3.compact()
    assert (made.objects, made.parts) == (1, 5)
    assert s3.listed() == [f"{HOUR}compacted-000001.jsonl.gz"]
    assert s3.objects[ARCHIVE, s3.listed()[0]].body == b"".join(bodies)
    assert read_archive(s3) == before
    assert s3.compact().objects == 0
    assert not s3.uploads


def test_run_large_hour_is_uploaded_in_parts(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "UPLOAD_BYTES", 5 * 1024)
    keys = [s3.part(number, [f"{number}" + "x" * 20] * 40) for number in range(400)]
    for key in keys:
        mark(s3, key)
    before = read_archive(s3)
    s3.compact()
    assert len(s3.listed()) == 1
    assert s3.calls.count("upload_part") > 2
    assert read_archive(s3) == before


def test_run_late_parts_become_an_object_of_their_own_a_day_later(s3: Bucket) -> None:
    fill(s3)
    s3.compact()
    late = [s3.part(number, [f"late {number}"], modified=NOW) for number in (7, 8)]
    for key in late:
        mark(s3, key)
    s3.compact(now=NOW + timedelta(hours=20))
    assert len(s3.listed()) == 3
    s3.compact(now=NOW + timedelta(hours=24))
    assert [key.rpartition("/")[2] for key in s3.listed()] == ["compacted-000001.jsonl.gz", "compacted-000002.jsonl.gz"]


def test_run_damaged_part_stays_as_it_is(s3: Bucket) -> None:
    keys = fill(s3)
    s3.objects[ARCHIVE, keys[2]].body = s3.objects[ARCHIVE, keys[2]].body[:-3]
    s3.compact()
    assert s3.listed() == [keys[2], f"{HOUR}compacted-000001.jsonl.gz"]


def test_run_damaged_parts_keep_no_other_part_of_the_hour_as_it_is(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = fill(s3)
    monkeypatch.setattr(compaction_plan, "MAX_BYTES", 2 * max(len(s3.objects[ARCHIVE, key].body) for key in keys))
    for key in keys[:2]:
        s3.objects[ARCHIVE, key].body = s3.objects[ARCHIVE, key].body[:-3]
    s3.compact()
    # the last one is alone
    assert s3.listed() == [*keys[:2], keys[4], f"{HOUR}compacted-000001.jsonl.gz"]


@pytest.mark.parametrize("whole", [0, 1, 3])
def test_run_damaged_parts_are_read_once_until_they_change(s3: Bucket, whole: int) -> None:
    keys = fill(s3, 3 + whole)
    for key in keys[:3]:
        s3.objects[ARCHIVE, key].body = s3.objects[ARCHIVE, key].body[:-3]
    for hours in range(48):
        s3.compact(now=NOW + timedelta(hours=hours))
    assert [s3.read.count(key) for key in keys[:3]] == [1, 1, 1]
    # two are written again, one of them whole
    damaged = s3.objects[ARCHIVE, keys[0]].body
    for number in (0, 1):
        s3.part(number, ["again"])
        s3.objects[ARCHIVE, keys[number]].etag = '"changed"'
    s3.objects[ARCHIVE, keys[0]].body = damaged
    late = s3.part(7, ["late"])
    mark(s3, late)
    for hours in range(48, 96):
        s3.compact(now=NOW + timedelta(hours=hours))
    assert [s3.read.count(key) for key in keys[:3]] == [2, 2, 1]
    assert [key for key in s3.listed() if compacted.part_of(key)] == [keys[0], keys[2]]


def test_run_damaged_parts_of_two_objects_are_all_noted(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = fill(s3, 8)
    size = max(len(s3.objects[ARCHIVE, key].body) for key in keys)
    monkeypatch.setattr(compaction_plan, "MAX_BYTES", 4 * size)
    for key in (*keys[:2], *keys[4:6]):
        s3.objects[ARCHIVE, key].body = s3.objects[ARCHIVE, key].body[:-3]
    for hours in range(48):
        s3.compact(now=NOW + timedelta(hours=hours))
    assert [s3.read.count(key) for key in keys] == [1] * 8


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff"])
def test_run_damaged_note_is_none(s3: Bucket, damage: bytes) -> None:
    keys = fill(s3)
    s3.objects[ARCHIVE, keys[0]].body = s3.objects[ARCHIVE, keys[0]].body[:-3]
    s3.compact()
    s3.objects[ARCHIVE, compacted.damaged_key(HOUR)].body = damage
    mark(s3, s3.part(7, ["late"]))
    mark(s3, s3.part(8, ["later"]))
    for hours in range(1, 48):
        s3.compact(now=NOW + timedelta(hours=hours))
    assert s3.read.count(keys[0]) == 2


@pytest.mark.parametrize(("text", "cut"), [(None, 0), ("{}", 0), ("[]", 0), ("{}", 3)])
def test_run_damaged_index_fails_its_hour_alone(s3: Bucket, text: str | None, cut: int) -> None:
    stored = gzip.compress(text.encode()) if text else b"{}"
    fill(s3)
    s3.compact()
    (index,) = [key for bucket, key in s3.objects if key.startswith(compacted.INDEX_PREFIX)]
    s3.objects[ARCHIVE, index].body = stored[: len(stored) - cut]
    compacted.fetch_index.cache_clear()
    later = HOUR.replace("hour=06", "hour=07")
    parts = [s3.part(number, ["late"], hour=hour) for hour in (HOUR, later) for number in (7, 8)]
    for key in parts:
        mark(s3, key)
    with pytest.raises(CompactionError, match=rf"1 of the archive's hours: .*{index} is damaged"):
        s3.compact(now=NOW + timedelta(hours=2))
    assert [key for key in s3.listed() if compacted.part_of(key)] == parts[:2]


def test_run_parts_of_different_redaction_keep_what_they_have_had(s3: Bucket) -> None:
    first, second = s3.part(1, ["a"], policy="old"), s3.part(2, ["b"], policy="")
    for key in (first, second):
        mark(s3, key)
    s3.compact()
    assert [compacted.find_part(s3.client(), ARCHIVE, key).policy for key in (first, second)] == ["old", ""]  # type: ignore[union-attr]


@pytest.mark.parametrize("export", [{**CONFIG, "ship_to": ["logz", "siem"]}, {**CONFIG, "ship_to": None}])
def test_run_hour_waits_for_every_destination(s3: Bucket, export: dict[str, Any]) -> None:
    keys = fill(s3)
    s3.exports["orders"] = {name: value for name, value in export.items() if value is not None}
    s3.compact()
    assert s3.listed() == keys
    with pytest.raises(CompactionError, match="waited for a destination since 2026-11-21"):
        s3.compact(now=NOW + timedelta(days=3))
    if export["ship_to"]:
        for key in keys:
            s3.items["siem/h"] = {"finished": {"SS": [f"orders/{identity_of(ARCHIVE, each, '')}" for each in keys]}}
            s3.items[f"siem/orders/{identity_of(ARCHIVE, key, '')}"] = {"holder": {"S": "h"}}
        s3.compact()
        assert len(s3.listed()) == 1


def test_run_hour_waits_for_a_feed(s3: Bucket) -> None:
    keys = fill(s3)
    s3.exports["orders"] = {**CONFIG, "ship_to": ["logz", "pull"]}
    s3.compact(feeds=frozenset({"pull"}))
    assert s3.listed() == keys
    for key in keys:
        s3.put_object(Bucket=ARCHIVE, Key=f"feed-index/pull/orders/{identity_of(ARCHIVE, key, '')}.json", Body=b"{}")
    s3.compact(feeds=frozenset({"pull"}))
    assert len(s3.listed()) == 1


def test_run_without_time_begins_nothing(s3: Bucket) -> None:
    keys = fill(s3)
    s3.compact(seconds=0)
    assert s3.listed() == keys


def test_run_part_written_again_is_removed_by_the_next_run(s3: Bucket) -> None:
    fill(s3)
    before = read_archive(s3)
    s3.compact()
    s3.part(2, ["hour 06 line 2.0", "hour 06 line 2.1"])
    assert read_archive(s3) == before
    s3.compact()
    assert len(s3.listed()) == 1


def test_run_fault_of_one_export_stops_no_other(s3: Bucket) -> None:
    fill(s3)
    s3.part(1, ["x"], hour=HOUR.replace("orders", "broken"))
    s3.part(1, ["x"], hour=HOUR.replace("orders", "gone"))
    s3.exports["broken"] = {}
    s3.exports["gone"] = {**CONFIG}
    with pytest.raises(CompactionError, match="broken"):
        s3.compact()
    assert f"{HOUR}compacted-000001.jsonl.gz" in s3.listed()


# kills, lost answers and other runs


def two_hours(monkeypatch: pytest.MonkeyPatch, page: int = 1000) -> Bucket:
    """Return an archive with hours for an upload of several parts and of one, and one that was compacted."""
    bucket = enter(monkeypatch, Bucket(page))
    monkeypatch.setattr(compact, "UPLOAD_BYTES", 300)
    bucket.smallest_upload = 0
    fill(bucket, hour=HOUR.replace("=06", "=04"))
    bucket.compact()
    fill(bucket, 8)
    monkeypatch.setattr(compact, "DELETED_AT_ONCE", 3)
    for key in [bucket.part(100 + number, [f"small {number}"], HOUR.replace("=06", "=05")) for number in range(2)]:
        mark(bucket, key)
    for key in [bucket.part(7 + number, [f"late {number}"], HOUR.replace("=06", "=04"), modified=LANDED - AGAIN_AFTER)
                for number in range(3)]:  # fmt: skip
        mark(bucket, key)
    bucket.calls.clear()
    bucket.steps = 0
    return bucket


def steps_of(monkeypatch: pytest.MonkeyPatch) -> int:
    bucket = two_hours(monkeypatch)
    bucket.compact()
    calls = {*bucket.calls}
    assert {"complete_multipart_upload", "put_object", "delete_objects", "upload_part"} <= calls
    return bucket.steps


def kills(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Bucket, list[str]]]:
    for fuse in range(steps_of(monkeypatch)):
        bucket = two_hours(monkeypatch)
        before = read_archive(bucket)
        compacted.fetch_index.cache_clear()
        bucket.fuse = fuse
        with pytest.raises(KilledError):
            bucket.compact()
        bucket.fuse = None
        yield bucket, before


def test_kill_at_every_step_changes_nothing_that_a_reader_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    for bucket, before in kills(monkeypatch):
        assert read_archive(bucket) == before
        bucket.compact()
        assert read_archive(bucket) == before
        # a run that was killed after its first object of an hour goes on a day later, if parts of it are left
        bucket.compact(now=NOW + timedelta(days=1))
        assert [key for key in bucket.listed() if compacted.part_of(key)] == []
        assert read_archive(bucket) == before


def test_reader_at_every_step_of_a_run_sees_every_line_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = two_hours(monkeypatch)
    before = read_archive(bucket)
    seen = []

    def look() -> None:
        bucket.at_step = lambda: None
        seen.append(read_archive(bucket) == before)
        bucket.at_step = look

    bucket.at_step = look
    bucket.compact()
    assert len(seen) > 40
    assert all(seen)


@pytest.mark.parametrize("page", [3, pytest.param(1, marks=pytest.mark.proof)])
def test_run_between_any_two_calls_of_a_reader_changes_nothing(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    bucket = two_hours(monkeypatch, page)
    before = read_archive(bucket)
    for call in range(1, bucket.steps, 1 if page == 1 else 3):
        again = two_hours(monkeypatch, page)
        countdown = [call]

        def compact_once(bucket: Bucket = again, countdown: list[int] = countdown) -> None:
            countdown[0] -= 1
            if countdown[0] == 0:
                bucket.at_step = lambda: None
                bucket.compact()

        again.at_step = compact_once
        assert read_archive(again) == before


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.proof)])
def test_two_runs_at_once_put_no_line_into_two_objects(monkeypatch: pytest.MonkeyPatch, stride: int) -> None:
    for call in range(1, steps_of(monkeypatch), stride):
        bucket = two_hours(monkeypatch)
        before = read_archive(bucket)
        compacted.fetch_index.cache_clear()
        bucket.steps = 0

        def run_another(bucket: Bucket = bucket, call: int = call, before: list[str] = before) -> None:
            if bucket.steps == call:
                bucket.at_step = lambda: None
                # it also finds a part that the first run may not have listed
                mark(bucket, bucket.part(50, ["between"]))
                before.append('{"message": "between"}')
                bucket.compact()

        bucket.at_step = run_another
        bucket.compact()
        before.sort()
        assert read_archive(bucket) == before
        lines = [
            gzip.decompress(bucket.objects[ARCHIVE, key].body) for key in bucket.listed() if not compacted.part_of(key)
        ]
        compacted_lines = b"".join(lines).splitlines()
        assert len(compacted_lines) == len({*compacted_lines})
        assert not bucket.uploads


@pytest.mark.parametrize("call", ["put_object", "complete_multipart_upload", "delete_objects", "upload_part"])
def test_run_lost_answer_repeats_nothing(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    bucket = two_hours(monkeypatch)
    before = read_archive(bucket)
    bucket.unheard = call
    try:
        bucket.compact()
    except CompactionError:
        assert call != "complete_multipart_upload"
    assert read_archive(bucket) == before
    bucket.compact()
    assert read_archive(bucket) == before
