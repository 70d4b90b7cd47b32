"""The options that every command has, with the names that they have in the AWS CLI."""

import difflib
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

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


class Command(TyperCommand):
    """A command whose help fits a terminal of 80 columns, and whose errors name the value.

    Typer shows `<bool>` for a switch, `<list[str]>` for an argument, and all choices of an option as one word, which
    breaks anywhere: here they are a sentence of the option's help.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, as the help shows them."""
        return _without_types(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what was typed; a refused value is named, with the choice that was perhaps meant.

        Typer's own message is Pydantic's, which begins with "Value error," or leaves the value out. Some commands take
        an export as an argument, some as `--export`: an error of one way names the other.
        """
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValidationError):
                error.message = _refusal(error.__cause__, getattr(error.param, "type_descriptor", None))
            raise
        except TyperException as error:
            error.message += self._other_way(ctx, error)
            raise

    def _other_way(self, ctx: Any, error: TyperException) -> str:
        is_extra = error.message.startswith("Got unexpected extra argument")
        if is_extra and any("--export" in each.opts for each in self.params):
            return f". Name an export with the option: {ctx.command_path} --export NAME"
        takes_one = any(each.param_type_name == "argument" and each.name in ("export", "name") for each in self.params)
        if getattr(error, "option_name", None) in ("--export", "-e") and takes_one:
            return f". Name it without the option: {ctx.command_path} NAME"
        return ""


class Group(TyperGroup):
    """A group of commands, with the help of a command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, as the help shows them."""
        return _without_types(super().get_params(ctx))


def _without_types(params: list[Any]) -> list[Any]:
    for each in params:
        if each.param_type_name == "argument":
            each.display_type_rich = lambda **_: None
        if each.param_type_name == "argument" or each.metavar is not None:
            continue
        each.metavar = "" if each.is_flag else str(each.name).upper()
        if choices := each.type_descriptor.choices:
            each.help = f"{each.help} One of: {', '.join(choices)}."
    return params


def _refusal(error: ValidationError, described: Any) -> str:
    found = error.errors()[0]
    given, said = str(found["input"]), found["msg"].removeprefix("Value error, ")
    if said.startswith(repr(given)):
        choices = [str(choice) for choice in getattr(described, "choices", None) or ()]
        close = difflib.get_close_matches(given, choices, n=1)
        return f"{said} Did you mean {close[0]!r}?" if close else said
    return f"got {given!r}; {said[:1].lower()}{said[1:]}"
