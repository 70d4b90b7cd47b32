"""Every stack of a deployment, or of several, as one app."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App, Environment, MissingRemovalPolicies, Stack, Tags

from constructs_lib.shipper import ShipperCode
from logdock.dashboard import dashboards
from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.sources import version
from logdock.vendors.registry import load_part
from stacks.archive_side import ArchiveSideStack
from stacks.core import CoreStack
from stacks.dashboard import DashboardStack
from stacks.export_stack import ExportStack
from stacks.replica import ReplicaStack
from stacks.shipper import ShipperStack

DEPLOYMENT_TAG = "logdock:deployment"


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedSources:
    """The code of the functions, each function in a folder of its own."""

    connector: Path
    tags: Path
    shipper: ShipperCode


def make_app(deployments: Sequence[Deployment], staged: StagedSources, context: Mapping[str, object]) -> App:
    """Make the app with every stack of the deployments."""
    # Where in Node a construct was created, and a picture of the tree, are of no use to Python.
    own_context = {**context, "aws:cdk:disable-creation-stack-traces": True}
    app = App(context=own_context, stack_traces=False, tree_metadata=False)
    for settings in deployments:
        before = len(app.node.children)
        add_stacks(app, settings, staged)
        # The app itself takes the tag of a single deployment: each stack would be two more calls of the CDK.
        tagged = [app] if len(deployments) == 1 else app.node.children[before:]
        for each in tagged:
            Tags.of(each).add(DEPLOYMENT_TAG, settings.deployment)
    # Functions alone have the tag: an upgrade replaces their code anyway, and touches no other resource by it.
    Tags.of(app).add("logdock:version", version(), include_resource_types=["AWS::Lambda::Function"])
    # Log groups that hold landed logs have a policy of their own; the others are of functions, and go with their stack.
    MissingRemovalPolicies.of(app).destroy(apply_to_resource_types=["AWS::Logs::LogGroup"])
    for each in app.node.children:
        if isinstance(each, Stack):
            each.add_metadata("Logdock", {"Version": version()})
    return app


def add_stacks(app: App, settings: Deployment, staged: StagedSources) -> None:
    """Add every stack of a deployment."""
    names = Names.of(settings)
    # A stack is found by its own tag: with the flag explicitStackTags `Tags` below tags resources alone.
    tags = {DEPLOYMENT_TAG: settings.deployment}

    def where(region: str) -> Environment:
        return Environment(account=settings.account, region=region)

    core = CoreStack(
        app,
        names.core_stack,
        settings=settings,
        names=names,
        regions=settings.regions,
        env=where(settings.region),
        tags=tags,
    )
    if settings.replica:
        region = settings.replica.region
        replica = ReplicaStack(
            app,
            names.replica(region),
            settings=settings,
            replica=settings.replica,
            names=names,
            env=where(region),
            tags=tags,
        )
        # S3 copies to a bucket that is there, and the archive's key admits a role that is there.
        core.add_stack_dependency(replica)
    shippers = {
        region: ShipperStack(
            app,
            names.in_region("shipper", region),
            settings=settings,
            names=names,
            code=staged.shipper,
            connector_source=staged.connector,
            tags_source=staged.tags,
            env=where(region),
            tags=tags,
        )
        for region in settings.regions
    }
    for shipper in shippers.values():
        shipper.add_stack_dependency(core)
    for export in settings.exports:
        stacks: list[ExportStack] = []
        make_stack: Callable[..., ExportStack] = load_part(export.kind, "stack").STACK
        if account := export.other_account:
            side = ArchiveSideStack(
                app,
                names.export(export.name),
                settings=settings,
                names=names,
                export=export,
                env=where(settings.region),
                tags=tags,
            )
            side.add_stack_dependency(shippers[settings.region])
            landing = make_stack(
                app,
                names.landing_stack(export.name),
                settings=settings,
                names=names.in_account(account),
                export=export,
                connector_source=staged.connector,
                archive_side=side,
                env=Environment(account=account, region=settings.region),
                tags=tags,
            )
            side.alarms.complete()
            # Nothing lands before the rule that its event matches.
            landing.add_stack_dependency(side)
            continue
        for region in settings.regions_of(export):
            stack = make_stack(
                app,
                names.in_region(export.name, region),
                settings=settings,
                names=names,
                export=export,
                connector_source=staged.connector,
                env=where(region),
                tags=tags,
            )
            stack.alarms.complete()
            stack.add_stack_dependency(shippers[region])
            stacks.append(stack)
        home, *others = stacks
        if getattr(export, "connect", None):
            # The vendor's export is created last: it then writes in every Region.
            for other in others:
                home.add_stack_dependency(other)
    for number, widgets in enumerate(dashboards(settings, names), 1):
        DashboardStack(
            app,
            names.dashboard_stack(number),
            dashboard_name=names.dashboard(number),
            widgets=widgets,
            env=where(settings.region),
            tags=tags,
        )
