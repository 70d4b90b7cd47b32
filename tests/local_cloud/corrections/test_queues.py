"""Queues: who may send, in batches and from EventBridge, and FIFO.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


@pytest.mark.parametrize(("action", "allowed"), [("ChangeMessageVisibility", True), ("SendMessage", False)])
def test_a_batch_is_granted_as_its_messages_are(emulator: Emulator, action: str, allowed: bool) -> None:
    name = made.new_name()
    owner = made.client(emulator, "sqs")
    url = owner.create_queue(QueueName=name)["QueueUrl"]
    owner.send_message(QueueUrl=url, MessageBody="a")
    (message,) = owner.receive_message(QueueUrl=url)["Messages"]
    role = made.role(emulator, made.allow(f"sqs:{action}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"))
    consumer = made.client(emulator, "sqs", made.assume(emulator, role))
    entry = {"Id": "0", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
    if allowed:
        answer = consumer.change_message_visibility_batch(QueueUrl=url, Entries=[entry])
        assert [each["Id"] for each in answer["Successful"]] == ["0"]
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            consumer.change_message_visibility_batch(QueueUrl=url, Entries=[entry])


def test_event_bridge_sends_to_a_queue_that_admits_the_rule_and_to_a_fifo_queue_by_group_and_content(
    emulator: Emulator,
) -> None:
    sqs, events = (made.client(emulator, service) for service in ("sqs", "events"))
    rule = made.new_name()
    by_content = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    group = {"SqsParameters": {"MessageGroupId": "orders"}}
    # Those that must not get it come first: what the others have got, they would have got by then.
    wanted: list[tuple[dict[str, str], bool, dict[str, Any], int]] = [
        ({}, False, {}, 0),
        ({"FifoQueue": "true"}, True, group, 0),
        (by_content, True, {}, 0),
        ({}, True, {}, 2),
        (by_content, True, group, 1),
    ]
    urls, targets = [], []
    for attributes, admitted, parameters, _ in wanted:
        name = made.new_name() + (".fifo" if attributes else "")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        policy = made.document(
            _trusting(arn, f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule if admitted else 'other'}")
        )
        urls.append(sqs.create_queue(QueueName=name, Attributes={**attributes, "Policy": policy})["QueueUrl"])
        targets.append({"Id": name.partition(".")[0], "Arn": arn, "Input": '{"the": "same"}', **parameters})
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["test"]}))
    events.put_targets(Rule=rule, Targets=targets)

    for _ in range(2):
        events.put_events(Entries=[{"Source": "test", "DetailType": "x", "Detail": "{}"}])

    received = [
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]).get("Messages", [])
        for url in urls
    ]
    assert [len(messages) for messages in received] == [count for *_, count in wanted]
    assert received[-1][0]["Attributes"]["MessageGroupId"] == "orders"


def _trusting(queue: str, rule: str) -> dict[str, Any]:
    grant = {**made.allow("sqs:SendMessage", queue), "Principal": {"Service": "events.amazonaws.com"}}
    return {**grant, "Condition": {"ArnLike": {"aws:SourceArn": rule}}}
