"""The queries of docs/sql.md, by a person who may do no more than the page says, against what was written.

What the stand-ins write has no failed login and no refused call, so a few lines more are written as the vendors write
them, beside lines that a query must not count. What each query must answer is computed from the archive, without SQL.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from local_cloud.stage import Stage
from local_cloud.stand_ins.log_events import put_events
from local_cloud.stand_ins.recorded import recorded
from local_cloud.stand_ins.sessions import role_session
from tests.conftest import ROOT
from tests.end_to_end.played import played

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT, REGION, DATABASE, WORKGROUP = "111122223333", "eu-west-1", "acme", "acme-logs"
WAIT_SECONDS = 60.0
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
STORY = "story-"
"""What the lines of this test have in their message, so that it is known when they are in the archive."""


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
    """The deployment, the archive's lines, and what lies uncompressed where Atlas lands."""

    stage: Stage
    lines: list[Line]
    landed: dict[str, list[str]]

    def person(self) -> Any:
        """Return a client of Athena that may do what the page says."""
        session = role_session(self.stage, ACCOUNT, "analyst", policy=json.dumps(self.policy()))
        return self.stage.client("athena", session)

    def policy(self) -> dict[str, Any]:
        """Return the policy that the page's table describes."""
        section = PAGE.partition("**Logdock grants no permission.**")[2].partition("Answers expire")[0]
        rows = re.findall(r"^\| (`.*?`) \| (.*?) \|$", section, re.MULTILINE)
        archive, orders = self.stage.archive_bucket, self.stage.stack_outputs("orders")["BucketName"]
        kms = self.stage.customer("kms")
        keys = [kms.describe_key(KeyId=f"alias/acme-{name}")["KeyMetadata"]["Arn"] for name in ("archive", "orders")]
        glue, s3 = f"arn:aws:glue:{REGION}:{ACCOUNT}", "arn:aws:s3:::"
        landing = "; for `<export>_landed`, the export's "
        means = {
            "the workgroup": [f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{WORKGROUP}"],
            "Glue's catalogue, the database and its tables": [
                f"{glue}:catalog", f"{glue}:database/{DATABASE}", f"{glue}:table/{DATABASE}/*",
            ],
            f"the archive bucket{landing}bucket": [f"{s3}{archive}", f"{s3}{orders}"],
            f"`logs/` and `athena/` in the archive bucket{landing}bucket": [
                f"{s3}{archive}/logs/*", f"{s3}{archive}/athena/*", f"{s3}{orders}/*",
            ],
            "`athena/` in the archive bucket": [f"{s3}{archive}/athena/*"],
            f"the archive's key{landing}key": keys,
            "the archive's key": keys[:1],
        }  # fmt: skip
        return {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": re.findall(r"`(.*?)`", actions), "Resource": means[on]}
                for actions, on in rows
            ],
        }

    def ask(self, query: str, **request: str) -> list[list[str | None]]:
        """Run a query as the person and return what it answers."""
        athena = self.person()
        query_id = athena.start_query_execution(
            QueryString=query, QueryExecutionContext={"Database": DATABASE}, **request
        )["QueryExecutionId"]
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            status = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            assert time.monotonic() < deadline, "the query did not end in time"
            time.sleep(0.05)
        assert status["State"] == "SUCCEEDED", status
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
        rows = [
            [cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]
        ]
        return rows[1:]

    def of(self, export: str, first: str = "", last: str = "9") -> list[Line]:
        """Return the lines of an export in a range of days."""
        return [line for line in self.lines if line.export == export and first <= line.dt <= last]


def mongod(when: str, **attributes: Any) -> str:
    document = json.loads(recorded("mongodb-atlas/mongod.log")[1])
    document["t"]["$date"] = f"{when}.000+00:00"
    document["attr"] |= {**attributes, "appName": f"{STORY}{time.monotonic_ns()}"}
    return json.dumps(document)


def audit(when: str, user: str, address: str, result: int, atype: str = "authenticate") -> str:
    document = json.loads(recorded("mongodb-atlas/mongod-audit.log")[0])
    document |= {"ts": {"$date": f"{when}.000+0000"}, "atype": atype, "result": result}
    document["remote"]["ip"], document["param"]["user"] = address, user
    return json.dumps(document | {"uuid": f"{STORY}{time.monotonic_ns()}"})


def roach(when: str, channel: str, user: str = "ada") -> str:
    document = json.loads(recorded("cockroachdb/json.log")[0])
    moment = int(datetime.fromisoformat(f"{when}+00:00").timestamp())
    document |= {"timestamp": f"{moment}.000000000", "channel": channel}
    document["event"] |= {"User": user, "Info": f"{STORY}{time.monotonic_ns()}"}
    return json.dumps(document, ensure_ascii=False)


def aurora(when: str, user: str, address: str, operation: str) -> str:
    columns = recorded("aurora-mysql/audit.csv")[1].split(",")
    columns[0] = f"{int(datetime.fromisoformat(f'{when}+00:00').timestamp())}000000"
    columns[2], columns[3], columns[6], columns[7] = user, address, operation, f"{STORY}{time.monotonic_ns()}"
    return ",".join(columns)


