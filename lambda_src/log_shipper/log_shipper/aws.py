"""The AWS clients, made when first used: an invocation pays only for those it needs.

botocore is used without boto3's resource layer, which a function that makes a handful of calls would only load.
Endpoints and certificates come from the standard AWS variables.
"""

from __future__ import annotations

import gc
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import botocore
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from log_shipper import parallel
from log_shipper.aws_times import parse_time
from log_shipper.mark_items import DynamoDB
from log_shipper.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

# the SDK's modules live as long as the process: without this every full collection, at start and later, walks them all
gc.freeze()

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=parallel.THREADS,
    # botocore composes its own for every request, an eighth of the CPU of a call
    user_agent=f"logdock Botocore/{botocore.__version__}",
)
_TABLE_CONFIG = _CONFIG.merge(
    # a table that does not answer costs a repetition at most, and less of the function's time than S3 may take
    Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=2, read_timeout=5)
)
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


_T = TypeVar("_T")
_making = RLock()


class _once(Generic[_T]):  # noqa: N801 - a decorator
    """Makes a client at its first call; a session makes one at a time."""

    def __init__(self, make: Callable[[], _T]) -> None:
        self._made = lru_cache(maxsize=1)(make)
        self.cache_clear = self._made.cache_clear

    def __call__(self) -> _T:
        if self._made.cache_info().currsize:
            return self._made()
        with _making:
            return self._made()


@_once
def _session() -> botocore.session.Session:
    # the SDK is the runtime's own, and which that is depends on the Region: `logdock smoke-test` reads this
    log("started", botocore=botocore.__version__)
    session: Any = botocore.session.get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_time)
    return cast("botocore.session.Session", session)


@_once
def s3() -> S3Client:
    """Return the S3 client."""
    return cast("S3Client", _session().create_client("s3", config=_CONFIG))


@_once
def ssm() -> SSMClient:
    """Return the Parameter Store client."""
    return cast("SSMClient", _session().create_client("ssm", config=_CONFIG))


@_once
def secrets_manager() -> SecretsManagerClient:
    """Return the Secrets Manager client."""
    return cast("SecretsManagerClient", _session().create_client("secretsmanager", config=_CONFIG))


@_once
def sqs() -> SQSClient:
    """Return the SQS client."""
    return cast("SQSClient", _session().create_client("sqs", config=_CONFIG))


@_once
def dynamodb() -> DynamoDB:
    """Return the DynamoDB client."""
    return cast("DynamoDB", _session().create_client("dynamodb", config=_TABLE_CONFIG))


@_once
def athena() -> Any:
    """Return the Athena client."""
    return _session().create_client("athena", config=_CONFIG)


def is_absent(error: ClientError) -> bool:
    """Say whether S3 answered that an object does not exist."""
    return error.response.get("Error", {}).get("Code", "") in _ABSENT
