"""Accounts: what exports that land in another one need, and that no vendor is taken for an account of yours."""

from collections.abc import Iterator

from pydantic_core import InitErrorDetails

from logdock.settings.alerts import KINDS_WITH_SECURITY_EVENTS
from logdock.settings.destinations import ARCHIVE
from logdock.settings.document import Document, Part, setting_error

_GROUPS_HERE = "log groups that exist are changed in the deployment's own account only"
_OWN_ACCOUNT_ONLY: dict[str, str] = {
    "connect": "nothing with `account`: the deploy reaches a vendor's API from the deployment's own account only; "
    "`logdock next-steps` has the vendor's calls",
    "existing_bucket": "nothing with `account`: a bucket that exists is wired in the deployment's own account only; "
    "without it the deploy makes a bucket in that account",
    "mrap_arn": "nothing with `account`: buckets behind an access point are in the deployment's own account",
    "log_group_prefixes": "nothing with `account`: new log groups are looked for in the deployment's own account only; "
    "name the log groups of another one in `log_groups`",
    "retention_days": f"nothing with `account`: {_GROUPS_HERE}; their owners set the retention",
}
"""Settings of which another account has nothing, and what is allowed in their place."""

_VALUE_ELSEWHERE: dict[str, tuple[object, str]] = {
    "adopt_log_groups": (False, f"{_GROUPS_HERE}; delete or rename them, and the deploy makes them in that account"),
    "encrypt": (False, f"{_GROUPS_HERE}; their owners choose the key"),
    "log_groups": ("create", f"{_GROUPS_HERE}; delete them, and the deploy makes them in that account"),
    "configure_database": (
        False,
        "a database is configured in the deployment's own account only; `logdock next-steps` has the commands",
    ),
    "configure_cluster": (
        False,
        "a cluster is configured in the deployment's own account only; `logdock next-steps` has the commands",
    ),
}
"""Settings of which another account has one value alone, that value, and why."""

_OF_A_VENDOR: dict[str, str] = {
    "atlas_principal_arn": "Atlas's own principal, which it shows as `atlasAWSAccountArn`",
    "cluster_account_id": "the AWS account that CockroachDB Cloud runs the cluster in, from its API",
    "replication_role_arn": "the role that Aptible replicates with",
    "principal_arn": "the user that Cloudflare writes with",
    "account_id": "the AWS account that Logz.io shows in its page for S3 buckets",
}
"""Settings that say which identity of a vendor is trusted, and what each is."""


def _other_accounts(document: Document) -> Iterator[InitErrorDetails]:
    streams = document.data.get("subscriptions", "direct")
    for export in document.exports:
        account = export.text("account")
        if account is None or export.model is None:
            continue
        if account == document.account:
            allowed = "another account than the deployment's: without `account` the export lands in that"
            yield setting_error((*export.loc, "account"), account, allowed)
            continue
        if export.lands_in_bucket:
            yield from _archived(export)
        else:
            if streams == "direct":
                allowed = (
                    "nothing without `subscriptions: kinesis` of the deployment: CloudWatch Logs delivers what lands "
                    "in log groups to another account through Kinesis, and to no function there"
                )
                yield setting_error((*export.loc, "account"), account, allowed)
            yield from _one_region(document, export)
            yield from _counted(export)
        for setting, allowed in _OWN_ACCOUNT_ONLY.items():
            if export.entry.get(setting) is not None and not (setting == "retention_days" and _makes_groups(export)):
                yield setting_error((*export.loc, setting), export.entry[setting], allowed)
        yield from _values(export)


def _archived(export: Part) -> Iterator[InitErrorDetails]:
    if ARCHIVE not in (name for _, name in export.texts("ship_to")):
        allowed = (
            f"a list with `{ARCHIVE}`, because `account` is set: what lands in another account is searched in the "
            "archive alone"
        )
        yield setting_error((*export.loc, "ship_to"), export.entry.get("ship_to"), allowed)


def _makes_groups(export: Part) -> bool:
    """Say whether the stack of such an export makes its log groups, so that their retention is its own."""
    return export.text("kind") != "cloudwatch-logs"


def _one_region(document: Document, export: Part) -> Iterator[InitErrorDetails]:
    """Refuse further Regions: a subscription and its destination are in one Region."""
    for loc, region in export.texts("regions"):
        if document.region is not None and region != document.region:
            allowed = f"the deployment's region alone, {document.region}, because `account` is set"
            yield setting_error(loc, region, allowed)


def _counted(export: Part) -> Iterator[InitErrorDetails]:
    """Refuse alarms on what a metric filter counts: its metric is in the account of the log group."""
    alerts = export.entry.get("alerts")
    if not isinstance(alerts, dict):
        return
    for setting in KINDS_WITH_SECURITY_EVENTS:
        if alerts.get(setting) is not None:
            allowed = "nothing with `account`: lines of log groups are counted in the deployment's own account only"
            yield setting_error((*export.loc, "alerts", setting), alerts[setting], allowed)


def _values(export: Part) -> Iterator[InitErrorDetails]:
    for setting, (only, reason) in _VALUE_ELSEWHERE.items():
        field = export.model.model_fields.get(setting)
        if field is None or (setting == "log_groups" and not _makes_groups(export)):
            continue
        if export.entry.get(setting, field.default) != only:
            allowed = f"{str(only).lower()} with `account`: {reason}"
            yield setting_error((*export.loc, setting), export.entry.get(setting), allowed)


def _vendors_accounts(document: Document) -> Iterator[InitErrorDetails]:
    """Refuse an account of yours where a vendor's belongs: the vendor could never assume the role.

    Source: CockroachDB Cloud, "Export Logs From a CockroachDB Dedicated Cluster", which warns of it twice. A cluster in
    an account of the customer's ("BYOC") is in one that is for nothing else.
    """
    own = {document.account, *(export.text("account") for export in document.exports)} - {None}
    for part in (*document.exports, *document.destinations):
        for setting, what in _OF_A_VENDOR.items():
            value = part.text(setting) or ""
            account = value.split(":")[4] if value.count(":") >= 5 else value
            if account in own:
                allowed = f"{what}; {account} is an account of yours, and a role that trusts it is no use to the vendor"
                yield setting_error((*part.loc, setting), value, allowed)


ACCOUNT_RULES = (_other_accounts, _vendors_accounts)
"""The rules of this module."""
