"""Parameters: which values Systems Manager takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ministack.services import ssm

from local_cloud.corrections.operations import json_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.corrections.operations import Answer

LARGEST = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}
"""Bytes of a value, by its tier."""
_NESTED = re.compile(r"\{\{.*\}\}", re.DOTALL)


def apply() -> None:
    """Make this correction, for requests and for templates: MiniStack takes any value of any size.

    Source: AWS Systems Manager API Reference, PutParameter, "Value" and "Tier".
    """
    original = ssm._put_parameter

    def put_parameter(data: Mapping[str, Any]) -> Answer:
        value, tier = str(data.get("Value", "")), str(data.get("Tier", "Standard"))
        if _NESTED.search(value):
            return json_error("ValidationException", "Parameter value: a value must not hold {{...}}.")
        if len(value.encode()) > LARGEST[tier]:
            limit = f"{LARGEST[tier]} bytes in the tier {tier}"
            return json_error("ValidationException", f"Parameter value: it is longer than {limit}.")
        answer: Answer = original(data)
        return answer

    ssm._put_parameter = put_parameter
