"""Log groups that exist already, by name or by prefix: subscribed, and otherwise left alone unless asked."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.wiring import subscription_filter_name
from settings.exports import CloudwatchLogsExport
from stacks import subscriptions
from stacks.connection import revision
from stacks.connector_permissions import log_group, log_group_subscriptions
from stacks.export_stack import ExportStack

SCAN_MINUTES = 60
"""How often log groups that have appeared under a prefix are looked for."""


class CloudwatchLogsStack(ExportStack):
    """Subscriptions of existing log groups; asset-free unless a prefix, a retention or a key is asked for."""

    def __init__(self, scope: Construct, construct_id: str, *, export: CloudwatchLogsExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        changes = bool(export.retention_days) or export.encrypt
        destination = subscriptions.destination(self.settings, self.names, self.region)
        permissions: list[iam.PolicyStatement] = []
        asked = {"retention": bool(export.retention_days), "key": export.encrypt}
        if export.log_groups and changes:
            permissions += log_group(self.names, self.region, export.log_groups, **asked, protect=False)
        if export.log_group_prefixes:
            permissions += log_group_subscriptions(
                self.names, export.log_group_prefixes, role_arn=destination.role_arn, **asked
            )
        key = self.customer_key() if permissions else None
        if key and export.encrypt:
            self.admit_log_groups(key, [*export.log_groups, *(f"{prefix}*" for prefix in export.log_group_prefixes)])
        connector = self.connector(key, permissions) if key else None
        asked_properties: dict[str, object] = {}
        if export.retention_days:
            asked_properties["RetentionDays"] = str(export.retention_days)
        if key and export.encrypt:
            asked_properties["KmsKeyArn"] = key.arn

        for name in export.log_groups:
            subscription = self.subscribe(name)
            if connector and changes:
                adopted = connector.apply(
                    f"Adopt-{name}", "log-group", {"Name": name, **asked_properties, **revision(export)}
                )
                subscription.node.add_dependency(adopted)
        if connector and export.log_group_prefixes:
            properties: dict[str, object] = {
                "Prefixes": list(export.log_group_prefixes),
                "ExcludePrefixes": [f"/aws/lambda/{self.names.deployment}-"],
                "DestinationArn": destination.arn,
                **({"RoleArn": destination.role_arn} if destination.role_arn else {}),
                "FilterName": subscription_filter_name(export.name),
                **asked_properties,
            }
            applied = connector.apply("Subscriptions", "log-group-subscriptions", {**properties, **revision(export)})
            self.wait_for_configuration(applied)
            connector.repeat("Rescan", "log-group-subscriptions", properties, minutes=SCAN_MINUTES)
            self.alarms.connector(f"{self.names.export(export.name)}-connector-schedule")
        self.alarms.landing_in_log_groups()
        self.ship_archive()
        groups = ", ".join([*export.log_groups, *(f"{prefix}*" for prefix in export.log_group_prefixes)])
        self.output("LogGroupNames", groups, "Log groups that are subscribed")
        self.output("NextSteps", "Nothing to do.", "What is left to do")
