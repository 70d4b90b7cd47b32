"""Topics: the key that a template gives them, and subscriptions that are not confirmed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ministack.services import sns

from local_cloud.corrections.operations import client, intercept
from local_cloud.corrections.templates import extend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request


def apply() -> None:
    """Make these corrections."""
    extend("AWS::SNS::Topic", apply=_keep_the_key)
    intercept(sns, "ListSubscriptionsByTopic")(_list_unconfirmed_as_such)


def _keep_the_key(arn: str, properties: Mapping[str, Any], _: Mapping[str, Any]) -> None:
    """A topic of a template is encrypted with the key that the template names; MiniStack drops it."""
    key = properties.get("KmsMasterKeyId") or ""
    client("sns").set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=key)


async def _list_unconfirmed_as_such(_: Request, proceed: Proceed) -> Answer:
    """A subscription has no ARN until it is confirmed (SNS API Reference, "ListSubscriptionsByTopic")."""
    status, headers, body = await proceed()
    text = body.decode() if isinstance(body, bytes) else body
    for arn in set(re.findall(r"<SubscriptionArn>(arn:[^<]+)</SubscriptionArn>", text)):
        attributes = client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        if attributes.get("PendingConfirmation") == "true":
            text = text.replace(f">{arn}</SubscriptionArn>", ">PendingConfirmation</SubscriptionArn>")
    return status, headers, text.encode()
