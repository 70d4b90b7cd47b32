"""What CockroachDB Cloud is sent. Source: CockroachDB Cloud API 2024-09-16, ``logexport``."""

from dataclasses import dataclass

from vendor_connector.request import Document


@dataclass(frozen=True, kw_only=True, slots=True)
class LogExport:
    """A cluster's log export; without ``region`` the logs of each node go to the node's own Region."""

    role_arn: str
    log_name: str
    redact: bool
    omitted_channels: tuple[str, ...]
    groups: list[Document]
    external_id: str | None = None
    region: str | None = None

    @property
    def document(self) -> Document:
        """What is sent, whole."""
        document: Document = {
            "type": "AWS_CLOUDWATCH",
            "log_name": self.log_name,
            "auth_principal": self.role_arn,
            "aws_external_id": self.external_id,
            "redact": self.redact,
            "region": self.region,
            "omitted_channels": list(self.omitted_channels),
            "groups": self.groups,
        }
        return {name: value for name, value in document.items() if value not in (None, [])}
