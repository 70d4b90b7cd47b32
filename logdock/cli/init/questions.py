"""What is asked, by kind: the settings that have no default, and those that nearly everybody sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from logdock.settings import Deployment
from logdock.settings.alerts import Alerts
from logdock.settings.model import Model
from logdock.settings.retention import PROFILES
from logdock.vendors import registry
from logdock.vendors.registry import load_part

EXTERNAL_ID_BYTES = 16
"""How many random bytes an external id is made of."""


class Question(NamedTuple):
    """One question."""

    setting: str
    """The setting that the answer becomes."""
    text: str
    """What is printed above the prompt. It explains one answer that is typed; the setting's own description explains a
    line of the settings file."""
    proposed: str | None = None
    """The answer of Enter alone; empty for an optional setting, None where an answer is required."""
    is_list: bool = False
    """True where several answers may be given, with commas between."""
    known: tuple[str, ...] = ()
    """Names that are accepted; empty where any answer of the setting's type is."""
    several: str = ""
    """The setting that several answers with commas between become, in place of `setting`; empty where one is taken."""


class Kind(NamedTuple):
    """A kind of export or destination."""

    model: type[Model]
    questions: tuple[Question, ...]
    made: tuple[str, ...] = ()
    """The settings that are generated."""
    one_of: tuple[str, ...] = ()
    """Settings of which at least one must be answered, although each of them is optional."""
    read_by_connect: tuple[str, ...] = ()
    """Settings that the deploy reads at the vendor, if `connect` names a secret with the vendor's credential."""


NAME = "Name of the export: its stack is <deployment>-<name>."
DESTINATION_NAME = "Name of the destination, under which exports refer to it."
SHIP_TO = "Where the logs are shipped to after they landed. They stay in your account, too."
TO_ARCHIVE = "`archive` is a normalized copy in the archive bucket."
PARAMETER_GROUP = (
    "The database's own parameter group, if it has one: the deploy sets in it what the log types need. With a default "
    "group the deploy creates one where parameters are needed, and you restart the database once."
)
DEPLOYMENT = Kind(
    Deployment,
    (
        Question(
            "deployment",
            "Name of the deployment, which all its names begin with: 2 to 16 lower-case letters, digits and hyphens.",
        ),
        Question("account", "AWS account that the logs land in: 12 digits."),
        Question("region", "AWS Region that the logs land in, such as eu-west-1."),
        Question(
            "retention",
            "How long logs are kept: "
            + ", ".join(f"{name} ({kept.archive_days} days)" for name, kept in PROFILES.items())
            + ".",
            "soc2",
        ),
    ),
)
ALERTS = Kind(
    Alerts,
    (
        Question(
            "email",
            "E-mail addresses that are notified of alarms. AWS asks each one to confirm, after the deploy.",
            "",
            is_list=True,
        ),
    ),
)


class _Kinds(Mapping[str, Kind]):
    """What is asked, by kind; a vendor's questions are imported when they are asked."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._kinds = kinds

    def __getitem__(self, kind: str) -> Kind:
        questions: Kind = load_part(kind, "questions").QUESTIONS
        return questions

    def __contains__(self, kind: object) -> bool:
        return kind in self._kinds

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


EXPORTS: Mapping[str, Kind] = _Kinds(registry.EXPORTS)
DESTINATIONS: Mapping[str, Kind] = _Kinds(registry.DESTINATIONS)

if TYPE_CHECKING:
    ExportKind = str
else:
    # The values that the option `--kind` takes: the kinds are a list of the registry.
    ExportKind = StrEnum("ExportKind", {kind.replace("-", "_").upper(): kind for kind in registry.EXPORTS})
"""A kind of export."""
