"""Operation ``cloudflare-logpush-job`` (polled): have a Logpush job as asked, and prove that the bucket is ours.

Cloudflare takes a job, or another destination of one, with a token that it has written into the bucket; reading it is
the proof. What Cloudflare answers while S3 does not admit it yet is not documented, so every 400 to the request for the
challenge is tried again while the bucket's policy spreads. Sources: Cloudflare API, Logpush jobs and ownership;
Cloudflare Logs, "Manage Logpush with cURL" and "Ownership challenge FAQ".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vendor_connector import answers, aws, vendor_object
from vendor_connector.connection import Connection
from vendor_connector.request import ConnectorError, Document, Request, RetryLaterError, read, read_to_delete
from vendor_connector.vendor_api import NoAnswerError, VendorRefusalError
from vendor_connector.vendors.cloudflare import documents
from vendor_connector.vendors.cloudflare.api import CloudflareApi, connect, explain

T = TypeVar("T")

PROPAGATION_SECONDS = 600.0
"""How long S3 may take to let Cloudflare see the bucket and its policy; it is rarely more than a minute."""
_SCOPE = re.compile(r"(zones|accounts)/[0-9a-f]{32}")
_CHALLENGE = re.compile(r"(?:[ -~]*/)?ownership-challenge[A-Za-z0-9._-]*\.txt")
_TOKEN = re.compile(rb"[A-Za-z0-9_=-]{1,4096}\.[A-Za-z0-9_=-]{1,4096}\.[A-Za-z0-9_=-]{1,4096}")
_OWNERSHIP = answers.of({"filename?": str, "message?": str, "valid?": bool})
_MOST_TOKEN_BYTES = 16 * 1024
_UPDATED = ("destination_conf", "enabled", "filter", "filter_attack_traffic", "max_upload_bytes",
            "max_upload_interval_seconds", "max_upload_records", "output_options")  # fmt: skip
"""What an update sends: the dataset, and by one of Cloudflare's pages the name, are of a job for good."""
_RESET = {"filter": "", "filter_attack_traffic": False, "max_upload_bytes": 0, "max_upload_interval_seconds": 0,
          "max_upload_records": 0}  # fmt: skip
"""What an update sends of a setting that is no longer there: 0 disables a limit (Cloudflare API, "Update job")."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(Connection):
    """The properties."""

    scope: str
    job: documents.LogpushJob

    def __post_init__(self) -> None:
        if not _SCOPE.fullmatch(self.scope):
            raise ConnectorError(f"property Scope is {self.scope!r}; it must be zones/<id> or accounts/<id>")

    @property
    def id(self) -> str:
        """What names the resource: one per zone or account, dataset and bucket."""
        return f"cloudflare-logpush-job/{self.scope}/{self.job.dataset}/{self.job.bucket}"

    def api(self, request: Request) -> CloudflareApi:
        """Return the API of the zone or account."""
        return connect(self.access(request), self.scope)


def apply(request: Request) -> dict[str, str]:
    """Create, adopt or update the job, and enable it.

    Returns
    -------
    dict
        ``JobId``.
    """
    wanted = read(Settings, request.properties)
    job_id, _ = vendor_object.reconcile(
        LogpushJob(wanted.api(request), wanted), wanted.store(wanted.id), adopt=wanted.adopt
    )
    return {"JobId": job_id}


def delete(request: Request) -> None:
    """Delete the job."""
    wanted = read_to_delete(Settings, request.properties)
    vendor_object.remove(lambda: LogpushJob(wanted.api(request), wanted), wanted.store(wanted.id))


@dataclass(frozen=True, slots=True)
class LogpushJob:
    """A Logpush job, as ``vendor_object`` reconciles it."""

    api: CloudflareApi
    wanted: Settings

    @property
    def description(self) -> str:
        """Its name, and where a person finds it."""
        return f"a Logpush job of {self.wanted.job.dataset} to {self.wanted.job.bucket} (Cloudflare, Logpush)"

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        return self.api.job(object_id)

    def list_all(self) -> dict[str, Document]:
        """Return the jobs of the zone or account by id."""
        return self.api.jobs()

    def matches(self, document: Document) -> bool:
        """Return whether it pushes the dataset to our bucket."""
        return documents.is_at(document, self.wanted.job)

    matches_new = matches

    def create(self) -> str:
        """Prove the ownership, then make it."""
        challenge = self._prove(self.wanted.job.destination_conf)
        body = {**self.wanted.job.document, "ownership_challenge": challenge}
        return str(self._write("POST", "/jobs", answers.of({"id": answers.ID}), body)["id"])

    def is_up_to_date(self, document: Document) -> bool:
        """Return whether Cloudflare has what is asked, and has it enabled."""
        return documents.comparable(document) == documents.comparable(self.wanted.job.document)

    def update(self, object_id: str, former: Document | None) -> None:
        """Change it in place; another destination is proven as the first was.

        A former job that wrote elsewhere in the bucket is put back without its destination, which the bucket's policy
        does not admit.
        """
        is_now = self.api.job(object_id) or {}
        document = former or self.wanted.job.document
        body: Document = {name: value for name, value in _RESET.items() if is_now.get(name)}
        body |= {name: document[name] for name in _UPDATED if document.get(name) is not None}
        target = body.pop("destination_conf")
        places = [documents.bucket_and_path(str(each)) for each in (is_now.get("destination_conf"), target)]
        if former is None and places[0] != places[1]:
            body |= {"destination_conf": target, "ownership_challenge": self._prove(target)}
        self._write("PUT", f"/jobs/{object_id}", answers.ignored, body)

    def remove(self, object_id: str) -> None:
        """Delete it."""
        self.api.remove(object_id)

    def _prove(self, destination_conf: str) -> str:
        """Have Cloudflare write its challenge; return the token in it."""
        body = {"destination_conf": destination_conf}
        try:
            # It writes another challenge, and nothing else, when it is sent again.
            answer = self.api.call("POST", "/ownership", _OWNERSHIP, body, is_repeatable=True)
        except NoAnswerError as error:
            # The job itself was not sent.
            error.was_not_executed = True
            raise
        except VendorRefusalError as refusal:
            if refusal.status == 400:
                raise self._not_admitted(str(refusal)) from refusal
            raise explain(refusal) from refusal
        if not answer.get("valid"):
            raise self._not_admitted(str(answer.get("message") or "it says no more"))
        key = str(answer.get("filename")).removeprefix(f"{self.wanted.job.bucket}/").lstrip("/")
        # Whatever the vendor names, nothing but a challenge is read, and nothing but a token is sent back.
        if not _CHALLENGE.fullmatch(key):
            raise ConnectorError(f"Cloudflare names {key[:200]!r} as its ownership challenge, which is none")
        found = aws.s3().get_object(Bucket=self.wanted.job.bucket, Key=key)["Body"].read(_MOST_TOKEN_BYTES).strip()
        if not _TOKEN.fullmatch(found):
            raise ConnectorError(f"{self.wanted.job.bucket}/{key} holds no token of Cloudflare's")
        return found.decode()

    def _not_admitted(self, said: str) -> RetryLaterError:
        return RetryLaterError(
            f"Cloudflare cannot write to {self.wanted.job.bucket} ({said}). It needs s3:PutObject, which the bucket's "
            "policy grants to its user",
            timeout_seconds=PROPAGATION_SECONDS,
        )

    def _write(self, method: str, path: str, read: Callable[[Any], T], body: Document) -> T:
        try:
            return self.api.call(method, path, read, body)
        except VendorRefusalError as refusal:
            raise explain(refusal) from refusal
