"""Operation ``atlas-alert`` (polled): an alert of the project when Atlas cannot export logs.

Its recipients are the property ``Notifications``, as JSON, or the project's owners, by e-mail. As Atlas's page asks:
after an hour of failure, again every seven days. Sources: MongoDB Atlas, "Alerting for Log Export Failures";
Administration API, alertConfigs (2023-01-01).
"""

from dataclasses import dataclass

from vendor_connector import answers, aws, vendor_object
from vendor_connector.request import ConnectorError, Document, Request, read, read_to_delete
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
    alert = Alert(wanted.project.api(request), wanted.alert.document, wanted.project.adopt)
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
    adopt: bool = False
    description: str = f"an alert of the event {documents.EVENT} (Atlas, project alerts)"

    def list_all(self) -> dict[str, Document]:
        """Return the project's alert configurations for this event by id."""
        return atlas_settings.alerts(self.api)

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        read = answers.one(atlas_settings.ALERT_SHAPE, "id", object_id)
        return self.api.find(f"{atlas_settings.ALERTS}/{object_id}", atlas_api.V2023, read)

    def matches(self, document: Document) -> bool:
        """Return whether it is for this event.

        Raises
        ------
        ConnectorError
            When it cannot be adopted, because Atlas does not give its keys back.
        """
        if not self.matches_new(document):
            return False
        if self.adopt and (names := atlas_settings.redacted(document)):
            raise ConnectorError(
                f"{self.description} ({document['id']}) has {', '.join(names)}, which Atlas does not give back: it "
                "cannot be adopted. Use an integration of the project for it, or remove it in Atlas, then deploy again."
            )
        return True

    def matches_new(self, document: Document) -> bool:
        """Return whether it is for this event."""
        return bool(document.get("eventTypeName") == documents.EVENT)

    def create(self) -> str:
        """Make it."""
        read = answers.of({"id": answers.ID})
        return str(self.api.change("POST", atlas_settings.ALERTS, atlas_api.V2023, read, self.document)["id"])

    def is_up_to_date(self, document: Document) -> bool:
        """Return whether it notifies as asked."""
        return atlas_settings.notifies(document, self.document)

    def update(self, object_id: str, former: Document | None) -> None:
        """Replace it whole. A former one whose keys Atlas does not give back stays: sending them would break it."""
        if former and (lost := atlas_settings.redacted(former)):
            aws.log("left as it is", level="WARNING", what=self.description, id=object_id, not_given_back=lost)
            return
        names = ("eventTypeName", "enabled", "notifications", "matchers", "threshold", "severityOverride")
        body = {name: former[name] for name in names if former.get(name) is not None} if former else self.document
        body["notifications"] = atlas_settings.sent_back(body["notifications"])
        path = f"{atlas_settings.ALERTS}/{object_id}"
        self.api.change("PUT", path, atlas_api.V2023, answers.ignored, body)

    def remove(self, object_id: str) -> None:
        """Remove it."""
        self.api.remove(f"{atlas_settings.ALERTS}/{object_id}", atlas_api.V2023)
