"""Logs of Aurora PostgreSQL and of RDS instances: which lines are one entry, its time and its fields."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from log_shipper.record import Origin, Record
from log_shipper.vendors.rds import parser as rds

from tests.lambda_src.log_shipper.test_parsers import ORIGIN, read
from tests.lambda_src.log_shipper.world import recorded

PREFIX = "2026-03-04 05:06:07 UTC:10.0.3.147(57382):app@shop:[12768]:"
POSTGRESQL = Origin(ORIGIN.arrival, "postgresql")
SESSION = {
    "process_id": "12768", "connection_from": "10.0.3.147(57382)", "user_name": "app", "database_name": "shop",
}  # fmt: skip


def test_recorded_entries_have_their_lines_times_and_fields() -> None:
    records = read(recorded("rds/postgresql.log").encode(), "rds")
    assert "\n".join(record.message for record in records) == recorded("rds/postgresql.log").rstrip("\n")
    assert all(record.understood for record in records)
    found = [(record.time, record.message.count("\n"), record.fields) for record in records]
    assert found == [
        ("2026-03-04T05:06:07Z", 0, {"process_id": "394", "error_severity": "LOG"}),
        ("2026-03-04T05:06:08Z", 0, {**SESSION, "user_name": "postgres", "error_severity": "LOG"}),
        ("2026-03-04T05:06:09Z", 4, {**SESSION, "error_severity": "ERROR"}),
        (
            "2026-03-04T05:06:10Z",
            0,
            {"process_id": "501", "connection_from": "[local]", "user_name": "rdsadmin", "database_name": "rdsadmin",
             "error_severity": "LOG"},
        ),
        (
            "2026-03-04T05:06:11Z",
            0,
            {"process_id": "12801", "connection_from": "2001:db8::7(40122)", "user_name": "user@example.com",
             "database_name": "shop", "error_severity": "FATAL"},
        ),
        (
            "2026-03-04T05:06:12.345Z",
            1,
            {**SESSION, "error_severity": "LOG", "audit_type": "SESSION", "statement_id": "1", "substatement_id": "1",
             "class": "DDL", "command": "CREATE TABLE", "object_type": "TABLE", "object_name": "public.account"},
        ),
        (
            "2026-03-04T05:06:13Z",
            0,
            {"process_id": "12770", "connection_from": "app-1.example.internal(57390)", "user_name": "app",
             "database_name": "shop", "error_severity": "LOG"},
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-03-04 05:06:07 UTC", "2026-03-04T05:06:07Z"),
        ("2026-03-04 05:06:07.123 UTC", "2026-03-04T05:06:07.123Z"),
        ("2026-03-04 05:06:07 GMT", "2026-03-04T05:06:07Z"),
        ("2026-03-04 07:06:07 +02", "2026-03-04T05:06:07Z"),
        ("2026-03-04 07:06:07 CEST", None),
        ("2026-02-30 05:06:07 UTC", None),
    ],
)
def test_time_is_that_of_the_prefix_and_otherwise_of_the_arrival(stamp: str, expected: str | None) -> None:
    record = rds.parse(PREFIX.replace("2026-03-04 05:06:07 UTC", stamp) + "LOG:  a", POSTGRESQL)
    assert (record.time, record.understood) == (expected or ORIGIN.arrival, expected is not None)


def test_more_escapes_before_the_severity_are_passed_over() -> None:
    line = f"{PREFIX}3:23505:2026-03-04 05:00:00 UTC:5/1:0:69a7.31e0:psql:ERROR:  a"
    assert rds.parse(line, POSTGRESQL).fields == {**SESSION, "error_severity": "ERROR"}
    assert not rds.starts_record(line.replace("ERROR", "DETAIL"))


def test_line_without_a_prefix_at_the_beginning_is_kept_and_counted() -> None:
    assert rds.parse("a", POSTGRESQL) == Record("a", ORIGIN.arrival, "postgresql", None, False)


def test_other_logs_are_read_by_line() -> None:
    lines = ["20260304 05:06:07,h,u,10.0.0.1,1,1,QUERY,db,'select 1',0,,", "# Time: 2026-03-04T05:06:07Z", "select 1;"]
    records = read("\n".join(lines).encode(), "rds")
    assert [record.message for record in records] == lines
    assert [record.log_type for record in records] == ["audit", "given", "given"]
    assert (records[0].time, records[0].fields and records[0].fields["operation"]) == ("2026-03-04T05:06:07Z", "QUERY")


@given(
    st.lists(
        st.tuples(st.sampled_from(["LOG", "ERROR", "DETAIL", "STATEMENT", "\t", "", "?"]), st.text(max_size=9)),
        max_size=12,
    )
)
@example([("", "b"), ("DETAIL", ""), ("LOG", "a"), ("\t", "b"), ("DETAIL", "")])
def test_entries_begin_where_postgresql_begins_one(parts: list[tuple[str, str]]) -> None:
    lines = []
    for kind, text in parts:
        text = "".join(text.split()) or "x"
        lines.append(kind + text if kind in ("\t", "", "?") else f"{PREFIX}{kind}:  {text}")
    records = read("\n".join(lines).encode("utf-8", "surrogatepass"), "rds")
    begins = [kind in ("LOG", "ERROR") for kind, _ in parts]
    # before the first entry nothing is held, but for what begins with a prefix
    first = next((at for at, (kind, _) in enumerate(parts) if kind not in ("\t", "", "?")), len(parts))
    assert len(records) == first + bool(parts[first:]) + sum(begins[first + 1 :])
    assert json.dumps([line for record in records for line in record.message.split("\n")]) == json.dumps(lines)
