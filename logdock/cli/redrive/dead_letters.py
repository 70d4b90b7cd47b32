"""Dead-letter queues: messages whose objects could not be shipped go back to the queue that they came from.

SQS has an action of its own for that (StartMessageMoveTask). It moves a whole queue or nothing, by no export, and it
cannot mark a message as one that was tried before, by which the shipper looks up how far it got. So each message is
received, sent and only then deleted; one that was sent but not deleted is shipped once all the same, by its object's
mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from log_shipper.errors import ShipperError
from log_shipper.events import continued, objects_in

from logdock.cli.account import Account
from logdock.cli.errors import code_of
from logdock.cli.redrive.failures import UNKNOWN, FailureFilter, Group, Place, Report, Unseen, without_numbers
from logdock.cli.redrive.rate_limiter import RateLimiter
from logdock.cli.redrive.reasons import reasons_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 300
"""How long a message that is looked at stays hidden from others, if this command is killed."""
BATCH = 10
LOOKED_AT = 1000
"""How many messages of a queue are looked at, when none is to be moved."""
WAIT_SECONDS = 1
"""A receipt that waits asks all of the queue's servers (SQS Developer Guide, "Short and long polling")."""
_COUNTS: Sequence[Any] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
_IN_FLIGHT = frozenset({"OverLimit", "AWS.SimpleQueueService.OverLimit"})
_STOPPED = "the command was stopped"
_FIFO = (
    "a FIFO queue shows no more of a message group while some of its messages are looked at "
    "(without --dry-run all are sent)"
)
_HIDDEN = "SQS counts them and did not return them: another reader has them, or they are hidden for some minutes"
_OVER_LIMIT = "SQS returns no more while so many messages are looked at"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetters:
    """The dead-letter queue of one destination."""

    account: Account
    destination: str
    wanted: FailureFilter
    report: Report

    def redrive(self, limiter: RateLimiter, done: Callable[[int], None]) -> None:
        """Move the messages that are wanted; what is not wanted is left as it is."""
        self._each(limiter, lambda sqs, dead, batch: self._move(sqs, dead, batch, limiter, done), at_most=None)

    def find(self, limiter: RateLimiter) -> None:
        """Count the messages that are wanted, and leave all as they are."""
        self._each(limiter, lambda *_: set(), at_most=LOOKED_AT)

    def _each(
        self,
        limiter: RateLimiter,
        take: Callable[[SQSClient, str, list[MessageTypeDef]], set[str]],
        at_most: int | None,
    ) -> None:
        """Receive every message once; `take` returns the ids of those that have arrived.

        What is looked at and left is seen again when it is no longer hidden, and hidden once more: the end is a receipt
        without messages.
        """
        sqs = self.account.sqs
        dead = self._url("-dead")
        before = sum(queue_counts(sqs, dead))
        why = _FIFO if dead.endswith(".fifo") and at_most is not None else _HIDDEN
        seen_again = 0
        seen: dict[str, Group] = {}
        arrived: set[str] = set()
        held: dict[str, str] = {}
        since = 0
        try:
            while not limiter.stopped and (at_most is None or len(seen) < at_most):
                try:
                    messages = sqs.receive_message(
                        QueueUrl=dead,
                        MaxNumberOfMessages=BATCH,
                        VisibilityTimeout=HIDDEN_SECONDS,
                        WaitTimeSeconds=WAIT_SECONDS,
                        MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId"],
                    ).get("Messages", [])
                except ClientError as error:
                    if code_of(error) not in _IN_FLIGHT:
                        raise
                    why = _OVER_LIMIT
                    break
                new = [message for message in messages if message["MessageId"] not in seen]
                if not new:
                    held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
                    seen_again += 1
                    # each of these receipts hides ten more of what was seen
                    if not messages or seen_again > len(seen):
                        break
                    continue
                seen_again = 0
                groups = {message["MessageId"]: self._group(message["Body"]) for message in new}
                seen |= groups
                since = min([since or 2**63, *(int(message["Attributes"]["SentTimestamp"]) for message in new)])
                held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
                asked = [message for message in new if self.wanted.matches(groups[message["MessageId"]])]
                gone = take(sqs, dead, asked) if asked else set()
                arrived |= gone
                held = {message: receipt for message, receipt in held.items() if message not in gone}
        finally:
            _release(sqs, dead, list(held.values()))
        asked_for = {message: group for message, group in seen.items() if self.wanted.matches(group)}
        self._count(asked_for, arrived, since)
        if before > len(seen):
            if at_most is not None and len(seen) >= at_most:
                why = f"a dry run looks at {at_most} messages of a queue"
            if limiter.stopped:
                why = _STOPPED
            self.report.unseen.append(Unseen(Place.DEAD_LETTERS, self._name("-dead"), before - len(seen), why))

    def _count(self, messages: dict[str, Group], arrived: set[str], since: int) -> None:
        if not messages:
            return
        group = f"/aws/lambda/{self.account.names.shipper(self.destination)}"
        logs = self.account.logs_in(self.account.settings.region)
        reasons, fault = reasons_of(logs, group, set(messages), since)
        if fault:
            self.report.note(f"why messages died could not be read: {fault}")
        for message, group_of in messages.items():
            counted = group_of._replace(reason=without_numbers(reasons.get(message, UNKNOWN)))
            self.report.found(counted)
            if message in arrived:
                self.report.deleted(counted)

    def _group(self, body: str) -> Group:
        try:
            export = next((ref.export for ref in objects_in(body)), UNKNOWN)
        except ShipperError:
            export = UNKNOWN
        return Group(Place.DEAD_LETTERS, self.account.settings.region, export, self.destination, "")

    def _move(
        self,
        sqs: SQSClient,
        dead: str,
        messages: list[MessageTypeDef],
        limiter: RateLimiter,
        done: Callable[[int], None],
    ) -> set[str]:
        if not limiter.acquire(len(messages)):
            return set()
        answer = sqs.send_message_batch(
            QueueUrl=self._url(), Entries=[_entry(number, message) for number, message in enumerate(messages)]
        )
        for failed in answer.get("Failed", []):
            self.report.note(f"{self._name()} did not take a message: {failed['Code']}")
        sent = [messages[int(entry["Id"])] for entry in answer.get("Successful", [])]
        if not sent:
            return set()
        entries: Any = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(sent)
        ]
        deleted = sqs.delete_message_batch(QueueUrl=dead, Entries=entries)
        for failed in deleted.get("Failed", []):
            self.report.note(f"{self._name('-dead')} did not delete a message that was sent again: {failed['Code']}")
        done(len(sent))
        return {sent[int(entry["Id"])]["MessageId"] for entry in deleted.get("Successful", [])}

    def _name(self, suffix: str = "") -> str:
        return self.account.names.queue(self.destination, suffix)

    def _url(self, suffix: str = "") -> str:
        return queue_url(self.account, self.destination, suffix)


