"""Streams: their keys, by which role subscriptions write to them, and by which role a function reads them."""

from __future__ import annotations

import gzip
import json
import logging
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ministack.core import iam_evaluator, lambda_runtime, responses, router
from ministack.services import cloudwatch_logs, iam, kinesis, kms, lambda_svc
from ministack.services.cloudformation import provisioners

from local_cloud.corrections.functions import client_of_role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SERVICE = "logs.amazonaws.com"
_KEY_ACTIONS = {
    "kinesis:PutRecord": "kms:GenerateDataKey",
    "kinesis:PutRecords": "kms:GenerateDataKey",
    "kinesis:GetRecords": "kms:Decrypt",
}
_UNDELIVERED = (
    "Could not deliver test message to specified Kinesis stream. Check if the given Kinesis stream is in ACTIVE state."
)


def apply(*, endpoint_url: str, ca_bundle: str) -> None:
    """Make these corrections."""
    _encrypt_streams_of_templates()
    _ask_the_key_for_records()
    _read_streams_by_the_functions_role()
    _deliver_subscriptions(endpoint_url, ca_bundle)
    _test_where_subscriptions_go()
    _ask_who_passes_a_role()


def _encrypt_streams_of_templates() -> None:
    """CloudFormation encrypts a stream as its template says; MiniStack drops that."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Kinesis::Stream"]

    def encrypted(provision: Any, position: int) -> Any:
        def provision_and_encrypt(*arguments: Any, **named: Any) -> Any:
            name, attributes = provision(*arguments, **named)
            wanted = arguments[position].get("StreamEncryption") or {"EncryptionType": "NONE"}
            kinesis._streams[name].update(wanted)
            return name, attributes

        return provision_and_encrypt

    handlers.update(create=encrypted(handlers["create"], 1), update=encrypted(handlers["update"], 2))


def _ask_the_key_for_records() -> None:
    """Who writes to or reads from an encrypted stream needs its key too."""
    original = iam_evaluator.enforce

    def enforce(
        access_key_id: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        denied = original(access_key_id, action, service, region, resource_arn, service_context)
        stream = kinesis._resolve_stream_by_arn(resource_arn) if action in _KEY_ACTIONS else None
        record = kms._resolve_key(stream.get("KeyId") or "") if stream else None
        if denied is not None or record is None:
            return denied
        context = {
            "kms:ViaService": f"kinesis.{region}.amazonaws.com",
            "kms:CallerAccount": responses.get_account_id(),
            "kms:EncryptionContext:aws:kinesis:arn": resource_arn,
        }
        return original(access_key_id, _KEY_ACTIONS[action], "kms", region, record["Arn"], context)

    iam_evaluator.enforce = enforce


def _read_streams_by_the_functions_role() -> None:
    """Lambda reads a stream by the role of the function that it invokes; MiniStack checks no permission."""
    original = lambda_svc._iter_all_esms

    def readable(account_id: str, region: str, mapping: Mapping[str, Any]) -> bool:
        if ":kinesis:" not in mapping["EventSourceArn"]:
            return True
        with responses.request_scope(account_id, region):
            function = lambda_svc._functions.get(mapping["FunctionName"])
            return function is not None and all(
                _role_may(function["config"], action, mapping["EventSourceArn"])
                for action in kinesis._MAPPING_READ_ACTIONS
            )

    def mappings() -> Iterator[Any]:
        for account_id, region, mapping in original():
            if readable(account_id, region, mapping):
                yield account_id, region, mapping

    lambda_svc._iter_all_esms = mappings


def _deliver_subscriptions(endpoint_url: str, ca_bundle: str) -> None:
    """CloudWatch Logs writes to a stream as the filter's role; MiniStack stores such a filter and stops."""
    original = cloudwatch_logs._fanout_to_subscription_filters
    # Not in the request's thread, which is the one that will answer the write; in one, which keeps the order.
    writers = ThreadPoolExecutor(max_workers=1)

    def write(caller: dict[str, str], record: Mapping[str, Any]) -> None:
        client_of_role("kinesis", caller, endpoint_url, ca_bundle).put_record(**record)

    def log_failure(written: Future[None]) -> None:
        if error := written.exception():
            logging.getLogger(__name__).warning("a subscription was not delivered: %s", error)

    def fan_out(group_name: str, stream_name: str, events: list[dict[str, Any]]) -> None:
        original(group_name, stream_name, events)
        group = cloudwatch_logs._log_groups.get(group_name) or {}
        for subscription in (group.get("subscriptionFilters") or {}).values():
            destination, pattern = subscription["destinationArn"], subscription.get("filterPattern", "")
            matching = [e for e in events if cloudwatch_logs._subscription_pattern_matches(pattern, e.get("message"))]
            if ":kinesis:" not in destination or not matching:
                continue
            message = {
                "messageType": "DATA_MESSAGE",
                "owner": responses.get_account_id(),
                "logGroup": group_name,
                "logStream": stream_name,
                "subscriptionFilters": [subscription["filterName"]],
                "logEvents": [
                    {"id": uuid.uuid4().hex, "timestamp": event.get("timestamp"), "message": event.get("message")}
                    for event in matching
                ],
            }
            record = {
                "StreamARN": destination,
                "Data": gzip.compress(json.dumps(message).encode()),
                # The events of a log stream stay together, and in order, unless the filter says otherwise.
                "PartitionKey": uuid.uuid4().hex
                if subscription.get("distribution") == "Random"
                else uuid.uuid5(uuid.NAMESPACE_URL, f"{group_name}:{stream_name}").hex,
            }
            writers.submit(write, _writer(subscription["roleArn"]), record).add_done_callback(log_failure)

    cloudwatch_logs._fanout_to_subscription_filters = fan_out


