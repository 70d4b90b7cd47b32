"""The command itself: writes the policies of a deployment, and prints what to do with them."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from logdock.cli.account import read_settings
from logdock.cli.bootstrap_policy.policies import bootstrap_regions, policies, secrets_of
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.options import DEFAULT_SETTINGS, Json, SettingsFile
from logdock.cli.screen import Screen
from logdock.settings.names import Names

EXAMPLES = """
Examples:

`logdock bootstrap-policy` writes the policies into `build/bootstrap-policy`, and prints the commands that use them
"""


def bootstrap_policy(
    settings: SettingsFile = DEFAULT_SETTINGS,
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="The directory to write the policies to.")
    ] = Path("build/bootstrap-policy"),
    as_json: Json = False,
) -> None:
    """Write the IAM policies for `cdk bootstrap`.

    `cdk bootstrap` gives CloudFormation AdministratorAccess unless you name other policies. These have the actions of
    every type of resource that Logdock creates, on the deployment's own names where AWS lets you choose them.
    """
    deployment = read_settings(settings)
    screen = Screen(as_json=as_json)
    partition = Names.of(deployment).partition
    arns: list[str] = []
    commands: list[str] = []
    others = sorted({each.other_account for each in deployment.exports if each.other_account})
    for account in (deployment.account, *others):
        folder = output if account == deployment.account else output / account
        made = policies(
            deployment.deployment, account, partition, secrets_of(deployment) if account == deployment.account else ()
        )
        names = [f"{deployment.deployment}-cloudformation-{number}" for number in range(1, len(made) + 1)]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, document in zip(names, made, strict=True):
                (folder / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}", ExitCode.USAGE) from None
        own = [f"arn:{partition}:iam::{account}:policy/{name}" for name in names]
        for name in names:
            document_url = shlex.quote(f"file://{folder / name}.json")
            commands.append(f"aws iam create-policy --policy-name {name} --policy-document {document_url}")
        regions = bootstrap_regions(deployment) if folder == output else [deployment.region]
        environments = " ".join(f"aws://{account}/{region}" for region in regions)
        trust = "" if folder == output else f" --trust {deployment.account}"
        commands.append(f"npx cdk bootstrap{trust} --cloudformation-execution-policies {','.join(own)} {environments}")
        arns += own
    screen.document({"directory": str(output), "policies": arns})
    for command in commands:
        screen.copyable(command)
