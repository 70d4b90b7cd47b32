"""The steps of a smoke test and their results."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from botocore.exceptions import ClientError

from logdock.cli.errors import action_of, code_of, is_absent, is_refused
from logdock.cli.validate.checks import Check, Verdict


class Result(StrEnum):
    """The result of a step."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(kw_only=True, slots=True)
class Step:
    """One step."""

    subject: str
    """What it tests: an export, a destination, a function, a key, an alarm or a topic."""
    name: str
    """What it does."""
    result: Result = Result.OK
    reason: str = ""
    """`result`, `reason`: The result; unless it is ok, the reason."""
    fix: str = ""
    """The command or setting that fixes a failure."""
    answer: str = ""
    """What AWS or the vendor answered, where the answer itself is of interest."""
    seconds: float | None = None
    """How long it took, where the time is of interest."""
    not_looked_at: bool = False
    """True when it is not checked although you may: AWS did not answer."""

    def fail(self, reason: str, fix: str) -> None:
        """Record a failure."""
        self.result, self.reason, self.fix = Result.FAILED, reason, fix

    def skip(self, reason: str, *, not_looked_at: bool = False) -> None:
        """Record that the step was not done."""
        self.result, self.reason, self.fix = Result.NOT_CHECKED, reason, ""
        self.not_looked_at = not_looked_at


_RESULTS = {Verdict.FINE: Result.OK, Verdict.WRONG: Result.FAILED, Verdict.NOT_CHECKED: Result.NOT_CHECKED}


@dataclass(slots=True)
class Report:
    """All steps, in the order in which they ended."""

    show: Callable[[Step], None] = lambda _: None
    steps: list[Step] = field(default_factory=list)
    _adding: threading.Lock = field(default_factory=threading.Lock)
    _held: threading.local = field(default_factory=threading.local)

    def add(self, step: Step) -> None:
        """Add a step."""
        held: list[Step] | None = getattr(self._held, "steps", None)
        if held is not None:
            held.append(step)
            return
        with self._adding:
            self.steps.append(step)
            self.show(step)

    def skip(self, subject: str, name: str, reason: str, *, not_looked_at: bool = False) -> None:
        """Add a step that was not done."""
        step = Step(subject=subject, name=name)
        step.skip(reason, not_looked_at=not_looked_at)
        self.add(step)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hold this thread's steps back and add them together, so that those of other threads do not come between."""
        held: list[Step] = []
        self._held.steps = held
        try:
            yield
        finally:
            self._held.steps = None
            with self._adding:
                self.steps += held
                for step in held:
                    self.show(step)

    def add_check(self, check: Check) -> bool:
        """Add a check of `logdock validate` as a step; return False if it failed."""
        step = Step(
            subject=check.of,
            name=check.what,
            result=_RESULTS[check.verdict],
            reason=check.reason,
            fix=check.fix,
            not_looked_at=check.not_looked_at,
        )
        self.add(step)
        return step.result is not Result.FAILED

    @contextmanager
    def step(self, subject: str, name: str, fix: str, *, timed: bool = False) -> Iterator[Step]:
        """Do a step: an error of AWS fails it, except a refusal of the caller, which skips it."""
        step, began = Step(subject=subject, name=name), time.monotonic()
        try:
            yield step
        except ClientError as error:
            explain(step, error, fix)
        if timed and step.result is Result.OK:
            step.seconds = time.monotonic() - began
        if step.result is Result.FAILED and not step.fix:
            step.fix = fix
        self.add(step)


def explain(step: Step, error: ClientError, fix: str) -> None:
    """Record an error of AWS."""
    if is_refused(error):
        step.skip(f"{action_of(error)} is refused: {_message(error)}")
    elif is_absent(error):
        step.fail(f"it does not exist ({error.operation_name}: {code_of(error)})", fix)
    else:
        step.fail(f"{error.operation_name} answered {code_of(error)}: {_message(error)}", fix)


def _message(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", "")).strip()[:300]
