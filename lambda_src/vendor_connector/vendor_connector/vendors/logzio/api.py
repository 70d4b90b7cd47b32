"""The Logz.io API: the token, the account that it is of, and what its refusals mean.

Sources: Logz.io API (OpenAPI description): ``/v2/whoami``, ``/v1/log-shipping/s3-buckets``; "Using the whoami endpoint"
(docs.logz.io) for what it says to a wrong token or at a wrong address.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vendor_connector import answers, trust
from vendor_connector.connection import Access
from vendor_connector.request import ConnectorError, Document, RetryLaterError
from vendor_connector.vendor_api import VendorApi, VendorRefusalError

T = TypeVar("T")

ARCHIVES = "/v2/archive/settings"
FETCHERS = "/v1/log-shipping/s3-buckets"

PROPAGATION_SECONDS = 600.0
"""How long IAM may take to let Logz.io see the role and its trust; it is rarely more than a minute."""

FETCHER: Document = {"id": answers.ID}
ARCHIVE: Document = {
    "id": answers.ID,
    "settings": {"amazonS3StorageSettings?": {"s3IamCredentials?": {"arn?": str, "externalId?": str}}},
}
_CREATED = answers.of({"id": answers.ID})
_PRINCIPAL = answers.of({"logzioAWSAccountId": str, "assignedExternalId": str})
_WRONG_REGION = "differs from current server region"
_BY_STATUS = {
    401: "Logz.io does not accept the token: it must be an API token (not a shipping token) of the account, in the "
    "account's region, and the account must be on a Pro or Enterprise plan",
    409: "it conflicts with what the account has already: remove that in Logz.io, or correct the settings",
    404: "it is not there: deleted by hand, or this is not the address of Logz.io's API",
}
_LIMIT = re.compile(r"(?i)limit|quota|too.many|maximum|exceeded|as many")
_BY_STATUS[403] = _BY_STATUS[401]


def explain(refusal: VendorRefusalError) -> ConnectorError:
    """Say what Logz.io said, what it means and what to do."""
    if _WRONG_REGION in refusal.said:
        return ConnectorError(f"{refusal}. The account is in another region of Logz.io: correct the `region`.")
    if is_limit(refusal):
        return ConnectorError(
            f"{refusal}. The account has as many as its plan allows: remove one that is no longer needed in Logz.io "
            "(Integration Hub), or ask Logz.io for more, then deploy again."
        )
    meaning = _BY_STATUS.get(refusal.status)
    return ConnectorError(f"{refusal}. {meaning[0].upper()}{meaning[1:]}." if meaning else str(refusal))


def may_be_propagation(refusal: VendorRefusalError) -> bool:
    """Return whether a refusal may come from IAM, which takes a while to let a new role and its trust be seen.

    What Logz.io answers while it cannot enter a bucket is not documented, so every refusal of the content counts but
    those that say something else: a full account, or one that conflicts with what is there.
    """
    return refusal.status in (400, 422) and not is_limit(refusal)


def is_limit(refusal: VendorRefusalError) -> bool:
    """Return whether the account has as much as it may have."""
    return refusal.status < 500 and bool(_LIMIT.search(f"{refusal.document.get('errorCode', '')} {refusal.said}"))


@dataclass(frozen=True, slots=True)
class LogzioApi:
    """The API under one account's token."""

    api: VendorApi

    def call(self, method: str, path: str, read: Callable[[Any], T], body: object = None) -> T:
        """Make a request; Logz.io's clients name JSON in every one."""
        return self.api.call(method, path, read, body=body, headers={"Content-Type": "application/json"})

    def find(self, path: str, object_id: str, shape: Document) -> Document | None:
        """Read an object of a list by its id; return None when it is gone."""
        try:
            return self.call("GET", f"{path}/{object_id}", answers.one(shape, "id", object_id))
        except VendorRefusalError as refusal:
            if refusal.status == 404:
                return None
            raise explain(refusal) from refusal

    def write(self, method: str, path: str, read: Callable[[Any], T], body: Document, *, cannot: str, needs: str) -> T:
        """Send what Logz.io takes only once it can use the role that is in it.

        Parameters
        ----------
        cannot, needs : str
            What Logz.io cannot do as long as the role is not visible to it, and what it needs; for the message.

        Raises
        ------
        RetryLaterError
            When the refusal may come from a role that is new.
        """
        try:
            return self.call(method, path, read, body)
        except VendorRefusalError as refusal:
            if may_be_propagation(refusal):
                raise RetryLaterError(
                    f"Logz.io cannot {cannot} ({refusal}). It needs {needs}", timeout_seconds=PROPAGATION_SECONDS
                ) from refusal
            raise explain(refusal) from refusal

    def remove(self, path: str) -> None:
        """Remove an object; one that is gone needs nothing."""
        try:
            self.call("DELETE", path, answers.ignored)
        except VendorRefusalError as refusal:
            if refusal.status != 404:
                raise explain(refusal) from refusal

    def account(self) -> str:
        """Return the id of the account that the token is of."""
        return str(self._read("/v2/whoami", answers.of({"accountId": answers.ID}))["accountId"])

    def fetchers(self) -> dict[str, Document]:
        """Return the account's S3 fetchers by id."""
        return answers.by_id(self._read(FETCHERS, answers.of([FETCHER])))

    def archives(self) -> dict[str, Document]:
        """Return the account's archives by id."""
        return answers.by_id(self._read(ARCHIVES, _archives))

    def owner(self) -> str | None:
        """Return the account's id."""
        return self.account()

    def is_deleted(self, owner: str | None) -> bool:  # noqa: ARG002
        """Return False: an account whose token works is not deleted."""
        return False

    def principal(self) -> tuple[str, str]:
        """Return the AWS account that fetchers come from, and the external id of those made now.

        Raises
        ------
        ConnectorError
            When they are nothing that a role could trust.
        """
        answer = self._read(f"{FETCHERS}/aws-assume-role-details", _PRINCIPAL)
        return (
            trust.account_id(answer["logzioAWSAccountId"], "Logz.io"),
            trust.external_id(answer["assignedExternalId"], "Logz.io"),
        )

    def _read(self, path: str, read: Callable[[Any], T]) -> T:
        """Read what every account has."""
        try:
            return self.call("GET", path, read)
        except VendorRefusalError as refusal:
            raise explain(refusal) from refusal


def _archives(answer: Any) -> list[Document]:
    """Read the archives: a list, as Logz.io's own client reads it, or one object, as the API's description has it."""
    found: list[Document] = answers.check([answer] if isinstance(answer, dict) else answer, [ARCHIVE])
    return found


def created(answer: Any) -> str:
    """Read the id of an object that a POST made."""
    return str(_CREATED(answer)["id"])


def comparable_archive(document: Document) -> Document:
    """Return what an archive's settings say of how and where it is written; Logz.io shows more than it was sent."""
    s3 = document.get("amazonS3StorageSettings") or {}
    return {
        **{name: document.get(name) for name in ("storageType", "enabled", "compressed")},
        **{name: s3.get(name) for name in ("credentialsType", "path")},
        "arn": (s3.get("s3IamCredentials") or {}).get("arn"),
    }


def connect(access: Access) -> LogzioApi:
    """Read the token, ``api_token`` of the secret or the secret itself, and return the API of the account's region."""
    token = access.read(access.secret, ("api_token",))["api_token"]
    return LogzioApi(access.api("Logz.io", "", headers=lambda: {"X-API-TOKEN": token}))
