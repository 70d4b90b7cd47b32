"""Queues: what IAM asks of batches, and what EventBridge may put on them."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions, responses
from ministack.services import eventbridge, sqs

if TYPE_CHECKING:
    from collections.abc import Mapping


def apply() -> None:
    """Make these corrections."""
    _name_batches_as_iam_does()
    _ask_the_queues_policy()
    _hold_fifo_queues_to_their_rules()


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


def _hold_fifo_queues_to_their_rules() -> None:
    """A FIFO queue takes no message without a group and a deduplication id, nor the same one twice in five minutes.

    EventBridge gives no id, so the queue must go by the content; MiniStack makes up a group and an id, and repeats.
    """
    original = eventbridge._dispatch_to_sqs

    def dispatch(spec: Any, payload: str, parameters: Mapping[str, Any] | None = None) -> None:
        queue = sqs._queue_by_arn(str(spec))
        if queue and queue["is_fifo"]:
            sqs._prune_dedup(queue)
            by_content = queue["attributes"].get("ContentBasedDeduplication") == "true"
            identity = hashlib.sha256(payload.encode()).hexdigest()
            if not (parameters or {}).get("MessageGroupId") or not by_content or identity in queue["dedup_cache"]:
                return
            queue["dedup_cache"][identity] = {"id": identity, "expire": time.time() + sqs._DEDUP_WINDOW_S}
        original(spec, payload, parameters)

    eventbridge._dispatch_to_sqs = dispatch
