"""Keys: enabled, and each with the statements by which services and functions use it.

Of a statement the principal and the action are compared, and not its conditions: `logdock validate` compares whole
policies, by CloudFormation's drift detection.
"""

import fnmatch
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from logdock.cli.account import WORKERS, Account
from logdock.cli.smoke_test.steps import Report, Result
from logdock.cli.validate.roles import as_list
from logdock.settings.destinations import ARCHIVE
from logdock.settings.export_base import BucketExport
from logdock.settings.exports import Export
from logdock.settings.landing import BucketLanding
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport


class Key(NamedTuple):
    """A key: what it belongs to, where it is, who must be able to do what with it, and whether exports share it.

    The account is None where the key is in another account, and no profile is of that.
    """

    subject: str
    region: str
    alias: str
    stack: str
    users: tuple[tuple[str, str], ...]
    account: Account | None
    is_shared: bool = False


def check_keys(account: Account, report: Report, exports: Sequence[Export]) -> dict[str, str]:
    """Check the keys of exports and of the archive; return why records cannot pass, by export.

    The statements of the archive's key are for alarms and for the functions' own logs: records pass without them.
    """
    keys = [*_shared(account), *(key for export in exports for key in _of_export(account, export))]
    faults: dict[str, str] = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        for key, fault in zip(keys, pool.map(lambda key: _check(report, key), keys), strict=True):
            if fault:
                affected = [export.name for export in exports] if key.subject == ARCHIVE else [key.subject]
                faults |= dict.fromkeys(affected, f"key {key.alias}: {fault}")
    return faults


def _check(report: Report, key: Key) -> str:
    account = key.account
    if account is None:
        # its record says what is missing
        return ""
    revert = f"{account.deploy(key.stack)} --revert-drift"
    with report.step(key.subject, f"key {key.alias}", revert) as step:
        kms = account.kms_in(key.region)
        found = kms.describe_key(KeyId=key.alias)["KeyMetadata"]
        if found["KeyState"] != "Enabled":
            command = "cancel-key-deletion" if found["KeyState"] == "PendingDeletion" else "enable-key"
            step.fail(
                f"it is {found['KeyState']}", f"aws kms {command} --region {key.region} --key-id {found['KeyId']}"
            )
            return step.reason
        statements = json.loads(kms.get_key_policy(KeyId=found["KeyId"])["Policy"])["Statement"]
        missing = [f"{who} may not {action}" for who, action in key.users if not allows(statements, who, action)]
        if missing:
            step.fail(f"its policy lost a statement: {'; '.join(missing)}", revert)
    return step.reason if step.result is Result.FAILED and not key.is_shared else ""


def allows(statements: Any, principal: str, action: str) -> bool:
    """Say whether a statement allows a principal an action."""
    for statement in as_list(statements):
        named = statement.get("Principal", {})
        principals = (
            {each for value in named.values() for each in as_list(value)} if isinstance(named, dict) else {named}
        )
        actions = [each.lower() for each in as_list(statement.get("Action", []))]
        is_allowed = any(fnmatch.fnmatchcase(action.lower(), each) for each in actions)
        if statement.get("Effect") == "Allow" and principals & {principal, "*"} and is_allowed:
            return True
    return False


def _shared(account: Account) -> Iterator[Key]:
    """Yield the key of the archive, and in other Regions the archiver's: each encrypts the topic of its Region."""
    names, home = account.names, account.settings.region
    for region in account.regions:
        is_home = region == home
        alias = f"{names.deployment}-archive" if is_home else names.in_region("shipper", region)
        users = (
            (f"arn:{names.partition}:iam::{names.account}:root", "kms:*"),
            ("cloudwatch.amazonaws.com", "kms:Decrypt"),
            ("cloudwatch.amazonaws.com", "kms:GenerateDataKey"),
            (f"logs.{region}.amazonaws.com", "kms:Encrypt"),
        )
        stack = names.core_stack if is_home else names.in_region("shipper", region)
        subject = ARCHIVE if is_home else f"archiver in {region}"
        yield Key(subject, region, f"alias/{alias}", stack, users, account, is_shared=True)


def _of_export(account: Account, export: Export) -> Iterator[Key]:
    if not export.has_own_key:
        return
    names, settings = account.names, account.settings
    owner = export.other_account or names.account
    root = ((f"arn:{names.partition}:iam::{owner}:root", "kms:*"),)
    landing = export.landing(settings)
    if isinstance(landing, BucketLanding):
        roles = [names.role_arn(names.shipper(name)) for name in export.ship_to if landing.is_own]
        users = (*root, *((role, "kms:Decrypt") for role in roles))
        if isinstance(export, BucketExport) and export.bucket_encryption == "kms" and export.bucket_principal_arn:
            users = (*users, (export.bucket_principal_arn, "kms:GenerateDataKey"))
        stack = names.landing_stack(export.name) if export.other_account else names.export(export.name)
        alias = f"alias/{names.export(export.name)}"
        yield Key(export.name, settings.region, alias, stack, users, account.landing_of(export))
        return
    for region in settings.regions_of(export):
        if region in account.regions:
            name = names.in_region(export.name, region)
            used = not isinstance(export, CloudwatchLogsExport) or export.encrypt
            users = (*root, *(((f"logs.{region}.amazonaws.com", "kms:Encrypt"),) if used else ()))
            stack = names.landing_stack(export.name) if export.other_account else name
            yield Key(export.name, region, f"alias/{name}", stack, users, account.landing_of(export))
