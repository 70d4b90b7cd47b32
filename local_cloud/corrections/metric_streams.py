"""Metric streams: MiniStack has none, and refuses a template with one. Here it is deployed, and streams nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.core import responses

from local_cloud.corrections.templates import define

if TYPE_CHECKING:
    from local_cloud.corrections.templates import Properties


def apply() -> None:
    """Make this correction."""
    define("AWS::CloudWatch::MetricStream", _put)


def _put(properties: Properties) -> str:
    account, region = responses.get_account_id(), responses.get_region()
    return f"arn:aws:cloudwatch:{region}:{account}:metric-stream/{properties['Name']}"
