"""What every operation at a vendor is told by the settings' ``connect``."""

from __future__ import annotations

import datetime

from settings.connect import Connect


def now() -> datetime.datetime:
    """Return the time of this synthesis."""
    return datetime.datetime.now(datetime.UTC)


def connection(connect: Connect) -> dict[str, object]:
    """Return the properties that they have in common: names, never secrets."""
    properties: dict[str, object] = {"Secret": connect.secret, "Adopt": str(connect.adopt).lower()}
    if connect.api_base_url:
        properties["ApiBaseUrl"] = connect.api_base_url
    if connect.revision:
        properties["Revision"] = connect.revision
    if connect.check_each_deploy:
        properties["Revision"] = f"{connect.revision or ''} {now():%FT%TZ}".strip()
    return properties
