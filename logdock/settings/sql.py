"""SQL over what landed: tables in Glue's catalogue, and a workgroup of Athena that limits what a query may cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, Strict

from logdock.settings.model import Model
from logdock.settings.text import invalid

MAX_SCAN_GB = 100_000


def _scan_limit(value: int) -> int:
    if not 1 <= value <= MAX_SCAN_GB:
        raise invalid(f"1 to {MAX_SCAN_GB} GB")
    return value


class Sql(Model):
    """SQL over the archive, and over what MongoDB Atlas landed (docs/sql.md)."""

    scan_limit_gb: Annotated[
        int,
        Strict(),
        AfterValidator(_scan_limit),
        Field(json_schema_extra={"minimum": 1, "maximum": MAX_SCAN_GB}),
    ] = Field(default=100, description="A query that reads more GB than this is ended. Athena bills by what is read.")
