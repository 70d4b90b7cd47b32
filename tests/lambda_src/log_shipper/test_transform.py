"""A segment that is cut in halves counts, line by line, what it counted whole; one that is packed comes back."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from log_shipper.export_config import parse_export_config
from log_shipper.progress import Progress
from log_shipper.record import Record
from log_shipper.rendering import Renderer, Shape
from log_shipper.transform import Segment, Transform, split_segment
from log_shipper.vendors.logzio.dialect import LogzioDialect
from log_shipper.vendors.otlp.dialect import SHAPE, OtlpDialect, OtlpRenderer

TIME = "2026-11-21T02:03:04Z"
KINDS = {"short": "kept", "long": "kept " * 10, "filtered": "drop", "refused": "\x01" * 18}
"""A record that is one line, one that is split over several, one that is filtered, and one whose line is too long."""


def segment_of(kinds: list[str], before: int) -> Segment:
    config = parse_export_config("app", '{"vendor":"s3-logs","exclude":["^drop"]}')
    shape = Shape(max_message_chars=20, max_line_bytes=220)
    renderer = Renderer(shape, export="a", vendor="v", source="s")
    (segment,) = Transform(config, renderer).render([Record(KINDS[kind], TIME, "t") for kind in kinds], before)
    return segment


def lines_of(segment: Segment) -> list[Segment]:
    """Cut a segment until each part is one line."""
    parts = split_segment(segment)
    return [line for part in parts for line in lines_of(part)] if len(parts) > 1 else parts


@given(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=30), st.integers(0, 5))
def test_every_half_counts_what_is_done_with_once_it_is_acknowledged(kinds: list[str], before: int) -> None:
    whole = segment_of(kinds, before)
    assert (whole.sent, whole.filtered, whole.quarantined) == (
        kinds.count("short") + kinds.count("long"),
        kinds.count("filtered"),
        kinds.count("refused"),
    )
    parts = lines_of(whole)
    assert b"".join(part.data for part in parts) == whole.data
    assert parts[-1].end == whole.end == before + len(kinds)
    position = before
    for part in parts:
        assert part.end - position == part.records
        done = kinds[position - before : part.end - before]
        assert part.filtered == done.count("filtered")
        assert part.quarantined == len(part.refused) == done.count("refused")
        assert part.sent == done.count("short") + done.count("long")
        position = part.end


def test_a_record_that_is_split_counts_with_its_last_part() -> None:
    parts = lines_of(segment_of(["long", "short"], 0))
    assert [(part.sent, part.end) for part in parts] == [(0, 0), (0, 0), (1, 1), (1, 2)]


@given(st.lists(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4), min_size=1, max_size=6), st.randoms())
def test_a_body_gives_back_the_segments_that_it_was_framed_of(objects: list[list[str]], random: Random) -> None:
    config = parse_export_config("app", '{"vendor":"s3-logs","exclude":["^drop"]}')
    renderers = [OtlpRenderer(SHAPE, export=name, vendor="v", source=name) for name in "ab"]
    progress = Progress(config, "")
    pending = [
        (progress, Transform(config, random.choice(renderers)).render([Record(KINDS[kind], TIME, "t")], 0)[0])
        for kinds in objects
        for kind in kinds
    ]
    for dialect in (LogzioDialect(), OtlpDialect({})):
        body = b"".join(dialect.frame(pending))
        assert dialect.unframe(body, [(owner, segment.packed()) for owner, segment in pending]) == pending
