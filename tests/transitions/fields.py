"""Every field of a kind's settings with a value other than its default, found in the models: a new field is in it."""

import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from logdock.settings import Deployment
from logdock.settings.destinations import Destination
from logdock.settings.exports import Export

Path = tuple[str, ...]
Change = tuple[Path, object]


def _by_kind(union: Any) -> dict[str, type[BaseModel]]:
    models = typing.get_args(typing.get_args(union)[0])
    return {typing.get_args(model.model_fields["kind"].annotation)[0]: model for model in models}


EXPORTS = _by_kind(Export)
"""The model of each kind of export."""
MODELS: dict[str, type[BaseModel]] = {**EXPORTS, **_by_kind(Destination), "deployment": Deployment}
"""The model of each kind of export and of destination, and of the file's own settings."""

IDENTITY = {"name", "kind"}
"""A change of these is another export: the rename is a transition of its own."""

OF_THE_FILE = {"deployment", "account", "region", "destinations", "exports"}
"""Of the whole file: which deployment it is, and the parts that are compared by their names."""

VALUES: dict[str, object] = {
    "account": None,
    "alert_recipients": None,
    "api_base_url": None,
    "bucket": "acme-another-bucket",
    "cluster_id": {
        "cockroachdb": "f78b7feb-b6cf-4396-9d7f-494982d7d82f",
        "aurora-mysql": "second",
        "rds": None,
    },
    "cluster_ids": None,
    "engine": None,
    "existing_bucket": "acme-legacy",
    "dataset": None,
    "groups": [{"log_name": "/acme/cockroach/sql", "channels": ["SQL_EXEC"]}],
    "instance_id": "second",
    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11",
    "log_group": "/acme/cockroach/renamed",
    "log_groups": ["/acme/apps/another"],
    "log_types": {"rds": ["postgresql", "upgrade"]},
    "max_expected_silence_minutes": 120,
    "long_query_time": None,
    "mrap_arn": None,
    "mrap_buckets": None,
    "mrap_key_arns": None,
    "parameter_group": "own",
    "parameter_groups": None,
    "project_id": "6f3322d28b4f6b59a6508ef4",
    "project_ids": None,
    "regions": None,
    "secret": "acme/second",
    "secret_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11",
    "security_group_ids": ["sg-0abc1234"],
    "ship_to": ["lake"],
    "stack_region": None,
    "subnet_ids": ["subnet-0abc1234"],
    "token_secret": None,
    "listener_url": None,
    "account_id": None,
}
"""Values that a type alone does not give, where they are not the first on the local cloud; or for some kinds alone.

None: what it needs is not played here."""

SKIPPED = {"alerts", "redaction", "metrics", "vpc", "archive_and_restore"}
"""Models that touch neither the connector nor keys and policies."""

