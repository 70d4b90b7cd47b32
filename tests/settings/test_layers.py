"""`extends`: how two files become one, what an error in either points at, and which files may be extended."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from logdock.settings import SettingsError, load_settings
from logdock.settings.layers import MAX_FILES, Layer, merge
from logdock.settings.load import MAX_NODES, read_document
from tests.settings.documents import document, export

SHARED = """\
x-groups: &groups
  retention_days: 30
region: eu-west-1
retention: pci
alerts:
  email: [ops@acme.example]
exports:
  - name: orders
    kind: cloudwatch-logs
    log_groups: [/acme/orders]
    <<: *groups
"""
PRODUCTION = """\
extends: shared.yaml
deployment: acme-prod
account: "111122223333"
"""
ANY_NODE = yaml.ScalarNode("", "")


def write(folder: Path, **files: str) -> Path:
    """Write files by their names without the suffix; return the path of `production`."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "production.yaml"


def merged(base: Any, own: Any) -> Any:
    below, above = (Layer(each, yaml.compose(yaml.safe_dump(each)) or ANY_NODE) for each in (base, own))
    return merge(below, above).value


@pytest.mark.parametrize(
    ("base", "own", "expected"),
    [
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": [1, 2]}, {"a": []}, {"a": []}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({}, {"a": {"b": None}, "c": None}, {"a": {}}),
        ({"a": "pci"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": "pci"}, {"a": "pci"}),
        # entries of exports and destinations merge by name, and others are added
        (
            {"exports": [{"name": "a", "x": 1}, {"name": "b", "x": 2}]},
            {"exports": [{"name": "c"}, {"name": "a", "y": [3], "x": None}]},
            {"exports": [{"name": "a", "y": [3]}, {"name": "b", "x": 2}, {"name": "c"}]},
        ),
        ({"destinations": [{"name": "a", "x": 1}]}, {"destinations": [{"name": "a", "x": 2}]}, None),
        # a second entry of a name stays, so that it is refused
        (
            {"exports": [{"name": "a"}]},
            {"exports": [{"name": "a", "x": 1}, {"name": "a", "x": 2}]},
            {"exports": [{"name": "a", "x": 1}, {"name": "a", "x": 2}]},
        ),
        ({"exports": [{"kind": "x"}]}, {"exports": [{"kind": "y"}, 5]}, {"exports": [{"kind": "x"}, {"kind": "y"}, 5]}),
        # no other list does
        ({"a": {"exports": [{"name": "a", "x": 1}]}}, {"a": {"exports": [{"name": "a"}]}}, None),
    ],
)
def test_merge_follows_the_table(base: Any, own: Any, expected: Any) -> None:
    assert merged(base, own) == (own if expected is None else expected)


VALUES = st.recursive(
    st.none() | st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def json_merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, as the RFC writes it."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = json_merge_patch(target.get(name), value)
    return target


@given(base=DOCUMENTS, own=DOCUMENTS)
def test_merge_is_that_of_json_merge_patch(base: Any, own: Any) -> None:
    assert merged(base, own) == json_merge_patch(base, own)


def test_a_file_that_extends_another_is_the_deployment(tmp_path: Path) -> None:
    own = PRODUCTION + "alerts: {lag_after_minutes: 30}\nexports:\n  - {name: orders, encrypt: true}\n"
    settings = load_settings(write(tmp_path, shared=SHARED, production=own))
    assert (settings.deployment, settings.retention, settings.alerts.email) == (
        "acme-prod",
        "pci",
        ("ops@acme.example",),
    )
    assert settings.exports[0].model_dump().items() >= {"retention_days": 30, "encrypt": True}.items()


def test_keys_for_anchors_need_no_extends(tmp_path: Path) -> None:
    path = write(tmp_path, production=yaml.safe_dump({"x-anything": {"exports": 1}, **document()}))
    assert load_settings(path).exports
    nested = document(export("cloudwatch-logs", **{"x-note": 1}))
    with pytest.raises(SettingsError, match="x-note: unknown setting"):
        load_settings(write(tmp_path, production=yaml.safe_dump(nested)))


def test_errors_name_the_file_that_the_value_is_in(tmp_path: Path) -> None:
    shared = SHARED.replace("pci", "sox").replace("ops@acme.example", "no-address")
    own = (
        PRODUCTION.replace('"111122223333"', '"1"') + "exports:\n  - {name: orders, retention_days: 8}\n  - name: xy\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, shared=shared, production=own))
    found = [(Path(str(each["file"])).name, each["line"], each["path"]) for each in caught.value.as_documents()]
    assert found == [
        ("production.yaml", 3, "account"),
        ("production.yaml", 5, "exports[0].retention_days"),
        ("production.yaml", 6, "exports[1].kind"),
        ("shared.yaml", 4, "retention"),
        ("shared.yaml", 6, "alerts.email[0]"),
    ]
    assert f"  {tmp_path}/shared.yaml:4: retention: got 'sox'" in str(caught.value)


def test_a_missing_setting_is_of_the_file_that_extends(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"production\.yaml:1: account: missing"):
        load_settings(write(tmp_path, shared=SHARED, production="extends: shared.yaml\ndeployment: acme\n"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, r"production.yaml:1: extends: got 'shared.yaml'; expected a file that exists"),
        ({"production": "extends: 5\n"}, "got 5; expected the relative path of a settings file"),
        ({"production": "extends:\n"}, "expected the relative path"),
        ({"production": "extends: [shared.yaml]\n"}, "expected the relative path"),
        ({"production": "extends: /etc/hostname\n"}, "got '/etc/hostname'; expected the relative path"),
        ({"production": "extends: ../shared.yaml\n"}, "settings do not extend files outside of their repository"),
        ({"production": "extends: production.yaml\n"}, "a file that does not extend production.yaml in turn"),
        (
            {"shared": "extends: production.yaml\n"},
            r"shared.yaml:1: extends: got 'production.yaml'; expected a file that",
        ),
        (
            {"shared": "extends: other.yaml\n", "other": "extends: ./shared.yaml\n"},
            "does not extend other.yaml in turn",
        ),
        ({"shared": "- a\n"}, r"shared.yaml: holds a list; expected a mapping of settings"),
        ({"shared": ""}, r"shared.yaml: is empty; expected a mapping of settings"),
        ({"shared": "a: [1\n"}, r"shared.yaml:1:4: is not valid YAML"),
        ({"shared": "a: 1\na: 2\n"}, r"shared.yaml:2: a: the key 'a' is given twice"),
        ({"shared": "x: &x {x: *x}\n", "production": "extends: shared.yaml\nx: &x {x: *x}\n"}, "is nested too deep"),
    ],
)
def test_refuses_a_file_that_cannot_be_extended(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    path = write(tmp_path, **{"production": PRODUCTION, **files})
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["a\0b.yaml", "a" * 300, "a/" * 3000, "link.yaml", ".", "shared.yaml/x", "a\n\x1b[2J"])
def test_a_path_that_names_no_file_is_an_error_of_extends(tmp_path: Path, name: str) -> None:
    (tmp_path / "link.yaml").symlink_to("link.yaml")
    path = write(tmp_path, shared=SHARED, production=PRODUCTION.replace("shared.yaml", json.dumps(name)))
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert str(caught.value).endswith(f"; expected a file that exists, relative to {tmp_path}")
    assert str(caught.value).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "value",
    ["AKIAIOSFODNN7EXAMPLE", "https://user:AKIAIOSFODNN7EXAMPLE@host/a.yaml", "https://host/?t=AKIAIOSFODNN7EXAMPLE"],
)
def test_extends_shows_no_secret(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, production=PRODUCTION.replace("shared.yaml", value)))
    assert "EXAMPLE" not in f"{caught.value}{caught.value.as_documents()}"


def test_extends_stays_in_the_repository_also_through_links(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "environments").mkdir(parents=True)
    (tmp_path / "outside.yaml").write_text(SHARED)
    (repository / "shared.yaml").write_text(SHARED)
    (repository / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    path = repository / "environments" / "production.yaml"
    path.write_text(PRODUCTION.replace("shared", "../shared"))
    with pytest.raises(SettingsError, match="outside of their repository"):
        load_settings(path)
    (repository / ".git").mkdir()
    assert load_settings(path).region == "eu-west-1"
    link = tmp_path / "elsewhere.yaml"
    link.symlink_to(path)
    assert load_settings(link).region == "eu-west-1"
    path.write_text(PRODUCTION.replace("shared", "../link"))
    with pytest.raises(SettingsError, match="outside of their repository"):
        load_settings(path)


def test_files_and_values_are_bounded_over_all_that_is_extended(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(MAX_FILES)]
    chain = {name: f"extends: {after}.yaml\n" for name, after in zip(names, [*names[1:], "last"], strict=True)}
    write(tmp_path, **chain, last=SHARED)
    with pytest.raises(SettingsError, match=rf"f7\.yaml:1: extends: .* at most {MAX_FILES} files"):
        read_document(tmp_path / "f0.yaml")
    assert read_document(tmp_path / "f1.yaml")[0]
    bomb = "x-a: &a [" + "0, " * 600 + "]\nx-b: [" + "*a, " * (MAX_NODES // 1000) + "]\n"
    path = write(tmp_path, shared=bomb + SHARED, production=PRODUCTION + bomb)
    assert read_document(tmp_path / "shared.yaml")[0]
    with pytest.raises(SettingsError, match=f"with what it extends it has more than {MAX_NODES:,} values"):
        read_document(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, shared=SHARED, production=PRODUCTION)
    (tmp_path / "shared.yaml").chmod(0)
    if os.access(tmp_path / "shared.yaml", os.R_OK):
        pytest.skip("this user reads every file")
    with pytest.raises(SettingsError, match=r"shared\.yaml: cannot be read: Permission denied"):
        load_settings(path)


ENVIRONMENTS = Path(__file__).resolve().parents[2] / "examples" / "environments"


def test_the_environments_of_the_example_are_deployments() -> None:
    loaded = [load_settings(ENVIRONMENTS / f"{name}.yaml") for name in ("staging", "production")]
    assert [(each.deployment, each.retention, len(each.exports)) for each in loaded] == [
        ("acme-staging", "soc2", 2),
        ("acme-prod", "pci", 2),
    ]


@pytest.mark.parametrize(
    ("own", "advice"),
    [
        ("{name: ordrs, retention_days: 90}", "No export of the extended file is named ordrs; did you mean orders?"),
        ("{name: sales, retention_days: 90}", "No export of the extended file is named sales; there are: orders"),
    ],
)
def test_a_mistyped_name_names_the_extended_files_own(tmp_path: Path, own: str, advice: str) -> None:
    file = write(tmp_path, shared=SHARED, production=f"{PRODUCTION}exports:\n  - {own}\n")
    with pytest.raises(SettingsError) as refused:
        load_settings(file)
    (error,) = refused.value.details
    assert error.message.startswith("missing: one of: ")
    assert error.message.endswith(advice)


def test_a_missing_kind_of_a_file_that_extends_none_advises_no_name(tmp_path: Path) -> None:
    file = write(tmp_path, production=f"{SHARED}  - {{name: ordrs}}\n{PRODUCTION.partition(chr(10))[2]}")
    with pytest.raises(SettingsError) as refused:
        load_settings(file)
    assert "extended" not in str(refused.value)
