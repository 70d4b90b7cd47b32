"""What every export's stack has in common: its key, its configuration for the shipper, and its wires to the shipper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Environment, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from constructs_lib import statements
from constructs_lib.announcement import Announcement, AnnouncementProps
from constructs_lib.connector import Connector, ConnectorProps
from constructs_lib.customer_key import CustomerKey, CustomerKeyProps
from constructs_lib.landing_bucket import LandingBucket, LandingBucketProps
from constructs_lib.log_group import LandingLogGroup, LandingLogGroupProps
from constructs_lib.wiring import ArchiveSubscription, ExportConfiguration, SubscriptionDestination
from logdock.settings import Deployment
from logdock.settings.connect import Connect
from logdock.settings.export_base import BucketExport, ConfiguredExport
from logdock.settings.exports import Export
from logdock.settings.names import Names
from logdock.settings.shipper_document import configuration_document
from logdock.vendors.s3_logs.settings import S3LogsExport
from stacks import subscriptions
from stacks.archive_side import ArchiveSideStack, announce, announce_archive
from stacks.connection import revision
from stacks.connector_permissions import log_group
from stacks.export_alarms import ExportAlarms
from stacks.readers import read_landing, reads_landing
from stacks.recorded_settings import record_settings


def _has_trail(export: Export) -> bool:
    return isinstance(export, S3LogsExport) and "cloudtrail" in export.services


@cache
def _encrypt_log_groups(arn: str, region: str) -> iam.PolicyStatement:
    """Return the one statement for the keys of all exports of a Region: each object of the CDK is a call."""
    return statements.encrypt_log_groups([arn], region)


class ExportStack(Stack):
    """One export: everything the vendor touches, under a key of its own, and how it reaches the shipper.

    A kind's stack derives from it and composes; nothing is made here unless the kind asks for it. Of an export that
    lands in another account it is the landing alone; alarms, configuration and rule are in an `ArchiveSideStack`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Deployment,
        names: Names,
        export: Export,
        connector_source: Path,
        env: Environment,
        archive_side: ArchiveSideStack | None = None,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, env=env, **stack)
        self.settings, self.names = settings, names
        # The stack's own `region` is a call to another process, each time.
        self._in_region = env.region or names.region
        self._export, self._connector_source = export, connector_source
        self._archive_side = archive_side
        if archive_side:
            self.alarms = archive_side.alarms
            return
        self.alarms = ExportAlarms(
            self, "Alarms", settings=settings, names=names, export=export, region=self._in_region
        )
        self.configuration = ExportConfiguration(
            self,
            "Configuration",
            parameter_name=f"{names.parameter_path}{export.name}",
            document=configuration_document(settings, export),
            stack_name=construct_id,
        )
        record_settings(self.configuration.resource, export)

    def customer_key(self) -> CustomerKey:
        """Make the export's own key: one vendor's grant never reaches another's data."""
        name = self.names.in_region(self._export.name, self._in_region)
        return CustomerKey(
            self, "Key", CustomerKeyProps(alias=name, description=f"Logdock: logs of the export {self._export.name}")
        )

    def landing_bucket(self, export: BucketExport, key: CustomerKey | None) -> LandingBucket:
        """Make the bucket that the export lands in.

        Where the default encryption is SSE-S3, uploads may also name the export's key, if it has one.
        """
        by_default = export.bucket_encryption == "kms"
        access_logs = self._access_logs() if self._archive_side else None
        landing = LandingBucket(
            self,
            "Landing",
            LandingBucketProps(
                bucket_name=export.landing(self.settings).bucket,
                partition=self.names.partition,
                encryption_key=key.key if key and by_default else None,
                admitted_key=key.key if key and not by_default else None,
                hot_days=self.settings.effective_retention.hot_days,
                archive_days=self.settings.effective_retention.archive_days,
                cold_days=self.settings.effective_retention.cold_after_days if export.moves_to_cold_storage else None,
                access_log_bucket_name=access_logs.name if access_logs else self.names.bucket("access-logs"),
                # A trail encrypts its logs with the bucket's key, but its digest files always with SSE-S3 (CloudTrail
                # User Guide, "Encrypting CloudTrail log files with AWS KMS keys").
                sse_s3_services=("cloudtrail.amazonaws.com",) if _has_trail(export) and key and by_default else (),
            ),
        )
        if access_logs:
            # It names it, which is no dependency; PutBucketLogging fails while the bucket is not there.
            landing.node.add_dependency(access_logs)
        return landing

    def _access_logs(self) -> LandingBucket:
        """Make the bucket for the landing's access logs, in an account that has no other of this deployment."""
        retention = self.settings.effective_retention
        bucket = LandingBucket(
            self,
            "AccessLogs",
            LandingBucketProps(
                bucket_name=self.names.access_logs_of(self._export.name),
                hot_days=retention.hot_days,
                archive_days=retention.archive_days,
                cold_days=retention.cold_after_days,
                announced=False,
            ),
        )
        bucket.allow(statements.admit_access_logs(bucket.arn, self.names.account))
        return bucket

    def landing_log_groups(
        self,
        log_groups: Sequence[str],
        key: CustomerKey,
        retention_days: int | None,
        after: Sequence[IDependable] = (),
    ) -> list[IDependable]:
        """Make the log groups that the export lands in, and subscribe the archiver to each.

        Returns
        -------
        list
            What to wait for; the log groups themselves wait for what is given as ``after``.
        """
        landings: list[IDependable] = []
        groups: dict[str, IDependable] = {}
        for name in log_groups:
            groups[name] = group = LandingLogGroup(
                self,
                f"Landing-{name}",
                LandingLogGroupProps(
                    log_group_name=name,
                    encryption_key=key,
                    retention_days=retention_days or self.settings.effective_retention.hot_days,
                ),
            )
            if after:
                group.node.add_dependency(*after)
            landings.append(self.subscribe(name, group))
        self.alarms.landing_in_log_groups(groups)
        return landings

    @property
    def counts_lines(self) -> bool:
        """Whether metric filters count lines here: their metrics are in the account of the log group."""
        return self._archive_side is None

    def adopt_log_groups(
        self,
        connector: Connector,
        log_groups: Sequence[str],
        key: CustomerKey,
        retention_days: int | None,
        after: Sequence[IDependable] = (),
    ) -> list[IDependable]:
        """Take over log groups that exist already, as ``landing_log_groups`` makes them."""
        properties: dict[str, object] = {
            "RetentionDays": str(retention_days or self.settings.effective_retention.hot_days),
            "KmsKeyArn": key.arn,
            "DeletionProtection": "true",
            **(revision(self._export) if isinstance(self._export, ConfiguredExport) else {}),
        }
        permissions = log_group(self.names, self._in_region, log_groups, retention=True, key=True, protect=True)
        adoptions = connector.apply_to_each(
            "Adopt", "log-group", log_groups, properties, permissions=permissions, after=after
        )
        landings: list[IDependable] = [self.subscribe(name, adopted) for name, adopted in adoptions.items()]
        self.alarms.landing_in_log_groups(adoptions)
        return landings

    def admit_log_groups(self, key: CustomerKey, *, are_encrypted: bool = True) -> None:
        """Let CloudWatch Logs use the key for every log group of this account and Region.

        Not only for those of the settings: a log group that leaves them, or was renamed, is retained and stays
        encrypted with this key, and CloudFormation forgets it. A key that no longer admits it makes its logs
        unreadable and refuses what its writers send. CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs
        using AWS Key Management Service", has this condition for the log groups of an account. It lets no one read
        more: CloudWatch Logs decrypts for those who may read the log group.

        Parameters
        ----------
        key
            The export's key.
        are_encrypted
            The stack encrypts log groups with the key. The key then stays when its creation is rolled back, because
            the log groups stay. Otherwise nothing can be encrypted with a key that was never created.
        """
        if are_encrypted:
            key.keep_when_rolled_back()
        key.allow(_encrypt_log_groups(self.names.log_group_arn("*", self._in_region), self._in_region))

    def subscribe(self, log_group_name: str, *after: IDependable) -> ArchiveSubscription:
        """Send a log group's events to the archiver of its Region, after what is given."""
        subscription = ArchiveSubscription(
            self,
            f"Archive-{log_group_name}",
            export_name=self._export.name,
            log_group_name=log_group_name,
            destination=self._destination,
        )
        if not self._archive_side:
            after = (self.configuration, *after)
        if after:
            subscription.node.add_dependency(*after)
        return subscription

    @cached_property
    def _destination(self) -> SubscriptionDestination:
        if self._archive_side:
            return self._archive_side.subscription_destination()
        return subscriptions.destination(self.settings, self.names, self._in_region)

    def ship_archive(self) -> None:
        """Announce this export's archive objects to each of its destinations (CloudWatch exports)."""
        if self._archive_side:
            self._archive_side.ship_archive()
        elif self._export.announced_to:
            events = announce_archive(self, self.settings, self.names, self._export)
            events.resource.add_resource_dependency(self.configuration.resource)
            self.alarms.shipped_to(self._export.announced_to)

    def ship_landing(self, landing: LandingBucket, key: CustomerKey | None, prefix: str) -> None:
        """Announce landed objects to each destination, and let its function read them (S3 exports)."""
        names = self.names
        if side := self._archive_side:
            names = side.names
            side.ship(landing, prefix)
            Announcement(
                self,
                "Announce",
                AnnouncementProps(
                    rule_name=self.names.export(self._export.name),
                    role_name=self.names.announcing_role(self._export.name),
                    bucket_name=landing.name,
                    prefix=prefix,
                    bus_arn=names.landings_bus_arn,
                ),
            )
        else:
            self._announce_landing(landing.name, prefix)
        if reads_landing(self.settings, self._export):
            read_landing(landing, key, prefix, names)
        shippers = [names.role_arn(names.shipper(destination)) for destination in self._export.ship_to]
        if shippers:
            # The whole bucket, which is this export's alone: what waits in queues may be under a former prefix.
            landing.allow(*(statements.read_objects(landing.arn, "", arn) for arn in shippers))
        if shippers and key:
            key.allow(*(statements.decrypt_objects(arn, self._in_region) for arn in shippers))

    def ship_existing(self, bucket_name: str, prefix: str) -> None:
        """Announce objects of a bucket that is not ours; the core lets the roles read them."""
        self._announce_landing(bucket_name, prefix)

    def _announce_landing(self, bucket_name: str, prefix: str) -> None:
        """Announce what lands; with no destination, the rule is there because its matches are counted."""
        destinations = self._export.ship_to
        events = announce(self, self.names, self._export, bucket_name, prefix, destinations)
        events.resource.add_resource_dependency(self.configuration.resource)
        self.alarms.shipped_to(destinations)
        self.alarms.landing_in_bucket()

    def connector(self, key: CustomerKey, connect: Connect | None = None) -> Connector:
        """Add the function that does what CloudFormation has no resource for; with ``connect``, also at the vendor."""
        name = f"{self.names.export(self._export.name)}-connector"
        arn = self.names.log_group_arn(f"/aws/lambda/{name}*", self._in_region)
        key.allow(statements.encrypt_log_groups([arn], self._in_region, sid="ConnectorLogs"))
        return Connector(
            self,
            "Connector",
            ConnectorProps(
                function_name=name,
                source=self._connector_source,
                configuration_path=f"/logdock/{self.names.deployment}/{self._export.name}/connector/",
                log_key_arn=key.arn,
                partition=self.names.partition,
                region=self._in_region,
                account=self.names.account,
                is_polled=connect is not None,
                has_members=self._export.members[0].member_id is not None,
                subnet_ids=connect.vpc.subnet_ids if connect and connect.vpc else (),
                security_group_ids=connect.vpc.security_group_ids if connect and connect.vpc else (),
            ),
        )

    def state_parameter(self, operation: str) -> str:
        """Return the parameter in which an operation remembers what was before."""
        return f"/logdock/{self.names.deployment}/{self._export.name}/{operation}"

    @staticmethod
    def member_construct_id(construct_id: str, member: Export) -> str:
        """Return the construct id of what belongs to a project, cluster or database; bare for an export of one."""
        return f"{construct_id}-{member.member_id}" if member.member_id else construct_id

    def vendor_role(self, member: Export) -> str:
        """Return the name of the role that the vendor assumes for an export, or for a member of one."""
        return self.names.vendor_role(self._export.name, member.member_id)

    @property
    def vendor_roles_arn(self) -> str:
        """The ARN of the role that the vendor assumes; of several members, a pattern that is true of their roles."""
        own = self.names.role_arn(self.names.export(self._export.name))
        return f"{own}_*" if self._export.members[0].member_id else own

    def output(self, name: str, value: str, description: str) -> None:
        """Output a value in the vendor's words."""
        CfnOutput(self, name, value=value, description=description)
