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
    iam, role = made.client(emulator, "iam"), made.role(emulator, statement)

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
    logs = made.client(emulator, "logs")
    if not logs.describe_log_groups(logGroupNamePrefix="ledger")["logGroups"]:
        logs.create_log_group(logGroupName="ledger")
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:{resource}"
    session = made.assume(emulator, made.role(emulator, made.allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn)))
    stream = resource.replace(":", "-").replace("*", "all")

    def write() -> None:
        exporter = made.client(emulator, "logs", session)
        exporter.create_log_stream(logGroupName="ledger", logStreamName=stream)
        exporter.put_log_events(logGroupName="ledger", logStreamName=stream, logEvents=[made.event("line")])

    with made.refused_unless(allowed):
        write()


def test_describing_log_groups_is_granted_on_every_group(emulator: Emulator) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"
    session = made.assume(emulator, made.role(emulator, made.allow("logs:DescribeLogGroups", arn)))

    made.client(emulator, "logs", session).describe_log_groups()


@pytest.mark.parametrize("bus", ["default", "other"])
@pytest.mark.parametrize("names_its_bus", [True, False])
def test_a_rule_is_granted_by_its_arn_whether_or_not_a_request_names_its_bus(
    emulator: Emulator, bus: str, names_its_bus: bool
) -> None:
    events, name = made.client(emulator, "events"), made.new_name()
    if bus != "default":
        bus = made.new_name()
        events.create_event_bus(Name=bus)
    events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["acme"]}')
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name if bus == 'default' else f'{bus}/{name}'}"
    may = made.allow(["events:DescribeRule", "events:ListTargetsByRule"], arn)
    session = made.client(emulator, "events", made.assume(emulator, made.role(emulator, may)))
    more = {"EventBusName": bus} if names_its_bus else {}

    with made.refused_unless(bus == "default" or names_its_bus):
        session.describe_rule(Name=name, **more)
    with made.refused_unless(bus == "default" or names_its_bus):
        session.list_targets_by_rule(Rule=name, **more)


@pytest.mark.parametrize(("group", "allowed"), [("own", True), ("other", False)])
@pytest.mark.parametrize(
    ("kind", "arn", "family"), [("DBCluster", "cluster-pg", "aurora-mysql8.0"), ("DB", "pg", "postgres16")]
)
def test_a_parameter_group_is_granted_by_its_arn(
    emulator: Emulator, kind: str, arn: str, family: str, group: str, allowed: bool
) -> None:
    name, verb = f"{kind}ParameterGroupName", "db_cluster" if kind == "DBCluster" else "db"
    rds = made.client(emulator, "rds")
    groups = getattr(rds, f"describe_{verb}_parameter_groups")()[f"{kind}ParameterGroups"]
    if group not in [each[name] for each in groups]:
        create = getattr(rds, f"create_{verb}_parameter_group")
        create(**{name: group}, DBParameterGroupFamily=family, Description=group)
    may = made.allow([f"rds:Describe{kind}Parameters"], f"arn:aws:rds:{REGION}:{ACCOUNT}:{arn}:own")
    reader = made.client(emulator, "rds", made.assume(emulator, made.role(emulator, may)))
    with made.refused_unless(allowed):
        getattr(reader, f"describe_{verb}_parameters")(**{name: group})


@pytest.mark.parametrize(("group", "allowed"), [("guarded", True), ("unguarded", False)])
def test_a_log_group_called_by_its_identifier_is_granted_alike(emulator: Emulator, group: str, allowed: bool) -> None:
    logs = made.client(emulator, "logs")
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:guarded:*"
    session = made.assume(emulator, made.role(emulator, made.allow(["logs:PutLogGroupDeletionProtection"], arn)))
    owner = made.client(emulator, "logs", session)
    with made.refused_unless(allowed):
        owner.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=True)
    with made.refused_unless(not allowed, "deletion protection"):
        logs.delete_log_group(logGroupName=group)


