"""Metric streams: MiniStack has none, and refuses a template with one. Here it is deployed, and streams nothing."""

from __future__ import annotations

from typing import Any

from ministack.core import responses
from ministack.services.cloudformation import provisioners


def apply() -> None:
    """Make this correction."""
    provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::MetricStream"] = {
        "create": lambda _, properties, __: _made(properties),
        "update": lambda _, __, properties, ___: _made(properties),
        "delete": lambda _, __: None,
    }


def _made(properties: dict[str, Any]) -> tuple[str, dict[str, str]]:
    name = properties["Name"]
    account, region = responses.get_account_id(), responses.get_region()
    return name, {"Arn": f"arn:aws:cloudwatch:{region}:{account}:metric-stream/{name}"}
