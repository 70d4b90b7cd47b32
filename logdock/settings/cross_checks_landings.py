"""Landing places between exports: each bucket and log group has one export, and none of them is our own."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic_core import InitErrorDetails

from logdock.settings.document import Document, Loc, Part, setting_error

BUCKET_NAME_LENGTH = 63

_OWN = ("archive", "failed", "access-logs", "replica")
_LOOP = "what is shipped from it would be written to it again, without end"


def _own_buckets(document: Document) -> Iterator[InitErrorDetails]:
    if document.deployment is None or document.account is None:
        return
    own = tuple(f"{document.deployment}-{purpose}-{document.account}-" for purpose in _OWN)
    for export in document.exports:
        named: list[tuple[Loc, str | None]] = [
            ((*export.loc, key), export.text(key)) for key in ("bucket", "existing_bucket")
        ]
        for loc, bucket in (*named, *export.texts("mrap_buckets")):
            if bucket is not None and bucket.startswith(own):
                yield setting_error(loc, bucket, f"a bucket that is not this deployment's own: {_LOOP}")


def _landing_bucket(document: Document, export: Part) -> tuple[Loc, str] | None:
    """Return the bucket of an export and the setting that says so; None if it is not known."""
    for key in ("existing_bucket", "bucket"):
        if export.entry.get(key) is not None:
            bucket = export.text(key)
            return ((*export.loc, key), bucket) if bucket else None
    parts = (document.deployment, export.name, export.text("account") or document.account, document.region)
    if any(part is None for part in parts):
        return None
    return (*export.loc, "bucket"), "-".join(str(part) for part in parts)


def _one_export_a_bucket(document: Document) -> Iterator[InitErrorDetails]:
    taken: dict[str, list[Part]] = {}
    for export in document.exports:
        landing = _landing_bucket(document, export) if export.lands_in_bucket else None
        if landing is None:
            continue
        loc, bucket = landing
        given = export.entry.get(str(loc[-1])) is not None
        if not given and len(bucket) > BUCKET_NAME_LENGTH:
            allowed = (
                f"a bucket name of your own: the default, {bucket}, has {len(bucket)} characters, and S3 takes "
                f"{BUCKET_NAME_LENGTH}"
            )
            yield setting_error(loc, None, allowed)
        others = taken.setdefault(bucket, [])
        clash = next((other for other in others if not _share(other, export)), None)
        # Two exports of one name, which share the default bucket, are reported already.
        if clash and (given or clash.name != export.name):
            allowed = (
                f"a bucket that no other export lands in ({clash.where} does); only two s3-logs exports may share an "
                "existing bucket, each with a `prefix` that is not inside the other's"
            )
            yield setting_error(loc, bucket, allowed)
        others.append(export)


def _share(one: Part, two: Part) -> bool:
    prefixes = [(part.text("prefix") or "").strip("/") for part in (one, two)]
    if not all(prefixes) or not all(part.text("existing_bucket") for part in (one, two)):
        return False
    first, second = (f"{prefix}/" for prefix in prefixes)
    return not first.startswith(second) and not second.startswith(first)


class _LogGroup(NamedTuple):
    """A log group that an export lands in or reads, or a prefix of such."""

    export: Part
    loc: Loc
    region: str
    name: str

    @property
    def place(self) -> tuple[str | None, str]:
        """The account and Region that has it; no account for the deployment's own."""
        return self.export.text("account"), self.region


