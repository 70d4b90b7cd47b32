"""What an operation may act on, as the deployment wrote it: a Systems Manager parameter for each configuration.

CloudFormation's request carries the resource's properties, and so does anyone's who may invoke this function. Nothing
of them is used but the id of a configuration: address, credential, destination and bucket come from the parameter of
that id under this function's own path, which only CloudFormation writes. The id ends with a hash of the content, so
during an update the former and the new configuration both exist: an Update reads both, and the Delete of a resource
that left the template reads the one that it was made with.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from vendor_connector import aws
from vendor_connector.request import ConnectorError, optional_text

PATH, SCHEDULED = "LOGDOCK_CONFIGURATIONS", "LOGDOCK_SCHEDULED"
"""Environment variables: the path of the parameters, and the id of the configuration that the schedule repeats."""

_ID = r"[A-Za-z0-9_.-]{1,200}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """One operation's configuration.

    Attributes
    ----------
    id
        The last part of the parameter's name.
    operation
        The name of the operation.
    properties
        What the operation is configured with.
    """

    id: str
    operation: str
    properties: Mapping[str, Any]


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
    try:
        document = json.loads(aws.ssm().get_parameter(Name=parameter)["Parameter"]["Value"])
    except ClientError as error:
        if aws.error_code(error) == "ParameterNotFound":
            raise ConnectorError(f"unknown Configuration: there is no SSM parameter {parameter}") from error
        raise
    names = document.pop("Names", None)
    if names is not None:
        if name not in names:
            raise ConnectorError(f"Name is {name!r}, which {parameter} does not list")
        document["Name"] = name
    return Configuration(id=configuration_id, operation=document.pop("Operation"), properties=document)
