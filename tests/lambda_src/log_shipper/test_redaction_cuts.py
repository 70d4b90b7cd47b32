"""What redaction finds is found wherever reading has to cut a long line, and where a batch begins in an entry."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from log_shipper import lines, reading
from log_shipper.detectors import DETECTORS
from log_shipper.export_config import parse_export_config
from log_shipper.lines import safe_cut
from log_shipper.record import MAX_JOINED_CHARS, Origin, Record
from log_shipper.redaction import Redactor
from log_shipper.transform import redacted
from log_shipper.vendors.aptible import parser as docker_json
from log_shipper.vendors.cockroachdb import parser as cockroachdb

from tests.costly import sample
from tests.lambda_src.log_shipper.test_redaction_page import FOUND

ORIGIN = Origin("2026-03-04T05:06:07Z", "x")
EVERY = Redactor("keep", tuple(DETECTORS))
WORDS = "the query was slow because a plan, which is new, scans every index of it "
SECRETS = [text for _, text, _ in FOUND]
REDACTED = [EVERY.redact(text) for text in SECRETS]
PREFIX = "I260304 05:06:07.123456 12 1@x/y.go:12 ⋮ [n1] 3 "
LEDGER = parse_export_config("e", b'{"vendor":"cockroachdb","redaction":{"markers":"redact","detectors":["ipv4"]}}')


@settings(deadline=None)
@given(st.sampled_from(SECRETS), st.integers(0, 200), st.sampled_from([WORDS, '{"k":"v","n":1},', "a b c "]))
@example(SECRETS[0], 3, WORDS)
def test_a_forced_cut_is_beside_what_redaction_finds(secret: str, back: int, filler: str) -> None:
    before = (filler * 1000)[: 8000 - back]
    data = f"{before} {secret} {filler * 100}".encode()
    cut = safe_cut(data, 8000)
    assert 8000 - 4096 <= cut <= 8000
    whole = EVERY.redact(data.decode())
    assert EVERY.redact(data[:cut].decode()) + EVERY.redact(data[cut:].decode()) == whole


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("words", [WORDS, WORDS.replace(",", " so")])
@pytest.mark.parametrize("back", sample([5, 1, 12, 20], 4))
def test_long_lines_are_cut_beside_a_secret(
    monkeypatch: pytest.MonkeyPatch, secret: str, words: str, back: int
) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 8000)
    text = f"{(words * 200)[: 8000 - back]} {secret} {words * 20}"
    blocks = reading.read_blocks([text.encode()], vendor="s3-logs", format_name="plain", origin=ORIGIN)
    records = [record for block in blocks for record in (block if isinstance(block, list) else block.records())]
    assert len(records) == 2
    assert "".join(EVERY.redact(record.message) for record in records) == EVERY.redact(text).rstrip("\n")


@pytest.mark.parametrize("secret", ["ada.lovelace@example.com", "4111 1111 1111 1111", "10.200.30.40"])
def test_a_secret_over_the_limit_of_joined_parts_is_redacted(secret: str) -> None:
    size = docker_json.PART_BYTES
    count = MAX_JOINED_CHARS // (size + len('{"log":"","stream":"stdout","time":"2026-03-04T05:06:07Z"}')) + 1
    text = (WORDS * (count * size // len(WORDS) + 1))[: count * size - 5] + " " + secret + " and on " + WORDS * 300
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    parts[-1] += "\n"
    joiner = docker_json.Joiner()
    records: list[Record] = []
    for part in parts:
        line = json.dumps({"log": part, "stream": "stdout", "time": "2026-03-04T05:06:07Z"})
        records += joiner.feed(line, ORIGIN)
    records += joiner.finish()
    assert len(records) == 2
    assert "".join(record.message for record in records) + "\n" == "".join(parts)
    shown = "".join(EVERY.redact(record.message) for record in records)
    assert shown + "\n" == EVERY.redact("".join(parts))


@pytest.mark.parametrize("secret", ["ada.lovelace@example.com", "4111 1111 1111 1111"])
def test_a_secret_over_the_limit_of_an_entry_is_redacted(secret: str) -> None:
    size = 16 * 1024
    count = MAX_JOINED_CHARS // (size + len(PREFIX) + 1) + 1
    text = (WORDS * (count * size // len(WORDS) + 1))[: count * size - 5] + " " + secret + " and on"
    joiner = cockroachdb.Joiner()
    records: list[Record] = []
    for at in range(0, len(text), size):
        records += joiner.feed(f"{PREFIX}{'|' if at else ' '}{text[at : at + size]}", ORIGIN)
    records += joiner.finish()
    assert len(records) == 2
    assert "".join(record.message[len(PREFIX) + 1 :] for record in records) == text
    shown = "".join(EVERY.redact(record.message)[len(PREFIX) + 1 :] for record in records)
    assert shown == EVERY.redact(text)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("|the middle of a value", "|‹×›"),
        ("+a new line of it", "+‹×›"),
        ("|end of a value› and ‹one›", None),
        ("|outside ‹a value› outside", "|outside ‹×› outside"),
        (" a first line", " a first line"),
        ("!a stack", "!a stack"),
    ],
)
def test_a_batch_that_begins_in_an_entry_shows_no_marked_value(line: str, shown: str | None) -> None:
    (record,) = [*(joiner := cockroachdb.Joiner()).feed(PREFIX + line, ORIGIN), *joiner.finish()]
    message = redacted([record], LEDGER)[0].message
    assert message == (f"{PREFIX}{shown}" if shown else "‹×› and ‹×›")


def test_the_prefix_of_a_continuation_line_is_redacted() -> None:
    line = PREFIX.replace("[n1]", "[n1,client=10.1.2.3:26257]") + "|the middle"
    (record,) = [*(joiner := cockroachdb.Joiner()).feed(line, ORIGIN), *joiner.finish()]
    assert redacted([record], LEDGER)[0].message == line.replace("10.1.2.3", "[ipv4]").replace("the middle", "‹×›")


def test_markers_that_are_kept_leave_a_continuation_line() -> None:
    keeping = parse_export_config("e", b'{"vendor":"cockroachdb"}')
    assert redacted([Record(f"{PREFIX}|x", "t", "SQL")], keeping)[0].message == f"{PREFIX}|x"
