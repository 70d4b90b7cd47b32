"""A deployment in the test's own process: what the stacks make, with the real functions behind the queues."""

import base64
import contextlib
import gzip
import io
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlparse

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from log_shipper import archive, aws, compact, marks, ship
from log_shipper.events import ObjectRef, message_of
from log_shipper.export_config import ExportConfigs
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from logdock.cli.redrive.rate_limiter import RateLimiter
from logdock.cli.rotate.uses import Uses
from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.aws_in_memory import Functions, Stacks
from tests.lambda_src.log_shipper.world import Context, Listener, stream_batch, subscription

SETTINGS = """\
deployment: acme
account: "111122223333"
region: eu-west-1
destinations:
  - name: logz
    kind: logzio
    token_secret: acme/logzio
    metrics: {token_secret: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme/metrics-a1B2c3"}
  - {name: lake, kind: otlp, endpoint: https://otel.acme.example}
exports:
  - {name: app, kind: s3-logs, existing_bucket: acme-landing, ship_to: [logz, lake]}
  - {name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs], ship_to: [logz]}
"""
LANDING = "acme-landing"
STREAMED = "acme-streamed"
"""What is put on the metrics' stream."""
SECRET_CONTENT = "patient-4711"
"""Stands in every record here, and must stand in nothing that a command prints."""


