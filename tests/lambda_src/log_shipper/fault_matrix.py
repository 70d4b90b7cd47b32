"""The fault matrix: what each fault does to a load. The table in docs/shipping.md is made of these rows.

A row says what is delivered, repeated and kept; each of its variants brings the fault about, and a test holds the
outcome against the row. Nothing is ever lost: that is the same for all of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from log_shipper import progress

from tests.lambda_src.log_shipper import fault_stage as faults
from tests.lambda_src.log_shipper.fault_stage import BODIES_IN_FLIGHT, BODY_BYTES, Happen, Stage
from tests.lambda_src.log_shipper.world import FAILURES


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fault and what comes of it.

    Attributes
    ----------
    fault, does
        What happens, and what the shipper does.
    delivered
        ``everything``; ``the rest``: all but what is kept; ``what was whole``: all before the damage; ``nothing``.
    repeated
        ``nothing``, ``a body``, ``seven bodies``, ``seven bodies and a record``, ``eight bodies``, ``32 MiB and eight
        bodies`` or ``the object``: the most that arrives twice. Where it is bodies that are on their way behind the
        one that fails, it may be none.
    kept
        Where what is not delivered at once waits: ``queue``, ``quarantine``, ``dead-letter queue`` or nowhere (``—``).
    variants
        The ways to bring it about.
    destinations
        The kinds of destination that it is brought about at.
    """

    fault: str
    does: str
    delivered: str = "everything"
    repeated: str = "nothing"
    kept: str = "—"
    variants: Mapping[str, Happen]
    destinations: tuple[str, ...] = ("logz",)


