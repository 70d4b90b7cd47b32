import json
import re
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import lines
from log_shipper.parsers import json_lines, json_stream, plain
from log_shipper.record import Origin, Record

ORIGIN = Origin("2026-11-21T02:03:04Z", "given")
VALUES = st.lists(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
), max_size=6)  # fmt: skip


def read(data: str, size: int = 7) -> list[tuple[str, bool]]:
    raw = data.encode()
    records = json_stream.read((raw[i : i + size] for i in range(0, len(raw), size)), ORIGIN)
    return [(record.message, record.understood) for record in records]


@given(VALUES, st.sampled_from(["array", "records", "joined"]), st.integers(1, 40))
def test_each_element_comes_in_its_own_text(values: list[object], form: str, size: int) -> None:
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    texts = [text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for text in texts]
    if form == "joined":
        texts = [text for text in texts if text[0] == "{" and not json_stream.is_records(text)]
        data = " ".join(texts)
    else:
        opening, closing = ('{"Records":[', "]}") if form == "records" else ("[", "]")
        data = opening + ",".join(texts) + closing
    assert read(data, size) == [(text, True) for text in texts]


LIKE = st.recursive(
    st.sampled_from(['{"a":1}', '{"a":"},{"}', '{"a":"x"},{"a":2}', '{ "a":NaN}', '{"a":"\\ud800"}', '{"a":"é"}']),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: '{"a":[' + ",".join(items) + "]}"),
    max_leaves=8,
)


@given(st.lists(LIKE, max_size=8), st.integers(1, 40))
def test_elements_that_open_alike_come_as_the_decoder_finds_them(texts: list[str], size: int) -> None:
    found = read("[" + ",".join(texts) + "]", size)
    assert all(understood for _, understood in found)
    assert ",".join(text for text, _ in found) == ",".join(texts)
    assert all(isinstance(json.loads(text), dict) for text, _ in found)


def test_elements_that_open_alike_and_are_not_read_so_cost_no_more_than_others() -> None:
    data = "[" + ",".join('{"a":[{"a":1},{"a":2}]}' for _ in range(2000)) + "]"
    assert len(read(data, 4096)) == 2000


def test_blocks_of_elements_that_open_alike_do_not_grow_with_the_object() -> None:
    piece, element = 8192, '{"a":"' + "x" * 600 + '"}'
    data = ("[" + ",".join([element] * 2000) + "]").encode()
    pieces = (data[i : i + piece] for i in range(0, len(data), piece))
    reader = json_stream.Reader(pieces, ORIGIN, lambda line, origin: [plain.unknown(line, origin)], is_json=True)
    sizes = [len(each.block) for each in reader.read_together() if isinstance(each, json_stream.Elements)]
    assert sum(sizes) > len(data) * 0.8
    assert max(sizes) < 2 * piece


def test_elements_that_open_alike_are_not_read_as_lines_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_MAX_ELEMENT_CHARS", 4096)
    texts = ['{"a":"' + "x" * 600 + '"}'] * 200
    assert read("[" + ",".join(texts) + "]", 1024) == [(text, True) for text in texts]


def test_number_cut_between_pieces_is_one_element() -> None:
    records = json_stream.read([b"[" + b" " * 64 + b"1.5e", b"+46, 2]"], ORIGIN)
    assert [record.message for record in records] == ["1.5e+46", "2"]


def test_arrays_and_trails_run_together_are_read_on() -> None:
    trail = '{"Records":[{"a":1},{"a":2}]}'
    assert read(f"{trail}\n{trail}\n[3]\n[4,5]") == [
        (text, True) for text in ('{"a":1}', '{"a":2}', '{"a":1}', '{"a":2}', "3", "4", "5")
    ]


