"""The queue that messages come from: what failed waits there, longer each time; what needs more time goes to its end.

Lambda leaves a message that failed hidden for the queue's whole visibility time, which is six times the function's
timeout. Here each is hidden for as long as it should wait, by ``ChangeMessageVisibility``; where that fails, the
queue's own time holds
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from log_shipper import aws
from log_shipper.events import CONTINUES, continued
from log_shipper.runtime import explain
from log_shipper.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef

FIRST_DELAY_SECONDS = 30
MAX_DELAY_SECONDS = 3600
MAX_GROUP_DELAY_SECONDS = 300
"""A message that waits holds up its group, the feed of one export: nine others go on with each of its tries."""
MAX_VISIBILITY_SECONDS = 12 * 3600 - 900
"""A message can be hidden for 12 hours from its receipt, and a function may have run for 15 minutes of them."""
JITTER = 0.2
ENTRIES = 10
"""Messages that one call hides (SQS API Reference, ChangeMessageVisibilityBatch)."""

Message = Mapping[str, Any]
_FIFO = ".fifo"
_FAULTS = (KeyError, ValueError, ClientError, BotoCoreError)


def is_retried(message: Message) -> bool:
    """Say whether an earlier invocation may have got on with a message's objects."""
    return _received(message) > 1 or CONTINUES in message["body"]


def delay_seconds(received: int, retry_after_seconds: float, *, grouped: bool, jitter: float) -> int:
    """Return how long a message waits after it failed.

    Parameters
    ----------
    received : int
        How often it was received: 30 seconds after the first time, then twice as long each time, up to an hour.
    retry_after_seconds : float
        How long the destination asked to be left alone: it is, whatever the tries say.
    grouped : bool
        True in a FIFO queue, where no more than five minutes pass.
    jitter : float
        0 to 1: takes up to a fifth off the tries' delay, and adds up to a fifth to what the destination asked for.
    """
    longest = MAX_GROUP_DELAY_SECONDS if grouped else MAX_DELAY_SECONDS
    delay = min(longest, FIRST_DELAY_SECONDS << min(received - 1, 16)) * (1 - JITTER * jitter)
    return math.ceil(min(MAX_VISIBILITY_SECONDS, max(delay, retry_after_seconds * (1 + JITTER * jitter))))


def delay_retry(
    messages: Sequence[Message],
    destination: str,
    retry_after_seconds: float = 0.0,
    held_seconds: Mapping[str, float] | None = None,
) -> None:
    """Hide messages that failed until it is worth trying them again; never raises.

    ``held_seconds`` says, by message id, how long another invocation may ship what a message names.
    """
    for begin in range(0, len(messages), ENTRIES):
        _delay(messages[begin : begin + ENTRIES], destination, retry_after_seconds, held_seconds or {})


def _delay(
    messages: Sequence[Message], destination: str, retry_after_seconds: float, held_seconds: Mapping[str, float]
) -> None:
    try:
        arn = messages[0]["eventSourceARN"]
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {
                "Id": str(number),
                "ReceiptHandle": message["receiptHandle"],
                "VisibilityTimeout": math.ceil(held_seconds[message["messageId"]]) + 1
                if message["messageId"] in held_seconds
                else delay_seconds(
                    _received(message),
                    retry_after_seconds,
                    grouped=arn.endswith(_FIFO),
                    jitter=random.random(),  # noqa: S311
                ),
            }
            for number, message in enumerate(messages)
        ]
        answer = aws.sqs().change_message_visibility_batch(QueueUrl=_url(arn), Entries=entries)
    except _FAULTS as error:
        log("not held back", destination=destination, messages=len(messages), error=explain(error))
        return
    if failed := answer.get("Failed"):
        codes = sorted({entry["Code"] for entry in failed})
        log("not held back", destination=destination, messages=len(failed), error=", ".join(codes))


def requeue(message: Message, destination: str) -> bool:
    """Put a message that needs more time at the end of its queue; False leaves it to be received again.

    A message that is merely received again counts towards the dead-letter queue, however far it got.
    """
    try:
        arn, grouped = message["eventSourceARN"], {}
        if arn.endswith(_FIFO):
            # by its content, the second continuation of an object would pass for a repetition of the first
            grouped["MessageGroupId"] = message["attributes"]["MessageGroupId"]
            grouped["MessageDeduplicationId"] = message["messageId"]
        aws.sqs().send_message(QueueUrl=_url(arn), MessageBody=continued(message["body"]), **grouped)
    except _FAULTS as error:
        log("not continued", destination=destination, message_id=message["messageId"], error=explain(error))
        return False
    log("continued", destination=destination, message_id=message["messageId"])
    return True


def _received(message: Message) -> int:
    return int(message.get("attributes", {}).get("ApproximateReceiveCount", "1"))


@lru_cache(maxsize=1)
def _url(arn: str) -> str:
    _, _, _, _, account, name = arn.split(":")
    return aws.sqs().get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
