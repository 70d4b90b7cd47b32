"""Changes of a deployment's settings, each by itself: what docs/plan.md shows, and what the tests of the plan use."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.settings.documents import EXPORTS, FETCH, OTLP, PUSH, Document

CONNECTED: Document = {
    "name": "orders",
    "kind": "mongodb-atlas",
    "project_id": "5e2211c17a3e5a48f5497de3",
    "prefix": "atlas/orders",
    "connect": {
        "secret": "acme/atlas",
        "alert": True,
        "auditing": {"filter": '{"atype": "authenticate"}'},
        "redact_clusters": ["prod"],
    },
    "ship_to": ["archive", "logz"],
}
BASE: Document = {
    "deployment": "acme",
    "account": "111122223333",
    "region": "eu-west-1",
    "retention": {"hot_days": 90, "archive_days": 400},
    "alerts": {"email": ["oncall@acme.example"]},
    "destinations": [PUSH, FETCH, OTLP],
    "exports": [
        CONNECTED,
        {**EXPORTS["mongodb-atlas"], "name": "carts", "prefix": "atlas/carts", "ship_to": ["logz"]},
        {**EXPORTS["cockroachdb"], "ship_to": ["logz", "reader"], "redaction": {"markers": "redact"},
         "groups": [{"log_name": "/acme/cockroach/sql", "channels": ["SQL_EXEC"]}]},
        {**EXPORTS["aurora-mysql"], "log_types": ["audit", "error"], "parameter_group": "billing-params"},
        {**EXPORTS["rds"], "parameter_group": "shop-params"},
        EXPORTS["aptible"],
        {**EXPORTS["s3-logs"], "ship_to": ["archive", "lake"], "prefix": "aws", "services": ["cloudtrail"]},
        {"name": "uploads", "kind": "s3-logs", "existing_bucket": "acme-uploads", "ship_to": ["lake"]},
        {**EXPORTS["cloudwatch-logs"], "log_group_prefixes": ["/acme/services/"], "encrypt": True,
         "redaction": {"detectors": ["email"], "patterns": [{"name": "card", "regex": "[0-9]{16}"}]}},
    ],
}  # fmt: skip
"""A deployment with every kind of export and destination."""


def export(document: Document, name: str) -> Document:
    found: Document = next(each for each in document["exports"] if each["name"] == name)
    return found


def put(name: str, path: str, value: Any) -> Callable[[Document], None]:
    """Set a setting of an export, or remove it (None)."""

    def change(document: Document) -> None:
        target = export(document, name) if name else document
        *within, last = path.split(".")
        for key in within:
            target = target.setdefault(key, {})
        if value is None:
            target.pop(last, None)
        else:
            target[last] = value

    return change


def without(what: str, name: str) -> Callable[[Document], None]:
    """Remove an export or destination, and whatever names the destination."""

    def change(document: Document) -> None:
        document[what] = [each for each in document[what] if each["name"] != name]
        for each in document["exports"]:
            if "ship_to" in each:
                each["ship_to"] = [destination for destination in each["ship_to"] if destination != name]

    return change


def destination(name: str, **values: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        found = next(each for each in document["destinations"] if each["name"] == name)
        found.update(values)

    return change


def both(*changes: Callable[[Document], None]) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for each in changes:
            each(document)

    return change


@dataclass(frozen=True)
class Transition:
    """One change.

    Attributes
    ----------
    title
        What is changed, as a heading.
    change
        Changes the document of `BASE`.
    code
        The exit code.
    kinds
        Kinds of consequences that must be named, as `name: kind`.
    """

    title: str
    change: Callable[[Document], None]
    code: int
    kinds: tuple[str, ...]

    def documents(self) -> tuple[Document, Document]:
        """Return the settings before and after."""
        after = copy.deepcopy(BASE)
        self.change(after)
        return copy.deepcopy(BASE), after


TRANSITIONS = [
    Transition(
        "A log group prefix is removed",
        put("apps", "log_group_prefixes", []),
        2,
        ("apps:log_group_prefixes: logs stop",),
    ),
    Transition("A log group is removed", put("apps", "log_groups", []), 2, ("apps:log_groups: logs stop",)),
    Transition(
        "Another parameter group of Aurora",
        put("billing", "parameter_group", "billing-params-2"),
        0,
        ("billing:parameter_group: restart",),
    ),
    Transition(
        "Another Aurora cluster",
        put("billing", "cluster_id", "billing-2"),
        2,
        ("billing:cluster_id: logs stop", "billing:cluster_id: restart"),
    ),
    Transition(
        "One Aurora cluster becomes several",
        both(
            put("billing", "cluster_id", None),
            put("billing", "parameter_group", None),
            put("billing", "cluster_ids", ["billing", "stock"]),
            put("billing", "parameter_groups", {"billing": "billing-params"}),
        ),
        0,
        ("billing:cluster_ids: restart",),
    ),
    Transition(
        "One Atlas project becomes several",
        both(
            put("orders", "connect.redact_clusters", None),
            put("orders", "project_id", None),
            put("orders", "project_ids", ["5e2211c17a3e5a48f5497de3", "6f3322d28b4f6b59a6508ef4"]),
        ),
        2,
        ("orders:project_ids: note", "orders:project_ids: to do at the vendor"),
    ),
    Transition(
        "The cluster is no longer configured",
        put("billing", "configure_cluster", False),
        2,
        ("billing:configure_cluster: logs stop",),
    ),
    Transition(
        "An Aurora log type is removed", put("billing", "log_types", ["audit"]), 2, ("billing:log_types: logs stop",)
    ),
    Transition(
        "An Aurora log type that needs parameters",
        put("billing", "log_types", ["audit", "error", "slowquery"]),
        0,
        ("billing:log_types: note",),
    ),
    Transition("pgaudit for an RDS instance", put("shop", "pgaudit", ["ddl"]), 0, ("shop:pgaudit: restart",)),
    Transition(
        "Another RDS instance",
        put("shop", "instance_id", "shop-2"),
        2,
        ("shop:instance_id: logs stop", "shop:instance_id: restart"),
    ),
    Transition("Atlas's alert is removed", put("orders", "connect.alert", None), 0, ("orders:connect.alert: note",)),
    Transition(
        "Database Auditing is removed",
        put("orders", "connect.auditing", None),
        2,
        ("orders:connect.auditing: logs stop",),
    ),
    Transition(
        "Redaction at Atlas is removed",
        put("orders", "connect.redact_clusters", None),
        2,
        ("orders:connect.redact_clusters: restart", "orders:connect.redact_clusters: data is exposed"),
    ),
    Transition(
        "Redaction at Atlas for one more cluster",
        put("orders", "connect.redact_clusters", ["prod", "stage"]),
        0,
        ("orders:connect.redact_clusters: restart",),
    ),
    Transition(
        "Another credential",
        put("orders", "connect.secret", "acme/atlas-2"),
        0,
        ("orders:connect.secret: to do at the vendor",),
    ),
    Transition(
        "The export is no longer switched on by the deploy",
        lambda document: export(document, "orders").update(
            {
                "connect": None,
                "atlas_principal_arn": "arn:aws:iam::772401394250:root",
                "external_id": "9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64",
            }
        ),
        2,
        ("orders:connect: logs stop",),
    ),
    Transition(
        "Another prefix, with connect",
        put("orders", "prefix", "atlas/all"),
        0,
        ("orders:prefix: to do at the vendor",),
    ),
    Transition(
        "Another prefix, without connect",
        put("carts", "prefix", "atlas/all"),
        2,
        ("carts:prefix: deliveries are refused",),
    ),
    Transition(
        "Another prefix of AWS services", put("trail", "prefix", "logs"), 2, ("trail:prefix: deliveries are refused",)
    ),
    Transition(
        "Another bucket",
        put("carts", "bucket", "acme-carts"),
        2,
        ("carts:bucket: replaced", "carts:bucket: deliveries are refused"),
    ),
    Transition(
        "Another existing bucket",
        put("uploads", "existing_bucket", "acme-uploads-2"),
        2,
        ("uploads:existing_bucket: logs stop",),
    ),
    Transition(
        "A CockroachDB log group is renamed",
        put("ledger", "groups", [{"log_name": "/acme/cockroach/statements", "channels": ["SQL_EXEC"]}]),
        2,
        ("ledger:groups: logs stop", "ledger:groups: to do at the vendor"),
    ),
    Transition("Encryption of log groups is switched off", put("apps", "encrypt", False), 0, ("apps:encrypt: note",)),
    Transition(
        "Another service, which needs another encryption",
        put("trail", "services", ["alb"]),
        2,
        ("trail:services.encryption: deliveries are refused", "trail:services: deliveries are refused"),
    ),
    Transition(
        "An export is renamed",
        put("billing", "name", "invoices"),
        2,
        ("billing:stack: not destroyed", "invoices:stack: the deploy fails"),
    ),
    Transition(
        "An export is renamed and changed",
        both(put("billing", "log_groups", "adopt"), put("billing", "name", "invoices")),
        2,
        ("billing:stack: not destroyed", "invoices:stack: the deploy fails"),
    ),
    Transition(
        "An export is removed",
        without("exports", "carts"),
        2,
        ("carts:stack: not destroyed", "carts:data: left behind"),
    ),
    Transition(
        "An export is added",
        lambda document: document["exports"].append({"name": "flow", "kind": "s3-logs", "services": ["vpc-flow"]}),
        0,
        ("flow:stack: to do at the vendor",),
    ),
    Transition(
        "Another Region",
        both(put("", "region", "eu-central-1"), put("platform", "stack_region", "eu-central-1")),
        2,
        ("deployment:region: the deploy fails", "deployment:region: not destroyed"),
    ),
    Transition("Another deployment", put("", "deployment", "acme-eu"), 2, ("deployment:deployment: not destroyed",)),
    Transition("Another account", put("", "account", "444455556666"), 2, ("deployment:account: not destroyed",)),
    Transition(
        "Logs are kept for less time",
        put("", "retention", {"hot_days": 30, "archive_days": 365}),
        2,
        ("deployment:retention.archive_days: data is lost", "deployment:retention.hot_days: note"),
    ),
    Transition("A destination is removed", without("destinations", "logz"), 2, ("logz:queue: data is lost",)),
    Transition(
        "The external id changes",
        put("carts", "external_id", "0c6b8f52-9c57-4c0e-8c1e-6b6f0a2f4d11"),
        2,
        ("carts:external_id: deliveries are refused",),
    ),
    Transition(
        "A second external id is accepted",
        put("carts", "external_id", ["9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64", "0c6b8f52-9c57-4c0e-8c1e-6b6f0a2f4d11"]),
        0,
        ("carts:external_id: to do at the vendor",),
    ),
    Transition(
        "The reader's external id changes",
        destination("reader", external_id="logzio:aws:extid:another0nktixxe8q"),
        2,
        ("reader:external_id: deliveries are refused",),
    ),
    Transition(
        "An export is shipped elsewhere",
        put("carts", "ship_to", ["lake"]),
        2,
        ("carts:ship_to.logz: logs stop", "carts:ship_to.lake: note"),
    ),
    Transition(
        "A detector is removed",
        put("apps", "redaction.detectors", []),
        2,
        ("apps:redaction.detectors: data is exposed",),
    ),
    Transition(
        "CockroachDB's marks are kept",
        put("ledger", "redaction.markers", "keep"),
        2,
        ("ledger:redaction.markers: data is exposed",),
    ),
    Transition("A figure of an alarm", put("", "alerts.lag_after_minutes", 30), 0, ()),
    Transition(
        "The dashboard is switched off",
        put("", "dashboard", False),
        2,
        ("deployment:stack.acme-dashboard: not destroyed",),
    ),
]
