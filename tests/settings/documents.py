"""Settings files as plain documents: a valid one, to be changed by a test."""

import copy
from typing import Any

Document = dict[str, Any]

EXPORTS: dict[str, Document] = {
    "mongodb-atlas": {
        "name": "orders",
        "kind": "mongodb-atlas",
        "project_id": "5e2211c17a3e5a48f5497de3",
        "atlas_principal_arn": "arn:aws:iam::772401394250:root",
        "external_id": "9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64",
    },
    "cockroachdb": {
        "name": "ledger",
        "kind": "cockroachdb",
        "cluster_id": "f78b7feb-b6cf-4396-9d7f-494982d7d81e",
        "cluster_account_id": "222233334444",
        "external_id": "6d1f0c5be8a14c6f9f0d2b7a",
        "log_group": "/acme/cockroach/ledger",
    },
    "aurora-mysql": {"name": "billing", "kind": "aurora-mysql", "cluster_id": "billing"},
    "rds": {
        "name": "shop",
        "kind": "rds",
        "engine": "postgres",
        "instance_id": "shop",
        "log_types": ["postgresql"],
    },
    "aptible": {"name": "platform", "kind": "aptible", "stack_region": "eu-west-1"},
    "s3-logs": {"name": "trail", "kind": "s3-logs", "services": ["cloudtrail"]},
    "cloudwatch-logs": {"name": "apps", "kind": "cloudwatch-logs", "log_groups": ["/acme/apps/checkout"]},
    "cloudflare": {
        "name": "edge",
        "kind": "cloudflare",
        "zone_id": "023e105f4ecef8ad9ca31a8372d0c353",
        "dataset": "http_requests",
        "fields": ["EdgeStartTimestamp", "ClientIP", "RayID"],
    },
}
"""The least that an export of each kind needs."""

PUSH: Document = {"name": "logz", "kind": "logzio", "token_secret": "acme/logzio"}
FETCH: Document = {
    "name": "reader",
    "kind": "logzio",
    "mode": "fetch",
    "account_id": "406095609952",
    "external_id": "logzio:aws:extid:example0nktixxe8q",
}
OTLP: Document = {"name": "lake", "kind": "otlp", "endpoint": "https://otel.acme.example"}


def export(kind: str, **changes: object) -> Document:
    """Return an export of a kind with some settings changed; None removes one."""
    changed = {**copy.deepcopy(EXPORTS[kind]), **changes}
    return {key: value for key, value in changed.items() if value is not None}


def destination(base: Document, **changes: object) -> Document:
    """Return a destination with some settings changed; None removes one."""
    return {key: value for key, value in {**base, **changes}.items() if value is not None}


def document(*exports: object, **changes: object) -> Document:
    """Return a settings file with these exports; None removes a setting."""
    whole = {
        "deployment": "acme-prod",
        "account": "111122223333",
        "region": "eu-west-1",
        **changes,
    }
    whole.setdefault("exports", list(exports) or [export("cloudwatch-logs")])
    return {key: value for key, value in whole.items() if value is not None}
