"""Operation ``atlas-redaction`` (polled): clusters of an Atlas project leave values out of their diagnostic logs.

Each change restarts the cluster's nodes one after the other, also when a destroy takes it back. Source: MongoDB Atlas
Administration API, clusters (read 2024-08-05, write 2024-10-23), ``redactClientLogData``: "changing this setting on a
cluster will trigger a rolling restart".
"""

import re
from collections.abc import Mapping, Sequence
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
from vendor_connector.vendor_api import VendorRefusalError
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import project_settings as atlas_settings
from vendor_connector.vendors.mongodb_atlas.operations.project import Project

_RESTART_SECONDS = 3300.0
_IDLE, _DELETING = "IDLE", "DELETING"
# Error codes while another change of the cluster is under way.
_IN_PROGRESS = re.compile(r"IN_PROGRESS|UPDATING|NOT_IDLE|BUSY|PENDING|CONCURRENT")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    project: Project
    clusters: tuple[str, ...]

    @property
    def id(self) -> str:
        """What names the resource: one per project."""
        return f"atlas-redaction/{self.project.project_id}"


def apply(request: Request) -> dict[str, str]:
    """Switch redaction on for every cluster asked for, off where it was ours and is no longer asked for; wait."""
    wanted = read(Settings, request.properties)
    api, store = wanted.project.api(request), wanted.project.store(wanted.id)
    entry = store.load() or {}
    ours: list[str] = entry.get("clusters", [])
    given_up = [name for name in ours if name not in wanted.clusters]
    found, released = _read(api, wanted.clusters), _read(api, given_up)
    missing = sorted(name for name, cluster in found.items() if cluster is None)
    if missing:
        raise ConnectorError(
            f"project {wanted.project.project_id} has no cluster {', '.join(missing)}: check `redact_clusters`"
        )
    _check_can_change(found, on=True)
    _check_can_change(released, on=False)
    new = [name for name, cluster in found.items() if cluster is not None and not cluster.get(atlas_settings.REDACTION)]
    if new:
        ours = sorted({*ours, *new})
        owner = entry.get("owner") or api.owner()
        entry = {"clusters": ours, **({"owner": owner} if owner else {})}
        store.save(entry)
    for name in new:
        _switch(api, name, on=True)
    _switch_off(api, released)
    _wait(api, {**dict.fromkeys(given_up, False), **dict.fromkeys(wanted.clusters, True)})
    if given_up:
        store.save({**entry, "clusters": [name for name in ours if name in wanted.clusters]})
    return {}


def delete(request: Request) -> None:
    """Switch redaction off where it was ours to switch on; a cluster that is gone needs nothing."""
    wanted = read_to_delete(Settings, request.properties)
    store = wanted.project.store(wanted.id)
    entry = store.load()
    if entry is None:
        return
    api = wanted.project.api(request)
    try:
        released = _read(api, entry["clusters"])
        _check_can_change(released, on=False)
        _switch_off(api, released)
        _wait(api, dict.fromkeys(entry["clusters"], False))
    except NotVisibleError as error:
        vendor_object.check_deleted(api, store, entry.get("owner"), error)
    store.delete()


def _read(api: atlas_api.AtlasApi, names: Sequence[str]) -> dict[str, Document | None]:
    """Return clusters by name; None for one that does not exist."""
    return {name: atlas_settings.cluster(api, name) for name in names}


def _check_can_change(clusters: Mapping[str, Document | None], *, on: bool) -> None:
    """Refuse clusters whose setting has to change and that take no change, before any cluster is restarted."""
    for name, cluster in clusters.items():
        if cluster is None or bool(cluster.get(atlas_settings.REDACTION)) == on:
            continue
        if cluster.get("paused"):
            raise _is_paused(name)
        if on and cluster.get("stateName") == _DELETING:
            raise ConnectorError(f"cluster {name} is being deleted: take it out of `redact_clusters`")


def _is_paused(name: str) -> ConnectorError:
    return ConnectorError(
        f"cluster {name} is paused, and Atlas changes nothing of a paused cluster: resume it in Atlas, then try again"
    )


def _switch_off(api: atlas_api.AtlasApi, clusters: Mapping[str, Document | None]) -> None:
    for name, cluster in clusters.items():
        if cluster is None or cluster.get("stateName") == _DELETING:
            continue
        if cluster.get(atlas_settings.REDACTION):
            _switch(api, name, on=False)


def _switch(api: atlas_api.AtlasApi, name: str, *, on: bool) -> None:
    try:
        api.call(
            "PATCH",
            atlas_settings.cluster_path(name),
            atlas_api.CLUSTER_WRITE,
            answers.ignored,
            body={atlas_settings.REDACTION: on},
        )
    except VendorRefusalError as refusal:
        code = atlas_api.code_of(refusal)
        if "PAUSED" in code:
            raise _is_paused(name) from refusal
        if refusal.status == 409 and _IN_PROGRESS.search(code):
            raise RetryLaterError(
                f"cluster {name} is being changed ({refusal})", timeout_seconds=_RESTART_SECONDS
            ) from refusal
        raise atlas_api.explain(refusal) from refusal
    aws.log("redaction set, the cluster restarts", cluster=name, on=on)


def _wait(api: atlas_api.AtlasApi, wanted: Mapping[str, bool]) -> None:
    """Wait until every cluster shows its setting and has restarted."""
    for name, on in wanted.items():
        cluster = atlas_settings.cluster(api, name)
        # One that is being deleted logs nothing any more.
        if cluster is None or cluster.get("stateName") == _DELETING:
            continue
        state = cluster.get("stateName") or _IDLE
        # A paused one restarts only once it is resumed.
        if state != _IDLE and not cluster.get("paused"):
            raise RetryLaterError(f"cluster {name} restarts ({state})", timeout_seconds=_RESTART_SECONDS)
        if bool(cluster.get(atlas_settings.REDACTION)) != on:
            raise RetryLaterError(
                f"Atlas took the change of cluster {name} and does not show it", timeout_seconds=_RESTART_SECONDS
            )