ROWS = (
    Row(
        fault="the destination answers 408, 429, 500, 502, 503 or 504, once",
        does="posted again within the invocation, after `Retry-After` or a growing delay with jitter",
        variants={
            f"{code} after {after}": faults.scripted(faults.status(code), after=after)
            for code in faults.STATUSES
            for after in (0, 1)
        }
        | {"429 with Retry-After": faults.scripted(faults.status(429, Retry_After="2"))},
    ),
    Row(
        fault="it answers so for longer, or asks with `Retry-After` for more time than is left",
        does="given up after four posts of one body; no other begins meanwhile; those that were on their way may have "
        "been taken; every message of the batch waits in the queue, the others untried",
        repeated="seven bodies",
        kept="queue",
        variants={
            "one invocation": faults.refuses(503),
            "three invocations": faults.refuses(503, 3),
            "half-way": faults.refuses(503, after=2),
            "Retry-After": faults.scripted(faults.status(429, Retry_After="86400")),
        },
    ),
    Row(
        fault="it refuses the token (401, 403), or answers with an unexpected status",
        does="nothing is posted again; those that were on their way may have been taken; the secret is read anew; the "
        "messages wait in the queue",
        repeated="seven bodies",
        kept="queue",
        variants={"401, the others taken": faults.refuses_as_the_last(401)}
        | {str(code): faults.scripted(faults.status(code), after=1) for code in (401, 403, 404)},
    ),
    Row(
        fault="connections are refused or reset, or there is no answer in 30 s, and nothing was taken",
        does="posted again within the invocation",
        variants={
            "reset": faults.scripted(faults.reset, after=1),
            "half an answer": faults.scripted(faults.half_a_head, after=1),
            "hang": lambda stage: stage.listener.script.append(faults.hang(stage)),
        },
    ),
    Row(
        fault="connections are refused for a whole invocation",
        does="as for 503",
        repeated="seven bodies",
        kept="queue",
        variants={"refused": faults.refuse_connections},
    ),
    Row(
        fault="the body was taken, and its answer is lost",
        does="posted again: its result is unknown",
        repeated="a body",
        variants={
            "reset": lambda stage: faults.taken(stage, faults.reset),
            "half an answer": lambda stage: faults.taken(stage, faults.half_a_head),
            "hang": lambda stage: faults.taken(stage, faults.hang(stage)),
        },
    ),
    Row(
        fault="413",
        does="posted again in halves",
        variants={
            "once": faults.scripted(faults.status(413), after=1),
            "twice": faults.scripted(faults.status(413), faults.status(413)),
        },
    ),
    Row(
        fault="the same, and a half is then refused for longer, or with another status",
        does="as for that answer; what the other half took is not posted again, but for parts of a record that "
        "`oversize: split` has cut, where the halves part it",
        repeated="seven bodies and a record",
        kept="queue",
        variants={"503, a part taken": faults.too_large_then(503)},
    ),
    Row(
        fault="413 (OTLP: also 400) for one record alone",
        does="that record is set aside with the reason",
        delivered="the rest",
        kept="quarantine",
        variants={"413": faults.too_large_alone},
    ),
    Row(
        fault="Logz.io's 400 that counts oversized or malformed lines",
        does="a partial success: those lines are set aside, the others count as sent",
        delivered="the rest",
        kept="quarantine",
        variants={"counts": faults.counted},
    ),
    Row(
        fault="a 400 whose counts say nothing, or that breaks off",
        does="the body is set aside as a whole, also what may have been taken of it; it is not posted again",
        delivered="the rest",
        kept="quarantine",
        variants={
            "no counts": faults.scripted(faults.status(400)),
            "cut off": faults.scripted(faults.half_an_answer(400)),
        },
    ),
    Row(
        fault="S3 or KMS does not give the object: throttled, failing, denied, key disabled",
        does="after the SDK's own five tries the message waits in the queue; its neighbours go on",
        kept="queue",
        variants={
            code: faults.unreadable(code)
            for code in ("SlowDown", "InternalError", "AccessDenied", "KMS.DisabledException")
        },
    ),
    Row(
        fault="the mark table does not answer: throttled, failing, denied, its key disabled",
        does="the object is shipped without a claim, and no mark is kept",
        variants={
            code: faults.claim_fails(code)
            for code in (
                "ProvisionedThroughputExceededException",
                "InternalServerError",
                "AccessDeniedException",
                "ResourceNotFoundException",
            )
        },
    ),
    Row(
        fault="the mark of a finished object cannot be read, and its message comes again",
        does="taken for one that is new",
        repeated="the object",
        variants={"throttled": faults.mark_unreadable},
    ),
    Row(
        fault="the same, and only what its invocation finished cannot be read",
        does="the message waits until that invocation's claim has ended, 300 s at most",
        kept="queue",
        variants={"throttled": faults.receipt_unreadable},
    ),
    Row(
        fault="the mark cannot be written, and the message comes again",
        does="the message is done all the same: what was acknowledged stays so; its claim alone proves nothing",
        repeated="the object",
        variants={"denied": faults.mark_unwritable},
    ),
    Row(
        fault="a release that kept marks in S3 has shipped the object, and its message comes again",
        does="the mark in S3 is found",
        variants={"after the upgrade": faults.marked_in_s3},
    ),
    Row(
        fault="the quarantine cannot be written",
        does="nothing of that body and of those behind it counts as sent; the message waits in the queue",
        delivered="the rest",
        repeated="eight bodies",
        kept="queue, quarantine",
        variants={"throttled": faults.quarantine_unwritable},
    ),
    Row(
        fault="the object is damaged or cut off",
        does="delivered up to the damage; a note says where it is; the object stays where it landed",
        delivered="what was whole",
        kept="quarantine",
        variants={"cut off": faults.damaged},
    ),
    Row(
        fault="the object is gone, or the message is no S3 event",
        does="tried twenty times, then left to a person, with an alarm",
        delivered="nothing",
        kept="queue, dead-letter queue",
        variants={"gone": faults.gone, "no event": faults.no_event},
    ),
    Row(
        fault="the message names another export's object, an export that does not ship here, or a deleted object",
        does="refused before anything is read; the reason is in the function's log; then as for an object that is gone",
        delivered="nothing",
        kept="queue, dead-letter queue",
        variants={
            "bucket": faults.foreign_bucket,
            "archive of another export": faults.foreign_archive,
            "export that ships elsewhere": faults.ships_elsewhere,
            "deleted": faults.deleted,
        },
    ),
    Row(
        fault="the export's configuration or the destination's secret cannot be read",
        does="nothing is shipped with less redaction than was asked for; the messages wait in the queue",
        kept="queue",
        variants={"configuration": faults.no_configuration, "secret": faults.no_secret},
    ),
    Row(
        fault="the function's time runs out inside an object",
        does="progress is kept, and the message goes to the end of its queue; those without a turn too",
        kept="queue",
        variants={"in the middle": faults.hurried},
    ),
    Row(
        fault="the function is killed at any point",
        does="the batch comes back after 30 minutes and goes on where progress was kept last; eight bodies at most "
        "were on their way, and ten of the batch's other objects were not marked yet",
        repeated="32 MiB and eight bodies",
        kept="queue",
        variants={
            "between two bodies": faults.killed_before_an_answer,
            "before the mark": faults.killed_at_the_mark,
            "and a copy of the message comes at once": faults.killed_and_copied,
        },
    ),
    Row(
        fault="a message comes twice",
        does="the mark says that the object is done",
        variants={"later": faults.duplicate, "in one batch": faults.duplicate_in_a_batch},
    ),
    Row(
        fault="two invocations get copies of a message at the same moment",
        does="one claims the object; the copy waits until that claim has ended, 300 s at most",
        kept="queue",
        variants={"at once": faults.duplicate_at_once},
    ),
    Row(
        fault="the same, and the first goes on after its claim has ended, because a clock is 8 s wrong",
        does="the copy is taken for one that is left",
        repeated="the object",
        variants={"later": faults.duplicate_at_once_later},
    ),
    Row(
        fault="messages come in any order",
        does="objects have no order; bodies that are on their way together, up to eight, arrive in any; each line has "
        "its time",
        variants={"reversed": faults.disorder},
    ),
    Row(
        fault="a failed message cannot be hidden",
        does="it comes back after the queue's own visibility time, 30 minutes",
        kept="queue",
        variants={"refused": faults.not_hidden},
    ),
    Row(
        fault="archive and feed: S3 fails, or the function is killed, at any point",
        does="what is there already is known by its key, or by the note that was written before it",
        kept="queue",
        variants={
            "throttled": faults.write_fails(faults.s3_error("SlowDown")),
            "killed": faults.write_fails(faults.KilledError()),
        },
        destinations=("archive", "feed"),
    ),
    Row(
        fault="archive and feed: a message comes twice",
        does="as above",
        variants={"later": faults.duplicate, "in one batch": faults.duplicate_in_a_batch},
        destinations=("archive", "feed"),
    ),
)


