"""What the security report says of a kind's vendor: each kind's `access.access_of`."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What is said of every vendor of a kind."""

    vendor: str
    may: str
    may_not: str
    """`may`, `may_not`: What it may do and what not, in a sentence."""
    remains: str


def always(*, vendor: str, may: str, may_not: str, remains: str) -> Callable[[object], Access]:
    """Return the ``access_of`` of a kind whose settings make no difference."""
    access = Access(vendor=vendor, may=may, may_not=may_not, remains=remains)
    return lambda _party: access
