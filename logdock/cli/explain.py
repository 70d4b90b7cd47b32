"""`logdock explain`: what an alarm or an error means and what to do, from the runbook of this version."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from logdock.alarms import section_of, section_of_subject
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.options import Json
from logdock.cli.screen import Screen

EXAMPLES = """
Examples:

`logdock explain silence` prints what the alarm means, what to run first and what to do

`logdock explain acme-prod/orders/lag-logz` does so for an alarm by its whole name

`logdock explain "given up after 10 minutes"` looks for an error's words
"""
RUNBOOKS = (
    Path(__file__).resolve().parents[2] / "docs" / "runbook.md",  # of a checkout
    Path(__file__).with_name("runbook.md"),  # of the wheel
)
_LEAST_SHARE = 0.6


def explain(
    what: Annotated[
        list[str],
        typer.Argument(metavar="WORDS", help="An alarm, by its name or its last part, or words of an error."),
    ],
    as_json: Json = False,
) -> None:
    """Explain an alarm or an error, and what to do.

    It prints the section of the runbook (docs/runbook.md).
    """
    screen = Screen(as_json=as_json)
    sections = read_sections(next(each for each in RUNBOOKS if each.is_file()).read_text(encoding="utf-8"))
    found = find(" ".join(what), sections)
    if found is None:
        raise CommandError(
            f"{' '.join(what)}: no alarm, and no section of the runbook has these words. The sections are: "
            f"{', '.join(sections)}",
            ExitCode.USAGE,
        )
    screen.document({"section": found, "text": sections[found]})
    screen.markdown(sections[found])


def read_sections(text: str) -> dict[str, str]:
    """Return the sections of a page by their anchors, as GitHub makes them."""
    found = {}
    for part in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0].removeprefix("## ").strip()
        found[re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")] = part.strip()
    return found


def find(what: str, sections: Mapping[str, str]) -> str | None:
    """Return the section of an alarm or, failing that, the one that has most of the words; None if none has many."""
    name = what.strip().lower()
    if found := section_of(name):
        return found
    if name in sections:
        return name
    if re.fullmatch(r"[\w-]+/[\w-]+", name):
        return section_of_subject(name.rpartition("/")[2])
    words = set(_words(what))
    if not words:
        return None
    share = {section: len(words & set(_words(text))) / len(words) for section, text in sections.items()}
    best = max(share, key=lambda section: share[section])
    return best if share[best] >= _LEAST_SHARE else None


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9_]{3,}", text.lower())
