"""Streams: their keys, by which role subscriptions write to them, and by which role a function reads them."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import logging
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from ministack.core import responses
from ministack.services import cloudwatch_logs, kinesis, lambda_svc

from local_cloud.corrections.destinations import is_destination, route
from local_cloud.corrections.functions import client_of_role
from local_cloud.corrections.logs_roles import LOGS, control_message, role_may, service_may_assume, writer
from local_cloud.corrections.operations import client, intercept, json_error
from local_cloud.corrections.permissions import KeyUse, ask_key_too, key_arn_of, refusal_to_pass
from local_cloud.corrections.templates import extend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request

_KEY_ACTIONS = {
    "kinesis:PutRecord": "kms:GenerateDataKey",
    "kinesis:PutRecords": "kms:GenerateDataKey",
    "kinesis:GetRecords": "kms:Decrypt",
}
_READS = ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
_UNDELIVERED = (
    "Could not deliver test message to specified Kinesis stream. Check if the given Kinesis stream is in ACTIVE state."
)


def apply(*, endpoint_url: str, ca_bundle: str) -> None:
    """Make these corrections."""
    extend("AWS::Kinesis::Stream", apply=_encrypt)
    ask_key_too(_key_of_records)
    _read_streams_by_the_functions_role()
    _deliver_subscriptions(endpoint_url, ca_bundle)
    intercept(cloudwatch_logs, "PutSubscriptionFilter")(_test_where_subscriptions_go)


def _encrypt(name: str, properties: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """CloudFormation encrypts a stream as its template says; MiniStack drops that."""
    if wanted := properties.get("StreamEncryption"):
        client("kinesis").start_stream_encryption(StreamName=name, **wanted)
    elif wanted := before.get("StreamEncryption"):
        client("kinesis").stop_stream_encryption(StreamName=name, **wanted)


def _key_of_records(action: str, stream_arn: str, _: Mapping[str, Any]) -> KeyUse | None:
    """Who writes to or reads from an encrypted stream needs its key too."""
    if action not in _KEY_ACTIONS:
        return None
    try:
        stream = client("kinesis").describe_stream_summary(StreamARN=stream_arn)["StreamDescriptionSummary"]
    except ClientError:
        return None
    key_arn = key_arn_of(stream.get("KeyId"))
    return KeyUse(key_arn, _KEY_ACTIONS[action], {"aws:kinesis:arn": stream_arn}) if key_arn else None


def _read_streams_by_the_functions_role() -> None:
    """Lambda reads a stream by the role of the function that it invokes; MiniStack checks no permission."""
    original = lambda_svc._iter_all_esms

    def readable(account_id: str, region: str, mapping: Mapping[str, Any]) -> bool:
        arn = mapping["EventSourceArn"]
        if ":kinesis:" not in arn:
            return True
        with responses.request_scope(account_id, region):
            try:
                actor = client("lambda").get_function_configuration(FunctionName=mapping["FunctionName"])
            except ClientError:
                return False
            return all(role_may(actor, f"kinesis:{action}", arn) for action in _READS)

    def mappings() -> Iterator[Any]:
        for account_id, region, mapping in original():
            if readable(account_id, region, mapping):
                yield account_id, region, mapping

    lambda_svc._iter_all_esms = mappings


def _deliver_subscriptions(endpoint_url: str, ca_bundle: str) -> None:
    """CloudWatch Logs writes to a stream as the filter's role, and invokes a function asynchronously.

    Another account's destination has a stream and a role of its own. MiniStack stores the former and stops, and invokes
    the latter once.
    """
    # Not in the request's thread, which is the one that will answer the write; in one, which keeps the order.
    writers = ThreadPoolExecutor(max_workers=1)

    def write(caller: dict[str, str], record: Mapping[str, Any]) -> None:
        client_of_role("kinesis", caller, endpoint_url, ca_bundle).put_record(**record)

    def log_failure(written: Future[None]) -> None:
        if error := written.exception():
            logging.getLogger(__name__).warning("a subscription was not delivered: %s", error)

    def deliver(group_name: str, stream_name: str, events: list[dict[str, Any]]) -> None:
        try:
            found = client("logs").describe_subscription_filters(logGroupName=group_name)["subscriptionFilters"]
        except ClientError:
            return
        for subscription in found:
            destination = subscription["destinationArn"]
            matches = cloudwatch_logs._compile_filter_pattern(subscription.get("filterPattern", ""))
            message = {
                "messageType": "DATA_MESSAGE",
                "owner": responses.get_account_id(),
                "logGroup": group_name,
                "logStream": stream_name,
                "subscriptionFilters": [subscription["filterName"]],
                "logEvents": [
                    {"id": uuid.uuid4().hex, "timestamp": event.get("timestamp"), "message": event.get("message")}
                    for event in events
                    if matches(event.get("message") or "")
                ],
            }
            if not message["logEvents"]:
                continue
            packed = gzip.compress(json.dumps(message).encode())
            role_arn, account = subscription["roleArn"], responses.get_account_id()
            if is_destination(destination):
                found = route(destination, group_name)
                if found is None:  # it is gone, or takes nothing of this account
                    continue
                account, (destination, role_arn) = destination.split(":")[4], found
            if ":kinesis:" in destination:
                # The events of a log stream stay together, and in order, unless the filter says otherwise.
                is_random = subscription.get("distribution") == "Random"
                together = uuid.uuid5(uuid.NAMESPACE_URL, f"{group_name}:{stream_name}")
                record = {
                    "StreamARN": destination,
                    "Data": packed,
                    "PartitionKey": (uuid.uuid4() if is_random else together).hex,
                }
                with responses.request_scope(account, responses.get_region()):
                    actor = writer(role_arn)
                writers.submit(write, actor, record).add_done_callback(log_failure)
            else:
                payload = {"awslogs": {"data": base64.b64encode(packed).decode()}}
                invocation = {"InvocationType": "Event", "Payload": json.dumps(payload).encode()}
                with contextlib.suppress(ClientError):  # a function that is gone
                    client("lambda").invoke(FunctionName=destination, **invocation)

    cloudwatch_logs._fanout_to_subscription_filters = deliver


async def _test_where_subscriptions_go(request: Request, proceed: Proceed) -> Answer:
    """A stream is sent a control message before a group is subscribed to it, which fails if the role may not.

    Who subscribes must be allowed to hand CloudWatch Logs the role.
    """
    group, destination = request.parameters.get("logGroupName", ""), request.parameters.get("destinationArn", "")
    role_arn = request.parameters.get("roleArn")
    if role_arn and (refusal := refusal_to_pass(request, role_arn, LOGS)):
        return json_error("AccessDeniedException", refusal)
    if ":kinesis:" in destination and not _takes_a_control_message(destination, role_arn or "", group):
        return json_error("InvalidParameterException", _UNDELIVERED)
    return await proceed()


def _takes_a_control_message(stream_arn: str, role_arn: str, group: str) -> bool:
    account, region = responses.get_account_id(), responses.get_region()
    return bool(
        service_may_assume(role_arn, account, f"arn:aws:logs:{region}:{account}:log-group:{group}:*")
        and role_may(writer(role_arn), "kinesis:PutRecord", stream_arn)
        and kinesis.put_record_internal(
            stream_arn, uuid.uuid4().hex, gzip.compress(json.dumps(control_message()).encode())
        )
    )
