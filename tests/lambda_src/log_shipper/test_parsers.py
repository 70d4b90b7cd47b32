import json
import string

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper.fast import RawBlock
from log_shipper.reading import detect, read_blocks
from log_shipper.record import Origin, Record
from log_shipper.vendors.aptible import parser as docker_json
from log_shipper.vendors.aurora_mysql import parser as aurora_mysql
from log_shipper.vendors.cockroachdb import parser as cockroachdb
from log_shipper.vendors.mongodb_atlas import parser as mongodb_atlas
from log_shipper.vendors.s3_logs import parser as s3_logs

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


def test_activity_feed_events_of_atlas_have_their_own_time() -> None:
    line = recorded("mongodb-atlas/events.log").rstrip("\n")
    assert read(line.encode(), "mongodb-atlas") == [Record(line, "2026-11-21T02:03:04Z", "given")]


def test_recorded_legacy_lines_of_mongodb_are_joined() -> None:
    records = read(recorded("mongodb-atlas/legacy.log").encode(), "mongodb-atlas")
    assert [(record.time, record.message.count("\n"), record.understood) for record in records] == [
        ("2014-11-03T23:28:32.450Z", 0, True),
        ("2016-07-25T18:12:33.282Z", 2, True),
        ("2016-07-25T18:12:34.000Z", 0, True),
    ]


def test_recorded_ocsf_lines_have_their_own_time() -> None:
    records = read(recorded("mongodb-atlas/ocsf.log").encode(), "mongodb-atlas")
    assert [record.time for record in records] == ["2024-03-17T22:41:56.123Z", "2024-03-17T22:41:57.000Z"]


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
        ("p/c/h/MONGOD_AUDIT/2026-11-21/1-MONGOD_AUDIT.log", "MONGOD_AUDIT"),
        # the files that Atlas's page names, without a folder of their log type
        ("p/c/h/mongodb.gz", "mongodb"),
        ("p/c/h/mongodb-audit-log.gz", "mongodb-audit-log"),
        ("p/c/h/2026-11-21/2026-11-21T02:03:04_mongos.gz", "mongos"),
        ("p/mongos-audit-log.log.gz", "mongos-audit-log"),
        ("test", "mongodb"),
    ],
)
def test_mongodb_log_type_is_in_the_path(key: str, log_type: str) -> None:
    assert mongodb_atlas.log_type_of_key(key) == log_type


def test_cockroachdb_json_and_compact_lines() -> None:
    records = read(recorded("cockroachdb/json.log").encode(), "cockroachdb")
    assert [(record.log_type, record.time) for record in records] == [
        ("header", "2023-11-06T21:25:54.980000000Z"),
        ("SESSIONS", "2023-11-06T21:25:54.983614000Z"),
        ("SQL_EXEC", "2023-11-06T21:25:55.120034000Z"),
    ]


@pytest.mark.parametrize(
    ("log_stream", "fields"),
    [
        ("ledger.us-east-1.cockroachdbcloud.SQL_EXEC.n12", {"region": "us-east-1", "node": "12"}),
        ("/acme/ledger.v2.ap-southeast-2.cockroachdbcloud.ops.n", {"region": "ap-southeast-2"}),
        ("ledger.us-gov-west-1.cockroachdbcloud.ops", {"region": "us-gov-west-1"}),
        ("i-0123456789abcdef0", None),
        ("ledger.us-east-1.cockroachdbcloud.ops.n1.more", None),
    ],
)
def test_cockroachdb_stream_name_gives_region_and_node(log_stream: str, fields: dict[str, str] | None) -> None:
    assert cockroachdb.stream_fields(log_stream) == fields


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


def test_recorded_crdb_v2_entries_of_every_kind() -> None:
    records = read(recorded("cockroachdb/continued.log").encode(), "cockroachdb")
    assert [(record.log_type, record.message.count("\n"), record.understood) for record in records] == [
        ("SQL_EXEC", 0, True),
        ("OPS", 0, True),
        ("DEV", 0, True),
        ("OPS", 2, True),
        ("DEV", 0, True),
    ]
    assert records[1].message.endswith("gossip: ‹10.0.›‹0.1› and ‹10.0.0.2›")
    assert records[3].message.endswith("a panic has occurred!\ngoroutine 413 [running]:\nmain.main()")


@pytest.mark.parametrize("channel", ["ada@example.com", "", "x" * 99, "A" * 99, 5, None, ["OPS"]])
def test_what_is_no_channels_name_is_no_log_type(channel: object) -> None:
    line = json.dumps({"channel": channel, "timestamp": "1699305954.983614000"})
    assert cockroachdb.parse(line, ORIGIN).log_type == ORIGIN.log_type


