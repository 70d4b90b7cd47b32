"""What the options choose from."""

from enum import StrEnum


class Engine(StrEnum):
    """What answers."""

    DUCKDB = "duckdb"
    ATHENA = "athena"


class Output(StrEnum):
    """The form of an answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
