"""A metric that is always 1, in the bytes of metric streams: OpenTelemetry 1.0, each request after its length.

Source: CloudWatch User Guide, "CloudWatch metric stream output in OpenTelemetry 1.0.0 format", and the field numbers of
opentelemetry-proto (collector/metrics/v1, metrics/v1, common/v1, resource/v1). Written by hand because it is one
message of strings, and the library for it is a compiled wheel in a layer of its own; a test reads it by the official
definitions. Protocol Buffers: https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterable, Iterator, Mapping

RECORD_BYTES = 500_000
"""What a record is filled up to. Firehose takes 1,000 KiB, and the tags of one resource are less than a fifth."""


def records(
    name: str, points: Iterable[Mapping[str, str]], *, about: Mapping[str, str], time_ns: int
) -> Iterator[bytes]:
    """Yield records of a metric with one data point for each set of labels, as few as can be."""
    gathered: list[bytes] = []
    size = 0
    for labels in points:
        point = _field(1, _point(labels, time_ns))
        if gathered and size + len(point) > RECORD_BYTES:
            yield _request(name, gathered, about)
            gathered, size = [], 0
        gathered.append(point)
        size += len(point)
    if gathered:
        yield _request(name, gathered, about)


def _request(name: str, points: Iterable[bytes], about: Mapping[str, str]) -> bytes:
    gauge = _field(5, b"".join(points))
    scope_metrics = _field(2, _field(2, _field(1, name.encode()) + gauge))
    resource = _field(1, b"".join(_field(1, _attribute(key, value)) for key, value in about.items()))
    request = _field(1, resource + scope_metrics)
    return _varint(len(request)) + request


def _point(labels: Mapping[str, str], time_ns: int) -> bytes:
    attributes = b"".join(_field(7, _attribute(key, value)) for key, value in labels.items())
    return attributes + _fixed64(3, time_ns) + _fixed64(6, 1)


def _attribute(key: str, value: str) -> bytes:
    return _field(1, key.encode()) + _field(2, _field(1, value.encode()))


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _fixed64(number: int, value: int) -> bytes:
    return _varint(number << 3 | 1) + value.to_bytes(8, "little")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
