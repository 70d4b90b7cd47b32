"""CockroachDB Cloud: the log groups that a cluster writes to, in each of its Regions, and the role that it assumes.

Source: CockroachDB Cloud, "Export Logs" and Cloud API 2024-09-16 (logexport).
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws, CustomResource, Fn
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from constructs_lib.connector import Connector, Permissions
from constructs_lib.customer_key import CustomerKey
from constructs_lib.export_role import ExportRole, ExportRoleProps
from logdock.vendors.cockroachdb.documents import cockroachdb_log_export
from logdock.vendors.cockroachdb.next_steps import cockroachdb_connected, cockroachdb_steps, cockroachdb_switch_off
from logdock.vendors.cockroachdb.security_events import cockroachdb_filters
from logdock.vendors.cockroachdb.settings import CockroachdbConnect, CockroachdbExport
from stacks.connection import connection, properties_of
from stacks.connector_permissions import credential, find_owners, remember
from stacks.export_stack import ExportStack
from stacks.security_events import assumed_or_assuming

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
    """The log groups of one Region of one cluster; in the deployment's own Region, also the role and the outputs.

    With ``connect`` the order is: a look at the cluster, which says whom to trust; the log groups, which are kept and
    so must not be made when something does not fit; our role; the log export. A destroy goes back the same way.
    """

    def __init__(self, scope: Construct, construct_id: str, *, export: CockroachdbExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        self._crdb = export
        home = self.region == self.names.region
        connect = export.connect if home else None
        lands = self.region in self._regions
        key = self.customer_key() if lands or connect else None
        if key:
            self.admit_log_groups(key)
        connector = self.connector(key, connect) if key and (connect or export.adopt_log_groups) else None
        cluster = self._cluster(connector, connect) if connector and connect else None
        landings = self._landings(key, connector, [cluster] if cluster else []) if lands and key else []
        if home:
            self.ship_archive()
            role = self._role(cluster)
            self.alarms.denied(assumed_or_assuming(self.names.role_arn(self.names.export(export.name))))
            self.output("RoleArn", role.arn, "auth_principal")
            self.output("ExternalId", self._external_ids[-1], "aws_external_id")
            if connector and connect:
                self._log_export(connector, connect, role).node.add_dependency(*landings)
                self.output("NextSteps", cockroachdb_connected(export), "What is left to do")
            else:
                self.output("SwitchOff", cockroachdb_switch_off(export), "Before the stack is destroyed")
                steps = cockroachdb_steps(export, role_arn=role.arn, region=self.names.region)
                self.output("NextSteps", steps, "Enable the log export")

    @property
    def _regions(self) -> tuple[str, ...]:
        """Where the cluster writes."""
        return self._crdb.landing(self.settings).regions

    @property
    def _external_ids(self) -> tuple[str, ...]:
        """What the role accepts. Where the settings name none, the id that CloudFormation gives to the stack."""
        return self._crdb.trusted_external_ids or (Fn.select(2, Fn.split("/", Aws.STACK_ID)),)

    def _landings(self, key: CustomerKey, connector: Connector | None, after: list[IDependable]) -> list[IDependable]:
        groups, days = self._crdb.log_groups, self._crdb.retention_days
        self.output("LogGroupNames", ",".join(groups), "log_name, and those of groups[]")
        if self._crdb.adopt_log_groups and connector:
            landings = self.adopt_log_groups(connector, groups, key, days, after)
        else:
            landings = self.landing_log_groups(groups, key, days, after)
        # After the log groups: a filter waits for the one that it counts in.
        for name, filters in cockroachdb_filters(self._crdb).items():
            self.alarms.security_event(name, filters)
        return landings

    def _role(self, cluster: CustomResource | None) -> ExportRole:
        account = cluster.get_att_string("AccountId") if cluster else self._crdb.cluster_account_id
        return ExportRole(
            self,
            "Role",
            ExportRoleProps(
                role_name=self.names.export(self._crdb.name),
                description="Logdock: CockroachDB Cloud writes logs",
                principal_arn=f"arn:{self.names.partition}:iam::{account}:root",
                external_ids=self._external_ids,
                session_seconds=self._crdb.session_seconds,
                permissions=[
                    iam.PolicyStatement(
                        sid="WriteLogs",
                        actions=ACTIONS,
                        resources=[
                            f"{self.names.log_group_arn(name, region)}:*"
                            for region in self._regions
                            for name in self._crdb.log_groups
                        ],
                    )
                ],
            ),
        )

    @property
    def _state(self) -> str:
        return self.state_parameter("cockroachdb-log-export")

    def _target(self, connect: CockroachdbConnect) -> dict[str, object]:
        """Return the properties of every operation on the cluster."""
        return {**connection(connect), "ClusterId": self._crdb.cluster_id, "StateParameter": self._state}

    def _permissions(self, connect: CockroachdbConnect) -> Permissions:
        owners = find_owners(self.names, "cockroachdb-log-export")
        return [credential(self.names, connect), [remember(self.names, self._state), *owners]]

    def _cluster(self, connector: Connector, connect: CockroachdbConnect) -> CustomResource:
        return connector.apply(
            "Cluster",
            "cockroachdb-cluster",
            {**self._target(connect), "Plan": self._crdb.plan.upper(), "Regions": list(self._crdb.regions)},
            permissions=self._permissions(connect),
        )

    def _log_export(self, connector: Connector, connect: CockroachdbConnect, role: ExportRole) -> CustomResource:
        export = self._crdb
        wanted = cockroachdb_log_export(
            export, role_arn=role.arn, external_id=self._external_ids[-1], region=self.names.region
        )
        properties = {**self._target(connect), **properties_of(wanted)}
        return connector.apply(
            "LogExport",
            "cockroachdb-log-export",
            properties,
            permissions=self._permissions(connect),
            # By its name, because the role itself waits for the look at the cluster.
            configuration={**properties, "RoleArn": self.names.role_arn(self.names.export(export.name))},
        )


STACK = CockroachdbStack
