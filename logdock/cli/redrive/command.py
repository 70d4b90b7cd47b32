"""The command itself: looks, shows what failed, sends it again, and says what is left."""

from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from logdock.cli.account import Account, read_settings
from logdock.cli.ages import counted
from logdock.cli.errors import CommandError, ExitCode, require_known
from logdock.cli.options import DEFAULT_SETTINGS, Json, Profile, Region, SettingsFile
from logdock.cli.redrive.archiver_events import ArchiverEvents
from logdock.cli.redrive.dead_letters import DeadLetters
from logdock.cli.redrive.failures import FailureFilter, Place, Report
from logdock.cli.redrive.metrics import Metrics
from logdock.cli.redrive.quarantine import Quarantine
from logdock.cli.redrive.rate_limiter import RateLimiter, stopped_by_interrupt
from logdock.cli.screen import Screen

EXAMPLES = """
Examples:

`logdock redrive --dry-run` shows what failed, by export, destination and reason

`logdock redrive` sends all of it again

`logdock redrive --destination logz --rate 20` sends what one destination missed, gently

`logdock redrive --only quarantine --reason "longer than"` sends records that were too long, after that was fixed
"""


def redrive(
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    as_json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what failed and send nothing.")] = False,
    export: Annotated[str | None, typer.Option(metavar="NAME", help="Only failures of this export.")] = None,
    destination: Annotated[str | None, typer.Option(metavar="NAME", help="Only failures of this destination.")] = None,
    only: Annotated[Place | None, typer.Option(help="Only what is kept there.")] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only failures whose reason has this text (not dead letters).")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="N", min=0.01, help="At most so many messages, events and objects a second.")
    ] = None,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Give up when no record arrived for this long.")
    ] = 300,
) -> None:
    """Send failures again, and delete those that arrived.

    Dead letters go back to their queue. Quarantined records are sent to the destination that refused them: fix the
    reason first. Events that the archiver could not archive are given to it again, and metrics that were not taken to
    Firehose. It can be stopped and started again at any point.
    """
    screen = Screen(as_json=as_json)
    account = Account(read_settings(settings), profile, region, settings)
    _check(account, export, destination)
    wanted = FailureFilter(where=only, export=export, destination=destination, reason=reason)
    limiter, report = RateLimiter(rate), Report()
    try:
        with stopped_by_interrupt(limiter, screen.note):
            _work(account, wanted, report, limiter, screen, dry_run=dry_run, wait_seconds=wait)
    except (CommandError, BotoCoreError, ClientError):
        # what was done until then is done
        if report.groups or report.unseen:
            _show(report, screen, dry_run=dry_run, stopped=True)
        raise
    _show(report, screen, dry_run=dry_run, stopped=limiter.stopped)
    if limiter.stopped:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if report.left or report.unseen:
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _check(account: Account, export: str | None, destination: str | None) -> None:
    exports = [each.name for each in account.settings.exports]
    for option, given, known in (
        ("--export", export, exports),
        ("--destination", destination, [*account.settings.shippers, "archive"]),
    ):
        if given is not None:
            require_known(given, known, f"{option} {given}: the settings have none")


def _work(
    account: Account,
    wanted: FailureFilter,
    report: Report,
    limiter: RateLimiter,
    screen: Screen,
    *,
    dry_run: bool,
    wait_seconds: float,
) -> None:
    is_home = account.settings.region in account.regions
    if not is_home and wanted.where in (None, Place.DEAD_LETTERS, Place.QUARANTINE, Place.METRICS):
        report.note(f"dead letters, quarantine and metrics are in {account.settings.region}, and are not looked at")
    if wanted.reason is not None and wanted.where in (None, Place.DEAD_LETTERS):
        report.note("dead letters are not looked at: --reason does not choose among them")
    if wanted.where in (None, Place.ARCHIVER) and wanted.destination in (None, "archive"):
        events = ArchiverEvents(account=account, wanted=wanted, report=report)
        with screen.progress("reading the archiver's events"):
            found = events.find()
        if not dry_run:
            with screen.progress("archiving events again", len(found)) as done:
                events.redrive(found, limiter, done)
    if wanted.where in (None, Place.DEAD_LETTERS) and wanted.reason is None and is_home:
        for name in account.settings.shippers:
            if wanted.destination in (None, name):
                letters = DeadLetters(account=account, destination=name, wanted=wanted, report=report)
                with screen.progress(f"dead letters of {name}") as done:
                    letters.find(limiter) if dry_run else letters.redrive(limiter, done)
    if wanted.where in (None, Place.QUARANTINE) and is_home:
        quarantine = Quarantine(account=account, wanted=wanted, report=report, wait_seconds=wait_seconds)
        with screen.progress("reading what is in quarantine"):
            asked = quarantine.find(whole=dry_run)
        if not dry_run:
            with screen.progress("sending quarantined records again", len(asked)) as done:
                quarantine.redrive(asked, limiter, done)
    if wanted.where in (None, Place.METRICS) and wanted.export is None and is_home:
        metrics = Metrics(account=account, wanted=wanted, report=report)
        with screen.progress("reading what Firehose kept"):
            undelivered = metrics.find()
        if not dry_run:
            with screen.progress("sending metrics again", len(undelivered)) as done:
                metrics.redrive(undelivered, limiter, done)


def _show(report: Report, screen: Screen, *, dry_run: bool, stopped: bool) -> None:
    rows = sorted(report.groups.items())
    screen.document(
        {
            "dry_run": dry_run,
            "stopped": stopped,
            "failures": [
                {
                    **group._asdict(),
                    "found": each.found,
                    "records": each.records,
                    "gone": each.deleted,
                    "left": each.left,
                }
                for group, each in rows
            ],
            "left": report.left,
            "not_looked_at": [each._asdict() for each in report.unseen],
            "notes": report.notes,
        }
    )
    for note in report.notes:
        screen.note(f"Note: {note}")
    is_whole = not (report.unseen or stopped)
    if rows:
        _show_groups(report, screen, dry_run=dry_run)
    for each in report.unseen:
        screen.say(f"Not looked at: about {each.about} messages of {each.what}: {each.reason}.")
    if not rows:
        screen.say("Nothing has failed." if is_whole else "Nothing that was looked at has failed.")
    elif dry_run:
        screen.say(f"{counted(report.left, 'failure')}. Nothing was sent: without --dry-run all of it is.")
    elif report.left:
        screen.say(f"{counted(report.left, 'failure')} left. What is still on its way is deleted by the next run.")
    else:
        screen.say("Nothing is left." if is_whole else "Nothing that was looked at is left.")


def _show_groups(report: Report, screen: Screen, *, dry_run: bool) -> None:
    rows = sorted(report.groups.items())
    regions = len({group.region for group, _ in rows}) > 1
    heads = ["where", *(["region"] if regions else []), "export", "destination", "reason", "failures", "records"]
    table = [
        [g.where, *([g.region] if regions else []), g.export, g.destination, g.reason, f.found, f.records or ""]
        for g, f in rows
    ]
    if dry_run:
        screen.table(heads, table)
    else:
        rest = [[*row, f.deleted, f.left] for row, (_, f) in zip(table, rows, strict=True)]
        screen.table([*heads, "sent", "left"], rest)
