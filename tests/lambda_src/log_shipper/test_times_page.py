# ruff: noqa: E501 - the introduction has the page's own lines
"""docs/times.md says which time each record gets: its tables are the ones tested here.

With LOGDOCK_WRITE_TIMES_PAGE set, the page is written instead of compared.
"""

import json
import os
from collections.abc import Iterator

import pytest
from log_shipper.line_readers import FORMATS, VENDOR_FORMATS
from log_shipper.parsers.json_lines import TIME_NAMES

from tests.conftest import ROOT
from tests.lambda_src.log_shipper.test_parsers import ORIGIN, read
from tests.lambda_src.log_shipper.world import recorded

PAGE = ROOT / "docs" / "times.md"
WRITTEN, READ = "2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z"
ARRIVAL = ORIGIN.arrival


def recorded_row(path: str, number: int = 0) -> str:
    return recorded(path).splitlines()[number]


VPC_HEADER = "version account-id interface-id start end"
CLOUDFRONT_HEADER = "#Version: 1.0\n#Fields: date time c-ip"
FORMAT_ROWS = [
    # format, the field as the page names it, the input, the value in it, the time of its last record
    ("mongodb", "`t.$date`", '{"t":{"$date":"2026-03-04T06:06:07.123+01:00"},"s":"I"}', "2026-03-04T06:06:07.123+01:00", "2026-03-04T05:06:07.123Z"),
    ("mongodb", "`ts.$date` (audit logs)", '{"atype":"logout","ts":{"$date":"2026-03-04T05:06:07.123+00:00"}}', "2026-03-04T05:06:07.123+00:00", "2026-03-04T05:06:07.123Z"),
    ("mongodb", "`time` (audit logs in the OCSF schema)", '{"class_uid":3002,"time":1772600767123}', "1772600767123", "2026-03-04T05:06:07.123Z"),
    ("mongodb", "`created` (Activity Feed)", '{"eventTypeName":"X","created":"2026-03-04T05:06:07Z"}', WRITTEN, READ),
    ("mongodb", "the first word (text of versions before 4.4)", "2026-03-04T05:06:07.123+0000 I COMMAND [conn1] a", "2026-03-04T05:06:07.123+0000", "2026-03-04T05:06:07.123Z"),
    ("cockroachdb", "`timestamp` (`json`)", '{"channel_numeric":1,"timestamp":"1772600767.123456789"}', "1772600767.123456789", "2026-03-04T05:06:07.123456789Z"),
    ("cockroachdb", "`t` (`json-compact`)", '{"c":1,"t":"1772600767.123456789"}', "1772600767.123456789", "2026-03-04T05:06:07.123456789Z"),
    ("cockroachdb", "`datetime`, `d`", '{"c":1,"d":"2026-03-04T05:06:07.5Z"}', "2026-03-04T05:06:07.5Z", "2026-03-04T05:06:07.5Z"),
    ("cockroachdb", "the prefix of `crdb-v2`", "I260304 05:06:07.123456 1 1@server/node.go:1 ⋮ [n1] 1  a", "260304 05:06:07.123456", "2026-03-04T05:06:07.123456Z"),
    ("aurora-audit", "`timestamp` (Aurora)", "1772600767123456,h,u,10.0.0.1,1,1,QUERY,db,'select 1',0", "1772600767123456", "2026-03-04T05:06:07.123456Z"),
    ("aurora-audit", "`timestamp` (RDS)", "20260304 05:06:07,h,u,10.0.0.1,1,1,QUERY,db,'select 1',0,", "20260304 05:06:07", READ),
    ("rds", "the prefix of PostgreSQL's log", "2026-03-04 05:06:07 UTC:10.0.0.1(5432):u@db:[1]:LOG:  a\n\tb", "2026-03-04 05:06:07 UTC", READ),
    ("rds", "`timestamp` (audit logs)", "20260304 05:06:07,h,u,10.0.0.1,1,1,QUERY,db,'select 1',0,", "20260304 05:06:07", READ),
    ("docker-json", "`time`", '{"log":"a\\n","stream":"stdout","time":"2026-03-04T05:06:07.123456789Z"}', "2026-03-04T05:06:07.123456789Z", "2026-03-04T05:06:07.123456789Z"),
    ("cloudflare", "`EdgeStartTimestamp`, `Datetime`, `Timestamp`, … (`unixnano`)",
     '{"RayID":"a","EdgeStartTimestamp":1772600767123456789}', "1772600767123456789", "2026-03-04T05:06:07.123456789Z"),
    ("cloudflare", "the same (`unix`)", '{"RayID":"a","When":1772600767}', "1772600767", "2026-03-04T05:06:07Z"),
    ("cloudflare", "the same (`rfc3339`)", '{"RayID":"a","Datetime":"2026-03-04T05:06:07Z"}', "2026-03-04T05:06:07Z",
     "2026-03-04T05:06:07Z"),
    ("json-lines", "the names below", '{"level":"info","ts":"2026-03-04T05:06:07Z"}', WRITTEN, READ),
    ("json", "the names below", '[{"ts":"2026-03-04T05:06:07Z"}]', WRITTEN, READ),
    ("cloudtrail", "`eventTime`", '{"Records":[{"eventVersion":"1.08","eventTime":"2026-03-04T05:06:07Z"}]}', WRITTEN, READ),
    ("alb", "`time`", recorded_row("s3-logs/alb.log"), "2018-07-02T22:23:00.186641Z", "2018-07-02T22:23:00.186641Z"),
    ("clb", "`time`", recorded_row("s3-logs/clb.log"), "2015-05-13T23:39:43.945958Z", "2015-05-13T23:39:43.945958Z"),
    ("nlb", "`time`, which has no offset and is in UTC", recorded_row("s3-logs/nlb.log"), "2018-12-20T02:59:40", "2018-12-20T02:59:40Z"),
    ("s3-access", "`time`", recorded_row("s3-logs/s3-access.log"), "06/Feb/2019:00:00:38 +0000", "2019-02-06T00:00:38Z"),
    ("vpc-flow", "`start`", f"{VPC_HEADER}\n2 123456789010 eni-1 1772600767 1772600827", "1772600767", READ),
    ("cloudfront", "`date` and `time`", f"{CLOUDFRONT_HEADER}\n2026-03-04\t05:06:07\t192.0.2.1", "2026-03-04\t05:06:07", READ),
    ("csv", "`date` and `time`", "date,time,n\n2026-03-04,05:06:07,1", "2026-03-04,05:06:07", READ),
    *(
        ("csv", f"`{name}`", f"{name},n\n2026-03-04T05:06:07Z,1", WRITTEN, READ)
        for name in ("time", "start", "timestamp", "@timestamp", "date", "datetime", "event_time", "eventTime")
    ),
    ("plain", "none", "2026-03-04T05:06:07Z started", "", ARRIVAL),
    ("archive", "`time`", '{"time":"2026-03-04T05:06:07Z","export":"e","vendor":"v","log_type":"l","source":"s","message":"m"}', WRITTEN, READ),
]  # fmt: skip
WRITINGS = [
    ("2026-03-04T05:06:07Z", READ),
    ("2026-03-04t05:06:07z", READ),
    ("2026-03-04 05:06:07", READ),
    ("2026-03-04 05:06:07,123", "2026-03-04T05:06:07.123Z"),
    ("2026-03-04 05:06:07.5 UTC", "2026-03-04T05:06:07.5Z"),
    ("2026-03-04T07:06:07+02", READ),
    ("2026-03-04T07:06:07+0200", READ),
    ("2026-03-04T07:06:07+02:00", READ),
    ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ("2026-03-04T05:06:07.1234567891Z", "2026-03-04T05:06:07.123456789Z"),
    ("04/Mar/2026:05:06:07 +0000", READ),
    ("[04/Mar/2026:06:06:07 +0100]", READ),
    ("04/Mar/2026:05:06:07.123", "2026-03-04T05:06:07.123Z"),
    ("Wed, 04 Mar 2026 05:06:07 GMT", READ),
    ("4 Mar 2026 06:06:07 +0100", READ),
    ("2026/03/04 05:06:07", READ),
    ("2026-03-04 05:06:07 GMT", READ),
    ("2026-03-04T05:06Z", "2026-03-04T05:06:00Z"),
    ("2026-03-04T06:06:07.5+01:00[Europe/Berlin]", "2026-03-04T05:06:07.5Z"),
    ("2026-03-04 06:06:07.5 +0100 CET m=+0.25", "2026-03-04T05:06:07.5Z"),
    ("Wed Mar  4 05:06:07 2026", READ),
    ("[Wed Mar 04 05:06:07.123456 2026]", "2026-03-04T05:06:07.123456Z"),
    ("Wed Mar 04 2026 06:06:07 GMT+0100 (Central European Standard Time)", READ),
    ("20260304T050607Z", READ),
    ("20260304T060607.5+0100", "2026-03-04T05:06:07.5Z"),
    ({"date": "2026-03-04 05:06:07.5", "timezone_type": 3, "timezone": "UTC"}, "2026-03-04T05:06:07.5Z"),
    ({"date": "2026-03-04 05:06:07.5", "timezone_type": 3, "timezone": "Europe/Berlin"}, ARRIVAL),
    ({"$date": "2026-03-04T05:06:07Z"}, READ),
    ({"$date": {"$numberLong": "1772600767123"}}, "2026-03-04T05:06:07.123Z"),
    (1772600767, READ),
    ("1772600767", READ),
    (1772600767.25, "2026-03-04T05:06:07.25Z"),
    (1772600767123, "2026-03-04T05:06:07.123Z"),
    (1772600767123456, "2026-03-04T05:06:07.123456Z"),
    (1772600767123456789, "2026-03-04T05:06:07.123456789Z"),
    ({"epochSecond": 1772600767, "nanoOfSecond": 123000000}, "2026-03-04T05:06:07.123000000Z"),
    ({"seconds": 1772600767, "nanos": 5}, "2026-03-04T05:06:07.000000005Z"),
    ({"seconds": 35, "nanos": 0}, ARRIVAL),
    ({"seconds": 1772600767, "nanos": 10**9}, ARRIVAL),
    ("0001-01-01T00:00:00Z", ARRIVAL),
    ("1970-01-01T00:00:00Z", ARRIVAL),
    ("2026-03-04T05:06:07+99:99", ARRIVAL),
    ("2026-03-04 06:06:07 CET", ARRIVAL),
    (35, ARRIVAL),
    (4102444800, ARRIVAL),
    (True, ARRIVAL),
    ("yesterday", ARRIVAL),
    ("2026-02-30T05:06:07Z", ARRIVAL),
    ("Wed Mar 04 05:06:07 CET 2026", ARRIVAL),
    ("20260304050607", ARRIVAL),
    ("20260230T050607Z", ARRIVAL),
]
INTRODUCTION = f"""# Which time a record has
The tables are those of the tests: each row is run. `logdock preview` shows the times of your own lines.

A record has the time that its line holds, in UTC, with the digits of the vendor. If the line holds no time that Logdock reads, the record has the time at which its object was written (in the tables: `{ARRIVAL}`), or for a log group the time of the event. The figure `not_understood` in the shipper's log counts lines that are not of the format that their vendor writes.
"""


