"""What IAM is asked, and how AWS answers: resource names, callers, sessions, encryption headers and keys."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import unescape

from botocore.exceptions import ClientError
from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import iam, s3, sts

from local_cloud.corrections.operations import Request, answer_of, client, intercept, xml_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local_cloud.corrections.operations import Answer, Proceed

_SSE = "x-amz-server-side-encryption"
_SSE_KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"
_SSE_CUSTOMER = "x-amz-server-side-encryption-customer-algorithm"
_CHAINED_SESSION_SECONDS = 3600
_LOG_GROUP_ARN = re.compile(r"arn:aws:logs:[^:]*:[^:]*:log-group:[^:]+")
_SIMULATED: ContextVar[dict[str, str]] = ContextVar("simulated", default={})  # noqa: B039 - read only
_KEY_ACTIONS = {
    "s3:PutObject": "kms:GenerateDataKey",
    "s3:GetObject": "kms:Decrypt",
    "s3:GetObjectVersion": "kms:Decrypt",
}
_DELETED = re.compile(rb"<Object>.*?</Object>", re.DOTALL)
_KEY, _ETAG = re.compile(rb"<Key>(.*?)</Key>"), re.compile(rb"<ETag>(.*?)</ETag>")
_VERSION_ID, _UPLOAD_ID = "emulator:version-id", "emulator:upload-id"
_COPIED_VERSION: ContextVar[str] = ContextVar("copied version", default="")


def apply() -> None:
    """Make these corrections."""
    _name_resources_as_iam_does()
    intercept(sts, "AssumeRole")(_limit_session_duration)
    _show_what_s3_shows()
    intercept(s3)(_offer_the_managed_key)
    intercept(s3)(_hide_what_may_not_be_listed)
    _ask_the_key_policy_for_objects()
    _name_callers_from_other_accounts()
    _simulate_in_context()


def _name_resources_as_iam_does() -> None:
    """IAM compares a policy with the ARN that a service's reference says; MiniStack with another, or with ``*``.

    Source: Service Authorization Reference, "Actions, resources, and condition keys" of each service.
    """
    original, original_context = iam_actions.extract_resource_arn, iam_actions.logs_service_context

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        arn = original(service, method, path, headers, body, *rest)
        if service not in _RESOURCES:
            return arn
        region, account_id = rest[-2:]
        request = Request(method, path, headers, body, rest[0])
        return _RESOURCES[service](arn, request, f"arn:aws:{service}:{region}:{account_id}:")

    def logs_service_context(action: str, body: bytes, resource_arn: str, *rest: Any) -> Any:
        return original_context(action, body, resource_arn.partition(":log-stream:")[0], *rest)

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.logs_service_context = logs_service_context


def _log_group(arn: str, request: Request, prefix: str) -> str:
    """IAM sees ``log-group:NAME:log-stream:STREAM``, so policies need ``NAME:*``; MiniStack compares ``NAME`` alone."""
    if arn == "*" and request.operation == "DescribeLogGroups":
        return f"{prefix}log-group::log-stream:"
    if arn == "*":
        # Some actions call it an identifier, and take the name or the ARN.
        identifier = request.parameters.get("logGroupIdentifier", "*")
        arn = identifier if identifier[:4] in ("*", "arn:") else f"{prefix}log-group:{identifier}"
    if not _LOG_GROUP_ARN.fullmatch(arn):
        return arn
    return f"{arn}:log-stream:{request.parameters.get('logStreamName', '')}"


def _parameter_group(arn: str, request: Request, prefix: str) -> str:
    """IAM sees the ARN of the parameter group that a request is about."""
    for parameter, kind in (("DBClusterParameterGroupName", "cluster-pg"), ("DBParameterGroupName", "pg")):
        if arn == "*" and (name := request.parameters.get(parameter)):
            return f"{prefix}{kind}:{name}"
    return arn


def _rule(arn: str, request: Request, prefix: str) -> str:
    """A rule of the default bus is ``rule/NAME``, and of another ``rule/BUS/NAME``."""
    name = request.parameters.get("Rule")
    if isinstance(name, str):
        bus = request.parameters.get("EventBusName", "default").rpartition("/")[2]
        arn = f"{prefix}rule/{bus}/{name}"
    return arn.replace(":rule/default/", ":rule/", 1)


def _parameter_path(arn: str, request: Request, prefix: str) -> str:
    """GetParametersByPath is allowed on the path, as if it were a parameter.

    Source: Systems Manager User Guide, "Restricting access to Parameter Store parameters using IAM policies".
    """
    is_path = arn == "*" and request.operation == "GetParametersByPath"
    return f"{prefix}parameter{request.parameters.get('Path', '')}" if is_path else arn


_RESOURCES: Mapping[str, Callable[[str, Request, str], str]] = {
    "logs": _log_group,
    "rds": _parameter_group,
    "events": _rule,
    "ssm": _parameter_path,
}


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
        action = str(iam_actions.extract_iam_action("s3", method, path, headers or {}, b"", query_params))
        with responses.request_scope(owner, responses.get_region()):
            context = iam_actions.s3_service_context(action, query_params, path, headers or {})
            try:
                policy = client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
            except ClientError:
                return False
        evaluated = iam_evaluator.EvalContext(
            principal_arn=caller_arn,
            principal_type="AssumedRole",
            principal_account=caller,
            action=action,
            resource_arn=f"arn:aws:s3:::{path[1:]}",
            region=responses.get_region(),
            service_context={name.lower(): value for name, value in context.items()},
        )
        return bool(iam_evaluator.evaluate_resource_policy(policy, evaluated).decision == "Allow")

    s3._foreign_bucket_allows = foreign_bucket_allows


def _simulate_in_context() -> None:
    """IAM simulates a request with the context that its caller names; MiniStack with none."""
    evaluate = iam_evaluator.evaluate

    @intercept(iam, "SimulatePrincipalPolicy")
    async def simulate(request: Request, proceed: Proceed) -> Answer:
        entry = "ContextEntries.member.{}.{}"
        named: dict[str, str] = {}
        while name := request.parameters.get(entry.format(len(named) + 1, "ContextKeyName")):
            value = request.parameters[entry.format(len(named) + 1, "ContextKeyValues.member.1")]
            named[name.lower()] = value
        token = _SIMULATED.set(named)
        try:
            return await proceed()
        finally:
            _SIMULATED.reset(token)

    def evaluate_in_context(request: Any, *rest: Any) -> Any:
        request.service_context |= _SIMULATED.get()
        return evaluate(request, *rest)

    iam_evaluator.evaluate = evaluate_in_context


async def _limit_session_duration(request: Request, proceed: Proceed) -> Answer:
    """AssumeRole fails beyond the role's MaxSessionDuration, and beyond an hour when the caller is itself a role."""
    seconds, role_arn = int(request.parameters.get("DurationSeconds", 3600)), request.parameters["RoleArn"]
    answer = await proceed()
    if answer[0] != 200:
        return answer
    with responses.request_scope(role_arn.split(":")[4], responses.get_region()):
        role = client("iam").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    if seconds > role.get("MaxSessionDuration", 3600):
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        return xml_error("ValidationError", message)
    chained = ":assumed-role/" in iam_evaluator.request_caller_arn(request.headers, request.query)
    if chained and seconds > _CHAINED_SESSION_SECONDS:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        return xml_error("ValidationError", message)
    return answer


