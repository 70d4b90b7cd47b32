"""What is read of an object is in its records: a reader that loses part of a line fails the object."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from log_shipper import archive, lenient_json, line_readers, ship
from log_shipper.errors import AccountingError
from log_shipper.parsers import json_lines, json_stream
from log_shipper.record import Origin, Record
from log_shipper.vendors.mongodb_atlas import parser as mongodb_atlas
from log_shipper.vendors.s3_logs import parser as s3_logs

from tests.lambda_src.log_shipper.test_parsers import read
from tests.lambda_src.log_shipper.world import Cloud, Context, Listener, batch, message, recorded, subscription

FORMATS = {
    "mongodb": "mongodb-atlas/legacy.log",
    "cockroachdb": "cockroachdb/continued.log",
    "aurora-audit": "aurora-mysql/audit.csv",
    "rds": "rds/postgresql.log",
    "json-lines": "s3-logs/lines.json",
    "plain": "s3-logs/plain.log",
    "alb": "s3-logs/alb.log",
    "clb": "s3-logs/clb.log",
    "nlb": "s3-logs/nlb.log",
    "s3-access": "s3-logs/s3-access.log",
    "vpc-flow": "s3-logs/vpc-flow.log",
    "cloudfront": "s3-logs/cloudfront.log",
    "csv": "s3-logs/report.csv",
}


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("fault", ["drops", "shortens"])
def test_reader_that_loses_a_line_or_its_end_is_detected(
    name: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = recorded(FORMATS[name]).encode()
    assert read(data, "s3-logs", name)
    whole = line_readers.line_reader

    class Lossy:
        """A reader that loses a record, or its last character."""

        def __init__(self) -> None:
            self._reader = whole(name)
            self._has_lost = False

        @property
        def passed_over(self) -> int | None:
            return self._reader.passed_over

        def _lose(self, records: Iterator[Record]) -> Iterator[Record]:
            for record in records:
                if self._has_lost:
                    yield record
                elif fault == "shortens":
                    yield record._replace(message=record.message[:-1])
                self._has_lost = True

        def feed(self, line: str, origin: Origin) -> Iterator[Record]:
            return self._lose(self._reader.feed(line, origin))

        def finish(self) -> Iterator[Record]:
            return self._lose(self._reader.finish())

    monkeypatch.setattr("log_shipper.reading.line_reader", lambda *_: Lossy())
    with pytest.raises(AccountingError, match="characters read"):
        read(data, "s3-logs", name)


def test_detected_lines_that_are_lost_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    # as when a line that names columns is taken for a header
    monkeypatch.setattr(s3_logs, "format_of", lambda line: "alb" if line == "lost" else None)
    feed = line_readers.MixedLines.feed

    def lossy(self: line_readers.MixedLines, line: str, origin: Origin) -> Iterator[Record]:
        return iter(()) if line == "lost" else feed(self, line, origin)

    monkeypatch.setattr(line_readers.MixedLines, "feed", lossy)
    with pytest.raises(AccountingError):
        read(b'{"a":1}\nlost\nkept "x" [y]\n', "s3-logs")


TRAIL = recorded("s3-logs/cloudtrail.json")
STREAMS = {
    "trail": TRAIL,
    "trails": f"{TRAIL}\n{TRAIL}",
    "trail-with-latin-1": TRAIL.replace("Alice", "\xe9"),
    "array": recorded("s3-logs/array.json"),
    "pretty": json.dumps([{"a": 1, "b": [2]}, {"a": 3}], indent=1),
    "damaged": '[{"a":1},{"a":undefined}, \r\n{"a":2},\n{"a":3}]\r\nwords\r\n\n{"b": 1}{"b": 2}',
    "empty": '{"Records":[]}\n[]\n[\n]',
    "broken off": '{"Records":[{"a":1},{"a":2',
    "opening without an element": '{"Records":[ nothing\nmore',
    "lines between": f"{TRAIL}\nwords {{ and more\n#Fields: a b\n{TRAIL}",
}


def _loses_document(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json_stream.Reader.read_together

    def lossy(self: json_stream.Reader) -> Iterator[Record | json_stream.Elements]:
        records = whole(self)
        next(records)
        return records

    monkeypatch.setattr(json_stream.Reader, "read_together", lossy)


def _shortens_document(monkeypatch: pytest.MonkeyPatch) -> None:
    of_document = json_lines.of_document
    monkeypatch.setattr(json_lines, "of_document", lambda text, *rest: of_document(text[:-1], *rest))


def _ends_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = lenient_json.raw_decode
    monkeypatch.setattr(json_stream, "_OPENING", re.compile("never"))
    monkeypatch.setattr(json_stream, "raw_decode", lambda *given: (decode(*given)[0], decode(*given)[1] + 1))
    monkeypatch.setattr(json_stream, "_text", lambda part: part.rstrip(",] \n"))


STREAM_FAULTS = {"drops": _loses_document, "shortens": _shortens_document, "ends too far": _ends_too_far}


@pytest.mark.parametrize("fault", sorted(STREAM_FAULTS))
@pytest.mark.parametrize("format_name", ["auto", "cloudtrail", "json"])
def test_json_stream_that_loses_a_document_or_its_end_is_detected(
    format_name: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        STREAM_FAULTS[fault](broken)
        with pytest.raises(AccountingError, match="characters read"):
            read(TRAIL.encode(), "s3-logs", format_name)


@pytest.mark.parametrize("format_name", ["auto", "cloudtrail", "json"])
@pytest.mark.parametrize("name", sorted(STREAMS))
def test_json_stream_accounts_for_every_character(name: str, format_name: str) -> None:
    for size in (1, 7, 65536):
        read(STREAMS[name].encode("latin-1"), "s3-logs", format_name, size)


def test_header_documents_and_blank_lines_are_accounted_for() -> None:
    vpc, array = recorded("s3-logs/vpc-flow.log"), recorded("s3-logs/array.json")
    assert read(f"started\n\n \n{vpc}\n{array}\r\n[1] {{\n\xff end".encode("latin-1"), "s3-logs")


def test_lost_line_fails_the_message_and_not_its_neighbour(
    cloud: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.export("orders", vendor="mongodb-atlas")
    cloud.export("app", vendor="s3-logs", format="plain")
    parse: Callable[[str, Origin], Record] = mongodb_atlas.parse

    def shortened(line: str, origin: Origin) -> Record:
        return parse(line, origin)._replace(message="x")

    monkeypatch.setitem(line_readers.LINE_PARSERS, "mongodb", shortened)
    lossy = cloud.land("a/host/mongodb/1.log", b"old text\nmore text\n")
    whole = cloud.land("app.log", b"a\nb\n")
    answer: dict[str, Any] = ship.handler(
        batch(message("orders", lossy, number=1), message("app", whole, number=2)), Context()
    )
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["m1"]
    assert {"a", "b"} <= set(logz.messages())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (failed,) = [line for line in lines if line["event"] == "failed"]
    assert failed["error"].startswith("AccountingError: characters read")
    # the metric of the alarm on failing messages
    assert [line["failed"] for line in lines if line["event"] == "not shipped"] == [1]


def test_lost_event_fails_the_archivers_invocation(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.export("billing", vendor="aurora-mysql")
    lines = recorded("aurora-mysql/audit.csv").splitlines()
    event = subscription("billing", "/aws/rds/cluster/moodle/audit", lines)
    assert archive.handler(event, None)["archived"] == len(lines)
    parse = line_readers.LINE_PARSERS["aurora-audit"]
    monkeypatch.setitem(
        line_readers.LINE_PARSERS, "aurora-audit", lambda *given: parse(*given)._replace(message="shortened")
    )
    with pytest.raises(AccountingError, match="characters read"):
        archive.handler(event, None)


def test_entry_that_is_too_long_for_a_record_is_accounted_for() -> None:
    prefix = "I210323 23:05:31.123456 1 1@server/node.go:1 ⋮ [n1] 1 "
    lines = [f"{prefix} begins", *[f"{prefix}|{'word ' * 20_000}{number}" for number in range(25)], f"{prefix}+ends"]
    assert len(read("\n".join(lines).encode(), "cockroachdb", size=65536)) > 1
