"""Operation ``cockroachdb-log-export`` (polled): have a cluster's log export as asked, until it says ENABLED.

A cluster has one log export; one request makes it or replaces it whole. The status shows its progress: going through
the nodes takes minutes. CREDENTIALS_ERROR is tried again while IAM spreads the role; other failures end the deploy with
the vendor's message, and are tried again by the next. Sources: CockroachDB Cloud API 2024-09-16 (logexport); "Export
Logs"; Cockroach Labs' Terraform provider, which waits where this does, but takes CREDENTIALS_ERROR for a success.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vendor_connector import aws, state, vendor_object
from vendor_connector.request import (
    ConnectorError,
    Document,
    NotVisibleError,
    Request,
    RetryLaterError,
    read,
    read_to_delete,
)
from vendor_connector.vendors.cockroachdb import documents
from vendor_connector.vendors.cockroachdb.api import (
    DELETED,
    PROPAGATION_SECONDS,
    ROLLING_SECONDS,
    ClusterApi,
    Target,
    comparable,
)

_FIELDS = ("type", "log_name", "auth_principal", "aws_external_id", "redact", "region", "omitted_channels", "groups")
_FAILED = ("ENABLE_FAILED", "DISABLE_FAILED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    target: Target
    export: documents.LogExport

    @property
    def id(self) -> str:
        """What names the resource: one per cluster."""
        return self.target.log_export_id


def apply(request: Request) -> dict[str, str]:
    """Enable, adopt or update the log export, and wait until the cluster has it.

    Returns
    -------
    dict
        ``Status``: ENABLED; DELETED in a rollback, when the cluster is.
    """
    wanted = read(Settings, request.properties)
    kind = LogExport(wanted.target.api(request), wanted)
    applied = _fingerprint(request, wanted)
    if kind.api.state() == DELETED:
        if (wanted.target.log_export_store.load() or {}).get("applied") == applied:
            # A rollback, which must not fail because the cluster was deleted meanwhile: nothing else asks this again.
            aws.log("deleted at the vendor", level="WARNING", cluster=kind.api.cluster_id)
            return {"Status": DELETED}
        raise ConnectorError(
            f"cluster {kind.api.cluster_id} was deleted in CockroachDB Cloud. Destroy the export's stack, or correct "
            "`cluster_id`"
        )
    refuse_second_export(wanted.target)
    vendor_object.reconcile(kind, wanted.target.log_export_store, adopt=wanted.target.adopt)
    info = kind.api.log_export() or {}
    status, said = info.get("status"), _said(info)
    if status == "ENABLED":
        entry = wanted.target.log_export_store.load() or {}
        if entry.get("applied") != applied:
            wanted.target.log_export_store.save({**entry, "applied": applied})
        return {"Status": status}
    if status in _FAILED:
        kind.raise_new_failure(info)
        kind.write(wanted.export.document)
    elif status == "CREDENTIALS_ERROR":
        kind.write(wanted.export.document)
        raise RetryLaterError(
            f"the cluster cannot write to CloudWatch Logs with {wanted.export.document['auth_principal']} ({said})",
            timeout_seconds=PROPAGATION_SECONDS,
        )
    raise RetryLaterError(f"CockroachDB Cloud is enabling the log export ({said})", timeout_seconds=ROLLING_SECONDS)


def delete(request: Request) -> None:
    """Disable the log export, and wait until it is."""
    wanted = read_to_delete(Settings, request.properties)
    # Without saved state nothing was enabled, and then not even the credential is needed.
    store = wanted.target.log_export_store
    entry = store.load()
    if entry is None:
        return
    kind = LogExport(wanted.target.api(request), wanted)
    try:
        if kind.api.state() == DELETED:
            aws.log("deleted at the vendor", resource=store.resource)
            store.delete()
            return
    except NotVisibleError as error:
        vendor_object.check_deleted(kind.api, store, entry.get("owner"), error)
        store.delete()
        return
    vendor_object.remove(lambda: kind, store)


def _fingerprint(request: Request, wanted: Settings) -> str:
    """Identify a request, by the document and the revision."""
    asked = json.dumps([wanted.export.document, request.properties.get("Revision")], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def current(api: ClusterApi) -> Document | None:
    """Return what the cluster's log export is set to; None when it has none.

    Raises
    ------
    RetryLaterError
        While one is being disabled.
    """
    info = api.log_export()
    if info is None or info["status"] == "DISABLED":
        return None
    if info["status"] == "DISABLING":
        raise RetryLaterError("CockroachDB Cloud is disabling the log export", timeout_seconds=ROLLING_SECONDS)
    return info.get("spec") or {}


def refuse_second_export(target: Target) -> None:
    """Refuse a log export that another export has made, such as this one under its former name: its destroy ends it."""
    store = target.log_export_store
    if store.load() is None and (others := state.of_other_exports(store.parameter, store.resource, "cockroachdb")):
        raise ConnectorError(
            f"the log export of cluster {target.cluster_id} belongs to the stack of the export {', '.join(others)}, "
            "whose destroy disables it. Destroy that stack first, then deploy again"
        )


def not_ours(target: Target, found: Document) -> ConnectorError:
    """Report that the cluster's log export has another owner."""
    return ConnectorError(
        f"cluster {target.cluster_id} has a log export already, to {found.get('log_name')} with "
        f"{found.get('auth_principal')}, and this stack did not make it. Disable it, or set `connect.adopt: true` to "
        "take it over."
    )


