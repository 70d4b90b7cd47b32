"""The archiver: CloudWatch Logs subscription events become archive objects, at once and before anything else happens.

Whatever cannot be archived makes the invocation fail: Lambda tries it again and then keeps the event in the failure
bucket. The function's own log groups are refused, or it would feed on itself.
"""

import os
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from log_shipper import aws
from log_shipper.admission import check_log_events
from log_shipper.archive_writer import ObjectSink
from log_shipper.environment import Environment, read_environment
from log_shipper.errors import UnknownExportError
from log_shipper.events import REASONS, LogEvents, batch_of, subscriptions_in
from log_shipper.export_config import ExportConfig, ExportConfigs
from log_shipper.keys import identity_of
from log_shipper.log_stream import LogStreams
from log_shipper.runtime import explain, export_configs, report
from log_shipper.telemetry import Tally, emit_unclaimed, log
from log_shipper.transform import Segment

DESTINATION = "archive"
UNREADABLE = "_unreadable"
"""Where payloads of a stream that cannot be read are set aside, under ``unclaimed/``; no export has such a name."""
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
        When an event cannot be read or belongs to no export: the whole invocation is tried again, and what it has
        archived of other exports is not archived twice.
    """
    environment = read_environment(os.environ)
    batch = _Batch(event, environment)
    refused = 0
    for payload in subscriptions_in(event):
        if is_own_log_group(payload.log_group, environment):
            refused += 1
            _log_refusal_once(payload.log_group)
        else:
            batch.take(payload)
    total = batch.finish()
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


class _Batch:
    """The payloads of one invocation, by export: what fails for one holds back no other.

    Payloads are read one after the other, and what they were read from is let go: memory does not grow with how well a
    batch was compressed.
    """

    def __init__(self, event: Mapping[str, Any], environment: Environment) -> None:
        self._environment, self._configs = environment, _configs(environment)
        self._ids = batch_of(event)
        self._sources: dict[tuple[str, str, str], ExportConfig | None] = {}
        self._exports: dict[str, _ExportArchive] = {}
        self._unclaimed: dict[str, tuple[list[Mapping[str, Any]], Tally]] = {}
        self._unreadable: list[str] = []
        self._failed: dict[str, Exception] = {}

    def take(self, payload: LogEvents) -> None:
        """Archive a payload, or note why its export cannot be archived now."""
        name = payload.export
        if payload.error:
            log("unreadable", error=payload.error)
            self._unreadable.append(payload.error)
            self._unclaimed.setdefault(UNREADABLE, ([], Tally()))[0].append(payload.record or {})
            return
        if name in self._failed:
            return
        try:
            config = self._config_for(payload)
            if config is None:
                self._leave_unclaimed(payload)
                return
            if name not in self._exports:
                self._open(payload, config)
            self._exports[name].take(payload)
        except Exception as error:  # noqa: BLE001 - raised once the other exports are archived
            self._fail(name, error)

    def finish(self) -> Tally:
        """Store what is gathered, write the metrics, and return all figures.

        Raises
        ------
        Exception
            Whatever went wrong first for any export.
        """
        tallies = {}
        for name, archive in self._exports.items():
            if name not in self._failed:
                try:
                    tallies[name] = archive.finish()
                except Exception as error:  # noqa: BLE001 - as above
                    self._fail(name, error)
        for name, (records, tally) in self._unclaimed.items():
            try:
                self._set_aside(name, records)
                tallies.setdefault(name, Tally()).add(tally)
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(name, error)
        report(tallies, self._environment, DESTINATION)
        if self._failed:
            raise next(iter(self._failed.values()))
        total = Tally()
        for tally in tallies.values():
            total.add(tally)
        return total

    def _config_for(self, payload: LogEvents) -> ExportConfig | None:
        """Return the configuration of an export; None for what a stream brings of no export, or of another's group.

        Raises
        ------
        UnknownExportError
            For what CloudWatch Logs brings itself: the invocation fails, and the event is kept.
        """
        source = payload.export, payload.owner, payload.log_group
        if source not in self._sources:
            try:
                config = self._configs.checked(
                    payload.export, lambda held: check_log_events(payload, held, self._environment)
                )
            except UnknownExportError as error:
                if payload.record is None:
                    raise
                log("unclaimed", export=payload.export, error=explain(error))
                self._sources[source] = None
            else:
                self._sources[source] = config
        return self._sources[source]

    def _leave_unclaimed(self, payload: LogEvents) -> None:
        records, tally = self._unclaimed.setdefault(payload.export, ([], Tally()))
        records.append(payload.record or {})
        count = len(payload.events)
        tally.add(Tally(records_in=count, quarantined=count, bytes_in=payload.size))

    def _open(self, payload: LogEvents, config: ExportConfig) -> None:
        """Begin the archive of an export."""
        ids = self._ids or [payload.log_group, payload.log_stream, *payload.column("id")]
        sink = ObjectSink(self._environment.archive_bucket)
        self._exports[payload.export] = _ExportArchive(config, identity_of(*ids), sink)

    def _set_aside(self, name: str, records: list[Mapping[str, Any]]) -> None:
        """Keep what a destroyed export had sent, as an event for this function: no export waits for it.

        Tried again for hours, as a batch that fails is, it would hold up every other export on its shard.
        """
        key = f"unclaimed/{name}/{identity_of(*self._ids)}.json"
        reasons = {REASONS: self._unreadable} if name == UNREADABLE else {}
        body = orjson.dumps({"Records": records, **reasons})
        environment = self._environment
        aws.s3().put_object(Bucket=environment.failure_bucket, Key=key, Body=body)
        emit_unclaimed(len(records), deployment=environment.deployment, destination=DESTINATION, export=name, key=key)

    def _fail(self, name: str, error: Exception) -> None:
        log("failed", export=name, error=explain(error))
        self._failed[name] = error


class _ExportArchive:
    """What one export has in an invocation, on its way into archive objects."""

    def __init__(self, config: ExportConfig, identity: str, sink: ObjectSink) -> None:
        self._streams, self._sink = LogStreams(config, identity), sink
        self._newest = 0

    def take(self, payload: LogEvents) -> None:
        """Write what a payload completes."""
        self._newest = max([self._newest, *payload.column("timestamp")])
        self._write(self._streams.take(payload))

    def finish(self) -> Tally:
        """Write what the streams still held, and store the last object."""
        progress = self._streams.progress
        self._write(self._streams.finish())
        self._sink.end(progress)
        self._sink.flush()
        self._streams.check()
        progress.tally.lag_ms = max(0, time.time_ns() // 1_000_000 - self._newest) if self._newest else 0
        return progress.tally

    def _write(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._sink.write(self._streams.progress, segment)
