import json
import re

import pytest
from log_shipper import archive, aws
from log_shipper.errors import ConfigurationError, UnknownExportError

from tests.lambda_src.log_shipper.world import ARCHIVE, Cloud, recorded, refusal, subscription


@pytest.fixture
def ledger(cloud: Cloud) -> Cloud:
    cloud.export("ledger", vendor="cockroachdb", redaction={"markers": "redact"})
    return cloud


def test_archives_every_event_under_the_contracts_key(ledger: Cloud) -> None:
    lines = recorded("cockroachdb/json.log").splitlines()
    assert archive.handler(subscription("ledger", "crdb", lines), None) == {"archived": 3, "filtered": 0, "refused": 0}
    (key,) = ledger.keys(ARCHIVE)
    assert re.fullmatch(r"logs/ledger/dt=2023-11-06/hour=21/1699305954980-[0-9a-f]{16}\.json\.gz", key)
    archived = ledger.lines(ARCHIVE)
    names = {"time", "@timestamp", "export", "vendor", "log_type", "source", "message"}
    assert [set(line) for line in archived] == [names] * 3
    assert archived[1]["time"] == archived[1]["@timestamp"] == "2023-11-06T21:25:54.983614000Z"
    assert [line["log_type"] for line in archived] == ["header", "SESSIONS", "SQL_EXEC"]
    assert archived[0]["export"] == "ledger"
    assert archived[0]["vendor"] == "cockroachdb"
    assert archived[0]["source"] == "cloudwatch:crdb:stream-1"


def test_a_stream_of_cockroachdb_gives_region_and_node_to_every_line(ledger: Cloud) -> None:
    stream = "crdb.eu-west-1.cockroachdbcloud.SESSIONS.n3"
    lines = recorded("cockroachdb/json.log").splitlines()
    archive.handler(subscription("ledger", "crdb", lines, logStream=stream), None)
    assert [line["fields"] for line in ledger.lines(ARCHIVE)] == [{"region": "eu-west-1", "node": "3"}] * 3


def test_redacts_before_anything_is_stored(ledger: Cloud) -> None:
    archive.handler(subscription("ledger", "crdb", recorded("cockroachdb/json.log").splitlines()), None)
    archived = ledger.lines(ARCHIVE)
    assert json.loads(archived[2]["message"])["event"]["Statement"] == 'SELECT "balance" FROM ledger WHERE owner = ‹×›'
    assert "roach" not in archived[1]["message"]


def test_same_event_makes_the_same_object_once(ledger: Cloud) -> None:
    event = subscription("ledger", "crdb", recorded("cockroachdb/json.log").splitlines())
    archive.handler(event, None)
    archive.handler(event, None)
    assert ledger.versions(ARCHIVE) == 1


def test_events_with_other_ids_make_another_object(ledger: Cloud) -> None:
    lines = recorded("cockroachdb/json.log").splitlines()
    archive.handler(subscription("ledger", "crdb", lines), None)
    archive.handler(subscription("ledger", "crdb", lines, logStream="stream-2"), None)
    assert len(ledger.keys(ARCHIVE)) == 2


def test_hours_have_their_own_objects(ledger: Cloud) -> None:
    lines = recorded("cockroachdb/crdb-v2.log").splitlines()
    archive.handler(subscription("ledger", "crdb", lines), None)
    assert [key.split("/")[2:4] for key in ledger.keys(ARCHIVE)] == [
        ["dt=2021-01-16", "hour=21"],
        ["dt=2021-03-23", "hour=23"],
    ]


def test_continuation_lines_of_several_events_are_one_record(ledger: Cloud) -> None:
    lines = recorded("cockroachdb/crdb-v2.log").splitlines()
    assert archive.handler(subscription("ledger", "crdb", lines), None)["archived"] == 3
    message = ledger.lines(ARCHIVE)[0]["message"]
    assert message.endswith("node startup completed:\nCockroachDB node starting at 2021-01-16 21:49 (took 0.0s)\n"
                            "build:               CCL v20.1.10")  # fmt: skip


def test_aurora_events_are_sorted_by_their_own_time(cloud: Cloud) -> None:
    cloud.export("billing", vendor="aurora-mysql")
    lines = recorded("aurora-mysql/audit.csv").splitlines()
    archive.handler(subscription("billing", "/aws/rds/cluster/moodle/audit", lines[1::-1]), None)
    assert [line["time"] for line in cloud.lines(ARCHIVE)] == [
        "2021-01-31T19:04:52.335696Z",
        "2021-01-31T19:04:52.422690Z",
    ]


def test_line_that_is_not_understood_is_kept_with_its_arrival_time(ledger: Cloud) -> None:
    archive.handler(subscription("ledger", "crdb", ["panic: runtime error"]), None)
    (line,) = ledger.lines(ARCHIVE)
    assert (line["message"], line["time"]) == ("panic: runtime error", "2025-11-21T02:00:00.000Z")


def test_control_message_is_acknowledged_and_not_archived(ledger: Cloud) -> None:
    event = subscription("ledger", "crdb", ["CWL CONTROL MESSAGE: Checking health of destination"],
                         messageType="CONTROL_MESSAGE")  # fmt: skip
    assert archive.handler(event, None)["archived"] == 0
    assert ledger.keys(ARCHIVE) == []


@pytest.mark.parametrize("group", ["/aws/lambda/acme-archiver", "/aws/lambda/acme-shipper-logz"])
def test_never_reads_its_own_logs(ledger: Cloud, group: str, capsys: pytest.CaptureFixture[str]) -> None:
    event = subscription("ledger", group, ["START RequestId"])
    assert archive.handler(event, None)["refused"] == 1
    archive.handler(event, None)
    assert ledger.keys(ARCHIVE) == []
    assert capsys.readouterr().out.count('"refused"') == 1


def test_rejects_event_of_no_export(ledger: Cloud) -> None:
    with pytest.raises(UnknownExportError):
        archive.handler(subscription("x", "crdb", ["a"], subscriptionFilters=["datadog"]), None)


def test_fails_when_the_export_has_no_configuration(cloud: Cloud) -> None:
    with pytest.raises(UnknownExportError, match="ledger"):
        archive.handler(subscription("ledger", "crdb", ["a"]), None)
    assert cloud.keys(ARCHIVE) == []


def test_fails_when_the_configuration_cannot_be_read(ledger: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws.ssm(), "get_parameter", refusal("ThrottlingException"))
    with pytest.raises(ConfigurationError, match=r"ledger.*cannot be read"):
        archive.handler(subscription("ledger", "crdb", ["a"]), None)
    assert ledger.keys(ARCHIVE) == []


def test_filters_are_counted(cloud: Cloud) -> None:
    cloud.export("apps", vendor="cloudwatch-logs", exclude=["healthz"])
    result = archive.handler(subscription("apps", "app", ["GET /healthz", "GET /orders"]), None)
    assert result == {"archived": 1, "filtered": 1, "refused": 0}
    assert [line["message"] for line in cloud.lines(ARCHIVE)] == ["GET /orders"]


def test_invocation_reports_metrics_that_add_up(ledger: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    archive.handler(subscription("ledger", "crdb", recorded("cockroachdb/json.log").splitlines()), None)
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["records_in"] == report["sent"] + report["filtered"] + report["quarantined"] + report["left"] == 3
    (metrics,) = report["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Logdock"
    assert metrics["Dimensions"] == [["deployment", "export", "destination"]]
    assert (report["deployment"], report["export"], report["destination"]) == ("acme", "ledger", "archive")
