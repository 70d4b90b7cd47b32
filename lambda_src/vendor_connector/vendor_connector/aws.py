"""The AWS clients, kept for the next invocation, and how this function waits: one place that sleeps, one log format."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from vendor_connector import public_text
from vendor_connector.request import ConnectorError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

T = TypeVar("T")

# "standard" retries throttling and server errors with backoff and jitter (botocore, "Retries" guide).
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 10}, connect_timeout=5, read_timeout=30)
# Kept back to undo a failed Create and to answer before Lambda ends the function.
RESERVE_SECONDS = 30.0

sleep = time.sleep
now = time.time


@cache
def logs(*, retry: bool = True) -> CloudWatchLogsClient:
    """Return a CloudWatch Logs client; without ``retry`` for calls whose refusals botocore takes for throttling."""
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client("logs", config=_CONFIG if retry else _CONFIG.merge(once))


@cache
def rds() -> RDSClient:
    """Return an RDS client."""
    return boto3.client("rds", config=_CONFIG)


@cache
def s3() -> S3Client:
    """Return an S3 client."""
    return boto3.client("s3", config=_CONFIG)


@cache
def secrets_manager() -> SecretsManagerClient:
    """Return a Secrets Manager client."""
    return boto3.client("secretsmanager", config=_CONFIG)


@cache
def ssm() -> SSMClient:
    """Return a Systems Manager client."""
    return boto3.client("ssm", config=_CONFIG)


def error_code(error: ClientError) -> str:
    """Return the code of an AWS error, such as ``AccessDenied``."""
    return error.response["Error"]["Code"]


def is_denied(error: ClientError) -> bool:
    """Return whether IAM refused the call: the services disagree on the code's tail."""
    return error_code(error).startswith("AccessDenied")


def log(event: str, *, level: str = "INFO", **fields: object) -> None:
    """Write one line of JSON. Never a whole CloudFormation request: its ResponseURL is a signed address. No secret."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": now, "level": level, "event": event, **fields}, default=str)
    sys.stdout.write(public_text.scrub(line) + "\n")


def retry_until_accepted(
    call: Callable[[], T], *, retry_on: Collection[str], remaining_seconds: Callable[[], float], doing: str
) -> T:
    """Call until AWS accepts, as long as it answers with a code that passes by itself.

    Raises
    ------
    ConnectorError
        When the function's time is nearly up; the text says what AWS still answered.
    """
    delay = 2.0
    while True:
        try:
            return call()
        except ClientError as error:
            if error_code(error) not in retry_on:
                raise
            if remaining_seconds() < RESERVE_SECONDS + delay:
                raise ConnectorError(f"{doing}: AWS was not ready in time ({error}). Deploy again.") from error
            log("waiting", doing=doing, code=error_code(error), seconds=delay)
        sleep(delay)
        delay = min(delay * 2, 30.0)
