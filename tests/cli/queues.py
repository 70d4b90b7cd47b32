"""Queues as the SQS Developer Guide describes them, with a clock of their own: a client of SQS for commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

CALL_SECONDS = 0.5
"""How long a request takes on the clock of the queues."""


class Queues:
    """Queues by name; a name that ends with `.fifo` is a FIFO queue.

    A received message is hidden for its visibility timeout, and of a FIFO queue so are the other messages of its group
    ("Amazon SQS FIFO queues: FIFO delivery logic").
    """

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, dict[str, Any]]] = {}
        self.calls: Counter[str] = Counter()
        self.now = 0.0

    def put(self, queue: str, bodies: Sequence[str], groups: Sequence[str] = ()) -> None:
        held = self.messages.setdefault(queue, {})
        for number, body in enumerate(bodies):
            name = str(len(held))
            group = groups[number] if groups else ""
            held[name] = {"MessageId": name, "Body": body, "group": group, "visible": 0.0}

    def hide(self, queue: str, count: int, seconds: float) -> None:
        """Have another reader hold messages."""
        for message in list(self.messages[queue].values())[:count]:
            message["visible"] = self.now + seconds

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        self.now += CALL_SECONDS

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803
        self._called("GetQueueUrl")
        self.messages.setdefault(QueueName, {})
        return {"QueueUrl": QueueName}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: Sequence[str]) -> Any:  # noqa: N803
        self._called("GetQueueAttributes")
        held = self.messages[QueueUrl].values()
        hidden = sum(each["visible"] > self.now for each in held)
        counts = {
            "ApproximateNumberOfMessages": len(held) - hidden,
            "ApproximateNumberOfMessagesNotVisible": hidden,
            "ApproximateNumberOfMessagesDelayed": 0,
        }
        return {"Attributes": {name: str(counts[name]) for name in AttributeNames}}

    def receive_message(self, *, QueueUrl: str, VisibilityTimeout: float, **_: Any) -> Any:  # noqa: N803
        self._called("ReceiveMessage")
        held = self.messages[QueueUrl].values()
        locked = {each["group"] for each in held if each["group"] and each["visible"] > self.now}
        free = [each for each in held if each["visible"] <= self.now and each["group"] not in locked][:10]
        for message in free:
            message["visible"] = self.now + VisibilityTimeout
        return {
            "Messages": [
                {
                    "MessageId": each["MessageId"],
                    "ReceiptHandle": each["MessageId"],
                    "Body": each["Body"],
                    "Attributes": {
                        "SentTimestamp": "1",
                        **({"MessageGroupId": each["group"]} if each["group"] else {}),
                    },
                }
                for each in free
            ]
        }

    def send_message_batch(self, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803
        self._called("SendMessageBatch")
        self.put(QueueUrl, [each["MessageBody"] for each in Entries])
        return {"Successful": [{"Id": each["Id"]} for each in Entries]}

    def delete_message_batch(self, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803
        self._called("DeleteMessageBatch")
        for each in Entries:
            del self.messages[QueueUrl][each["ReceiptHandle"]]
        return {"Successful": [{"Id": each["Id"]} for each in Entries]}

    def change_message_visibility_batch(self, QueueUrl: str, Entries: Sequence[Any]) -> None:  # noqa: N803
        self._called("ChangeMessageVisibilityBatch")
        for each in Entries:
            self.messages[QueueUrl][each["ReceiptHandle"]]["visible"] = self.now + each["VisibilityTimeout"]
