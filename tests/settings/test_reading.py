import pytest

from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.s3_logs.settings import S3LogsExport
from tests.settings.conftest import Load, Refusal, only
from tests.settings.documents import document, export


@pytest.mark.parametrize("kind", ["mongodb-atlas", "aptible", "s3-logs"])
@pytest.mark.parametrize("pattern", ["{team}", "logs/{_}/{_}/{team}-{host}.log", "a b/é/{T_1}"])
def test_accepts_names_for_the_parts_of_a_key(load: Load, kind: str, pattern: str) -> None:
    loaded = load(document(export(kind, path_fields=pattern))).exports[0]
    assert loaded.model_dump()["path_fields"] == pattern


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("logs/team", "an object key with names in braces in place of its parts"),
        ("{team", "an object key with names in braces in place of its parts"),
        ("{te am}", "an object key with names in braces in place of its parts"),
        ("{1}", "an object key with names in braces in place of its parts"),
        ("{{team}}", "an object key with names in braces in place of its parts"),
        ("{team}/{source}", "names that a record does not have already (source is one of time, export, vendor,"),
        ("{part}", "names that a record does not have already (part is one of"),
        ("{team}/{_}/{team}", "each name once (team is there twice;"),
        ("", "an object key with names in braces in place of its parts"),
        ("{_}" * 101, "at most 300 characters"),
    ],
)
def test_rejects_names_that_no_field_can_have(refusal: Refusal, pattern: str, expected: str) -> None:
    (line,) = refusal(document(export("s3-logs", path_fields=pattern)))
    assert line.startswith("exports[0].path_fields: got ")
    assert f"; expected {expected}" in line


@pytest.mark.parametrize("kind", ["cockroachdb", "aurora-mysql", "rds", "cloudwatch-logs"])
def test_rejects_path_fields_of_what_has_no_path(refusal: Refusal, kind: str) -> None:
    (line,) = refusal(document(export(kind, path_fields="{team}")))
    assert line.startswith("exports[0].path_fields: unknown setting")


@pytest.mark.parametrize("kind", ["mongodb-atlas", "aptible", "cockroachdb", "aurora-mysql", "rds"])
@pytest.mark.parametrize("setting", [{"record_start": "^20"}, {"format": "plain"}])
def test_a_vendors_own_format_is_not_for_the_user_to_say(refusal: Refusal, kind: str, setting: dict[str, str]) -> None:
    (line,) = refusal(document(export(kind, **setting)))
    assert line.startswith(f"exports[0].{next(iter(setting))}: unknown setting")


@pytest.mark.parametrize("format_name", ["auto", "json-lines", "plain"])
def test_lines_are_joined_by_a_pattern_of_the_users(load: Load, format_name: str) -> None:
    wanted = [export("s3-logs", format=format_name, record_start=r"^\d{4}"),
              export("cloudwatch-logs", format=format_name, record_start=r"^\d{4}")]  # fmt: skip
    for loaded in load(document(*wanted)).exports:
        assert isinstance(loaded, S3LogsExport | CloudwatchLogsExport)
        assert (loaded.format, loaded.record_start) == (format_name, r"^\d{4}")


def test_rejects_a_record_start_where_no_lines_are_joined(refusal: Refusal) -> None:
    (line,) = refusal(document(export("s3-logs", format="csv", record_start="^20")))
    expected = "one of: auto, json-lines, plain, because `record_start` joins no other lines"
    assert line == f"exports[0].format: got 'csv'; expected {expected}"


def test_rejects_a_record_start_that_re2_does_not_compile(refusal: Refusal) -> None:
    (line,) = refusal(document(export("cloudwatch-logs", record_start="(?=20)")))
    expected = "an RE2 regular expression: no look-around, such as (?=...)"
    assert line == f"exports[0].record_start: got '(?=20)'; expected {expected}"


def test_rejects_a_format_that_events_cannot_have(refusal: Refusal) -> None:
    (line,) = refusal(document(export("cloudwatch-logs", format="csv")))
    assert line == "exports[0].format: got 'csv'; expected one of: auto, json-lines, plain"


def test_long_messages_are_split_unless_the_file_says_otherwise(load: Load, refusal: Refusal) -> None:
    loaded = only(MongodbAtlasExport, load(document(export("mongodb-atlas"))).exports)
    assert loaded.oversize == "split"
    (line,) = refusal(document(export("mongodb-atlas", oversize="drop")))
    assert line == "exports[0].oversize: got 'drop'; expected one of: split, truncate, quarantine"
