"""The function's entry points: CloudFormation's requests (through the CDK provider framework) and the schedule.

An operation is a module (see ``request.Operation``). A request names a configuration, which names the operation and
all that it acts on (see ``configuration``); of the event itself only the kind of request and CloudFormation's own
fields are used. The framework never passes on the Delete of a Create that failed in ``on_event`` (aws-cdk-lib,
custom-resources/lib/provider-framework, CREATE_FAILED marker), so a failed Create, or an Update that was to replace, is
undone here before it is reported. A polled operation does nothing there but give its id: all its work is done in
``is_complete``, called again and again, and when a Create fails there CloudFormation sends its Delete by that id.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

import botocore
from botocore.exceptions import ClientError

from vendor_connector import aws, configuration, log_group, state, vendors
from vendor_connector.configuration import Configuration
from vendor_connector.public_text import public_errors
from vendor_connector.request import ConnectorError, Operation, Request, RetryLaterError, read
from vendor_connector.vendor_api import NoAnswerError

T = TypeVar("T")

# Once per start: the SDK is the runtime's own, and which that is depends on the Region. `logdock smoke-test` reads it.
aws.log("started", botocore=botocore.__version__)


def _of_vendors(table: str) -> dict[str, Operation]:
    """Return the operations of every vendor that are in a table of this name."""
    found: dict[str, Operation] = {}
    for package in pkgutil.iter_modules(vendors.__path__):
        operations = importlib.import_module(f"{vendors.__name__}.{package.name}.operations")
        found |= getattr(operations, table, {})
    return found


OPERATIONS: Mapping[str, Operation] = {"log-group": log_group, **_of_vendors("OPERATIONS")}
POLLED: Mapping[str, Operation] = _of_vendors("POLLED")
# CloudFormation gives a custom resource an hour; five minutes are left for the last answer to get through.
LONGEST_SECONDS = 3300.0
_OUTAGE_SECONDS = 600.0
# IAM lets this function's own role, or a policy that it was given a moment ago, be seen everywhere within this time.
_OWN_ROLE_SECONDS = 60.0
_OWN_ROLE_PAUSE_SECONDS = 10.0
_UNDO_PAUSE_SECONDS = 10.0


class Context(Protocol):
    """The context object that Lambda passes with the event."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""


@public_errors
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
    state.begin()
    kind, current_id = event["RequestType"], event.get("PhysicalResourceId")
    chosen, operation = _operation(configuration.of_resource(event["ResourceProperties"]))
    name, request = chosen.operation, _request(event, chosen, context)
    aws.log("request", operation=name, request_type=kind, logical_id=event.get("LogicalResourceId"))
    if name in POLLED:
        physical_id = current_id if kind == "Delete" else _physical_id(operation, chosen.properties)
        return {"PhysicalResourceId": physical_id, "StartedAt": aws.now(), "FormerId": current_id}
    if kind == "Delete":
        _once_allowed(lambda: _run_operation(name, partial(_remove, name, operation), request))
        aws.log("done", operation=name, request_type=kind, physical_id=current_id)
        return {"PhysicalResourceId": current_id}
    physical_id = _physical_id(operation, chosen.properties)
    try:
        data = _once_allowed(lambda: _run_operation(name, operation.apply, request))
    except Exception:
        if physical_id != current_id:
            _undo(name, operation, replace(request, physical_id=physical_id))
        raise
    aws.log("done", operation=name, request_type=kind, physical_id=physical_id, data=data)
    return {"PhysicalResourceId": physical_id, "Data": data}


