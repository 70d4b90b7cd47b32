"""The names of what is stored: identities, and keys of the failure bucket, which commands read too. Pure."""

import hashlib
from typing import NamedTuple

from log_shipper import timestamps

QUARANTINE = "quarantine/"


def identity_of(*parts: str) -> str:
    """Return 16 hex digits that stand for a source: the same parts give the same digits."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def archive_prefix(export: str) -> str:
    """Return where an export's archive objects are."""
    return f"logs/{export}/"


def quarantine_prefix(export: str, destination: str) -> str:
    """Return where the records are that a destination refused of an export."""
    return f"{QUARANTINE}{export}/{destination}/"


def quarantine_key(export: str, destination: str, time: str, identity: str) -> str:
    """Return ``quarantine/<export>/<destination>/dt=YYYY-MM-DD/<epoch-ms, 13 digits>-<identity>.json.gz``."""
    name = f"dt={time[:10]}/{timestamps.epoch_ms(time):013d}-{identity}.json.gz"
    return quarantine_prefix(export, destination) + name


class Quarantined(NamedTuple):
    """Whose records a quarantine object holds, and which destination refused them."""

    export: str
    destination: str


def quarantined(key: str) -> Quarantined | None:
    """Return what a quarantine key says, None for another key."""
    parts = key.removeprefix(QUARANTINE).split("/")
    return Quarantined(parts[0], parts[1]) if key.startswith(QUARANTINE) and len(parts) == 4 else None


def progress_key(destination: str, export: str, identity: str) -> str:
    """Return where the progress of one object on its way to one destination is kept."""
    return f"progress/{destination}/{export}/{identity}.json"
