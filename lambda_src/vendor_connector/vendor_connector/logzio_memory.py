"""What both operations on a Logz.io account are told, and which fetchers there are remembered as ours.

Both share one parameter: one entry per fetcher, under its account, the external id that it was made under and its
prefix. CloudFormation never runs the two at once, because one waits for the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from vendor_connector import logzio_api, state, trust
from vendor_connector.request import Request, flag, text, texts
from vendor_connector.vendor_object import Memory

PROPERTIES = ("Secret", "ApiBaseUrl", "Adopt", "StateParameter", "Revision", "FormerExternalIds")
SEPARATOR = "|"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The properties that they have in common, checked."""

    secret: str
    base_url: str
    adopt: bool
    former_ids: tuple[str, ...]
    state_parameter: str

    @classmethod
    def parse(cls, properties: Mapping[str, Any]) -> Self:
        """Check them."""
        return cls(
            secret=text(properties, "Secret"),
            base_url=text(properties, "ApiBaseUrl"),
            adopt=flag(properties, "Adopt"),
            former_ids=tuple(trust.external_id(one, "the settings") for one in texts(properties, "FormerExternalIds")),
            state_parameter=text(properties, "StateParameter"),
        )

    def api(self, request: Request) -> logzio_api.LogzioApi:
        """Return the account's API."""
        return logzio_api.connect(
            secret=self.secret, base_url=self.base_url, remaining_seconds=request.remaining_seconds
        )

    def memory(self, logzio_account: str, external_id: str, prefix: str) -> Memory:
        """Return where a fetcher is remembered."""
        key = SEPARATOR.join((logzio_account, external_id, prefix))
        return Memory(parameter=self.state_parameter, resource=key)

    def remembered(self, logzio_account: str) -> dict[str, dict[str, state.Entry]]:
        """Return what is remembered of an account's fetchers: by prefix, then by the external id they were made under.

        The order is the parameter's, which is that of the keys: the same at every call.
        """
        found: dict[str, dict[str, state.Entry]] = {}
        for key, entry in state.entries(self.state_parameter).items():
            account, external_id, prefix = key.split(SEPARATOR)
            if account == logzio_account:
                found.setdefault(prefix, {})[external_id] = entry
        return found

    def external_ids_in_use(self) -> list[str]:
        """Return the external ids under which fetchers of ours were made, at whichever account."""
        return [key.split(SEPARATOR)[1] for key in state.entries(self.state_parameter)]