def _log_groups(document: Document) -> tuple[list[_LogGroup], list[_LogGroup]]:
    """List the log groups of all exports, by name and by prefix."""
    names: list[_LogGroup] = []
    prefixes: list[_LogGroup] = []
    for export in document.exports:
        home = document.region or ""
        match export.text("kind"):
            case "cockroachdb":
                regions = [region for _, region in export.texts("regions")] or [home]
                places = [((*export.loc, "log_group"), export.text("log_group"))]
                places += [((*part.loc, "log_name"), part.text("log_name")) for part in export.parts("groups")]
                members = [f"/{cluster}" for _, cluster in export.texts("cluster_ids")] or [""]
                names += [
                    _LogGroup(export, loc, region, f"{name}{member}")
                    for loc, name in places
                    if name
                    for member in members
                    for region in regions
                ]
            case "aurora-mysql" | "rds" as kind:
                types = [value for _, value in export.texts("log_types")]
                types = types or (["audit"] if kind == "aurora-mysql" else [])
                names += [
                    _LogGroup(export, loc, home, f"/aws/rds/{noun}/{name}/{log_type}")
                    for noun in ("cluster", "instance")
                    for loc, name in export.ids(f"{noun}_id")
                    for log_type in types
                ]
            case "cloudwatch-logs":
                names += [_LogGroup(export, loc, home, name) for loc, name in export.texts("log_groups")]
                prefixes += [_LogGroup(export, loc, home, name) for loc, name in export.texts("log_group_prefixes")]
    return names, prefixes


def _own_log_groups(document: Document) -> Iterator[InitErrorDetails]:
    if document.deployment is None:
        return
    own = f"/aws/lambda/{document.deployment}-"
    names, prefixes = _log_groups(document)
    for loc, name in dict.fromkeys((group.loc, group.name) for group in (*names, *prefixes)):
        if name.startswith(own):
            allowed = (
                f"a log group whose name does not begin with {own}: there this deployment's own functions log, and "
                "each line that they ship would make them log another, without end"
            )
            yield setting_error(loc, name, allowed)


def _one_export_a_log_group(document: Document) -> Iterator[InitErrorDetails]:
    names, prefixes = _log_groups(document)
    taken: dict[tuple[str | None, str, str], Part] = {}
    reported: set[Loc] = set()
    for group in names:
        other = taken.setdefault((*group.place, group.name), group.export)
        # Two exports of databases share log groups only if they share the database, which is reported already.
        both_databases = {other.text("kind"), group.export.text("kind")} <= {"aurora-mysql", "rds"}
        if other is not group.export and not both_databases and group.loc not in reported:
            reported.add(group.loc)
            allowed = f"a log group that no other export has ({other.where} has {group.name})"
            yield setting_error(group.loc, group.name, allowed)
    for at, prefix in enumerate(prefixes):
        covered = [group for group in names if group.place == prefix.place and group.name.startswith(prefix.name)]
        for group in covered:
            if group.export is prefix.export:
                allowed = f"a log group that log_group_prefixes does not cover already ({prefix.name} does)"
                yield setting_error(group.loc, group.name, allowed)
        others = [group for group in covered if group.export is not prefix.export]
        others += [
            other
            for other in prefixes[:at]
            if other.export is not prefix.export
            and (other.name.startswith(prefix.name) or prefix.name.startswith(other.name))
        ]
        if others:
            allowed = (
                f"a prefix that covers no log group of another export ({others[0].export.where} has {others[0].name}): "
                "its lines would be archived twice"
            )
            yield setting_error(prefix.loc, prefix.name, allowed)


def _archives_at_logzio(document: Document) -> Iterator[InitErrorDetails]:
    """Refuse a bucket that Logz.io would write to and that is not for one of its accounts alone."""
    if document.deployment is None or document.account is None:
        return
    taken = {
        landing[1]: export.where
        for export in document.exports
        if export.lands_in_bucket and (landing := _landing_bucket(document, export))
    }
    for destination in document.destinations:
        archive = destination.entry.get("archive_and_restore")
        bucket = archive.get("bucket") if isinstance(archive, dict) else None
        if isinstance(bucket, str):
            if bucket.startswith(tuple(f"{document.deployment}-{purpose}-{document.account}-" for purpose in _OWN)):
                other = "this deployment makes it"
            elif bucket in taken:
                other = f"{taken[bucket]} has it"
            else:
                taken[bucket] = destination.where
                continue
            allowed = f"a bucket for this account of Logz.io alone ({other}): Logz.io writes to its root"
            yield setting_error((*destination.loc, "archive_and_restore", "bucket"), bucket, allowed)


LANDING_RULES = (
    _own_buckets, _one_export_a_bucket, _own_log_groups, _one_export_a_log_group, _archives_at_logzio,
)  # fmt: skip
"""The rules of this module, in the order in which they are reported."""
