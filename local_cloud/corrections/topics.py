"""Topics: the key that a template gives them, and subscriptions that are not confirmed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ministack.services import sns
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Mapping


def apply() -> None:
    """Make these corrections."""
    _keep_the_key_of_a_template()
    _list_unconfirmed_subscriptions_as_such()


def _keep_the_key_of_a_template() -> None:
    """A topic of a template is encrypted with the key that the template names; MiniStack drops it."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SNS::Topic"]
    create, update = handlers["create"], handlers["update"]

    def keep(arn: str, props: Mapping[str, Any]) -> None:
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = props.get("KmsMasterKeyId") or ""

    def keyed_create(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:
        answer = create(logical_id, props, stack_name)
        keep(answer[0], props)
        return answer

    def keyed_update(physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any], *rest: Any) -> Any:
        answer = update(physical_id, old, new, *rest)
        keep(answer[0], new)
        return answer

    handlers.update(create=keyed_create, update=keyed_update)


def _list_unconfirmed_subscriptions_as_such() -> None:
    """A subscription has no ARN until it is confirmed (SNS API Reference, "ListSubscriptionsByTopic")."""
    original = sns._list_subscriptions_by_topic

    def list_by_topic(params: Mapping[str, Any]) -> Any:
        status, headers, body = original(params)
        text = body.decode() if isinstance(body, bytes) else body
        for topic in sns._topics.values():
            for each in topic["subscriptions"]:
                if not each.get("confirmed"):
                    pending = "<SubscriptionArn>PendingConfirmation</SubscriptionArn>"
                    text = re.sub(f"<SubscriptionArn>{re.escape(each['arn'])}</SubscriptionArn>", pending, text)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    sns._list_subscriptions_by_topic = list_by_topic
