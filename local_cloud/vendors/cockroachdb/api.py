"""The CockroachDB Cloud API, as far as a log export needs it.

Sources: CockroachDB Cloud API 2024-09-16 (OpenAPI description): paths, fields, enums and statuses; "Export Logs" for
Standard's ``keychain_config``. A log export says ENABLED only after the cluster has assumed the role and reached every
log group in every Region that it writes to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError
from pydantic import Field

from local_cloud.vendors.server import Refused, Reply, Request, Strict, VendorApi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_VERSION = "2024-09-16"
_CLUSTER = re.compile(r"/api/v1/clusters/([0-9a-f-]{36})(/logexport)?")
_BUSY = ("ENABLING", "DISABLING")
_ADDRESSES = ("sql_dns", "ui_dns", "internal_dns", "private_endpoint_dns")

Channel = Literal[
    "SESSIONS", "OPS", "HEALTH", "STORAGE", "SQL_SCHEMA", "USER_ADMIN", "PRIVILEGES", "SENSITIVE_ACCESS", "SQL_EXEC",
    "SQL_PERF", "CHANGEFEED",
]  # fmt: skip


class Group(Strict):
    """LogExportGroup."""

    log_name: str = Field(min_length=1)
    channels: list[Channel] = Field(min_length=1)
    min_level: Literal["UNSPECIFIED", "WARNING", "ERROR", "FATAL"] = "UNSPECIFIED"
    redact: bool | None = None


class LogExport(Strict):
    """EnableLogExportRequest."""

    type: Literal["AWS_CLOUDWATCH", "GCP_CLOUD_LOGGING", "AZURE_LOG_ANALYTICS"]
    log_name: str = Field(min_length=1)
    auth_principal: str = Field(min_length=1)
    aws_external_id: str | None = None
    redact: bool = False
    region: str | None = None
    omitted_channels: list[Channel] = Field(default=[])
    groups: list[Group] = Field(default=[])


ORGANIZATION = "8f3c7d2e-5b1a-4c9d-8e6f-2a7b9c4d1e0f"


@dataclass(slots=True)
class Cluster:
    """One cluster."""

    plan: str = "ADVANCED"
    cloud: str = "AWS"
    account_id: str = "222233334444"
    regions: tuple[str, ...] = ("eu-west-1",)
    state: str = "CREATED"
    """`plan`, `cloud`, `account_id`, `regions`, `state`: What it is, and the AWS account that it comes from."""
    info: dict[str, Any] | None = None
    """Its log export, as the API shows it; None until there was one."""
    organization: str = ORGANIZATION
    """The id of the organization that it is in."""
    looks: int = 1
    """How often its status is asked for until a change has gone through the nodes."""
    left: int = 0
    """How often it will still be asked for now."""

    @property
    def spec(self) -> dict[str, Any] | None:
        """What its log export is set to; None when it has none."""
        if self.info is None or self.info["status"] == "DISABLED":
            return None
        spec: dict[str, Any] = self.info["spec"]
        return spec


class CockroachdbApi(VendorApi):
    """CockroachDB Cloud, with the clusters and service accounts that are put into it.

    Parameters
    ----------
    assume
        Assumes a role as a cluster's account: account, role ARN, external id → a function that makes a log stream in a
        Region's log group. Raises botocore's ClientError when it may not.
    """

    vendor = "cockroachdb"

    def __init__(
        self, assume: Callable[[str, str, str], Callable[[str, str], None]], *, certificate: Path, key: Path
    ) -> None:
        super().__init__(certificate=certificate, key=key)
        self._assume = assume
        self.clusters: dict[str, Cluster] = {}
        """Clusters by id."""
        self.api_keys: set[str] = set()
        self.read_only: set[str] = set()
        """`api_keys`, `read_only`: The secret keys that it knows, and those of them that may look only."""
        self.organizations: dict[str, str] = {}
        """The organization of a key that belongs to another one than the clusters."""
        self.refusals = 0
        """How often a request to export is refused although the role is right, as while IAM spreads it."""
        self.propagation = 0
        """How often the role cannot be assumed although it is right, for the same reason."""
        self.failures: list[str] = []
        """What goes wrong in the nodes with the next changes: their messages."""
        self._clock = datetime(2026, 11, 1, tzinfo=UTC)

    def answer(self, request: Request) -> Reply:
        """Do what is asked."""
        kind, _, key = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or key not in self.api_keys:
            raise _refusal(401, 16, "authentication required")
        if request.headers["Cc-Version"] != _VERSION:
            raise _refusal(400, 3, f"Cc-Version must be {_VERSION}")
        organization = self.organizations.get(key, ORGANIZATION)
        if request.method == "GET" and request.path == "/api/v1/organization":
            return Reply(200, {"id": organization, "label": "acme", "name": "Acme", "created_at": self._now()})
        seen = {one: cluster for one, cluster in self.clusters.items() if cluster.organization == organization}
        if request.method == "GET" and request.path == "/api/v1/clusters":
            return self._list(seen, request)
        match = _CLUSTER.fullmatch(request.path)
        cluster = seen.get(match[1]) if match else None
        if match is None or cluster is None:
            raise _refusal(404, 5, f"cluster not found: {request.path}")
        if request.method == "GET":
            return Reply(200, self._look(match[1], cluster) if match[2] else self._cluster(match[1], cluster))
        if match[2] is None or request.method not in ("POST", "DELETE"):
            raise _refusal(501, 12, f"no such method here: {request.method}")
        if key in self.read_only:
            raise _refusal(403, 7, "the service account does not have permission")
        if cluster.state == "DELETED":
            raise _refusal(400, 9, f"locked cluster {match[1]}")
        if cluster.state == "LOCKED" or (cluster.info and cluster.info["status"] in _BUSY):
            raise _refusal(400, 9, "couldn't lock cluster: another operation is in progress")
        if request.method == "POST":
            return Reply(200, self._enable(match[1], cluster, LogExport.model_validate(request.json())))
        return Reply(200, self._disable(match[1], cluster))

    def _list(self, seen: dict[str, Cluster], request: Request) -> Reply:
        is_all = request.query.get("show_inactive") == "true"
        shown = [
            self._cluster(one, cluster) for one, cluster in sorted(seen.items()) if is_all or cluster.state != "DELETED"
        ]
        size, first = int(request.query.get("pagination.limit", "100")), int(request.query.get("pagination.page", "0"))
        more = {"next_page": str(first + size)} if len(shown) > first + size else {}
        return Reply(200, {"clusters": shown[first : first + size], "pagination": more})

    def malformed(self, wrong: str) -> Reply:
        """Refuse a body."""
        return _refusal(400, 3, wrong).reply

    @staticmethod
    def _cluster(cluster_id: str, cluster: Cluster) -> dict[str, Any]:
        standard = cluster.plan == "STANDARD"
        return {
            "id": cluster_id,
            "name": f"cluster-{cluster_id[:4]}",
            "cockroach_version": "v26.2.1",
            "plan": cluster.plan,
            "cloud_provider": cluster.cloud,
            "state": cluster.state,
            "account_id": "" if standard else cluster.account_id,
            "regions": [
                {"name": region, "node_count": 0 if standard else 3, **dict.fromkeys(_ADDRESSES, "")}
                for region in cluster.regions
            ],
            "upgrade_status": "FINALIZED",
            "operation_status": "UNSPECIFIED",
            "creator_id": ORGANIZATION,
            "config": {},
            "cidr_range": "",
            "labels": {},
            **({"keychain_config": {"aws_account_id": cluster.account_id}} if standard else {}),
        }

    def _enable(self, cluster_id: str, cluster: Cluster, wanted: LogExport) -> dict[str, Any]:
        if wanted.type != "AWS_CLOUDWATCH" or cluster.cloud != "AWS":
            raise _refusal(400, 3, f"{wanted.type} does not fit a cluster on {cluster.cloud}")
        if wanted.aws_external_id and cluster.plan != "ADVANCED":
            raise _refusal(400, 3, "aws_external_id is only supported for Advanced clusters on AWS")
        if self.refusals:
            self.refusals -= 1
            raise _refusal(400, 3, f"could not assume role {wanted.auth_principal}")
        created = cluster.info["created_at"] if cluster.info else self._now()
        if cluster.spec is None:
            self.accept(cluster_id)
        cluster.info = {
            "cluster_id": cluster_id,
            "spec": wanted.model_dump(exclude_none=True),
            "status": "ENABLING",
            "user_message": "",
            "created_at": created,
            "updated_at": self._now(),
        }
        cluster.left = cluster.looks
        return cluster.info

    def _disable(self, cluster_id: str, cluster: Cluster) -> dict[str, Any]:
        if cluster.spec is None or cluster.info is None:
            raise _refusal(404, 5, f"no log export of cluster {cluster_id}")
        cluster.info |= {"status": "DISABLING", "user_message": "", "updated_at": self._now()}
        cluster.left = cluster.looks
        return cluster.info

    def _look(self, cluster_id: str, cluster: Cluster) -> dict[str, Any]:
        """Show the log export; a change goes on while it is looked at."""
        if cluster.info is None or not self.is_shown(cluster_id):
            raise _refusal(404, 5, f"no log export of cluster {cluster_id}")
        if cluster.info["status"] in _BUSY:
            if cluster.left:
                cluster.left -= 1
            else:
                status, said = self._ended(cluster_id, cluster)
                cluster.info |= {"status": status, "user_message": said, "updated_at": self._now()}
        return cluster.info

    def _ended(self, cluster_id: str, cluster: Cluster) -> tuple[str, str]:
        """Return how a change went, and what is said about it."""
        enabling = cluster.info is not None and cluster.info["status"] == "ENABLING"
        if self.failures:
            return ("ENABLE_FAILED" if enabling else "DISABLE_FAILED"), self.failures.pop(0)
        if not enabling:
            return "DISABLED", ""
        spec = cluster.spec or {}
        if self.propagation:
            self.propagation -= 1
            return "CREDENTIALS_ERROR", f"not authorized to assume {spec['auth_principal']}"
        external_id = cluster_id if cluster.plan == "STANDARD" else spec.get("aws_external_id", "")
        try:
            reach = self._assume(cluster.account_id, spec["auth_principal"], external_id)
        except ClientError as error:
            return "CREDENTIALS_ERROR", str(error)
        for region in [spec["region"]] if spec.get("region") else cluster.regions:
            for name in dict.fromkeys([spec["log_name"], *(group["log_name"] for group in spec["groups"])]):
                try:
                    reach(region, name)
                except ClientError as error:
                    return "ENABLE_FAILED", f"log group {name} in {region}: {error}"
        return "ENABLED", ""

    def _now(self) -> str:
        self._clock += timedelta(seconds=1)
        return self._clock.isoformat()


def _refusal(status: int, code: int, message: str) -> Refused:
    """Refuse in the form of the API's ``Status``."""
    return Refused(status, {"code": code, "message": message, "details": []})
