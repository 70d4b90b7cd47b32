"""AWS services that deliver logs to a bucket: CloudTrail, VPC flow logs and load balancers.

The emulator implements none of them and no caller can act as one. So the deployed policies are evaluated for the
service's request, and the root of the account writes the object that the service would have written, under its key and
with its headers.
Sources: CloudTrail User Guide, "Finding your CloudTrail log files" and "Configure AWS KMS key policies for CloudTrail";
VPC User Guide, "Flow log files"; CloudWatch Logs User Guide, "Logs sent to Amazon S3";
Elastic Load Balancing, "Access logs for your Application Load Balancer".
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from local_cloud.markers import Line, new_hex, new_uuid
from local_cloud.stage import UNRELATED_ACCOUNT
from local_cloud.stand_ins.attempts import (
    encrypt_otherwise,
    misuse_key,
    reach_further,
    read_bucket,
    tamper_with_object,
    weaken_bucket,
)
from local_cloud.stand_ins.recorded import gzip_lines, moments, recorded, utc, written_again
from local_cloud.stand_ins.service_principal import ServiceRequest
from local_cloud.stand_ins.sessions import administrator, role_session, unrelated_user
from local_cloud.vendors.cloudwatch_logs import exporter as application

if TYPE_CHECKING:
    from local_cloud.customer import Secrets
    from local_cloud.emulator import Emulator
    from local_cloud.journal import Attempt, Journal
    from local_cloud.stage import Stage
    from logdock.settings import Deployment
    from logdock.vendors.s3_logs.settings import S3LogsExport

_EVENTS = 40
_PRINCIPALS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "cloudtrail": (
        "cloudtrail.amazonaws.com",
        "arn:aws:cloudtrail:{region}:{account}:trail/audit",
        # the last because the bucket has a bucket key
        ("GenerateDataKey", "DescribeKey", "Decrypt"),
    ),
    "alb": (
        "logdelivery.elasticloadbalancing.amazonaws.com",
        "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/my-loadbalancer/50dc6c495c0c9188",
        (),
    ),
    "vpc-flow": (
        "delivery.logs.amazonaws.com",
        "arn:aws:logs:{region}:{account}:*",
        ("Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey"),
    ),
}
"""By service: its principal, for what it acts, and what its guide says that the key's policy must let it do."""
_OBJECTS = 3
_NOTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeVpcs","Resource":"*"}]}'


def prepare(cloud: Emulator, settings: Deployment, export: S3LogsExport) -> None:
    """Make the bucket that is there before Logdock is, if the export is for one."""
    if export.existing_bucket:
        s3 = cloud.client("s3", settings.account, region=settings.region)
        where = (
            {}
            if settings.region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": settings.region}}
        )
        s3.create_bucket(Bucket=export.existing_bucket, **where)


