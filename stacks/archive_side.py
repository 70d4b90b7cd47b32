"""The deployment's side of an export that lands in another account: its alarms, its configuration, and its rule.

An export that lands in log groups also has the destination here that these are subscribed to.

The landing has a stack of its own in that account. Both are written from the same settings, and each names what the
other has: CloudFormation has no reference from one account to another.
"""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Fn, Stack
from constructs import Construct

from constructs_lib.landing_bucket import LandingBucket
from constructs_lib.log_destination import LogDestination, LogDestinationProps
from constructs_lib.wiring import ExportConfiguration, ObjectEvents, ObjectEventsProps, SubscriptionDestination
from logdock.settings import Deployment
from logdock.settings.exports import Export
from logdock.settings.names import Names
from logdock.settings.shipper_document import configuration_document
from stacks import subscriptions
from stacks.export_alarms import ExportAlarms
from stacks.recorded_settings import record_settings


class ArchiveSideStack(Stack):
    """What the account of the archive has of an export that lands in another account.

    Attributes
    ----------
    alarms
        The export's alarms: they are where their topics are.
    names
        The names in the account of the archive.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Deployment, names: Names, export: Export, **stack: Any
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        self.names, self._export, self._settings = names, export, settings
        self.alarms = ExportAlarms(self, "Alarms", settings=settings, names=names, export=export, region=names.region)
        self._configuration = ExportConfiguration(
            self,
            "Configuration",
            parameter_name=f"{names.parameter_path}{export.name}",
            document=configuration_document(settings, export),
            stack_name=construct_id,
        )
        record_settings(self._configuration.resource, export)

    def ship(self, landing: LandingBucket, prefix: str) -> None:
        """Put what is announced of the landing on the destinations' queues."""
        names, export = self.names, self._export
        rule = ObjectEvents(
            self,
            # Another id than that of a rule on the default bus, so that an export can get and lose its `account`:
            # CloudFormation replaces a rule that changes its bus, and none that has a name of its own.
            "Announcements",
            ObjectEventsProps(
                rule_name=names.export(export.name),
                export_name=export.name,
                bucket_name=landing.name,
                prefix=prefix,
                queue_arns={name: names.queue_arn(name) for name in export.ship_to},
                from_account=export.other_account,
                bus_name=names.landings_bus,
            ),
        )
        rule.node.add_dependency(self._configuration)
        self.alarms.landing_in_bucket()
        self.alarms.shipped_to(export.ship_to)

    def subscription_destination(self) -> SubscriptionDestination:
        """Make the destination of the other account's log groups, and return what they are subscribed to.

        It waits for the configuration: what that does not say is refused.
        """
        names, export = self.names, self._export
        destination = LogDestination(
            self,
            "Subscriptions",
            LogDestinationProps(
                destination_name=names.export(export.name),
                role_name=names.destination_role(export.name),
                from_account=str(export.other_account),
                target_arn=Fn.import_value(names.stream_export),
                stream_arn=names.stream_arn(names.region),
                key_arn=Fn.import_value(names.archive_key_export),
            ),
        )
        destination.node.add_dependency(self._configuration)
        return subscriptions.destination_elsewhere(names, export.name)

    def ship_archive(self) -> None:
        """Announce the export's archive objects to its destinations."""
        if self._export.announced_to:
            announce_archive(self, self._settings, self.names, self._export).node.add_dependency(self._configuration)
            self.alarms.shipped_to(self._export.announced_to)


def announce_archive(scope: Construct, settings: Deployment, names: Names, export: Export) -> ObjectEvents:
    """Announce an export's archive objects to each of its destinations.

    Compacted objects are uploads, and what is in them was announced. Nothing else of an archive is an upload.
    """
    return announce(
        scope,
        names,
        export,
        names.bucket("archive"),
        export.archive_prefix,
        export.announced_to,
        without_uploads=settings.archive.compact,
    )


def announce(
    scope: Construct,
    names: Names,
    export: Export,
    bucket_name: str,
    prefix: str,
    destinations: Sequence[str],
    *,
    without_uploads: bool = False,
) -> ObjectEvents:
    """Announce objects to destinations: by one rule, because an account has 300 in a Region unless it asks."""
    return ObjectEvents(
        scope,
        "Announce",
        ObjectEventsProps(
            rule_name=names.export(export.name),
            export_name=export.name,
            bucket_name=bucket_name,
            prefix=prefix,
            without_uploads=without_uploads,
            queue_arns={name: names.queue_arn(name) for name in destinations},
        ),
    )