ON_THE_LOCAL_CLOUD: dict[str, list[object] | dict[str, list[object]]] = {
    "account_id": {"logzio": ["406095609953", "406095609954"], "cloudflare": ["01a7362d577a6c3019a474fd6f485823"]},
    "alert_recipients": [[{"email": "dba@acme.example"}], [{"roles": ["GROUP_DATA_ACCESS_ADMIN"]}]],
    "archive_days": [730, 500],
    "atlas_principal_arn": ["arn:aws:iam::772401394251:root", "arn:aws:iam::772401394252:role/exporter"],
    "bodies_in_flight": [1, 4],
    "bucket": ["acme-EXPORT-another", "acme-EXPORT-further"],
    "cluster_account_id": ["222233334445", "222233334446"],
    "cluster_id": {
        "cockroachdb": ["f78b7feb-b6cf-4396-9d7f-494982d7d82f"],
        "aurora-mysql": ["EXPORT-2"],
        "rds": ["EXPORT-2"],
    },
    "cold_after_days": [200, 300],
    "concurrency": [2, 3],
    "daily_gb": [2.5, 5.0],
    "decryption_keys_secret": ["acme/aptible-keys", "acme/second-aptible-keys"],
    "email": [["ops@acme.example"], ["ops@acme.example", "second@acme.example"]],
    "endpoint": ["https://second.acme.example", "https://third.acme.example"],
    "exclude": [["^debug"], ["^debug", "^trace"]],
    "exclude_keys": [["/draft/"], ["/draft/", "[.]bak$"]],
    "exclude_users": [["reporting"], ["reporting", "backup"]],
    "existing_bucket": ["acme-second", "acme-third"],
    "external_id": ["another-external-id", ["another-external-id", "third-external-id"]],
    "failed_logins_per_hour": [10, 20],
    "fields": [["EdgeStartTimestamp", "RayID"], ["EdgeStartTimestamp", "ClientIP", "EdgeResponseStatus", "RayID"]],
    "filter": {
        "mongodb-atlas": ['{"atype": "createUser"}', '{"atype": "dropUser"}'],
        "cloudflare": [
            '{"where": {"key": "EdgeResponseStatus", "operator": "geq", "value": 500}}',
            '{"where": {"key": "ClientRequestMethod", "operator": "eq", "value": "POST"}}',
        ],
    },
    "groups": [
        [{"log_name": "/acme/cockroach/EXPORT-sql", "channels": ["SQL_EXEC"]}],
        [{"log_name": "/acme/cockroach/EXPORT-audit", "channels": ["SENSITIVE_ACCESS"], "redact": False}],
    ],
    "header": ["X-Token", "X-Second-Token"],
    "header_secret": ["acme/webhook-token", "acme/second-webhook-token"],
    "headers_secret": ["acme/headers", "acme/second-headers"],
    "hot_days": [60, 30],
    "instance_id": ["EXPORT-2"],
    "include": [["^keep"], ["^keep", "^hold"]],
    "include_keys": [["[.]log"], ["[.]log", "[.]gz$"]],
    "include_users": [["admin"], ["admin", "root"]],
    "lag_after_minutes": [30, 90],
    "log_group": ["/acme/cockroach/EXPORT-renamed"],
    "log_group_prefixes": [["/apps/"], ["/apps/", "/more/"]],
    "log_groups": {"aurora-mysql": ["adopt"], "rds": ["adopt"], "cloudwatch-logs": [["/acme/apps/another"]]},
    "log_min_duration_statement": [500, 1000],
    "log_statement": ["ddl", "mod"],
    "log_type": ["acme", "acme-2"],
    "log_types": {
        "mongodb-atlas": [["MONGOD"], ["MONGOS", "EVENTS"]],
        "aurora-mysql": [["audit", "slowquery"], ["error", "slowquery"]],
        "rds": [["postgresql", "upgrade"], ["upgrade"]],
    },
    "long_query_time": [2.5, 5.0],
    "max_expansion": [500, 100],
    "max_upload_bytes": [5_000_000, 10_000_000],
    "max_upload_interval_seconds": [60, 120],
    "max_upload_records": [1000, 5000],
    "parameter_group": ["EXPORT-own", "EXPORT-own-2"],
    "path_fields": ["logs/{team}/{_}", "logs/{_}/{team}"],
    "patterns": [[{"name": "order", "regex": "order-[0-9]+"}], [{"name": "cart", "regex": "cart-[0-9]+"}]],
    "prefix": ["changed", "changed-again"],
    "principal_arn": ["arn:aws:iam::391854517949:user/another", "arn:aws:iam::391854517950:user/third"],
    "privilege_changes_per_hour": [10, 20],
    "readers": [["arn:aws:iam::111122223333:role/Searchers"], ["arn:aws:iam::111122223333:user/anna"]],
    "record_start": ["^20", "^2026"],
    "redact_clusters": [["Cluster0"], ["Cluster0", "Cluster1"]],
    "remind_after_minutes": [1440, 2880],
    "replication_role_arn": ["arn:aws:iam::916150859591:role/another", "arn:aws:iam::916150859591:role/third"],
    "retention_days": [30, 60],
    "revision": ["2", "3"],
    "runbook_url": ["https://wiki.acme.example/logs", "https://wiki.acme.example/runbook"],
    "sample_rate": [0.5, 0.1],
    "scan_limit_gb": [50, 20],
    "schema_changes_per_hour": [10, 20],
    "secret": ["acme/EXPORT-2", "acme/EXPORT-3"],
    "services": [["cloudtrail", "vpc-flow"], ["alb"]],
    "session_seconds": [7200, 14400],
    "silent_after_minutes": [120, 240],
    "sns_topic_arns": [
        ["arn:aws:sns:eu-west-1:123456789012:ops"],
        ["arn:aws:sns:eu-west-1:123456789012:ops", "arn:aws:sns:eu-west-1:123456789012:second"],
    ],
    "token_secret": ["acme/second-token", "acme/third-token"],
    "trail_log_group": ["/acme/trail", "/acme/second-trail"],
    "url": ["https://hooks.acme.example/one", "https://hooks.acme.example/two"],
    "url_secret": ["acme/webhook", "acme/second-webhook"],
    "zone_id": ["12ab4e1fe6c4a2cc1ccb2be1b1e3c0a7"],
}
"""Values of fields, one after the other, where the local cloud has what they name; EXPORT is the name of the part."""