def test_a_channel_that_is_not_known_yet_has_its_name() -> None:
    assert cockroachdb.parse('{"channel":"NEW_ONE","timestamp":"1699305954.1"}', ORIGIN).log_type == "NEW_ONE"


def test_a_channel_number_of_any_length_is_no_failure() -> None:
    line = f"I210116 21:49:17.083093 14 {'9' * 5000}@cli/start.go:690 ⋮ [-] 23  x"
    assert [record.message for record in read(line.encode(), "cockroachdb")] == [line]


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


def test_recorded_aurora_lines_of_every_operation_are_understood() -> None:
    records = read(recorded("aurora-mysql/odd.csv").encode(), "aurora-mysql")
    columns = [record.fields or {} for record in records]
    assert [row["operation"] for row in columns] == [
        "FAILED_CONNECT", "CONNECT", "QUERY", "QUERY", "RENAME", "SOME_NEW_OPERATION",
    ]  # fmt: skip
    assert columns[2]["object"] == r"""SELECT \'a,b\', "c" FROM t WHERE note = \'it\'\'s, 1\'"""
    assert [row["retcode"] for row in columns] == ["1045", "0", "0", "1064", "", "0"]
    assert [record.message for record in records] == recorded("aurora-mysql/odd.csv").splitlines()


def docker_line(log: str, second: int, stream: str = "stdout") -> str:
    return json.dumps({"log": log, "stream": stream, "time": f"2021-10-20T02:35:{second:02d}Z"})


def test_docker_parts_of_16_kib_are_joined_across_other_streams() -> None:
    part = "x" * docker_json.PART_BYTES
    rows = [docker_line(part, 38), docker_line("a warning\n", 38, "stderr"), docker_line(part, 39)]
    rows += [docker_line("end\n", 40), docker_line("next\n", 41)]
    records = read("\n".join(rows).encode(), "aptible", size=65536)
    assert [record.message for record in records] == ["a warning", part + part + "end", "next"]
    assert [record.fields for record in records] == [{"stream": name} for name in ("stderr", "stdout", "stdout")]
    assert records[1].time == "2021-10-20T02:35:38Z"


@pytest.mark.parametrize("last", ["done", "", "$ ", "x" * (docker_json.PART_BYTES - 1)])
def test_docker_text_shorter_than_a_part_is_a_whole_record(last: str) -> None:
    rows = [docker_line(last, 38), docker_line("Starting up\n", 39)]
    records = read("\n".join(rows).encode(), "aptible", size=65536)
    assert [(record.message, record.time) for record in records] == [
        (last, "2021-10-20T02:35:38Z"), ("Starting up", "2021-10-20T02:35:39Z"),
    ]  # fmt: skip


def test_docker_line_without_an_end_is_cut_at_one_mebibyte() -> None:
    text = "x" * docker_json.PART_BYTES
    records = read("\n".join([docker_line(text, 38)] * 150).encode(), "aptible", size=65536)
    assert 2 <= len(records) <= 4
    assert sum(len(record.message) for record in records) == len(text) * 150


def test_docker_lines_have_their_own_time_and_the_keys_type() -> None:
    key = "mystack/shareable/v3/abc/apps-321/service-123/c-json.log.2022-08-24T21:12:33.unknown.archived.gz"
    records = read(recorded("aptible/docker.log").encode(), "aptible")
    assert [record.time for record in records] == ["2019-01-01T00:00:00.000000000Z", "2022-08-24T21:12:33.501245611Z"]
    assert docker_json.log_type_of_key(key) == "apps"
    assert docker_json.log_type_of_key("mystack/shareable/v3/abc/proxy-9/x") == "proxy"


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        (
            "s/shareable/v3/abc/apps-321/service-123/c0ffee-json.log.1.2022-08-24T21:12:33.unknown.archived.gz",
            {"app": "321", "service": "123", "container": "c0ffee"},
        ),
        (
            "s/shareable/v2/abc/apps-321/c0ffee-json.1.log.2022-06-29T18:30:01.bck.gz",
            {"app": "321", "container": "c0ffee"},
        ),
        ("s/shareable/v3/abc/databases-7/c0ffee-json.log.unknown.unknown.archived.gz",
         {"database": "7", "container": "c0ffee"}),
        ("s/shareable/v3/abc/proxy-9/x", {"endpoint": "9"}),
        ("s/shareable/v3/abc/apps-321", {}),
        ("another", {}),
    ],
)  # fmt: skip
def test_docker_fields_of_a_key_are_the_app_the_service_and_the_container(key: str, fields: dict[str, str]) -> None:
    assert docker_json.key_fields(key) == fields


