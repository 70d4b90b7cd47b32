"""Durations, ages and numbers, as tables and sentences show them."""

from datetime import datetime


def ago(moment: datetime | None, now: datetime) -> str:
    """Write how long ago something was, within a fortnight."""
    return f"{duration((now - moment).total_seconds())} ago" if moment else "not in 14 days"


def duration(seconds: float | None) -> str:
    """Write how long something takes, in one unit; nothing where that is not known."""
    if seconds is None:
        return ""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def counted(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number} {what}{'s' * (number != 1)}"
