"""The entry of the `logdock` command, also as `python -m logdock`."""

import gc
import sys

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
