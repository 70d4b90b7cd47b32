"""The shipper: objects that landed in S3, named by the messages of a queue, go to the one destination of this function.

A message is acknowledged once everything its objects hold is delivered, unwanted, or stored with the reason why the
destination will never take it. The others are returned as batch item failures and come back.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from log_shipper import aws
from log_shipper.delivery import Delivery
from log_shipper.destinations import open_sink
from log_shipper.environment import Environment, read_destination, read_environment
from log_shipper.export_config import ExportConfigs
from log_shipper.runtime import Context, explain, export_configs, report, seconds_left
from log_shipper.secret_store import SecretStore
from log_shipper.stores import FailureStore
from log_shipper.telemetry import log

CONTINUES = "logdock_continues"
"""Marks a message that goes on where an earlier invocation stopped."""
RESERVE_SECONDS = 8.0
"""What is kept back of the function's time to store progress and to answer."""


def handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Ship the objects that a batch of SQS messages names.

    Parameters
    ----------
    event : dict
        ``{"Records": [{"messageId", "body", "attributes", ...}]}``; a body is an S3 event.

    Returns
    -------
    dict
        ``{"batchItemFailures": [{"itemIdentifier": ...}]}``, the messages to be tried again.
    """
    environment, destination = read_environment(os.environ), read_destination(os.environ)
    configs, secrets = _kept(environment)
    messages = event["Records"]
    remaining = seconds_left(context, RESERVE_SECONDS)
    try:
        sink = open_sink(destination, environment, secrets, remaining)
    except Exception as error:  # noqa: BLE001 - whatever it is, no message can be shipped, and each is tried again
        log("failed", destination=destination.name, error=explain(error))
        return _answer([message["messageId"] for message in messages])
    delivery = Delivery(
        environment=environment,
        destination=destination,
        configs=configs,
        secrets=secrets,
        failures=FailureStore(environment.failure_bucket, destination.name),
        sink=sink,
        remaining_seconds=remaining,
    )
    for message in messages:
        delivery.take(message["messageId"], message["body"], retried=_is_retried(message))
    failed = delivery.finish()
    report(delivery.tallies(), environment, destination.name)
    unfinished = set(delivery.unfinished())
    continued = {m["messageId"] for m in messages if m["messageId"] in unfinished and _send_again(m, destination.name)}
    return _answer([message_id for message_id in failed if message_id not in continued])


def _answer(failed: list[str]) -> dict[str, list[dict[str, str]]]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


def _is_retried(message: Mapping[str, Any]) -> bool:
    received = int(message.get("attributes", {}).get("ApproximateReceiveCount", "1"))
    return received > 1 or CONTINUES in message["body"]


def _send_again(message: Mapping[str, Any], destination: str) -> bool:
    """Put a message whose object needs more time at the end of its queue; False leaves it to be received again.

    A message that is merely received again counts towards the dead-letter queue, however far it got.
    """
    try:
        _, _, _, _, account, queue = message["eventSourceARN"].split(":")
        url = aws.sqs().get_queue_url(QueueName=queue, QueueOwnerAWSAccountId=account)["QueueUrl"]
        body = orjson.dumps({**orjson.loads(message["body"]), CONTINUES: True}).decode()
        aws.sqs().send_message(QueueUrl=url, MessageBody=body)
    except (KeyError, ValueError, ClientError, BotoCoreError) as error:
        log("not continued", destination=destination, message_id=message["messageId"], error=explain(error))
        return False
    log("continued", destination=destination, message_id=message["messageId"])
    return True


@lru_cache(maxsize=1)
def _kept(environment: Environment) -> tuple[ExportConfigs, SecretStore]:
    return export_configs(environment), SecretStore()
