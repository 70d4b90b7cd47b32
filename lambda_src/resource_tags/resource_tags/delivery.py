"""Puts records on a delivery stream: in batches that Firehose takes, and again those that it did not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient

BATCH_BYTES, BATCH_RECORDS = 4_000_000, 500
"""PutRecordBatch takes 4 MiB and 500 records."""
TRIES = 5

sleep = time.sleep


class DeliveryError(Exception):
    """Firehose did not take records; the text never holds what is in them."""


def put(firehose: FirehoseClient, stream: str, records: Iterable[bytes]) -> int:
    """Put every record, and return how many there were.

    Raises
    ------
    DeliveryError
        When Firehose did not take a record in `TRIES` tries.
    """
    count = 0
    for batch in _batches(records):
        _put(firehose, stream, batch)
        count += len(batch)
    return count


def _put(firehose: FirehoseClient, stream: str, batch: list[bytes]) -> None:
    left, code = batch, ""
    for attempt in range(TRIES):
        if attempt:
            sleep(2.0**attempt)
        answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=[{"Data": each} for each in left])
        answers = list(zip(left, answer["RequestResponses"], strict=True))
        left = [record for record, said in answers if "ErrorCode" in said]
        if not left:
            return
        code = next(said["ErrorCode"] for _, said in answers if "ErrorCode" in said)
    raise DeliveryError(f"{stream} did not take {len(left)} of {len(batch)} records in {TRIES} tries: {code}")


def _batches(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for record in records:
        if batch and (size + len(record) > BATCH_BYTES or len(batch) == BATCH_RECORDS):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record)
    if batch:
        yield batch
