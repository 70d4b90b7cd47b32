"""Times as the archive writes them: RFC 3339 in UTC with as many fractional digits as the vendor gave."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

# behind an offset, its zone's name as Java writes it, or the name and the monotonic clock as Go does
_ZONE = r"\[[\w/+\-]{1,40}\]| (?:[A-Z]{3,5}|[+-]\d{4})(?: m=[+-][\d.]{1,20})?"
_RFC3339 = re.compile(
    r"(\d{4}(?:-\d\d-|/\d\d/)\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:(?<=:\d\d:\d\d)[.,](\d{1,9})\d*)?"
    rf"\s?(?:([Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?)(?:{_ZONE})?)?$",
    re.ASCII,
)
_OPENING = re.compile(
    r'\{ ?"(?:t|ts|time|timestamp|@timestamp|eventTime|datetime)" ?: ?(?:\{ ?"\$date" ?: ?)?'
    r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:Z|\+00:?00)"',
    re.ASCII,
)
_CLF = re.compile(r"\[?(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: ([+-]\d{4}))?\]?$", re.ASCII)
_HTTP_DATE = re.compile(
    r"(?:[A-Z][a-z]{2}, )?(\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d) (GMT|UTC|[+-]\d{4})$", re.ASCII
)
# with the year at the end, as C's `asctime` has it, or behind the day and with an offset, as JavaScript's `Date` has it
_DATE_STRING = re.compile(
    r"\[?[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (?:(\d{4}) )?(\d\d:\d\d:\d\d(?:\.\d{1,9})?) "
    r"(?:(?:GMT|UTC)([+-]\d{4})?(?: \([^()]{1,60}\))?|(\d{4})\]?)$",
    re.ASCII,
)
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d(?:[.,]\d{1,9})?)(Z|[+-]\d\d(?::?\d\d)?)$", re.ASCII)
_MONTHS = {name: f"{i:02d}" for i, name in enumerate(calendar.month_abbr[1:], 1)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ((10**17, 10**9, 9), (10**14, 10**6, 6), (10**11, 10**3, 3), (0, 1, 0))
_MAX_SECONDS = 253402300799
_LEAST_PLAUSIBLE, _MOST_PLAUSIBLE = 946_684_800, 4_102_444_800
"""2000-01-01 and 2100-01-01."""
UNSET = "1970-01-01T00:00:00"
"""The beginning of Unix time, which many languages write where no time was set."""


@lru_cache(maxsize=8192)
def _utc_second(date: str, clock: str, offset: str) -> str | None:
    if date == "0001-01-01":  # Go's and .NET's time that was never set
        return None
    date = date.replace("/", "-")
    clock = clock if len(clock) == 8 else f"{clock}:00"
    # a leap second counts as the second after it, as POSIX has it: datetime knows none
    leap = clock.endswith(":60")
    try:
        moment = datetime.fromisoformat(f"{date}T{clock[:-2]}59" if leap else f"{date}T{clock}")
        if leap:
            moment += timedelta(seconds=1)
        if offset not in ("", "Z", "z", "UTC", "GMT"):
            hours, rest = int(offset[1:3]), int(offset[3:].removeprefix(":") or 0)
            if hours > 23 or rest > 59:
                return None
            minutes = hours * 60 + rest
            moment -= timedelta(minutes=-minutes if offset[0] == "-" else minutes)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat()


def normalise(text: str) -> str | None:
    """Return an RFC 3339 time in UTC, or None when ``text`` is not a time.

    ``t`` and ``z`` may be lower case, the offset may be ``+02`` or ``+0200``, the second 60, or none, as Java writes a
    whole minute. The date may have slashes, and the offset the name of its zone behind it. A time without an offset is
    taken as UTC. Digits beyond nanoseconds are dropped. The first day of the year 1 is no time.
    """
    match = _RFC3339.match(text)
    if match is None:
        return None
    date, clock, fraction, offset = match.groups()
    second = _utc_second(date, clock, offset or "")
    if second is None:
        return None
    return f"{second}.{fraction}Z" if fraction else f"{second}Z"


def opening(line: str) -> str | None:
    """Return the UTC time that a JSON line opens with, None when it does not; the rest of the line is not read."""
    match = _OPENING.match(line)
    return normalise(match[1] + "Z") if match and not match[1].startswith(UNSET) else None


def from_common_log_format(text: str) -> str | None:
    """Return the time of ``06/Feb/2019:00:00:38 +0000``, as web servers write it, or None.

    S3 and Apache write it in brackets, HAProxy with a fraction and without an offset.
    """
    match = _CLF.match(text)
    if match is None or match[2] not in _MONTHS:
        return None
    return normalise(f"{match[3]}-{_MONTHS[match[2]]}-{match[1]}T{match[4]}{match[5] or ''}")


def from_http_date(text: str) -> str | None:
    """Return the time of ``Wed, 04 Mar 2026 05:06:07 GMT`` (RFC 9110, RFC 5322), or None."""
    match = _HTTP_DATE.match(text)
    if match is None or match[2] not in _MONTHS:
        return None
    return normalise(f"{match[3]}-{_MONTHS[match[2]]}-{match[1]:0>2}T{match[4]}{match[5]}")


def from_date_string(text: str) -> str | None:
    """Return the time of ``Wed Mar  4 05:06:07 2026``, of ``Wed Mar 04 2026 05:06:07 GMT+0000 (UTC)``, or None.

    Also of ``20260304T050607Z``, the basic format of ISO 8601. Apache writes brackets and a fraction.
    """
    if match := _BASIC.match(text):
        return normalise("{}-{}-{}T{}:{}:{}{}".format(*match.groups()))
    match = _DATE_STRING.match(text)
    if match is None or match[1] not in _MONTHS or (match[3] is None) == (match[6] is None):
        return None
    return normalise(f"{match[3] or match[6]}-{_MONTHS[match[1]]}-{match[2].strip():0>2}T{match[4]}{match[5] or ''}")


@lru_cache(maxsize=8192)
def _second_of(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def from_epoch(value: int) -> str | None:
    """Return the time of a Unix timestamp in seconds, milli-, micro- or nanoseconds, detected by its magnitude."""
    if value < 0:
        return None
    per_second, digits = next((per, digits) for floor, per, digits in _UNITS if value >= floor)
    seconds, rest = divmod(value, per_second)
    if seconds > _MAX_SECONDS:
        return None
    return f"{_second_of(seconds)}.{rest:0{digits}d}Z" if digits else f"{_second_of(seconds)}Z"


def from_plausible_epoch(value: object) -> str | None:
    """Return the time of a number that may be a Unix timestamp; None unless it lies between 2000 and 2100.

    The number may be a string. What is neither, or true or false, is no time.

    The same names hold durations, sizes and counters in some logs (``"time": 35``), so a number outside of these years
    is no time. A number with a fraction keeps the digits that the number has.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not 0 < number < 2**63:
        return None
    per_second = next(per for floor, per, _ in _UNITS if number >= floor)
    if not _LEAST_PLAUSIBLE <= number / per_second < _MOST_PLAUSIBLE:
        return None
    return from_epoch_text(f"{Decimal(repr(value)):f}" if isinstance(value, float) else str(value))


