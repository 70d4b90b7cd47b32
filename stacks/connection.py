"""The properties of every operation at a vendor, from the settings' ``connect``."""

from __future__ import annotations

import datetime

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
