"""The command itself: asks as `logdock init` does, and writes the settings file and the files around it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.init.deployment import ask_settings
from logdock.cli.init.file import SCHEMA
from logdock.cli.init.interview import stack_names
from logdock.cli.init.questions import ExportKind
from logdock.cli.new.project import project_files
from logdock.cli.options import DEFAULT_SETTINGS, Json
from logdock.cli.screen import Screen

EXAMPLES = """
Examples:

`logdock new logs` asks for a deployment, and writes it into the directory `logs`

`logdock new logs --kind mongodb-atlas --pipeline github` asks for one export, and adds a workflow for GitHub Actions
"""


class PipelineKind(StrEnum):
    """Where a pipeline runs."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


def new(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The directory to write; absent or empty.")],
    kind: Annotated[
        list[ExportKind] | None,
        typer.Option(help="The kind of an export; may be repeated for several. Default: it is asked."),
    ] = None,
    pipeline: Annotated[
        PipelineKind, typer.Option(help="The pipeline that deploys the directory's settings.")
    ] = PipelineKind.NONE,
    as_json: Json = False,
) -> None:
    """Write a directory of your own that deploys Logdock.

    It holds your settings file, the version of Logdock, the CDK's configuration and, if you ask for one, a pipeline. It
    needs no clone: `pip install` of its `requirements.txt` brings Logdock. The questions are those of `logdock init`.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise CommandError(f"{directory}: is no empty directory. Name another, or empty this one", ExitCode.USAGE)
    screen = Screen(as_json=as_json)
    text, settings = ask_settings(screen, kind or (), directory / DEFAULT_SETTINGS)
    # The path of the JSON schema is that of a checkout.
    files = {str(DEFAULT_SETTINGS): text.removeprefix(f"{SCHEMA}\n"), **project_files(settings, str(pipeline))}
    try:
        for name, content in files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}", ExitCode.USAGE) from None
    stacks = stack_names(settings.deployment, (export.name for export in settings.exports))
    screen.document({"directory": str(directory), "files": sorted(files), "stacks": stacks})
    screen.say(f"{directory} is written: {', '.join(sorted(files))}. {directory}/README.md has the next steps.")
