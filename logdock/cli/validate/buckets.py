"""Buckets that exports land in, and the rules that announce what lands."""

from collections.abc import Callable, Sequence

from logdock.cli.account import Account
from logdock.cli.validate.checks import Checks, another_revision
from logdock.cli.validate.roles import RequiredAction, simulate_actions
from logdock.settings.destinations import ARCHIVE
from logdock.settings.export_base import BucketExport
from logdock.settings.exports import Export
from logdock.settings.landing import BucketLanding
from logdock.settings.names import Names
from logdock.vendors.s3_logs.settings import S3LogsExport


def check_bucket(account: Account, checks: Checks, export: Export, landing: BucketLanding, key_arn: str | None) -> None:
    """Check a landing bucket: where it is, that it keeps versions, is encrypted, and announces what lands."""
    s3, name = account.s3, landing.bucket
    with checks.of_thing(f"bucket {name}") as check:
        region = s3.get_bucket_location(Bucket=name).get("LocationConstraint") or "us-east-1"
        check.require(
            region == account.settings.region,
            f"it is in {region}, and the deployment in {account.settings.region}",
            "export to a bucket of the deployment's Region",
        )
        if landing.is_own:
            versioning = s3.get_bucket_versioning(Bucket=name).get("Status", "off")
            check.require(versioning == "Enabled", f"its versioning is {versioning}")
            (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
            encryption = rule["ApplyServerSideEncryptionByDefault"]
            is_ = encryption.get("KMSMasterKeyID", encryption["SSEAlgorithm"])
            # An export may have a key although its bucket's default is SSE-S3.
            by_key = not isinstance(export, BucketExport) or export.bucket_encryption == "kms"
            wanted = key_arn if key_arn and by_key else "AES256"
            check.require(is_ == wanted, f"it is encrypted with {is_}, and should be with {wanted}")
        if export.ship_to:
            announced = s3.get_bucket_notification_configuration(Bucket=name)
            check.require(
                "EventBridgeConfiguration" in announced,
                "it announces no new objects to EventBridge: none is shipped",
                another_revision(account, export.name, export.check_each_deploy)
                if isinstance(export, S3LogsExport) and not landing.is_own
                else account.deploy(f"{account.names.export(export.name)} --revert-drift"),
            )
        vendor = export.bucket_principal_arn if isinstance(export, BucketExport) else None
        own = _reading_roles(account, export) if landing.is_own else []
        if principals := [*([vendor] if vendor else []), *own]:
            # S3 replaces the ARN of one that is deleted with its id, which a new one of that name does not have
            policy = s3.get_bucket_policy(Bucket=name)["Policy"]
            missing = [each for each in principals if f'"{each}"' not in policy]
            check.require(
                not missing,
                f"its policy does not admit {', '.join(missing)}",
                f"deploy {account.names.export(export.name)} once without what names the role (in `ship_to`, or "
                "`readers`), then with it: its policies name a role that was deleted and made again"
                if vendor not in missing
                else "",
            )
    if isinstance(export, S3LogsExport) and not landing.is_own:
        objects = f"{account.names.bucket_arn(name)}/{landing.prefix}logdock-validate"
        for destination in export.ship_to:
            required_actions = [RequiredAction(action="s3:GetObject", resource=objects)]
            if export.kms_key_arn:
                via = {"kms:ViaService": f"s3.{account.settings.region}.amazonaws.com"}
                required_actions.append(RequiredAction(action="kms:Decrypt", resource=export.kms_key_arn, context=via))
            simulate_actions(account, checks, account.names.shipper(destination), required_actions)


def _reading_roles(account: Account, export: Export) -> list[str]:
    """Return the roles that a landing bucket's policy lets read it; they are in the deployment's own account."""
    names = Names.of(account.settings)
    roles = [names.shipper(destination) for destination in export.ship_to]
    if account.settings.readers and ARCHIVE not in export.ship_to:
        roles.append(names.readers)
    return [names.role_arn(role) for role in roles]


def check_rule(account: Account, checks: Checks, export: Export, destinations: Sequence[str]) -> None:
    """Check the rule that puts each new object on the destinations' queues."""

    def fault(targets: set[str]) -> str:
        missing = [each for each in destinations if account.names.queue_arn(each) not in targets]
        return f"it does not put objects on the queue of {', '.join(missing)}" if missing else ""

    bus = account.names.landings_bus if export.announcing_account else "default"
    _check_targets(account, checks, export, bus, fault)


def check_announcement(account: Account, checks: Checks, export: Export, bus_arn: str) -> None:
    """Check the rule that announces each new object to the bus of the deployment's account."""

    def fault(targets: set[str]) -> str:
        return "" if bus_arn in targets else f"it does not announce objects to {bus_arn}"

    _check_targets(account, checks, export, "default", fault)


def _check_targets(
    account: Account, checks: Checks, export: Export, bus: str, fault: Callable[[set[str]], str]
) -> None:
    """Check that an export's rule on a bus is on, and what it sends to."""
    name = account.names.export(export.name)
    where = f" of the account {account.names.account}" if export.other_account else ""
    with checks.of_thing(f"rule {name}{where}") as check:
        rule = account.events.describe_rule(Name=name, EventBusName=bus)
        on_bus = "" if bus == "default" else f" --event-bus-name {bus}"
        check.require(
            rule.get("State") == "ENABLED",
            "it is off: what lands is not shipped",
            f"aws events enable-rule --name {name}{on_bus} --region {account.settings.region}",
        )
        pages = account.events.get_paginator("list_targets_by_rule").paginate(Rule=name, EventBusName=bus)
        reason = fault({target["Arn"] for page in pages for target in page["Targets"]})
        check.require(not reason, reason)
