"""What is posted again after which answer, and in which order: docs/shipping.md, "Order" and "Every fault"."""

import json
import threading
from itertools import chain
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import bulk, decode, lines, ship
from log_shipper.vendors.logzio import dialect as logzio

from tests.fuzz.budget import fuzz
from tests.lambda_src.log_shipper.world import FAILURES, Cloud, Context, Listener, batch, message

LONGEST = 60
"""Characters of the longest message that the listener takes."""
POSTS_OF_A_BODY = 4
TRIED_AGAIN = {429, 503}

TEXTS = st.lists(st.sampled_from([1, 3, 10, 30]), min_size=8, max_size=40).map(
    lambda sizes: [" ".join(f"{line}.{word}" for word in range(size)) for line, size in enumerate(sizes)]
)
"""Lines of which none is like another, nor is a part of one like another's; some are longer than `LONGEST`."""
STATUSES = st.lists(
    st.sampled_from(
        [
            [200],
            [200] * 8,
            [429],
            [503],
            [413],
            [401] + [200] * 8,
            [503] * 4,
            [429] * 12,
            [413, 200, 401],
            [413, 413, 200] + [503] * 4,
        ]
    ),
    min_size=1,
    max_size=10,
).map(lambda runs: [*chain.from_iterable(runs)])


class Post(NamedTuple):
    """A body that was posted: in which invocation, the messages of its lines, and what the listener answered."""

    invocation: int
    messages: tuple[str, ...]
    status: int


class Answers:
    """Answers posts with given statuses, some of them late, and then with 200; notes each post."""

    def __init__(self, statuses: list[int], late: list[bool]) -> None:
        self.posts: list[Post] = []
        self.failed: list[bool] = []
        self._statuses, self._late, self._lock = iter(statuses), iter(late), threading.Lock()

    def __call__(self, body: bytes) -> int:
        messages = tuple(json.loads(line)["message"] for line in body.splitlines())
        with self._lock:
            status, is_late = next(self._statuses, 200), next(self._late, False)
            self.posts.append(Post(len(self.failed), messages, status))
        if is_late:
            threading.Event().wait(0.005)
        return status

    def of(self, invocation: int) -> dict[tuple[str, ...], list[int]]:
        """Return the answers to each body of an invocation, in the order in which the bodies were posted first."""
        statuses: dict[tuple[str, ...], list[int]] = {}
        for post in self.posts:
            if post.invocation == invocation:
                statuses.setdefault(post.messages, []).append(post.status)
        return statuses


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logzio, "SHAPE", logzio.SHAPE._replace(max_message_chars=LONGEST))
    # put back after the test, which changes them with every example
    monkeypatch.setattr(logzio.LogzioDialect, "target_body_bytes", logzio.LogzioDialect.target_body_bytes)
    monkeypatch.setattr(bulk, "BODIES_IN_FLIGHT", bulk.BODIES_IN_FLIGHT)
    monkeypatch.setattr(decode, "PIECE_BYTES", decode.PIECE_BYTES)
    monkeypatch.setattr(lines, "HEAD_BYTES", lines.HEAD_BYTES)


@fuzz
@given(
    TEXTS,
    st.sampled_from(["split", "truncate", "quarantine"]),
    STATUSES,
    st.lists(st.booleans(), min_size=8, max_size=24),
    st.sampled_from([8, 64, 256]),
    st.sampled_from([1, 300, 700, 2000]),
    st.sampled_from([1, 3, 8]),
    st.uuids(),
)
def test_repetition_is_within_the_bounds_of_the_page(
    cloud: Cloud, logz: Listener, texts: list[str], oversize: str, statuses: list[int], late: list[bool],
    piece_bytes: int, body_bytes: int, bodies: int, key: object,
) -> None:  # fmt: skip
    """Bodies of any size, one or several in flight, while the listener answers as it likes."""
    bulk.BODIES_IN_FLIGHT = bodies
    decode.PIECE_BYTES = lines.HEAD_BYTES = piece_bytes
    logzio.LogzioDialect.target_body_bytes = body_bytes
    for kept in cloud.keys(FAILURES):
        cloud.s3.delete_object(Bucket=FAILURES, Key=kept)
    logz.refuse = answers = Answers(statuses, late)
    cloud.export("app", vendor="s3-logs", format="plain", oversize=oversize)
    item = cloud.land(f"{key}.log", "\n".join(texts).encode())
    while not answers.failed or answers.failed[-1]:
        assert len(answers.failed) < 30
        event = batch(message("app", item, received=len(answers.failed) + 1))
        answers.failed.append(bool(ship.handler(event, Context())["batchItemFailures"]))
    refused = [line["record"]["message"] for line in cloud.lines(FAILURES, "quarantine/")]
    check_posts(answers, refused, [(text, parts_of(text, oversize)) for text in texts], bodies)


def check_posts(answers: Answers, refused: list[str], records: list[tuple[str, list[str]]], bodies: int) -> None:
    """Hold what was posted against the page.

    Parameters
    ----------
    refused : list of str
        What is in the quarantine.
    records : list of tuple
        Each line of the object, with the messages that the destination takes of it.
    bodies : int
        How many bodies may be on their way at a time.
    """
    sent = [part for _, parts in records for part in parts]
    place = {part: number for number, part in enumerate(sent)}
    last = {part: post.invocation for post in answers.posts for part in post.messages}
    taken = [post for post in answers.posts if post.status == 200]
    assert {*refused, *(part for post in taken for part in post.messages)} == {
        *sent, *(text for text, parts in records if not parts)
    }  # fmt: skip
    assert len({*refused}) == len(refused)
    for invocation, failed in enumerate(answers.failed):
        statuses = answers.of(invocation)
        for body, answered in statuses.items():
            assert list(body) == sent[place[body[0]] :][: len(body)]
            assert {*answered[:-1]} <= TRIED_AGAIN
            assert len(answered) <= POSTS_OF_A_BODY
        # one answer of those, or three, is no failure
        assert failed == any(
            answered[-1] == 401 or (answered[-1] in TRIED_AGAIN and len(answered) == POSTS_OF_A_BODY)
            for answered in statuses.values()
        )
        repeated = 0
        for body, answered in statuses.items():
            again = {part for part in body if last[part] > invocation}
            if answered[-1] == 200 and again:
                is_cut = any(again < {*parts} for _, parts in records)
                # 413 has parted a record, of which the rest was not taken
                assert again == {*body} or (is_cut and 413 in chain.from_iterable(statuses.values()))
                repeated += not is_cut
        assert repeated <= bodies - 1
    if not any(answers.failed) and 413 not in {post.status for post in answers.posts}:
        order = [place[post.messages[0]] for post in taken]
        overtaken = [sum(later < number for later in order[at:]) for at, number in enumerate(order)]
        assert max(overtaken, default=0) <= bodies - 1


def parts_of(text: str, oversize: str) -> list[str]:
    """Return the messages of a line as the destination takes them."""
    if len(text) <= LONGEST:
        return [text]
    if oversize == "split":
        return [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    mark = f" [truncated, {len(text)} characters in all]"
    return [text[: LONGEST - len(mark)] + mark] if oversize == "truncate" else []
