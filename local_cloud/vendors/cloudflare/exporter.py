"""Cloudflare: Logpush writes gzip objects of JSON lines, a batch each, as a user of its own AWS account.

Sources: Cloudflare Logs, "Enable Amazon S3" (multipart uploads with the ACL bucket-owner-full-control) and "Log Output
Options". How a file is named is not documented on these pages: begin, end and an id, as in Cloudflare's own examples.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local_cloud.markers import new_hex
from local_cloud.stand_ins.attempts import (
    encrypt_otherwise,
    reach_further,
    read_bucket,
    tamper_with_object,
    weaken_bucket,
)
from local_cloud.stand_ins.recorded import gzip_lines, utc, written_again
from local_cloud.stand_ins.sessions import account_of, role_session, vendor_identity

if TYPE_CHECKING:
    from local_cloud.customer import Secrets
    from local_cloud.journal import Attempt, Journal
    from local_cloud.stage import Stage
    from logdock.vendors.cloudflare.settings import CloudflareExport

_LINES = 60
_BATCHES = 3


class Cloudflare:
    """One Logpush job."""

    def __init__(self, stage: Stage, export: CloudflareExport, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        outputs = stage.stack_outputs(export.name)
        self._bucket, self._destination = outputs["BucketName"], outputs["DestinationConf"]
        self._fields, self._format = list(export.fields), export.timestamp_format
        self._address = f"ada.{new_hex(16)}@example.com"

    def play(self) -> None:
        """Push the logs of a dataset, then try what Cloudflare must not be able to do."""
        stage, export, journal = self._stage, self._export, self._journal
        if export.connect:
            self._read_job()
        if "email" in export.redaction.detectors:
            journal.private.add(self._address)
        identity = vendor_identity(stage, export.principal_arn)
        vendor = account_of(export.principal_arn)
        s3 = stage.client("s3", identity)
        key, version_id = self._write(s3)
        outsider = stage.client("s3", role_session(stage, vendor, "another-service-of-the-vendor"))
        other_key = stage.client("kms", vendor).create_key()["KeyMetadata"]["Arn"]
        journal.attempt(
            "hand an object to the public",
            lambda: s3.put_object(Bucket=self._bucket, Key=key, Body=b"{}", ACL="public-read"),
            denials=("AccessControlListNotSupported",),
        )
        journal.attempt_all(
            [
                *self._elsewhere(s3, outsider, key),
                *encrypt_otherwise(s3, self._bucket, key, other_key_arn=other_key, kms=export.encryption == "kms"),
                *read_bucket(s3, self._bucket, key),
                *tamper_with_object(s3, self._bucket, key, version_id),
                *weaken_bucket(s3, self._bucket),
                *reach_further(stage, identity, own=export.name, is_inside=False),
            ]
        )

    def _read_job(self) -> None:
        """Take everything from the job that the deploy created, and nothing from the person's side."""
        account: Any = self._stage.vendors.accounts["cloudflare"]
        job = account.job_of(self._export)
        options = job["output_options"]
        self._destination, self._fields = job["destination_conf"], options["field_names"]
        self._format = options["timestamp_format"]
        self._journal.did("the deploy proved the ownership of the bucket and created the Logpush job")
        self._journal.check("the Logpush job is enabled", job["enabled"] is True)

    def _write(self, s3: Any) -> tuple[str, str]:
        path = urlsplit(self._destination).path.strip("/")
        key, version_id = "", ""
        for _ in range(_BATCHES):
            lines = written_again("cloudflare/http_requests.log", _LINES, self._rewrite)
            begin, end = (utc(line.epoch_ms * 1_000_000) for line in (lines[0], lines[-1]))
            folder = path.replace("{DATE}", f"{begin:%Y%m%d}")
            key = f"{folder}/{begin:%Y%m%dT%H%M%SZ}_{end:%Y%m%dT%H%M%SZ}_{new_hex(8)}.log.gz"
            version_id = self._upload(s3, key, gzip_lines(lines))
            self._journal.wrote(lines)
        self._journal.did(f"uploaded {_BATCHES} gzip files under its path, each in parts")
        return key, version_id

    def _upload(self, s3: Any, key: str, body: bytes) -> str:
        where = {"Bucket": self._bucket, "Key": key}
        upload = s3.create_multipart_upload(**where, ACL="bucket-owner-full-control")["UploadId"]
        part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=body)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        answer = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
        return str(answer.get("VersionId") or "")

    def _rewrite(self, recorded: str, number: int, moment: int) -> tuple[str, str]:
        document, marker = json.loads(recorded), new_hex(16)
        document |= dict.fromkeys(("EdgeStartTimestamp", "Datetime", "Timestamp", "When"), self._time(moment))
        document["EdgeEndTimestamp"] = self._time(moment + 7_000_000)
        document["RayID"], document["ClientIP"] = marker, f"192.0.2.{number % 250 + 1}"
        document["ClientRequestURI"] = f"/account?owner={self._address}&page={number}"
        # Logpush writes a field that it does not have as null
        record = {name: document.get(name) for name in self._fields}
        if marker not in record.values():
            record["RayID"] = marker
        return json.dumps(record, separators=(",", ":")), marker

    def _time(self, moment: int) -> int | str:
        if self._format == "rfc3339":
            return f"{utc(moment):%Y-%m-%dT%H:%M:%SZ}"
        return moment if self._format == "unixnano" else moment // 10**9

    def _elsewhere(self, s3: Any, outsider: Any, key: str) -> list[Attempt]:
        put = {"Bucket": self._bucket, "Body": b"{}"}
        return [
            ("write outside its prefix", lambda: s3.put_object(**put, Key="elsewhere/x.log.gz")),
            ("write beside its prefix", lambda: s3.put_object(**put, Key=f"{self._export.prefix}-2/x.log.gz")),
            (
                "write into the bucket from another identity of the vendor's account",
                lambda: outsider.put_object(**put, Key=key),
            ),
        ]


def exporter(stage: Stage, export: CloudflareExport, journal: Journal, _secrets: Secrets) -> Cloudflare:
    """Return what plays an export."""
    return Cloudflare(stage, export, journal)