def test_a_bucket_policy_sees_which_role_of_another_account_calls(emulator: Emulator) -> None:
    bucket = made.bucket(emulator)
    named, other = (f"replication-{made.new_name()}" for _ in range(2))
    iam = made.client(emulator, "iam", VENDOR)
    trust = {**made.allow("sts:AssumeRole", "*"), "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:root"}}
    del trust["Resource"]
    for role in (named, other):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=made.document(trust))
        iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=made.document(made.allow("s3:*", "*")))
    grant = {
        **made.allow("s3:GetBucketVersioning", f"arn:aws:s3:::{bucket}"),
        "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:role/{named}"},
    }
    made.client(emulator, "s3").put_bucket_policy(Bucket=bucket, Policy=made.document(grant))

    def ask(role: str) -> None:
        session = made.assume(emulator, f"arn:aws:iam::{VENDOR}:role/{role}")
        made.client(emulator, "s3", session).get_bucket_versioning(Bucket=bucket)

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
    iam = made.client(emulator, "iam", VENDOR)
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
    made.client(emulator, "s3").put_bucket_policy(
        Bucket=bucket,
        Policy=made.document(
            *(
                {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": resource, "Condition": deny}
                for deny in denies
            )
        ),
    )
    role = made.role(emulator, made.allow("s3:PutObject", resource), made.allow("kms:GenerateDataKey", "*"))
    exporter = made.client(emulator, "s3", made.assume(emulator, role))
    if "SSEKMSKeyId" in headers:
        headers = {**headers, "SSEKMSKeyId": keys[headers["SSEKMSKeyId"]]}

    with made.refused_unless(allowed, "explicit deny"):
        exporter.put_object(Bucket=bucket, Key="a", Body=b"a", **headers)


@pytest.mark.parametrize("missing", ["identity policy", "key policy", None])
def test_an_encrypted_upload_needs_the_key(emulator: Emulator, missing: str | None) -> None:
    key = made.key(emulator, *([] if missing == "key policy" else [made.delegation()]))
    bucket = made.encrypted_bucket(emulator, key)
    statements = [made.allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*")]
    if missing != "identity policy":
        via_s3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
        statements.append({**made.allow("kms:GenerateDataKey", key), "Condition": via_s3})
    exporter = made.client(emulator, "s3", made.assume(emulator, made.role(emulator, *statements)))

    with made.refused_unless(missing is None):
        exporter.put_object(Bucket=bucket, Key="a", Body=b"a")


def test_reading_an_encrypted_object_needs_decrypt(emulator: Emulator) -> None:
    key = made.key(emulator, made.delegation())
    bucket = made.encrypted_bucket(emulator, key)
    made.client(emulator, "s3").put_object(Bucket=bucket, Key="a", Body=b"a")
    get = made.allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    without, having = made.role(emulator, get), made.role(emulator, get, made.allow("kms:Decrypt", key))

    with pytest.raises(ClientError, match="AccessDenied"):
        made.client(emulator, "s3", made.assume(emulator, without)).get_object(Bucket=bucket, Key="a")
    made.client(emulator, "s3", made.assume(emulator, having)).get_object(Bucket=bucket, Key="a")


def test_an_upload_may_name_the_managed_key(emulator: Emulator) -> None:
    s3 = made.client(emulator, "s3")
    bucket = made.bucket(emulator)

    assert s3.put_object(Bucket=bucket, Key="a", ServerSideEncryption="aws:kms")["ServerSideEncryption"] == "aws:kms"


def _asks_for_key(emulator: Emulator, *granted: str) -> tuple[Any, str]:
    """Return a client that may do anything to one encrypted bucket, and these actions with its key."""
    key = made.key(emulator, made.delegation())
    bucket = made.encrypted_bucket(emulator, key)
    owner = made.client(emulator, "s3")
    owner.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = [made.allow(list(granted), key)] if granted else []
    role = made.role(emulator, made.allow("s3:*", f"arn:aws:s3:::{bucket}*"), *keys)
    return made.client(emulator, "s3", made.assume(emulator, role)), bucket


@pytest.mark.parametrize("granted", [(), ("kms:Decrypt",)])
def test_reading_a_version_of_an_encrypted_object_requires_decrypt(
    emulator: Emulator, granted: tuple[str, ...]
) -> None:
    reader, bucket = _asks_for_key(emulator, *granted)
    owner = made.client(emulator, "s3")
    version = owner.put_object(Bucket=bucket, Key="a", Body=b"a")["VersionId"]
    owner.put_object(Bucket=bucket, Key="a", Body=b"unencrypted", ServerSideEncryption="AES256")

    # The object's latest version needs no key.
    reader.get_object(Bucket=bucket, Key="a")
    with made.refused_unless(granted):
        assert reader.get_object(Bucket=bucket, Key="a", VersionId=version)["Body"].read() == b"a"


@pytest.mark.parametrize("missing", ["kms:GenerateDataKey", "kms:Decrypt", None])
def test_a_multipart_upload_requires_generate_data_key_and_decrypt(emulator: Emulator, missing: str | None) -> None:
    writer, bucket = _asks_for_key(emulator, *({"kms:GenerateDataKey", "kms:Decrypt"} - {missing}))

    at = {"kms:GenerateDataKey": "CreateMultipartUpload", "kms:Decrypt": "UploadPart"}
    with made.refused_unless(missing is None, at.get(str(missing), "")):
        where = {"Bucket": bucket, "Key": "a"}
        where["UploadId"] = writer.create_multipart_upload(**where)["UploadId"]
        part = writer.upload_part(**where, PartNumber=1, Body=b"a")
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        writer.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


@pytest.mark.parametrize("by_version", [False, True])
@pytest.mark.parametrize("missing", ["kms:GenerateDataKey", "kms:Decrypt", None])
@pytest.mark.covering
def test_a_copy_requires_the_keys_of_its_source_and_its_target(
    emulator: Emulator, missing: str | None, by_version: bool
) -> None:
    writer, bucket = _asks_for_key(emulator, *({"kms:GenerateDataKey", "kms:Decrypt"} - {missing}))
    source = {"Bucket": bucket, "Key": "a"}
    version = made.client(emulator, "s3").put_object(**source, Body=b"a")["VersionId"]
    if by_version:
        source["VersionId"] = version

    with made.refused_unless(missing is None):
        writer.copy_object(Bucket=bucket, Key="b", CopySource=source)


@pytest.mark.parametrize("may_read", [False, True])
def test_deleting_on_condition_of_the_etag_requires_reading(emulator: Emulator, may_read: bool) -> None:
    bucket, owner = made.bucket(emulator), made.client(emulator, "s3")
    etags = {key: owner.put_object(Bucket=bucket, Key=key, Body=b"a")["ETag"] for key in ("a&b", "c", "d")}
    allowed = ["s3:DeleteObject", *(["s3:GetObject"] if may_read else [])]
    role = made.role(emulator, made.allow(allowed, f"arn:aws:s3:::{bucket}/*"))
    remover = made.client(emulator, "s3", made.assume(emulator, role))
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


@pytest.mark.parametrize(("prefix", "code"), [("logs/*", "404"), ("other/*", "403"), (None, "403")])
def test_an_object_that_is_not_there_is_forbidden_to_whom_may_not_list_it(
    emulator: Emulator, prefix: str | None, code: str
) -> None:
    bucket, s3 = made.new_name(), made.client(emulator, "s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="logs/there", Body=b"x")
    statements = [made.allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")]
    if prefix:
        condition = {"StringLike": {"s3:prefix": prefix}}
        statements.append({**made.allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"), "Condition": condition})
    reader = made.client(emulator, "s3", made.assume(emulator, made.role(emulator, *statements)))
    assert reader.get_object(Bucket=bucket, Key="logs/there")["Body"].read() == b"x"
    with pytest.raises(ClientError) as refused:
        reader.head_object(Bucket=bucket, Key="logs/not here")
    assert refused.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError, match="NoSuchKey" if code == "404" else "AccessDenied"):
        reader.get_object(Bucket=bucket, Key="logs/not here")
