"""A user's own pattern joins lines to records, in objects and in log events; and a user's own format is followed."""

import gzip
import json

import pytest
from log_shipper import archive, ship

from tests.lambda_src.log_shipper.world import ARCHIVE, Cloud, Context, Listener, batch, message, recorded, subscription

LINES = recorded("s3-logs/plain.log").splitlines()
WANTED = [LINES[0], "\n".join(LINES[1:])]
START = r"^\[\d{4}-"


@pytest.mark.parametrize("format_name", ["auto", "plain", "json-lines"])
def test_lines_of_an_object_are_joined(cloud: Cloud, logz: Listener, format_name: str) -> None:
    cloud.export("app", vendor="s3-logs", format=format_name, record_start=START)
    item = cloud.land("app.log", gzip.compress("\n".join(LINES).encode()))
    assert ship.handler(batch(message("app", item)), Context()) == {"batchItemFailures": []}
    assert logz.messages() == WANTED


@pytest.mark.parametrize("format_name", ["auto", "plain", "json-lines"])
def test_log_events_are_joined(cloud: Cloud, format_name: str) -> None:
    cloud.export("app", vendor="cloudwatch-logs", format=format_name, record_start=START)
    assert archive.handler(subscription("app", "/app", LINES), None)["archived"] == 2
    assert [line["message"] for line in cloud.lines(ARCHIVE)] == WANTED


def test_lines_before_the_first_record_stand_for_themselves(cloud: Cloud) -> None:
    cloud.export("app", vendor="cloudwatch-logs", record_start=START)
    archive.handler(subscription("app", "/app", LINES[2:] + LINES[:1]), None)
    assert [line["message"] for line in cloud.lines(ARCHIVE)] == [*LINES[2:], LINES[0]]


@pytest.mark.parametrize(
    ("format_name", "times"),
    [
        ("auto", ["2026-01-02T03:04:05Z", "2025-11-21T02:00:00.001Z"]),
        ("json-lines", ["2026-01-02T03:04:05Z", "2025-11-21T02:00:00.001Z"]),
        ("plain", ["2025-11-21T02:00:00.000Z", "2025-11-21T02:00:00.001Z"]),
    ],
)
def test_the_format_of_log_events_is_the_users_word(cloud: Cloud, format_name: str, times: list[str]) -> None:
    cloud.export("app", vendor="cloudwatch-logs", format=format_name)
    archive.handler(subscription("app", "/app", ['{"time":"2026-01-02T03:04:05Z"}', "plain"]), None)
    assert sorted(line["time"] for line in cloud.lines(ARCHIVE)) == sorted(times)


@pytest.mark.parametrize(("format_name", "count"), [("auto", 0), ("json-lines", 2), ("plain", 0)])
def test_log_events_that_are_no_json_count_only_where_json_is_promised(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], format_name: str, count: int
) -> None:
    cloud.export("app", vendor="cloudwatch-logs", format=format_name)
    archive.handler(subscription("app", "/app", ['{"a":1}', '{"a":', "plain"]), None)
    (figures,) = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "not_understood" in line]
    assert (figures["records_in"], figures["not_understood"]) == (3, count)
