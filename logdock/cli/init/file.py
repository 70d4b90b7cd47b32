"""The settings file as `logdock init` writes it, and an export added to one that exists. Pure."""

import json
import re
import textwrap
from typing import Any

import yaml

from logdock.cli.init.interview import CONNECT, about, read_by_vendor
from logdock.cli.init.questions import ALERTS, DEPLOYMENT, DESTINATIONS, EXPORTS, Kind
from logdock.settings.destinations import ARCHIVE
from logdock.settings.export_base import LogGroupExport

WIDTH = 116
SCHEMA = "# yaml-language-server: $schema=logdock/settings/logdock.schema.json"
PART_SCHEMA = SCHEMA.replace("logdock.schema.json", "logdock.part.schema.json")
"""Of a file that extends another or is extended."""


def render(document: dict[str, Any], schema: str = SCHEMA) -> str:
    """Return a new settings file: each setting below what it means."""
    lines = [schema, "# Every setting: the page Settings of Logdock's documentation.", ""]
    lines += _settings(document, DEPLOYMENT, "")
    lines += [f"{'' if document['alerts'] else '# '}alerts:"]
    lines += [line if document["alerts"] else f"# {line}" for line in _settings(document["alerts"], ALERTS, "  ")]
    for section, kinds in (("destinations", DESTINATIONS), ("exports", EXPORTS)):
        entries = document.get(section, [])
        lines += ["", f"{section}:"] if entries else []
        for number, entry in enumerate(entries):
            lines += [*([""] if number else []), *_entry(entry, kinds[entry["kind"]], "  ")]
    return "\n".join([*lines, ""])


def add_export(text: str, export: dict[str, Any]) -> tuple[str, int]:
    """Return a settings file with one more export, and its line; every other character stays as it is.

    Raises
    ------
    ValueError
        If the file has no list of exports in block style: there is no line to add one at.
    """
    indent, end = last_export(text)
    lines = text.splitlines(keepends=True)
    newline = "\r\n" if lines[0].endswith("\r\n") else "\n"
    before = "".join(lines[:end])
    before += "" if before.endswith("\n") else newline
    added = ["", *_entry(export, EXPORTS[export["kind"]], indent)]
    return before + "".join(f"{line}{newline}" for line in added) + "".join(lines[end:]), end + 2


def last_export(text: str) -> tuple[str, int]:
    """Return the indent of the exports, and how many lines the file has up to the end of the last one.

    Raises
    ------
    ValueError
        If the file has no list of exports in block style.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    at = next((number for number, (key, _) in enumerate(pairs) if key.value == "exports"), None)
    if at is None or not isinstance(pairs[at][1], yaml.SequenceNode) or pairs[at][1].flow_style:
        raise ValueError("no list of exports in block style")
    lines = text.splitlines()
    start = pairs[at][0].end_mark.line
    end = pairs[at + 1][0].start_mark.line if at + 1 < len(pairs) else len(lines)
    dash = next((found for line in lines[start:end] if (found := re.match(r"( *)-(\s|$)", line))), None)
    if dash is None:
        raise ValueError("the list of exports is somewhere else")
    limit = end
    while re.match(r"\s*(#|$)", lines[end - 1]):
        end -= 1
    # comments directly below that are indented like the settings of the last export are a part of it
    while end < limit and re.match(rf" {{{len(dash[1]) + 1},}}#", lines[end]):
        end += 1
    return dash[1], end


def _entry(entry: dict[str, Any], kind: Kind, indent: str) -> list[str]:
    """Return the lines of an export or a destination."""
    inner = f"{indent}  "
    lines = [f"{indent}- name: {json.dumps(entry['name'])}", f"{inner}kind: {entry['kind']}"]
    lines += _settings(entry, kind, inner)
    if "ship_to" in entry:
        lines.append(f"{inner}ship_to: {json.dumps(entry['ship_to'])}")
    elif entry["kind"] in EXPORTS and not issubclass(kind.model, LogGroupExport):
        lines.append(f"{inner}# ship_to: [{ARCHIVE}]")
    return lines


def _settings(values: dict[str, Any], kind: Kind, indent: str) -> list[str]:
    lines = []
    blank: dict[str, object] = {
        question.several if question.several in values else question.setting: [] if question.is_list else ""
        for question in kind.questions
    }
    read = read_by_vendor(kind, values)
    for setting in (*blank, *kind.made):
        # either `connect` or what it reads is given, so the other is no proposal
        if setting in read or (setting == CONNECT and setting not in values):
            continue
        lines += textwrap.wrap(
            about(kind, setting),
            WIDTH,
            initial_indent=f"{indent}# ",
            subsequent_indent=f"{indent}# ",
            break_on_hyphens=False,
        )
        given = setting in values
        lines.append(f"{indent}{'' if given else '# '}{setting}: {json.dumps(values.get(setting, blank.get(setting)))}")
    return lines
