r"""Filter patterns of CloudWatch Logs, which count lines that are a security event.

The service's regular expressions know no groups, no negated classes, and neither quotes nor spaces as they are
(CloudWatch Logs User Guide, "Supported regular expressions syntax"), so ``\x27`` and ``\x22`` are quotes and words are
spelt in both cases. A log group takes five patterns with expressions; an export has three. They count lines, which is
what an alarm needs, and are no audit: a statement that begins with a comment is not seen.
"""


def any_of(*expressions: str) -> str:
    """Return the pattern that one of some expressions matches."""
    return f"%{'|'.join(expressions)}%"


def either_case(word: str) -> str:
    """Return the expression of a word in capital or small letters."""
    return "".join(f"[{letter.upper()}{letter.lower()}]" for letter in word)


PRIVILEGE_STATEMENTS = (
    rf"{either_case('grant')}\s",
    rf"{either_case('revoke')}\s",
    *(
        rf"{either_case(verb)}\s{either_case(what)}\s"
        for verb in ("create", "alter", "drop")
        for what in ("user", "role")
    ),
)
SCHEMA_STATEMENTS = (
    *(
        rf"{either_case(verb)}\s{either_case(what)}"
        for verb in ("create", "alter", "drop")
        for what in ("table", "database", "view")
    ),
    rf"{either_case('truncate')}\s",
)
