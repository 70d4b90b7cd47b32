"""What the vendor itself has of an export or a reader, against what the settings want."""

from logdock.cli.account import Account
from logdock.cli.validate.checks import Checks, another_revision
from logdock.cli.vendors import Party, UnknownError, checks_of, fetch_status, has_credential


def check_vendor(account: Account, checks: Checks, party: Party, key_arn: str | None = None) -> None:
    """Check that the vendor has what the settings want, where it can be asked."""
    connect = getattr(party, "connect", None)
    fix = another_revision(account, party.name, bool(connect and connect.check_each_deploy), "connect.revision")
    own = "the vendor's own configuration"
    if not has_credential(party):
        with checks.of_thing(own, fix) as check:
            check.leave(f"it is not looked at; `logdock next-steps {party.name}{account.option}` shows what it must be")
        return
    looks = {own: lambda: fetch_status(account, party, key_arn).faults, **checks_of(party).extra_checks(account, party)}
    member_id = getattr(party, "member_id", None)
    for what, look in looks.items():
        with checks.of_thing(f"{what} of {member_id}" if member_id else what, fix) as check:
            try:
                faults = look()
            except UnknownError as error:
                check.leave(str(error))
            else:
                for fault in faults:
                    check.require(False, fault)
