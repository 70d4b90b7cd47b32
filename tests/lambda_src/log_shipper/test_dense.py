"""A block that is full of what is searched for is redacted as any other: with and without the replacement of tokens."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from log_shipper import dense, detectors
from log_shipper.detectors import DETECTORS
from log_shipper.redaction import Redactor

PIECES = [
    "a@b.co", "ada.l-x@mail.ex-a.com", "o'b@x.de", "a@b.xn--p1ai", "a@b", "@", "'", ".", "-", "_", "1.1.1.1", "25",
    "10.200.30.255", "256.1.1.1", "01.2.3.4", "1.2.3.04", "::1", "1::", "::", "2001:db8::8a2e:370:7334", "12345::",
    "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2::3:4:5:6:7:8", "1:2:3:4:5::8", "fe80::1%eth0",
    "::ffff:1.2.3.4", "4111111111111111", "4111111111111112", "378282246310005", "4111 1111 1111 1111", "501800000009",
    "6240008631401148", "41111111111111", "411", "4", "1111", "AKIAIOSFODNN7EXAMPLE", "AKIA", "bearer abcdefgh",
    "secret key=", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", " ", ",", ":", '"', "{", "}", "[", "]", "\n", "=", "/",
    "é", "\u2011", "\xa0", "\ue000", "\0", "\\", "%40", "\\u0040", "+", ";", "a", "F", "0", '"x"@b.co',
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
        return Redactor("keep", names).redact_lines(block.encode())


@settings(deadline=None, max_examples=150)
@given(BLOCK, st.permutations(NAMES), st.integers(1, len(NAMES)))
@example("1.1.1.1 4111 1111 1111 111 1.1.1.1", NAMES, 6)
@example("406 4111111111111111,", NAMES, 6)
@example('"x a@b.co y"@b.co', NAMES, 6)
@example("secretkey=AAAAAAAAAAAAAAAAAAA/AKIAIOSFODNN7EXAMPLE,", NAMES, 6)
@example("bearer 4111111111111111,", NAMES[::-1], 6)
@example('{"n":4111111111111111}', NAMES, 6)
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


def test_a_header_and_its_value_stay_together() -> None:
    # the line feed between them is the first one behind 16 KiB
    block = "1.1.1.1 " * 2047 + "Authorization:\nBasic abcdefgh\n"
    assert Redactor("keep", NAMES).redact(block).endswith("Authorization:\nBasic [bearer-token]\n")


def test_a_block_of_logs_is_not_dense() -> None:
    assert not dense.is_dense(b'{"t":{"$date":"2026-11-21T02:03:04.000+00:00"},"msg":"ok","n":12}\n' * 100)


GROUPS = st.lists(
    st.sampled_from(["4111", "1111", "6240", "0086", "3140", "1148", "62345678", "621234", "1234567890", "1", "22",
                     "4111111111111111", "501800000009", "3782", "822463", "10005", "62", "333"]),
    min_size=3, max_size=12,
)  # fmt: skip


def is_card(number: str, sizes: tuple[int, ...]) -> bool:
    printed = ((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (8, 8), (6, 10), (6, 13))
    values = [int(digit) for digit in reversed(number)]
    values[1::2] = [value * 2 - 9 * (value > 4) for value in values[1::2]]
    is_valid = sum(values) % 10 == 0 or (number.startswith("62") and sizes in printed)
    return is_valid and len(number) in detectors.card_lengths(number[:4].encode())


@settings(deadline=None, max_examples=80)
@given(GROUPS, st.sampled_from([" ", "-", "+", "\xa0", "\u2011"]))
@example(["6240", "0086", "3140", "1148", "1"], " ")
@example(["501800000009", "1234"], "\xa0")
def test_cards_in_groups_are_the_first_and_shortest(groups: list[str], separator: str) -> None:
    wanted, at = [], 0
    while at < len(groups):
        ends = [end for end in range(at + 1, len(groups) + 1) if 12 <= len("".join(groups[at:end])) <= 19]
        end = next((e for e in ends if is_card("".join(groups[at:e]), tuple(map(len, groups[at:e])))), 0)
        wanted.append("[payment-card]" if end else groups[at])
        at = end or at + 1
    text = separator.join(groups)
    assert Redactor("keep", ("payment-card",)).redact(text) == separator.join(wanted)


def test_lengths_by_two_digits_allow_every_card() -> None:
    for prefix in range(10_000):
        text = b"%04d" % prefix
        bits = sum(1 << length - 12 for length in detectors.card_lengths(text))
        assert bits & detectors.LENGTHS_BY_TWO[int(text[:2], 16)] == bits
