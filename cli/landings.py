"""Where exports land: a bucket with a prefix, or log groups that the archive has a copy of."""

from __future__ import annotations

from typing import NamedTuple

from settings import Deployment
from settings.exports import AptibleExport, Export, MongodbAtlasExport, S3LogsExport


class Landing(NamedTuple):
    """The bucket that an export lands in, and the prefix of its keys, which ends with a slash unless it is empty."""

    bucket: str
    prefix: str


def landing_of(settings: Deployment, export: Export) -> Landing | None:
    """Return where an export lands; None for one that lands in log groups."""
    if not isinstance(export, MongodbAtlasExport | AptibleExport | S3LogsExport):
        return None
    prefix = None if isinstance(export, AptibleExport) else export.prefix
    return Landing(settings.landing_bucket(export), f"{prefix}/" if prefix else "")


def archive_prefix(export: Export) -> str:
    """Return where an export's archive objects are."""
    return f"logs/{export.name}/"
