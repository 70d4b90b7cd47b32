"""Operation ``logzio-account`` (polled): whom the role that Logz.io's fetchers assume is to trust, and by which ids.

An account has one external id. Logz.io may give it another, and a fetcher that was made before goes on with the one
that it was made under (docs.logz.io, "Migrating IAM roles to a new external ID"). So every external id is named that
one of our fetchers was made under, that the settings give, or that Logz.io gives now: no deploy takes an id out of the
trust policy that something still comes with. A rollback, which asks the former question again, gets the former answer,
so that it does not go on with a change that has just failed. Source: Logz.io API, ``aws-assume-role-details``.
"""

from dataclasses import dataclass

from vendor_connector.request import Request, read, read_to_delete
from vendor_connector.vendors.logzio.operations.account_state import SEPARATOR, Account


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    target: Account
    role_name: str

    @property
    def id(self) -> str:
        """What names the resource: one per role."""
        return f"logzio-account/{self.role_name}"


def apply(request: Request) -> dict[str, str]:
    """Read the account.

    Returns
    -------
    dict
        ``LogzioAccount``, its id at Logz.io; ``AccountId``, the AWS account to trust; ``ExternalIds``, the current one
        last, separated by a bar, which no external id has.
    """
    wanted = read(Settings, request.properties).target
    api = wanted.api(request)
    logzio_account = api.account()
    account_id, current = api.principal()
    in_use = [*(external_id for _, external_id, _, _ in wanted.fetchers()), *wanted.archive_ids()]
    ids = [*dict.fromkeys(one for one in (*in_use, *wanted.former_external_ids) if one != current), current]
    ids = _answer(wanted, request.configuration, logzio_account, ids)
    return {
        "LogzioAccount": logzio_account,
        "AccountId": account_id,
        "ExternalIds": SEPARATOR.join(ids),
    }


def delete(request: Request) -> None:
    """Forget what was answered; the account was only read."""
    read_to_delete(Settings, request.properties).target.answers().delete()


def _answer(wanted: Account, question: str, logzio_account: str, ids: list[str]) -> list[str]:
    """Return the ids, or in a rollback those that were named to the same question before; save which.

    A configuration's id is the question. The fetchers' operation reads the answer by it: what decides whom they trust
    is saved, where no event can name another.
    """
    store = wanted.answers()
    entry = store.load() or {}
    latest, former = entry.get("latest"), entry.get("former")
    if former and former["question"] == question and _every_feed_is_read_by(former["ids"], wanted):
        ids = former["ids"]
    elif latest and latest["question"] != question:
        former = latest
    answer = {"question": question, "account": logzio_account, "ids": ids}
    store.save({"latest": answer, "former": former})
    return ids


def _every_feed_is_read_by(ids: list[str], wanted: Account) -> bool:
    """Return whether each saved feed has a fetcher under one of the ids."""
    read: dict[tuple[str, str], bool] = {}
    for account, external_id, prefix, entry in wanted.fetchers():
        feed = account, prefix
        read[feed] = read.get(feed, False) or (external_id in ids and "id" in entry)
    return all(read.values())