def test_trail_inside_an_array_is_read_as_a_trail() -> None:
    trail = '{"Records":[{"a":1},{"a":2}]}'
    whole = [(text, True) for text in ('{"a":1}', '{"a":2}')]
    assert read(f"[\n{trail}") == whole
    assert read(f'[{trail},{{"b":3}},{trail}]') == [*whole, ('{"b":3}', True), *whole]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ('[{"a":1}, {"b": \nnot json\nend', ['{"b": ', "not json", "end"]),
        ("[2026-01-02 03:04:05] started\n[2026-01-02 03:04:06] done",
         ["[2026-01-02 03:04:05] started", "[2026-01-02 03:04:06] done"]),
        ('{"Records":[nothing', ['{"Records":[nothing']),
        ('{"Records":[{"a":1}],"next":"token"}', ['"next":"token"}']),
        ("{main} started", ["{main} started"]),
        ("1.5.2 released", ["1.5.2 released"]),
        ("[1]x", ["[1]x"]),
        ('[{"a":1}]]', ["]"]),
    ],
)  # fmt: skip
def test_what_is_not_json_any_more_comes_out_as_lines(data: str, wanted: list[str]) -> None:
    for size in (1, 7, 4096):
        assert [message for message, understood in read(data, size) if not understood] == wanted


@pytest.mark.parametrize("whole", ['{"Records":[ {"a":1},{"b":2}]}', '[{"Records":[\n{"a":1}]}]', '[\n{"a":1},\n2]'])
def test_object_that_breaks_off_anywhere_loses_nothing_but_its_frame(whole: str) -> None:
    for end in range(1, len(whole) + 1):
        kept = "".join(message for message, _ in read(whole[:end]))
        assert kept
        assert re.findall(r'"[ab]|[12]', kept) == re.findall(r'"[ab]|[12]', whole[:end])


def test_an_element_as_deep_as_it_likes_is_a_line() -> None:
    deep = "[" * 100_000
    assert read("[" + deep, 65536) == [("[" + deep, False)]


@pytest.mark.parametrize("element", [b'"', b"[1,", b'{"a":"'])
def test_an_element_longer_than_a_line_may_be_comes_in_parts_and_is_never_held_whole(
    element: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest, pieces = 256 * 1024, 32
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", longest)
    monkeypatch.setattr(json_stream, "_MAX_ELEMENT_CHARS", longest)

    def stream() -> Iterator[bytes]:
        yield b"[" + element
        for _ in range(pieces):
            yield b"[]," * 100_000

    tracemalloc.start()
    sizes = [len(record.message) for record in json_stream.read(stream(), ORIGIN)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) == 1 + len(element) + pieces * 300_000
    assert max(sizes) <= longest
    # a document of empty lists takes thirty times its text
    assert peak < 40 * longest


NAMED_TIMES: st.SearchStrategy[list[dict[str, object]]] = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.sampled_from(["2026-11-21T02:03:05Z", "2026-11-21", "11:12:13", 1763690400000, None, "x", {}])
            for name in ("date", "time", "ts", "eventTime", "created_at")
        },
    ).map(lambda times: {"v": 1, **times}),
    min_size=1,
    max_size=6,
)


@given(NAMED_TIMES)
def test_elements_that_come_together_have_the_times_that_they_have_alone(documents: list[dict[str, object]]) -> None:
    # the last element comes alone
    data = json.dumps([*documents, {"v": 1}], separators=(",", ":")).encode()
    reader = json_stream.Reader([data], ORIGIN, lambda line, origin: [plain.unknown(line, origin)], is_json=True)
    found = [*reader.read_together()]
    assert [type(each) for each in found] == [json_stream.Elements, Record]
    records = [
        record for each in found for record in (each.records() if isinstance(each, json_stream.Elements) else [each])
    ]
    texts = [json.dumps(document, separators=(",", ":")) for document in [*documents, {"v": 1}]]
    assert records == [json_lines.of_document(text, json.loads(text), ORIGIN) for text in texts]


def test_elements_over_several_lines_come_alone() -> None:
    reader = json_stream.Reader([b'[{"v":1,\n"a":2},{"v":3}]'], ORIGIN, lambda *_: [], is_json=True)
    assert [each.message for each in reader.read_together() if isinstance(each, Record)] == [
        '{"v":1,\n"a":2}',
        '{"v":3}',
    ]
