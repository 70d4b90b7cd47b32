"""The MongoDB Atlas Administration API: credentials, versions, and what its refusals mean.

Sources: MongoDB Atlas Administration API v2 (OpenAPI description), "Atlas Administration API Authentication", "Generate
Service Account Token". Every resource has its own version, which the media type names.
"""

import base64
import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from vendor_connector import answers, aws, public_text
from vendor_connector.connection import Access
from vendor_connector.request import ConnectorError, Document, NotVisibleError
from vendor_connector.vendor_api import NoAnswerError, VendorApi, VendorRefusalError

T = TypeVar("T")
Read = Callable[[Any], T]

BASE_URL = "https://cloud.mongodb.com"
V2023 = "application/vnd.atlas.2023-01-01+json"
V2025 = "application/vnd.atlas.2025-03-12+json"
CLUSTER_READ = "application/vnd.atlas.2024-08-05+json"
CLUSTER_WRITE = "application/vnd.atlas.2024-10-23+json"
# "Generate Service Account Token": the token is valid for one hour.
_TOKEN_SECONDS = 3600.0
_EARLY_SECONDS = 300.0
# The token endpoint takes about ten calls a minute of one service account; functions that start together spread out.
_FIRST_SIGN_IN_PAUSE_SECONDS = 15.0
_PAGE = 500
_PROJECT = answers.of({"orgId": answers.ID})
_PROJECTS = answers.of({"results": [{"id": answers.ID}]})
_TOKEN = answers.of({"access_token": str, "expires_in?": float})
# What Atlas answers about something that the credential may not see, or that does not exist.
_UNSEEN = (401, 403, 404)
# Error codes while IAM does not let Atlas use the role yet, such as CANNOT_ASSUME_ROLE or S3_BUCKET_ACCESS_DENIED.
_PROPAGATING = re.compile(r"ASSUME|ACCESS_DENIED|ROLE_NOT_AUTHORIZED|PERMISSION|BUCKET_(?:NOT_ACCESSIBLE|UNREACHABLE)")

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
}
_MEANING["ORG_REQUIRES_ACCESS_LIST"] = _MEANING["IP_ADDRESS_NOT_ON_ACCESS_LIST"]
_BY_STATUS = {
    401: "Atlas does not accept the credential: it must be complete, not expired, and of this Atlas (commercial or "
    "government: `connect.api_base_url`)",
    409: "it conflicts with what the project has already, or with another change to it: correct what it names, then "
    "deploy again",
    402: "the organization's plan or payment does not cover this",
    403: "the credential lacks a role: it needs Project Owner in this project",
    404: "it is not there: deleted by hand, or the credential may not see it",
}


def code_of(refusal: VendorRefusalError) -> str:
    """Return Atlas's own error code, such as ``CANNOT_ASSUME_ROLE``; empty when it gave none."""
    return str(refusal.document.get("errorCode") or "")


def explain(refusal: VendorRefusalError) -> ConnectorError:
    """Say what Atlas said, what it means and what to do."""
    meaning = _MEANING.get(code_of(refusal)) or _BY_STATUS.get(refusal.status)
    return ConnectorError(f"{refusal}. {meaning[0].upper()}{meaning[1:]}." if meaning else str(refusal))


