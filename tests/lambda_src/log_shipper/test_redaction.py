import json
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from log_shipper.detectors import DETECTORS
from log_shipper.errors import ConfigurationError
from log_shipper.export_config import parse_export_config
from log_shipper.patterns import Filter, Pattern
from log_shipper.record import Record
from log_shipper.redaction import Redactor
from log_shipper.transform import redacted

from tests.lambda_src.log_shipper.world import recorded

EVERY = Redactor("redact", tuple(DETECTORS))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


BESIDE = [
    *(f"%{byte:02X}" for byte in range(0x80, 0x100)), *(f"%25{byte:02x}" for byte in range(0x80, 0x100, 7)),
    *(rf"\x{byte:02x}" for byte in range(0x80, 0x100)), *(f"%u{code:04X}" for code in (0x20, 0xE9, 0x4E2D, 0xD83D)),
    "%F0%9F%98%80", "%f0%9f%98%80", "%E4%B8", "%E4%B8%AD", "%C3%A9", r"\xe4\xb8\xad", r"\u00e9", r"\ud83d\ude00", "é",
    "\x1b[31m", "\x1b[1;38:5:9m", "\x1b[m", r"\u001b[1;31m", r"\x1b[31m", r"\\u001b[0m", "%1B%5B31m",
]  # fmt: skip
"""What may be beside a secret, and is no part of it."""
SECRETS = {
    "ipv4": "203.0.113.77", "ipv6": "2001:db8::8a2e:370:7334", "payment-card": "4111111111111111",
    "aws-key": "AKIAIOSFODNN7EXAMPLE", "bearer-token": "Bearer abcdefgh.ij",
}  # fmt: skip


@pytest.mark.parametrize("detector", SECRETS)
@pytest.mark.parametrize("template", ["a {}{}{} b", 'q={}{}{}&r=1 "x"', '{{"m":"a {}{}{} b"}}'])
def test_nothing_beside_a_secret_hides_it(detector: str, template: str) -> None:
    secret = SECRETS[detector]
    shown = secret if detector == "bearer-token" else f"[{detector}]"
    beside = [each for each in BESIDE if "\x1b" not in each or not template.startswith("{")]
    lines = [template.format(each, secret, each) for each in beside]
    wanted = [template.format(each, shown, each).replace("abcdefgh.ij", "[bearer-token]") for each in beside]
    redactor = Redactor("keep", (detector,))
    assert [*map(redactor.redact, lines)] == wanted
    for many in (1, 9):
        block = "\n".join(lines * many).encode()
        assert redactor.redact_lines(block) == "\n".join(wanted * many).encode()
    for line, text in zip(lines, wanted, strict=True):
        assert redactor.redact_lines("\n".join([line] * 99).encode()) == "\n".join([text] * 99).encode()


@pytest.mark.parametrize(
    "encoded", ["jane%u0040example.com", "jos%E9@example.com", r"jos\xe9@example.com", "%FFa%40b.io"]
)
def test_an_address_is_found_with_what_is_not_utf_8_in_it(encoded: str) -> None:
    redactor = Redactor("keep", ("email",))
    for line in (f"a {encoded} b", f'{{"m":"a {encoded} b"}}'):
        wanted = line.replace(encoded, "[email]")
        assert redactor.redact(line) == wanted
        assert redactor.redact_lines("\n".join([line] * 99).encode()) == "\n".join([wanted] * 99).encode()


