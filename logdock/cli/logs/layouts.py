"""How vendors name what they write: which folders need no look, and between which times an object's records are.

A name is trusted only where its vendor's layout says what it means; for all else the time of writing decides: no record
is later than that, and none, but for replays, much earlier.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SKEW = timedelta(minutes=5)
"""How far a vendor's clock may be from that of S3."""
AFTER_DATES = ":"
"""Sorts after every name that begins with a digit, and before every one that begins with a letter."""
ANY = datetime.min.replace(tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Layout:
    """A bucket whose names say nothing."""

    since: datetime
    until: datetime
    late: timedelta
    """How much later than its records an object may have been written."""

    def skips(self, folder: str) -> bool:
        """Say whether a folder, with its final slash, holds nothing that is wanted."""
        del folder
        return False

    def names_between(self, names: list[str]) -> tuple[str, str] | None:
        """Return where the wanted names of a folder begin and end, by its first names; None without an order of time.

        Names that do not begin with a digit are outside of that order, and may all be wanted.
        """
        del names
        return None

    def span(self, key: str, modified: datetime) -> tuple[datetime, datetime] | None:
        """Return the times that an object's records are between; None for an object that is not wanted anyway."""
        del key
        return modified - self.late - SKEW, modified + SKEW

    def wants(self, key: str, modified: datetime) -> datetime | None:
        """Return the earliest time of an object's records, None when none of them can be in the range."""
        span = self.span(key, modified)
        if span is None or span[1] < self.since or span[0] >= self.until:
            return None
        return span[0]

    def _is_outside(self, day: datetime) -> bool:
        """Say whether nothing of a day's folder is wanted, in whatever time zone its day is."""
        return day + 2 * _DAY <= self.since or day - _DAY > self.until + self.late


class DatedNames(Layout):
    """MongoDB Atlas: ``{cluster}/{hostname}/{logType}/[{YYYY-MM-DD}/]{timestamp}-{logType}.log``; and S3 access logs.

    The timestamp's form is not documented: it is relied on where it begins with the date. Sources: the Admin API's
    ``useLegacyPathStructure``; S3 User Guide, "Logging requests with server access logging".
    """

    __slots__ = ()
    _NAME = re.compile(r"\d{4}-\d\d-\d\d")

    def skips(self, folder: str) -> bool:
        """Skip the folders of other days."""
        name = folder.rstrip("/").rpartition("/")[2]
        day = _date(*name.split("-")) if self._NAME.fullmatch(name) else None
        return day is not None and self._is_outside(day)

    def names_between(self, names: list[str]) -> tuple[str, str] | None:
        """Begin and end a day outside of the range, in whatever time zone names are.

        A name is of its records' time or of its upload, which is at most `late` after them.
        """
        if not all(self._NAME.match(name) for name in names):
            return None
        return f"{self.since - 2 * _DAY:%Y-%m-%d}", f"{self.until + self.late + 2 * _DAY:%Y-%m-%d}"


class Logpush(Layout):
    """Cloudflare: ``{prefix}/{dataset}/[{YYYYMMDD}/]{begin}_{end}_{id}.log.gz``.

    The folder is that of ``{DATE}`` (Cloudflare Logs, "Enable Amazon S3"). How files are named is not documented: a
    name is relied on where it has the form of Cloudflare's examples, a time in UTC.
    """

    __slots__ = ()
    _FOLDER = re.compile(r"(20\d\d)(\d\d)(\d\d)")
    _NAME = re.compile(r"20\d{6}T\d{6}Z_")

    def skips(self, folder: str) -> bool:
        """Skip the folders of other days."""
        named = self._FOLDER.fullmatch(folder.rstrip("/").rpartition("/")[2])
        day = _date(*named.groups()) if named else None
        return day is not None and self._is_outside(day)

    def names_between(self, names: list[str]) -> tuple[str, str] | None:
        """Begin and end an hour outside of the range and of what may be late: a file collects at most five minutes."""
        if not all(self._NAME.match(name) for name in names):
            return None
        margin = self.late + timedelta(hours=1)
        return f"{self.since - margin:%Y%m%dT%H%M%S}", f"{self.until + margin:%Y%m%dT%H%M%S}"


class ServicePaths(Layout):
    """What AWS services write: ``AWSLogs/<account>/<service>/<Region>/YYYY/MM/DD/``.

    VPC flow logs may write ``year=YYYY/month=MM/day=DD/`` (Amazon VPC User Guide, "Flow log files").
    """

    __slots__ = ()
    _FOLDER = re.compile(
        r"(?:.*/)?AWSLogs/(?:.*/)?(?:year=)?(?P<year>20\d\d)/(?:(?:month=)?(?P<month>\d\d)/(?:(?:day=)?(?P<day>\d\d)/)?)?"
    )

    def skips(self, folder: str) -> bool:
        """Skip the folders of other years, months and days."""
        match = self._FOLDER.fullmatch(folder)
        if match is None:
            return False
        year, month, day = match["year"], match["month"], match["day"]
        first = _date(year, month or "01", day or "01")
        last = _date(year, month or "12", day or ("28" if month else "31"))
        if first is None or last is None:
            return False
        # a month has up to three days after its 28th
        rest = timedelta(days=3) if month and not day else timedelta()
        return first - _DAY > self.until + self.late or last + rest + 2 * _DAY <= self.since


@dataclass(frozen=True, slots=True)
class Selectors:
    """What `aptible logs_from_archive` selects by; None where it does not matter."""

    stack: str | None = None
    resource: str | None = None
    """The folder of an app, a database or an endpoint, such as ``apps-321``."""
    container: str | None = None
    """The beginning of a container's id."""


@dataclass(frozen=True, slots=True)
class Aptible(Layout):
    """``<stack>/shareable/<schema>/<hash>/<type>-<id>/[service-<id>/]<container>-json.log...``.

    Schema v3 names the times of the first and the last line, v2 that of the upload, and both may say ``unknown``.
    Source: aptible-cli, ``s3_log_helpers.rb``.
    """

    selectors: Selectors = Selectors()
    _TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|unknown)"
    _V3 = re.compile(rf"([0-9A-Za-z]+)-json\.log(?:\.\d+)?\.{_TIME}\.{_TIME}\.archived\.gz")
    _V2 = re.compile(rf"([0-9A-Za-z]+)-json(?:\.\d+)?\.log\.{_TIME}\.bck\.gz")

    def skips(self, folder: str) -> bool:
        """Skip other stacks and resources."""
        parts = folder.rstrip("/").split("/")
        wanted = self.selectors
        is_other_stack = wanted.stack is not None and parts[0] != wanted.stack
        return is_other_stack or (len(parts) > 4 and wanted.resource is not None and parts[4] != wanted.resource)

    def span(self, key: str, modified: datetime) -> tuple[datetime, datetime] | None:
        """Return the times that the name says, or none earlier than the upload."""
        parts = key.split("/")
        v3 = self._V3.fullmatch(parts[-1])
        named = v3 or self._V2.fullmatch(parts[-1])
        wanted = self.selectors
        container = named[1] if named else parts[-1]
        if self.skips("/".join(parts[:-1]) + "/") or not container.startswith(wanted.container or ""):
            return None
        if wanted.resource is not None and (len(parts) < 6 or parts[4] != wanted.resource):
            return None
        first, last = (_time(v3[2]), _time(v3[3])) if v3 else (None, None)
        # the names have whole seconds
        return first or ANY, last + timedelta(seconds=1) if last else modified + SKEW


def _time(text: str) -> datetime | None:
    return None if text == "unknown" else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _date(year: str, month: str, day: str) -> datetime | None:
    try:
        return datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return None
