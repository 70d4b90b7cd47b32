import json
import string

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper.line_readers import COLUMN_FORMATS, LINE_PARSERS, line_reader
from log_shipper.parsers import aurora_mysql, cockroachdb, docker_json, json_stream, mongodb_atlas, s3_logs
from log_shipper.reading import RawBlock, detect, read_blocks
from log_shipper.record import Origin, Record

from tests.lambda_src.log_shipper.world import recorded

ORIGIN = Origin("2026-11-21T02:03:04Z", "given")


def read(data: bytes, vendor: str, format_name: str = "auto", size: int = 7) -> list[Record]:
    pieces = (data[i : i + size] for i in range(0, len(data), size))
    blocks = read_blocks(pieces, vendor=vendor, format_name=format_name, origin=ORIGIN)
    return [r for block in blocks for r in (block.records() if isinstance(block, RawBlock) else block)]


def test_mongodb_lines_have_their_own_time() -> None:
    records = read(recorded("mongodb-atlas/mongodb.log").encode(), "mongodb-atlas")
    assert [record.time for record in records] == [
        "2020-05-01T15:16:17.180Z",
        "2020-05-20T19:18:40.604Z",
        "2020-05-20T20:10:08.731Z",
    ]
    assert [record.message for record in records] == recorded("mongodb-atlas/mongodb.log").splitlines()


def test_mongodb_audit_lines_have_their_own_time() -> None:
    (record,) = read(recorded("mongodb-atlas/mongodb-audit-log.log").encode(), "mongodb-atlas")
    assert record.time == "2019-02-15T14:20:02.881Z"


def test_ocsf_audit_lines_have_their_own_time() -> None:
    record = mongodb_atlas.parse('{"activity_id":1,"category_uid":3,"class_uid":3002,"time":1710715316123}', ORIGIN)
    assert (record.time, record.understood) == ("2024-03-17T22:41:56.123Z", True)


def test_mongodb_legacy_lines_are_joined() -> None:
    text = "2019-05-01T15:16:17.180+0200 I COMMAND [conn1] a\n  b\n  c\n2019-05-01T15:16:18.180+0200 I d\n"
    records = read(text.encode(), "mongodb-atlas")
    assert [record.message.count("\n") for record in records] == [2, 0]
    assert records[0].time == "2019-05-01T13:16:17.180Z"


@pytest.mark.parametrize(
    ("key", "log_type"),
    [
        ("p/c/h/mongodb/1-mongodb.log", "mongodb"),
        ("p/c/h/mongos-audit-log/2026-11-21/1-mongos-audit-log.log", "mongos-audit-log"),
        ("test", "mongodb"),
    ],
)
def test_mongodb_log_type_is_in_the_path(key: str, log_type: str) -> None:
    assert mongodb_atlas.log_type_of(key) == log_type


def test_cockroachdb_json_and_compact_lines() -> None:
    records = read(recorded("cockroachdb/json.log").encode(), "cockroachdb")
    assert [(record.log_type, record.time) for record in records] == [
        ("header", "2023-11-06T21:25:54.980000000Z"),
        ("SESSIONS", "2023-11-06T21:25:54.983614000Z"),
        ("SQL_EXEC", "2023-11-06T21:25:55.120034000Z"),
    ]


def test_cockroachdb_compact_channel_number_is_named() -> None:
    assert cockroachdb.parse('{"c":14,"t":"1699305955.1"}', ORIGIN).log_type == "CHANGEFEED"


def test_crdb_v2_entries_are_joined_and_headers_kept() -> None:
    records = read(recorded("cockroachdb/crdb-v2.log").encode(), "cockroachdb")
    assert [(record.log_type, record.time) for record in records] == [
        ("SESSIONS", "2021-03-23T23:35:19.458098Z"),
        ("OPS", "2021-01-16T21:49:17.083093Z"),
        ("header", "2021-01-16T21:49:17.073282Z"),
    ]
    assert records[1].message.count("\n") == 2


def test_crdb_v2_long_lines_are_joined_without_a_break() -> None:
    head = "I210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [-] 23 "
    (record,) = read(f"{head} one ‹two›\n{head}|‹three› four\n".encode(), "cockroachdb")
    assert record.message == f"{head} one ‹two›‹three› four"