def may_be_propagation(refusal: VendorRefusalError) -> bool:
    """Return whether a refusal may come from IAM, which takes a while to let a new role and its policy be seen."""
    code = code_of(refusal)
    return refusal.status in (400, 403) and code not in _MEANING and bool(_PROPAGATING.search(code))


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
        read: Read[T],
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> T:
        """Make a request of this project; ``path`` begins after the project's id, and ``read`` checks the answer."""
        return self._call(method, f"/groups/{self.project_id}{path}", media_type, read, body=body, query=query)

    def _call(
        self,
        method: str,
        path: str,
        media_type: str,
        read: Read[T],
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> T:
        headers = {"Accept": media_type, **({"Content-Type": media_type} if body is not None else {})}

        def once() -> T:
            return self.api.call(method, f"/api/atlas/v2{path}", read, headers=headers, body=body, query=query)

        try:
            return once()
        except VendorRefusalError as refusal:
            # A token from before this invocation may have ended, or been revoked with its service account's secret.
            if refusal.status != 401 or self.token_key is None or _tokens.pop(self.token_key, None) is None:
                raise
        return once()

    def find(self, path: str, media_type: str, read: Read[T]) -> T | None:
        """Read; return None when it is gone.

        Raises
        ------
        NotVisibleError
            When the whole project is gone, or the credential may not see it.
        """
        try:
            return self.call("GET", path, media_type, read)
        except VendorRefusalError as refusal:
            if refusal.status != 404:
                raise explain(refusal) from refusal
            self._check_visible(refusal)
        return None

    def read(self, path: str, media_type: str, read: Read[T], query: Mapping[str, str] | None = None) -> T:
        """Read what every project has, such as a list.

        Raises
        ------
        NotVisibleError
            When the project is gone, or the credential may not see it.
        """
        try:
            return self.call("GET", path, media_type, read, query=query)
        except VendorRefusalError as refusal:
            if refusal.status == 404:
                self._check_visible(refusal)
            raise explain(refusal) from refusal

    def owner(self) -> str | None:
        """Return the id of the organization that the project is in, or None when the credential may not see it."""
        try:
            project = self.call("GET", "", V2023, _PROJECT)
        except VendorRefusalError as refusal:
            if refusal.status in _UNSEEN:
                return None
            raise explain(refusal) from refusal
        return str(project["orgId"])

    def is_deleted(self, owner: str | None) -> bool:
        """Return whether the project is certainly deleted.

        It is when Atlas has no such project and the credential still is a member of the organization that it was in:
        a member that has lost its role in a project is refused instead (``USER_CANNOT_ACCESS_GROUP``).
        """
        if owner is None or self._project_status() != 404:
            return False

        def page(query: Mapping[str, str]) -> list[Document]:
            found: list[Document] = self._call("GET", f"/orgs/{owner}/groups", V2023, _PROJECTS, query=query)["results"]
            return found

        try:
            return all(project["id"] != self.project_id for project in self.pages(page))
        except VendorRefusalError as refusal:
            if refusal.status in _UNSEEN:
                return False
            raise explain(refusal) from refusal

    @staticmethod
    def pages(page: Callable[[Mapping[str, str]], list[Document]]) -> Iterator[Document]:
        """Yield the elements of a list; ``page`` returns those of the page that a query asks for."""
        for number in range(1, answers.MAX_PAGES + 1):
            found = page({"itemsPerPage": str(_PAGE), "pageNum": str(number)})
            yield from found
            if len(found) < _PAGE:
                return
        raise NoAnswerError(f"Atlas: a list has more than {answers.MAX_PAGES} pages of {_PAGE}")

    def _check_visible(self, refusal: VendorRefusalError) -> None:
        if code_of(refusal) == "GROUP_NOT_FOUND" or self._project_status() != 200:
            raise NotVisibleError(f"{refusal}. {_MEANING['GROUP_NOT_FOUND'].capitalize()}.") from refusal

    def _project_status(self) -> int:
        try:
            self.call("GET", "", V2023, answers.ignored)
        except VendorRefusalError as refusal:
            return refusal.status
        return 200

    def change(self, method: str, path: str, media_type: str, read: Read[T], body: object) -> T:
        """Write; a refusal is explained."""
        try:
            return self.call(method, path, media_type, read, body=body)
        except VendorRefusalError as refusal:
            raise explain(refusal) from refusal

    def remove(self, path: str, media_type: str) -> None:
        """Delete; what is gone is no error, unless the whole project is out of sight."""
        try:
            self.call("DELETE", path, media_type, answers.ignored)
        except VendorRefusalError as refusal:
            if refusal.status != 404:
                raise explain(refusal) from refusal
            self._check_visible(refusal)


def connect(access: Access, project_id: str) -> AtlasApi:
    """Read the credential and return the project's API.

    The secret holds ``client_id`` and ``client_secret`` of a service account, or ``public_key`` and ``private_key``.
    Another address is ``https://cloud.mongodbgov.com``, of Atlas for Government.
    """
    fields = access.read(access.secret, ("client_id", "client_secret"), ("public_key", "private_key"))
    base_url = (access.base_url or BASE_URL).rstrip("/")
    if "public_key" in fields:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, base_url, fields["public_key"], fields["private_key"])
        digest = urllib.request.HTTPDigestAuthHandler(passwords)
        return AtlasApi(access.api("Atlas", BASE_URL, handlers=[digest]), project_id, None)
    key = (base_url, fields["client_id"])
    tokens = access.api("Atlas", BASE_URL, first_pause_seconds=_FIRST_SIGN_IN_PAUSE_SECONDS)

    def headers() -> dict[str, str]:
        return {"Authorization": f"Bearer {_token(tokens, key, fields)}"}

    return AtlasApi(access.api("Atlas", BASE_URL, headers=headers), project_id, key)


def _token(api: VendorApi, key: tuple[str, str], fields: Mapping[str, str]) -> str:
    token, ends = _tokens.get(key, ("", 0.0))
    if aws.now() < ends:
        return token
    pair = f"{fields['client_id']}:{fields['client_secret']}"
    public_text.register_secret(pair)
    try:
        answer = api.call(
            "POST",
            "/api/oauth/token",
            _TOKEN,
            form={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"},
            is_repeatable=True,
        )
    except VendorRefusalError as refusal:
        if refusal.status in (400, 401):
            raise ConnectorError(f"{refusal}. {_BY_STATUS[401]}.") from refusal
        raise explain(refusal) from refusal
    fetched: str = answer["access_token"]
    public_text.register_secret(fetched)
    if not re.fullmatch("[!-~]+", fetched):
        raise NoAnswerError("Atlas: POST /api/oauth/token answered without a token")
    lifetime = answer.get("expires_in")
    _tokens[key] = (fetched, aws.now() + (_TOKEN_SECONDS if lifetime is None else lifetime) - _EARLY_SECONDS)
    return fetched
