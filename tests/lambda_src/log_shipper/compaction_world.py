"""The archive in memory, in which every call is a step, and what a test does with it."""

import gzip
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from log_shipper.compact import Compactor, Settings
from log_shipper.compacted import number_of
from log_shipper.export_config import ExportConfigs

from logdock.cli.logs.places import SearchLocation, objects
from logdock.cli.logs.reader import Reader
from tests.aws_in_memory import Memory, Stored, error

ARCHIVE = "acme-archive"
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
HOUR = "logs/orders/dt=2026-11-21/hour=06/"
LANDED = NOW - timedelta(hours=5)
CONFIG = {"vendor": "cockroachdb", "landing": {"log_groups": []}, "ship_to": ["logz"]}


class KilledError(BaseException):
    """The function is killed: nothing in it may catch this."""


class Bucket(Memory):
    """The archive: every call is a step before it and one after it.

    Attributes
    ----------
    fuse
        How many steps the function lives; None for good.
    at_step
        Called at each step.
    unheard
        The call whose answer is lost, once.
    read
        The keys of objects that were read, in order.
    """

    def __init__(self, page: int = 1000) -> None:
        super().__init__(page)
        self.exports = {"orders": CONFIG}
        self.fuse: int | None = None
        self.steps, self.modified = 0, NOW
        self.at_step: Callable[[], None] = lambda: None
        self.unheard: str | None = None
        self.read: list[str] = []

    def client(self) -> Any:
        """Return the client."""
        return self

    def before(self, operation: str, asked: Mapping[str, Any]) -> None:
        if operation == "put_object":
            # event rules distinguish compacted objects from parts by how they were created
            assert number_of(asked["Key"]) is None
        if operation == "get_object":
            self.read.append(asked["Key"])
        self.step()

    def step(self) -> None:
        """Come to a point where the function may be killed."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise KilledError
        self.steps += 1
        self.at_step()

    def after(self, operation: str, _: Mapping[str, Any]) -> None:
        self.step()
        if self.unheard == operation:
            self.unheard = None
            raise error("InternalError", operation)

    # what a test does

    def part(self, number: int, lines: list[str], hour: str = HOUR, *, modified: datetime = LANDED, policy: str = "p"
             ) -> str:  # fmt: skip
        """Write a part."""
        key = f"{hour}{1_795_240_800_000 + number:013d}-{number:016x}.json.gz"
        body = gzip.compress("".join(json.dumps({"message": line}) + "\n" for line in lines).encode(), mtime=0)
        metadata = {"logdock-policy": policy} if policy else {}
        self.objects[ARCHIVE, key] = Stored(body, f'"part-{number}"', modified, metadata)
        return key

    def compact(
        self, *, now: datetime = NOW, seconds: float = 1000.0, feeds: frozenset[str] = frozenset()
    ) -> Compactor:
        """Run compaction, as far as the fuse lets it."""
        configs = ExportConfigs(lambda name: json.dumps(self.exports[name]))
        compactor = Compactor(Settings(ARCHIVE, "marks", feeds), configs, lambda: seconds, now)
        compactor.run()
        return compactor

    def listed(self, prefix: str = "logs/") -> list[str]:
        """Return the keys."""
        return self.keys(ARCHIVE, prefix)


class Now(Future[Any]):
    """A call in the background that is made at once."""

    def __init__(self, call: Callable[..., Any], *args: Any) -> None:
        super().__init__()
        try:
            self.set_result(call(*args))
        except Exception as error:  # noqa: BLE001 - as a pool's thread does
            self.set_exception(error)


def read_archive(s3: Bucket) -> list[str]:
    """Return the lines that `logdock logs` reads of two days, sorted."""
    place = SearchLocation(export=cast("Any", None), bucket=ARCHIVE, stack="core", prefix="logs/orders/")
    start = NOW.replace(hour=0, minute=0) - timedelta(days=1)
    reader = Reader(cast("Any", s3), cast("Any", None))
    lines: list[str] = []
    for found in objects(cast("Any", s3), [place], start, start + timedelta(days=3), 2):
        lines += gzip.decompress(b"".join(reader.chunks(found))).decode().splitlines()
    return sorted(lines)
