"""What a vendor that is inside must not be able to do: attempts that several stand-ins have in common."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any

from local_cloud.stage import UNRELATED_ACCOUNT
from local_cloud.stand_ins.sessions import assume
from logdock.settings.landing import BucketLanding
from logdock.settings.names import Names

if TYPE_CHECKING:
    from local_cloud.journal import Attempt
    from local_cloud.stage import Stage
    from local_cloud.stand_ins.sessions import Credentials

_CUSTOMER_KEY = "0123456789abcdef0123456789abcdef"
_FORGED = b'{"forged":true}'


def tamper_with_object(s3: Any, bucket: str, key: str, version_id: str) -> list[Attempt]:
    """Change or remove an object that has landed."""
    where = {"Bucket": bucket, "Key": key}
    return [
        ("delete an object that has landed", lambda: s3.delete_object(**where)),
        ("delete a version of an object for good", lambda: s3.delete_object(**where, VersionId=version_id)),
        ("make an object public by its ACL", lambda: s3.put_object_acl(**where, ACL="public-read")),
        (
            "put tags on an object",
            lambda: s3.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
        ),
    ]


def read_bucket(s3: Any, bucket: str, key: str) -> list[Attempt]:
    """Read what has landed."""
    return [
        ("read back an object that has landed", lambda: s3.get_object(Bucket=bucket, Key=key)),
        ("list the bucket", lambda: s3.list_objects_v2(Bucket=bucket)),
        ("list the versions of the bucket's objects", lambda: s3.list_object_versions(Bucket=bucket)),
    ]


def weaken_bucket(s3: Any, bucket: str) -> list[Attempt]:
    """Change how the bucket protects what it holds."""
    suspended = {"Status": "Suspended"}
    expire = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    policy = '{"Version":"2012-10-17","Statement":[]}'
    return [
        ("replace the bucket's policy", lambda: s3.put_bucket_policy(Bucket=bucket, Policy=policy)),
        ("remove the bucket's policy", lambda: s3.delete_bucket_policy(Bucket=bucket)),
        (
            "let the bucket's objects expire tomorrow",
            lambda: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=expire),
        ),
        (
            "silence the bucket's notifications",
            lambda: s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={}),
        ),
        ("remove the bucket's default encryption", lambda: s3.delete_bucket_encryption(Bucket=bucket)),
        ("open the bucket to the public", lambda: s3.delete_public_access_block(Bucket=bucket)),
        ("delete the bucket", lambda: s3.delete_bucket(Bucket=bucket)),
        (
            "suspend the bucket's versioning",
            lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=suspended),
        ),
    ]


def encrypt_otherwise(s3: Any, bucket: str, key: str, *, other_key_arn: str, kms: bool) -> list[Attempt]:
    """Upload under an encryption that is not the bucket's own."""

    def put(**headers: str) -> Any:
        return partial(s3.put_object, Bucket=bucket, Key=key, Body=_FORGED, **headers)

    attempts = [
        ("upload under a key of another account", put(ServerSideEncryption="aws:kms", SSEKMSKeyId=other_key_arn)),
        ("upload under the account's default key", put(ServerSideEncryption="aws:kms")),
        (
            "upload under a key that only the uploader has (SSE-C)",
            put(SSECustomerAlgorithm="AES256", SSECustomerKey=_CUSTOMER_KEY),
        ),
    ]
    if kms:
        attempts.append(("upload under S3's key instead of the export's (AES256)", put(ServerSideEncryption="AES256")))
    return attempts


def misuse_key(kms: Any, key_arn: str) -> list[Attempt]:
    """Use or end the export's key other than through S3 or CloudWatch Logs."""
    blob = base64.b64encode(b"\0" * 64)
    return [
        ("decrypt with the export's key directly", lambda: kms.decrypt(KeyId=key_arn, CiphertextBlob=blob)),
        (
            "take a data key from the export's key directly",
            lambda: kms.generate_data_key(KeyId=key_arn, KeySpec="AES_256"),
        ),
        ("schedule the export's key for deletion", lambda: kms.schedule_key_deletion(KeyId=key_arn)),
        ("disable the export's key", lambda: kms.disable_key(KeyId=key_arn)),
        (
            "grant another account the export's key",
            lambda: kms.create_grant(
                KeyId=key_arn, GranteePrincipal=f"arn:aws:iam::{UNRELATED_ACCOUNT}:root", Operations=["Decrypt"]
            ),
        ),
    ]


