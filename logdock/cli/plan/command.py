"""The command itself: two settings files, or the settings file and what is deployed."""

import shutil
import subprocess
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from logdock.cli.account import Account, read_settings
from logdock.cli.errors import CommandError, ExitCode, from_aws
from logdock.cli.options import DEFAULT_SETTINGS, Command, Json, Profile, SettingsFile, cdk_settings_option
from logdock.cli.plan.changes import DEPLOYMENT, compare
from logdock.cli.plan.consequences import consequences
from logdock.cli.plan.effects import Effect, Kind
from logdock.cli.plan.live import look
from logdock.cli.plan.report import Plan, as_document, as_markdown, as_text
from logdock.cli.plan.templates import (
    compare_templates,
    dangers,
    moved_away,
    read_assembly,
    read_stacks_of,
    unexplained,
)
from logdock.cli.screen import Screen
from logdock.limits import Measure, measures
from logdock.settings import Deployment
from logdock.settings.remarks import remarks

EXAMPLES = """
Examples:

`logdock plan --from old.yaml` compares two settings files, without AWS

`logdock plan` compares what is deployed with what the settings file would deploy

`logdock plan --output markdown >> $GITHUB_STEP_SUMMARY` is for a pull request

`logdock plan --accept orders:prefix` accepts one consequence, `--accept orders` all of an export's
"""
DANGEROUS = 2
"""The exit code when something loses data or cuts an export off and is not accepted."""


class PlanCommand(Command):
    """A command whose errors of use end with 1, because 2 says that the plan is dangerous."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what was typed."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "exit_code", None) == ExitCode.USAGE:
                error.exit_code = ExitCode.SOMETHING_LEFT  # type: ignore[attr-defined]
            raise


COMMAND_CLASS = PlanCommand


class Output(StrEnum):
    """How a plan is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def plan(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The settings file of the next deploy (or --settings).")
    ] = None,
    settings: SettingsFile = DEFAULT_SETTINGS,
    before: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="The settings file that is deployed. With it nothing is asked of AWS, unless --live.",
        ),
    ] = None,
    templates: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Templates of the next deploy. Default: `npx cdk synth` makes them."),
    ] = None,
    old_templates: Annotated[
        Path | None,
        typer.Option("--from-templates", metavar="DIR", help="With --from: templates that are deployed."),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="With --from: also look at the account.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option(metavar="NAME[:WHAT]", help="Accept a consequence. Repeatable.")
    ] = None,
    output: Annotated[Output, typer.Option(help="How the plan is written.")] = Output.TEXT,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Show what the next deploy changes, before it is done.

    Nothing is changed. The exit code is 2 when something would lose data, cut an export off or fail, unless --accept
    names it; 1 when no plan could be made, or AWS did not answer a question of it; 0 otherwise.
    """
    try:
        found = _plan(file or settings, before, templates, old_templates, tuple(accept or ()), profile, live=live)
    except CommandError as error:
        # 2 says that the plan is dangerous, so no error may end with it.
        raise CommandError(str(error), ExitCode.SOMETHING_LEFT) from None
    except (BotoCoreError, ClientError) as error:
        raise CommandError(str(from_aws(error)), ExitCode.SOMETHING_LEFT) from None
    screen = Screen(as_json=as_json or output is Output.JSON)
    screen.document(as_document(found))
    for line in (as_markdown(found) if output is Output.MARKDOWN else as_text(found)).splitlines():
        screen.say(line)
    for name in found.unused:
        screen.note(f"Note: --accept {name}: nothing in this plan has that name")
    if found.open_dangers:
        raise typer.Exit(DANGEROUS)
    if found.not_looked_at:
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _plan(
    file: Path,
    before: Path | None,
    templates: Path | None,
    old_templates: Path | None,
    accepted: tuple[str, ...],
    profile: str | None,
    *,
    live: bool,
) -> Plan:
    new = read_settings(file)
    old = read_settings(before) if before else None
    difference = compare(old, new) if old else None
    found = Plan(
        settings=new,
        before=str(before) if before else "deployed",
        after=str(file),
        difference=difference,
        effects=consequences(difference) if difference else [],
        accepted=accepted,
        notes=[f"{each}." for each in remarks(new)],
    )
    if old_templates and not templates:
        raise CommandError("--from-templates needs --templates, the templates to compare with", ExitCode.USAGE)
    if old_templates and templates:
        was = read_stacks_of(old_templates)
        for name, stack in read_stacks_of(templates).items():
            template = dict(stack.template)
            deployed = dict(was[name].template) if name in was else None
            if name in was and (left := moved_away(name, was[name], stack)):
                found.resources.append(left)
                deployed = None
            found.resources += compare_templates(name, deployed, template)
            if deployed is not None:
                of = name.removeprefix(f"{new.deployment}-")
                found.effects += unexplained(found.effects, list(dangers(name, deployed, template, of)))
    if live or not before:
        account = Account(new, profile, None, file)
        with tempfile.TemporaryDirectory() as directory:
            assembly = templates or _synthesize(file, Path(directory))
            look(account, found, assembly)
            found.measured = _measured(new, assembly)
    else:
        found.measured = _measured(new, templates)
    found.effects += [_exceeded(each) for each in found.measured if each.left < 0]
    return found


def _measured(settings: Deployment, assembly: Path | None) -> list[Measure]:
    templates = {name: template for name, (template, _) in read_assembly(assembly).items()} if assembly else None
    return list(measures(settings, templates))


def _exceeded(measure: Measure) -> Effect:
    """Return what exceeding a limit comes to; whether a default quota was raised, the account alone knows."""
    return Effect(
        of=DEPLOYMENT,
        what=f"limit.{measure.limit.name.replace(' ', '-')}",
        kind=Kind.NOTE if measure.limit.is_adjustable else Kind.FAILS,
        sentence=f"{measure.sentence}.",
        steps=(f"{measure.limit.remedy}.",),
    )


def _synthesize(file: Path, directory: Path) -> Path:
    """Run the CDK, as a deploy would."""
    command = f"npx cdk synth --quiet --output {directory}{cdk_settings_option(file)}"
    npx = shutil.which("npx")
    if not npx or not Path("cdk.json").exists():
        raise CommandError(
            "the templates of the next deploy are needed: run `npx cdk synth --quiet --output cdk.out"
            f"{cdk_settings_option(file)}` in Logdock's directory, and give --templates cdk.out",
            ExitCode.USAGE,
        )
    context = ["-c", f"settings={file}"] if file != DEFAULT_SETTINGS else []
    done = subprocess.run(  # noqa: S603
        [npx, "--no-install", "cdk", "synth", "--quiet", "--output", str(directory), *context],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise CommandError(f"`{command}` failed:\n{done.stderr.strip()[-2000:]}", ExitCode.USAGE)
    return directory
