"""What a query of Athena reads and answers, on DuckDB: Trino's words, projected partitions, and what each line becomes.

As much of it as the queries of docs/sql.md need; whatever else is asked for is refused by name. Sources: Athena User
Guide, "Supported types for partition projection", "Dynamic ID partitioning", "OpenX JSON SerDe", "Regex SerDe",
"Compression support"; Trino, "JSON functions and operators" and "Map functions and operators".
"""

from __future__ import annotations

import datetime
import gzip
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_TYPES = {"string": "VARCHAR", "map<string,string>": "MAP(VARCHAR, VARCHAR)"}
_ATHENA_TYPES = {"VARCHAR": "varchar", "BIGINT": "bigint", "HUGEINT": "bigint", "DOUBLE": "double", "DATE": "date"}
# Trino answers NULL for what is no JSON and no scalar, and does not answer for a key that a map does not have.
_MACROS = """
CREATE MACRO json_scalar(document, path) AS
  CASE WHEN TRY(json_type(document, path)) IN ('OBJECT', 'ARRAY') THEN NULL
  ELSE TRY(json_extract_string(document, path)) END;
CREATE MACRO map_value(map, key) AS
  CASE WHEN map IS NULL THEN NULL WHEN map_contains(map, key) THEN map[key]
  ELSE error('Key not present in map: ' || key) END;
CREATE MACRO days(first, last) AS CAST(generate_series(first, last, INTERVAL 1 DAY) AS DATE[]);
"""
_PLACE = re.compile(r"\\\$\\\{(\w+)\\\}")
_LINE_ENDS = re.compile("\r\n|\r|\n")
_LATEST = re.compile(r"NOW\+(\d+)DAYS")


class QueryError(Exception):
    """A query that Athena would not run, or that this one cannot."""


class ScanLimitError(QueryError):
    """A query that would read more than its workgroup allows."""


@dataclass(frozen=True, slots=True)
class Lake:
    """How a query reads the catalogue and the objects, as its caller.

    Attributes
    ----------
    table
        Returns a table of the catalogue, by its database and its name.
    objects
        Returns the key and the size of every object under a location.
    read
        Returns an object's bytes, by its ``s3://`` address.
    scan_limit_bytes
        How much a query may read, if there is a limit.
    """

    table: Callable[[str, str], Mapping[str, Any]]
    objects: Callable[[str], list[tuple[str, int]]]
    read: Callable[[str], bytes]
    scan_limit_bytes: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns of an answer, their types, its rows, and how many bytes were read for it."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    scanned_bytes: int


def ask(query: str, database: str, lake: Lake) -> Answer:
    """Run a query: load what each of its tables contributes, then let DuckDB answer."""
    tree = sqlglot.parse_one(query, read="athena")
    with duckdb.connect(":memory:", config={"enable_external_access": "false"}) as connection:
        connection.execute(_MACROS)
        chosen = []
        for number, reference in enumerate(list(tree.find_all(exp.Table))):
            table = lake.table(reference.db or database, reference.name)
            chosen.append((f"read_{number}", table, _objects_of(connection, reference, table, lake)))
            reference.replace(exp.to_table(f"read_{number}", alias=reference.alias_or_name))
        scanned_bytes = sum(size for _, _, objects in chosen for _, size, _ in objects)
        if lake.scan_limit_bytes is not None and scanned_bytes > lake.scan_limit_bytes:
            raise ScanLimitError("Query cancelled! : Bytes scanned limit was exceeded")
        for name, table, objects in chosen:
            rows = [row for address, _, keys in objects for row in _rows(table, address, lake.read(address), keys)]
            _load(connection, name, table, rows)
        found = connection.execute(_in_duckdb(tree))
        described = found.description or []
        types = [_ATHENA_TYPES.get(str(each[1]), "varchar") for each in described]
        return Answer([each[0] for each in described], types, [list(row) for row in found.fetchall()], scanned_bytes)


def _in_duckdb(tree: exp.Expr) -> str:
    """Return a query in DuckDB's words, with Trino's meaning."""

    def meant(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.JSONExtractScalar):
            path = exp.Literal.string(node.expression.sql("duckdb").strip("'"))
            return exp.Anonymous(this="json_scalar", expressions=[node.this, path])
        if isinstance(node, exp.Bracket) and not node.args.get("safe"):
            return exp.Anonymous(this="map_value", expressions=[node.this, *node.expressions])
        if isinstance(node, exp.GenerateSeries) and node.args["start"].is_type("date"):
            return exp.Anonymous(this="days", expressions=[node.args["start"], node.args["end"]])
        return node

    return tree.copy().transform(meant).sql("duckdb", identify=True)