async def _offer_the_managed_key(request: Request, proceed: Proceed) -> Answer:
    """``aws:kms`` without a key means the account's ``aws/s3`` key, which the CDK's own bucket uses."""
    if request.headers.get(_SSE) == "aws:kms" and not request.headers.get(_SSE_KEY_ID):
        managed_key = f"arn:aws:kms:{responses.get_region()}:{responses.get_account_id()}:alias/aws/s3"
        request.headers[_SSE_KEY_ID] = managed_key
    return await proceed()


async def _hide_what_may_not_be_listed(request: Request, proceed: Proceed) -> Answer:
    """S3 says that an object is not there to those alone who may list it; to others it answers 403, and MiniStack 404.

    The key is the prefix that a policy of s3:ListBucket is asked about (Amazon S3 API Reference, GetObject and
    HeadObject, "Permissions"; ceph/ceph#68577, "to match aws behavior").
    """
    answer = await proceed()
    bucket, _, key = request.path.lstrip("/").partition("/")
    is_missing = answer[0] == 404 and request.method in ("GET", "HEAD") and key
    if not is_missing or request.is_own or b"<Code>NoSuchBucket<" in bytes(answer[2] or b""):
        return answer
    arn, context = f"arn:aws:s3:::{bucket}", {"s3:prefix": unquote(key)}
    region = responses.get_region()
    if iam_evaluator.enforce(request.access_key_id, "s3:ListBucket", "s3", region, arn, context) is None:
        return answer
    return (403, answer[1], b"") if request.method == "HEAD" else xml_error("AccessDenied", "Access Denied", 403)


