"""How an operation reaches a vendor, and where its state is saved: the properties that all of them have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vendor_connector import credential
from vendor_connector.request import Request
from vendor_connector.vendor_api import VendorApi
from vendor_connector.vendor_object import StateStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """How a vendor's API is reached."""

    secret: str
    """Name or ARN of the secret with the credential."""
    base_url: str | None
    """The API's address. Default: the vendor's public one."""
    remaining_seconds: Callable[[], float]
    """How long may still be tried."""
    read: credential.Read = credential.read
    """Reads the secret."""

    def api(self, vendor: str, public_url: str, **options: Any) -> VendorApi:
        """Return the API of a vendor, with further options of `VendorApi`."""
        base_url = (self.base_url or public_url).rstrip("/")
        return VendorApi(vendor=vendor, base_url=base_url, remaining_seconds=self.remaining_seconds, **options)


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The properties of every operation at a vendor."""

    secret: str
    state_parameter: str
    api_base_url: str | None = None
    adopt: bool = False

    def access(self, request: Request) -> Access:
        """Return how the API is reached for a request."""
        return Access(secret=self.secret, base_url=self.api_base_url, remaining_seconds=request.remaining_seconds)

    def store(self, resource: str) -> StateStore:
        """Return the saved state of a resource."""
        return StateStore(parameter=self.state_parameter, resource=resource)
