"""Fixtures: an AWS in the test's own process, and the destinations of `ship`."""

import json
from collections.abc import Callable, Iterator

import pytest
from log_shipper import archive, marks, ship
from moto import mock_aws

from tests.lambda_src.log_shipper.world import ARCHIVE, FAILURES, MARKS, TOKEN, Cloud, Listener


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/acme-archiver",
        "LOGDOCK_DEPLOYMENT": "acme",
        "LOGDOCK_ACCOUNT": "111122223333",
        "LOGDOCK_EXPORTS_PATH": "/logdock/acme/exports/",
        "LOGDOCK_ARCHIVE_BUCKET": ARCHIVE,
        "LOGDOCK_FAILURE_BUCKET": FAILURES,
        "LOGDOCK_MARK_TABLE": MARKS,
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    _forget()
    with mock_aws():
        yield Cloud()
    _forget()


def _forget() -> None:
    archive._configs.cache_clear()
    archive._refusals_logged.clear()
    ship._kept.cache_clear()
    marks._since.clear()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def logz(cloud: Cloud, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Listener:
    """The Logz.io destination of `ship`, on the listener, that never waits."""
    cloud.secret("acme/logzio", TOKEN)
    destination = {"name": "logz", "kind": "logzio", "listener_url": listener.url, "token_secret": "acme/logzio"}
    monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(destination))
    monkeypatch.setattr("log_shipper.http_client.Backoff.pause", lambda *_: None)
    return listener


@pytest.fixture
def destination(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the destination of `ship` to one without an endpoint."""
    return lambda kind: monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps({"name": kind, "kind": kind}))
