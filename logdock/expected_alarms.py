"""Which alarms of the table a deployment has, from the settings alone: by it costs and stacks' sizes are counted.

A test compares both with the templates of every example.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from logdock.kind_parts import own_parts
from logdock.settings.deployment import Deployment

if TYPE_CHECKING:
    from logdock.settings.exports import Export

Alarms = list[str]
"""Keys of the table `logdock.alarms.ALARMS`, each as often as there is such an alarm."""


def export_alarms(settings: Deployment, export: Export, region: str) -> Alarms:
    """List an export's alarms in a Region. Its destinations and its vendor are watched in the deployment's own."""
    alerts, is_home = settings.alerts_of(export), region == settings.region
    through_groups = export.lands_in == "log groups"
    measured = through_groups or bool(export.ship_to)
    shipped = len(export.announced_to) if is_home else 0
    counts = {
        "silence": bool(alerts.silent_after_minutes),
        "lag": through_groups + shipped,
        "refused": shipped,
        "handover": bool(shipped),
        "volume": measured and alerts.daily_gb is not None,
        "volume-band": measured and alerts.volume_band,
        "denied": is_home and not export.is_of_aws and alerts.trail_log_group is not None,
    }
    for name in own_parts(export.kind, settings, export, region).alarms:
        # a count of security events is an alarm if so many an hour are asked for
        counts[name] = getattr(alerts, f"{name.replace('-', '_')}_per_hour", True) is not None
    return [f"export/{name}" for name, count in counts.items() for _ in range(count)]


def shared_alarms(settings: Deployment, region: str) -> Mapping[str, Alarms]:
    """Return the alarms in a Region that belong to no export, by the name of the composite alarm that has them."""
    lands_here = any(each.lands_in == "log groups" and region in settings.regions_of(each) for each in settings.exports)
    names = ["failed", "lost"]
    if settings.subscriptions == "kinesis":
        names += ["unclaimed", "behind"]
    elif lands_here:
        names.append("deliveries")
    messages = 4 if settings.alerts.webhook else 2
    everywhere = {"archiver": [f"archiver/{name}" for name in names], "alerts": ["alerts/undelivered"] * messages}
    if region != settings.region:
        return everywhere
    found: dict[str, Alarms] = {}
    for destination in settings.shippers:
        names = ["failing", "crashing", "lag", "dead", "busy", "recursion"]
        names += ["slow"] * (destination in settings.pushes)
        found[f"ship-{destination}"] = [f"destination/{name}" for name in names]
    for each in settings.destinations:
        own = own_parts(each.kind, settings, each).alarms
        found[f"ship-{each.name}"] += [f"destination/{name}" for name in own]
    found |= everywhere
    if settings.archive.compact:
        found["compactor"] = ["compactor/compaction"]
    if settings.replica:
        found["replica"] = ["replica/not-copied"]
    return found
