"""Every field of a kind's settings with a value other than its default, found in the models: a new field is in it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Path = tuple[str, ...]
Change = tuple[Path, object]

IDENTITY = {"name", "kind"}
"""A change of these is another export: the rename is a transition of its own."""

VALUES: dict[str, object] = {
    "alert_recipients": None,
    "api_base_url": None,
    "atlas_principal_arn": "arn:aws:iam::772401394251:root",
    "bucket": "acme-another-bucket",
    "cluster_account_id": "222233334445",
    "cluster_id": {
        "cockroachdb": "f78b7feb-b6cf-4396-9d7f-494982d7d82f",
        "aurora-mysql": "second",
        "rds": None,
    },
    "concurrency": 2,
    "decryption_keys_secret": "acme/aptible-keys",
    "engine": None,
    "exclude": ["^debug"],
    "exclude_users": ["reporting"],
    "existing_bucket": "acme-legacy",
    "external_id": "another-external-id",
    "filter": '{"atype": "createUser"}',
    "groups": [{"log_name": "/acme/cockroach/sql", "channels": ["SQL_EXEC"]}],
    "include": ["^keep"],
    "include_users": ["admin"],
    "instance_id": "second",
    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11",
    "log_group": "/acme/cockroach/renamed",
    "log_group_prefixes": ["/apps/"],
    "log_groups": ["/acme/apps/another"],
    "log_min_duration_statement": 500,
    "log_type": "acme",
    "log_types": {"rds": ["postgresql", "upgrade"]},
    "max_expansion": 500,
    "max_expected_silence_minutes": 120,
    "long_query_time": None,
    "mrap_arn": None,
    "mrap_buckets": None,
    "mrap_key_arns": None,
    "parameter_group": "own",
    "path_fields": "logs/{team}/{_}",
    "prefix": "changed",
    "project_id": "6f3322d28b4f6b59a6508ef4",
    "record_start": "^20",
    "redact_clusters": ["Cluster0"],
    "regions": None,
    "replication_role_arn": "arn:aws:iam::916150859591:role/another",
    "retention_days": 30,
    "revision": "2",
    "secret": "acme/second",
    "secret_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11",
    "security_group_ids": ["sg-0abc1234"],
    "session_seconds": 7200,
    "ship_to": ["lake"],
    "stack_region": None,
    "subnet_ids": ["subnet-0abc1234"],
    "token_secret": None,
    "listener_url": None,
    "account_id": None,
}
"""Values that a type alone does not give, by the field's name, or for some kinds alone.

None: what it needs is not played here."""

SKIPPED = {"alerts", "redaction", "metrics", "vpc"}
"""Models that touch neither the connector nor keys and policies."""


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
    raise AssertionError(f"{kind}: the field {name} is new: give it another value in {__name__}.VALUES")


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
