"""The fast ways give what the slow ones give: blocks, payloads and archive objects taken whole and line by line."""

from collections.abc import Callable, Iterator
from functools import partial

import orjson
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import line_readers
from log_shipper.events import LogEvents
from log_shipper.export_config import ExportConfig, parse_export_config
from log_shipper.fast import RawBlock
from log_shipper.line_readers import FORMATS, VENDOR_FORMATS
from log_shipper.log_stream import LogStream
from log_shipper.progress import Progress
from log_shipper.reading import read_blocks
from log_shipper.record import Record
from log_shipper.rendering import Renderer, Shape
from log_shipper.transform import Segment, Transform

from tests.fuzz.budget import fuzz
from tests.fuzz.material import LINES, OBJECT, ORIGIN, SIZES

CONFIGS = st.fixed_dictionaries(
    {"vendor": st.sampled_from(sorted(VENDOR_FORMATS))},
    optional={
        "format": st.sampled_from(FORMATS),
        "oversize": st.sampled_from(["split", "truncate", "quarantine"]),
        "exclude": st.just(["INFO"]),
        "redaction": st.fixed_dictionaries(
            {},
            optional={
                "markers": st.sampled_from(["keep", "redact", "strip"]),
                "detectors": st.lists(st.sampled_from(["email", "ipv4", "ipv6", "payment-card"]), unique=True),
                "patterns": st.just([{"name": "digits", "regex": r"\b\d{4}\b"}]),
            },
        ),
    },
)


class Rendered:
    """The segments of one object's blocks."""

    def __init__(self, config: ExportConfig, shape: Shape, *, by_hour: bool = False, is_redacted: bool = False) -> None:
        renderer = Renderer(shape, export="e", vendor=config.vendor, source="s", fields={"cluster": "c"})
        self._transform = Transform(config, renderer, by_hour=by_hour, is_redacted=is_redacted)
        self.progress = Progress(config, "0" * 16)

    def take(self, block: RawBlock | list[Record]) -> list[Segment]:
        return self.progress.render(block, self._transform)

    def take_lines(self, block: RawBlock | list[Record]) -> list[Segment]:
        return self.take(block.records() if isinstance(block, RawBlock) else block)

    @property
    def figures(self) -> tuple[int, int]:
        return self.progress.seen, self.progress.tally.records_in


def same_either_way(
    config: ExportConfig, shape: Shape, blocks: Callable[[], Iterator[RawBlock | list[Record]]], *, by_hour: bool
) -> bytes:
    """Assert that blocks taken whole give what they give line by line, each as soon as it is read; return it."""
    whole, single = Rendered(config, shape, by_hour=by_hour), Rendered(config, shape, by_hour=by_hour)
    fast = [segment for block in blocks() for segment in whole.take(block)]
    slow = [segment for block in blocks() for segment in single.take_lines(block)]
    data = b"".join(segment.data for segment in slow)
    assert b"".join(segment.data for segment in fast) == data
    assert sum(segment.sent for segment in fast) == sum(segment.sent for segment in slow)
    assert [item for segment in fast for item in segment.refused] == [
        item for segment in slow for item in segment.refused
    ]
    assert whole.figures == single.figures
    for line in data.splitlines():
        assert isinstance(orjson.loads(line), dict)
    return data


@fuzz
@given(OBJECT, CONFIGS, st.booleans(), st.sampled_from([None, 20, 60]))
def test_a_block_taken_whole_gives_what_its_lines_give(
    data: bytes, document: dict[str, object], by_hour: bool, longest: int | None
) -> None:
    config = parse_export_config("e", orjson.dumps(document))
    blocks = partial(read_blocks, [data], vendor=config.vendor, format_name=config.format_name, origin=ORIGIN)
    same_either_way(config, Shape(longest, 400 if longest else None), blocks, by_hour=by_hour)


@fuzz
@given(LINES, CONFIGS.filter(lambda document: document.get("format") in (None, "plain", "json-lines")), SIZES)
def test_a_payload_taken_whole_gives_what_its_events_give(
    texts: list[str], document: dict[str, object], times: list[int]
) -> None:
    config = parse_export_config("e", orjson.dumps(document))
    events = [
        {"id": str(i), "timestamp": 1763690400000 + times[i % len(times)] * 100_000, "message": text}
        for i, text in enumerate(texts)
    ]
    payload = LogEvents("e", "/app", "s", events)
    whole, single = (LogStream("/app", "s", config) for _ in range(2))
    fast, slow = Rendered(config, Shape(), by_hour=True), Rendered(config, Shape(), by_hour=True)
    taken = [segment for block in whole.take(payload) for segment in fast.take(block)]
    taken += [segment for held in whole.finish() for segment in fast.take(held)]
    read = [single.records(payload), *single.finish()]
    wanted = [segment for records in read for segment in slow.take(records)]
    assert b"".join(segment.data for segment in taken) == b"".join(segment.data for segment in wanted)
    assert fast.figures == slow.figures


@fuzz
@given(LINES, CONFIGS.filter(lambda document: "format" not in document))
def test_what_was_archived_comes_back(texts: list[str], document: dict[str, object]) -> None:
    config = parse_export_config("e", orjson.dumps(document))
    records = [
        record
        for text in texts
        for record in [line_readers._auto_line(text, ORIGIN)]
        if text.strip()
    ]  # fmt: skip
    data = b"".join(segment.data for segment in Rendered(config, Shape()).take(records))
    blocks = list(read_blocks([data], vendor=config.vendor, format_name="archive", origin=ORIGIN))
    reader, slow = Rendered(config, Shape(), is_redacted=True), Rendered(config, Shape(), is_redacted=True)
    assert b"".join(segment.data for block in blocks for segment in reader.take(block)) == data
    again = b"".join(segment.data for block in blocks for segment in slow.take_lines(block))
    assert [orjson.loads(line) for line in again.splitlines()] == [orjson.loads(line) for line in data.splitlines()]
