"""What was looked at, and what came of it: fine, wrong with the fix, or not checked with the reason."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from botocore.exceptions import ClientError, HTTPClientError

from logdock.cli.account import Account
from logdock.cli.errors import action_of, code_of, is_absent, is_refused, is_transient


class Verdict(StrEnum):
    """What came of a check."""

    FINE = "fine"
    WRONG = "wrong"
    NOT_CHECKED = "not checked"


def another_revision(account: Account, of: str, check_each_deploy: bool, setting: str = "revision") -> str:
    """Return what fixes a setting that was changed in AWS or at a vendor.

    A deploy alone changes nothing where the template is the same: CloudFormation calls the connector only for a
    changed property.
    """
    deploy = account.deploy(account.names.export(of))
    return deploy if check_each_deploy else f"give `{setting}` of {of} another value, then: {deploy}"


@dataclass(kw_only=True, slots=True)
class Check:
    """One thing that was looked at."""

    of: str
    """What it belongs to: an export, a destination or a stack."""
    what: str
    verdict: Verdict = Verdict.FINE
    reason: str = ""
    fix: str = ""
    not_looked_at: bool = False
    """True when it is not checked though it could have been: AWS did not answer, or there was too much of it."""

    def require(self, holds: object, reason: str, fix: str = "") -> None:
        """Note what is wrong unless something holds; the first fix stands."""
        if holds:
            return
        first = self.verdict is not Verdict.WRONG
        self.verdict = Verdict.WRONG
        self.reason = reason if first else f"{self.reason}; {reason}"
        if first and fix:
            self.fix = fix

    def leave(self, reason: str, *, not_looked_at: bool = False) -> None:
        """Note why a thing could not be checked, unless something is known to be wrong."""
        self.not_looked_at = self.not_looked_at or not_looked_at
        if self.verdict is Verdict.FINE:
            self.verdict, self.reason, self.fix = Verdict.NOT_CHECKED, reason, ""

    def leave_also(self, reason: str) -> None:
        """Note what else was not looked at, behind what was found or left."""
        self.not_looked_at = True
        self.reason = f"{self.reason}; {reason}" if self.reason else reason
        if self.verdict is Verdict.FINE:
            self.verdict = Verdict.NOT_CHECKED


@dataclass(slots=True)
class Checks:
    """All that was looked at, in order, for one export, destination or stack."""

    of: str
    fix: str
    """What to do when a thing is not there."""
    done: Callable[[], None] = lambda: None
    all: list[Check] = field(default_factory=list)

    @contextmanager
    def of_thing(self, what: str, fix: str = "") -> Iterator[Check]:
        """Look at one thing: AWS's answer that it is not there is wrong, that the caller may not look not checked.

        So is what AWS was too busy to answer.
        """
        check = Check(of=self.of, what=what)
        try:
            yield check
        except (ClientError, HTTPClientError) as error:
            if isinstance(error, ClientError) and is_refused(error):
                check.leave(f"{action_of(error)} is refused")
            elif is_absent(error):
                check.require(False, "it is not there")
            elif is_transient(error):
                asked = f"{error.operation_name}: {code_of(error)}" if isinstance(error, ClientError) else str(error)
                check.leave(f"AWS did not answer ({asked})", not_looked_at=True)
            else:
                raise
        if check.verdict is Verdict.WRONG:
            check.fix = check.fix or fix or self.fix
        self.all.append(check)
        self.done()
