"""The command's entry: its commands, and the one place where an error becomes a message and an exit code."""

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from logdock.cli.errors import CommandError, ExitCode, from_aws
from logdock.cli.options import Command, Group
from logdock.cli.screen import Screen
from logdock.sources import version

COMMANDS = {
    "init": "logdock.cli.init.command",
    "new": "logdock.cli.new.command",
    "add": "logdock.cli.add",
    "bootstrap-policy": "logdock.cli.bootstrap_policy.command",
    "plan": "logdock.cli.plan.command",
    "validate": "logdock.cli.validate.command",
    "preview": "logdock.cli.preview",
    "next-steps": "logdock.cli.next_steps",
    "status": "logdock.cli.status.command",
    "logs": "logdock.cli.logs.command",
    "sql": "logdock.cli.sql.command",
    "explain": "logdock.cli.explain",
    "smoke-test": "logdock.cli.smoke_test.command",
    "alerts": "logdock.cli.alerts",
    "rotate-external-id": "logdock.cli.rotate.command",
    "backfill": "logdock.cli.backfill.command",
    "redrive": "logdock.cli.redrive.command",
}
"""Each command, and its module: there it is a function, or a group of commands, of its name."""


def app(names: Iterable[str]) -> typer.Typer:
    """Return the command line of some commands; the modules of the others are not imported."""
    line = typer.Typer(
        name="logdock",
        cls=Group,
        help="Check, watch, search and repair what Logdock deployed.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    line.callback()(_about)
    for name in names:
        module = importlib.import_module(COMMANDS[name])
        command = getattr(module, name.replace("-", "_"))
        if isinstance(command, typer.Typer):
            line.add_typer(command, name=name)
        else:
            line.command(name=name, epilog=module.EXAMPLES, cls=getattr(module, "COMMAND_CLASS", Command))(command)
    return line


def _print_version(asked: bool) -> None:
    if asked:
        Screen().say(f"logdock {version()}")
        raise typer.Exit


def _about(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that need no command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code. Errors never show a traceback.

    Parameters
    ----------
    arguments
        What was typed after `logdock`. Default: this process's arguments.
    """
    if error := _open_standard_streams():
        return _fail(error)
    typed = sys.argv[1:] if arguments is None else arguments
    # no command waits for what only another one needs
    names = typed[:1] if typed and typed[0] in COMMANDS else COMMANDS
    try:
        app(names)(args=typed, prog_name="logdock")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer ends with 1 where the reader has closed the pipe
            return _end_quietly()
        return end.code if isinstance(end.code, int) else ExitCode.FINE
    except CommandError as error:
        return _fail(error)
    except (BotoCoreError, ClientError) as error:
        return _fail(from_aws(error))
    except OSError as error:
        if error.errno is None:
            return _fail(CommandError(_defect(error), ExitCode.DEFECT))
        return _fail_on_system(error)
    except Exception as error:  # noqa: BLE001 - the last resort: unexpected errors are reported without a traceback
        return _fail(CommandError(_defect(error), ExitCode.DEFECT))
    return ExitCode.FINE


def _open_standard_streams() -> CommandError | None:
    """Return the error of a closed standard output (``>&-``): Python then has no stream at all.

    A closed standard input has no answers, and what is written to a closed standard error is discarded. Each gets its
    descriptor back, which the next file or connection that is opened would have otherwise.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    is_closed = sys.stdout is None
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    return CommandError("the output cannot be written: it is closed", ExitCode.SOMETHING_LEFT) if is_closed else None


def _end_quietly() -> int:
    """Return the code for a reader that has read enough, as `head` does.

    Python flushes both streams when it ends and would report the closed pipe again, so they lead nowhere from here on.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    return ExitCode.FINE


def _fail(error: CommandError) -> int:
    try:
        Screen().error(str(error))
    except BrokenPipeError:
        _end_quietly()
    return error.code


def _fail_on_system(error: OSError) -> int:
    """Report what the operating system refused: a path, or without one the output, such as on a full disk."""
    if error.filename is not None:
        return _fail(CommandError(f"{error.filename}: {error.strerror}", ExitCode.USAGE))
    code = _fail(CommandError(f"the output cannot be written: {error.strerror}", ExitCode.SOMETHING_LEFT))
    _end_quietly()
    return code


def _defect(error: Exception) -> str:
    """Say what went wrong and where, without a value that the error may carry."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"a defect in logdock: {type(error).__name__} at {Path(last.filename).name}:{last.lineno}. Please report it"
