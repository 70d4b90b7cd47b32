"""The command itself: finds what there is in a range, and sends it to where it belongs."""

import shlex
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from logdock.cli.account import Account, read_settings
from logdock.cli.backfill.announcements import Announcements
from logdock.cli.backfill.log_groups import LogGroupEvents
from logdock.cli.errors import CommandError, ExitCode, require_known
from logdock.cli.logs.times import moment, written
from logdock.cli.options import DEFAULT_SETTINGS, Json, LandingProfiles, Profile, Region, SettingsFile
from logdock.cli.redrive.dead_letters import queue_url
from logdock.cli.redrive.rate_limiter import RateLimiter, stopped_by_interrupt
from logdock.cli.screen import Screen
from logdock.settings.destinations import ARCHIVE
from logdock.settings.export_base import LogGroupExport
from logdock.settings.exports import Export

EXAMPLES = """
Examples:

`logdock backfill --export orders --since 2026-11-01 --dry-run` says how much landed since

`logdock backfill --export orders --since 2026-11-01 --until '2026-11-20 16:00' --rate 5` ships it, gently

`logdock backfill --export trail --destination archive --since 90d` archives what landed before `archive` was asked for

`logdock backfill --export jobs --destination archive --since 90d` archives what its log groups held before the export
"""

LATE = "8d"
"""Atlas delivers again for seven days what it could not deliver; CloudFront is up to a day late."""


def backfill(
    export: Annotated[str, typer.Option(metavar="NAME", help="The export.")],
    since: Annotated[str, typer.Option(metavar="TIME", help="What landed from then on: 2026-11-01, 90d, ...")],
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    landing_profile: LandingProfiles = None,
    as_json: Json = False,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="End of the time range (exclusive). Default: now.")
    ] = None,
    destination: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this destination. Default: all of the export's.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.01, help="At most so many objects, or batches of log events, a second."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what there is and send nothing.")] = False,
    late: Annotated[
        str, typer.Option(metavar="TIME", help="How much later than the day in its name an object may have landed.")
    ] = LATE,
    start_after: Annotated[
        str, typer.Option(metavar="KEY", help="Only objects of a landing bucket with greater keys: to go on.")
    ] = "",
) -> None:
    """Ship or archive what landed before shipping began.

    Each object is announced to the destination's queue as S3 would have announced it. With `--destination archive`,
    what log groups held before they were subscribed to is handed to the archiver. It can be stopped at any point: it
    says where to go on. What a destination has already is not sent to it again.
    """
    screen = Screen(as_json=as_json)
    now = datetime.now(UTC)
    first, end = moment("--since", since, now), moment("--until", until or "now", now)
    if first >= end:
        raise CommandError(f"--since {written(first)} is not before --until {written(end)}", ExitCode.USAGE)
    account = Account(read_settings(settings), profile, region, settings, landing_profiles=landing_profile)
    chosen = _export(account, export)
    destinations = _destinations(chosen, destination)
    is_landing, names_from = False, None
    if isinstance(chosen, LogGroupExport) and destinations == [ARCHIVE]:
        things = "log events"
        wanted = LogGroupEvents(account=account, export=chosen, since=first, until=end if until else None, now=now)
        batches = wanted.batches()
    else:
        things = "objects"
        queues = {name: queue_url(account, name) for name in destinations}
        announcements = Announcements(
            account=account,
            export=chosen,
            since=first,
            until=end,
            queues=queues,
            late=now - moment("--late", late, now),
            start_after=start_after,
        )
        is_landing, names_from = announcements.is_landing, announcements.names_from
        batches = announcements.batches()
    if start_after and not is_landing:
        raise CommandError(
            f"--start-after: of {export}, no objects of a landing bucket are sent here; go on with --since",
            ExitCode.USAGE,
        )
    limiter = RateLimiter(rate)
    report: dict[str, Any] = {"export": export, "destinations": destinations, "dry_run": dry_run}
    report |= {"since": written(first), "until": written(end), things.replace(" ", "_"): 0, "bytes": 0}
    report |= {"go_on": None, "start_after": None, "names_from": written(names_from) if names_from else None}
    report["late"] = late
    try:
        with stopped_by_interrupt(limiter, screen.note), screen.progress(things) as done:
            for batch in batches:
                if not dry_run:
                    report["go_on"], report["start_after"] = written(batch.start), batch.after or None
                    if not limiter.acquire(batch.turns):
                        break
                    batch.send()
                report[things.replace(" ", "_")] += batch.items
                report["bytes"] += batch.size
                done(batch.items)
            else:
                report["go_on"] = report["start_after"] = None
    except (CommandError, BotoCoreError, ClientError):
        # What a listing that failed has found is no count of what there is.
        if not dry_run or report["bytes"]:
            _show(report, things, screen, at_least=dry_run)
        raise
    _show(report, things, screen)
    if limiter.stopped and report["go_on"]:
        raise typer.Exit(ExitCode.INTERRUPTED)


def _export(account: Account, name: str) -> Export:
    known = {export.name: export for export in account.settings.exports}
    require_known(name, known, f"--export {name}: the settings have none")
    return known[name]


def _destinations(export: Export, only: str | None) -> list[str]:
    """Return where an export is shipped to, which the deploy has given the right to read it.

    What lands in log groups is archived without being asked for, and from the archive it is shipped.
    """
    known = list(export.announced_to)
    if only is None and known:
        return known
    if export.lands_in == "log groups":
        known.append(ARCHIVE)
    if not known or only is None:
        instead = f", or choose --destination {ARCHIVE}" if known else ""
        raise CommandError(
            f"{export.name} is not shipped: add `ship_to` to it, deploy, and backfill then{instead}", ExitCode.USAGE
        )
    require_known(only, known, f"--destination {only}: {export.name} is not shipped there")
    return [only]


def _show(report: dict[str, Any], things: str, screen: Screen, *, at_least: bool = False) -> None:
    screen.document(report)
    count = report[things.replace(" ", "_")]
    said = f"{count} {things if count != 1 else things[:-1]} ({report['bytes'] / 1_000_000:.1f} MB)"
    where = ", ".join(report["destinations"])
    if report["dry_run"]:
        least = "At least " * at_least
        screen.say(f"{least}{said} of {report['export']} would be sent to {where}. Nothing was sent.")
    elif things == "objects":
        screen.say(f"{said} of {report['export']} announced to {where}. `logdock status` shows what becomes of them.")
    else:
        screen.say(f"{said} of {report['export']} archived, and shipped on from there.")
    if report["names_from"]:
        screen.say(f"Not listed: what is named after a day more than {report['late']} before --since (--late).")
    if report["go_on"]:
        after = f" --start-after {shlex.quote(report['start_after'])}" if report["start_after"] else ""
        screen.say(f"Not finished. Go on with --since {report['go_on']}{after}")
