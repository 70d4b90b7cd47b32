"""The Cloudflare API, as far as a Logpush job needs it: the token, the zone or account, and what its refusals mean.

Sources: Cloudflare API (Logpush jobs and ownership; the envelope ``success``, ``errors``, ``result``); Cloudflare Logs,
"API configuration", "Permissions" and "Ownership challenge FAQ".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vendor_connector import answers
from vendor_connector.connection import Access
from vendor_connector.request import ConnectorError, Document, NotVisibleError
from vendor_connector.vendor_api import VendorApi, VendorRefusalError

T = TypeVar("T")

_PUBLIC = "https://api.cloudflare.com"
_ROOT = "/client/v4"
_NEEDED = (
    "the token must have the permission Logs: Edit of this zone or account (zone-scoped datasets: of the zone, "
    "account-scoped ones: of the account), and Zero Trust: PII Read for datasets of Zero Trust"
)
_NOT_ALLOWED = 1004
"""The code of an error: "creating a new job is not allowed"."""
JOB: Document = {
    "id": answers.ID,
    "destination_conf?": str,
    "filter?": str,
    "output_options?": {"field_names?": [str], "sample_rate?": float},
}


def explain(refusal: VendorRefusalError) -> ConnectorError:
    """Say what Cloudflare said, what it means and what to do."""
    if "exceeded max jobs" in refusal.said:
        return ConnectorError(
            f"{refusal}. The zone has as many Logpush jobs as Cloudflare allows: delete one that is not needed, then "
            "deploy again."
        )
    if refusal.status in (401, 403) or _NOT_ALLOWED in _codes(refusal):
        return ConnectorError(f"{refusal}. Cloudflare does not accept it: {_NEEDED}.")
    return ConnectorError(str(refusal))


def _codes(refusal: VendorRefusalError) -> list[object]:
    errors = refusal.document.get("errors")
    return [one.get("code") for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _result(read: Callable[[Any], T]) -> Callable[[Any], T]:
    """Return what reads the ``result`` of a request that succeeded."""

    def read_result(answer: Any) -> T:
        answers.check(answer, {"success": bool})
        if not answer["success"]:
            raise answers.UnusableError("the answer says that it did not succeed")
        return read(answer.get("result"))

    return read_result


def _succeeded(answer: Any) -> None:
    """Read an answer without a result, which may be empty."""
    if answer is not None:
        _result(answers.ignored)(answer)


def _jobs(result: Any) -> dict[str, Document]:
    """Read a list of jobs, any of which may be null by the API's description."""
    found = [job for job in answers.check(result, list) if job is not None]
    return answers.by_id(answers.check(found, [JOB], "result"))


@dataclass(frozen=True, slots=True)
class CloudflareApi:
    """The API under one token, in one zone or account."""

    api: VendorApi
    scope: str
    """``zones/<id>`` or ``accounts/<id>``."""

    def call(
        self,
        method: str,
        path: str,
        read: Callable[[Any], T],
        body: object = None,
        *,
        is_repeatable: bool | None = None,
    ) -> T:
        """Make a request below the scope's Logpush; return what ``read`` makes of its ``result``."""
        whole = f"{_ROOT}/{self.scope}/logpush{path}"
        return self.api.call(method, whole, _result(read), body=body, is_repeatable=is_repeatable)

    def jobs(self) -> dict[str, Document]:
        """Return all jobs of the zone or account, by id."""
        try:
            return self.call("GET", "/jobs", _jobs)
        except VendorRefusalError as refusal:
            if refusal.status in (403, 404):
                raise NotVisibleError(f"{refusal}. {self.scope} is not there, or {_NEEDED}") from refusal
            raise explain(refusal) from refusal

    def job(self, job_id: str) -> Document | None:
        """Return one job; None when there is none."""
        try:
            return self.call("GET", f"/jobs/{job_id}", answers.one(JOB, "id", job_id))
        except VendorRefusalError as refusal:
            if refusal.status == 404:
                return None
            raise explain(refusal) from refusal

    def remove(self, job_id: str) -> None:
        """Delete a job; one that is gone needs nothing."""
        try:
            self.api.call("DELETE", f"{_ROOT}/{self.scope}/logpush/jobs/{job_id}", _succeeded)
        except VendorRefusalError as refusal:
            if refusal.status != 404:
                raise explain(refusal) from refusal

    def owner(self) -> str | None:
        """Return the account; that of a zone is seen with the permission Zone: Read alone."""
        kind, _, identifier = self.scope.partition("/")
        if kind == "accounts":
            return identifier
        try:
            zone = self.api.call("GET", f"{_ROOT}/{self.scope}", _result(answers.of({"account": {"id": answers.ID}})))
        except VendorRefusalError:
            return None
        return str(zone["account"]["id"])

    def is_deleted(self, owner: str | None) -> bool:  # noqa: ARG002
        """Return False: a token that sees no zone may just lack the permission."""
        return False


def connect(access: Access, scope: str) -> CloudflareApi:
    """Read the token, ``api_token`` of the secret or the secret itself, and return the API of a zone or account."""
    token = access.read(access.secret, ("api_token",))["api_token"]
    return CloudflareApi(access.api("Cloudflare", _PUBLIC, headers=lambda: {"Authorization": f"Bearer {token}"}), scope)
