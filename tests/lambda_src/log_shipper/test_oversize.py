"""A message longer than a destination takes: in parts that can be put together, cut with a mark, or kept back."""

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import ship
from log_shipper.record import Record
from log_shipper.rendering import fit
from log_shipper.vendors.logzio import dialect as logzio
from log_shipper.vendors.otlp import dialect as otlp

from tests.lambda_src.log_shipper.world import ARCHIVE, FAILURES, Cloud, Context, Listener, batch, message

OK: dict[str, Any] = {"batchItemFailures": []}
LIMITS = {"logz": 32_700, "lake": 1024 * 1024}
Arrived = Callable[[], list[tuple[str, dict[str, str]]]]


@pytest.fixture(params=sorted(LIMITS))
def name(request: pytest.FixtureRequest) -> str:
    """The name of each destination that has a limit."""
    return str(request.param)


@pytest.fixture
def limit(name: str) -> int:
    """The destination's longest message, in characters."""
    return LIMITS[name]


@pytest.fixture
def arrived(name: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arrived]:
    """The destination, which returns message and fields of what it accepted."""
    is_logz = name == "logz"
    listener = Listener() if is_logz else Listener(accept=lambda body: [json.loads(body)])
    cloud.secret("acme/logzio", "token")
    destination = (
        {"name": "logz", "kind": "logzio", "listener_url": listener.url, "token_secret": "acme/logzio"}
        if is_logz
        else {"name": "lake", "kind": "otlp", "endpoint": listener.url}
    )
    monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(destination))

    def records() -> list[tuple[str, dict[str, str]]]:
        if is_logz:
            return [(record["message"], record.get("fields", {})) for record in listener.accepted]
        logs = [
            record
            for body in listener.accepted
            for resource in body["resourceLogs"]
            for record in resource["scopeLogs"][0]["logRecords"]
        ]
        return [
            (log["body"]["stringValue"], {item["key"]: item["value"]["stringValue"] for item in log["attributes"]})
            for log in logs
        ]

    yield records
    listener.close()


def ship_lines(cloud: Cloud, lines: list[str], **document: Any) -> None:
    cloud.export("app", vendor="s3-logs", format="plain", **document)
    item = cloud.land("app.log", gzip.compress("\n".join(lines).encode(), 1))
    assert ship.handler(batch(message("app", item)), Context()) == OK


def test_parts_can_be_put_together_in_whatever_order_they_are_found(cloud: Cloud, arrived: Arrived, limit: int) -> None:
    long = [f"{letter}\x01é" * limit for letter in "ab"]
    ship_lines(cloud, ["before", *long, "after"], path_fields="{name}")
    found = arrived()
    assert {"before", "after"} == {text for text, fields in found if "part" not in fields}
    assert all(len(text) <= limit and fields["name"] == "app.log" for text, fields in found)
    parts = [(text, fields) for text, fields in found if "part" in fields]
    random.Random(4711).shuffle(parts)  # noqa: S311
    messages: dict[str, dict[int, str]] = {}
    for text, fields in parts:
        number, count = map(int, fields["part"].split("/"))
        messages.setdefault(fields["part_of"], {})[number] = text
        assert count == 3
    whole = {name: "".join(text for _, text in sorted(numbered.items())) for name, numbered in messages.items()}
    assert sorted(whole.values()) == long
    assert all(hashlib.sha256(text.encode()).hexdigest().startswith(name) for name, text in whole.items())
    assert cloud.keys(FAILURES, "quarantine/") == []


def test_everything_is_kept_when_every_part_is_refused_alone(cloud: Cloud, logz: Listener) -> None:
    """A part ends where the record before it does, which is refused too."""
    logz.refuse = lambda _: 413
    long = "".join(f"{number:06d}" for number in range(20_000))
    ship_lines(cloud, ["before", long, "after"])
    kept = [line["record"]["message"] for line in cloud.lines(FAILURES, "quarantine/")]
    assert sorted(kept) == sorted(
        ["before", *(long[start : start + 32_700] for start in range(0, len(long), 32_700)), "after"]
    )


