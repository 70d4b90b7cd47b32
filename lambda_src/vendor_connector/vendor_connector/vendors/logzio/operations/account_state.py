"""The properties of the operations on a Logz.io account, and which fetchers are saved as this stack's.

Both share one path: one parameter per fetcher, under its account, the external id that it was made under and its
prefix. CloudFormation never runs the two at once, because one waits for the other.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vendor_connector import state, trust
from vendor_connector.connection import Connection
from vendor_connector.request import ConnectorError, Request
from vendor_connector.vendor_object import StateStore
from vendor_connector.vendors.logzio import api as logzio_api

SEPARATOR = "|"
_ARCHIVE = "archive/"


def fingerprint(properties: Mapping[str, Any]) -> str:
    """Identify one deploy: CloudFormation asks again only when a property has changed."""
    return hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account(Connection):
    """The properties of every operation on the account."""

    api_base_url: str
    former_external_ids: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse what is no external id: a role is to trust it."""
        for one in self.former_external_ids:
            trust.external_id(one, "the settings")

    def api(self, request: Request) -> logzio_api.LogzioApi:
        """Return the account's API."""
        return logzio_api.connect(self.access(request))

    def api_of(self, request: Request, logzio_account: str, ours: str) -> logzio_api.LogzioApi:
        """Return the API, if its token is of the account that something of ours is in."""
        api = self.api(request)
        if (now := api.account()) != logzio_account:
            noun = ours.split()[0]
            raise ConnectorError(
                f"the token in {self.secret} is of Logz.io's account {now}, and this stack's {ours} in account "
                f"{logzio_account}: put a token of that account there. If its {noun} are removed in Logz.io already, "
                f"run `{self.delete_state_command}` and try again."
            )
        return api

    def archive(self, logzio_account: str) -> StateStore:
        """Return where an account's archive is saved: no key of a fetcher has this form."""
        return self.store(f"{_ARCHIVE}{logzio_account}")

    def archive_ids(self) -> list[str]:
        """Return the external ids that archives of ours come with."""
        entries = state.entries(self.state_parameter).items()
        return [entry["external_id"] for key, entry in entries if key.startswith(_ARCHIVE) and "external_id" in entry]

    def fetcher_store(self, logzio_account: str, external_id: str, prefix: str) -> StateStore:
        """Return where a fetcher is saved."""
        return self.store(SEPARATOR.join((logzio_account, external_id, prefix)))

    @property
    def delete_state_command(self) -> str:
        """The command with which a person deletes the state of all fetchers."""
        names = f"aws ssm get-parameters-by-path --path {self.state_parameter} --query Parameters[].Name --output text"
        return f"aws ssm delete-parameters --names $({names})"

    def answers(self) -> StateStore:
        """Return where it is saved which external ids were named to whom: no key of a fetcher has this form."""
        return self.store("answers")

    def answer(self, question: str) -> state.Entry:
        """Return what was answered to a question of this deploy: the Logz.io ``account`` and the trusted ``ids``."""
        entry = self.answers().load() or {}
        for one in (entry.get("latest"), entry.get("former")):
            if one and one["question"] == question and "account" in one:
                return one  # type: ignore[no-any-return]
        return {}

    def saved_fetchers(self, logzio_account: str) -> dict[str, dict[str, state.Entry]]:
        """Return the entries of an account's fetchers: by prefix, then by the external id they were made under.

        The order is the parameter's, which is that of the keys: the same at every call.
        """
        found: dict[str, dict[str, state.Entry]] = {}
        for account, external_id, prefix, entry in self.fetchers():
            if account == logzio_account:
                found.setdefault(prefix, {})[external_id] = entry
        return found

    def fetchers(self) -> Iterator[tuple[str, str, str, state.Entry]]:
        """Yield what is saved at whichever account: account, external id, prefix, entry."""
        for key, entry in state.entries(self.state_parameter).items():
            if SEPARATOR in key:
                account, external_id, prefix = key.split(SEPARATOR)
                yield account, external_id, prefix, entry


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountProperties:
    """The properties of every operation on what an account has."""

    target: Account
    """How the account is reached."""
    account: str
    """The configuration of the operation ``logzio-account``, by which its answer is found."""

    def account_and_ids(self, physical_id: str = "") -> tuple[str, tuple[str, ...]]:
        """Return the account at Logz.io and the trusted ids: at a Delete, the account that the resource's id names."""
        if physical_id:
            return physical_id.split("/")[1], ()
        answer = self.target.answer(self.account)
        if not answer:
            raise ConnectorError("what Logz.io says of the account is not saved: change `connect.revision` and deploy")
        return answer["account"], tuple(answer["ids"])
