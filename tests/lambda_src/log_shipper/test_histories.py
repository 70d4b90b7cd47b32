"""Any history of faults, duplicates, disorder and kills: what arrives is what was sent, and nothing else.

In order, too, where one body is on its way at a time.
"""

import bz2
import gzip
import json
from collections import Counter
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import ship

from tests.fuzz.budget import fuzz
from tests.lambda_src.log_shipper.simulation import (
    ANSWERS,
    LOGZIO_ONLY,
    OTLP_ONLY,
    QUEUE,
    S3_CALLS,
    Clock,
    KilledError,
    World,
    enter,
    message_of,
    start_anew,
)
from tests.lambda_src.log_shipper.world import ARCHIVE, LANDING


class Turn(NamedTuple):
    """One invocation: how many messages, how long it lives and has time, and how often which calls of AWS fail.

    ``meanwhile`` is when another invocation gets copies of its messages: so many seconds after it began, or not at all.
    """

    size: int
    fuse: int | None
    looks: int | None
    s3_faults: dict[str, int]
    skew: float = 0.0
    meanwhile: float | None = None


class History(NamedTuple):
    """What was sent, and all that happens until the trouble is over.

    ``slowness`` is how often nothing in the background gets on, so that more is on its way at a time.
    """

    exports: list[str]
    objects: list[list[bytes]]
    packed: int
    piece_bytes: int
    body_bytes: int
    save_every: int
    copies: int
    bodies_in_flight: int
    marks_in_flight: int
    turns: list[Turn]
    random: Random
    slowness: float = 0.0


