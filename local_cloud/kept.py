"""A demo that stays up: the local AWS, the listener and the vendors, so that `logdock` can be typed against them.

The demo runs in a process of its own, in the background from the moment it is deployed. The lock of the checkout holds
its process id, and is free once everything has ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local_cloud.cdk import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUILD = ROOT / "build"
LOCK = BUILD / "demo.lock"
ENVIRONMENT = BUILD / "demo" / "environment.sh"
_OWN = ("TMPDIR", "PYTHONPATH")
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.1


class BusyError(Exception):
    """A demo runs in this checkout; the message says how to end it."""


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold off a second demo in this checkout, whose files would be the same.

    Raises
    ------
    BusyError
        When there is one.
    """
    BUILD.mkdir(exist_ok=True)
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"Another demo is running in this checkout: it holds {LOCK.relative_to(BUILD.parent)}. If it was "
                "started with KEEP=1, `make local-stop` ends it."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def start(settings_file: Path) -> int:
    """Run a demo in the background until it is deployed; return its exit code, 0 when it stays up."""
    ENVIRONMENT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "local_cloud.demo", "--settings", str(settings_file), "--stay"]
    # A session of its own, which outlives the terminal.
    demo = subprocess.Popen(command, start_new_session=True)  # noqa: S603
    try:
        while demo.poll() is None and not ENVIRONMENT.exists():
            time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        demo.terminate()
        return demo.wait()
    return demo.returncode or 0


def stay(environment: Mapping[str, str]) -> None:
    """Write what a shell needs to use this cloud, and stay until the process receives a signal."""
    # Output from here on is discarded: the terminal may be closed.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    half = ENVIRONMENT.with_suffix(".half")
    half.write_text(script(environment), encoding="utf-8")
    half.rename(ENVIRONMENT)
    try:
        while True:
            signal.pause()
    finally:
        ENVIRONMENT.unlink(missing_ok=True)


def script(environment: Mapping[str, str]) -> str:
    """Return lines for a shell: nothing of its own AWS configuration, and everything of this cloud's."""
    changed = {name: value for name, value in environment.items() if os.environ.get(name) != value and name not in _OWN}
    return "\n".join(
        [
            r"for name in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p;s/^\(CDK_[A-Z0-9_]*\)=.*/\1/p'); do",
            '  unset "$name"',
            "done",
            *(f"export {name}={shlex.quote(value)}" for name, value in sorted(changed.items())),
            f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"',
            "",
        ]
    )


def stop() -> int:
    """End the demo that runs in this checkout; return 0 when there is none afterwards."""
    deadline = time.monotonic() + _STOP_SECONDS
    signalled = False
    while True:
        try:
            with alone():
                print(
                    "Stopped. Nothing is left running." if signalled else "No local cloud is running in this checkout."
                )
                return 0
        except BusyError:
            if not signalled:
                os.kill(int(LOCK.read_text(encoding="utf-8")), signal.SIGTERM)
                signalled = True
        if time.monotonic() > deadline:
            print(f"It has not ended within {_STOP_SECONDS:.0f} seconds; its process id is {LOCK.read_text()}.")
            return 1
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(stop())
