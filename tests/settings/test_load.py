from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from logdock.settings import SettingsError, load_settings
from logdock.settings.load import _FastLoader, _Loader
from tests.costly import examples
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import EXPORTS, FETCH, OTLP, PUSH, document, export

ROOT = Path(__file__).resolve().parents[2]


def test_the_models_are_frozen(load: Load) -> None:
    loaded = load(document(export("mongodb-atlas"), destinations=[PUSH]))
    models: list[Any] = [loaded, loaded.alerts, loaded.effective_retention, loaded.exports[0], loaded.destinations[0]]
    for model in [*models, loaded.exports[0].redaction]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, next(iter(type(model).model_fields)), "changed")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty; expected a mapping with deployment, account, region and exports, as `logdock init` writes"),
        (b"# a comment\n", "is empty; expected a mapping"),
        (b"- a\n- b\n", "holds a list; expected a mapping"),
        (b"just a text\n", "holds a single value; expected a mapping"),
        (b"name: caf\xe9\n", "is not UTF-8 text: byte 9"),
        (b"a: [1\nb: 2\n", ":1:4: is not valid YAML"),
        (b"a: \x00\n", "is not valid YAML: special characters are not allowed"),
        (b"? [a]\n: b\n", "a key that is a list or a mapping"),
        (b"a: !!int x\n", "a value does not fit its type"),
        (b"a: !!python/object:os.system x\n", "could not determine a constructor for the tag"),
        (b"a: *b\n", "found undefined alias"),
        *(
            (b"a: 1\nb: ['x', \"" + escape + b'"]\n', ":2:11: is not valid YAML: found an escape of no character")
            for escape in (b"\\ud800", b"\\ud83d\\ude00", b"\\U00110000", b"\\U7fffffff", b"\\Uffffffff")
        ),
        (b'"\\udfff": 1\n', ":1:2: is not valid YAML: found an escape of no character; put the value in single quotes"),
        (b"a: " + b"9" * 5000 + b"\n", "a value does not fit its type"),
        (b"a: " + b":".join([b"9"] * 20_000) + b"\n", ":1:4: is not valid YAML: a value does not fit its type"),
        (b"a: 1\nb: !!map [c]\n", ":2:4: is not valid YAML: expected a mapping node, but found sequence"),
        (b"a: 1\nb: !!set c\n", ":2:4: is not valid YAML: expected a mapping node, but found scalar"),
        (b"[" * 5000, "it is nested deeper than 32 levels"),
    ],
)
def test_rejects_a_file_that_is_no_settings(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "logdock.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert str(caught.value).startswith(str(path))
    assert expected in str(caught.value)


def test_names_every_key_that_is_given_twice(tmp_path: Path) -> None:
    """Once each, also in a mapping that is merged at two places."""
    path = tmp_path / "logdock.yaml"
    path.write_text(
        "x-a: &a {services: [alb], services: [nlb]}\nregion: eu-west-1\n'region': eu-west-2\nexports:\n"
        "  - {name: a, <<: *a}\n  - {<<: *a, name: b, name: c, name: d}\nregion: eu-west-3\n"
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert [(each.place, each.line, each.column) for each in caught.value.details] == [
        ("services", 1, 27), ("region", 3, 1), ("name", 6, 23), ("name", 6, 32), ("region", 7, 1),
    ]  # fmt: skip
    assert f"{path}:3: region: the key 'region' is given twice, first in line 2; remove one" in str(caught.value)


def test_rejects_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"logdock\.yaml: cannot be read: No such file or directory$"):
        load_settings(tmp_path / "logdock.yaml")
    with pytest.raises(SettingsError, match=r"cannot be read: Is a directory$"):
        load_settings(tmp_path)


def test_a_date_that_does_not_exist_is_a_text_like_any_other(refusal: Refusal) -> None:
    assert refusal(yaml.safe_dump(document()) + "retention: 2024-02-31\n")[0].startswith("retention: got '2024-02-31'")


def test_an_anchor_may_be_merged(load: Load) -> None:
    exports = "exports:\n  - &one {name: one, kind: cloudwatch-logs, log_groups: [/a]}\n"
    exports += "  - {<<: *one, name: two, log_groups: [/b]}\n"
    loaded = load(yaml.safe_dump(document(exports=None)) + exports)
    assert [export.name for export in loaded.exports] == ["one", "two"]


def test_errors_in_one_file_come_in_one_message(refusal: Refusal) -> None:
    lines = refusal(
        document(
            export("mongodb-atlas", session_seconds=1, ship_to=["nowhere"]),
            export("aptible", name="orders", stack_region="us-east-1", bucket="B"),
            export("cockroachdb", log_group="/aws/lambda/acme-prod-archiver", min_level="WARNING"),
            deployment="acme-prod",
            account="1",
            retention="sox",
            destinations=[{**PUSH, "token_secret": None}],
        )
    )
    assert [line.split(": ")[0] for line in lines] == [
        "account",
        "retention",
        "destinations[0].token_secret",
        "exports[0].session_seconds",
        "exports[0].ship_to[0]",
        "exports[1].name",
        "exports[1].stack_region",
        "exports[1].bucket",
        "exports[2].log_group",
        "exports[2].min_level",
    ]


KEYS = sorted(
    {key for part in (*EXPORTS.values(), PUSH, FETCH, OTLP, document()) for key in part} | {"ship_to", "<<", "x"}
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates(), st.binary(max_size=5),
    st.sampled_from([*EXPORTS, "logzio", "fetch", "acme", "111122223333", "eu-west-1", "/a", "archive", 10**400]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | SCALARS, inner, max_size=6),
    max_leaves=20,
)
NEARLY = st.dictionaries(
    st.sampled_from(KEYS),
    st.lists(
        st.builds(
            lambda base, changes: {**base, **changes},
            st.sampled_from([*EXPORTS.values(), PUSH, FETCH, OTLP]),
            st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3),
        ),
        max_size=4,
    )
    | VALUES,
    max_size=8,
)
UNHURRIED = hypothesis_settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def loads_or_is_refused(path: Path) -> None:
    try:
        message = load_settings(path).deployment
    except SettingsError as error:
        message = str(error)
    assert message == "acme-prod" or message.startswith(str(path))
    assert max(map(len, message.splitlines())) < len(str(path)) + 1500