@pytest.mark.parametrize(
    ("document", "message", "fields"),
    [
        ({"log": "two\nlines\r\n", "stream": "stderr"}, "two\nlines\r", {"stream": "stderr"}),
        ({"log": "\n", "stream": "stdout"}, "", {"stream": "stdout"}),
        ({"log": "x", "attrs": {"tag": "web", "n": 1}}, "x", {"attrs.tag": "web", "attrs.n": "1"}),
        ({"log": "\ud800 é\n", "stream": "\udfff"}, "\\ud800 é", {"stream": "\\udfff"}),
    ],
)
def test_docker_message_is_the_containers_line_and_the_rest_are_fields(
    document: dict[str, object], message: str, fields: dict[str, str]
) -> None:
    (record,) = read(json.dumps({**document, "time": "2021-10-20T02:35:38Z"}).encode(), "aptible", size=4096)
    assert (record.message, record.fields, record.understood) == (message, fields, True)


@pytest.mark.parametrize("wrong", [{"log": 1}, {"log": "x", "attrs": {"a": json.loads("[" * 300 + "]" * 300)}}, {}])
def test_docker_line_that_is_none_is_kept_whole(wrong: dict[str, object]) -> None:
    line = json.dumps({**wrong, "time": "2021-10-20T02:35:38Z"})
    (record,) = read(line.encode(), "aptible", size=4096)
    assert (record.message, record.understood) == (line, False)


@pytest.mark.parametrize(
    ("file", "kind", "count", "first_time", "named"),
    [
        ("s3-access.log", "s3-access", 2, "2019-02-06T00:00:38Z", {"acl_required": "Yes"}),
        ("alb.log", "alb", 2, "2018-07-02T22:23:00.186641Z", {"conn_trace_id": "TID_1234abcd5678ef90"}),
        ("clb.log", "clb", 1, "2015-05-13T23:39:43.945958Z", {"request": "GET http://www.example.com:80/ HTTP/1.1"}),
        ("nlb.log", "nlb", 1, "2018-12-20T02:59:40Z", {"tls_protocol_version": "tlsv12", "type": "tls"}),
        ("vpc-flow-custom.log", "vpc-flow", 2, "2019-08-26T19:47:55Z", {"pkt-srcaddr": "52.213.180.42"}),
        ("array.json", "json", 2, "2026-11-21T02:03:04Z", {}),
        ("lines.json", "json-lines", 2, "2026-11-21T02:03:04.500Z", {}),
        ("report.csv", "csv", 4, ORIGIN.arrival, {}),
        ("plain.log", "plain", 4, ORIGIN.arrival, {}),
        ("vpc-flow.log", "vpc-flow", 2, "2014-12-14T04:06:50Z", {"dstport": "22", "action": "ACCEPT"}),
        ("cloudfront.log", "cloudfront", 1, "2019-12-04T21:02:31Z", {"x-edge-location": "LAX1", "sc-range-end": "-"}),
        ("cloudfront.json", "json-lines", 1, "2026-03-04T05:06:07Z", {}),
        ("cloudtrail.json", "cloudtrail", 2, "2014-03-06T21:22:54Z", {}),
    ],
)  # fmt: skip
def test_s3_logs_are_detected_by_content(
    file: str, kind: str, count: int, first_time: str, named: dict[str, str]
) -> None:
    text = recorded(f"s3-logs/{file}")
    assert detect(text.encode()) == kind
    records = read(text.encode(), "s3-logs", size=4096)
    assert len(records) == count
    assert records[0].time == first_time
    assert named.items() <= (records[0].fields or {}).items()
    assert all(record.understood for record in records)
    assert all(record.message in text for record in records)
    assert {record.log_type for record in records} == {kind if kind != "json" else ORIGIN.log_type}


def test_vpc_flow_logs_without_header_have_the_default_names() -> None:
    text = recorded("s3-logs/vpc-flow.log").partition("\n")[2]
    assert read(text.encode(), "s3-logs", size=4096)[0].fields["log-status"] == "OK"  # type: ignore[index]


def test_csv_cells_in_quotes_go_on_over_lines() -> None:
    records = read(recorded("s3-logs/report.csv").encode(), "s3-logs", size=5)
    assert records[1].fields == {"date": "2026-11-21", "time": "02:03:04", "user": "ada", "note": 'one, "two"'}
    assert records[2].message == '2026-11-21,02:03:05,grace,"a note\nof two lines, with a comma"'
    assert records[2].fields is not None
    assert records[2].fields["note"] == "a note\nof two lines, with a comma"


