"""The core: the archive and its key, the failure and access-log buckets, marks, alert topic and roles of the shipper.

Everything here is stateful, or named by other stacks' policies: a role that is deleted and made again is another
principal to a bucket or key policy that names it, so the shipper's roles live here and its functions elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib import statements
from constructs_lib.announcement import LandingsBus, LandingsBusProps
from constructs_lib.customer_key import CustomerKey, CustomerKeyProps
from constructs_lib.landing_bucket import LandingBucket, LandingBucketProps
from constructs_lib.mark_table import MarkTable, MarkTableProps
from constructs_lib.replication import Replication
from constructs_lib.subscription_stream import SubscriptionStream
from logdock.settings import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.names import Names
from logdock.settings.sql import ARCHIVE_TABLE
from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.logzio.stack.metrics import streams_metrics
from logdock.vendors.s3_logs.settings import S3LogsExport
from stacks import subscriptions
from stacks.alerts import create_alarm_notifications, recipients
from stacks.readers import existing_landing_policy, readers_role
from stacks.recorded_settings import record_settings
from stacks.replica import replication
from stacks.shipper_alarms import watch_copies
from stacks.sql import COLUMNS_INDEX_PREFIX, COLUMNS_PREFIX, RESULTS_PREFIX, STARTED_SUFFIX, SqlTables

INDEX_PREFIX, COMPACTED, COMPACTED_SUFFIX, PART_SUFFIX = "archive-index/", "compacted-", ".jsonl.gz", ".json.gz"
"""How the shipper names what compaction writes and removes; a test holds them together."""
SHORT_LIVED_DAYS = 30
"""Days that a copy made for a fetching reader is kept, and progress that the release before noted: longer than a
message can wait on a queue and then on its dead-letter queue (14 days each, where they are FIFO)."""
ARCHIVER_FAILURES = ("aws/lambda/", "unclaimed/")
"""Where in a failure bucket Lambda keeps failed events (Lambda Developer Guide, "Capturing records of Lambda
asynchronous invocations"), and the archiver what no export claims."""
MANAGED_POLICY_CHARACTERS = 6144
"""AWS's limit, white space not counted (IAM User Guide, "IAM and AWS STS quotas")."""
LANDING_TIMES = 6
"""How many times its length a landing in another account takes of a managed policy at most: three forms of its ARN, and
its account alone and in the ARN of a key."""
SHORT_LIVED = {"archive": ("feed/", "feed-index/"), "failed": ("progress/",)}


class CoreStack(Stack):
    """The part of a deployment that is never destroyed in passing."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Deployment,
        names: Names,
        regions: Sequence[str],
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=True, **stack)
        self._settings, self._names, self._regions = settings, names, regions
        self.key = CustomerKey(
            self,
            "ArchiveKey",
            CustomerKeyProps(alias=f"{names.deployment}-archive", description="Logdock: archive, failures, alerts"),
        )
        self.access_logs = self._bucket("AccessLogs", "access-logs", encrypted=False)
        self.access_logs.allow(statements.admit_access_logs(self.access_logs.arn, self.account))
        self.archive = self._bucket("Archive", "archive", encrypted=True)
        self.failures = self._bucket("Failures", "failed", encrypted=True)
        for bucket in (self.archive, self.failures):
            # They name it, which is no dependency; PutBucketLogging fails while the bucket is not there.
            bucket.node.add_dependency(self.access_logs)
        create_alarm_notifications(self, self.key, settings=settings, names=names)
        if settings.replica:
            self._copy_to(replication(settings.replica, names))
        if subscriptions.through_kinesis(settings):
            SubscriptionStream(self, "Subscriptions", subscriptions.stream_props(names, names.region, self.key))
        if settings.sql:
            limit = settings.sql.scan_limit_gb
            SqlTables(self, "Sql", settings=settings, names=names, key_arn=self.key.arn, scan_limit_gb=limit)
        self._admit_landings()
        self._roles()
        if settings.readers:
            readers_role(self, settings=settings, names=names, regions=regions, archive_key_arn=self.key.arn)
        table = MarkTable(self, "Marks", MarkTableProps(table_name=names.mark_table, encryption_key=self.key.key))
        table.node.add_dependency(self.access_logs, self.archive, self.failures, self.node.find_child("ArchiverRole"))
        role = self.node.find_child("ArchiverRole").node.default_child
        assert role is not None  # noqa: S101  (made by the line above)
        record_settings(role, settings, without=frozenset({"exports"}))
        services = ("lambda", "kinesisfirehose") if streams_metrics(settings) else ("lambda",)
        groups = [names.log_group_arn(f"/aws/{each}/{names.deployment}-*", names.region) for each in services]
        self.key.allow(statements.encrypt_log_groups(groups, names.region))
        # Exported whether or not a stack imports it, so that an export that comes or goes does not change this stack.
        CfnOutput(self, "ArchiveKeyArn", value=self.key.arn, export_name=names.archive_key_export)
        CfnOutput(self, "AlertsGoTo", value=recipients(settings), description="Recipients of alarm notifications")
        CfnOutput(self, "ArchiveBucketName", value=self.archive.name, description="Every export's logs, as JSON lines")

    def _bucket(self, construct_id: str, purpose: str, *, encrypted: bool) -> LandingBucket:
        is_target = purpose == "access-logs"
        replica = self._settings.replica if purpose == "archive" else None
        short_lived = SHORT_LIVED.get(purpose, ())
        if purpose == "archive" and self._settings.sql:
            short_lived = (*short_lived, RESULTS_PREFIX)
        return LandingBucket(
            self,
            construct_id,
            LandingBucketProps(
                bucket_name=self._names.bucket(purpose),
                encryption_key=self.key.key if encrypted else None,
                hot_days=self._settings.effective_retention.hot_days,
                archive_days=self._settings.effective_retention.archive_days,
                cold_days=self._settings.effective_retention.cold_after_days,
                # An access log of the access-log bucket would feed itself.
                access_log_bucket_name=None if is_target else self._names.bucket("access-logs"),
                # Every object that S3 announces costs; of the three buckets only the archive is listened to.
                announced=purpose == "archive",
                short_lived_prefixes=tuple((prefix, SHORT_LIVED_DAYS) for prefix in short_lived),
                replication=replication(replica, self._names) if replica else None,
            ),
        )

    def _admit_landings(self) -> None:
        """Take the announcements of exports that land in other accounts."""
        landings = [each for each in self._settings.exports if each.announcing_account]
        if landings:
            names = self._names
            roles = {
                each.name: names.in_account(each.other_account).role_arn(names.announcing_role(each.name))
                for each in landings
            }
            LandingsBus(
                self,
                "Landings",
                LandingsBusProps(
                    bus_name=names.landings_bus,
                    bus_arn=names.landings_bus_arn,
                    accounts=sorted({each.other_account or "" for each in landings}),
                    role_arns=sorted(roles.values()),
                ),
            )

    def _copy_to(self, copies: Replication) -> None:
        """Let S3 read what it copies, and raise an alarm when it cannot."""
        self.key.allow(
            statements.use_key_for_objects(["kms:Decrypt"], self.archive.arn, copies.role_arn, self._names.region)
        )
        watch_copies(self, copies, self.archive.name, settings=self._settings, names=self._names)

    def _roles(self) -> None:
        names, writes = self._names, [*self._own_logs(self._names.archiver), self._read_configuration(self._regions)]
        failure_buckets = [names.bucket_arn(names.bucket("failed", region)) for region in self._regions]
        self._role(
            "ArchiverRole",
            names.archiver,
            [
                *writes,
                self._allow("PutArchive", ["s3:PutObject"], [f"{self.archive.arn}/logs/*"]),
                # Lambda checks the destination of failed events with ListBucket before it writes there.
                self._allow("ListFailures", ["s3:ListBucket"], failure_buckets),
                self._allow(
                    "PutFailures",
                    ["s3:PutObject"],
                    [f"{arn}/{prefix}*" for arn in failure_buckets for prefix in ARCHIVER_FAILURES],
                ),
                self._use_key(["kms:GenerateDataKey"]),
                *self._read_streams(),
            ],
        )
        for destination in self._settings.destinations:
            if isinstance(destination, LogzioDestination):
                secret, feeds = destination.token_secret, destination.mode == "fetch"
            else:
                secret, feeds = destination.headers_secret, False
            self._destination_role(destination.name, secret, self._feed(destination.name) if feeds else [])
        if any(ARCHIVE in export.ship_to for export in self._settings.exports):
            self._destination_role(ARCHIVE, None, [])
        if self._settings.archive.compact:
            self._compactor_role()

    def _compactor_role(self) -> None:
        """Let compaction read the archive, write compacted objects and indexes alone, and remove parts alone.

        It may delete no version, so that all it removes can be brought back, and overwrite no part.
        """
        names, archive = self._names, self.archive.arn
        role = self._role(
            "CompactorRole",
            names.compactor,
            [
                *self._own_logs(names.compactor, regions=[names.region]),
                self._read_configuration([names.region]),
                self._list_archive("ListArchive", ["logs/*"]),
                self._allow(
                    "ReadArchive",
                    ["s3:GetObject"],
                    [f"{archive}/logs/*", f"{archive}/{INDEX_PREFIX}*", f"{archive}/feed-index/*"],
                ),
                self._allow(
                    "WriteCompacted",
                    ["s3:PutObject", "s3:AbortMultipartUpload"],
                    [f"{archive}/logs/*/{COMPACTED}*{COMPACTED_SUFFIX}", f"{archive}/{INDEX_PREFIX}*"],
                ),
                self._allow("RemoveParts", ["s3:DeleteObject"], [f"{archive}/logs/*{PART_SUFFIX}"]),
                self._use_key(["kms:Decrypt", "kms:GenerateDataKey"]),
            ],
        )
        marks = [
            self._allow("ReadMarks", ["dynamodb:BatchGetItem"], [names.mark_table_arn]),
            self._use_mark_key(),
        ]
        self._managed(role, "Marks", names.compactor, "Logdock: the marks of what was shipped", marks)
        if self._settings.is_columnar:
            self._managed(role, "Columns", names.compactor, "Logdock: the archive as Parquet", self._copy_as_parquet())

    def _copy_as_parquet(self) -> list[iam.PolicyStatement]:
        """Let compaction have Athena copy the archive's table: it writes with these permissions, too.

        What a statement that failed has written may be removed, and no index that readers use.
        """
        names, archive = self._names, self.archive.arn
        here = f"{names.region}:{names.account}"
        glue, database = f"arn:{names.partition}:glue:{here}", names.sql_database
        written = [f"{archive}/{each}*" for each in (COLUMNS_PREFIX, COLUMNS_INDEX_PREFIX, RESULTS_PREFIX)]
        return [
            self._allow(
                "CopyByAthena",
                ["athena:StartQueryExecution", "athena:GetQueryExecution"],
                [f"arn:{names.partition}:athena:{here}:workgroup/{names.sql_workgroup}"],
            ),
            self._allow(
                "ReadTable",
                ["glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"],
                [f"{glue}:catalog", f"{glue}:database/{database}", f"{glue}:table/{database}/{ARCHIVE_TABLE}"],
            ),
            statements.find_default_database(names.partition, names.region, names.account),
            self._allow("LocateArchive", ["s3:GetBucketLocation"], [archive]),
            self._list_archive(
                "ListColumns", [f"{each}*" for each in (COLUMNS_PREFIX, COLUMNS_INDEX_PREFIX, RESULTS_PREFIX)]
            ),
            self._allow("WriteColumns", ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], written),
            self._allow(
                "RemoveFailedCopies",
                ["s3:DeleteObject"],
                [f"{archive}/{COLUMNS_PREFIX}*", f"{archive}/{COLUMNS_INDEX_PREFIX}*{STARTED_SUFFIX}"],
            ),
        ]

    def _list_archive(self, sid: str, prefixes: list[str]) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=sid,
            actions=["s3:ListBucket"],
            resources=[self.archive.arn],
            conditions={"StringLike": {"s3:prefix": prefixes}},
        )

    def _use_mark_key(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="UseMarkKey",
            actions=["kms:Decrypt"],
            resources=[self.key.arn],
            conditions=statements.via_dynamodb(self._names.mark_table, self._names.region),
        )

    def _read_streams(self) -> list[iam.PolicyStatement]:
        if not subscriptions.through_kinesis(self._settings):
            return []
        return subscriptions.read_streams(self._names, self._regions, self.key.arn)

    def _feed(self, destination: str) -> list[iam.PolicyStatement]:
        """Let a feed's one writer see the last key it wrote, and whether an input has been fed before."""
        prefixes = [f"feed/{destination}/", f"feed-index/{destination}/"]
        return [
            iam.PolicyStatement(
                sid="ListFeed",
                actions=["s3:ListBucket"],
                resources=[self.archive.arn],
                conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
            ),
            self._allow(
                "WriteFeed", ["s3:GetObject", "s3:PutObject"], [f"{self.archive.arn}/{prefix}*" for prefix in prefixes]
            ),
        ]

    def _destination_role(self, destination: str, secret: str | None, writes: Sequence[iam.PolicyStatement]) -> None:
        names = self._names
        name = names.shipper(destination)
        progress = f"progress/{destination}/"
        permissions = [
            *self._own_logs(name, regions=[names.region]),
            self._read_configuration([names.region]),
            self._allow(
                "TakeMessages",
                ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
                [names.queue_arn(destination)],
            ),
            # An object that takes longer than the function may run is put back at the end of its own queue.
            self._allow("PutBack", ["sqs:SendMessage", "sqs:GetQueueUrl"], [names.queue_arn(destination)]),
            self._allow("PutQuarantine", ["s3:PutObject"], [f"{self.failures.arn}/quarantine/*/{destination}/*"]),
            # What it refused, when a person has that sent again: by its version, which the message names.
            self._allow(
                "ReadQuarantine", ["s3:GetObjectVersion"], [f"{self.failures.arn}/quarantine/*/{destination}/*"]
            ),
            # A star spans slashes: without this, another destination's `quarantine/<export>/<other>/` is in reach.
            iam.PolicyStatement(
                sid="NoOthersQuarantine",
                effect=iam.Effect.DENY,
                actions=["s3:PutObject", "s3:GetObjectVersion"],
                resources=[f"{self.failures.arn}/quarantine/*/*/{destination}/*"],
            ),
            # Where release 0.1.0 kept its marks: read for 30 days, and written until the shipper's stack is deployed
            # too, or after that is rolled back.
            self._allow("KeepProgress", ["s3:GetObject", "s3:PutObject"], [f"{self.failures.arn}/{progress}*"]),
            # Without it S3 answers a look for progress that is not there with 403 instead of 404.
            iam.PolicyStatement(
                sid="FindProgress",
                actions=["s3:ListBucket"],
                resources=[self.failures.arn],
                conditions={"StringLike": {"s3:prefix": [f"{progress}*"]}},
            ),
            self._use_key(["kms:Decrypt", "kms:GenerateDataKey"]),
        ]
        secrets = [secret] if secret else []
        secrets += [
            secret_of_export
            for export in self._settings.exports
            if destination in export.ship_to
            for secret_of_export in export.decoding_secrets
        ]
        if secrets:
            arns = [names.secret_arn(reference) for reference in dict.fromkeys(secrets)]
            permissions.append(self._allow("ReadSecrets", ["secretsmanager:GetSecretValue"], arns))
        existing = self._existing_landings(destination)
        role = self._role(f"ShipRole-{destination}", name, [*permissions, *writes], existing)
        self._archives_of_exports(destination, role)
        self._landings_elsewhere(destination, role)
        marks = [
            statements.use_items(names.mark_table_arn, f"{destination}/"),
            self._use_mark_key(),
        ]
        if self._settings.archive.compact and destination != ARCHIVE:
            # to find what a message names and a compacted object has replaced
            marks.append(self._list_archive("ListCompacted", [f"logs/*/{COMPACTED}*"]))
        # inline policies of a role have little room left beside a hundred exports
        self._managed(role, "Marks", name, "Logdock: the marks of what was shipped", marks)

    @staticmethod
    def _managed(
        role: iam.Role, construct_id: str, role_name: str, description: str, allowed: Sequence[iam.PolicyStatement]
    ) -> None:
        policy = iam.CfnManagedPolicy(
            role,
            construct_id,
            description=description,
            policy_document=iam.PolicyDocument(statements=list(allowed)),
            roles=[role_name],
        )
        # on the role itself: its construct holds its policies too, which would wait for each other
        made = role.node.default_child
        assert isinstance(made, iam.CfnRole)  # noqa: S101 - a role has one
        policy.add_resource_dependency(made)

    def _archives_of_exports(self, destination: str, role: iam.Role) -> None:
        """Let a destination's function read the archive of the exports that ship there; `archive` writes it instead.

        The exports are named, in managed policies: a role's inline policies hold about a hundred of them, a managed
        one about as many, and a role takes ten (IAM User Guide, "IAM and AWS STS quotas"). An export that comes or goes
        changes these policies and no function; this stack is deployed before the export's.
        """
        if destination == ARCHIVE:
            sid, actions = "PutArchive", ["s3:PutObject"]
            exports = [each for each in self._settings.exports if ARCHIVE in each.announced_to]
        else:
            sid, actions = "ReadArchive", ["s3:GetObject"]
            exports = [each for each in self._settings.exports if each.lands_in == "log groups"]
            exports = [each for each in exports if destination in each.announced_to]
        objects = [f"{self.archive.arn}/{export.archive_prefix}*" for export in exports]
        if self._settings.archive.compact and destination != ARCHIVE:
            objects += [f"{self.archive.arn}/{INDEX_PREFIX}{export.name}/*" for export in exports]
        for number, some in enumerate(_fitting(objects), 1):
            description = "Logdock: the archives of the exports that ship there"
            allowed = [self._allow(sid, actions, some)]
            self._managed(role, f"Archive{number}", self._names.shipper(destination), description, allowed)

    def _existing_landings(self, destination: str) -> dict[str, list[iam.PolicyStatement]]:
        """Let a destination's function read the existing buckets of the exports that ship there.

        A bucket that exists has its own policy, so the role has the permission. It is part of the role, and of this
        stack: IAM does not delete a role to which another stack has added a policy, so a role that leaves the
        settings would stay behind under its name (IAM API Reference, DeleteRole).
        """
        policies: dict[str, list[iam.PolicyStatement]] = {}
        for export in self._settings.exports:
            if isinstance(export, S3LogsExport) and export.existing_bucket and destination in export.ship_to:
                objects = f"{self._names.bucket_arn(export.existing_bucket)}/{export.landing(self._settings).prefix}*"
                found = [self._allow("ReadLanding", ["s3:GetObject", "s3:GetObjectVersion"], [objects])]
                if export.kms_key_arn:
                    found.append(
                        iam.PolicyStatement(
                            sid="DecryptLanding",
                            actions=["kms:Decrypt"],
                            resources=[export.kms_key_arn],
                            conditions=statements.via_s3(self._names.region),
                        )
                    )
                policies[existing_landing_policy(export.name)] = found
        return policies

    def _landings_elsewhere(self, destination: str, role: iam.Role) -> None:
        """Let a destination's function read what lands in other accounts for it, and decrypt that alone.

        The policies of bucket and key, in the other account, let it read as well: across accounts both sides must (IAM
        User Guide, "Cross-account policy evaluation logic"). CloudFormation chooses a key's id, so that what names the
        key here is its account and the encryption context, which S3 sets to the bucket's ARN or the object's.
        """
        names, region = self._names, self._names.region
        landings = {
            names.bucket_arn(str(export.landing(self._settings).document["bucket"])): export
            for export in self._settings.exports
            if export.announcing_account and destination in export.ship_to
        }
        for number, some in enumerate(_fitting(list(landings), times=LANDING_TIMES), 1):
            accounts = sorted({landings[each].other_account or "" for each in some})
            allowed = [
                iam.PolicyStatement(
                    sid="ReadLandings",
                    actions=["s3:GetObject", "s3:GetObjectVersion"],
                    resources=[f"{each}/*" for each in some],
                    conditions={"StringEquals": {"aws:ResourceAccount": accounts}},
                )
            ]
            encrypted = [each for each in some if landings[each].has_own_key]
            if encrypted:
                context = [form for each in encrypted for form in (each, f"{each}/*")]
                allowed.append(
                    iam.PolicyStatement(
                        sid="DecryptLandings",
                        actions=["kms:Decrypt"],
                        resources=[f"arn:{names.partition}:kms:{region}:{each}:key/*" for each in accounts],
                        conditions={
                            **statements.via_s3(region),
                            "ArnLike": {"kms:EncryptionContext:aws:s3:arn": context},
                        },
                    )
                )
            description = "Logdock: the landings in other accounts of the exports that ship there"
            self._managed(role, f"Landings{number}", names.shipper(destination), description, allowed)

    def _role(
        self,
        construct_id: str,
        role_name: str,
        permissions: Sequence[iam.PolicyStatement],
        others: Mapping[str, Sequence[iam.PolicyStatement]] | None = None,
    ) -> iam.Role:
        policies = {"Shipper": permissions, **(others or {})}
        return iam.Role(
            self,
            construct_id,
            role_name=role_name,
            description="Logdock: a function of the shipper",
            assumed_by=statements.service_of_this_account("lambda.amazonaws.com", self.account),
            inline_policies={name: iam.PolicyDocument(statements=list(each)) for name, each in policies.items()},
        )

    @staticmethod
    def _allow(sid: str, actions: list[str], resources: list[str]) -> iam.PolicyStatement:
        return iam.PolicyStatement(sid=sid, actions=actions, resources=resources)

    def _own_logs(self, function_name: str, regions: Sequence[str] | None = None) -> list[iam.PolicyStatement]:
        groups = [
            self._names.log_group_arn(f"/aws/lambda/{function_name}", region) for region in regions or self._regions
        ]
        return [
            self._allow("OwnLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{group}:*" for group in groups])
        ]

    def _read_configuration(self, regions: Sequence[str]) -> iam.PolicyStatement:
        path = f"{self._names.parameter_path}*"
        return self._allow(
            "ReadConfiguration", ["ssm:GetParameter"], [self._names.parameter_arn(path, region) for region in regions]
        )

    def _use_key(self, actions: list[str]) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="UseArchiveKey",
            actions=actions,
            resources=[self.key.arn],
            conditions=statements.via_s3(self._names.region),
        )


def _fitting(resources: Sequence[str], times: int = 1) -> Iterator[list[str]]:
    """Divide resources into lists, each short enough for a managed policy that names each so many times."""
    some: list[str] = []
    size = room = MANAGED_POLICY_CHARACTERS - 256
    for resource in resources:
        size -= times * (len(resource) + len('"",'))
        if size < 0:
            yield some
            some, size = [], room - times * (len(resource) + len('"",'))
        some.append(resource)
    if some:
        yield some
