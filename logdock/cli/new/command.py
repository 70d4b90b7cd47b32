"""The command itself: asks as `logdock init` does, and writes the settings file and the files around it."""

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.init.deployment import ask_environments, ask_settings, without_missing_schema
from logdock.cli.init.interview import stack_names
from logdock.cli.init.questions import ExportKind
from logdock.cli.new.project import SHARED, project_files
from logdock.cli.options import DEFAULT_SETTINGS, Json
from logdock.cli.screen import Screen

EXAMPLES = """
Examples:

`logdock new logs` asks for a deployment, and writes it into the directory `logs`

`logdock new logs --kind mongodb-atlas --pipeline github` asks for one export, and adds a workflow for GitHub Actions

`logdock new logs --environment staging --environment production` writes a shared settings file and one for each
"""
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,30}")


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
    environment: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An environment with a settings file of its own. Repeatable. Default: none."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a directory that deploys Logdock without a clone.

    It holds your settings file, the version of Logdock, the CDK's configuration and, if you ask for one, a pipeline. It
    needs no clone: `pip install` of its `requirements.txt` brings Logdock. The questions are those of `logdock init`.
    With --environment, what the environments share is in `shared.yaml`, which the file of each one extends.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise CommandError(
            f"{directory}: exists, and is not an empty directory. Name another, or empty this one", ExitCode.USAGE
        )
    existing = next(each for each in (directory, *directory.absolute().parents) if each.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise CommandError(f"{directory}: {existing} is not a directory that you may write to", ExitCode.USAGE)
    names = _environments(environment or [], pipeline)
    screen = Screen(as_json=as_json)
    if names:
        texts, deployments = ask_environments(screen, kind or (), names, SHARED, directory)
    else:
        text, settings = ask_settings(screen, kind or (), directory / DEFAULT_SETTINGS)
        texts, deployments = {str(DEFAULT_SETTINGS): text}, {"": settings}
    texts = {name: without_missing_schema(text, directory) for name, text in texts.items()}
    files = {**texts, **project_files(deployments, str(pipeline))}
    try:
        for name, content in files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}", ExitCode.USAGE) from None
    stacks = [
        stack
        for each in deployments.values()
        for stack in stack_names(each.deployment, (export.name for export in each.exports))
    ]
    screen.document({"directory": str(directory), "files": sorted(files), "stacks": stacks})
    screen.say(f"{directory} is written: {', '.join(sorted(files))}. {directory}/README.md has the next steps.")


def _environments(names: list[str], pipeline: PipelineKind) -> list[str]:
    """Check the environments' names, which become names of files."""
    for name in names:
        if not _ENVIRONMENT.fullmatch(name) or name == SHARED.removesuffix(".yaml") or names.count(name) > 1:
            expected = "1 to 31 lower-case letters, digits and hyphens, each name once, and not `shared`"
            raise CommandError(f"--environment: got {name!r}; expected {expected}", ExitCode.USAGE)
    if names and pipeline is PipelineKind.GITLAB:
        advice = 'docs/pipelines.md, "Several environments", says how to extend the pipeline of one'
        raise CommandError(f"--environment is not for --pipeline gitlab; {advice}", ExitCode.USAGE)
    return names
