"""Operation ``logzio-archive`` (polled): Archive & Restore of a Logz.io account, which writes to a bucket of ours.

An account has one archive. Logz.io assumes the role and writes the object ``logzio-verified`` before it takes the
settings; it names the external id that it comes with in its answer, so after another external id the settings are sent
again. Sources: Logz.io API, "Archive logs" (``/v2/archive/settings``), and Logz.io's own client; docs.logz.io,
"Configure Archiving and Restoring", "Migrating IAM roles to a new external ID".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vendor_connector import aws, vendor_object
from vendor_connector.request import ConnectorError, Request, check_names, text
from vendor_connector.vendor_object import Document
from vendor_connector.vendors.logzio import api as logzio_api
from vendor_connector.vendors.logzio.operations.memory import PROPERTIES, Account


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties, checked."""

    account: Account
    logzio_account: str
    trusted: tuple[str, ...]
    role_arn: str
    bucket: str

    @property
    def id(self) -> str:
        """What names the resource: one per account and IAM role."""
        return f"logzio-archive/{self.logzio_account}/{self.role_arn.rpartition('/')[2]}"

    @property
    def memory(self) -> vendor_object.Memory:
        """Where it is remembered."""
        return self.account.archive(self.logzio_account)

    def document(self) -> Document:
        """Return what Logz.io is to have."""
        credentials = {"credentialsType": "IAM", "path": self.bucket, "s3IamCredentials": {"arn": self.role_arn}}
        return {"storageType": "S3", "enabled": True, "compressed": True, "amazonS3StorageSettings": credentials}

    def api(self, request: Request) -> logzio_api.LogzioApi:
        """Return the API, if its token is still of the account that is archived."""
        return self.account.api_of(request, self.logzio_account, "archive is")


def parse(properties: Mapping[str, Any], physical_id: str = "") -> Settings:
    """Check the properties of ``logzio-archive``; a Delete knows the account by its ``physical_id``."""
    check_names(properties, (*PROPERTIES, "Account", "RoleArn", "Bucket"))
    account = Account.parse(properties)
    logzio_account, trusted = account.whom(text(properties, "Account"), physical_id)
    return Settings(
        account=account,
        logzio_account=logzio_account,
        trusted=trusted,
        role_arn=text(properties, "RoleArn"),
        bucket=text(properties, "Bucket"),
    )


def physical_id(properties: Mapping[str, Any]) -> str:
    """Return the id: one per account and IAM role."""
    return parse(properties).id


def apply(request: Request) -> dict[str, str]:
    """Have the account archived to the bucket through the role.

    Returns
    -------
    dict
        ``ArchiveId``.
    """
    wanted = parse(request.properties)
    api = wanted.api(request)
    _, current = api.principal()
    archive = Archive(api, wanted, current if current in wanted.trusted else None)
    object_id, document = vendor_object.keep(archive, wanted.memory, adopt=wanted.account.adopt)
    # The role trusts this id as long as the archive comes with it.
    if external_id := _credentials(document).get("externalId"):
        wanted.memory.save({**(wanted.memory.load() or {}), "external_id": external_id})
    return {"ArchiveId": object_id}


def delete(request: Request) -> None:
    """Stop archiving, or put back what was adopted; what was archived stays in the bucket."""
    wanted = parse(request.properties, request.physical_id)
    # Without a memory nothing was made, and then not even the credential is needed.
    if wanted.memory.load() is not None:
        vendor_object.drop(Archive(wanted.api(request), wanted, None), wanted.memory)


def _s3(document: Document) -> Document:
    return (document.get("settings") or {}).get("amazonS3StorageSettings") or {}


def _credentials(document: Document) -> Document:
    return _s3(document).get("s3IamCredentials") or {}


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive, as ``vendor_object`` keeps it; ``external_id`` is the one that it is to come with, if it matters."""

    api: logzio_api.LogzioApi
    wanted: Settings
    external_id: str | None

    @property
    def what(self) -> str:
        """Its name, and where a person finds it."""
        return "Archive & Restore of the account (Logz.io, Data Hub, Archive & restore)"

    @property
    def place(self) -> logzio_api.LogzioApi:
        """The account."""
        return self.api

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        found: Document | None = self.api.find(f"{logzio_api.ARCHIVES}/{object_id}")
        return found

    def listed(self) -> dict[str, Document]:
        """Return the account's archives by id."""
        return {str(one["id"]): one for one in self.api.find(logzio_api.ARCHIVES) or []}

    def is_this(self, document: Document) -> bool:
        """Return whether it is in the way: an account has one archive, wherever that is.

        Raises
        ------
        ConnectorError
            When it cannot be adopted, because Logz.io does not give its keys back.
        """
        if self.wanted.account.adopt and _s3(document).get("credentialsType") != "IAM":
            raise ConnectorError(
                f"{self.what} ({document.get('id')}) signs in with keys, which Logz.io does not give back: it cannot "
                "be adopted. Remove its settings in Logz.io, then deploy again."
            )
        return True

    def is_unfinished(self, document: Document) -> bool:
        """Return whether it may be ours."""
        return _s3(document).get("path") == self.wanted.bucket

    def create(self) -> tuple[str, Document]:
        """Start archiving. Logz.io assumes the role before it takes it."""
        return logzio_api.created(logzio_api.ARCHIVES, self._write("POST", logzio_api.ARCHIVES, self.wanted.document()))

    def is_current(self, document: Document) -> bool:
        """Return whether Logz.io has what is asked, under the external id that it gives now."""
        settings, wanted = document.get("settings") or {}, self.wanted.document()
        shown = _credentials(document).get("externalId")
        return (
            all(settings.get(name) == wanted[name] for name in ("storageType", "enabled", "compressed"))
            and _s3(document).get("credentialsType") == "IAM"
            and _s3(document).get("path") == self.wanted.bucket
            and _credentials(document).get("arn") == self.wanted.role_arn
            and (self.external_id is None or shown in (None, self.external_id))
        )

    def update(self, object_id: str, former: Document | None) -> Document:
        """Send the settings, or those that were adopted."""
        body = self.wanted.document()
        if former:
            body |= {name: former["settings"][name] for name in ("enabled", "compressed")}
            arn = {"arn": _credentials(former).get("arn")}
            body["amazonS3StorageSettings"] = {
                "credentialsType": "IAM", "path": _s3(former).get("path"), "s3IamCredentials": arn,
            }  # fmt: skip
        answer = self._write("PUT", f"{logzio_api.ARCHIVES}/{object_id}", body)
        return answer if isinstance(answer, dict) else {"id": object_id, "settings": body}

    def remove(self, object_id: str) -> None:
        """Remove it."""
        self.api.remove(f"{logzio_api.ARCHIVES}/{object_id}")

    def _write(self, method: str, path: str, body: Document) -> Any:
        answer = self.api.write(
            method,
            path,
            body,
            cannot=f"write to {self.wanted.bucket} through {self.wanted.role_arn}",
            needs="the role's trust and permissions, a bucket that exists, and a bucket policy and key that do not "
            "shut it out",
        )
        aws.log("written", method=method, archive=self.wanted.bucket)
        return answer
