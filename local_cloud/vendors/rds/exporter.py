"""A database of RDS: PostgreSQL's entries, some of several lines, each line an event of one stream for the instance.

RDS writes them to CloudWatch Logs under AWSServiceRoleForRDS, which only RDS can assume: the root of the account
stands in for RDS. No other account gets access here, so the attempts are what the application that uses the database
could do. Source: RDS User Guide, "RDS for PostgreSQL database log files"; the comment in a statement is as applications
add it to find their requests again.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from local_cloud.markers import new_hex
from local_cloud.stand_ins.attempts import misuse_key, reach_further, tamper_with_log_group
from local_cloud.stand_ins.log_events import put_events
from local_cloud.stand_ins.recorded import utc, written_again
from local_cloud.stand_ins.sessions import role_session
from local_cloud.vendors.rds import databases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_cloud.customer import Secrets
    from local_cloud.journal import Attempt, Journal
    from local_cloud.stage import Stage
    from logdock.vendors.rds.settings import DatabaseExport, RdsExport

_LINES = 60
_STAMP_LENGTH = len("2026-03-04 05:06:07")


class DatabaseLogs(ABC):
    """The logs of one database.

    Attributes
    ----------
    forged
        What an application must not be able to write, in words.
    """

    forged = "a line"

    def __init__(self, stage: Stage, export: DatabaseExport, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        groups = stage.stack_outputs(export.name)["LogGroupNames"].split(",")
        self._groups = [name for name in groups if name in export.log_group_names]

    def play(self) -> None:
        """Check what the deploy configured, write a log, then try what must not be possible."""
        if self._export.is_configured:
            self._check_configuration()
        self._try(self._write())

    def _check_configuration(self) -> None:
        rds, export = self._stage.customer("rds"), self._export
        group, exported = databases.found(rds, export)
        values = {
            item["ParameterName"]: item.get("ParameterValue", "")
            for item in databases.parameters_of(rds, export, group)
        } if export.needs_parameters else {}  # fmt: skip
        for name, value in export.parameters.items():
            self._journal.check(f"the {export.noun}'s parameter {name} is {value}", values.get(name) == value)
        for library in export.libraries:
            loaded = values.get("shared_preload_libraries", "").split(",")
            self._journal.check(f"the {export.noun} loads {library}", library in loaded)
        self._journal.check(f"the {export.noun} exports the logs of the settings", {*export.log_types} <= exported)

    @abstractmethod
    def _write(self) -> str:
        """Write a log; return the name of a log stream of it."""

    def _more_attempts(self, rds: Any) -> Iterator[Attempt]:  # noqa: ARG002
        """Yield what else the database's application must not be able to do."""
        yield from ()

    def _try(self, stream: str) -> None:
        stage, group, export = self._stage, self._groups[0], self._export
        customer = stage.customer("logs")
        described = customer.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        key_arn = next(entry["kmsKeyId"] for entry in described if entry["logGroupName"] == group)
        filters = customer.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        connect = {"Effect": "Allow", "Action": "rds-db:connect", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [connect]})
        application = role_session(stage, stage.settings.account, f"{export.database_id}-application", policy=policy)
        logs, rds = stage.client("logs", application), stage.client("rds", application)
        disable = {"DisableLogTypes": list(export.log_types)}

        def switch_off() -> object:
            if export.is_cluster:
                return rds.modify_db_cluster(
                    DBClusterIdentifier=export.database_id, CloudwatchLogsExportConfiguration=disable
                )
            return rds.modify_db_instance(
                DBInstanceIdentifier=export.database_id, CloudwatchLogsExportConfiguration=disable
            )

        attempts: list[Attempt] = [
            (
                f"forge {self.forged}, as the database's application",
                lambda: put_events(logs, group, stream, [(int(time.time() * 1000), "forged")]),
            ),
            *(
                (f"{what}, as the database's application", call)
                for what, call in tamper_with_log_group(
                    logs, group, stream, filter_name=filters[0]["filterName"] if filters else "x"
                )
            ),
            *self._more_attempts(rds),
            ("switch the log's export off, as the database's application", switch_off),
            *misuse_key(stage.client("kms", application), key_arn),
            *reach_further(stage, application, own=export.name),
        ]
        self._journal.attempt_all(attempts)
        self._journal.attempt(
            "delete the log group, as the account's own administrator (deletion protection)",
            lambda: customer.delete_log_group(logGroupName=group),
            denials=("ValidationException",),
        )


class Rds(DatabaseLogs):
    """The logs of one cluster or instance of PostgreSQL or MySQL."""

    def _write(self) -> str:
        logs = self._stage.customer("logs")
        postgresql = next((name for name in self._groups if name.endswith("/postgresql")), None)
        group = postgresql or self._groups[0]
        stream = f"{self._export.database_id}.0"
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        lines = written_again("rds/postgresql.log", _LINES, rewrite if postgresql else _plain)
        events = [(line.epoch_ms, part) for line in lines for part in line.text.split("\n")]
        put_events(logs, group, stream, events)
        self._journal.wrote(lines)
        self._journal.did(f"RDS wrote {len(events)} lines of {_LINES} entries to {group}")
        return stream


def rewrite(recorded: str, number: int, moment: int) -> tuple[str, str]:
    """Write an entry of PostgreSQL again, over several lines."""
    marker, stamp = new_hex(32), f"{utc(moment):%Y-%m-%d %H:%M:%S}"
    line = f"{stamp}{recorded[_STAMP_LENGTH:]}"
    comment = f"/* request {marker} */"
    if "ERROR:" not in line:
        return f"{line}\n\t{comment}", marker
    prefix = line.partition("ERROR:")[0]
    detail = f"{prefix}DETAIL:  Key (id)=({number}) already exists."
    statement = f"{prefix}STATEMENT:  copy orders from stdin {comment}"
    return "\n".join((line, detail, statement)), marker


def _plain(recorded: str, number: int, moment: int) -> tuple[str, str]:
    marker = new_hex(32)
    return f"{utc(moment):%Y-%m-%dT%H:%M:%S.%fZ} {number} [Note] {recorded[-20:]} /* request {marker} */", marker


def exporter(stage: Stage, export: RdsExport, journal: Journal, _secrets: Secrets) -> Rds:
    """Return what plays an export."""
    return Rds(stage, export, journal)
