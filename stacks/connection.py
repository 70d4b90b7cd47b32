"""The properties of every operation at a vendor, from the settings' ``connect``."""

import datetime
import json
from dataclasses import fields
from typing import Any

from logdock.settings.connect import Connect
from logdock.settings.export_base import ConfiguredExport


def now() -> datetime.datetime:
    """Return the time of this synthesis."""
    return datetime.datetime.now(datetime.UTC)


def connection(connect: Connect) -> dict[str, object]:
    """Return the properties that they have in common: names, never secrets."""
    properties: dict[str, object] = {"Secret": connect.secret, "Adopt": str(connect.adopt).lower()}
    if connect.api_base_url:
        properties["ApiBaseUrl"] = connect.api_base_url
    properties |= revision(connect)
    return properties


def revision(settings: Connect | ConfiguredExport) -> dict[str, object]:
    """Return the property that has an operation done again by the next deploy, if the settings ask for one."""
    if settings.check_each_deploy:
        return {"Revision": f"{settings.revision or ''} {now():%FT%TZ}".strip()}
    return {"Revision": settings.revision} if settings.revision else {}


def properties_of(document: Any) -> dict[str, object]:
    """Return what a vendor is to have, a dataclass of its `documents`, as the connector's reader takes it.

    A field with its default value is no property. Truth values are strings, and lists of objects are a string of JSON:
    CloudFormation would make strings of the numbers and truth values inside.
    """
    given = [one for one in fields(document) if getattr(document, one.name) != one.default]
    return {one.name.title().replace("_", ""): _property(getattr(document, one.name)) for one in given}


def _property(value: Any) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return json.dumps(value)
    return list(value) if isinstance(value, tuple) else value