def table() -> str:
    """Return the rows as the page has them."""
    lines = [
        "| fault | what happens | delivered | repeated, at most | kept | lost |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {row.fault} | {row.does} | {row.delivered} | {row.repeated} | {row.kept} | 0 |" for row in ROWS]
    return "\n".join(lines) + "\n"


def check(stage: Stage, row: Row) -> None:
    """Hold what became of the load against the row."""
    records = stage.arrived()
    arrived = [record["message"] for record in records]
    kept = [line["record"]["message"] for line in stage.cloud.lines(FAILURES, "quarantine/")]
    repeated = arrived.copy()
    for line in set(arrived):
        repeated.remove(line)
    line = len(json.dumps(records[0], separators=(",", ":")) + "\n") if records else 0
    most = {
        "nothing": 0,
        "a body": BODY_BYTES,
        "seven bodies": (BODIES_IN_FLIGHT - 1) * BODY_BYTES,
        "seven bodies and a record": (BODIES_IN_FLIGHT - 1) * BODY_BYTES + 2 * line,
        "eight bodies": BODIES_IN_FLIGHT * BODY_BYTES,
        "32 MiB and eight bodies": 2 * progress.SAVE_EVERY_BYTES + BODIES_IN_FLIGHT * BODY_BYTES,
    }
    assert len(repeated) * line <= most.get(row.repeated, len(stage.lines) * line)
    assert repeated or row.repeated not in ("a body", "seven bodies and a record", "the object")
    match row.delivered:
        case "everything":
            assert set(arrived) == set(stage.lines)
            assert kept == []
        case "the rest":
            assert set(stage.lines) <= set(arrived) | set(kept)
            assert arrived
        case "what was whole":
            assert sorted(arrived) == stage.lines[: len(arrived)]
            assert arrived
        case "nothing":
            assert arrived == []
    places = row.kept.split(", ")
    assert bool(kept) == ("quarantine" in places)
    assert bool(stage.returned) == ("queue" in places)
    assert bool(stage.messages) == ("dead-letter queue" in places)
    if not repeated and stage.destination != "logz":
        for source in {record["source"] for record in records}:
            of_it = [record["message"] for record in records if record["source"] == source]
            assert of_it == sorted(of_it)
