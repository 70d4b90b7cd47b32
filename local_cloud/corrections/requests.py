"""The requests that S3 and DynamoDB answered and the events of S3, for a test of what a deployment costs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions
from ministack.services import dynamodb, eventbridge, s3

from local_cloud.corrections.operations import intercept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.corrections.operations import Answer, Proceed, Request

FILE = "LOGDOCK_REQUESTS_FILE"
"""The variable with the path of the file that gets a line for each; without it, nothing is kept."""


def apply() -> None:
    """Keep them, if asked to."""
    if not os.environ.get(FILE):
        return
    file = Path(os.environ[FILE])

    def keep(**line: str) -> None:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")

    @intercept(s3)
    async def keep_s3(request: Request, proceed: Proceed) -> Answer:
        kind = iam_actions.extract_iam_action("s3", request.method, request.path, {}, b"", request.query)
        if not request.is_own:
            keep(kind=kind, what=request.path.lstrip("/"))
        return await proceed()

    @intercept(dynamodb, "UpdateItem")
    async def keep_dynamodb(request: Request, proceed: Proceed) -> Answer:
        named = request.parameters
        keep(kind="dynamodb:UpdateItem", what=f"{named['TableName']}/{named['Key']['id']['S']}")
        return await proceed()

    dispatch = eventbridge._dispatch_event

    def dispatch_event(event: Mapping[str, Any], *more: Any) -> Any:
        if event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            keep(kind=event["DetailType"], what=f"{detail['bucket']['name']}/{detail['object']['key']}")
        return dispatch(event, *more)

    eventbridge._dispatch_event = dispatch_event