class _Seconds(dict[int, str]):
    def __missing__(self, second: int) -> str:
        return self.setdefault(second, _second_of(second) + ".")


_MILLISECONDS = [f"{i:03d}Z" for i in range(1000)]
_LEAST_MS = 10**11


def from_epoch_ms(values: list[int]) -> list[str]:
    """Return the times of many milliseconds since 1970, as `from_epoch` does one by one."""
    if not values or min(values) < _LEAST_MS or max(values) > _MAX_SECONDS * 1000:
        return [from_epoch(value) or "1970-01-01T00:00:00Z" for value in values]
    seconds = _Seconds()
    return [seconds[value // 1000] + _MILLISECONDS[value % 1000] for value in values]


def from_epoch_ns(value: int) -> str:
    """Return the time of a number of nanoseconds since 1970."""
    seconds, rest = divmod(value, 10**9)
    return f"{_second_of(seconds)}.{rest:09d}Z"


def from_epoch_text(text: str) -> str | None:
    """Return the time of ``1699305954``, ``1699305954.983614000`` or ``1699305954983.614``; None for anything else."""
    whole, dot, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdigit()) or len(whole) > 19:
        return None
    time = from_epoch(int(whole))
    if not dot or time is None:
        return time
    if not (fraction.isascii() and fraction.isdigit()):
        return None
    second, _, digits = time[:-1].partition(".")
    return f"{second}.{(digits + fraction)[:9]}Z"


def epoch_ns(time: str) -> int:
    """Return the nanoseconds since 1970 of a time this module wrote (always UTC, ending in Z)."""
    fraction = time[20:-1]
    seconds = (datetime.fromisoformat(time[:19]) - _EPOCH.replace(tzinfo=None)) // timedelta(seconds=1)
    return seconds * 10**9 + (int(fraction.ljust(9, "0")) if fraction else 0)


def epoch_ms(time: str) -> int:
    """Return the milliseconds since 1970, never below 0, as archive keys use them."""
    return max(0, epoch_ns(time) // 10**6)