def test_an_address_in_colour_leaves_the_colour() -> None:
    line, wanted = "\x1b[31mjane@example.com\x1b[0m bob@example.org", "\x1b[31m[email]\x1b[0m [email]"
    redactor = Redactor("keep", ("email",))
    assert redactor.redact(line) == wanted
    assert redactor.redact_lines("\n".join([line] * 99).encode()) == "\n".join([wanted] * 99).encode()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("took 0.4111111111111111s, -12.5500000000000004", None),
        ('{"m":"took 0.4111111111111111s","n":0.4111111111111111}', None),
        ("id 41111111-1111-1111-1111-111111111111", None),
        (
            '{"id":"6759649826438453-1111-1111" , "u":"aaaaaaaa-bbbb-cccc-4111-111111111111"}',
            '{"id":"[payment-card]-1111-1111" , "u":"aaaaaaaa-bbbb-cccc-4111-111111111111"}',
        ),
        (
            "no.4111111111111111 v1.2.4111111111111111 4111111111111111.",
            "no.[payment-card] v1.2.[payment-card] [payment-card].",
        ),
        ("12.4111 1111 1111 1111 0.4111111111111111.5", "12.[payment-card] 0.[payment-card].5"),
    ],
)
def test_a_fraction_and_part_of_a_uuid_are_no_card(line: str, wanted: str | None) -> None:
    wanted = wanted or line
    for detectors in (("payment-card",), ("email", "payment-card")):
        redactor = Redactor("keep", detectors)
        assert redactor.redact(line) == wanted
        for other, shown in ((line, wanted), ("4111111111111111 5500000000000004", "[payment-card] [payment-card]")):
            block = "\n".join([line, other] * 99).encode()
            assert redactor.redact_lines(block) == "\n".join([wanted, shown] * 99).encode()


def test_a_string_with_a_card_is_spelt_as_before() -> None:
    line = r'{"m":"\u00e9 \ud83d \xe9 \/ 4111111111111111","n":"{\"c\":4111111111111111}"}'
    wanted = r'{"m":"\u00e9 \ud83d \xe9 \/ [payment-card]","n":"{\"c\":\"[payment-card]\"}"}'
    assert EVERY.redact(line) == wanted
    assert EVERY.redact_lines("\n".join([line] * 99).encode()) == "\n".join([wanted] * 99).encode()


@pytest.mark.parametrize(
    ("detector", "text", "wanted"),
    [
        ("email", "from ada.l+x@mail.example.com to", "from [email] to"),
        ("email", "user@localhost @here", None),
        ("ipv4", "10.1.2.3,192.168.131.39:2817 at 8.8.8.8.", "[ipv4],[ipv4]:2817 at [ipv4]."),
        ("ipv4", "1.2.3.4.5 and 256.1.1.1 and v1.2.3", None),
        ("ipv6", "client=[::1]:53884 2001:db8::8a2e:370:7334", "client=[[ipv6]]:53884 [ipv6]"),
        ("ipv6", "at 12:34:56 std::string aa:bb:cc:dd:ee:ff a :: b", None),
        ("payment-card", "card 4111 1111 1111 1111 12 5500-0000-0000-0004 378282246310005.",
         "card [payment-card] 12 [payment-card] [payment-card]."),
        ("payment-card", "23 4111111111111111", "23 [payment-card]"),
        ("payment-card", "4111111111111112 1616542519458095000 41111111111111111 1612119892335696", None),
        ("aws-key", "key AKIAIOSFODNN7EXAMPLE, ASIAIOSFODNN7EXAMPLE", "key [aws-key], [aws-key]"),
        ("aws-key", "XAKIAIOSFODNN7EXAMPLE AKIAIOSFODNN7EXAMPLEX", None),
        ("bearer-token", "Authorization: Bearer eyJhbGciOi.J9-x_y==", "Authorization: Bearer [bearer-token]"),
        ("bearer-token", "the bearer of news", None),
    ],
)  # fmt: skip
def test_detector_finds_what_it_should_and_nothing_else(detector: str, text: str, wanted: str | None) -> None:
    assert Redactor("keep", (detector,)).redact(text) == (text if wanted is None else wanted)


@pytest.mark.parametrize(
    ("markers", "wanted"),
    [("keep", "a ‹b ×› c ‹d e›› ‹"), ("redact", "‹×› ‹×›"), ("strip", "a b × c d e ")],
)
def test_markers_follow_the_setting(markers: str, wanted: str) -> None:
    assert Redactor(markers).redact("a ‹b ×› c ‹d e›› ‹") == wanted


