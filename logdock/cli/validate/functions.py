"""What all exports share: the archiver, the shippers and their secrets, and the alarm recipients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from logdock.cli.account import Account
from logdock.cli.validate.checks import Check, Checks
from logdock.cli.validate.roles import PROBE, RequiredAction, VendorRole, check_role, simulate_actions
from logdock.cli.validate.vendors import check_vendor
from logdock.settings.destinations import ARCHIVE
from logdock.vendors.logzio.metrics import LogzioMetrics
from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.otlp.settings import OtlpDestination

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def check_archiver(account: Account, region: str) -> Checks:
    """Check the archiver of a Region."""
    names = account.names
    checks = Checks("archiver", account.deploy(names.in_region("shipper", region)))
    source = names.stream_arn(region) if account.settings.subscriptions == "kinesis" else None
    with checks.of_thing(f"function {names.archiver} in {region}") as check:
        _check_function(account.lambda_in(region), check, names.archiver, source)
    return checks


def check_destination(account: Account, name: str) -> Checks:
    """Check what ships to a destination, or for one that fetches, its role."""
    names, region = account.names, account.settings.region
    checks = Checks(name, account.deploy(names.in_region("shipper", region)))
    function = names.shipper(name)
    with checks.of_thing(f"function {function}") as check:
        _check_function(account.lambda_in(region), check, function, names.queue_arn(name))
    for destination in account.settings.destinations:
        if destination.name != name:
            continue
        if isinstance(destination, OtlpDestination):
            secret = destination.headers_secret
        else:
            secret = destination.token_secret
            if destination.mode == "fetch":
                for role in _logzio_roles(account, destination, _archive_key(account, checks)):
                    check_role(account, checks, role)
                if destination.connect:
                    check_vendor(account, checks, destination)
            if destination.metrics:
                _check_metrics(account, checks, name, destination.metrics)
        if secret:
            check_secret(account, checks, secret, (function,))
    return checks


def _check_metrics(account: Account, checks: Checks, destination: str, metrics: LogzioMetrics) -> None:
    names, region = account.names, account.settings.region
    check_secret(account, checks, metrics.token_secret, (names.metrics(destination, "delivery"),))
    stream = names.metrics(destination)
    with checks.of_thing(f"metric stream {stream}") as check:
        state = account.cloudwatch_in(region).get_metric_stream(Name=stream)["State"]
        fix = f"aws cloudwatch start-metric-streams --names {stream} --region {region}"
        check.require(state == "running", f"its state is {state}: no metrics are sent", fix)
    if metrics.tags:
        function = names.metrics(destination, "tags")
        with checks.of_thing(f"function {function}") as check:
            _check_function(account.lambda_in(region), check, function, None)


def check_topic(account: Account, region: str) -> Checks:
    """Check that the recipients of a Region's alarms have confirmed."""
    checks = Checks("alerts", account.deploy(account.names.in_region(account.stack_of(region), region)))
    with checks.of_thing(f"topic {account.names.alerts} in {region}") as check:
        subscriptions = account.subscriptions(account.names.alert_topic_in(region), region)
        found = {each["Endpoint"]: each["SubscriptionArn"] for each in subscriptions}
        for address in account.settings.alerts.email:
            check.require(address in found, f"{address} is not subscribed")
            check.require(
                found.get(address, "arn:").startswith("arn:"),
                f"{address} has not confirmed, and is not notified",
                "follow the link in AWS's mail, or subscribe it again",
            )
    return checks


def check_secret(account: Account, checks: Checks, reference: str, readers: Sequence[str]) -> None:
    """Check that a secret exists, and that roles may read it."""
    arn, region = None, account.settings.region
    create = f"aws secretsmanager create-secret --name {reference} --region {region} …"
    with checks.of_thing(f"secret {reference}", create) as check:
        secret = account.secrets_manager.describe_secret(SecretId=reference)
        arn = secret["ARN"]
        check.require(
            "DeletedDate" not in secret,
            "it is about to be deleted",
            f"aws secretsmanager restore-secret --secret-id {reference} --region {region}",
        )
    if arn:
        for role in readers:
            simulate_actions(
                account, checks, role, [RequiredAction(action="secretsmanager:GetSecretValue", resource=arn)]
            )


def _check_function(functions: LambdaClient, check: Check, name: str, source_arn: str | None) -> None:
    found, region = functions.get_function(FunctionName=name), functions.meta.region_name
    state = found["Configuration"].get("State", "Active")
    reason = found["Configuration"].get("StateReason", "?")
    check.require(state in ("Active", "Inactive"), f"its state is {state}: {reason}")
    reserved = found.get("Concurrency", {}).get("ReservedConcurrentExecutions")
    check.require(
        reserved != 0,
        "its reserved concurrency is 0: it never runs",
        f"aws lambda delete-function-concurrency --function-name {name} --region {region}",
    )
    if source_arn:
        pages = functions.get_paginator("list_event_source_mappings").paginate(FunctionName=name)
        mappings = {each["EventSourceArn"]: each for page in pages for each in page["EventSourceMappings"]}
        mapping = mappings.get(source_arn)
        if mapping is None:
            check.require(False, f"it does not read {source_arn}")
        else:
            check.require(
                mapping["State"] not in ("Disabled", "Disabling"),
                f"its mapping of {source_arn} is {mapping['State']}",
                f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled --region {region}",
            )


def _archive_key(account: Account, checks: Checks) -> str | None:
    """Return the ARN of the key that feeds are encrypted with: the archive bucket's default."""
    found, bucket = None, account.names.bucket(ARCHIVE)
    with checks.of_thing(f"key of the bucket {bucket}") as check:
        (rule,) = account.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        found = rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")
        check.require(found, "the bucket has no key", account.deploy(account.names.core_stack))
    return found


def _logzio_roles(account: Account, destination: LogzioDestination, archive_key: str | None) -> Iterator[VendorRole]:
    """Yield the role of a destination's fetchers, and that of Archive & Restore."""
    names = account.names
    via = {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}
    role = partial(
        VendorRole,
        principal=None if destination.connect else f"arn:{names.partition}:iam::{destination.account_id}:root",
        external_ids=None if destination.connect else destination.external_id,
        session_seconds=destination.session_seconds,
    )
    bucket, prefix = names.bucket_arn(names.bucket(ARCHIVE)), f"feed/{destination.name}/"
    yield role(
        name=names.export(destination.name),
        required_actions=[
            RequiredAction(action="s3:ListBucket", resource=bucket, context={"s3:prefix": prefix}),
            RequiredAction(action="s3:GetObject", resource=f"{bucket}/{prefix}{PROBE}"),
            RequiredAction(action="s3:GetBucketLocation", resource=bucket),
            *([RequiredAction(action="kms:Decrypt", resource=archive_key, context=via)] if archive_key else []),
        ],
    )
    if archive := destination.archive_and_restore:
        bucket = names.bucket_arn(archive.bucket)
        yield role(
            name=names.archive_and_restore(destination.name),
            required_actions=[
                RequiredAction(action="s3:ListBucket", resource=bucket),
                RequiredAction(action="s3:PutObject", resource=f"{bucket}/{PROBE}"),
                RequiredAction(action="s3:GetObject", resource=f"{bucket}/{PROBE}"),
                RequiredAction(action="s3:GetBucketLocation", resource=bucket),
                *(
                    RequiredAction(action=f"kms:{name}", resource=archive.kms_key_arn, context=via)
                    for name in ("GenerateDataKey", "Decrypt")
                    if archive.kms_key_arn
                ),
            ],
        )
