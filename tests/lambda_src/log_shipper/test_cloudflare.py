"""Cloudflare Logpush: times of every format, the line as it is, the dataset, and no challenge among the logs."""

import gzip
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import ship
from log_shipper.line_readers import log_type_of
from log_shipper.reading import read_blocks
from log_shipper.record import Origin, Record
from log_shipper.vendors.cloudflare.parser import TIME_NAMES

from logdock.settings.shipper_document import shipper_document
from logdock.vendors.cloudflare.settings import TIME_FIELDS, CloudflareExport
from tests.lambda_src.log_shipper.world import Cloud, Context, Listener, batch, message, recorded
from tests.settings.documents import export

ORIGIN = Origin("2026-11-30T12:00:00Z", "http_requests")
KEY = "cloudflare/http_requests/20261130/20261130T081500Z_20261130T081530Z_4f1c9a2b.log.gz"


def read(text: str, log_type: str = "http_requests") -> list[Record]:
    blocks = read_blocks(
        [text.encode()], vendor="cloudflare", format_name="auto", origin=ORIGIN._replace(log_type=log_type)
    )
    return [record for block in blocks if isinstance(block, list) for record in block]


@pytest.mark.parametrize(
    ("dataset", "times"),
    [
        ("http_requests", ["2017-09-29T16:28:24.433000200Z", "2017-09-29T16:28:24.433000300Z",
                           "2017-09-29T16:28:24.433000400Z"]),
        ("firewall_events", ["2026-11-30T08:15:04Z", "2026-11-30T08:15:05Z"]),
        ("audit_logs", ["2025-11-30T08:15:05Z"]),
        ("workers_trace_events", ["2025-11-30T08:15:05.123Z"]),
    ],
)  # fmt: skip
def test_every_format_of_time_is_read_and_the_line_kept(dataset: str, times: list[str]) -> None:
    text = recorded(f"cloudflare/{dataset}.log")
    records = read(text, dataset)
    assert [record.time for record in records] == times
    assert [record.message for record in records] == text.splitlines()
    assert {(record.log_type, record.understood, record.fields) for record in records} == {(dataset, True, None)}


@pytest.mark.parametrize("value", ['"2017-09-29T16:28:24Z"', "1506702504", "1506702504000000000", '"1506702504"'])
@pytest.mark.parametrize("line", ['{{"Datetime":{},"RayID":"a"}}', '{{"RayID":"a","Datetime":{}}}'])
def test_a_time_is_the_same_in_every_format_and_place(line: str, value: str) -> None:
    (record,) = read(line.format(value))
    assert record.time.replace(".000000000", "") == "2017-09-29T16:28:24Z"


@pytest.mark.parametrize(
    "line", ['{"RayID":"a"}', '{"Datetime":null}', '{"EdgeStartTimestamp":0}', '{"Metadata":{"Datetime":1506702504}}']
)
def test_a_record_without_a_time_has_that_of_its_arrival(line: str) -> None:
    assert read(line) == [Record(line, ORIGIN.arrival, "http_requests")]


@pytest.mark.parametrize("line", ['"89.163.242.206",1506702504433000200', '{"Datetime":"2017-09-29T16:28:24Z"', "[1]"])
def test_a_line_that_is_no_document_is_kept_and_counted(line: str) -> None:
    assert read(line) == [Record(line, ORIGIN.arrival, "http_requests", None, False)]


@pytest.mark.parametrize(
    ("key", "dataset"),
    [
        (KEY, "http_requests"),
        ("a/b/firewall_events/x.log.gz", "firewall_events"),
        ("20261130/x.log.gz", "cloudflare"),
        ("x.log.gz", "cloudflare"),
    ],
)
def test_the_log_type_is_the_dataset(key: str, dataset: str) -> None:
    assert log_type_of(key, "cloudflare") == dataset


def test_the_parser_knows_the_time_of_every_dataset_of_the_settings() -> None:
    assert set(TIME_FIELDS.values()) <= set(TIME_NAMES)


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=4)))
def test_no_document_is_lost_or_altered(document: dict[str, object]) -> None:
    line = json.dumps(document)
    (record,) = read(line)
    assert record.message == line
    assert record.understood


def test_what_lands_is_shipped_and_the_challenge_is_not(cloud: Cloud, logz: Listener) -> None:
    document = shipper_document(CloudflareExport.model_validate(export("cloudflare")))
    cloud.export("edge", **document)
    lines = recorded("cloudflare/http_requests.log").splitlines()
    items = [
        cloud.land(KEY, gzip.compress("\n".join(lines).encode())),
        cloud.land("cloudflare/http_requests/20261130/ownership-challenge.txt", b"eyJhbGciOiJIUzI1NiJ9.e30.c2ln"),
    ]
    assert ship.handler(batch(*(message("edge", item) for item in items)), Context()) == {"batchItemFailures": []}
    assert logz.messages() == lines
    assert {(each["vendor"], each["log_type"]) for each in logz.accepted} == {("cloudflare", "http_requests")}


def test_a_users_excluded_keys_stay_beside_the_challenge() -> None:
    found = shipper_document(CloudflareExport.model_validate(export("cloudflare", exclude_keys=["/draft/"])))
    (own, challenge) = found["exclude_keys"]
    assert own == "/draft/"
    assert re.search(challenge, "cloudflare/http_requests/20261130/ownership-challenge-4f1c9a2b.txt")
    assert not re.search(challenge, KEY.replace("4f1c9a2b", "ownership-challenge"))
