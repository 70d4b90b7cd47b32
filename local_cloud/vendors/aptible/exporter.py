"""Aptible: archives of container logs, encrypted before they are stored, replicated by S3 into the customer's bucket.

Source: Aptible, "Log Archiving to S3"; keys and encryption as aptible-cli reads them (schema v3).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local_cloud.markers import new_hex, new_uuid
from local_cloud.stand_ins.attempts import encrypt_otherwise, reach_further, tamper_with_object, weaken_bucket
from local_cloud.stand_ins.recorded import gzip_lines, utc, written_again
from local_cloud.stand_ins.sessions import account_of, role_session
from local_cloud.vendors.aptible.encryption import key_id, seal

if TYPE_CHECKING:
    from local_cloud.customer import Secrets
    from local_cloud.journal import Attempt, Journal
    from local_cloud.markers import Line
    from local_cloud.stage import Stage
    from logdock.vendors.aptible.settings import AptibleExport

_LINES = 50
_STACK = "shared-eu-west-1"
_RESOURCES = ("apps-321/service-123", "apps-321/service-124", "databases-77", "proxy-5")


class Aptible:
    """The log archive of one Aptible stack."""

    def __init__(self, stage: Stage, export: AptibleExport, journal: Journal, master_key: bytes) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        self._master_key = master_key
        self._outputs = stage.stack_outputs(export.name)
        self._bucket = self._outputs["BucketName"]
        self._account = account_of(export.replication_role_arn)
        self._source = f"aptible-log-archive-{stage.settings.region}-{new_hex(16)}"

    def play(self) -> None:
        """Archive and replicate, then try what the replication role must not be able to do."""
        stage, journal = self._stage, self._journal
        role = self._export.replication_role_arn.rpartition("/")[2]
        # The operator who runs the replication: the same role, but asked to do what S3 would not do for him.
        session = role_session(stage, self._account, role, service="s3.amazonaws.com")
        self._replicate_to_customer()
        s3 = stage.client("s3", session)
        versioning = s3.get_bucket_versioning(Bucket=self._bucket).get("Status")
        journal.check("found the bucket versioned, and listed it", versioning == "Enabled")
        s3.list_objects_v2(Bucket=self._bucket)
        key = self._archive()
        version = stage.customer("s3").head_object(Bucket=self._bucket, Key=key)["VersionId"]
        outsider = stage.client("s3", role_session(stage, self._account, "another-service-of-the-vendor"))
        vendor_key = stage.client("kms", self._account).create_key()["KeyMetadata"]["Arn"]
        journal.attempt_all(
            [
                *self._attempts(s3, outsider, key),
                *encrypt_otherwise(s3, self._bucket, key, other_key_arn=vendor_key, kms=False),
                *tamper_with_object(s3, self._bucket, key, version),
                # Aptible's page asks for PutBucketVersioning, which is also what suspends it: that one is granted.
                *(attempt for attempt in weaken_bucket(s3, self._bucket) if "versioning" not in attempt[0]),
                *reach_further(stage, session, own=self._export.name, is_inside=False),
            ]
        )

    def _replicate_to_customer(self) -> None:
        vendor = self._stage.client("s3", self._account)
        where = {"LocationConstraint": self._stage.settings.region}
        vendor.create_bucket(Bucket=self._source, CreateBucketConfiguration=where)
        vendor.put_bucket_versioning(Bucket=self._source, VersioningConfiguration={"Status": "Enabled"})
        destination: dict[str, Any] = {
            "Bucket": f"arn:aws:s3:::{self._bucket}",
            "Account": self._outputs["AccountId"],
            "AccessControlTranslation": {"Owner": "Destination"},
        }
        rule: dict[str, Any] = {
            "ID": "customer",
            "Priority": 1,
            "Status": "Enabled",
            "Filter": {"Prefix": f"{_STACK}/"},
            "DeleteMarkerReplication": {"Status": "Disabled"},
        }
        if "KmsKeyArn" in self._outputs:
            destination["EncryptionConfiguration"] = {"ReplicaKmsKeyID": self._outputs["KmsKeyArn"]}
            rule["SourceSelectionCriteria"] = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
        vendor.put_bucket_replication(
            Bucket=self._source,
            ReplicationConfiguration={
                "Role": self._export.replication_role_arn,
                "Rules": [{**rule, "Destination": destination}],
            },
        )

    def _archive(self) -> str:
        vendor = self._stage.client("s3", self._account)
        key, objects = "", 0
        for resource in _RESOURCES:
            for container in range(2):
                lines = written_again("aptible/docker.log", _LINES, _rewrite)
                key = self._key(resource, lines, rotated=container == 1)
                body, envelope = seal(gzip_lines(lines), self._master_key)
                vendor.put_object(Bucket=self._source, Key=key, Body=body, Metadata=envelope)
                status = vendor.head_object(Bucket=self._source, Key=key).get("ReplicationStatus")
                if status not in ("COMPLETED", "PENDING"):
                    self._journal.broken.append(f"S3 did not replicate {key}: {status}")
                self._journal.wrote(lines)
                objects += 1
        self._journal.did(f"S3 replicated {objects} encrypted archives under Aptible's key layout")
        return key

    def _key(self, resource: str, lines: list[Line], *, rotated: bool) -> str:
        first, last = (utc(line.epoch_ms * 1_000_000).strftime("%Y-%m-%dT%H:%M:%S") for line in (lines[0], lines[-1]))
        file = f"{new_hex(32)}{new_hex(32)}-json.log{'.1' if rotated else ''}.{first}.{last}.archived.gz"
        return f"{_STACK}/shareable/v3/{key_id(self._master_key)}/{resource}/{file}"

    def _attempts(self, s3: Any, outsider: Any, key: str) -> list[Attempt]:
        where = {"Bucket": self._bucket, "Key": key}
        return [
            ("read back an object that has landed", lambda: s3.get_object(**where)),
            ("write an object without replicating it", lambda: s3.put_object(**where, Body=b"forged")),
            (
                "list the bucket from another role of the vendor's account",
                lambda: outsider.list_objects_v2(Bucket=self._bucket),
            ),
            (
                "write into the bucket from another role of the vendor's account",
                lambda: outsider.put_object(**where, Body=b"forged"),
            ),
        ]


def _rewrite(recorded: str, number: int, moment: int) -> tuple[str, str]:
    document, marker = json.loads(recorded), new_uuid()
    # Rails and others put the id of the request into the line.
    document["log"] = f"[{marker}] {document['log']}"
    document["time"] = utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{number % 1000:03d}Z"
    return json.dumps(document, separators=(",", ":")), marker


def exporter(stage: Stage, export: AptibleExport, journal: Journal, secrets: Secrets) -> Aptible:
    """Return what plays an export."""
    return Aptible(stage, export, journal, secrets.master_keys[export.name])
