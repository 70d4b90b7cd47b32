"""The person at the end of the demo, who types `logdock` and sees that all is well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from local_cloud.stage import Stage

ROOT = Path(__file__).parents[1]
TYPED = (("validate",), ("status",), ("redrive", "--dry-run"))
"""What is typed; each ends with 0 when nothing is wrong and nothing has failed."""


class Answer(NamedTuple):
    """What came of a command."""

    command: str
    code: int
    printed: str


def type_in(stage: Stage, settings_file: Path, arguments: tuple[str, ...]) -> Answer:
    """Type a command as the owner of the account."""
    settings = stage.settings
    environment = stage.cloud.environment(settings.account, settings.region)
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "lambda_src" / "log_shipper")])
    result = subprocess.run(  # noqa: S603 - the arguments are the demo's own
        [sys.executable, "-P", "-m", "cli", *arguments, "--settings", str(settings_file)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Answer(" ".join(["logdock", *arguments]), result.returncode, result.stdout.rstrip())
