"""Cloudflare: Logpush of one dataset to S3, and how a deploy reaches its API.

Sources: Cloudflare Logs, "API configuration", "Log Output Options", "Filters", "Datasets" and "Enable Amazon S3".
"""

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.connect import Connect
from logdock.settings.export_base import BucketExport
from logdock.settings.landing import BucketLanding, Home, own_bucket
from logdock.settings.text import BucketName, EachOnce, NotEmpty, Prefix, PrincipalArn, Switch, invalid, matching

CloudflareId = Annotated[str, *matching(r"[0-9a-f]{32}", "an id of Cloudflare: 32 hexadecimal digits")]
Dataset = Annotated[str, *matching(r"[a-z][a-z0-9_]{1,63}", "a dataset as Cloudflare spells it, such as http_requests")]
FieldName = Annotated[str, *matching(r"[A-Za-z][A-Za-z0-9]{0,127}", "a field as Cloudflare spells it, such as RayID")]
FILTER_BYTES = 1000
"""About as long as a filter may be (Cloudflare Logs, "Filters")."""

_ZONE = ("account_abuse_protection_events", "dns_logs", "http_requests", "nel_reports", "page_shield_events",
         "spectrum_events", "zaraz_events")  # fmt: skip
_ACCOUNT = (
    "access_requests", "audit_logs", "audit_logs_v2", "biso_user_actions", "casb_findings", "device_posture_results",
    "dex_application_tests", "dex_device_state_events", "dlp_forensic_copies", "dns_firewall_logs",
    "email_security_alerts", "email_security_post_delivery_events", "gateway_dns", "gateway_http", "gateway_network",
    "ipsec_logs", "magic_bgp_logs", "magic_ids_detections", "mcp_portal_logs", "mnm_flow_logs",
    "network_analytics_logs", "sinkhole_http_logs", "ssh_logs", "turnstile_events", "warp_config_changes",
    "warp_toggle_changes", "workers_trace_events", "zero_trust_network_sessions",
)  # fmt: skip
"""The datasets of one scope alone; `firewall_events` and `websocket_analytics` are of both, and new ones may be."""
TIME_FIELDS = {
    "access_requests": "CreatedAt",
    "audit_logs": "When",
    "audit_logs_v2": "ActionTimestamp",
    "casb_findings": "DetectedTimestamp",
    "dlp_forensic_copies": "Datetime",
    "email_security_post_delivery_events": "CompletedAt",
    "firewall_events": "Datetime",
    "gateway_dns": "Datetime",
    "gateway_http": "Datetime",
    "gateway_network": "Datetime",
    "http_requests": "EdgeStartTimestamp",
    "mcp_portal_logs": "Datetime",
    "network_analytics_logs": "Datetime",
    "ssh_logs": "Datetime",
    "websocket_analytics": "EdgeStartTimestamp",
    "workers_trace_events": "EventTimestampMs",
    "zaraz_events": "TimestampStart",
    "zero_trust_network_sessions": "SessionStartTime",
} | dict.fromkeys(
    (
        "account_abuse_protection_events", "biso_user_actions", "device_posture_results", "dex_device_state_events",
        "dns_firewall_logs", "dns_logs", "email_security_alerts", "ipsec_logs", "magic_ids_detections",
        "mnm_flow_logs", "nel_reports", "page_shield_events", "sinkhole_http_logs", "spectrum_events",
        "turnstile_events", "warp_config_changes",
    ),
    "Timestamp",
)  # fmt: skip
"""The field that says when a record happened, by dataset: without it a record has the time of its arrival."""
_STEADY = ("http_requests", "dns_logs", "gateway_dns", "gateway_http", "gateway_network", "network_analytics_logs")


def _filter(value: str) -> str:
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "where" not in document:
        raise invalid('a JSON object as text with the key "where", such as \'{"where": {"key": "EdgeResponseStatus", '
                      '"operator": "geq", "value": 500}}\'')  # fmt: skip
    if len(value.encode()) > FILTER_BYTES:
        raise invalid(f"at most {FILTER_BYTES} bytes: Cloudflare takes no longer filter")
    return value


class CloudflareConnect(Connect):
    """The deploy creates and enables the Logpush job at Cloudflare, and a destroy deletes it.

    The secret holds an API token with the permission Logs: Edit of the zone or the account, as it is or as
    `{"api_token": ...}`. Zero Trust datasets also need Zero Trust: PII Read.
    """


