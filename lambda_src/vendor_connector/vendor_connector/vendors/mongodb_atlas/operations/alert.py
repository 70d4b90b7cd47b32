"""Operation ``atlas-alert`` (polled): an alert of the project when Atlas cannot export logs.

Its recipients are the property ``Notifications``, as JSON, or the project's owners, by e-mail. As Atlas's page asks:
after an hour of failure, again every seven days. Sources: MongoDB Atlas, "Alerting for Log Export Failures";
Administration API, alertConfigs (2023-01-01).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vendor_connector import vendor_object
from vendor_connector.request import ConnectorError, Request, check_names, optional_text
from vendor_connector.vendor_object import Document
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import project_settings as atlas_settings
from vendor_connector.vendors.mongodb_atlas.operations.project import PROPERTIES, Project


def parse(properties: Mapping[str, Any]) -> Project:
    """Check the properties of ``atlas-alert``."""
    check_names(properties, (*PROPERTIES, "Notifications"))
    return Project.parse(properties)


def _notifications(properties: Mapping[str, Any]) -> list[Document]:
    text = optional_text(properties, "Notifications")
    if text is None:
        return [atlas_settings.NOTIFICATION]
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise ConnectorError("property Notifications must be a JSON list of objects")
    return found


def physical_id(properties: Mapping[str, Any]) -> str:
    """Return the id: one per project."""
    return f"atlas-alert/{parse(properties).id}"


def apply(request: Request) -> dict[str, str]:
    """Have the alert as the page asks.

    Returns
    -------
    dict
        ``AlertId``.
    """
    project = parse(request.properties)
    memory = project.memory(physical_id(request.properties))
    alert = Alert(project.api(request), _notifications(request.properties))
    alert_id, _ = vendor_object.keep(alert, memory, adopt=project.adopt)
    return {"AlertId": alert_id}


def delete(request: Request) -> None:
    """Remove the alert."""
    project = parse(request.properties)
    memory = project.memory(physical_id(request.properties))
    if memory.load() is not None:
        vendor_object.drop(Alert(project.api(request)), memory)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert configuration, as ``vendor_object`` keeps it."""

    api: atlas_api.AtlasApi
    notifications: Sequence[Document] = (atlas_settings.NOTIFICATION,)
    what: str = f"an alert of the event {atlas_settings.EVENT} (Atlas, project alerts)"

    def listed(self) -> dict[str, Document]:
        """Return the project's alert configurations for this event by id."""
        return atlas_settings.alerts(self.api)

    @property
    def place(self) -> atlas_api.AtlasApi:
        """The project."""
        return self.api

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        found: Document | None = self.api.find(f"{atlas_settings.ALERTS}/{object_id}", atlas_api.V2023)
        return found

    def is_this(self, document: Document) -> bool:
        """Return whether it is for this event."""
        return bool(document.get("eventTypeName") == atlas_settings.EVENT)

    is_unfinished = is_this

    def create(self) -> tuple[str, Document]:
        """Make it."""
        document = self.api.change("POST", atlas_settings.ALERTS, atlas_api.V2023, self._document)
        return document["id"], document

    def is_current(self, document: Document) -> bool:
        """Return whether it notifies as asked."""
        return atlas_settings.notifies(document, self.notifications)

    def update(self, object_id: str, former: Document | None) -> Document:
        """Replace it whole."""
        names = ("eventTypeName", "enabled", "notifications", "matchers", "threshold", "severityOverride")
        body = {name: former[name] for name in names if former.get(name) is not None} if former else None
        path = f"{atlas_settings.ALERTS}/{object_id}"
        document: Document = self.api.change("PUT", path, atlas_api.V2023, body or self._document)
        return document

    @property
    def _document(self) -> Document:
        return {
            "eventTypeName": atlas_settings.EVENT,
            "enabled": True,
            "notifications": list(self.notifications),
        }

    def remove(self, object_id: str) -> None:
        """Remove it."""
        self.api.remove(f"{atlas_settings.ALERTS}/{object_id}", atlas_api.V2023)
