"""Exports that land in another account: what they need, and what is only for the deployment's own."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import InitErrorDetails

from logdock.settings.destinations import ARCHIVE
from logdock.settings.document import Document, setting_error

_OWN_ACCOUNT_ONLY = {
    "connect": "nothing with `account`: the deploy reaches a vendor's API from the deployment's own account only; "
    "`logdock next-steps` has the vendor's calls",
    "existing_bucket": "nothing with `account`: a bucket that exists is wired in the deployment's own account only; "
    "without it the deploy makes a bucket in that account",
    "mrap_arn": "nothing with `account`: buckets behind an access point are in the deployment's own account",
}
"""Settings of which another account has nothing, and what is allowed in their place."""


def _other_accounts(document: Document) -> Iterator[InitErrorDetails]:
    for export in document.exports:
        account = export.text("account")
        if account is None or not export.lands_in_bucket:
            continue
        if account == document.account:
            allowed = "another account than the deployment's: without `account` the export lands in that"
            yield setting_error((*export.loc, "account"), account, allowed)
        if ARCHIVE not in (name for _, name in export.texts("ship_to")):
            allowed = (
                f"a list with `{ARCHIVE}`, because `account` is set: what lands in another account is searched in the "
                "archive alone"
            )
            yield setting_error((*export.loc, "ship_to"), export.entry.get("ship_to"), allowed)
        for setting, allowed in _OWN_ACCOUNT_ONLY.items():
            if export.entry.get(setting) is not None:
                yield setting_error((*export.loc, setting), export.entry[setting], allowed)


ACCOUNT_RULES = (_other_accounts,)
"""The rules of this module."""
