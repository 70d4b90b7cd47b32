"""What a change leads to: one sentence, what kind of consequence it is, and the steps that avoid harm."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from logdock.cli.terminal import one_line

LONGEST_VALUE = 100


class Kind(StrEnum):
    """What a consequence is."""

    FAILS = "the deploy fails"
    LOSES = "data is lost"
    CUTS_OFF = "logs stop"
    EXPOSES = "data is exposed"
    REFUSES = "deliveries are refused"
    KEEPS_RUNNING = "not destroyed"
    REPLACES = "replaced"
    RETAINS = "left behind"
    RESTARTS = "restart"
    VENDOR = "to do at the vendor"
    NOTE = "note"


DANGEROUS = frozenset({Kind.FAILS, Kind.LOSES, Kind.CUTS_OFF, Kind.EXPOSES, Kind.REFUSES, Kind.KEEPS_RUNNING})
"""The kinds that end the command with exit code 2 unless `--accept` names them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One consequence of a change."""

    of: str
    """The export or destination; ``deployment`` for what belongs to neither."""
    what: str
    """The setting (``connect.alert``), or ``stack``, or a stack's resource."""
    kind: Kind
    sentence: str
    """What happens, for the reader of a pull request."""
    steps: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What `--accept` takes."""
        return f"{self.of}:{self.what}"

    @property
    def is_dangerous(self) -> bool:
        """Whether it loses data, or cuts an export off."""
        return self.kind in DANGEROUS

    def is_accepted(self, accepted: tuple[str, ...]) -> bool:
        """Whether `--accept` names it: by its owner, or by the setting or one that it is part of."""
        return any(self.name == each or self.name.startswith((f"{each}:", f"{each}.")) for each in accepted)


def shown(value: Any) -> str:
    """Write a setting's value on one line, without a character that a terminal or Markdown obeys."""
    match value:
        case None | ():
            text = "not set"
        case bool():
            text = str(value).lower()
        case tuple():
            text = f"[{', '.join(shown(each) for each in value)}]"
        case dict():
            text = "{" + ", ".join(f"{key}: {shown(each)}" for key, each in value.items()) + "}"
        case BaseModel():
            text = shown(value.model_dump(mode="json", exclude_defaults=True))
        case list():
            text = shown(tuple(value))
        case _:
            text = str(value)
    text = clean(text)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def clean(text: str) -> str:
    """Return a text without characters that a terminal or Markdown's code spans obey."""
    return one_line(text.replace("\n", "\\n").replace("\t", "\\t").replace("`", "'"))


def joined(values: Any) -> str:
    """Write a few values as code spans."""
    return ", ".join(f"`{shown(value)}`" for value in values)
