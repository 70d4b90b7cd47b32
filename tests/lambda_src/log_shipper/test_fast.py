from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from log_shipper.events import LogEvents
from log_shipper.export_config import ExportConfig, parse_export_config
from log_shipper.fast import RawBlock, has_long_line, wrap_at
from log_shipper.log_stream import LogStream
from log_shipper.progress import Progress
from log_shipper.reading import read_blocks
from log_shipper.record import Origin, Record
from log_shipper.rendering import Renderer, Shape
from log_shipper.transform import Segment, Transform
from log_shipper.vendors.logzio.dialect import SHAPE
from log_shipper.vendors.otlp.dialect import OtlpRenderer

from benchmarks.inputs import cloudtrail
from tests.lambda_src.log_shipper.world import recorded

ORIGIN = Origin("2026-11-21T02:03:04Z", "given")
OPENING = st.builds(
    '{{"{}":{}"{}T{}:{}:{}{}{}"{},"n":'.format,
    st.sampled_from(["t", "time", "ts", "other"]),
    st.sampled_from(["", '{"$date":']),
    st.sampled_from(["2026-11-21", "2026-11-21", "2026-13-21", "1969-12-31", "2300-01-01"]),
    st.sampled_from(["02", "03"]),
    st.sampled_from(["05", "59", "61"]),
    st.sampled_from(["00", "07"]),
    st.sampled_from(["", ".1", ".180", ".181"]),
    st.sampled_from(["Z", "+00:00", "+01:00"]),
    st.sampled_from(["", "}"]),
)
LINE = st.builds(
    lambda head, text: head + text,
    st.one_of(OPENING, st.just('{"t":{"$date":"2026-11-21T02:03:04.180+00:00"},'), st.just(""), st.just("{")),
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=8),
)
# many examples of blocks whose lines all open alike, and of blocks where one line does not
BLOCK = st.one_of(
    st.lists(LINE, min_size=1, max_size=5),
    st.lists(
        st.builds(
            '{{"time":"2026-11-21T02:03:{:02d}.{:03d}Z","m":"{}"}}'.format,
            st.integers(0, 59), st.integers(0, 999), st.text(st.sampled_from('ab\\"é\x7f\x01'), max_size=5),
        ), min_size=1, max_size=5,
    ),
)  # fmt: skip


def transform(config: ExportConfig, *, by_hour: bool = False) -> Transform:
    renderer = Renderer(Shape(), export="e", vendor=config.vendor, source="s", fields={"cluster": "c"})
    return Transform(config, renderer, by_hour=by_hour)


def _refuse(*_: Any) -> None:
    raise AssertionError


def both(
    config: ExportConfig, form: Shape, blocks: Callable[[], Iterator[Any]], *, by_hour: bool,
    kind: type[Renderer] = Renderer, is_redacted: bool = False,
) -> tuple[list[Segment], ...]:  # fmt: skip
    """Return the segments that blocks give taken whole and taken line by line."""
    renderer = kind(form, export="e", vendor=config.vendor, source="s", fields={"cluster": "c"})
    transform = Transform(config, renderer, by_hour=by_hour, is_redacted=is_redacted)
    whole, single = Progress(config, "0" * 16), Progress(config, "0" * 16)
    fast = [segment for block in blocks() for segment in whole.render(block, transform)]
    slow = [
        segment
        for block in blocks()
        for segment in single.render(block.records() if isinstance(block, RawBlock) else block, transform)
    ]
    assert (whole.seen, whole.tally.records_in) == (single.seen, single.tally.records_in)
    return fast, slow


def blocks_of(*pieces: bytes, form: str, vendor: str = "s3-logs") -> Callable[[], Iterator[Any]]:
    return partial(read_blocks, pieces, vendor=vendor, format_name=form, origin=ORIGIN)


@given(BLOCK, st.sampled_from(["mongodb", "json-lines", "plain", "auto"]), st.booleans(), st.booleans())
@example(['{"t":"2026-11-21T02:05:04+00:00"}', '{"t":"2026-11-21T02:05:04+01:00"}'], "mongodb", False, False)
@example(['{"t":"2026-11-21T02:59:59Z"}', '{"t":"2026-11-21T03:00:00Z"}'], "mongodb", True, False)
@example(['{"t":"2016-12-31T23:59:60Z"}'], "json-lines", False, False)
@example(['{"t":"2026-11-21T02:05:04Z"}', '{"t":"2026-11-31T02:05:04Z"}'], "json-lines", False, False)
def test_a_block_taken_whole_gives_the_same_lines(lines: list[str], form: str, by_hour: bool, logz: bool) -> None:
    config = parse_export_config("e", b'{"vendor":"s3-logs","format":"' + form.encode() + b'"}')
    blocks = blocks_of(("\n".join(lines) + "\n").encode(), form=form)
    fast, slow = both(config, SHAPE if logz else Shape(), blocks, by_hour=by_hour)
    assert b"".join(s.data for s in fast) == b"".join(s.data for s in slow)
    assert [(s.sent, s.end, s.time) for s in fast] == [(s.sent, s.end, s.time) for s in slow]