def test_a_message_that_is_truncated_says_how_long_it_was(cloud: Cloud, arrived: Arrived, limit: int) -> None:
    ship_lines(cloud, ["x" * limit, "x" * (limit + 1)], oversize="truncate")
    (whole, _), (cut, fields) = arrived()
    assert whole == "x" * limit
    assert len(cut) == limit
    assert cut.endswith(f"xx [truncated, {limit + 1} characters in all]")
    assert "part" not in fields


def test_a_message_that_is_kept_back_is_kept_whole_with_its_reason(cloud: Cloud, arrived: Arrived, limit: int) -> None:
    ship_lines(cloud, ["before", "x" * (limit + 1), "after"], oversize="quarantine")
    assert [text for text, _ in arrived()] == ["before", "after"]
    (kept,) = cloud.lines(FAILURES, "quarantine/app/")
    assert kept["record"]["message"] == "x" * (limit + 1)
    assert kept["reason"] == "the record is longer than the destination takes"


def test_what_is_redacted_is_measured_and_named_after_it_is_redacted(
    cloud: Cloud, arrived: Arrived, limit: int
) -> None:
    ship_lines(cloud, ["ada@example.com " * (limit // 4)], redaction={"detectors": ["email"]})
    wanted, found = "[email] " * (limit // 4), arrived()
    assert "".join(text for text, _ in found) == wanted
    assert {fields["part_of"] for _, fields in found} == {hashlib.sha256(wanted.encode()).hexdigest()[:16]}


@pytest.mark.parametrize("oversize", ["split", "truncate", "quarantine"])
def test_the_archive_takes_any_length(cloud: Cloud, destination: Callable[[str], None], oversize: str) -> None:
    destination("archive")
    ship_lines(cloud, ["x" * 2_000_000], oversize=oversize)
    assert [line["message"] for line in cloud.lines(ARCHIVE, "logs/")] == ["x" * 2_000_000]


@pytest.mark.parametrize("oversize", ["split", "truncate", "quarantine"])
def test_a_line_that_its_columns_make_too_long_is_kept_with_its_reason(
    cloud: Cloud, logz: Listener, oversize: str
) -> None:
    names = [f"{'n' * 30_000}{i}" for i in range(20)]
    cloud.export("app", vendor="s3-logs", format="csv", oversize=oversize)
    item = cloud.land("app.csv", f"{','.join(names)}\n{','.join('v' * 20)}\nx,y\n".encode())
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.messages() == ["x,y"]
    (kept,) = cloud.lines(FAILURES, "quarantine/app/")
    assert kept["record"]["message"] == ",".join("v" * 20)


def test_a_column_that_is_too_long_stays_in_the_message(cloud: Cloud, logz: Listener) -> None:
    cloud.export("app", vendor="s3-logs", format="csv", oversize="truncate")
    item = cloud.land("app.csv", f"id,text\n1,{'x' * 40_000}\n".encode())
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.accepted[0]["fields"] == {"id": "1"}


@given(st.text(max_size=40), st.integers(1, 7))
def test_parts_of_any_message_are_the_message(text: str, limit: int) -> None:
    record = Record(text, "t", "x", {"column": "v"})
    parts = fit(record, limit, "split")
    assert "".join(part.message for part in parts) == text
    assert all(len(part.message) <= limit for part in parts)
    if len(text) > limit:
        assert [part.fields["part"] for part in parts if part.fields] == [
            f"{i}/{len(parts)}" for i in range(1, len(parts) + 1)
        ]
        assert len({part.fields["part_of"] for part in parts if part.fields}) == 1


def test_the_limits_are_those_of_the_destinations() -> None:
    assert (logzio.MAX_VALUE_CHARS, otlp.SHAPE.max_message_chars) == (LIMITS["logz"], LIMITS["lake"])
