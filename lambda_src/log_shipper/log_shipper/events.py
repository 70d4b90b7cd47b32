"""What arrives: S3 notifications in an SQS body, and CloudWatch Logs subscription payloads.

Three shapes of S3 event are read: the one the deployment's event rules make (which names the export), an unaltered
EventBridge event, and S3's native notification. Unknown fields are ignored; control messages and S3's test
event are acknowledged and never shipped.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

import orjson
from isal import igzip_lib

from log_shipper.decode import IsalError
from log_shipper.errors import ExpansionError, ShipperError, UnknownExportError

FILTER_PREFIX = "logdock."
NULL_VERSION = "null"
CONTINUES = "logdock_continues"
"""Marks a message whose objects an earlier invocation may have got on with."""
REASONS = "logdock_reasons"
"""Names, in an object of payloads that cannot be read, why each of them cannot."""
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
"""Decompressed. A larger payload would take the function's memory, and the function fail without a word."""
_ARCHIVE_KEY = re.compile(r"logs/([^/]+)/dt=")


class ObjectRef(NamedTuple):
    """One S3 object that an event names."""

    export: str
    """Whose logs it holds."""
    bucket: str
    key: str
    """`bucket`, `key`: Where it is; the key is raw, not URL-encoded."""
    version_id: str = ""
    etag: str = ""
    """`version_id`, `etag`: Which version of it, empty when the event does not say."""
    time: str = ""
    """When the event says that it was made, RFC 3339, empty when it does not say."""

    @property
    def version(self) -> str:
        """The identity of one content under the key: the version, or the ETag where there are no versions.

        Under suspended versioning every object has the version ID ``null`` (S3 User Guide, "Working with objects in a
        versioning-suspended bucket"), which is no identity.
        """
        return self.etag if self.version_id in ("", NULL_VERSION) else self.version_id


def objects_in(body: str) -> list[ObjectRef]:
    """Return the objects that one SQS message names; none for S3's test event.

    Raises
    ------
    UnknownExportError
        When nothing says which export an object belongs to.
    ShipperError
        When the body is no S3 event at all.
    """
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ShipperError("the message is not JSON") from None
    if not isinstance(event, dict):
        raise ShipperError("the message is not a JSON object")
    if event.get("Event") == "s3:TestEvent":
        return []
    try:
        if "Records" in event:
            return [_native(record) for record in event["Records"]]
        if "detail" in event:
            return [_event_bridge(event)]
    except (KeyError, TypeError, AttributeError):
        raise ShipperError("the message is an S3 event that lacks its bucket or key") from None
    raise ShipperError("the message is not an S3 event")


def message_of(ref: ObjectRef) -> str:
    """Return a message that `objects_in` reads as one object."""
    item = {"key": ref.key, "version-id": ref.version_id, "etag": ref.etag}
    document = {"export": ref.export, "time": ref.time, "detail": {"bucket": {"name": ref.bucket}, "object": item}}
    return orjson.dumps(document).decode()


