"""The shipper: objects that landed in S3, named by the messages of a queue, go to the one destination of this function.

A message is acknowledged once everything its objects hold is delivered, unwanted, or stored with the reason why the
destination will never take it. The others are returned as batch item failures and come back.
"""

import os
from collections.abc import Container, Mapping
from functools import lru_cache
from typing import Any

from log_shipper import queue
from log_shipper.delivery import Delivery
from log_shipper.destinations import open_sink
from log_shipper.environment import Environment, read_destination, read_environment
from log_shipper.export_config import ExportConfigs
from log_shipper.marks import MarkTable
from log_shipper.pipeline import Pipeline
from log_shipper.runtime import Context, explain, export_configs, report, seconds_left
from log_shipper.secret_store import SecretStore
from log_shipper.stores import FailureStore, Ledger
from log_shipper.telemetry import emit_answers, emit_failed, log

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
        ``{"batchItemFailures": [{"itemIdentifier": ...}]}``, the messages to be tried again. In a FIFO queue, too, the
        others are done: its groups are there for their one writer, and not for an order.
    """
    environment, destination = read_environment(os.environ), read_destination(os.environ)
    configs, secrets = _kept(environment)
    messages = event["Records"]
    remaining = seconds_left(context, RESERVE_SECONDS)
    ledger = Ledger(
        FailureStore(environment.failure_bucket, destination.name),
        MarkTable(destination.mark_table, destination.name, seconds_left(context, 0)),
    )
    try:
        sink = open_sink(destination, environment, secrets, remaining, ledger.acknowledge)
    except Exception as error:  # noqa: BLE001 - whatever it is, no message can be shipped, and each is tried again
        message_ids = [message["messageId"] for message in messages]
        log("failed", destination=destination.name, error=explain(error), message_ids=message_ids)
        queue.delay_retry(messages, destination.name)
        return _answer(messages, environment, destination.name)
    pipeline = Pipeline(
        environment=environment,
        destination=destination,
        configs=configs,
        secrets=secrets,
        ledger=ledger,
        sink=sink,
        remaining_seconds=remaining,
    )
    delivery = Delivery(pipeline)
    delivery.take(messages)
    failed, unfinished = set(delivery.finish()), set(delivery.unfinished())
    report(delivery.tallies(), environment, destination.name)
    emit_answers(sink.answers, sink.seconds, deployment=environment.deployment, destination=destination.name)
    for (export, log_type), read in pipeline.volumes.items():
        log("volume", export=export, log_type=log_type, bytes_in=read)
    held, waiting = delivery.held(), []
    for message in (message for message in messages if message["messageId"] in failed):
        if not (message["messageId"] in unfinished and queue.requeue(message, destination.name)):
            waiting.append(message)
    queue.delay_retry(waiting, destination.name, delivery.retry_after_seconds, held)
    return _answer(waiting, environment, destination.name, held)


def _answer(
    failed: list[Mapping[str, Any]], environment: Environment, destination: str, held: Container[str] = ()
) -> dict[str, list[dict[str, str]]]:
    count = sum(message["messageId"] not in held for message in failed)
    emit_failed(count, deployment=environment.deployment, destination=destination)
    return {"batchItemFailures": [{"itemIdentifier": message["messageId"]} for message in failed]}


@lru_cache(maxsize=1)
def _kept(environment: Environment) -> tuple[ExportConfigs, SecretStore]:
    return export_configs(environment), SecretStore()
