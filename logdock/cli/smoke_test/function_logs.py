"""What a function says in its own log, which is JSON lines and never holds a record's content."""

import json
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from logdock.cli.account import Account
from logdock.cli.errors import action_of, code_of, is_absent, is_refused

MAX_LINES = 1000
STARTED = '$.event = "started"'
"""The line that a function writes when it starts, with the version of its SDK."""
UNREADABLE = '$.event = "progress unreadable"'
"""A mark could not be looked for (`log_shipper.stores`)."""
ERRORS = '$.error = "*"'
"""Every line that names an error."""


class UnknownError(Exception):
    """The log cannot be read; the message says why."""

    def __init__(self, message: str, *, not_looked_at: bool = True) -> None:
        super().__init__(message)
        self.not_looked_at = not_looked_at
        """True when the caller may read it: AWS did not answer, or there was too much of it."""


def last_line(account: Account, function: str, region: str, lines: str, since: datetime) -> dict[str, Any]:
    """Return the last of some lines of a function's log since a moment; empty when there is none.

    Raises
    ------
    UnknownError
        When the caller may not read it, or there are more lines than are read: the last is not among them.
    """
    field, _, value = lines.removeprefix("$.").partition(" = ")
    wanted = json.loads(value)
    found: dict[str, Any] = {}
    lines_read = 0
    pages = account.logs_in(region).get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}",
        filterPattern=f"{{ {lines} }}",
        startTime=int(since.timestamp() * 1000),
        PaginationConfig={"MaxItems": MAX_LINES},
    )  # fmt: skip
    try:
        for page in pages:
            for event in page["events"]:
                lines_read += 1
                line = _parsed(event["message"])
                if field in line and wanted in ("*", line[field]):
                    found = line
    except ClientError as error:
        if is_refused(error):
            raise UnknownError(f"{action_of(error)} is refused", not_looked_at=False) from None
        if is_absent(error):
            return {}
        raise UnknownError(f"FilterLogEvents answered {code_of(error)}") from None
    if lines_read >= MAX_LINES:
        raise UnknownError(f"only the first {MAX_LINES} lines of {function} were read")
    return found


def _parsed(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
