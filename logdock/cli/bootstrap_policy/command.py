"""The command itself: writes the policies of a deployment, and prints what to do with them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from logdock.cli.account import read_settings
from logdock.cli.bootstrap_policy.policies import policies
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
    """Write what CloudFormation may do for the deployment.

    `cdk bootstrap` gives CloudFormation AdministratorAccess unless you name other policies. These have the actions of
    every type of resource that Logdock creates, on the deployment's own names where AWS lets you choose them.
    """
    deployment = read_settings(settings)
    screen = Screen(as_json=as_json)
    partition = Names.of(deployment).partition
    made = policies(deployment.deployment, deployment.account, partition)
    names = [f"{deployment.deployment}-cloudformation-{number}" for number in range(1, len(made) + 1)]
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, document in zip(names, made, strict=True):
            (output / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}", ExitCode.USAGE) from None
    arns = [f"arn:{partition}:iam::{deployment.account}:policy/{name}" for name in names]
    screen.document({"directory": str(output), "policies": arns})
    for name in names:
        document_url = shlex.quote(f"file://{output / name}.json")
        screen.copyable(f"aws iam create-policy --policy-name {name} --policy-document {document_url}")
    replica = [deployment.replica.region] if deployment.replica else []
    regions = dict.fromkeys([*deployment.regions, *replica])
    environments = " ".join(f"aws://{deployment.account}/{region}" for region in regions)
    screen.copyable(f"npx cdk bootstrap --cloudformation-execution-policies {','.join(arns)} {environments}")
