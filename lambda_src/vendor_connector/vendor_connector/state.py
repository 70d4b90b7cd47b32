"""The saved state: what was before Logdock changed something, in SSM parameters, so that a destroy can restore it.

Each object has a parameter of its own, ``<state parameter>/<hash of the object's id>``, because a standard parameter
holds 4,096 characters; while CloudFormation replaces a resource, the old and the new one both have theirs. An entry is
written before the change that it describes, so a function that is cut off half way still knows what to undo. Only this
function's role may write there.

Earlier releases kept all entries of an operation in one parameter. Its entries are read where an object has none of
its own, and are left there until they are dropped: a rollback to the earlier release still finds them.
"""

import hashlib
import json
from typing import Any

from botocore.exceptions import ClientError

from vendor_connector import aws
from vendor_connector.request import ConnectorError

Entry = dict[str, Any]

_listed: dict[str, dict[str, Entry]] = {}
"""What has been listed in this invocation: Systems Manager answers with ten parameters at a time."""


def begin() -> None:
    """Clear what an earlier invocation listed: another function may have changed it since."""
    _listed.clear()


def load(parameter: str, object_id: str) -> Entry | None:
    """Return the entry of an object, or None when nothing was ever changed for it."""
    if parameter in _listed:
        return _listed[parameter].get(object_id)
    own = _read(name_of(parameter, object_id))
    if own is not None:
        return own["entry"]  # type: ignore[no-any-return]
    return (_read(parameter) or {}).get(object_id)


def entries(parameter: str) -> dict[str, Entry]:
    """Return all entries of an operation, by the objects' ids in their order."""
    if parameter not in _listed:
        found: dict[str, Entry] = _read(parameter) or {}
        pages = aws.ssm().get_paginator("get_parameters_by_path").paginate(Path=parameter)
        for one in (one for page in pages for one in page["Parameters"]):
            document = _parsed(one["Name"], one["Value"])
            found[document["id"]] = document["entry"]
        _listed[parameter] = found
    return dict(sorted(_listed[parameter].items()))


def of_other_exports(parameter: str, object_id: str, vendor: str) -> dict[str, Entry]:
    """Return the entries of an object that the deployment's other exports of a kind have, by export.

    An export that was renamed, or left the settings, is one of them as long as its stack is there.
    """
    deployment, export, operation = parameter.rsplit("/", 2)
    path = f"{deployment}/exports"
    pages = aws.ssm().get_paginator("get_parameters_by_path").paginate(Path=path)
    documents = {
        one["Name"].rpartition("/")[2]: json.loads(one["Value"]) for page in pages for one in page["Parameters"]
    }
    names = [name for name, document in documents.items() if name != export and document.get("vendor") == vendor]
    found = {name: load(f"{deployment}/{name}/{operation}", object_id) for name in sorted(names)}
    return {name: entry for name, entry in found.items() if entry is not None}


def save(parameter: str, object_id: str, entry: Entry) -> None:
    """Save an entry. Intelligent-Tiering, because two long user lists, before and after, exceed 4 KB."""
    _write(name_of(parameter, object_id), {"id": object_id, "entry": entry})
    if parameter in _listed:
        _listed[parameter][object_id] = entry


def delete(parameter: str, object_id: str) -> None:
    """Delete an entry, also that of an earlier release."""
    _delete(name_of(parameter, object_id))
    shared = _read(parameter)
    if shared and object_id in shared:
        del shared[object_id]
        if shared:
            _write(parameter, shared)
        else:
            _delete(parameter)
    if parameter in _listed:
        _listed[parameter].pop(object_id, None)


def name_of(parameter: str, object_id: str) -> str:
    """Return the name of an object's parameter: ids have characters, and a length, that no name may have."""
    return f"{parameter}/{hashlib.sha256(object_id.encode()).hexdigest()[:32]}"


def _write(name: str, document: dict[str, Any]) -> None:
    # "You can't include values wrapped in double brackets {{}}" (Systems Manager API Reference, PutParameter).
    value = json.dumps(document, separators=(",", ":"), sort_keys=True).replace("{{", r"{\u007b")
    aws.ssm().put_parameter(
        Name=name,
        Value=value,
        Type="String",
        Tier="Intelligent-Tiering",
        Overwrite=True,
        Description="What Logdock found before it changed a setting. Deleted by the stack that wrote it.",
    )


def _delete(name: str) -> None:
    try:
        aws.ssm().delete_parameter(Name=name)
    except ClientError as error:
        if aws.error_code(error) != "ParameterNotFound":
            raise


def _read(name: str) -> dict[str, Any] | None:
    try:
        value = aws.ssm().get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as error:
        if aws.error_code(error) == "ParameterNotFound":
            return None
        raise
    return _parsed(name, value)


def _parsed(name: str, value: str) -> dict[str, Any]:
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ConnectorError(
            f"SSM parameter {name} does not hold what Logdock wrote there, so what was before is not known. "
            "Put its previous version back (aws ssm get-parameter-history), or delete it to give up what was before."
        )
    return document
