"""What is counted as a security event: the filter patterns against lines as the vendors write them."""

import re

import pytest

from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.cockroachdb.security_events import cockroachdb_filters
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.mongodb_atlas.security_events import audit_is_counted
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.rds.security_events import database_filters
from logdock.vendors.rds.settings import RdsExport
from tests.conftest import ROOT, Synthesized
from tests.settings.documents import export

EVENTS = ROOT / "tests" / "events"
AURORA = database_filters(AuroraMysqlExport.model_validate(export("aurora-mysql")))
RDS = database_filters(RdsExport.model_validate(export("rds", pgaudit=["ddl", "role"], log_statement="ddl")))
COCKROACHDB = cockroachdb_filters(CockroachdbExport.model_validate(export("cockroachdb")))


def matches(pattern: str, line: str) -> bool:
    """Match as CloudWatch Logs does: anywhere in the line."""
    return re.search(pattern[1:-1], line) is not None


def seen_as(filters: dict[str, dict[str, str]], line: str) -> set[str]:
    return {name for name, groups in filters.items() if any(matches(each, line) for each in groups.values())}


def aurora(operation: str, text: str = "", code: int = 0) -> str:
    quoted = f"'{text}'" if text else ""
    return f"1612119892335696,shop-1,app,10.1.15.240,8,8139,{operation},shop,{quoted},{code}"


def cockroachdb(event: str) -> list[str]:
    """Return an event in both of CockroachDB's formats."""
    body = f'{{"Timestamp":1616542519458095000,"EventType":"{event}","User":"‹roach›"}}'
    return [
        f"I210323 23:35:19.458098 122619 4@util/log/event_log.go:32 ⋮ [n1] 62 ={body}",
        f'{{"channel":"SESSIONS","timestamp":"1699305954.983614000","redactable":1,"event":{body}}}',
    ]


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        (aurora("FAILED_CONNECT", code=1045), {"failed-logins"}),
        (aurora("CONNECT", code=1045), {"failed-logins"}),
        (aurora("CONNECT"), set()),
        (aurora("DISCONNECT"), set()),
        (aurora("DISCONNECT", code=1158), set()),
        (aurora("QUERY", "GRANT SELECT ON shop.* TO app"), {"privilege-changes"}),
        (aurora("QUERY", "revoke all on shop.* from app"), {"privilege-changes"}),
        (aurora("QUERY", "CREATE USER app IDENTIFIED BY <secret>"), {"privilege-changes"}),
        (aurora("QUERY", "drop role reader"), {"privilege-changes"}),
        (aurora("QUERY", "SET PASSWORD FOR app = <secret>"), {"privilege-changes"}),
        (aurora("QUERY", "CREATE TABLE t (id int)"), {"schema-changes"}),
        (aurora("QUERY", "alter table t add c int"), {"schema-changes"}),
        (aurora("QUERY", "Drop Database shop"), {"schema-changes"}),
        (aurora("QUERY", "TRUNCATE t"), {"schema-changes"}),
        (aurora("QUERY", "SELECT * FROM grants WHERE note = \\'GRANT it\\'"), set()),
        (aurora("QUERY", "SELECT \\'create table x\\'", 1146), set()),
        (aurora("QUERY", "SET NAMES utf8"), set()),
    ],
)
def test_aurora_lines_are_seen_for_what_they_are(line: str, kinds: set[str]) -> None:
    assert seen_as(AURORA, line) == kinds


POSTGRESQL = "2026-03-04 05:06:07 UTC:10.0.3.147(57382):app@shop:[12768]:"


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ('FATAL:  password authentication failed for user "app"', {"failed-logins"}),
        ('FATAL:  PAM authentication failed for user "app"', {"failed-logins"}),
        ('FATAL:  no pg_hba.conf entry for host "10.0.3.147"', {"failed-logins"}),
        ("FATAL:  terminating connection due to administrator command", set()),
        ("LOG:  statement: grant select on t to app", {"privilege-changes"}),
        ("LOG:  execute <unnamed>: CREATE ROLE app", {"privilege-changes"}),
        ("LOG:  AUDIT: SESSION,1,1,ROLE,GRANT,TABLE,,grant select on t to app,<none>", {"privilege-changes"}),
        ("LOG:  AUDIT: SESSION,1,1,DDL,CREATE TABLE,TABLE,public.t,create table t (),<none>", {"schema-changes"}),
        ("LOG:  statement: TRUNCATE t", {"schema-changes"}),
        ("LOG:  statement: select 'grant '", set()),
        ("STATEMENT:  grant select on t to app", set()),
    ],
)
def test_postgresql_lines_are_seen_for_what_they_are(line: str, kinds: set[str]) -> None:
    assert seen_as(RDS, POSTGRESQL + line) == kinds


