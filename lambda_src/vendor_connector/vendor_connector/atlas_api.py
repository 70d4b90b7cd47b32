"""The MongoDB Atlas Administration API: credentials, versions, and what its refusals mean.

Sources: MongoDB Atlas Administration API v2 (OpenAPI description), "Atlas Administration API Authentication", "Generate
Service Account Token". Every resource has its own version, which the media type names.
"""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vendor_connector import aws, credential
from vendor_connector.request import ConnectorError
from vendor_connector.vendor_api import NoAnswerError, VendorApi, VendorRefusalError

BASE_URL = "https://cloud.mongodb.com"
V2023 = "application/vnd.atlas.2023-01-01+json"
V2025 = "application/vnd.atlas.2025-03-12+json"
CLUSTER_READ = "application/vnd.atlas.2024-08-05+json"
CLUSTER_WRITE = "application/vnd.atlas.2024-10-23+json"
_EARLY_SECONDS = 300.0
_PROPAGATING = ("ASSUME", "NOT_AUTHORIZED", "ACCESS", "BUCKET", "PERMISSION")

# Tokens by base URL and client: the token endpoint has a rate limit of its own, and a deploy asks many times.
_tokens: dict[tuple[str, str], tuple[str, float]] = {}

_MEANING = {
    "IP_ADDRESS_NOT_ON_ACCESS_LIST": "the organization lets its API be called from listed addresses only: put the "
    "connector into a VPC with a fixed egress address (`connect.vpc`) and add that address to the API access list of "
    "the service account or key",
    "USER_UNAUTHORIZED": "the credential lacks a role: it needs Project Owner in this project",
    "USER_CANNOT_ACCESS_GROUP": "the credential does not belong to this project: give it Project Owner there",
    "NOT_IN_GROUP": "the credential does not belong to this project: give it Project Owner there",
    "GROUP_NOT_FOUND": "there is no such project at this address, or the credential may not see it: check `project_id`",
    "RATE_LIMITED": "too many requests for this project: deploy again in some minutes",
}
_MEANING["ORG_REQUIRES_ACCESS_LIST"] = _MEANING["IP_ADDRESS_NOT_ON_ACCESS_LIST"]
_BY_STATUS = {
    401: "Atlas does not accept the credential: it must be complete, not expired, and of this Atlas (commercial or "
    "government: `connect.api_base_url`)",
    402: "the organization's plan or payment does not cover this",
    403: "the credential lacks a role: it needs Project Owner in this project",
    404: "it is not there: deleted by hand, or the credential may not see it",
    429: _MEANING["RATE_LIMITED"],
}


def code_of(refusal: VendorRefusalError) -> str:
    """Return Atlas's own error code, such as ``CANNOT_ASSUME_ROLE``; empty when it gave none."""
    return str(refusal.document.get("errorCode") or "")


def explained(refusal: VendorRefusalError) -> ConnectorError:
    """Say what Atlas said, what it means and what to do."""
    meaning = _MEANING.get(code_of(refusal)) or _BY_STATUS.get(refusal.status)
    return ConnectorError(f"{refusal}. {meaning[0].upper()}{meaning[1:]}." if meaning else str(refusal))


def may_pass(refusal: VendorRefusalError) -> bool:
    """Tell whether a refusal may come from IAM, which takes a while to let a new role and its policy be seen."""
    code = code_of(refusal)
    if code in _MEANING or refusal.status in (401, 404):
        return False
    return refusal.status == 409 or any(word in code for word in _PROPAGATING)


