"""Words of a private dialect that are gone and stay gone: the field's own term stands beside each."""

import re

from tests.conftest import ROOT

INSTEAD = {
    "mistakes?": "error",
    "mend(?:s|ed|ing)?": "fix",
    "for ever": "indefinitely",
    "hearers?": "recipient",
    "tells?|telling": "report, log, return whether",
    "_?told": "outputs, reported, detected, passed",
    "somebodys?": "a user, another owner",
    "nobodys?": "no one",
    "whoever": "the caller, a principal, or the active voice",
    "strangers?": "unrelated account",
    "nothing unless": "no value without, off by default",
    "what stands": "the thing itself",
    "hears?": "notify; recipient",
    "left out": "default, omitted or skipped",
    "besides": "also",
    r"pypi\.org|npmjs\.(?:com|org)": "the package's name, for an address of a registry",
}
FOLDERS = (
    "benchmarks", "constructs_lib", "docs", "examples", "lambda_src", "local_cloud", "logdock", "policy_proof",
    "second_opinion", "security_report", "stacks", "supply_chain", "templates", "tests",
)  # fmt: skip
ENDINGS = {".py", ".md", ".yaml", ".j2", ".json", ".toml", ".mjs", ".html"}
# Names that users or stored data depend on: an alarm, a physical name, a construct id, a field of stored state.
FROZEN = re.compile(r"undelivered-told|-alerts-told|[\"`]told[\"`]|\"Told\"|\.tell\(\)")
# What vendors wrote, and this list.
NOT_OURS = ("tests/events/", "tests/stacks/snapshots/", "tests/test_words.py")


def test_the_fields_own_terms_are_used() -> None:
    words = re.compile(rf"(?<![a-z])(?:{'|'.join(INSTEAD)})(?![a-z])")
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS]
    files += [path for path in ROOT.iterdir() if path.suffix in ENDINGS and path.name != "CHANGELOG.md"]
    assert len(files) > 300
    found = [
        f"{name}:{text.count(chr(10), 0, word.start()) + 1}: {word[0]!r}: "
        + next(term for old, term in INSTEAD.items() if re.fullmatch(old, word[0]))
        for path in sorted(files)
        if not (name := path.relative_to(ROOT).as_posix()).startswith(NOT_OURS)
        for text in [FROZEN.sub("", path.read_text(encoding="utf-8")).lower()]
        for word in words.finditer(text)
    ]
    assert found == []
