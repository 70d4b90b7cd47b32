"""Operation ``logzio-account`` (polled): whom the role that Logz.io's fetchers assume is to trust, and by which ids.

An account has one external id. Logz.io may give it another, and a fetcher that was made before goes on with the one
that it was made under (docs.logz.io, "Migrating IAM roles to a new external ID"). So every external id is named that
one of our fetchers was made under, that the settings give, or that Logz.io gives now: no deploy takes an id out of the
trust policy that something still comes with. Source: Logz.io API, ``aws-assume-role-details``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vendor_connector import trust
from vendor_connector.logzio_memory import PROPERTIES, SEPARATOR, Account
from vendor_connector.request import Request, check_names, text


def physical_id(properties: Mapping[str, Any]) -> str:
    """Return the id: one per role."""
    check_names(properties, (*PROPERTIES, "RoleName"))
    Account.parse(properties)
    return f"logzio-account/{text(properties, 'RoleName')}"


def apply(request: Request) -> dict[str, str]:
    """Read the account.

    Returns
    -------
    dict
        ``LogzioAccount``, its id at Logz.io; ``AccountId``, the AWS account to trust; ``ExternalIds``, the current one
        last, separated by a bar, which no external id has.
    """
    wanted = Account.parse(request.properties)
    api = wanted.api(request)
    logzio_account = api.account()
    account_id, external_id = api.principal()
    current = trust.external_id(external_id, "Logz.io")
    known = (*wanted.external_ids_in_use(), *wanted.former_ids)
    ids = [*dict.fromkeys(one for one in known if one != current), current]
    return {
        "LogzioAccount": logzio_account,
        "AccountId": trust.account_id(account_id, "Logz.io"),
        "ExternalIds": SEPARATOR.join(ids),
    }


def delete(request: Request) -> None:
    """Do nothing: it was only read."""