LINE = st.one_of(st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n")), st.just(b":drop"))
TURN = st.builds(
    Turn,
    size=st.integers(1, 10),
    fuse=st.none() | st.integers(0, 30),
    looks=st.none() | st.integers(0, 20),
    s3_faults=st.dictionaries(st.sampled_from(S3_CALLS), st.integers(1, 3), max_size=2),
    skew=st.sampled_from([0.0, -3.0, 3.0]),
    meanwhile=st.none() | st.sampled_from([0.0, 1.0, 400.0]),
)
CALM = TURN.map(
    lambda turn: turn._replace(
        fuse=None, s3_faults={}, meanwhile=0.0 if turn.meanwhile and turn.meanwhile > 1 else turn.meanwhile
    )
)
OBJECTS = st.lists(st.lists(LINE, max_size=12), min_size=1, max_size=4)


def histories(turns: st.SearchStrategy[Turn]) -> st.SearchStrategy[History]:
    return st.builds(
        History,
        exports=st.lists(st.sampled_from(["all", "some"]), min_size=4, max_size=4),
        objects=OBJECTS,
        packed=st.integers(0, 3),
        piece_bytes=st.sampled_from([64, 512, 4096]),
        body_bytes=st.integers(1, 1500),
        save_every=st.integers(1, 1500),
        copies=st.integers(0, 3),
        bodies_in_flight=st.integers(1, 4),
        marks_in_flight=st.integers(1, 3),
        turns=st.lists(turns, max_size=8),
        random=st.randoms(use_true_random=False),
    )


OF_MANY_BODIES = st.builds(
    History,
    exports=st.just(["all"] * 4),
    objects=st.lists(st.integers(16, 24).map(lambda count: [b"line"] * count), min_size=1, max_size=2),
    packed=st.just(0),
    piece_bytes=st.sampled_from([8, 16]),
    body_bytes=st.integers(350, 600),
    save_every=st.integers(1, 1500),
    copies=st.just(0),
    bodies_in_flight=st.integers(3, 6),
    marks_in_flight=st.integers(1, 3),
    turns=st.lists(
        st.integers(0, 2).map(lambda count: Turn(10, None, None, {"PutObject quarantine": count})),
        min_size=1,
        max_size=3,
    ),
    random=st.integers(0, 2**32).map(Random),
    slowness=st.sampled_from([0.7, 0.9, 1.0]),
)
"""Objects of which several bodies are on their way at a time."""
A_FEED = st.builds(
    History,
    exports=st.just(["all"] * 4),
    objects=st.lists(st.just([b"line"]), min_size=2, max_size=4),
    packed=st.just(0),
    piece_bytes=st.just(4096),
    body_bytes=st.just(1500),
    save_every=st.just(1500),
    copies=st.integers(1, 4),
    bodies_in_flight=st.just(1),
    marks_in_flight=st.just(1),
    turns=st.lists(st.builds(Turn, st.integers(1, 4), st.none(), st.integers(1, 6), st.just({})), max_size=6),
    random=st.integers(0, 2**32).map(Random),
    slowness=st.sampled_from([0.3, 0.7, 0.9, 1.0]),
)
"""Batches of a feed that have time for some of their objects."""
FAILS_IN_THE_MIDDLE = st.builds(
    lambda taken, failed, others: ["200"] * taken + failed + others,
    st.integers(0, 6),
    st.sampled_from([["404"], ["401"], ["403"], ["429, Retry-After long"], ["503"] * 4, ["hang"] * 4]),
    st.lists(st.sampled_from(["200"] * 5 + ["413", "503", "404"]), max_size=8),
)
"""What answers a body that is given up, and those around it."""


class Run:
    """A history as it happens: the queue gives messages in any order, some twice, until all are acknowledged."""

    def __init__(self, history: History, world: World, *, archived: bool = False) -> None:
        self.history, self.world, self.archived = history, world, archived
        self.kills = self.given_up = self.count = 0
        self.outlived: list[int] = []
        self.visible_at: dict[str, float] = {}
        self.sent = {
            f"s3://{LANDING}/{number}": [b"%d.%d#" % (number, i) + line for i, line in enumerate(lines)]
            for number, lines in enumerate(history.objects)
        }
        for source, lines in self.sent.items():
            key = source.rpartition("/")[2]
            world.land(LANDING, key, pack(b"".join(line + b"\n" for line in lines), history.packed))
            texts = [line.decode("utf-8", "backslashreplace") for line in lines]
            records = [json.dumps({"source": source, "message": text}) + "\n" for text in texts]
            world.land(ARCHIVE, f"logs/all/{key}", gzip.compress("".join(records).encode()))
        copied = history.random.choices(range(len(history.objects)), k=history.copies)
        self.messages = [*self.everything(), *(self._message(number, 10 + i) for i, number in enumerate(copied))]

    def enter(self, monkeypatch: pytest.MonkeyPatch, kind: str) -> list[Any]:
        """Put the shipper into the world; return where the figures of its invocations are collected."""
        history = self.history
        self.world.random, self.world.slowness = history.random, history.slowness
        monkeypatch.setattr("log_shipper.bulk.BODIES_IN_FLIGHT", history.bodies_in_flight)
        monkeypatch.setattr("log_shipper.marks.MAX_UNWRITTEN", history.marks_in_flight)
        return enter(
            monkeypatch,
            self.world,
            kind,
            piece_bytes=history.piece_bytes,
            body_bytes=history.body_bytes,
            save_every=history.save_every,
        )

    def everything(self) -> list[dict[str, Any]]:
        """Return a message for each object."""
        return [self._message(number, number) for number in range(len(self.history.objects))]

    def _message(self, number: int, identifier: int) -> dict[str, Any]:
        if self.archived:
            return message_of(f"logs/all/{number}", identifier, bucket=ARCHIVE)
        return message_of(str(number), identifier, export=self.history.exports[number])

    def until_done(self) -> None:
        for turn in self.history.turns:
            self.take_turn(turn)
        self.world.answers.clear()
        for _ in range(100):
            if not self.messages:
                return
            self.take_turn(Turn(10, None, None, {}))
        raise AssertionError("never acknowledged")

    def take_turn(self, turn: Turn) -> None:
        self.history.random.shuffle(self.messages)
        world = self.world
        if not self.messages:
            return
        world.now = max(world.now, min(self._visible_at(message) for message in self.messages))
        batch = [message for message in self.messages if self._visible_at(message) <= world.now][: turn.size]
        world.fuse, world.skew = turn.fuse, turn.skew
        world.s3_faults = dict(turn.s3_faults)
        if turn.meanwhile is not None:
            world.meanwhile = lambda: self._invoke_meanwhile(batch, turn.meanwhile or 0.0)
        failed = self._handle(batch, Clock(turn.looks))
        world.fuse, world.s3_faults, world.meanwhile = None, {}, None
        self.messages = [message for message in self.messages if message not in batch]
        self._return([message for message in batch if message["messageId"] in failed])
        for requeued in world.messages[QUEUE].values():
            self.count += 1
            self.messages.append(message_of("", 100 + self.count) | {"body": requeued["Body"]})
        world.messages[QUEUE].clear()

    def _handle(self, batch: list[dict[str, Any]], clock: Clock) -> set[str]:
        # what is not done when the function returns is frozen, and goes on in a later invocation
        try:
            answer = ship.handler({"Records": batch}, clock)
        except KilledError:
            self.kills += 1
            self.world.later.clear()
            start_anew()
            return {message["messageId"] for message in batch}
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        self.given_up += bool(failed)
        return failed

    def at_most_repeated(self) -> int:
        """Return how many bytes may arrive twice: those on their way when a body failed or the kill came."""
        history, world = self.history, self.world
        objects = max((sum(map(world.sizes.__getitem__, lines)) for lines in world.arrived.values()), default=0)
        bodies, save_every = history.bodies_in_flight * world.largest_body, history.save_every
        behind = (history.bodies_in_flight - 1) * world.largest_body
        of_kills = self.kills * (bodies + history.marks_in_flight * objects + 2 * save_every)
        # an invocation that outlives its own claims repeats what another has shipped meanwhile
        # a body is repeated when what was refused of it cannot be stored
        behind_failed = self.given_up * behind + world.failed_s3_calls * world.largest_body
        return of_kills + behind_failed + world.unheard_bytes + sum(self.outlived) * objects

    def repeated(self) -> int:
        """Return how many bytes arrived twice."""
        counts = Counter(message for lines in self.world.arrived.values() for message in lines)
        return sum((count - 1) * self.world.sizes[message] for message, count in counts.items())

    def _invoke_meanwhile(self, batch: list[dict[str, Any]], seconds: float) -> None:
        """Let another invocation get copies of the messages of one that has not ended."""
        world, kept = self.world, (self.world.fuse, self.world.skew, self.world.s3_faults)
        world.fuse, world.skew, world.s3_faults = None, -world.skew, {}
        if seconds > 300:
            # the first goes on although its time is over, and so are its claims
            self.outlived.append(len(batch))
        self.count += 1
        copies = [
            message | {"messageId": f"c{self.count}.{number}", "receiptHandle": f"c{self.count}.{number}",
                       "attributes": {"ApproximateReceiveCount": "1"}}
            for number, message in enumerate(batch)
        ]  # fmt: skip
        world.now += seconds
        failed = self._handle(copies, Clock(None))
        self._return([message for message in copies if message["messageId"] in failed])
        world.now -= seconds
        world.fuse, world.skew, world.s3_faults = kept

    def _visible_at(self, message: dict[str, Any]) -> float:
        return self.visible_at.get(message["messageId"], 0.0)

    def _return(self, failed: list[dict[str, Any]]) -> None:
        for message in failed:
            received = int(message["attributes"]["ApproximateReceiveCount"]) + 1
            message["attributes"]["ApproximateReceiveCount"] = str(received)
            hidden = self.world.hidden.pop(message["receiptHandle"], 1800)
            self.visible_at[message["messageId"]] = self.world.now + hidden
            self.messages.append(message)

    def wanted(self) -> dict[str, list[str]]:
        """Return what should arrive, by source."""
        drops = {
            f"s3://{LANDING}/{number}": export == "some"
            for number, export in enumerate(self.history.exports[: len(self.history.objects)])
        }
        return {
            source: [
                text for text in (line.decode("utf-8", "backslashreplace") for line in lines)
                if not (drops[source] and ":drop" in text)
            ]
            for source, lines in self.sent.items()
        }  # fmt: skip


def pack(body: bytes, how: int) -> bytes:
    half = len(body) // 2
    match how:
        case 1:
            return gzip.compress(body)
        case 2:
            return gzip.compress(body[:half]) + gzip.compress(body[half:])
        case 3:
            return bz2.compress(body)
    return body


def in_order(messages: list[str]) -> bool:
    """Say whether lines come in the order of their object, but for those that came before."""
    numbers = [int(message.partition("#")[0].partition(".")[2]) for message in messages]
    firsts = list(dict.fromkeys(numbers))
    return firsts == sorted(firsts)


def answers(kind: str, *without: str) -> st.SearchStrategy[list[str]]:
    names = ANSWERS.keys() - (LOGZIO_ONLY if kind == "otlp" else OTLP_ONLY)
    return st.lists(st.sampled_from(sorted(n for n in names if not any(w in n for w in without))), max_size=20)


@pytest.mark.parametrize("kind", ["logzio", "otlp"])
@fuzz
@given(data=st.data())
def test_whatever_happens_everything_arrives_and_nothing_else(kind: str, data: st.DataObject) -> None:
    history, world = data.draw(histories(TURN)), World()
    world.answers = data.draw(answers(kind))
    run = Run(history, world)
    with pytest.MonkeyPatch.context() as monkeypatch:
        tallies = run.enter(monkeypatch, kind)
        run.until_done()
        quarantined = world.quarantined()
        # A body that was refused in part and is then posted again whole leaves its lines out of order.
        in_part = any(name.startswith(("200 untold", "400", "413")) for name in world.answered)
        for source, lines in run.wanted().items():
            arrived = world.arrived[source]
            assert set(arrived) <= set(lines)
            assert not Counter(lines) - Counter(arrived) - Counter(quarantined[source])
            assert in_part or history.bodies_in_flight > 1 or in_order(arrived)
        for tally in tallies:
            assert tally.records_in == tally.sent + tally.filtered + tally.quarantined + tally.left
        if world.failed_s3_calls:
            return
        assert run.repeated() <= run.at_most_repeated()
        count = sum(map(len, world.arrived.values()))
        assert ship.handler({"Records": run.everything()}, Clock(None)) == {"batchItemFailures": []}
        assert sum(map(len, world.arrived.values())) == count


@pytest.mark.parametrize("kind", ["logzio", "otlp"])
@fuzz
@given(data=st.data())
def test_without_a_kill_or_a_lost_answer_little_arrives_twice_and_the_figures_say_so(
    kind: str, data: st.DataObject
) -> None:
    check_nothing_is_lost(kind, data.draw(histories(CALM)), data.draw(answers(kind, "taken", "untold")))


@pytest.mark.parametrize("kind", ["logzio", "otlp"])
@fuzz
@given(history=OF_MANY_BODIES, answers=FAILS_IN_THE_MIDDLE)
def test_body_that_fails_in_the_middle_of_an_object_is_not_lost(
    kind: str, history: History, answers: list[str]
) -> None:
    """Histories of any kind rarely have several bodies of an object on their way when one fails."""
    check_nothing_is_lost(kind, history, answers)


def check_nothing_is_lost(kind: str, history: History, answers: list[str]) -> None:
    """Check a history without a kill and without an answer that is lost."""
    world = World()
    world.answers = [*answers]
    run = Run(history, world)
    with pytest.MonkeyPatch.context() as monkeypatch:
        tallies = run.enter(monkeypatch, kind)
        run.until_done()
        quarantined = world.quarantined()
    assert run.repeated() <= run.at_most_repeated()
    for source, lines in run.wanted().items():
        # what is repeated may be refused the second time
        assert {*world.arrived[source], *quarantined[source]} == {*lines}
        assert len({*quarantined[source]}) == len(quarantined[source])
        assert history.bodies_in_flight > 1 or in_order(world.arrived[source])
    assert sum(tally.quarantined for tally in tallies) == sum(map(len, quarantined.values()))
    written, kept = (sum(map(len, lines.values())) for lines in (run.sent, run.wanted()))
    assert sum(tally.filtered for tally in tallies) == written - kept
    assert sum(tally.sent + tally.quarantined for tally in tallies) == kept


@pytest.mark.parametrize(
    ("kind", "prefix", "archived"),
    [("archive", "logs/all/dt=", False), ("feed", "feed/x/", False), ("feed", "feed/x/", True)],
)
@fuzz
@given(data=st.data())
def test_whatever_happens_the_archive_and_the_feed_hold_everything_once(
    kind: str, prefix: str, archived: bool, data: st.DataObject
) -> None:
    check_everything_is_there_once(kind, prefix, archived, data.draw(histories(TURN))._replace(exports=["all"] * 4))


@fuzz
@given(A_FEED)
def test_feed_holds_everything_once_wherever_its_batches_stop(history: History) -> None:
    """What is noted of an object before it is read may be on its way when the batch stops."""
    check_everything_is_there_once("feed", "feed/x/", True, history)


def check_everything_is_there_once(kind: str, prefix: str, archived: bool, history: History) -> None:
    world = World()
    run = Run(history, world, archived=archived)
    with pytest.MonkeyPatch.context() as monkeypatch:
        run.enter(monkeypatch, kind)
        run.until_done()
    found: dict[str, list[str]] = {source: [] for source in run.sent}
    for line in world.lines(ARCHIVE, prefix):
        found[line["source"]].append(line["message"])
    for source, lines in run.wanted().items():
        assert Counter(found[source]) == Counter(lines)
    keys = [key for key in world.written if key.startswith("feed/x/")]
    assert keys == sorted(set(keys))
