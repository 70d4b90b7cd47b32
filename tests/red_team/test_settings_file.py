"""A settings file from a pull request, and documents that the shipper reads back from its buckets.

CI loads the file before anyone has read it: loading must not take the machine, and what it accepts must not make the
deployed functions fail. An expression that RE2 refuses would stop an export's archive, with the raw events in the
failure bucket. Progress documents can be damaged: what cannot be read must count as none, because an object that is
read anew is a repetition, and one that is never read again is a loss.
"""

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from log_shipper import ship
from log_shipper.export_config import parse_export_config
from log_shipper.keys import identity_of, progress_key
from log_shipper.mark_items import object_key
from log_shipper.patterns import compile_pattern

from logdock.settings import SettingsError, load_settings
from logdock.settings.regex import check_regex
from tests.costly import examples
from tests.lambda_src.log_shipper.world import FAILURES, LANDING, MARKS, Cloud, Context, Listener, batch, message

MERGES = "a0: &a0 {k0: 1, k1: 1, k2: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 28)
)
ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 28))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (MERGES, ":6:14: is not valid YAML: with its aliases written out it has more than 200,000 values"),
        (ALIASES, "with its aliases written out it has more than 200,000 values"),
        ("[" * 20_000, "it is nested deeper than 32 levels"),
        ("a: " + "{a: " * 40 + "1" + "}" * 40, "it is nested deeper than 32 levels"),
        ("- " * 40 + "a", "it is nested deeper than 32 levels"),
        ("a: b\n" * 250_000, "is larger than 1,000,000 bytes"),
        ("x: &x [*x]", "found undefined alias|expected a mapping|recursive|unknown setting|itself"),
    ],
    ids=["merges", "aliases", "open brackets", "mappings", "lists", "bytes", "itself"],
)
def test_a_file_that_grows_when_it_is_read_is_refused_at_once(tmp_path: Path, content: str, says: str) -> None:
    """28 lines took 326 seconds and 3.1 GiB: nine merges of nine merges, and so on."""
    path = tmp_path / "logdock.yaml"
    path.write_text(content)
    tracemalloc.start()
    begun = time.process_time()
    with pytest.raises(SettingsError) as refused:
        load_settings(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert any(each in str(refused.value) for each in says.split("|"))
    # hundreds of times what it takes, and a hundredth of what it took
    assert (time.process_time() - begun < 20, peak < 100_000_000) == (True, True)


@pytest.mark.parametrize("regex", [r"\pL{1000}", "[[:alhpa:]]", r"(\pL{30}){30}", r"[\pL\pN]{999}"])
def test_an_expression_that_the_shipper_refuses_is_refused_in_the_file(regex: str) -> None:
    with pytest.raises(Exception, match="RE2"):
        compile_pattern("x", regex)
    with pytest.raises(Exception, match="RE2"):
        check_regex(regex)


@settings(deadline=None)
@given(st.text(st.sampled_from(r"ab\pLdwx{}[]()^$*+?|.:,-019<>=!PQEzZ"), max_size=40))
@example(r"\pL{1000}")
def test_what_the_file_accepts_the_shipper_compiles(regex: str) -> None:
    try:
        check_regex(regex)
    except Exception:  # noqa: BLE001 - refused, whatever with
        return
    compile_pattern("x", regex)


DAMAGED = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"", b"null", b"[]", b"{}", b'"x"', b'{"position":-1,"reader":"r","done":false}',
            b'{"position":1,"reader":"r"}', b'{"position":true,"reader":"r","done":false}',
            b'{"position":1.5,"reader":"r","done":false}', b'{"position":1,"reader":2,"done":false}',
            b'{"position":1,"reader":"r","done":"yes"}',
            b'{"position":1,"reader":"r","done":true,"max_expansion":"1"}', b'{"position":"1","reader":"r","done":0}',
        ]
    ),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(60))
@given(damaged=DAMAGED)
def test_damaged_progress_counts_as_none(cloud: Cloud, logz: Listener, damaged: bytes) -> None:
    """The object is read anew; without this its message failed until it was dead, and so did each redrive of it."""
    cloud.export("app", vendor="s3-logs", format="plain")
    logz.accepted.clear()
    cloud.first_mark("logz", time.time())
    item = cloud.land("a", b"one\ntwo\n")
    key = progress_key("logz", "app", identity_of(LANDING, item["key"], item["version-id"]))
    cloud.s3.put_object(Bucket=FAILURES, Key=key, Body=damaged)
    assert ship.handler(batch(message("app", item, received=2)), Context()) == {"batchItemFailures": []}
    assert [record["message"] for record in logz.accepted] == ["one", "two"]


VALUES = st.sampled_from(
    [{"S": "x"}, {"N": "-1"}, {"N": "1.5"}, {"BOOL": False}, {"NULL": True}, {"L": []}, {"SS": ["x"]}]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=examples(30))
@given(item=st.dictionaries(st.sampled_from(["holder", "lease", "records", "done", "max_expansion"]), VALUES))
def test_damaged_item_of_the_mark_table_counts_as_none(cloud: Cloud, logz: Listener, item: dict[str, Any]) -> None:
    cloud.export("app", vendor="s3-logs", format="plain")
    logz.accepted.clear()
    landed = cloud.land("a", b"one\ntwo\n")
    key = object_key("logz", "app", identity_of(LANDING, landed["key"], landed["version-id"]))
    reader = parse_export_config("app", '{"vendor":"s3-logs","format":"plain"}').reader
    cloud.dynamodb.put_item(TableName=MARKS, Item={"id": {"S": key}, "reader": {"S": reader}} | item)
    assert ship.handler(batch(message("app", landed)), Context()) == {"batchItemFailures": []}
    assert [record["message"] for record in logz.accepted] == ["one", "two"]
