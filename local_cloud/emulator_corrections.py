"""Where MiniStack is more lenient, or stricter, than AWS in ways that the demo and the tests depend on.

Runs inside the emulator's process and changes MiniStack before it serves its first request. Each function corrects one
difference and names what AWS does; a demo that shows a refusal must not show one that AWS would not make, and must not
miss one that it would. Written against the release in the lock file: every corrected name is looked up at the start, so
a release that renames one stops the emulator with an error instead of leaving the difference in place.
"""

from __future__ import annotations

import contextvars
import datetime
import gzip
import inspect
import json
import re
import threading
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import boto3
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, responses
from ministack.services import cloudwatch_logs, eventbridge, iam, kms, lambda_svc, rds, s3, sts
from ministack.services.cloudformation import provisioners

if TYPE_CHECKING:
    from collections.abc import Mapping

_SSE = "x-amz-server-side-encryption"
_SSE_KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"
_SSE_CUSTOMER = "x-amz-server-side-encryption-customer-algorithm"
_CHAINED_SESSION_SECONDS = 3600
_LOG_GROUP_ARN = re.compile(r"arn:aws:logs:[^:]*:[^:]*:log-group:[^:]+")
_PROTECTED = "deletionProtectionEnabled"
_PROTECTED_MESSAGE = "The log group cannot be deleted while deletion protection is enabled."
_KEY_ACTIONS = {"s3:PutObject": "kms:GenerateDataKey", "s3:GetObject": "kms:Decrypt"}


def apply(*, endpoint_url: str, ca_bundle: str) -> None:
    """Correct MiniStack in this process.

    Parameters
    ----------
    endpoint_url
        Where the emulator will answer: what its services write for a user goes through the front door.
    ca_bundle
        PEM file that vouches for that address.
    """
    _name_log_groups_as_iam_does()
    _name_parameter_groups_as_iam_does()
    _limit_session_duration()
    _show_encryption_headers_to_policies()
    _offer_the_managed_key()
    _ask_the_key_policy_for_objects()
    _check_log_groups_of_templates()
    _change_log_groups_that_exist()
    _apply_bucket_properties()
    _keep_buckets_with_objects()
    _announce_replicas()
    _name_callers_from_other_accounts()
    _name_the_version_in_events()
    _keep_exported_log_types()
    _keep_reserved_concurrency()
    _retry_subscriptions()
    _deliver_failed_events_to_s3(endpoint_url, ca_bundle)
    _deliver_subscriptions_to_streams(endpoint_url, ca_bundle)


def _name_log_groups_as_iam_does() -> None:
    """IAM sees ``log-group:NAME:log-stream:STREAM``, so policies need ``NAME:*``; MiniStack compares ``NAME`` alone."""
    original = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        arn = original(service, method, path, headers, body, *rest)
        if service != "logs":
            return arn
        region, account_id = rest[-2:]
        prefix = f"arn:aws:logs:{region}:{account_id}:log-group:"
        if arn == "*" and headers.get("x-amz-target", "").endswith(".DescribeLogGroups"):
            return f"{prefix}:log-stream:"
        if arn == "*":
            # Some actions call it an identifier, and take the name or the ARN.
            identifier = json.loads(body or b"{}").get("logGroupIdentifier", "*")
            arn = identifier if identifier[:4] in ("*", "arn:") else prefix + identifier
        if not _LOG_GROUP_ARN.fullmatch(arn):
            return arn
        stream = json.loads(body or b"{}").get("logStreamName", "")
        return f"{arn}:log-stream:{stream}"

    iam_actions.extract_resource_arn = extract_resource_arn
    original_context = iam_actions.logs_service_context

    def logs_service_context(action: str, body: bytes, resource_arn: str, *rest: Any) -> Any:
        return original_context(action, body, resource_arn.partition(":log-stream:")[0], *rest)

    iam_actions.logs_service_context = logs_service_context


