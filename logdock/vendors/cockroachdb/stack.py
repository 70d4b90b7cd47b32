"""CockroachDB Cloud: the log groups that a cluster writes to, in each of its Regions, and the role that it assumes.

Source: CockroachDB Cloud, "Export Logs" and Cloud API 2024-09-16 (logexport).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from aws_cdk import Aws, CustomResource, Fn
from constructs import Construct, IDependable

from constructs_lib.connector import Connector, Permissions
from constructs_lib.customer_key import CustomerKey
from constructs_lib.export_role import ExportRole, ExportRoleProps
from constructs_lib.statements import document_of, statement
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

    Of several clusters each has a look, a role and a log export of its own, under logical ids that hold its id: a
    cluster that is added or removed changes nothing of the others.
    """

    def __init__(self, scope: Construct, construct_id: str, *, export: CockroachdbExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        self._crdb = export
        home = self._in_region == self.names.region
        connect = export.connect if home else None
        lands = self._in_region in self._regions
        key = self.customer_key() if lands or connect else None
        if key:
            self.admit_log_groups(key)
        connector = self.connector(key, connect) if key and (connect or export.adopt_log_groups) else None
        looks: list[CustomResource] = []
        if connector and connect:
            looks = [self._cluster(connector, connect, each) for each in export.members]
        landings = self._landings(key, connector, [*looks]) if lands and key else []
        if home:
            self.ship_archive()
            roles = [self._role(each, looks[place] if looks else None) for place, each in enumerate(export.members)]
            self.alarms.denied(assumed_or_assuming(self.vendor_roles_arn))
            if not export.cluster_ids:
                self.output("RoleArn", roles[0].arn, "auth_principal")
            if not export.cluster_ids or export.plan == "advanced":
                self.output("ExternalId", self._external_ids(export.members[0])[-1], "aws_external_id")
            if connector and connect:
                for cluster, role in zip(export.members, roles, strict=True):
                    self._log_export(connector, connect, cluster, role, landings)
                self.output("NextSteps", cockroachdb_connected(export), "What is left to do")
            else:
                self.output("SwitchOff", cockroachdb_switch_off(export), "Before the stack is destroyed")
                steps = cockroachdb_steps(export, role_arn=roles[0].arn, region=self.names.region)
                self.output("NextSteps", steps, "Enable the log export")

    @property
    def _regions(self) -> tuple[str, ...]:
        """Where the cluster writes."""
        return self._crdb.landing(self.settings).regions

    @staticmethod
    def _external_ids(cluster: CockroachdbExport) -> tuple[str, ...]:
        """What the role accepts. Where the settings name none, the id that CloudFormation gives to the stack."""
        return cluster.trusted_external_ids or (_id_of_stack(),)

    def _landings(self, key: CustomerKey, connector: Connector | None, after: list[IDependable]) -> list[IDependable]:
        groups, days = self._crdb.log_groups, self._crdb.retention_days
        self.output("LogGroupNames", ",".join(groups), "log_name, and those of groups[]")
        if self._crdb.adopt_log_groups and connector:
            landings = self.adopt_log_groups(connector, groups, key, days, after)
        else:
            landings = self.landing_log_groups(groups, key, days, after)
        # After the log groups: a filter waits for the one that it counts in.
        for name, filters in cockroachdb_filters(self._crdb).items() if self.counts_lines else ():
            self.alarms.security_event(name, filters)
        return landings

    def _role(self, cluster: CockroachdbExport, look: CustomResource | None) -> ExportRole:
        account = look.get_att_string("AccountId") if look else cluster.cluster_account_id
        of_several = f" of the cluster {cluster.member_id}" if cluster.member_id else ""
        log_groups = [
            f"{self.names.log_group_arn(name, region)}:*" for region in self._regions for name in cluster.log_groups
        ]
        return ExportRole(
            self,
            self.member_construct_id("Role", cluster),
            ExportRoleProps(
                role_name=self.vendor_role(cluster),
                description=f"Logdock: CockroachDB Cloud writes logs{of_several}",
                principal_arn=f"arn:{self.names.partition}:iam::{account}:root",
                external_ids=self._external_ids(cluster),
                session_seconds=cluster.session_seconds,
                permissions=document_of([statement("WriteLogs", ACTIONS, log_groups)]),
            ),
        )

    @property
    def _state(self) -> str:
        return self.state_parameter("cockroachdb-log-export")

    def _target(self, connect: CockroachdbConnect, cluster: CockroachdbExport) -> dict[str, object]:
        """Return the properties of every operation on a cluster."""
        return {**connection(connect), "ClusterId": cluster.object_id, "StateParameter": self._state}

    def _permissions(self, connect: CockroachdbConnect) -> Permissions:
        owners = find_owners(self.names, "cockroachdb-log-export")
        return [credential(self.names, connect), [remember(self.names, self._state), *owners]]

    def _cluster(self, connector: Connector, connect: CockroachdbConnect, cluster: CockroachdbExport) -> CustomResource:
        return connector.apply(
            self.member_construct_id("Cluster", cluster),
            "cockroachdb-cluster",
            {**self._target(connect, cluster), "Plan": cluster.plan.upper(), "Regions": list(cluster.regions)},
            permissions=self._permissions(connect),
        )

    def _log_export(
        self,
        connector: Connector,
        connect: CockroachdbConnect,
        export: CockroachdbExport,
        role: ExportRole,
        landings: Sequence[IDependable],
    ) -> None:
        wanted = cockroachdb_log_export(
            export, role_arn=role.arn, external_id=self._external_ids(export)[-1], region=self.names.region
        )
        properties = {**self._target(connect, export), **properties_of(wanted)}
        connector.apply(
            self.member_construct_id("LogExport", export),
            "cockroachdb-log-export",
            properties,
            permissions=self._permissions(connect),
            # By its name, because the role itself waits for the look at the cluster.
            configuration={**properties, "RoleArn": self.names.role_arn(self.vendor_role(export))},
            after=landings,
        )


@cache
def _id_of_stack() -> str:
    """Return the unique part of the ARN of whichever stack it is used in; it is the same token for all of them."""
    return Fn.select(2, Fn.split("/", Aws.STACK_ID))


STACK = CockroachdbStack
