"""`logdock next-steps`: what to enter at the vendor, in the vendor's words, and the same as one ready call.

The deploy has written both into the stacks' outputs; here they are read.
"""

import re
from typing import Annotated, Any, NamedTuple

import typer
from botocore.exceptions import ClientError

from logdock.cli.account import Account, no_landing_profile, read_settings
from logdock.cli.errors import require_known
from logdock.cli.options import DEFAULT_SETTINGS, Json, LandingProfiles, Profile, Region, SettingsFile
from logdock.cli.screen import Screen

EXAMPLES = """
Examples:

`logdock next-steps` shows what is left to do for every export, and for destinations that fetch

`logdock next-steps orders` shows one

`logdock next-steps orders --call` prints the vendor's API calls alone, to be read and then run
"""
STEPS = "NextSteps"
_SENTENCE = re.compile(r"[A-Z][a-z]+ ")
"""How a line begins that is to be read. Others are commands and SQL: they are copied, and so never wrapped here."""


def next_steps(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this export, or destination that fetches.")
    ] = None,
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    landing_profile: LandingProfiles = None,
    as_json: Json = False,
    call: Annotated[bool, typer.Option("--call", help="Print the ready calls alone.")] = False,
) -> None:
    """Show what to enter at the vendor after the deploy.

    The values have the names of the vendor's form; the API calls have the same values. A credential never stands in
    them: a call takes it from the variable that it names.
    """
    screen = Screen(as_json=as_json)
    account = Account(read_settings(settings), profile, region, settings, landing_profiles=landing_profile)
    wanted = _stacks(account)
    if name is not None:
        require_known(name, wanted, f"{name}: the settings have no such export, nor destination that fetches")
    chosen = {each: where for each, where in wanted.items() if name in (None, each)}
    found = {each: _outputs(at.account, at.name, at.prefix) for each, at in chosen.items() if at.account}
    missing = [export for export in account.settings.exports if export.name in chosen and export.name not in found]
    if name is not None and missing:
        account.require_landing_of(missing[0])
    screen.document(found)
    for each, outputs in found.items():
        steps = outputs[STEPS]["value"] if STEPS in outputs else ""
        if not call:
            screen.say(f"{each}")
            # On a line of its own a value can be copied whole, however narrow the terminal is.
            for key, text in outputs.items():
                if key != STEPS:
                    screen.say(f"  {text['what']} ({key})")
                    screen.copyable(f"    {text['value']}")
            if steps and not _SENTENCE.match(steps):
                screen.say("As commands; each $NAME in them is for you to fill in:")
        for line in steps.splitlines():
            (screen.say if _SENTENCE.match(line) else screen.copyable)(line)
        if not call and not any(key.endswith(STEPS) for key in outputs):
            screen.say("Nothing to do.")
        if not call:
            screen.say()
    for export in missing:
        screen.note(f"{export.name} {no_landing_profile(export)}")


class _Stack(NamedTuple):
    """The stack that has an export's outputs, and the prefix of these; no account where no profile is of it."""

    account: Account | None
    name: str
    prefix: str = ""


def _stacks(account: Account) -> dict[str, _Stack]:
    """Return the stack of each export and fetching destination."""
    names, home = account.names, account.settings.region
    stacks = {
        export.name: _Stack(
            account.landing_of(export),
            names.landing_stack(export.name) if export.other_account else names.export(export.name),
        )
        for export in account.settings.exports
    }
    for destination in account.settings.destinations:
        if destination.kind == "logzio" and (destination.mode == "fetch" or destination.metrics):
            prefix = destination.name.title().replace("-", "")
            stacks[destination.name] = _Stack(account, names.in_region("shipper", home), prefix)
    return stacks


def _outputs(account: Account, stack: str, prefix: str) -> dict[str, dict[str, Any]]:
    try:
        (found,) = account.cloudformation_in(account.settings.region).describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            raise account.not_deployed(stack.removeprefix(f"{account.settings.deployment}-")) from None
        raise
    return {
        output["OutputKey"].removeprefix(prefix): {
            "value": output["OutputValue"],
            "what": output.get("Description", ""),
        }
        for output in found.get("Outputs", [])
        if output["OutputKey"].startswith(prefix) and "ExportName" not in output
    }