def test_json_line_keeps_its_layout_and_stays_json() -> None:
    line = '{ "a" : "x ada@example.com", "n": 4111111111111111, "esc":"\\u0061da\\u0040example.com \\"q\\"", "t":1.50 }'
    redacted = EVERY.redact(line)
    assert redacted == '{ "a" : "x [email]", "n": "[payment-card]", "esc":"[email] \\"q\\"", "t":1.50 }'
    json.loads(redacted)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('{"n":4111111111111111}', '{"n":"[payment-card]"}'),
        ('{"n":-4111111111111111}', '{"n":"-[payment-card]"}'),
        ('{"n":0.4111111111111111}', None),
        ('{"n":4111111111111111.5}', '{"n":"[payment-card].5"}'),
        ('[4111111111111111,[[4111111111111111]]]', '["[payment-card]",[["[payment-card]"]]]'),
        ('{"a":{"b":[{"c":"ada@example.com"}]}}', '{"a":{"b":[{"c":"[email]"}]}}'),
        (r'{"a":"ada\u0040example.com"}', '{"a":"[email]"}'),
        (r'{"a":"\u0061da@example.com"}', '{"a":"[email]"}'),
        (r'{"a\u0040example.com":1}', '{"[email]":1}'),
        (r'{"a":"\nada@example.com"}', r'{"a":"\n[email]"}'),
        (r'{"a":"\ud83d\ude00ada@example.com"}', r'{"a":"\ud83d\ude00[email]"}'),
        (r'{"a":"\ud800","b":"ada\u0040example.com","n":4111111111111111}',
         r'{"a":"\ud800","b":"[email]","n":"[payment-card]"}'),
        (r'{"a":"\ud800 ada@example.com"}', r'{"a":"\ud800 [email]"}'),
        (r'{"log":"{\"mail\":\"\\u003cada\\u0040example.com\\u003e\",\"n\":4111111111111111}\n"}',
         r'{"log":"{\"mail\":\"\\u003c[email]\\u003e\",\"n\":\"[payment-card]\"}\n"}'),
        (r'{"a":"{\"b\":\"{\\\"c\\\":\\\"10.1.2.3\\\"}\"}"}', r'{"a":"{\"b\":\"{\\\"c\\\":\\\"[ipv4]\\\"}\"}"}'),
    ],
)  # fmt: skip
def test_json_is_redacted_by_what_it_says_not_by_how_it_is_written(line: str, wanted: str | None) -> None:
    redacted = EVERY.redact(line)
    assert redacted == (line if wanted is None else wanted)
    json.loads(redacted)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (r'I26 1 x.go:1 ⋮ [-] 1 ={"a":"ada\u0040example.com"}', 'I26 1 x.go:1 ⋮ [-] 1 ={"a":"[email]"}'),
        (
            r'I26 1 x.go:1 ⋮ [-] 1 ={"a":"\u003cada@example.com\u003e"}',
            r'I26 1 x.go:1 ⋮ [-] 1 ={"a":"\u003c[email]\u003e"}',
        ),
        ('to "smith, john"%40example.com, "smith; j"%2540example.com', "to [email], [email]"),
        (r'to "smith, john"\u0040example.com', "to [email]"),
        (r'to "j; smi\u0074h"@example.com, \u0061nd', r"to [email], \u0061nd"),
        (r'{"to":"\"smith, john\"%2540example.com"}', '{"to":"[email]"}'),
        (r'{"a":"ada\u0040example.com","cut off', '{"a":"[email]","cut off'),
        (r'C:\new\ada@example.com and "C:\new"', r'C:\new\[email] and "C:\new"'),
        (r'an odd " and {"a":"x"} then ada@example.com \n', r'an odd " and {"a":"x"} then [email] \n'),
    ],
)
def test_json_within_a_line_is_redacted_by_what_it_says(line: str, wanted: str) -> None:
    assert EVERY.redact(line) == wanted


def test_users_pattern_sees_every_number_of_a_json_line() -> None:
    redactor = Redactor("keep", (), (Pattern("ssn", r"\b\d{9}\b"),))
    line = '{"ssn":123456789,"n":12,"f":1.5,"e":-2E+10,"t":[true,null,987654321]}'
    redacted = redactor.redact(line)
    assert redacted == '{"ssn":"[ssn]","n":12,"f":1.5,"e":-2E+10,"t":[true,null,"[ssn]"]}'
    json.loads(redacted)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(), min_size=1, max_size=5))
