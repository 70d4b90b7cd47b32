"""The customer's side: what is in the account before the deploy, and what is found in it afterwards."""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_cloud.markers import Sightings
from local_cloud.vendors.aptible.encryption import unseal
from local_cloud.vendors.cloudwatch_logs import exporter as application
from local_cloud.vendors.cockroachdb import exporter as cockroachdb
from local_cloud.vendors.rds import databases
from local_cloud.vendors.s3_logs import exporter as aws_services
from logdock.vendors.aptible.settings import AptibleExport
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.rds.settings import DatabaseExport
from logdock.vendors.s3_logs.settings import S3LogsExport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_cloud.emulator import Emulator
    from local_cloud.stage import Stage
    from logdock.settings import Deployment
    from logdock.settings.exports import Export

_GZIP = b"\x1f\x8b"
_FIELDS = {"time", "export", "vendor", "log_type", "source", "message"}


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the customer's secrets hold."""

    tokens: dict[str, str] = field(default_factory=dict)
    """The destination that each shipping token is for."""
    master_keys: dict[str, bytes] = field(default_factory=dict)
    """The decryption key of each Aptible export."""
    credentials: dict[str, str] = field(default_factory=dict)
    """The credentials of the vendors' APIs, by the name of their secret."""


def make_secrets(settings: Deployment) -> Secrets:
    """Think up the secrets that a deployment needs."""
    secrets = Secrets()
    for destination in settings.destinations:
        if destination.kind == "logzio" and destination.mode == "push":
            secrets.tokens[os.urandom(16).hex()] = destination.name
    for export in settings.exports:
        if isinstance(export, AptibleExport):
            secrets.master_keys[export.name] = os.urandom(32)
    return secrets


def store_secrets(cloud: Emulator, settings: Deployment, secrets: Secrets) -> None:
    """Put the secrets where the settings say they are."""
    texts = dict(secrets.credentials)
    by_destination = {name: token for token, name in secrets.tokens.items()}
    for destination in settings.destinations:
        if destination.kind == "logzio" and destination.token_secret and destination.name in by_destination:
            texts[destination.token_secret] = by_destination[destination.name]
    for export in settings.exports:
        if isinstance(export, AptibleExport) and export.decryption_keys_secret:
            # A key that is no longer in use stands before the one in use, as after a rotation.
            keys = [os.urandom(32), secrets.master_keys[export.name]]
            texts[export.decryption_keys_secret] = " ".join(base64.b64encode(key).decode() for key in keys)
    manager = cloud.client("secretsmanager", settings.account, region=settings.region)
    for name, text in texts.items():
        manager.create_secret(Name=name, SecretString=text)


def prepare(cloud: Emulator, settings: Deployment, secrets: Secrets) -> None:
    """Make what is in the account before Logdock: secrets, a database cluster, log groups, buckets."""
    store_secrets(cloud, settings, secrets)
    for export in settings.exports:
        if isinstance(export, DatabaseExport):
            for database in export.members:
                databases.prepare(cloud, settings, database)
        elif isinstance(export, CockroachdbExport):
            cockroachdb.prepare(cloud, settings, export)
        elif isinstance(export, CloudwatchLogsExport):
            application.prepare(cloud, settings, export)
        elif isinstance(export, S3LogsExport):
            aws_services.prepare(cloud, settings, export)


class Customer:
    """Reads the account as its owner: what landed, what the archive holds, what a search finds."""

    def __init__(self, stage: Stage, secrets: Secrets, since: datetime.datetime) -> None:
        self._stage, self._secrets, self._since = stage, secrets, since
        self._s3 = stage.customer("s3")
        self._read: dict[tuple[str, str], list[str]] = {}

    def landed(self, export: Export) -> list[str]:
        """Return every record where the vendor left it."""
        outputs = self._stage.stack_outputs(export.name)
        if "LogGroupNames" in outputs:
            return list(self._log_events(export, outputs["LogGroupNames"]))
        prefix = outputs.get("Prefix") or getattr(export, "prefix", None) or ""
        s3 = self._stage.at(export).customer("s3")
        return [
            line
            for key in self._keys(outputs["BucketName"], prefix, s3)
            for line in self._object(export, outputs["BucketName"], key, s3)
        ]

    def archived(self, export: Export) -> list[str]:
        """Return the archive's lines of an export."""
        bucket = self._stage.archive_bucket
        return [line for key in self._keys(bucket, export.archive_prefix) for line in self._object(None, bucket, key)]

    def fed(self, bucket: str, prefix: str) -> list[str]:
        """Return the lines that lie ready for a fetching reader."""
        return [line for key in self._keys(bucket, prefix) for line in self._object(None, bucket, key)]

    def search(self, export: Export) -> list[str]:
        """Return the messages of an export within the time of the demo, as a person would search for them.

        The archive is searched by its partitions, and each line must say what it is: its time, export, vendor, type and
        source. An export that is not archived is searched where it landed.
        """
        if not export.is_archived:
            return self.landed(export)
        found, hour = [], self._since.replace(minute=0, second=0, microsecond=0)
        bucket, end = self._stage.archive_bucket, datetime.datetime.now(datetime.UTC)
        while hour <= end:
            for key in self._keys(bucket, f"{export.archive_prefix}dt={hour:%Y-%m-%d}/hour={hour:%H}/"):
                messages = (self._message(export, line, end) for line in self._object(None, bucket, key))
                found += [message for message in messages if message is not None]
            hour += datetime.timedelta(hours=1)
        return found

    def _message(self, export: Export, line: str, end: datetime.datetime) -> str | None:
        """Return the message of an archive line that is whole, of this export and of the time of the demo."""
        try:
            record = json.loads(line)
        except ValueError:
            return None
        if not isinstance(record, dict) or not record.keys() >= _FIELDS:
            return None
        if record["export"] != export.name or record["vendor"] != export.kind:
            return None
        in_time = self._since <= datetime.datetime.fromisoformat(record["time"]) <= end
        return str(record["message"]) if in_time else None

    def _keys(self, bucket: str, prefix: str, s3: Any = None) -> list[str]:
        pages = (s3 or self._s3).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _object(self, export: Export | None, bucket: str, key: str, s3: Any = None) -> list[str]:
        if (bucket, key) not in self._read:
            answer: Any = (s3 or self._s3).get_object(Bucket=bucket, Key=key)
            body: bytes = answer["Body"].read()
            # A forged object has no envelope: it is no reason to stop counting the others.
            if isinstance(export, AptibleExport) and answer["Metadata"]:
                body = unseal(body, answer["Metadata"], self._secrets.master_keys[export.name])
            text = (gzip.decompress(body) if body.startswith(_GZIP) else body).decode(errors="replace")
            self._read[bucket, key] = _records(text)
        return self._read[bucket, key]

    def _log_events(self, export: Export, names: str) -> Iterator[str]:
        for region in self._stage.settings.regions_of(export):
            logs = self._stage.at(export).customer("logs", region=region)
            for name in (part.strip() for part in names.split(",")):
                groups = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name.rstrip("*"))
                for group in (group["logGroupName"] for page in groups for group in page["logGroups"]):
                    if group == name or name.endswith("*"):
                        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
                        yield from (event["message"] for page in pages for event in page["events"])


def _records(text: str) -> list[str]:
    """Return the records of an object: its lines, or the events of a CloudTrail document."""
    if text.startswith('{"Records":'):
        return [json.dumps(event) for event in json.loads(text)["Records"]]
    return text.splitlines()


def sightings(records: list[str]) -> Sightings:
    """Return the markers of some records."""
    seen = Sightings()
    seen.see(records)
    return seen
