"""Log groups that exist already, by name or by prefix: subscribed, and otherwise left alone unless asked."""

from collections.abc import Sequence
from typing import Any

from constructs import Construct

from constructs_lib.statements import Statement, logs_principal, statement
from constructs_lib.wiring import subscription_filter_name
from logdock.settings.names import Names
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from stacks import subscriptions
from stacks.connection import revision
from stacks.connector_permissions import allow, describe_log_groups, log_group, remember
from stacks.export_stack import ExportStack

SCAN_MINUTES = 60
"""How often log groups that have appeared under a prefix are looked for."""


class CloudwatchLogsStack(ExportStack):
    """Subscriptions of existing log groups; asset-free unless a prefix, a retention or a key is asked for."""

    def __init__(self, scope: Construct, construct_id: str, *, export: CloudwatchLogsExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        changes = bool(export.retention_days) or export.encrypt
        asked = {"retention": bool(export.retention_days), "key": export.encrypt}
        adopts = bool(export.log_groups) and changes
        key = self.customer_key() if adopts or export.log_group_prefixes else None
        if key:
            # Also without `encrypt`: turned off, it leaves the key with the log groups that have it.
            self.admit_log_groups(key, are_encrypted=export.encrypt)
        connector = self.connector(key) if key else None
        asked_properties: dict[str, object] = {}
        if export.retention_days:
            asked_properties["RetentionDays"] = str(export.retention_days)
        if key and export.encrypt:
            asked_properties["KmsKeyArn"] = key.arn

        adoptions = {}
        if connector and adopts:
            permissions = log_group(self.names, self._in_region, export.log_groups, **asked, protect=False)
            adoptions = connector.apply_to_each(
                "Adopt",
                "log-group",
                export.log_groups,
                {**asked_properties, **revision(export)},
                permissions=permissions,
            )
        for name in export.log_groups:
            self.subscribe(name, *([adoptions[name]] if name in adoptions else []))
        if connector and export.log_group_prefixes:
            destination = subscriptions.destination(self.settings, self.names, self._in_region)
            state = self.state_parameter("log-group-subscriptions")
            properties: dict[str, object] = {
                "Prefixes": list(export.log_group_prefixes),
                "ExcludePrefixes": [f"/aws/lambda/{self.names.deployment}-"],
                "DestinationArn": destination.arn,
                **({"RoleArn": destination.role_arn} if destination.role_arn else {}),
                "FilterName": subscription_filter_name(export.name),
                "StateParameter": state,
                **asked_properties,
                **revision(export),
            }
            permissions = log_group_subscriptions(
                self.names, export.log_group_prefixes, state, role_arn=destination.role_arn, **asked
            )
            connector.apply(
                "Subscriptions",
                "log-group-subscriptions",
                properties,
                permissions=[permissions],
                # What the configuration lacks is refused.
                after=[self.configuration],
            )
            connector.repeat("Rescan", of="Subscriptions", minutes=SCAN_MINUTES)
            self.alarms.connector(f"{self.names.export(export.name)}-connector-schedule")
        self.alarms.landing_in_log_groups({})
        self.ship_archive()
        groups = ", ".join([*export.log_groups, *(f"{prefix}*" for prefix in export.log_group_prefixes)])
        self.output("LogGroupNames", groups, "Log groups that are subscribed")
        self.output("NextSteps", "Nothing to do.", "What is left to do")


def log_group_subscriptions(
    names: Names, prefixes: Sequence[str], state: str, *, role_arn: str | None, retention: bool, key: bool
) -> list[Statement]:
    """Subscribe log groups by prefix, but never the shipper's own; to a stream by handing CloudWatch Logs its role."""
    actions = ["logs:DescribeSubscriptionFilters", "logs:PutSubscriptionFilter", "logs:DeleteSubscriptionFilter"]
    actions += ["logs:PutRetentionPolicy"] if retention else []
    actions += ["logs:AssociateKmsKey"] if key else []
    own = names.log_group_arn(f"/aws/lambda/{names.deployment}-*", names.region)
    by_role = {"StringEquals": {"iam:PassedToService": logs_principal(names.region)}}
    return [
        allow("SubscribeLogGroups", actions, [names.log_group_arn(f"{prefix}*", names.region) for prefix in prefixes]),
        statement("NeverOwnLogs", ["logs:PutSubscriptionFilter"], [own], effect="Deny"),
        describe_log_groups(names, names.region),
        remember(names, state),
        *([allow("PassSubscriptionRole", ["iam:PassRole"], [role_arn], **by_role)] if role_arn else []),
    ]


STACK = CloudwatchLogsStack
