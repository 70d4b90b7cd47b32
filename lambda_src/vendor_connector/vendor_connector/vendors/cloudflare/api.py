"""The Cloudflare API, as far as a Logpush job needs it: the token, the zone or account, and what its refusals mean.

Sources: Cloudflare API (Logpush jobs and ownership; the envelope ``success``, ``errors``, ``result``); Cloudflare Logs,
"API configuration", "Permissions" and "Ownership challenge FAQ".
"""

from dataclasses import dataclass
from typing import Any

from vendor_connector.connection import Access
from vendor_connector.request import ConnectorError, NotVisibleError
from vendor_connector.vendor_api import NoAnswerError, VendorApi, VendorRefusalError

_PUBLIC = "https://api.cloudflare.com"
_ROOT = "/client/v4"
_NEEDED = (
    "the token must have the permission Logs: Edit of this zone or account (zone-scoped datasets: of the zone, "
    "account-scoped ones: of the account), and Zero Trust: PII Read for datasets of Zero Trust"
)


def explain(refusal: VendorRefusalError) -> ConnectorError:
    """Say what Cloudflare said, what it means and what to do."""
    if "exceeded max jobs" in refusal.said:
        return ConnectorError(
            f"{refusal}. The zone has as many Logpush jobs as Cloudflare allows: delete one that is not needed, then "
            "deploy again."
        )
    if refusal.status in (401, 403) or "1004" in refusal.said:
        return ConnectorError(f"{refusal}. Cloudflare does not accept it: {_NEEDED}.")
    return ConnectorError(str(refusal))


@dataclass(frozen=True, slots=True)
class CloudflareApi:
    """The API under one token, in one zone or account."""

    api: VendorApi
    scope: str
    """``zones/<id>`` or ``accounts/<id>``."""

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Make a request below the scope's Logpush; return its ``result``."""
        answer = self.api.call(method, f"{_ROOT}/{self.scope}/logpush{path}", body=body)
        if answer is None:
            return None
        if not isinstance(answer, dict) or not answer.get("success"):
            raise NoAnswerError(f"Cloudflare: {method} {path} answered without success")
        return answer.get("result")

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return all jobs of the zone or account, by id."""
        try:
            found = self.call("GET", "/jobs") or []
        except VendorRefusalError as refusal:
            if refusal.status in (403, 404):
                raise NotVisibleError(f"{refusal}. {self.scope} is not there, or {_NEEDED}") from refusal
            raise explain(refusal) from refusal
        return {str(job["id"]): job for job in found}

    def job(self, job_id: str) -> dict[str, Any] | None:
        """Return one job; None when there is none."""
        try:
            found = self.call("GET", f"/jobs/{job_id}")
        except VendorRefusalError as refusal:
            if refusal.status == 404:
                return None
            raise explain(refusal) from refusal
        return found if isinstance(found, dict) and found else None

    def remove(self, job_id: str) -> None:
        """Delete a job; one that is gone needs nothing."""
        try:
            self.call("DELETE", f"/jobs/{job_id}")
        except VendorRefusalError as refusal:
            if refusal.status != 404:
                raise explain(refusal) from refusal

    def owner(self) -> str | None:
        """Return the account; that of a zone is seen with the permission Zone: Read alone."""
        kind, _, identifier = self.scope.partition("/")
        if kind == "accounts":
            return identifier
        try:
            answer = self.api.call("GET", f"{_ROOT}/{self.scope}")
        except VendorRefusalError:
            return None
        account = ((answer or {}).get("result") or {}).get("account") or {}
        return account.get("id")

    def is_deleted(self, owner: str | None) -> bool:  # noqa: ARG002
        """Return False: a token that sees no zone may just lack the permission."""
        return False


def connect(access: Access, scope: str) -> CloudflareApi:
    """Read the token, ``api_token`` of the secret or the secret itself, and return the API of a zone or account."""
    token = access.read(access.secret, ("api_token",))["api_token"]
    return CloudflareApi(access.api("Cloudflare", _PUBLIC, headers=lambda: {"Authorization": f"Bearer {token}"}), scope)
