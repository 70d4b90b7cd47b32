"""`logdock sql --engine athena`: what Athena is sent, what it costs, and how its answer becomes rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from logdock.cli.account import Account
from logdock.cli.sql import hours
from logdock.cli.sql.statement import Statement
from logdock.settings.sql import ARCHIVE
from tests.cli.conftest import Type

SETTINGS = """\
deployment: acme-prod
account: "111122223333"
region: eu-west-1
sql: {}
exports:
  - {name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs]}
  - {name: apps, kind: cloudwatch-logs, log_groups: [/acme/apps]}
"""
COLUMNS = [("export", "varchar"), ("n", "bigint"), ("share", "double"), ("day", "date"), ('odd " name', "map")]
ROWS: list[list[str | None]] = [
    ["jobs", "12", "0.5", "2026-11-17", "{a=1}"],
    [None, None, None, None, "\x1b[2J"],
    ["b", "-1", "1E9", None, None],
]


class FakeAthena:
    """Athena: a query that ends after two looks, and answers a page for each row."""

    def __init__(self, state: str = "SUCCEEDED", reason: str = "") -> None:
        self.state, self.reason, self.looks = state, reason, 0
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.interrupt = False

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, **_: str) -> dict[str, Any]:
        if self.interrupt:
            raise KeyboardInterrupt
        self.looks += 1
        state = self.state if self.looks > 2 else ("QUEUED", "RUNNING")[self.looks - 1]
        status = {"State": state, **({"StateChangeReason": self.reason} if self.reason else {})}
        return {"QueryExecution": {"Status": status, "Statistics": {"DataScannedInBytes": 2_000_000_000}}}

    def stop_query_execution(self, **request: str) -> None:
        self.stopped.append(request["QueryExecutionId"])
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "StopQueryExecution")

    def get_paginator(self, _: str) -> FakeAthena:
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        info = [{"Name": name, "Type": kind} for name, kind in COLUMNS]
        header: list[str | None] = [name for name, _ in COLUMNS]
        return [
            {"ResultSet": {"ResultSetMetadata": {"ColumnInfo": info}, "Rows": [_row(row) for row in rows]}}
            for rows in ([header, ROWS[0]], ROWS[1:2], ROWS[2:])
        ]


def _row(cells: list[str | None]) -> dict[str, Any]:
    return {"Data": [{} if cell is None else {"VarCharValue": cell} for cell in cells]}


@pytest.fixture
def fake(aws: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeAthena:
    (tmp_path / "logdock.yaml").write_text(SETTINGS)
    fake = FakeAthena()
    monkeypatch.setattr(Account, "athena", fake)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return fake


def ask(logdock: Type, *options: str) -> Any:
    return logdock("sql", "--engine", "athena", "SELECT count(*) FROM archive WHERE dt = '2026-11-17'", *options)


def test_a_statement_runs_in_the_workgroup_and_its_cost_is_shown(fake: FakeAthena, logdock: Type) -> None:
    ended = ask(logdock, "--output", "json", "--since", "2026-11-17 03:00", "--until", "2026-11-17 04:30", "-e", "jobs")
    assert ended.code == 0, ended.err
    assert [json.loads(line) for line in ended.out.splitlines()] == [
        {"export": "jobs", "n": 12, "share": 0.5, "day": "2026-11-17", 'odd " name': "{a=1}"},
        {"export": None, "n": None, "share": None, "day": None, 'odd " name': "\x1b[2J"},
        {"export": "b", "n": -1, "share": 1e9, "day": None, 'odd " name': None},
    ]
    assert ended.err == (
        "3 rows; Athena scanned 2000.0 MB (about 0.01000 dollars), limited to jobs, "
        "from 2026-11-17T03:00:00Z to 2026-11-17T04:30:00Z\n"
    )
    (started,) = fake.started
    assert (started["WorkGroup"], started["QueryExecutionContext"]) == ("acme-prod-logs", {"Database": "acme_prod"})
    limit = started["QueryString"].partition("FROM archive WHERE ")[2].partition(") AS archive WHERE dt = '2026-11-17'")
    assert limit[0] == (
        "export IN ('jobs') AND dt BETWEEN '2026-11-17' AND '2026-11-17' AND hour BETWEEN '03' AND '04' "
        "AND REPLACE(time, 'Z', '') < '2026-11-17T04:30:00'"
    )
    assert limit[1]


def test_a_table_of_athenas_answer_obeys_nothing(fake: FakeAthena, logdock: Type) -> None:
    assert "\x1b" not in ask(logdock).out
    assert "\\x1b[2J" in ask(logdock).out


def test_a_query_that_fails_says_why(fake: FakeAthena, logdock: Type) -> None:
    fake.state, fake.reason = "CANCELLED", "Bytes scanned limit was exceeded"
    ended = ask(logdock)
    assert (ended.code, ended.err) == (
        3, "Error: Athena, query q-1: cancelled: Bytes scanned limit was exceeded\n",
    )  # fmt: skip


def test_an_interrupt_stops_the_query_too(fake: FakeAthena, logdock: Type) -> None:
    fake.interrupt = True
    assert ask(logdock).code == 130
    assert fake.stopped == ["q-1"]


def test_without_the_setting_there_is_nothing_to_ask(fake: FakeAthena, logdock: Type, tmp_path: Path) -> None:
    (tmp_path / "logdock.yaml").write_text(SETTINGS.replace("sql: {}\n", ""))
    ended = ask(logdock)
    assert (ended.code, fake.started) == (2, [])
    assert "add `sql: {}` to the settings and `npx cdk deploy acme-prod-core`" in ended.err


@pytest.mark.parametrize(
    ("duckdb", "trino"),
    [
        ("SELECT fields['a'] FROM archive", "ELEMENT_AT(fields, 'a')"),
        ("SELECT message->>'$.a.b' FROM archive", "JSON_EXTRACT_SCALAR(message, '$.a.b')"),
        ("SELECT time::TIMESTAMP FROM archive", "CAST(AT_TIMEZONE(FROM_ISO8601_TIMESTAMP(time), 'UTC') AS TIMESTAMP)"),
        ("SELECT contains(message, 'a') FROM archive", "STRPOS(message, 'a') > 0"),
        ("SELECT lower(source) AS s, hour, count(*) FROM archive GROUP BY ALL", "GROUP BY 1, 2"),
        ("SELECT lower(source) AS s, count(*) FROM archive GROUP BY s", "GROUP BY 1"),
        ("SELECT lower(source) AS source, count(*) FROM archive GROUP BY source", "GROUP BY source"),
        ("SELECT 1 FROM archive WHERE message ILIKE '%x%'", "LOWER(message) LIKE LOWER('%x%')"),
    ],
)  # fmt: skip
def test_a_statement_in_athenas_words(duckdb: str, trino: str) -> None:
    assert trino in Statement(duckdb, {"archive": ARCHIVE}).for_athena({})


def test_the_range_of_several_days_is_in_days_and_hours() -> None:
    assert hours.scope(["a", "b"], *_range("2026-11-17 03:00", "2026-11-19 02:00")) == (
        "export IN ('a', 'b') AND dt BETWEEN '2026-11-17' AND '2026-11-19' AND "
        "(dt > '2026-11-17' OR hour >= '03') AND (dt < '2026-11-19' OR hour <= '01')"
    )
    assert hours.scope(["a"], *_range("2026-11-17", "2026-11-19")) == (
        "export IN ('a') AND dt BETWEEN '2026-11-17' AND '2026-11-18'"
    )


def _range(since: str, until: str) -> Any:
    from datetime import UTC, datetime

    return tuple(datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (since, until))
