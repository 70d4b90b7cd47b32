"""What a user fills into the parameters of each template, and the settings that say the same."""

from collections.abc import Sequence
from typing import Any

from logdock.settings import Deployment

ACCOUNT, REGION = "111122223333", "eu-west-1"
PRINCIPAL = "arn:aws:iam::772401394250:root"
PROJECT, CLUSTER = "5e2211c17a3e5a48f5497de3", "f78b7feb-b6cf-4396-9d7f-494982d7d81e"
NAMES = {"Deployment": "acme", "ExportName": "prod"}

ATLAS = NAMES | {
    "AtlasAWSAccountArn": PRINCIPAL,
    "AtlasExternalId": "9f4a5d0e-6a86-4c0d",
    "ProjectId": PROJECT,
    "PrefixPath": "atlas/prod",
    "BucketName": "acme-atlas-logs",
    "Retention": "hipaa",
}
ATLAS_SETTINGS: dict[str, Any] = {
    "kind": "mongodb-atlas",
    "name": "prod",
    "atlas_principal_arn": PRINCIPAL,
    "external_id": "9f4a5d0e-6a86-4c0d",
    "project_id": PROJECT,
    "prefix": "atlas/prod",
    "bucket": "acme-atlas-logs",
}
APTIBLE = NAMES | {"BucketName": "acme-aptible-logs", "Retention": "pci"}
APTIBLE_SETTINGS: dict[str, Any] = {
    "kind": "aptible",
    "name": "prod",
    "stack_region": REGION,
    "bucket": "acme-aptible-logs",
}
CLOUDFLARE_ID = "023e105f4ecef8ad9ca31a8372d0c353"
CLOUDFLARE = NAMES | {
    "CloudflareId": CLOUDFLARE_ID,
    "Dataset": "firewall_events",
    "Fields": "Datetime,Action,RayID",
    "Path": "edge/logs",
    "BucketName": "acme-cloudflare-logs",
}
CLOUDFLARE_SETTINGS: dict[str, Any] = {
    "kind": "cloudflare",
    "name": "prod",
    "zone_id": CLOUDFLARE_ID,
    "dataset": "firewall_events",
    "fields": ["Datetime", "Action", "RayID"],
    "prefix": "edge/logs",
    "bucket": "acme-cloudflare-logs",
}
COCKROACHDB = NAMES | {
    "ClusterId": CLUSTER,
    "ClusterAccountId": "773401394250",
    "ExternalId": "acme-0c6b8f52",
    "LogGroupName": "/acme/ledger",
    "RetentionInDays": 400,
}
COCKROACHDB_SETTINGS: dict[str, Any] = {
    "kind": "cockroachdb",
    "name": "prod",
    "cluster_id": CLUSTER,
    "cluster_account_id": "773401394250",
    "external_id": "acme-0c6b8f52",
    "log_group": "/acme/ledger",
    "retention_days": 400,
}
AURORA = NAMES | {"DBClusterIdentifier": "billing", "DBClusterParameterGroupName": "billing-params"}
AURORA_SETTINGS: dict[str, Any] = {
    "kind": "aurora-mysql",
    "name": "prod",
    "cluster_id": "billing",
    "parameter_group": "billing-params",
    "configure_cluster": False,
}
SERVICES = ("cloudtrail", "vpc-flow", "alb", "nlb", "cloudfront", "s3-access")


def _services(service: str) -> tuple[dict[str, Any], dict[str, Any]]:
    values = NAMES | {"BucketName": f"acme-{service}", "Prefix": "logs"}
    export = {
        "kind": "s3-logs",
        "name": "prod",
        "services": [service],
        "prefix": "logs",
        "bucket": f"acme-{service}",
    }
    return values, export


FILLED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "mongodb-atlas": ("mongodb-atlas", ATLAS, ATLAS_SETTINGS),
    "mongodb-atlas-documented": (
        "mongodb-atlas",
        ATLAS | {"VendorDocumentedPermissions": "vendor-documented"},
        ATLAS_SETTINGS | {"permissions": "vendor-documented"},
    ),
    "aptible": ("aptible", APTIBLE, APTIBLE_SETTINGS),
    "aptible-kms": ("aptible", APTIBLE | {"CustomerManagedKey": "kms"}, APTIBLE_SETTINGS | {"encryption": "kms"}),
    "cloudflare": ("cloudflare", CLOUDFLARE, CLOUDFLARE_SETTINGS),
    "cloudflare-account": (
        "cloudflare",
        CLOUDFLARE | {"Scope": "account"},
        CLOUDFLARE_SETTINGS | {"zone_id": None, "account_id": CLOUDFLARE_ID},
    ),
    **{f"s3-logs-{service}": (f"s3-logs-{service}", *_services(service)) for service in SERVICES},
    "cockroachdb": ("cockroachdb", COCKROACHDB, COCKROACHDB_SETTINGS),
    "aurora-mysql": ("aurora-mysql", AURORA, AURORA_SETTINGS),
    "aurora-mysql-all": (
        "aurora-mysql",
        AURORA | {"AllLogTypes": "all"},
        AURORA_SETTINGS | {"log_types": ["audit", "error", "general", "slowquery"]},
    ),
}
"""Each template, in each of its forms: its name, the values of its parameters, and the export's settings."""


PIPELINES = {
    "pipeline-github": {"GitHubRepository": "acme/logs", "Deployment": "acme"},
    "pipeline-gitlab": {"GitLabProject": "acme/platform/logs", "Deployment": "acme"},
}
"""The parameters of the templates of a pipeline's roles."""

_OWN = {
    "name": ("ExportName", "export-{}"),
    "bucket": ("BucketName", "acme-{}"),
    "cluster_id": ("DBClusterIdentifier", "db-{}"),
    "project_id": ("ProjectId", "5e2211c17a3e5a48f549{:04d}"),
}
"""What two exports of one account cannot share: setting, parameter, value."""


def with_own_names(case: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return a case with names that no other case has."""
    template, values, export = FILLED[case]
    number = [*FILLED].index(case)
    values, export = dict(values), dict(export)
    for setting, (parameter, name) in _OWN.items():
        if parameter in values:
            values[parameter] = export[setting] = name.format(number)
    return template, values, export


SECRETS = {"LogzioTokenSecret": "acme/logzio", "OtlpHeadersSecret": "acme/otlp"}
DESTINATIONS: dict[str, dict[str, Any]] = {
    "logzio": {"kind": "logzio", "name": "logzio", "token_secret": "acme/logzio"},
    "otlp": {"kind": "otlp", "name": "otlp", "endpoint": "https://otel.acme.example", "headers_secret": "acme/otlp"},
}
"""The destinations of the shipper's template, as settings."""


def deployment(*exports: dict[str, Any], retention: str, destinations: Sequence[str] = (), **more: Any) -> Deployment:
    """Return the settings of some exports in the deployment of every case."""
    return Deployment.model_validate(
        {
            "destinations": [DESTINATIONS[each] for each in destinations],
            **more,
            "deployment": NAMES["Deployment"],
            "account": ACCOUNT,
            "region": REGION,
            "retention": retention,
            "exports": list(exports),
        }
    )
