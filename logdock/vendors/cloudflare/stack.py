"""Cloudflare: a bucket that Logpush writes to as a user of Cloudflare's own AWS account. No role here is assumed.

Source: Cloudflare Logs, "Enable Amazon S3". The user is the same for every customer; what keeps another customer's job
out of this bucket is the ownership challenge, whose token only the bucket's owner can read.
"""

from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct
from vendor_connector.vendors.cloudflare.documents import LogpushJob

from constructs_lib import statements
from constructs_lib.customer_key import CustomerKey
from constructs_lib.landing_bucket import LandingBucket
from logdock.vendors.cloudflare.documents import logpush_job
from logdock.vendors.cloudflare.next_steps import cloudflare_connected, cloudflare_steps, cloudflare_switch_off
from logdock.vendors.cloudflare.settings import CloudflareConnect, CloudflareExport
from stacks.connection import connection, properties_of
from stacks.connector_permissions import allow, credential, remember
from stacks.export_stack import ExportStack
from stacks.security_events import from_account

CHALLENGES = "*ownership-challenge*.txt"


class CloudflareStack(ExportStack):
    """The bucket, what Cloudflare's user may do to it, and with ``connect`` the Logpush job."""

    def __init__(self, scope: Construct, construct_id: str, *, export: CloudflareExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        key = self.customer_key() if export.has_own_key else None
        is_encrypted = export.encryption == "kms"
        landing = self.landing_bucket(export, key if is_encrypted else None)
        landing.allow(
            iam.PolicyStatement(
                sid="LogpushWrites",
                principals=[iam.ArnPrincipal(export.principal_arn)],
                actions=["s3:PutObject"],
                resources=[f"{landing.arn}/{export.prefix}/*"],
            )
        )
        if key and is_encrypted:
            # Logpush uploads in parts: completing them decrypts (S3 User Guide, "Multipart upload and permissions").
            use = statements.use_key_for_objects(
                ["kms:GenerateDataKey", "kms:Decrypt"], landing.arn, export.principal_arn, self._in_region
            )
            use.sid = "LogpushEncrypts"
            key.allow(use)
            self.output("KmsKeyArn", key.arn, "The bucket's key")
        # Also where the bucket has SSE-S3: what was encrypted with the key before may still wait in a queue.
        self.ship_landing(landing, key, f"{export.prefix}/")
        self.alarms.denied(from_account(export.principal_arn, landing.name))
        job = logpush_job(export, name=self.names.export(export.name), bucket=landing.name, region=self.names.region)
        self.output("BucketName", landing.name, "Bucket")
        self.output("Prefix", export.prefix, "Path, before the dataset")
        self.output("DestinationConf", job.destination_conf, "destination_conf")
        if export.connect and key:
            self._connect(export, export.connect, job, landing, key)
            self.output("NextSteps", cloudflare_connected(), "What is left to do")
        else:
            self.output("SwitchOff", cloudflare_switch_off(export), "Before the stack is destroyed")
            steps = cloudflare_steps(export, job)
            self.output("NextSteps", steps, "Prove the ownership and create the job")

    def _connect(
        self,
        export: CloudflareExport,
        connect: CloudflareConnect,
        job: LogpushJob,
        landing: LandingBucket,
        key: CustomerKey,
    ) -> None:
        connector = self.connector(key, connect)
        state = self.state_parameter("cloudflare-logpush-job")
        challenges = f"{landing.arn}/{export.prefix}/{CHALLENGES}"
        permissions = [remember(self.names, state), allow("ReadOwnershipChallenge", ["s3:GetObject"], [challenges])]
        if export.encryption == "kms":
            via_s3 = {"kms:ViaService": statements.endpoint("s3", self.names.region)}
            permissions.append(allow("DecryptChallenge", ["kms:Decrypt"], [key.arn], StringEquals=via_s3))
        connector.apply(
            "LogpushJob",
            "cloudflare-logpush-job",
            {**connection(connect), "Scope": export.scope, "StateParameter": state, **properties_of(job)},
            permissions=[credential(self.names, connect), permissions],
            # Cloudflare writes the challenge into the bucket before it takes the job, and then whatever the job pushes
            # is to be announced: it pushes nothing twice.
            after=[landing, self.node.find_child("Announce")],
        )


STACK = CloudflareStack
