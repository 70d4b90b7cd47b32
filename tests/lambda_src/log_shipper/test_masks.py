"""A mask has what the detector finds, the way back from decoded text, and what merging matches gives."""

import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from log_shipper import detectors, escapes, masks
from log_shipper.detectors import DETECTORS, Text
from log_shipper.edits import merged
from log_shipper.escapes import View
from log_shipper.redaction import Redactor

from tests.costly import examples

PIECES = {
    "email": [
        "a", "b.co", "@", ".", "-", "--", "_", "%", "+", "'", "é", "…", "1", "xn--", "a@b.co", " ", ":", "\n", "/",
    ],
    "ipv4": ["1.1.1.1", "10.200.30.255", "25", "255", "256", "01", "0", ".", "1", "x", " ", "\n", ":", "é", "-"],
    "ipv6": [
        "::", ":", ":::", "::::", "::1", "1::2", "fe80::1", "FE80::", "%eth0", "%", "%2", "_", "-", "x", "g", ".", "..",
        "....", "1.2.3.4", "ffff", "12345", ":80", ":53884", ":53884:", "1:2:3:4:5:6:7:8", "1:2:3:", "s3", "F", " ",
        "\n", "/", "é", "0" * 70, "%" + "a" * 130,
    ],
    "payment-card": [
        "4111111111111111", "378282246310005", "4111", "1111", "-", "+", " ", "6240", "0086", "3140", "1148", "5018",
        "501800000009", "1", "22", "0", "x", ",", "\n",
    ],
}  # fmt: skip


def texts(name: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(PIECES[name]), max_size=30).map("".join)


@pytest.mark.parametrize("name", PIECES)
@settings(deadline=None, max_examples=examples(200))
@given(st.data())
def test_a_mask_has_what_the_detector_finds(name: str, data: st.DataObject) -> None:
    text = Text(b"\n" + data.draw(texts(name)).encode())
    with pytest.MonkeyPatch.context() as patch:
        # as it is found where there is little
        patch.setattr(detectors, "_MANY", 1 << 30)
        spans = DETECTORS[name](text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masks, "_CHUNK_BYTES", data.draw(st.sampled_from([1, 20, 32768])))
        assert masks.of_name(name, text) == masks.of_spans(spans, len(text.data))


SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=4)


@settings(deadline=None, max_examples=examples(300))
@given(st.lists(SPANS, min_size=1, max_size=3))
@example([[(0, 3)], [(0, 3)]])
@example([[(0, 2), (2, 2)], [(0, 4)]])
@example([[(0, 4)], [(1, 2)], [(4, 2)]])
def test_masks_are_apart_as_merged_matches_are(found: list[list[tuple[int, int]]]) -> None:
    # of one detector, matches do not overlap
    data = b"." * 40
    chosen: list[list[tuple[int, int]]] = []
    for spans in found:
        own: list[tuple[int, int]] = []
        for start, size in sorted(spans):
            if not own or start >= own[-1][1]:
                own.append((start, start + size))
        chosen.append(own)
    apart = masks.apart([masks.int_of(masks.of_spans(own, 40)) for own in chosen], 40)
    expected = merged([(start, end, i) for i, own in enumerate(chosen) for start, end in own])
    if apart is None:
        # a match that is merged of several, which may be as long as one of another detector
        spans = [span for own in chosen for span in own]
        is_partly_over = any(a < c <= b < d for a, b in spans for c, d in spans)
        assert is_partly_over or {(start, end) for start, end, _ in expected} - {*spans}
        return
    for i in range(len(chosen)):
        own = [(start, end) for start, end, k in expected if k == i]
        assert apart[i].to_bytes(40, "little") == masks.of_spans(own, 40)
    shown = masks.replaced(masks.signed(data, apart), [b"<%d>" % i for i in range(len(chosen))])
    assert shown.count(b"<") == len(expected)


ESCAPED = [
    "a", "é", r"\u0041", r"\u00e9", "%41", "%2541", r"\n", r"\/", r"\x41", r"\\u0041", r"\\\\u0041",
    r"\\\u0041", r"\\\\\\u0041", r"\\\\\\\\\\u0041", " ", ",", "\n", r"\\x41", r"\u2039", r"\\n", "%252541",
    "%g", "%25g", r"\U", r"\u12g",
]  # fmt: skip


