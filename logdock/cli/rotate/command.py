"""The command itself: shows where a rotation is, and takes the step that is asked for, if it is safe."""

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from logdock.cli.account import Account, read_settings
from logdock.cli.errors import CommandError, ExitCode, require_known
from logdock.cli.init.questions import EXTERNAL_ID_BYTES
from logdock.cli.options import DEFAULT_SETTINGS, Json, Profile, Region, SettingsFile
from logdock.cli.rotate.file import external_ids, write_external_ids
from logdock.cli.rotate.uses import Uses, uses_of
from logdock.cli.screen import Screen
from logdock.cli.validate.roles import as_list
from logdock.settings import Deployment
from logdock.vendors.cockroachdb.settings import CockroachdbExport

EXAMPLES = """
Examples:

`logdock rotate-external-id ledger` shows where a rotation is, and what comes next

`logdock rotate-external-id ledger --begin` writes [old, new] into the settings, with a new id

`logdock rotate-external-id orders --begin --new 0c6b8f52-9c57` does so with an id that the vendor has made

`logdock rotate-external-id ledger --finish` writes [new], if the vendor has used it and no longer uses the old one
"""


LONGEST_SESSION = timedelta(hours=12)
"""What each part of a vendor may still go on with that has called with the old id (`session_seconds` at most)."""


class Step(StrEnum):
    """Where a rotation is."""

    NONE = "no rotation is under way"
    DEPLOY = "the settings are not deployed"
    AT_THE_VENDOR = "both ids are trusted, and the vendor is to change to the new one"
    SWITCHED = "the vendor has changed to the new id"


def rotate_external_id(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The export, or the destination that fetches.")],
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    as_json: Json = False,
    begin: Annotated[bool, typer.Option("--begin", help="Write [old, new] into the settings file.")] = False,
    new: Annotated[
        str | None, typer.Option(metavar="ID", help="The new id, where the vendor makes it. Default: one is made.")
    ] = None,
    finish: Annotated[bool, typer.Option("--finish", help="Write [new] into the settings file.")] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Finish although CloudTrail does not show that the vendor has changed.")
    ] = False,
) -> None:
    """Change the external id of a vendor's role without a gap.

    First both ids are trusted, then the vendor changes, then the new id alone is trusted. Only the settings file is
    changed, and only by --begin and --finish. Each step ends with a deploy of yours. The exit code is 1 while a
    rotation is under way.
    """
    for given, option, needed in (
        (begin and finish, "--finish", "a deploy of what --begin wrote, and a run of its own"),
        (new is not None and not begin, "--new", "--begin"),
        (unchecked and not finish, "--unchecked", "--finish"),
    ):
        if given:
            raise CommandError(f"{option} needs {needed}", ExitCode.USAGE)
    screen = Screen(as_json=as_json)
    account = Account(read_settings(settings), profile, region, settings)
    ids = _ids(account.settings, name)
    role = account.names.export(name)
    trusted = _trusted(account, role)
    if begin:
        ids = _begin(account.settings, settings, name, ids, trusted, new)
    uses = uses_of(account, role) if len(ids) == 2 and set(trusted) == set(ids) else {}
    step = _step(ids, trusted, uses)
    if finish:
        _may_finish(name, ids, step, uses, unchecked=unchecked)
        write_external_ids(settings, name, ids[1:])
        ids, step = ids[1:], Step.DEPLOY
    todo = _next(account, name, step)
    screen.document({"name": name, "step": step.name, "in_settings": len(ids), "trusted": len(trusted), "next": todo})
    screen.say(f"{name}: {step}.")
    looked_for = ids if step in (Step.AT_THE_VENDOR, Step.SWITCHED) else ()
    for place, external_id in zip(("old", "new"), looked_for, strict=False):
        used = uses.get(external_id)
        screen.say(f"  the {place} id was {f'last used {_at(used.last)}' if used else 'not used in the last 90 days'}")
    screen.say(f"Next: {todo}")
    if step is not Step.NONE:
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _ids(settings: Deployment, name: str) -> tuple[str, ...]:
    parties = [each.name for each in (*settings.exports, *settings.destinations)]
    require_known(name, parties, f"{name}: the settings have none of that name")
    ids = external_ids(settings, name)
    if not ids:
        raise CommandError(
            f"{name}: the settings name no external id. With `connect` the deploy rotates it, by another `revision`; "
            "other kinds of export have no external id",
            ExitCode.USAGE,
        )
    return ids


