"""What Logz.io is sent. Sources: Logz.io API, s3-buckets and "Archive logs" (``/v2/archive/settings``)."""

from collections.abc import Mapping
from dataclasses import dataclass

from vendor_connector.request import Document


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetchers:
    """The S3 fetchers of one destination, one for each export.

    ``log_types`` has the types of some exports' logs, ``log_type`` that of the others; without it, it is the name of
    each. ``source_path`` adds the key of the feed's object to each line.
    """

    role_arn: str
    bucket: str
    region: str
    feed: str
    exports: tuple[str, ...]
    log_type: str | None = None
    log_types: dict[str, str] | None = None
    source_path: bool = True

    @property
    def documents(self) -> Mapping[str, Document]:
        """What is sent of each fetcher, by its prefix."""
        own = self.log_types or {}
        return {
            f"{self.feed}{export}/": {
                "arn": self.role_arn,
                "bucket": self.bucket,
                "prefix": f"{self.feed}{export}/",
                "region": self.region.upper().replace("-", "_"),
                "logsType": own.get(export) or self.log_type or export,
                "active": True,
                "addS3ObjectKeyAsLogField": self.source_path,
            }
            for export in self.exports
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """Archive & Restore of an account."""

    role_arn: str
    bucket: str

    @property
    def document(self) -> Document:
        """What is sent."""
        credentials = {"credentialsType": "IAM", "path": self.bucket, "s3IamCredentials": {"arn": self.role_arn}}
        return {"storageType": "S3", "enabled": True, "compressed": True, "amazonS3StorageSettings": credentials}