def _name_parameter_groups_as_iam_does() -> None:
    """IAM sees the ARN of the DB cluster parameter group that a request is about; MiniStack sees ``*``."""
    original = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        arn = original(service, method, path, headers, body, *rest)
        if service != "rds" or arn != "*":
            return arn
        parameters = {**parse_qs((body or b"").decode(errors="replace")), **rest[0]}
        name = _first(parameters, "DBClusterParameterGroupName")
        region, account_id = rest[-2:]
        return f"arn:aws:rds:{region}:{account_id}:cluster-pg:{name}" if name else arn

    iam_actions.extract_resource_arn = extract_resource_arn


def _limit_session_duration() -> None:
    """AssumeRole fails beyond the role's MaxSessionDuration, and beyond an hour when the caller is itself a role."""
    original = sts.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        answer = await original(method, path, headers, body, query_params)
        parameters = {**parse_qs((body or b"").decode(errors="replace")), **query_params}
        if answer[0] != 200 or _first(parameters, "Action") != "AssumeRole":
            return answer
        seconds = int(_first(parameters, "DurationSeconds") or 3600)
        _, _, _, _, account_id, resource = _first(parameters, "RoleArn").split(":", 5)
        role = iam._roles.get_scoped(account_id, None, resource.rpartition("/")[2])
        if seconds > int(role.get("MaxSessionDuration", 3600)):
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            return sts._error(400, "ValidationError", message, ns="sts")
        chained = ":assumed-role/" in iam_evaluator.request_caller_arn(headers, query_params)
        if chained and seconds > _CHAINED_SESSION_SECONDS:
            message = (
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
            )
            return sts._error(400, "ValidationError", message, ns="sts")
        return answer

    sts.handle_request = handle_request