class Deployed:
    """What `SETTINGS` deploys, and shortcuts to break it and to look at it.

    Parameters
    ----------
    directory
        Where the settings file is written.
    listener
        Logz.io's listener.
    monkeypatch
        Sets the functions' environment while they run.
    """

    def __init__(self, directory: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
        file = directory / "logdock.yaml"
        file.write_text(SETTINGS)
        self.settings = load_settings(file)
        self.names = Names.of(self.settings)
        self.failed, self.archive = self.names.bucket("failed"), self.names.bucket("archive")
        self.listener, self._monkeypatch = listener, monkeypatch
        region = self.settings.region
        untyped: Any = boto3
        self.s3, self.sqs, self.ssm, self.logs, self.cloudwatch = (
            untyped.client(name, region_name=region) for name in ("s3", "sqs", "ssm", "logs", "cloudwatch")
        )
        # Past the wire: a hundred tests have all this.
        account = self.settings.account
        buckets, queues, groups = s3_backends[account]["aws"], sqs_backends[account][region], logs_backends[account]
        for bucket in (self.failed, self.archive, LANDING, STREAMED):
            buckets.create_bucket(bucket, region)
            if bucket != STREAMED:
                buckets.put_bucket_versioning(bucket, "Enabled")
        self.urls: dict[str, str] = {}
        for name in self.settings.shippers:
            for suffix in ("", "-dead"):
                queue = queues.create_queue(self.names.queue(name, suffix))
                self.urls[name + suffix] = queue.url(urlparse(f"https://sqs.{region}.amazonaws.com"))
            groups[region].create_log_group(f"/aws/lambda/{self.names.shipper(name)}", {})
        self.dynamodb: Any = untyped.client("dynamodb", region_name=region)
        self.dynamodb.create_table(
            TableName=self.names.mark_table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        untyped.client("secretsmanager", region_name=region).create_secret(Name="acme/logzio", SecretString="tok")
        self.export("app", vendor="s3-logs")
        self.export("jobs", vendor="cloudwatch-logs")
        self.firehose = untyped.client("firehose", region_name=region)
        # moto posts to no listener, but it writes to a bucket
        self.firehose.create_delivery_stream(
            DeliveryStreamName=self.names.metrics("logz"),
            S3DestinationConfiguration={
                "RoleARN": self.names.role_arn("x"),
                "BucketARN": self.names.bucket_arn(STREAMED),
            },
        )
        for name, value in {
            "AWS_DEFAULT_REGION": region,
            "LOGDOCK_DEPLOYMENT": "acme",
            "LOGDOCK_ACCOUNT": self.settings.account,
            "LOGDOCK_EXPORTS_PATH": self.names.parameter_path,
            "LOGDOCK_ARCHIVE_BUCKET": self.archive,
            "LOGDOCK_FAILURE_BUCKET": self.failed,
            "LOGDOCK_MARK_TABLE": self.names.mark_table,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("logdock.cli.account.Account.lambda_in", lambda *_: Functions(archive.handler))
        self.stacks_in({})
        # what the functions log is no output of the command
        monkeypatch.setattr("log_shipper.telemetry.sys", SimpleNamespace(stdout=io.StringIO()))
        forget()

    def export(self, name: str, **document: Any) -> None:
        """Write an export's configuration; one of a bucket lands in `LANDING`."""
        if document["vendor"] == "s3-logs":
            document["landing"] = {"bucket": LANDING}
        self.ssm.put_parameter(
            Name=self.names.parameter_path + name, Type="String", Value=json.dumps(document), Overwrite=True
        )
        forget()

    def land(self, key: str, *lines: str) -> str:
        """Land an object of the export `app`; return the message that announces it."""
        body = "".join(f"{line} {SECRET_CONTENT}\n" for line in lines).encode()
        version = self.s3.put_object(Bucket=LANDING, Key=key, Body=body)["VersionId"]
        return message_of(ObjectRef("app", LANDING, key, version, "", "2026-11-21T02:03:04Z"))

    def send(self, queue: str, body: str) -> str:
        """Put a message on a queue, such as `logz` or `logz-dead`; return its id."""
        return str(self.sqs.send_message(QueueUrl=self.urls[queue], MessageBody=body)["MessageId"])

    def waiting(self, queue: str) -> int:
        """Return how many messages can be received from a queue."""
        return self.count(queue, "ApproximateNumberOfMessages")

    def count(self, queue: str, name: str) -> int:
        found = self.sqs.get_queue_attributes(QueueUrl=self.urls[queue], AttributeNames=[name])
        return int(found["Attributes"][name])

    def ship(self, destination: str = "logz") -> list[str]:
        """Let the shipper work off its queue once; return the messages that failed, which are received again."""
        document = {"name": destination, "kind": "logzio", "listener_url": self.listener.url}
        document["token_secret"] = "acme/logzio"
        self._monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(document))
        queue = self.urls[destination]
        failed: list[str] = []
        while messages := self.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=60
        ).get("Messages"):
            records = [
                {
                    "messageId": each["MessageId"],
                    "receiptHandle": each["ReceiptHandle"],
                    "body": each["Body"],
                    "attributes": each["Attributes"],
                    "eventSourceARN": self.names.queue_arn(destination),
                }
                for each in messages
            ]
            answer = ship.handler({"Records": records}, Context())
            bad = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            failed += bad
            for each in messages:
                if each["MessageId"] not in bad:
                    self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
        return failed

    def keys(self, prefix: str, bucket: str | None = None) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=bucket or self.failed, Prefix=prefix).get("Contents", [])
        return [each["Key"] for each in found]

    def versions(self, prefix: str) -> int:
        return len(self.s3.list_object_versions(Bucket=self.failed, Prefix=prefix).get("Versions", []))

    def said(self, destination: str, message_id: str, error: str) -> None:
        """Have the shipper's log say why a message failed."""
        group = f"/aws/lambda/{self.names.shipper(destination)}"
        line = {"event": "returned", "destination": destination, "error": error, "message_ids": [message_id, "other"]}
        self.logs.create_log_stream(logGroupName=group, logStreamName=message_id)
        self.logs.put_log_events(
            logGroupName=group,
            logStreamName=message_id,
            logEvents=[{"timestamp": int(time.time() * 1000) + 1000, "message": json.dumps(line)}],
        )

    def measured(self, namespace: str, name: str, value: float, age: timedelta, **dimensions: str) -> None:
        """Record a metric as AWS or the shipper does."""
        self.cloudwatch.put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
                    "Timestamp": datetime.now(UTC) - age,
                    "Value": value,
                }
            ],
        )

    def shipped(self, export: str, destination: str, age: timedelta, *, lag_ms: float) -> None:
        """Record what the shipper does of what it sent."""
        of = {"deployment": "acme", "export": export, "destination": destination}
        self.measured("Logdock", "sent", 10, age, **of)
        self.measured("Logdock", "lag_ms", lag_ms, age, **of)

    def stacks(self, outputs: dict[str, dict[str, str]]) -> None:
        """Have stacks with these outputs."""
        fake = Stacks(outputs)
        self._monkeypatch.setattr("logdock.cli.account.Account.cloudformation_in", lambda *_: fake)

    def stacks_in(self, regions: Mapping[str, Stacks]) -> None:
        """Have stacks in some Regions, and none in the others."""
        self._monkeypatch.setattr(
            "logdock.cli.account.Account.cloudformation_in", lambda _, region: regions.get(region, Stacks({}))
        )

    def trail(self, uses: dict[str, datetime]) -> None:
        """Have CloudTrail show when a role was assumed with which external id."""
        self._monkeypatch.setattr(
            "logdock.cli.rotate.command.uses_of", lambda *_: {used: Uses(time, time) for used, time in uses.items()}
        )

    def answer(self, answer: Callable[[], str]) -> None:
        """Answer the questions of a command."""
        self._monkeypatch.setattr("builtins.input", answer)

    def archive_object(self, export: str, age: timedelta) -> datetime:
        """Have an archive object, written so long ago; return when that was."""
        written = datetime.now(UTC) - age
        key = f"logs/{export}/dt={written:%Y-%m-%d}/hour={written:%H}/{written.timestamp():.0f}.json.gz"
        self.s3.put_object(Bucket=self.archive, Key=key, Body=gzip.compress(b""))
        kept: Any = s3_backends[self.settings.account]["aws"].get_object(self.archive, key)
        kept.last_modified = written
        return written

    def archived(self) -> list[str]:
        """Return the messages in the archive."""
        bodies = [
            self.s3.get_object(Bucket=self.archive, Key=key)["Body"].read() for key in self.keys("", self.archive)
        ]
        return [json.loads(line)["message"] for body in bodies for line in gzip.decompress(body).splitlines()]

    def keep_metrics(self, *records: bytes, name: str = "a", destination: str = "logz", **changed: Any) -> None:
        """Keep records in the failure bucket as Firehose does when the listener did not take them."""
        said = {
            "attemptsMade": 9,
            "arrivalTimestamp": 1_763_690_584_000,
            "errorCode": "HttpEndpoint.DestinationException",
            "errorMessage": "The following response was received from the endpoint destination. "
            f'503: {{"errorMessage": "{SECRET_CONTENT}"}}',
            "attemptEndingTimestamp": 1_763_697_784_000,
        }
        lines = [said | {"rawData": base64.b64encode(each).decode()} | changed for each in records]
        body = gzip.compress("".join(json.dumps(each) + "\n" for each in lines).encode())
        key = f"metrics/{destination}/http-endpoint-failed/2026/11/21/02/acme-ship-{destination}_metrics-1-{name}.gz"
        self.s3.put_object(Bucket=self.failed, Key=key, Body=body)

    def streamed(self) -> bytes:
        """Return what is on the metrics' stream."""
        return b"".join(self.s3.get_object(Bucket=STREAMED, Key=key)["Body"].read() for key in self.keys("", STREAMED))

    def keep_event(self, shape: str, message: str, **changed: Any) -> None:
        """Keep an event in the failure bucket as Lambda does when the archiver failed."""
        event = subscription("jobs", "/acme/jobs", [f"{message} {SECRET_CONTENT}"], logStream=message)
        context = {
            "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
            "functionArn": f"{self.names.archiver_arn('eu-west-1')}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        }
        record: dict[str, Any] = {"version": "1.0", "timestamp": "2026-11-21T02:03:04.000Z", "requestContext": context}
        if shape == "async":
            answered = {"errorMessage": f"Rate exceeded {SECRET_CONTENT}", "errorType": "ClientError"}
            record |= {"requestPayload": event, "responsePayload": answered}
            prefix = f"async/{self.names.archiver}"
        else:
            batch = stream_batch(event, shard=sum(message.encode()))
            record |= {"KinesisBatchInfo": {"batchSize": 1}, "payload": json.dumps(batch)}
            prefix = "79f2c0c4-1b1c-4b1e-b1f0-0e2f1f6c9d11/shardId-000000000000"
        key = f"aws/lambda/{prefix}/2026/11/21/2026-11-21T02.03.04-{message}"
        self.s3.put_object(Bucket=self.failed, Key=key, Body=json.dumps(record | changed).encode())


def refuse(monkeypatch: pytest.MonkeyPatch, operation: str, code: str) -> None:
    """Have AWS answer every request of an operation with an error."""
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def refused(self: Any, asked: str, parameters: dict[str, Any]) -> Any:
        if asked == operation:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, asked)
        return make(self, asked, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", refused)


def compact_archive(bucket: str, now: datetime) -> None:
    """Compact an archive, whose exports are shipped nowhere, as at a time."""
    forget()
    document = json.dumps({"vendor": "cloudwatch-logs", "landing": {"log_groups": []}, "ship_to": []})
    settings = compact.Settings(bucket, "", frozenset())
    with contextlib.redirect_stdout(io.StringIO()):
        compact.Compactor(settings, ExportConfigs(lambda _: document), lambda: 1000.0, now).run()


def forget() -> None:
    """Forget what the functions keep between invocations: all clients too, because they are of one Region."""
    archive._configs.cache_clear()
    ship._kept.cache_clear()
    for made in vars(aws).values():
        if isinstance(made, aws._once):
            made.cache_clear()
    marks._since.clear()


def stop_at_turn(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Stop a command at one of its turns, as Ctrl-C does; return how much each turn was for."""
    acquire, turns = RateLimiter.acquire, list[int]()

    def stop(limiter: RateLimiter, count: int = 1) -> bool:
        turns.append(count)
        if len(turns) == number:
            limiter.stop()
        return acquire(limiter, count)

    monkeypatch.setattr(RateLimiter, "acquire", stop)
    return turns
