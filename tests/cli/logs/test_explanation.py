import json
from datetime import UTC, datetime
from typing import Any

import pytest

from logdock.cli.logs.explanation import explain
from tests.cli.conftest import Typed
from tests.cli.logs.conftest import Landed, mongod

DAY = "2026-11-17"


def line(message: str = "{}", log_type: str = "mongodb", **fields: str) -> dict[str, Any]:
    return {"export": "orders", "vendor": "mongodb-atlas", "log_type": log_type, "source": "s3://a/b",
            "message": message, "fields": fields}  # fmt: skip


LINES = [
    line('{"attr":{"remote":"192.0.2.7:40001","ms":7},"s":"I"}', cluster="shop"),
    line('{"attr":{"remote":"192.0.2.8:40002"},"s":"W"}', log_type="mongos", cluster="pay"),
    line("plain text"),
    line('{"cut":'),
]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("logtype", "mongodb", "has this field. Did you mean log_type? Its values: mongodb."),
        ("log_type", "mongo_db", "has this value. Did you mean log_type=mongodb?"),
        ("log_type", "zzz", "has this value. Values: mongodb, mongos."),
        ("Cluster", "shops", "has this field. Did you mean cluster? Its values: shop."),
        ("attr.remot", "x", "has this field. Did you mean attr.remote? Its values: 192.0.2.7:40001, 192.0.2.8:40002."),
        ("attr.ms", "8", "has this value. Did you mean attr.ms=7?"),
        ("qqq", "1", "has this field. Fields: export, vendor, log_type, source, cluster, attr.remote, attr.ms, s."),
        ("s", "I", "--field s=I: some of the 4 lines looked at have it, but none that matches everything else."),
        ("source", "s3://a", "some of the 4 lines looked at have it, but none that matches everything else."),
        ("log_type", "MONGOD", "some of the 4 lines looked at have it, but none that matches everything else."),
    ],
)
def test_explain_names_the_nearest_field_and_value(name: str, value: str, sentence: str) -> None:
    (found,) = explain([(name, value)], LINES)
    assert found.sentence().endswith(sentence)
    assert f"--field {name}={value}: " in found.sentence()


def test_explain_of_an_empty_range_says_so() -> None:
    (found,) = explain([("a", "b")], [])
    assert found.sentence() == "--field a=b: the range has no lines of these exports."


def test_explain_is_bounded() -> None:
    many = [line(json.dumps({f"name{i}": "x" * 1000, "id": str(i)})) for i in range(3000)]
    (found,) = explain([("id", "no such")], many)
    assert found.lines == 3000
    (found,) = explain([("name1", "y")], many)
    assert [len(value) for value in found.values] == [100]


def land_mongod(landed: Landed) -> None:
    now = datetime.now(UTC)
    text = mongod(now.isoformat(timespec="milliseconds"), remote="192.0.2.7:40001")
    key = f"atlas/shop/host/mongodb/{now:%Y-%m-%dT%H-%M-%S}-mongodb.log"
    landed.s3.put_object(Bucket=landed.orders, Key=key, Body=f"{text}\n".encode())


def search(landed: Landed, *arguments: str) -> Typed:
    return landed.logs("--export", "orders", "--since", "1h", *arguments)


def test_empty_result_names_the_field_that_was_meant(landed: Landed) -> None:
    land_mongod(landed)
    found = search(landed, "--field", "logtype=mongodb")
    assert (found.code, found.out) == (0, "")
    assert found.err.endswith(
        "--field logtype=mongodb: none of the 1 lines looked at has this field. "
        "Did you mean log_type? Its values: mongodb.\n"
    )


def test_empty_result_with_json_is_explained_on_standard_error(landed: Landed) -> None:
    land_mongod(landed)
    found = search(landed, "--json", "--field", "attr.remote=192.0.2.7:4001", "--grep", "Connection")
    assert found.out == ""
    assert json.loads(found.err.splitlines()[-1]) == {
        "nothing_found": [
            {"name": "attr.remote", "value": "192.0.2.7:4001", "lines": 1, "is_field_seen": True,
             "is_value_seen": False, "names": [], "values": ["192.0.2.7:40001"]}
        ]
    }  # fmt: skip


def test_word_of_the_settings_finds_what_is_stored(landed: Landed) -> None:
    land_mongod(landed)
    assert search(landed, "--raw", "--field", "log_type=MONGOD").out == search(landed, "--raw").out != ""
    assert search(landed, "--raw", "--field", "log_type=MONGOS").out == ""
    landed.archived((f"{DAY}T03:12:00Z", "a"), log_type="mongodb-audit-log")
    assert landed.logs("--raw", "--field", "log_type=MONGOD_AUDIT").out == "a\n"
