"""How much of what AWS counts by account or Region each stack of a deployment has, from the settings alone.

`logdock validate --offline` has no templates, and `logdock` is installed without the CDK. A test compares these counts
with the templates of every example and of a deployment with every kind of export.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from logdock.dashboard import dashboards
from logdock.expected_alarms import export_alarms, shared_alarms
from logdock.kind_parts import own_parts
from logdock.settings.deployment import Deployment
from logdock.settings.exports import Export
from logdock.settings.names import Names


@dataclass(frozen=True, kw_only=True, slots=True)
class StackParts:
    """What one stack has, alarms with the composite ones, parameters with those that its functions save state in."""

    name: str
    region: str
    other_account: str | None = None
    """The account that it is in, where that is not the deployment's."""
    roles: int = 0
    functions: int = 0
    rules: int = 0
    wildcard_rules: int = 0
    parameters: int = 0
    alarms: int = 0


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
        alarms=_alarms(settings, settings.region, "alerts", "replica"),
    )


def _alarms(settings: Deployment, region: str, *subjects: str) -> int:
    """Count the alarms of subjects, each with its composite."""
    return sum(len(found) + 1 for name, found in shared_alarms(settings, region).items() if name in subjects)


def _shipper(settings: Deployment, names: Names, region: str) -> StackParts:
    is_home, streamed = region == settings.region, settings.subscriptions == "kinesis"
    notified = settings.alerts.webhook is not None
    roles = functions = rules = parameters = 0
    if not is_home:
        roles, rules = 2 + streamed, 1 + 2 * notified
        subjects = ["alerts", "archiver"]
    else:
        compacts = settings.archive.compact
        functions += len(settings.shippers) + compacts
        rules += compacts
        subjects = ["archiver", "compactor", *(f"ship-{each}" for each in settings.shippers)]
        for destination in settings.destinations:
            own = own_parts(destination.kind, settings, destination)
            roles += own.roles + (own.connector.roles if own.connector else 0)
            functions += own.functions + (own.connector.functions if own.connector else 0)
            parameters += own.connector.parameters if own.connector else 0
            rules += own.rules
    return StackParts(
        name=names.in_region("shipper", region),
        region=region,
        roles=roles,
        functions=1 + functions,
        rules=rules,
        parameters=parameters,
        alarms=_alarms(settings, region, *subjects),
    )


def _export(settings: Deployment, names: Names, export: Export, region: str) -> Iterator[StackParts]:
    is_home = region == settings.region
    own = own_parts(export.kind, settings, export, region)
    connector = own.connector
    announces = is_home and (export.lands_in == "bucket" or bool(export.announced_to))
    alarms = export_alarms(settings, export, region)
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
        alarms=len(alarms) + bool(alarms),
    )
