"""The archiver, invoked by a person: with an event that was kept, or with what it has never seen."""

import json
from typing import Any, NamedTuple

from log_shipper import errors as shipper_errors

from logdock.cli.account import Account

_SHOWN_ERRORS = frozenset(name for name in vars(shipper_errors) if name.endswith("Error"))
"""Errors whose text never holds a record's content."""


class Answer(NamedTuple):
    """What the archiver did: it failed with an error, or it took any of the records."""

    error: str | None
    took_any: bool


def invoke(account: Account, region: str, event: str) -> Answer:
    """Invoke the archiver of a Region with an event, and wait until it has ended.

    Raises
    ------
    CommandError
        When it is not deployed.
    """
    with account.requires("shipper", region):
        answer = account.lambda_in(region).invoke(FunctionName=account.names.archiver, Payload=event.encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        return Answer(error_in(said), took_any=False)
    return Answer(None, took_any=any(said.values()))


def error_in(said: Any) -> str:
    """Return what a function said of its failure, without a text that may hold what a record says."""
    kind = str(said.get("errorType", "?")) if isinstance(said, dict) else "?"
    return f"{kind}: {said.get('errorMessage', '')}" if kind in _SHOWN_ERRORS else kind
