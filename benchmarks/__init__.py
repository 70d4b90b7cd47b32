"""What the speed claims are made with: `python -m benchmarks` measures the shipper against floors, as ratios."""

import sys
import time

LONG_SECONDS = 8
"""After so long a subject is not measured again: the noise of what takes longer is small against it."""
_BEGUN = time.monotonic()


def report_progress(what: str) -> None:
    """Say on standard error what is measured now, and after how many seconds."""
    sys.stderr.write(f"{time.monotonic() - _BEGUN:5.0f} s  {what}\n")
