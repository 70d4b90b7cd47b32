"""A database of RDS: the log groups of a cluster or instance that exists, the parameters of its logs, and its export.

Source: Aurora User Guide, "Publishing Aurora MySQL logs to CloudWatch Logs", "Advanced Auditing", "Publishing Aurora
PostgreSQL logs to Amazon CloudWatch Logs"; RDS User Guide, "Publishing database logs to Amazon CloudWatch Logs".
AWSServiceRoleForRDS writes the logs; the older way of Aurora MySQL, a role of the customer's own, is built only when it
is asked for, and AWS overrides it wherever the service-linked role exists.
"""

from collections.abc import Sequence
from typing import Any

from aws_cdk import CustomResource
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.connector import Permissions
from constructs_lib.statements import Statement, service_of_this_account
from logdock.settings.names import Names
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.rds.documents import database_logs
from logdock.vendors.rds.next_steps import database_configured, database_steps
from logdock.vendors.rds.security_events import database_filters
from logdock.vendors.rds.settings import RdsExport
from stacks.connection import properties_of, revision
from stacks.connector_permissions import allow, find_owners, remember
from stacks.export_stack import ExportStack


class DatabaseStack(ExportStack):
    """The landing log groups of one database, and the function that configures the database."""

    def __init__(
        self, scope: Construct, construct_id: str, *, export: AuroraMysqlExport | RdsExport, **common: Any
    ) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        self._database = export
        # what deployed stacks and saved state have of Aurora MySQL
        is_aurora_mysql = isinstance(export, AuroraMysqlExport)
        self._operation = "aurora-audit" if is_aurora_mysql else "rds-logs"
        key = self.customer_key()
        self.admit_log_groups(key)
        role = self._custom_role() if export.has_own_role else None
        adopts = export.log_groups == "adopt"
        connector = self.connector(key) if adopts or export.is_configured else None

        if adopts:
            assert connector is not None  # noqa: S101  (adopting needs one)
            landings = self.adopt_log_groups(connector, export.log_group_names, key, export.retention_days)
        else:
            landings = self.landing_log_groups(export.log_group_names, key, export.retention_days)
        self.ship_archive()
        if self.counts_lines:
            for name, filters in database_filters(export).items():
                self.alarms.security_event(name, filters)
            self._watch_rds_events()
        vendor = "Aurora" if export.engine_name.startswith("aurora-") else "RDS"
        self.output("LogGroupNames", ",".join(export.log_group_names), f"Log groups that {vendor} publishes to")
        if role:
            self.output("RoleArn", role.role_arn, "aws_default_logs_role")
        if export.is_configured:
            assert connector is not None  # noqa: S101  (configuring needs one)
            configured = []
            for database in export.members:
                logs = connector.apply(
                    self.member_construct_id("Audit" if is_aurora_mysql else "Logs", database),
                    self._operation,
                    self._properties(database, role),
                    permissions=configure_permissions(
                        self.names, database, self._state, role.role_arn if role else None
                    ),
                    # Otherwise RDS creates the log groups itself, with retention Never Expire.
                    after=landings,
                )
                configured.append(logs)
            self._output_of_each("ParameterGroup", configured, f"The {export.noun}'s parameter group")
            self._output_of_each("RestartNeeded", configured, "Whether instances must be restarted once")
            restart = " ".join(logs.get_att_string("Restart") for logs in configured)
            self.output("NextSteps", database_configured(export, restart, region=self._in_region), "What is left to do")
        else:
            steps = "\n".join(
                database_steps(each, role_arn=role.role_arn if role else None, region=self._in_region)
                for each in export.members
            )
            self.output("NextSteps", steps, "Switch the logs and their export on")

    def _output_of_each(self, attribute: str, configured: Sequence[CustomResource], description: str) -> None:
        """Output an attribute; of several databases, each with its identifier."""
        values = [logs.get_att_string(attribute) for logs in configured]
        members = self._database.members
        if members[0].member_id:
            values = [f"{each.member_id}={value}" for each, value in zip(members, values, strict=True)]
        self.output(attribute, ",".join(values), description)

    def _watch_rds_events(self) -> None:
        """Raise an alarm on RDS's events that say that it may not write the logs.

        "If the specified role doesn't have the required permissions, we report this situation through events" (Aurora
        User Guide, "Publishing Audit Log Data From Amazon Aurora to Amazon CloudWatch Logs"). The guide names no event
        id, so the message is matched. An instance's event does not name its cluster (same guide, "Monitoring Amazon
        Aurora events"), so those of every instance of the account and Region are, where a cluster is exported.
        """
        name = f"{self.names.export(self._database.name)}_rds-events"
        identifiers = [each.database_id for each in self._database.members]
        identifier = [{"equals-ignore-case": each} for each in identifiers]
        if self._database.is_cluster:
            types = ["RDS DB Cluster Event", "RDS DB Instance Event"]
            source: dict[str, Any] = {
                "$or": [{"SourceIdentifier": identifier}, {"SourceType": ["DB_INSTANCE"]}],
            }
        else:
            types, source = ["RDS DB Instance Event"], {"SourceIdentifier": identifier}
        events.CfnRule(
            self,
            "RdsEvents",
            name=name,
            description=f"RDS may not write the logs of {_named(identifiers)}; counted by an alarm",
            event_pattern={
                "source": ["aws.rds"],
                "detail-type": types,
                "detail": {
                    "Message": [{"wildcard": f"*{words}*"} for words in ("CloudWatch Logs", "ermission*log")],
                    **source,
                },
            },
        )
        self.alarms.refused_to_rds(name)

    @property
    def _state(self) -> str:
        return self.state_parameter(self._operation)

    def _properties(self, export: AuroraMysqlExport | RdsExport, role: iam.Role | None) -> dict[str, object]:
        engine = {} if isinstance(export, AuroraMysqlExport) else {"Engine": export.engine_name}
        return {
            **engine,
            "ClusterId" if export.is_cluster else "InstanceId": export.database_id,
            **properties_of(database_logs(export, role_arn=role.role_arn if role else None)),
            # what is made when the database still uses a default one
            "ParameterGroupName": self.names.parameter_group(export.name, export.member_id),
            "StateParameter": self._state,
            **({"ParameterGroup": export.parameter_group} if export.parameter_group else {}),
            **revision(export),
        }

    def _custom_role(self) -> iam.Role:
        here = f"{self._in_region}:{self.names.account}"
        cluster = f"arn:{self.names.partition}:rds:{here}:cluster:{self._database.database_id}"
        groups = [self.names.log_group_arn(name, self._in_region) for name in self._database.log_group_names]
        return iam.Role(
            self,
            "Role",
            role_name=self.names.export(self._database.name),
            description="Logdock: Aurora writes logs (the older way)",
            assumed_by=service_of_this_account("rds.amazonaws.com", self.names.account, cluster),
            inline_policies={
                "Export": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            sid="WriteEvents",
                            actions=["logs:GetLogEvents", "logs:PutLogEvents"],
                            resources=[f"{arn}:log-stream:*" for arn in groups],
                        ),
                        iam.PolicyStatement(
                            sid="ManageGroups",
                            actions=[
                                "logs:CreateLogGroup",
                                "logs:CreateLogStream",
                                "logs:DescribeLogStreams",
                                "logs:PutRetentionPolicy",
                            ],
                            resources=[f"{arn}:*" for arn in groups],
                        ),
                    ]
                )
            },
        )


