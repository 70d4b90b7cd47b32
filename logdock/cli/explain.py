"""`logdock explain`: what an alarm or an error means and what to do, from the pages of this version."""

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

`logdock explain "Stack acme-prod-core already exists"` finds the message of a failed deploy
"""
DEPLOY_ERRORS = "deploy-errors-by-message"
"""The section of docs/troubleshooting.md with a table of messages."""
_LEAST_SHARE = 0.6
_COMMON = frozenset({
    "and", "are", "been", "but", "can", "cannot", "could", "does", "for", "from", "had", "has", "have", "its", "may",
    "not", "that", "the", "there", "this", "was", "were", "what", "when", "which", "will", "with", "you",
})  # fmt: skip
"""Words that say nothing of an error."""


def explain(
    what: Annotated[
        list[str],
        typer.Argument(metavar="WORDS", help="An alarm, by its name or its last part, or words of an error."),
    ],
    as_json: Json = False,
) -> None:
    """Explain an alarm or an error, and what to do.

    It prints the section of the runbook (docs/runbook.md), or what the table of deploy errors has
    (docs/troubleshooting.md).
    """
    screen = Screen(as_json=as_json)
    words = " ".join(what)
    sections = read_sections(read_page("runbook.md"))
    section, rows = find_alarm(words, sections), None
    if section is None:
        rows = find_deploy_errors(words, read_sections(read_page("troubleshooting.md")))
        section = find_words(words, sections, 1 if rows else _LEAST_SHARE)
    if not (section or rows):
        raise CommandError(
            f"{words}: no alarm, no deploy error, and no section of the runbook has these words. The sections are: "
            f"{', '.join(sections)}",
            ExitCode.USAGE,
        )
    text = "\n\n".join(part for part in (rows, sections[section] if section else None) if part)
    screen.document({"section": section or DEPLOY_ERRORS, "text": text})
    screen.markdown(text)


def read_sections(text: str) -> dict[str, str]:
    """Return the sections of a page by their anchors, as GitHub makes them."""
    found = {}
    for part in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0].removeprefix("## ").strip()
        found[re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")] = part.strip()
    return found


def read_page(name: str) -> str:
    """Read a page of the documentation, in a checkout or in the wheel."""
    places = (Path(__file__).resolve().parents[2] / "docs" / name, Path(__file__).with_name(name))
    text = next(place for place in places if place.is_file()).read_text(encoding="utf-8")
    # A terminal has no anchors: the name of a section is what `logdock explain` takes.
    return re.sub(r"\[([^\]]+)\]\(#[^)]*\)", r"\1", text)


def find_alarm(what: str, sections: Mapping[str, str]) -> str | None:
    """Return the section of an alarm, by its name or the last part of it."""
    name = what.strip().lower()
    if found := section_of(name):
        return found
    if name in sections:
        return name
    if re.fullmatch(r"[\w-]+/[\w-]+", name):
        return section_of_subject(name.rpartition("/")[2])
    return None


def find_deploy_errors(what: str, sections: Mapping[str, str]) -> str | None:
    """Return the rows of the table of deploy errors whose message is in an error, or has its words.

    The first column has parts of messages as code; `...` in one stands for anything.
    """
    lines = sections[DEPLOY_ERRORS].splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("|"))
    heading, rows = lines[start : start + 2], [line for line in lines[start + 2 :] if line.startswith("|")]
    error = " ".join(what.split()).lower()
    found = [
        row for row in rows if any(_has_message(error, part) for part in re.findall(r"`([^`]+)`", row.split("|")[1]))
    ]
    return "\n".join([*heading, *found]) if found else None


def _has_message(error: str, part: str) -> bool:
    message = part.lower()
    pattern = ".*".join(re.escape(each) for each in message.split("..."))
    return bool(re.search(pattern, error)) or (len(error) >= 8 and error in message)


def find_words(what: str, sections: Mapping[str, str], least: float = _LEAST_SHARE) -> str | None:
    """Return the section that has most of an error's words; None if none has this share of them."""
    words = set(_words(what)) - _COMMON
    if not words:
        return None
    share = {section: len(words & set(_words(text))) / len(words) for section, text in sections.items()}
    best = max(share, key=lambda section: share[section])
    return best if share[best] >= least else None


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9_]{3,}", text.lower())
