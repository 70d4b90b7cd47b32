"""The command itself: a look, or one after the other."""

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from logdock.cli.account import Account, read_settings
from logdock.cli.ages import ago, duration
from logdock.cli.errors import ExitCode
from logdock.cli.options import DEFAULT_SETTINGS, Json, Profile, Region, SettingsFile
from logdock.cli.screen import Screen
from logdock.cli.status.costs import DAY_SECONDS, dollars, interval_seconds
from logdock.cli.status.findings import Delivery, Status
from logdock.cli.status.survey import Survey
from logdock.vendors.vendor_checks import ENABLED

EXAMPLES = """
Examples:

`logdock status` shows what landed, what was shipped, what waits and what failed

`logdock status --watch` does so again and again, for at most a dollar a day

`logdock status --json | jq '.queues[] | select(.dead > 0)'` asks one question
"""
NOT_KNOWN = "?"


def status(
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    as_json: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again, every ten seconds or less often, until Ctrl-C.")
    ] = False,
) -> None:
    """Show what landed, was shipped, is queued and failed.

    Of each export: when something landed last, was shipped last, and how late. Which alarms are on is said below,
    and what cannot be read, which is shown as ?. The exit code is 1 when there are failures, or stacks that the
    settings do not have, or when not all was looked at.
    """
    screen = Screen(as_json=as_json)
    account = Account(read_settings(settings), profile, region, settings)
    found = _look(account, screen)
    try:
        while watch:
            look = dollars(account.requests)
            seconds = interval_seconds(look)
            screen.note(
                f"Looks again in {seconds:.0f} s. A look costs about {look:.4f} dollars: "
                f"{look * DAY_SECONDS / seconds:.2f} a day."
            )
            time.sleep(seconds)
            account.requests.clear()
            found = _look(account, screen, in_place=True)
    except KeyboardInterrupt:
        pass
    if found.failures or found.orphans or found.not_looked_at:
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _look(account: Account, screen: Screen, *, in_place: bool = False) -> Status:
    now = datetime.now(UTC)
    with screen.progress("looking"):
        found = Survey(account, now).take()
    if in_place:  # what was seen last stays until there is something new
        screen.clear()
    screen.document({"time": now.isoformat(timespec="seconds"), "failures": found.failures, **_plain(asdict(found))})
    screen.table(
        ["export", "kind", "vendor", "landed", "destination", "shipped", "lag", "refused"],
        [
            [
                each.export,
                each.kind,
                _vendor(found, each.export),
                NOT_KNOWN if "landed" in each.unknown else ago(each.landed, now),
                each.destination,
                _shipped(each, now),
                duration(each.lag_seconds),
                f"{each.quarantined}+" if each.at_least else count(each.quarantined),
            ]
            for each in found.deliveries
        ],
        # what the vendors say is omitted only where all of them say that all is well
        can_go=["kind", *(["vendor"] if {*found.vendors.values()} <= {ENABLED} else [])],
    )
    screen.say()
    if found.members:
        screen.table(
            ["export", "project or cluster", "vendor"],
            [
                [name, member_id, status or NOT_KNOWN]
                for name, members in found.members.items()
                for member_id, status in members.items()
            ],
        )
        screen.say()
    screen.table(
        ["destination", "vendor", "waiting", "in flight", "oldest", "dead"],
        [
            [
                each.destination,
                _vendor(found, each.destination),
                count(each.waiting),
                count(each.in_flight),
                duration(each.oldest_seconds),
                count(each.dead),
            ]
            for each in found.queues
        ],
    )
    screen.say()
    screen.table(["archiver in", "events kept"], [[where, count(kept)] for where, kept in found.kept.items()])
    screen.say()
    for alarm in found.alarms or ():
        screen.say(f"Alarm {alarm.name} in {alarm.region}, since {ago(alarm.since, now)}: {alarm.says}")
        if alarm.section:
            screen.copyable(f"  logdock explain {alarm.section}    # or {alarm.link}")
    for late in found.late:
        screen.say(
            f"Silent: {late.export}, for longer than its {late.minutes} minutes (silent_after_minutes); "
            f"what landed last: {ago(late.landed, now)}"
        )
    if found.late:
        screen.copyable("  logdock explain silence")
    for hours in found.uncompacted or ():
        screen.say(
            f"Not compacted: {hours.hours} hour{'s' * (hours.hours > 1)} of {hours.export}, until every destination has"
            f" them; the oldest object was archived {ago(hours.since, now)}"
        )
    if found.elsewhere:
        screen.say(f"In quarantine, of exports and destinations that the settings do not name: {found.elsewhere}")
    for stack in found.orphans or ():
        screen.say(f"{stack.name} in {stack.region} is deployed and not in the settings: it goes on exporting. End it:")
        for line in stack.commands:
            screen.copyable(f"  {line}")
    for what in found.not_looked_at:
        screen.say(f"Not looked at: {what}.")
    for note in found.notes:
        screen.note(f"Note: {note}")
    screen.say(_verdict(found))
    return found


def _verdict(found: Status) -> str:
    others = [
        f"{len(each)} {one if len(each) == 1 else more}"
        for each, one, more in (
            (found.alarms or (), "alarm is on", "alarms are on"),
            (found.late, "export is silent", "exports are silent"),
        )
        if each
    ]
    if not found.failures:
        none = "No failures are known" if found.notes or found.not_looked_at else "No failures"
        return f"{none}, but {' and '.join(others)}." if others else f"{none}."
    at_least = "At least " if found.not_looked_at else ""
    failures = f"{at_least}{found.failures} failure{'s' * (found.failures > 1)}"
    return f"{', '.join([failures, *others])}: `logdock redrive --dry-run` shows why anything failed."


def _vendor(found: Status, name: str) -> str:
    return (found.vendors[name] or NOT_KNOWN) if name in found.vendors else "-"


def _shipped(each: Delivery, now: datetime) -> str:
    if not each.destination:
        return ""
    return NOT_KNOWN if "shipped" in each.unknown else ago(each.shipped, now)


def count(number: int | None) -> int | str:
    """Return a number, or the mark of one that is not known."""
    return NOT_KNOWN if number is None else number


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value