def _objects_of(
    connection: duckdb.DuckDBPyConnection, reference: exp.Table, table: Mapping[str, Any], lake: Lake
) -> list[tuple[str, int, dict[str, str]]]:
    """Return the objects in the partitions that a query asks for: address, size and the partition's keys."""
    parameters, keys = table["Parameters"], [key["Name"] for key in table["PartitionKeys"]]
    if parameters.get("projection.enabled") != "true":
        raise QueryError(f"the local Athena reads tables with partition projection; {table['Name']} has none")
    conditions = _conditions(reference, keys)
    for key in keys:
        if parameters[f"projection.{key}.type"] == "injected" and not any(_is_static(each, key) for each in conditions):
            raise QueryError(
                f"CONSTRAINT_VIOLATION: For the injected projected partition column {key}, the WHERE clause must "
                "contain only static equality conditions, and at least one such condition must be present."
            )
    template = _PLACE.sub(r"(?P<\1>[^/]+)", re.escape(parameters["storage.location.template"]))
    found = []
    for address, size in lake.objects(table["StorageDescriptor"]["Location"]):
        match = re.match(template, address)
        hidden = address.rpartition("/")[2][:1] in ("", "_", ".")
        if match and not hidden and all(_is_projected(parameters, *each) for each in match.groupdict().items()):
            found.append((address, size, match.groupdict()))
    columns = {"number": "BIGINT", **dict.fromkeys(keys, "VARCHAR")}
    _create(connection, "partitions", columns, [{"number": n, **values} for n, (_, _, values) in enumerate(found)])
    wanted = exp.select("number").from_("partitions").where(*(each.copy() for each in conditions)).order_by("number")
    for column in wanted.find_all(exp.Column):
        column.set("table", None)
    return [found[number] for (number,) in connection.execute(_in_duckdb(wanted)).fetchall()]


def _conditions(reference: exp.Table, keys: Sequence[str]) -> list[exp.Expr]:
    """Return what a query asks of the partitions alone. Of a join, Athena prunes more than this does."""
    query = reference.find_ancestor(exp.Select)
    where = query.args.get("where") if query else None
    if query is None or where is None or query.args.get("joins"):
        return []
    conditions = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
    return [
        each
        for each in conditions
        if {column.name for column in each.find_all(exp.Column)} <= {*keys} and each.find(exp.Select) is None
    ]


def _is_static(condition: exp.Expr, key: str) -> bool:
    """Say whether a condition names the values of a key without a look at any data."""
    if not isinstance(condition, exp.EQ | exp.In):
        return False
    return condition.this.name == key and [column.name for column in condition.find_all(exp.Column)] == [key]


def _is_projected(parameters: Mapping[str, str], key: str, value: str) -> bool:
    """Say whether a value is among those that the table's properties compute."""
    rule = {name: parameters.get(f"projection.{key}.{name}", "") for name in ("type", "values", "range", "digits")}
    if rule["type"] == "injected":
        return True
    if rule["type"] == "enum":
        return value in rule["values"].split(",")
    first, _, last = rule["range"].partition(",")
    if rule["type"] == "integer":
        return value.isdigit() and len(value) == int(rule["digits"]) and int(first) <= int(value) <= int(last)
    latest = _LATEST.fullmatch(last)
    if rule["type"] != "date" or parameters[f"projection.{key}.format"] != "yyyy-MM-dd" or latest is None:
        raise QueryError(f"the local Athena cannot project the partition column {key}")
    end = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=int(latest[1]))
    return re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None and first <= value <= end.isoformat()


def _rows(table: Mapping[str, Any], address: str, body: bytes, keys: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what the lines of an object become. Athena detects gzip only by a name that ends in ``.gz``."""
    text = (gzip.decompress(body) if address.endswith(".gz") else body).decode(errors="replace")
    lines = _LINE_ENDS.split(text)
    columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    reader = table["StorageDescriptor"]["SerdeInfo"]
    for line in lines if lines[-1] else lines[:-1]:
        match reader["SerializationLibrary"].rpartition(".")[2]:
            case "JsonSerDe":
                document = json.loads(line)
                values = {name: _text(document.get(name)) for name in columns}
            case "RegexSerDe":
                groups = re.fullmatch(reader["Parameters"]["input.regex"], line)
                values = dict(zip(columns, groups.groups() if groups else [None] * len(columns), strict=True))
            case other:
                raise QueryError(f"the local Athena has no {other}")
        yield {**values, **keys, "$path": address}


def _text(value: Any) -> Any:
    """Return a JSON value as a column of text has it, or each of a map's."""
    if isinstance(value, dict):
        return {name: _text(each) for name, each in value.items()}
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _load(
    connection: duckdb.DuckDBPyConnection, name: str, table: Mapping[str, Any], rows: list[dict[str, Any]]
) -> None:
    columns = [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"], {"Name": "$path", "Type": "string"}]
    _create(connection, name, {column["Name"]: _TYPES[column["Type"]] for column in columns}, rows)


def _create(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: list[dict[str, Any]]
) -> None:
    shape = json.dumps([columns]).replace("'", "''")
    selected = f"SELECT unnest(from_json(?, '{shape}'), max_depth := 2)"
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS {selected}", [json.dumps(rows)])
