"""Aurora MySQL: each instance writes its audit log as four files at a time, whose entries are not in order.

RDS writes them to CloudWatch Logs under AWSServiceRoleForRDS, which only RDS can assume: the root of the account
stands in for RDS. Streams are named ``<instance>.audit.log.<0-3>.<YYYY-MM-DD-HH-MM>.<n>.<m>``. No other account gets
access here, so what is tried is what the application that uses the database could do. Source: Aurora User Guide, "Using
Advanced Auditing".
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from local_cloud.stand_ins.log_events import put_events
from local_cloud.stand_ins.recorded import utc, written_again
from local_cloud.stand_ins.sessions import assume, unrelated_user
from local_cloud.vendors.rds.exporter import DatabaseLogs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_cloud.customer import Secrets
    from local_cloud.journal import Attempt, Journal
    from local_cloud.stage import Stage
    from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport

_LINES = 50
_FILES = 4


class AuroraMysql(DatabaseLogs):
    """The audit log of one cluster."""

    forged = "an audit line"

    def _write(self) -> str:
        logs, stream = self._stage.customer("logs"), ""
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

    def _more_attempts(self, rds: Any) -> Iterator[Attempt]:
        """Yield how an application would switch auditing off, and how another account would act as RDS."""
        stage, group = self._stage, getattr(self._export, "parameter_group", None)
        switch_off = [{"ParameterName": "server_audit_logging", "ParameterValue": "0", "ApplyMethod": "immediate"}]
        yield (
            "switch the audit log off, as the database's application",
            lambda: rds.modify_db_cluster_parameter_group(
                DBClusterParameterGroupName=group or "default.aurora-mysql8.0", Parameters=switch_off
            ),
        )
        service_role = (
            f"arn:aws:iam::{stage.settings.account}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"
        )
        yield (
            "assume RDS's service-linked role from another AWS account",
            lambda: assume(stage, unrelated_user(stage), service_role),
        )


def exporter(stage: Stage, export: AuroraMysqlExport, journal: Journal, _secrets: Secrets) -> AuroraMysql:
    """Return what plays an export."""
    return AuroraMysql(stage, export, journal)
