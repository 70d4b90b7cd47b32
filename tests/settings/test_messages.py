from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from logdock.settings import Deployment, SettingsError, load_settings
from logdock.settings.messages import explain
from tests.settings.conftest import Refusal
from tests.settings.documents import EXPORTS, PUSH, document, export

ROOT = Path(__file__).resolve().parents[2]
KINDS = "mongodb-atlas, cockroachdb, aurora-mysql, rds, aptible, s3-logs, cloudwatch-logs, cloudflare"


def test_rejects_an_unknown_kind(refusal: Refusal) -> None:
    assert refusal(document({**export("aptible"), "kind": "mongodb"}, destinations=[{**PUSH, "kind": "splunk"}])) == [
        "destinations[0].kind: got 'splunk'; expected one of: logzio, otlp",
        f"exports[0].kind: got 'mongodb'; expected one of: {KINDS}",
    ]


@pytest.mark.parametrize("kind", ["mongodb", "<kind>", None, 5, ["aptible"]])
def test_an_unknown_kind_hides_no_error_that_every_kind_would_have(refusal: Refusal, kind: object) -> None:
    entry = {"name": "B", "kind": kind, "zzz": 1, "ship_too": 1, "max_expansion": 1, "ship_to": ["no"], "log_types": 5}
    found = refusal(document({key: value for key, value in entry.items() if value is not None}))
    assert [line.split(": ")[0] for line in found if ".kind:" not in line] == [
        "exports[0].name",
        "exports[0].zzz",
        "exports[0].ship_too",
        "exports[0].max_expansion",
        "exports[0].ship_to[0]",
    ]
    assert len([line for line in found if ".kind:" in line]) == 1
    assert "exports[0].zzz: unknown setting" in found
    assert "exports[0].ship_too: unknown setting; did you mean ship_to?" in found


@pytest.mark.parametrize("kind", ["mongodb_atlas", "MongoDB-atlas", "mongodb-atals"])
def test_a_misspelt_kind_hides_no_error_of_the_kind_that_is_meant(refusal: Refusal, kind: str) -> None:
    lines = refusal(document({**export("mongodb-atlas"), "kind": kind, "project_id": "x", "zzz": 1}))
    assert [line.split(": ")[0] for line in lines] == ["exports[0].kind", "exports[0].project_id", "exports[0].zzz"]
    assert lines[0] == f"exports[0].kind: got {kind!r}; expected one of: {KINDS}; did you mean mongodb-atlas?"
    assert "expected one of: name, ship_to," in lines[2]


def test_an_unknown_kind_of_destination_hides_no_other_error(refusal: Refusal) -> None:
    found = refusal(document(destinations=[{"name": "B", "kind": "logsio", "token_secret": 5}, {"zzz": 1}]))
    assert [line.split(": ")[0] for line in found] == [
        "destinations[0].name",
        "destinations[0].kind",
        "destinations[0].token_secret",
        "destinations[1].kind",
        "destinations[1].name",
        "destinations[1].zzz",
    ]


WRONG: tuple[object, ...] = (-1, 0, 10**9, 1.5, "", "a b", "\u00e9" * 5000, True, [], [5, 5], {}, {"zzz": 5}, [["x"]])


def changed(document: Any, wrong: object, depth: int) -> Any:
    """Return a document with a value in place of all that is so deep in it, but for the kinds."""
    if depth and isinstance(document, dict):
        return {key: each if key == "kind" else changed(each, wrong, depth - 1) for key, each in document.items()}
    if depth and isinstance(document, list):
        return [changed(each, wrong, depth - 1) for each in document]
    return wrong


def test_no_message_is_the_validators_own(tmp_path: Path) -> None:
    everything = yaml.safe_load((ROOT / "examples" / "everything.yaml").read_text())
    for part in everything["exports"]:
        part.setdefault("max_expansion", 250)
        part.setdefault("log_type", "x")
    found = []
    for wrong in WRONG:
        for depth in range(1, 7):
            whole = changed(everything, wrong, depth)
            with pytest.raises(ValidationError) as caught:
                Deployment.model_validate(whole)
            found += [each.message for each in explain(whole, caught.value)]
    assert len(found) > 1000
    assert [message for message in dict.fromkeys(found) if " should " in message or "Input" in message] == []


def test_rejects_an_export_without_a_kind(refusal: Refusal) -> None:
    assert refusal(document({"name": "orders"})) == [f"exports[0].kind: missing: one of: {KINDS}"]


