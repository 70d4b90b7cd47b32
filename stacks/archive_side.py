"""The deployment's side of an export that lands in another account: its alarms, its configuration and its rule.

The landing has a stack of its own in that account. Both are written from the same settings, and each names what the
other has: CloudFormation has no reference from one account to another.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from constructs_lib.landing_bucket import LandingBucket
from constructs_lib.wiring import ExportConfiguration, ObjectEvents, ObjectEventsProps
from logdock.settings import Deployment
from logdock.settings.exports import Export
from logdock.settings.names import Names
from logdock.settings.shipper_document import configuration_document
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
        self.names, self._export = names, export
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
