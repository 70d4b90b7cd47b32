"""`logdock status`: what landed, what was shipped, what waits and what failed; what cannot be read is said."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto.cloudwatch.responses import CloudWatchResponse

from logdock.cli.ages import duration
from logdock.cli.main import main
from logdock.cli.status.findings import Status
from logdock.cli.status.survey import Survey
from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.cli.conftest import Type, Typed
from tests.cli.deployed import Deployed, refuse
from tests.cli.terminal import Terminal
from tests.cli.test_redrive import LONG


def document(ended: Typed) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ended.out)
    return found


def delivery(ended: Typed, export: str, destination: str) -> dict[str, Any]:
    (found,) = (
        dict(each)
        for each in document(ended)["deliveries"]
        if (each["export"], each["destination"]) == (export, destination)
    )
    return found


def age(moment: str) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(moment)


def test_nothing_has_landed_and_nothing_has_failed(logdock: Type, deployed: Deployed) -> None:
    ended = logdock("status")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("not in 14 days") == 10
    assert "Silent: app, for longer than its 1440 minutes (silent_after_minutes)" in ended.out
    assert "\n  logdock explain silence\n" in ended.out
    assert "No failures, but 2 exports are silent." in ended.out


@pytest.mark.parametrize(("vendor", "is_shown"), [("ENABLED", False), ("disabled", True), (None, True)])
def test_narrow_terminal_omits_vendors_only_if_all_are_enabled(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str | None, is_shown: bool
) -> None:
    terminal, found = Terminal(52), Survey.take

    def take(survey: Survey) -> Status:
        return replace(found(survey), vendors={"app": vendor})

    monkeypatch.setattr(Survey, "take", take)
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        terminal.install(patch)
        assert main(["status"]) == 0
    table = "\n".join(terminal.rows).partition("\n\n")[0]
    assert ("vendor" in table) is is_shown


def test_an_object_has_landed_when_its_rule_last_matched(logdock: Type, deployed: Deployed) -> None:
    deployed.measured("AWS/Events", "MatchedEvents", 3, timedelta(hours=3), RuleName="acme-app")
    deployed.measured("AWS/Events", "MatchedEvents", 0, timedelta(hours=1), RuleName="acme-app")
    landed = delivery(logdock("status", "--json"), "app", "logz")["landed"]
    assert timedelta(hours=2.5) < age(landed) < timedelta(hours=3.5)


def test_what_is_older_than_a_day_is_found_within_a_fortnight(logdock: Type, deployed: Deployed) -> None:
    deployed.measured("AWS/Events", "MatchedEvents", 3, timedelta(days=9), RuleName="acme-app")
    landed = delivery(logdock("status", "--json"), "app", "logz")["landed"]
    assert timedelta(days=8.5) < age(landed) < timedelta(days=9.5)


def test_log_events_have_landed_when_the_last_object_was_archived(logdock: Type, deployed: Deployed) -> None:
    for hours in (100, 49, 48):
        last = deployed.archive_object("jobs", timedelta(hours=hours))
    landed = delivery(logdock("status", "--json"), "jobs", "archive")["landed"]
    assert datetime.fromisoformat(landed) == last.replace(microsecond=0)


def test_shipped_records_and_lag_are_shown_per_destination(logdock: Type, deployed: Deployed) -> None:
    deployed.shipped("app", "logz", timedelta(minutes=30), lag_ms=42_000)
    deployed.shipped("app", "lake", timedelta(hours=5), lag_ms=1_000)
    ended = logdock("status", "--json")
    logz, lake = delivery(ended, "app", "logz"), delivery(ended, "app", "lake")
    assert timedelta(minutes=20) < age(logz["shipped"]) < timedelta(minutes=50)
    assert timedelta(hours=4.5) < age(lake["shipped"]) < timedelta(hours=5.5)
    assert (logz["lag_seconds"], lake["lag_seconds"]) == (42, 1)
    assert delivery(ended, "jobs", "logz")["shipped"] is None


def test_nothing_is_said_of_an_export_that_landed_in_time(logdock: Type, deployed: Deployed) -> None:
    deployed.measured("AWS/Events", "MatchedEvents", 3, timedelta(hours=3), RuleName="acme-app")
    deployed.archive_object("jobs", timedelta(hours=1))
    ended = logdock("status")
    assert "Silent" not in ended.out
    assert ended.out.endswith("\nNo failures.\n")


def test_alarms_that_are_on_are_named_with_what_explains_them(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_state_too(monkeypatch)
    cloudwatch = boto3.client("cloudwatch", "eu-west-1")
    text = "Nothing landed. Run first: logdock validate app. What to do: https://acme.example/runbook.md#silence"
    for name, state in (("acme/app/silence", "ALARM"), ("acme/app/lag-logz", "OK"), ("acme-2/app/silence", "ALARM")):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=text,
            MetricName="m",
            Namespace="n",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            Statistic="Sum",
            ComparisonOperator="LessThanThreshold",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")  # type: ignore[arg-type]
    ended = logdock("status")
    assert ended.code == 0
    (line,) = [line for line in ended.out.splitlines() if line.startswith("Alarm ")]
    said = r"Alarm app/silence in eu-west-1, since \d s ago: Nothing landed\. Run first: logdock validate app\."
    assert re.fullmatch(said, line)
    assert "  logdock explain silence    # or https://acme.example/runbook.md#silence\n" in ended.out
    assert "No failures, but 1 alarm is on and 2 exports are silent." in ended.out
    (alarm,) = document(logdock("status", "--json"))["alarms"]
    assert (alarm["name"], alarm["section"]) == ("app/silence", "silence")


def test_alarms_that_may_not_be_read_are_not_said_to_be_off(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "DescribeAlarms", "AccessDenied")
    ended = logdock("status")
    assert "Note: alarms in eu-west-1: not known, DescribeAlarms is refused" in ended.err
    assert "No failures are known, but 2 exports" in ended.out
    assert document(logdock("status", "--json"))["alarms"] is None


def by_state_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have moto filter by state as well as by name prefix, as CloudWatch does (API Reference, DescribeAlarms)."""
    original = CloudWatchResponse.describe_alarms

    def both(self: Any) -> Any:
        answer: Any = original(self)
        state = self._get_param("StateValue")
        answer.result["MetricAlarms"] = [each for each in answer.result["MetricAlarms"] if each.state_value == state]
        return answer

    monkeypatch.setattr(CloudWatchResponse, "describe_alarms", both)


