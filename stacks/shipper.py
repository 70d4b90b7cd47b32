"""The shipper: the archiver, and what ships to each destination. Stateless: it may be destroyed and deployed again.

What has not been shipped meanwhile is still in S3 or in a log group. In a Region other than the deployment's own there
is the archiver alone, with a failure bucket beside it, because a subscription cannot leave its Region.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_cdk import Fn, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from constructs_lib import statements
from constructs_lib.alarms import Alarms
from constructs_lib.customer_key import CustomerKey, CustomerKeyProps
from constructs_lib.landing_bucket import LandingBucket, LandingBucketProps
from constructs_lib.shipper import (
    RUNTIME,
    Archiver,
    ArchiverProps,
    Compactor,
    DestinationShipper,
    DestinationShipperProps,
    ShipperCode,
    ShipperFunctionProps,
    environment_document,
)
from constructs_lib.subscription_stream import StreamReader, StreamReaderProps, SubscriptionStream
from logdock.settings import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.landing import own_bucket_pattern
from logdock.settings.names import Names
from logdock.settings.sql import ARCHIVE_TABLE
from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.logzio.stack.metrics import stream_metrics
from logdock.vendors.logzio.stack.reader import logzio_reader
from logdock.vendors.otlp.settings import OtlpDestination
from stacks import subscriptions
from stacks.alerts import create_alarm_notifications
from stacks.shipper_alarms import watch_archiver, watch_compactor, watch_destination, watch_metrics
from stacks.sql import GB

COMPACTOR_MEMORY_MB = 1769
"""One virtual CPU (Lambda Developer Guide, "Configure Lambda function memory")."""
COMPACTOR_SECONDS = 900
MAX_COPIED_BYTES = 8 * GB
"""Of the objects of one statement that copies them as Parquet: Athena ends it after 30 minutes."""


class ShipperStack(Stack):
    """The shipper's functions and queues in one Region."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Deployment,
        names: Names,
        code: ShipperCode,
        connector_source: Path,
        tags_source: Path,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        self._settings, self._names = settings, names
        self._connector_source, self._tags_source = connector_source, tags_source
        self._is_home = self.region == names.region
        self._source = lambda_.Code.from_asset(str(code.source), exclude=["*.txt", "*.in", "**/__pycache__", "*.pyc"])
        self._layer = lambda_.LayerVersion(
            self,
            "Wheels",
            code=lambda_.Code.from_asset(str(code.layer), exclude=[".installed", "**/__pycache__"]),
            description="Logdock: the shipper's wheels, locked with hashes",
            compatible_architectures=[lambda_.Architecture.ARM_64],
            compatible_runtimes=[RUNTIME],
        )
        key: CustomerKey | None = None
        failures: LandingBucket | None = None
        if self._is_home:
            self._log_key_arn = Fn.import_value(names.archive_key_export)
        else:
            key, failures = self._regional_key()
            self._log_key_arn = key.arn
            create_alarm_notifications(self, key, settings=settings, names=names)
        archiver = Archiver(
            self,
            "Archiver",
            ArchiverProps(
                function=self._function(
                    names.archiver, "log_shipper.archive.handler", "Archives what arrives in log groups"
                ),
                failure_bucket_arn=names.bucket_arn(names.bucket("failed", self.region)),
            ),
        )
        if failures:
            # The archiver's destination of failed events is named, which is no dependency; Lambda looks for the bucket.
            archiver.node.add_dependency(failures)
        watch_archiver(self, settings=settings, names=names, streamed=subscriptions.through_kinesis(settings))
        if subscriptions.through_kinesis(settings):
            self._read_stream(archiver, key, failures)
        if self._is_home:
            self._destinations()
        if self._is_home and settings.archive.compact:
            self._compact()

    def _compact(self) -> None:
        """Compact the archive each hour."""
        feeds = [
            each.name
            for each in self._settings.destinations
            if isinstance(each, LogzioDestination) and each.mode == "fetch"
        ]
        props = self._function(
            self._names.compactor, "log_shipper.compact.handler", "Replaces small objects of the archive by large ones"
        )
        environment = {
            **props.environment,
            "LOGDOCK_MARK_TABLE": self._names.mark_table,
            "LOGDOCK_FEEDS": json.dumps(feeds),
        }
        if self._settings.sql and self._settings.is_columnar:
            target = {
                "database": self._names.sql_database,
                "table": ARCHIVE_TABLE,
                "workgroup": self._names.sql_workgroup,
                "max_bytes": min(self._settings.sql.scan_limit_gb * GB * 9 // 10, MAX_COPIED_BYTES),
            }
            environment["LOGDOCK_COLUMNS"] = json.dumps(target)
        props = replace(
            props, environment=environment, memory_mb=COMPACTOR_MEMORY_MB, timeout_seconds=COMPACTOR_SECONDS
        )
        Compactor(self, "Compactor", props)
        watch_compactor(self, settings=self._settings, names=self._names)

    def _regional_key(self) -> tuple[CustomerKey, LandingBucket]:
        """Make what the archiver needs away from the core: a key, and a bucket for what it could not archive."""
        names = self._names
        name = names.in_region("shipper", self.region)
        key = CustomerKey(
            self, "Key", CustomerKeyProps(alias=name, description=f"Logdock: the shipper in {self.region}")
        )
        key.allow(
            statements.encrypt_log_groups(
                [names.log_group_arn(f"/aws/lambda/{names.archiver}", self.region)], self.region
            )
        )
        archiver_role = names.role_arn(names.archiver)
        failures = LandingBucket(
            self,
            "Failures",
            LandingBucketProps(
                bucket_name=names.bucket("failed", self.region),
                encryption_key=key.key,
                hot_days=self._settings.effective_retention.hot_days,
                archive_days=self._settings.effective_retention.archive_days,
                announced=False,
                cold_days=self._settings.effective_retention.cold_after_days,
            ),
        )
        key.allow(statements.use_key_for_objects(["kms:GenerateDataKey"], failures.arn, archiver_role, self.region))
        return key, failures

    def _read_stream(
        self, archiver: Archiver, regional_key: CustomerKey | None, failures: LandingBucket | None
    ) -> None:
        """Have the archiver read this Region's stream, which is made here where the core is not."""
        names = self._names
        reader = StreamReader(
            self,
            "SubscriptionReader",
            StreamReaderProps(
                function=archiver.function,
                stream_arn=names.stream_arn(self.region),
                failure_bucket_arn=names.bucket_arn(names.bucket("failed", self.region)),
            ),
        )
        if regional_key:
            regional_key.allow(subscriptions.decrypt_stream(names, self.region))
            props = subscriptions.stream_props(names, self.region, regional_key)
            reader.node.add_dependency(SubscriptionStream(self, "Subscriptions", props))
        if failures:
            reader.node.add_dependency(failures)

    def _function(
        self,
        name: str,
        handler: str,
        description: str,
        *,
        destination: dict[str, object] | None = None,
    ) -> ShipperFunctionProps:
        names = self._names
        environment = {
            "LOGDOCK_DEPLOYMENT": names.deployment,
            "LOGDOCK_ACCOUNT": names.account,
            "LOGDOCK_EXPORTS_PATH": names.parameter_path,
            "LOGDOCK_ARCHIVE_BUCKET": names.bucket("archive"),
            "LOGDOCK_FAILURE_BUCKET": names.bucket("failed", self.region),
        }
        if destination:
            environment["LOGDOCK_DESTINATION"] = environment_document(destination)
            environment["LOGDOCK_MARK_TABLE"] = names.mark_table
            environment["LOGDOCK_DEFAULT_LANDING_BUCKET"] = own_bucket_pattern(self._settings)
        return ShipperFunctionProps(
            function_name=name,
            handler=handler,
            description=description,
            code=self._source,
            layer=self._layer,
            role_arn=names.role_arn(name),
            environment=environment,
            log_key_arn=self._log_key_arn,
            requeues=destination is not None,
        )

    def _destinations(self) -> None:
        documents: dict[str, dict[str, object]] = {
            destination.name: destination_document(destination) for destination in self._settings.destinations
        }
        if any(ARCHIVE in export.ship_to for export in self._settings.exports):
            documents[ARCHIVE] = {"name": ARCHIVE, "kind": "archive"}
        alarms: dict[str, Alarms] = {}
        for name, document in documents.items():
            shipper = DestinationShipper(
                self,
                f"Ship-{name}",
                DestinationShipperProps(
                    queue_name=self._names.queue(name),
                    dead_letter_queue_name=self._names.queue(name, "-dead"),
                    max_concurrency=self._settings.concurrency_of(name),
                    rule_names=[
                        self._names.announcing_rule(export)
                        for export in self._settings.exports
                        if name in export.announced_to
                    ],
                    function=self._function(
                        self._names.shipper(name),
                        "log_shipper.ship.handler",
                        f"Ships what has landed to {name}",
                        destination=document,
                    ),
                ),
            )
            alarms[name] = watch_destination(self, name, shipper, settings=self._settings, names=self._names)
        for destination in self._settings.destinations:
            if isinstance(destination, LogzioDestination) and destination.metrics:
                stream_metrics(
                    self,
                    destination,
                    destination.metrics,
                    names=self._names,
                    log_key_arn=self._log_key_arn,
                    tags_source=self._tags_source,
                )
                watch_metrics(
                    alarms[destination.name], destination.name, tags=destination.metrics.tags, names=self._names
                )
            if isinstance(destination, LogzioDestination) and destination.mode == "fetch":
                logzio_reader(
                    self,
                    destination,
                    settings=self._settings,
                    names=self._names,
                    log_key_arn=self._log_key_arn,
                    connector_source=self._connector_source,
                )
        for each in alarms.values():
            each.complete()


def destination_document(destination: LogzioDestination | OtlpDestination) -> dict[str, object]:
    """Describe a destination to the function that ships to it. Names of secrets, never secrets."""
    if isinstance(destination, OtlpDestination):
        document: dict[str, object | None] = {
            "kind": "otlp",
            "endpoint": destination.endpoint,
            "headers_secret": destination.headers_secret,
            "bodies_in_flight": destination.bodies_in_flight,
        }
    elif destination.mode == "fetch":
        document = {"kind": "feed"}
    else:
        document = {
            "kind": "logzio",
            "listener_url": destination.listener,
            "token_secret": destination.token_secret,
            "type": destination.log_type,
            "parse_json": destination.parse_json or None,
            "bodies_in_flight": destination.bodies_in_flight,
        }
    return {"name": destination.name, **{key: value for key, value in document.items() if value is not None}}
