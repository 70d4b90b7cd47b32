"""What `logdock status` shows, as `survey` finds it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from logdock.cli.stacks import DeployedStack
from logdock.cli.status.alarms import Alarm
from logdock.cli.status.compaction import Uncompacted


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One export on its way to one destination."""

    export: str
    kind: str
    landed: datetime | None
    destination: str
    shipped: datetime | None
    """`landed`, `shipped`: When records last came, and were last delivered; None where that was not within a fortnight,
    or is not known."""
    lag_seconds: float | None
    """How old what was delivered then was, at most."""
    quarantined: int | None
    """How many objects with refused records are kept; None where it is not known."""
    unknown: tuple[str, ...]
    """The attributes above that are not known."""
    at_least: bool = False
    """True when more objects may be kept than `quarantined` says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """A destination's queue; None where it is not known."""

    destination: str
    waiting: int | None
    in_flight: int | None
    oldest_seconds: float | None
    dead: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Late:
    """An export of which nothing has landed for longer than its `silent_after_minutes`."""

    export: str
    landed: datetime | None
    """When something landed last; None where that was not within a fortnight."""
    minutes: int


@dataclass(kw_only=True, slots=True)
class Status:
    """What a look at the deployment shows."""

    deliveries: list[Delivery] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    kept: dict[str, int | None] = field(default_factory=dict)
    """Events that the archiver could not archive, by Region."""
    elsewhere: int = 0
    """How many objects in quarantine are of an export or destination that the settings do not name."""
    vendors: dict[str, str | None] = field(default_factory=dict)
    """The vendor's own status, by export or destination where it can be asked; None where it is not known."""
    members: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """The same of each project, cluster or database, by the export that has several."""
    alarms: list[Alarm] | None = None
    """The alarms that are on; None where it is not known."""
    late: list[Late] = field(default_factory=list)
    """The exports that are silent for longer than they may be."""
    uncompacted: list[Uncompacted] | None = field(default_factory=list)
    """Hours of the archive that wait to be compacted until a destination has them; None where it is not known."""
    orphans: list[DeployedStack] | None = None
    """Stacks of this deployment that the settings do not have; None where it is not known."""
    notes: list[str] = field(default_factory=list)
    """What could not be read, and why."""
    not_looked_at: list[str] = field(default_factory=list)
    """What could have been read and was not, and why."""

    @property
    def failures(self) -> int:
        """How many failures are kept anywhere, as far as is known."""
        return (
            sum(each.quarantined or 0 for each in self.deliveries)
            + sum(each.dead or 0 for each in self.queues)
            + sum(count or 0 for count in self.kept.values())
            + self.elsewhere
        )


def common_status(found: Mapping[str, str | None]) -> str | None:
    """Return the status that all members have, or how many have which."""
    counts = Counter(status or "not known" for status in found.values())
    if None in found.values() and len(counts) == 1:
        return None
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{number} {status}" for status, number in counts.most_common())
