"""Failed logins in Atlas's audit logs: what counts, and that no line can make counting slow."""

import json
from collections.abc import Iterator

import pytest
from log_shipper import lenient_json
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


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ("18", 1),
        ("0", 0),
        ('{"$numberInt":"18"}', 1),
        ('{"$numberInt":"0"}', 0),
        ('{"$numberLong":"0"}', 0),
        ("null", 0),
        ('18,"latency":NaN', 1),
    ],
)
@pytest.mark.parametrize("before", ["", "\ufeff", "\0\0"])
def test_login_counts_by_its_result_however_it_is_written(result: str, failed: int, before: str) -> None:
    assert count(f'{before}{{"atype":"authenticate","result":{result}}}\n'.encode()) == failed


def test_line_that_repeats_the_action_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    loads = lenient_json.loads

    def counted(text: str) -> object:
        parsed.append(text)
        return loads(text)

    monkeypatch.setattr("log_shipper.vendors.mongodb_atlas.parser.lenient_json.loads", counted)
    nested = [{"atype": "authenticate"}] * 30_000
    line = json.dumps({"atype": "authCheck", "param": {"args": {"$or": nested}}, "result": 13}).encode()

    def lines() -> Iterator[bytes]:
        yield from [line, login(18), b"{}"] * 4

    assert count(b"\n".join(lines()), 100_000) == 4
    assert len(parsed) == 8
