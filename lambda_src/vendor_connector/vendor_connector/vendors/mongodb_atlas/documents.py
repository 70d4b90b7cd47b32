"""What Atlas is sent.

Sources: MongoDB Atlas Administration API, cloudProviderAccess, alertConfigs and auditLog (2023-01-01), logIntegrations
(2025-03-12); MongoDB Atlas, "Alerting for Log Export Failures".
"""

from dataclasses import dataclass

from vendor_connector.request import Document

INTEGRATION = "S3_LOG_EXPORT"
EVENT = "HOST_EXTERNAL_LOG_SINK_EXPORT_DOWN"
"""What Atlas's page calls "Log export is unable to export logs on this host"."""
DELAY_MINUTES, INTERVAL_MINUTES = 60, 10080
"""When the alert begins and repeats: "longer than 60 minutes", "every 10080 minutes"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogIntegration:
    """A log integration to a bucket, and the authorisation of the role that it uses."""

    role_arn: str
    bucket: str
    prefix: str
    log_types: tuple[str, ...]
    legacy_paths: bool
    kms_key: str | None = None

    @property
    def authorisation(self) -> Document:
        """What authorises the role."""
        return {"providerName": "AWS", "iamAssumedRoleArn": self.role_arn}

    def document(self, role_id: str) -> Document:
        """Return the integration; Atlas chooses the role's id when the access role is made."""
        document = {
            "type": INTEGRATION,
            "bucketName": self.bucket,
            "iamRoleId": role_id,
            "prefixPath": self.prefix,
            "logTypes": list(self.log_types),
            "kmsKey": self.kms_key,
            "useLegacyPathStructure": self.legacy_paths,
        }
        return {name: value for name, value in document.items() if value is not None}


def is_at(document: Document, bucket: str, prefix: str) -> bool:
    """Return whether an integration writes to a bucket's prefix; Atlas may add or drop the slash at its end."""
    return document.get("bucketName") == bucket and str(document.get("prefixPath")).strip("/") == prefix.strip("/")


def comparable(document: Document) -> Document:
    """Return what Atlas may spell in several ways, in one."""
    return {
        "bucketName": document.get("bucketName"),
        "prefixPath": str(document.get("prefixPath")).strip("/"),
        "iamRoleId": document.get("iamRoleId"),
        "logTypes": sorted(document.get("logTypes") or []),
        "kmsKey": document.get("kmsKey") or None,
        "useLegacyPathStructure": bool(document.get("useLegacyPathStructure")),
    }


def by_mail(roles: list[str]) -> Document:
    """Return the notification of everyone who has one of these roles in the project."""
    when = {"delayMin": DELAY_MINUTES, "intervalMin": INTERVAL_MINUTES}
    return {"typeName": "GROUP", "emailEnabled": True, "smsEnabled": False, **when, "roles": roles}


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """The alert when Atlas cannot export logs; without ``notifications`` it is sent to the project's owners."""

    notifications: list[Document] | None = None

    @property
    def document(self) -> Document:
        """What is sent, whole."""
        notifications = self.notifications or [by_mail(["GROUP_OWNER"])]
        return {"eventTypeName": EVENT, "enabled": True, "notifications": notifications}


@dataclass(frozen=True, kw_only=True, slots=True)
class Auditing:
    """Database auditing, switched on."""

    filter: str
    authorization_success: bool

    @property
    def document(self) -> Document:
        """What is sent."""
        success = self.authorization_success
        return {"enabled": True, "auditFilter": self.filter, "auditAuthorizationSuccess": success}
