"""What an export needs in addition to its stack: role, key, bucket or log groups, rule, and what others keep of it."""

from __future__ import annotations

from logdock.cli.account import Account
from logdock.cli.validate.buckets import check_bucket, check_rule
from logdock.cli.validate.checks import Checks
from logdock.cli.validate.functions import check_secret
from logdock.cli.validate.log_groups import WHOLE, GroupRange, check_database, check_log_groups
from logdock.cli.validate.roles import RequiredAction, VendorRole, check_role
from logdock.cli.validate.vendors import check_vendor
from logdock.settings.exports import (
    AptibleExport,
    CockroachdbExport,
    DatabaseExport,
    Export,
    MongodbAtlasExport,
)
from logdock.settings.landing import BucketLanding, LogGroupLanding

PROBE = "logdock-validate"
"""The name of an object or stream that is never written: IAM simulates calls on it."""


def check_export(account: Account, export: Export, groups: GroupRange = WHOLE) -> Checks:
    """Check one export in every Region that it is in."""
    checks = Checks(export.name, account.deploy(account.names.export(export.name)))
    for region in account.settings.regions_of(export):
        with checks.of_thing(f"configuration in {region}"):
            account.ssm_in(region).get_parameter(Name=f"{account.names.parameter_path}{export.name}")
    key_arn = _check_key(account, checks, export)
    role = vendor_role(account, export, key_arn)
    if role:
        check_role(account, checks, role)
    landing = export.landing(account.settings)
    if isinstance(landing, BucketLanding):
        check_bucket(account, checks, export, landing, key_arn)
        if export.ship_to:
            check_rule(account, checks, export, export.ship_to)
    else:
        check_log_groups(account, checks, export, groups)
        if export.announced_to:
            check_rule(account, checks, export, export.announced_to)
    if isinstance(export, DatabaseExport):
        check_database(account, checks, export)
    if isinstance(export, AptibleExport) and export.decryption_keys_secret:
        check_secret(account, checks, export.decryption_keys_secret, ())
    if isinstance(export, MongodbAtlasExport | CockroachdbExport | AptibleExport):
        check_vendor(account, checks, export, key_arn)
    return checks


def vendor_role(account: Account, export: Export, key_arn: str | None) -> VendorRole | None:
    """Return what an export's role must be; None for one that no vendor assumes a role for."""
    names = account.names
    if isinstance(export, MongodbAtlasExport):
        bucket = names.bucket_arn(export.landing(account.settings).bucket)
        through = {"s3:DataAccessPointArn": export.mrap_arn} if export.mrap_arn else {}
        required_actions = [
            RequiredAction(action="s3:PutObject", resource=f"{bucket}/{export.prefix}/{PROBE}", context=through),
            RequiredAction(action="s3:GetBucketLocation", resource=bucket),
        ]
        if key_arn:
            via = {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}
            required_actions += [
                RequiredAction(action=f"kms:{name}", resource=key_arn, context=via)
                for name in ("GenerateDataKey", "Decrypt")
            ]
        return VendorRole(
            name=names.export(export.name),
            principal=export.atlas_principal_arn,
            external_ids=export.external_id,
            session_seconds=export.session_seconds,
            required_actions=required_actions,
        )
    if isinstance(export, CockroachdbExport):
        landing = export.landing(account.settings)
        return VendorRole(
            name=names.export(export.name),
            principal=None if export.connect else f"arn:{names.partition}:iam::{export.cluster_account_id}:root",
            external_ids=export.trusted_external_ids or None,
            session_seconds=export.session_seconds,
            required_actions=[
                RequiredAction(action=action, resource=f"{names.log_group_arn(group, region)}:log-stream:{PROBE}")
                for region in landing.regions
                for group in landing.names
                for action in ("logs:CreateLogStream", "logs:PutLogEvents")
            ],
        )
    return None


def _check_key(account: Account, checks: Checks, export: Export) -> str | None:
    """Check the export's keys; return the ARN of the one in the deployment's own Region."""
    if not export.has_own_key:
        return None
    found = None
    landing = export.landing(account.settings)
    for region in landing.regions if isinstance(landing, LogGroupLanding) else (account.settings.region,):
        alias = f"alias/{account.names.in_region(export.name, region)}"
        arn = check_key(account, checks, alias, region)
        found = arn if region == account.settings.region else found
    return found


def check_key(account: Account, checks: Checks, alias: str, region: str) -> str | None:
    """Check that a key can be used; return its ARN."""
    arn = None
    with checks.of_thing(f"key {alias}") as check:
        key = account.kms_in(region).describe_key(KeyId=alias)["KeyMetadata"]
        arn, state = key["Arn"], key["KeyState"]
        fix = f"aws kms enable-key --region {region} --key-id {key['KeyId']}"
        if state == "PendingDeletion":
            fix = f"aws kms cancel-key-deletion --region {region} --key-id {key['KeyId']}, then enable-key"
        check.require(state == "Enabled", f"it is {state}: nothing can be written, and nothing read", fix)
    return arn
