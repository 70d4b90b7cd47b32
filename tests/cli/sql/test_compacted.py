"""`logdock sql` over compacted objects: the rows are those of the objects that were replaced."""

import json
from datetime import UTC, datetime
from typing import Any

from moto.s3.models import s3_backends

from tests.cli.conftest import Type
from tests.cli.deployed import compact_archive
from tests.cli.logs.conftest import DAY, Landed


def answer(landed: Landed, logdock: Type) -> list[dict[str, Any]]:
    done = logdock(
        "sql", "SELECT * FROM archive ORDER BY ALL", "--since", DAY, "--until", "2026-11-18", "--output", "json"
    )
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def bodies(landed: Landed) -> dict[str, bytes]:
    listed = landed.s3.list_objects_v2(Bucket=landed.archive, Prefix="logs/")["Contents"]
    return {each["Key"]: landed.s3.get_object(Bucket=landed.archive, Key=each["Key"])["Body"].read() for each in listed}


def test_rows_are_the_same_before_during_and_after_compaction(landed: Landed, logdock: Type) -> None:
    for minute in range(12):
        time = f"{DAY}T0{3 + minute % 2}:{minute:02}:00.5Z"
        # the lines of an object may be the same as another's
        landed.archived((time, json.dumps({"code": minute % 3})), (time, "late"), (time, '{"code":"late"}'))
    for each in s3_backends[landed.settings.account]["aws"].buckets[landed.archive].keys.values():
        each.last_modified = datetime(2026, 11, 17, 5, tzinfo=UTC)
    before, parts = answer(landed, logdock), bodies(landed)
    compact_archive(landed.archive, datetime(2026, 11, 18, 12, tzinfo=UTC))
    after = bodies(landed)
    assert [each.partition("compacted-")[1] for each in after] == ["compacted-"] * 2
    assert len(before) == 36
    assert answer(landed, logdock) == before
    # as a run leaves it that was killed before it removed the parts
    for key, body in parts.items():
        landed.s3.put_object(Bucket=landed.archive, Key=key, Body=body)
    assert answer(landed, logdock) == before
