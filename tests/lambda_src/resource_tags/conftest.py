"""An AWS in the process: tagged resources, and a delivery stream whose records can be read again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from resource_tags import delivery, handler

STREAM = "acme-ship-logz_metrics"
ARN = "arn:aws:lambda:eu-west-1:111122223333:function:acme-ship-logz_tags"


def requests_in(data: bytes) -> list[ExportMetricsServiceRequest]:
    """Read requests, each after its length, by the official definitions."""
    found, at = [], 0
    while at < len(data):
        length = shift = 0
        while True:
            byte, at = data[at], at + 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(ExportMetricsServiceRequest.FromString(data[at : at + length]))
        at += length
    assert at == len(data)
    return found


def text(attributes: Any) -> dict[str, str]:
    names = [each.key for each in attributes]
    assert len(names) == len(set(names))
    return {each.key: each.value.string_value for each in attributes}


def points(requests: list[ExportMetricsServiceRequest]) -> list[Any]:
    return [
        point
        for request in requests
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.gauge.data_points
    ]


@dataclass
class Context:
    """The context that Lambda passes to a function."""

    invoked_function_arn: str = ARN


@dataclass(frozen=True)
class Cloud:
    """The account."""

    s3: Any
    sqs: Any

    def bucket(self, name: str, **tags: str) -> None:
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        if tags:
            tag_set = [{"Key": key.replace("__", ":"), "Value": value} for key, value in tags.items()]
            self.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_set})

    def put(self) -> list[ExportMetricsServiceRequest]:
        """Return what is on the delivery stream, which this one hands on to a bucket."""
        listed = self.s3.list_objects_v2(Bucket="records").get("Contents", [])
        bodies = [self.s3.get_object(Bucket="records", Key=each["Key"])["Body"].read() for each in listed]
        return [request for body in bodies for request in requests_in(body)]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("LOGDOCK_DELIVERY_STREAM", STREAM)
    monkeypatch.setenv("LOGDOCK_RESOURCE_TYPES", "s3,sqs")
    monkeypatch.setattr(delivery, "sleep", lambda _seconds: None)
    with mock_aws():
        handler._tagging.cache_clear()
        handler._firehose.cache_clear()
        found = Cloud(boto3.client("s3"), boto3.client("sqs"))
        found.bucket("records")
        boto3.client("firehose").create_delivery_stream(
            DeliveryStreamName=STREAM,
            S3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::111122223333:role/x",
                "BucketARN": "arn:aws:s3:::records",
            },
        )
        yield found