def test_what_waits_and_what_is_dead_is_counted(logdock: Type, deployed: Deployed) -> None:
    for number in range(3):
        deployed.send("logz", deployed.land(f"{number}.log", "line"))
    deployed.sqs.receive_message(QueueUrl=deployed.urls["logz"], VisibilityTimeout=60)
    deployed.send("logz-dead", deployed.land("dead.log", "line"))
    deployed.measured(
        "AWS/SQS", "ApproximateAgeOfOldestMessage", 7200, timedelta(minutes=2), QueueName="acme-ship-logz"
    )
    ended = logdock("status", "--json")
    assert document(ended)["queues"] == [
        {"destination": "logz", "waiting": 2, "in_flight": 1, "oldest_seconds": 7200, "dead": 1},
        {"destination": "lake", "waiting": 0, "in_flight": 0, "oldest_seconds": None, "dead": 0},
    ]
    assert (ended.code, document(ended)["failures"]) == (1, 1)
    assert "1 failure, 2 exports are silent: `logdock redrive --dry-run`" in logdock("status").out


def test_refused_records_and_the_archivers_events_are_failures(logdock: Type, deployed: Deployed) -> None:
    deployed.export("app", vendor="s3-logs", oversize="quarantine")
    deployed.send("logz", deployed.land("long.log", LONG))
    deployed.ship()
    deployed.keep_event("async", "one")
    deployed.s3.put_object(Bucket=deployed.failed, Key="unclaimed/gone/1.json", Body=b"{}")
    deployed.s3.put_object(Bucket=deployed.failed, Key="quarantine/app/old/dt=2026-11-01/1-a.json.gz", Body=b"")
    ended = logdock("status", "--json")
    found = document(ended)
    assert delivery(ended, "app", "logz")["quarantined"] == 1
    assert delivery(ended, "app", "lake")["quarantined"] == 0
    assert found["kept"] == {"eu-west-1": 2}
    assert (ended.code, found["failures"]) == (1, 4)
    assert found["elsewhere"] == 1
    assert "that the settings do not name: 1\n" in logdock("status").out


@pytest.mark.parametrize(
    ("operation", "note"),
    [
        ("GetMetricData", "what was shipped: not known, "),
        ("ListObjectsV2", "what is in quarantine: not known, s3:ListBucket"),
        ("GetQueueAttributes", "the queues of lake: not known, "),
    ],
)
def test_what_may_not_be_read_is_said_and_the_rest_is_shown(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch, operation: str, note: str
) -> None:
    refuse(monkeypatch, operation, "AccessDenied")
    ended = logdock("status")
    assert ended.code == 0
    assert f"Note: {note}" in ended.err
    assert "?" in ended.out
    assert "No failures are known" in ended.out


def test_a_queue_that_is_not_there_names_the_stack_to_deploy(logdock: Type, deployed: Deployed) -> None:
    deployed.sqs.delete_queue(QueueUrl=deployed.urls["logz"])
    ended = logdock("status")
    assert ended.code == 4
    assert "acme-shipper is not deployed" in ended.err


