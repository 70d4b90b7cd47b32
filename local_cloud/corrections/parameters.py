"""Parameters: which values Systems Manager takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ministack.services import ssm

from local_cloud.corrections.operations import intercept, json_error
from local_cloud.corrections.templates import extend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request

LARGEST = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}
"""Bytes of a value, by its tier."""
_NESTED = re.compile(r"\{\{.*\}\}", re.DOTALL)


def apply() -> None:
    """Make this correction, for requests and for templates: MiniStack takes any value of any size.

    Source: AWS Systems Manager API Reference, PutParameter, "Value" and "Tier".
    """
    intercept(ssm, "PutParameter")(_refuse)
    extend("AWS::SSM::Parameter", check=_refuse_template)


async def _refuse(request: Request, proceed: Proceed) -> Answer:
    error = _error(request.parameters)
    return json_error("ValidationException", error) if error else await proceed()


def _refuse_template(properties: Mapping[str, Any], _: str | None) -> None:
    if error := _error(properties):
        raise ValueError(error)


def _error(asked: Mapping[str, Any]) -> str:
    value, tier = str(asked.get("Value", "")), str(asked.get("Tier", "Standard"))
    if _NESTED.search(value):
        return "Parameter value: a value must not hold {{...}}."
    if len(value.encode()) > LARGEST[tier]:
        return f"Parameter value: it is longer than {LARGEST[tier]} bytes in the tier {tier}."
    return ""
