"""The CockroachDB Cloud API of one cluster: credential, version, and what its refusals mean.

Source: CockroachDB Cloud API 2024-09-16 (OpenAPI description), "Cloud API" (10 requests a second per user, then 429
with Retry-After).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from vendor_connector import answers
from vendor_connector.connection import Access, Connection
from vendor_connector.request import ConnectorError, Document, NotVisibleError, Request, RetryLaterError
from vendor_connector.vendor_api import NoAnswerError, VendorApi, VendorRefusalError
from vendor_connector.vendor_object import StateStore

BASE_URL = "https://cockroachlabs.cloud"
VERSION = "2024-09-16"
LOG_EXPORT = "/logexport"
DELETED = "DELETED"

_GROUP: Document = {"log_name?": str, "channels?": [str], "min_level?": str, "redact?": bool}
_SPEC: Document = {"omitted_channels?": [str], "groups?": [_GROUP]}
_LOG_EXPORT = answers.of({"status": str, "spec?": _SPEC})
_CLUSTER: Document = {"state": str, "regions?": [{"name": str}], "keychain_config?": {}}
_CLUSTERS = answers.of({"clusters": [{"id": answers.ID, "state": str}], "pagination?": {"next_page?": str}})

ROLLING_SECONDS = 3300.0
"""How long a change may take, which goes through a cluster's nodes one after the other."""

PROPAGATION_SECONDS = 300.0
"""How long IAM may take to let the cluster see our role and its policy; it is rarely more than a minute."""

_BY_STATUS = {
    401: "CockroachDB Cloud does not accept the credential: the secret must hold the secret key of a service account "
    "that still has it",
    403: "the service account lacks a role: it needs Cluster Admin or Cluster Operator Writer on this cluster",
    404: "there is no such cluster, or the service account may not see it: check `cluster_id`",
}
# What the API answers while another operation has the cluster: "couldn't lock cluster", "locked cluster".
_LOCKED = re.compile(r"(?i)\block(?:ed|ing)?\b")
_LOCKED_STATUSES = (400, 409, 423)
# What the API answers before it knows whether the cluster can assume our role, and while it cannot.
_MAY_BE_IAM = (400, 403)
_NOT_IAM = re.compile(r"(?i)\b(?:allow|block|deny)[ -]?list|\bblocked\b|\bsuspended\b|\bquota\b|\blimit\b")


def explain(refusal: VendorRefusalError) -> ConnectorError:
    """Say what CockroachDB Cloud said, what it means and what to do."""
    meaning = _BY_STATUS.get(refusal.status)
    return ConnectorError(f"{refusal}. {meaning[0].upper()}{meaning[1:]}." if meaning else str(refusal))


def is_locked(refusal: VendorRefusalError) -> bool:
    """Return whether another operation has the cluster at this moment."""
    return refusal.status in _LOCKED_STATUSES and bool(_LOCKED.search(_message(refusal)))


def may_be_iam(refusal: VendorRefusalError) -> bool:
    """Return whether a refusal may come from IAM, which takes a while to let a new role be seen."""
    return refusal.status in _MAY_BE_IAM and not _NOT_IAM.search(_message(refusal))


def _message(refusal: VendorRefusalError) -> str:
    return str(refusal.document.get("message") or refusal.said)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target(Connection):
    """The properties of every operation on a cluster."""

    cluster_id: str

    @property
    def log_export_id(self) -> str:
        """What names the log export: a cluster has one."""
        return f"cockroachdb-log-export/{self.cluster_id}"

    @property
    def log_export_store(self) -> StateStore:
        """The saved state of the log export."""
        return self.store(self.log_export_id)

    def api(self, request: Request) -> ClusterApi:
        """Read the credential and return the cluster's API."""
        return connect(self.access(request), self.cluster_id)


