"""Where exports land: a bucket with a prefix, or log groups that the archive has a copy of."""

from __future__ import annotations

from typing import NamedTuple

from settings import Deployment
from settings.exports import CockroachdbExport, Export, LogGroupExport
from settings.landing import BucketLanding, LogGroupLanding


class Landing(NamedTuple):
    """The bucket that an export lands in, and the prefix of its keys, which ends with a slash unless it is empty."""

    bucket: str
    prefix: str


def landing_of(settings: Deployment, export: Export) -> Landing | None:
    """Return where an export lands; None for one that lands in log groups."""
    landing = settings.landing(export)
    return Landing(landing.bucket, landing.prefix) if isinstance(landing, BucketLanding) else None


class LogGroups(NamedTuple):
    """The log groups that an export lands in: their names and prefixes of names, and the Regions that have them."""

    names: tuple[str, ...]
    prefixes: tuple[str, ...]
    regions: tuple[str, ...]


def log_groups_of(settings: Deployment, export: LogGroupExport) -> LogGroups:
    """Return the log groups that an export lands in."""
    landing = settings.landing(export)
    assert isinstance(landing, LogGroupLanding)  # noqa: S101 - for the type checker
    regions = export.regions if isinstance(export, CockroachdbExport) else ()
    return LogGroups(landing.names, landing.prefixes, regions or (settings.region,))


def archive_prefix(export: Export) -> str:
    """Return where an export's archive objects are."""
    return f"logs/{export.name}/"
