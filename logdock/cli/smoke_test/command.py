"""The command itself: the checks, the records, the alarms; then everything that was made is removed."""

import signal
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from logdock.cli.account import Account, read_settings
from logdock.cli.ages import counted
from logdock.cli.errors import ExitCode, require_known
from logdock.cli.options import DEFAULT_SETTINGS, Json, LandingProfiles, Profile, Region, SettingsFile
from logdock.cli.screen import Screen
from logdock.cli.smoke_test import run_record
from logdock.cli.smoke_test.alarms import Alarms
from logdock.cli.smoke_test.cleanup import Cleanup, Left
from logdock.cli.smoke_test.delivery import Deliveries, check_marks
from logdock.cli.smoke_test.functions import Functions
from logdock.cli.smoke_test.keys import check_keys
from logdock.cli.smoke_test.records import NAME
from logdock.cli.smoke_test.sources import check_sources
from logdock.cli.smoke_test.steps import Report, Result, Step
from logdock.settings import Deployment
from logdock.settings.exports import Export

EXAMPLES = """
Examples:

`logdock smoke-test` tests everything, and sends one message for every alarm

`logdock smoke-test --no-alarms` sends none

`logdock smoke-test --export orders --export trail` tests two exports, with the destinations and alarms that they have

`logdock smoke-test --json | jq '.steps[] | select(.result == "failed")'` is for scripts
"""
WIDTH = 80
GRACE_SECONDS = 30.0
"""How long records that are under way are waited for after Ctrl-C, so that they can be removed."""
LONGEST_ACTION_SECONDS = 120.0


