"""Operation ``logzio-archive`` (polled): Archive & Restore of a Logz.io account, which writes to a bucket of ours.

An account has one archive. Logz.io assumes the role and writes the object ``logzio-verified`` before it takes the
settings; it names the external id that it comes with in its answer, so after another external id the settings are sent
again. Sources: Logz.io API, "Archive logs" (``/v2/archive/settings``), and Logz.io's own client; docs.logz.io,
"Configure Archiving and Restoring", "Migrating IAM roles to a new external ID".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vendor_connector import answers, aws, vendor_object
from vendor_connector.request import ConnectorError, Document, Request, read, read_to_delete
from vendor_connector.vendors.logzio import api as logzio_api
from vendor_connector.vendors.logzio import documents
from vendor_connector.vendors.logzio.operations.account_state import AccountProperties

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(AccountProperties):
    """The properties."""

    archive: documents.Archive

    def api(self, request: Request, logzio_account: str) -> logzio_api.LogzioApi:
        """Return the API, if its token is still of the account that is archived."""
        return self.target.api_of(request, logzio_account, "archive is")

    @property
    def id(self) -> str:
        """What names the resource: one per account and IAM role."""
        logzio_account, _ = self.account_and_ids()
        return f"logzio-archive/{logzio_account}/{self.archive.role_arn.rpartition('/')[2]}"


def apply(request: Request) -> dict[str, str]:
    """Have the account archived to the bucket through the role.

    Returns
    -------
    dict
        ``ArchiveId``.
    """
    wanted = read(Settings, request.properties)
    logzio_account, trusted = wanted.account_and_ids()
    api, store = wanted.api(request, logzio_account), wanted.target.archive(logzio_account)
    _, current = api.principal()
    archive = Archive(api, wanted, current if current in trusted else None)
    object_id, document = vendor_object.reconcile(archive, store, adopt=wanted.target.adopt)
    # The role trusts this id as long as the archive comes with it.
    if external_id := _credentials(document).get("externalId"):
        store.save({**(store.load() or {}), "external_id": external_id})
    return {"ArchiveId": object_id}


def delete(request: Request) -> None:
    """Stop archiving, or put back what was adopted; what was archived stays in the bucket."""
    wanted = read_to_delete(Settings, request.properties)
    logzio_account, _ = wanted.account_and_ids(request.physical_id)
    store = wanted.target.archive(logzio_account)
    vendor_object.remove(lambda: Archive(wanted.api(request, logzio_account), wanted, None), store)


def _s3(document: Document) -> Document:
    return (document.get("settings") or {}).get("amazonS3StorageSettings") or {}


def _credentials(document: Document) -> Document:
    return _s3(document).get("s3IamCredentials") or {}


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive; ``external_id`` is the one that it is to come with, if it matters."""

    api: logzio_api.LogzioApi
    wanted: Settings
    external_id: str | None

    @property
    def description(self) -> str:
        """Its name, and where a person finds it."""
        return "Archive & Restore of the account (Logz.io, Data Hub, Archive & restore)"

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        return self.api.find(logzio_api.ARCHIVES, object_id, logzio_api.ARCHIVE)

    def list_all(self) -> dict[str, Document]:
        """Return the account's archives by id."""
        return self.api.archives()

    def matches(self, document: Document) -> bool:
        """Return whether it is in the way: an account has one archive, wherever that is.

        Raises
        ------
        ConnectorError
            When it cannot be adopted, because Logz.io does not give its keys back.
        """
        if self.wanted.target.adopt and _s3(document).get("credentialsType") != "IAM":
            raise ConnectorError(
                f"{self.description} ({document.get('id')}) signs in with keys, which Logz.io does not give back: it "
                "cannot be adopted. Remove its settings in Logz.io, then deploy again."
            )
        return True

    def matches_new(self, document: Document) -> bool:
        """Return whether it may be ours."""
        return _s3(document).get("path") == self.wanted.archive.bucket

    def create(self) -> str:
        """Start archiving. Logz.io assumes the role before it takes it."""
        return self._write("POST", logzio_api.ARCHIVES, logzio_api.created, self.wanted.archive.document)

    def is_up_to_date(self, document: Document) -> bool:
        """Return whether Logz.io has what is asked, under the external id that it gives now."""
        has = logzio_api.comparable_archive(document["settings"])
        is_same = has == logzio_api.comparable_archive(self.wanted.archive.document)
        return is_same and (
            self.external_id is None or _credentials(document).get("externalId") in (None, self.external_id)
        )

    def update(self, object_id: str, former: Document | None) -> None:
        """Send the settings, or those that were adopted."""
        body = self.wanted.archive.document
        if former:
            settings = former["settings"]
            body |= {name: settings[name] for name in ("enabled", "compressed") if settings.get(name) is not None}
            arn = {"arn": _credentials(former).get("arn")}
            body["amazonS3StorageSettings"] = {
                "credentialsType": "IAM", "path": _s3(former).get("path"), "s3IamCredentials": arn,
            }  # fmt: skip
        self._write("PUT", f"{logzio_api.ARCHIVES}/{object_id}", answers.ignored, body)

    def remove(self, object_id: str) -> None:
        """Remove it."""
        self.api.remove(f"{logzio_api.ARCHIVES}/{object_id}")

    def _write(self, method: str, path: str, read: Callable[[Any], T], body: Document) -> T:
        answer = self.api.write(
            method,
            path,
            read,
            body,
            cannot=f"write to {self.wanted.archive.bucket} through {self.wanted.archive.role_arn}",
            needs="the role's trust and permissions, a bucket that exists, and a bucket policy and key that do not "
            "shut it out",
        )
        aws.log("written", method=method, archive=self.wanted.archive.bucket)
        return answer
