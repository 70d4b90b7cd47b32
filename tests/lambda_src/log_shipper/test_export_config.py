"""An export's document: all its faults are reported, and its settings take effect."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import parallel
from log_shipper.errors import ConfigurationError
from log_shipper.export_config import ExportConfigs, LogGroupLanding, log_group_digest, parse_export_config
from log_shipper.rendering import path_fields


def fault(**document: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_export_config("e", json.dumps({"vendor": "s3-logs"} | document))
    return str(caught.value)


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ({"format": "text"}, "format: 'text' is not one of auto, cockroachdb, cloudtrail, json,"),
        ({"max_expansion": True}, "max_expansion: True is not a positive whole number"),
        ({"max_expansion": 0}, "max_expansion: 0 is not a positive whole number"),
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


def test_log_groups_may_be_named_instead_of_digested() -> None:
    landing = {"log_groups": [log_group_digest("/acme/a")], "log_group_names": ["/acme/b"]}
    config = parse_export_config("e", json.dumps({"vendor": "cockroachdb", "landing": landing}))
    assert isinstance(config.landing, LogGroupLanding)
    assert config.landing.log_groups == {log_group_digest("/acme/a"), log_group_digest("/acme/b")}
    assert "log_group_names: not a list of texts" in fault(landing={"log_group_names": [1]})


def test_all_faults_are_reported_at_once() -> None:
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


class Documents:
    """A Parameter Store that counts how often it is read, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.reads = 0
        self.vendor = "s3-logs"
        self.is_down = False
        self.configs = ExportConfigs(self._fetch, lambda: self.now)

    def _fetch(self, _: str) -> str:
        self.reads += 1
        if self.is_down:
            raise ConfigurationError("Parameter Store does not answer")
        return json.dumps({"vendor": self.vendor})


@pytest.fixture
def documents(monkeypatch: pytest.MonkeyPatch) -> Documents:
    monkeypatch.setattr(random, "random", lambda: 0.5)
    return Documents()


def test_configuration_is_read_again_in_the_background(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Callable[[], Any]] = []
    monkeypatch.setattr(parallel, "start", lambda call, *args: started.append(lambda: call(*args)))
    documents.configs.get("app")
    documents.vendor, documents.now = "cloudwatch-logs", 105.0
    assert [documents.configs.get("app").vendor for _ in range(3)] == ["s3-logs"] * 3
    assert (len(started), documents.reads) == (1, 1)
    started[0]()
    assert documents.configs.get("app").vendor == "cloudwatch-logs"
    assert documents.reads == 2


def test_configuration_that_cannot_be_refreshed_serves_until_it_is_too_old(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "start", lambda call, *args: call(*args))
    documents.configs.get("app")
    documents.is_down, documents.now = True, 105.0
    assert documents.configs.get("app").vendor == "s3-logs"
    documents.now = 161.0
    assert documents.configs.get("app").vendor == "s3-logs"
    documents.now = 163.0
    with pytest.raises(ConfigurationError):
        documents.configs.get("app")


@given(st.floats(0, 1, exclude_max=True))
def test_no_configuration_is_older_than_three_minutes(chance: float) -> None:
    documents = Documents()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(random, "random", lambda: chance)
        documents.configs.get("app")
        documents.now = 144.0 + 36.0 * (1 - chance)
        monkeypatch.setattr(parallel, "start", lambda *_: None)
        documents.vendor = "cloudwatch-logs"
        documents.now += 0.001
        assert documents.configs.get("app").vendor == "cloudwatch-logs"
    assert documents.now <= 180.01