def _first(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _show_encryption_headers_to_policies() -> None:
    """S3 offers policies the key id and the SSE-C header of a request; MiniStack offers the algorithm alone."""
    original = iam_actions._s3_object_context

    def s3_object_context(action: str, query_params: Any, path: str, headers: Mapping[str, str]) -> Any:
        context = original(action, query_params, path, headers)
        if action == "s3:PutObject" and "uploadId" not in query_params:
            context.update({f"s3:{name}": headers[name] for name in (_SSE_KEY_ID, _SSE_CUSTOMER) if headers.get(name)})
        return context

    iam_actions._s3_object_context = s3_object_context


def _offer_the_managed_key() -> None:
    """``aws:kms`` without a key means the account's ``aws/s3`` key, which the CDK's own bucket uses."""
    original = s3._resolve_sse_write_headers

    def resolve(headers: Mapping[str, str], bucket: str) -> Any:
        if headers.get(_SSE) == "aws:kms" and not headers.get(_SSE_KEY_ID):
            managed_key = f"arn:aws:kms:{responses.get_region()}:{responses.get_account_id()}:alias/aws/s3"
            headers = {**headers, _SSE_KEY_ID: managed_key}
        return original(headers, bucket)

    s3._resolve_sse_write_headers = resolve


def _ask_the_key_policy_for_objects() -> None:
    """Who writes or reads an SSE-KMS object needs the key too: GenerateDataKey to put it, Decrypt to get it."""
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
        if denied is not None or service != "s3" or action not in _KEY_ACTIONS:
            return denied
        key_arn = _key_of_object(action, resource_arn, service_context or {})
        if key_arn is None:
            return None
        context = {
            "kms:ViaService": f"s3.{key_arn.split(':')[3]}.amazonaws.com",
            "kms:CallerAccount": responses.get_account_id(),
            # The buckets here use bucket keys, whose context is the bucket and not the object.
            "kms:EncryptionContext:aws:s3:arn": resource_arn.partition("/")[0],
        }
        return original(access_key_id, _KEY_ACTIONS[action], "kms", region, key_arn, context)

    iam_evaluator.enforce = enforce


def _key_of_object(action: str, resource_arn: str, context: Mapping[str, Any]) -> str | None:
    bucket, _, key = resource_arn.removeprefix("arn:aws:s3:::").partition("/")
    owner = s3._bucket_owner_account(bucket)
    if not key or owner is None:
        return None
    with s3._in_account(owner):
        if action == "s3:GetObject":
            stored = s3._buckets[bucket]["objects"].get(key)
            headers = s3._stored_sse_headers(stored) if stored else {}
        elif context.get(f"s3:{_SSE}"):
            headers = {_SSE: context[f"s3:{_SSE}"], _SSE_KEY_ID: context.get(f"s3:{_SSE_KEY_ID}")}
        elif context.get(f"s3:{_SSE_CUSTOMER}"):
            headers = {}
        else:
            headers = s3._bucket_default_sse_headers(bucket)
        record = kms._resolve_key(headers.get(_SSE_KEY_ID) or "") if headers.get(_SSE) == "aws:kms" else None
    return record["Arn"] if record else None


def _check_log_groups_of_templates() -> None:
    """A group needs a key that the service may use, and a free name; a protected one is not deleted."""
    create, update, delete = provisioners._cwlogs_create, provisioners._cwlogs_update, provisioners._cwlogs_delete

    def check_key(name: str, props: Mapping[str, Any]) -> None:
        if props.get("KmsKeyId") and not _logs_may_use_key(props["KmsKeyId"], name):
            message = f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{name}'"
            raise ValueError(message)

    def protect(name: str, props: Mapping[str, Any]) -> None:
        protected = str(props.get("DeletionProtectionEnabled", False)).lower() == "true"
        cloudwatch_logs._log_groups[name][_PROTECTED] = protected

    def checked_create(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:
        name = props.get("LogGroupName") or f"/aws/cloudformation/{stack_name}/{logical_id}"
        check_key(name, props)
        if name in cloudwatch_logs._log_groups:
            message = f"Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' already exists"
            raise ValueError(message)
        name, attributes = create(logical_id, props, stack_name)
        protect(name, props)
        return name, attributes

    def checked_update(physical_id: str, old: Any, new: Any, stack_name: str, logical_id: str | None = None) -> Any:
        check_key(new.get("LogGroupName") or physical_id, new)
        name, attributes = update(physical_id, old, new, stack_name, logical_id)
        protect(name, new)
        return name, attributes

    def checked_delete(physical_id: str, props: Mapping[str, Any]) -> Any:
        if cloudwatch_logs._log_groups.get(physical_id, {}).get(_PROTECTED):
            raise ValueError(_PROTECTED_MESSAGE)
        return delete(physical_id, props)

    provisioners._cwlogs_create = checked_create  # the update of a renamed group creates one
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    handlers.update(create=checked_create, update=checked_update, delete=checked_delete)

    original_delete = cloudwatch_logs._delete_log_group

    def delete_log_group(data: Mapping[str, Any]) -> Any:
        if cloudwatch_logs._log_groups.get(data.get("logGroupName"), {}).get(_PROTECTED):
            return responses.error_response_json("ValidationException", _PROTECTED_MESSAGE, 400)
        return original_delete(data)

    cloudwatch_logs._delete_log_group = delete_log_group


def _logs_may_use_key(key_arn: str, log_group_name: str) -> bool:
    record = kms._resolve_key(key_arn)
    if record is None:
        return False
    account_id, region = responses.get_account_id(), responses.get_region()
    log_group = f"arn:aws:logs:{region}:{account_id}:log-group:{log_group_name}"
    service = f"logs.{region}.amazonaws.com"

    def allows(action: str) -> bool:
        context = iam_evaluator.EvalContext(
            principal_arn=service,
            principal_type="Service",
            principal_account="",
            action=action,
            resource_arn=record["Arn"],
            region=region,
            service_context={
                "kms:encryptioncontext:aws:logs:arn": log_group,
                "aws:sourcearn": log_group,
                "aws:sourceaccount": account_id,
            },
        )
        decision = iam_evaluator.evaluate_resource_policy(record.get("Policy"), context, service=service).decision
        return bool(decision == "Allow")

    return allows("kms:GenerateDataKey") and allows("kms:Decrypt")


def _change_log_groups_that_exist() -> None:
    """A key and deletion protection can be put on a log group that exists; MiniStack knows neither action."""
    original = cloudwatch_logs.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action not in ("AssociateKmsKey", "PutLogGroupDeletionProtection"):
            return await original(method, path, headers, body, query_params)
        data = json.loads(body)
        name = data.get("logGroupName") or data["logGroupIdentifier"].removesuffix(":*").rpartition(":log-group:")[2]
        if name not in cloudwatch_logs._log_groups:
            message = f"The specified log group does not exist: {name}"
            return responses.error_response_json("ResourceNotFoundException", message, 400)
        if action == "PutLogGroupDeletionProtection":
            cloudwatch_logs._log_groups[name][_PROTECTED] = data[_PROTECTED]
            return responses.json_response({})
        if not _logs_may_use_key(data["kmsKeyId"], name):
            message = f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{name}'"
            return responses.error_response_json("InvalidParameterException", message, 400)
        cloudwatch_logs._log_groups[name]["kmsKeyId"] = data["kmsKeyId"]
        return responses.json_response({})

    cloudwatch_logs.handle_request = handle_request


def _apply_bucket_properties() -> None:
    """CloudFormation applies a bucket's encryption, lifecycle and access-log settings; MiniStack drops them."""
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        ("BucketEncryption", _encryption_xml, s3._put_bucket_encryption, s3._delete_bucket_encryption),
        ("LifecycleConfiguration", _lifecycle_xml, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
        ("LoggingConfiguration", _logging_xml, s3._put_bucket_logging, lambda name: s3._put_bucket_logging(name, b"")),
    )


def _encryption_xml(settings: Mapping[str, Any]) -> bytes:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault", {}),
            "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
        }
        for rule in settings.get("ServerSideEncryptionConfiguration", [])
    ]
    return _xml("ServerSideEncryptionConfiguration", {"Rule": rules})


