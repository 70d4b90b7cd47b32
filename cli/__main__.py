"""``python -m cli``, which is what `.venv/bin/logdock` runs."""

import gc
import sys

# what is imported stays: looking for garbage in it, as often as Python does by itself, takes a tenth of a start
gc.set_threshold(50_000)

from cli.main import main  # noqa: E402 - after the line that makes it cheaper

sys.exit(main())
