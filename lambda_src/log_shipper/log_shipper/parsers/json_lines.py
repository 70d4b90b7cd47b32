"""JSON lines of no known vendor: the time is looked for under the names that loggers and AWS services use."""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache

import orjson

from log_shipper import lenient_json, timestamps
from log_shipper.parsers import plain
from log_shipper.record import JsonValue, Origin, Record

TIME_NAMES = (
    "@timestamp", "timestamp", "time", "ts", "eventTime", "event_time", "datetime", "date", "t", "Timestamp", "Time",
    "start_time", "created_at",
    # Serilog, Splunk, Python's asctime, Kubernetes audit logs, other spellings
    "@t", "_time", "asctime", "stageTimestamp", "requestReceivedTimestamp", "timeStamp", "time_local",
    # Route 53 Resolver, Network Firewall, GuardDuty findings, CloudTrail digests, API Gateway, AWS Config
    "query_timestamp", "event_timestamp", "updatedAt", "createdAt", "digestEndTime", "requestTime",
    "configurationItemCaptureTime",
    # Log4j 2's JsonLayout, with and without includeTimeMillis; log4js
    "instant", "timeMillis", "startTime",
    # nginx, journald, OpenTelemetry, API Gateway, CloudFront, Azure, osquery, Kong, Security Hub, Slack, Okta, Python's
    # LogRecord
    "time_iso8601", "msec", "__REALTIME_TIMESTAMP", "timeUnixNano", "requestTimeEpoch", "timestamp(ms)",
    "TimeGenerated", "unixTime", "started_at", "UpdatedAt", "CreatedAt", "date_create", "published", "created",
)  # fmt: skip
"""In the order in which they are tried; the first that holds a plausible time wins."""

_SECONDS_AND_NANOSECONDS = (("epochSecond", "nanoOfSecond"), ("seconds", "nanos"))
"""How Java's Instant (Log4j 2) and Protocol Buffers' Timestamp (Google Cloud) are written as objects."""
_PHP_DATE = {"date", "timezone_type", "timezone"}
"""PHP's DateTime as JSON (Monolog 1); the name of a zone other than UTC is not read."""


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one JSON document: the time it opens with, one found in it, or the arrival time."""
    time = timestamps.opening(line)
    if time:
        return Record(line, time, origin.log_type)
    try:
        document = lenient_json.loads(line)
    except ValueError:
        return plain.unknown(line, origin)
    return of_document(line, document, origin)


def of_document(text: str, document: JsonValue, origin: Origin) -> Record:
    """Return the record of a document that is parsed already."""
    return Record(text, time_of(document, text) or origin.arrival, origin.log_type)


def time_of(document: JsonValue, text: str) -> str | None:
    """Return the first time found in the own names of the document that a text holds, or None."""
    if not isinstance(document, dict):
        return None
    date, clock = document.get("date"), document.get("time")
    if isinstance(date, str) and isinstance(clock, str) and (time := timestamps.normalise(f"{date}T{clock}Z")):
        return time
    for name in TIME_NAMES:
        if (value := document.get(name)) is not None and (time := _time(value)):
            return _as_written(value, name, text) or time
    record = document.get("record")
    # Loguru's `serialize`
    if isinstance(record, dict) and isinstance(moment := record.get("time"), dict):
        return _as_written(value := moment.get("timestamp"), "timestamp", text) or _time(value)
    return None


def _as_written(value: JsonValue, name: str, text: str) -> str | None:
    """Return the time of a member that is a float, with all digits that its number has in a text; a float has 16."""
    if type(value) is not float:
        return None
    for found in _number_of(name).finditer(text):
        if float(found[1]) == value:
            return timestamps.from_plausible_epoch(f"{Decimal(found[1]):f}")
    return None


@lru_cache(maxsize=64)
def _number_of(name: str) -> re.Pattern[str]:
    return re.compile(rf'"{re.escape(name)}"\s*:\s*([0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?)')


def times_of(texts: list[str], arrival: str) -> Iterator[str]:
    """Yield the time of each of some JSON objects, as `of_document` has it: those of one kind have it under one name.

    No document is kept: that takes twice as long.

    Raises
    ------
    json.JSONDecodeError
        At the first that is no JSON.
    """
    name, earlier = "", frozenset[str]()
    for text, document in zip(texts, map(orjson.loads, texts), strict=True):
        if not name:
            name = next((name for name in TIME_NAMES if document.get(name) is not None), TIME_NAMES[0])
            earlier = frozenset({"date", "time", *TIME_NAMES[: TIME_NAMES.index(name)]} - {name})
        time = None
        if document.keys().isdisjoint(earlier) and type(value := document.get(name)) is str:
            time = _text_time(value)
        yield time or time_of(document, text) or arrival


@lru_cache(maxsize=1024)
def _text_time(text: str) -> str | None:
    time = timestamps.normalise(text)
    if time:
        return None if time.startswith(timestamps.UNSET) else time
    return (
        timestamps.from_common_log_format(text) or timestamps.from_http_date(text) or timestamps.from_date_string(text)
    )


def _time(value: JsonValue) -> str | None:
    if isinstance(value, dict):
        for seconds, nanoseconds in _SECONDS_AND_NANOSECONDS:
            if {seconds, nanoseconds} == value.keys():
                return _plausible_sum(value[seconds], value[nanoseconds])
        if value.keys() == _PHP_DATE:
            return timestamps.normalise(f"{value['date']} {value['timezone']}")
        value = value.get("$date")
    if isinstance(value, dict):
        value = value.get("$numberLong")
    if isinstance(value, str) and (time := _text_time(value)):
        return time
    return timestamps.from_plausible_epoch(value)


def _plausible_sum(seconds: JsonValue, nanoseconds: JsonValue) -> str | None:
    if not (type(seconds) is int and type(nanoseconds) is int and 0 <= nanoseconds < 10**9):
        return None
    return timestamps.from_plausible_epoch(f"{seconds}.{nanoseconds:09d}")
