"""What must hold between the parts of a settings file.

It reads the raw document, so that it speaks of one part even when another is refused, and all errors come in one
message. A part that is malformed is passed over here: the models name that error.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic_core import InitErrorDetails

from logdock.settings.cross_checks_accounts import ACCOUNT_RULES
from logdock.settings.cross_checks_alerts import ALERT_RULES
from logdock.settings.cross_checks_landings import LANDING_RULES
from logdock.settings.cross_checks_names import NAME_RULES
from logdock.settings.destinations import ARCHIVE
from logdock.settings.document import Document, Part, region_code, setting_error
from logdock.settings.partitions import PARTITION_RULES, partition_of
from logdock.settings.placeholders import PLACEHOLDER_RULES
from logdock.settings.retention import PROFILES
from logdock.vendors.logzio.settings import FETCHER_REGIONS

ATLAS_EXPORTS_PER_PROJECT = 10
"""Export paths that an Atlas project may have ("Export Logs to AWS S3 Buckets", MongoDB Atlas)."""

ATLAS_PROJECT_SETTINGS = ("alert", "auditing", "redact_clusters")
"""What `connect` sets for a whole Atlas project."""

RESERVED_NAMES = (
    ARCHIVE, "access-logs", "alerts", *(f"alerts-{rule}" for rule in ("began", "rules", "state", "told")), "archiver",
    "compactor", "core", "dashboard", "exports", "failed", "pipeline-deploy", "pipeline-plan", "readers", "replica",
    "shipper",
)  # fmt: skip
"""Names of our own stacks, buckets, roles, rules, alarms and parameters, and of the built-in destination."""

RESERVED_PREFIXES = ("replica-", "ship-", "shipper-")
"""How the names of the shipper's roles and functions, and of our stacks in other Regions, begin."""

_OF_REGION = re.compile(r"alerts-(rules-)?[a-z]{2}(-[a-z]+)+-[0-9]")
"""The roles of alarm notifications in another Region."""

DEAD_LETTERS = "-dead"
"""How the name of a destination's dead-letter queue ends."""

Rule = Callable[[Document], Iterator[InitErrorDetails]]


def cross_check_errors(data: Mapping[object, Any]) -> Iterator[InitErrorDetails]:
    """Yield what is wrong between the parts of a raw document."""
    document = Document.of(data)
    rules: tuple[Rule, ...] = (
        _names, _queue_names, _stack_names, _reader_roles, _ship_to, _home_region, _clusters, _atlas_projects,
        _replica, _compaction, _atlas_settings, _metrics_secrets, *NAME_RULES, *PARTITION_RULES, *LANDING_RULES,
        *ACCOUNT_RULES,
        *ALERT_RULES, *PLACEHOLDER_RULES,
    )  # fmt: skip
    for rule in rules:
        yield from rule(document)


def _names(document: Document) -> Iterator[InitErrorDetails]:
    reserved = ", ".join((*RESERVED_NAMES, "alerts-<region>", *(f"{prefix}*" for prefix in RESERVED_PREFIXES)))
    for kind, parts in (("export", document.exports), ("destination", document.destinations)):
        taken: dict[str, Part] = {}
        for part in parts:
            name = part.name
            if name is None:
                continue
            if name in RESERVED_NAMES or name.startswith(RESERVED_PREFIXES) or _OF_REGION.fullmatch(name):
                yield setting_error((*part.loc, "name"), name, f"a name other than Logdock's own: {reserved}")
            if name in taken:
                allowed = f"a name that no other {kind} has: {taken[name].where} has this one"
                yield setting_error((*part.loc, "name"), name, allowed)
            taken.setdefault(name, part)


def _queue_names(document: Document) -> Iterator[InitErrorDetails]:
    where = {ARCHIVE: ARCHIVE, **{each.name: each.where for each in document.destinations if each.name}}
    for destination in document.destinations:
        name = destination.name or ""
        if name.endswith(DEAD_LETTERS) and (other := where.get(name.removesuffix(DEAD_LETTERS))):
            allowed = f"a name that does not end in {DEAD_LETTERS}: the dead-letter queue of {other} has this name"
            yield setting_error((*destination.loc, "name"), name, allowed)


def _stack_names(document: Document) -> Iterator[InitErrorDetails]:
    taken: dict[str, tuple[Part, str]] = {}
    for export in document.exports:
        for region in document.regions(export):
            if export.name is None:
                continue
            stack = export.name if region in (document.region, "") else f"{export.name}-{region}"
            other, where = taken.setdefault(stack, (export, region))
            # Two exports of one name are reported already.
            if other.name != export.name:
                allowed = (
                    f"a name that leads to stacks of its own: <deployment>-{stack} is also the stack of {other.where} "
                    f"in {where or region}"
                )
                yield setting_error((*export.loc, "name"), export.name, allowed)


def _reader_roles(document: Document) -> Iterator[InitErrorDetails]:
    exports = {export.name: export for export in document.exports if export.name}
    for destination in document.destinations:
        if destination.text("mode") == "fetch" and destination.name in exports:
            other = exports[destination.name].where
            allowed = f"a name that no export has ({other} has it): the role that Logz.io assumes takes this name"
            yield setting_error((*destination.loc, "name"), destination.name, allowed)


def _ship_to(document: Document) -> Iterator[InitErrorDetails]:
    known = {ARCHIVE, *(destination.name for destination in document.destinations if destination.name)}
    for export in document.exports:
        for loc, name in export.texts("ship_to"):
            if name not in known:
                yield setting_error(loc, name, f"one of the destinations of this file: {', '.join(sorted(known))}")


