"""The marked record of `logdock smoke-test`, in this kind's format."""

import json
from datetime import datetime

from logdock.cli.smoke_test.records import NAME, message
from logdock.vendors.cockroachdb.settings import CockroachdbExport


def event_message(_export: CockroachdbExport, _log_group: str, marker: str, now: datetime) -> str:
    """Return a line of the channel OPS."""
    document = {
        "channel": "OPS",
        "channel_numeric": 1,
        "timestamp": f"{now.timestamp():.9f}",
        "severity": "INFO",
        "file": f"{NAME}.go",
        "line": 1,
        "redactable": 0,
        "message": message(marker),
    }
    return json.dumps(document, separators=(",", ":"))
