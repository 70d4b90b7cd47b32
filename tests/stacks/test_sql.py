"""`sql`: the tables and the workgroup that Athena has."""

from functools import cache
from typing import Any

import pytest
from log_shipper import columns as written
from log_shipper.columns import Run
from log_shipper.convert import target_of

from logdock.cli.sql.command import tables_of
from logdock.settings import load_settings
from logdock.settings.sql import Sql
from stacks import sql
from tests.conftest import EXAMPLES, ROOT, synthesize, synthesize_now

EVERYTHING = ROOT / "examples" / "everything.yaml"
ARCHIVE = "acme-prod-archive-111122223333-eu-west-1"


@cache
def core() -> dict[str, Any]:
    """Return the template of the core stack of everything, with SQL."""
    settings = load_settings(EVERYTHING).model_copy(update={"sql": Sql()})
    return synthesize_now(settings).templates["acme-prod-core"]


def of_type(resource_type: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in core()["Resources"].values() if each["Type"] == resource_type]


def tables() -> dict[str, dict[str, Any]]:
    return {each["TableInput"]["Name"]: each["TableInput"] for each in of_type("AWS::Glue::Table")}


def columns(table: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"] + table["PartitionKeys"]}


def test_the_archives_table_leads_to_where_the_shipper_writes() -> None:
    from log_shipper.rendering import archive_key

    template = tables()["archive"]["Parameters"]["storage.location.template"]
    for name, value in {"export": "ledger", "dt": "2026-11-17", "hour": "03"}.items():
        template = template.replace(f"${{{name}}}", value)
    key = archive_key("ledger", "2026-11-17T03:12:00Z", "0" * 16)
    assert template == f"s3://{ARCHIVE}/{key.rpartition('/')[0]}/"


def test_the_archives_columns_are_those_of_its_lines() -> None:
    import json

    from log_shipper.record import Record
    from log_shipper.rendering import Renderer, Shape

    record = Record("m", "2026-11-17T03:12:00Z", "t", {"a": "b"})
    line = json.loads(Renderer(Shape(), export="e", vendor="v", source="s").archived(record))
    table = tables()["archive"]
    assert {each["Name"] for each in table["StorageDescriptor"]["Columns"]} == line.keys() - {"@timestamp", "export"}
    assert table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"


def test_atlas_is_queried_where_it_landed() -> None:
    table = tables()["orders_landed"]
    location = "s3://acme-prod-orders-111122223333-eu-west-1/atlas/orders/"
    assert table["StorageDescriptor"]["Location"] == location
    assert table["Parameters"]["storage.location.template"] == f"{location}${{cluster}}/${{host}}/${{log_type}}/"
    assert [each["Name"] for each in table["PartitionKeys"]] == ["cluster", "host", "log_type"]


@pytest.mark.parametrize(
    "example", [path for path in EXAMPLES if load_settings(path).sql is None], ids=lambda path: path.stem
)
def test_without_the_setting_nothing_is_made(example: Any) -> None:
    for template in synthesize(example).templates.values():
        types = {resource["Type"] for resource in template["Resources"].values()}
        assert not any(each.startswith(("AWS::Glue", "AWS::Athena")) for each in types)
        assert "athena/" not in str(template)


def test_athena_has_the_tables_of_the_local_engine() -> None:
    expected = tables_of(load_settings(EVERYTHING))
    assert {name: columns(table) for name, table in tables().items()} == {
        name: {**table.columns, **table.keys} for name, table in expected.items()
    }


COLUMNAR = ROOT / "examples" / "logzio.yaml"


def columnar(stack: str, resource_type: str) -> list[dict[str, Any]]:
    resources = synthesize(COLUMNAR).templates[stack]["Resources"].values()
    return [each["Properties"] for each in resources if each["Type"] == resource_type]


def test_the_columnar_table_leads_to_where_runs_write_and_has_their_columns() -> None:
    run = Run("apps", "2026-11-17", 1, "0" * 16, 24)
    (table,) = [
        each["TableInput"]
        for each in columnar("acme-prod-core", "AWS::Glue::Table")
        if each["TableInput"]["Name"] == "archive_columns"
    ]
    location = table["Parameters"]["storage.location.template"].replace("${export}", "apps")
    bucket = "s3://acme-prod-archive-111122223333-us-east-1/"
    assert f"{bucket}{run.prefix}".startswith(location.replace("${dt}", run.day))
    assert columns(table) == dict.fromkeys((*written.COLUMNS, written.OBJECT, "export", "dt"), "string") | {
        "fields": "map<string,string>"
    }
    assert (sql.COLUMNS_PREFIX, sql.COLUMNS_INDEX_PREFIX, sql.STARTED_SUFFIX) == (
        written.PREFIX, written.INDEX_PREFIX, written.STARTED_SUFFIX,
    )  # fmt: skip


def test_the_compactor_copies_by_the_workgroup_within_its_limit() -> None:
    (function,) = [
        each
        for each in columnar("acme-prod-shipper", "AWS::Lambda::Function")
        if each.get("FunctionName", "").endswith("compactor")
    ]
    target = target_of("bucket", function["Environment"]["Variables"]["LOGDOCK_COLUMNS"])
    (workgroup,) = columnar("acme-prod-core", "AWS::Athena::WorkGroup")
    assert (target.database, target.table, target.workgroup) == ("acme_prod", "archive", workgroup["Name"])
    assert target.max_bytes < workgroup["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"]


def test_the_copy_is_kept_as_long_as_the_archive() -> None:
    (archive,) = [each for each in columnar("acme-prod-core", "AWS::S3::Bucket") if "-archive-" in each["BucketName"]]
    prefixes = [each["Prefix"] for each in archive["LifecycleConfiguration"]["Rules"] if "Prefix" in each]
    assert not any(written.PREFIX.startswith(prefix) for prefix in prefixes)
