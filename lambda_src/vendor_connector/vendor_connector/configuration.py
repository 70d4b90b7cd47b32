"""What an operation may act on, as the deployment wrote it: a Systems Manager parameter for each configuration.

CloudFormation's request carries the resource's properties, and so does anyone's who may invoke this function. Nothing
of them is used but the id of a configuration: address, credential, destination and bucket come from the parameter of
that id under this function's own path, which only CloudFormation writes. The id ends with a hash of the content, so
during an update the former and the new configuration both exist: an Update reads both, and the Delete of a resource
that left the template reads the one that it was made with.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from vendor_connector import aws
from vendor_connector.request import ConnectorError, optional_text

PATH, SCHEDULED = "LOGDOCK_CONFIGURATIONS", "LOGDOCK_SCHEDULED"
"""Environment variables: the path of the parameters, and the id of the configuration that the schedule repeats."""

MEMBERS = "Members"
"""The parameter under that path that says that each object has a resource of its own."""

_ID = r"[A-Za-z0-9_.-]{1,200}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """One operation's configuration."""

    id: str
    """The last part of the parameter's name."""
    operation: str
    """The name of the operation."""
    properties: Mapping[str, Any]
    """What the operation is configured with."""


def of_resource(properties: Mapping[str, Any]) -> Configuration:
    """Return the configuration that a custom resource names.

    Where one configuration is for several names (``Names``), the resource also says which of them it is for.

    Raises
    ------
    ConnectorError
        When it names none, or one that the deployment did not write.
    """
    return _load(optional_text(properties, "Configuration"), optional_text(properties, "Name"))


def former(properties: Mapping[str, Any]) -> Configuration | None:
    """Return the configuration before an Update; None where the former template did not name one."""
    return of_resource(properties) if "Configuration" in properties else None


def of_other_resources(chosen: Configuration) -> Iterator[Configuration]:
    """Yield the configurations of the same operation that other resources of the stack have.

    Only the stack of an export of several projects, clusters or databases has the parameter ``Members`` and may list
    them; in any other, each object has one resource.
    """
    own, path = _resource_of(chosen.id), os.environ[PATH]
    if _read(f"{path}{MEMBERS}") is None:
        return
    pages = aws.ssm().get_paginator("get_parameters_by_path").paginate(Path=path.rstrip("/"))
    found = {one["Name"].removeprefix(path): one["Value"] for page in pages for one in page["Parameters"]}
    for other_id, value in sorted(found.items()):
        document = json.loads(value)
        is_other = document.pop("Operation") == chosen.operation and _resource_of(other_id) != own
        # What is configured for several names at once undoes nothing.
        if is_other and "Names" not in document:
            yield Configuration(id=other_id, operation=chosen.operation, properties=document)


def _resource_of(configuration_id: str) -> str:
    """Return the construct that a configuration is for: the part before the hash."""
    return configuration_id.rpartition("-")[0]


def scheduled() -> Configuration:
    """Return the configuration that the schedule repeats, as this function's environment names it."""
    return _load(os.environ.get(SCHEDULED), None)


def _load(configuration_id: str | None, name: str | None) -> Configuration:
    if configuration_id is None:
        raise ConnectorError(
            "the request names no Configuration: its stack was deployed by an earlier release. Deploy this release "
            "with the same settings first, then change or destroy"
        )
    if not re.fullmatch(_ID, configuration_id):
        raise ConnectorError(f"Configuration is {configuration_id[:80]!r}; it must be an id that the stack made")
    parameter = os.environ[PATH] + configuration_id
    value = _read(parameter)
    if value is None:
        raise ConnectorError(f"unknown Configuration: there is no SSM parameter {parameter}")
    document = json.loads(value)
    names = document.pop("Names", None)
    if names is not None:
        if name not in names:
            raise ConnectorError(f"Name is {name!r}, which {parameter} does not list")
        document["Name"] = name
    return Configuration(id=configuration_id, operation=document.pop("Operation"), properties=document)


def _read(parameter: str) -> str | None:
    try:
        return aws.ssm().get_parameter(Name=parameter)["Parameter"]["Value"]
    except ClientError as error:
        if aws.error_code(error) == "ParameterNotFound":
            return None
        raise