@pytest.mark.parametrize(("name", "field", "data", "value", "time"), FORMAT_ROWS)
def test_format_has_the_time_of_its_field(name: str, field: str, data: str, value: str, time: str) -> None:
    assert value in data
    assert read(data.encode(), "s3-logs", name)[-1].time == time
    vendors = [vendor for vendor, own in VENDOR_FORMATS.items() if own == name]
    # csv with two columns is distinguished from text by its header alone; a user may name it
    for vendor in vendors or (["s3-logs"] if name not in ("archive", "csv") else []):
        assert read(data.encode(), vendor)[-1].time == time


@pytest.mark.parametrize("name", TIME_NAMES)
def test_json_has_the_time_of_each_name(name: str) -> None:
    (record,) = read(json.dumps({"level": "info", name: WRITTEN}).encode(), "s3-logs")
    assert record.time == READ


def test_json_has_the_time_of_the_first_name() -> None:
    times = {name: f"2026-03-04T05:06:{second:02}Z" for second, name in enumerate(TIME_NAMES)}
    for name in TIME_NAMES:
        (record,) = read(json.dumps({"level": "info"} | dict(reversed(times.items()))).encode(), "s3-logs")
        assert record.time == times.pop(name)


@pytest.mark.parametrize(("value", "time"), WRITINGS)
def test_json_time_is_read_as_it_is_written(value: object, time: str) -> None:
    (record,) = read(json.dumps({"level": "info", "ts": value}).encode(), "s3-logs")
    assert record.time == time


