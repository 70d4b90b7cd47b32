"""What was before Logdock changed something, kept in an SSM parameter so that a destroy can put it back.

One parameter per custom resource holds a JSON object with one entry per physical id: while CloudFormation replaces a
resource, the old and the new one both have theirs. An entry is written before the change that it describes, so a
function that is cut off half way still knows what to undo. The parameter goes with its last entry.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from vendor_connector import aws
from vendor_connector.request import ConnectorError

Entry = dict[str, Any]


def load(parameter: str, physical_id: str) -> Entry | None:
    """Return what is remembered for a resource, or None when nothing was ever changed for it."""
    return _read(parameter).get(physical_id)


def entries(parameter: str) -> dict[str, Entry]:
    """Return all that a parameter remembers."""
    return _read(parameter)


def save(parameter: str, physical_id: str, entry: Entry) -> None:
    """Remember an entry. Intelligent-Tiering, because two long user lists, before and after, exceed 4 KB."""
    value = json.dumps({**_read(parameter), physical_id: entry}, separators=(",", ":"), sort_keys=True)
    _write(parameter, value)


def drop(parameter: str, physical_id: str) -> None:
    """Forget an entry; delete the parameter when it was the last."""
    entries = _read(parameter)
    if physical_id not in entries:
        return
    del entries[physical_id]
    if entries:
        _write(parameter, json.dumps(entries, separators=(",", ":"), sort_keys=True))
        return
    try:
        aws.ssm().delete_parameter(Name=parameter)
    except ClientError as error:
        if aws.error_code(error) != "ParameterNotFound":
            raise


def _write(parameter: str, value: str) -> None:
    aws.ssm().put_parameter(
        Name=parameter,
        Value=value,
        Type="String",
        Tier="Intelligent-Tiering",
        Overwrite=True,
        Description="What Logdock found before it changed a setting. Deleted by the stack that wrote it.",
    )


def _read(parameter: str) -> dict[str, Entry]:
    try:
        value = aws.ssm().get_parameter(Name=parameter)["Parameter"]["Value"]
    except ClientError as error:
        if aws.error_code(error) == "ParameterNotFound":
            return {}
        raise
    try:
        entries = json.loads(value)
    except ValueError:
        entries = None
    if not isinstance(entries, dict):
        raise ConnectorError(
            f"SSM parameter {parameter} does not hold what Logdock wrote there, so what was before is not known. "
            "Put its previous version back (aws ssm get-parameter-history), or delete it to give up what was before."
        )
    return entries