def _test_where_subscriptions_go() -> None:
    """A stream is sent a control message before a group is subscribed to it, which fails if the role may not."""
    original = cloudwatch_logs._put_subscription_filter

    def put_subscription_filter(data: Mapping[str, Any]) -> Any:
        group, destination = data.get("logGroupName", ""), data.get("destinationArn", "")
        if group in cloudwatch_logs._log_groups and ":kinesis:" in destination:
            role_arn = data.get("roleArn") or ""
            control = {
                "messageType": "CONTROL_MESSAGE",
                "owner": "CloudwatchLogs",
                "logGroup": "",
                "logStream": "",
                "subscriptionFilters": [],
                "logEvents": [{"id": "", "timestamp": 0, "message": "CWL CONTROL MESSAGE: Checking health."}],
            }
            delivered = (
                _logs_may_assume(role_arn, group)
                and _role_may(_writer(role_arn), "kinesis:PutRecord", destination)
                and kinesis.put_record_internal(
                    destination, uuid.uuid4().hex, gzip.compress(json.dumps(control).encode())
                )
            )
            if not delivered:
                return responses.error_response_json("InvalidParameterException", _UNDELIVERED, 400)
        return original(data)

    cloudwatch_logs._put_subscription_filter = put_subscription_filter


def _ask_who_passes_a_role() -> None:
    """Who subscribes a log group to a stream must be allowed to hand CloudWatch Logs the role."""
    original = cloudwatch_logs.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        if headers.get("x-amz-target", "").endswith(".PutSubscriptionFilter"):
            role_arn = json.loads(body).get("roleArn")
            caller = router.extract_access_key_id(headers, query_params)
            passed = {"iam:PassedToService": _SERVICE}
            if role_arn and iam_evaluator.enforce(
                caller, "iam:PassRole", "iam", responses.get_region(), role_arn, passed
            ):
                message = f"not authorized to perform: iam:PassRole on resource: {role_arn}"
                return responses.error_response_json("AccessDeniedException", message, 400)
        return await original(method, path, headers, body, query_params)

    cloudwatch_logs.handle_request = handle_request


def _writer(role_arn: str) -> dict[str, str]:
    """Return a client of CloudWatch Logs with the credentials of a role."""
    arn = f"arn:aws:lambda:{responses.get_region()}:{responses.get_account_id()}:function:CloudWatchLogs"
    return {"FunctionName": "CloudWatchLogs", "FunctionArn": arn, "Role": role_arn}


def _role_may(actor: Mapping[str, Any], action: str, stream_arn: str) -> bool:
    """Ask IAM, and the stream's key where there is one, about a role."""
    access_key_id = lambda_runtime.execution_credentials(actor)["AWS_ACCESS_KEY_ID"]
    service, region = action.partition(":")[0], responses.get_region()
    return iam_evaluator.enforce(access_key_id, action, service, region, stream_arn) is None


def _logs_may_assume(role_arn: str, log_group: str) -> bool:
    account_id, region = responses.get_account_id(), responses.get_region()
    role = iam._roles.get(role_arn.rpartition("/")[2])
    if role is None:
        return False
    trust = role["AssumeRolePolicyDocument"]
    document = json.loads(trust) if isinstance(trust, str) else trust
    context = iam_evaluator.EvalContext(
        principal_arn=_SERVICE,
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn="*",
        region=region,
        service_context={
            "aws:sourcearn": f"arn:aws:logs:{region}:{account_id}:log-group:{log_group}:*",
            "aws:sourceaccount": account_id,
        },
    )
    # A trust policy names no resource, and the evaluator wants one.
    statements = [{**statement, "Resource": "*"} for statement in document["Statement"]]
    policy = {"Statement": statements}
    return bool(iam_evaluator.evaluate_resource_policy(policy, context, service=_SERVICE).decision == "Allow")