def _lifecycle_xml(settings: Mapping[str, Any]) -> bytes:
    rules = []
    for rule in settings.get("Rules", []):
        expiration = {"Days": rule.get("ExpirationInDays")}
        expiration["ExpiredObjectDeleteMarker"] = rule.get("ExpiredObjectDeleteMarker")
        abort = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
        rules.append(
            {
                "ID": rule.get("Id"),
                "Filter": {"Prefix": rule.get("Prefix", "")},
                "Status": rule["Status"],
                "Expiration": expiration,
                "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": abort},
                "Transition": [
                    {"Days": step.get("TransitionInDays"), "StorageClass": step["StorageClass"]}
                    for step in rule.get("Transitions", [])
                ],
            }
        )
    return _xml("LifecycleConfiguration", {"Rule": rules})


def _logging_xml(settings: Mapping[str, Any]) -> bytes:
    target = {
        "TargetBucket": settings.get("DestinationBucketName"),
        "TargetPrefix": settings.get("LogFilePrefix", ""),
    }
    return _xml("BucketLoggingStatus", {"LoggingEnabled": target})


def _xml(name: str, content: Mapping[str, Any]) -> bytes:
    return f'<{name} xmlns="{s3.S3_NS}">{_elements(content)}</{name}>'.encode()


def _elements(content: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for name, value in content.items():
        for item in value if isinstance(value, list) else [value]:
            inner = _elements(item) if isinstance(item, dict) else _text(item)
            if inner or item == "":
                parts.append(f"<{name}>{inner}</{name}>")
    return "".join(parts)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


def _name_callers_from_other_accounts() -> None:
    """A bucket's policy sees which role of another account calls; MiniStack shows it that account's root instead."""
    original = s3._foreign_bucket_allows

    def foreign_bucket_allows(
        owner: str, bucket: str, key: str, method: str, query_params: Any, caller: str, headers: Any = None
    ) -> bool:
        caller_arn = iam_evaluator.request_caller_arn(headers or {}, query_params)
        if not caller or caller_arn.endswith(":root"):
            return bool(original(owner, bucket, key, method, query_params, caller, headers))
        path = f"/{bucket}/{key}" if key else f"/{bucket}"
        action = f"s3:{iam_actions._s3_action(method, path, query_params)}"
        with responses.request_scope(owner, responses.get_region()):
            context = iam_actions.s3_service_context(action, query_params, path, headers or {})
        resource = f"arn:aws:s3:::{path[1:]}"
        evaluated = iam_evaluator.EvalContext(
            principal_arn=caller_arn,
            principal_type="AssumedRole",
            principal_account=caller,
            action=action,
            resource_arn=resource,
            region=responses.get_region(),
            service_context={name.lower(): value for name, value in context.items()},
        )
        policy = s3._bucket_policies.get_scoped(owner, None, bucket)
        return bool(iam_evaluator.evaluate_resource_policy(policy, evaluated).decision == "Allow")

    s3._foreign_bucket_allows = foreign_bucket_allows


def _announce_replicas() -> None:
    """S3 announces an object that arrives by replication like any other; MiniStack keeps silent."""
    original = s3._maybe_replicate

    def maybe_replicate(bucket: str, key: str, stored: dict[str, Any], data: Any, tags: Any = None) -> None:
        stored.pop("_replica", None)
        original(bucket, key, stored, data, tags)
        if stored.get("_replica") is None:
            return
        replica_bucket, version_id, account_id = stored["_replica"]
        with s3._in_account(account_id):
            s3._fire_s3_event_async(
                replica_bucket,
                key,
                "s3:ObjectCreated:Put",
                size=stored.get("size", len(data)),
                etag=stored.get("etag", ""),
                version_id=version_id,
            )

    s3._maybe_replicate = maybe_replicate


def _name_the_version_in_events() -> None:
    """An "Object Created" event of a versioned bucket carries the version id; MiniStack's lacks it."""
    original_fire, original_dispatch = s3._fire_s3_event, eventbridge._dispatch_event
    parameters = inspect.signature(original_fire)
    version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version", default=None)

    def fire(*arguments: Any, **named: Any) -> None:
        token = version.set(parameters.bind(*arguments, **named).arguments.get("version_id"))
        try:
            original_fire(*arguments, **named)
        finally:
            version.reset(token)

    def dispatch(event: dict[str, Any]) -> Any:
        if version.get() is not None and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return original_dispatch(event)

    s3._fire_s3_event = fire
    eventbridge._dispatch_event = dispatch


def _keep_buckets_with_objects() -> None:
    """CloudFormation fails to delete a bucket that holds objects; MiniStack deletes them with it."""
    delete = provisioners._s3_delete

    def checked_delete(physical_id: str, props: Mapping[str, Any]) -> Any:
        bucket = s3._buckets.get(physical_id)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            message = f"The bucket you tried to delete is not empty: {physical_id}"
            raise ValueError(message)
        return delete(physical_id, props)

    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"] = checked_delete


def _keep_exported_log_types() -> None:
    """RDS shows which logs a cluster exports to CloudWatch; MiniStack takes the request and forgets it."""
    shown = "EnabledCloudwatchLogsExports"
    render, create, modify = rds._cluster_xml, rds._create_db_cluster, rds._modify_db_cluster

    def cluster_xml(cluster: Mapping[str, Any]) -> str:
        members = "".join(f"<member>{escape(name)}</member>" for name in cluster.get(shown, []))
        return f"{render(cluster)}<{shown}>{members}</{shown}>"

    def create_db_cluster(parameters: Any) -> Any:
        answer = create(parameters)
        if answer[0] == 200:
            cluster = rds._resolve_cluster_in_request_region(_first(parameters, "DBClusterIdentifier"))
            cluster[shown] = rds._parse_member_list(parameters, "EnableCloudwatchLogsExports")
        return answer

    def modify_db_cluster(parameters: Any) -> Any:
        answer = modify(parameters)
        if answer[0] == 200:
            cluster = rds._resolve_cluster_in_request_region(_first(parameters, "DBClusterIdentifier"))
            enabled = rds._parse_member_list(parameters, "CloudwatchLogsExportConfiguration.EnableLogTypes")
            disabled = rds._parse_member_list(parameters, "CloudwatchLogsExportConfiguration.DisableLogTypes")
            cluster[shown] = sorted({*cluster.get(shown, []), *enabled} - {*disabled})
        return answer

    rds._cluster_xml = cluster_xml
    rds._ACTION_MAP.update(CreateDBCluster=create_db_cluster, ModifyDBCluster=modify_db_cluster)


def _keep_reserved_concurrency() -> None:
    """CloudFormation sets a function's reserved concurrency; MiniStack drops it."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]

    def kept(provision: Any, position: int) -> Any:
        def provision_and_keep(*arguments: Any, **named: Any) -> Any:
            name, attributes = provision(*arguments, **named)
            reserved = arguments[position].get("ReservedConcurrentExecutions")
            lambda_svc._functions[name]["concurrency"] = None if reserved is None else int(reserved)
            return name, attributes

        return provision_and_keep

    handlers.update(create=kept(handlers["create"], 1), update=kept(handlers["update"], 2))


def _retry_subscriptions() -> None:
    """CloudWatch Logs invokes a function asynchronously: two retries, then the failure destination."""
    original = lambda_svc._execute_function_with_config_scope

    def execute(function: dict[str, Any], event: Any) -> Any:
        if isinstance(event, dict) and set(event) == {"awslogs"}:
            return lambda_svc.invoke_async_with_retry(function, event)
        return original(function, event)

    lambda_svc._execute_function_with_config_scope = execute


def _deliver_failed_events_to_s3(endpoint_url: str, ca_bundle: str) -> None:
    """Lambda writes a failed event to a bucket, as the function's role; MiniStack knows queues and topics alone."""
    original = lambda_svc._route_async_failure

    def route(target_arn: str, function_name: str, event: Any, result: Mapping[str, Any]) -> None:
        if not target_arn.startswith("arn:aws:s3:::"):
            original(target_arn, function_name, event, result)
            return
        config = lambda_svc._functions[function_name]["config"]
        now = datetime.datetime.now(datetime.UTC)
        record = {
            "version": "1.0",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"{config['FunctionArn']}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": result.get("body"),
        }
        client = _client_of_role("s3", config, endpoint_url, ca_bundle)
        client.put_object(
            Bucket=target_arn.removeprefix("arn:aws:s3:::"),
            Key=f"aws/lambda/async/{function_name}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}",
            Body=json.dumps(record).encode(),
        )

    lambda_svc._route_async_failure = route


def _deliver_subscriptions_to_streams(endpoint_url: str, ca_bundle: str) -> None:
    """CloudWatch Logs writes to a Kinesis stream as the filter's role; MiniStack stores such a filter and stops."""
    original = cloudwatch_logs._fanout_to_subscription_filters

    def fan_out(group_name: str, stream_name: str, events: list[dict[str, Any]]) -> None:
        original(group_name, stream_name, events)
        account_id, region = responses.get_account_id(), responses.get_region()
        group = cloudwatch_logs._log_groups.get(group_name) or {}
        for subscription in (group.get("subscriptionFilters") or {}).values():
            destination, pattern = subscription["destinationArn"], subscription.get("filterPattern", "")
            matching = [e for e in events if cloudwatch_logs._subscription_pattern_matches(pattern, e.get("message"))]
            if ":kinesis:" not in destination or not matching:
                continue
            message = {
                "messageType": "DATA_MESSAGE",
                "owner": account_id,
                "logGroup": group_name,
                "logStream": stream_name,
                "subscriptionFilters": [subscription["filterName"]],
                "logEvents": [
                    {"id": uuid.uuid4().hex, "timestamp": event.get("timestamp"), "message": event.get("message")}
                    for event in matching
                ],
            }
            caller = {
                "FunctionName": "CloudWatchLogs",
                "FunctionArn": f"arn:aws:lambda:{region}:{account_id}:function:CloudWatchLogs",
                "Role": subscription["roleArn"],
            }

            def write(caller: dict[str, str] = caller, arn: str = destination, message: Any = message) -> None:
                _client_of_role("kinesis", caller, endpoint_url, ca_bundle).put_record(
                    StreamARN=arn,
                    Data=gzip.compress(json.dumps(message).encode()),
                    PartitionKey=uuid.uuid4().hex,
                )

            # Not in this thread: it is the one that will answer the write.
            threading.Thread(target=write, daemon=True).start()

    cloudwatch_logs._fanout_to_subscription_filters = fan_out


def _client_of_role(service: str, config: Mapping[str, Any], endpoint_url: str, ca_bundle: str) -> Any:
    """Return a client of the front door that acts as the role of a function, so IAM and KMS are asked as usual."""
    credentials = lambda_runtime.execution_credentials(config)
    untyped: Any = boto3.Session()
    return untyped.client(
        service,
        endpoint_url=endpoint_url,
        verify=ca_bundle,
        region_name=config["FunctionArn"].split(":")[3],
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=credentials["AWS_SESSION_TOKEN"],
    )
