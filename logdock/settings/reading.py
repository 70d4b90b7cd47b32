"""How an export's objects are read and passed on: names for the parts of a key, and what becomes of long messages."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from logdock.settings.text import invalid

RESERVED_FIELDS = ("time", "export", "vendor", "log_type", "source", "message", "fields", "part", "part_of")
"""What every record has, or a part of one that was split."""

_PATH_FIELDS = r"[^{}]*(?:\{[A-Za-z_][A-Za-z0-9_]*\}[^{}]*)+"


def _path_fields(value: str) -> str:
    if not re.fullmatch(_PATH_FIELDS, value, re.DOTALL):
        raise invalid(
            "an object key with names in braces in place of its parts, such as logs/{team}/{host}; a name is letters, "
            "digits and underscores, and {_} is a part without a name"
        )
    names = [name for name in re.findall(r"\{(\w+)\}", value) if name != "_"]
    taken = [name for name in names if name in RESERVED_FIELDS]
    if taken:
        raise invalid(f"names that a record does not have already ({taken[0]} is one of {', '.join(RESERVED_FIELDS)})")
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise invalid(f"each name once ({repeated[0]} is there twice; {{_}} is a part without a name)")
    return value


PathFields = Annotated[
    str,
    Field(max_length=300, json_schema_extra={"pattern": f"^{_PATH_FIELDS}$"}),
    AfterValidator(_path_fields),
]
"""A pattern that names the parts of an S3 object's key."""

Oversize = Literal["split", "truncate", "quarantine"]
