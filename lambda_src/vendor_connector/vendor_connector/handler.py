"""The function's two entry points: CloudFormation's requests (through the CDK provider framework) and the schedule.

An operation is a module (see ``request.Operation``); a request names it in ``ResourceProperties["Operation"]``. The
framework never passes on the Delete of a Create that failed (aws-cdk-lib, custom-resources/lib/provider-framework,
CREATE_FAILED marker), so a failed Create, or an Update that was to replace, is undone here before it is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from botocore.exceptions import ClientError

from vendor_connector import aurora_audit, aws, bucket_events, log_group, log_group_subscriptions
from vendor_connector.request import ConnectorError, Operation, Request

T = TypeVar("T")

OPERATIONS: Mapping[str, Operation] = {
    "aurora-audit": aurora_audit,
    "bucket-events": bucket_events,
    "log-group": log_group,
    "log-group-subscriptions": log_group_subscriptions,
}


class Context(Protocol):
    """What Lambda passes besides the event."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""


def on_event(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Answer one request of CloudFormation.

    Returns
    -------
    dict
        ``PhysicalResourceId`` and ``Data`` (texts, no secrets; CloudFormation takes 4,096 bytes in all).

    Raises
    ------
    ConnectorError
        With a text for the stack's events.
    """
    properties = event["ResourceProperties"]
    kind, current_id = event["RequestType"], event.get("PhysicalResourceId")
    name, operation = _operation(properties)
    request = Request(
        properties=properties,
        old_properties=event.get("OldResourceProperties") or {},
        remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    aws.log("request", operation=name, request_type=kind, logical_id=event.get("LogicalResourceId"))
    if kind == "Delete":
        _told(name, operation.delete, request)
        aws.log("done", operation=name, request_type=kind, physical_id=current_id)
        return {"PhysicalResourceId": current_id}
    physical_id = operation.physical_id(properties)
    try:
        data = _told(name, operation.apply, request)
    except Exception:
        if physical_id != current_id:
            _undo(name, operation, request)
        raise
    aws.log("done", operation=name, request_type=kind, physical_id=physical_id, data=data)
    return {"PhysicalResourceId": physical_id, "Data": data}


def on_schedule(event: dict[str, Any], context: Context) -> dict[str, str]:
    """Apply an operation again, to what appeared since the deploy; the event carries the resource's properties."""
    name, operation = _operation(event)
    operation.physical_id(event)
    request = Request(properties=event, remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000)
    data = _told(name, operation.apply, request)
    aws.log("done", operation=name, request_type="Schedule", data=data)
    return data


def _operation(properties: Mapping[str, Any]) -> tuple[str, Operation]:
    name = str(properties.get("Operation"))
    if name not in OPERATIONS:
        raise ConnectorError(f"unknown Operation {name!r}; known are {sorted(OPERATIONS)}")
    return name, OPERATIONS[name]


def _told(name: str, action: Callable[[Request], T], request: Request) -> T:
    """Run one function of an operation; an AWS error becomes a sentence that names the call that failed."""
    try:
        return action(request)
    except ClientError as error:
        aws.log("failed", level="ERROR", operation=name, code=aws.error_code(error), error=str(error))
        raise ConnectorError(f"{name}: {error}") from error
    except ConnectorError as error:
        aws.log("failed", level="ERROR", operation=name, error=str(error))
        raise ConnectorError(f"{name}: {error}") from error


def _undo(name: str, operation: Operation, request: Request) -> None:
    """Undo a Create that failed. A failure here is only logged: the one that led here is what a person must read."""
    aws.log("undoing", level="WARNING", operation=name)
    try:
        operation.delete(request)
    except (ClientError, ConnectorError) as error:
        aws.log("undo failed", level="ERROR", operation=name, error=str(error))
