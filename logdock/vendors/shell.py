"""Values as arguments of a shell command that a person pastes."""

import json
from shlex import quote
from typing import Any


def _json(document: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in document.items() if value is not None}, separators=(",", ":"))


def json_argument(document: dict[str, Any]) -> str:
    """Write a document as one shell argument, whatever is in it. A CloudFormation reference is no quotation mark."""
    return quote(_json(document))
