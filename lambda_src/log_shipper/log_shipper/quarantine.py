"""Quarantined records, when they are sent again: written by `stores`, named by a message that a person had sent.

A line is ``{"reason": ..., "record": <archive line>}``. A record that is refused again is quarantined again, under the
identity of the object that it was read from: it is never lost, and the same try makes the same object however often.
"""

from collections.abc import Iterable, Iterator

import orjson

from log_shipper.errors import ShipperError
from log_shipper.parsers import archive_lines
from log_shipper.record import Origin, Record


def records(pieces: Iterable[bytes], origin: Origin) -> Iterator[list[Record]]:
    """Yield an object's records; a line may be of any length, for a record that was too long made it.

    Raises
    ------
    ShipperError
        When a line is not what `stores` writes.
    """
    held: list[bytes] = []
    for piece in pieces:
        *whole, rest = piece.split(b"\n")
        if whole:
            whole[0] = b"".join((*held, whole[0]))
            held = []
            yield [_record(line, origin) for line in whole]
        held.append(rest)
    if last := b"".join(held):
        yield [_record(last, origin)]


def _record(line: bytes, origin: Origin) -> Record:
    try:
        record = archive_lines.parse(orjson.dumps(orjson.loads(line)["record"]).decode(), origin)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ShipperError("a line of the quarantine object is not a quarantined record") from None
    if not record.understood:
        raise ShipperError("a record of the quarantine object is not an archive line")
    return record
