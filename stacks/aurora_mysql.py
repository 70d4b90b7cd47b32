"""Aurora MySQL: the log groups of a cluster that exists, the parameters of its logs, and its export switched on.

Source: Aurora User Guide, "Publishing Aurora MySQL logs to CloudWatch Logs" and "Advanced Auditing". The cluster's logs
are written by AWSServiceRoleForRDS; the older way, a role of the customer's own, is built only when it is asked for,
and AWS overrides it wherever the service-linked role exists.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from settings.exports import AuroraMysqlExport
from stacks.connection import revision
from stacks.connector_permissions import aurora_audit
from stacks.export_stack import ExportStack
from stacks.next_steps import aurora_configured, aurora_steps
from stacks.security_events import aurora_filters


class AuroraMysqlStack(ExportStack):
    """The landing log groups of one cluster, and the function that configures the cluster."""

    def __init__(self, scope: Construct, construct_id: str, *, export: AuroraMysqlExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        self._aurora = export
        key = self.customer_key()
        self.admit_log_groups(key)
        role = self._custom_role() if export.has_own_role else None
        adopts = export.log_groups == "adopt"
        connector = self.connector(key) if adopts or export.configure_cluster else None

        if adopts:
            assert connector is not None  # noqa: S101  (adopting needs one)
            landings = self.adopt_log_groups(connector, export.log_group_names, key, export.retention_days)
        else:
            landings = self.landing_log_groups(export.log_group_names, key, export.retention_days)
        self.ship_archive()
        for name, filters in aurora_filters(export).items():
            self.alarms.security_event(name, filters)
        self._watch_rds_events()
        self.output("LogGroupNames", ",".join(export.log_group_names), "Log groups that Aurora publishes to")
        if role:
            self.output("RoleArn", role.role_arn, "aws_default_logs_role")
        if export.configure_cluster:
            assert connector is not None  # noqa: S101  (configuring needs one)
            audit = connector.apply(
                "Audit",
                "aurora-audit",
                self._audit_properties(role),
                permissions=[
                    aurora_audit(self.names, export, self._own_group, self._state, role.role_arn if role else None)
                ],
            )
            # Otherwise Aurora makes the log groups itself, and keeps them for ever.
            audit.node.add_dependency(*landings)
            self.output("ParameterGroup", audit.get_att_string("ParameterGroup"), "The cluster's parameter group")
            self.output(
                "RestartNeeded", audit.get_att_string("RestartNeeded"), "Whether instances must be restarted once"
            )
            self.output("NextSteps", aurora_configured(export, audit.get_att_string("Restart")), "What is left to do")
        else:
            steps = aurora_steps(export, role_arn=role.role_arn if role else None, region=self.region)
            self.output("NextSteps", steps, "Switch the logs and their export on")

    def _watch_rds_events(self) -> None:
        """Raise an alarm on RDS's events that say that it may not write the logs.

        "If the specified role doesn't have the required permissions, we report this situation through events" (Aurora
        User Guide, "Publishing Audit Log Data From Amazon Aurora to Amazon CloudWatch Logs"). The guide names no event
        id, so the message is matched. An instance's event does not name its cluster (same guide, "Monitoring Amazon
        Aurora events"), so those of every instance of the account and Region are.
        """
        name = f"{self.names.export(self._aurora.name)}_rds-events"
        events.CfnRule(
            self,
            "RdsEvents",
            name=name,
            description=f"RDS may not write the logs of {self._aurora.cluster_id}; counted by an alarm",
            event_pattern={
                "source": ["aws.rds"],
                "detail-type": ["RDS DB Cluster Event", "RDS DB Instance Event"],
                "detail": {
                    "Message": [{"wildcard": f"*{words}*"} for words in ("CloudWatch Logs", "ermission*log")],
                    "$or": [
                        {"SourceIdentifier": [{"equals-ignore-case": self._aurora.cluster_id}]},
                        {"SourceType": ["DB_INSTANCE"]},
                    ],
                },
            },
        )
        self.alarms.refused_to_rds(name)

    @property
    def _own_group(self) -> str:
        """The parameter group that is made when the cluster still uses a default one."""
        return f"logdock-{self.names.export(self._aurora.name)}"

    @property
    def _state(self) -> str:
        return self.state_parameter("aurora-audit")

    def _audit_properties(self, role: iam.Role | None) -> dict[str, object]:
        return {
            "ClusterId": self._aurora.cluster_id,
            "LogTypes": list(self._aurora.log_types),
            "Parameters": self._aurora.parameters,
            "ParameterGroupName": self._own_group,
            "StateParameter": self._state,
            **({"ParameterGroup": self._aurora.parameter_group} if self._aurora.parameter_group else {}),
            **revision(self._aurora),
            **({"RoleArn": role.role_arn} if role else {}),
        }

    def _custom_role(self) -> iam.Role:
        cluster = f"arn:{self.names.partition}:rds:{self.region}:{self.account}:cluster:{self._aurora.cluster_id}"
        groups = [self.names.log_group_arn(name, self.region) for name in self._aurora.log_group_names]
        return iam.Role(
            self,
            "Role",
            role_name=self.names.export(self._aurora.name),
            description="Logdock: Aurora writes logs (the older way)",
            assumed_by=iam.PrincipalWithConditions(
                iam.ServicePrincipal("rds.amazonaws.com"),
                {"StringEquals": {"aws:SourceAccount": self.account}, "ArnEquals": {"aws:SourceArn": cluster}},
            ),
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