def _named(identifiers: Sequence[str]) -> str:
    """Name databases where there is room for 512 characters in all."""
    return ", ".join(identifiers) if len(identifiers) <= MOST_NAMED else f"{len(identifiers)} clusters"


MOST_NAMED = 5
"""How many databases a rule's description names."""


def configure_permissions(
    names: Names, export: AuroraMysqlExport | RdsExport, state: str, role_arn: str | None
) -> Permissions:
    """Configure one database, its parameter group, and the group made for it when it has a default one.

    The resource types of each action: Service Authorization Reference, "Actions, resources, and condition keys for
    Amazon RDS". What describes parameters, groups and databases is authorised on them, too. Of an export of several
    databases each has a small policy of its own, and all share what concerns the groups that are made here: the inline
    policies of a role hold 10,240 characters (IAM User Guide, "IAM and AWS STS quotas").
    """
    own_group = names.parameter_groups(export.name) if export.member_id else names.parameter_group(export.name, None)
    rds = f"arn:{names.partition}:rds:{names.region}:{names.account}"
    kind, group_kind, verb = ("cluster", "cluster-pg", "DBCluster") if export.is_cluster else ("db", "pg", "DB")
    database, group = f"{rds}:{kind}:{export.database_id}", f"{rds}:{group_kind}:{own_group}"
    groups = [group, *([f"{rds}:{group_kind}:{export.parameter_group}"] if export.parameter_group else [])]
    modify = "rds:ModifyDBCluster" if export.is_cluster else "rds:ModifyDBInstance"
    describe = "rds:DescribeDBClusters" if export.is_cluster else "rds:DescribeDBInstances"
    default = f"{rds}:{group_kind}:default.{export.engine_name}*"

    def set_parameters(of_groups: list[str]) -> Statement:
        actions = [
            f"rds:Describe{verb}Parameters", f"rds:Modify{verb}ParameterGroup", f"rds:Reset{verb}ParameterGroup"
        ]  # fmt: skip
        return allow("SetParameters", actions, of_groups)

    configure = allow("ConfigureCluster" if export.is_cluster else "ConfigureInstance", [describe, modify], [database])
    of_member: list[Statement] = []
    if export.member_id:
        of_member = [configure, *([set_parameters(groups[1:])] if export.parameter_group else [])]
        groups = [group]
    statements = [
        *([] if export.member_id else [configure]),
        # RDS authorises attaching a group on the group, too: ours now, the default one when it is put back. An instance
        # is required beside its group.
        allow("AttachGroup", [modify], [*([] if export.is_cluster else [database]), group, default]),
        allow(
            "MakeGroup",
            [
                f"rds:Create{verb}ParameterGroup",
                f"rds:Delete{verb}ParameterGroup",
                f"rds:Describe{verb}ParameterGroups",
            ],
            [group],
        ),
        set_parameters(groups),
        remember(names, state),
        *find_owners(names, "aurora-audit" if isinstance(export, AuroraMysqlExport) else "rds-logs"),
    ]
    if role_arn:
        statements += [
            allow("AssociateRole", ["rds:AddRoleToDBCluster", "rds:RemoveRoleFromDBCluster"], [database]),
            allow("PassRole", ["iam:PassRole"], [role_arn], StringEquals={"iam:PassedToService": "rds.amazonaws.com"}),
        ]
    return [statements, *([of_member] if of_member else [])]


STACK = DatabaseStack
