import pytest
import re2

from logdock.settings.regex import check_regex
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import document, export

GOOD = [
    r"\d{3}-\d{4}", r"(?i)password=\S+", r"a(?i)b", r"(?P<user>\w+)@", r"(?<user>\w+)@", r"(?:a|b)+?",
    r"\p{L}+\pN\P{Greek}", r"[[:alpha:]_]+", r"[^\p{L}]", r"\x{1F600}", r"\Q(?=literal)\1\E", r"[(?=]", r"\(\?=",
    r"\\1", "end\\z", r"(?U)a+", r"(?s:.)",
    r"x{1000}", '"level":"DEBUG"', "‹[^›]*›",
]  # fmt: skip
BAD = {
    r"(?=a)b": "no look-around, such as (?=...)",
    r"(?!a)b": "no look-around, such as (?!...)",
    r"(?<=a)b": "no look-around, such as (?<=...)",
    r"(?<!a)b": "no look-around, such as (?<!...)",
    r"(a)\1": r"no back-references, such as \1",
    r"(?P<x>a)(?P=x)": "no back-references, such as (?P=name)",
    r"a++": "no possessive quantifiers, such as ++",
    r"(?>a)": "no groups that begin with (?",
    r"(a)?(?(1)b)": "no groups that begin with (?",
    r"(?x)a b": "flags are i, m, s and U",
    r"a\Z": r"the end of the text is \z",
    r"\u00e9": r"a character by its number is \x{10FFFF}",
    r"x{1001}": "no more than 1000 repeats",
    r"\pL{1000}": "a regular expression that RE2 compiles (pattern too large - compile failed)",
    "[[:alhpa:]]": "a regular expression that RE2 compiles (invalid character class range: [:alhpa:])",
    r"\p{Nope}": "a regular expression that RE2 compiles (invalid character class range: \\p{Nope})",
    r"(?:a{900}){900}": "a regular expression that RE2 compiles (invalid repetition size",
    "(a": "a regular expression in RE2 syntax (",
    "*a": "a regular expression in RE2 syntax (",
    "[z-a]": "a regular expression in RE2 syntax (",
    "": "at least 1 character",
    "a" * 501: "at most 500 characters",
}


@pytest.mark.parametrize("regex", GOOD)
def test_accepts_what_re2_compiles(load: Load, regex: str) -> None:
    re2.compile(regex)
    assert load(document(export("cloudwatch-logs", include=[regex]))).exports[0].include == (regex,)


@pytest.mark.parametrize("regex", BAD)
def test_rejects_what_re2_does_not_compile(refusal: Refusal, regex: str) -> None:
    if 0 < len(regex) <= 500:
        with pytest.raises(re2.error):
            re2.compile(regex)
    patterns = [{"name": "card", "regex": regex}]
    lines = refusal(
        document(export("cloudwatch-logs", redaction={"patterns": patterns}, include=[regex], exclude=[regex]))
    )
    assert [line.split(":")[0] for line in lines] == [
        "exports[0].redaction.patterns[0].regex",
        "exports[0].include[0]",
        "exports[0].exclude[0]",
    ]
    assert all(f"got '{regex[:70]}" in line and BAD[regex] in line for line in lines)


def test_look_around_in_a_class_or_a_quotation_is_none() -> None:
    assert check_regex(r"[(?=a)]\Q(?!\E") == r"[(?=a)]\Q(?!\E"
