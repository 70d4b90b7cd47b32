import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from logdock.settings import Deployment, schema
from tests.settings.documents import EXPORTS, FETCH, OTLP, PUSH, destination, document, export

ROOT = Path(__file__).resolve().parents[2]
CURRENT = json.loads(schema.SCHEMA_FILE.read_text(encoding="utf-8"))
PART = json.loads(schema.PART_FILE.read_text(encoding="utf-8"))


def is_valid(whole: object, against: object = CURRENT) -> bool:
    # Here, because importing it costs a second or two, for each worker that only collects.
    from cfnlint.jsonschema import StandardValidator

    return not list(StandardValidator(schema=against).iter_errors(whole))


def test_the_schema_and_the_page_are_current() -> None:
    hint = "run `make schema`"
    written = json.dumps(schema.json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert schema.SCHEMA_FILE.read_text(encoding="utf-8") == written, hint
    part = json.dumps(schema.part_schema(), indent=2, ensure_ascii=False) + "\n"
    assert schema.PART_FILE.read_text(encoding="utf-8") == part, hint
    assert schema.PAGE_FILE.read_text(encoding="utf-8") == schema.page(), hint


def test_writes_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "SCHEMA_FILE", tmp_path / "schema.json")
    monkeypatch.setattr(schema, "PART_FILE", tmp_path / "part.json")
    monkeypatch.setattr(schema, "PAGE_FILE", tmp_path / "docs" / "settings.md")
    schema.write()
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == CURRENT
    assert json.loads((tmp_path / "part.json").read_text(encoding="utf-8")) == PART
    assert (tmp_path / "docs" / "settings.md").read_text(encoding="utf-8").endswith("|\n")


def test_the_page_links_to_every_page_that_a_description_names() -> None:
    page = schema.page()
    assert "docs/" not in page
    assert "Amazon Athena ([sql.md](sql.md))" in page


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_schema_takes_every_example(path: Path) -> None:
    assert is_valid(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("kind", EXPORTS)
def test_the_schema_takes_what_the_models_take(load: Callable[[object], Deployment], kind: str) -> None:
    whole = document(export(kind), destinations=[PUSH, FETCH, OTLP], retention={"hot_days": 1, "archive_days": 1})
    assert load(whole)
    assert is_valid(whole)


@pytest.mark.parametrize("external_id", ["old", ["old"], ["old", "new"]])
def test_the_schema_takes_one_external_id_or_a_list(external_id: object) -> None:
    assert is_valid(document(export("mongodb-atlas", external_id=external_id)))
    assert is_valid(document(export("cockroachdb", external_id=external_id)))


@pytest.mark.parametrize(
    "bad",
    [
        [],
        {},
        document(account=111122223333),
        document(account="1"),
        document(deployment="Acme"),
        document(region="eu"),
        document(zzz=1),
        document(retention="sox"),
        document(retention={"hot_days": 2190, "archive_days": 9999}),
        document(retention={"hot_days": 90, "archive_days": 0}),
        document(retention={"hot_days": 90, "archive_days": 36501}),
        document(subscriptions="firehose"),
        {**document(), "exports": []},
        document({"name": "orders", "kind": "mongodb"}),
        document(export("mongodb-atlas", external_id="x")),
        document(export("mongodb-atlas", external_id=["one", "two", "three"])),
        document(export("mongodb-atlas", external_id=[])),
        document(export("mongodb-atlas", external_id=5)),
        document(export("mongodb-atlas", session_seconds=3599)),
        document(export("mongodb-atlas", session_seconds=43201)),
        document(export("mongodb-atlas", session_seconds="43200")),
        document(export("mongodb-atlas", log_types=[])),
        document(export("mongodb-atlas", log_types=["MONGOD", "MONGOD"])),
        document(export("mongodb-atlas", mrap_arn="mfzwi23gnjvgw.mrap")),
        document(export("mongodb-atlas", project_id=None)),
        document(export("cockroachdb", retention_days=2555)),
        document(export("cockroachdb", redact="no")),
        document(export("cloudwatch-logs", log_groups=["aws/x"])),
        document(export("s3-logs", bucket="A")),
        document(export("s3-logs", account="2222")),
        document(export("s3-logs", account=222233334444)),
        document(export("aptible", decryption_keys_secret="two words")),
        document(destinations=[destination(PUSH, region="de")]),
        *(document(destinations=[destination(PUSH, bodies_in_flight=wrong)]) for wrong in (0, 9, True, "1")),
        *(document(destinations=[destination(PUSH, concurrency=wrong)]) for wrong in (0, 1, 1001)),
        document(destinations=[destination(OTLP, endpoint="http://x.y")]),
    ],
)
def test_the_schema_refuses_what_the_models_refuse(refusal: Callable[[object], list[str]], bad: Any) -> None:
    assert not is_valid(bad)
    if isinstance(bad, dict) and bad:
        assert refusal(bad)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"extends": "shared.yaml", "account": "111122223333"}, True),
        ({"x-common": {"any": 1}, "retention": None, "exports": [{"name": "orders", "project_id": None}]}, True),
        ({"exports": [{"name": "orders", "retention_days": 7}, {"name": "two", "kind": "aptible"}]}, True),
        ({"extends": ["shared.yaml"]}, False),
        ({"extend": "shared.yaml"}, False),
        ({"account": "1"}, False),
        ({"exports": [{"name": "orders", "no_such": 1}]}, False),
    ],
)
def test_part_schema_requires_nothing_and_refuses_unknown_settings(part: dict[str, Any], expected: bool) -> None:
    assert is_valid(part, PART) is expected


def test_schema_takes_keys_for_anchors_and_no_extends() -> None:
    assert is_valid({**document(), "x-shared": [1]})
    assert not is_valid({**document(), "extends": "shared.yaml"})


def test_every_setting_is_on_the_page_with_what_it_is() -> None:
    page = schema.page()
    models = [model for _, model in schema.sections()]
    for model in models:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no description"
            assert re.search(rf"^\| `{name}` \| .+ \| .+ \|$", page, re.MULTILINE)
    assert not re.search(r"\| +\|", page)
    defined = set(CURRENT["$defs"])
    assert defined <= {model.__name__ for model in models}
