"""The Logz.io API, as far as its S3 fetchers and Archive & Restore need it.

Sources: Logz.io API (OpenAPI description): paths, fields, enums; Logz.io's own client for statuses and for the type of
logs, which is any text; "Using the whoami endpoint" for what it says to a wrong token. It takes a fetcher only after it
has assumed the role and read under the prefix. A fetcher goes on with the external id that it was made under, also when
it is changed, because Logz.io's page has it made anew ("Migrating IAM roles to a new external ID"). An account has one
archive ("Update archive settings"); it is taken after Logz.io has written ``logzio-verified`` to the bucket ("Configure
Archiving and Restoring"), and comes with the account's external id of that time.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from local_cloud.vendors.server import Camel, Refused, Reply, Request, VendorApi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FETCHERS = "/v1/log-shipping/s3-buckets"
_ONE = re.compile(rf"{_FETCHERS}/([0-9]{{1,10}})")
_ARCHIVES = "/v2/archive/settings"
_ONE_ARCHIVE = re.compile(rf"{_ARCHIVES}/([0-9]{{1,10}})")
_VERIFIED = "logzio-verified"


class IamCredentials(Camel):
    """The role of an archive."""

    arn: str


class SecretCredentials(Camel):
    """The keys of an archive."""

    access_key: str
    secret_key: str


class S3Settings(Camel):
    """Where an archive is."""

    credentials_type: Literal["IAM", "KEYS"]
    path: str
    s3_iam_credentials: IamCredentials | None = None
    s3_secret_credentials: SecretCredentials | None = None


class ArchiveRequest(Camel):
    """What an archive is made or changed with."""

    storage_type: Literal["S3"]
    enabled: bool = True
    compressed: bool = True
    amazon_s3_storage_settings: S3Settings


class FetcherRequest(Camel):
    """What a fetcher is made or changed with."""

    access_key: str | None = None
    secret_key: str | None = None
    arn: str | None = None
    bucket: str
    prefix: str = ""
    active: bool = True
    add_s3_object_key_as_log_field: bool = False
    region: Literal[
        "US_EAST_1", "US_EAST_2", "US_WEST_1", "US_WEST_2", "EU_WEST_1", "EU_WEST_2", "EU_WEST_3", "EU_CENTRAL_1",
        "AP_NORTHEAST_1", "AP_NORTHEAST_2", "AP_SOUTHEAST_1", "AP_SOUTHEAST_2", "SA_EAST_1", "AP_SOUTH_1",
        "CA_CENTRAL_1",
    ]  # fmt: skip
    logs_type: str


@dataclass(kw_only=True, slots=True)
class Fetcher:
    """A fetcher, and what Logz.io does not show of it."""

    document: dict[str, Any]
    """What the API shows."""
    external_id: str
    """What it brings when it assumes the role."""


@dataclass(kw_only=True, slots=True)
class Account:
    """One account at Logz.io."""

    id: int
    external_id: str = field(default_factory=lambda: f"logzio:aws:extid:{secrets.token_hex(8)}")
    """What a fetcher that is made now will bring."""
    fetchers: dict[int, Fetcher] = field(default_factory=dict)
    """Its fetchers by id."""
    most_fetchers: int = 1_000_000
    """How many its plan allows."""
    archive: dict[str, Any] | None = None
    """Its archive as the API shows it, if it has one."""

    def change_external_id(self) -> str:
        """Give the account another external id, and return it."""
        self.external_id = f"logzio:aws:extid:{secrets.token_hex(8)}"
        return self.external_id


class LogzioApi(VendorApi):
    """Logz.io, with the accounts that are put into it.

    Parameters
    ----------
    assume
        Assumes a role as Logz.io does: role ARN, external id → a function that reads a bucket under a prefix or, given
        a body, writes an object, lists the bucket and reads the object. Raises botocore's ClientError when it may not.
    """

    vendor = "logzio"

    def __init__(self, assume: Callable[[str, str], Callable[..., None]], *, certificate: Path, key: Path) -> None:
        super().__init__(certificate=certificate, key=key)
        self._assume = assume
        self.accounts: dict[str, Account] = {}
        """Accounts by API token."""
        self.aws_account_id = "406095609952"
        """Where its fetchers come from."""
        self.propagation = 0
        """How often a new role, or one with a new external id, cannot be assumed although it is right."""
        self._refused: dict[tuple[str, str], int] = {}
        self._last_id = 45_000

    def answer(self, request: Request) -> Reply:
        """Do what is asked."""
        account = self.accounts.get(request.headers.get("X-API-TOKEN", ""))
        if account is None:
            raise Refused(403, {"code": 403, "message": "Insufficient privileges"})
        if request.body and request.headers.get("Content-Type") != "application/json":
            raise _refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type must be application/json")
        match request.method, request.path:
            case "GET", "/v2/whoami":
                return Reply(200, {"accountId": account.id, "accountName": f"account {account.id}"})
            case "GET", path if path == f"{_FETCHERS}/aws-assume-role-details":
                details = {"logzioAWSAccountId": self.aws_account_id, "assignedExternalId": account.external_id}
                return Reply(200, details)
            case "GET", path if path == _FETCHERS:
                return Reply(200, [one.document for key, one in account.fetchers.items() if self.is_listed(key)])
            case "POST", path if path == _FETCHERS:
                return self._create(account, request)
            case "GET", path if path == _ARCHIVES:
                return Reply(200, [account.archive] if account.archive else [])
            case "POST", path if path == _ARCHIVES:
                return self._archive(account, request)
        if (archive := _ONE_ARCHIVE.fullmatch(request.path)) and request.method in ("GET", "PUT", "DELETE"):
            if account.archive is None or account.archive["id"] != int(archive[1]):
                raise _refusal(404, "archive-settings/NOT_FOUND", f"no archive settings {archive[1]}")
            if request.method == "PUT":
                return self._archive(account, request)
            shown = account.archive
            if request.method == "DELETE":
                account.archive = None
            return Reply(200, shown)
        if (one := _ONE.fullmatch(request.path)) and request.method in ("GET", "PUT", "DELETE"):
            return self._one(account, request, int(one[1]))
        raise _refusal(404, "NOT_FOUND", f"no {request.method} {request.path}")

    def malformed(self, wrong: str) -> Reply:
        """Refuse a body."""
        return _refusal(400, "s3-buckets/INVALID_REQUEST", wrong).reply

    def _archive(self, account: Account, request: Request) -> Reply:
        """Set the archive, as "Start archiving" does: assume its role and write to the root of its bucket."""
        if request.method == "POST" and account.archive:
            raise _refusal(400, "archive-settings/ALREADY_EXISTS", "Only one archive can be active per account")
        wanted = ArchiveRequest.model_validate(request.json())
        s3 = wanted.amazon_s3_storage_settings
        if (s3.credentials_type == "IAM") != (s3.s3_iam_credentials is not None):
            raise _refusal(400, "archive-settings/INVALID_REQUEST", "credentials do not match credentialsType")
        settings = wanted.document()
        if s3.s3_iam_credentials:
            self._enter(s3.s3_iam_credentials.arn, account.external_id, s3.path, _VERIFIED, b"")
            settings["amazonS3StorageSettings"]["s3IamCredentials"]["externalId"] = account.external_id
        else:
            del settings["amazonS3StorageSettings"]["s3SecretCredentials"]["secretKey"]
        if account.archive is None:
            self._last_id += 1
        number = account.archive["id"] if account.archive else self._last_id
        account.archive = {"id": number, "settings": {**settings, "azureBlobStorageSettings": None}}
        return Reply(200, account.archive)

    def _create(self, account: Account, request: Request) -> Reply:
        document = self._checked(request, account.external_id)
        if len(account.fetchers) >= account.most_fetchers:
            raise _refusal(400, "s3-buckets/LIMIT_REACHED", "The account has the most S3 buckets that its plan allows")
        self._last_id += 1
        self.accept(self._last_id)
        fetcher = Fetcher(document={"id": self._last_id, **document}, external_id=account.external_id)
        account.fetchers[self._last_id] = fetcher
        return Reply(201, fetcher.document)

    def _one(self, account: Account, request: Request, fetcher_id: int) -> Reply:
        fetcher = account.fetchers.get(fetcher_id)
        if fetcher is None or (request.method == "GET" and not self.is_shown(fetcher_id)):
            raise _refusal(404, "s3-buckets/NOT_FOUND", f"no S3 bucket connector {fetcher_id}")
        if request.method == "GET":
            return Reply(200, fetcher.document)
        if request.method == "DELETE":
            del account.fetchers[fetcher_id]
            return Reply(200)
        fetcher.document = {"id": fetcher_id, **self._checked(request, fetcher.external_id)}
        return Reply(200)

    def _checked(self, request: Request, external_id: str) -> dict[str, Any]:
        """Check a fetcher as "Save" does: assume its role and read under its prefix."""
        wanted = FetcherRequest.model_validate(request.json())
        if not wanted.bucket or not wanted.logs_type:
            raise _refusal(400, "s3-buckets/INVALID_REQUEST", "bucket and logsType must not be empty")
        has_keys = bool(wanted.access_key and wanted.secret_key)
        if has_keys == bool(wanted.arn) or bool(wanted.access_key) != bool(wanted.secret_key):
            raise _refusal(400, "s3-buckets/INVALID_REQUEST", "either arn, or accessKey and secretKey, must be set")
        if wanted.arn:
            self._enter(wanted.arn, external_id, wanted.bucket, wanted.prefix)
        shown = wanted.document()
        del shown["secretKey"]
        return shown

    def _enter(self, role_arn: str, external_id: str, bucket: str, prefix: str, *body: bytes) -> None:
        """Assume a role and read or write, as often as it takes; refuse while that fails."""
        wrong = f"cannot access bucket {bucket} with role {role_arn}"
        seen = self._refused.setdefault((role_arn, external_id), 0)
        if seen < self.propagation:
            self._refused[role_arn, external_id] += 1
            raise _refusal(400, "s3-buckets/ACCESS_DENIED", wrong)
        try:
            self._assume(role_arn, external_id)(bucket, prefix, *body)
        except ClientError as error:
            raise _refusal(400, "s3-buckets/ACCESS_DENIED", f"{wrong}: {error}") from error


def _refusal(status: int, code: str, message: str) -> Refused:
    return Refused(status, {"errorCode": code, "message": message, "requestId": secrets.token_hex(8)})
