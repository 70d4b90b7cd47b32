"""Why messages died: the shipper says in its own log why it returns which messages, never with a record's content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from logdock.cli.errors import is_absent, is_refused

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

RETURNED = '{ $.message_ids[0] = "*" }'
LOOK_BACK_MS = 12 * 3_600_000
"""A dead letter of a FIFO queue says when it died, and not when it was first sent (SQS Developer Guide, "Dead-letter
queue retention"). Its last try was no longer ago than a message can be hidden."""
MOST_PAGES = 50
"""A page is at most 1 MB of log that was searched."""


def reasons_of(
    logs: CloudWatchLogsClient, log_group: str, messages: set[str], since_ms: int
) -> tuple[dict[str, str], str]:
    """Return the last reason of each message from the log, and the error if the log could not be read."""
    reasons: dict[str, str] = {}
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group, filterPattern=RETURNED, startTime=max(0, since_ms - LOOK_BACK_MS)
    )
    try:
        for number, page in enumerate(pages):
            for event in page["events"]:
                error, returned = _line(event["message"])
                reasons |= dict.fromkeys(messages.intersection(returned), error)
            if number + 1 == MOST_PAGES and page.get("nextToken"):
                return reasons, f"only the first {MOST_PAGES} pages of {log_group} were searched"
    except ClientError as error:
        if is_refused(error):
            return reasons, "logs:FilterLogEvents is refused"
        if is_absent(error):
            return reasons, f"there is no log group {log_group}"
        raise
    return reasons, ""


def _line(text: str) -> tuple[str, list[str]]:
    try:
        line = json.loads(text)
        return str(line["error"]), list(line["message_ids"])
    except (ValueError, LookupError, TypeError):
        return "", []
