"""What arrives as a document (events, payloads, settings, secrets, answers) is read, or refused as documented."""

import base64
import gzip
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from log_shipper import http_client
from log_shipper.environment import read_destination, read_environment
from log_shipper.errors import ConfigurationError, ShipperError
from log_shipper.events import LogEvents, ObjectRef, objects_in, subscriptions_in
from log_shipper.export_config import ExportConfig, parse_export_config
from log_shipper.rendering import path_fields
from log_shipper.secret_store import SecretStore
from log_shipper.vendors.logzio import dialect as logzio
from log_shipper.vendors.otlp import dialect as otlp

from tests.fuzz.budget import fuzz
from tests.fuzz.material import JSON, TEXT, TOKENS

ANY_TEXT = st.text(max_size=30) | st.sampled_from(TOKENS)


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return documents with these fields, some of them missing or anything at all; or anything at all."""
    return st.fixed_dictionaries({}, optional={name: value | JSON for name, value in fields.items()}) | JSON


NAME = st.sampled_from(["b", "logs/e/dt=2026-11-21/x.json.gz", "a%2Fb+c", "%ff", ""])
ITEM = shaped(key=NAME, size=st.integers(), etag=ANY_TEXT, **{"version-id": ANY_TEXT, "versionId": ANY_TEXT})
BUCKET = shaped(name=NAME)
S3_EVENT = shaped(
    export=st.just("e"),
    time=ANY_TEXT,
    Event=st.sampled_from(["s3:TestEvent", "other"]),
    detail=shaped(bucket=BUCKET, object=ITEM),
    Records=st.lists(shaped(s3=shaped(bucket=BUCKET, object=ITEM), eventTime=ANY_TEXT), max_size=2),
)
LOG_EVENT = shaped(id=st.just("1"), timestamp=st.integers(0, 2**42), message=ANY_TEXT)
PAYLOAD = shaped(
    messageType=st.sampled_from(["DATA_MESSAGE", "CONTROL_MESSAGE"]),
    logGroup=ANY_TEXT,
    logStream=ANY_TEXT,
    subscriptionFilters=st.lists(st.sampled_from(["logdock.e", "other"]) | JSON, max_size=2),
    logEvents=st.lists(LOG_EVENT, max_size=3),
)


@fuzz
@given(S3_EVENT | ANY_TEXT, st.booleans())
def test_an_s3_event_names_objects_or_is_refused(event: object, whole: bool) -> None:
    body = json.dumps(event) if whole else str(event)
    try:
        refs = objects_in(body)
    except ShipperError:
        return
    for ref in refs:
        assert isinstance(ref, ObjectRef)
        assert all(isinstance(value, str) for value in ref)
        assert ref.bucket
        assert ref.key


def packed(document: object) -> str:
    return base64.b64encode(gzip.compress(json.dumps(document).encode())).decode()


DATA = PAYLOAD.map(packed) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()) | JSON
SUBSCRIPTION = shaped(
    awslogs=shaped(data=DATA), Records=st.lists(shaped(kinesis=shaped(data=DATA)), max_size=2)
).filter(lambda event: isinstance(event, dict))


@fuzz
@given(SUBSCRIPTION)
def test_a_subscription_event_is_read_or_refused(event: dict[str, Any]) -> None:
    try:
        found = list(subscriptions_in(event))
    except ShipperError:
        return
    for payload in found:
        assert isinstance(payload, LogEvents)
        assert isinstance(payload.export, str)


CONFIG = shaped(
    vendor=st.sampled_from(["s3-logs", "cockroachdb"]),
    format=st.sampled_from(["auto", "plain", "csv"]),
    oversize=st.sampled_from(["split", "drop"]),
    path_fields=st.lists(st.sampled_from(["{a}", "{_}", "{", "/", "x", "{source}"]), max_size=5).map("".join),
    record_start=st.sampled_from(["^x", "(", "(?=x)"]),
    decryption_keys_secret=ANY_TEXT,
    include=st.lists(st.sampled_from(["x", "(", r"\d+"]) | JSON, max_size=2),
    exclude=st.lists(st.sampled_from(["x", ")"]), max_size=2),
    redaction=shaped(
        markers=st.sampled_from(["keep", "strip"]),
        detectors=st.lists(st.sampled_from(["email", "x"]) | JSON, max_size=2),
        patterns=st.lists(
            shaped(name=ANY_TEXT, regex=st.sampled_from(["x", "(", "x*"]), replacement=ANY_TEXT), max_size=2
        ),
    ),
)


@fuzz
@given(CONFIG | ANY_TEXT, st.booleans(), ANY_TEXT)
def test_a_configuration_works_or_is_refused(document: object, whole: bool, text: str) -> None:
    try:
        config = parse_export_config("e", json.dumps(document) if whole else str(document))
    except ConfigurationError:
        return
    assert isinstance(config, ExportConfig)
    shown = text.encode("utf-8", "backslashreplace").decode()
    assert isinstance(config.redactor.redact(shown), str)
    assert isinstance(config.filter.wants(shown), bool)
    assert config.record_start is None or isinstance(config.record_start(shown), bool)
    assert config.path_fields is None or isinstance(path_fields(config.path_fields, shown), dict)


@fuzz
@given(
    st.dictionaries(st.sampled_from(["LOGDOCK_DEPLOYMENT", "LOGDOCK_EXPORTS_PATH", "LOGDOCK_DESTINATION"]), ANY_TEXT)
)
def test_an_environment_is_read_or_refused(variables: dict[str, str]) -> None:
    for read in (read_environment, read_destination):
        try:
            read(variables)
        except ConfigurationError:
            continue


@fuzz
@given(
    shaped(
        name=ANY_TEXT,
        kind=st.sampled_from(["logzio", "otlp", "archive", "feed"]),
        token_secret=ANY_TEXT,
        type=ANY_TEXT,
        listener_url=st.sampled_from(["https://x", "https://[", "http://127.0.0.1:x", "https://a:99999999"]),
        endpoint=ANY_TEXT,
    )
)
def test_a_destination_is_read_or_refused(document: object) -> None:
    try:
        read_destination({"LOGDOCK_DESTINATION": json.dumps(document), "LOGDOCK_MARK_TABLE": "acme-marks"})
    except ConfigurationError:
        return


@fuzz
@given(JSON.map(json.dumps) | st.text(max_size=30), st.sampled_from(["token", "headers", "decryption_keys"]))
def test_a_secret_is_read_or_refused(text: str, use: str) -> None:
    store = SecretStore(clock=lambda: 0.0)
    store._held["s"] = (1.0, text)
    try:
        getattr(store, use)("s")
    except ConfigurationError:
        return


@fuzz
@given(st.binary(max_size=60) | JSON.map(lambda document: json.dumps(document).encode()) | shaped(
    malformedLines=st.integers(), oversizedLines=st.integers(), partialSuccess=shaped(rejectedLogRecords=st.integers()),
).map(lambda document: json.dumps(document).encode()))  # fmt: skip
def test_an_answer_of_any_kind_is_read(body: bytes) -> None:
    assert isinstance(otlp._rejected(body), int)
    assert all(isinstance(count, int) for count in logzio._counts(body).values())
    assert logzio.attribute(body, []) == []


@fuzz
@given(
    st.text(max_size=20)
    | TEXT
    | st.sampled_from(["²", "9" * 400, "Fri, 31 Dec 9999 23:59:59 -9999", "Mon, 1 Jan 1 0:0:0 +0"])
)
def test_a_time_to_wait_is_read_or_none(header: str) -> None:
    found = http_client._retry_after(header)
    assert found is None or found >= 0
