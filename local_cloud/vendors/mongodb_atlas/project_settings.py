"""What is set for a whole project of Atlas: its alerts, its auditing, its clusters."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from local_cloud.vendors.mongodb_atlas.bodies import AlertConfig, AuditLog, ClusterChange
from local_cloud.vendors.mongodb_atlas.project import now, refusal
from local_cloud.vendors.server import Reply

if TYPE_CHECKING:
    from local_cloud.vendors.mongodb_atlas.project import Project
    from local_cloud.vendors.server import Request

# "PagerDuty, VictorOps, and OpsGenie notifications don't return this element" (alertConfigs, intervalMin).
_OWN_INTERVAL = frozenset({"PAGER_DUTY", "VICTOR_OPS", "OPS_GENIE"})


def list_alerts(found: list[dict[str, Any]], request: Request) -> Reply:
    """Answer GET /alertConfigs."""
    size, page = int(request.query.get("itemsPerPage", "100")), int(request.query.get("pageNum", "1"))
    return Reply(200, {"results": found[size * (page - 1) : size * page], "totalCount": len(found)})


def create_alert(project: Project, request: Request) -> Reply:
    """Answer POST /alertConfigs."""
    alert_id = secrets.token_hex(12)
    project.alerts[alert_id] = _alert(alert_id, request)
    return Reply(200, project.alerts[alert_id])


def get_alert(project: Project, _: Request, alert_id: str) -> Reply:
    """Answer GET /alertConfigs/{id}."""
    _known(project, alert_id)
    return Reply(200, project.alerts[alert_id])


def update_alert(project: Project, request: Request, alert_id: str) -> Reply:
    """Answer PUT /alertConfigs/{id}."""
    _known(project, alert_id)
    project.alerts[alert_id] = _alert(alert_id, request)
    return Reply(200, project.alerts[alert_id])


def delete_alert(project: Project, _: Request, alert_id: str) -> Reply:
    """Answer DELETE /alertConfigs/{id}."""
    _known(project, alert_id)
    del project.alerts[alert_id]
    return Reply(204)


def _known(project: Project, alert_id: str) -> None:
    if alert_id not in project.alerts:
        raise refusal(404, "ALERT_CONFIG_NOT_FOUND", f"No alert configuration with ID {alert_id} exists.")


def _alert(alert_id: str, request: Request) -> dict[str, Any]:
    wanted = AlertConfig.model_validate(request.json()).document(without_empty=True)
    for notification in wanted["notifications"]:
        notification.setdefault("notifierId", secrets.token_hex(12))
        if notification["typeName"] in _OWN_INTERVAL:
            notification.pop("intervalMin", None)
    return {"id": alert_id, "created": now(), "updated": now(), **wanted}


def get_auditing(project: Project, _: Request) -> Reply:
    """Answer GET /auditLog."""
    return Reply(200, {**project.auditing, "configurationType": "FILTER_JSON"})


def set_auditing(project: Project, request: Request) -> Reply:
    """Answer PATCH /auditLog."""
    project.auditing |= AuditLog.model_validate(request.json()).document(without_empty=True)
    return get_auditing(project, request)


def list_clusters(project: Project, _: Request) -> Reply:
    """Answer GET /clusters, with fewer clusters than a page has."""
    found = [{"name": name, **cluster} for name, cluster in project.clusters.items()]
    return Reply(200, {"results": found, "totalCount": len(found)})


def get_cluster(project: Project, _: Request, name: str) -> Reply:
    """Answer GET /clusters/{name}; one that was just changed is restarting."""
    cluster = {"name": name, **_cluster(project, name)}
    if "stateName" in cluster:
        return Reply(200, cluster)
    if project.restarting.get(name):
        project.restarting[name] -= 1
        return Reply(200, {**cluster, "stateName": "UPDATING"})
    return Reply(200, {**cluster, "stateName": "IDLE"})


def set_cluster(project: Project, request: Request, name: str) -> Reply:
    """Answer PATCH /clusters/{name}."""
    cluster = _cluster(project, name)
    if cluster.get("paused"):
        raise refusal(409, "CANNOT_UPDATE_PAUSED_CLUSTER", f"Cannot update cluster {name} while it is paused.")
    wanted = ClusterChange.model_validate(request.json())
    cluster["redactClientLogData"] = wanted.redact_client_log_data
    project.restarting[name] = project.restart_looks
    return Reply(200, {"name": name, **cluster, "stateName": "UPDATING"})


def _cluster(project: Project, name: str) -> dict[str, Any]:
    if name not in project.clusters:
        raise refusal(404, "CLUSTER_NOT_FOUND", f"No cluster named {name} exists.")
    return project.clusters[name]
