"""The ten queries of docs/sql.md: what DuckDB answers over an archive, and what Athena would be sent.

Lines are as the vendors write them, beside lines that a query must not count. They are read by the shipper's own
parsers into objects of the archive. What each query must answer is computed without SQL.
"""

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
import sqlglot
from log_shipper.fast import RawBlock
from log_shipper.keys import identity_of
from log_shipper.reading import read_blocks
from log_shipper.record import Origin
from log_shipper.rendering import Renderer, Shape, archive_key
from moto import mock_aws
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from local_cloud.stand_ins.recorded import recorded
from logdock.cli.main import main
from logdock.cli.sql import hours
from logdock.cli.sql.command import tables_of
from logdock.cli.sql.statement import Statement
from logdock.settings import load_settings
from tests.conftest import ROOT

ACCOUNT, REGION = "111122223333", "eu-west-1"
SETTINGS = f"""\
deployment: acme
account: "{ACCOUNT}"
region: {REGION}
sql: {{scan_limit_gb: 50}}
exports:
  - name: orders
    kind: mongodb-atlas
    project_id: 5e2211c17a3e5a48f5497de3
    atlas_principal_arn: arn:aws:iam::772401394250:root
    external_id: 9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64
    ship_to: [archive]
  - name: ledger
    kind: cockroachdb
    cluster_id: f78b7feb-b6cf-4396-9d7f-494982d7d81e
    cluster_account_id: "222233334444"
    external_id: 6d1f0c5be8a14c6f9f0d2b7a
    log_group: /acme/cockroach/ledger
  - {{name: billing, kind: aurora-mysql, cluster_id: billing, parameter_group: billing-params}}
  - {{name: trail, kind: s3-logs, services: [cloudtrail], ship_to: [archive]}}
"""
PAGE = (ROOT / "docs" / "sql.md").read_text()
QUERIES = dict(re.findall(r"^(\S[^\n]*)\n```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
HOST = "atlas-5e2211-shard-00-00.mongodb.net"


class Line(NamedTuple):
    """A line of the archive: the partition it is in, and what it says."""

    export: str
    dt: str
    hour: str
    said: dict[str, Any]

    @property
    def message(self) -> str:
        return str(self.said["message"])

    def json(self, path: str) -> Any:
        """Return a part of a message that is JSON, in the words of its path."""
        found: Any = json.loads(self.message) if self.message.startswith("{") else {}
        for name in path.split("."):
            found = found.get(name, {}) if isinstance(found, dict) else {}
        return None if isinstance(found, (dict, list)) else found


@dataclass(frozen=True)
class World:
    """The settings file, the archive's lines, and what lies where Atlas lands."""

    file: Path
    lines: list[Line]
    landed: dict[str, list[str]]

    def of(self, export: str, first: str = "", last: str = "9") -> list[Line]:
        """Return the lines of an export in a range of days."""
        return [line for line in self.lines if line.export == export and first <= line.dt <= last]


def mongod(when: str, **attributes: Any) -> str:
    document = json.loads(recorded("mongodb-atlas/mongod.log")[1])
    document["t"]["$date"] = f"{when}.000+00:00"
    document["attr"] |= {**attributes, "appName": "x"}
    return json.dumps(document)


def audit(when: str, user: str, address: str, result: int, atype: str = "authenticate") -> str:
    document = json.loads(recorded("mongodb-atlas/mongod-audit.log")[0])
    document |= {"ts": {"$date": f"{when}.000+0000"}, "atype": atype, "result": result}
    document["remote"]["ip"], document["param"]["user"] = address, user
    return json.dumps(document | {"uuid": "x"})


def roach(when: str, channel: str, user: str = "ada") -> str:
    document = json.loads(recorded("cockroachdb/json.log")[0])
    moment = int(datetime.fromisoformat(f"{when}+00:00").timestamp())
    document |= {"timestamp": f"{moment}.000000000", "channel": channel}
    document["event"] |= {"User": user, "Info": "x"}
    return json.dumps(document, ensure_ascii=False)


def aurora(when: str, user: str, address: str, operation: str) -> str:
    columns = recorded("aurora-mysql/audit.csv")[1].split(",")
    columns[0] = f"{int(datetime.fromisoformat(f'{when}+00:00').timestamp())}000000"
    columns[2], columns[3], columns[6], columns[7] = user, address, operation, "x"
    return ",".join(columns)


def call(when: str, name: str, error: str | None) -> dict[str, Any]:
    (event, *_) = json.loads("\n".join(recorded("aws-services/cloudtrail.json")))["Records"]
    failure = {"errorCode": error} if error else {}
    return {**event, "eventTime": f"{when}Z", "eventName": name, "eventID": "x", **failure}


def story() -> tuple[dict[tuple[str, str, str], list[str]], list[str], list[str]]:
    """Return lines by export, log type and vendor; and those of Atlas by their two folders."""
    slow = [
        *(mongod("2026-11-17T09:00:00", ns="stocks.trades", durationMillis=number) for number in (10, 700)),
        mongod("2026-11-17T10:00:00", ns="stocks.users", durationMillis=90),
        mongod("2026-11-16T09:00:00", ns="stocks.trades", durationMillis=60_000),
        mongod("2026-11-17T09:30:00", ns="malice.trades", durationMillis=5),
        json.dumps(json.loads(mongod("2026-11-17T09:45:00", ns="stocks.quick")) | {"msg": "Connection ended"}),
    ]
    logins = [
        *(audit("2026-11-12T08:00:00", "mallory", "203.0.113.9", 18) for _ in range(3)),
        audit("2026-11-12T08:00:01", "trent", "203.0.113.7", 11),
        audit("2026-11-12T08:00:02", "trent", "203.0.113.7", 0),
        audit("2026-11-12T08:00:03", "trent", "203.0.113.7", 13, atype="authCheck"),
        audit("2026-11-09T08:00:00", "mallory", "203.0.113.9", 18),
    ]
    roaches = [
        roach(f"2026-11-17T03:{minute}:30", "SQL_EXEC") for minute in ("09", "12", "13", "14", "15")
    ] + [
        roach("2026-11-12T05:00:00", "SESSIONS", user="alice"),
        roach("2026-11-18T05:00:00", "SESSIONS", user="alice"),
        roach("2026-10-05T05:00:00", "SQL_SCHEMA"),
        roach("2026-10-05T05:00:00", "USER_ADMIN"),
        roach("2026-10-06T05:00:00", "PRIVILEGES"),
        roach("2026-09-30T05:00:00", "SQL_SCHEMA"),
    ]  # fmt: skip
    auroras = [
        *(aurora(f"2026-11-11T{hour}:00:00", "eve", "10.0.0.9", "CONNECT") for hour in ("06", "19", "22")),
        aurora("2026-11-12T02:00:00", "alice", "10.0.0.8", "CONNECT"),
        aurora("2026-11-12T07:00:00", "eve", "10.0.0.9", "CONNECT"),
        aurora("2026-11-12T18:59:59", "eve", "10.0.0.9", "CONNECT"),
        aurora("2026-11-12T22:00:00", "eve", "10.0.0.9", "QUERY"),
        aurora("2026-10-31T22:00:00", "eve", "10.0.0.9", "CONNECT"),
        "not an audit line, so without fields",
    ]
    calls = [
        *(call("2026-11-12T05:00:00", "StartInstances", "Client.UnauthorizedOperation") for _ in range(2)),
        call("2026-11-12T05:00:00", "GetObject", "AccessDenied"),
        call("2026-11-12T05:00:00", "DescribeTable", "ResourceNotFoundException"),
        call("2026-11-12T05:00:00", "PutObject", None),
        call("2026-11-09T05:00:00", "GetObject", "AccessDenied"),
    ]
    lines = {
        ("orders", "mongodb", "mongodb-atlas"): slow,
        ("orders", "mongodb-audit-log", "mongodb-atlas"): logins,
        ("ledger", "/acme/cockroach/ledger", "cockroachdb"): roaches,
        ("billing", "/aws/rds/cluster/billing/audit", "aurora-mysql"): auroras,
        ("trail", "cloudtrail", "s3-logs"): [json.dumps({"Records": calls})],
    }
    return lines, slow, logins


def archived(export: str, log_type: str, vendor: str, lines: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield objects of the archive, a key and its lines, as the shipper reads and writes them."""
    origin = Origin("2026-11-17T12:00:00Z", log_type)
    data = "".join(f"{line}\n" for line in lines).encode()
    format_name = "cloudtrail" if log_type == "cloudtrail" else "auto"
    blocks = read_blocks([data], vendor=vendor, format_name=format_name, origin=origin, record_start=None)
    records = [record for block in blocks for record in (block.records() if isinstance(block, RawBlock) else block)]
    renderer = Renderer(Shape(), export=export, vendor=vendor, source="s3://a/b")
    by_hour: dict[str, list[Any]] = defaultdict(list)
    for record in records:
        by_hour[record.time[:13]].append(record)
    for of_hour in by_hour.values():
        rendered = b"".join(renderer.archived(record) for record in of_hour)
        yield archive_key(export, of_hour[0].time, identity_of(export, of_hour[0].message)), rendered


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    file: Path = tmp_path_factory.mktemp("sql") / "logdock.yaml"
    file.write_text(SETTINGS)
    settings, untyped = load_settings(file), boto3
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
            environment.setenv(name, value)
        environment.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            environment.delenv(name, raising=False)
        s3: Any = untyped.client("s3", region_name=REGION)
        (orders,) = [export for export in settings.exports if export.name == "orders"]
        bucket = str(getattr(orders.landing(settings), "bucket", None))
        for each in (settings.archive_bucket, bucket):
            s3.create_bucket(Bucket=each, CreateBucketConfiguration={"LocationConstraint": REGION})
        lines, found, landed = story(), list[Line](), dict[str, list[str]]()
        for (export, log_type, vendor), written in lines[0].items():
            for key, body in archived(export, log_type, vendor, written):
                s3.put_object(Bucket=settings.archive_bucket, Key=key, Body=gzip.compress(body))
                _, _, day, hour, _ = key.split("/")
                found += [Line(export, day[3:], hour[5:], json.loads(line)) for line in body.splitlines()]
        for folder, written in (("mongodb", lines[1]), ("mongodb-audit-log", lines[2])):
            key = f"{getattr(orders, 'prefix', None)}/Cluster0/{HOST}/{folder}/2026-11-17T11-00-00.000-{folder}.log"
            s3.put_object(Bucket=bucket, Key=key, Body="".join(f"{line}\n" for line in written).encode())
            landed[f"s3://{bucket}/{key}"] = written
        yield World(file, found, landed)


Rows = list[list[str | None]]


def how_much(world: World) -> Rows:
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for line in world.lines:
        if "2026-11-01" <= line.dt <= "2026-11-30":
            found[line.export, line.dt].append(len(line.message))
    return [[export, dt, str(len(sizes)), str(sum(sizes))] for (export, dt), sizes in found.items()]


def at_a_moment(world: World) -> Rows:
    return [
        [line.said[name] for name in ("time", "log_type", "source", "message")]
        for line in world.of("ledger", "2026-11-17", "2026-11-17")
        if "2026-11-17T03:11" <= line.said["time"] <= "2026-11-17T03:14"
    ]


def of_one_person(world: World) -> Rows:
    return [
        [line.said["time"], line.export, line.said["log_type"], line.message]
        for line in world.lines
        if "2026-11-10" <= line.dt <= "2026-11-17" and re.search(r"\balice\b", line.message)
    ]


def failed_logins(world: World) -> Rows:
    found = Counter(
        (line.json("param.user"), line.json("remote.ip"))
        for line in world.of("orders", "2026-11-10")
        if line.json("atype") == "authenticate" and line.json("result") not in (0, None)
    )
    return [[user, address, str(count)] for (user, address), count in found.items()]


def slow_operations(world: World) -> Rows:
    found: dict[str, list[float]] = defaultdict(list)
    for line in world.of("orders", "2026-11-17", "2026-11-17"):
        if line.json("msg") == "Slow query":
            found[line.json("attr.ns")].append(float(line.json("attr.durationMillis")))
    return [[ns, str(len(millis)), str(sorted(millis)[-1])] for ns, millis in found.items()]


def changed_schema_or_users(world: World) -> Rows:
    return [
        [line.said["time"], line.said["log_type"], line.message]
        for line in world.of("ledger", "2026-10-01")
        if line.said["log_type"] in ("SQL_SCHEMA", "USER_ADMIN", "PRIVILEGES")
    ]


def connected_at_night(world: World) -> Rows:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in world.of("billing", "2026-11-01"):
        fields = line.said.get("fields", {})
        if not 7 <= int(line.hour) < 19 and fields.get("operation") == "CONNECT":
            found[fields["username"], fields["host"]].append(line.said["time"])
    return [[user, address, str(len(times)), min(times)] for (user, address), times in found.items()]


def refused_calls(world: World) -> Rows:
    found = Counter(
        (line.json("userIdentity.arn"), line.json("eventName"))
        for line in world.of("trail", "2026-11-10")
        if line.json("errorCode") in ("AccessDenied", "Client.UnauthorizedOperation")
    )
    return [[caller, name, str(count)] for (caller, name), count in found.items()]


def silent_hours(world: World) -> Rows:
    first, seen = datetime(2026, 11, 10, tzinfo=UTC), {(line.dt, line.hour) for line in world.of("billing")}
    hours = [first + timedelta(hours=number) for number in range(7 * 24)]
    return [[f"{hour:%Y-%m-%d}", f"{hour:%H}"] for hour in hours if (f"{hour:%Y-%m-%d}", f"{hour:%H}") not in seen]


def landed_lines(world: World) -> Rows:
    return [
        [line, address]
        for address, lines in world.landed.items()
        for line in lines
        if "/mongodb/" in address and "Slow query" in line
    ]


# Question of the page, what it must answer, the column that it is in order of, and how many rows there are at least.
EXPECTED = {
    "How much does each export write, by day?": (how_much, 1, False, 8),
    "Where is the line from Tuesday at 03:12?": (at_a_moment, 0, False, 2),
    "What did one person do in the database, in any vendor's words?": (of_one_person, 0, False, 2),
    "Who failed to log in to MongoDB, from where, and how often?": (failed_logins, 2, True, 2),
    "Which MongoDB operations were slow, by namespace?": (slow_operations, 2, True, 3),
    "Who changed the schema or the users of the CockroachDB cluster?": (changed_schema_or_users, 0, False, 3),
    "Which Aurora users connected, from where, outside of working hours?": (connected_at_night, 2, True, 2),
    "Which AWS calls were refused, and to whom?": (refused_calls, 2, True, 2),
    "In which hours did an export fall silent?": (silent_hours, 0, False, 100),
    "What did Atlas land, before any redaction, of one host?": (landed_lines, None, False, 5),
}


def test_every_query_of_the_page_is_asked() -> None:
    assert EXPECTED.keys() == QUERIES.keys()


def ask(world: World, query: str, capsys: pytest.CaptureFixture[str]) -> tuple[Rows, str]:
    capsys.readouterr()
    # Atlas's objects were written now, whatever the times of their lines
    options = ("--since", "2026-11-17", "--late", "4000d") if "_landed" in query else ()
    code = main(["sql", query, "--output", "json", "--settings", str(world.file), *options])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    texts = [json.loads(line, parse_int=str, parse_float=str) for line in printed.out.splitlines()]
    return [[*each.values()] for each in texts], printed.err


@pytest.mark.parametrize("question", QUERIES)
def test_a_query_answers_its_question(world: World, question: str, capsys: pytest.CaptureFixture[str]) -> None:
    compute, ordered_by, descending, at_least = EXPECTED[question]
    expected, (found, _) = compute(world), ask(world, QUERIES[question], capsys)
    assert sorted(found) == sorted(expected)
    assert len(found) >= at_least
    if ordered_by is not None:
        order = [row[ordered_by] for row in found]
        assert order == sorted(order, key=float if descending else str, reverse=descending)  # type: ignore[arg-type]


@pytest.mark.parametrize("question", QUERIES)
def test_what_athena_is_sent_is_of_its_dialect_and_uses_what_the_tables_have(world: World, question: str) -> None:
    tables = tables_of(load_settings(world.file))
    statement = Statement(QUERIES[question], tables)
    first, end = hours.default_range(statement, datetime.now(UTC))
    text = statement.for_athena({"archive": hours.scope(["orders", "ledger", "billing", "trail"], first, end)})
    schema: dict[str, Any] = {name: {**each.columns, **each.keys, "$path": "string"} for name, each in tables.items()}
    tree = qualify(sqlglot.parse_one(text, read="athena"), schema=schema, dialect="athena")
    reading = [each for each in tree.find_all(exp.Select) if isinstance(each.args["from_"].this, exp.Table)]
    assert reading
    for each in reading:
        conditions = {column.name for column in each.args["where"].find_all(exp.Column)}
        assert {"export", "dt"} <= conditions or {"cluster", "host", "log_type"} <= conditions
    words = {node.name.upper() for node in tree.find_all(exp.Anonymous)} | {*re.findall(r"\b[A-Z_]+(?=\()", text)}
    assert not words & {"REGEXP_MATCHES", "APPROX_QUANTILE", "GENERATE_SERIES", "LOGDOCK_JSON_TEXT"}
    assert "->" not in text
    assert "GROUP BY ALL" not in text
    assert "fields[" not in text