def _home_region(document: Document) -> Iterator[InitErrorDetails]:
    if document.region is None:
        return
    for export in document.exports:
        stack_region = region_code(export.entry.get("stack_region"))
        if export.text("kind") == "aptible" and stack_region not in (None, document.region):
            allowed = (
                f"the deployment's region, {document.region}: Aptible replicates to a bucket in its stack's Region "
                "only; give that stack a deployment (a settings file) in its own Region"
            )
            yield setting_error((*export.loc, "stack_region"), stack_region, allowed)
    for destination in document.destinations:
        if destination.text("mode") == "fetch" and document.region not in FETCHER_REGIONS:
            known = ", ".join(FETCHER_REGIONS)
            allowed = f"push: Logz.io's fetcher does not read buckets in {document.region}, but in {known}"
            yield setting_error((*destination.loc, "mode"), "fetch", allowed)


def _replica(document: Document) -> Iterator[InitErrorDetails]:
    if document.replica is None:
        return
    region = region_code(document.replica.entry.get("region"))
    if region is not None and document.region is not None:
        if region == document.region:
            allowed = (
                f"another Region than the deployment's, {document.region}: a copy beside the archive falls with it"
            )
            yield setting_error(("replica", "region"), region, allowed)
        elif partition_of(region) != partition_of(document.region):
            allowed = f"a Region of the same partition as {document.region}: S3 does not replicate between partitions"
            yield setting_error(("replica", "region"), region, allowed)
    lock_days, archive_days = document.replica.entry.get("lock_days"), _archive_days(document.retention)
    if isinstance(lock_days, int) and archive_days is not None and lock_days > archive_days:
        allowed = f"at most archive_days ({archive_days}): the copy's objects expire after as many days"
        yield setting_error(("replica", "lock_days"), lock_days, allowed)


def _compaction(document: Document) -> Iterator[InitErrorDetails]:
    archive = document.data.get("archive")
    if document.replica is not None and isinstance(archive, Mapping) and archive.get("compact") is True:
        allowed = "false with `replica`: the copy would hold every line twice, and keep it so under a lock"
        yield setting_error(("archive", "compact"), True, allowed)
    sql = document.data.get("sql")
    compacts = isinstance(archive, Mapping) and archive.get("compact") is True
    if isinstance(sql, Mapping) and sql.get("format") == "parquet" and not compacts:
        allowed = "json, or `archive: {compact: true}`: what is copied are the objects that compaction makes"
        yield setting_error(("sql", "format"), "parquet", allowed)


def _archive_days(retention: object) -> int | None:
    if isinstance(retention, dict):
        days = retention.get("archive_days")
        return days if isinstance(days, int) else None
    return next((kept.archive_days for name, kept in PROFILES.items() if name == retention), None)


def _clusters(document: Document) -> Iterator[InitErrorDetails]:
    taken: dict[tuple[str | None, str, str], Part] = {}
    for export in document.exports:
        kind = export.text("kind")
        if kind not in ("cockroachdb", "aurora-mysql", "rds"):
            continue
        for setting, noun in (("cluster_id", "cluster"), ("instance_id", "instance")):
            for loc, name in export.ids(setting):
                # CockroachDB's ids are unique, RDS's in an account.
                place = (None, kind) if kind == "cockroachdb" else (export.text("account"), setting)
                other = taken.setdefault((*place, name), export)
                if other is not export:
                    allowed = f"a {noun} that no other export has ({other.where} has it): a {noun} has one log export"
                    yield setting_error(loc, name, allowed)


def _atlas_projects(document: Document) -> Iterator[InitErrorDetails]:
    atlas = [export for export in document.exports if export.text("kind") == "mongodb-atlas"]
    in_all = Counter(project for export in atlas for _, project in export.ids("project_id"))
    seen: Counter[str] = Counter()
    for export in atlas:
        for loc, project in export.ids("project_id"):
            seen[project] += 1
            if seen[project] == ATLAS_EXPORTS_PER_PROJECT + 1:
                limit = f"at most {ATLAS_EXPORTS_PER_PROJECT} export paths in one Atlas project"
                yield setting_error(loc, project, f"{limit}; this one has {in_all[project]}")


def _atlas_settings(document: Document) -> Iterator[InitErrorDetails]:
    taken: dict[tuple[str, str], Part] = {}
    for export in document.exports:
        connect = export.entry.get("connect")
        if not isinstance(connect, dict):
            continue
        for setting in ATLAS_PROJECT_SETTINGS:
            if not connect.get(setting):
                continue
            others = [taken.setdefault((project, setting), export) for _, project in export.ids("project_id")]
            if other := next((each for each in others if each is not export), None):
                allowed = f"nothing: an Atlas project has this once, and {other.where} sets it for the same project"
                yield setting_error((*export.loc, "connect", setting), connect[setting], allowed)


def _metrics_secrets(document: Document) -> Iterator[InitErrorDetails]:
    for destination in document.destinations:
        metrics = destination.entry.get("metrics")
        arn = metrics.get("token_secret") if isinstance(metrics, dict) else None
        region = arn.split(":")[3] if isinstance(arn, str) and arn.count(":") >= 6 and arn.startswith("arn:") else None
        if region is not None and document.region is not None and region != document.region:
            allowed = (
                f"a secret in the deployment's region, {document.region}: Firehose reads secrets of its own Region"
            )
            yield setting_error((*destination.loc, "metrics", "token_secret"), arn, allowed)
