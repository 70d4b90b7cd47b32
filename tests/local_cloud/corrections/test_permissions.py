"""What IAM is asked, and how it answers: names, callers, sessions, encryption headers and keys.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION, VENDOR

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


def test_a_simulated_request_has_the_context_that_its_caller_names(emulator: Emulator) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    statement = {
        **made.allow("kms:Decrypt", key),
        "Condition": {"StringEquals": {"kms:ViaService": "s3.amazonaws.com"}},
    }
    iam, role = emulator.client("iam", ACCOUNT, region=REGION), made.role(emulator, statement)

    def simulated(service: str) -> str:
        context = {"ContextKeyName": "kms:ViaService", "ContextKeyValues": [service], "ContextKeyType": "string"}
        (answer,) = iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=["kms:Decrypt"], ResourceArns=[key], ContextEntries=[context]
        )["EvaluationResults"]
        return str(answer["EvalDecision"])

    assert (simulated("s3.amazonaws.com"), simulated("sqs.amazonaws.com")) == ("allowed", "implicitDeny")


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [("log-group:ledger:*", True), ("log-group:ledger", False), ("log-group:other:*", False)],
)
def test_a_log_group_is_granted_with_a_colon_and_a_star(emulator: Emulator, resource: str, allowed: bool) -> None:
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    if not logs.describe_log_groups(logGroupNamePrefix="ledger")["logGroups"]:
        logs.create_log_group(logGroupName="ledger")
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:{resource}"
    session = made.assume(emulator, made.role(emulator, made.allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn)))
    stream = resource.replace(":", "-").replace("*", "all")

    def write() -> None:
        exporter = emulator.client("logs", session, region=REGION)
        exporter.create_log_stream(logGroupName="ledger", logStreamName=stream)
        exporter.put_log_events(logGroupName="ledger", logStreamName=stream, logEvents=[made.event("line")])

    if allowed:
        write()
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            write()


def test_describing_log_groups_is_granted_on_every_group(emulator: Emulator) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"
    session = made.assume(emulator, made.role(emulator, made.allow("logs:DescribeLogGroups", arn)))

    emulator.client("logs", session, region=REGION).describe_log_groups()


@pytest.mark.parametrize(("group", "allowed"), [("own", True), ("other", False)])
def test_a_parameter_group_is_granted_by_its_arn(emulator: Emulator, group: str, allowed: bool) -> None:
    rds = emulator.client("rds", ACCOUNT, region=REGION)
    for name in {"own", "other"} - {found["DBClusterParameterGroupName"] for found in _parameter_groups(rds)}:
        rds.create_db_cluster_parameter_group(
            DBClusterParameterGroupName=name, DBParameterGroupFamily="aurora-mysql8.0", Description=name
        )
    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster-pg:own"
    session = made.assume(emulator, made.role(emulator, made.allow(["rds:DescribeDBClusterParameters"], arn)))
    reader = emulator.client("rds", session, region=REGION)
    if allowed:
        reader.describe_db_cluster_parameters(DBClusterParameterGroupName=group)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.describe_db_cluster_parameters(DBClusterParameterGroupName=group)


@pytest.mark.parametrize(("group", "allowed"), [("own", True), ("other", False)])
def test_a_parameter_group_of_instances_is_granted_by_its_arn(emulator: Emulator, group: str, allowed: bool) -> None:
    rds = emulator.client("rds", ACCOUNT, region=REGION)
    known = {found["DBParameterGroupName"] for found in rds.describe_db_parameter_groups()["DBParameterGroups"]}
    for name in {"own", "other"} - known:
        rds.create_db_parameter_group(DBParameterGroupName=name, DBParameterGroupFamily="postgres16", Description=name)
    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:pg:own"
    session = made.assume(emulator, made.role(emulator, made.allow(["rds:DescribeDBParameters"], arn)))
    reader = emulator.client("rds", session, region=REGION)
    if allowed:
        reader.describe_db_parameters(DBParameterGroupName=group)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.describe_db_parameters(DBParameterGroupName=group)


def _parameter_groups(rds: Any) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    return groups


@pytest.mark.parametrize(("group", "allowed"), [("guarded", True), ("unguarded", False)])
def test_a_log_group_called_by_its_identifier_is_granted_alike(emulator: Emulator, group: str, allowed: bool) -> None:
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:guarded:*"
    session = made.assume(emulator, made.role(emulator, made.allow(["logs:PutLogGroupDeletionProtection"], arn)))
    owner = emulator.client("logs", session, region=REGION)
    if allowed:
        owner.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=True)
        with pytest.raises(ClientError, match="deletion protection"):
            logs.delete_log_group(logGroupName=group)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            owner.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=True)


def test_a_bucket_policy_sees_which_role_of_another_account_calls(emulator: Emulator) -> None:
    bucket = made.bucket(emulator)
    named, other = (f"replication-{made.new_name()}" for _ in range(2))
    iam = emulator.client("iam", VENDOR, region=REGION)
    trust = {**made.allow("sts:AssumeRole", "*"), "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:root"}}
    del trust["Resource"]
    for role in (named, other):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=made.document(trust))
        iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=made.document(made.allow("s3:*", "*")))
    grant = {
        **made.allow("s3:GetBucketVersioning", f"arn:aws:s3:::{bucket}"),
        "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:role/{named}"},
    }
    emulator.client("s3", ACCOUNT, region=REGION).put_bucket_policy(Bucket=bucket, Policy=made.document(grant))

    def ask(role: str) -> None:
        session = made.assume(emulator, f"arn:aws:iam::{VENDOR}:role/{role}")
        emulator.client("s3", session, region=REGION).get_bucket_versioning(Bucket=bucket)

    ask(named)
    with pytest.raises(ClientError, match="AccessDenied"):
        ask(other)


def test_rejects_a_session_longer_than_the_role_allows(emulator: Emulator) -> None:
    role = made.role(emulator, made.allow("s3:ListAllMyBuckets", "*"), session_seconds=7200)

    made.assume(emulator, role, seconds=7200)
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration"):
        made.assume(emulator, role, seconds=7201)


def test_rejects_a_chained_session_longer_than_an_hour(emulator: Emulator) -> None:
    target = made.role(emulator, made.allow("s3:ListAllMyBuckets", "*"), session_seconds=43200)
    iam = emulator.client("iam", VENDOR, region=REGION)
    writer = iam.create_role(RoleName="writer", AssumeRolePolicyDocument=made.document(made.trust(VENDOR)))["Role"][
        "Arn"
    ]
    iam.put_role_policy(
        RoleName="writer", PolicyName="p", PolicyDocument=made.document(made.allow("sts:AssumeRole", target))
    )
    session = made.assume(emulator, writer)

    made.assume(emulator, target, caller=session, seconds=3600)
    with pytest.raises(ClientError, match="role chaining"):
        made.assume(emulator, target, caller=session, seconds=3601)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "right"}, True),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "wrong"}, False),
        ({"ServerSideEncryption": "aws:kms"}, False),
        ({"ServerSideEncryption": "AES256"}, False),
        ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "0" * 32}, False),
    ],
)
def test_policies_see_how_an_upload_asks_to_be_encrypted(
    emulator: Emulator, headers: dict[str, str], allowed: bool
) -> None:
    keys = {name: made.key(emulator, made.delegation()) for name in ("right", "wrong")}
    bucket = made.encrypted_bucket(emulator, keys["right"])
    key_id, algorithm = "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption"
    customer = "s3:x-amz-server-side-encryption-customer-algorithm"
    denies = [
        {"Null": {key_id: "false"}, "StringNotEquals": {key_id: keys["right"]}},
        {"Null": {algorithm: "false"}, "StringNotEquals": {algorithm: "aws:kms"}},
        {"StringEquals": {algorithm: "aws:kms"}, "Null": {key_id: "true"}},
        {"Null": {customer: "false"}},
    ]
    resource = f"arn:aws:s3:::{bucket}/*"
    emulator.client("s3", ACCOUNT, region=REGION).put_bucket_policy(
        Bucket=bucket,
        Policy=made.document(
            *(
                {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": resource, "Condition": deny}
                for deny in denies
            )
        ),
    )
    role = made.role(emulator, made.allow("s3:PutObject", resource), made.allow("kms:GenerateDataKey", "*"))
    exporter = emulator.client("s3", made.assume(emulator, role), region=REGION)
    if "SSEKMSKeyId" in headers:
        headers = {**headers, "SSEKMSKeyId": keys[headers["SSEKMSKeyId"]]}

    if allowed:
        exporter.put_object(Bucket=bucket, Key="a", Body=b"a", **headers)
    else:
        with pytest.raises(ClientError, match="explicit deny"):
            exporter.put_object(Bucket=bucket, Key="a", Body=b"a", **headers)


@pytest.mark.parametrize("missing", ["identity policy", "key policy", None])
def test_an_encrypted_upload_needs_the_key(emulator: Emulator, missing: str | None) -> None:
    key = made.key(emulator, *([] if missing == "key policy" else [made.delegation()]))
    bucket = made.encrypted_bucket(emulator, key)
    statements = [made.allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*")]
    if missing != "identity policy":
        via_s3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
        statements.append({**made.allow("kms:GenerateDataKey", key), "Condition": via_s3})
    exporter = emulator.client("s3", made.assume(emulator, made.role(emulator, *statements)), region=REGION)

    if missing is None:
        exporter.put_object(Bucket=bucket, Key="a", Body=b"a")
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            exporter.put_object(Bucket=bucket, Key="a", Body=b"a")


def test_reading_an_encrypted_object_needs_decrypt(emulator: Emulator) -> None:
    key = made.key(emulator, made.delegation())
    bucket = made.encrypted_bucket(emulator, key)
    emulator.client("s3", ACCOUNT, region=REGION).put_object(Bucket=bucket, Key="a", Body=b"a")
    get = made.allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    without, having = made.role(emulator, get), made.role(emulator, get, made.allow("kms:Decrypt", key))

    with pytest.raises(ClientError, match="AccessDenied"):
        emulator.client("s3", made.assume(emulator, without), region=REGION).get_object(Bucket=bucket, Key="a")
    emulator.client("s3", made.assume(emulator, having), region=REGION).get_object(Bucket=bucket, Key="a")


def test_an_upload_may_name_the_managed_key(emulator: Emulator) -> None:
    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    bucket = made.bucket(emulator)

    assert s3.put_object(Bucket=bucket, Key="a", ServerSideEncryption="aws:kms")["ServerSideEncryption"] == "aws:kms"


def _asks_for_key(emulator: Emulator, *granted: str) -> tuple[Any, str]:
    """Return a client that may do anything to one encrypted bucket, and these actions with its key."""
    key = made.key(emulator, made.delegation())
    bucket = made.encrypted_bucket(emulator, key)
    owner = emulator.client("s3", ACCOUNT, region=REGION)
    owner.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = [made.allow(list(granted), key)] if granted else []
    role = made.role(emulator, made.allow("s3:*", f"arn:aws:s3:::{bucket}*"), *keys)
    return emulator.client("s3", made.assume(emulator, role), region=REGION), bucket


@pytest.mark.parametrize("granted", [(), ("kms:Decrypt",)])
def test_reading_a_version_of_an_encrypted_object_requires_decrypt(
    emulator: Emulator, granted: tuple[str, ...]
) -> None:
    reader, bucket = _asks_for_key(emulator, *granted)
    owner = emulator.client("s3", ACCOUNT, region=REGION)
    version = owner.put_object(Bucket=bucket, Key="a", Body=b"a")["VersionId"]
    owner.put_object(Bucket=bucket, Key="a", Body=b"unencrypted", ServerSideEncryption="AES256")

    if granted:
        assert reader.get_object(Bucket=bucket, Key="a", VersionId=version)["Body"].read() == b"a"
    else:
        # The object's latest version needs no key.
        reader.get_object(Bucket=bucket, Key="a")
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.get_object(Bucket=bucket, Key="a", VersionId=version)


@pytest.mark.parametrize("missing", ["kms:GenerateDataKey", "kms:Decrypt", None])
def test_a_multipart_upload_requires_generate_data_key_and_decrypt(emulator: Emulator, missing: str | None) -> None:
    writer, bucket = _asks_for_key(emulator, *({"kms:GenerateDataKey", "kms:Decrypt"} - {missing}))

    def upload() -> None:
        where = {"Bucket": bucket, "Key": "a"}
        where["UploadId"] = writer.create_multipart_upload(**where)["UploadId"]
        part = writer.upload_part(**where, PartNumber=1, Body=b"a")
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        writer.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})

    if missing is None:
        upload()
    else:
        refused = {"kms:GenerateDataKey": "CreateMultipartUpload", "kms:Decrypt": "UploadPart"}[missing]
        with pytest.raises(ClientError, match=refused):
            upload()


@pytest.mark.parametrize("by_version", [False, True])
@pytest.mark.parametrize("missing", ["kms:GenerateDataKey", "kms:Decrypt", None])
@pytest.mark.covering
def test_a_copy_requires_the_keys_of_its_source_and_its_target(
    emulator: Emulator, missing: str | None, by_version: bool
) -> None:
    writer, bucket = _asks_for_key(emulator, *({"kms:GenerateDataKey", "kms:Decrypt"} - {missing}))
    source = {"Bucket": bucket, "Key": "a"}
    version = emulator.client("s3", ACCOUNT, region=REGION).put_object(**source, Body=b"a")["VersionId"]
    if by_version:
        source["VersionId"] = version

    if missing is None:
        writer.copy_object(Bucket=bucket, Key="b", CopySource=source)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            writer.copy_object(Bucket=bucket, Key="b", CopySource=source)


@pytest.mark.parametrize("may_read", [False, True])
def test_deleting_on_condition_of_the_etag_requires_reading(emulator: Emulator, may_read: bool) -> None:
    bucket, owner = made.bucket(emulator), emulator.client("s3", ACCOUNT, region=REGION)
    etags = {key: owner.put_object(Bucket=bucket, Key=key, Body=b"a")["ETag"] for key in ("a&b", "c", "d")}
    allowed = ["s3:DeleteObject", *(["s3:GetObject"] if may_read else [])]
    role = made.role(emulator, made.allow(allowed, f"arn:aws:s3:::{bucket}/*"))
    remover = emulator.client("s3", made.assume(emulator, role), region=REGION)
    listed = [{"Key": key, "ETag": etags[key]} for key in ("a&b", "c")]

    if may_read:
        assert "Errors" not in remover.delete_objects(Bucket=bucket, Delete={"Objects": listed})
        remover.delete_object(Bucket=bucket, Key="d", IfMatch=etags["d"])
    else:
        remover.delete_object(Bucket=bucket, Key="d", IfMatch="*")
        with pytest.raises(ClientError, match="AccessDenied"):
            remover.delete_objects(Bucket=bucket, Delete={"Objects": listed})
        with pytest.raises(ClientError, match="AccessDenied"):
            remover.delete_object(Bucket=bucket, Key="c", IfMatch=etags["c"])