@given(BLOCK, st.sampled_from(["mongodb", "json-lines", "plain", "auto"]))
@example(['{"t":"1970-01-01T00:00:00.5Z"}'], "json-lines")
@example(['{"t":"2262-04-11T23:47:17Z"}'], "json-lines")
def test_a_block_taken_whole_gives_the_same_otlp_records(lines: list[str], form: str) -> None:
    config = parse_export_config("e", b'{"vendor":"s3-logs","format":"' + form.encode() + b'"}')
    blocks = blocks_of(("\n".join(lines) + "\n").encode(), form=form)
    fast, slow = both(config, Shape(), blocks, by_hour=False, kind=OtlpRenderer)
    assert b"".join(s.data for s in fast) == b"".join(s.data for s in slow)


ARCHIVED = st.builds(
    Record,
    st.lists(st.sampled_from(["a", '"', "\\", ",", "é", "\n", '","fields":{"a":"b"}}']), max_size=4).map("".join),
    st.sampled_from(["2026-11-21T02:03:04Z", "2026-11-21T02:03:04.18Z", "1969-12-31T23:59:59Z"]),
    st.sampled_from(["x", "x", "y"]),
    st.sampled_from([None, None, {"a": "b"}, {"source": ',"message":"'}]),
    st.just(True),
    st.sampled_from([None, None, "other"]),
)


@given(st.lists(ARCHIVED, min_size=1, max_size=4) | ARCHIVED.map(lambda record: [record] * 2))
@example([Record("a", "2026-11-21T02:03:04Z", "x"), Record("a", "2026-11-21T02:03:04Z", "y")])
@example([Record("a", "2026-11-21T02:03:04Z", "x"), Record("a", "2026-11-21T02:03:04Z", "x", {"a": "b"})])
@example([Record("a", "2026-11-21T02:03:04Z", "x"), Record("a", "2026-11-21T02:03Z", "x")])
@example([Record("a", "2026-11-21T02:03:04Z", "x"), Record("", "2026-11-21T02:03:04.18Z", "x")])
def test_archive_lines_taken_whole_give_the_same_otlp_records(records: list[Record]) -> None:
    config = parse_export_config("e", b'{"vendor":"s3-logs"}')
    data = b"".join(map(Renderer(Shape(), export="e", vendor="s3-logs", source="s").line, records))
    blocks = blocks_of(data, form="archive")
    fast, slow = both(config, Shape(), blocks, by_hour=False, kind=OtlpRenderer, is_redacted=True)
    assert b"".join(s.data for s in fast) == b"".join(s.data for s in slow)


