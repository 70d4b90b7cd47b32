"""Redaction: whatever a line is, a secret in it is gone, JSON stays JSON, and a block is redacted as its lines are."""

import json
import re
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from log_shipper.detectors import DETECTORS
from log_shipper.patterns import Filter, Pattern
from log_shipper.redaction import Redactor

from tests.fuzz.budget import fuzz
from tests.fuzz.material import JSON, LINE, LINES, SECRET, TEXT

SECRETS = {
    "email": SECRET,
    "ipv4": "203.0.113.77",
    "ipv6": "2001:db8::8a2e:370:7334",
    "payment-card": "4111111111111111",
    "aws-key": "AKIAIOSFODNN7EXAMPLE",
    "bearer-token": "Bearer abcdefgh.ijkl-12",
}
EVERY = Redactor("redact", tuple(DETECTORS))
PATTERNS = Redactor("strip", tuple(DETECTORS), (Pattern("digits", r"\b\d{3,9}\b"), Pattern("empty", "x*")))
REDACTORS = st.sampled_from([EVERY, PATTERNS, Redactor("strip"), Redactor("redact")])


@st.composite
def spelt(draw: st.DrawFn, text: str) -> str:
    """Return a text as a JSON string may spell it: each character as it is, or escaped."""

    def one(sign: str) -> str:
        if sign in '"\\' or ord(sign) < 32:
            return json.dumps(sign)[1:-1]
        return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 and draw(st.integers(0, 5)) == 0 else sign

    return "".join(map(one, text))


@st.composite
def hidden(draw: st.DrawFn) -> tuple[str, str, str]:
    """Return a detector, its secret, and a JSON line that has it in a value or a name, however it is spelt."""
    detector = draw(st.sampled_from(sorted(SECRETS)))
    secret = SECRETS[detector]
    before, after = draw(st.sampled_from(["", " ", "a ", "(", "\n"])), draw(st.sampled_from(["", " ", ", x", ")"]))
    value = draw(spelt(before + secret + after))
    line = f'"{value}"'
    for _ in range(draw(st.integers(0, 3))):
        way = draw(st.integers(0, 3))
        if way == 0:
            line = f'{{"k": {line}, "t":1.50}}'
        elif way == 1:
            line = f"[0.25,{line},null]"
        elif way == 2 and line.startswith('"'):
            line = f'{{{line}:"v"}}'
        elif line[0] in "{[":
            line = '{"log":"' + draw(spelt(line)) + '\\n"}'
    return detector, secret, line if line[0] in "{[" else f"[{line}]"


@fuzz
@given(hidden(), st.booleans())
def test_a_secret_in_json_is_gone_however_it_is_spelt(case: tuple[str, str, str], every: bool) -> None:
    detector, secret, line = case
    redacted = (EVERY if every else Redactor("keep", (detector,))).redact(line)
    shape = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
    assert re.sub(r'"(?:[^"\\]|\\.)*"', '""', redacted) == shape
    seen = redacted
    for _ in range(9):
        assert secret.removeprefix("Bearer ") not in seen
        seen = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), seen.replace("\\\\", "\\"))
    orjson.loads(redacted)


@fuzz
@given(LINE, st.sampled_from(sorted(SECRETS)), LINE)
def test_a_secret_is_gone_wherever_it_stands(before: str, detector: str, after: str) -> None:
    secret = SECRETS[detector]
    redacted = Redactor("keep", (detector,)).redact(f"{before} , {secret} , {after}")
    assert redacted.count(secret) <= before.count(secret) + after.count(secret)
    assert f" , {secret} , " not in redacted


@fuzz
@given(JSON, REDACTORS, st.booleans())
def test_json_stays_json(value: Any, redactor: Redactor, ascii_alone: bool) -> None:
    line = json.dumps([value], ensure_ascii=ascii_alone, allow_nan=False) if is_finite(value) else "[1]"
    line = line.encode("utf-8", "backslashreplace").decode()
    assert len(json.loads(redactor.redact(line))) == 1


def is_finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


@fuzz
@given(LINES, REDACTORS)
def test_a_block_is_redacted_as_its_lines_are(texts: list[str], redactor: Redactor) -> None:
    block = redactor.redact_lines("\n".join(texts).encode())
    assert block is None or block.decode() == "\n".join(map(redactor.redact, texts))


@fuzz
@given(LINE, REDACTORS)
def test_redaction_never_fails_and_never_makes_a_line_two(text: str, redactor: Redactor) -> None:
    redacted = redactor.redact(text)
    assert redacted.count("\n") <= text.count("\n")
    assert redactor.redact_name(text) == redacted
    redacted.encode()


@fuzz
@given(st.text(max_size=20) | TEXT, st.lists(st.sampled_from(["x", "^", r"\C", ".", "é"]), max_size=2))
def test_a_filter_wants_or_does_not(text: str, patterns: list[str]) -> None:
    wanted = Filter((), tuple(patterns)).wants(text)
    assert wanted is not Filter(tuple(patterns)).wants(text) or not patterns
