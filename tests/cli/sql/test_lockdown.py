"""A statement that was pasted from anywhere reads no file, writes none, and reaches no network."""

import re
from pathlib import Path

import duckdb
import pytest

from logdock.cli.sql import database
from tests.cli.conftest import Type

SETTINGS = """\
deployment: acme
account: "111122223333"
region: eu-west-1
exports: [{name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs]}]
"""
CHANGING = [
    "COPY (SELECT 1) TO '{file}'",
    "ATTACH '{file}'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA enable_external_access = true",
    "CREATE TABLE t AS SELECT 1",
    "INSERT INTO archive SELECT * FROM archive",
    "DELETE FROM archive",
    "DROP VIEW archive",
    "SELECT 1 AS one INTO other",
    "WITH made AS (SELECT 1 AS one INTO other) SELECT * FROM made",
    "EXPORT DATABASE '{file}'",
    "CALL pragma_version()",
    "EXPLAIN ANALYZE SELECT 1",
    "WITH gone AS (DELETE FROM archive RETURNING *) SELECT * FROM gone",
]
READING = [
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM parquet_scan('{file}')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM glob('{directory}/*')",
    "SELECT * FROM read_text('https://example.com/')",
    "SELECT * FROM query('SELECT * FROM read_text(''{file}'')')",
    "SELECT (SELECT content FROM read_text('{file}'))",
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "logdock.yaml").write_text(SETTINGS)
    file = tmp_path / "secret.txt"
    file.write_text("a,b\n1,2\n")
    return file


@pytest.mark.parametrize("statement", [*CHANGING, *READING, "SELECT * FROM '{file}'", "SELECT getenv('HOME')"])
def test_a_statement_reaches_nothing_but_the_tables(logdock: Type, file: Path, statement: str) -> None:
    before = {*file.parent.iterdir()}
    ended = logdock("sql", statement.format(file=file, directory=file.parent))
    assert (ended.code, ended.out) == (2, "")
    assert re.match(r"Error: (the statement|give a SELECT|there is no table)", ended.err), ended.err
    assert {*file.parent.iterdir()} == before


@pytest.mark.parametrize("statement", [*CHANGING[:6], *READING])
def test_duckdb_itself_refuses_what_the_parser_would_let_through(file: Path, statement: str) -> None:
    text = statement.format(file=file, directory=file.parent)
    with (
        database.private_directory() as directory,
        database.open_database(directory) as connection,
        pytest.raises(duckdb.Error),
    ):
        connection.execute(text).fetchall()


def selects_a_variable(connection: duckdb.DuckDBPyConnection) -> list[tuple[int]]:
    answer = connection.sql("SELECT 1 AS one")
    assert answer
    return connection.execute("SELECT * FROM answer").fetchall()


def test_a_variable_of_the_program_is_no_table() -> None:
    assert selects_a_variable(duckdb.connect()) == [(1,)]
    with database.open_database(None) as connection, pytest.raises(duckdb.CatalogException):
        selects_a_variable(connection)
