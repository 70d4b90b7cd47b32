"""What the shipper says of itself in figures, which alarms and the dashboard are made of."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest
from log_shipper import ship

from tests.lambda_src.log_shipper.world import ARCHIVE, Cloud, Context, Listener, batch, message, recorded

AUDIT_KEY = "atlas/Cluster0/host-00-00/mongod-audit/2026-11-21.log"
ARRIVED = datetime.datetime(2026, 11, 21, 2, 3, 4, tzinfo=datetime.UTC)
FAILED = '{ "atype" : "authenticate", "ts" : { "$date" : "2026-11-21T02:00:00.000+0000" }, "result" : 18 }'
PASSED = FAILED.replace("18", "0")


@pytest.fixture
def logged_lines(capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[dict[str, Any]]]:
    """Return the lines of a kind that the function has logged since the last look."""

    def lines(event: str) -> list[dict[str, Any]]:
        logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in logged if line["event"] == event]

    return lines


@pytest.fixture
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = int((ARRIVED + datetime.timedelta(hours=1)).timestamp() * 1e9)
    monkeypatch.setattr("time.time_ns", lambda: now)


def metrics(line: dict[str, Any]) -> dict[str, str]:
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "Logdock"
    return {metric["Name"]: metric["Unit"] for metric in described["Metrics"]}


def test_four_figures_of_an_export_are_metrics(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="s3-logs")
    ship.handler(batch(message("orders", cloud.land("app.log", b"a\nb\n"))), Context())
    (line,) = logged_lines("shipped")
    assert metrics(line) == {"sent": "Count", "quarantined": "Count", "bytes_in": "Bytes", "lag_ms": "Milliseconds"}
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["deployment", "export", "destination"]]
    assert (line["sent"], line["bytes_in"], line["records_in"]) == (2, 4, 2)


@pytest.mark.usefixtures("an_hour_later")
def test_lag_is_the_age_of_what_was_shipped(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="s3-logs")
    ship.handler(batch(message("orders", cloud.land("app.log", b"a\n"))), Context())
    assert [line["lag_ms"] for line in logged_lines("shipped")] == [3_600_000]


@pytest.mark.usefixtures("an_hour_later")
@pytest.mark.parametrize("breaks", ["configuration", "object", "destination"])
def test_lag_is_the_age_of_what_could_not_be_shipped(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]], breaks: str
) -> None:
    if breaks != "configuration":
        cloud.export("orders", vendor="s3-logs")
    item = cloud.land("app.log", b"a\n")
    if breaks == "object":
        cloud.s3.delete_object(Bucket="acme-landing", Key="app.log", VersionId=item["version-id"])
    if breaks == "destination":
        logz.will_answer(*[500] * 4)
    ship.handler(batch(message("orders", item)), Context())
    assert [line["lag_ms"] for line in logged_lines("shipped")] == [3_600_000]


@pytest.mark.usefixtures("an_hour_later")
def test_lag_is_the_age_of_what_had_no_turn_either(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="s3-logs")
    new, old = (message("orders", cloud.land(f"{name}.log", b"a\n"), number=at) for at, name in enumerate("ab"))
    new["body"] = new["body"].replace("T02:03:04Z", "T03:00:00Z")
    logz.will_answer(*[500] * 4)
    ship.handler(batch(new, old), Context())
    assert [line["lag_ms"] for line in logged_lines("shipped")] == [3_600_000]


@pytest.mark.usefixtures("an_hour_later")
def test_what_had_been_shipped_before_is_not_late(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="s3-logs")
    item = cloud.land("app.log", b"a\n")
    ship.handler(batch(message("orders", item)), Context())
    logged_lines("shipped")
    ship.handler(batch(message("orders", item, received=2)), Context())
    assert logged_lines("shipped") == []


@pytest.mark.usefixtures("an_hour_later")
def test_a_copy_for_a_fetching_reader_has_a_lag_too(
    cloud: Cloud, destination: Callable[[str], None], logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="s3-logs")
    destination("feed")
    item = cloud.land("logs/orders/dt=2026-11-21/hour=02/1763690400000-0123456789abcdef.json.gz", b"x", bucket=ARCHIVE)
    ship.handler(batch(message("orders", item, ARCHIVE)), Context())
    assert [line["lag_ms"] for line in logged_lines("shipped")] == [3_600_000]


def test_messages_that_fail_are_a_metric_of_the_destination(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="s3-logs")
    logz.will_answer(*[500] * 4)
    items = [cloud.land(f"{name}.log", b"a\n") for name in "ab"]
    ship.handler(batch(*(message("orders", item, number=at) for at, item in enumerate(items))), Context())
    (line,) = logged_lines("not shipped")
    assert metrics(line) == {"failed": "Count"}
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["deployment", "destination"]]
    assert (line["deployment"], line["destination"], line["failed"]) == ("acme", "logz", 2)


def test_how_long_a_destination_takes_to_answer_is_a_metric_of_it(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.export("orders", vendor="s3-logs")
    monkeypatch.setattr("log_shipper.bulk.BulkSink.seconds", 7.25)
    ship.handler(batch(message("orders", cloud.land("app.log", b"a\n"))), Context())
    (line,) = logged_lines("answered")
    assert metrics(line) == {"answer_ms": "Milliseconds"}
    assert (line["deployment"], line["destination"], line["answer_ms"]) == ("acme", "logz", 7250)
    ship.handler(batch(message("orders", cloud.land("empty.log", b""))), Context())
    assert logged_lines("answered") == []


def test_a_destination_that_cannot_be_opened_fails_every_message(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.secrets.delete_secret(SecretId="acme/logzio", ForceDeleteWithoutRecovery=True)
    ship.handler(batch(message("orders", cloud.land("app.log", b"a\n"))), Context())
    assert [line["failed"] for line in logged_lines("not shipped")] == [1]


def test_what_is_shipped_is_no_failure(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="s3-logs")
    ship.handler(batch(message("orders", cloud.land("app.log", b"a\n"))), Context())
    assert logged_lines("not shipped") == []


def test_volumes_are_logged_by_log_type(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="mongodb-atlas")
    items = [
        cloud.land(key, f"{PASSED}\n".encode()) for key in (AUDIT_KEY, AUDIT_KEY.replace("mongod-audit", "mongod"))
    ]
    ship.handler(batch(*(message("orders", item, number=at) for at, item in enumerate(items))), Context())
    size = len(PASSED) + 1
    assert {(line["export"], line["log_type"], line["bytes_in"]) for line in logged_lines("volume")} == {
        ("orders", "mongod-audit", size),
        ("orders", "mongod", size),
    }


def test_failed_logins_of_an_atlas_audit_log_are_a_metric(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]]
) -> None:
    cloud.export("orders", vendor="mongodb-atlas")
    body = "\n".join([FAILED, PASSED, recorded("mongodb-atlas/mongodb-audit-log.log").strip(), FAILED]).encode()
    ship.handler(batch(message("orders", cloud.land(AUDIT_KEY, body))), Context())
    (line,) = logged_lines("shipped")
    assert line["failed_logins"] == 2
    assert metrics(line)["failed_logins"] == "Count"
    assert line["records_in"] == 4


@pytest.mark.parametrize(("vendor", "key"), [("s3-logs", AUDIT_KEY), ("mongodb-atlas", "atlas/c/h/mongod/x.log")])
def test_failed_logins_are_looked_for_in_atlas_audit_logs_alone(
    cloud: Cloud, logz: Listener, logged_lines: Callable[[str], list[dict[str, Any]]], vendor: str, key: str
) -> None:
    cloud.export("orders", vendor=vendor)
    ship.handler(batch(message("orders", cloud.land(key, f"{FAILED}\n".encode()))), Context())
    (line,) = logged_lines("shipped")
    assert line["failed_logins"] == 0
    assert "failed_logins" not in metrics(line)
