"""Athena: a statement run in the deployment's workgroup, what it scanned, and its answer page by page.

Sources: Amazon Athena API Reference, "StartQueryExecution", "GetQueryExecution", "GetQueryResults",
"StopQueryExecution"; Amazon Athena pricing: 5 dollars a TB scanned, and at least 10 MB a query.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from logdock.cli.errors import CommandError, ExitCode, code_of
from logdock.cli.sql.database import run
from logdock.settings.costs import Inputs

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.25, 3.0
_LEAST_BYTES = 10_000_000
_TYPES = {
    "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT",
    "float": "FLOAT", "real": "FLOAT", "double": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP",
}  # fmt: skip
"""Types whose text DuckDB reads as Athena writes it; all others stay text."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A query that has succeeded."""

    query_id: str
    scanned_bytes: int

    @property
    def dollars(self) -> float:
        """What it cost, at the list price of most Regions."""
        return max(self.scanned_bytes, _LEAST_BYTES) / 1e9 * Inputs().athena_gb


def run_query(client: Any, statement: str, *, database: str, workgroup: str) -> Ended:
    """Run a statement and wait for its end. Ctrl-C stops the query, too.

    Raises
    ------
    CommandError
        When the workgroup does not exist, or the query fails.
    """
    try:
        query_id: str = client.start_query_execution(
            QueryString=statement, QueryExecutionContext={"Database": database}, WorkGroup=workgroup
        )["QueryExecutionId"]
    except ClientError as error:
        if code_of(error) == "InvalidRequestException":
            raise CommandError(f"Athena: {error.response['Error'].get('Message')}", ExitCode.AWS) from None
        raise
    wait = _FIRST_WAIT_SECONDS
    try:
        while True:
            execution = client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            status = execution["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
    except KeyboardInterrupt:
        # who may not stop it leaves it to the workgroup's limit
        with contextlib.suppress(ClientError):
            client.stop_query_execution(QueryExecutionId=query_id)
        raise
    if status["State"] != "SUCCEEDED":
        reason = status.get("StateChangeReason", "no reason given")
        raise CommandError(f"Athena, query {query_id}: {status['State'].lower()}: {reason}", ExitCode.AWS)
    return Ended(query_id, execution.get("Statistics", {}).get("DataScannedInBytes", 0))


def fetch(client: Any, ended: Ended, connection: duckdb.DuckDBPyConnection, directory: Path) -> str:
    """Load an answer into a database; return the SELECT of all of it, in its order."""
    import orjson

    pages = client.get_paginator("get_query_results").paginate(QueryExecutionId=ended.query_id)
    columns: list[Any] = []
    file = directory / "answer.rows"

    def lines() -> Iterator[bytes]:
        for number, page in enumerate(pages):
            rows = page["ResultSet"]["Rows"]
            if number == 0:
                columns.extend(page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"])
                # the first row has the names of the columns
                rows = rows[1:]
            for row in rows:
                yield orjson.dumps({str(at): cell.get("VarCharValue") for at, cell in enumerate(row["Data"])}) + b"\n"

    with file.open("wb") as out:
        out.writelines(lines())
    read = ", ".join(f"'{at}': 'VARCHAR'" for at in range(len(columns)))
    chosen = ", ".join(
        f'CAST("{at}" AS {_TYPES.get(each["Type"], "VARCHAR")}) AS "{each["Name"].replace(chr(34), chr(34) * 2)}"'
        for at, each in enumerate(columns)
    )
    run(
        connection,
        lambda: connection.execute(
            f"CREATE TABLE answer AS SELECT row_number() OVER () AS position, * "  # noqa: S608
            f"FROM read_json(?, format = 'newline_delimited', columns = {{{read}}})",
            [str(file)],
        ),
    )
    file.unlink()
    return f"SELECT {chosen} FROM answer ORDER BY position"  # noqa: S608 - names are quoted
