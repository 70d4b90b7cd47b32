"""Changes of a deployment's settings, each by itself: what docs/plan.md shows, and what the tests of the plan use."""

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
    """

    title: str
    change: Callable[[Document], None]

    def documents(self) -> tuple[Document, Document]:
        """Return the settings before and after."""
        after = copy.deepcopy(BASE)
        self.change(after)
        return copy.deepcopy(BASE), after


TRANSITIONS = [
    Transition("A log group prefix is removed", put("apps", "log_group_prefixes", [])),
    Transition("A log group is removed", put("apps", "log_groups", [])),
    Transition("Another parameter group of Aurora", put("billing", "parameter_group", "billing-params-2")),
    Transition("Another Aurora cluster", put("billing", "cluster_id", "billing-2")),
    Transition(
        "One Aurora cluster becomes several",
        both(
            put("billing", "cluster_id", None),
            put("billing", "parameter_group", None),
            put("billing", "cluster_ids", ["billing", "stock"]),
            put("billing", "parameter_groups", {"billing": "billing-params"}),
        ),
    ),
    Transition(
        "One Atlas project becomes several",
        both(
            put("orders", "connect.redact_clusters", None),
            put("orders", "project_id", None),
            put("orders", "project_ids", ["5e2211c17a3e5a48f5497de3", "6f3322d28b4f6b59a6508ef4"]),
        ),
    ),
    Transition("The cluster is no longer configured", put("billing", "configure_cluster", False)),
    Transition("An Aurora log type is removed", put("billing", "log_types", ["audit"])),
    Transition(
        "An Aurora log type that needs parameters", put("billing", "log_types", ["audit", "error", "slowquery"])
    ),
    Transition("pgaudit for an RDS instance", put("shop", "pgaudit", ["ddl"])),
    Transition("Another RDS instance", put("shop", "instance_id", "shop-2")),
    Transition("Atlas's alert is removed", put("orders", "connect.alert", None)),
    Transition("Database Auditing is removed", put("orders", "connect.auditing", None)),
    Transition("Redaction at Atlas is removed", put("orders", "connect.redact_clusters", None)),
    Transition("Redaction at Atlas for one more cluster", put("orders", "connect.redact_clusters", ["prod", "stage"])),
    Transition("Another credential", put("orders", "connect.secret", "acme/atlas-2")),
    Transition(
        "The export is no longer switched on by the deploy",
        lambda document: export(document, "orders").update(
            {
                "connect": None,
                "atlas_principal_arn": "arn:aws:iam::772401394250:root",
                "external_id": "9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64",
            }
        ),
    ),
    Transition("Another prefix, with connect", put("orders", "prefix", "atlas/all")),
    Transition("Another prefix, without connect", put("carts", "prefix", "atlas/all")),
    Transition("Another prefix of AWS services", put("trail", "prefix", "logs")),
    Transition("AWS services write without a prefix", put("trail", "prefix", None)),
    Transition("Another bucket", put("carts", "bucket", "acme-carts")),
    Transition("Another existing bucket", put("uploads", "existing_bucket", "acme-uploads-2")),
    Transition(
        "A CockroachDB log group is renamed",
        put("ledger", "groups", [{"log_name": "/acme/cockroach/statements", "channels": ["SQL_EXEC"]}]),
    ),
    Transition("Encryption of log groups is switched off", put("apps", "encrypt", False)),
    Transition("Another service, which needs another encryption", put("trail", "services", ["alb"])),
    Transition("An export is renamed", put("billing", "name", "invoices")),
    Transition(
        "An export is renamed and changed",
        both(put("billing", "log_groups", "adopt"), put("billing", "name", "invoices")),
    ),
    Transition("An export is removed", without("exports", "carts")),
    Transition(
        "An export is added",
        lambda document: document["exports"].append({"name": "flow", "kind": "s3-logs", "services": ["vpc-flow"]}),
    ),
    Transition(
        "Another Region", both(put("", "region", "eu-central-1"), put("platform", "stack_region", "eu-central-1"))
    ),
    Transition("Another deployment", put("", "deployment", "acme-eu")),
    Transition("Another account", put("", "account", "444455556666")),
    Transition("Logs are kept for less time", put("", "retention", {"hot_days": 30, "archive_days": 365})),
    Transition("A destination is removed", without("destinations", "logz")),
    Transition("The external id changes", put("carts", "external_id", "0c6b8f52-9c57-4c0e-8c1e-6b6f0a2f4d11")),
    Transition(
        "A second external id is accepted",
        put("carts", "external_id", ["9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64", "0c6b8f52-9c57-4c0e-8c1e-6b6f0a2f4d11"]),
    ),
    Transition(
        "The reader's external id changes", destination("reader", external_id="logzio:aws:extid:another0nktixxe8q")
    ),
    Transition("An export is shipped elsewhere", put("carts", "ship_to", ["lake"])),
    Transition("A detector is removed", put("apps", "redaction.detectors", [])),
    Transition("CockroachDB's marks are kept", put("ledger", "redaction.markers", "keep")),
    Transition("A figure of an alarm", put("", "alerts.lag_after_minutes", 30)),
    Transition("The dashboard is switched off", put("", "dashboard", False)),
]