def smoke_test(
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    landing_profile: LandingProfiles = None,
    as_json: Json = False,
    export: Annotated[
        list[str] | None, typer.Option("--export", metavar="NAME", help="Only this export; may be repeated.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="How long to wait for each arrival.")
    ] = 300.0,
    no_alarms: Annotated[bool, typer.Option("--no-alarms", help="Do not set alarms to ALARM.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="FILE", help="Where to write the record of the run. Default: a new file here."
        ),
    ] = None,
) -> None:
    """Test every export, alarm and function after a deploy.

    It sends a marked record through every export, and sets alarms to ALARM, which sends one message for each.
    Everything that it makes is removed afterwards, after a failure and Ctrl-C too. The exit code is 1 when a step
    failed, or was not checked because AWS did not answer.
    """
    screen = Screen(as_json=as_json)
    deployment = read_settings(settings)
    exports = _chosen(deployment, export or [])
    account = Account(deployment, profile, region, settings, landing_profiles=landing_profile)
    exports = [each for each in exports if set(deployment.regions_of(each)) & set(account.regions)]
    started = datetime.now(UTC)
    screen.note(f"Test records begin with {NAME}-: ignore them. They are removed at the end.")
    report, cleanup = Report(lambda step: _show(screen, step)), Cleanup()
    run = _Run(account, report, cleanup, screen, exports, timeout, everything=not export, alarms=not no_alarms)
    interrupted = False
    left: list[Left] = []
    with _terminated_as_interrupted():
        try:
            run.perform(started)
        except KeyboardInterrupt:
            interrupted = True
            run.settle()
        finally:
            screen.note("Removing what was made.")
            left = cleanup.remove_all()
            run.finish_with(left)
            result = run_record.document(
                deployment, report, left, started=started, timeout=timeout, interrupted=interrupted
            )
            _write(screen, record or run_record.default_path(started), result)
    screen.document(result)
    _conclude(screen, report, left)
    if interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if any(step.result is Result.FAILED or step.not_looked_at for step in report.steps):
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


@dataclass(slots=True)
class _Run:
    """One run, in the order in which its parts depend on each other."""

    account: Account
    report: Report
    cleanup: Cleanup
    screen: Screen
    exports: Sequence[Export]
    timeout: float
    everything: bool
    alarms: bool
    _deliveries: Deliveries | None = None

    def perform(self, started: datetime) -> None:
        """Do every step."""
        account, report, exports = self.account, self.report, self.exports
        destinations = [
            name
            for name in account.settings.shippers
            if self.everything or any(name in export.ship_to for export in exports)
        ]
        check_sources(account, report, exports, everything=self.everything)
        functions = Functions(account=account, report=report, exports=exports, destinations=destinations)
        faults = functions.check() | check_keys(account, report, exports)
        records = sum(len(export.members) for export in exports)
        self.screen.note(
            f"Entering {counted(records, 'record')} into {counted(len(exports), 'export')}, and following each."
        )
        self._deliveries = Deliveries(
            account=account,
            report=report,
            cleanup=self.cleanup,
            timeout_seconds=self.timeout,
            faults=faults,
        )
        self._deliveries.run(exports)
        check_marks(self._deliveries, started)
        functions.check_starts(started)
        for region in account.regions:
            alarms = Alarms(
                account=account,
                region=region,
                report=report,
                cleanup=self.cleanup,
                timeout_seconds=min(self.timeout, LONGEST_ACTION_SECONDS),
                note=self.screen.note,
            )
            alarms.check_topics()
            if self.alarms:
                alarms.check(exports, everything=self.everything)
            else:
                report.skip("alarms", f"alarms in {region}", "--no-alarms")

    def settle(self) -> None:
        """Wait a little for the records that are under way; a second Ctrl-C leaves them."""
        if self._deliveries is None:
            return
        self.screen.note(
            f"Interrupted: waiting up to {GRACE_SECONDS:.0f} s for records under way, to remove them. Ctrl-C again "
            "leaves them."
        )
        try:
            self._deliveries.settle(GRACE_SECONDS)
        except KeyboardInterrupt:
            self._deliveries.abandon("interrupted")

    def finish_with(self, left: Sequence[Left]) -> None:
        """Report what was removed and what is left."""
        with self.report.step("deployment", "everything that was made is removed", "") as step:
            if left:
                step.skip(f"{len(left)} left, listed at the end with the reason")


def _chosen(deployment: Deployment, names: Sequence[str]) -> list[Export]:
    for name in names:
        known = [each.name for each in deployment.exports]
        require_known(name, known, f"--export {name}: the settings have no such export")
    return [each for each in deployment.exports if not names or each.name in names]


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Clean up after SIGTERM too, which ends a job of a pipeline."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write(screen: Screen, path: Path, run: dict[str, object]) -> None:
    try:
        run_record.write(path, run)
    except OSError as error:
        screen.note(f"The record of the run was not written: {path}: {error.strerror}")
    else:
        screen.note(f"The record of the run, without account numbers and addresses: {path}")


def _show(screen: Screen, step: Step) -> None:
    """Show a step within 80 columns; a command to be copied stays whole."""
    text = f"{step.subject}: {step.name}"
    details = [step.answer] if step.answer else []
    if step.seconds is not None:
        details.append(f"{step.seconds:.1f} s")
    if details:
        text += f" ({', '.join(details)})"
    if step.reason:
        text += f": {step.reason}"
    for line in _wrapped(f"{step.result:<13}{text}"):
        screen.say(line)
    if step.fix:
        screen.copyable(f"{'':<13}fix: {step.fix}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * 13, break_long_words=False, break_on_hyphens=False)


def _conclude(screen: Screen, report: Report, left: Sequence[Left]) -> None:
    for each in left:
        for line in _wrapped(f"{'left':<13}{each.what}: {each.reason}"):
            screen.say(line)
        if each.command:
            screen.copyable(f"{'':<13}remove: {each.command}")
    counts = Counter(step.result for step in report.steps)
    screen.say(", ".join(f"{counts[result]} {result}" for result in Result))
    if missed := sum(step.not_looked_at for step in report.steps):
        screen.say(f"Not looked at: {missed}. Run the command again for what AWS did not answer.")
