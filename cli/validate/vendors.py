"""What the vendor itself has of an export or a reader, against what the settings want."""

from __future__ import annotations

from cli.account import Account
from cli.validate.checks import Checks
from cli.vendors import Party, UnknownError, ask, is_asked


def check_vendor(account: Account, checks: Checks, party: Party, key_arn: str | None = None) -> None:
    """Check that the vendor has what the settings want, where it can be asked."""
    mend = "change `connect.revision` and deploy: the deploy then mends what was changed at the vendor by hand"
    with checks.of_thing("the vendor's own configuration", mend) as check:
        if not is_asked(party):
            check.leave(f"it is not looked at; `logdock next-steps {party.name}` shows what it must be")
            return
        try:
            faults = ask(account, party, key_arn).faults
        except UnknownError as error:
            check.leave(str(error))
            return
        for fault in faults:
            check.require(False, fault)
