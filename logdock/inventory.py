"""How much of what AWS counts by account or Region each stack of a deployment has, from the settings alone.

`logdock validate --offline` has no templates, and `logdock` is installed without the CDK. A test compares these counts
with the templates of every example and of a deployment with every kind of export.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from logdock.dashboard import dashboards
from logdock.settings.costs import alarms_of
from logdock.settings.deployment import Deployment
from logdock.settings.destinations import LogzioDestination
from logdock.settings.exports import (
    CloudwatchLogsExport,
    CockroachdbExport,
    DatabaseExport,
    Export,
    MongodbAtlasExport,
    S3LogsExport,
)
from logdock.settings.names import Names

NAMES_CHARACTERS = 3000
"""How many characters of log groups' names share a configuration of a connector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StackParts:
    """What one stack has, alarms with the composite ones, parameters with those that its functions save state in."""

    name: str
    region: str
    roles: int = 0
    functions: int = 0
    rules: int = 0
    wildcard_rules: int = 0
    parameters: int = 0
    alarms: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Connector:
    """The parts of one connector: its function, the CDK's provider framework, and what each operation adds.

    ``on_event`` and the framework's function have a role each. What is polled also has ``is_complete``, two more
    functions of the framework with a role, and the role of the waiting state machine.
    """

    is_polled: bool = False
    is_scheduled: bool = False
    configurations: int = 0
    states: int = 0

    @property
    def roles(self) -> int:
        return 4 if self.is_polled else 2

    @property
    def functions(self) -> int:
        return (5 if self.is_polled else 2) + self.is_scheduled

    @property
    def parameters(self) -> int:
        return self.configurations + self.states


def stacks_of(settings: Deployment) -> Iterator[StackParts]:
    """Yield every stack of a deployment."""
    names = Names.of(settings)
    yield _core(settings, names)
    if settings.replica:
        region = settings.replica.region
        yield StackParts(name=names.replica(region), region=region, roles=1)
    for region in settings.regions:
        yield _shipper(settings, names, region)
    for export in settings.exports:
        for region in settings.regions_of(export):
            yield _export(settings, names, export, region)
    for number, _ in enumerate(dashboards(settings, names), 1):
        yield StackParts(name=names.dashboard_stack(number), region=settings.region)


def _core(settings: Deployment, names: Names) -> StackParts:
    notified = settings.alerts.webhook is not None
    replicated = settings.replica is not None
    return StackParts(
        name=names.core_stack,
        region=settings.region,
        # the archiver's, the reminders' and their rule's
        roles=3 + len(settings.shippers) + bool(settings.readers) + (settings.subscriptions == "kinesis"),
        rules=1 + 2 * notified,
        alarms=_notification_alarms(settings) + 2 * replicated,
    )


def _notification_alarms(settings: Deployment) -> int:
    return 2 + 2 * (settings.alerts.webhook is not None) + 1


def _shipper(settings: Deployment, names: Names, region: str) -> StackParts:
    is_home, streamed = region == settings.region, settings.subscriptions == "kinesis"
    notified = settings.alerts.webhook is not None
    roles = functions = rules = parameters = 0
    # of the archiver, and their composite
    alarms = 3 + 2 * streamed
    alarms += not streamed and any(
        each.lands_in == "log groups" and region in settings.regions_of(each) for each in settings.exports
    )
    if not is_home:
        roles, rules = 2 + streamed, 1 + 2 * notified
        alarms += _notification_alarms(settings)
    else:
        functions += len(settings.shippers)
        # failing, lag, dead, busy, recursion and the composite; slow where records are posted
        alarms += 6 * len(settings.shippers) + len(settings.pushes)
        for destination in settings.destinations:
            if not isinstance(destination, LogzioDestination):
                continue
            if destination.metrics:
                tags = bool(destination.metrics.tags)
                roles, functions, rules, alarms = roles + 2 + tags, functions + tags, rules + tags, alarms + 3 + tags
            if destination.mode == "fetch":
                shipped = sum(destination.name in export.ship_to for export in settings.exports)
                archives = destination.archive_and_restore is not None
                roles += 1 + archives
                if destination.connect:
                    # A fetcher saves its state in a parameter, and during a rotation there are two of each export.
                    states = 1 + 2 * shipped + archives
                    connector = _Connector(is_polled=True, configurations=2 + archives, states=states)
                    roles += connector.roles
                    functions += connector.functions
                    parameters += connector.parameters
    return StackParts(
        name=names.in_region("shipper", region),
        region=region,
        roles=roles,
        functions=1 + functions,
        rules=rules,
        parameters=parameters,
        alarms=alarms,
    )


def _export(settings: Deployment, names: Names, export: Export, region: str) -> StackParts:
    is_home = region == settings.region
    connector = _connector_of(settings, export, region)
    is_database = isinstance(export, DatabaseExport)
    has_database_role = isinstance(export, DatabaseExport) and export.has_own_role
    announces = is_home and (export.lands_in == "bucket" or bool(export.announced_to))
    own_role = (isinstance(export, MongodbAtlasExport | CockroachdbExport) and is_home) or has_database_role
    alarms = _alarms_of(settings, export, region)
    return StackParts(
        name=names.in_region(export.name, region),
        region=region,
        roles=own_role + (connector.roles if connector else 0),
        functions=connector.functions if connector else 0,
        rules=announces + is_database + (connector.is_scheduled if connector else 0),
        wildcard_rules=int(is_database),
        parameters=1 + (connector.parameters if connector else 0),
        alarms=alarms + bool(alarms),
    )


def _connector_of(settings: Deployment, export: Export, region: str) -> _Connector | None:
    is_home = region == settings.region
    match export:
        case MongodbAtlasExport(connect=connect) if connect:
            operations = 2 + bool(connect.alert) + bool(connect.auditing) + bool(connect.redact_clusters)
            return _Connector(is_polled=True, configurations=operations, states=operations)
        case CockroachdbExport():
            connects = is_home and export.connect is not None
            adopts = export.adopt_log_groups and region in export.landing(settings).regions
            pages = _pages(export.log_groups) if adopts else 0
            if connects or adopts:
                return _Connector(is_polled=connects, configurations=2 * connects + pages, states=int(connects))
        case DatabaseExport() if export.log_groups == "adopt" or export.is_configured:
            pages = _pages(export.log_group_names) if export.log_groups == "adopt" else 0
            return _Connector(configurations=export.is_configured + pages, states=int(export.is_configured))
        case S3LogsExport(existing_bucket=bucket) if bucket:
            return _Connector(configurations=1, states=1)
        case CloudwatchLogsExport():
            adopts = bool(export.log_groups) and (bool(export.retention_days) or export.encrypt)
            scans = bool(export.log_group_prefixes)
            if adopts or scans:
                pages = _pages(export.log_groups) if adopts else 0
                return _Connector(is_scheduled=scans, configurations=scans + pages, states=int(scans))
    return None


def _pages(log_groups: Sequence[str]) -> int:
    return 1 + len(json.dumps(log_groups)) // NAMES_CHARACTERS


def _alarms_of(settings: Deployment, export: Export, region: str) -> int:
    """Count an export's alarms in a Region; what is announced and whom the vendor is are watched at home."""
    alerts = settings.alerts_of(export)
    found = alarms_of(settings, export)
    if region != settings.region:
        vendor_is_watched = isinstance(export, CockroachdbExport) and alerts.trail_log_group is not None
        found -= 2 * len(export.ship_to) + bool(export.ship_to) + vendor_is_watched
        # where the cluster has no node nothing lands
    band = alerts.volume_band and (export.lands_in == "log groups" or bool(export.ship_to))
    return found + band