@given(
    st.lists(st.sampled_from(["a", 'a"é', "{"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["2026-11-21T02:03:04Z", "2026-11-21T03:00:00.5Z"]), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from([Renderer, OtlpRenderer]),
)
@example(["a", "a"], ["2026-11-21T02:03:04Z", "2026-11-21T03:00:00.5Z"], True, Renderer)
@example(["a", "a", "a"], ["2026-11-21T02:03:04Z"] * 2, False, Renderer)
@example(["a", "a"], ["2026-11-21T02:03:04Z"] * 3, False, Renderer)
def test_lines_at_given_times_are_taken_whole_where_each_has_one(
    lines: list[str], times: list[str], by_hour: bool, kind: type[Renderer]
) -> None:
    renderer = kind(Shape(), export="e", vendor="s3-logs", source="s")
    wrapped = wrap_at("\n".join(lines), times, renderer, "plain", by_hour=by_hour)
    is_alike = len(times) == 1 or (len(times) == len(lines) and not (by_hour and len({*times}) > 1))
    assert (wrapped is not None) == is_alike
    if wrapped is not None:
        each = times if len(times) > 1 else times * len(lines)
        rendered = map(renderer.line, map(Record, lines, each, ["plain"] * len(lines)))
        assert wrapped == (b"".join(rendered), len(lines), times[0], renderer.type_of("plain"))


OTHER_LINES = ["", " ", "\t\x0c", "\r", "x", "{}", "\x85", "\u2028", '{"time":"2026-11-21T02:03:04Z","@timest']


@given(
    st.lists(ARCHIVED | st.sampled_from(OTHER_LINES), max_size=4).map(
        lambda lines: [Record("m", "2026-11-21T02:03:04Z", "x"), *lines]
    ),
    st.sampled_from([Renderer, OtlpRenderer]),
)
def test_lines_among_archive_lines_count_as_they_do_one_by_one(lines: list[Record | str], kind: type[Renderer]) -> None:
    config = parse_export_config("e", b'{"vendor":"s3-logs"}')
    line = Renderer(Shape(), export="e", vendor="s3-logs", source="s").line
    data = b"".join(f"{each}\n".encode() if isinstance(each, str) else line(each) for each in lines)
    fast, slow = both(config, Shape(), blocks_of(data, form="archive"), by_hour=False, kind=kind, is_redacted=True)
    assert [(s.sent, s.end, s.time) for s in fast] == [(s.sent, s.end, s.time) for s in slow]
    assert [len(s.data.splitlines()) for s in fast] == [len(s.data.splitlines()) for s in slow]


@pytest.mark.parametrize("kind", [Renderer, OtlpRenderer])
def test_archive_lines_that_differ_in_time_and_message_are_taken_whole(
    monkeypatch: pytest.MonkeyPatch, kind: type[Renderer]
) -> None:
    config = parse_export_config("e", b'{"vendor":"s3-logs"}')
    archive = Renderer(Shape(), export="e", vendor="s3-logs", source="s", fields={"a": "b"})
    records = [Record(text, "2026-11-21T02:03:04.1Z", "x") for text in ("a", '","fields":{"a":"c"}}')]
    monkeypatch.setattr(Transform, "render_records", _refuse)
    renderer = kind(Shape(), export="e", vendor="s3-logs", source="s")
    whole, to = Progress(config, "0" * 16), Transform(config, renderer, is_redacted=True)
    lines = b"".join(map(archive.line, records))
    for block in read_blocks([lines], vendor="s3-logs", format_name="archive", origin=ORIGIN):
        assert whole.render(block, to)
    assert whole.seen == 2


@given(BLOCK, st.sampled_from(["auto", "plain", "json-lines"]))
@example(["\x0c", "a"], "auto")
def test_a_payload_taken_whole_gives_the_same_lines(lines: list[str], form: str) -> None:
    config = parse_export_config("e", b'{"vendor":"cloudwatch-logs","format":"' + form.encode() + b'"}')
    events = [{"id": str(i), "timestamp": 1763690400000 + i, "message": text} for i, text in enumerate(lines)]
    payload = LogEvents("e", "/app", "s", events)
    whole, single = (LogStream("/app", "s", config) for _ in range(2))
    to = transform(config, by_hour=True)
    fast = [segment for block in whole.take(payload) for segment in to.render(block, 0)]
    slow = to.render(single.records(payload), 0)
    assert b"".join(s.data for s in fast) == b"".join(s.data for s in slow)


def test_a_document_that_goes_on_in_the_next_block_is_one_record() -> None:
    config = parse_export_config("e", b'{"vendor":"s3-logs"}')
    line = b'{"t":"2026-11-21T02:59:59Z","n":1}\n'
    pieces = (line * 5000 + b'{"t":"2026-11-21T02:59:59Z",\n', b'"n":2\n}\n')
    fast, _ = both(config, Shape(), blocks_of(*pieces, form="auto"), by_hour=False)
    assert sum(segment.records for segment in fast) == 5001


def test_recorded_lines_are_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    config = parse_export_config("orders", b'{"vendor":"mongodb-atlas"}')
    monkeypatch.setattr(Transform, "render_records", _refuse)
    pieces = [recorded("mongodb-atlas/mongodb.log").encode()]
    whole = Progress(config, "0" * 16)
    for block in read_blocks(pieces, vendor="mongodb-atlas", format_name="auto", origin=ORIGIN):
        assert whole.render(block, transform(config))
    assert whole.seen == 3


EVENT = st.builds(
    '{{"v":1,"eventTime":"2026-11-21T{}:03:04Z","m":"{}"}}'.format,
    st.sampled_from(["02", "02", "03"]),
    st.lists(st.sampled_from(["a", "é", "\x7f", " ", "\\n", "\\u0040", "10.1.2.3", "a@b.co"]), max_size=8).map("".join),
)


@given(st.lists(EVENT, min_size=1, max_size=5), st.booleans(), st.booleans(), st.sampled_from([Renderer, OtlpRenderer]))
def test_elements_taken_whole_give_the_same_lines(
    events: list[str], by_hour: bool, has_limit: bool, kind: type[Renderer]
) -> None:
    config = parse_export_config("e", b'{"vendor":"s3-logs","redaction":{"detectors":["email","ipv4"]}}')
    blocks = blocks_of(('{"Records":[' + ",".join(events) + "]}").encode(), form="auto")
    fast, slow = both(config, Shape(60 if has_limit else None), blocks, by_hour=by_hour, kind=kind)
    assert b"".join(s.data for s in fast) == b"".join(s.data for s in slow)
    assert sum(s.sent for s in fast) == len(events)


def test_events_of_cloudtrail_are_taken_whole() -> None:
    blocks = [*blocks_of(cloudtrail(1000), form="auto")()]
    assert sum(len(block.times) for block in blocks if isinstance(block, RawBlock)) > 900


@given(st.lists(st.integers(0, 12)), st.integers(1, 12))
def test_long_lines_are_seen_without_reading_every_line(sizes: list[int], limit: int) -> None:
    block = b"\n".join(b"x" * size for size in sizes)
    assert has_long_line(block, limit) == any(size > limit for size in sizes)
