"""Times as people write them: ISO 8601, `2h`, `yesterday 03:12`, `tue 03:12`, and what logs and clocks print.

Only notations that mean one moment are taken: a library that guesses reads 01/02 one way, and the line is not found. A
time without an offset is in UTC, as every time that is printed.
"""

import calendar
import contextlib
import re
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime

from log_shipper import timestamps

from logdock.cli.errors import CommandError, ExitCode

_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"((?:\d+ ?(?:min|[smhdw]) ?)+)(?:ago)?")
_PART = re.compile(r"(\d+) ?(min|[smhdw])")
_EPOCH = re.compile(r"\d{9,19}(?:\.\d{1,9})?")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?")
_DAYS = [name.lower() for name in calendar.day_name]
ALLOWED = (
    "2026-11-17, 2026-11-17T03:12:00Z, '2026-11-17 03:12 +0100', 90s, 15m, 2h, 3d, 1w, now, today, "
    "'yesterday 03:12', 'tuesday 03:12', 03:12, 1763349120, or '17/Nov/2026:03:12:00 +0000'"
)


def moment(option: str, text: str, now: datetime) -> datetime:
    """Return the moment that a text means, in UTC.

    Parameters
    ----------
    option
        The option that it was given to, for the message.
    now
        What relative times count from. A weekday or a time of day is the last one that is over.

    Raises
    ------
    CommandError
        When the text is no time.
    """
    words = " ".join(text.lower().split())
    found = None
    with contextlib.suppress(ValueError, OverflowError):
        found = _relative(words, now) or _day_and_clock(words, now) or _absolute(" ".join(text.split()))
    if found is None:
        raise CommandError(f"{option} {text!r} is not a time. Times look like {ALLOWED}", ExitCode.USAGE)
    return found.astimezone(UTC)


def _relative(words: str, now: datetime) -> datetime | None:
    if words == "now":
        return now
    if _AGO.fullmatch(words) is None:
        return None
    return now - sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in _PART.findall(words)), timedelta())


def _day_and_clock(words: str, now: datetime) -> datetime | None:
    """Read `yesterday`, `tuesday 03:12` and `03:12`."""
    day_word, _, clock_word = words.removeprefix("last ").partition(" ")
    if _CLOCK.fullmatch(day_word):
        found = datetime.combine(now.date(), _clock(day_word), UTC)
        return found if found <= now else found - timedelta(days=1)
    day = _day(day_word, now.date(), was_last=words.startswith("last "))
    if day is None:
        return None
    found = datetime.combine(day, _clock(clock_word) if clock_word else time(), UTC)
    is_weekday = day_word not in ("today", "yesterday")
    return found - timedelta(weeks=1) if is_weekday and found > now else found


def _day(word: str, today: date, *, was_last: bool) -> date | None:
    if word in ("today", "yesterday"):
        return None if was_last else today - timedelta(days=word == "yesterday")
    matching = [number for number, name in enumerate(_DAYS) if len(word) >= 3 and name.startswith(word)]
    if not matching:
        return None
    back = (today.weekday() - matching[0]) % 7
    return today - timedelta(days=back or (7 if was_last else 0))


def _clock(word: str) -> time:
    match = _CLOCK.fullmatch(word.removesuffix("z"))
    if match is None:
        raise ValueError(word)
    hour, minute, second, fraction = match.groups()
    return time(int(hour), int(minute), int(second or 0), int((fraction or "").ljust(6, "0")))


def _absolute(text: str) -> datetime | None:
    # a number of fewer digits is a date, or an error
    read = timestamps.from_epoch_text if _EPOCH.fullmatch(text) else timestamps.from_common_log_format
    if in_utc := read(text):
        return datetime.fromisoformat(in_utc)
    if "," in text and text[:1].isalpha():
        return _in_utc(parsedate_to_datetime(text))
    # fromisoformat takes no blank before the offset, and no "UTC"
    text = re.sub(r" ?(?:UTC|GMT|Z)$", "+00:00", text, flags=re.IGNORECASE)
    return _in_utc(datetime.fromisoformat(re.sub(r" (?=[+-]\d\d:?\d\d$)", "", text)))


def _in_utc(found: datetime) -> datetime:
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def written(when: datetime) -> str:
    """Return a moment as it is printed."""
    return when.isoformat(timespec="microseconds").replace(".000000", "").replace("+00:00", "Z")


def bound(when: datetime) -> str:
    """Return a moment as a text that compares with the times of records, from which the final Z is taken."""
    text = when.isoformat(timespec="microseconds")[:26]
    return text.rstrip("0").rstrip(".") if "." in text else text
