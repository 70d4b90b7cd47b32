"""AWS in the test's own process: moto answers, the wire between it and the code is watched and can be cut."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from moto import mock_aws
from vendor_connector import aws, handler

REGION = "eu-west-1"
READS = ("Describe", "Get", "List")
Answer = Callable[[dict[str, Any]], Any]


def refusal(code: str, operation: str, message: str = "refused") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class Wire:
    """Every API call that the code makes; ``answers`` replaces moto's answer, per operation."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    def writes(self) -> list[tuple[str, dict[str, Any]]]:
        return [call for call in self.calls if not call[0].startswith(READS)]

    def requests(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == operation]

    def refuse(self, operation: str, code: str, times: int = 1_000) -> None:
        """Refuse an operation, the first ``times`` times."""
        former, left = self.answers.get(operation), [times]

        def answer(arguments: dict[str, Any]) -> Any:
            if left[0] == 0:
                return former(arguments) if former else NotImplemented
            left[0] -= 1
            raise refusal(code, operation)

        self.answers[operation] = answer


class Context:
    """Lambda's context with time enough, or as much as a test gives."""

    def __init__(self, seconds: float = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    watched, original = Wire(), BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        watched.calls.append((operation, copy.deepcopy(arguments)))
        if operation in watched.answers:
            shape = client.meta.service_model.operation_model(operation).input_shape
            assert shape is not None
            report = ParamValidator().validate(arguments, shape)
            assert not report.has_errors(), report.generate_report()
            answer = watched.answers[operation](arguments)
            if answer is not NotImplemented:
                return copy.deepcopy(answer)
        return original(client, operation, arguments)

    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        monkeypatch.setattr(aws, "sleep", watched.slept.append)
        yield watched


def event(kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a request as the provider framework passes it on, values as CloudFormation writes them."""
    request = {
        "RequestType": kind,
        "ResponseURL": "https://signed.example/?X-Amz-Signature=secret",
        "LogicalResourceId": "Resource",
        "ResourceProperties": {"ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:f", **properties},
    }
    if kind != "Create":
        operation = handler._operation(properties)[1]
        request["PhysicalResourceId"] = operation.physical_id(properties)
    return {**request, **more}


def create(properties: dict[str, Any], seconds: float = 900) -> dict[str, str]:
    data: dict[str, str] = handler.on_event(event("Create", properties), Context(seconds))["Data"]
    return data


def update(properties: dict[str, Any], old: dict[str, Any]) -> dict[str, str]:
    request = event("Update", properties, OldResourceProperties=old)
    request["PhysicalResourceId"] = handler._operation(old)[1].physical_id(old)
    data: dict[str, str] = handler.on_event(request, Context())["Data"]
    return data


def delete(properties: dict[str, Any]) -> None:
    handler.on_event(event("Delete", properties), Context())


def remembered(parameter: str) -> dict[str, Any] | None:
    """Return what the SSM parameter holds, or None when there is none."""
    ssm = boto3.client("ssm")
    try:
        value: dict[str, Any] = json.loads(ssm.get_parameter(Name=parameter)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None
    return value


@pytest.fixture
def connector() -> Any:
    """Return this module's functions: test files cannot import a conftest by name."""
    return SimpleNamespace(
        create=create,
        update=update,
        delete=delete,
        event=event,
        remembered=remembered,
        refusal=refusal,
        Context=Context,
    )
