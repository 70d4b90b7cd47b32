"""The columnar copy: each compacted object is copied once, and a reader sees every line once at every step."""

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from log_shipper import aws, columns, convert, parallel
from log_shipper.columns import PREFIX, Run, fetch_index, run_of, runs_in
from log_shipper.compact import CompactionError, Compactor, Settings
from log_shipper.compacted import compacted_key
from log_shipper.compaction_plan import Part
from log_shipper.convert import AGAIN_AFTER, DUE_AFTER, MAX_SOURCES, MAX_STARTED, ConversionError, Converter, Target
from log_shipper.export_config import ExportConfigs

from tests.aws_in_memory import Stored
from tests.lambda_src.log_shipper.compaction_world import ARCHIVE, CONFIG, Bucket, KilledError, Now

DAY = datetime(2026, 11, 20, tzinfo=UTC)
DUE = DAY + timedelta(days=1) + DUE_AFTER
HOUR = timedelta(hours=1)
TARGET = Target(ARCHIVE, "acme", "archive", "acme-logs", 10_000)


class Athena:
    """Athena: what it is asked to write is there when it is looked at, once for a token.

    A file holds the keys that the statement names: the lines of the test.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.queries: dict[str, str] = {}
        self.requests: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.next_state = "SUCCEEDED"
        self.first_states: list[str] = []

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.bucket.step()
        token = request["ClientRequestToken"]
        assert 32 <= len(token) <= 128
        assert len(request["QueryString"]) <= 262_144
        assert (request["WorkGroup"], request["QueryExecutionContext"]) == ("acme-logs", {"Database": "acme"})
        if token not in self.queries:
            self.queries[token] = str(len(self.queries))
            self.requests[self.queries[token]] = request["QueryString"]
            self._write(self.queries[token])
        self.bucket.step()
        return {"QueryExecutionId": self.queries[token]}

    def _write(self, query: str) -> None:
        statement = self.requests[query]
        prefix = statement.partition(f"TO 's3://{ARCHIVE}/")[2].partition("'")[0]
        assert not self.bucket.listed(prefix), "Athena writes only where nothing is"
        keys = [each.partition("'")[0] for each in statement.split(f"'s3://{ARCHIVE}/")[1:-1]]
        self.states[query] = self.first_states.pop(0) if self.first_states else self.next_state
        self.bucket.objects[ARCHIVE, f"{prefix}1"] = Stored(json.dumps(keys).encode(), f'"{query}"', DUE)

    def get_query_execution(self, **request: str) -> dict[str, Any]:
        state = self.states.get(request["QueryExecutionId"])
        if state is None:
            raise ClientError({"Error": {"Code": "InvalidRequestException"}}, "GetQueryExecution")
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": "because"}}}


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch) -> Athena:
    bucket = Bucket()
    athena = Athena(bucket)
    monkeypatch.setattr(aws, "s3", bucket.client)
    monkeypatch.setattr(aws, "dynamodb", bucket.client)
    monkeypatch.setattr(aws, "athena", lambda: athena)
    monkeypatch.setattr(parallel, "start", Now)
    return athena


def fill(bucket: Bucket, hours: int = 3, number: int = 1, day: datetime = DAY, size: int = 100) -> list[str]:
    """Write compacted objects."""
    keys = [compacted_key(f"logs/orders/dt={day:%Y-%m-%d}/hour={hour:02}/", number) for hour in range(hours)]
    bucket.objects |= {(ARCHIVE, key): Stored(b"x" * size, f'"{key}"', day) for key in keys}
    return keys


def listed(bucket: Bucket) -> list[Part]:
    found = [(key, bucket.objects[ARCHIVE, key]) for key in bucket.listed()]
    return [Part(key, len(each.body), each.etag, each.modified) for key, each in found]


def run(bucket: Bucket, now: datetime = DUE, target: Target = TARGET) -> Converter:
    converter = Converter(target, now)
    converter.convert("orders", "2026-10-22", listed(bucket))
    return converter


def copied(bucket: Bucket) -> list[str]:
    """Return the objects of which a reader would read the copy, each as often as it would."""
    found = []
    for each, is_complete in runs_in(bucket.client(), ARCHIVE, "columns-index/orders/"):
        if is_complete:
            index = fetch_index(bucket.client(), ARCHIVE, each)
            rows = [key for file in index.files for key in json.loads(bucket.objects[ARCHIVE, file.key].body)]
            assert sorted(rows) == sorted(index.sources)
            assert each.objects == len(index.sources)
            found += rows
    return sorted(found)


def test_a_day_is_copied_once_it_is_over_and_never_again(athena: Athena) -> None:
    bucket = athena.bucket
    keys = fill(bucket)
    assert run(bucket, DUE - HOUR).started == 0
    assert run(bucket).started == 1
    assert copied(bucket) == []
    assert run(bucket, DUE + HOUR).finished == 1
    assert copied(bucket) == keys
    for hours in range(2, 60):
        assert (run(bucket, DUE + hours * HOUR).started, len(athena.requests)) == (0, 1)
    assert not [key for key in bucket.listed("columns-index/") if "started" in key]


def test_what_is_compacted_late_is_copied_by_itself_a_day_later(athena: Athena) -> None:
    bucket = athena.bucket
    keys = fill(bucket)
    run(bucket)
    run(bucket, DUE + HOUR)
    late = fill(bucket, 1, number=2)
    assert run(bucket, DUE + AGAIN_AFTER - HOUR).started == 0
    assert run(bucket, DUE + AGAIN_AFTER).started == 1
    assert late[0] in athena.requests["1"]
    assert not any(key in athena.requests["1"] for key in keys)
    run(bucket, DUE + AGAIN_AFTER + HOUR)
    assert copied(bucket) == sorted(keys + late)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_statement_that_failed_leaves_nothing_raises_and_is_tried_again(athena: Athena, state: str) -> None:
    bucket, athena.next_state = athena.bucket, state
    keys = fill(bucket)
    run(bucket)
    assert bucket.listed(PREFIX)
    with pytest.raises(ConversionError, match=f"query 0: {state.lower()}: because"):
        run(bucket, DUE + HOUR)
    assert not bucket.listed(PREFIX) + bucket.listed("columns-index/")
    athena.next_state = "SUCCEEDED"
    run(bucket, DUE + 2 * HOUR)
    run(bucket, DUE + 3 * HOUR)
    assert copied(bucket) == keys


def test_a_damaged_index_is_named_and_stops_no_other_day(athena: Athena) -> None:
    bucket, next_day = athena.bucket, DAY + timedelta(days=1)
    fill(bucket)
    run(bucket)
    run(bucket, DUE + HOUR)
    (key,) = bucket.listed("columns-index/")
    bucket.objects[ARCHIVE, key] = Stored(b'{"sources":', "e", DUE)
    fill(bucket, 1, number=2)
    others = fill(bucket, day=next_day)
    for hours in range(2):
        with pytest.raises(ConversionError, match=f"{key} is damaged: remove it, and all objects below columns/"):
            run(bucket, DUE + AGAIN_AFTER + hours * HOUR)
    del bucket.objects[ARCHIVE, key]
    assert copied(bucket) == others


def test_a_statement_that_still_runs_is_left_alone(athena: Athena) -> None:
    athena.next_state = "RUNNING"
    fill(athena.bucket)
    run(athena.bucket)
    before = {**athena.bucket.objects}
    assert run(athena.bucket, DUE + AGAIN_AFTER).started == 0
    assert athena.bucket.objects == before


def test_a_query_that_athena_does_not_know_is_begun_anew(athena: Athena) -> None:
    keys = fill(athena.bucket)
    run(athena.bucket)
    athena.states.clear()
    with pytest.raises(ConversionError):
        run(athena.bucket, DUE + HOUR)
    run(athena.bucket, DUE + 2 * HOUR)
    run(athena.bucket, DUE + 3 * HOUR)
    assert copied(athena.bucket) == keys


@pytest.mark.parametrize("change", ["removed", "written again"])
def test_a_copy_of_what_has_changed_meanwhile_is_not_used(athena: Athena, change: str) -> None:
    bucket = athena.bucket
    keys = fill(bucket)
    run(bucket)
    old = bucket.objects.pop((ARCHIVE, keys[0]))
    if change == "written again":
        bucket.objects[ARCHIVE, keys[0]] = Stored(old.body, '"another"', old.modified)
    run(bucket, DUE + HOUR)
    assert copied(bucket) == []
    assert not bucket.listed(PREFIX)


@pytest.mark.parametrize("first", ["SUCCEEDED", "FAILED"])
def test_invocations_killed_at_any_step_copy_nothing_twice(athena: Athena, first: str) -> None:
    bucket = athena.bucket
    keys = fill(bucket)
    whole = {**bucket.objects}
    for steps in range(1000):
        bucket.objects = {**whole}
        athena.queries.clear()
        athena.requests.clear()
        athena.first_states = [first]
        left: int | None = steps
        for hours in range(6):
            bucket.fuse = left
            try:
                with contextlib.suppress(ConversionError):
                    run(bucket, DUE + hours * HOUR)
                left = bucket.fuse
            except KilledError:
                left = None
            bucket.fuse = None
            assert copied(bucket) in ([], keys)
        assert copied(bucket) == keys
        # of a statement that failed nothing is left
        assert len(bucket.listed(PREFIX)) == 1
        if left is not None:
            break
    assert steps > 10


def test_two_invocations_at_once_copy_once(athena: Athena) -> None:
    bucket = athena.bucket
    keys = fill(bucket)
    whole = {**bucket.objects}
    for step in range(200):
        bucket.objects, bucket.steps = {**whole}, 0
        athena.queries.clear()
        athena.requests.clear()
        entered: list[Converter] = []

        def enter(step: int = step, entered: list[Converter] = entered) -> None:
            if bucket.steps > step and not entered:
                entered.append(Converter(TARGET, DUE))
                entered[0].convert("orders", "2026-10-22", listed(bucket))

        bucket.at_step = enter
        for hours in range(3):
            run(bucket, DUE + hours * HOUR)
            assert copied(bucket) in ([], keys)
        bucket.at_step = lambda: None
        assert copied(bucket) == keys
        assert len(athena.requests) == 1
        if not entered:
            break
    assert step > 10


def test_statements_are_bounded_in_objects_bytes_and_number(athena: Athena) -> None:
    bucket = athena.bucket
    day = DAY - timedelta(days=3)
    for number in range(1, 2 * MAX_SOURCES // 24 + 2):
        fill(bucket, 24, number, day, size=1)
    keys = bucket.listed()
    assert run(bucket, target=TARGET._replace(max_bytes=10**9)).started == 3
    run(bucket, DUE + HOUR)
    assert copied(bucket) == keys
    bucket.objects = {}
    for days in range(3):
        fill(bucket, 24, 1, DAY - timedelta(days=days), size=10)
    # no further day is begun, and none is begun in part
    assert run(bucket, target=TARGET._replace(max_bytes=10)).started == 48 > MAX_STARTED
    small = [statement for statement in [*athena.requests.values()][3:] if statement.count("compacted-") == 1]
    assert len(small) == 48


def test_keys_of_runs_are_read_as_they_are_written() -> None:
    each = Run("orders", "2026-11-20", 1_795_000_000, "0123456789abcdef", 24)
    assert [run_of(key) for key in (each.index_key, each.started_key, each.prefix)] == [
        (each, True), (each, False), None,
    ]  # fmt: skip


def test_compaction_copies_what_it_has_made_and_fails_with_the_copy(athena: Athena) -> None:
    bucket = athena.bucket
    bucket.exports = {"orders": {**CONFIG, "ship_to": []}}
    hour = f"logs/orders/dt={DAY:%Y-%m-%d}/hour=06/"
    for number in range(3):
        bucket.part(number, ["x"], hour, modified=DAY)

    def compact(now: datetime) -> None:
        configs = ExportConfigs(lambda name: json.dumps(bucket.exports[name]))
        settings = Settings(ARCHIVE, "marks", frozenset())
        Compactor(settings, configs, lambda: 1000.0, now, Converter(TARGET, now)).run()

    for hours in range(3):
        compact(DUE + hours * HOUR)
    assert copied(bucket) == [compacted_key(hour, 1)]
    fill(bucket, 1, number=1, day=DAY - timedelta(days=1))
    athena.next_state = "FAILED"
    compact(DUE + 3 * HOUR)
    with pytest.raises(CompactionError, match="because"):
        compact(DUE + 4 * HOUR)


def test_the_statement_names_the_objects_and_only_below_its_own_prefix() -> None:
    each = Run("orders", "2026-11-20", 1_795_000_000, "0123456789abcdef", 2)
    keys = [f"logs/orders/dt=2026-11-20/hour={hour}/compacted-000001.jsonl.gz" for hour in ("03", "04")]
    assert columns.statement_of("b", "archive", each, keys) == (
        'UNLOAD (SELECT "time", "vendor", "log_type", "source", "message", "fields", "hour", "$path" AS "object" '  # noqa: S608
        "FROM \"archive\" WHERE \"export\" = 'orders' AND \"dt\" = '2026-11-20' AND \"hour\" IN ('03', '04') "
        f"AND \"$path\" IN ('s3://b/{keys[0]}', 's3://b/{keys[1]}') AND \"time\" IS NOT NULL) "
        "TO 's3://b/columns/orders/dt=2026-11-20/1795000000-0123456789abcdef-2/' "
        "WITH (format = 'PARQUET', compression = 'ZSTD')"
    )
    assert convert.target_of("b", '{"database":"d","table":"t","workgroup":"w","max_bytes":1}') == Target(
        "b", "d", "t", "w", 1
    )
