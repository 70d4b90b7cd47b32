"""The command itself: finds what landed in a range, and announces it to the destinations' queues, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from log_shipper.events import ObjectRef, message_of
from log_shipper.jobs import identity_of

from cli.account import WORKERS, Account, read_settings
from cli.errors import CommandError, ExitCode, closest
from cli.landings import archive_prefix, landing_of
from cli.logs.layouts import Layout
from cli.logs.places import AbsentError, Found, Place, objects
from cli.logs.times import moment, written
from cli.options import DEFAULT_SETTINGS, Json, Profile, Region, SettingsFile
from cli.redrive.dead_letters import queue_url
from cli.redrive.pace import Pace, stopped_by_interrupt
from cli.screen import Screen
from settings.exports import Export

EXAMPLES = """
Examples:

`logdock backfill --export orders --since 2026-11-01 --dry-run` says how much landed since

`logdock backfill --export orders --since 2026-11-01 --until '2026-11-20 16:00' --rate 5` ships it, gently

`logdock backfill --export trail --destination archive --since 90d` archives what landed before `archive` was asked for
"""
BATCH_MESSAGES = 10
"""What SQS takes at once."""


class Landed(Layout):
    """What landed in a range, whatever the times of its records are."""

    __slots__ = ()

    def span(self, key: str, modified: datetime) -> tuple[datetime, datetime] | None:
        """Return the moment of landing."""
        del key
        return modified, modified


def backfill(
    export: Annotated[str, typer.Option(metavar="NAME", help="The export.")],
    since: Annotated[str, typer.Option(metavar="TIME", help="What landed from then on: 2026-11-01, 90d, ...")],
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    as_json: Json = False,
    until: Annotated[str, typer.Option(metavar="TIME", help="The first moment that is left out.")] = "now",
    destination: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this destination. Left out: all of the export's.")
    ] = None,
    rate: Annotated[float | None, typer.Option(metavar="N", min=0.01, help="At most so many objects a second.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what landed and send nothing.")] = False,
) -> None:
    """Ship, or archive, what landed before the export was shipped.

    Each object is announced to the destination's queue as S3 would have announced it. It can be stopped at any point:
    it says where to go on. What a destination has already is not sent to it again.
    """
    screen = Screen(as_json=as_json)
    now = datetime.now(UTC)
    first, end = moment("--since", since, now), moment("--until", until, now)
    if first >= end:
        raise CommandError(f"--since {written(first)} is not before --until {written(end)}", ExitCode.USAGE)
    account = Account(read_settings(settings), profile, region)
    chosen = _export(account, export)
    destinations = _destinations(chosen, destination)
    pace = Pace(rate)
    report: dict[str, Any] = {"export": export, "destinations": destinations, "dry_run": dry_run}
    report |= {"since": written(first), "until": written(end), "objects": 0, "bytes": 0, "go_on": None}
    queues = {name: queue_url(account, name) for name in destinations}
    try:
        with stopped_by_interrupt(pace, screen.note), screen.progress("objects announced") as done:
            for batch in _batches(_found(account, chosen, first, end)):
                if not dry_run:
                    report["go_on"] = written(_from(batch[0]))
                    if not pace.turn(len(batch)):
                        break
                    for name, queue in queues.items():
                        _send(account, name, queue, batch)
                report["objects"] += len(batch)
                report["bytes"] += sum(found.size for found in batch)
                done(len(batch))
            else:
                report["go_on"] = None
    except (CommandError, BotoCoreError, ClientError):
        _show(report, screen)
        raise
    _show(report, screen)
    if pace.stopped and report["go_on"]:
        raise typer.Exit(ExitCode.INTERRUPTED)


def _export(account: Account, name: str) -> Export:
    known = {export.name: export for export in account.settings.exports}
    if name not in known:
        raise CommandError(f"--export {name}: the settings have none; {closest(name, list(known))}", ExitCode.USAGE)
    return known[name]


def _destinations(export: Export, only: str | None) -> list[str]:
    """Return where an export is shipped to, which the deploy has given the right to read it."""
    if not export.ship_to:
        raise CommandError(
            f"{export.name} is not shipped: add `ship_to` to it, deploy, and backfill then", ExitCode.USAGE
        )
    if only is None:
        return list(export.ship_to)
    if only not in export.ship_to:
        known = closest(only, list(export.ship_to))
        raise CommandError(f"--destination {only}: {export.name} is not shipped there; {known}", ExitCode.USAGE)
    return [only]


def _found(account: Account, export: Export, since: datetime, until: datetime) -> Iterator[Found]:
    landing = landing_of(account.settings, export)
    if landing is None:
        archive = account.settings.archive_bucket
        place = Place(export=export, bucket=archive, stack="core", prefix=archive_prefix(export))
    else:
        layout = Landed(since, until, timedelta())
        place = Place(export=export, bucket=landing.bucket, stack=export.name, prefix=landing.prefix, layout=layout)
    try:
        yield from objects(account.s3, [place], since, until, WORKERS)
    except AbsentError as error:
        raise account.not_deployed(error.place.stack) from None


def _from(found: Found) -> datetime:
    """Return a beginning of the range with which an object is among the first."""
    return datetime.fromisoformat(found.earliest).replace(tzinfo=UTC)


def _batches(found: Iterator[Found]) -> Iterator[list[Found]]:
    while batch := list(islice(found, BATCH_MESSAGES)):
        yield batch


def _send(account: Account, destination: str, queue: str, batch: list[Found]) -> None:
    """Announce objects; the shipper itself asks S3 for their current versions, and finds what it did with those."""
    entries: list[Any] = []
    for number, found in enumerate(batch):
        place = found.place
        ref = ObjectRef(place.export.name, place.bucket, found.key, time=written(found.modified))
        entry = {"Id": str(number), "MessageBody": message_of(ref)}
        if queue.endswith(".fifo"):
            identity = identity_of(place.bucket, found.key, found.etag)
            entry |= {"MessageGroupId": place.export.name, "MessageDeduplicationId": identity}
        entries.append(entry)
    answer = account.sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    if failed := answer.get("Failed"):
        raise CommandError(
            f"the queue of {destination} did not take {len(failed)} of {len(batch)} messages: {failed[0]['Code']}. "
            "Run the command again",
            ExitCode.AWS,
        )


def _show(report: dict[str, Any], screen: Screen) -> None:
    screen.document(report)
    count = f"{report['objects']} object{'' if report['objects'] == 1 else 's'} ({report['bytes'] / 1_000_000:.1f} MB)"
    where = ", ".join(report["destinations"])
    if report["dry_run"]:
        screen.say(f"{count} of {report['export']} would be sent to {where}. Nothing was sent.")
    else:
        screen.say(f"{count} of {report['export']} announced to {where}. `logdock status` shows what becomes of them.")
    if report["go_on"]:
        screen.say(f"Not finished. Go on with --since {report['go_on']}")
