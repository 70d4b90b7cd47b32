"""The names that follow from the settings: how stacks know each other, and how the command finds what is deployed.

Stacks refer to each other by names that follow from the settings, not by CloudFormation exports (but for the archive's
key, whose id AWS chooses): CloudFormation refuses to change or delete a stack while another imports from it, and here
every stack but the core must be free to come and go alone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from logdock.settings.deployment import Deployment
from logdock.settings.partitions import partition_of

if TYPE_CHECKING:
    from logdock.settings.exports import Export


@dataclass(frozen=True, slots=True)
class Names:
    """Names and ARNs of one deployment."""

    deployment: str
    """Prefix of all names."""
    account: str
    """12 digits."""
    region: str
    """The deployment's own Region."""
    feeds: frozenset[str] = frozenset()
    """The destinations that get a feed: their queues are FIFO, so that each export has one writer at a time."""

    @classmethod
    def of(cls, settings: Deployment) -> Self:
        """Return the names of a deployment."""
        return cls(settings.deployment, settings.account, settings.region, settings.feeds)

    @property
    def partition(self) -> str:
        """The AWS partition."""
        return partition_of(self.region)

    @property
    def core_stack(self) -> str:
        """The stack of the archive."""
        return f"{self.deployment}-core"

    def dashboard(self, number: int) -> str:
        """Return the name of a dashboard, the first being 1: no deployment's name has an underscore."""
        return self.deployment if number == 1 else f"{self.deployment}_{number}"

    def dashboard_stack(self, number: int) -> str:
        """Return the name of a dashboard's stack, the first being 1: no export's name has a capital letter."""
        return f"{self.deployment}-dashboard" if number == 1 else f"{self.deployment}-Dashboard-{number}"

    def in_region(self, name: str, region: str) -> str:
        """Return the name of a thing that every Region has: bare in the deployment's own Region, suffixed elsewhere."""
        return f"{self.deployment}-{name}" + ("" if region == self.region else f"-{region}")

    def bucket(self, purpose: str, region: str | None = None) -> str:
        """Return the name of one of our own buckets: archive, failed, access-logs or replica."""
        return f"{self.deployment}-{purpose}-{self.account}-{region or self.region}"

    def replica(self, region: str) -> str:
        """Return the name of the replica's stack, key and role."""
        return f"{self.deployment}-replica-{region}"

    def bucket_arn(self, bucket_name: str) -> str:
        """Return a bucket's ARN."""
        return f"arn:{self.partition}:s3:::{bucket_name}"

    @property
    def archive_key_export(self) -> str:
        """The CloudFormation export that holds the archive key's ARN."""
        return f"{self.deployment}-archive-key-arn"

    @property
    def alerts(self) -> str:
        """The topic that alarms notify, in every Region."""
        return f"{self.deployment}-alerts"

    @property
    def alert_topic_arn(self) -> str:
        """The topic of the deployment's own Region."""
        return self.alert_topic_in(self.region)

    def alert_topic_in(self, region: str) -> str:
        """Return the ARN of the topic of a Region."""
        return f"arn:{self.partition}:sns:{region}:{self.account}:{self.alerts}"

    def alerts_machine_arn(self, region: str) -> str:
        """Return the ARN of the state machine that sends reminders of alarms in a Region."""
        return f"arn:{self.partition}:states:{region}:{self.account}:stateMachine:{self.alerts}"

    @property
    def archiver(self) -> str:
        """The archiver: its function, in every Region, and its role."""
        return f"{self.deployment}-archiver"

    @property
    def compactor(self) -> str:
        """What compacts the archive: its function and its role; no export or destination is named so."""
        return f"{self.deployment}-shipper-compactor"

    def archiver_arn(self, region: str) -> str:
        """Return the ARN of the archiver in a Region."""
        return f"arn:{self.partition}:lambda:{region}:{self.account}:function:{self.archiver}"

    @property
    def stream(self) -> str:
        """The data stream that log groups are subscribed to, in every Region; no export or destination is named so."""
        return f"{self.deployment}-shipper-subscriptions"

    def stream_arn(self, region: str) -> str:
        """Return the ARN of the stream in a Region."""
        return f"arn:{self.partition}:kinesis:{region}:{self.account}:stream/{self.stream}"

    def stream_role(self, region: str) -> str:
        """Return the name of the role that writes to the stream of a Region."""
        return self.in_region("shipper-subscriptions", region)

    @property
    def stream_export(self) -> str:
        """The CloudFormation export that holds the stream's ARN, in every Region."""
        return f"{self.deployment}-subscriptions-stream-arn"

    @property
    def sql_database(self) -> str:
        """The database of Glue's catalogue: a name that SQL takes without quotes."""
        return self.deployment.replace("-", "_")

    @property
    def sql_workgroup(self) -> str:
        """The workgroup of Athena."""
        return f"{self.deployment}-logs"

    @property
    def readers(self) -> str:
        """The role of people who search."""
        return f"{self.deployment}-readers"

    def shipper(self, destination: str) -> str:
        """Return the name of a destination's function and role."""
        return f"{self.deployment}-ship-{destination}"

    def queue(self, destination: str, suffix: str = "") -> str:
        """Return the name of a destination's queue, or with ``-dead`` of its dead-letter queue."""
        return self.shipper(destination) + suffix + (".fifo" if destination in self.feeds else "")

    def queue_arn(self, destination: str) -> str:
        """Return the ARN of a destination's queue."""
        return f"arn:{self.partition}:sqs:{self.region}:{self.account}:{self.queue(destination)}"

    def metrics(self, destination: str, role: str = "metrics") -> str:
        """Return the name of a destination's metric stream, delivery stream and log group, and of a role of these.

        No destination's name has an underscore, so no function is named so.
        """
        return f"{self.shipper(destination)}_{role}"

    @property
    def mark_table(self) -> str:
        """The table of the shipper's marks."""
        return f"{self.deployment}-marks"

    @property
    def mark_table_arn(self) -> str:
        """The ARN of that table."""
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.mark_table}"

    def role_arn(self, role_name: str) -> str:
        """Return a role's ARN."""
        return f"arn:{self.partition}:iam::{self.account}:role/{role_name}"

    def archive_and_restore(self, destination: str) -> str:
        """Return the name of the role of Logz.io's Archive & Restore: no export's name has an underscore."""
        return f"{self.export(destination)}_archive"

    def in_account(self, account: str | None) -> Self:
        """Return the names in the account that an export lands in: the deployment's own where it names no other."""
        return replace(self, account=account) if account else self

    def landing_stack(self, export_name: str) -> str:
        """Return the stack of a landing in another account: no export's name has a capital letter."""
        return f"{self.deployment}-Landing-{export_name}"

    def access_logs_of(self, export_name: str) -> str:
        """Return the bucket for the access logs of a landing in another account.

        S3 writes access logs to a bucket of the same account (Amazon S3 User Guide, "Logging requests with server
        access logging"). A digest stands for the export: a bucket's name has 63 characters.
        """
        return f"{self.deployment}-logs-{_digest(export_name)}-{self.account}-{self.region}"

    def announcing_role(self, export_name: str) -> str:
        """Return the name of the role that sends a landing's events to the deployment's account."""
        return f"{self.export(export_name)}_events"

    def destination_arn(self, export_name: str) -> str:
        """Return the ARN of the destination that log groups of another account are subscribed to."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account}:destination:{self.export(export_name)}"

    def destination_role(self, export_name: str) -> str:
        """Return the name of the role by which that destination writes to the stream."""
        return f"{self.export(export_name)}_destination"

    @property
    def landings_bus(self) -> str:
        """The event bus of the deployment's account that other accounts announce what landed to."""
        return f"{self.deployment}-landings"

    @property
    def landings_bus_arn(self) -> str:
        """The ARN of that bus."""
        return f"arn:{self.partition}:events:{self.region}:{self.account}:event-bus/{self.landings_bus}"

    def announcing_rule(self, export: Export) -> str:
        """Return an export's rule as the ARN of a rule names it: with its bus, if that is not the default one."""
        bus = f"{self.landings_bus}/" if export.announcing_account else ""
        return f"{bus}{self.export(export.name)}"

    def rule_dimensions(self, export: Export) -> dict[str, str]:
        """Return the dimensions of the metrics of an export's rule.

        Metrics with `RuleName` alone are of the default bus, and those with `EventBusName` too of another one
        (Amazon EventBridge User Guide, "Monitoring Amazon EventBridge").
        """
        bus = {"EventBusName": self.landings_bus} if export.announcing_account else {}
        return {**bus, "RuleName": self.export(export.name)}

    def export(self, export_name: str) -> str:
        """Return the name of an export's role and key, and the beginning of its rules' names."""
        return f"{self.deployment}-{export_name}"

    def vendor_role(self, export_name: str, member_id: str | None) -> str:
        """Return the name of the role that an export's vendor assumes.

        Each member of an export of several has a role of its own: its external id is then accepted from its principal
        alone, and reaches its own part alone. Twelve characters stand for its id, because a role's name has 64, and no
        export's name has an underscore.
        """
        if member_id is None:
            return self.export(export_name)
        return f"{self.export(export_name)}_{_digest(member_id)}"

    def parameter_group(self, export_name: str, member_id: str | None) -> str:
        """Return the name of the parameter group that is made for a database with a default one.

        Of an export of several databases the names begin with what no export's name begins with, a digit, so that a
        pattern of them is true of no other export's.
        """
        if member_id is None:
            return f"logdock-{self.export(export_name)}"
        return f"logdock-{self.deployment}-0{_digest(export_name)}-{_digest(member_id)}"

    def parameter_groups(self, export_name: str) -> str:
        """Return the pattern of the parameter groups that are made for the databases of an export of several."""
        return f"logdock-{self.deployment}-0{_digest(export_name)}-{'?' * 12}"

    def log_group_arn(self, name: str, region: str) -> str:
        """Return a log group's ARN, without the trailing ``:*``."""
        return f"arn:{self.partition}:logs:{region}:{self.account}:log-group:{name}"

    @property
    def parameter_path(self) -> str:
        """Where the exports' configurations are."""
        return f"/logdock/{self.deployment}/exports/"

    def parameter_arn(self, name: str, region: str) -> str:
        """Return the ARN of a Systems Manager parameter whose name begins with a slash."""
        return f"arn:{self.partition}:ssm:{region}:{self.account}:parameter{name}"

    def secret_arn(self, reference: str) -> str:
        """Return the ARN, or its pattern, of a secret given by ARN or name; AWS appends six characters to a name.

        Secrets Manager also finds a secret by an ARN without them, but IAM compares the whole ARN. It takes an ARN that
        ends with a hyphen and six characters for a whole one (Secrets Manager User Guide, "Troubleshooting").
        """
        if not reference.startswith("arn:"):
            reference = f"arn:{self.partition}:secretsmanager:{self.region}:{self.account}:secret:{reference}"
        elif re.search("-[A-Za-z0-9]{6}$", reference):
            return reference
        return f"{reference}-??????"


def _digest(name: str) -> str:
    """Return twelve characters that stand for a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]
