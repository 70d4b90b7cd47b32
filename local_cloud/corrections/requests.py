"""The requests that S3 and DynamoDB answered and the events of S3, for a test of what a deployment costs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions
from ministack.services import dynamodb, eventbridge, s3

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    original, dispatch = s3.handle_request, eventbridge._dispatch_event

    async def handle_request(
        method: str, path: str, headers: Any, body: bytes, query: Any, *more: Any, **named: Any
    ) -> Any:
        keep(kind=f"s3:{iam_actions._s3_action(method, path, query)}", what=path.lstrip("/"))
        return await original(method, path, headers, body, query, *more, **named)

    def dispatch_event(event: Mapping[str, Any], *more: Any) -> Any:
        if event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            keep(kind=event["DetailType"], what=f"{detail['bucket']['name']}/{detail['object']['key']}")
        return dispatch(event, *more)

    update_item = dynamodb._update_item

    def update(data: Any) -> Any:
        keep(kind="dynamodb:UpdateItem", what=f"{data['TableName']}/{data['Key']['id']['S']}")
        return update_item(data)

    dynamodb._update_item = update
    s3.handle_request = handle_request
    eventbridge._dispatch_event = dispatch_event
