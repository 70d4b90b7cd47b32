"""Asks for the settings of a deployment, an export or a destination, and checks each answer as the deploy would."""

import secrets
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import getitem
from typing import Any

from pydantic import ValidationError

from logdock.cli.init.questions import (
    DESTINATION_NAME,
    DESTINATIONS,
    EXPORTS,
    EXTERNAL_ID_BYTES,
    NAME,
    SHIP_TO,
    TO_ARCHIVE,
    Kind,
    Question,
)
from logdock.cli.screen import Screen
from logdock.settings import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.messages import expected

AN_ANSWER = "an answer: this setting has no default"
CONNECT = "connect"
NONE = "none"

Path = tuple[Any, ...]
"""Keys and indexes from the document down to a setting."""


class Interview:
    """Asks questions, and collects the answers in a document.

    Parameters
    ----------
    document
        The settings so far; the answers are added to it.
    """

    def __init__(self, screen: Screen, document: dict[str, Any]) -> None:
        self.document = document
        self._screen = screen

    def ask(self, path: Path, kind: Kind) -> None:
        """Ask every question of a kind, and put the answers where the path points."""
        target = self._entry(path)
        for setting in kind.made:
            target[setting] = secrets.token_hex(EXTERNAL_ID_BYTES)
        for question in kind.questions:
            if question.setting not in read_by_vendor(kind, target):
                self._ask_one(path, question)
        for setting in read_by_vendor(kind, target):
            target.pop(setting, None)
        while kind.one_of and not any(setting in target for setting in kind.one_of):
            self._screen.note(f"  expected {' or '.join(kind.one_of)}: one of them is required")
            for question in kind.questions:
                if question.setting in kind.one_of:
                    self._ask_one(path, question)

    def ask_kinds(self) -> list[str]:
        """Ask which exports are wanted; a kind may be given twice."""
        self._screen.prose(f"Kind of export: {', '.join(EXPORTS)}.")
        proposed = next(iter(EXPORTS))
        while True:
            kinds = _split(self._screen.ask("kind (commas between several)", proposed))
            if kinds and all(kind in EXPORTS for kind in kinds):
                return kinds
            self._screen.note(f"  expected one of {', '.join(EXPORTS)}")

    def ask_export(self, kind: str) -> dict[str, Any]:
        """Ask for one more export, and return it."""
        exports = self.document.setdefault("exports", [])
        taken = {export.get("name") for export in exports}
        exports.append({"kind": kind})
        proposed = next((name for name in ("logs", kind) if name not in taken), None)
        self.ask(("exports", len(exports) - 1), _with_name(EXPORTS[kind], NAME, proposed))
        export: dict[str, Any] = exports[-1]
        return export

    def ask_destination(self) -> str:
        """Ask for a new destination; return its name, or an empty string for none."""
        self._screen.prose(SHIP_TO)
        kind = self._choose("ship_to", [*DESTINATIONS, NONE], NONE)
        if kind == NONE:
            return ""
        self.document["destinations"] = [{"kind": kind}]
        self.ask(("destinations", 0), _with_name(DESTINATIONS[kind], DESTINATION_NAME, kind))
        return str(self.document["destinations"][0]["name"])

    def ask_ship_to(self, index: int, known: Sequence[str], proposed: Sequence[str]) -> None:
        """Ask which destinations of the file an export is shipped to."""
        path = ("exports", index)
        text = f"{SHIP_TO} {TO_ARCHIVE}" if ARCHIVE in known else SHIP_TO
        question = Question("ship_to", text, ", ".join(proposed), is_list=True, known=tuple(known))
        self._ask_one(path, question)
        self.ask_what_shipping_needs(index)

    def ask_what_shipping_needs(self, index: int) -> None:
        """Ask again for settings of an export that are optional only while its logs are not shipped."""
        path = ("exports", index)
        kind = EXPORTS[self._entry(path)["kind"]]
        for question in kind.questions:
            if self._error((*path, question.setting)):
                self._ask_one(path, question)

    def _ask_one(self, path: Path, question: Question) -> None:
        """Ask a question until the answer is one that the deploy would take."""
        target = self._entry(path)
        self._screen.prose(question.text)
        how = [
            *(["the secret's name"] if question.setting == CONNECT else []),
            *([", ".join(question.known)] if question.known else []),
            *(["commas between several"] if question.is_list or question.several else []),
            *([f"Enter for {NONE}"] if question.proposed == "" else []),
            *([f"{NONE}: it is not shipped"] if question.known and question.proposed else []),
        ]
        asked = f"{question.setting} ({'; '.join(how)})" if how else question.setting
        while True:
            given = self._screen.ask(asked, question.proposed or "")
            answer = _value(question, "" if question.known and given == NONE else given)
            settings = [each for each in (question.setting, question.several) if each]
            for setting in settings:
                target.pop(setting, None)
            if answer:
                # only a question that takes several answers has a list of them in place of its setting
                target[settings[-1] if isinstance(answer, list) else question.setting] = answer
            errors = filter(None, (self._error((*path, setting)) for setting in settings))
            error = next(errors, "")
            if error and not answer and question.proposed is None:
                error = AN_ANSWER
            if not error:
                break
            self._screen.note(f"  expected {error}")

    def _choose(self, what: str, names: list[str], proposed: str) -> str:
        while True:
            given = self._screen.ask(f"{what} ({', '.join(names)})", proposed)
            if given in names:
                return given
            self._screen.note(f"  expected one of {', '.join(names)}")

    def _entry(self, path: Path) -> Any:
        return reduce(getitem, path, self.document)

    def _error(self, path: Path) -> str:
        """Return what is wrong with the setting at a path, with all else as far as it is known."""
        try:
            Deployment.model_validate(self.document)
        except ValidationError as error:
            here = [line for line in error.errors(include_url=False) if _is_of(line["loc"], path)]
            if here:
                # a mapping cannot be typed
                return AN_ANSWER if here[0]["type"] == "missing" else expected(here[0]).partition("; or {")[0]
        return ""


def read_by_vendor(kind: Kind, values: dict[str, Any]) -> tuple[str, ...]:
    """Return the settings that the deploy reads at the vendor, as it is given a credential."""
    return kind.read_by_connect if CONNECT in values else ()


def about(kind: Kind, setting: str) -> str:
    """Return the description of a setting."""
    return str(kind.model.model_fields[setting].description)


def stack_names(deployment: str, exports: Iterable[str]) -> list[str]:
    """Return the stacks that the first deploy of some exports creates."""
    return [f"{deployment}-{name}" for name in ("core", "shipper", *exports, "dashboard")]


def _with_name(kind: Kind, text: str, proposed: str | None) -> Kind:
    return kind._replace(questions=(Question("name", text, proposed), *kind.questions))


def _split(given: str) -> list[str]:
    return [each.strip() for each in given.split(",") if each.strip()]


def _value(question: Question, given: str) -> str | list[str] | dict[str, str]:
    if question.is_list or (question.several and len(_split(given)) > 1):
        return _split(given)
    return {"secret": given} if given and question.setting == CONNECT else given


def _is_of(loc: Path, path: Path) -> bool:
    """Say whether an error is of a setting; a location also names the kind of an export."""
    parts = [part for part in loc if part not in EXPORTS and part not in DESTINATIONS]
    return tuple(parts[: len(path)]) == path
