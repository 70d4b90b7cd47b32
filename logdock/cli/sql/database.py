"""DuckDB, locked: no extension, no file outside of one private directory, no change of its configuration.

A statement may be pasted from anywhere. Source: DuckDB, "Securing DuckDB".
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.sql.statement import MACROS

MEMORY_LIMIT = "2GB"
"""What a query may use before it spills to the private directory."""
_MAX_THREADS = 8
_CHECK_SECONDS = 0.05
_ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Of `kill`, and of a terminal that is closed."""
Result = TypeVar("Result")


@contextlib.contextmanager
def private_directory() -> Iterator[Path]:
    """Make a directory that only the user can read, and remove it, also when the command is interrupted or terminated.

    TMPDIR names where it is made.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    directory = Path(tempfile.mkdtemp(prefix="logdock-sql-"))
    before = {number: signal.getsignal(number) for number in _ENDING}
    with contextlib.suppress(ValueError):  # not in the main thread, where no signal arrives either
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as nohup does it
                signal.signal(number, interrupt)
    try:
        yield directory
    finally:
        with contextlib.suppress(ValueError):
            for number, handler in before.items():
                signal.signal(number, handler)
        shutil.rmtree(directory, ignore_errors=True)


def open_database(directory: Path | None, *, keep_order: bool = False) -> duckdb.DuckDBPyConnection:
    """Return a new database in a private directory, the only one that it can read and write; None for memory alone.

    Parameters
    ----------
    keep_order
        Keep the order of what is loaded. SQL promises none without ORDER BY, and it takes memory.
    """
    config: dict[str, Any] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": min(os.cpu_count() or 1, _MAX_THREADS),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
        "preserve_insertion_order": keep_order,
    }
    if directory is None:
        connection = duckdb.connect(":memory:", config={**config, "temp_directory": ""})
    else:
        connection = duckdb.connect(
            directory / "logs.db", config={**config, "temp_directory": str(directory / "spill")}
        )
        connection.execute(f"SET allowed_directories = ['{str(directory).replace(chr(39), chr(39) * 2)}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    connection.execute(MACROS)
    return connection


def run(connection: duckdb.DuckDBPyConnection, work: Callable[[], Result]) -> Result:
    """Let DuckDB work so that Ctrl-C ends it: it does not look for signals while it runs.

    Raises
    ------
    CommandError
        When DuckDB cannot do it.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            return future.result()
        except KeyboardInterrupt:
            while not future.done():
                connection.interrupt()
                time.sleep(_CHECK_SECONDS)
            raise
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            raise CommandError(
                f"DuckDB: {_first_lines(error)}. TMPDIR names a directory with more room", ExitCode.USAGE
            ) from None
        except duckdb.Error as error:
            raise CommandError(f"the statement: {_first_lines(error)}", ExitCode.USAGE) from None


def _first_lines(error: Exception) -> str:
    """Return DuckDB's message without the copy of the statement, which is another text than the user's."""
    return str(error).partition("\n\nLINE ")[0].strip()
