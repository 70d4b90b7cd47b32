"""What the stand-ins write is what the vendors write: the shipper's parsers understand every line of it."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from log_shipper.parsers import json_lines
from log_shipper.record import Origin, Record
from log_shipper.timestamps import epoch_ms
from log_shipper.vendors.aptible import parser as docker_json
from log_shipper.vendors.aurora_mysql import parser as aurora_mysql
from log_shipper.vendors.cloudflare import parser as cloudflare
from log_shipper.vendors.cockroachdb import parser as cockroachdb
from log_shipper.vendors.mongodb_atlas import parser as mongodb_atlas
from log_shipper.vendors.rds import parser as rds_parser
from log_shipper.vendors.s3_logs import parser as s3_logs

from local_cloud.journal import Journal
from local_cloud.markers import Line, candidates
from local_cloud.stage import Stage
from local_cloud.stand_ins.recorded import written_again
from local_cloud.vendors.aptible import exporter as aptible
from local_cloud.vendors.aurora_mysql.exporter import AuroraMysql
from local_cloud.vendors.cloudflare.exporter import Cloudflare
from local_cloud.vendors.cloudwatch_logs import exporter as application
from local_cloud.vendors.cockroachdb.exporter import Cockroachdb
from local_cloud.vendors.mongodb_atlas.exporter import MongodbAtlas
from local_cloud.vendors.rds import exporter as rds
from local_cloud.vendors.s3_logs import exporter as aws_services
from local_cloud.vendors.s3_logs.exporter import AwsServices
from logdock.settings import load_settings

ORIGIN = Origin("1970-01-01T00:00:00Z", "audit")
SETTINGS = load_settings(Path(__file__).parents[2] / "examples" / "everything.yaml")

NOW_MS = int(datetime(2026, 11, 21, 2, 0, 30, tzinfo=UTC).timestamp()) * 1000
"""Some of the lines are of the hour before."""


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_cloud.stand_ins.recorded.time", SimpleNamespace(time_ns=lambda: NOW_MS * 10**6))


class _NoCloud:
    def client(self, *_: object, **__: object) -> None:
        """No call is made."""


def _stand_in(kind: type[Any], name: str) -> Any:
    each = {
        "BucketName": "b",
        "Prefix": "p",
        "KmsKeyArn": "k",
        "LogGroupNames": "/g",
        "AccountId": "1",
        "RoleArn": "r",
        "DestinationConf": "s3://b/p/http_requests/{DATE}?region=eu-west-1",
    }
    cloud: Any = _NoCloud()
    vendors: Any = None
    outputs = {f"{SETTINGS.deployment}-{export.name}": each for export in SETTINGS.exports}
    stage = Stage(cloud, SETTINGS, outputs, vendors)
    export = next(export for export in SETTINGS.exports if export.name == name)
    return kind(stage, export, Journal())


def _lines(source: str) -> list[Line]:
    folder, _, file = source.partition("/")
    if folder == "mongodb-atlas":
        rewrite = _stand_in(MongodbAtlas, "orders")._rewrite
    elif folder == "cockroachdb":
        stand_in = _stand_in(Cockroachdb, "ledger")
        stand_in._channel, stand_in._node = "SESSIONS", 1
        rewrite = stand_in._json if file == "json.log" else stand_in._crdb_v2
    elif folder == "aurora-mysql":
        stand_in = _stand_in(AuroraMysql, "billing")
        stand_in._host = "billing-instance-1"
        rewrite = stand_in._rewrite
    elif folder == "rds":
        rewrite = rds.rewrite
    elif folder == "cloudflare":
        rewrite = _stand_in(Cloudflare, "cdn")._rewrite
    elif file == "alb.log":
        rewrite = aws_services._request
    elif folder == "aws-services":
        rewrite = _stand_in(AwsServices, "trail")._flow
    else:
        rewrite = aptible._rewrite if folder == "aptible" else application.rewrite
    return written_again(source, 20, rewrite)


SOURCES = [
    *(f"mongodb-atlas/{name}.log" for name in ("mongod", "mongos", "mongod-audit", "mongos-audit")),
    "cockroachdb/json.log",
    "cockroachdb/crdb-v2.log",
    "aurora-mysql/audit.csv",
    "rds/postgresql.log",
    "cloudflare/http_requests.log",
    "aptible/docker.log",
    "aws-services/vpc-flow.log",
    "aws-services/alb.log",
    "application/checkout.log",
]


@pytest.mark.parametrize("source", SOURCES)
def test_every_line_carries_its_marker_and_no_two_the_same(source: str) -> None:
    lines = [line for line in _lines(source) if line.marker]

    assert all(line.marker in candidates(line.text) for line in lines)
    assert len({line.marker for line in lines}) == len(lines) > 10


@pytest.mark.parametrize("source", SOURCES)
def test_the_shipper_understands_every_line_and_reads_its_time(source: str) -> None:
    records = [record for line in _lines(source) for part in line.text.split("\n") for record in _parsed(source, part)]

    assert len(records) > 10
    # a flow begins a minute before it ends
    assert all(record.understood and NOW_MS - 180_000 <= epoch_ms(record.time) <= NOW_MS for record in records)


def test_lines_are_in_order_of_time() -> None:
    times = [line.epoch_ms for line in _lines("aptible/docker.log")]

    assert times == sorted(times)
    assert NOW_MS - 120_000 <= times[0] < times[-1] <= NOW_MS


_COLUMNS = s3_logs.ColumnParser("vpc-flow")


def _parsed(source: str, line: str) -> list[Record]:
    parsers: dict[str, Any] = {
        "mongodb-atlas": mongodb_atlas.parse,
        "cockroachdb": cockroachdb.parse,
        "aurora-mysql": aurora_mysql.parse,
        "rds": rds_parser.parse,
        "aptible": docker_json.parse,
        "cloudflare": cloudflare.parse,
        "aws-services": s3_logs.ColumnParser("alb").parse if source.endswith("alb.log") else _COLUMNS.parse,
        "application": json_lines.parse,
    }
    if source.endswith("vpc-flow.log") and _COLUMNS.take_header(line):
        return []
    if line.startswith("\t"):
        return []  # it goes on in the entry before
    return [parsers[source.partition("/")[0]](line, ORIGIN)]
