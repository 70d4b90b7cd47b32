"""A deployment whose logs have landed, in the test's own process."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from log_shipper.keys import identity_of
from log_shipper.record import Record
from log_shipper.rendering import Renderer, Shape, archive_key
from moto.s3.models import s3_backends

from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.cli.conftest import Requests, Type, Typed

SETTINGS = """\
deployment: acme
account: "111122223333"
region: eu-west-1
destinations:
  - {name: logz, kind: logzio, token_secret: acme/logzio}
exports:
  - {name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs]}
  - name: orders
    kind: mongodb-atlas
    project_id: 5e2211c17a3e5a48f5497de3
    atlas_principal_arn: arn:aws:iam::772401394250:root
    external_id: 9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64
    path_fields: "{_}/{cluster}"
  - {name: platform, kind: aptible, stack_region: eu-west-1, decryption_keys_secret: acme/keys}
  - {name: trail, kind: s3-logs, existing_bucket: acme-trail, ship_to: [archive]}
"""
DAY = "2026-11-17"


class Landed:
    """What `SETTINGS` deploys, and shortcuts to land logs in it."""

    def __init__(self, directory: Path, logdock: Type) -> None:
        file = directory / "logdock.yaml"
        file.write_text(SETTINGS)
        self.settings, self._logdock, self.directory = load_settings(file), logdock, directory
        self.names = Names.of(self.settings)
        untyped: Any = boto3
        self.s3, self.secrets = (untyped.client(name, region_name="eu-west-1") for name in ("s3", "secretsmanager"))
        self.archive = self.settings.archive_bucket
        self.orders, self.platform = (f"acme-{name}-111122223333-eu-west-1" for name in ("orders", "platform"))
        for bucket in (self.archive, self.orders, self.platform, "acme-trail"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def archived(
        self, *records: tuple[str, str], export: str = "jobs", log_type: str = "/acme/jobs", **more: Any
    ) -> str:
        """Put an archive object of records, each a time and a message; return its key."""
        kind = next(each.kind for each in self.settings.exports if each.name == export)
        renderer = Renderer(Shape(), export=export, vendor=kind, source="cloudwatch:/acme/jobs/a")
        lines = [renderer.archived(Record(text, time, log_type, **more)) for time, text in records]
        key = archive_key(export, records[0][0], identity_of(*(text for _, text in records)))
        self.s3.put_object(Bucket=self.archive, Key=key, Body=gzip.compress(b"".join(lines)))
        return key

    def empty(self, key: str) -> None:
        """Put an empty object into the bucket of orders, past the wire: some tests need a thousand."""
        s3_backends[self.settings.account]["aws"].put_object(self.orders, key, b"")

    def logs(self, *arguments: str) -> Typed:
        """Search the day of all test data by default."""
        if "--since" not in arguments:
            arguments = ("--since", DAY, "--until", "2026-11-18", *arguments)
        return self._logdock("logs", *arguments)


@pytest.fixture
def landed(aws: None, tmp_path: Path, logdock: Type) -> Landed:
    return Landed(tmp_path, logdock)


Calls = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def calls(landed: Landed, requests: Requests) -> Calls:
    """Return what S3 was asked in an operation, since the logs have landed."""
    start = len(requests)
    return lambda name: [parameters for operation, parameters in requests[start:] if operation == name]


def mongod(time: str, **attr: Any) -> str:
    """Return a line as mongod writes it."""
    return json.dumps({"t": {"$date": time}, "s": "I", "c": "NETWORK", "msg": "Connection", "attr": attr})