def reach_further(stage: Stage, session: Credentials, *, own: str, is_inside: bool = True) -> list[Attempt]:
    """Go on from a session: into the archive, other exports' buckets, log groups and roles, and the account itself.

    Parameters
    ----------
    own
        The export that the session belongs to.
    is_inside
        Whether the session is in the customer's account. From another account only buckets and roles can be named.
    """
    settings = stage.settings
    s3, logs = stage.client("s3", session), stage.client("logs", session)
    archive = stage.archive_bucket
    deployer = f"arn:aws:iam::{settings.account}:role/cdk-hnb659fds-deploy-role-{settings.account}-{settings.region}"
    attempts: list[Attempt] = [
        ("list the archive", lambda: s3.list_objects_v2(Bucket=archive, Prefix="logs/")),
        ("read the archive", lambda: s3.get_object(Bucket=archive, Key="logs/x")),
        ("write into the archive", lambda: s3.put_object(Bucket=archive, Key="logs/x", Body=_FORGED)),
        ("assume the account's deployment role", lambda: assume(stage, session, deployer)),
    ]
    if is_inside:
        attempts.append(("list the account's roles", stage.client("iam", session).list_roles))
    for other in settings.exports:
        if other.name == own:
            continue
        outputs = stage.stack_outputs(other.name)
        if "RoleArn" in outputs:
            attempts.append((f"go on into the role of {other.name}", _into(stage, session, outputs["RoleArn"], other)))
        if "BucketName" in outputs:
            attempts.append((f"write into the bucket of {other.name}", _write(s3, outputs["BucketName"])))
        if is_inside and "LogGroupNames" in outputs:
            group = outputs["LogGroupNames"].split(",")[0].rstrip("*")
            attempts += [
                (f"write into a log group of {other.name}", _log(logs, group)),
                (f"read a log group of {other.name}", partial(logs.filter_log_events, logGroupName=group)),
            ]
    return attempts


def reach_members(stage: Stage, identity: Credentials, session: Credentials, member: Any) -> list[Attempt]:
    """Reach what belongs to the other projects or clusters of the same export; an export of one has none.

    Parameters
    ----------
    identity
        The vendor's own identity, as which it assumes the member's role.
    session
        The session of the member's role.
    member
        The project or cluster, as a member of its export.
    """
    names = Names.of(stage.settings)
    s3, logs = stage.client("s3", session), stage.client("logs", session)
    (export,) = (each for each in stage.settings.exports if each.name == member.name)
    own = stage.external_ids(member)[-1]
    attempts: list[Attempt] = []
    for other in export.members:
        if other.member_id == member.member_id:
            continue
        role, landing = names.role_arn(names.vendor_role(export.name, other.member_id)), other.landing(stage.settings)
        attempts += [
            (
                f"assume the role of {other.member_id} with another member's external id",
                partial(assume, stage, identity, role, own),
            ),
            (f"go on into the role of {other.member_id}", _into(stage, session, role, other)),
        ]
        if isinstance(landing, BucketLanding):
            key = f"{landing.prefix}forged"
            attempts.append((f"write into the directory of {other.member_id}", _write(s3, landing.bucket, key)))
        else:
            attempts.append((f"write into a log group of {other.member_id}", _log(logs, landing.names[0])))
    return attempts


def _into(stage: Stage, session: Credentials, role_arn: str, export: Any) -> Any:
    ids = stage.external_ids(export)
    return partial(assume, stage, session, role_arn, ids[-1] if ids else None)


def _write(s3: Any, bucket: str, key: str = "forged") -> Any:
    return partial(s3.put_object, Bucket=bucket, Key=key, Body=_FORGED)


def _log(logs: Any, group: str) -> Any:
    return partial(logs.create_log_stream, logGroupName=group, logStreamName="forged")


def tamper_with_log_group(logs: Any, group: str, stream: str, *, filter_name: str) -> list[Attempt]:
    """Change or remove a log group, or take its events elsewhere."""
    where = {"logGroupName": group}
    return [
        ("delete the log group", lambda: logs.delete_log_group(**where)),
        ("delete a log stream", lambda: logs.delete_log_stream(**where, logStreamName=stream)),
        (
            "cut the log group loose from the archiver",
            lambda: logs.delete_subscription_filter(**where, filterName=filter_name),
        ),
        ("keep the log group's events indefinitely", lambda: logs.delete_retention_policy(**where)),
        ("search the log group", lambda: logs.filter_log_events(**where)),
        ("read a log stream", lambda: logs.get_log_events(**where, logStreamName=stream)),
        ("take the key off the log group", lambda: logs.disassociate_kms_key(**where)),
    ]