@example([0.4111111111111111, 4111111111111111, 4.111111111111111e15])
def test_a_line_of_numbers_stays_json(numbers: list[float]) -> None:
    line = json.dumps({"n": numbers})
    for redactor in (EVERY, Redactor("keep", (), (Pattern("digit", r"[13579]"),))):
        assert len(json.loads(redactor.redact(line))["n"]) == len(numbers)


@pytest.mark.parametrize(
    "line",
    [
        '{"a":"' + "x" * 1_000_000 + '"}',
        '{"a":"' + r"\"" * 500_000 + '"}',
        r"\"" * 500_000,
        "4 " * 20_000,
        "a:b:" * 200_000,
    ],
    ids=range(5),
)
def test_a_hostile_line_takes_no_more_than_its_length(line: str) -> None:
    tracemalloc.start()
    assert EVERY.redact(line) == line
    assert tracemalloc.get_traced_memory()[1] < 16 * len(line)
    tracemalloc.stop()


def test_columns_lose_their_secrets_in_names_too() -> None:
    config = parse_export_config("e", b'{"vendor":"s3-logs","redaction":{"detectors":["email","ipv4"]}}')
    columns = {"time": "10.1.2.3", "ada@example.com": "x y@example.com"}
    found = redacted([Record("m", "t", "csv", columns)], config)[0]
    assert found.fields == {"time": "[ipv4]", "[email]": "x [email]"}


def test_names_are_redacted_as_values_are() -> None:
    assert EVERY.redact('{"ada@example.com":1}') == '{"[email]":1}'


def test_recorded_lines_of_cockroachdb_lose_what_is_marked_and_nothing_else() -> None:
    for line in recorded("cockroachdb/json.log").splitlines():
        redacted = json.loads(Redactor("redact").redact(line))
        assert redacted.keys() == json.loads(line).keys()
        assert "roach›" not in str(redacted)


def test_users_pattern_is_replaced_literally() -> None:
    redactor = Redactor("keep", (), (Pattern("ssn", r"\d{3}-\d{2}-\d{4}", r"\1<gone>"), Pattern("x*", "x*")))
    assert redactor.redact("id 123-45-6789 xx") == "id \\1<gone> [x*]"


def test_rejects_pattern_that_needs_backtracking() -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        Redactor("keep", (), (Pattern("twice", r"(a)\1"),))


def test_time_is_linear_where_backtracking_would_explode() -> None:
    assert Redactor("keep", (), (Pattern("evil", r"(a+)+$"),)).redact("a" * 20_000 + "!") == "a" * 20_000 + "!"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = EVERY.redact(text)
    assert EVERY.redact(once) == once


@given(st.text(st.sampled_from("‹›x× "), max_size=30))
def test_strip_takes_the_marks_alone(text: str) -> None:
    assert Redactor("strip").redact(text) == text.replace("‹", "").replace("›", "")


def test_filter_wants_some_include_and_no_exclude() -> None:
    wants = Filter(("error", "warn"), ("healthz",)).wants
    assert [wants(text) for text in ("an error", "a warn healthz", "info")] == [True, False, False]
    assert Filter((), ("x",)).wants("anything")


PIECE = st.sampled_from(
    ["ada@example.com", "10.1.2.3", "::1", "2001:db8::1", "4111 1111 1111 1111", "378282246310005", "12", "-", " ", ".",
     "AKIAIOSFODNN7EXAMPLE", "Bearer abcdefgh.ij", "\\", "\\\\", '"', ":", "é", "‹x›", "a", "@", "[", "12345678901234"]
)  # fmt: skip
TEXT = st.lists(PIECE, max_size=6).map("".join)
LINE = st.one_of(
    TEXT,
    st.builds(lambda a, b: json.dumps({"k": a, b: [1, 4111111111111111]}), TEXT, TEXT),
    st.builds(lambda a, b: json.dumps({"k": a, b: None}, ensure_ascii=False), TEXT, TEXT),
)


