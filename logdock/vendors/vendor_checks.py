"""What the command checks of a kind at its vendor: each kind's `checks.CHECKS`.

The connector's clients are used, with the person's own permissions, so a refusal says what it means. Nothing is
changed, and nothing is tried twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError
from vendor_connector import credential, public_text
from vendor_connector.connection import Access
from vendor_connector.request import ConnectorError
from vendor_connector.vendor_api import NoAnswerError, VendorRefusalError

from logdock.cli.account import Account
from logdock.cli.errors import action_of, is_absent, is_refused

if TYPE_CHECKING:
    from logdock.cli.validate.checks import Checks
    from logdock.cli.validate.roles import VendorRole

ENABLED, DISABLED = "ENABLED", "disabled"


class UnknownError(Exception):
    """The vendor was not asked or gave no answer; the message says why."""


class VendorStatus(NamedTuple):
    """What a vendor has: its status in a word, and how it differs from what the settings want."""

    status: str
    faults: list[str]


class VendorChecks:
    """The checks of one kind of export or destination; a kind whose logs do not leave AWS has none of its own.

    Attributes
    ----------
    is_outside_aws
        The vendor is configured outside of AWS: by hand, unless the settings have `connect`.
    """

    is_outside_aws = False

    def fetch_status(self, account: Account, party: Any, key_arn: str | None) -> VendorStatus:
        """Ask the vendor what it has. Called where the settings have `connect`.

        Parameters
        ----------
        key_arn
            The export's key. Default: not checked.
        """
        raise UnknownError(f"{party.kind} has no API")

    def extra_checks(self, account: Account, party: Any) -> dict[str, Callable[[], list[str]]]:
        """Return the checks of what `connect` also manages in addition to the export itself, by name."""
        return {}

    def vendor_role(self, account: Account, export: Any, key_arn: str | None) -> VendorRole | None:
        """Return what an export's role must be; None for one that no vendor assumes a role for."""
        return None

    def check_source(self, account: Account, checks: Checks, export: Any) -> None:
        """Check what writes the logs, where that is in AWS, and what else the export needs."""


@contextmanager
def answered() -> Iterator[None]:
    """Say why there is no answer."""
    try:
        yield
    except (ConnectorError, VendorRefusalError, NoAnswerError) as error:
        reason = public_text.public(str(error))
    except ClientError as error:
        if is_refused(error):
            reason = f"{action_of(error)} is refused"
        elif is_absent(error):
            reason = "the secret with the credential is not there"
        else:
            raise
    else:
        return
    # Raised outside of the except blocks: what is chained to it could hold a credential.
    raise UnknownError(reason)


def access_to(account: Account, party: Any) -> Access:
    """Return how a vendor's API is reached."""

    def read(secret: str, *shapes: Sequence[str]) -> dict[str, str]:
        text = account.secrets_manager.get_secret_value(SecretId=secret).get("SecretString", "").strip()
        return credential.fields(secret, text, *shapes)

    return Access(
        secret=party.connect.secret,
        base_url=party.connect.api_base_url,
        # no time is left for another try: a person waits, and may ask again
        remaining_seconds=lambda: 0.0,
        read=read,
    )


def assumed_role_arn(account: Account, party: Any) -> str:
    """Return the role of an export, of a member of one, or of a reader."""
    return account.names.role_arn(account.names.vendor_role(party.name, getattr(party, "member_id", None)))


def differences(wanted: Mapping[str, object], has: Mapping[str, object]) -> list[str]:
    """Say how what a vendor has differs from what is wanted."""
    return [
        f"{name} is {json.dumps(has.get(name))}, and should be {json.dumps(value)}"
        for name, value in wanted.items()
        if has.get(name) != value
    ]
