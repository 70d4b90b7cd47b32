"""Records of any formats in one object, with any bytes between them: none is lost, and each keeps its own time."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from log_shipper.vendors.s3_logs import parser as s3_logs

from tests.costly import examples
from tests.lambda_src.log_shipper.test_parsers import ORIGIN, read
from tests.lambda_src.log_shipper.test_times_page import FORMAT_ROWS
from tests.lambda_src.log_shipper.world import recorded

JSON_TIME = "2026-03-04T05:06:07Z"
JSON_LINES = [
    '{"level":"info","msg":"ok","time":"2026-03-04T05:06:07Z"}',
    '{"time":35,"ts":"2026-03-04T05:06:07Z","msg":"took"}',
    '{"level":"info","latency":NaN,"time":"2026-03-04T05:06:07Z"}',
    '{"level":"info","msg":"cut \\ud83d","time":"2026-03-04T05:06:07Z"}',
    '{"date":"2026-03-04","time":"05:06:07","x-edge-location":"FRA1"}',
]


def _rows(name: str, first: int = 0) -> list[str]:
    return [line for line in recorded(f"s3-logs/{name}").splitlines() if line][first:]


RECORDS = {
    **dict.fromkeys(JSON_LINES, JSON_TIME),
    **dict.fromkeys(_rows("s3-access.log"), "2019-02-06T00:00:38Z"),
    _rows("alb.log")[0]: "2018-07-02T22:23:00.186641Z",
    _rows("clb.log")[0]: "2015-05-13T23:39:43.945958Z",
    _rows("nlb.log")[0]: "2018-12-20T02:59:40Z",
    _rows("vpc-flow.log", 1)[0]: "2014-12-14T04:06:50Z",
}
STRAY = st.binary(max_size=40) | st.sampled_from(
    [b"\0" * 300, b"{", b"[", b'{"a": "', b'{"Records":[', b"}", b"]", b'"', b"a,b\n1,2", b"\xff\xfe", b"#Fields: a b",
     b"instance-id i-0ab is in vpc-id vpc-12", b"[0] {", b"\xef\xbb\xbf", b'[{"a":1},', b"plain words", b"1"]
)  # fmt: skip


@settings(max_examples=examples(150))
@given(st.lists(st.tuples(STRAY, st.sampled_from(sorted(RECORDS))), min_size=1, max_size=8), st.integers(1, 300))
def test_records_between_any_bytes_keep_their_time_and_bytes(rows: list[tuple[bytes, str]], size: int) -> None:
    data = b"".join(stray.replace(b"\r", b"") + b"\n" + record.encode() + b"\n" for stray, record in rows)
    records = read(data, "s3-logs", size=size)
    by_message = {record.message: record.time for record in records}
    for _, line in rows:
        assert by_message.get(line) == RECORDS[line]
    for stray, _ in rows:
        for piece in stray.replace(b"\r", b"").split(b"\n"):
            text = piece.decode("utf-8", "backslashreplace")
            if text.strip(" \t\0\ufeff,[]{}").isalnum():
                assert any(text.strip("\ufeff, \t[]{}") in record.message for record in records)


HEADERS = {"version account-id interface-id start end", "#Version: 1.0", "#Fields: date time c-ip"}
"""Lines that name columns, of the inputs below; they become no records."""
EXAMPLES = {
    name: [(text, time) for each, _, text, _, time in FORMAT_ROWS if each == name and time != ORIGIN.arrival]
    for name, *_ in FORMAT_ROWS
    # the text of their records is not that of the lines
    if name not in ("docker-json", "archive")
}
TEXTS = sorted({text for examples in EXAMPLES.values() for text, _ in examples})
BYTES = (
    st.binary(max_size=40)
    | STRAY
    | st.sampled_from([b"\r\n", b"\r", b"\n\n", b" \t", b"\xff", b'"\n"', b"#Version: 1.0"])
)
TRAIL = '{"Records":[{"eventTime":"2026-03-04T05:06:07Z","n":1},{"eventTime":"2026-03-04T05:06:07Z","n":2}]}'


def _essence(data: bytes) -> str:
    """Return what must be in the records, whatever their order: all but structure, blanks and header lines."""
    text = data.decode("utf-8", "backslashreplace")
    lines = [line.strip(" \t\r") for line in text.split("\n")]
    kept = "".join(line for line in lines if not _is_header(line))
    return "".join(sorted(_STRUCTURE.sub("", kept)))


_STRUCTURE = re.compile(r'[\s,\[\]{}\0\ufeff]|"Records"\s*:')


def _is_header(line: str) -> bool:
    return line.lstrip("\0\ufeff \t") in HEADERS or s3_logs.is_vpc_header(line) or s3_logs.is_cloudfront_header(line)


@settings(max_examples=examples(100), deadline=None)
@given(
    st.sampled_from(["auto", *sorted(EXAMPLES)]),
    st.lists(st.tuples(BYTES, st.sampled_from([*TEXTS, TRAIL])), max_size=6),
    st.integers(1, 200),
)
def test_any_records_of_any_formats_lose_no_byte_in_any_format(
    format_name: str, rows: list[tuple[bytes, str]], size: int
) -> None:
    data = b"".join(stray + b"\n" + text.encode() + b"\n" for stray, text in rows)
    # the first line of what is said to be CSV is its header, whatever it holds
    header = b"n,text\n" if format_name == "csv" else b""
    records = read(header + data, "s3-logs", format_name, size)
    assert _essence("\n".join(record.message for record in records).encode()) == _essence(data)


@settings(max_examples=examples(60), deadline=None)
@given(
    # plain lines have no time, and what a row of CSV holds depends on the header, and on the quotes before it
    st.sampled_from(sorted(EXAMPLES.keys() - {"csv", "plain"})).flatmap(
        lambda name: st.tuples(st.just(name), st.lists(st.tuples(BYTES, st.sampled_from(EXAMPLES[name])), max_size=6))
    ),
    st.integers(1, 200),
)
def test_records_of_a_named_format_between_any_bytes_keep_their_time(
    made: tuple[str, list[tuple[bytes, tuple[str, str]]]], size: int
) -> None:
    name, rows = made
    data = b"".join(stray + b"\n" + text.encode() + b"\n" for stray, (text, _) in rows)
    records = read(data, "s3-logs", name, size)
    for _, (text, time) in rows:
        last = text.splitlines()[-1]
        assert time in {record.time for record in records if last in record.message or record.message in last}, text


def test_damaged_array_element_costs_its_neighbours_nothing() -> None:
    element = json.dumps({"eventTime": JSON_TIME, "n": 1}, separators=(",", ":"))
    for broken in ('{"eventTime":"x" "y"}', '{"a":undefined}', '{"ua":"a"b"}', "{'a':1}", '{"cut":'):
        for data in (
            f'{{"Records":[{element},{broken},{element}]}}',
            f"[{element},\n{broken},\n{element}]",
            f"[{broken},{element},{element}]",
            f"[{broken},\n{broken},\n{broken},{element},{element}]",
            f"[\n{broken},\n{broken},\n{element},\n{element}\n]\n",
        ):
            records = read(data.encode(), "s3-logs", size=50)
            assert [r.time for r in records if r.message == element] == [JSON_TIME] * 2
            assert broken in "".join(record.message for record in records)


def test_text_that_begins_as_a_damaged_array_is_one_record() -> None:
    lines = ['[{:a=>1}, {"b":2}] some message', "next line"]
    assert [record.message for record in read("\n".join(lines).encode(), "s3-logs")] == lines


def test_plain_line_of_flow_log_words_hides_no_line() -> None:
    lines = recorded("s3-logs/plain-with-field-names.log").splitlines()
    records = read("\n".join(lines).encode(), "s3-logs")
    assert [(record.message, record.log_type, record.fields) for record in records] == [
        (line, "plain", None) for line in lines
    ]


def test_line_number_before_json_is_one_record() -> None:
    data = b'[0] {"time":"2026-03-04T05:06:07Z"}\n[1] {"time":"2026-03-04T05:06:07Z"}'
    assert [record.message for record in read(data, "s3-logs")] == data.decode().split("\n")


def test_file_of_text_with_one_json_line_reads_both() -> None:
    data = ("started\n" * 5000 + JSON_LINES[0] + "\n" + "stopped\n" * 5000).encode()
    records = read(data, "s3-logs", size=131072)
    assert len(records) == 10_001
    assert [record.time for record in records if record.log_type == "json-lines"] == [JSON_TIME]
    assert {record.time for record in records if record.log_type == "plain"} == {ORIGIN.arrival}


def test_pretty_printed_document_between_lines_is_one_record() -> None:
    pretty = json.dumps({"time": JSON_TIME, "a": [1, 2]}, indent=2)
    records = read(f"started\n{pretty}\nstopped".encode(), "s3-logs")
    assert [(record.message, record.time) for record in records][1] == (pretty, JSON_TIME)
    assert len(records) == 3
