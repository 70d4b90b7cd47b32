"""Queues: what IAM asks of batches, and what EventBridge may put on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions, responses
from ministack.services import eventbridge, sqs

from local_cloud.corrections.operations import client

if TYPE_CHECKING:
    from collections.abc import Mapping


def apply() -> None:
    """Make these corrections."""
    _name_batches_as_iam_does()
    _ask_the_queues_policy()
    eventbridge._dispatch_to_sqs = send


def _name_batches_as_iam_does() -> None:
    """IAM knows ``ChangeMessageVisibility`` and its like alone, for one message or a batch; MiniStack asks for both.

    Source: SQS API reference, AddPermission: it "also grants permissions for the corresponding batch versions".
    """
    original = iam_actions.extract_iam_action

    def extract_iam_action(service: str, *request: Any) -> str | None:
        action: str | None = original(service, *request)
        return action.removesuffix("Batch") if action and service == "sqs" else action

    iam_actions.extract_iam_action = extract_iam_action


def _ask_the_queues_policy() -> None:
    """EventBridge sends to a queue whose policy admits the rule; MiniStack does not ask."""
    original = eventbridge._invoke_target

    def invoke(target: Mapping[str, Any], event: Any, rule: Mapping[str, Any], view: Any = None) -> None:
        arn, account = target.get("Arn", ""), responses.get_account_id()
        if ":sqs:" not in arn or sqs.queue_policy_allows(arn, "events.amazonaws.com", rule["Arn"], account):
            original(target, event, rule, view)

    eventbridge._invoke_target = invoke


def send(target: Any, payload: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Send an event as any message is sent; MiniStack puts it on the queue past the rules of FIFO queues.

    Those take no message without a group and a deduplication id, nor the same one twice in five minutes; EventBridge
    gives no id, so the queue must go by the content.
    """
    calls = client("sqs")
    calls.send_message(
        QueueUrl=calls.get_queue_url(QueueName=str(target).rpartition(":")[2])["QueueUrl"],
        MessageBody=payload,
        **{name: value for name, value in (parameters or {}).items() if value},
    )