def test_watching_looks_again_until_ctrl_c(logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(range(2))

    def pause(_seconds: float) -> None:
        if next(looks, None) is None:
            raise KeyboardInterrupt
        deployed.send("logz-dead", deployed.land("dead.log", "line"))

    monkeypatch.setattr("time.sleep", pause)
    ended = logdock("status", "--watch")
    assert ended.code == 1
    assert [line for line in ended.out.splitlines() if "failure" in line.lower()] == [
        "No failures, but 2 exports are silent.",
        "1 failure, 2 exports are silent: `logdock redrive --dry-run` shows why anything failed.",
        "2 failures, 2 exports are silent: `logdock redrive --dry-run` shows why anything failed.",
    ]


def test_watching_redraws_in_place_once_there_is_something_new(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    terminal, shown = Terminal(80), list[list[str]]()
    take = Survey.take

    def pause(_seconds: float) -> None:
        if len(shown) > 1:
            raise KeyboardInterrupt

    def spy(survey: Survey) -> Status:
        shown.append(terminal.rows)
        return take(survey)

    monkeypatch.setattr("time.sleep", pause)
    monkeypatch.setattr(Survey, "take", spy)
    with monkeypatch.context() as patch:
        terminal.install(patch)
        main(["status", "--watch"])
    during, after = shown[1], terminal.rows
    assert [sum(row.startswith("destination ") for row in rows) for rows in (during, after)] == [1, 1]
    assert after[0].startswith("export ")
    assert (terminal.faults, terminal.is_tidy) == ([], True)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0 s"), (-3, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_durations_are_written_in_one_unit(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def compacting() -> None:
    """Switch compaction on."""
    file = Path("logdock.yaml")  # where the command is typed
    file.write_text(f"{file.read_text()}archive: {{compact: true}}\n")


def test_hours_that_wait_to_be_compacted_are_those_of_the_last_whole_run(logdock: Type, deployed: Deployed) -> None:
    compacting()
    now, group = datetime.now(UTC), f"/aws/lambda/{deployed.names.compactor}"
    deployed.logs.create_log_group(logGroupName=group)
    deployed.logs.create_log_stream(logGroupName=group, logStreamName="a")

    def waiting(hour: str, days: int) -> dict[str, object]:
        since = (now - timedelta(days=days)).isoformat()
        return {"event": "waiting", "source": f"logs/jobs/dt=2026-11-21/hour={hour}/", "parts": 3, "since": since}

    end: dict[str, object] = {"event": "compacted", "objects": 0, "parts": 0, "failures": 0}
    lines = [waiting("04", 9), end, waiting("05", 1), waiting("06", 2), end, waiting("07", 9)]
    deployed.logs.put_log_events(
        logGroupName=group,
        logStreamName="a",
        logEvents=[
            {"timestamp": int(now.timestamp() * 1000) - 6000 + number, "message": json.dumps(line)}
            for number, line in enumerate(lines)
        ],
    )
    (found,) = document(logdock("status", "--json"))["uncompacted"]
    assert (found["export"], found["hours"], age(found["since"]).days) == ("jobs", 2, 2)
    shown = logdock("status").out
    assert "Not compacted: 2 hours of jobs, until every destination has them; the oldest object was" in shown


def test_hours_that_wait_are_not_known_before_the_function_is_deployed(logdock: Type, deployed: Deployed) -> None:
    compacting()
    ended = logdock("status", "--json")
    assert document(ended)["uncompacted"] is None
    assert "acme-shipper-compactor is not deployed yet" in ended.err


def test_what_is_fed_as_it_is_is_not_said_to_be_late(logdock: Type, deployed: Deployed) -> None:
    settings = yaml.safe_load(Path("logdock.yaml").read_text())
    reader = {"name": "reader", "kind": "logzio", "mode": "fetch", "account_id": "406095609952"}
    settings["destinations"].append(reader | {"external_id": "logzio:aws:extid:example0nktixxe8q"})
    settings["exports"][1]["ship_to"] = ["logz", "reader"]
    Path("logdock.yaml").write_text(yaml.safe_dump(settings))
    names = Names.of(load_settings(Path("logdock.yaml")))
    for suffix in ("", "-dead"):
        deployed.sqs.create_queue(QueueName=names.queue("reader", suffix), Attributes={"FifoQueue": "true"})
    found = {
        each["destination"]: each["unknown"]
        for each in document(logdock("status", "--json"))["deliveries"]
        if each["export"] == "jobs"
    }
    assert found == {"archive": [], "logz": [], "reader": ["shipped"]}
