"""A block that is full of what is searched for is redacted as any other: with and without the replacement of tokens."""

import random
from collections.abc import Callable

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from log_shipper import cards, dense, dense_integers, detectors, escapes, masks
from log_shipper.detectors import DETECTORS
from log_shipper.lenient_json import strings_of, tokens_of
from log_shipper.redaction import Redactor

from benchmarks.inputs import mongodb_lines
from tests.costly import examples

PIECES = [
    "a@b.co", "ada.l-x@mail.ex-a.com", "o'b@x.de", "a@b.xn--p1ai", "a@b", "@", "'", ".", "-", "_", "1.1.1.1", "25",
    "10.200.30.255", "256.1.1.1", "01.2.3.4", "1.2.3.04", "::1", "1::", "::", "2001:db8::8a2e:370:7334", "12345::",
    "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2::3:4:5:6:7:8", "1:2:3:4:5::8", "fe80::1%eth0",
    "::ffff:1.2.3.4", "4111111111111111", "4111111111111112", "378282246310005", "4111 1111 1111 1111", "501800000009",
    "6240008631401148", "41111111111111", "411", "4", "1111", "AKIAIOSFODNN7EXAMPLE", "AKIA", "bearer abcdefgh",
    "secret key=", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", " ", ",", ":", '"', "{", "}", "[", "]", "\n", "=", "/",
    "é", "\u2011", "\xa0", "\ue000", "\0", "\\", "%40", "\\u0040", "+", ";", "a", "F", "0", '"x"@b.co',
    "%", "%g", "fe80::2%",
]  # fmt: skip
LINES = [
    '{"n":4111111111111111}', '{"n":-4111111111111111}', '{"n":"4111111111111111"}', "[4111111111111111,5]",
    '{"n":"a 4111111111111111 ","m":[4111111111111111,1 ]}', "4111111111111111", '{"n":4111111111111111', '{"n":',
    '{"n":411 4111111111111111}', '{"n":4111111111111111},{"n":1}', '1}],[{"n":4111111111111111', "a@b.co", "",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join)
BLOCK = TEXT | st.lists(st.sampled_from(LINES), min_size=1, max_size=6).map("\n".join)
NAMES = tuple(DETECTORS)


def redacted(block: str, names: tuple[str, ...], *, is_dense: bool) -> bytes | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "PROBE_TOKENS", 0)
        patch.setattr(dense, "is_dense", lambda _: is_dense)
        patch.setattr(dense, "has_dense_escapes", lambda _: is_dense)
        if is_dense:
            patch.setattr(detectors, "_MANY", 0)
            # nothing depends on where a text is cut
            for module in (dense, masks):
                patch.setattr(module, "_CHUNK_BYTES", (1, 20, module._CHUNK_BYTES)[len(block) % 3])
        return Redactor("keep", names).redact_lines(block.encode())


@settings(deadline=None, max_examples=examples(150))
@given(BLOCK, st.permutations(NAMES), st.integers(1, len(NAMES)))
@example("1.1.1.1 4111 1111 1111 111 1.1.1.1", NAMES, 6)
@example("406 4111111111111111,", NAMES, 6)
@example('"x a@b.co y"@b.co', NAMES, 6)
@example("a" * 19 + '("x y"@b.com', NAMES, 6)
@example("secretkey=AAAAAAAAAAAAAAAAAAA/AKIAIOSFODNN7EXAMPLE,", NAMES, 6)
@example("bearer 4111111111111111,", NAMES[::-1], 6)
@example('{"n":4111111111111111}', NAMES, 6)
@example('{"n":-4111111111111111}', NAMES, 6)
@example('{"n":4111111111111111.5}', NAMES, 6)
@example('{"n":4111111111111111},{"n":1}\n{"n":1}', NAMES, 6)
@example("a4111111111111111,4111111111111111a,", NAMES, 6)
@example("x4111111111111111x", NAMES, 6)
@example("A4111111111111111 AKIA4111111111111111", NAMES, 6)
@example("1:2:3:4:5:6:7:501800000009", NAMES, 6)
@example("a4111111111111111@b.co", NAMES, 6)
@example("fe80::1%ab::1,::1%a::1%-fe80::1%b", NAMES, 6)
def test_a_dense_block_is_redacted_as_any_other(block: str, names: list[str], count: int) -> None:
    chosen = tuple(names[:count])
    assert redacted(block, chosen, is_dense=True) == redacted(block, chosen, is_dense=False)


