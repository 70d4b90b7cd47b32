"""Failed logins in Atlas's audit logs: what counts, and that no line can make counting slow."""

import json
from collections.abc import Iterator

import orjson
import pytest
from log_shipper.telemetry import Tally
from log_shipper.vendors.mongodb_atlas import parser as mongodb_atlas

from tests.lambda_src.log_shipper.world import recorded


def login(result: int, user: str = "ada") -> bytes:
    param = {"user": user, "db": "admin", "mechanism": "SCRAM-SHA-256"}
    return json.dumps({"atype": "authenticate", "param": param, "result": result}).encode()


def count(log: bytes, size: int = 1000) -> int:
    tally = Tally()
    pieces = iter([log[i : i + size] for i in range(0, len(log), size)])
    assert b"".join(mongodb_atlas.counting_failed_logins(pieces, tally)) == log
    return tally.failed_logins


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_failed_logins_are_counted_however_the_log_is_cut(size: int) -> None:
    assert count(b"\n".join([login(18), login(0), login(11, "caf\u00e9"), b"no json", login(18)]), size) == 3
    assert count(b"\n\n" + login(18) + b"\r\n", size) == 1


def test_refused_find_on_a_field_named_atype_is_no_failed_login() -> None:
    assert count(recorded("redaction/audit-refused-find.log").encode()) == 0


def test_failed_login_of_a_name_that_is_not_utf8_counts() -> None:
    assert count(login(18).replace(b"ada", b"\xff")) == 1


def test_line_that_repeats_the_action_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    loads = orjson.loads

    def counted(text: bytes) -> object:
        parsed.append(text)
        return loads(text)

    monkeypatch.setattr("log_shipper.vendors.mongodb_atlas.parser.orjson.loads", counted)
    nested = [{"atype": "authenticate"}] * 30_000
    line = json.dumps({"atype": "authCheck", "param": {"args": {"$or": nested}}, "result": 13}).encode()

    def lines() -> Iterator[bytes]:
        yield from [line, login(18), b"{}"] * 4

    assert count(b"\n".join(lines()), 100_000) == 4
    assert len(parsed) == 8