def continued(body: str) -> str:
    """Return a message that says that its objects may have been got on with; one that is no JSON object as it is."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps({**document, CONTINUES: True}).decode() if isinstance(document, dict) else body


def _event_bridge(event: Mapping[str, Any]) -> ObjectRef:
    detail = event["detail"]
    item = detail["object"]
    key = _name(item["key"])
    return ObjectRef(
        export=str(event.get("export") or _export_of(key)),
        bucket=_name(detail["bucket"]["name"]),
        key=key,
        version_id=_text(item.get("version-id")),
        etag=_text(item.get("etag")),
        time=_text(event.get("time")),
    )


def _native(record: Mapping[str, Any]) -> ObjectRef:
    item = record["s3"]["object"]
    key = unquote_plus(_name(item["key"]))
    return ObjectRef(
        export=_export_of(key),
        bucket=_name(record["s3"]["bucket"]["name"]),
        key=key,
        version_id=_text(item.get("versionId")),
        etag=_text(item.get("eTag")),
        time=_text(record.get("eventTime")),
    )


def _export_of(key: str) -> str:
    match = _ARCHIVE_KEY.match(key)
    if match is None:
        raise UnknownExportError("the event names no export, and the key is not an archive key")
    return match[1]


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _text(value: object) -> str:
    # an input transformer writes an absent value as an empty text or as the name it looked for
    return value if isinstance(value, str) and not value.startswith("<") else ""


class LogEvents(NamedTuple):
    """One subscription payload: a group's and stream's events, and the export they belong to."""

    export: str
    log_group: str
    log_stream: str
    events: list[dict[str, Any]]
    size: int = 0
    """How many bytes it has, decompressed."""
    owner: str = ""
    """The account of the log group."""
    record: Mapping[str, Any] | None = None
    """The Kinesis record that carried it."""
    error: str = ""
    """Why a record's payload cannot be read; empty otherwise."""

    def column(self, name: str) -> list[Any]:
        """Return one value of every event.

        Raises
        ------
        ShipperError
            When an event lacks it.
        """
        try:
            return list(map(itemgetter(name), self.events))
        except (KeyError, TypeError):
            raise ShipperError(f"a log event of the payload lacks its {name}") from None


def batch_of(event: Mapping[str, Any]) -> list[str]:
    """Return what a batch of a stream is known by, which Lambda hands over again as it was; nothing for other events.

    Raises
    ------
    ShipperError
        When the event is neither.
    """
    try:
        return [f"{record['eventSourceARN']}/{record['eventID']}" for record in event.get("Records", ())]
    except (KeyError, TypeError, AttributeError):
        raise ShipperError("the event is no CloudWatch Logs subscription") from None


def subscriptions_in(event: Mapping[str, Any]) -> Iterator[LogEvents]:
    """Yield the payloads of a subscription event, straight from CloudWatch Logs or through Kinesis.

    Raises
    ------
    UnknownExportError
        When no subscription filter's name is ``logdock.<export>``.
    ShipperError
        When the payload cannot be read.
    """
    carried: list[tuple[str, Mapping[str, Any] | None]]
    try:
        if "awslogs" in event:
            carried = [(event["awslogs"]["data"], None)]
        else:
            carried = [(record["kinesis"]["data"], record) for record in event["Records"]]
    except (KeyError, TypeError):
        raise ShipperError("the event is no CloudWatch Logs subscription") from None
    for data, record in carried:
        try:
            payload = _payload_of(data, record)
        except ShipperError as error:
            if record is None:
                raise
            # the records behind it on the stream belong to other exports, which must not wait for it
            payload = LogEvents("", "", "", [], record=record, error=str(error))
        if payload is not None:
            yield payload


def _payload_of(data: str, record: Mapping[str, Any] | None) -> LogEvents | None:
    """Return what a payload holds; None for a control message."""
    text = _decompressed(data, MAX_PAYLOAD_BYTES)
    try:
        payload = orjson.loads(text)
        if payload.get("messageType") != "DATA_MESSAGE":
            return None
        filters = payload.get("subscriptionFilters") or ()
        names = [name for name in filters if name.startswith(FILTER_PREFIX)]
        group, stream, events = payload["logGroup"], payload["logStream"], payload["logEvents"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ShipperError("the subscription payload is not a batch of log events") from None
    if not names:
        raise UnknownExportError(f"no subscription filter of the payload is named {FILTER_PREFIX}<export>")
    owner = _text(payload.get("owner"))
    return LogEvents(names[0].removeprefix(FILTER_PREFIX), group, stream, events, len(text), owner, record)


def _decompressed(data: str, max_bytes: int) -> bytes:
    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    try:
        stored = base64.b64decode(data)
        text: bytes = member.decompress(stored, max_bytes + 1)
    except (ValueError, TypeError, IsalError, EOFError):
        raise ShipperError("the subscription payload is not gzip") from None
    if len(text) > max_bytes:
        raise ExpansionError(
            f"the subscription payload of {len(stored):,} bytes expands to more than {max_bytes:,}, which is not read"
        )
    if not member.eof:
        raise ShipperError("the subscription payload breaks off")
    return text
