"""The command itself: the file, then the live account."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from logdock.cli.account import Account, read_settings
from logdock.cli.errors import CommandError, ExitCode, require_known
from logdock.cli.options import DEFAULT_SETTINGS, Json, LandingProfiles, Profile, Region, SettingsFile
from logdock.cli.plan.templates import read_assembly
from logdock.cli.screen import Screen
from logdock.cli.validate.checks import Check, Checks, Verdict
from logdock.cli.validate.exports import check_export, check_key
from logdock.cli.validate.functions import check_archiver, check_destination, check_topic
from logdock.cli.validate.log_groups import MOST_GROUPS, WHOLE, GroupRange
from logdock.cli.validate.stacks import Stack, check_orphans, check_stack
from logdock.limits import fullest, limit_violations, limit_warnings, measures, report
from logdock.settings import Deployment, SettingsError
from logdock.settings.exports import Export
from logdock.settings.remarks import remarks

EXAMPLES = """
Examples:

`logdock validate --offline` checks the settings file alone, before the deploy

`logdock validate` checks the file, and then everything that it has made

`logdock validate --offline --json | jq '.errors'` lists the errors of the file with their lines, for CI

`logdock validate orders` checks one export, with what it stands on

`logdock validate --json | jq '.checks[] | select(.verdict == "wrong")'` is for scripts
"""
WORKERS = 8
_SIGNS = {Verdict.FINE: "✓", Verdict.WRONG: "✗", Verdict.NOT_CHECKED: "?"}


def validate(
    export: Annotated[str | None, typer.Argument(metavar="EXPORT", help="Only this export.")] = None,
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    landing_profile: LandingProfiles = None,
    as_json: Json = False,
    offline: Annotated[bool, typer.Option("--offline", help="Check the settings file alone.")] = False,
    templates: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Measure AWS's limits on these templates (`cdk.out`), too.")
    ] = None,
    log_groups: Annotated[
        int, typer.Option(metavar="N", min=1, help="Check at most so many log groups of a prefix.")
    ] = MOST_GROUPS,
    log_groups_after: Annotated[
        str, typer.Option(metavar="NAME", help="Check only log groups of a prefix with greater names: to go on.")
    ] = "",
) -> None:
    """Check the settings file and what is deployed of it.

    What the file asks for must be deployed, unchanged and at work. It also shows what is left of AWS's limits: from
    the settings, and with --templates of every document, as `cdk synth` checks them. Nothing is changed. What the
    caller may not look at is named, and is no failure. The exit code is 1 when something is wrong or exceeds a
    limit, or was not looked at for another reason.
    """
    screen = Screen(as_json=as_json)
    deployment = _read(settings, screen)
    exports = _chosen(deployment, export)
    counts = ", ".join(
        f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
        for what, found in (("export", deployment.exports), ("destination", deployment.destinations))
    )
    screen.say(f"{settings}: {deployment.deployment}, {counts}, no errors")
    assembly = read_assembly(templates) if templates else None
    measured = list(measures(deployment, {name: found[0] for name, found in assembly.items()} if assembly else None))
    violations = limit_violations(measured)
    notes = list(remarks(deployment))
    said = (f"Note: {each}" for each in notes)
    for line in (*said, *report(measured, always=True), *violations, *limit_warnings(measured)):
        screen.say(f"{line}.")
    checks = (
        []
        if offline
        else _live(
            Account(deployment, profile, region, settings, landing_profiles=landing_profile),
            exports,
            screen,
            everything=export is None,
            groups=GroupRange(log_groups, log_groups_after),
        )
    )
    verdicts = Counter(check.verdict for check in checks)
    screen.document(
        {
            "settings": str(settings),
            "deployment": deployment.deployment,
            "errors": [],
            "notes": notes,
            "limits": [each.document for each in fullest(measured)],
            "checks": [asdict(check) for check in checks],
        }
    )
    for line in _fixes(checks):
        screen.copyable(f"  {line}")
    missed = sum(check.not_looked_at for check in checks)
    if checks:
        screen.say(", ".join(f"{verdicts[verdict]} {verdict}" for verdict in Verdict))
    if missed:
        screen.say(f"Not looked at to the end: {missed}. Run the command again for what AWS did not answer.")
    if verdicts[Verdict.WRONG] or missed or violations:
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _fixes(checks: list[Check]) -> Iterator[str]:
    """Say what fixes what is wrong: a command that fixes several things once, behind the first of them."""
    wrong: dict[str, list[str]] = {}
    for check in checks:
        if check.verdict is Verdict.WRONG:
            wrong.setdefault(check.fix, []).append(f"{check.of}, {check.what}")
    for fix, (first, *others) in wrong.items():
        yield f"fix {first}{f' and {len(others)} more' if others else ''}: {fix}"


def _read(file: Path, screen: Screen) -> Deployment:
    """Read the settings file; a script gets its errors as a document."""
    try:
        return read_settings(file)
    except CommandError as error:
        if isinstance(refused := error.__cause__, SettingsError):
            document = {
                "settings": str(file),
                "deployment": None,
                "errors": refused.as_documents(),
                "notes": [],
                "limits": [],
                "checks": [],
            }
            screen.document(document)
        raise


def _chosen(deployment: Deployment, name: str | None) -> list[Export]:
    if name is not None:
        known = [each.name for each in deployment.exports]
        require_known(name, known, f"{name}: the settings have no such export")
    return [each for each in deployment.exports if name in (None, each.name)]


def _live(
    account: Account, exports: list[Export], screen: Screen, *, everything: bool, groups: GroupRange = WHOLE
) -> list[Check]:
    """Check the account, and show each part as soon as it and those before it are done."""
    work = _parts(account, exports, everything=everything, groups=groups)
    found: list[Check] = []
    with ThreadPoolExecutor(WORKERS) as pool, screen.progress("looking", len(work)) as done:
        for checks in pool.map(lambda part: part(), work):
            done(1)
            found += checks.all
            for check in checks.all:
                reason = f": {check.reason}" if check.reason else ""
                screen.say(f"{_SIGNS[check.verdict]} {check.of}  {check.what}{reason}")
    return found


def _parts(
    account: Account, exports: list[Export], *, everything: bool, groups: GroupRange = WHOLE
) -> list[Callable[[], Checks]]:
    settings, names = account.settings, account.names
    home = settings.region
    lands_in_log_groups = any(each.lands_in == "log groups" for each in exports)
    destinations = [
        name for name in settings.shippers if everything or any(name in export.ship_to for export in exports)
    ]
    stacks = [Stack(names.core_stack, home)]
    stacks += [Stack(names.in_region("shipper", region), region) for region in account.regions]
    if settings.replica and everything:
        stacks.append(Stack(names.replica(settings.replica.region), settings.replica.region))
    stacks += [
        Stack(names.in_region(export.name, region), region)
        for export in exports
        for region in settings.regions_of(export)
        if region in account.regions
    ]
    work: list[Callable[[], Checks]] = [partial(check_stack, account, stack) for stack in stacks]
    work += [
        partial(check_stack, there, Stack(names.landing_stack(export.name), home))
        for export in exports
        if export.other_account and (there := account.landing_of(export))
    ]
    if everything:
        work.append(partial(check_orphans, account))
    work.append(partial(_archive, account))
    if everything and settings.alerts.email:
        work += [partial(check_topic, account, region) for region in account.regions]
    if lands_in_log_groups:
        work += [partial(check_archiver, account, region) for region in account.regions]
    work += [partial(check_destination, account, name) for name in destinations]
    work += [partial(check_export, account, export, groups) for export in exports]
    return work


def _archive(account: Account) -> Checks:
    checks = Checks("archive", account.deploy(account.names.core_stack))
    check_key(account, checks, f"alias/{account.settings.deployment}-archive", account.settings.region)
    return checks
