"""Small inputs that other shippers lose, misdate or refuse as a whole, through the whole invocation."""

import json
from collections.abc import Callable

import pytest
from log_shipper import archive_writer, ship

from tests.lambda_src.log_shipper.test_otlp import lake, records  # noqa: F401  (a fixture)
from tests.lambda_src.log_shipper.world import (
    ARCHIVE,
    EVENTS,
    FAILURES,
    LANDING,
    Cloud,
    Context,
    Listener,
    batch,
    message,
)

TIME = "2026-03-04T05:06:07Z"


def archived(cloud: Cloud, destination: Callable[[str], None], body: bytes) -> list[tuple[str, str]]:
    """Return time and message of what becomes of an object."""
    destination("archive")
    cloud.export("app", vendor="s3-logs", ship_to=["archive"])
    item = cloud.land("logs/a.log", body)
    assert ship.handler(batch(message("app", item)), Context()) == {"batchItemFailures": []}
    return [(line["time"], line["message"]) for line in cloud.lines(ARCHIVE, "logs/app/")]


@pytest.mark.parametrize(
    ("file", "times"),
    [
        ("array-with-latin-1.json", [TIME, "2026-03-04T05:06:08Z", "2026-03-04T05:06:09Z"]),
        ("cloudtrail-with-tab.json", [TIME, "2026-03-04T05:06:08Z", "2026-03-04T05:06:09Z"]),
        ("python-and-node.log", [TIME] * 4),
        ("float-epoch.log", ["2026-03-04T05:06:07.983614Z"]),
        ("cloudfront-v2.json", [TIME]),
        ("duration-named-time.log", [TIME]),
    ],
)
def test_each_record_has_its_own_time(
    cloud: Cloud, destination: Callable[[str], None], file: str, times: list[str]
) -> None:
    assert [time for time, _ in archived(cloud, destination, (EVENTS / "s3-logs" / file).read_bytes())] == times


@pytest.mark.parametrize(
    "document",
    [
        {"version": "1.100000", "query_timestamp": TIME, "query_name": "a.example."},
        {"schemaVersion": "2.0", "type": "Recon", "service": {}, "createdAt": TIME},
        {"awsAccountId": "1", "digestStartTime": "2026-03-04T04:06:07Z", "digestEndTime": TIME},
        {"timestamp": 1772600767000, "formatVersion": 1, "webaclId": "w"},
        {"event_timestamp": "1772600767", "event": {}},
        {"time": "2026-03-04T07:06:07+02"},
        {"time": "2026-03-04t05:06:07z"},
        {"time": "2026-03-04T05:05:67Z", "ts": TIME},
        {"requestTime": "04/Mar/2026:05:06:07 +0000"},
        {"time": {"$date": {"$numberLong": "1772600767000"}}},
        {"time": "35", "ts": 1772600767},
    ],
)
def test_time_is_found_in_the_fields_of_a_document(
    cloud: Cloud, destination: Callable[[str], None], document: dict[str, object]
) -> None:
    ((time, _),) = archived(cloud, destination, json.dumps(document).encode())
    assert time.removesuffix("Z").removesuffix(".000") == TIME.removesuffix("Z")


def test_leap_second_counts_as_the_next_second(cloud: Cloud, destination: Callable[[str], None]) -> None:
    ((time, _),) = archived(cloud, destination, b'{"time":"2016-12-31T23:59:60.5Z"}')
    assert time == "2017-01-01T00:00:00.5Z"


def test_object_of_many_hours_has_few_bodies_open_and_keeps_progress(
    cloud: Cloud, destination: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_bodies = []
    write = archive_writer.GzipBody.write

    class Counted(archive_writer.GzipBody):
        def __init__(self) -> None:
            super().__init__()
            open_bodies.append(1)

        def finish(self) -> bytes:
            open_bodies.pop()
            return super().finish()

        def write(self, data: bytes) -> None:
            most.append(len(open_bodies))
            write(self, data)

    most: list[int] = []
    monkeypatch.setattr(archive_writer, "GzipBody", Counted)
    hours = [
        f"2025-{month:02d}-{day:02d}T{hour:02d}:00:00Z"
        for month in (1, 2) for day in range(1, 29) for hour in (1, 2, 3)
    ]  # fmt: skip
    body = "".join(f'{{"m":1,"time":"{time}"}}\n' for time in hours).encode()
    assert sorted(time for time, _ in archived(cloud, destination, body)) == hours
    assert max(most) <= archive_writer.MAX_HOURS < len(hours)


def test_times_beyond_what_otlp_holds_cost_no_neighbour(cloud: Cloud, lake: Listener) -> None:  # noqa: F811
    lines = [f'{{"time":"{year}-03-04T05:06:07Z"}}' for year in ("2026", "9999", "1901", "2026")]
    cloud.export("app", vendor="s3-logs", ship_to=["lake"])
    item = cloud.land("logs/a.log", "\n".join(lines).encode())
    assert ship.handler(batch(message("app", item)), Context()) == {"batchItemFailures": []}
    found = records(lake)
    assert [body for body, *_ in found] == lines
    assert [nanoseconds for _, nanoseconds, *_ in found] == [1772600767 * 10**9, 2**63 - 1, 0, 1772600767 * 10**9]
    assert found[1][2]["logdock.time"] == "9999-03-04T05:06:07Z"
    assert cloud.keys(FAILURES, "quarantine/") == []


def test_contents_under_suspended_versioning_are_distinguished(cloud: Cloud, logz: Listener) -> None:
    cloud.s3.put_bucket_versioning(Bucket=LANDING, VersioningConfiguration={"Status": "Suspended"})
    cloud.export("app", vendor="s3-logs", ship_to=["logz"])
    for text in ("first", "second", "second"):
        tag = cloud.s3.put_object(Bucket=LANDING, Key="logs/a.log", Body=text.encode())["ETag"].strip('"')
        item = {"key": "logs/a.log", "version-id": "null", "etag": tag}
        assert ship.handler(batch(message("app", item)), Context()) == {"batchItemFailures": []}
    assert logz.messages() == ["first", "second"]
