"""CloudFormation's service role: each resource of a stack is made with the policies of the stack's role.

Source: AWS CloudFormation User Guide, "AWS CloudFormation service role": CloudFormation uses the role's credentials for
every operation on a stack that has one, and otherwise those of its caller. Who names a role needs iam:PassRole for it.
MiniStack ignores the role, and its CloudFormation calls the other services without an identity.

What CloudFormation calls for a resource is what the schema of its type says (`local_cloud.resource_types`).
"""

from __future__ import annotations

import contextlib
import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, responses
from ministack.services import cloudformation, secretsmanager, ssm
from ministack.services.cloudformation import custom_resource, provisioners

from local_cloud import resource_types
from local_cloud.corrections.logs_roles import service_may_assume
from local_cloud.corrections.operations import client, intercept, xml_error
from local_cloud.corrections.permissions import refusal_to_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request
    from local_cloud.resource_types import Operation

_SERVICE = "cloudformation.amazonaws.com"
_OPERATIONS = (
    *("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet", "ExecuteChangeSet"),
    *("ContinueUpdateRollback", "RollbackStack"),
)
_ACCESS_KEY_ID: ContextVar[str] = ContextVar("access key id of a stack operation", default="")
_ROLES: dict[tuple[str, str, str], str] = {}
"""The role of a stack, by its account, Region and name; empty for none."""


def apply() -> None:
    """Make these corrections; after all others that extend how resources are made."""
    intercept(cloudformation, *_OPERATIONS)(_use_the_role)
    for kind, handlers in provisioners._RESOURCE_HANDLERS.items():
        for operation in ("create", "update", "delete"):
            if operation in handlers:
                handlers[operation] = _authorized(kind, operation, handlers[operation])
    _authorize_custom_resources()
    _authorize_what_templates_refer_to()


async def _use_the_role(request: Request, proceed: Proceed) -> Answer:
    """An operation runs as the role that it names or, without one, that the stack has from an earlier operation."""
    named, account, region = request.parameters, responses.get_account_id(), responses.get_region()
    stack = named.get("StackName") or _stack_of(named["ChangeSetName"])
    key = account, region, stack.split("/")[1] if stack.startswith("arn:") else stack
    is_new = request.operation == "CreateStack" or named.get("ChangeSetType") == "CREATE"
    role_arn = named.get("RoleARN")
    if role_arn:
        if refusal := refusal_to_pass(request, role_arn, _SERVICE):
            return xml_error("AccessDenied", refusal, 403)
        source = f"arn:aws:cloudformation:{region}:{account}:stack/{key[2]}/*"
        if not service_may_assume(role_arn, account, source, service=_SERVICE):
            return xml_error("ValidationError", f"Role {role_arn} is invalid or cannot be assumed")
    elif not is_new:  # of another stack with this name nothing stays
        role_arn = _ROLES.get(key)
    token = _ACCESS_KEY_ID.set(_session(role_arn) if role_arn else request.access_key_id)
    try:
        answer = await proceed()
    finally:
        _ACCESS_KEY_ID.reset(token)
    if answer[0] == 200:
        _ROLES[key] = role_arn or ""
    return answer


def _stack_of(change_set: str) -> str:
    return str(client("cloudformation").describe_change_set(ChangeSetName=change_set)["StackName"])


def _session(role_arn: str) -> str:
    """Return the access key id of CloudFormation's session of a role of this account."""
    arn = f"arn:aws:lambda:{responses.get_region()}:{role_arn.split(':')[4]}:function:AWSCloudFormation"
    session = {"FunctionName": "AWSCloudFormation", "FunctionArn": arn, "Role": role_arn}
    return str(lambda_runtime.execution_credentials(session)["AWS_ACCESS_KEY_ID"])


def _authorized(kind: str, operation: Operation, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Call a handler only where the role may call what the handler of its type calls on AWS."""

    def authorized(identifier: str, properties: Mapping[str, Any], *rest: Any) -> Any:
        name, wanted = identifier, rest[0] if operation == "update" else properties
        if operation == "create":  # by its logical id, in a stack
            name = f"{rest[0]}-{identifier}"
        environment = resource_types.Environment("aws", responses.get_region(), responses.get_account_id())
        asked = resource_types.requests(kind, operation, wanted, name=name, environment=environment)
        for action, arn in sorted(asked):
            _check(action, arn)
        return handler(identifier, properties, *rest)

    return authorized


def _authorize_custom_resources() -> None:
    """CloudFormation invokes the function of a custom resource with the same credentials."""
    invoke = custom_resource.invoke_custom_resource

    def invoke_custom_resource(request_type: str, logical_id: str, props: Any, *rest: Any, **named: Any) -> Any:
        _check("lambda:InvokeFunction", str(props.get("ServiceToken")))
        return invoke(request_type, logical_id, props, *rest, **named)

    custom_resource.invoke_custom_resource = invoke_custom_resource


def _authorize_what_templates_refer_to() -> None:
    """Parameters and secrets whose value CloudFormation puts into a template are read with the same credentials.

    Source: AWS CloudFormation User Guide, "Get values stored in other services using dynamic references".
    """
    read_parameter, read_secret = ssm.resolve_parameter_value, secretsmanager.resolve_secret_string

    def resolve_parameter_value(name: str, *more: Any, **named: Any) -> Any:
        where = f"arn:aws:ssm:{responses.get_region()}:{responses.get_account_id()}:parameter/"
        _check("ssm:GetParameters", name if name.startswith("arn:") else where + name.lstrip("/"))
        return read_parameter(name, *more, **named)

    def resolve_secret_string(secret_id: str, *more: Any, **named: Any) -> Any:
        with contextlib.suppress(ClientError):  # one that is missing is an error of its own
            _check("secretsmanager:GetSecretValue", client("secretsmanager").describe_secret(SecretId=secret_id)["ARN"])
        return read_secret(secret_id, *more, **named)

    ssm.resolve_parameter_value = resolve_parameter_value
    secretsmanager.resolve_secret_string = resolve_secret_string


def _check(action: str, arn: str) -> None:
    """Fail unless the operation's role may call an action; outside of an operation there is no role.

    Raises
    ------
    ValueError
        What CloudFormation makes the reason of the failed resource.
    """
    access_key_id, service = _ACCESS_KEY_ID.get(), action.partition(":")[0]
    if not access_key_id:
        return
    denied = iam_evaluator.enforce(access_key_id, action, service, responses.get_region(), arn)
    if denied is None:
        return
    if isinstance(denied, iam_evaluator.AuthError):
        raise ValueError(denied.message)
    message = iam_actions.identity_denial_message(action, denied.principal_arn, arn, denied.decision == "Deny")
    code = f"RequestToken: {uuid.uuid4()}, HandlerErrorCode: AccessDenied"
    raise ValueError(f'Resource handler returned message: "{message}" ({code})')