def test_changes_in_postgresql_are_counted_only_where_they_are_logged() -> None:
    def counted(**changes: object) -> set[str]:
        return set(database_filters(RdsExport.model_validate(export("rds", **changes))))

    assert counted() == {"failed-logins"}
    assert counted(pgaudit=["role"]) == {"failed-logins", "privilege-changes"}
    assert counted(log_statement="mod") == set(RDS)
    assert counted(log_types=["upgrade"]) == set()
    assert counted(engine="mysql", log_types=["audit"]) == set(RDS)


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        ("client_authentication_failed", {"failed-logins"}),
        ("client_authentication_ok", set()),
        ("change_table_privilege", {"privilege-changes"}),
        ("alter_default_privileges", {"privilege-changes"}),
        ("grant_role", {"privilege-changes"}),
        ("create_role", {"privilege-changes"}),
        ("drop_role", {"privilege-changes"}),
        ("alter_role", {"privilege-changes"}),
        ("create_table", {"schema-changes"}),
        ("drop_index", {"schema-changes"}),
        ("alter_table", {"schema-changes"}),
        ("alter_database_add_region", {"schema-changes"}),
        ("rename_column", {"schema-changes"}),
        ("truncate_table", {"schema-changes"}),
        ("query_execute", set()),
    ],
)
def test_cockroachdb_events_are_seen_for_what_they_are_in_both_formats(event: str, kinds: set[str]) -> None:
    for line in cockroachdb(event):
        assert seen_as(COCKROACHDB, line) == kinds


@pytest.mark.parametrize("path", ["aurora-mysql/audit.csv", "cockroachdb/json.log", "cockroachdb/crdb-v2.log"])
def test_recorded_lines_of_an_ordinary_day_are_none(path: str) -> None:
    for line in (EVENTS / path).read_text().splitlines():
        assert seen_as(AURORA, line) == set()
        assert seen_as(COCKROACHDB, line) == set()


@pytest.mark.parametrize(
    "pattern", [each for kinds in (AURORA, RDS, COCKROACHDB) for one in kinds.values() for each in one.values()]
)
def test_patterns_have_nothing_that_the_services_expressions_do_not_know(pattern: str) -> None:
    # CloudWatch Logs User Guide, "Supported regular expressions (regex) syntax".
    assert re.fullmatch(r"%[A-Za-z0-9:_#=@/;,^$?\[\]{}|\\*+.-]+%", pattern)
    assert "[^" not in pattern
    assert len(pattern) <= 1024


def test_no_log_group_gets_more_patterns_than_it_takes(example: Synthesized) -> None:
    groups: dict[tuple[str, str], int] = {}
    for stack, _, metric_filter in example.resources("AWS::Logs::MetricFilter"):
        if metric_filter["Properties"]["FilterPattern"].startswith("%"):
            at = (stack, metric_filter["Properties"]["LogGroupName"])
            groups[at] = groups.get(at, 0) + 1
    assert all(count <= 5 for count in groups.values())


def test_every_count_is_one_metric_of_its_export_without_dimensions(example: Synthesized) -> None:
    for stack, _, metric_filter in example.resources("AWS::Logs::MetricFilter"):
        (found,) = metric_filter["Properties"]["MetricTransformations"]
        name, namespace = found["MetricName"], found["MetricNamespace"]
        assert name in ("failed_logins", "privilege_changes", "schema_changes", "denied")
        assert namespace.startswith("Logdock/acme-prod/")
        assert stack.startswith("acme-prod-" + namespace.rpartition("/")[2])
        # No default value: without a match there is no data point, and the metric costs nothing.
        assert found == {"MetricName": name, "MetricNamespace": namespace, "MetricValue": "1", "Unit": "Count"}


def test_what_is_not_audited_is_not_counted() -> None:
    def counted(**changes: object) -> set[str]:
        return set(database_filters(AuroraMysqlExport.model_validate(export("aurora-mysql", **changes))))

    assert counted(events=["CONNECT"]) == {"failed-logins"}
    assert counted(events=["QUERY_DDL"]) == {"schema-changes"}
    assert counted(events=["TABLE"]) == set()
    assert counted(log_types=["error"]) == set()


def test_channels_are_counted_where_they_go() -> None:
    groups = [{"log_name": "/sql", "channels": ["SQL_SCHEMA", "PRIVILEGES"]}, {"log_name": "/ops", "channels": ["OPS"]}]
    document = export("cockroachdb", groups=groups, omitted_channels=["SESSIONS"])
    found = {
        name: list(filters) for name, filters in cockroachdb_filters(CockroachdbExport.model_validate(document)).items()
    }
    main = document["log_group"]
    assert found == {"privilege-changes": ["/sql", main], "schema-changes": ["/sql"]}


def test_logins_of_atlas_are_counted_by_who_reads_its_audit_log() -> None:
    def counted(**changes: object) -> bool:
        return audit_is_counted(MongodbAtlasExport.model_validate(export("mongodb-atlas", **changes)))

    assert counted(ship_to=["logz"])
    assert not counted()
    assert not counted(ship_to=["logz"], log_types=["MONGOD"])