class AwsServices:
    """The services that deliver to one bucket."""

    def __init__(self, stage: Stage, export: S3LogsExport, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        self._outputs = stage.stack_outputs(export.name)
        self._bucket = self._outputs["BucketName"]
        self._key_arn = self._outputs.get("KmsKeyArn")
        self._account, self._region = stage.owner, stage.settings.region
        self._prefix = f"{export.prefix}/AWSLogs" if export.prefix else "AWSLogs"

    def play(self) -> None:
        """Deliver, then try what must not be possible."""
        services = self._export.services
        delivered = []
        self._ask_policies()
        if "cloudtrail" in services:
            delivered.append(self._cloudtrail())
        if "vpc-flow" in services:
            delivered.append(self._vpc_flow())
        if "alb" in services:
            delivered.append(self._load_balancer())
        if not services:
            delivered.append(self._anything_else())
        if not delivered:
            raise ValueError(f"export {self._export.name}: the local cloud has no stand-in for {', '.join(services)}")
        self._try(*delivered[0])

    def _ask_policies(self) -> None:
        """Ask the deployed policies whether the services may deliver, and whether others may in their name."""
        if not self._export.services:
            return
        account, region, journal = self._account, self._region, self._journal
        policy = self._stage.customer("s3").get_bucket_policy(Bucket=self._bucket)["Policy"]
        for service in self._export.services:
            if service not in _PRINCIPALS:
                continue
            principal, source, key_actions = _PRINCIPALS[service]
            put = ServiceRequest(
                service=principal,
                action="s3:PutObject",
                resource_arn=f"arn:aws:s3:::{self._bucket}/{self._prefix}/{account}/x",
                region=region,
                source_account=account,
                source_arn=source.format(region=region, account=account),
            )
            journal.check(f"the bucket's policy lets {principal} deliver", put.is_allowed_by(policy))
            if self._key_arn and key_actions:
                answer = self._stage.customer("kms").get_key_policy(KeyId=self._key_arn, PolicyName="default")
                asked = [replace(put, action=f"kms:{each}", resource_arn=self._key_arn) for each in key_actions]
                encrypts = all(each.is_allowed_by(answer["Policy"]) for each in asked)
                journal.check(f"the key's policy lets {principal} encrypt", encrypts)
            foreign = source.format(region=region, account=UNRELATED_ACCOUNT)
            elsewhere = f"arn:aws:s3:::{self._bucket}/{self._prefix}/{UNRELATED_ACCOUNT}/x"
            others = {
                f"let {principal} deliver for another AWS account": replace(
                    put, source_account=UNRELATED_ACCOUNT, source_arn=foreign
                ),
                f"let {principal} deliver for a resource of another account": replace(put, source_arn=foreign),
                f"let {principal} write outside this account's folder": replace(put, resource_arn=elsewhere),
                f"let {principal} read what has landed": replace(put, action="s3:GetObject"),
            }
            for what, request in others.items():
                journal.judge(what, is_allowed=request.is_allowed_by(policy))
            unrelated_service = replace(put, service="serverlessrepo.amazonaws.com")
            journal.judge(
                f"let another AWS service deliver in the place of {principal}",
                is_allowed=unrelated_service.is_allowed_by(policy),
            )

    def _cloudtrail(self) -> tuple[str, str]:
        events = json.loads("\n".join(recorded("aws-services/cloudtrail.json")))["Records"]
        last = ("", "")
        for _ in range(_OBJECTS):
            lines, records = [], []
            for number, moment in enumerate(moments(_EVENTS)):
                marker = new_uuid()
                event = events[number % len(events)] | {
                    "eventTime": utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "eventID": marker,
                    "awsRegion": self._region,
                    "recipientAccountId": self._account,
                }
                records.append(event)
                lines.append(Line(json.dumps(event), marker, moment // 1_000_000))
            body = gzip.compress(json.dumps({"Records": records}).encode(), 1)
            when = utc(lines[-1].epoch_ms * 1_000_000)
            file = f"{self._account}_CloudTrail_{self._region}_{when:%Y%m%dT%H%MZ}_{new_hex(16)}.json.gz"
            headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._key_arn} if self._key_arn else {}
            last = self._put(f"CloudTrail/{self._region}/{when:%Y/%m/%d}/{file}", body, lines, headers)
        self._journal.did(f"CloudTrail delivered {_OBJECTS} objects, each an array of {_EVENTS} events, naming its key")
        return last

    def _vpc_flow(self) -> tuple[str, str]:
        header = recorded("aws-services/vpc-flow.log")[0]
        last = ("", "")
        for _ in range(_OBJECTS):
            lines = [
                line for line in written_again("aws-services/vpc-flow.log", 2 * _EVENTS, self._flow) if line.marker
            ]
            when = utc(lines[-1].epoch_ms * 1_000_000)
            stamp = f"{when:%Y%m%dT%H%MZ}"
            file = f"{self._account}_vpcflowlogs_{self._region}_fl-{new_hex(17)}_{stamp}_{new_hex(16)[:8]}.log.gz"
            body = gzip_lines([Line(header, "", 0), *lines])
            last = self._put(f"vpcflowlogs/{self._region}/{when:%Y/%m/%d}/{file}", body, lines, {})
        self._journal.did(f"VPC flow logs delivered {_OBJECTS} objects without an encryption header")
        return last

    def _flow(self, line: str, number: int, moment: int) -> tuple[str, str]:
        columns = line.split()
        if columns[0] == "version":
            return line, ""
        # `eni-` and 17 hexadecimal digits.
        marker = new_hex(17)
        seconds = moment // 10**9
        columns[1:3] = [self._account, f"eni-{marker}"]
        columns[5] = str(20000 + number)
        columns[10:12] = [str(seconds - 60), str(seconds)]
        return " ".join(columns), marker

    def _load_balancer(self) -> tuple[str, str]:
        lines = written_again("aws-services/alb.log", _EVENTS, _request)
        when = utc(lines[-1].epoch_ms * 1_000_000)
        file = f"{self._account}_elasticloadbalancing_{self._region}_app.my-loadbalancer.{new_hex(16)}"
        key = f"elasticloadbalancing/{self._region}/{when:%Y/%m/%d}/{file}_{when:%Y%m%dT%H%MZ}_192.0.2.1_x.log.gz"
        last = self._put(key, gzip_lines(lines), lines, {})
        self._journal.did(f"the load balancer delivered {_EVENTS} lines")
        return last

    def _anything_else(self) -> tuple[str, str]:
        lines = written_again("application/checkout.log", _EVENTS, application.rewrite)
        last = self._put("app.json.gz", gzip_lines(lines), lines, {})
        self._journal.did(f"an application wrote {_EVENTS} JSON lines")
        return last

    def _put(self, key: str, body: bytes, lines: list[Line], headers: dict[str, str]) -> tuple[str, str]:
        key = f"{self._prefix}/{self._account}/{key}"
        s3 = self._stage.customer("s3")
        answer = s3.put_object(Bucket=self._bucket, Key=key, Body=body, ACL="bucket-owner-full-control", **headers)
        self._journal.wrote(lines)
        return key, answer.get("VersionId", "null")

    def _try(self, key: str, version_id: str) -> None:
        stage, bucket = self._stage, self._bucket
        outsider = stage.client("s3", unrelated_user(stage))
        session = role_session(stage, self._account, f"{self._export.name}-network-team", policy=_NOTHING)
        insider = stage.client("s3", session)
        outside: list[Attempt] = [
            *read_bucket(outsider, bucket, key),
            *tamper_with_object(outsider, bucket, key, version_id),
            *weaken_bucket(outsider, bucket),
            (
                "deliver another account's logs",
                lambda: outsider.put_object(
                    Bucket=bucket,
                    Key=f"{self._prefix}/{UNRELATED_ACCOUNT}/x.json.gz",
                    Body=b"",
                    ACL="bucket-owner-full-control",
                ),
            ),
        ]
        inside: list[Attempt] = [
            *read_bucket(insider, bucket, key),
            *tamper_with_object(insider, bucket, key, version_id),
        ]
        journal = self._journal
        journal.attempt_all((f"{what}, from another AWS account", call) for what, call in outside)
        journal.attempt_all((f"{what}, as a role of this account without a grant", call) for what, call in inside)
        if not self._export.existing_bucket:
            other_key = stage.client("kms", UNRELATED_ACCOUNT).create_key()["KeyMetadata"]["Arn"]
            admin = stage.client("s3", administrator(stage))
            denied = encrypt_otherwise(admin, bucket, key, other_key_arn=other_key, kms=self._key_arn is not None)
            journal.attempt_all((f"{what}, even as the account's administrator", call) for what, call in denied)
        if self._key_arn:
            journal.attempt_all(misuse_key(stage.client("kms", session), self._key_arn))
        journal.attempt_all(reach_further(stage, session, own=self._export.name))


def _request(line: str, number: int, moment: int) -> tuple[str, str]:
    # The trace id: `Root=1-`, the time in 8 hexadecimal digits, and 24 of its own.
    marker = new_hex(24)
    line = re.sub(r"^(\S+) \S+", rf"\1 {utc(moment):%Y-%m-%dT%H:%M:%S.%fZ}", line)
    line = re.sub(r"Root=1-\w+-\w+", f"Root=1-{moment // 10**9:08x}-{marker}", line)
    return line.replace(":2817 ", f":{2817 + number} ", 1), marker


def exporter(stage: Stage, export: S3LogsExport, journal: Journal, _secrets: Secrets) -> AwsServices:
    """Return what plays an export."""
    return AwsServices(stage, export, journal)