def _trusted(account: Account, role: str) -> tuple[str, ...]:
    with account.requires(role.removeprefix(f"{account.settings.deployment}-")):
        document: Any = account.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    found = [
        statement.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId", [])
        for statement in document["Statement"]
    ]
    return tuple(each for ids in found for each in as_list(ids))


def _begin(
    settings: Deployment, file: Path, name: str, ids: tuple[str, ...], trusted: tuple[str, ...], new: str | None
) -> tuple[str, ...]:
    if len(ids) > 1 or set(ids) != set(trusted):
        raise CommandError(f"{name}: a rotation is under way already, or the settings are not deployed", ExitCode.USAGE)
    if new is None and not _is_id_of_the_user(settings, name):
        raise CommandError(f"{name}: the vendor makes this id. Give what it shows: --begin --new ID", ExitCode.USAGE)
    both = (ids[0], secrets.token_hex(EXTERNAL_ID_BYTES) if new is None else new)
    write_external_ids(file, name, both)
    return both


def _is_id_of_the_user(settings: Deployment, name: str) -> bool:
    """Whether the user chooses the external id, and the command may."""
    return any(isinstance(each, CockroachdbExport) and each.name == name for each in settings.exports)


def _step(ids: tuple[str, ...], trusted: tuple[str, ...], uses: dict[str, Uses]) -> Step:
    if set(ids) != set(trusted):
        return Step.DEPLOY
    if len(ids) == 1:
        return Step.NONE
    old, new = (uses.get(each) for each in ids)
    # A vendor of several parts changes them one by one: within a session each has called again, and not with the old.
    switched = new and (old is None or old.last < new.first or new.last - old.last > LONGEST_SESSION)
    return Step.SWITCHED if switched else Step.AT_THE_VENDOR


def _may_finish(name: str, ids: tuple[str, ...], step: Step, uses: dict[str, Uses], *, unchecked: bool) -> None:
    if step is Step.SWITCHED or (step is Step.AT_THE_VENDOR and unchecked):
        return
    if step is not Step.AT_THE_VENDOR:
        raise CommandError(f"{name}: there is nothing to finish: {step}", ExitCode.USAGE)
    old, new = (uses.get(each) for each in ids)
    why = "CloudTrail shows no use of the new id"
    if new and old:
        why = f"the old id was used {_at(old.last)}, and the new one {_at(new.first)} already"
    raise CommandError(
        f"{name}: {why}. Change it at the vendor first; if you know better, add --unchecked", ExitCode.SOMETHING_LEFT
    )


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _next(account: Account, name: str, step: Step) -> str:
    fetches = name in {each.name for each in account.settings.destinations}
    stack = account.names.in_region("shipper", account.settings.region) if fetches else account.names.export(name)
    new = "" if _is_id_of_the_user(account.settings, name) else " --new ID"
    return {
        Step.NONE: f"`logdock rotate-external-id {name} --begin{new}{account.option}` starts one"
        + (", with the id that the vendor shows" if new else ""),
        Step.DEPLOY: f"`{account.deploy(stack)}`, then run this command again",
        Step.AT_THE_VENDOR: f"change it at the vendor, as `logdock next-steps {name}{account.option}` shows. "
        "CloudTrail shows its next call within a quarter of an hour",
        Step.SWITCHED: f"`logdock rotate-external-id {name} --finish{account.option}`",
    }[step]
