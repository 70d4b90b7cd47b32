"""What is set for a whole Atlas project, as the operations keep it and a person's look compares it.

Sources: MongoDB Atlas, "Alerting for Log Export Failures"; Administration API, alertConfigs and auditLog (2023-01-01),
clusters (2024-08-05).
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from vendor_connector import answers
from vendor_connector.request import Document
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import documents

ALERTS, AUDITING = "/alertConfigs", "/auditLog"
REDACTION = "redactClientLogData"
ALERT_SHAPE: Document = {"id": answers.ID, "notifications?": [{"typeName?": str}]}
_CLUSTER: Document = {
    "redactClientLogData?": bool,
    "stateName?": str,
    "replicationSpecs?": [{"regionConfigs?": [{"electableSpecs?": {}}]}],
}
_CLUSTERS = answers.of({"results": [_CLUSTER]})
# "PagerDuty, VictorOps, and OpsGenie notifications don't return this element" (alertConfigs, intervalMin).
_OWN_INTERVAL = frozenset({"PAGER_DUTY", "VICTOR_OPS", "OPS_GENIE"})
# "The key appears partially redacted when you query the alert", and so do URLs (alertConfigs, notifications).
_REDACTED = frozenset({
    "apiToken", "datadogApiKey", "microsoftTeamsWebhookUrl", "notificationToken", "opsGenieApiKey", "serviceKey",
    "victorOpsApiKey", "webhookSecret", "webhookUrl",
})  # fmt: skip
_LEAST_MAJOR = 7
_NO_AUDITING: Document = {"enabled": False, "auditFilter": "", "auditAuthorizationSuccess": False}


def alerts(api: atlas_api.AtlasApi) -> dict[str, Document]:
    """Return the project's alert configurations for a log export that fails, by id."""
    return answers.by_id(
        one
        for one in api.pages(lambda query: api.read(ALERTS, atlas_api.V2023, _alerts, query))
        if one.get("eventTypeName") == documents.EVENT
    )


def _alerts(answer: Any) -> list[Document]:
    found: list[Document] = answers.check(answer, {"results": [{}]})["results"]
    ours = [one for one in found if one.get("eventTypeName") == documents.EVENT]
    answers.check(ours, [ALERT_SHAPE], "results")
    return found


def redacted(alert: Document) -> list[str]:
    """Return what Atlas does not give back of an alert, such as the key of a service.

    A notification through an integration of the project has its key there.
    """
    alone = [one for one in alert.get("notifications") or [] if not one.get("integrationId")]
    return sorted({name for one in alone for name in _REDACTED & one.keys() if one[name]})


def sent_back(notifications: list[Document]) -> list[Document]:
    """Return notifications as they may be sent back: without what Atlas shows redacted."""
    return [{name: value for name, value in one.items() if name not in _REDACTED} for one in notifications]


def notifies(alert: Document, wanted: Document) -> bool:
    """Return whether an alert notifies as asked. Atlas adds fields of its own to what it was given."""
    found = list(alert.get("notifications") or [])
    for each in wanted["notifications"]:
        shown = {**each}
        if each["typeName"] in _OWN_INTERVAL:
            shown.pop("intervalMin", None)
        fits = [one for one in found if all(one.get(name) == value for name, value in shown.items())]
        if not fits:
            return False
        found.remove(fits[0])
    return bool(alert.get("enabled")) and not found


def auditing(api: atlas_api.AtlasApi) -> Document:
    """Return a project's database auditing."""
    return api.read(AUDITING, atlas_api.V2023, _auditing)


def _auditing(answer: Any) -> Document:
    answers.check(answer, {f"{name}?": type(value) for name, value in _NO_AUDITING.items()})
    if not answer.keys() & _NO_AUDITING.keys():
        raise answers.UnusableError("the answer has no setting of auditing")
    return {name: answer.get(name) or value for name, value in _NO_AUDITING.items()}


def comparable_auditing(document: Document) -> Document:
    """Return a document whose filter, a JSON document itself, is spelt in one way."""
    try:
        spelt = json.dumps(answers.parse(document["auditFilter"]), sort_keys=True)
    except ValueError:
        spelt = document["auditFilter"]
    return {**document, "auditFilter": spelt}


def clusters(api: atlas_api.AtlasApi) -> list[Document]:
    """Return the project's clusters; flex clusters are none of them."""

    def page(query: Mapping[str, str]) -> list[Document]:
        found: list[Document] = api.read("/clusters", atlas_api.CLUSTER_READ, _CLUSTERS, query)["results"]
        return found

    return list(api.pages(page))


def exports_no_logs(cluster: Document) -> str | None:
    """Return why Atlas exports no logs of a cluster, such as ``M0``; None where it does or does not show enough.

    "You can configure your M10+ clusters to export system logs"; "running MongoDB 7.0 or later" (MongoDB Atlas, "Export
    Logs to AWS S3 Buckets").
    """
    sizes = {
        str((region.get("electableSpecs") or {}).get("instanceSize"))
        for spec in cluster.get("replicationSpecs") or []
        for region in spec.get("regionConfigs") or []
    }
    if small := sizes & {"M0", "M2", "M5"}:
        return min(small)
    version = str(cluster.get("mongoDBVersion") or cluster.get("mongoDBMajorVersion") or "")
    major = version.partition(".")[0]
    return f"MongoDB {version}" if major.isdecimal() and int(major) < _LEAST_MAJOR else None


def cluster_path(name: str) -> str:
    """Return the path of a cluster, after the project's."""
    return f"/clusters/{quote(name, safe='')}"


def cluster(api: atlas_api.AtlasApi, name: str) -> Document | None:
    """Return a cluster; None when there is none of this name."""
    return api.find(cluster_path(name), atlas_api.CLUSTER_READ, answers.one(_CLUSTER, "name", name))
