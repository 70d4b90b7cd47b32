"""The archiver: CloudWatch Logs subscription events become archive objects, at once and before anything else happens.

Whatever cannot be archived makes the invocation fail: Lambda tries it again and then keeps the event in the failure
bucket. The function's own log groups are refused, or it would feed on itself.
"""

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from log_shipper import timestamps
from log_shipper.archive_writer import ObjectSink, archive_put
from log_shipper.environment import Environment, read_environment
from log_shipper.events import LogEvents, subscriptions_in
from log_shipper.export_config import ExportConfig, ExportConfigs
from log_shipper.jobs import Job, Segment, identity_of
from log_shipper.line_readers import VENDOR_FORMATS, line_reader
from log_shipper.parsers import aurora_mysql
from log_shipper.reading import RawBlock
from log_shipper.record import Origin, Record
from log_shipper.rendering import Renderer, Shape
from log_shipper.runtime import export_configs, report
from log_shipper.telemetry import Tally, log

DESTINATION = "archive"
_refusals_logged: set[str] = set()


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Archive the log events of one invocation.

    Parameters
    ----------
    event : dict
        ``{"awslogs": {"data": ...}}``, or Kinesis records that carry the same payloads.

    Returns
    -------
    dict
        How many records were archived, filtered, and how many payloads were refused as the function's own.

    Raises
    ------
    ShipperError
        When an event cannot be read or belongs to no export: the whole invocation is tried again.
    """
    environment = read_environment(os.environ)
    configs = _configs(environment)
    by_export: dict[str, list[LogEvents]] = {}
    refused = 0
    for payload in subscriptions_in(event):
        if is_own_log_group(payload.log_group, environment):
            refused += 1
            _log_refusal_once(payload.log_group)
            continue
        by_export.setdefault(payload.export, []).append(payload)
    tallies = {export: _archive(payloads, configs.get(export), environment) for export, payloads in by_export.items()}
    report(tallies, environment, DESTINATION)
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    return {"archived": total.sent, "filtered": total.filtered, "refused": refused}


def is_own_log_group(log_group: str, environment: Environment) -> bool:
    """Say whether a log group is the function's own or that of another function of the deployment."""
    return log_group == environment.own_log_group or log_group.startswith(f"/aws/lambda/{environment.deployment}-")


@lru_cache(maxsize=1)
def _configs(environment: Environment) -> ExportConfigs:
    return export_configs(environment)


def _log_refusal_once(log_group: str) -> None:
    # every line written here would come back as another event of the same loop
    if log_group not in _refusals_logged:
        _refusals_logged.add(log_group)
        log("refused", reason="the log group is the shipper's own", log_group=log_group)


def _archive(payloads: list[LogEvents], config: ExportConfig, environment: Environment) -> Tally:
    ids = [part for p in payloads for part in (p.log_group, p.log_stream, *p.column("id"))]
    job = Job(config, identity_of(*ids), _renderer(payloads[0], config), quarantine=_never, save=_not_needed)
    sink = ObjectSink(archive_put(environment.archive_bucket))
    newest = 0
    job.tally.bytes_in = sum(payload.size for payload in payloads)
    for payload in payloads:
        newest = max([newest, *payload.column("timestamp")])
        job.renderer = _renderer(payload, config)
        for segment in job.take(raw_block_of(payload, config), by_hour=True):
            sink.write(job, segment)
    job.complete = True
    sink.end(job)
    job.tally.lag_ms = max(0, time.time_ns() // 1_000_000 - newest) if newest else 0
    return job.tally


def _format_of(config: ExportConfig) -> str:
    name = config.format_name if config.format_name != "auto" else VENDOR_FORMATS[config.vendor]
    return "json-lines" if name == "json" else name


def records_of(payload: LogEvents, config: ExportConfig) -> list[Record]:
    """Return a payload's records: each event's message is one line, and lines that belong together are joined."""
    reader = line_reader(_format_of(config), config.record_start)
    log_type = aurora_mysql.log_type_of(payload.log_group)
    records: list[Record] = []
    for event in payload.events:
        message = event["message"].rstrip("\r\n")
        if message and not message.isspace():
            arrival = timestamps.from_epoch(event["timestamp"]) or "1970-01-01T00:00:00Z"
            records += reader.feed(message, Origin(arrival, log_type))
    records += reader.finish()
    if config.vendor == "aurora-mysql":
        records.sort(key=lambda record: record.time)
    return records


def _renderer(payload: LogEvents, config: ExportConfig) -> Renderer:
    source = source_of(payload.log_group, payload.log_stream)
    return Renderer(Shape(), export=config.name, vendor=config.vendor, source=source)


def raw_block_of(payload: LogEvents, config: ExportConfig) -> RawBlock | list[Record]:
    """Return a payload's messages as one block where each is a line; `records_of` it where not."""
    format_name = _format_of(config)
    messages = payload.column("message")
    text = "\n".join(messages)
    if config.record_start or "\r" in text or not messages or text.count("\n") != len(messages) - 1:
        return records_of(payload, config)
    if text.startswith("{") and format_name in ("mongodb", "json-lines", "auto"):
        way = "opening"
    elif format_name == "plain" or (format_name == "auto" and not text.startswith("{") and "\n{" not in text):
        way = "arrival"
    else:
        return records_of(payload, config)
    times = timestamps.from_epoch_ms(payload.column("timestamp")) if way == "arrival" else []
    log_type = aurora_mysql.log_type_of(payload.log_group)
    return RawBlock(text, way, log_type, times, lambda: records_of(payload, config))


def source_of(log_group: str, log_stream: str) -> str:
    """Return what the archive calls a log stream."""
    return f"cloudwatch:{log_group}:{log_stream}"


def _never(_job: Job, _segment: Segment) -> None:
    raise AssertionError("the archive refuses no record")


def _not_needed(_job: Job) -> None:
    """A subscription payload is archived whole or tried again whole."""
