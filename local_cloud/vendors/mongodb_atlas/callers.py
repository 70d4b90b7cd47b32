"""Who calls the Atlas Administration API: service accounts with tokens, and API keys with digest authentication.

Sources: MongoDB Atlas, "Generate Service Account Token"; RFC 7616 for the digest.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local_cloud.vendors.server import Refused, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.vendors.server import Request

SIGN_IN = "/api/oauth/token"


@dataclass(slots=True)
class Callers:
    """The credentials that Atlas knows."""

    service_accounts: dict[str, str] = field(default_factory=dict)
    api_keys: dict[str, str] = field(default_factory=dict)
    """`service_accounts`, `api_keys`: Client ids and public keys, with their secrets."""
    read_only: set[str] = field(default_factory=set)
    """Those of them that lack the role Project Owner."""
    organizations: dict[str, str] = field(default_factory=dict)
    """The organization that each belongs to; one that is not named here belongs to every one."""
    without_role: set[str] = field(default_factory=set)
    """Those that have lost their role in every project."""
    sign_ins_a_minute: int = 1_000_000
    """How many tokens each may fetch within 60 seconds."""
    now: Callable[[], float] = time.time
    """The clock that the last is measured by."""
    token_seconds: int = 3600
    """How long a token lives."""
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    """The tokens that are valid, each with its service account and its end."""
    _nonces: set[str] = field(default_factory=set)
    _sign_ins: list[tuple[str, float]] = field(default_factory=list)

    def sign_in(self, request: Request) -> Reply:
        """Exchange a service account's secret for a token."""
        kind, _, pair = request.headers.get("Authorization", "").partition(" ")
        client, _, secret = base64.b64decode(pair or "").decode(errors="replace").partition(":")
        if request.method != "POST" or request.body != b"grant_type=client_credentials":
            return Reply(400, {"error": "invalid_request"})
        if kind != "Basic" or not secret or self.service_accounts.get(client) != secret:
            return Reply(401, {"error": "invalid_client", "error_description": "Invalid client credentials"})
        self._sign_ins = [(who, at) for who, at in self._sign_ins if at > self.now() - 60]
        if sum(who == client for who, _ in self._sign_ins) >= self.sign_ins_a_minute:
            return Reply(429, {"error": "rate_limited", "error_description": "Too many requests"})
        self._sign_ins.append((client, self.now()))
        token = f"eyJ{secrets.token_hex(24)}"
        self.tokens[token] = (client, time.time() + self.token_seconds)
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds})

    def belongs_to(self, who: str, organization: str) -> bool:
        """Return whether a caller is a member of an organization."""
        return self.organizations.get(who, organization) == organization

    def identify(self, request: Request) -> str:
        """Return who calls, or refuse with a challenge."""
        kind, _, rest = request.headers.get("Authorization", "").partition(" ")
        if kind == "Bearer":
            client, ends = self.tokens.get(rest, ("", 0.0))
            if time.time() < ends:
                return client
        elif kind == "Digest":
            given = urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest))
            if self._is_right(request, given):
                return str(given["username"])
        nonce = secrets.token_hex(16)
        self._nonces.add(nonce)
        challenge = f'Digest realm="MMS Public API", domain="", nonce="{nonce}", algorithm=MD5, qop="auth", stale=false'
        raise Refused(
            401,
            {"error": 401, "reason": "Unauthorized", "detail": "You are not authorized for this resource."},
            {"WWW-Authenticate": challenge},
        )

    def _is_right(self, request: Request, given: dict[str, str]) -> bool:
        private = self.api_keys.get(given.get("username", ""))
        if private is None or given.get("nonce") not in self._nonces:
            return False

        def digest(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        mine = digest(f"{given['username']}:{given['realm']}:{private}")
        asked = digest(f"{request.method}:{given['uri']}")
        return given["response"] == digest(
            f"{mine}:{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}:{asked}"
        )