@settings(deadline=None, max_examples=examples(200))
@given(st.lists(st.sampled_from(ESCAPED), min_size=1, max_size=12).map("".join), st.integers(0, 2**32), st.booleans())
def test_a_mask_of_decoded_text_goes_back_as_places_do(text: str, seed: int, is_dense: bool) -> None:
    data = text.encode() * (60 if is_dense else 1)
    view = View.of(data, data.lower())
    if view is None:
        return
    chance = random.Random(seed)  # noqa: S311 - reproducible input, not a secret
    # matches are of whole characters, and not of the line feeds between pieces
    borders = [i for i, byte in enumerate(view.data + b"\n") if not 0x80 <= byte < 0xC0]
    spans: list[tuple[int, int]] = []
    for at in range(0, len(borders) - 1, 4):
        start, end = borders[at], borders[min(at + chance.randrange(1, 4), len(borders) - 1)]
        if b"\n" not in view.data[start:end] and b"\\" not in view.data[start:end]:
            spans.append((start, end))
    originals = [
        (first, last) for first, last in ([*view.originals([start, end])] for start, end in spans) if last > first
    ]
    assert view.original_mask(masks.of_spans(spans, len(view.data))) == masks.of_spans(originals, len(data))


MIXED = [
    *ESCAPED, r"\u005c", r"\u0025", r"\x5c", r"\x8f", r"\x", "\\", "%5c", "%25", "%e9", "u0041", "41", "=\n", "†", "×",
    "\x1a", r"\U0001F600", "\U0001f600", "%25c3%25a9", "%c3%a9", "%E0%80%80",
]  # fmt: skip


@settings(deadline=None, max_examples=examples(200))
@given(st.lists(st.sampled_from(MIXED), min_size=1, max_size=12).map("".join))
@example(r"\\x41")
@example(r"%5c\u0041")
def test_codecs_decode_as_the_expression_does(text: str) -> None:
    data = text.encode()
    views = [View.of(data, data.lower())]
    with pytest.MonkeyPatch.context() as patch:
        slow = [(sign, lead, escape, lambda _: None) for sign, lead, escape, _ in escapes._CODECS]
        patch.setattr(escapes, "_CODECS", slow)
        views.append(View.of(data, data.lower()))
    shown = [view and (view.data, [*view.originals(range(len(view.data) + 1))]) for view in views]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("backslashes", range(1, 12))
def test_json_full_of_addresses_behind_backslashes_stays_json(backslashes: int) -> None:
    line = f'{{"to":"{chr(92) * backslashes}u0061da@example.com"}}'
    redactor = Redactor("keep", ("email",))
    redacted = redactor.redact_lines("\n".join([line] * 400).encode())
    assert redacted is not None
    assert redacted.decode().split("\n") == [redactor.redact(line)] * 400
    json.loads(redacted.split(b"\n")[0])


def test_a_match_begins_at_the_backslash_of_what_may_be_an_escape() -> None:
    data = b"\n\\na@b.co,xa@b.co"
    mask = masks.of_name("email", Text(data))
    assert masks.with_backslashes(mask, data).hex()[1::2] == "01333333301333333"
    assert masks.with_backslashes(mask, b"\n/na@b.co,xa@b.co") is mask


@pytest.mark.parametrize(
    "texts",
    [["authorization", "basic c2VjcmV0dG9rZW4="], ["authorization%3a", "basic%20c2VjcmV0dG9rZW4="]],
    ids=["written", "encoded"],
)
def test_a_header_does_not_go_on_in_the_next_record(texts: list[str]) -> None:
    redactor = Redactor("keep", ("bearer-token",))
    assert redactor.redact_all(texts) == texts
    assert redactor.redact_lines("\n".join(texts).encode()) == "\n".join(texts).encode()
    # two lines of one record
    assert redactor.redact("\n".join(texts)).endswith("[bearer-token]")
    assert redactor.redact_all(["\n".join(texts), "z"])[0].endswith("[bearer-token]")
