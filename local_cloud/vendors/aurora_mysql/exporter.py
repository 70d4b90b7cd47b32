"""Aurora MySQL: each instance writes its audit log as four files at a time, whose entries are not in order.

RDS writes them to CloudWatch Logs under AWSServiceRoleForRDS, which only RDS can assume: the root of the account
stands in for RDS. Streams are named ``<instance>.audit.log.<0-3>.<YYYY-MM-DD-HH-MM>.<n>.<m>``. No other account gets
access here, so what is tried is what the application that uses the database could do. Source: Aurora User Guide, "Using
Advanced Auditing".
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

from local_cloud.stand_ins.attempts import misuse_key, reach_further, tamper_with_log_group
from local_cloud.stand_ins.log_events import put_events
from local_cloud.stand_ins.recorded import utc, written_again
from local_cloud.stand_ins.sessions import assume, role_session, unrelated_user
from local_cloud.vendors.rds import databases

if TYPE_CHECKING:
    from local_cloud.customer import Secrets
    from local_cloud.journal import Attempt, Journal
    from local_cloud.stage import Stage
    from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport

_LINES = 50
_FILES = 4


class AuroraMysql:
    """The audit log of one cluster."""

    def __init__(self, stage: Stage, export: AuroraMysqlExport, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        self._groups = stage.stack_outputs(export.name)["LogGroupNames"].split(",")

    def play(self) -> None:
        """Check what the deploy configured, write the audit log, then try what must not be possible."""
        if self._export.configure_cluster:
            self._check_configuration()
        stream = self._write(self._stage.customer("logs"))
        self._try(stream)

    def _check_configuration(self) -> None:
        rds = self._stage.customer("rds")
        group, exported = databases.found(rds, self._export)
        items = databases.parameters_of(rds, self._export, group)
        found = {item["ParameterName"]: item.get("ParameterValue") for item in items}
        for name, value in self._export.parameters.items():
            self._journal.check(f"the cluster's parameter {name} is {value}", found.get(name) == value)
        self._journal.check("the cluster exports the logs that were asked for", {*self._export.log_types} <= exported)

    def _write(self, logs: Any) -> str:
        stream = ""
        group = next((name for name in self._groups if name.endswith("/audit")), self._groups[0])
        self._host = f"{self._export.database_id}-instance-1"
        lines = written_again("aurora-mysql/audit.csv", _LINES * _FILES, self._rewrite)
        stamp = utc(time.time_ns()).strftime("%Y-%m-%d-%H-%M")
        for number in range(_FILES):
            stream = f"{self._host}.audit.log.{number}.{stamp}.0.1"
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            mine = lines[number::_FILES]
            # CloudWatch sees the time of the upload, so the entries' own times need not be in order.
            unordered = random.sample(mine, len(mine))
            uploaded = int(time.time() * 1000)
            put_events(logs, group, stream, [(uploaded, line.text) for line in unordered])
        self._journal.wrote(lines)
        self._journal.did(f"RDS wrote {_FILES} log streams of audit lines that are not in order")
        return stream

    def _rewrite(self, recorded: str, number: int, moment: int) -> tuple[str, str]:
        stamp = str(moment // 1000)
        columns = recorded.split(",")
        columns[0], columns[1], columns[4], columns[5] = stamp, self._host, str(100 + number), str(5000 + number)
        return ",".join(columns), stamp

    def _try(self, stream: str) -> None:
        stage, group = self._stage, self._groups[0]
        customer = stage.customer("logs")
        described = customer.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        key_arn = next(entry["kmsKeyId"] for entry in described if entry["logGroupName"] == group)
        filters = customer.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        connect = {"Effect": "Allow", "Action": "rds-db:connect", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [connect]})
        application = role_session(
            stage, stage.settings.account, f"{self._export.database_id}-application", policy=policy
        )
        logs, rds = stage.client("logs", application), stage.client("rds", application)
        identifier = self._export.database_id
        switch_off = [{"ParameterName": "server_audit_logging", "ParameterValue": "0", "ApplyMethod": "immediate"}]
        service_role = (
            f"arn:aws:iam::{stage.settings.account}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
        )
        attempts: list[Attempt] = [
            (
                "forge an audit line, as the database's application",
                lambda: put_events(logs, group, stream, [(int(time.time() * 1000), "forged")]),
            ),
            *(
                (f"{what}, as the database's application", call)
                for what, call in tamper_with_log_group(
                    logs, group, stream, filter_name=filters[0]["filterName"] if filters else "x"
                )
            ),
            (
                "switch the audit log off, as the database's application",
                lambda: rds.modify_db_cluster_parameter_group(
                    DBClusterParameterGroupName=self._export.parameter_group or "default.aurora-mysql8.0",
                    Parameters=switch_off,
                ),
            ),
            (
                "switch the log's export off, as the database's application",
                lambda: rds.modify_db_cluster(
                    DBClusterIdentifier=identifier, CloudwatchLogsExportConfiguration={"DisableLogTypes": ["audit"]}
                ),
            ),
            *misuse_key(stage.client("kms", application), key_arn),
            *reach_further(stage, application, own=self._export.name),
            (
                "assume RDS's service-linked role from another AWS account",
                lambda: assume(stage, unrelated_user(stage), service_role),
            ),
        ]
        self._journal.attempt_all(attempts)
        self._journal.attempt(
            "delete the log group, as the account's own administrator (deletion protection)",
            lambda: customer.delete_log_group(logGroupName=group),
            denials=("ValidationException",),
        )


def exporter(stage: Stage, export: AuroraMysqlExport, journal: Journal, _secrets: Secrets) -> AuroraMysql:
    """Return what plays an export."""
    return AuroraMysql(stage, export, journal)
