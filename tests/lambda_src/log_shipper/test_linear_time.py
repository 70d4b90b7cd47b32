"""Redaction, parsers and counters do work in proportion to their input, whatever it is: counted, not timed.

The lines of the shipper's code that are executed are counted for an input and for one four times as long. What an
expression does within one call is not seen so: the expressions themselves are checked for repeats that could backtrack.
"""

import importlib
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from log_shipper import dense, dense_escapes, detectors, escapes

from benchmarks.hostile import subjects

# No public module: the only parser of expressions there is, and CPython's own.
_constants: Any = importlib.import_module("re._constants")
_parser: Any = importlib.import_module("re._parser")

SMALL = 4096
ALLOWED = {
    # a domain's labels hold no dot, and a top level is looked for once behind each
    "_DOMAIN",
}
SUBJECTS = {name: (unit, run) for name, unit, run in subjects()}


def executed(run: Callable[[bytes], object], data: bytes) -> int:
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if "log_shipper" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run(data)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", SUBJECTS)
def test_four_times_the_input_is_four_times_the_work(name: str) -> None:
    unit, run = SUBJECTS[name]
    if len(unit) > SMALL:
        unit = unit[: unit.find(b"\n", SMALL // 4) + 1]
    run(unit * 4)
    count = SMALL // len(unit)
    small, large = executed(run, unit * count), executed(run, unit * 4 * count)
    assert large <= 4.6 * small + 400


@pytest.mark.parametrize(
    "name",
    [
        "email", "ipv4", "ipv6", "payment-card", "payment-card, numbers", "aws-key", "marks", "open marks", "percent",
        "escapes", "escapes, nested", "three kinds", "email, sentences", "ipv4, ports", "percent, pieces",
        "escapes, pieces", "email, varied", "ipv4, varied", "ipv6, varied", "payment-card, varied", "aws-key, varied",
        "payment-card, numbers, varied", "percent, varied", "escapes, varied", "payment-card, digits",
        "payment-card, grouped", "payment-card, dots", "payment-card, UnionPay", "payment-card, grouped, varied",
        "email, encoded", "email, escaped", "email, quoted local part", "ipv6, encoded", "ipv6 and percent",
        "percent, nested", "ipv6, encoded, varied", "email, encoded, varied",
        "payment-card, digits, varied", "payment-card, U+00A0, varied", "payment-card, Maestro, varied",
        "payment-card, letters, varied", "payment-card, beside escapes, varied",
        "marks, escaped", "marks, escaped, quotes", "marks, escaped, unknown escapes", "marks, escaped, nested",
        "marks, escaped, no JSON", "ipv6, zones", "escapes and addresses", "ipv6, percent", "ipv4, behind escapes",
        "joined", "joined, encoded", "ipv6, links and escapes", "ipv6, percent signs", "ipv4, joined", "email, escapes",
        "ipv6, encoded controls", "payment-card, no JSON",
        "joined, varied", "email, behind escapes, varied", "ipv4, behind escapes, varied", "ipv4, joined, varied",
    ],
)  # fmt: skip
def test_many_matches_take_few_steps_of_python(name: str) -> None:
    unit, run = SUBJECTS[f"redact {name}"]
    size = 64 * 1024
    data = (unit * (size // len(unit) + 1))[:size]
    data = data[: data.rfind(unit[-1:]) + 1]
    run(data)
    # each match has 3 to 24 bytes, and a step of the slow path takes several lines of code; cards that overlap others
    # are taken one after the other, and a text without line feeds is one with many strings
    share = 5 if name == "payment-card, UnionPay" else 3 if name.startswith("marks, escaped") else 10
    assert executed(run, data) <= size // share


LONG_RUNS = [
    # what makes a block dense, what is repeated behind it, and what ends it
    (b"a@b.co%41,", b"25", b"41"), (b"a@b.co%41,", b"%25", b"z"), (b"a@b.co\\n,", b"\\", b"z"),
    (b"a@b.co\\n,", b"\\", b"u0041"), (b"::1 \\n,", b":", b"1"),
]  # fmt: skip


@pytest.mark.parametrize(("head", "body", "tail"), LONG_RUNS)
def test_a_long_run_takes_no_step_for_each_of_its_bytes(head: bytes, body: bytes, tail: bytes) -> None:
    _, run = SUBJECTS["redact percent"]

    def block(count: int) -> bytes:
        return head * 3000 + b"%"[: body == b"25"] + body * count + tail

    run(block(1))
    assert executed(run, block(8000)) <= executed(run, block(4000)) + 200


def test_no_expression_for_escapes_begins_with_a_repeat() -> None:
    # where it does not match, it would be tried again from each byte of a run
    found = {
        name
        for module in (dense_escapes, escapes)
        for name, value in vars(module).items()
        if isinstance(value, bytes) and b"+" in value and b"\\\\" in value and begins_with_repeat(_parser.parse(value))
    }
    # behind a quote, or its code
    assert found == {"_AT"}
    assert begins_with_repeat(_parser.parse(rb"(%|\\++n)"))
    assert not begins_with_repeat(_parser.parse(rb"(%|\\(?<!\\\\)\\*+n)"))


def begins_with_repeat(parsed: Any) -> bool:
    """Say whether an expression begins, in any of its alternatives, with a repeat without limit."""
    op, argument = parsed[0]
    if op in (_constants.MAX_REPEAT, _constants.POSSESSIVE_REPEAT):
        return bool(argument[1] is _constants.MAXREPEAT)
    if op is _constants.SUBPATTERN:
        return begins_with_repeat(argument[-1])
    return op is _constants.BRANCH and any(len(branch) and begins_with_repeat(branch) for branch in argument[1])


def unbounded(parsed: Any) -> bool:
    """Say whether an expression has a repeat without limit that gives back what it took."""
    for op, argument in parsed:
        if op is _constants.MAX_REPEAT and argument[1] is _constants.MAXREPEAT:
            return True
        items = argument if isinstance(argument, (list, tuple)) else [argument]
        for item in items:
            branches = item if isinstance(item, list) else [item]
            if any(isinstance(branch, _parser.SubPattern) and unbounded(branch) for branch in branches):
                return True
    return False


def test_no_expression_of_a_detector_backtracks() -> None:
    found = {
        name
        for name, value in vars(detectors).items()
        if isinstance(value, re.Pattern) and unbounded(_parser.parse(value.pattern, value.flags))
    }
    for expression in [shown for name in dense._TOKENS for _, shown in dense.token_expressions(name)]:
        assert not unbounded(_parser.parse(expression.pattern, expression.flags))
    assert found == ALLOWED


def test_a_repeat_that_backtracks_is_seen() -> None:
    assert unbounded(_parser.parse(r"x(?:a|(b+))c"))
    assert not unbounded(_parser.parse(r"x(?:a|(b++))c{1,9}"))
