"""Logz.io's lines: the built-in type of each log, and the fields of a JSON message."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from log_shipper import destinations, json_fields, ship
from log_shipper.archive_writer import POLICY_METADATA
from log_shipper.environment import Destination
from log_shipper.export_config import ExportConfig, parse_export_config
from log_shipper.fast import RawBlock
from log_shipper.reading import read_blocks
from log_shipper.record import Origin, Record
from log_shipper.rendering import RESERVED_FIELDS, Renderer, archive_key
from log_shipper.transform import Segment, Transform
from log_shipper.vendors.logzio import dialect as logzio

from tests.lambda_src.log_shipper.world import ARCHIVE, Cloud, Context, Listener, batch, message

ARRIVAL = "2026-11-21T02:03:04Z"
TYPES = [
    ("s3-logs", "cloudtrail", "cloudtrail"),
    ("s3-logs", "alb", "elb"),
    ("s3-logs", "clb", "elb"),
    ("s3-logs", "nlb", "elb"),
    ("s3-logs", "cloudfront", "cloudfront"),
    ("s3-logs", "s3-access", "S3Access"),
    ("s3-logs", "vpc-flow", "vpcflow"),
    ("s3-logs", "json-lines", None),
    ("s3-logs", "csv", None),
    ("aurora-mysql", "error", "mysql_error"),
    ("aurora-mysql", "general", "mysql"),
    ("aurora-mysql", "slowquery", "mysql_slow_query"),
    ("aurora-mysql", "audit", None),
    ("rds", "error", "mysql_error"),
    ("rds", "postgresql", None),
    ("mongodb-atlas", "mongodb", "mongodb"),
    ("mongodb-atlas", "MONGOS", "mongodb"),
    ("mongodb-atlas", "mongodb-audit-log", None),
    ("mongodb-atlas", "EVENTS", None),
    ("cockroachdb", "SESSIONS", None),
    ("aptible", "apps", None),
    ("cloudwatch-logs", "cloudtrail", None),
]


def destination(**more: Any) -> Destination:
    return Destination(name="logz", kind="logzio", **more)


def config_of(vendor: str = "s3-logs", **document: Any) -> ExportConfig:
    return parse_export_config("e", json.dumps({"vendor": vendor, **document}))


def renderer_of(config: ExportConfig, **more: Any) -> Renderer:
    return logzio.renderer_of(destination(**more), config, "s", {"cluster": "c"})


def parsed(text: str) -> Any:
    config = config_of()
    line = json.loads(renderer_of(config, parse_json=True).line(Record(text, ARRIVAL, "json-lines")))
    return {name: value for name, value in line.items() if name not in (*RESERVED_FIELDS, "@timestamp", "type")}


@pytest.mark.parametrize(("vendor", "log_type", "expected"), TYPES)
def test_log_has_its_built_in_type(vendor: str, log_type: str, expected: str | None) -> None:
    assert renderer_of(config_of(vendor)).type_of(log_type) == (expected or vendor)


def test_types_are_those_that_logzio_documents() -> None:
    named = {name for types in logzio.BUILT_IN_TYPES.values() for name in types.values()}
    assert named == {
        "cloudtrail", "elb", "cloudfront", "S3Access", "vpcflow", "mysql", "mysql_error", "mysql_slow_query", "mongodb",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["export", "destination"])
def test_named_type_is_the_only_one(where: str) -> None:
    config = config_of(**({"log_type": "acme"} if where == "export" else {}))
    named = renderer_of(config, log_type="acme" if where == "destination" else None)
    (segment,) = Transform(config, named).render([Record("m", ARRIVAL, "cloudtrail"), Record("m", ARRIVAL, "csv")], 0)
    assert (segment.type, b'"type":' in segment.data) == ("acme", False)


def test_export_type_comes_before_the_destinations() -> None:
    assert renderer_of(config_of(log_type="guardduty"), log_type="acme").type_of("cloudtrail") == "guardduty"


@pytest.mark.parametrize("kind", ["archive", "feed", "otlp"])
def test_named_type_has_no_effect_in_other_destinations(kind: str) -> None:
    to, record = Destination(name="to", kind=kind), Record("m", ARRIVAL, "cloudtrail")
    assert b"guardduty" not in destinations.renderer_of(to, config_of(log_type="guardduty"), "s", None).line(record)


@pytest.mark.parametrize("vendor", ["s3-logs", "mongodb-atlas", "cockroachdb"])
def test_archive_lines_of_one_type_are_sent_as_they_are(vendor: str) -> None:
    log_type = next(iter(logzio.BUILT_IN_TYPES.get(vendor, ["x"])))
    archive = Renderer(logzio.SHAPE, export="e", vendor=vendor, source="s")
    lines = [archive.line(Record(f"m{i}", ARRIVAL, log_type)) for i in range(3)]
    named = renderer_of(config_of(vendor))
    assert named.archived_lines(b"".join(lines), lines) == (b"".join(lines), named.type_of(log_type))


def test_small_objects_of_many_types_share_a_body(cloud: Cloud, logz: Listener) -> None:
    cloud.export("mysql", vendor="aurora-mysql")
    archive = Renderer(logzio.SHAPE, export="mysql", vendor="aurora-mysql", source="s")
    log_types = ["general", "error", "audit"]
    sent = []
    for number, mixed in enumerate([["error"], ["general"] * 2, log_types * 2, ["audit"], ["error"]]):
        records = [Record(f"{number} {i} {log_type}", ARRIVAL, log_type) for i, log_type in enumerate(mixed)]
        body, key = b"".join(map(archive.line, records)), archive_key("mysql", ARRIVAL, f"{number:016x}")
        metadata = {POLICY_METADATA: config_of("aurora-mysql").policy}
        sent.append(message("mysql", cloud.land(key, gzip.compress(body), ARCHIVE, Metadata=metadata), ARCHIVE))
    assert ship.handler(batch(*sent), Context()) == {"batchItemFailures": []}
    assert len(logz.bodies) == 1
    types = {"general": "mysql", "error": "mysql_error", "audit": "aurora-mysql"}
    assert len(logz.types) == 11
    assert {types[text.split()[2]] == named for named, text in logz.types} == {True}


def test_types_and_fields_arrive(cloud: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    to = {"name": "logz", "kind": "logzio", "listener_url": logz.url, "token_secret": "acme/logzio", "parse_json": True}
    monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(to))
    redaction = {"patterns": [{"name": "agent", "regex": "aws-cli.*"}]}
    cloud.export("trail", vendor="s3-logs", redaction=redaction)
    event = {
        "eventTime": "2026-11-21T02:03:04Z", "eventName": "ConsoleLogin", "userAgent": "aws-cli/2",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/a"}, "readOnly": True, "resources": [{"a": 1}],
    }  # fmt: skip
    item = cloud.land("trail.json.gz", gzip.compress(json.dumps({"Records": [event, event]}).encode()))
    assert ship.handler(batch(message("trail", item)), Context()) == {"batchItemFailures": []}
    assert [named for named, _ in logz.types] == ["cloudtrail"] * 2
    for line in logz.accepted:
        assert (line["eventName"], line["userIdentity"]) == ("ConsoleLogin", event["userIdentity"])
        assert (line["userAgent"], line["readOnly"], line["resources"]) == ("[agent]", "true", '[{"a":"1"}]')
        assert json.loads(line["message"]) == event | {"userAgent": "[agent]"}
    assert len(logz.accepted) == 2


TEXT = st.text(st.sampled_from('a{}",\\:é\x7f'), max_size=6)
MESSAGE = st.one_of(
    TEXT,
    st.builds(
        lambda second, value: json.dumps({"time": f"2026-11-21T02:03:{second:02d}Z", "message": value, "a.b": value}),
        st.integers(0, 59),
        TEXT,
    ),
)


FIELDS = {"k": "v", "vendor": "aurora-mysql", "log_type": "error", "source": "s"}
"""Columns that are named as what a line begins with."""


@given(
    st.lists(
        st.builds(
            Record, MESSAGE, st.just(ARRIVAL), st.sampled_from(["error", "audit", 'm"\\é']),
            st.sampled_from([None, None, FIELDS]),
        ),
        min_size=1,
    ),
    st.sampled_from(["aurora-mysql", "mongodb-atlas", "s3-logs"]),
    st.booleans(),
)  # fmt: skip
@example([Record("m", ARRIVAL, "error"), Record("m", ARRIVAL, "audit", FIELDS)], "aurora-mysql", False)
@example([Record("m", ARRIVAL, "error", FIELDS), Record("m", ARRIVAL, "audit")], "aurora-mysql", False)
def test_archive_lines_at_once_are_the_lines_one_by_one(records: list[Record], vendor: str, parse_json: bool) -> None:
    config = config_of(vendor)
    archive = Renderer(logzio.SHAPE, export="e", vendor=vendor, source="s", fields={"a": "b"})
    block = b"".join(map(archive.line, records))
    given = logzio.renderer_of(destination(parse_json=parse_json), config, "t", None)

    def taken(whole: bool) -> list[Segment]:
        to = Transform(config, given, is_redacted=True)
        pieces = read_blocks([block], vendor=vendor, format_name="archive", origin=Origin(ARRIVAL, "x"))
        return [segment for raw in pieces for segment in _take(to, raw, whole)]

    assert _typed(taken(True)) == _typed(taken(False))
    assert [line["type"] for line in _typed(taken(True))] == [given.type_of(record.log_type) for record in records]
    for segments in (taken(True), [*map(_named, taken(True))]):
        lines = b"".join(segment.data for segment in segments).splitlines(keepends=True)
        assert b"".join(map(given.archive_line, lines)) == block


def _named(segment: Segment) -> Segment:
    return logzio.LogzioDialect().name_type(segment) if segment.type else segment


def _typed(segments: list[Segment]) -> list[dict[str, Any]]:
    """Return lines that all name their type."""
    return [json.loads(line) for segment in segments for line in _named(segment).data.splitlines()]


def _take(to: Transform, raw: Any, whole: bool) -> list[Segment]:
    return to.render(raw if whole or not isinstance(raw, RawBlock) else raw.records(), 0)


@given(st.lists(MESSAGE, min_size=1, max_size=6), st.sampled_from(["mongodb", "auto"]), st.booleans())
def test_landed_lines_at_once_are_the_lines_one_by_one(texts: list[str], form: str, parse_json: bool) -> None:
    config = config_of("s3-logs", format=form)

    def lines(whole: bool) -> list[dict[str, Any]]:
        to = Transform(config, renderer_of(config, parse_json=parse_json))
        piece = "\n".join(texts).encode()
        blocks = read_blocks([piece], vendor="s3-logs", format_name=form, origin=Origin(ARRIVAL, "x"))
        return _typed([segment for raw in blocks for segment in _take(to, raw, whole)])

    assert lines(True) == lines(False)


SECRET = "4111111111111111"
LEAF = st.one_of(
    st.sampled_from([SECRET, f"card {SECRET}", "ann@acme.com", "\\u0034" + SECRET[1:], f'{{"pan":"{SECRET}"}}']),
    st.just(int(SECRET)), st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=8),
)  # fmt: skip
NAME = st.one_of(st.sampled_from(["a", "b.c", "_id", "@timestamp", "message", "password", SECRET]), st.text(max_size=6))
DOCUMENT = st.dictionaries(
    NAME,
    st.recursive(
        LEAF,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAME, inner, max_size=3)),
        max_leaves=8,
    ),
    max_size=6,
)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
        yield json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    elif value is not None:
        yield {True: "true", False: "false"}[value] if isinstance(value, bool) else value
    if isinstance(value, dict):
        yield json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(DOCUMENT, st.booleans())
def test_fields_hold_only_what_the_redacted_message_holds(document: dict[str, Any], escaped: bool) -> None:
    redaction = {"detectors": ["payment-card", "email"], "patterns": [{"name": "card", "regex": SECRET}]}
    config = config_of(redaction=redaction)
    transform = Transform(config, renderer_of(config, parse_json=True))
    text = json.dumps(document, ensure_ascii=escaped)
    (segment,) = transform.render([Record(text, ARRIVAL, "json-lines")], 0)
    line = json.loads(segment.data)
    shown = json.loads(line["message"], parse_int=str, parse_float=str, parse_constant=str)
    added = {name: value for name, value in line.items() if name not in json_fields.RESERVED_NAMES}
    held = set(_strings(shown))
    assert {value for value in _fields(added) if value not in held} == set()
    assert SECRET not in json.dumps(added, ensure_ascii=False)
    assert "ann@acme.com" not in json.dumps(added, ensure_ascii=False)


def _fields(value: Any) -> Iterator[str]:
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, str):
            yield inner
        else:
            yield from _fields(inner)


@given(DOCUMENT)
def test_fields_are_strings_under_names_that_the_mapping_takes(document: dict[str, Any]) -> None:
    def check(fields: dict[str, Any], depth: int) -> None:
        assert depth <= json_fields.MAX_DEPTH
        for name, value in fields.items():
            assert name == json_fields.field_name(name)
            assert not set(name) & set(".,#@$ ")
            assert name[0] != "_"
            if isinstance(value, dict):
                check(value, depth + 1)
            else:
                assert all(isinstance(item, str) for item in (value if isinstance(value, list) else [value]))

    text = json.dumps(document)
    check(parsed(text), 1)
    members = json.loads("{" + json_fields.members_of(text).decode().removeprefix(",") + "}")
    assert members.keys() & json_fields.RESERVED_NAMES == set()


def test_names_of_the_line_are_not_taken() -> None:
    assert parsed('{"message":"m","type":"t","token":"k","@timestamp":"x","_id":1,"log.level":"info","_":1}') == {
        "json_message": "m",
        "json_type": "t",
        "json_token": "k",
        "timestamp": "x",
        "id": "1",
        "log_level": "info",
    }


def test_numbers_are_as_they_are_written() -> None:
    text = '{"a":4.111111111111111E15,"b":1.50,"c":123456789012345678901234567890,"d":NaN}'
    assert parsed(text) == {
        "a": "4.111111111111111E15",
        "b": "1.50",
        "c": "1" + "2345678901" * 2 + "234567890",
        "d": "NaN",
    }


def test_fields_are_bounded() -> None:
    deep: Any = "leaf"
    for _ in range(20):
        deep = {"n": deep}
    document = {"deep": deep, "long": "é" * 20_000, **{f"f{number}": number for number in range(1000)}}
    fields = json.loads("{" + json_fields.members_of(json.dumps(document)).decode()[1:] + "}")
    assert len(fields) == json_fields.MAX_FIELDS
    assert "long" not in fields
    assert fields["deep"]["n"]["n"]["n"]["n"].startswith('{"n":{"n"')


@pytest.mark.parametrize("text", ["{", "{]", "[1]", '{"a":', "{" * 50_000, '{"a":' * 50_000, "{}", '{"a":null}'])
def test_message_without_fields_is_sent_alone(text: str) -> None:
    assert parsed(text) == {}


def test_line_that_fields_make_too_long_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logzio, "MAX_LINE_BYTES", logzio.MAX_TYPE_BYTES + 300)
    assert parsed(json.dumps({"a": "x"})) == {"a": "x"}
    assert parsed(json.dumps({"a": "x" * 200})) == {}


def test_refused_line_is_kept_as_the_archive_has_it() -> None:
    record = Record('{"a":"b"}', ARRIVAL, "cloudtrail", {"x": "y"})
    renderer = renderer_of(config_of(), parse_json=True)
    assert renderer.archive_line(renderer.line(record)) == renderer.archived(record)


def test_page_has_every_built_in_type() -> None:
    page = (Path(__file__).parents[3] / "docs" / "logzio.md").read_text()
    table = page.split("| log | export | default `type` |")[1].split("\n\n")[0]
    rows = {
        (cells[1].strip("` "), name)
        for cells in (row.strip("|").split("|") for row in table.splitlines()[2:])
        for name in re.findall(r"`([\w-]+)`", cells[2].partition(":")[0])
    }
    built_in = {(vendor, name) for vendor, types in logzio.BUILT_IN_TYPES.items() for name in types.values()}
    assert {(vendor, name) for vendor, name in rows if vendor != name and "`" not in vendor} == built_in