@settings(deadline=None)
@given(
    st.lists(LINE | st.sampled_from(["", "\n", "a\nada@example.com", "‹a", "b›", "‹\n›"]), max_size=5),
    st.sampled_from(["keep", "redact", "strip"]),
    st.sampled_from([(), (Pattern("digits", r"^\d+", "\n"),)]),
)
def test_texts_redacted_together_are_as_one_by_one(
    texts: list[str], markers: str, patterns: tuple[Pattern, ...]
) -> None:
    redactor = Redactor(markers, tuple(DETECTORS), patterns)
    assert redactor.redact_all(texts) == [*map(redactor.redact, texts)]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('{"n":4111111111111111,"x":NaN}', '{"n":"[payment-card]","x":NaN}'),
        ('{"n":4111111111111111,"x":"a\tb"}', '{"n":"[payment-card]","x":"a\tb"}'),
        (r'{"n":4111111111111111,"x":"\xe9"}', r'{"n":"[payment-card]","x":"\xe9"}'),
    ],
)
def test_json_as_loggers_write_it_stays_what_it_is(line: str, wanted: str) -> None:
    assert EVERY.redact(line) == wanted
    users = Redactor("keep", (), (Pattern("letters", r"^[ab\s]+$"),))
    assert users.redact('{"x":"a\tb","y":NaN}') == '{"x":"[letters]","y":NaN}'


@pytest.mark.parametrize("control", ["\\\\\\u006e", "\\u005cn", "\\u005c\\u006e", "\\\\\\u0074", "\\u005c\\u0072"])
@pytest.mark.parametrize("first", ["A", "\\u0041", "\\\\u0041", "\\\\\\u0075\\u0030\\u0030\\u0034\\u0031"])
def test_a_control_character_whose_escape_is_escaped_ends_what_is_before_a_secret(control: str, first: str) -> None:
    line = f'{{"log":"{{\\"{control}{first}KIAIOSFODNN7EXAMPLE\\":\\"v\\"}}\\n"}}'
    (inner,) = json.loads(json.loads(line)["log"])
    assert inner.strip() == "AKIAIOSFODNN7EXAMPLE"
    redacted = Redactor("keep", ("aws-key",)).redact(line)
    (found,) = json.loads(json.loads(redacted)["log"])
    assert found.strip() == "[aws-key]"


ENCODED_QUOTES = ["\\u0022", "\\\\u0022", "%22", "\\u002522"]
ESCAPED_QUOTES = ['\\"', '\\\\\\"', "\\\\\\u0022"]
"""Which are still behind a backslash when all else is decoded."""


@pytest.mark.parametrize("opening", ENCODED_QUOTES + ESCAPED_QUOTES)
@pytest.mark.parametrize("closing", ENCODED_QUOTES + ESCAPED_QUOTES)
def test_a_quoted_local_part_leaves_json_whole_however_each_quote_is_written(opening: str, closing: str) -> None:
    redacted = json.loads(Redactor("keep", ("email",)).redact(f'{{"to":"a {opening}ada smith{closing}@example.com"}}'))
    # a quote that is not escaped may be that of the string itself
    assert redacted == {"to": "a [email]"} or (opening in ENCODED_QUOTES and closing in ESCAPED_QUOTES)


CODES = ["\\u00{:02x}", "\\\\u00{:02X}", "\\x{:02x}", "%{:02X}", "%25{:02x}", "\\u0025{:02x}"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("letter", range(5))
def test_a_header_is_found_whichever_letter_of_its_scheme_is_encoded(code: str, letter: int) -> None:
    scheme = "".join(code.format(ord(sign)) if i == letter else sign for i, sign in enumerate("Basic"))
    line = f'"Authorization","value":"{scheme} c2VjcmV0dG9rZW4=",' + r'"a":"\u0042"'
    redacted = Redactor("keep", ("bearer-token",)).redact(line)
    assert redacted == line.replace("c2VjcmV0dG9rZW4=", "[bearer-token]")


def test_a_header_does_not_go_on_in_another_object() -> None:
    line = r'{"Author\u0069zation":{"basic info\u0072mation":1}}'
    assert Redactor("keep", ("bearer-token",)).redact(line) == line
