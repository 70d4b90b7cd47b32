"""The command itself: asks for a deployment and its exports, checks each answer, and writes the file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from logdock.cli.bootstrap_policy.policies import bootstrap_regions
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.init.deployment import ask_environment, ask_settings, without_missing_schema
from logdock.cli.init.interview import stack_names
from logdock.cli.init.questions import ExportKind
from logdock.cli.options import DEFAULT_SETTINGS, Json, cdk_settings_option, settings_option
from logdock.cli.screen import Screen
from logdock.settings import Deployment
from logdock.settings.secret_reference import named_secrets

EXAMPLES = """
Examples:

`logdock init` asks for everything, and writes `logdock.yaml`

`logdock init --kind cockroachdb --settings prod.yaml` writes another file, for one kind of export

`logdock init --kind mongodb-atlas --kind aurora-mysql` asks for two exports

`logdock init --kind aurora-mysql < answers.txt` takes one answer from each line

`logdock init --extends shared.yaml --settings staging.yaml` writes the file of an environment
"""


def init(
    kind: Annotated[
        list[ExportKind] | None,
        typer.Option(help="The kind of an export; may be repeated for several. Default: it is asked."),
    ] = None,
    settings: Annotated[
        Path, typer.Option("--settings", metavar="FILE", help="The file to write; it must not exist.")
    ] = DEFAULT_SETTINGS,
    extends: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the file of an environment, which changes FILE: a relative path."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask what each export needs, and write a settings file.

    Each setting stands below a comment that says what it means. The account and the Region of your credentials are
    proposed. Each answer is checked as the deploy would check it. External ids of your own making come from the
    system's generator for secrets. Secrets are never asked for: their names are. `logdock add` adds an export
    later. With --extends only the deployment's name, its account and what the other file lacks are asked; what else
    differs is for you to add.
    """
    if settings.exists():
        raise CommandError(
            f"{settings} already exists. Name another with --settings FILE, or add an export to it with `logdock add`",
            ExitCode.USAGE,
        )
    if not os.access(settings.parent, os.W_OK):
        raise CommandError(f"{settings}: {settings.parent} is not a directory that you may write to", ExitCode.USAGE)
    if extends is not None and kind:
        raise CommandError("--kind is for a file with exports of its own, not for one that --extends", ExitCode.USAGE)
    screen = Screen(as_json=as_json)
    if extends is not None:
        deployment = ask_environment(screen, settings, extends)
    else:
        text, deployment = ask_settings(screen, kind or (), settings)
        settings.write_text(without_missing_schema(text, settings.parent), encoding="utf-8")
    stacks = stack_names(deployment.deployment, (export.name for export in deployment.exports))
    screen.document({"settings": str(settings), "stacks": stacks})
    screen.say(f"{settings} is written. To deploy it:")
    for what, command in _next_steps(deployment, settings, stacks):
        screen.say(f"- {what}")
        if command:
            screen.copyable(f"    {command}")


def _next_steps(deployment: Deployment, settings: Path, stacks: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what to do before and at the first deploy, each step with its command, if it has one."""
    option = settings_option(settings)
    if secrets := sorted(named_secrets(deployment.model_dump())):
        yield f"Store in AWS Secrets Manager, in {deployment.region}: {', '.join(secrets)}.", ""
    yield "See what it creates and costs:", f"logdock plan{option}"
    policies = f"logdock bootstrap-policy{option}"
    if any(each.other_account for each in deployment.exports):
        # a bootstrap that trusts another account requires policies
        yield "Bootstrap the CDK, once for an account and Region, with the commands that this prints:", policies
    else:
        environments = " ".join(f"aws://{deployment.account}/{region}" for region in bootstrap_regions(deployment))
        less = f"this gives CloudFormation AdministratorAccess, and `{policies}` prints the commands for less"
        yield f"Bootstrap the CDK, once for an account and Region ({less}):", f"npx cdk bootstrap {environments}"
    yield f"Deploy {', '.join(stacks)}:", f"npx cdk deploy --all{cdk_settings_option(settings)}"
    yield "See what is left to do at the vendor:", f"logdock next-steps{option}"