@dataclass(frozen=True, slots=True)
class ClusterApi:
    """One cluster's API."""

    api: VendorApi
    cluster_id: str

    def cluster(self) -> Document:
        """Return the cluster.

        Raises
        ------
        NotVisibleError
            When there is no such cluster, or the service account may not see it.
        """
        try:
            return self.api.call("GET", self._path(), answers.one(_CLUSTER, "id", self.cluster_id))
        except VendorRefusalError as refusal:
            if refusal.status != 404:
                raise explain(refusal) from refusal
            raise NotVisibleError(
                f"CockroachDB Cloud has no cluster {self.cluster_id}, or the service account may not see it: check "
                "`cluster_id`, and that the service account has a role on this cluster"
            ) from refusal

    def log_export(self) -> Document | None:
        """Return the cluster's log export with its ``status``; None when there never was one.

        Raises
        ------
        NotVisibleError
            When there is no such cluster, or the service account may not see it.
        """
        try:
            found: Document = self.api.call("GET", self._path(LOG_EXPORT), _LOG_EXPORT)
        except VendorRefusalError as refusal:
            if refusal.status != 404:
                raise explain(refusal) from refusal
        else:
            return found
        self.cluster()
        return None

    def state(self) -> str:
        """Return the cluster's state, such as CREATED; a deleted cluster is shown, with its log export, as DELETED."""
        return str(self.cluster()["state"])

    def owner(self) -> str | None:
        """Return the id of the organization that the service account is in; None when it may not see it."""
        try:
            organization = self.api.call("GET", "/api/v1/organization", answers.of({"id": answers.ID}))
        except VendorRefusalError as refusal:
            if refusal.status in (401, 403, 404):
                return None
            raise explain(refusal) from refusal
        return str(organization["id"])

    def is_deleted(self, owner: str | None) -> bool:  # noqa: ARG002  (the list says it, for every owner)
        """Return whether the cluster is shown as deleted: in itself, or in the list of clusters with inactive ones."""
        page = ""
        for _ in range(answers.MAX_PAGES):
            query = {"show_inactive": "true", "pagination.limit": "500", **({"pagination.page": page} if page else {})}
            try:
                answer = self.api.call("GET", "/api/v1/clusters", _CLUSTERS, query=query)
            except VendorRefusalError as refusal:
                if refusal.status in (401, 403, 404):
                    return False
                raise explain(refusal) from refusal
            for cluster in answer["clusters"]:
                if cluster["id"] == self.cluster_id:
                    return bool(cluster["state"] == DELETED)
            page = (answer.get("pagination") or {}).get("next_page") or ""
            if not page:
                return False
        raise NoAnswerError(f"CockroachDB Cloud: the list of clusters has more than {answers.MAX_PAGES} pages")

    def write(self, method: str, *, body: object = None, needs_role: bool = False) -> None:
        """Change the log export; every change here may be asked for twice.

        Parameters
        ----------
        needs_role
            Whether a refusal may come from IAM, which takes a while to let a new role and its policy be seen.

        Raises
        ------
        RetryLaterError
            When the cluster is busy with another change, or while the refusal may come from IAM.
        """
        try:
            self.api.call(method, self._path(LOG_EXPORT), answers.ignored, body=body, is_repeatable=True)
        except NoAnswerError as error:
            # An answer of the API itself, not of a proxy in front of it: Cockroach Labs' Terraform provider waits too.
            if error.status == 503 and error.document.get("code") is not None:
                raise RetryLaterError(f"the cluster is busy ({error})", timeout_seconds=ROLLING_SECONDS) from error
            raise
        except VendorRefusalError as refusal:
            if refusal.status == 404 and method == "DELETE":
                return
            if is_locked(refusal):
                raise RetryLaterError(f"the cluster is busy ({refusal})", timeout_seconds=ROLLING_SECONDS) from refusal
            meaning = explain(refusal)
            if needs_role and may_be_iam(refusal):
                raise RetryLaterError(str(meaning), timeout_seconds=PROPAGATION_SECONDS) from refusal
            raise meaning from refusal

    def _path(self, path: str = "") -> str:
        return f"/api/v1/clusters/{self.cluster_id}{path}"


def connect(access: Access, cluster_id: str) -> ClusterApi:
    """Read the key, ``api_key`` of the secret or the secret itself, and return the cluster's API."""
    key = access.read(access.secret, ("api_key",))["api_key"]
    headers = {"Authorization": f"Bearer {key}", "Cc-Version": VERSION}
    return ClusterApi(access.api("CockroachDB Cloud", BASE_URL, headers=lambda: headers), cluster_id)


def comparable(document: Document) -> Document:
    """Return a log export in one spelling: the vendor has several."""
    redact = bool(document.get("redact"))
    groups = [
        {
            "log_name": group.get("log_name"),
            "channels": sorted(group.get("channels") or []),
            "min_level": group.get("min_level") or "UNSPECIFIED",
            "redact": redact if group.get("redact") is None else group["redact"],
        }
        for group in document.get("groups") or []
    ]
    return {
        **{name: document.get(name) or None for name in ("type", "log_name", "auth_principal")},
        **{name: document.get(name) or None for name in ("aws_external_id", "region")},
        "redact": redact,
        "omitted_channels": sorted(document.get("omitted_channels") or []),
        "groups": sorted(groups, key=json.dumps),
    }
