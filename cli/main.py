"""The command's entry: its commands, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.alerts import alerts
from cli.backfill.command import EXAMPLES as BACKFILL_EXAMPLES
from cli.backfill.command import backfill
from cli.errors import CommandError, ExitCode, from_aws
from cli.init.command import EXAMPLES as INIT_EXAMPLES
from cli.init.command import init
from cli.logs.command import EXAMPLES as LOGS_EXAMPLES
from cli.logs.command import logs
from cli.next_steps import EXAMPLES as NEXT_STEPS_EXAMPLES
from cli.next_steps import next_steps
from cli.redrive.command import EXAMPLES as REDRIVE_EXAMPLES
from cli.redrive.command import redrive
from cli.rotate.command import EXAMPLES as ROTATE_EXAMPLES
from cli.rotate.command import rotate_external_id
from cli.screen import Screen
from cli.status.command import EXAMPLES as STATUS_EXAMPLES
from cli.status.command import status
from cli.validate.command import EXAMPLES as VALIDATE_EXAMPLES
from cli.validate.command import validate

app = typer.Typer(
    name="logdock",
    help="Check, watch, search and repair what Logdock deployed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _about() -> None:
    """Make the commands commands, even while there is but one."""


app.command(epilog=INIT_EXAMPLES)(init)
app.command(epilog=VALIDATE_EXAMPLES)(validate)
app.command(name="next-steps", epilog=NEXT_STEPS_EXAMPLES)(next_steps)
app.command(epilog=STATUS_EXAMPLES)(status)
app.command(epilog=LOGS_EXAMPLES)(logs)
app.add_typer(alerts, name="alerts")
app.command(name="rotate-external-id", epilog=ROTATE_EXAMPLES)(rotate_external_id)
app.command(epilog=BACKFILL_EXAMPLES)(backfill)
app.command(epilog=REDRIVE_EXAMPLES)(redrive)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code. Nobody ever sees a traceback.

    Parameters
    ----------
    arguments
        What was typed after `logdock`; left out, this process's.
    """
    try:
        app(args=arguments, prog_name="logdock")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.FINE
    except CommandError as error:
        return _fail(error)
    except (BotoCoreError, ClientError) as error:
        return _fail(from_aws(error))
    except BrokenPipeError:
        # Whoever reads has enough; Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FINE
    except Exception as error:  # noqa: BLE001 - the last resort: what nobody foresaw is told without a traceback
        return _fail(CommandError(_defect(error), ExitCode.DEFECT))
    return ExitCode.FINE


def _fail(error: CommandError) -> int:
    Screen().note(f"Error: {error}")
    return error.code


def _defect(error: Exception) -> str:
    """Say what went wrong and where, without a value that the error may carry."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"a defect in logdock: {type(error).__name__} at {Path(last.filename).name}:{last.lineno}. Please report it"