def queue_url(account: Account, destination: str, suffix: str = "") -> str:
    """Return the address of a destination's queue.

    Raises
    ------
    CommandError
        When the shipper is not deployed.
    """
    name = account.names.queue(destination, suffix)
    if name not in account.queue_urls:
        with account.requires("shipper"):
            account.queue_urls[name] = account.sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return account.queue_urls[name]


def queue_counts(sqs: SQSClient, queue: str) -> tuple[int, int]:
    """Return about how many messages of a queue wait, visible or delayed, and how many are in flight."""
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=_COUNTS)["Attributes"]
    visible, delayed, in_flight = (int(found.get(name, 0)) for name in _COUNTS)
    return visible + delayed, in_flight


def _entry(number: int, message: MessageTypeDef) -> Any:
    entry = {"Id": str(number), "MessageBody": continued(message["Body"])}
    group = message["Attributes"].get("MessageGroupId")
    # what was sent and not deleted is not taken a second time within five minutes
    return entry | ({"MessageGroupId": group, "MessageDeduplicationId": message["MessageId"]} if group else {})


def _release(sqs: SQSClient, queue: str, receipts: Sequence[str]) -> None:
    """Let others see messages again that were looked at and are left."""
    for start in range(0, len(receipts), BATCH):
        entries: Any = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for number, receipt in enumerate(receipts[start : start + BATCH])
        ]
        sqs.change_message_visibility_batch(QueueUrl=queue, Entries=entries)
