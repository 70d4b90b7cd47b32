"""What Cloudflare knows of this customer: a zone or an account, and a token that may edit its logs."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from local_cloud.stand_ins.sessions import vendor_identity
from local_cloud.vendors.cloudflare.api import CloudflareApi, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.stage import Stage
    from logdock.vendors.cloudflare.settings import CloudflareExport

_REFUSALS = 1
"""How often S3 does not admit Cloudflare yet."""
PRINCIPAL = "arn:aws:iam::391854517948:user/cloudflare-logpush"


class CloudflareAccount:
    """Cloudflare as this customer has it."""

    def __init__(self, stage: Callable[[], Stage], **tls: Any) -> None:
        self._stage = stage
        self.api = CloudflareApi(self._write, **tls)
        self.api.propagation = _REFUSALS
        self.principal_arn = PRINCIPAL
        """The user that it writes as."""

    def _write(self, bucket: str, key: str, body: bytes) -> None:
        stage = self._stage()
        s3 = stage.client("s3", vendor_identity(stage, self.principal_arn))
        s3.put_object(Bucket=bucket, Key=key, Body=body, ACL="bucket-owner-full-control")

    def know(self, export: CloudflareExport) -> str:
        """Have the zone or account; return a token for it."""
        token = secrets.token_urlsafe(30)
        self.api.places.setdefault(export.scope, Place()).tokens.add(token)
        return token

    def job_of(self, export: CloudflareExport) -> dict[str, Any]:
        """Return the job of an export, which its dataset and bucket identify."""
        bucket = export.landing(self._stage().settings).bucket
        jobs = self.api.places[export.scope].jobs.values()
        return next(
            job for job in jobs if job["dataset"] == export.dataset and f"//{bucket}/" in job["destination_conf"]
        )

    def is_clean(self, export: CloudflareExport) -> bool:
        """Return whether the zone or account has no job left."""
        return not self.api.places[export.scope].jobs


account = CloudflareAccount
