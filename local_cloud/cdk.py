"""The real CDK command line against the local cloud: bootstrap, synth, deploy, destroy.

It is the tool a user types, with a user's environment: nothing in the stacks knows that the cloud behind it is a local
one. The demo and the end-to-end tests deploy through here.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local_cloud.emulator import Emulator
    from logdock.settings import Deployment

ROOT = Path(__file__).resolve().parents[1]
HOST_LAYER = ROOT / "build" / "layers" / "log_shipper" / "host"
_LOG_TAIL_LINES = 40
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_COMMAND_SECONDS = 900.0
"""Ends a command that hangs; on a busy machine a deploy of ten stacks takes five minutes."""
_LOOK_SECONDS = 0.5
_BEGUN = re.compile(r"^(\S+): deploying\.\.\.", re.MULTILINE)
_ENDED = re.compile(r"✅\s+(\S+)")
_UNCHANGED = re.compile(r"✅\s+(\S+) \(no changes\)")

Outputs = dict[str, dict[str, str]]
"""What `cdk deploy --outputs-file` writes: the outputs of each stack, by the stack's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """What a deploy ended in."""

    outputs: Outputs
    unchanged: list[str]


class CdkError(Exception):
    """The CDK command line failed, or is not there; the message says which command, and ends with its last lines."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cdk:
    """The CDK command line, working for one account and Region of the local cloud."""

    cloud: Emulator
    account: str
    region: str
    log_file: Path
    """What the commands print is appended here."""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)

    def bootstrap(self, *regions: str, trust: str | None = None, policies: Sequence[str] = (ADMINISTRATOR,)) -> None:
        """Make the CDK's own bucket and roles in the account.

        Parameters
        ----------
        regions
            In these Regions. Default: its own.
        trust
            Another account that may deploy there.
        policies
            ARNs of what CloudFormation may do there.
        """
        trusts = ["--trust", trust] if trust else []
        # From a directory without a cdk.json, or it would synthesize the app first.
        with tempfile.TemporaryDirectory(dir=self.cloud.directory) as empty:
            environments = [f"aws://{self.account}/{region}" for region in regions or (self.region,)]
            execution = ["--cloudformation-execution-policies", ",".join(policies)]
            self._run(["bootstrap", *environments, *trusts, *execution], directory=Path(empty))

    def synth(self, settings: Path, output: Path, *, source: Path = ROOT) -> None:
        """Write the templates of a settings file.

        Parameters
        ----------
        output
            The cloud assembly's directory, replaced.
        source
            The directory of the app, such as that of an earlier release. Default: this project.
        """
        shutil.rmtree(output, ignore_errors=True)
        context = {"settings": str(settings.resolve()), "shipper_layer": str(HOST_LAYER)}
        self._run(["synth", "--quiet", "--output", str(output), *_context(context)], directory=source)

    def deploy(
        self,
        assembly: Path,
        *,
        stacks: Sequence[str] = (),
        exclusively: bool = False,
        outputs_file: Path | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> Deployed:
        """Deploy stacks of an assembly, all unless some are named.

        Parameters
        ----------
        stacks
            Names of stacks; those that they depend on are deployed too.
        outputs_file
            File for the outputs. Default: a file in the emulator's directory.
        progress
            Called twice a second with the stacks that are under way.
        """
        outputs_file = outputs_file or self.cloud.directory / "outputs.json"
        printed = self._run(
            [
                *("deploy", "--app", str(assembly), "--require-approval", "never", "--concurrency", "8"),
                *("--method", "direct", "--outputs-file", str(outputs_file)),
                *(("--exclusively",) if exclusively else ()),
                *(stacks or ("--all",)),
            ],
            progress=progress and (lambda printed: progress(under_way(printed))),
        )
        outputs: Outputs = json.loads(outputs_file.read_text(encoding="utf-8"))
        return Deployed(outputs=outputs, unchanged=_UNCHANGED.findall(printed))

    def destroy(self, assembly: Path, *stacks: str) -> None:
        """Destroy the named stacks, and nothing that depends on them."""
        self._run(["destroy", "--app", str(assembly), "--force", "--exclusively", "--concurrency", "8", *stacks])

    def _run(
        self, arguments: Sequence[str], *, directory: Path = ROOT, progress: Callable[[str], None] | None = None
    ) -> str:
        command = [*command_line(), *arguments, "--no-notices", "--no-color"]
        with self.log_file.open("ab") as log:
            log.write(f"\n$ cdk {' '.join(arguments)}\n".encode())
            log.flush()
            start = log.tell()
            # A session of its own, because what is started here starts further processes, and all end together.
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=directory,
                env=self.cloud.environment(self.account, self.region),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        deadline = time.monotonic() + _COMMAND_SECONDS
        seconds = _LOOK_SECONDS if progress else _COMMAND_SECONDS
        try:
            while (code := _ended(process, seconds)) is None:
                if progress:
                    progress(self._printed(start))
                if time.monotonic() >= deadline:
                    raise self._error(arguments[0], f"did not end within {_COMMAND_SECONDS:.0f} seconds", start)
        finally:
            if process.returncode is None:
                _end(process)
            self.running.remove(process)
        if code != 0:
            raise self._error(arguments[0], f"ended with exit code {code}", start)
        return self._printed(start)

    def stop(self) -> None:
        """End the commands that are running in other threads; each of them then fails."""
        for process in list(self.running):
            _end(process)

    def _error(self, command: str, what: str, start: int) -> CdkError:
        lines = self._printed(start).splitlines()[-_LOG_TAIL_LINES:]
        return CdkError("\n".join([f"cdk {command} {what}. The end of {self.log_file}:", *lines]))

    def _printed(self, start: int) -> str:
        with self.log_file.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")


def bootstrap(cdk: Cdk, settings: Deployment, *regions: str) -> None:
    """Bootstrap a deployment's account, and have each other one that exports land in trust it (docs/accounts.md)."""
    cdk.bootstrap(*regions)
    for account in sorted({each.other_account for each in settings.exports if each.other_account}):
        replace(cdk, account=account).bootstrap(settings.region, trust=settings.account)


def under_way(printed: str) -> str:
    """Return the stacks that a deploy has begun and not ended, of what it printed so far."""
    begun = dict.fromkeys(_BEGUN.findall(printed))
    return ", ".join(stack for stack in begun if stack not in _ENDED.findall(printed))


def command_line() -> list[str]:
    """Return the beginning of a CDK command: this project's own Node and CDK, whatever else the machine has.

    Raises
    ------
    CdkError
        When one of them is not installed.
    """
    # A virtual environment's python is a link to another directory; its scripts are next to the link.
    node = Path(sys.executable).parent / "node"
    cdk = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
    missing = [
        str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
        for path in (node, cdk, HOST_LAYER)
        if not path.exists()
    ]
    if missing:
        raise CdkError(f"Not installed: {', '.join(missing)}. Run `make setup` first.")
    return [str(node), str(cdk)]


def _ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(timeout=seconds)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    # The first process ends before the others do, and a group is there until its last one has ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _context(values: Mapping[str, str]) -> list[str]:
    return [argument for name, value in values.items() for argument in ("-c", f"{name}={value}")]
