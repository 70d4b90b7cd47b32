"""The entry of the `logdock` command, also as `python -m logdock`."""

import gc
import sys
from types import TracebackType


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report what nothing else has: Ctrl-C while the modules are imported needs no traceback."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _report

# Imported modules stay; collecting garbage among them at Python's default rate takes a tenth of a start.
gc.set_threshold(50_000)

from logdock.sources import add_to_path  # noqa: E402

add_to_path()

from logdock.cli.main import main  # noqa: E402 - after the lines that make it cheaper and complete


def run() -> None:
    """Run the command and exit with its code."""
    sys.exit(main())


if __name__ == "__main__":
    run()
