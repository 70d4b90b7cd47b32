"""Asks for a whole deployment, or for what an environment has of its own, for the text of a settings file."""

import json
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.init.file import PART_SCHEMA, render
from logdock.cli.init.interview import Interview
from logdock.cli.init.proposals import proposals
from logdock.cli.init.questions import ALERTS, DEPLOYMENT, ExportKind, Kind
from logdock.cli.screen import Screen
from logdock.settings import Deployment, SettingsError, load_settings
from logdock.settings.layers import EXTENDS, base_path, repository
from logdock.settings.load import read_document
from logdock.settings.messages import explain


def ask_settings(screen: Screen, kinds: Sequence[ExportKind], settings: Path) -> tuple[str, Deployment]:
    """Ask for a deployment with exports of some kinds; return the text of its settings file, and what it says.

    Raises
    ------
    CommandError
        If the answers do not go together.
    """
    document = _ask_document(screen, kinds)
    return render(document), _checked(document, settings)


def ask_environments(
    screen: Screen, kinds: Sequence[ExportKind], names: Sequence[str], shared: str, directory: Path
) -> tuple[dict[str, str], dict[str, Deployment]]:
    """Ask for deployments that share their exports; return the settings files, and each environment's deployment.

    The first environment is asked for as a whole, the others for what each has of its own.

    Parameters
    ----------
    shared
        Name of the file that they extend.
    directory
        Where the files will be, for messages.

    Raises
    ------
    CommandError
        If the answers do not go together.
    """
    document = _ask_document(screen, kinds)
    common = {key: value for key, value in document.items() if key not in OF_AN_ENVIRONMENT}
    files = {shared: render(common, schema=PART_SCHEMA)}
    deployments = {}
    for name in names:
        own: dict[str, Any] = {key: document[key] for key in OF_AN_ENVIRONMENT}
        if name != names[0]:
            screen.note(f"{name}:")
            own = {}
            Interview(screen, own).ask((), _questions(OF_AN_ENVIRONMENT))
        deployments[name] = _checked({**common, **own}, directory / f"{name}.yaml")
        files[f"{name}.yaml"] = environment_text(shared, own)
    return files, deployments


def without_missing_schema(text: str, directory: Path) -> str:
    """Return a settings file without its first line if that names a schema that the directory has not.

    The path of the schema is that of a clone; an editor reports one that it cannot load as an error.
    """
    first, _, others = text.partition("\n")
    return text if (directory / first.rpartition("=")[2]).is_file() else others


def environment_text(extends: str, own: Mapping[str, Any]) -> str:
    """Return the text of an environment's file."""
    lines = [f"{key}: {json.dumps(value)}" for key, value in {EXTENDS: extends, **own}.items()]
    return "\n".join([PART_SCHEMA, *lines, ""])


def _ask_document(screen: Screen, kinds: Sequence[ExportKind]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    interview = Interview(screen, document)
    interview.ask((), _proposed(DEPLOYMENT, proposals()))
    document["alerts"] = {}
    interview.ask(("alerts",), ALERTS)
    for each in kinds or interview.ask_kinds():
        interview.ask_export(str(each))
    destination = interview.ask_destination()
    if destination:
        for export in document["exports"]:
            export["ship_to"] = [destination]
        for index in range(len(document["exports"])):
            interview.ask_what_shipping_needs(index)
    return document


def _checked(document: dict[str, Any], settings: Path) -> Deployment:
    try:
        return Deployment.model_validate(document)
    except ValidationError as error:
        refused = SettingsError(settings, explain(document, error))
        raise CommandError(f"{refused}\nNothing was written", ExitCode.USAGE) from None


def _questions(settings: Container[str]) -> Kind:
    return DEPLOYMENT._replace(questions=tuple(each for each in DEPLOYMENT.questions if each.setting in settings))


OF_AN_ENVIRONMENT = ("deployment", "account")
"""What each environment has of its own, whatever the shared file says."""


def ask_environment(screen: Screen, settings: Path, extends: str) -> Deployment:
    """Ask for what an environment has of its own, write its file, and return what it says with what it extends.

    Raises
    ------
    CommandError
        If the file that it extends cannot be extended, or the answers do not go together.
    """
    base = base_path(settings, extends, repository(settings))
    if isinstance(base, str):
        raise CommandError(f"--extends {extends}: expected {base}\nNothing was written", ExitCode.USAGE)
    try:
        shared: Any = read_document(base)[0]
    except SettingsError as error:
        raise CommandError(f"{error}\nNothing was written", ExitCode.USAGE) from None
    if not isinstance(shared, dict):
        raise CommandError(f"{base}: expected a mapping of settings\nNothing was written", ExitCode.USAGE)
    inherited = {key for key in shared if key not in OF_AN_ENVIRONMENT}
    asked = {each.setting for each in DEPLOYMENT.questions} - inherited
    document: dict[str, Any] = {}
    Interview(screen, document).ask((), _proposed(_questions(asked), proposals()))
    text = without_missing_schema(environment_text(extends, document), settings.parent)
    settings.write_text(text, encoding="utf-8")
    try:
        return load_settings(settings)
    except SettingsError as error:
        settings.unlink()
        raise CommandError(f"{error}\nNothing was written", ExitCode.USAGE) from None


def _proposed(kind: Kind, found: dict[str, str]) -> Kind:
    """Propose what was found for questions that propose nothing of their own."""
    questions = (
        each._replace(proposed=found.get(each.setting) or None) if each.proposed is None else each
        for each in kind.questions
    )
    return kind._replace(questions=tuple(questions))