@pytest.mark.parametrize(
    ("number", "fraction"),
    [
        ("1772600767.123456789", ".123456789"), ("1772600767.100", ".100"), ("1772600767.9999999999", ".999999999"),
        ("1.772600767123456789E9", ".123456789"), ("1772600767123.456", ".123456"), ("1772600767123456.789", ".123456789"),
    ],
)  # fmt: skip
def test_number_keeps_its_digits(number: str, fraction: str) -> None:
    for data in (
        f'{{"level":"info","ts":{number}}}', f'{{ "m" : "\\"ts\\":5.5" , "a":{{"ts":1.5}}, "ts" : {number} }}',
        f'[{{"ts":{number}}},{{"ts":{number},"n":1}},\n{{"ts":{number}}}]', f'{{"record":{{"time":{{"timestamp":{number}}}}}}}',
    ):  # fmt: skip
        for record in read(data.encode(), "s3-logs"):
            assert record.time == f"2026-03-04T05:06:07{fraction}Z"


def test_time_that_is_not_set_gives_way_to_the_next_name() -> None:
    lines = [
        '{"time":"1970-01-01T00:00:00Z","@timestamp":"2026-03-04T05:06:07Z"}',
        '{"time":"1970-01-01T00:00:00.000Z","level":"info","@timestamp":"2026-03-04T05:06:07Z"}',
        '{"level":"info","time":"1970-01-01T01:00:00+01:00","ts":1772600767}',
        '{"text":"a","record":{"time":{"repr":"2026-03-04 06:06:07+01:00","timestamp":1772600767}}}',
    ]
    assert [record.time for record in read("\n".join(lines).encode(), "s3-logs")] == [READ] * len(lines)


