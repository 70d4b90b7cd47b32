"""The record of a run: every step as a file that can be attached to an issue, without what identifies the account."""

import json
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore

from logdock.cli.smoke_test.cleanup import Left
from logdock.cli.smoke_test.records import NAME
from logdock.cli.smoke_test.steps import Report
from logdock.settings import Deployment

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")


def document(
    settings: Deployment, report: Report, left: Sequence[Left], *, started: datetime, timeout: float, interrupted: bool
) -> dict[str, Any]:
    """Return a run as one JSON document."""
    return {
        "started": started.isoformat(timespec="seconds"),
        "deployment": settings.deployment,
        "regions": list(settings.regions),
        "exports": {each.name: each.kind for each in settings.exports},
        "python": platform.python_version(),
        "botocore": botocore.__version__,
        "timeout_seconds": timeout,
        "interrupted": interrupted,
        "steps": [asdict(step) for step in report.steps],
        "left": [asdict(each) for each in left],
    }


def masked(text: str) -> str:
    """Return a text without the numbers of AWS accounts and without mail addresses."""
    return _ADDRESS.sub("<address>", _ACCOUNT.sub("<account>", text))


def default_path(started: datetime) -> Path:
    """Return the name of a run's record, in the current directory."""
    return Path(f"{NAME}-{started:%Y%m%dT%H%M%SZ}.json")


def write(path: Path, run: dict[str, Any]) -> None:
    """Write the record.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    path.write_text(masked(json.dumps(run, indent=2, ensure_ascii=False)) + "\n", encoding="utf-8")
