"""What must not work between the accounts of a deployment where log groups of another account are sent to its own."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import TYPE_CHECKING, Any

from local_cloud.markers import new_uuid
from local_cloud.stand_ins.sessions import assume, role_session
from logdock.settings.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.journal import Journal
    from local_cloud.stage import Stage
    from logdock.settings.exports import Export

_DEADLINE_SECONDS = 120.0
"""A stream's batch is handed over after a minute."""
_POLL_SECONDS = 0.5
_STREAM = "rogue"
_FILTER_PREFIX = "logdock."
"""How the names of subscription filters begin; the export's follows."""


class OtherAccountLogs:
    """The account whose log groups an export lands in, the deployment's other accounts, and that of the archive."""

    def __init__(self, stage: Stage, export: Export, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        self._names = Names.of(stage.settings)
        self._theirs = self._names.in_account(export.other_account)
        self._destination = self._names.destination_arn(export.name)

    def play(self) -> None:
        """Try everything; what is forged last, because it takes time until it is refused."""
        self._reach_the_archive()
        others = {each.other_account or "" for each in self._stage.settings.exports if each.other_account}
        for account in sorted(others - {self._theirs.account}):
            group = self._make_group(account)
            logs = self._administrator("logs", account)
            self._journal.attempt_all(
                [(f"subscribe a log group as {account}", self._subscribing(logs, group, self._export.name))]
            )
        self._forge()

    def _administrator(self, service: str, account: str) -> Any:
        return self._stage.client(service, role_session(self._stage, account, "administrator"))

    def _reach_the_archive(self) -> None:
        account, region = self._theirs.account, self._names.region
        s3, archive = self._administrator("s3", account), self._stage.archive_bucket
        kinesis = self._administrator("kinesis", account)
        session = role_session(self._stage, account, "administrator")
        archiver = self._names.role_arn(self._names.archiver)
        writer = self._names.role_arn(self._names.destination_role(self._export.name))
        record = {"StreamARN": self._names.stream_arn(region), "Data": b"x", "PartitionKey": "x"}
        self._journal.attempt_all(
            [
                ("list the archive from the landing's account", lambda: s3.list_objects_v2(Bucket=archive)),
                ("read the archive from there", lambda: s3.get_object(Bucket=archive, Key="logs/x")),
                ("write into it from there", lambda: s3.put_object(Bucket=archive, Key="logs/x", Body=b"{}")),
                ("write to the stream from there", lambda: kinesis.put_record(**record)),
                ("assume the archiver's role from there", lambda: assume(self._stage, session, archiver)),
                ("assume the destination's role from there", lambda: assume(self._stage, session, writer)),
            ]
        )

    def _make_group(self, account: str) -> str:
        """Make a log group in an account, as its root, that no export has."""
        logs, name = self._stage.client("logs", account), f"/rogue/{self._export.name}"
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName=_STREAM)
        return name

    def _subscribing(self, logs: Any, group: str, export_name: str) -> Callable[[], Any]:
        return lambda: logs.put_subscription_filter(
            logGroupName=group,
            filterName=f"{_FILTER_PREFIX}{export_name}",
            filterPattern="",
            destinationArn=self._destination,
        )

    def _forge(self) -> None:
        """Subscribe a log group that no export has, in this export's name and in another's: it may, and gains nothing.

        The archiver takes of an export the log groups of its settings, from its account alone. What it does not take is
        set aside; the archive's owner removes it.
        """
        group, marker = self._make_group(self._theirs.account), new_uuid()
        logs = self._administrator("logs", self._theirs.account)
        other = next(each.name for each in self._stage.settings.exports if each.other_account != self._theirs.account)
        self._journal.forbidden.add(marker)
        for name in (self._export.name, other):
            self._subscribing(logs, group, name)()
        event = {"timestamp": int(time.time() * 1000), "message": marker}
        logs.put_log_events(logGroupName=group, logStreamName=_STREAM, logEvents=[event])
        for name, what in (
            (self._export.name, "another log group of that account is not archived as the export's"),
            (other, "nor as another account's"),
        ):
            self._journal.check(what, self._is_set_aside(name, marker))
        for name in (self._export.name, other):
            logs.delete_subscription_filter(logGroupName=group, filterName=f"{_FILTER_PREFIX}{name}")

    def _is_set_aside(self, export_name: str, marker: str) -> bool:
        """Wait until a record was set aside for an export, and remove it."""
        s3 = self._stage.client("s3", self._names.account)
        where = {"Bucket": self._names.bucket("failed"), "Prefix": f"unclaimed/{export_name}/"}
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            for item in s3.list_objects_v2(**where).get("Contents", []):
                at = {"Bucket": where["Bucket"], "Key": item["Key"]}
                if marker in _texts(s3.get_object(**at)["Body"].read()):
                    s3.delete_object(**at)
                    return True
            time.sleep(_POLL_SECONDS)
        return False


def _texts(document: bytes) -> str:
    records = json.loads(document)["Records"]
    return "".join(gzip.decompress(base64.b64decode(each["kinesis"]["data"])).decode() for each in records)
