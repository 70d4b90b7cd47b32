"""The items of the mark table, as the shipper writes them and commands read them. Pure.

| item | attributes |
| --- | --- |
| ``<destination>/<export>/<identity>`` | ``holder``: the receipt of the invocation that claims it; ``lease``: when the
claim ends; ``records``, ``reader``: progress inside the object; ``done``, ``max_expansion``: it is finished; ``sent``:
when `logdock redrive` sent it again |
| ``<destination>/<holder>`` | ``finished``: ``<export>/<identity>`` of objects; ``released``: the invocation ended
without finishing the others |
| ``<destination>/`` | ``since``: when the first mark of the destination was written to the table |

Times are seconds since 1970; ``expires`` is the table's TTL attribute.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_SECONDS = 30 * 86_400
"""Longer than a message can wait on a queue and then on its dead-letter queue (14 days each, where they are FIFO)."""

Item = dict[str, dict[str, Any]]


class DynamoDB(Protocol):
    """The calls that are made of DynamoDB's client; there are no published types of it among the project's."""

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Read an item."""

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Read up to a hundred items."""

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Write attributes of an item."""


def entry_of(export: str, identity: str) -> str:
    """Return the key that identifies an object in a receipt."""
    return f"{export}/{identity}"


def object_key(destination: str, export: str, identity: str) -> str:
    """Return the key of an object's item."""
    return f"{destination}/{entry_of(export, identity)}"


class Mark(NamedTuple):
    """An object's item; what is not of the type that is written counts as absent."""

    holder: str = ""
    """The receipt of the invocation that claims it; empty when none does."""
    lease: float = 0.0
    """When the claim ends."""
    records: int = 0
    """How many records are acknowledged."""
    reader: str = ""
    """What decides how records are counted."""
    done: bool = False
    """It is finished."""
    max_expansion: int | None = None
    """The limit that a finished object exceeded."""


def read_mark(item: Mapping[str, Any]) -> Mark:
    """Return what an item says."""
    expansion, records = number(item, "max_expansion"), number(item, "records") or 0.0
    return Mark(
        holder=_string(item, "holder"),
        lease=number(item, "lease") or 0.0,
        records=max(0, int(records)) if records.is_integer() else 0,
        reader=_string(item, "reader"),
        done=value_of(item, "done", "BOOL") is True,
        max_expansion=None if expansion is None else int(expansion),
    )


def get_item(client: DynamoDB, table: str, key: str) -> Item:
    """Return an item as it is now; empty when there is none.

    Raises
    ------
    botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
        When the table does not answer.
    """
    return dict(client.get_item(TableName=table, Key={"id": {"S": key}}, ConsistentRead=True).get("Item", {}))


def is_finished(client: DynamoDB, table: str, destination: str, export: str, identity: str) -> bool:
    """Say whether an object has been shipped completely."""
    item = get_item(client, table, object_key(destination, export, identity))
    return is_finished_by(item, client, table, destination, export, identity)


def is_finished_by(
    item: Mapping[str, Any], client: DynamoDB, table: str, destination: str, export: str, identity: str
) -> bool:
    """Say whether an object has been shipped completely, by its item and the receipt that this names."""
    mark = read_mark(item)
    if mark.done or not mark.holder:
        return mark.done
    return entry_of(export, identity) in finished_in(get_item(client, table, f"{destination}/{mark.holder}"))


def finished_in(receipt: Mapping[str, Any]) -> list[str]:
    """Return the objects that a receipt lists."""
    value = value_of(receipt, "finished", "SS")
    return value if isinstance(value, list) else []


def value_of(item: Mapping[str, Any], name: str, kind: str) -> object:
    """Return an attribute of a type of DynamoDB, None for anything else."""
    return item.get(name, {}).get(kind)


def number(item: Mapping[str, Any], name: str) -> float | None:
    """Return an attribute that is a number."""
    try:
        value = float(str(value_of(item, name, "N")))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def number_value(value: float) -> dict[str, str]:
    """Return a whole number as DynamoDB has it."""
    return {"N": f"{value:.0f}"}


def _string(item: Mapping[str, Any], name: str) -> str:
    value = value_of(item, name, "S")
    return value if isinstance(value, str) else ""
