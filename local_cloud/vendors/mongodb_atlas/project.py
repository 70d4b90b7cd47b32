"""A project of Atlas, and the form of Atlas's refusals."""

import time
from dataclasses import dataclass, field
from typing import Any

from local_cloud.vendors.server import Refused

ORGANIZATION = "32b6e34b3d91647abb20e7b8"


@dataclass(slots=True)
class Project:
    """What a project has."""

    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    integrations: dict[str, dict[str, Any]] = field(default_factory=dict)
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    auditing: dict[str, Any] = field(
        default_factory=lambda: {"enabled": False, "auditFilter": "", "auditAuthorizationSuccess": False}
    )
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    restart_looks: int = 1
    """How often a cluster is seen restarting after it was changed."""
    restarting: dict[str, int] = field(default_factory=dict)
    """How often a cluster will still be seen restarting."""
    organization: str = ORGANIZATION
    """The id of the organization that it is in."""


def refusal(status: int, code: str, detail: str) -> Refused:
    """Make a refusal as Atlas words it."""
    return Refused(status, {"error": status, "errorCode": code, "detail": detail, "reason": "Refused"})


def now() -> str:
    """Return the time as Atlas writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
