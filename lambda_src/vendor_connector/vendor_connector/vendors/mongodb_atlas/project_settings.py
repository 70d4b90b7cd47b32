"""What is set for a whole Atlas project, as the operations keep it and a person's look compares it.

Sources: MongoDB Atlas, "Alerting for Log Export Failures"; Administration API, alertConfigs and auditLog (2023-01-01),
clusters (2024-08-05).
"""

import json
from urllib.parse import quote

from vendor_connector.request import Document
from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import documents

ALERTS, AUDITING = "/alertConfigs", "/auditLog"
REDACTION = "redactClientLogData"
_PAGE = 500
_LEAST_MAJOR = 7
_NO_AUDITING: Document = {"enabled": False, "auditFilter": "", "auditAuthorizationSuccess": False}


def alerts(api: atlas_api.AtlasApi) -> dict[str, Document]:
    """Return the project's alert configurations for a log export that fails, by id."""
    found: dict[str, Document] = {}
    page, more = 1, True
    while more:
        query = {"itemsPerPage": str(_PAGE), "pageNum": str(page)}
        results = api.read(ALERTS, atlas_api.V2023, query).get("results") or []
        found |= {one["id"]: one for one in results if one.get("eventTypeName") == documents.EVENT}
        page, more = page + 1, len(results) == _PAGE
    return found


def notifies(alert: Document, wanted: Document) -> bool:
    """Return whether an alert notifies as asked. Atlas adds fields of its own to what it was given."""
    found = list(alert.get("notifications") or [])
    for each in wanted["notifications"]:
        fits = [one for one in found if all(one.get(name) == value for name, value in each.items())]
        if not fits:
            return False
        found.remove(fits[0])
    return bool(alert.get("enabled")) and not found


def auditing(api: atlas_api.AtlasApi) -> Document:
    """Return a project's database auditing."""
    answer = api.read(AUDITING, atlas_api.V2023)
    return {name: answer.get(name) or value for name, value in _NO_AUDITING.items()}


def comparable_auditing(document: Document) -> Document:
    """Return a document whose filter, a JSON document itself, is spelt in one way."""
    try:
        spelt = json.dumps(json.loads(document["auditFilter"]), sort_keys=True)
    except ValueError:
        spelt = document["auditFilter"]
    return {**document, "auditFilter": spelt}


def clusters(api: atlas_api.AtlasApi) -> list[Document]:
    """Return the project's clusters; flex clusters are none of them."""
    found: list[Document] = []
    page, more = 1, True
    while more:
        query = {"itemsPerPage": str(_PAGE), "pageNum": str(page)}
        results = api.read("/clusters", atlas_api.CLUSTER_READ, query).get("results") or []
        found += results
        page, more = page + 1, len(results) == _PAGE
    return found


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
    found: Document | None = api.find(cluster_path(name), atlas_api.CLUSTER_READ)
    return found
