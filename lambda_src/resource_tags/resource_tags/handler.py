"""The entry point: asks for the tagged resources of some types, and puts a metric of each on the delivery stream.

Environment: ``LOGDOCK_DELIVERY_STREAM``, the stream's name; ``LOGDOCK_RESOURCE_TYPES``, the types as
`tag:GetResources` takes them, with commas between. What cannot be asked or put fails the invocation, which Lambda
tries again; a metric that was put twice says the same twice.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from resource_tags.delivery import put
from resource_tags.labels import labels_of
from resource_tags.opentelemetry import records

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

METRIC = "aws_resource_info"
"""The name that Logz.io's own function gives it (logzio/cloudwatch-metrics-helpers, tags)."""
# "standard" retries throttling and server errors with backoff and jitter (botocore, "Retries" guide).
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=30)


@cache
def _tagging() -> ResourceGroupsTaggingAPIClient:
    return boto3.client("resourcegroupstaggingapi", config=_CONFIG)


@cache
def _firehose() -> FirehoseClient:
    return boto3.client("firehose", config=_CONFIG)


def handler(event: object, context: Any) -> dict[str, int]:
    """Put a metric of each tagged resource.

    Returns
    -------
    dict
        How many records it took.

    Raises
    ------
    DeliveryError
        When Firehose did not take all of it.
    """
    stream, types = os.environ["LOGDOCK_DELIVERY_STREAM"], os.environ["LOGDOCK_RESOURCE_TYPES"].split(",")
    # arn:aws:lambda:<region>:<account>:function:<name>
    region, account = context.invoked_function_arn.split(":")[3:5]
    about = {"cloud.provider": "aws", "cloud.account.id": account, "cloud.region": region}
    count = put(_firehose(), stream, records(METRIC, _labels(types), about=about, time_ns=time.time_ns()))
    sys.stdout.write(json.dumps({"event": "put", "stream": stream, "records": count}) + "\n")
    return {"records": count}


def _labels(types: Sequence[str]) -> Iterator[dict[str, str]]:
    pages = (
        _tagging()
        .get_paginator("get_resources")
        .paginate(ResourceTypeFilters=list(types), PaginationConfig={"PageSize": 100})
    )
    for page in pages:
        for resource in page["ResourceTagMappingList"]:
            # A resource that once had tags and has none now is listed, too (GetResources).
            if tags := {tag["Key"]: tag["Value"] for tag in resource["Tags"]}:
                yield labels_of(resource["ResourceARN"], tags)
