"""The stack of a dashboard. Nothing else refers to it, so it comes and goes alone."""

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from logdock.dashboard import Widget


class DashboardStack(Stack):
    """One dashboard of a deployment."""

    def __init__(
        self, scope: Construct, construct_id: str, *, dashboard_name: str, widgets: Sequence[Widget], **stack: Any
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        body = {"periodOverride": "inherit", "widgets": widgets}
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=dashboard_name,
            dashboard_body=json.dumps(body, separators=(",", ":")),
        )