@pytest.mark.parametrize("border", [" ", ",", "\n", '","'])
@pytest.mark.parametrize("secret", ["a@b.co", "1.1.1.1", "::1", "1::2", "4111111111111111", "AKIAIOSFODNN7EXAMPLE"])
def test_tokens_are_replaced_in_every_chunk(secret: str, border: str) -> None:
    block = border.join([secret] * 5000).encode()
    assert dense.is_dense(block)
    kinds = {"@": "email", "::": "ipv6", ".": "ipv4", "A": "aws-key"}
    name = next((kind for sign, kind in kinds.items() if sign in secret), "payment-card")
    assert Redactor("keep", NAMES).redact_lines(block) == border.join([f"[{name}]"] * 5000).encode()
    rest, _ = dense.replace_tokens(block, NAMES)
    # numbers that a blank divides may be one card
    assert secret.encode() not in rest or (name == "payment-card" and border == " ")


ESCAPES = ("%{:02x}", "%{:02X}", "%25{:02x}", "\\u{:04x}", "\\\\u{:04x}", "\\x{:02x}")
CONTROLS = (
    "\\n",
    "\\t",
    "\\b",
    "\\/",
    '\\"',
    "\\\\n",
    "\\\\",
    "%zz",
    "%C3%BC",
    "\\u12",
    "%25",
    "\\ud83d\\ude00",
    "\\u00e4",
    "\\xff",
    "\\u00f8",
    "\\u00f8",
)


def encoded(seed: int) -> str:
    """Return tokens of which some characters are escaped, in one way or in several."""
    chance = random.Random(seed)  # noqa: S311 - reproducible input, not a secret
    ways = chance.choice([ESCAPES[:1], ESCAPES[3:4], ESCAPES])
    share = chance.choice([0, 0.1, 0.4, 1])
    parts: list[str] = []
    for _ in range(chance.randrange(1, 8)):
        for piece in (chance.choice(PIECES[:40]), chance.choice(" ,\n=/;-:'\"@")):
            parts += [
                chance.choice(ways).format(ord(sign)) if chance.random() < share and sign.isascii() else sign
                for sign in piece
            ]
        if chance.random() < 0.1:
            parts.append(chance.choice(CONTROLS))
    text = "".join(parts)
    if chance.random() < 0.7:
        return text
    return "\n".join(f'{{"a":"{line}"}}' for line in text.replace('"', '\\"').split("\n"))


ENCODED = st.integers(0, 2**32).map(encoded)


@settings(deadline=None, max_examples=examples(100))
@given(ENCODED, st.permutations(NAMES), st.integers(1, len(NAMES)))
@example("a%40b.co%201.1.1.1%201.1.1.1", NAMES, 6)
@example(r"fe80\u003a:1%2ca@b.co", NAMES, 6)
@example(r'"\u0078 a%40b.co y"\u0040b.co', NAMES, 6)
@example(r"411\u0031 1111 1111 \u0031111-a\u0040b.co", NAMES, 6)
@example('{"a":"a@b.co\\n"}', NAMES, 6)
@example(r"a\u0040b.co,\u00ee\u0080\u0080,", NAMES, 6)
@example(r"a@b.co\u002c \u00f8 \u00ff,", NAMES, 6)
@example(r"1.1.1.1,\u00f8,\u00ff,", NAMES, 6)
@example(r"\u0061bc,\u0061bd", NAMES, 6)
@example(r"1.1.1.1/\u0078,1.1.1.1/\u0079", NAMES, 6)
def test_a_dense_block_with_escapes_is_redacted_as_any_other(block: str, names: list[str], count: int) -> None:
    chosen = tuple(names[:count])
    assert redacted(block, chosen, is_dense=True) == redacted(block, chosen, is_dense=False)