NOT_ON_THE_LOCAL_CLOUD = {
    "account": "tests/end_to_end/test_accounts.py has two; another account is another bucket, key and role",
    "archive_and_restore": "tests/lambda_src/vendor_connector/test_logzio_archive.py goes through its changes",
    "api_base_url": "the address of the stand-in here",
    "cluster_ids": "another form of `cluster_id`: tests/transitions/test_transitions.py goes from one to the other",
    "parameter_groups": "as cluster_ids",
    "project_ids": "as cluster_ids",
    "dataset": "another dataset is another job, with fields of its own",
    "engine": "another engine is another database",
    "listener_url": "the address of the stand-in here",
    "metrics": "tests/end_to_end/test_demo.py has a metric stream",
    "mode": "another mode is another destination, with settings of its own",
    "mrap_arn": "the emulator has no access points that a role writes through",
    "mrap_buckets": "as mrap_arn",
    "mrap_key_arns": "as mrap_arn",
    "regions": "tests/end_to_end/test_connect.py has two Regions; one that leaves is a stack that leaves",
    "replica": "tests/end_to_end/test_replica.py has one; it is a stack of its own in another Region",
    "stack_region": "it must be the deployment's",
    "vpc": "the emulator has no network interfaces of functions",
}
"""Fields that no transition on the local cloud has, and why or where they are."""


def changes(kind: str, model: type[BaseModel], path: Path = ()) -> Iterator[Change]:
    """Yield each field of a model with another value."""
    for name, field in model.model_fields.items():
        if name in IDENTITY or name in SKIPPED:
            continue
        inner = _model(field.annotation)
        if inner is not None:
            yield from changes(kind, inner, (*path, name))
            continue
        value = _value(kind, name, field)
        if value is not None:
            yield (*path, name), value


def values(kind: str, model: type[BaseModel], path: Path = ()) -> Iterator[tuple[Path, Sequence[object]]]:
    """Yield each field of a model with the values that it has one after the other on the local cloud."""
    for name, field in model.model_fields.items():
        if name in (OF_THE_FILE if kind == "deployment" else IDENTITY) or name in NOT_ON_THE_LOCAL_CLOUD:
            continue
        inner = _model(field.annotation)
        if inner is not None:
            yield from values(kind, inner, (*path, name))
        else:
            yield (*path, name), _values(kind, name, field)


def _values(kind: str, name: str, field: FieldInfo) -> Sequence[object]:
    if known := _on_the_local_cloud(kind, name):
        return known
    choices = [one for one in _choices(field.annotation) if one != field.default]
    if choices and _is_list(field.annotation):
        return [*([one] for one in choices if [one] != list(field.default or ()))][:2]
    if choices and name not in VALUES:
        return [*choices[:2]]
    value = _value(kind, name, field)
    if value is None:
        raise AssertionError(f"{kind}: the field {name} is new: {__name__}.ON_THE_LOCAL_CLOUD needs values of it")
    return [value]


def _on_the_local_cloud(kind: str, name: str) -> Sequence[object]:
    known = ON_THE_LOCAL_CLOUD.get(name, [])
    return known.get(kind, []) if isinstance(known, dict) else known


def _value(kind: str, name: str, field: FieldInfo) -> object:
    if name in VALUES:
        value = VALUES[name]
        if not isinstance(value, dict):
            return value
        if kind in value:
            return value[kind]
    if name == "format":
        return "plain"
    choices = _choices(field.annotation)
    if choices and _is_list(field.annotation):
        return [next(one for one in choices if [one] != list(field.default or ()))]
    if choices:
        return next(one for one in choices if one != field.default)
    if _has(field.annotation, bool):
        return not field.default
    if known := _on_the_local_cloud(kind, name):
        return known[0]
    raise AssertionError(f"{kind}: the field {name} is new: give it another value in {__name__}.ON_THE_LOCAL_CLOUD")


def _model(annotation: Any) -> type[BaseModel] | None:
    options = [annotation, *typing.get_args(annotation)] if _is_union(annotation) else [annotation]
    for one in options:
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _choices(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is Literal:
        return [str(one) for one in typing.get_args(annotation)]
    return [choice for one in typing.get_args(annotation) if one is not None for choice in _choices(one)]


def _is_list(annotation: Any) -> bool:
    return typing.get_origin(annotation) is tuple or any(map(_is_list, typing.get_args(annotation)))


def _has(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_has(one, wanted) for one in typing.get_args(annotation))


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)
