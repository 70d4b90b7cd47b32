"""`logdock add`: adds an export to a settings file that exists; every other character of it stays as it is."""

from typing import Annotated, Any

import typer

from logdock.cli.account import read_settings
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.init.file import add_export, last_export
from logdock.cli.init.interview import Interview
from logdock.cli.init.questions import EXPORTS, ExportKind
from logdock.cli.options import DEFAULT_SETTINGS, Json, SettingsFile, settings_option
from logdock.cli.screen import Screen
from logdock.cli.settings_file import replace_settings
from logdock.settings import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.export_base import LogGroupExport
from logdock.settings.load import read_document

EXAMPLES = """
Examples:

`logdock add` asks for the kind of export, and adds it to `logdock.yaml`

`logdock add --kind aurora-mysql --settings prod.yaml` adds to another file

`logdock add --kind rds --kind rds < answers.txt` adds two, with one answer from each line
"""
BY_HAND = (
    "`exports` is not a plain list with one export below the other, so no line can be added to it. Write it as in "
    "docs/configure.md, or add the export by hand"
)


def add(
    kind: Annotated[
        list[ExportKind] | None,
        typer.Option(help="The kind of the export; may be repeated for several. Default: it is asked."),
    ] = None,
    settings: SettingsFile = DEFAULT_SETTINGS,
    as_json: Json = False,
) -> None:
    """Ask for one more export, and add it to the file.

    The export is added below the last one. Comments, order and everything else in the file stay as they are. Each
    answer is checked as the deploy would check it, together with what is in the file. Nothing is deployed.
    """
    before = read_settings(settings)
    document: Any = read_document(settings)[0]
    text = settings.read_bytes().decode("utf-8")
    try:
        last_export(text)
    except ValueError:
        raise CommandError(f"{settings}: {BY_HAND}", ExitCode.USAGE) from None
    screen = Screen(as_json=as_json)
    interview = Interview(screen, document)
    destinations = [each.name for each in before.destinations]
    added = []
    for each in kind or interview.ask_kinds():
        export = interview.ask_export(str(each))
        choices = destinations if issubclass(EXPORTS[each].model, LogGroupExport) else [*destinations, ARCHIVE]
        if choices:
            interview.ask_ship_to(len(document["exports"]) - 1, choices, _common(before, choices))
        added.append(export)
    lines = []
    for export in added:
        text, line = add_export(text, export)
        lines.append(line)
    replace_settings(settings, text, lambda changed: read_document(changed)[0] == document, BY_HAND)
    report = [
        {"export": export["name"], "line": line, "stack": f"{before.deployment}-{export['name']}"}
        for export, line in zip(added, lines, strict=True)
    ]
    screen.document({"settings": str(settings), "added": report})
    for entry in report:
        screen.say(f"{settings}:{entry['line']}: {entry['export']} is added; its stack is {entry['stack']}.")
    screen.say(f"`logdock plan{settings_option(settings)}` shows what the next deploy changes.")


def _common(settings: Deployment, choices: list[str]) -> tuple[str, ...]:
    """Return what every export of the file is shipped to, as far as the new one can be."""
    shipped = {export.ship_to for export in settings.exports}
    return tuple(name for name in shipped.pop() if name in choices) if len(shipped) == 1 else ()