def test_csv_by_setting_has_no_record_for_its_header() -> None:
    records = read(recorded("s3-logs/report.csv").encode(), "s3-logs", "csv", size=5)
    assert [(record.fields or {})["user"] for record in records] == ["ada", "grace", "edsger"]


def test_csv_quotes_that_never_end_join_nothing() -> None:
    rows = ['1,"an open quote', "2,x", *(f"{i},{'y' * 200}" for i in range(6000)), "9,z"]
    records = read(("n,text\n" + "\n".join(rows)).encode(), "s3-logs", "csv", size=65536)
    assert [record.message for record in records] == rows


def test_a_quote_within_a_csv_cell_joins_nothing() -> None:
    records = read(b'n,text\n1,a 5" pipe\n2,b\n', "s3-logs", "csv")
    assert [record.message for record in records] == ['1,a 5" pipe', "2,b"]


@pytest.mark.parametrize("header", ["", ",", '"', "a\rb"])
def test_a_csv_header_without_names_loses_no_line(header: str) -> None:
    parser = s3_logs.ColumnParser("csv")
    head, row = parser.parse(header, ORIGIN), parser.parse("1,2", ORIGIN)
    assert head is None or head.message == header
    assert row is not None
    assert row.message == "1,2"


def test_a_comment_of_cloudfront_is_kept_and_its_directives_are_not() -> None:
    records = read(b"#Version: 1.0\n#Fields: date time\n#other\n2026-01-02\t03:04:05\n", "s3-logs", "cloudfront")
    assert [(record.message, record.understood) for record in records] == [
        ("#other", False), ("2026-01-02\t03:04:05", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line", ["[ " * 500_000, '"' + r"\"" * 400_000, "[" * 1_000_000, '" ' * 400_000 + '"'], ids=range(4)
)
def test_columns_of_a_hostile_line_take_no_more_than_its_length(line: str) -> None:
    (record,) = read(line.encode(), "s3-logs", "s3-access", size=65536)
    assert record.message == line


@pytest.mark.parametrize("time", ["2026-01-02T03:04:05Z", "0001-01-01T00:00:00Z"])
def test_archive_lines_come_back_as_they_were_written(time: str) -> None:
    line = orjson.dumps({"time": time, "export": "e", "vendor": "v", "log_type": "t", "source": "s",
                         "message": "m", "fields": {"a": "b"}})  # fmt: skip
    assert read(line, "s3-logs", "archive") == [Record("m", time, "t", {"a": "b"}, True, "s")]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        (  # Elastic Load Balancing, "Access logs for your Network Load Balancer"
            recorded("s3-logs/nlb.log").splitlines()[0].replace(" - - - 2018", ' h2 h2 "h2","http/1.1" 2018'),
            {"alpn_client_preference_list": '"h2","http/1.1"', "tls_connection_creation_time": "2018-12-20T02:59:30"},
        ),
        (
            recorded("s3-logs/alb.log").splitlines()[0].replace("192.168.131.39:2817", "[2001:db8::1]:2817"),
            {"client_port": "[2001:db8::1]:2817", "target_port": "10.0.0.1:80", "elb_status_code": "200"},
        ),
    ],
)
def test_cell_with_quotes_or_brackets_inside_moves_no_other_column(line: str, cells: dict[str, str]) -> None:
    (record,) = read(line.encode(), "s3-logs")
    assert record.fields is not None
    assert cells.items() <= record.fields.items()


def test_health_check_of_a_load_balancer_is_no_access_log() -> None:
    (record,) = read(b"http 2025-10-01T22:11:46.123456Z 0.001 10.0.0.1:80 my-targets PASS 200 -\n", "s3-logs")
    assert (record.log_type, record.fields) == ("plain", None)


def test_cloudfront_log_without_date_has_the_time_in_milliseconds() -> None:
    (record,) = read(b"#Version: 1.0\n#Fields: timestamp(ms) c-ip\n1772600767123\t192.0.2.1\n", "s3-logs")
    assert record.time == "2026-03-04T05:06:07.123Z"


def test_first_line_of_json_shows_its_format_with_any_line_end() -> None:
    lines = b'{"m":"caf\xe9","time":"2026-03-04T05:06:07Z"}\r\n{"m":NaN,"time":"2026-03-04T05:06:07Z"}\r\n'
    assert {record.log_type for record in read(lines, "s3-logs")} == {"json-lines"}