@public_errors
def is_complete(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Do what a polled operation was asked for, as far as it goes now; other operations are done already.

    Parameters
    ----------
    event : dict
        CloudFormation's request with what ``on_event`` returned.

    Returns
    -------
    dict
        ``IsComplete``, and ``Data`` once it is.

    Raises
    ------
    ConnectorError
        With a text for the stack's events.
    """
    state.begin()
    chosen, operation = _operation(configuration.of_resource(event["ResourceProperties"]))
    name = chosen.operation
    if name not in POLLED:
        return {"IsComplete": True}
    kind, request = event["RequestType"], _request(event, chosen, context)
    waited = aws.now() - event["StartedAt"]
    try:
        action = partial(_remove, name, operation) if kind == "Delete" else operation.apply
        data = _run_operation(name, action, request)
    except RetryLaterError as waiting:
        lasted = aws.now() - max(event["StartedAt"], waiting.since or 0.0)
        if waited < LONGEST_SECONDS and lasted < waiting.timeout_seconds:
            aws.log("waiting", operation=name, request_type=kind, seconds=round(waited), why=str(waiting))
            return {"IsComplete": False}
        _undo_replacement(name, operation, event, request)
        raise ConnectorError(
            f"{name}: given up after {int(lasted // 60)} minutes: {waiting}. Deploy again to go on; with "
            "`cdk deploy --no-rollback` what is done until then stays as it is."
        ) from waiting
    except Exception as error:
        if waited < _OWN_ROLE_SECONDS and _is_denied_by_iam(error):
            aws.log("waiting", operation=name, request_type=kind, seconds=round(waited), why=str(error))
            return {"IsComplete": False}
        _undo_replacement(name, operation, event, request)
        raise
    aws.log("done", operation=name, request_type=kind, physical_id=event["PhysicalResourceId"], data=data)
    return {"IsComplete": True, **({"Data": data} if data else {})}


@public_errors
def on_schedule(event: dict[str, Any], context: Context) -> dict[str, str]:
    """Apply an operation again, to what appeared since the deploy; nothing of the event is used."""
    state.begin()
    chosen, operation = _operation(configuration.scheduled())
    _physical_id(operation, chosen.properties)
    data = _run_operation(chosen.operation, operation.apply, _request({}, chosen, context))
    aws.log("done", operation=chosen.operation, request_type="Schedule", data=data)
    return data


def _operation(chosen: Configuration) -> tuple[Configuration, Operation]:
    known = {**OPERATIONS, **POLLED}
    if chosen.operation not in known:
        raise ConnectorError(f"unknown Operation {chosen.operation!r}; known are {sorted(known)}")
    return chosen, known[chosen.operation]


def _physical_id(operation: Operation, properties: Mapping[str, Any]) -> str:
    """Check the properties of an operation; return what names the thing they act on."""
    return str(read(operation.Settings, properties).id)


def _request(event: Mapping[str, Any], chosen: Configuration, context: Context) -> Request:
    former = None
    if event.get("RequestType") == "Update":
        former = configuration.former(event.get("OldResourceProperties") or {})
    return Request(
        properties=chosen.properties,
        old_properties=former.properties if former else {},
        physical_id=event.get("PhysicalResourceId") or "",
        configuration=chosen.id,
        remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000,
    )


def _remove(name: str, operation: Operation, request: Request) -> None:
    """Undo an operation; an object that another resource of the stack has too is brought to what that one asks.

    An export of one cluster that becomes one of several has a resource of another logical id for the same cluster.
    CloudFormation makes the new one first and then deletes the former one, or deletes the new one when it rolls back
    (CloudFormation User Guide, "Update behaviors of stack resources").
    """
    chosen = Configuration(id=request.configuration, operation=name, properties=request.properties)
    for other in configuration.of_other_resources(chosen):
        if _physical_id(operation, other.properties) == _physical_id(operation, chosen.properties):
            aws.log("kept for another resource", operation=name, configuration=other.id)
            operation.apply(replace(request, properties=other.properties, old_properties={}, configuration=other.id))
            return
    operation.delete(request)


def _once_allowed(action: Callable[[], T]) -> T:
    """Run what is not polled; while IAM refuses it, again and again, as long as a new policy may take to be seen."""
    waited = 0.0
    while True:
        try:
            return action()
        except ConnectorError as error:
            if waited >= _OWN_ROLE_SECONDS or not _is_denied_by_iam(error):
                raise
            aws.log("waiting", seconds=round(waited), why=str(error))
        aws.sleep(_OWN_ROLE_PAUSE_SECONDS)
        waited += _OWN_ROLE_PAUSE_SECONDS


def _run_operation(name: str, action: Callable[[Request], T], request: Request) -> T:
    """Run one function of an operation; an AWS error becomes a sentence that names the call that failed."""
    try:
        return action(request)
    except NoAnswerError as error:
        raise RetryLaterError(str(error), timeout_seconds=_OUTAGE_SECONDS, since=error.since) from error
    except ClientError as error:
        aws.log("failed", level="ERROR", operation=name, code=aws.error_code(error), error=str(error))
        raise ConnectorError(f"{name}: {error}") from error
    except ConnectorError as error:
        aws.log("failed", level="ERROR", operation=name, error=str(error))
        raise ConnectorError(f"{name}: {error}") from error


def _is_denied_by_iam(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ClientError):
        error = error.__cause__
    return error is not None and aws.is_denied(error)


def _undo(name: str, operation: Operation, request: Request) -> None:
    """Undo a Create that failed. A failure here is only logged: the one that led here is what a person must read."""
    aws.log("undoing", level="WARNING", operation=name)
    try:
        _remove(name, operation, request)
    except (ClientError, ConnectorError) as error:
        aws.log("undo failed", level="ERROR", operation=name, error=str(error))


def _undo_replacement(name: str, operation: Operation, event: Mapping[str, Any], request: Request) -> None:
    """Undo an Update that was to replace: CloudFormation may never learn what it created."""
    if event["RequestType"] != "Update" or event["PhysicalResourceId"] == event["FormerId"]:
        return
    while True:
        try:
            _undo(name, operation, request)
        except (RetryLaterError, NoAnswerError) as waiting:
            if request.remaining_seconds() < aws.RESERVE_SECONDS + _UNDO_PAUSE_SECONDS:
                aws.log("undo not finished", level="ERROR", operation=name, why=str(waiting))
                return
            aws.sleep(_UNDO_PAUSE_SECONDS)
        else:
            return