@pytest.mark.parametrize("entry", ["orders", 5, ["orders"], None])
def test_rejects_an_export_that_is_no_mapping(refusal: Refusal, entry: object) -> None:
    (line,) = refusal(document(entry))
    assert line.startswith("exports[0]: ")
    assert line.endswith(f"a mapping of settings with a kind, one of: {KINDS}")


def test_rejects_an_unknown_setting_and_names_the_known(refusal: Refusal) -> None:
    lines = refusal({**document(alerts={"zzz": 1}, exports=[export("aptible", zzz="secret")]), "zzz": 1})
    assert lines == [
        ("alerts.zzz: unknown setting; expected one of: email, sns_topic_arns, webhook, silent_after_minutes, "
        "remind_after_minutes, lag_after_minutes, daily_gb, volume_band, failed_logins_per_hour, "
        "privilege_changes_per_hour, schema_changes_per_hour, trail_log_group, runbook_url"),
        ("exports[0].zzz: unknown setting; expected one of: name, ship_to, redaction, include, exclude, alerts, "
        "oversize, log_type, max_expansion, account, path_fields, include_keys, exclude_keys, kind, stack_region, "
        "bucket, "
        "replication_role_arn, encryption, decryption_keys_secret"),
        ("zzz: unknown setting; expected one of: deployment, account, region, retention, replica, archive, alerts, "
        "dashboard, subscriptions, sql, readers, destinations, exports"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", EXPORTS)
def test_rejects_a_misspelt_setting_and_names_the_one_meant(refusal: Refusal, kind: str) -> None:
    assert refusal(document(export(kind, redacton={}))) == [
        "exports[0].redacton: unknown setting; did you mean redaction?"
    ]


@pytest.mark.parametrize(("name", "meant"), [("silent_after_minutes", "alerts"), ("detectors", "redaction")])
def test_a_setting_of_a_mapping_inside_is_named_with_it(refusal: Refusal, name: str, meant: str) -> None:
    assert refusal(document(export("mongodb-atlas", **{name: 60}))) == [
        f"exports[0].{name}: unknown setting; did you mean {meant}.{name}?"
    ]


@pytest.mark.parametrize("given", [" {}", "{} ", "{}\u00a0"])
def test_whitespace_around_a_refused_value_is_named(refusal: Refusal, given: str) -> None:
    project = given.format("5e2211c17a3e5a48f5497de3")
    (line,) = refusal(document(export("mongodb-atlas", project_id=project)))
    assert line.endswith("24 hexadecimal digits; remove the whitespace around the value")


def test_says_what_a_missing_setting_is(refusal: Refusal) -> None:
    assert refusal("retention: soc2\n") == [
        "deployment: missing: Prefix of every stack, at most 16 characters.",
        "account: missing: AWS account that the logs land in: 12 digits, in quotes.",
        "region: missing: AWS Region that the logs land in.",
        "exports: missing: Exports, each with a `name` and a `kind`.",
    ]
    assert refusal(document(export("aptible", stack_region=None))) == [
        "exports[0].stack_region: missing: AWS Region of the Aptible stack; the bucket must be in the same."
    ]


@pytest.mark.parametrize(("exports", "given"), [([], "got []; expected at least one entry"), (None, "missing")])
def test_rejects_a_file_without_exports(refusal: Refusal, exports: object, given: str) -> None:
    (line,) = refusal({**document(), "exports": exports})
    assert line.startswith(f"exports: {given}")


def test_a_long_value_is_shortened(refusal: Refusal) -> None:
    (line,) = refusal(document(deployment="x" * 5000))
    assert "x" * 77 + "...'" in line
    assert "x" * 78 not in line


def test_a_value_is_shown_on_one_line(refusal: Refusal) -> None:
    (line,) = refusal(document(deployment="a\nb\x1b[31m"))
    assert line.startswith(r"deployment: got 'a\nb\x1b[31m'; ")


def test_a_large_number_or_a_value_in_itself_is_named(refusal: Refusal) -> None:
    whole = yaml.safe_dump(document(export("mongodb-atlas", session_seconds=7)))
    (line,) = refusal(whole.replace("session_seconds: 7", f"session_seconds: 0x{'f' * 5000}"))
    assert line.startswith("exports[0].session_seconds: got a very long number; expected 3600 to 43200 seconds")
    text = "deployment: acme\naccount: '111122223333'\nregion: eu-west-1\nexports: &loop [*loop]\n"
    assert all(line.startswith("exports") for line in refusal(text))


def test_many_aliases_of_aliases_do_not_fill_the_screen(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    text = "\n".join([*levels, "deployment: *a11", "exports: *a11"])
    path = tmp_path / "logdock.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="with its aliases written out it has more than") as caught:
        load_settings(path)
    assert len(str(caught.value)) < 5000
