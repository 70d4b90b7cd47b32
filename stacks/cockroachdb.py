"""CockroachDB Cloud: the log groups that a cluster writes to, in each of its Regions, and the role that it assumes.

Source: CockroachDB Cloud, "Export Logs" and Cloud API 2024-09-16 (logexport).
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.export_role import ExportRole, ExportRoleProps
from settings.exports import CockroachdbExport
from stacks.connector_permissions import log_group
from stacks.export_stack import ExportStack
from stacks.next_steps import cockroachdb_steps, cockroachdb_switch_off
from stacks.security_events import assumed_or_assuming, cockroachdb_filters

ACTIONS = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:PutRetentionPolicy",
    "logs:PutLogEvents",
]
"""What the vendor's page asks for."""


class CockroachdbStack(ExportStack):
    """The log groups of one Region of one cluster; in the deployment's own Region, the role and the outputs besides."""

    def __init__(self, scope: Construct, construct_id: str, *, export: CockroachdbExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        if self.region in (export.regions or (self.names.region,)):
            key = self.customer_key()
            if export.adopt_log_groups:
                permissions = log_group(
                    self.names, self.region, export.log_groups, retention=True, key=True, protect=True
                )
                connector = self.connector(key, permissions)
                self.adopt_log_groups(connector, export.log_groups, key, export.retention_days)
            else:
                self.landing_log_groups(export.log_groups, key, export.retention_days)
            for name, filters in cockroachdb_filters(export).items():
                self.alarms.security_event(name, filters)
            self.output("LogGroupNames", ",".join(export.log_groups), "log_name, and those of groups[]")
        if self.region == self.names.region:
            self.ship_archive()
            self._role(export)
            self.alarms.denied(assumed_or_assuming(self.names.role_arn(self.names.export(export.name))))

    def _role(self, export: CockroachdbExport) -> None:
        regions = export.regions or (self.names.region,)
        role = ExportRole(
            self,
            "Role",
            ExportRoleProps(
                role_name=self.names.export(export.name),
                description="Logdock: CockroachDB Cloud writes logs",
                principal_arn=f"arn:{self.names.partition}:iam::{export.cluster_account_id}:root",
                external_ids=export.trusted_external_ids,
                session_seconds=export.session_seconds,
                permissions=[
                    iam.PolicyStatement(
                        sid="WriteLogs",
                        actions=ACTIONS,
                        resources=[
                            f"{self.names.log_group_arn(name, region)}:*"
                            for region in regions
                            for name in export.log_groups
                        ],
                    )
                ],
            ),
        )
        self.output("SwitchOff", cockroachdb_switch_off(export), "Before the stack is destroyed")
        self.output("RoleArn", role.arn, "auth_principal")
        self.output("ExternalId", export.trusted_external_ids[-1], "aws_external_id")
        self.output(
            "NextSteps", cockroachdb_steps(export, role_arn=role.arn, region=self.names.region), "Enable the log export"
        )
