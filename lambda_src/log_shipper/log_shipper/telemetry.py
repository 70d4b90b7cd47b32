"""What a function says about itself: one JSON line an event, never a record's content or a secret.

The line that ends an invocation is in CloudWatch's embedded metric format, so figures become metrics without a call:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import sys
import time
from dataclasses import dataclass, fields

import orjson

from log_shipper.errors import AccountingError

NAMESPACE = "Logdock"
_UNITS = {"sent": "Count", "quarantined": "Count", "bytes_in": "Bytes", "lag_ms": "Milliseconds"}
"""The figures that are metrics, each billed by CloudWatch; the others are in the log only."""
_IF_ANY = "failed_logins"
"""A metric only of an invocation that has seen one: most exports never have it, and then it costs nothing."""


@dataclass(slots=True)
class Tally:
    """The figures of one invocation, or of one export in it.

    ``records_in`` must equal sent + filtered + quarantined + left: what was read is delivered, unwanted, set aside with
    its reason, or left for the next attempt.
    """

    records_in: int = 0
    sent: int = 0
    filtered: int = 0
    quarantined: int = 0
    left: int = 0
    resumed: int = 0
    not_understood: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    requests: int = 0
    retries: int = 0
    lag_ms: int = 0
    failed_logins: int = 0

    def add(self, other: "Tally") -> None:
        """Add another tally's figures; the lag is the larger one."""
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            setattr(self, field.name, max(mine, theirs) if field.name == "lag_ms" else mine + theirs)

    def check(self) -> None:
        """Raise when the figures do not add up.

        Raises
        ------
        AccountingError
            A defect: the invocation must fail, so that its input is tried again.
        """
        settled = self.sent + self.filtered + self.quarantined + self.left
        if self.records_in != settled:
            raise AccountingError(
                f"records in {self.records_in} != sent {self.sent} + filtered {self.filtered}"
                f" + quarantined {self.quarantined} + left {self.left}"
            )


def log(event: str, **details: object) -> None:
    """Write one JSON line."""
    sys.stdout.write(orjson.dumps({"event": event, **details}, default=str).decode() + "\n")
    sys.stdout.flush()


def emit(tally: Tally, *, deployment: str, export: str, destination: str) -> None:
    """Write the figures of one export in one invocation as metrics."""
    units = _UNITS | ({_IF_ANY: "Count"} if tally.failed_logins else {})
    log(
        "shipped",
        _aws=_metrics(["deployment", "export", "destination"], units),
        deployment=deployment,
        export=export,
        destination=destination,
        **{field.name: getattr(tally, field.name) for field in fields(tally)},
    )


def emit_failed(messages: int, *, deployment: str, destination: str) -> None:
    """Write how many messages could not be shipped this time, if any, as a metric of the destination."""
    if messages:
        metrics = _metrics(["deployment", "destination"], {"failed": "Count"})
        log("not shipped", _aws=metrics, deployment=deployment, destination=destination, failed=messages)


def emit_answers(requests: int, seconds: float, *, deployment: str, destination: str) -> None:
    """Write how long a destination took to answer on average, if it was asked, as a metric of the destination."""
    if requests:
        metrics = _metrics(["deployment", "destination"], {"answer_ms": "Milliseconds"})
        answer_ms = round(seconds / requests * 1000)
        log("answered", _aws=metrics, deployment=deployment, destination=destination, answer_ms=answer_ms)


def emit_unclaimed(payloads: int, *, deployment: str, destination: str, export: str, key: str) -> None:
    """Write that payloads that no export claims were set aside, as a metric of the archiver."""
    log(
        "set aside",
        _aws=_metrics(["deployment", "destination"], {"unclaimed": "Count"}),
        deployment=deployment,
        destination=destination,
        export=export,
        reason="the export has no configuration, or the log group is not its own",
        unclaimed=payloads,
        key=key,
    )


def _metrics(dimensions: list[str], units: dict[str, str]) -> dict[str, object]:
    metrics = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    described = {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}
    return {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [described]}
