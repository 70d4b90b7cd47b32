"""Operation ``atlas-auditing`` (polled): database auditing of an Atlas project, which fills its audit logs.

A project has one such setting, so what was before is saved and put back. Source: MongoDB Atlas Administration API,
auditLog (2023-01-01).
"""

from dataclasses import dataclass

from vendor_connector import answers, aws, vendor_object
from vendor_connector.request import (
    ConnectorError,
    Document,
    NotVisibleError,
    Request,
    RetryLaterError,
    read,
    read_to_delete,
)
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import project_settings as atlas_settings
from vendor_connector.vendors.mongodb_atlas.documents import Auditing
from vendor_connector.vendors.mongodb_atlas.operations.project import Project


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    project: Project
    auditing: Auditing

    @property
    def id(self) -> str:
        """What names the resource: one per project."""
        return f"atlas-auditing/{self.project.project_id}"


def apply(request: Request) -> dict[str, str]:
    """Switch auditing on with the filter, and save what was before."""
    wanted = read(Settings, request.properties)
    api, store = wanted.project.api(request), wanted.project.store(wanted.id)
    found = atlas_settings.auditing(api)
    entry = store.load()
    if _is_same(found, wanted.auditing.document):
        return {}
    if entry is None:
        if found["enabled"] and not wanted.project.adopt:
            raise ConnectorError(
                "database auditing is on in this project already, with another filter, and this stack did not switch "
                "it on. Leave `connect.auditing` out, or set `connect.adopt: true` to replace the filter."
            )
        owner = api.owner()
        store.save({"before": found, "ours": wanted.auditing.document, **({"owner": owner} if owner else {})})
    else:
        store.save({**entry, "ours": wanted.auditing.document})
    _write(api, wanted.auditing.document)
    return {}


def delete(request: Request) -> None:
    """Restore the previous configuration, unless it was changed since."""
    wanted = read_to_delete(Settings, request.properties)
    store = wanted.project.store(wanted.id)
    entry = store.load()
    if entry is None:
        return
    api = wanted.project.api(request)
    try:
        if _is_same(atlas_settings.auditing(api), entry["ours"]):
            _write(api, entry["before"])
        else:
            aws.log("changed by others, left", what="database auditing")
    except NotVisibleError as error:
        vendor_object.check_deleted(api, store, entry.get("owner"), error)
    store.delete()


def _is_same(one: Document, other: Document) -> bool:
    return atlas_settings.comparable_auditing(one) == atlas_settings.comparable_auditing(other)


def _write(api: atlas_api.AtlasApi, document: Document) -> None:
    # An empty filter is what Atlas shows where there is none; it is no filter to send.
    body = {name: value for name, value in document.items() if name != "auditFilter" or value}
    api.change("PATCH", atlas_settings.AUDITING, atlas_api.V2023, answers.ignored, body)
    shown = atlas_settings.auditing(api)
    if not _is_same({**document, **{name: shown[name] for name in body}}, document):
        raise RetryLaterError(
            "Atlas took database auditing and does not show it as it was sent",
            timeout_seconds=vendor_object.CONSISTENCY_TIMEOUT_SECONDS,
        )
    aws.log("auditing set", enabled=document["enabled"])
