"""CockroachDB's redaction markers: what is between ``‹`` and ``›`` is taken out, or the marks alone are."""

import re
from itertools import accumulate, compress

_MARKED = re.compile("‹[^‹›]*+›")
MARKED_REDACTED = "‹×›"
_OPENS, _CLOSES = "‹".encode(), "›".encode()
MARK_LEAD = _OPENS[:1]
# of bytes that UTF-8 does not have, in place of the marks: one more is open, or one less
_STEPS = bytes.maketrans(b"\xf8\xf9", b"\x01\xff")
_PAIR = b"\x01\xff"
_NO_MARK = bytes(range(0xF8))
# the same marks as JSON may escape them
ESCAPED_MARK = re.compile(r"\\u20(?:39|3[aA]|20)")


def without_marks(text: str) -> str:
    """Return text without the marks, and with what they mark."""
    for mark in "‹›†":
        text = text.replace(mark, "")
    return text


def redact_marks(text: str) -> str:
    """Return text without what is marked: from an unmatched ‹ to the end, and from the start to an unmatched ›.

    CloudWatch Logs cuts long events and CockroachDB breaks long lines, so a mark's other half may be missing.
    """
    if "›" not in text:
        before, mark, _ = text.partition("‹")
        return before + MARKED_REDACTED if mark else text
    if "‹" not in text:
        return MARKED_REDACTED + text.rpartition("›")[2]
    marks = text.encode().replace(_OPENS, b"\xf8").replace(_CLOSES, b"\xf9").translate(_STEPS, _NO_MARK)
    if marks == _PAIR * (len(marks) // 2):
        return _MARKED.sub(MARKED_REDACTED, text)
    texts = text.replace("›", "‹").split("‹")
    depths = [*accumulate(memoryview(marks).cast("b"), initial=0)]
    # an unmatched › makes a new least, and the last of them ends what is marked from the start
    least = min(depths)
    start = depths.index(least)
    parts = [*([""] if start else []), *compress(texts[start:], map(least.__eq__, depths[start:]))]
    if depths[-1] != least:
        parts.append("")
    return MARKED_REDACTED.join(parts)
