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
from logdock.settings.exports import Export
from logdock.settings.names import Names
from logdock.vendors.registry import has_part, load_part

NAMES_CHARACTERS = 3000
"""How many characters of log groups' names share a configuration of a connector."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StackParts:
    """What one stack has, alarms with the composite ones, parameters with those that its functions save state in.

    Attributes
    ----------
    other_account
        The account that it is in, where that is not the deployment's.
    """

    name: str
    region: str
    other_account: str | None = None
    roles: int = 0
    functions: int = 0
    rules: int = 0
    wildcard_rules: int = 0
    parameters: int = 0
    alarms: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectorParts:
    """The parts of one connector: its function, the CDK's provider framework, and what each operation adds.

    ``on_event`` and the framework's function have a role each. What is polled also has ``is_complete``, two more
    functions of the framework with a role, and the role of the waiting state machine.

    Attributes
    ----------
    is_polled, is_scheduled
        It waits for a vendor; it also runs on a schedule.
    configurations, states
        How many parameters its operations are configured with, and how many they save state in.
    """

    is_polled: bool = False
    is_scheduled: bool = False
    configurations: int = 0
    states: int = 0

    @property
    def roles(self) -> int:
        """How many roles it has."""
        return 4 if self.is_polled else 2

    @property
    def functions(self) -> int:
        """How many functions it has."""
        return (5 if self.is_polled else 2) + self.is_scheduled

    @property
    def parameters(self) -> int:
        """How many parameters it has."""
        return self.configurations + self.states


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnParts:
    """What the stack of an export, or a destination in the shipper's stack, has because of its kind.

    ``count`` of the kind's module ``inventory`` returns it: ``count(settings, export, region)`` for an export, and
    ``count(settings, destination)`` for a destination. Default: nothing.

    Attributes
    ----------
    wildcard_rules
        Of the rules, those whose pattern has a wildcard.
    home_alarms
        Of the export's alarms, those that are in the deployment's own Region alone.
    """

    roles: int = 0
    functions: int = 0
    rules: int = 0
    wildcard_rules: int = 0
    alarms: int = 0
    home_alarms: int = 0
    connector: ConnectorParts | None = None


def _own_parts(kind: str, *arguments: object) -> OwnParts:
    if not has_part(kind, "inventory"):
        return OwnParts()
    found = load_part(kind, "inventory").count(*arguments)
    assert isinstance(found, OwnParts)  # noqa: S101  (narrows what a kind returns)
    return found


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
            yield from _export(settings, names, export, region)
    for number, _ in enumerate(dashboards(settings, names), 1):
        yield StackParts(name=names.dashboard_stack(number), region=settings.region)


def _core(settings: Deployment, names: Names) -> StackParts:
    notified = settings.alerts.webhook is not None
    replicated = settings.replica is not None
    return StackParts(
        name=names.core_stack,
        region=settings.region,
        # the archiver's, the reminders' and their rule's
        roles=3
        + len(settings.shippers)
        + bool(settings.readers)
        + (settings.subscriptions == "kinesis")
        + settings.archive.compact,
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
        compacts = settings.archive.compact
        functions += len(settings.shippers) + compacts
        rules += compacts
        alarms += 2 * compacts
        # failing, lag, dead, busy, recursion and the composite; slow where records are posted
        alarms += 6 * len(settings.shippers) + len(settings.pushes)
        for destination in settings.destinations:
            own = _own_parts(destination.kind, settings, destination)
            roles += own.roles + (own.connector.roles if own.connector else 0)
            functions += own.functions + (own.connector.functions if own.connector else 0)
            parameters += own.connector.parameters if own.connector else 0
            rules, alarms = rules + own.rules, alarms + own.alarms
    return StackParts(
        name=names.in_region("shipper", region),
        region=region,
        roles=roles,
        functions=1 + functions,
        rules=rules,
        parameters=parameters,
        alarms=alarms,
    )


def _export(settings: Deployment, names: Names, export: Export, region: str) -> Iterator[StackParts]:
    is_home = region == settings.region
    own = _own_parts(export.kind, settings, export, region)
    connector = own.connector
    announces = is_home and (export.lands_in == "bucket" or bool(export.announced_to))
    alarms = _alarms_of(settings, export, own, is_home=is_home)
    roles = own.roles
    if export.other_account:
        yield StackParts(
            name=names.landing_stack(export.name),
            region=region,
            other_account=export.other_account,
            roles=own.roles + bool(export.announcing_account),
            rules=int(bool(export.announcing_account)),
        )
        roles = int(not export.announcing_account)  # the destination's
    yield StackParts(
        name=names.in_region(export.name, region),
        region=region,
        roles=roles + (connector.roles if connector else 0),
        functions=own.functions + (connector.functions if connector else 0),
        rules=announces + own.rules + (connector.is_scheduled if connector else 0),
        wildcard_rules=own.wildcard_rules,
        parameters=1 + (connector.parameters if connector else 0),
        alarms=alarms + bool(alarms),
    )


def _alarms_of(settings: Deployment, export: Export, own: OwnParts, *, is_home: bool) -> int:
    """Count an export's alarms in a Region; what is announced, and who the vendor is, is watched at home."""
    found = alarms_of(settings, export)
    if not is_home:
        found -= 2 * len(export.ship_to) + bool(export.ship_to) + own.home_alarms
    measured = export.lands_in == "log groups" or bool(export.ship_to)
    return found + (settings.alerts_of(export).volume_band and measured)


def pages_of(log_groups: Sequence[str]) -> int:
    """Return how many configurations of a connector hold the names of log groups."""
    return 1 + len(json.dumps(log_groups)) // NAMES_CHARACTERS
