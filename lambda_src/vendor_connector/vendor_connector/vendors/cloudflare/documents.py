"""What Cloudflare is sent.

Sources: Cloudflare API, Logpush jobs; Cloudflare Logs, "API configuration" and "Log Output Options".
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from vendor_connector import answers
from vendor_connector.request import Document

_LIMITS = ("max_upload_bytes", "max_upload_records", "max_upload_interval_seconds")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogpushJob:
    """A Logpush job to S3, enabled."""

    name: str
    dataset: str
    bucket: str
    path: str
    """Where it writes, below the bucket; ``{DATE}`` is the day."""
    region: str
    field_names: tuple[str, ...]
    timestamp_format: str
    sample_rate: str = "1"
    """The share of the records that are pushed, as a number."""
    filter: str | None = None
    max_upload_bytes: int | None = None
    max_upload_records: int | None = None
    max_upload_interval_seconds: int | None = None

    @property
    def destination_conf(self) -> str:
        """Where Logpush writes; the bucket's default encryption holds, so none is named."""
        return f"s3://{self.bucket}/{self.path}?region={self.region}"

    @property
    def document(self) -> Document:
        """What is sent, without the ownership challenge."""
        options: Document = {
            "field_names": list(self.field_names),
            "output_type": "ndjson",
            "timestamp_format": self.timestamp_format,
        }
        rate = float(self.sample_rate)
        limits = {name: getattr(self, name) for name in _LIMITS}
        return {
            "name": self.name,
            "dataset": self.dataset,
            "destination_conf": self.destination_conf,
            "enabled": True,
            "output_options": options if rate == 1 else {**options, "sample_rate": rate},
            **({"filter": self.filter} if self.filter else {}),
            **{name: value for name, value in limits.items() if value is not None},
        }


def bucket_and_path(destination_conf: str) -> tuple[str, str, str]:
    """Return bucket, path and Region of an ``s3://`` destination; of another destination nothing."""
    try:
        parts = urlsplit(destination_conf)
    except ValueError:
        return "", "", ""
    if parts.scheme != "s3":
        return "", "", ""
    return parts.netloc, parts.path.strip("/"), parse_qs(parts.query).get("region", [""])[0].strip("/")


def is_at(job: Document, wanted: LogpushJob) -> bool:
    """Return whether a job pushes the same dataset to the same bucket."""
    bucket, _, _ = bucket_and_path(str(job.get("destination_conf")))
    return job.get("dataset") == wanted.dataset and bucket == wanted.bucket


def comparable(job: Document) -> Document:
    """Return what of a job is to be as it is wanted, with Cloudflare's defaults where it names none."""
    options = job.get("output_options") or {}
    return {
        "dataset": job.get("dataset"),
        "destination": list(bucket_and_path(str(job.get("destination_conf")))),
        "enabled": bool(job.get("enabled")),
        "field_names": list(options.get("field_names") or []),
        "output_type": options.get("output_type") or "ndjson",
        "record_template": options.get("record_template") or "",
        "timestamp_format": options.get("timestamp_format") or "unixnano",
        "sample_rate": float(options.get("sample_rate") or 1),
        "CVE-2021-44228": bool(options.get("CVE-2021-44228")),
        "filter": _filter(job.get("filter")),
        "filter_attack_traffic": bool(job.get("filter_attack_traffic")),
        **{name: job.get(name) or None for name in _LIMITS},
    }


def _filter(where: str | None) -> Any:
    """Return a filter, a JSON document, as a value; one that is none as it is."""
    try:
        return answers.parse(where) if where else None
    except ValueError:
        return where