@settings(deadline=None, max_examples=examples(100))
@given(ENCODED)
@example(r'"a\n b"@x.co')
@example(r"Authorization:\n Basic c2VjcmV0dG9rZW4=")
@example(r"secret key\t=\twJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
def test_escapes_that_are_passed_over_hide_nothing(block: str) -> None:
    every = [escapes._ALL_LEADS[:1] * 3, escapes._BACKSLASH_LEADS[:1] * 3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(escapes, "_ALL_LEADS", every[0])
        patch.setattr(escapes, "_BACKSLASH_LEADS", every[1])
        wanted = redacted(block, NAMES, is_dense=False)
    assert redacted(block, NAMES, is_dense=False) == wanted


@pytest.mark.parametrize(
    "text", [r"\u0041", r"\\u0041", r"\\\u0041", r"\/\u00e9", r"\ud83d\ude00", "%41", "%252541", "%2541="]
)
def test_text_that_a_codec_decodes_is_as_without_it(text: str) -> None:
    data = text.encode() * 3
    views = []
    for is_slow in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if is_slow:
                patch.setattr(escapes, "_percent_decoded", lambda _: None)
                patch.setattr(escapes, "_characters_decoded", lambda _: None)
            view = escapes.View.of(data, data.lower())
            assert view is not None
            views.append((view.data, [*view.originals(range(len(view.data) + 1))]))
    assert views[0] == views[1]


NUMBERS_BESIDE_CODES = [
    r"\n4111111111111111 ", r"\u00414111111111111111 ", r"\u00f4111111111111111 ", r"411111111111111\u0031 ",
    r"\u0041 4111 1111 1111 1111 ", r"\x41 4111 1111 1111 1111 ", r"\u004a4111 1111 1111 1111 ", r"\u00411.1.1.1 ",
    r"1.1.1.\u0031 ", r"1.1.1.1\u002e1 ", r"1.1.1.1\u00411 ", r"\u00f1.1.1.1 ", r"1.1.1\u005cu002e1 ", r"\xf1.1.1.1 ",
    r"%311.1.1.1\u0041 ", r"\x5cx31.1.1.1 ", r"\u0041\u00a04111 1111 1111 1111 ", r"\u00414111 5018 0000 0009 ",
    r"\\u00411.1.1.1,",
]  # fmt: skip


@pytest.mark.parametrize("unit", NUMBERS_BESIDE_CODES)
@pytest.mark.parametrize("line", ["{}", '{{"a":"{}"}}\n'])
def test_numbers_beside_codes_are_found_as_written_and_decoded(unit: str, line: str) -> None:
    block = line.format(unit * 8) * 40
    assert redacted(block, NAMES, is_dense=True) == redacted(block, NAMES, is_dense=False)


def test_a_header_and_its_value_stay_together() -> None:
    # the line feed between them is the first one behind a window
    block = "1.1.1.1 " * (dense._WINDOW_BYTES // 8 - 1) + "Authorization:\nBasic abcdefgh\n"
    assert Redactor("keep", NAMES).redact(block).endswith("Authorization:\nBasic [bearer-token]\n")


@pytest.mark.parametrize("unit", ["x4111111111111111x\n", "4\xa0" * 20 + "\n", "4\u2011" * 20 + "\n"])
def test_cards_beside_letters_and_wide_separators_are_replaced_together(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = (unit * 1000).encode()
    assert dense.is_dense(block)
    expected = Redactor("keep", NAMES).redact(unit).encode() * 1000
    monkeypatch.setitem(DETECTORS, "payment-card", lambda _: pytest.fail("one by one"))
    assert Redactor("keep", NAMES).redact_lines(block) == expected


def test_a_block_of_logs_is_not_dense() -> None:
    assert not dense.is_dense(b'{"t":{"$date":"2026-11-21T02:03:04.000+00:00"},"msg":"ok","n":12}\n' * 100)


def test_long_blocks_of_lines_of_one_length_are_not_dense() -> None:
    lines = b"\n".join(mongodb_lines(2200))
    for megabytes in (1, 2, 4, 8):
        assert not dense.is_dense(lines * megabytes)


SOME_GROUPS = [
    "4111", "1111", "6240", "0086", "3140", "1148", "62345678", "621234", "1234567890", "1", "22", "4111111111111111",
    "501800000009", "3782", "822463", "10005", "62", "333", "6011", "111111117", "0604",
]  # fmt: skip
GROUPS = st.lists(st.sampled_from(SOME_GROUPS), min_size=3, max_size=12)


def is_valid(number: str) -> bool:
    values = [int(digit) for digit in reversed(number)]
    values[1::2] = [value * 2 - 9 * (value > 4) for value in values[1::2]]
    return sum(values) % 10 == 0


def is_card(number: str, sizes: tuple[int, ...]) -> bool:
    printed = ((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (8, 8), (6, 10), (6, 13))
    is_one = is_valid(number) or (number.startswith("62") and sizes in printed)
    return is_one and len(number) in cards.card_lengths(number[:4].encode())


@settings(deadline=None, max_examples=examples(80))
@given(GROUPS, st.sampled_from([" ", "-", "+", "\xa0", "\u2011"]))
@example(["6240", "0086", "3140", "1148", "1"], " ")
@example(["501800000009", "1234"], "\xa0")
@example(["6200"] * 450, " ")
@example(["1"] + ["6200"] * 450, " ")
def test_cards_in_groups_are_the_first_and_shortest(groups: list[str], separator: str) -> None:
    wanted, at = [], 0
    while at < len(groups):
        ends = [end for end in range(at + 1, len(groups) + 1) if 12 <= len("".join(groups[at:end])) <= 19]
        end = next((e for e in ends if is_card("".join(groups[at:e]), tuple(map(len, groups[at:e])))), 0)
        wanted.append("[payment-card]" if end else groups[at])
        at = end or at + 1
    block = redacted(separator.join(groups), ("payment-card",), is_dense=False)
    assert block == separator.join(wanted).encode()


def grouped(seed: int) -> str:
    """Return groups of digits, of which some make cards, and what is between them."""
    chance = random.Random(seed)  # noqa: S311 - reproducible input, not a secret
    separators = chance.choice([" ", " -", ".", " .", " -+\xa0\u2011\u202f", "\xa0\u202f"])
    parts: list[str] = []
    for _ in range(chance.randrange(3, 40)):
        parts.append(chance.choice(SOME_GROUPS) if chance.random() < 0.7 else str(chance.randrange(100_000)))
        parts.append(
            chance.choice(separators)
            if chance.random() < 0.9
            else chance.choice(["", "  ", ". ", " x", "\xa0", "@b.co,", "\n"])
        )
    return "".join(parts)


@settings(deadline=None, max_examples=examples(100))
@given(st.integers(0, 2**32).map(grouped), st.sampled_from([64, cards._PIECE_BYTES]))
@example("4111 1111 1111 1111 " * 5, 64)
@example("6240 0086 3140 1148 " * 9, 64)
@example("4111.1111.1111.1112.4111.1111.1111.1111 " * 3, 64)
@example("4111.1111.1111.1111 \xa0", 64)
@example("4111.1111.1111.1112 4111.1111.1111.1111 6240.0086.3140.1149 3782.822463.10005 3056.930902.5904 ", 64)
@example("1\u20111\u20111\u20114111111111111111. ", 64)
@example("333 3140.4111111111111111 ", 64)
def test_cards_are_replaced_together_as_one_by_one(text: str, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cards, "_PIECE_BYTES", piece)
        rest, is_whole = dense._cards_replaced(text.encode(), b"\xee\x80\x80")
    redactor = Redactor("keep", ("payment-card",))
    assert redactor.redact(rest.decode()).replace("\ue000", "[payment-card]") == redactor.redact(text)
    has_none = detectors.payment_cards(detectors.Text(b"\n" + rest)) == []
    # a fraction is left to the detector, which finds no card in it
    assert is_whole == has_none or (has_none and detectors.may_have_no_card(text.encode()))


def numbers(seed: int) -> str:
    """Return lines of JSON with numbers of every form, of which parts are cards."""
    chance = random.Random(seed)  # noqa: S311 - reproducible input, not a secret
    digits = ("4111111111111111", "4111111111111111", "501800000009", "123456789012", "1234567890123", "5", "0")
    lines: list[str] = []
    for _ in range(chance.randrange(1, 5)):
        parts: list[str] = []
        for _ in range(chance.randrange(1, 5)):
            number = chance.choice(["", "", "-"]) + chance.choice(digits)
            if chance.random() < 0.4:
                number += "." + chance.choice(digits)
            if chance.random() < 0.3:
                number += chance.choice("eE") + chance.choice(["", "+", "-"]) + chance.choice(digits)
            blank = chance.choice(["", "", " ", "\t", "\r"])
            parts.append(blank + chance.choice([number, number, "true", '"a 4111111111111111"', '"1.5"']) + blank)
        is_list = chance.random() < 0.5
        lines.append(f"[{','.join(parts)}]" if is_list else "{" + ",".join(f'"a":{part}' for part in parts) + "}")
    return "\n".join(lines)


@settings(deadline=None, max_examples=examples(100))
@given(st.integers(0, 2**32).map(numbers), st.sampled_from([8, dense._CHUNK_BYTES]))
@example("[4111111111111111.4111111111111111,123456789012e+4111111111111111]", 8)
@example("[0.4111111111111111e-4111111111111111]", 8)
def test_numbers_of_json_with_cards_are_replaced_together_as_one_by_one(block: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "_CHUNK_BYTES", chunk)
        rest, is_whole = dense._replace_cards(block.encode())
    wanted = Redactor("keep", ("payment-card",)).redact(block).replace("[payment-card]", "\ue000")
    if is_whole:
        # of a number that is no string, the digits are found again, and stay
        assert rest.decode() == wanted


@pytest.mark.parametrize("number", ["{}.5", "-{}", "{}e5", "1.{}", "1234567890123.{}", "[\t{}]", "{}.5,{}e-5"])
def test_numbers_of_json_with_cards_are_not_read_one_by_one(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor("keep", NAMES)
    line = f'{{"n":[{number.replace("{}", "4111111111111111")}]}}\n'
    wanted = redactor.redact(line)
    monkeypatch.setattr(Redactor, "_with_numbers", lambda *_: pytest.fail("one by one"))
    assert redactor.redact_lines((line * 1000).encode()) == wanted.encode() * 1000


ESCAPED_VALUES = st.lists(
    st.sampled_from(
        ["4111111111111111", "\\n", "\\u0041",
         '\\"', "\\\\", "authorization", "Basic abcdefgh", " ", ":", '{\\"n\\":', "}", "a@b.co"]
    ),
    min_size=1,
    max_size=6,
).map("".join)  # fmt: skip


@settings(deadline=None, max_examples=examples(100))
@given(st.lists(ESCAPED_VALUES, min_size=1, max_size=5))
@example([r"authorization\n4111111111111111 authorization", r"Basic abcdefgh\n4111111111111111"])
def test_strings_with_escapes_and_cards_are_redacted_together_as_one_by_one(values: list[str]) -> None:
    redactor = Redactor("keep", NAMES)
    tokens = [f'"{value}"'.encode() for value in values]
    alone = [redactor._redact_escaped([token])[0] for token in tokens]
    assert redactor._redact_escaped(tokens) == alone


@settings(deadline=None, max_examples=examples(100))
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join))
@example("1.1.1.1")
@example("a@b.co")
@example("1::")
@example("%3a:1")
@example(r":\u003a1")
def test_short_text_is_searched_where_anything_may_be_in_it(text: str) -> None:
    redactor = Redactor("keep", NAMES)
    assert redactor._redact_detected([text]) == [redactor._without_detected(text.encode()).decode()]


TEXTS = st.lists(
    st.lists(
        st.sampled_from(
            [*PIECES, "‹", "›", "†", r"\u203a", r"\u2039", r"\n", r"\"", r"\×", "basic abcdefgh", "authorization"]
        ),
        max_size=6,
    ).map("".join),
    max_size=5,
)  # fmt: skip


@pytest.mark.parametrize("markers", ["keep", "redact", "strip"])
@settings(deadline=None, max_examples=examples(60))
@given(TEXTS)
@example(["authorization", "Basic abcdefgh\n"])
@example(['{"a":"authorization"}\n', '{"a":"Basic abcdefgh"}\n'])
@example(['{"a":"\\"\\u2039authorization\\""}', "Basic abcdefgh", '["\\u2039"]', '{"\\u203a":"[a@b.co::1"}'])
@example([r'\×"x\u203a' * 3, '"\\u203a', r'"\u203z\u2039"'])
def test_texts_are_redacted_together_as_one_by_one(markers: str, texts: list[str]) -> None:
    redactor = Redactor(markers, NAMES)
    lines = [text + "\n" for text in texts]
    assert redactor._redact_apart(texts) == [redactor.redact(text) for text in texts]
    assert redactor.redact_all(lines) == [redactor.redact(line) for line in lines]


@given(
    st.lists(
        st.lists(st.sampled_from([*'\\"ux,', r"\u12aF", r"\ud800", r"\udc01", "\n", "\0", "é"])).map("".join),
        max_size=4,
    )
)
@settings(deadline=None, max_examples=examples(100))
@example([r"\",", ","])
@example(["\\", ","])
def test_json_strings_are_read_together_as_one_by_one(values: list[str]) -> None:
    tokens = [f'"{value}"' for value in values] + [f'"{value}' for value in values[:1]]
    read = strings_of(tokens)
    assert read == [strings_of([token])[0] for token in tokens]
    whole = [value for value in read if value is not None]
    assert tokens_of(whole) == [orjson.dumps(value) for value in whole]


def test_strings_in_strings_are_read_up_to_ten_times(monkeypatch: pytest.MonkeyPatch) -> None:
    value = r"\u2039x\u203a"
    for _ in range(80):
        value = r'"\u2020' + value.replace("\\", r"\u005c").replace('"', r"\u0022") + '"'
    redactor = Redactor("redact", ("email",))
    searches: list[bytes] = []
    search = redactor._without_detected

    def counted(data: bytes, *, are_records: bool = False) -> bytes:
        searches.append(data)
        return search(data, are_records=are_records)

    monkeypatch.setattr(redactor, "_without_detected", counted)
    redactor.redact(value)
    assert len(searches) <= 2 * 11 + 1


def test_strings_with_escapes_and_cards_are_searched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor("keep", NAMES)
    searches: list[bytes] = []
    search = redactor._without_detected

    def counted(data: bytes, *, are_records: bool = False) -> bytes:
        searches.append(data)
        return search(data, are_records=are_records)

    monkeypatch.setattr(redactor, "_without_detected", counted)
    block = b'{"a":"\\n4111111111111111"}\n' * 500
    assert redactor.redact_lines(block) == b'{"a":"\\n[payment-card]"}\n' * 500
    assert len(searches) < 10


def test_every_percent_code_beside_a_token_is_read_alike() -> None:
    for code in range(128):
        block = f"1.1.1.1%{code:02x}a%40b.co, %{code:02X}"
        assert redacted(block, NAMES, is_dense=True) == redacted(block, NAMES, is_dense=False), block


def with_check_digit(digits: str) -> str:
    values = [int(digit) for digit in reversed(digits)]
    values[::2] = [value * 2 - 9 * (value > 4) for value in values[::2]]
    return f"{digits}{-sum(values) % 10}"


def test_cards_in_a_block_have_the_lengths_of_their_issuer() -> None:
    # of these first two digits, only some of the four that begin so have cards
    prefixes = {two: [f"{two}{rest:02}" for rest in range(100)] for two in range(10, 100)}
    lengths = {prefix: cards.card_lengths(prefix.encode()) for four in prefixes.values() for prefix in four}
    vague = [prefix for four in prefixes.values() if len({*map(lengths.get, four)}) > 1 for prefix in four]
    assert len(vague) >= 1000
    for count in (12, 14, 16, 19):
        numbers = [with_check_digit(prefix.ljust(count - 1, "7")) for prefix in vague]
        found, is_whole = cards.replace_cards(",".join(numbers).encode(), b"card", cards.TEXT)
        wanted = ["card" if count in lengths[prefix] else number for prefix, number in zip(vague, numbers, strict=True)]
        assert is_whole
        assert found.decode().split(",") == wanted


TOKENS_AT_ONCE = [
    (
        dense_integers.replace_ipv4,
        "0.0.0.0 10.200.30.255 1.2.3.4. 192.168.99.5:8 249.250.255.199:65535 1.2.3.4,",
        (
            "256.1.1.1 1.260.1.1 1.1.1.300 01.2.3.4 1.2.3 1.2.3.4.5 a1.2.3.4 1.2.3.4a 1.2.3.4:123456 1.2.3.4: 1..2.3 "
            "1.2.3.4.. 0x1.2.3.4 1.2.3.00 1234.1.1.1"
        ),
    ),
    (
        dense_integers.replace_emails,
        "a@b.co a.b-c_d%e+1@x-y.z9.com A@B.CO. -.@1.a--b.de, a@b.co",
        (
            "a@b a@b.c @b.co a@.co a@-b.co a@b-.co a@b..co a@b.co- a@b.c1 a@b.co_ a@b@c.co a@b.1 a'b@c.co éa@b.co "
            "a@b.coé a@b.co.. a@b.-co"
        ),
    ),
]


@pytest.mark.parametrize(("replace", "tokens", "others"), TOKENS_AT_ONCE)
def test_tokens_are_recognized_at_once(replace: Callable[[bytes, bytes], bytes], tokens: str, others: str) -> None:
    for text in tokens.split(" "):
        token = text.rstrip(".,").encode()
        rest = text.encode().removeprefix(token)
        # a port stays
        shown = replace(b"P", b"\n" + token + rest + b"\n").replace(b":8\n", b"\n").replace(b":65535", b"")
        assert shown == b"\nP" + rest + b"\n", text
    whole = f"\n{others} \n".encode()
    assert replace(b"P", whole) == whole


@settings(deadline=None, max_examples=examples(100))
@given(TEXT, st.sampled_from(["ipv4", "email"]))
def test_what_is_replaced_at_once_is_what_the_detector_finds(text: str, name: str) -> None:
    replace = {"ipv4": dense_integers.replace_ipv4, "email": dense_integers.replace_emails}[name]
    if "\ue000" in text:
        return
    rest = replace(b"\xee\x80\x80", f"\n{text}\n".encode()).decode()[1:-1]
    redactor = Redactor("keep", (name,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(escapes.View, "of", lambda *_: None)
        assert redactor.redact(rest).replace("\ue000", f"[{name}]") == redactor.redact(text)


def test_numbers_in_all_places_have_the_lengths_and_sums_of_cards() -> None:
    chance = random.Random(7)  # noqa: S311 - reproducible input, not a secret
    for length in range(12, 20):
        prefixes = [b"%04d" % prefix for prefix in range(10_000)]
        numbers = [prefix + b"%0*d" % (length - 4, chance.randrange(10 ** (length - 4))) for prefix in prefixes]
        places = cards.Places(b"f".join(numbers), 0)
        starts, sizes = cards.shortest(places.cards(), places.size, 10_000 * (length + 1) - 1)
        found = [size * (start == 49) for start, size in zip(starts, sizes, strict=True)]
        wanted = [length in cards.card_lengths(each[:4]) and is_valid(each.decode()) for each in numbers]
        assert [found[i * (length + 1)] for i in range(10_000)] == [length * is_card for is_card in wanted]
        assert found.count(0) + sum(wanted) == len(found)
