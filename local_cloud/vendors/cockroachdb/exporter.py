"""CockroachDB Cloud: every node writes every channel to its log group, one log stream per channel and node.

Source: CockroachDB Cloud, "Export Logs"; streams are named ``{log-name}.{region}.cockroachdbcloud.{channel}.n{N}``.
Which of CockroachDB's formats the exporter writes is not documented: some nodes write ``json`` and some ``crdb-v2``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local_cloud.markers import new_hex, new_number
from local_cloud.stand_ins.attempts import misuse_key, reach_further, tamper_with_log_group
from local_cloud.stand_ins.log_events import put_lines
from local_cloud.stand_ins.recorded import utc, written_again
from local_cloud.stand_ins.sessions import enter, ids_of_others, try_the_door, vendor_identity

if TYPE_CHECKING:
    from local_cloud.customer import Secrets
    from local_cloud.emulator import Emulator
    from local_cloud.journal import Attempt, Journal
    from local_cloud.stage import Stage
    from local_cloud.stand_ins.sessions import Credentials
    from logdock.settings import Deployment
    from logdock.vendors.cockroachdb.settings import CockroachdbExport

_LINES = 30
# The numbers that CockroachDB gives its channels in `channel_numeric` and before `@` (docs/generated/logformats.md).
_CHANNELS = {
    "OPS": 1, "HEALTH": 2, "STORAGE": 3, "SESSIONS": 4, "SQL_SCHEMA": 5, "USER_ADMIN": 6, "PRIVILEGES": 7,
    "SENSITIVE_ACCESS": 8, "SQL_EXEC": 9, "SQL_PERF": 10, "CHANGEFEED": 14,
}  # fmt: skip
_CRDB_V2 = re.compile(r"I\d{6} [\d:.]+ (\d+) \d+@(\S+) ⋮ \[.*?\] \d+ =")


def prepare(cloud: Emulator, settings: Deployment, export: CockroachdbExport) -> None:
    """Make the log groups that are there before Logdock is, if the export adopts them."""
    if export.adopt_log_groups:
        for region in export.landing(settings).regions:
            logs = cloud.client("logs", settings.account, region=region)
            for name in export.log_groups:
                logs.create_log_group(logGroupName=name)


class Cockroachdb:
    """The log export of one cluster."""

    def __init__(self, stage: Stage, export: CockroachdbExport, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        self._outputs = stage.stack_outputs(export.name)
        # A value that CockroachDB marks as sensitive: it lands as it is, and must be gone before the line leaves.
        self._user = f"roach_{new_hex(16)}"

    def play(self) -> None:
        """Export the logs of a cluster, then try what CockroachDB Cloud must not be able to do."""
        stage, export, journal = self._stage, self._export, self._journal
        principal = f"arn:aws:iam::{export.cluster_account_id}:root"
        role_arn, external_id = self._outputs.get("RoleArn", ""), self._outputs.get("ExternalId", "")
        regions, self._spec = export.landing(stage.settings).regions, self._configured_by_hand()
        if export.connect:
            # Everything is as the deploy set it at the vendor, and nothing comes from the person's side.
            principal, (external_id,) = stage.vendors.principal_arn(export), stage.external_ids(export)
            cluster, self._spec = stage.vendors.cockroachdb_export(export)
            role_arn = self._spec["auth_principal"]
            regions = (self._spec["region"],) if self._spec.get("region") else cluster.regions
            journal.did("the deploy enabled the log export at CockroachDB Cloud")
        identity = vendor_identity(stage, principal)
        session = enter(stage, journal, identity, role_arn, external_id, export.session_seconds)
        if export.redaction.markers == "redact":
            journal.private.add(self._user)
        for region in regions:
            self._write(session, region)
        try_the_door(
            stage,
            journal,
            identity,
            principal_arn=principal,
            role_arn=role_arn,
            external_id=external_id,
            other_ids=ids_of_others(stage, (*export.trusted_external_ids, external_id)),
        )
        journal.attempt_all(self._attempts(session, regions[0]))

    def _write(self, session: Credentials, region: str) -> None:
        logs = self._stage.client("logs", session, region=region)
        groups = self._groups()
        for number, (channel, group) in enumerate(groups.items()):
            logs.describe_log_streams(logGroupName=group)
            # Every node writes every channel; two nodes and each channel once are enough to see.
            self._channel, self._node = channel, number % 2 + 1
            stream = f"{group}.{region}.cockroachdbcloud.{channel.lower()}.n{self._node}"
            name, rewrite = ("crdb-v2.log", self._crdb_v2) if number % 2 else ("json.log", self._json)
            lines = written_again(f"cockroachdb/{name}", _LINES, rewrite)
            put_lines(logs, group, stream, lines)
            self._journal.wrote(lines)
        self._journal.did(
            f"wrote {len(groups)} log streams to {len(set(groups.values()))} log groups in {region}, "
            "as json and as crdb-v2 lines with redaction markers"
        )

    def _configured_by_hand(self) -> dict[str, Any]:
        """Return what a person who runs `NextSteps` sends, as far as it matters here."""
        return self._export.model_dump(include={"groups", "omitted_channels"}) | {"log_name": self._export.log_group}

    def _groups(self) -> dict[str, str]:
        """Return the log group of each channel that is exported."""
        spec = self._spec
        groups = {channel: spec["log_name"] for channel in _CHANNELS if channel not in spec["omitted_channels"]}
        named = {channel: group["log_name"] for group in spec["groups"] for channel in group["channels"]}
        return {channel: named.get(channel, group) for channel, group in groups.items()}

    def _json(self, recorded: str, number: int, moment: int) -> tuple[str, str]:
        document, marker = json.loads(recorded), new_hex(32)
        document |= {
            "channel_numeric": _CHANNELS[self._channel],
            "channel": self._channel,
            "timestamp": f"{moment // 10**9}.{moment % 10**9:09d}",
            "cluster_id": self._export.cluster_id,
            "node_id": self._node,
            "entry_counter": number,
        }
        document["tags"] |= {"n": str(self._node), "user": f"‹{self._user}›"}
        document["event"] |= {"Timestamp": moment, "SessionID": marker, "User": f"‹{self._user}›"}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False), marker

    def _crdb_v2(self, recorded: str, number: int, moment: int) -> tuple[str, str]:
        match = _CRDB_V2.match(recorded)
        if match is None:
            raise ValueError(f"not a crdb-v2 line: {recorded}")
        channel = _CHANNELS[self._channel]
        head = f"I{utc(moment).strftime('%y%m%d %H:%M:%S.%f')} {match[1]} {channel}@"
        tags = f"[n{self._node},client=‹[::1]:{50000 + number}›,hostssl,user=‹{self._user}›] {number}"
        if number % 5 == 4:
            # An unstructured entry of several lines: each repeats the prefix, those after the first continue with `+`.
            marker = new_number()
            prefix = f"{head}jobs/registry.go:1186 ⋮ {tags} "
            return (
                f"{prefix} BACKUP job {marker}: stepping through state running\n{prefix}+requested by ‹{self._user}›",
                marker,
            )
        marker = new_hex(32)
        event = json.loads(recorded[match.end() :]) | {
            "Timestamp": moment,
            "SessionID": marker,
            "User": f"‹{self._user}›",
        }
        payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        return f"{head}{match[2]} ⋮ {tags} ={payload}", marker

    def _attempts(self, session: Credentials, region: str) -> list[Attempt]:
        stage, group = self._stage, self._export.log_group
        logs = stage.client("logs", session, region=region)
        # What a person who administers the account could read out to an intruder.
        customer: Any = stage.customer("logs", region=region)
        filters = customer.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        streams = customer.describe_log_streams(logGroupName=group)["logStreams"]
        described = customer.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        key_arn = next(entry["kmsKeyId"] for entry in described if entry["logGroupName"] == group)
        return [
            ("list the account's log groups", logs.describe_log_groups),
            ("make a log group of another name", lambda: logs.create_log_group(logGroupName=f"{group}-2")),
            (
                "change the retention of a log group that is not the cluster's",
                lambda: logs.put_retention_policy(logGroupName="/aws/lambda/x", retentionInDays=1),
            ),
            *tamper_with_log_group(
                logs, group, streams[0]["logStreamName"], filter_name=filters[0]["filterName"] if filters else "x"
            ),
            *misuse_key(stage.client("kms", session, region=region), key_arn),
            *reach_further(stage, session, own=self._export.name),
        ]


def exporter(stage: Stage, export: CockroachdbExport, journal: Journal, _secrets: Secrets) -> Cockroachdb:
    """Return what plays an export."""
    return Cockroachdb(stage, export, journal)
