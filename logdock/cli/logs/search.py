"""The search: objects are found, read many at once, and their lines printed in the order of their times."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any

import orjson
from log_shipper.compacted import number_of
from log_shipper.errors import AccountingError, CorruptInputError

from logdock.cli.account import WORKERS, Account
from logdock.cli.logs.histogram import Histogram
from logdock.cli.logs.layouts import SKEW
from logdock.cli.logs.order import TimeOrderedBuffer
from logdock.cli.logs.parallel import OrderedParallelMap
from logdock.cli.logs.places import AbsentError, SearchLocation, SearchObject, objects
from logdock.cli.logs.query import Query
from logdock.cli.logs.reader import Reader, UnreadableError
from logdock.cli.logs.scan import Form, Hit, scan

POLL_SECONDS = 5.0
SAMPLE_OBJECTS, SAMPLE_LINES = 10, 500
"""How many objects, and lines of each, are read to explain why nothing was found."""
_WRITE_LINES = 1000


class _StoppedError(Exception):
    """The reader has closed the pipe."""


class _LimitError(Exception):
    """So many lines are printed as were asked for."""


@dataclass(kw_only=True, slots=True)
class Summary:
    """What a search read and found."""

    objects: int = 0
    bytes: int = 0
    lines: int = 0
    matches: int = 0
    """How many of the lines were searched for; the others are context."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Objects that could not be read, or not to their end, with the reason."""
    is_cut: bool = False
    """Whether the search stopped at its limit of lines."""


class Search:
    """One question to some places.

    Parameters
    ----------
    limit
        The number of lines after which to stop. Default: all lines.
    histogram
        Counts the lines that were searched for by their times. Default: none, because it takes time.
    """

    def __init__(
        self,
        account: Account,
        reader: Reader,
        places: list[SearchLocation],
        query: Query,
        form: Form,
        limit: int | None = None,
        histogram: Histogram | None = None,
    ) -> None:
        self._account, self._reader, self._places = account, reader, places
        self._query, self._form, self._limit, self._histogram = query, form, limit, histogram
        self._before_lines: Callable[[], None] | None = None
        self.summary = Summary()

    def run(
        self,
        since: datetime,
        until: datetime,
        done: Callable[[int], None] = lambda _: None,
        before_lines: Callable[[], None] | None = None,
    ) -> None:
        """Print the wanted lines of a range.

        Parameters
        ----------
        done
            Called with the number of objects that were read.
        before_lines
            Called once, before the first line is printed.
        """
        self._before_lines = before_lines
        with contextlib.suppress(_LimitError):
            self._print(self.found(since, until), self._query, done)

    def what_is_empty(self) -> str:
        """Say where no object of the range is. An empty archive says nothing of what landed before it began."""
        archived = [place.export for place in self._places if place.layout is None]
        landed = [each.name for each in archived if each.lands_in == "bucket" and not each.other_account]
        if not archived:
            return "Nothing of these exports landed in this range."
        return "The archive has nothing of these exports in this range." + (
            f" For what landed before it was archived: --from landing --export {landed[0]}." if landed else ""
        )

    def follow(self, since: datetime, late: timedelta) -> None:
        """Print the wanted lines from a time on, and then what arrives, until the limit or without an end."""
        query = replace(self._query, until="9999")
        seen: set[tuple[str, str, str]] | None = None
        while not self.summary.is_cut:
            now = datetime.now(UTC)
            listed = list(self.found(since, now + SKEW))
            # what is compacted meanwhile was seen before: it is made of parts that are an hour old
            new = [each for each in listed if seen is None or not (_name(each) in seen or _is_compacted(each))]
            with contextlib.suppress(_LimitError):
                self._print(iter(new), query)
            # what is not listed any more never will be: the range only moves on
            seen = {_name(each) for each in listed}
            since = max(since, now - late)
            if not self.summary.is_cut:
                time.sleep(POLL_SECONDS)

    def found(self, since: datetime, until: datetime) -> Iterator[SearchObject]:
        """Yield the objects that may hold lines of a range.

        Raises
        ------
        CommandError
            When a place is not deployed.
        """
        try:
            yield from objects(self._account.s3, self._places, since, until, WORKERS)
        except AbsentError as error:
            raise self._account.not_deployed(error.place.stack) from None

    def sample(self, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """Yield lines of the range as the archive has them, whatever they hold: some, of the first objects alone."""
        query = replace(self._query, patterns=(), needles=(), across=(), fields=(), context=0)
        for each in islice(self.found(since, until), SAMPLE_OBJECTS):
            with contextlib.suppress(UnreadableError, CorruptInputError, AccountingError):
                hits = chain.from_iterable(scan(each, self._reader.chunks(each), query, Form.JSON))
                yield from (orjson.loads(hit.line) for hit in islice(hits, SAMPLE_LINES))

    def skip(self, found: SearchObject, reason: str) -> None:
        """Keep that an object could not be read."""
        self.summary.skipped.append((f"s3://{found.place.bucket}/{found.key}", reason))

    def _print(self, found: Iterator[SearchObject], query: Query, done: Callable[[int], None] = lambda _: None) -> None:
        ordered = TimeOrderedBuffer()
        lanes: OrderedParallelMap[SearchObject, list[Hit]] = OrderedParallelMap(
            lambda each: self._scan(lanes, each, query), WORKERS
        )
        with contextlib.closing(lanes.over(found)) as each_in_order:
            for each, batches in each_in_order:
                self._write(ordered.release(each.earliest))
                for batch in batches:
                    ordered.add(batch)
                    self._count(batch, query)
                self.summary.objects += 1
                self.summary.bytes += each.size
                done(1)
        self._write(ordered.release())
        sys.stdout.flush()

    def _count(self, batch: list[Hit], query: Query) -> None:
        self.summary.matches += sum(hit.is_match for hit in batch) if query.context else len(batch)
        if self._histogram:
            self._histogram.add(hit.time for hit in batch if hit.is_match)

    def _scan(
        self, lanes: OrderedParallelMap[SearchObject, list[Hit]], found: SearchObject, query: Query
    ) -> Iterator[list[Hit]]:
        def chunks() -> Iterator[bytes]:
            for chunk in self._reader.chunks(found):
                if lanes.stopped:
                    raise _StoppedError
                yield chunk

        try:
            yield from scan(found, chunks(), query, self._form)
        except UnreadableError as error:
            self.skip(found, str(error))
        except CorruptInputError as error:
            self.skip(found, f"{error}; what could be read before the damage is shown")
        except AccountingError as error:
            self.skip(found, f"a defect in Logdock: {error}; what was read is shown. Please report it")

    def _write(self, lines: Iterator[bytes]) -> None:
        out, batch = sys.stdout.buffer, list[bytes]()
        for line in lines:
            if self._before_lines:
                self._before_lines()
                self._before_lines = None
            batch.append(line)
            self.summary.lines += 1
            self.summary.is_cut = self.summary.lines == self._limit
            if len(batch) == _WRITE_LINES or self.summary.is_cut:
                out.write(b"".join(batch))
                batch.clear()
            if self.summary.is_cut:
                sys.stdout.flush()
                raise _LimitError
        out.write(b"".join(batch))


def _is_compacted(found: SearchObject) -> bool:
    return found.place.layout is None and number_of(found.key) is not None


def _name(found: SearchObject) -> tuple[str, str, str]:
    return found.place.bucket, found.key, found.etag