def test_continuation_of_another_entry_is_a_record_of_its_own() -> None:
    head = "I210116 21:49:17.083093 14 1@cli/start.go:690 ⋮ [-] "
    records = read(f"{head}23  one\n{head}24 +two\n".encode(), "cockroachdb")
    assert len(records) == 2


def test_aurora_query_keeps_its_commas_and_quotes() -> None:
    line = r"1612119892335696,host,user,10.1.15.240,8,8139,QUERY,db,'SELECT a, b FROM t WHERE c = \'x,y\'',0"
    columns = aurora_mysql.columns(line)
    assert columns is not None
    assert columns["object"] == r"SELECT a, b FROM t WHERE c = \'x,y\'"
    assert (columns["operation"], columns["retcode"]) == ("QUERY", "0")


@given(
    st.lists(st.text(string.ascii_letters + string.digits + "._-", max_size=9), min_size=7, max_size=7),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40),
    st.integers(0, 9999),
)
def test_aurora_columns_are_what_was_written(middle: list[str], query: str, retcode: int) -> None:
    columns = aurora_mysql.columns(",".join(("1612119892335696", *middle, f"'{query}'", str(retcode))))
    assert columns is not None
    assert list(columns.values()) == ["1612119892335696", *middle, query, str(retcode)]


def test_aurora_lines_have_their_own_time_and_columns() -> None:
    records = read(recorded("aurora-mysql/audit.csv").encode(), "aurora-mysql")
    assert [record.time for record in records] == [
        "2021-01-31T19:04:52.335696Z",
        "2021-01-31T19:04:52.422690Z",
        "2022-05-20T13:30:59.680124Z",
    ]
    assert [record.fields["operation"] for record in records if record.fields] == ["QUERY", "DISCONNECT", "WRITE"]


def test_docker_lines_have_their_own_time_and_the_keys_type() -> None:
    key = "mystack/shareable/v3/abc/apps-321/service-123/c-json.log.2022-08-24T21:12:33.unknown.archived.gz"
    records = read(recorded("aptible/docker.log").encode(), "aptible")
    assert [record.time for record in records] == ["2019-01-01T00:00:00.000000000Z", "2022-08-24T21:12:33.501245611Z"]
    assert docker_json.log_type_of(key) == "apps"
    assert docker_json.log_type_of("mystack/shareable/v3/abc/proxy-9/x") == "proxy"


@pytest.mark.parametrize(
    ("file", "kind", "count", "first_time", "named"),
    [
        ("s3-access.log", "s3-access", 2, "2019-02-06T00:00:38Z", {"acl_required": "Yes"}),
        ("alb.log", "alb", 2, "2018-07-02T22:23:00.186641Z", {"conn_trace_id": "TID_1234abcd5678ef90"}),
        ("clb.log", "clb", 1, "2015-05-13T23:39:43.945958Z", {"request": "GET http://www.example.com:80/ HTTP/1.1"}),
        ("nlb.log", "nlb", 1, "2018-12-20T02:59:40Z", {"tls_protocol_version": "tlsv12", "type": "tls"}),
        ("vpc-flow.log", "vpc-flow", 2, "2014-12-14T04:06:50Z", {"dstport": "22", "action": "ACCEPT"}),
        ("cloudfront.log", "cloudfront", 1, "2019-12-04T21:02:31Z", {"x-edge-location": "LAX1", "sc-range-end": "-"}),
        ("cloudtrail.json", "cloudtrail", 2, "2014-03-06T21:22:54Z", {}),
    ],
)  # fmt: skip
def test_s3_logs_are_told_by_content(file: str, kind: str, count: int, first_time: str, named: dict[str, str]) -> None:
    text = recorded(f"s3-logs/{file}")
    assert detect(text.encode()) == kind
    records = read(text.encode(), "s3-logs", size=4096)
    assert len(records) == count
    assert records[0].time == first_time
    assert named.items() <= (records[0].fields or {}).items()
    assert all(record.understood for record in records)
    assert all(record.message in text for record in records)


