"""SQL over what landed: the tables that Athena and `logdock sql` have, and what limits the cost of a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, Strict

from logdock.settings.model import Model
from logdock.settings.text import between

MAX_SCAN_GB = 100_000


class Sql(Model):
    """SQL over the archive, and over what MongoDB Atlas landed (docs/sql.md)."""

    scan_limit_gb: Annotated[int, Strict(), *between(1, MAX_SCAN_GB, "GB")] = Field(
        default=100, description="A query that reads more GB than this is ended. Athena bills by what is read."
    )
    format: Literal["json", "parquet"] = Field(
        default="json",
        description="What queries read: `json` is the archive itself. With `parquet` Athena also copies each day of an "
        "export as Parquet, once it is over and compacted, and both engines read the copy of what it has "
        "([Parquet](sql.md#parquet)). `parquet` requires `archive.compact`.",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SqlTable:
    """The columns of a table, and the keys of its partitions: names and Hive types."""

    columns: Mapping[str, str]
    keys: Mapping[str, str]


ARCHIVE_TABLE = "archive"
ARCHIVE = SqlTable(
    columns={
        "time": "string",
        "vendor": "string",
        "log_type": "string",
        "source": "string",
        "message": "string",
        "fields": "map<string,string>",
    },
    keys={"export": "string", "dt": "string", "hour": "string"},
)
COLUMNS_TABLE = "archive_columns"
COLUMNS = SqlTable(
    columns={**ARCHIVE.columns, "hour": "string", "object": "string"}, keys={"export": "string", "dt": "string"}
)
"""The columnar copy: `object` is the address of the compacted object that a row is from."""
LANDED = SqlTable(columns={"line": "string"}, keys={"cluster": "string", "host": "string", "log_type": "string"})
"""What MongoDB Atlas landed, by the folders of its keys."""


def landed_table(export: str) -> str:
    """Return the name of the table over what an export of MongoDB Atlas landed."""
    return f"{export.replace('-', '_')}_landed"
