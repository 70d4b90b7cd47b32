"""The command itself: asks, checks each answer as the deploy would, and writes the file."""

from __future__ import annotations

import json
import os
import secrets
import textwrap
from enum import StrEnum
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli.errors import CommandError, ExitCode
from cli.init.proposals import proposals
from cli.init.questions import ALERTS, DEPLOYMENT, DESTINATIONS, EXPORTS, EXTERNAL_ID_BYTES, Kind, Question
from cli.options import DEFAULT_SETTINGS, Json, cdk_settings_option
from cli.screen import Screen
from settings import Deployment, SettingsError
from settings.destinations import ARCHIVE
from settings.exports import LogGroupExport
from settings.messages import explain

EXAMPLES = """
Examples:

`logdock init` asks for everything, and writes `logdock.yaml`

`logdock init --kind cockroachdb --settings prod.yaml` writes another file, for one kind of export

`logdock init --kind aurora-mysql < answers.txt` takes one answer from each line
"""
WIDTH = 116
CONNECT = "connect"
SCHEMA = "# yaml-language-server: $schema=settings/logdock.schema.json"


class ExportKind(StrEnum):
    """The kinds of export."""

    MONGODB_ATLAS = "mongodb-atlas"
    COCKROACHDB = "cockroachdb"
    AURORA_MYSQL = "aurora-mysql"
    RDS = "rds"
    APTIBLE = "aptible"
    S3_LOGS = "s3-logs"
    CLOUDWATCH_LOGS = "cloudwatch-logs"


def init(
    kind: Annotated[ExportKind | None, typer.Option(help="The kind of export. Default: it is asked.")] = None,
    settings: Annotated[
        Path, typer.Option("--settings", metavar="FILE", help="The file to write; it must not exist.")
    ] = DEFAULT_SETTINGS,
    as_json: Json = False,
) -> None:
    """Ask what a kind of export needs, and write a settings file with comments.

    The account and the Region of your credentials are proposed. Each answer is checked as the deploy would check it.
    External ids of your own making come from the system's generator for secrets. Secrets are never asked for: their
    names are.
    """
    if settings.exists():
        raise CommandError(f"{settings}: is there already. Name another with --settings FILE", ExitCode.USAGE)
    if not os.access(settings.parent, os.W_OK):
        raise CommandError(f"{settings}: {settings.parent} is no directory that you may write to", ExitCode.USAGE)
    screen = Screen(as_json=as_json)
    document: dict[str, Any] = {}
    _ask(screen, document, (), _proposed(DEPLOYMENT, proposals()))
    document["alerts"] = {}
    _ask(screen, document, ("alerts",), ALERTS)
    chosen = str(kind or _choose(screen, "kind of export", [*EXPORTS], next(iter(EXPORTS))))
    export: dict[str, Any] = {"kind": chosen}
    document["exports"] = [export]
    _ask(screen, document, ("exports", 0), _named(EXPORTS[chosen], "logs"))
    where = _choose(screen, "ship to; none: the logs land, and stay", [*DESTINATIONS, "none"], "none")
    if where != "none":
        document["destinations"] = [{"kind": where}]
        _ask(screen, document, ("destinations", 0), _named(DESTINATIONS[where], where))
        export["ship_to"] = [document["destinations"][0]["name"]]
        for question in EXPORTS[chosen].questions:
            # what is optional as long as the logs stay
            if _error(document, ("exports", 0, question.setting)):
                _ask_one(screen, document, ("exports", 0), EXPORTS[chosen], question)
    try:
        deployment = Deployment.model_validate(document)
    except ValidationError as error:
        refused = SettingsError(settings, explain(document, error))
        raise CommandError(f"{refused}\nNothing was written", ExitCode.USAGE) from None
    settings.write_text(_written(document), encoding="utf-8")
    stacks = [f"{deployment.deployment}-{name}" for name in ("core", "shipper", export["name"], "dashboard")]
    screen.document({"settings": str(settings), "stacks": stacks})
    deploy = f"npx cdk deploy --all{cdk_settings_option(settings)}"
    screen.say(f"{settings} is written. `{deploy}` deploys {', '.join(stacks)}.")


def _proposed(kind: Kind, found: dict[str, str]) -> Kind:
    """Propose what was found for questions that propose nothing of their own."""
    questions = (
        each._replace(proposed=found.get(each.setting) or None) if each.proposed is None else each
        for each in kind.questions
    )
    return kind._replace(questions=tuple(questions))


def _named(kind: Kind, name: str) -> Kind:
    return kind._replace(questions=(Question("name", name), *kind.questions))


