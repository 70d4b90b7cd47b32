import json
import re
from typing import Any

import hypothesis
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper.record import Record
from log_shipper.rendering import Renderer, Shape

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.logs.query import Query, field_of, grep, required_text


def asking(*expressions: str, fields: tuple[str, ...] = ()) -> Query:
    found = [grep(each) for each in expressions]
    return Query(
        since="",
        until="~",
        patterns=tuple(each.pattern for each in found),
        needles=tuple(each.needle for each in found),
        across=tuple(each.across for each in found if each.across),
        fields=tuple(map(field_of, fields)),
    )


def wants(query: Query, message: str, **more: Any) -> bool:
    record = Record(message, "2026-11-17T03:12:00Z", "mongodb", **more)
    return query.wants(record, export="orders", vendor="mongodb-atlas")


@pytest.mark.parametrize(
    ("pattern", "required"),
    [
        ("abc", "abc"),
        (r"timeout after \d+ms", "timeout after "),
        (r"user\.name = .*", "user.name = "),
        ("xa?bcd", "bcd"),
        ("abcd?e", "abc"),
        ("a{2,3}bc", "bc"),
        ("ab+", "ab"),
        ("^start$", "start"),
        ("(?i)abc", ""),
        ("abc|def", ""),
        ("[ab]c", "c"),
        ("x[^]a]?[[:alpha:]]+[\\]]=y", "=y"),
        (r"\[ab] cd", ""),
        (r"\\[ab] cd", " cd"),
        ("ab[", ""),
        ("(a)bc", ""),
        (r"\x41bc", ""),
        (r"\Qa.c\E", ""),
    ],
)
def test_the_text_that_an_expression_asks_for_is_found(pattern: str, required: str) -> None:
    assert required_text(pattern) == required


@hypothesis.settings(deadline=None)
@given(
    st.from_regex(r"([a-c.+*?^$\\]|\\d|\{2\}|\||\[\^?[]a-c\\[]+\]|\[:alpha:\]){1,8}", fullmatch=True),
    st.text("abcd12^.$+[]\\", max_size=12),
)
def test_whatever_matches_holds_the_required_text(pattern: str, text: str) -> None:
    try:
        matches = grep(pattern).pattern.search(text.encode()) is not None
    except CommandError:
        return
    assert not matches or required_text(pattern) in text


@hypothesis.settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=8))
def test_an_archive_line_whose_message_has_the_text_is_a_candidate(message: str, part: str) -> None:
    message = message + part
    line = Renderer(Shape(), export="e", vendor="v", source="s").archived(Record(message, "2026-11-17T03:12:00Z", "t"))
    query = asking(re.escape(part)) if part.isalnum() else Query(since="", until="~", needles=(part,))
    block = b"before\n" + line + b"after"
    assert line.rstrip(b"\n") in query.candidates(block, escaped=True)


@hypothesis.settings(deadline=None)
@given(
    st.from_regex(r"(\(\?(i|s|m|-m|-s|i-m)\))?([a-c.+*?^$()|]|\[\^a\]|\\[AzbBsW]){1,8}", fullmatch=True),
    st.lists(st.text('abc \n"\\é', max_size=6), min_size=1, max_size=4),
)
def test_a_block_with_an_archive_line_that_matches_has_candidates(pattern: str, messages: list[str]) -> None:
    try:
        query = asking(pattern)
    except CommandError:
        return
    renderer = Renderer(Shape(), export="e", vendor="v", source="s")
    lines = [renderer.archived(Record(each, "2026-11-17T03:12:00Z", "t")).rstrip(b"\n") for each in messages]
    wanted = {line for line, message in zip(lines, messages, strict=True) if wants(query, message)}
    assert wanted <= set(query.candidates(b"\n".join(lines), escaped=True))


@pytest.mark.parametrize(
    "pattern", [r"\Aa[b]", r"[a]b\z", "(?-m)^[a]b$", "(?i-m:^[A]b$)", r"(a)\Qb", "^[a]b$", "[a].$"]
)
def test_an_expression_with_edges_finds_its_line_among_others(pattern: str) -> None:
    renderer = Renderer(Shape(), export="e", vendor="v", source="s")
    lines = [renderer.archived(Record(each, "2026-11-17T03:12:00Z", "t")).rstrip(b"\n") for each in ("x", "ab", "y")]
    query = asking(pattern)
    assert wants(query, "ab")
    assert lines[1] in query.candidates(b"\n".join(lines), escaped=True)


def test_a_block_without_a_match_has_no_candidates() -> None:
    line = Renderer(Shape(), export="e", vendor="v", source="s").archived(Record("ab", "2026-11-17T03:12:00Z", "t"))
    block = line + b"no archive line"
    assert asking("^(b|n)$").candidates(block, escaped=True) == []
    assert asking("^(b|no).*").candidates(block, escaped=True) == block.split(b"\n")


