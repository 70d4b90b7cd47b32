"""A person at a terminal, who may do in AWS what docs/logdock.md says that the command needs, and no more."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_cloud.commands import PYTHON_PATH
from local_cloud.stage import Stage
from local_cloud.stand_ins.sessions import role_session
from tests.conftest import ROOT

Needs = Sequence[tuple[Sequence[str], Sequence[str]]]
"""Actions, each with what they are allowed on."""


@dataclass(frozen=True)
class Person:
    """A user of the deployment's account.

    Attributes
    ----------
    needs
        What a command needs, by its name.
    """

    stage: Stage
    settings_file: Path
    needs: Callable[[str], Needs]

    def logdock(self, *arguments: str) -> tuple[int, str]:
        """Type a command; return its exit code and all that it printed."""
        typed = self.type_in(*arguments)
        printed, _ = typed.communicate()
        return typed.returncode, printed

    def type_in(self, *arguments: str) -> subprocess.Popen[str]:
        """Type a command; it goes on running."""
        settings = self.stage.settings
        statements = [
            {"Effect": "Allow", "Action": list(actions), "Resource": list(on)}
            for actions, on in self.needs(arguments[0])
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        session = role_session(self.stage, settings.account, "operator", policy=policy)
        environment = {
            **self.stage.cloud.environment(settings.account, settings.region),
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
            "PYTHONPATH": PYTHON_PATH,
        }
        command = [sys.executable, "-P", "-m", "logdock", *arguments, "--settings", str(self.settings_file)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def may(self, command: str) -> set[str]:
        """Return the actions that the person is allowed for a command."""
        return {action for actions, _ in self.needs(command) for action in actions}


def the_page_says(command: str) -> set[str]:
    """Return the actions that the page says that a command needs."""
    section = (ROOT / "docs" / "logdock.md").read_text().partition(f"## logdock {command}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", section.partition("It needs")[2]))
