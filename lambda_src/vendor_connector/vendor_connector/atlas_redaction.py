"""Operation ``atlas-redaction`` (polled): clusters of an Atlas project leave values out of their diagnostic logs.

Each change restarts the cluster's nodes one after the other, also when a destroy takes it back. Source: MongoDB Atlas
Administration API, clusters (read 2024-08-05, write 2024-10-23), ``redactClientLogData``: "changing this setting on a
cluster will trigger a rolling restart".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vendor_connector import atlas_api, atlas_settings, aws
from vendor_connector.atlas_project import PROPERTIES, Project
from vendor_connector.request import ConnectorError, NotReadyError, Request, check_names, texts
from vendor_connector.vendor_api import VendorRefusalError

_RESTART_SECONDS = 3300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties, checked."""

    project: Project
    clusters: tuple[str, ...]

    @property
    def id(self) -> str:
        """What names the resource: one per project."""
        return f"atlas-redaction/{self.project.id}"


def parse(properties: Mapping[str, Any]) -> Settings:
    """Check the properties of ``atlas-redaction``."""
    check_names(properties, (*PROPERTIES, "Clusters"))
    return Settings(project=Project.parse(properties), clusters=texts(properties, "Clusters"))


def physical_id(properties: Mapping[str, Any]) -> str:
    """Return the id: one per project."""
    return parse(properties).id


def apply(request: Request) -> dict[str, str]:
    """Switch redaction on for every cluster asked for, off where it was ours and is no longer asked for; wait."""
    wanted = parse(request.properties)
    api, memory = wanted.project.api(request), wanted.project.memory(wanted.id)
    ours: list[str] = (memory.load() or {}).get("clusters", [])
    found = {name: atlas_settings.cluster(api, name) for name in wanted.clusters}
    missing = sorted(name for name, cluster in found.items() if cluster is None)
    if missing:
        raise ConnectorError(
            f"project {wanted.project.id} has no cluster {', '.join(missing)}: check `redact_clusters`"
        )
    new = [name for name, cluster in found.items() if cluster is not None and not cluster.get(atlas_settings.REDACTION)]
    if new:
        ours = sorted({*ours, *new})
        memory.save({"clusters": ours})
    for name in new:
        _switch(api, name, on=True)
    given_up = [name for name in ours if name not in wanted.clusters]
    _switch_off(api, given_up)
    _wait(api, [*wanted.clusters, *given_up])
    if given_up:
        memory.save({"clusters": [name for name in ours if name in wanted.clusters]})
    return {}


def delete(request: Request) -> None:
    """Switch redaction off where it was ours to switch on; a cluster that is gone needs nothing."""
    wanted = parse(request.properties)
    memory = wanted.project.memory(wanted.id)
    entry = memory.load()
    if entry is None:
        return
    api = wanted.project.api(request)
    _switch_off(api, entry["clusters"])
    _wait(api, entry["clusters"])
    memory.drop()


def _switch_off(api: atlas_api.AtlasApi, names: list[str]) -> None:
    for name in names:
        cluster = atlas_settings.cluster(api, name)
        if cluster is not None and cluster.get(atlas_settings.REDACTION):
            _switch(api, name, on=False)


def _switch(api: atlas_api.AtlasApi, name: str, *, on: bool) -> None:
    try:
        api.call(
            "PATCH", atlas_settings.cluster_path(name), atlas_api.CLUSTER_WRITE, body={atlas_settings.REDACTION: on}
        )
    except VendorRefusalError as refusal:
        if refusal.status == 409:
            raise NotReadyError(
                f"cluster {name} is being changed ({refusal})", patience_seconds=_RESTART_SECONDS
            ) from refusal
        raise atlas_api.explained(refusal) from refusal
    aws.log("redaction set, the cluster restarts", cluster=name, on=on)


def _wait(api: atlas_api.AtlasApi, names: list[str]) -> None:
    for name in names:
        cluster = atlas_settings.cluster(api, name)
        if cluster is not None and cluster.get("stateName") not in ("IDLE", None):
            raise NotReadyError(f"cluster {name} restarts ({cluster['stateName']})", patience_seconds=_RESTART_SECONDS)