def _ask(screen: Screen, document: dict[str, Any], path: tuple[Any, ...], kind: Kind) -> None:
    """Ask every question of a kind, and put the answers where the path says."""
    target = _entry(document, path)
    for setting in kind.made:
        target[setting] = secrets.token_hex(EXTERNAL_ID_BYTES)
    for question in kind.questions:
        if question.setting not in _read_by_vendor(kind, target):
            _ask_one(screen, document, path, kind, question)
    for setting in _read_by_vendor(kind, target):
        target.pop(setting, None)
    while kind.one_of and not any(setting in target for setting in kind.one_of):
        screen.note(f"  expected {' or '.join(kind.one_of)}: nothing may write to this export otherwise")
        for question in kind.questions:
            if question.setting in kind.one_of:
                _ask_one(screen, document, path, kind, question)


def _ask_one(screen: Screen, document: dict[str, Any], path: tuple[Any, ...], kind: Kind, question: Question) -> None:
    """Ask a question until the answer is one that the deploy would take."""
    target = _entry(document, path)
    for line in textwrap.wrap(_about(kind, question.setting), WIDTH, break_on_hyphens=False):
        screen.note(line)
    how = [
        *(["the secret's name"] if question.setting == CONNECT else []),
        *(["commas between"] if question.is_list else []),
        *(["Enter for none"] if question.proposed == "" else []),
    ]
    asked = f"{question.setting} ({'; '.join(how)})" if how else question.setting
    while True:
        answer = _value(question, screen.ask(asked, question.proposed or ""))
        target.pop(question.setting, None)
        if answer:
            target[question.setting] = answer
        error = _error(document, (*path, question.setting))
        if not error:
            break
        screen.note(f"  expected {error}")


def _entry(document: Any, path: tuple[Any, ...]) -> Any:
    return reduce(getitem, path, document)


def _read_by_vendor(kind: Kind, values: dict[str, Any]) -> tuple[str, ...]:
    """Return the settings that the deploy reads at the vendor, as it is given a credential."""
    return kind.read_by_connect if CONNECT in values else ()


def _value(question: Question, given: str) -> str | list[str] | dict[str, str]:
    if question.is_list:
        return [each.strip() for each in given.split(",") if each.strip()]
    return {"secret": given} if given and question.setting == CONNECT else given


def _error(document: dict[str, Any], path: tuple[Any, ...]) -> str:
    """Return what is wrong with the setting at a path, with all else as far as it is known."""
    try:
        Deployment.model_validate(document)
    except ValidationError as error:
        here = [line for line in error.errors(include_url=False) if _is_of(line["loc"], path)]
        if here:
            return "an answer" if here[0]["type"] == "missing" else str(here[0]["msg"])
    return ""


def _is_of(loc: tuple[Any, ...], path: tuple[Any, ...]) -> bool:
    """Say whether an error is of a setting; a location also names the kind of an export."""
    parts = [part for part in loc if part not in EXPORTS and part not in DESTINATIONS]
    return tuple(parts[: len(path)]) == path


def _choose(screen: Screen, what: str, names: list[str], proposed: str) -> str:
    while True:
        given = screen.ask(f"{what} ({', '.join(names)})", proposed)
        if given in names:
            return given
        screen.note(f"  expected one of {', '.join(names)}")


def _about(kind: Kind, setting: str) -> str:
    return str(kind.model.model_fields[setting].description)


def _written(document: dict[str, Any]) -> str:
    """Write the file: each setting under what it means."""
    lines = [SCHEMA, "# docs/settings.md has every setting.", ""]
    lines += _settings(document, DEPLOYMENT, "")
    lines += [f"{'' if document['alerts'] else '# '}alerts:"]
    lines += [line if document["alerts"] else f"# {line}" for line in _settings(document["alerts"], ALERTS, "  ")]
    for section, kinds in (("destinations", DESTINATIONS), ("exports", EXPORTS)):
        for entry in document.get(section, []):
            lines += ["", f"{section}:", f"  - name: {json.dumps(entry['name'])}", f"    kind: {entry['kind']}"]
            lines += _settings(entry, kinds[entry["kind"]], "    ")
            if "ship_to" in entry:
                lines.append(f"    ship_to: {json.dumps(entry['ship_to'])}")
            elif section == "exports" and not issubclass(kinds[entry["kind"]].model, LogGroupExport):
                lines.append(f"    # ship_to: [{ARCHIVE}]")
    return "\n".join([*lines, ""])


def _settings(values: dict[str, Any], kind: Kind, indent: str) -> list[str]:
    lines = []
    blank: dict[str, object] = {question.setting: [] if question.is_list else "" for question in kind.questions}
    read = _read_by_vendor(kind, values)
    for setting in (*blank, *kind.made):
        # either `connect` or what it reads is given, so the other is no proposal
        if setting in read or (setting == CONNECT and setting not in values):
            continue
        lines += textwrap.wrap(
            _about(kind, setting),
            WIDTH,
            initial_indent=f"{indent}# ",
            subsequent_indent=f"{indent}# ",
            break_on_hyphens=False,
        )
        given = setting in values
        lines.append(f"{indent}{'' if given else '# '}{setting}: {json.dumps(values.get(setting, blank.get(setting)))}")
    return lines