@pytest.mark.parametrize(
    ("vendor", "line", "time"),
    [
        ("mongodb-atlas", '{"time":true,"created":"2026-03-04T05:06:07Z"}', READ),
        ("mongodb-atlas", '{"ts":{"$date":"none"},"time":1772600767123}', "2026-03-04T05:06:07.123Z"),
        ("mongodb-atlas", '{"t":{"$date":true}}', ARRIVAL),
        ("mongodb-atlas", '{"t":{"$date":5}}', ARRIVAL),
        ("cockroachdb", '{"timestamp":true,"channel":"OPS"}', ARRIVAL),
        ("cockroachdb", '{"timestamp":"35","channel":"OPS"}', ARRIVAL),
        ("cockroachdb", '{"timestamp":1772600767.25,"channel":"OPS"}', "2026-03-04T05:06:07.25Z"),
        ("cockroachdb", "I260304 06:06:07.123456+010000 1 1@a.go:1 ⋮ [n1] 1  a", "2026-03-04T05:06:07.123456Z"),
        ("cockroachdb", "I260304 06:06:07.123456+010001 1 1@a.go:1 ⋮ [n1] 1  a", ARRIVAL),
        ("aurora-mysql", "0000000000000000,h,u,10.0.0.1,1,1,CONNECT,,,0", ARRIVAL),
        ("cloudflare", '{"EdgeStartTimestamp":true}', ARRIVAL),
    ],
)
def test_value_that_is_no_time_of_a_vendor_is_none(vendor: str, line: str, time: str) -> None:
    assert [record.time for record in read(line.encode(), vendor)] == [time]


def test_every_format_has_a_row() -> None:
    assert {row[0] for row in FORMAT_ROWS} == set(FORMATS) - {"auto"}


def page() -> Iterator[str]:
    yield INTRODUCTION
    yield (
        "## Formats\n| format | time field | as written | time of the record |\n| --- | --- | --- | --- |\n"
        + "".join(
            f"| `{name}` | {field} | {'`' + value.replace(chr(9), ' ') + '`' if value else ''} | `{time}` |\n"
            for name, field, _, value, time in FORMAT_ROWS
        )
    )
    yield "With `format: auto` each line of an S3 object is of one of these formats, and each event of a log group is JSON or text: see [s3-logs.md](s3-logs.md).\n"
    yield "## JSON\nThe time of a JSON line, of an element and of a document is that of the first of these names that holds a plausible time. Before them, `date` and `time` together (`2026-03-04` and `05:06:07`, as CloudFront writes them). A line that opens with a time in UTC has that one, whatever follows. Only names of the document itself are read, not those of objects in it, but for `record.time.timestamp` of Loguru.\n"
    yield "".join(f"{number}. `{name}`\n" for number, name in enumerate(TIME_NAMES, 1))
    yield "## How a time may be written\nIn JSON. Columns take the same RFC 3339 strings and numbers, and those of S3 access logs the form of web servers (`04/Mar/2026:05:06:07 +0000`). A time without an offset is in UTC. A number is seconds, milliseconds, microseconds or nanoseconds since 1970 by its size, and no time unless it is between 2000 and 2100: the same names hold durations and counters. `0001-01-01` is how Go and .NET write that no time was set, and the beginning of 1970 how others do.\n"
    yield "| value | time of the record |\n| --- | --- |\n" + "".join(
        f"| `{json.dumps(value)}` | {'none: `' if time == ARRIVAL else '`'}{time}` |\n" for value, time in WRITINGS
    )


def test_page_has_the_tables() -> None:
    text = "\n".join(page())
    if os.environ.get("LOGDOCK_WRITE_TIMES_PAGE"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text