class CloudflareExport(BucketExport):
    """Cloudflare: a Logpush job that pushes one dataset to S3."""

    vendor_name = "Cloudflare"
    only_commercial = "Cloudflare's principal is in the partition aws, and writes to no bucket"
    keys_without_logs = (r"(^|/)ownership-challenge[^/]*\.txt$",)

    kind: Literal["cloudflare"] = Field(description="This kind of export.")
    dataset: Dataset = Field(description="What is pushed, as Cloudflare spells it: `http_requests`, `audit_logs`, …")
    zone_id: CloudflareId | None = Field(
        default=None, description="The zone, for a zone-scoped dataset. At most 4 jobs in a zone."
    )
    account_id: CloudflareId | None = Field(
        default=None, validate_default=True, description="The account, for an account-scoped dataset."
    )
    fields: Annotated[tuple[FieldName, ...], *EachOnce, *NotEmpty] = Field(
        description="Fields of the dataset (`field_names`); Cloudflare has no word for all. The one with the time must "
        "be among them."
    )
    connect: CloudflareConnect | None = Field(
        default=None, description="Create and enable the job by the deploy. Default: off; `NextSteps` has the commands."
    )
    bucket: BucketName | None = Field(
        default=None, description="Name of the landing bucket. Default: <deployment>-<name>-<account>-<region>."
    )
    prefix: Prefix = Field(
        default="cloudflare", description="Directory in the bucket: Logpush writes under <prefix>/<dataset>/<day>/."
    )
    timestamp_format: Literal["rfc3339", "unix", "unixnano"] = Field(
        default="unixnano", description="How times are written. `rfc3339` and `unix` have whole seconds."
    )
    filter: Annotated[str, AfterValidator(_filter)] | None = Field(
        default=None, description="Which records are pushed: Cloudflare's filter, a JSON document. Default: all."
    )
    sample_rate: float = Field(
        default=1.0, gt=0, le=1, description="Share of the records that Cloudflare pushes, such as 0.1. Default: all."
    )
    max_upload_bytes: int | None = Field(
        default=None, ge=5_000_000, le=1_000_000_000, description="Most bytes of a file, before it is compressed."
    )
    max_upload_records: int | None = Field(default=None, ge=1000, le=1_000_000, description="Most records of a file.")
    max_upload_interval_seconds: int | None = Field(
        default=None, ge=30, le=300, description="Longest time in seconds that a file collects records."
    )
    encryption: Literal["sse-s3", "kms"] = Field(
        default="sse-s3",
        description="The bucket's default encryption. `kms` works only if Cloudflare lets its user use your key, which "
        "Cloudflare does not document.",
    )
    principal_arn: PrincipalArn = Field(
        default="arn:aws:iam::391854517948:user/cloudflare-logpush", description="The user that Logpush writes as."
    )
    dated_folders: Switch = Field(default=True, description="A folder for each day (`{DATE}`).")

    def landing(self, home: Home) -> BucketLanding:
        """Say which bucket the export lands in, and under which prefix."""
        bucket = self.bucket or own_bucket(home, self)
        return BucketLanding(bucket=bucket, prefix=f"{self.prefix}/", is_own=True)

    @property
    def scope(self) -> str:
        """Where the job is at Cloudflare, as the API's paths have it."""
        return f"zones/{self.zone_id}" if self.zone_id else f"accounts/{self.account_id}"

    @property
    def bucket_encryption(self) -> Literal["sse-s3", "kms"]:
        """As the settings say."""
        return self.encryption

    @property
    def bucket_principal_arn(self) -> str:
        """Cloudflare's user."""
        return self.principal_arn

    @property
    def has_own_key(self) -> bool:
        """Whether the export's stack makes a key: of the bucket, or of the logs of what calls Cloudflare."""
        return self.encryption == "kms" or self.connect is not None

    @property
    def max_expected_silence_minutes(self) -> int:
        """Traffic is logged all the time; events may not happen for a day."""
        return 0 if self.dataset in _STEADY else 1440

    @field_validator("account_id")
    @classmethod
    def _one_scope(cls, value: str | None, info: ValidationInfo) -> str | None:
        # What is refused is not in the data: its own message is enough.
        if "zone_id" not in info.data or "dataset" not in info.data:
            return value
        zone_id, dataset = info.data["zone_id"], info.data["dataset"]
        if value is not None and dataset in _ZONE:
            raise invalid(f"nothing: {dataset} is a dataset of a zone, which `zone_id` names")
        if value is None and dataset in _ACCOUNT:
            raise invalid(f"the id of the account, because {dataset} is a dataset of an account")
        if (value is None) == (zone_id is None):
            raise invalid("exactly one of `zone_id` and `account_id`")
        return value

    @field_validator("fields")
    @classmethod
    def _has_the_time(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        time = TIME_FIELDS.get(info.data.get("dataset", ""))
        if time and time not in value:
            raise invalid(f"fields with {time} among them, which is when a record of {info.data['dataset']} happened")
        return value


EXPORT = CloudflareExport
