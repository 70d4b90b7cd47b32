"""Operation ``atlas-alert`` (polled): an alert of the project when Atlas cannot export logs.

Its recipients are the property ``Notifications``, as JSON, or the project's owners, by e-mail. As Atlas's page asks:
after an hour of failure, again every seven days. Sources: MongoDB Atlas, "Alerting for Log Export Failures";
Administration API, alertConfigs (2023-01-01).
"""

from dataclasses import dataclass

from vendor_connector import vendor_object
from vendor_connector.request import Document, Request, read, read_to_delete
from vendor_connector.vendor_object import StateStore
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import documents
from vendor_connector.vendors.mongodb_atlas import project_settings as atlas_settings
from vendor_connector.vendors.mongodb_atlas.operations.project import Project


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    project: Project
    alert: documents.Alert

    @property
    def id(self) -> str:
        """What names the resource: one per project."""
        return f"atlas-alert/{self.project.project_id}"

    @property
    def store(self) -> StateStore:
        """Where ours is saved."""
        return self.project.store(self.id)


def apply(request: Request) -> dict[str, str]:
    """Have the alert as the page asks.

    Returns
    -------
    dict
        ``AlertId``.
    """
    wanted = read(Settings, request.properties)
    alert = Alert(wanted.project.api(request), wanted.alert.document)
    alert_id, _ = vendor_object.reconcile(alert, wanted.store, adopt=wanted.project.adopt)
    return {"AlertId": alert_id}


def delete(request: Request) -> None:
    """Remove the alert."""
    wanted = read_to_delete(Settings, request.properties)
    vendor_object.remove(lambda: Alert(wanted.project.api(request), wanted.alert.document), wanted.store)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert configuration, as ``vendor_object`` reconciles it."""

    api: atlas_api.AtlasApi
    document: Document
    description: str = f"an alert of the event {documents.EVENT} (Atlas, project alerts)"

    def list_all(self) -> dict[str, Document]:
        """Return the project's alert configurations for this event by id."""
        return atlas_settings.alerts(self.api)

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        found: Document | None = self.api.find(f"{atlas_settings.ALERTS}/{object_id}", atlas_api.V2023)
        return found

    def matches(self, document: Document) -> bool:
        """Return whether it is for this event."""
        return bool(document.get("eventTypeName") == documents.EVENT)

    matches_new = matches

    def create(self) -> tuple[str, Document]:
        """Make it."""
        document = self.api.change("POST", atlas_settings.ALERTS, atlas_api.V2023, self.document)
        return document["id"], document

    def is_up_to_date(self, document: Document) -> bool:
        """Return whether it notifies as asked."""
        return atlas_settings.notifies(document, self.document)

    def update(self, object_id: str, former: Document | None) -> Document:
        """Replace it whole."""
        names = ("eventTypeName", "enabled", "notifications", "matchers", "threshold", "severityOverride")
        body = {name: former[name] for name in names if former.get(name) is not None} if former else None
        path = f"{atlas_settings.ALERTS}/{object_id}"
        document: Document = self.api.change("PUT", path, atlas_api.V2023, body or self.document)
        return document

    def remove(self, object_id: str) -> None:
        """Remove it."""
        self.api.remove(f"{atlas_settings.ALERTS}/{object_id}", atlas_api.V2023)
