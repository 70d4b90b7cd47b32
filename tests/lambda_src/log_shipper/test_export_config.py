"""An export's document: every fault of it is told, and what it asks for happens."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper.errors import ConfigurationError
from log_shipper.export_config import parse_export_config
from log_shipper.rendering import path_fields


def fault(**document: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_export_config("e", json.dumps({"vendor": "s3-logs"} | document))
    return str(caught.value)


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ({"format": "text"}, "format: 'text' is not one of auto, cockroachdb, cloudtrail, json,"),
        ({"oversize": "drop"}, "oversize: 'drop' is not one of split, truncate, quarantine"),
        ({"path_fields": "{a"}, "path_fields: no {name} in it, or an unmatched brace"),
        ({"path_fields": "{source}/{a}"}, "path_fields: 'source' is a name that every record has"),
        ({"path_fields": "{a}-{a}"}, "path_fields: 'a' is there twice"),
        ({"record_start": "^x", "format": "csv"}, "record_start: only for lines of auto, json-lines, plain"),
        ({"record_start": "^x", "vendor": "cockroachdb"}, "record_start: only for lines of auto, json-lines, plain"),
        ({"record_start": "(?=x)"}, "pattern 'record_start' is not a regular expression that RE2 accepts"),
        ({"redaction": {"patterns": [{"name": "p", "regex": "x", "replacement": 5}]}},
         "redaction.patterns[0]: wants name, regex and, if wished, replacement"),
        ({"redaction": {"patterns": [{"name": "p"}]}}, "redaction.patterns[0]: wants name, regex"),
        ({"zzz": 1}, "zzz: unknown"),
    ],
)  # fmt: skip
def test_rejects_a_document_with_a_fault(document: dict[str, Any], wanted: str) -> None:
    assert wanted in fault(**document)


def test_every_fault_is_told_at_once() -> None:
    assert fault(vendor="x", format="y", oversize="z", path_fields="w").count(";") == 3


@pytest.mark.parametrize(
    ("pattern", "key", "wanted"),
    [
        (
            "logs/{team}/{_}/{host}-{date}.log",
            "logs/a/b/web-1-2026.log",
            {"team": "a", "host": "web-1", "date": "2026"},
        ),
        ("{_}-{_}/{a}", "x-y/z", {"a": "z"}),
        ("{a}/{b}", "only", {"a": "only"}),
        ("{a}/{b}", "1/2/3/4", {"a": "1", "b": "2"}),
        ("other/{a}", "logs/x", {}),
        ("{a}.log/{b}", "x.txt/y", {}),
        ("{a}", "with\nbreak é.*", {"a": "with\nbreak é.*"}),
        ("a.b/{a}", "axb/c", {}),
    ],
)
def test_the_parts_of_a_key_have_the_names_of_the_pattern(pattern: str, key: str, wanted: dict[str, str]) -> None:
    assert path_fields(pattern, key) == wanted


def test_many_names_in_a_segment_take_no_time_against_a_hostile_key() -> None:
    pattern = "-".join(f"{{a{i}}}" for i in range(20)) + "x"
    assert path_fields(pattern, "-" * 1024) == {}


@given(st.lists(st.text(min_size=1).filter(lambda text: "/" not in text), min_size=1, max_size=6))
def test_a_name_for_every_segment_names_every_segment(segments: list[str]) -> None:
    names = [f"n{i}" for i in range(len(segments))]
    pattern = "/".join(f"{{{name}}}" for name in names)
    assert path_fields(pattern, "/".join(segments)) == dict(zip(names, segments, strict=True))


def test_progress_counts_only_for_who_reads_in_the_same_way() -> None:
    documents: list[dict[str, Any]] = [
        {"vendor": "s3-logs"}, {"vendor": "cloudwatch-logs"}, {"vendor": "s3-logs", "format": "plain"},
        {"vendor": "s3-logs", "record_start": "^a"}, {"vendor": "s3-logs", "record_start": "^b"},
    ]  # fmt: skip
    readers = [parse_export_config("e", json.dumps(document)).reader for document in documents]
    assert len(set(readers)) == len(readers)
    same = {"vendor": "s3-logs", "exclude": ["x"], "oversize": "truncate", "redaction": {"markers": "strip"}}
    assert parse_export_config("e", json.dumps(same)).reader == readers[0]