def test_vpc_flow_logs_without_header_have_the_default_names() -> None:
    text = recorded("s3-logs/vpc-flow.log").partition("\n")[2]
    assert read(text.encode(), "s3-logs", size=4096)[0].fields["log-status"] == "OK"  # type: ignore[index]


def test_csv_with_a_header_has_its_names() -> None:
    records = read(b'time,user,text\n2026-01-02 03:04:05,ada,"a, b"\n', "s3-logs", size=4096)
    assert records[0].fields == {"time": "2026-01-02 03:04:05", "user": "ada", "text": "a, b"}
    assert records[0].time == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"a":1}\n{"a":2}\n', "json-lines"),
        ('[{"a":1},{"a":2}]', "json"),
        ('{\n  "a": 1\n}\n{\n  "a": 2\n}\n', "json"),
        ('{"a":1}{"a":2}', "json"),
        ("plain words, and more words\n", "plain"),
        ("\ufeff[1,2]", "json"),
        ("", "plain"),
    ],
)
def test_json_and_text_are_told_by_content(text: str, kind: str) -> None:
    assert detect(text.encode()) == kind


@given(st.lists(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
), max_size=6), st.sampled_from(["array", "records", "joined"]), st.integers(1, 40))  # fmt: skip
def test_json_stream_yields_each_element_in_its_own_text(values: list[object], form: str, size: int) -> None:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    if form == "joined":
        texts = [text for text in texts if text[0] in '{["']
        data = " ".join(texts)
        if data.startswith("[") or json_stream.is_records(data):
            return
    else:
        data = ('{"Records":[' if form == "records" else "[") + ",".join(texts) + ("]}" if form == "records" else "]")
    raw = data.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
    pieces = (raw[i : i + size] for i in range(0, len(raw), size))
    records = list(json_stream.read(pieces, ORIGIN))
    assert [record.message for record in records] == [
        t.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for t in texts
    ]


def test_json_number_cut_between_pieces_is_one_element() -> None:
    records = list(json_stream.read([b"[" + b" " * 64 + b"1.5e", b"+46, 2]"], ORIGIN))
    assert [record.message for record in records] == ["1.5e+46", "2"]


def test_json_that_breaks_off_comes_out_as_lines() -> None:
    records = list(json_stream.read([b'[{"a":1}, {"b": \nnot json\nend'], ORIGIN))
    assert [record.message for record in records] == ['{"a":1}', '{"b": ', "not json", "end"]
    assert [record.understood for record in records] == [True, False, False, False]


ANY_LINES = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])), max_size=8)


@given(ANY_LINES, st.sampled_from([*LINE_PARSERS, "auto", "cockroachdb"]), st.integers(1, 50))
def test_no_parser_loses_a_line_or_raises(lines: list[str], format_name: str, size: int) -> None:
    lines = [line.removeprefix("\ufeff") for line in lines]
    data = "\n".join(lines).encode()
    wanted = [line for line in lines if line and not line.encode().isspace()]
    if format_name == "auto":
        reader = line_reader("auto")
        records = [r for line in wanted for r in reader.feed(line, ORIGIN)] + list(reader.finish())
    else:
        records = read(data, "mongodb-atlas", format_name, size)
    messages = [part for record in records for part in record.message.split("\n")]
    if format_name == "archive":
        assert len(messages) == len(wanted)
    else:
        assert messages == wanted


@given(ANY_LINES, st.sampled_from(COLUMN_FORMATS))
def test_no_column_parser_raises_or_loses_a_line_that_is_no_header(lines: list[str], kind: str) -> None:
    parser = s3_logs.ColumnParser(kind)
    for line in lines:
        record = parser.parse(line, ORIGIN)
        assert record is None or record.message == line


def test_archive_lines_come_back_as_they_were_written() -> None:
    line = orjson.dumps({"time": "2026-01-02T03:04:05Z", "export": "e", "vendor": "v", "log_type": "t", "source": "s",
                         "message": "m", "fields": {"a": "b"}})  # fmt: skip
    assert read(line, "s3-logs", "archive") == [Record("m", "2026-01-02T03:04:05Z", "t", {"a": "b"}, True, "s")]