def call(when: str, name: str, error: str | None) -> dict[str, Any]:
    (event, *_) = json.loads("\n".join(recorded("aws-services/cloudtrail.json")))["Records"]
    failure = {"errorCode": error} if error else {}
    return {**event, "eventTime": f"{when}Z", "eventName": name, "eventID": f"{STORY}{time.monotonic_ns()}", **failure}


def write_story(stage: Stage) -> tuple[int, dict[str, list[str]]]:
    """Write what the queries look for and what they must leave out; return how much, and the objects of one host."""
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
    outputs, s3 = stage.stack_outputs("orders"), stage.customer("s3")
    landed = {}
    for folder, lines in (("mongodb", slow), ("mongodb-audit-log", logins)):
        key = f"{outputs['Prefix']}/Cluster0/{HOST}/{folder}/2026-11-17T11-00-00.000-{folder}.log"
        s3.put_object(Bucket=outputs["BucketName"], Key=key, Body="".join(f"{line}\n" for line in lines).encode())
        landed[f"s3://{outputs['BucketName']}/{key}"] = lines
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
        f"{STORY}{time.monotonic_ns()}: not an audit line, so without fields",
    ]
    logs, now = stage.customer("logs"), int(time.time() * 1000)
    for export, lines in (("ledger", roaches), ("billing", auroras)):
        group = stage.stack_outputs(export)["LogGroupNames"].split(",")[0]
        logs.create_log_stream(logGroupName=group, logStreamName="story")
        put_events(logs, group, "story", [(now, line) for line in lines])
    calls = [
        *(call("2026-11-12T05:00:00", "StartInstances", "Client.UnauthorizedOperation") for _ in range(2)),
        call("2026-11-12T05:00:00", "GetObject", "AccessDenied"),
        call("2026-11-12T05:00:00", "DescribeTable", "ResourceNotFoundException"),
        call("2026-11-12T05:00:00", "PutObject", None),
        call("2026-11-09T05:00:00", "GetObject", "AccessDenied"),
    ]
    outputs = stage.stack_outputs("trail")
    prefix = f"{outputs.get('Prefix') or 'AWSLogs'}/{ACCOUNT}/CloudTrail/{REGION}/2026/11/12"
    file = f"{ACCOUNT}_CloudTrail_{REGION}_20261112T0500Z_0123456789abcdef.json.gz"
    s3.put_object(
        Bucket=outputs["BucketName"],
        Key=f"{prefix}/{file}",
        Body=gzip.compress(json.dumps({"Records": calls}).encode()),
    )
    return len(slow) + len(logins) + len(roaches) + len(auroras) + len(calls), landed


def archive(stage: Stage) -> list[Line]:
    """Read the archive as its owner, without SQL."""
    s3, lines = stage.customer("s3"), []
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stage.archive_bucket, Prefix="logs/")
    for key in (each["Key"] for page in pages for each in page.get("Contents", [])):
        _, export, day, hour, _ = key.split("/")
        body = gzip.decompress(s3.get_object(Bucket=stage.archive_bucket, Key=key)["Body"].read())
        place = (export, day.removeprefix("dt="), hour.removeprefix("hour="))
        lines += [Line(*place, json.loads(text)) for text in body.decode().split("\n")[:-1]]
    return lines


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("sql")
    file: Path = directory / "logdock.yaml"
    file.write_text(SETTINGS)
    with played(file) as (stage, _, _):
        count, landed = write_story(stage)
        deadline = time.monotonic() + WAIT_SECONDS
        while sum(STORY in line.message for line in archive(stage)) < count:
            assert time.monotonic() < deadline, "what was written did not reach the archive in time"
            time.sleep(0.5)
        yield World(stage, archive(stage), landed)


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


@pytest.mark.parametrize("question", QUERIES)
def test_a_query_answers_its_question(world: World, question: str) -> None:
    compute, ordered_by, descending, at_least = EXPECTED[question]
    expected, found = compute(world), world.ask(QUERIES[question], WorkGroup=WORKGROUP)
    assert sorted(found) == sorted(expected)
    assert len(found) >= at_least
    if ordered_by is not None:
        order = [row[ordered_by] for row in found]
        assert order == sorted(order, key=float if descending else str, reverse=descending)  # type: ignore[arg-type]


def test_who_may_query_here_may_not_query_without_the_workgroup(world: World) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        world.ask("SELECT 1")


def test_the_workgroup_ends_what_reads_more_than_was_asked_for(world: World) -> None:
    workgroup = world.stage.customer("athena").get_work_group(WorkGroup=WORKGROUP)["WorkGroup"]["Configuration"]
    assert workgroup["EnforceWorkGroupConfiguration"] is True
    assert workgroup["BytesScannedCutoffPerQuery"] == 50_000_000_000
