"""Batches of log events keep to the limits of PutLogEvents, which the emulator does not check."""

from hypothesis import given
from hypothesis import strategies as st

from local_cloud.stand_ins.log_events import EVENT_BYTES, MAX_BATCH_BYTES, MAX_EVENTS, MAX_SPAN_MS, batches

_EVENTS = st.lists(st.tuples(st.integers(0, 3 * MAX_SPAN_MS), st.text(min_size=1, max_size=50)), max_size=50)


@given(_EVENTS)
def test_every_event_is_in_one_batch_in_order_of_time(events: list[tuple[int, str]]) -> None:
    cut = list(batches(events))

    assert sorted(event for batch in cut for event in batch) == sorted(events)
    assert all(batch == sorted(batch, key=lambda event: event[0]) for batch in cut)


@given(_EVENTS)
def test_a_batch_spans_less_than_a_day(events: list[tuple[int, str]]) -> None:
    assert all(batch[-1][0] - batch[0][0] < MAX_SPAN_MS for batch in batches(events))


def test_a_batch_has_at_most_10000_events() -> None:
    assert [len(batch) for batch in batches([(1, "x")] * (MAX_EVENTS + 1))] == [MAX_EVENTS, 1]


def test_a_batch_has_at_most_a_mebibyte_counted_as_the_api_counts() -> None:
    # Three bytes each in UTF-8: a count of characters would let a batch grow to three times its limit.
    events = [(1, "‹" * 100_000)] * 7

    sizes = [sum(len(message.encode()) + EVENT_BYTES for _, message in batch) for batch in batches(events)]

    assert len(sizes) == 3
    assert all(size <= MAX_BATCH_BYTES for size in sizes)
