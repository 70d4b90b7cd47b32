"""`logdock status` of a large deployment: how long it takes, what watching costs, and what it did not look at."""

import json
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.client
import pytest
import yaml
from moto.s3.models import s3_backends

from logdock.cli.account import CONNECTIONS
from logdock.cli.status.costs import DAY_SECONDS, METRIC, dollars, interval_seconds
from tests.cli.conftest import Requests, Type
from tests.cli.deployed import Deployed, refuse

CALL_SECONDS = 0.1
EXPORTS = 200


def grow() -> None:
    """Have two hundred exports in the settings, half of them of log groups."""
    settings = yaml.safe_load(Path("logdock.yaml").read_text())
    for number in range(EXPORTS - 2):
        document: dict[str, Any] = {"name": f"e{number}", "kind": "s3-logs", "existing_bucket": f"b-{number}"}
        if number % 2:
            document = {"name": f"e{number}", "kind": "cloudwatch-logs", "log_groups": [f"/e/{number}"]}
        settings["exports"].append({**document, "ship_to": ["logz"]})
    Path("logdock.yaml").write_text(yaml.safe_dump(settings))


def refuse_quarantine(deployed: Deployed, count: int) -> None:
    moto = s3_backends[deployed.settings.account]["aws"]
    for number in range(count):
        moto.put_object(deployed.failed, f"quarantine/app/lake/dt=2026-11-17/{number:06}-a.json.gz", b"")
    for destination, more in (("app/logz", 1500), ("jobs/logz", 3)):
        for number in range(more):
            moto.put_object(deployed.failed, f"quarantine/{destination}/dt=2026-11-17/{number:06}-a.json.gz", b"")


@pytest.mark.proof
def test_two_hundred_exports_take_five_seconds_at_a_tenth_of_a_second_a_call(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many workers end at the latest after the longest task and their share of all calls (Graham's bound)."""
    grow()
    of_thread = threading.local()
    tasks: list[int] = []
    client: Any = botocore.client.BaseClient
    make = client._make_api_call

    def spy(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        of_thread.calls = getattr(of_thread, "calls", 0) + 1
        return make(self, operation, parameters)

    class Pool(ThreadPoolExecutor):
        def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
            def counted() -> Any:
                of_thread.calls = 0
                try:
                    return work(*arguments, **named)
                finally:
                    tasks.append(of_thread.calls)

            return super().submit(counted)

    monkeypatch.setattr(client, "_make_api_call", spy)
    monkeypatch.setattr("logdock.cli.status.survey.ThreadPoolExecutor", Pool)
    of_thread.calls = 0
    ended = logdock("status", "--json")
    assert (ended.code, len(json.loads(ended.out)["deliveries"])) == (0, 301)
    rounds = of_thread.calls + max(tasks) + sum(tasks) / CONNECTIONS
    assert rounds * CALL_SECONDS <= 5.0, f"{of_thread.calls} before, {max(tasks)} in one task, {sum(tasks)} in all"


@pytest.mark.proof
def test_watching_two_hundred_exports_costs_at_most_a_dollar_a_day_and_says_so(
    logdock: Type, deployed: Deployed, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow()
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", pause)
    ended = logdock("status", "--watch")
    assert len(waits) == 2
    # of the metrics alone, counted on their own
    metrics = sum(len(parameters.get("MetricDataQueries", [])) for _, parameters in requests)
    assert metrics / 2 * METRIC * DAY_SECONDS / waits[1] <= 1.0
    assert ended.err.count("Looks again in ") == 2
    assert f"Looks again in {waits[1]:.0f} s. A look costs about 0.0" in ended.err
    assert " a day." in ended.err


def test_the_interval_is_ten_seconds_where_that_costs_little() -> None:
    assert interval_seconds(0.0) == 10
    assert interval_seconds(0.01) == 864
    assert dollars({("monitoring", "GetMetricData"): 1000, ("s3", "ListObjectsV2"): 1000}) == pytest.approx(0.015)


@pytest.mark.proof
def test_refused_records_behind_the_limit_are_no_zero(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logdock.cli.status.survey.MOST_LISTED", 1200)
    refuse_quarantine(deployed, 1200)
    ended = logdock("status")
    assert ended.code == 1
    assert "1000+" in ended.out
    assert "Not looked at: quarantine: behind its first 1200 objects" in ended.out
    assert "At least 2203 failures" in ended.out
    ended = logdock("status", "--json")
    assert ended.code == 1
    report = json.loads(ended.out)
    found = {
        (each["export"], each["destination"]): (each["quarantined"], each["at_least"]) for each in report["deliveries"]
    }
    assert found["app", "logz"] == (1000, True)
    assert found["jobs", "logz"] == (3, False)
    assert report["not_looked_at"]


def test_events_behind_the_limit_are_said(logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logdock.cli.status.survey.MOST_LISTED", 2)
    for number in range(3):
        deployed.s3.put_object(Bucket=deployed.failed, Key=f"unclaimed/gone/{number}.json", Body=b"{}")
    ended = logdock("status")
    assert "the archiver's events in eu-west-1: only the first 2 under unclaimed/ are counted" in ended.out
    assert ended.code == 1


@pytest.mark.parametrize("operation", ["GetMetricData", "ListObjectsV2", "GetQueueAttributes"])
def test_a_throttled_request_is_said_and_is_not_the_end(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    refuse(monkeypatch, operation, "ThrottlingException")
    ended = logdock("status", "--json")
    report = json.loads(ended.out)
    assert ended.code == 1
    assert any("AWS did not answer (ThrottlingException)" in each for each in report["not_looked_at"])