@dataclass(frozen=True, slots=True)
class AtlasApi:
    """One Atlas project's API."""

    api: VendorApi
    project_id: str
    token_key: tuple[str, str] | None

    def call(
        self,
        method: str,
        path: str,
        media_type: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
    ) -> Any:
        """Make a request of this project; ``path`` begins after the project's id."""
        headers = {"Accept": media_type, **({"Content-Type": media_type} if body is not None else {})}

        def once() -> Any:
            return self.api.call(
                method,
                f"/api/atlas/v2/groups/{self.project_id}{path}",
                headers=headers,
                body=body,
                query=query,
                is_repeatable=is_repeatable,
            )

        try:
            return once()
        except VendorRefusalError as refusal:
            # A token from before this invocation may have ended, or been revoked with its service account's secret.
            if refusal.status != 401 or self.token_key is None or _tokens.pop(self.token_key, None) is None:
                raise
        return once()

    def find(self, path: str, media_type: str, query: Mapping[str, str] | None = None) -> Any:
        """Read; return None when it, or the whole project, is gone."""
        try:
            return self.call("GET", path, media_type, query=query)
        except VendorRefusalError as refusal:
            if refusal.status == 404:
                return None
            raise explained(refusal) from refusal

    def change(self, method: str, path: str, media_type: str, body: object) -> Any:
        """Write; a refusal is explained."""
        try:
            return self.call(method, path, media_type, body=body)
        except VendorRefusalError as refusal:
            raise explained(refusal) from refusal

    def remove(self, path: str, media_type: str) -> None:
        """Delete; what is gone is no error."""
        try:
            self.call("DELETE", path, media_type)
        except VendorRefusalError as refusal:
            if refusal.status != 404:
                raise explained(refusal) from refusal


def connect(
    *,
    secret: str,
    base_url: str | None,
    project_id: str,
    remaining_seconds: Callable[[], float],
    read: credential.Read = credential.read,
) -> AtlasApi:
    """Read the credential and return the project's API.

    Parameters
    ----------
    secret : str
        Holds ``client_id`` and ``client_secret`` of a service account, or ``public_key`` and ``private_key``.
    base_url : str
        ``https://cloud.mongodbgov.com`` for Atlas for Government. Left out: the commercial Atlas.
    """
    base_url = (base_url or BASE_URL).rstrip("/")
    fields = read(secret, ("client_id", "client_secret"), ("public_key", "private_key"))
    if "public_key" in fields:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, base_url, fields["public_key"], fields["private_key"])
        digest = VendorApi(
            vendor="Atlas",
            base_url=base_url,
            remaining_seconds=remaining_seconds,
            handlers=[urllib.request.HTTPDigestAuthHandler(passwords)],
            secrets=[fields["private_key"]],
        )
        return AtlasApi(digest, project_id, None)
    key = (base_url, fields["client_id"])
    tokens = VendorApi(
        vendor="Atlas", base_url=base_url, remaining_seconds=remaining_seconds, secrets=[fields["client_secret"]]
    )
    return AtlasApi(
        VendorApi(
            vendor="Atlas",
            base_url=base_url,
            remaining_seconds=remaining_seconds,
            headers=lambda: {"Authorization": f"Bearer {_token(tokens, key, fields)}"},
            secrets=[fields["client_secret"]],
        ),
        project_id,
        key,
    )


def _token(api: VendorApi, key: tuple[str, str], fields: Mapping[str, str]) -> str:
    token, ends = _tokens.get(key, ("", 0.0))
    if aws.now() < ends:
        return token
    pair = base64.b64encode(f"{fields['client_id']}:{fields['client_secret']}".encode()).decode()
    try:
        answer = api.call(
            "POST",
            "/api/oauth/token",
            form={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {pair}"},
            is_repeatable=True,
        )
    except VendorRefusalError as refusal:
        if refusal.status in (400, 401):
            raise ConnectorError(f"{refusal}. {_BY_STATUS[401]}.") from refusal
        raise explained(refusal) from refusal
    if not isinstance(answer, dict) or not answer.get("access_token"):
        raise NoAnswerError("Atlas: POST /api/oauth/token answered without a token")
    _tokens[key] = (answer["access_token"], aws.now() + float(answer.get("expires_in", 3600)) - _EARLY_SECONDS)
    return str(answer["access_token"])
