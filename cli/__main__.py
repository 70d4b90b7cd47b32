"""``python -m cli``, which is what `.venv/bin/logdock` runs."""

import sys

from cli.main import main

sys.exit(main())