def test_only_lines_with_every_text_are_candidates() -> None:
    query = asking("red", "green")
    assert query.candidates(b"red\nred green\ngreen\ngreen red red", escaped=False) == [b"red green", b"green red red"]
    assert query.candidates(b"red\nred", escaped=False) == []


def test_every_expression_must_match_the_message() -> None:
    assert wants(asking("conn.*refused", "from 192"), "connection refused from 192.0.2.1")
    assert not wants(asking("conn.*refused", "from 10"), "connection refused from 192.0.2.1")


def test_an_expression_is_asked_of_the_message_as_it_was_written() -> None:
    assert wants(asking(r'"user": "a\\b"'), r'{"user": "a\b"}')
    assert not wants(asking("orders"), "nothing of the export's name")


@pytest.mark.parametrize(
    ("field", "is_there"),
    [
        ("log_type=mongodb", True),
        ("log_type=mongo", False),
        ("export=orders", True),
        ("vendor=mongodb-atlas", True),
        ("cluster=Cluster0", True),
        ("c=NETWORK", True),
        ("attr.remote=192.0.2.1:4000", True),
        ("attr.id=7", True),
        ("attr.ok=true", True),
        ("attr.a.b=dotted", True),
        ("attr=7", False),
        ("missing=", False),
    ],
)
def test_a_field_is_one_of_the_record_or_of_its_json(field: str, is_there: bool) -> None:
    attr = {"remote": "192.0.2.1:4000", "id": 7, "ok": True, "a.b": "dotted"}
    line = json.dumps({"c": "NETWORK", "attr": attr})
    query = asking(fields=(field,))
    assert wants(query, line, fields={"cluster": "Cluster0"}) is is_there
    renderer = Renderer(Shape(), export="orders", vendor="mongodb-atlas", source="s")
    archived = renderer.archived(Record(line, "2026-11-17T03:12:00Z", "mongodb", {"cluster": "Cluster0"}))
    assert not is_there or query.candidates(archived.rstrip(b"\n"), escaped=True)


CLUSTER = "/acme/cockroach/ledger/f78b7feb-b6cf-4396-9d7f-494982d7d81e"


@pytest.mark.parametrize(
    ("asked", "source", "is_there"),
    [
        (f"cloudwatch:{CLUSTER}", f"cloudwatch:{CLUSTER}:ops.n1", True),
        (f"cloudwatch:{CLUSTER}:ops.n1", f"cloudwatch:{CLUSTER}:ops.n1", True),
        ("cloudwatch:/aws/rds/cluster/billing", "cloudwatch:/aws/rds/cluster/billing/audit:i-1.audit.log.0", True),
        ("cloudwatch:/aws/rds/cluster/bill", "cloudwatch:/aws/rds/cluster/billing/audit:i-1.audit.log.0", False),
        ("s3://acme-prod-orders/atlas/5e22", "s3://acme-prod-orders/atlas/5e22/Cluster0/x.log", True),
        ("s3://acme-prod-orders/atlas/", "s3://acme-prod-orders/atlas/5e22/Cluster0/x.log", True),
        ("s3://acme-prod-orders/atlas/5e", "s3://acme-prod-orders/atlas/5e22/Cluster0/x.log", False),
        ("/acme/cockroach", f"cloudwatch:{CLUSTER}:ops.n1", False),
    ],
)
def test_a_source_is_found_by_its_log_group_bucket_or_directory(asked: str, source: str, is_there: bool) -> None:
    query = asking(fields=(f"source={asked}",))
    assert wants(query, "plain text", source=source) is is_there
    renderer = Renderer(Shape(), export="ledger", vendor="cockroachdb", source=source)
    archived = renderer.archived(Record("plain text", "2026-11-17T03:12:00Z", "t"))
    assert not is_there or query.candidates(archived.rstrip(b"\n"), escaped=True)


def test_a_line_that_is_no_json_has_no_fields_of_its_own() -> None:
    assert not wants(asking(fields=("c=NETWORK",)), "c=NETWORK")
    assert not wants(asking(fields=("c=NETWORK",)), '{"c": "NETWORK"')


@pytest.mark.parametrize("expression", ["(", "(?=ahead)", r"(a)\1", "*", "\udcff"])
def test_rejects_an_expression_that_is_none(expression: str) -> None:
    with pytest.raises(CommandError, match=r"is not a regular expression that RE2 accepts") as refused:
        grep(expression)
    assert refused.value.code == ExitCode.USAGE


@pytest.mark.parametrize("text", ["mongodb", "=mongodb"])
def test_rejects_a_field_without_name_or_value(text: str) -> None:
    with pytest.raises(CommandError, match="is not of the form NAME=VALUE"):
        field_of(text)


def test_a_number_is_compared_as_json_writes_it() -> None:
    assert wants(asking(fields=("n=1.5",)), orjson.dumps({"n": 1.5}).decode())