@dataclass(frozen=True, slots=True)
class LogExport:
    """A cluster's log export, as ``vendor_object`` reconciles it."""

    api: ClusterApi
    wanted: Settings

    @property
    def description(self) -> str:
        """Its name, and where a person finds it."""
        return f"a log export of cluster {self.api.cluster_id} (CockroachDB Cloud API, logexport)"

    def find(self, object_id: str) -> Document | None:
        """Return the one that there is."""
        return self.list_all().get(object_id)

    def list_all(self) -> dict[str, Document]:
        """Return the one that there is, by the cluster's id."""
        found = current(self.api)
        return {} if found is None else {self.api.cluster_id: found}

    def matches(self, document: Document) -> bool:  # noqa: ARG002
        """Return True: a cluster has one."""
        return True

    def matches_new(self, document: Document) -> bool:
        """Return whether it uses our role."""
        return bool(document.get("auth_principal") == self.wanted.export.document["auth_principal"])

    def create(self) -> str:
        """Enable it."""
        self.write(self.wanted.export.document)
        return self.api.cluster_id

    def is_up_to_date(self, document: Document) -> bool:
        """Return whether the cluster has what is asked."""
        return comparable(document) == comparable(self.wanted.export.document)

    def update(self, object_id: str, former: Document | None) -> None:  # noqa: ARG002
        """Replace it whole."""
        self.write(former or self.wanted.export.document)

    def remove(self, object_id: str) -> None:  # noqa: ARG002
        """Disable it."""
        info = self.api.log_export() or {}
        if info.get("status") == "DISABLE_FAILED":
            self.raise_new_failure(info)
        self.api.write("DELETE")

    def write(self, document: Document) -> None:
        """Send a configuration, whole."""
        body = {name: document[name] for name in _FIELDS if document.get(name) not in (None, "", [])}
        self.api.write("POST", body=body, needs_role=True)

    def raise_new_failure(self, info: Document) -> None:
        """Fail with what the vendor says of a failure; return if that was said before, and it is to be tried again."""
        store = self.wanted.target.log_export_store
        entry, failure = store.load() or {}, [info.get("status"), info.get("updated_at")]
        if entry.get("told") == failure:
            return
        store.save({**entry, "told": failure})
        raise ConnectorError(
            f"CockroachDB Cloud could not do it ({_said(info)}). Most failures come from a log group that is missing "
            "or a role that does not fit; correct what it says and deploy again, which tries again"
        )


def _said(info: Mapping[str, Any]) -> str:
    return f"{info.get('status')}: {info.get('user_message') or 'without a message'}"