@UNHURRIED
@given(text=st.text() | st.text(alphabet="{}[]:,&*!|>'\"%@`-? \n\tab1#~<"))
def test_any_text_is_a_deployment_or_a_settings_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "logdock.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    loads_or_is_refused(path)


@UNHURRIED
@given(changes=NEARLY)
def test_any_document_is_a_deployment_or_a_settings_error(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "logdock.yaml"
    path.write_text(yaml.safe_dump({**document(), **changes}), encoding="utf-8")
    loads_or_is_refused(path)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml")
def test_libyaml_places_every_value_as_pyyaml_does() -> None:
    """Errors name a line and column, which come from the parser that read the file."""

    def described(node: yaml.Node | None) -> tuple[object, ...]:
        assert node is not None
        value = node.value
        if isinstance(node, yaml.MappingNode):
            value = [described(child) for pair in value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            value = [described(child) for child in value]
        marks = [(mark.name, mark.index, mark.line, mark.column) for mark in (node.start_mark, node.end_mark)]
        return node.tag, value, getattr(node, "style", None) or "", marks

    odd = (
        "a: é\u2028b:\n  - 'x\n\n    y'\n  - |\n    z\n  - >-\n    1\n\n  -\n  - {c: [], ? d}\n  - &e !!str 1\n  - *e\n"
    )
    for text in (
        *(path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.yaml")),
        odd,
        odd.replace("\n", "\r\n"),
    ):
        fast, slow = (loader(text, "logdock.yaml").get_single_node() for loader in (_FastLoader, _Loader))
        assert described(fast) == described(slow)
