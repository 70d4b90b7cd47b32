"""Syntax errors of YAML: the line that has to be changed, which is often not where the parser stops, and the change."""

import re

import yaml

from logdock.settings.errors import ErrorDetail
from logdock.settings.placeholders import CURLY_QUOTES, STRAIGHT_QUOTES_EXPECTED

_SETTING = re.compile(r"\s*(- +)*[^\s#'\"-][^:]*:(\s|$)")
_LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""What PyYAML counts as one."""


def explain_syntax(text: str, error: yaml.MarkedYAMLError) -> ErrorDetail:
    """Return where a text is no YAML, why, and what to type instead.

    PyYAML's excerpt is omitted: the line may hold a secret.
    """
    lines = _LINE_BREAK.split(text)
    line, column, remedy = _cause(text, lines, error)
    source = lines[line] if line < len(lines) else ""
    if "\t" in source[: len(source) - len(source.lstrip())]:
        remedy = "type spaces in place of the tab: YAML takes no tabs for indentation"
    elif any(sign in source for sign in CURLY_QUOTES):
        remedy = f"type {STRAIGHT_QUOTES_EXPECTED}"
    message = f"is not valid YAML: {error.problem or error.context}"
    return ErrorDetail(
        place="",
        line=line + 1,
        column=column + 1,
        message=f"{message}; {remedy}" if remedy else message,
        allowed=remedy,
    )


def _cause(text: str, lines: list[str], error: yaml.MarkedYAMLError) -> tuple[int, int, str | None]:
    """Return the line and column to change, counted from 0, and what to do there."""
    mark, context, problem = error.problem_mark or error.context_mark, error.context_mark, error.problem or ""
    if mark is None:
        return 0, 0, None
    if context is not None and error.context and "quoted scalar" in error.context and "end of stream" in problem:
        return context.line, context.column, "close the quote that begins here"
    if context is not None and error.context and "flow" in error.context and "'<scalar>'" not in problem:
        return context.line, context.column, "close the bracket that begins here, or put a comma between its values"
    if context is not None and "could not find expected ':'" in problem:
        return context.line, context.column, _COLON_EXPECTED
    if "mapping values" in problem:
        return _unexpected_colon(lines, mark)
    if "'<scalar>'" in problem and (quote := _open_quote(text, mark)):
        return quote.line, quote.column, "close the quote that begins here"
    if "'<scalar>'" in problem and error.context and "flow" in error.context:
        return mark.line, mark.column, "put a comma before this value"
    if "'<scalar>'" in problem:
        return mark.line, mark.column, "put the whole value in one pair of quotes; '' is a single quote in such a value"
    if re.search(r"character '[@`%|>]'", problem):
        return mark.line, mark.column, "put the value in quotes"
    if "<block end>" in problem:
        return mark.line, mark.column, "indent the line as much as the settings beside it"
    if "unknown escape" in problem or "escape of no" in problem:
        return mark.line, mark.column, "put the value in single quotes, where a backslash is a backslash"
    if "alias" in problem or error.context == "while scanning an alias":
        return mark.line, mark.column, "put a value that begins with * in quotes"
    return mark.line, mark.column, None


_COLON_EXPECTED = "type a colon and a space between the setting and its value"


def _unexpected_colon(lines: list[str], mark: yaml.Mark) -> tuple[int, int, str]:
    """Distinguish a value with a colon, a line too far to the right, and a line above that lacks its own colon."""
    if _SETTING.match(lines[mark.line][: mark.column]):
        return mark.line, mark.column, "put a value with a colon in quotes"
    above = next(number for number in range(mark.line - 1, -2, -1) if number < 0 or lines[number].strip())
    if above < 0 or _SETTING.match(lines[above]):
        return mark.line, _indentation(lines[mark.line]), "indent the line as much as the settings beside it"
    return above, _indentation(lines[above]), _COLON_EXPECTED


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _open_quote(text: str, mark: yaml.Mark) -> yaml.Mark | None:
    """Return where a quoted value begins that ends just before a mark, but on an earlier line than it should."""
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if token.start_mark.index >= mark.index:
                return None
            if (
                isinstance(token, yaml.ScalarToken)
                and not token.plain
                and token.start_mark.line < token.end_mark.line == mark.line
            ):
                mark_of_quote: yaml.Mark = token.start_mark
                return mark_of_quote
    except yaml.YAMLError:
        pass
    return None
