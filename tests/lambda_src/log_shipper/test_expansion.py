"""An object that expands to far more than it is stored as: shipped up to `max_expansion`, noted, and not lost."""

import bz2
import gzip
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import zstandard
from log_shipper import decode, ship
from log_shipper.decode import PIECE_BYTES, decoded_within
from log_shipper.errors import ExpansionError

from tests.lambda_src.log_shipper.world import FAILURES, LANDING, Cloud, Context, Listener, batch, message

OK: dict[str, Any] = {"batchItemFailures": []}
MIB = 1024 * 1024
CODECS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": zstandard.compress}


@pytest.fixture(autouse=True)
def small_allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    """One MiB in place of 64 always passes, so that a test reads little."""
    monkeypatch.setattr(decode, "UNLIMITED_BYTES", MIB)


def expand(chunks: Iterable[bytes], max_expansion: int) -> tuple[int, str]:
    """Return how many bytes came out, and why no more did."""
    size = 0
    try:
        for piece in decoded_within(chunks, max_expansion):
            size += len(piece)
    except ExpansionError as error:
        return size, str(error)
    return size, ""


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_decoded_within_stops_at_the_limit(codec: str) -> None:
    stream = CODECS[codec](bytes(8 * MIB))
    size, reason = expand([stream], 10)
    limit = MIB + 10 * len(stream)
    assert limit - PIECE_BYTES < size <= limit
    assert "more than 10 times its stored size" in reason
    assert "`max_expansion`" in reason
    assert expand([stream], 1_000_000) == (8 * MIB, "")


def test_decoded_within_counts_a_file_that_is_compressed_twice() -> None:
    stream = gzip.compress(gzip.compress(bytes(8 * MIB)))
    size, reason = expand([stream], 250)
    assert size <= MIB + 250 * len(stream)
    assert reason


def test_decoded_within_counts_what_was_read_so_far() -> None:
    # a large tail of the object does not pay for the zeros before it
    zeros = gzip.compress(bytes(8 * MIB))
    size, reason = expand([zeros, *[gzip.compress(bytes(10), 0)] * 5_000], 10)
    assert size <= MIB + 10 * len(zeros)
    assert reason


def test_decoded_within_passes_small_and_uncompressed_objects() -> None:
    assert expand([gzip.compress(bytes(MIB))], 10) == (MIB, "")
    assert expand([b"x" * MIB] * 8, 1) == (8 * MIB, "")


@pytest.fixture
def bomb(cloud: Cloud, logz: Listener) -> Callable[[], dict[str, Any]]:
    """Land 1,000 lines, 8 MiB that expand from nearly nothing, and a line; return a function that ships them."""
    cloud.export("app", vendor="s3-logs")
    line = b" " * (64 * 1024 - 1) + b"\n"
    item = cloud.land("app.gz", gzip.compress(b"first\n" * 1000 + line * 128 + b"last\n"))
    return lambda: ship.handler(batch(message("app", item)), Context())


def test_refused_rest_is_noted_and_the_object_stays(
    cloud: Cloud, logz: Listener, bomb: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bomb() == OK
    assert logz.messages() == ["first"] * 1000
    (kept,) = cloud.lines(FAILURES, "quarantine/")
    assert "250 times its stored size" in kept["reason"]
    assert kept["record"]["source"] == f"s3://{LANDING}/app.gz"
    assert cloud.keys(LANDING) == ["app.gz"]
    shipped = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"shipped"' in line]
    # the metric of the alarm `refused`
    assert [line["quarantined"] for line in shipped] == [1]


def test_larger_limit_ships_a_refused_object_again_once(
    cloud: Cloud, logz: Listener, bomb: Callable[[], dict[str, Any]]
) -> None:
    assert (bomb(), bomb()) == (OK, OK)
    assert logz.messages() == ["first"] * 1000
    cloud.export("app", vendor="s3-logs", max_expansion=10_000)
    assert (bomb(), bomb()) == (OK, OK)
    assert logz.messages() == ["first"] * 2000 + ["last"]


def test_other_objects_are_not_shipped_again_with_another_limit(cloud: Cloud, logz: Listener) -> None:
    cloud.export("app", vendor="s3-logs")
    item = cloud.land("app.log", b"a\n")
    assert ship.handler(batch(message("app", item)), Context()) == OK
    cloud.export("app", vendor="s3-logs", max_expansion=10_000)
    assert ship.handler(batch(message("app", item)), Context()) == OK
    assert logz.messages() == ["a"]
