"""What a terminal may be sent: the one place that escapes what it would obey.

A log line, an object's name or a vendor's answer must not control the terminal of its reader: C0 and C1
control characters and DEL move the cursor, change the title or hide lines (ECMA-48, "Control functions"); bidirectional
controls show a text in another order than it has (Unicode Standard Annex #9); tag characters are not shown at all; a
lone surrogate cannot be written in UTF-8. Pure.
"""

import re

_C1_AND_FORMAT = (
    r"\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f{_C1_AND_FORMAT}]")
_UNSAFE_OR_BREAK = re.compile(rf"[\x00-\x08\x0a-\x1f\x7f{_C1_AND_FORMAT}]")
_UNSAFE_IN_JSON = re.compile(rf"[\x7f{_C1_AND_FORMAT}]")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_in_json(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code - 0x10000 & 0x3FF):04x}"


def printable(text: str) -> str:
    """Return a text with everything escaped that a terminal would obey, but for tabs and line breaks."""
    return _UNSAFE.sub(_escape, text)


def one_line(text: str) -> str:
    """Return a text as `printable` does, with its line breaks escaped: it cannot begin a line of its own."""
    return _UNSAFE_OR_BREAK.sub(_escape, text)


def printable_json(text: str) -> str:
    """Return a JSON text that means the same and is safe to print; JSON escapes the C0 controls itself."""
    return _UNSAFE_IN_JSON.sub(_escape_in_json, text)


def printable_json_lines(lines: bytes) -> bytes:
    """Return archive lines that are safe to print; most are ASCII, and are not looked into."""
    if lines.isascii() and b"\x7f" not in lines:
        return lines
    return printable_json(lines.decode("utf-8", "surrogatepass")).encode()


_WORDS = re.compile(r"`[^`]*`\S*|[^\s`]*`[^`]*`\S*|\S+")


def wrap(line: str, width: int) -> list[str]:
    """Return a line in parts that fit a width, each indented as the line is.

    It breaks between words alone: text in backticks, and a word that is wider than the terminal, stays whole so
    that it can be copied.
    """
    if len(line) <= width and line.isascii():
        return [line]
    from rich.cells import cell_len

    indent = line[: len(line) - len(line.lstrip(" "))]
    parts: list[str] = []
    # several blanks between words are columns, and stay where the words fit
    for blanks, word in re.findall(rf"( *)({_WORDS.pattern})", line):
        if parts and cell_len(parts[-1] + blanks + word) <= width:
            parts[-1] += blanks + word
        else:
            parts.append(f"{indent}{word}")
    return parts or [line]


def is_safe(text: str) -> bool:
    """Say whether a text has nothing in it that a terminal would obey, and no line break."""
    return _UNSAFE_OR_BREAK.search(text) is None
