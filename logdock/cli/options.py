"""The options that every command has, with the names that they have in the AWS CLI."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

SettingsFile = Annotated[Path, typer.Option("--settings", metavar="FILE", help="The settings file of the deployment.")]
Profile = Annotated[
    str | None, typer.Option(metavar="NAME", help="AWS profile to use. Default: the one that the AWS CLI would use.")
]
LandingProfiles = Annotated[
    list[str] | None,
    typer.Option(
        "--landing-profile",
        metavar="NAME",
        help="AWS profile of another account that exports land in; once for each account (docs/accounts.md).",
    ),
]
Region = Annotated[
    str | None,
    typer.Option(metavar="REGION", help="Only this Region of the deployment. Default: all Regions in the settings."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for scripts.")]
DEFAULT_SETTINGS = Path("logdock.yaml")


def settings_option(settings: Path, option: str = "--settings ") -> str:
    """Return the options that a proposed command also needs, so that it uses the same settings file."""
    return "" if settings == DEFAULT_SETTINGS else f" {option}{shlex.quote(str(settings))}"


def cdk_settings_option(settings: Path) -> str:
    """Return the same for the CDK command line."""
    return settings_option(settings, "-c settings=")
