"""Where to look: which exports, and for each the archive's copy or what the vendor left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from logdock.cli.account import Account
from logdock.cli.errors import CommandError, ExitCode, require_known
from logdock.cli.logs.layouts import Aptible, DatedNames, Layout, Logpush, Selectors, ServicePaths
from logdock.cli.logs.places import SearchLocation
from logdock.settings.exports import Export
from logdock.settings.landing import LogGroupLanding
from logdock.vendors.aptible.settings import AptibleExport
from logdock.vendors.cloudflare.settings import CloudflareExport
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.s3_logs.settings import S3LogsExport

CONTAINER_CHARACTERS = 12
"""The shortest beginning of a container's id that the vendor's tool takes."""


class Copy(StrEnum):
    """Which of an export's two copies is searched."""

    ARCHIVE = "archive"
    LANDING = "landing"


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchScope:
    """What a person chose."""

    exports: tuple[str, ...]
    copy: Copy | None
    """None for the archive, where it has one."""
    selectors: Selectors
    late: timedelta
    """How much later than its lines an object may have been written."""


def selectors(
    stack: str | None, app: str | None, database: str | None, endpoint: str | None, container: str | None
) -> Selectors:
    """Return Aptible's selectors.

    Raises
    ------
    CommandError
        When they contradict each other, or the container's id is too short.
    """
    resources = [
        f"{kind}-{given}" for kind, given in (("apps", app), ("databases", database), ("proxy", endpoint)) if given
    ]
    if len(resources) > 1:
        raise CommandError("an archive is of one app, database or endpoint: give one of --app, --database, --endpoint",
                           ExitCode.USAGE)  # fmt: skip
    if container is not None and len(container) < CONTAINER_CHARACTERS:
        raise CommandError(
            f"--container {container}: give at least {CONTAINER_CHARACTERS} characters of the id", ExitCode.USAGE
        )
    return Selectors(stack, resources[0] if resources else None, container)


def choose(
    account: Account, wanted: SearchScope, since: datetime, until: datetime, *, only_aptible: bool
) -> list[SearchLocation]:
    """Return the places to look in.

    Parameters
    ----------
    only_aptible
        Aptible's archives themselves are asked for.

    Raises
    ------
    CommandError
        For a name that no export has, and for a copy that an export does not have.
    """
    known = {export.name: export for export in account.settings.exports}
    for name in wanted.exports:
        require_known(name, known, f"--export {name}: the settings have none")
    chosen = [known[name] for name in dict.fromkeys(wanted.exports)] or list(known.values())
    if only_aptible:
        others = [export.name for export in chosen if not isinstance(export, AptibleExport)]
        if wanted.exports and others:
            raise CommandError(
                f"--export {others[0]} is not an export of Aptible: --stack, --app, --database, --endpoint, "
                "--container and --download are for those",
                ExitCode.USAGE,
            )
        chosen = [export for export in chosen if isinstance(export, AptibleExport)]
        if not chosen:
            raise CommandError("the settings have no export of Aptible", ExitCode.USAGE)
    copy = Copy.LANDING if only_aptible else wanted.copy
    return [_place(account, export, copy, wanted, since, until) for export in chosen]


def _place(
    account: Account, export: Export, copy: Copy | None, wanted: SearchScope, since: datetime, until: datetime
) -> SearchLocation:
    landing = export.landing(account.settings)
    if copy is Copy.LANDING and isinstance(landing, LogGroupLanding):
        raise CommandError(
            f"{export.name} lands in log groups, and the archive has its lines: leave out --from landing",
            ExitCode.USAGE,
        )
    if copy is Copy.LANDING and export.other_account:
        raise CommandError(
            f"{export.name} lands in the account {export.other_account}, and the archive has its lines: leave out "
            "--from landing, and Aptible's own selectors",
            ExitCode.USAGE,
        )
    if copy is Copy.ARCHIVE and not export.is_archived:
        raise CommandError(
            f"{export.name} is not archived (`ship_to: [archive]` asks for it): leave out --from archive",
            ExitCode.USAGE,
        )
    if isinstance(landing, LogGroupLanding) or (export.is_archived and copy is not Copy.LANDING):
        return SearchLocation(
            export=export, bucket=account.settings.archive_bucket, stack="core", prefix=export.archive_prefix
        )
    layout = layout_of(export, since, until, wanted.late, wanted.selectors)
    return SearchLocation(export=export, bucket=landing.bucket, stack=export.name, prefix=landing.prefix, layout=layout)


def layout_of(export: Export, since: datetime, until: datetime, late: timedelta, selectors: Selectors) -> Layout:
    """Return how an export's landing bucket names its objects, for a range and what Aptible's selectors choose."""
    if isinstance(export, AptibleExport):
        return Aptible(since, until, late, selectors)
    if isinstance(export, CloudflareExport):
        return Logpush(since, until, late)
    is_access_log = isinstance(export, S3LogsExport) and export.services == ("s3-access",)
    if isinstance(export, MongodbAtlasExport) or is_access_log:
        return DatedNames(since, until, late)
    return ServicePaths(since, until, late)
