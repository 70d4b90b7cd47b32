"""MongoDB Atlas: its log sink writes gzip objects of log lines, one object per host, log type and minute.

Source: MongoDB Atlas, "Export Logs to AWS S3 Buckets"; keys as ``useLegacyPathStructure`` of its Admin API says.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from local_cloud.markers import new_hex, new_uuid
from local_cloud.stand_ins.attempts import (
    encrypt_otherwise,
    misuse_key,
    reach_further,
    reach_members,
    read_bucket,
    tamper_with_object,
    weaken_bucket,
)
from local_cloud.stand_ins.recorded import gzip_lines, utc, written_again
from local_cloud.stand_ins.sessions import account_of, enter, ids_of_others, try_the_door, vendor_identity

if TYPE_CHECKING:
    from local_cloud.customer import Secrets
    from local_cloud.journal import Attempt, Journal
    from local_cloud.stage import Stage
    from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport

_LINES = 40
_LOGS = {
    "MONGOD": ("mongodb", "mongod.log"),
    "MONGOS": ("mongos", "mongos.log"),
    "MONGOD_AUDIT": ("mongodb-audit-log", "mongod-audit.log"),
    "MONGOS_AUDIT": ("mongos-audit-log", "mongos-audit.log"),
    "EVENTS": ("events", "events.log"),
}


class MongodbAtlas:
    """The log sink of one Atlas project."""

    def __init__(self, stage: Stage, export: MongodbAtlasExport, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        self._outputs = stage.stack_outputs(export.name)
        self._bucket, self._prefix = self._outputs["BucketName"], self._outputs["Prefix"]
        self._key_arn = self._outputs["KmsKeyArn"]
        self._role_arn, self._log_types = self._outputs.get("RoleArn", ""), list(export.log_types)
        # A real address in a query: it lands as it is, and must be gone before the line leaves.
        self._address = f"ada.{new_hex(16)}@example.com"

    def play(self) -> None:
        """Export the logs of a cluster, then try what Atlas must not be able to do."""
        stage, export, journal = self._stage, self._export, self._journal
        if export.connect:
            self._read_integration()
        principal_arn = export.atlas_principal_arn or stage.vendors.atlas.principal_arn
        identity = vendor_identity(stage, principal_arn)
        role_arn, external_ids = self._role_arn, stage.external_ids(export)
        session = enter(stage, journal, identity, role_arn, external_ids[-1], export.session_seconds)
        s3 = stage.client("s3", session)
        if "email" in export.redaction.detectors:
            journal.private.add(self._address)
        key, version_id = self._write(s3)
        try_the_door(
            stage,
            journal,
            identity,
            principal_arn=principal_arn,
            role_arn=role_arn,
            external_id=external_ids[-1],
            other_ids=ids_of_others(stage, external_ids),
        )
        other_key = stage.client("kms", account_of(principal_arn)).create_key()["KeyMetadata"]["Arn"]
        journal.attempt_all(
            [
                *self._elsewhere(s3, stage.client("s3", identity)),
                *encrypt_otherwise(s3, self._bucket, key, other_key_arn=other_key, kms=True),
                *(read_bucket(s3, self._bucket, key) if export.permissions == "least" else []),
                *tamper_with_object(s3, self._bucket, key, version_id),
                *weaken_bucket(s3, self._bucket),
                *misuse_key(stage.client("kms", session), self._key_arn),
                *reach_further(stage, session, own=self._export.name),
                *reach_members(stage, identity, session, export),
            ]
        )

    def _read_integration(self) -> None:
        """Take everything from the log integration that the deploy created, and nothing from the person's side."""
        project, integration = self._stage.vendors.atlas_integration(self._export)
        self._bucket, self._prefix = integration["bucketName"], integration["prefixPath"]
        self._key_arn, self._log_types = integration["kmsKey"] or self._key_arn, integration["logTypes"]
        self._role_arn = project.roles[integration["iamRoleId"]]["iamAssumedRoleArn"]
        self._journal.did("the deploy authorised the role and created the log integration at Atlas")
        connect = self._export.connect
        if connect and connect.alert:
            self._journal.check("the deploy created the alert for failed exports", len(project.alerts) == 1)
        if connect and connect.auditing:
            is_on = project.auditing["enabled"] and project.auditing["auditFilter"] == connect.auditing.filter
            self._journal.check("the deploy switched database auditing on", is_on)

    def _write(self, s3: Any) -> tuple[str, str]:
        s3.get_bucket_location(Bucket=self._bucket)
        s3.put_object(Bucket=self._bucket, Key=f"{self._prefix}/mongodb-atlas-access-test", Body=b"")
        self._journal.did("found the bucket and wrote the test object of the set-up")
        objects = 0
        key, version_id = "", ""
        for log_type in self._log_types:
            token, name = _LOGS[log_type]
            for host in range(3):
                lines = written_again(f"mongodb-atlas/{name}", _LINES, self._rewrite)
                hostname = f"atlas-{self._export.object_id[:6]}-shard-00-0{host}.mongodb.net"
                stamp = utc(time.time_ns()).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
                key = f"{self._prefix}/Cluster0/{hostname}/{token}/{stamp}-{token}.log"
                # Once with the key named, as when it is entered in Atlas's form; otherwise the bucket's default.
                named = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._key_arn} if host == 0 else {}
                body = gzip_lines(lines)
                version_id = s3.put_object(Bucket=self._bucket, Key=key, Body=body, **named)["VersionId"]
                self._journal.wrote(lines)
                objects += 1
        self._journal.did(
            f"put {objects} gzip objects under its prefix, without an encryption header and naming its key"
        )
        return key, version_id

    def _rewrite(self, recorded: str, number: int, moment: int) -> tuple[str, str]:
        document, marker = json.loads(recorded), new_uuid()
        if "atype" in document:
            return self._audit(document, number, moment, marker), marker
        if "eventTypeName" in document:
            document |= {"created": utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ"), "dbUserUsername": marker}
            return json.dumps(document, separators=(",", ":")), marker
        document["t"]["$date"] = utc(moment).isoformat(timespec="milliseconds")
        attributes = document["attr"]
        if "command" in attributes:
            attributes["command"]["lsid"]["id"]["$uuid"] = marker
            attributes["command"]["pipeline"].insert(0, {"$match": {"owner": self._address}})
        else:
            attributes["uuid"]["uuid"]["$uuid"] = marker
            attributes["remote"] = f"192.0.2.{number % 250 + 1}:{40000 + number}"
            attributes["connectionId"] = number
        return json.dumps(document, separators=(",", ":")), marker

    @staticmethod
    def _audit(document: dict[str, Any], number: int, moment: int, marker: str) -> str:
        document["ts"]["$date"] = utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
        document["remote"]["port"] = 40000 + number
        if number % 2:
            document["atype"] = "authCheck"
            arguments = {"find": "trades", "filter": {"_id": marker}, "$db": "stocks"}
            document["param"] = {"command": "find", "ns": "stocks.trades", "args": arguments}
        else:
            document["uuid"] = {"$uuid": marker}
        return json.dumps(document, separators=(", ", " : "))

    def _elsewhere(self, s3: Any, outsider: Any) -> list[Attempt]:
        put = {"Bucket": self._bucket, "Body": b"{}"}
        return [
            ("write outside its prefix", lambda: s3.put_object(**put, Key="elsewhere/x.log")),
            ("write beside its prefix", lambda: s3.put_object(**put, Key=f"{self._prefix}-2/x.log")),
            (
                "write into the bucket without the role, as the vendor's own account",
                lambda: outsider.put_object(**put, Key=f"{self._prefix}/x.log"),
            ),
        ]


def exporter(stage: Stage, export: MongodbAtlasExport, journal: Journal, _secrets: Secrets) -> MongodbAtlas:
    """Return what plays an export."""
    return MongodbAtlas(stage, export, journal)