def _show_what_s3_shows() -> None:
    """S3 offers policies the key id and the SSE-C header of a request; MiniStack offers the algorithm alone.

    Deleting an object if its ETag matches takes s3:GetObject as well; MiniStack asks for s3:DeleteObject alone (Amazon
    S3 User Guide, "How to perform conditional deletes"). What the check of the key must know is noted: which version
    is read, also as the source of a copy, and which upload continues.
    """
    original, additional = iam_actions.s3_service_context, iam_actions.s3_additional_checks

    def s3_service_context(action: str, query: Any, path: str = "", headers: Mapping[str, str] | None = None) -> Any:
        context, query, headers = original(action, query, path, headers), query or {}, headers or {}
        if action == "s3:PutObject" and "uploadId" not in query:
            context |= {f"s3:{name}": headers[name] for name in (_SSE_KEY_ID, _SSE_CUSTOMER) if headers.get(name)}
        noted = {_VERSION_ID: first(query, "versionId"), _UPLOAD_ID: first(query, "uploadId")}
        return {**context, **{name: value for name, value in noted.items() if value and "/" in path.strip("/")}}

    def s3_additional_checks(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        _COPIED_VERSION.set(first(parse_qs(urlsplit(headers.get("x-amz-copy-source", "")).query), "versionId"))
        checks = [*additional(method, path, headers, body, query)]
        bucket, _, key = path.lstrip("/").partition("/")
        if method == "DELETE" and key and (headers.get("if-match") or "*").strip() != "*":
            checks.append(("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"))
        if method == "POST" and not key and "delete" in query:
            for entry in _DELETED.findall(body or b""):
                named, etag = (found[1].decode() if (found := each.search(entry)) else "" for each in (_KEY, _ETAG))
                if etag not in ("", "*"):
                    checks.append(("s3:GetObject", f"arn:aws:s3:::{bucket}/{unescape(named)}"))
        return checks

    iam_actions.s3_service_context = s3_service_context
    iam_actions.s3_additional_checks = s3_additional_checks


def _ask_the_key_policy_for_objects() -> None:
    """Who writes or reads an SSE-KMS object needs the key too; MiniStack asks no key.

    GenerateDataKey to put an object, to begin a multipart upload and for the target of a copy; Decrypt to get one, by
    its version too, for the source of a copy and for every part of an upload (Amazon S3 User Guide, "Using server-side
    encryption with AWS KMS keys"; API Reference, CreateMultipartUpload and UploadPart, "Permissions").
    """

    def used(action: str, resource_arn: str, context: Mapping[str, Any]) -> KeyUse | None:
        key_arn = _key_of_object(action, resource_arn, context) if action in _KEY_ACTIONS else None
        if key_arn is None:
            return None
        key_action = "kms:Decrypt" if _UPLOAD_ID in context else _KEY_ACTIONS[action]
        # The buckets here use bucket keys, whose context is the bucket and not the object.
        return KeyUse(key_arn, key_action, {"aws:s3:arn": resource_arn.partition("/")[0]})

    ask_key_too(used)


class KeyUse(NamedTuple):
    """The key that an action needs as well: its ARN, the action on it, and the encryption context."""

    key_arn: str
    action: str
    encryption_context: Mapping[str, str]


def ask_key_too(find: Callable[[str, str, Mapping[str, Any]], KeyUse | None]) -> None:
    """Deny an action that is allowed where the key that it needs is not.

    Parameters
    ----------
    find
        Returns the key that an action on a resource needs, in the request's context; None where it needs none.
    """
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
        is_root = iam_evaluator.is_root_access_key(access_key_id)
        use = find(action, resource_arn, service_context or {}) if denied is None and not is_root else None
        if use is None:
            return denied
        context = {
            "kms:ViaService": f"{service}.{use.key_arn.split(':')[3]}.amazonaws.com",
            "kms:CallerAccount": responses.get_account_id(),
            **{f"kms:EncryptionContext:{name}": value for name, value in use.encryption_context.items()},
        }
        return original(access_key_id, use.action, "kms", region, use.key_arn, context)

    iam_evaluator.enforce = enforce


def _key_of_object(action: str, resource_arn: str, context: Mapping[str, Any]) -> str | None:
    bucket, _, key = resource_arn.removeprefix("arn:aws:s3:::").partition("/")
    owner = s3._bucket_owner_account(bucket)
    if not key or owner is None:
        return None
    headers: Mapping[str, Any]
    with responses.request_scope(owner, responses.get_region()):
        if action != "s3:PutObject":
            version_id = context.get(_VERSION_ID) or _COPIED_VERSION.get() if action.endswith("Version") else ""
            headers = answer_of("s3", "HEAD", f"/{bucket}/{key}", {"versionId": version_id} if version_id else {})[1]
        elif upload := s3._multipart_uploads.get(context.get(_UPLOAD_ID)):
            headers = s3._stored_sse_headers(upload)
        elif context.get(f"s3:{_SSE}") or context.get(f"s3:{_SSE_CUSTOMER}"):
            headers = {_SSE: context.get(f"s3:{_SSE}"), _SSE_KEY_ID: context.get(f"s3:{_SSE_KEY_ID}")}
        else:
            headers = s3._bucket_default_sse_headers(bucket)
        return key_of(headers)


def key_of(headers: Mapping[str, Any]) -> str | None:
    """Return the ARN of the KMS key that headers of S3 name, if it exists."""
    headers = {name.lower(): value for name, value in headers.items()}
    return key_arn_of(headers.get(_SSE_KEY_ID)) if headers.get(_SSE) == "aws:kms" else None


def key_arn_of(named: str | None) -> str | None:
    """Return the ARN of a KMS key that is named by its ARN, or that an id or alias names if it exists."""
    if not named or ":key/" in named:
        return named
    try:
        return str(client("kms").describe_key(KeyId=named)["KeyMetadata"]["Arn"])
    except ClientError:
        return None


def refusal_to_pass(request: Request, role_arn: str, service: str) -> str:
    """Return why the caller may not hand a service a role; empty where it may.

    Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
    """
    context, region = {"iam:PassedToService": service}, responses.get_region()
    if iam_evaluator.enforce(request.access_key_id, "iam:PassRole", "iam", region, role_arn, context) is None:
        return ""
    return f"not authorized to perform: iam:PassRole on resource: {role_arn}"


def first(parameters: Mapping[str, Any], name: str) -> str:
    """Return the first value of a parameter, or nothing."""
    value = parameters.get(name, "")
    return str(value[0] if isinstance(value, list) else value)
