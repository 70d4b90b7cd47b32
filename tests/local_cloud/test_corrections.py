"""The local AWS refuses what AWS refuses and applies what AWS applies, where MiniStack alone does not.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCOUNT = "111122223333"
VENDOR = "444455556666"
REGION = "eu-west-1"
WAIT_SECONDS = 60

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(options={"LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.01"}) as running:
        yield running


def test_a_simulated_request_has_the_context_that_its_caller_names(emulator: Emulator) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    statement = {**_allow("kms:Decrypt", key), "Condition": {"StringEquals": {"kms:ViaService": "s3.amazonaws.com"}}}
    iam, role = emulator.client("iam", ACCOUNT, region=REGION), _role(emulator, statement)

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
    session = _assume(emulator, _role(emulator, _allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn)))
    stream = resource.replace(":", "-").replace("*", "all")

    def write() -> None:
        exporter = emulator.client("logs", session, region=REGION)
        exporter.create_log_stream(logGroupName="ledger", logStreamName=stream)
        exporter.put_log_events(logGroupName="ledger", logStreamName=stream, logEvents=[_event("line")])

    if allowed:
        write()
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            write()


def test_describing_log_groups_is_granted_on_every_group(emulator: Emulator) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"
    session = _assume(emulator, _role(emulator, _allow("logs:DescribeLogGroups", arn)))

    emulator.client("logs", session, region=REGION).describe_log_groups()


@pytest.mark.parametrize(("group", "allowed"), [("own", True), ("other", False)])
def test_a_parameter_group_is_granted_by_its_arn(emulator: Emulator, group: str, allowed: bool) -> None:
    rds = emulator.client("rds", ACCOUNT, region=REGION)
    for name in {"own", "other"} - {found["DBClusterParameterGroupName"] for found in _parameter_groups(rds)}:
        rds.create_db_cluster_parameter_group(
            DBClusterParameterGroupName=name, DBParameterGroupFamily="aurora-mysql8.0", Description=name
        )
    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster-pg:own"
    session = _assume(emulator, _role(emulator, _allow(["rds:DescribeDBClusterParameters"], arn)))
    reader = emulator.client("rds", session, region=REGION)
    if allowed:
        reader.describe_db_cluster_parameters(DBClusterParameterGroupName=group)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.describe_db_cluster_parameters(DBClusterParameterGroupName=group)


def test_a_template_with_a_metric_stream_is_deployed_and_destroyed(emulator: Emulator) -> None:
    stream = {"Name": "metrics", "FirehoseArn": "x", "RoleArn": "x", "OutputFormat": "opentelemetry1.0"}
    resource = {"Type": "AWS::CloudWatch::MetricStream", "Properties": stream}

    assert _deploy(emulator, "metered", {"Metrics": resource}) == "CREATE_COMPLETE"
    cloudformation = emulator.client("cloudformation", ACCOUNT, region=REGION)
    (found,) = cloudformation.describe_stack_resources(StackName="metered")["StackResources"]
    assert found["PhysicalResourceId"] == "metrics"
    stack_id = cloudformation.describe_stacks(StackName="metered")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="metered")
    _until(lambda: _status(cloudformation, stack_id) == "DELETE_COMPLETE")


def _parameter_groups(rds: Any) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    return groups


@pytest.mark.parametrize(("group", "allowed"), [("guarded", True), ("unguarded", False)])
def test_a_log_group_called_by_its_identifier_is_granted_alike(emulator: Emulator, group: str, allowed: bool) -> None:
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:guarded:*"
    session = _assume(emulator, _role(emulator, _allow(["logs:PutLogGroupDeletionProtection"], arn)))
    owner = emulator.client("logs", session, region=REGION)
    if allowed:
        owner.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=True)
        with pytest.raises(ClientError, match="deletion protection"):
            logs.delete_log_group(logGroupName=group)
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            owner.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=True)


@pytest.mark.parametrize(("admitted", "taken"), [("keyed", True), ("another", False)])
def test_a_log_group_that_exists_takes_a_key_that_admits_it(emulator: Emulator, admitted: str, taken: bool) -> None:
    group = "keyed" if taken else "keyless"
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    logs.create_log_group(logGroupName=group)
    key = _key_of_log_group(emulator, admitted)
    if taken:
        logs.associate_kms_key(logGroupName=group, kmsKeyId=key)
    else:
        with pytest.raises(ClientError, match="not allowed to be used"):
            logs.associate_kms_key(logGroupName=group, kmsKeyId=key)
    (found,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found.get("kmsKeyId") == (key if taken else None)


def test_a_bucket_policy_sees_which_role_of_another_account_calls(emulator: Emulator) -> None:
    bucket = _bucket(emulator)
    named, other = (f"replication-{_name()}" for _ in range(2))
    iam = emulator.client("iam", VENDOR, region=REGION)
    trust = {**_allow("sts:AssumeRole", "*"), "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:root"}}
    del trust["Resource"]
    for role in (named, other):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_document(trust))
        iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=_document(_allow("s3:*", "*")))
    grant = {
        **_allow("s3:GetBucketVersioning", f"arn:aws:s3:::{bucket}"),
        "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:role/{named}"},
    }
    emulator.client("s3", ACCOUNT, region=REGION).put_bucket_policy(Bucket=bucket, Policy=_document(grant))

    def ask(role: str) -> None:
        session = _assume(emulator, f"arn:aws:iam::{VENDOR}:role/{role}")
        emulator.client("s3", session, region=REGION).get_bucket_versioning(Bucket=bucket)

    ask(named)
    with pytest.raises(ClientError, match="AccessDenied"):
        ask(other)


def test_rejects_a_session_longer_than_the_role_allows(emulator: Emulator) -> None:
    role = _role(emulator, _allow("s3:ListAllMyBuckets", "*"), session_seconds=7200)

    _assume(emulator, role, seconds=7200)
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration"):
        _assume(emulator, role, seconds=7201)


def test_the_event_history_of_a_roles_account_has_who_assumed_it_and_with_which_external_id(
    emulator: Emulator,
) -> None:
    role = _role(emulator)
    sts = emulator.client("sts", VENDOR, region=REGION)
    for external_id in ("old", "new"):
        sts.assume_role(RoleArn=role, RoleSessionName="export", ExternalId=external_id)
    with pytest.raises(ClientError):
        sts.assume_role(RoleArn=role, RoleSessionName="export", ExternalId="late", DurationSeconds=43200)

    def history(account: str, region: str = REGION, resource: str = role) -> list[Any]:
        by_role = [{"AttributeKey": "ResourceName", "AttributeValue": resource}]
        found = emulator.client("cloudtrail", account, region=region).lookup_events(LookupAttributes=by_role)
        return [json.loads(event["CloudTrailEvent"])["requestParameters"]["externalId"] for event in found["Events"]]

    assert history(ACCOUNT) == ["new", "old"]
    assert history(ACCOUNT, "us-east-1") == history(VENDOR) == history(ACCOUNT, resource=f"{role}-2") == []


def test_rejects_a_chained_session_longer_than_an_hour(emulator: Emulator) -> None:
    target = _role(emulator, _allow("s3:ListAllMyBuckets", "*"), session_seconds=43200)
    iam = emulator.client("iam", VENDOR, region=REGION)
    writer = iam.create_role(RoleName="writer", AssumeRolePolicyDocument=_document(_trust(VENDOR)))["Role"]["Arn"]
    iam.put_role_policy(RoleName="writer", PolicyName="p", PolicyDocument=_document(_allow("sts:AssumeRole", target)))
    session = _assume(emulator, writer)

    _assume(emulator, target, caller=session, seconds=3600)
    with pytest.raises(ClientError, match="role chaining"):
        _assume(emulator, target, caller=session, seconds=3601)


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
    keys = {name: _key(emulator, _delegation()) for name in ("right", "wrong")}
    bucket = _encrypted_bucket(emulator, keys["right"])
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
        Policy=_document(
            *(
                {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": resource, "Condition": deny}
                for deny in denies
            )
        ),
    )
    role = _role(emulator, _allow("s3:PutObject", resource), _allow("kms:GenerateDataKey", "*"))
    exporter = emulator.client("s3", _assume(emulator, role), region=REGION)
    if "SSEKMSKeyId" in headers:
        headers = {**headers, "SSEKMSKeyId": keys[headers["SSEKMSKeyId"]]}

    if allowed:
        exporter.put_object(Bucket=bucket, Key="a", Body=b"a", **headers)
    else:
        with pytest.raises(ClientError, match="explicit deny"):
            exporter.put_object(Bucket=bucket, Key="a", Body=b"a", **headers)


@pytest.mark.parametrize("missing", ["identity policy", "key policy", None])
def test_an_encrypted_upload_needs_the_key(emulator: Emulator, missing: str | None) -> None:
    key = _key(emulator, *([] if missing == "key policy" else [_delegation()]))
    bucket = _encrypted_bucket(emulator, key)
    statements = [_allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*")]
    if missing != "identity policy":
        via_s3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
        statements.append({**_allow("kms:GenerateDataKey", key), "Condition": via_s3})
    exporter = emulator.client("s3", _assume(emulator, _role(emulator, *statements)), region=REGION)

    if missing is None:
        exporter.put_object(Bucket=bucket, Key="a", Body=b"a")
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            exporter.put_object(Bucket=bucket, Key="a", Body=b"a")


def test_reading_an_encrypted_object_needs_decrypt(emulator: Emulator) -> None:
    key = _key(emulator, _delegation())
    bucket = _encrypted_bucket(emulator, key)
    emulator.client("s3", ACCOUNT, region=REGION).put_object(Bucket=bucket, Key="a", Body=b"a")
    get = _allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    without, having = _role(emulator, get), _role(emulator, get, _allow("kms:Decrypt", key))

    with pytest.raises(ClientError, match="AccessDenied"):
        emulator.client("s3", _assume(emulator, without), region=REGION).get_object(Bucket=bucket, Key="a")
    emulator.client("s3", _assume(emulator, having), region=REGION).get_object(Bucket=bucket, Key="a")


def test_an_upload_may_name_the_managed_key(emulator: Emulator) -> None:
    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    bucket = _bucket(emulator)

    assert s3.put_object(Bucket=bucket, Key="a", ServerSideEncryption="aws:kms")["ServerSideEncryption"] == "aws:kms"


def test_a_template_applies_encryption_lifecycle_and_access_log(emulator: Emulator) -> None:
    key = _key(emulator, _delegation())
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    _deploy(
        emulator,
        "bucket",
        {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "BucketName": "templated",
                    "BucketEncryption": {
                        "ServerSideEncryptionConfiguration": [
                            {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
                        ]
                    },
                    "LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 400}]},
                    "LoggingConfiguration": {"DestinationBucketName": "access", "LogFilePrefix": "templated/"},
                },
            }
        },
    )
    s3 = emulator.client("s3", ACCOUNT, region=REGION)

    (rule,) = s3.get_bucket_encryption(Bucket="templated")["ServerSideEncryptionConfiguration"]["Rules"]
    assert (rule["ApplyServerSideEncryptionByDefault"], rule["BucketKeyEnabled"]) == (default, True)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="templated")["Rules"]
    assert rule["Expiration"] == {"Days": 400}
    target = s3.get_bucket_logging(Bucket="templated")["LoggingEnabled"]
    assert (target["TargetBucket"], target["TargetPrefix"]) == ("access", "templated/")


def _copied_to(replica: str, name: str) -> dict[str, Any]:
    rule = {"Id": "all", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}}
    rule |= {"DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{replica}"}}
    return {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "BucketName": name,
            "VersioningConfiguration": {"Status": "Enabled"},
            "ReplicationConfiguration": {"Role": f"arn:aws:iam::{ACCOUNT}:role/copies", "Rules": [rule]},
        },
    }


def test_a_template_applies_a_lock_and_copies_to_a_locked_bucket(emulator: Emulator) -> None:
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}
    locked = {
        "BucketName": "copies",
        "VersioningConfiguration": {"Status": "Enabled"},
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule},
    }
    _deploy(emulator, "copies", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": locked}})
    _deploy(emulator, "originals", {"Bucket": _copied_to("copies", "originals")})
    s3 = emulator.client("s3", ACCOUNT, region=REGION)

    s3.put_object(Bucket="originals", Key="a", Body=b"a")

    copy = s3.head_object(Bucket="copies", Key="a")
    assert (copy["ReplicationStatus"], copy["ObjectLockMode"]) == ("REPLICA", "COMPLIANCE")


def test_a_template_does_not_copy_to_a_bucket_that_is_not_there(emulator: Emulator) -> None:
    assert _deploy(emulator, "to-nowhere", {"Bucket": _copied_to("nowhere", "lonely")}) != "CREATE_COMPLETE"


@pytest.mark.parametrize(("condition_group", "created"), [("encrypted-1", True), ("another", False)])
def test_a_log_group_takes_a_key_only_when_the_service_may_use_it(
    emulator: Emulator, condition_group: str, created: bool
) -> None:
    group = "encrypted-1" if created else "encrypted-2"
    key = _key_of_log_group(emulator, condition_group)

    status = _deploy(emulator, group, {"Group": _log_group(group, KmsKeyId=key)})

    assert (status == "CREATE_COMPLETE") is created


def test_a_protected_log_group_is_not_deleted(emulator: Emulator) -> None:
    _deploy(emulator, "protected", {"Group": _log_group("protected", DeletionProtectionEnabled=True)})

    with pytest.raises(ClientError, match="deletion protection"):
        emulator.client("logs", ACCOUNT, region=REGION).delete_log_group(logGroupName="protected")


def test_a_template_does_not_take_over_a_log_group(emulator: Emulator) -> None:
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    logs.create_log_group(logGroupName="mine")
    logs.create_log_stream(logGroupName="mine", logStreamName="kept")

    assert _deploy(emulator, "theirs", {"Group": _log_group("mine")}) != "CREATE_COMPLETE"
    assert [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName="mine")["logStreams"]] == [
        "kept"
    ]


def test_a_bucket_with_objects_outlives_its_stack(emulator: Emulator) -> None:
    _deploy(emulator, "filled", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "filled"}}})
    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    s3.put_object(Bucket="filled", Key="a", Body=b"a")
    cloudformation = emulator.client("cloudformation", ACCOUNT, region=REGION)

    cloudformation.delete_stack(StackName="filled")
    _until(lambda: _status(cloudformation, "filled") == "DELETE_FAILED")

    assert s3.get_object(Bucket="filled", Key="a")["Body"].read() == b"a"


def test_a_replica_is_announced_with_its_version(emulator: Emulator) -> None:
    source, target = emulator.client("s3", VENDOR, region=REGION), emulator.client("s3", ACCOUNT, region=REGION)
    for client, bucket in ((source, "replicated"), (target, "replica")):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    role = f"arn:aws:iam::{VENDOR}:role/replication"
    grant = {**_allow("s3:ReplicateObject", "arn:aws:s3:::replica/*"), "Principal": {"AWS": role}}
    target.put_bucket_policy(Bucket="replica", Policy=_document(grant))
    emulator.client("iam", VENDOR, region=REGION).create_role(
        RoleName="replication",
        AssumeRolePolicyDocument=_document({**_trust(VENDOR), "Principal": {"Service": "s3.amazonaws.com"}}),
    )
    rule = {"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": "arn:aws:s3:::replica", "Account": ACCOUNT}}
    source.put_bucket_replication(Bucket="replicated", ReplicationConfiguration={"Role": role, "Rules": [rule]})
    queue = _queue_of_created_objects(emulator, "replica")

    source.put_object(Bucket="replicated", Key="a", Body=b"a")

    announced = _receive(emulator, queue)["detail"]["object"]
    assert announced["key"] == "a"
    assert announced["version-id"] == target.head_object(Bucket="replica", Key="a")["VersionId"]


ANSWERS = """
import json, os, urllib.request
import boto3

def handler(event, context):
    key = f"{event['RequestType']}-{event['LogicalResourceId']}"
    body = event.get("PhysicalResourceId", "").encode()
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=body)
    answer = {
        "Status": "FAILED" if event["ResourceProperties"]["Fails"] == event["RequestType"] else "SUCCESS",
        "Reason": "as asked", "PhysicalResourceId": "half-made",
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT"))
"""


def test_a_custom_resource_whose_creation_failed_is_deleted_by_its_id(emulator: Emulator) -> None:
    heard = _bucket(emulator)
    role = _role(
        emulator, _allow("s3:PutObject", f"arn:aws:s3:::{heard}/*"), principal={"Service": "lambda.amazonaws.com"}
    )
    function = emulator.client("lambda", ACCOUNT, region=REGION).create_function(
        FunctionName="answers",
        Runtime="python3.13",
        Handler="answers.handler",
        Role=role,
        Code={"ZipFile": _zip("answers.py", ANSWERS)},
        Environment={"Variables": {"BUCKET": heard}},
    )["FunctionArn"]
    properties = {"ServiceToken": function, "Fails": "Create"}
    cloudformation = emulator.client("cloudformation", ACCOUNT, region=REGION)

    template = {"Resources": {"Half": {"Type": "Custom::Half", "Properties": properties}}}
    cloudformation.create_stack(StackName="half", TemplateBody=json.dumps(template))
    _until(lambda: _status(cloudformation, "half") == "ROLLBACK_COMPLETE")

    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    found = {
        item["Key"]: s3.get_object(Bucket=heard, Key=item["Key"])["Body"].read()
        for item in s3.list_objects_v2(Bucket=heard)["Contents"]
    }
    assert found == {"Create-Half": b"", "Delete-Half": b"half-made"}


@pytest.mark.parametrize(("action", "allowed"), [("ChangeMessageVisibility", True), ("SendMessage", False)])
def test_a_batch_is_granted_as_its_messages_are(emulator: Emulator, action: str, allowed: bool) -> None:
    name = _name()
    owner = emulator.client("sqs", ACCOUNT, region=REGION)
    url = owner.create_queue(QueueName=name)["QueueUrl"]
    owner.send_message(QueueUrl=url, MessageBody="a")
    (message,) = owner.receive_message(QueueUrl=url)["Messages"]
    role = _role(emulator, _allow(f"sqs:{action}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"))
    consumer = emulator.client("sqs", _assume(emulator, role), region=REGION)
    entry = {"Id": "0", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
    if allowed:
        answer = consumer.change_message_visibility_batch(QueueUrl=url, Entries=[entry])
        assert [each["Id"] for each in answer["Successful"]] == ["0"]
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            consumer.change_message_visibility_batch(QueueUrl=url, Entries=[entry])


def test_event_bridge_sends_to_a_queue_that_admits_the_rule_and_to_a_fifo_queue_by_group_and_content(
    emulator: Emulator,
) -> None:
    sqs, events = (emulator.client(service, ACCOUNT, region=REGION) for service in ("sqs", "events"))
    rule = _name()
    by_content = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    group = {"SqsParameters": {"MessageGroupId": "orders"}}
    # Those that must not get it come first: what the others have got, they would have got by then.
    wanted: list[tuple[dict[str, str], bool, dict[str, Any], int]] = [
        ({}, False, {}, 0),
        ({"FifoQueue": "true"}, True, group, 0),
        (by_content, True, {}, 0),
        ({}, True, {}, 2),
        (by_content, True, group, 1),
    ]
    urls, targets = [], []
    for attributes, admitted, parameters, _ in wanted:
        name = _name() + (".fifo" if attributes else "")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        policy = _document(_trusting(arn, f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule if admitted else 'other'}"))
        urls.append(sqs.create_queue(QueueName=name, Attributes={**attributes, "Policy": policy})["QueueUrl"])
        targets.append({"Id": name.partition(".")[0], "Arn": arn, "Input": '{"the": "same"}', **parameters})
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["test"]}))
    events.put_targets(Rule=rule, Targets=targets)

    for _ in range(2):
        events.put_events(Entries=[{"Source": "test", "DetailType": "x", "Detail": "{}"}])

    received = [
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]).get("Messages", [])
        for url in urls
    ]
    assert [len(messages) for messages in received] == [count for *_, count in wanted]
    assert received[-1][0]["Attributes"]["MessageGroupId"] == "orders"


def test_a_cluster_shows_which_logs_it_exports(emulator: Emulator) -> None:
    rds = emulator.client("rds", ACCOUNT, region=REGION)
    rds.create_db_cluster(
        DBClusterIdentifier="billing",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword="not-a-secret",
        EnableCloudwatchLogsExports=["error"],
    )

    rds.modify_db_cluster(
        DBClusterIdentifier="billing",
        CloudwatchLogsExportConfiguration={"EnableLogTypes": ["audit", "slowquery"], "DisableLogTypes": ["error"]},
    )

    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier="billing")["DBClusters"]
    assert cluster["EnabledCloudwatchLogsExports"] == ["audit", "slowquery"]


def test_a_failed_subscription_is_retried_and_then_kept_in_the_failure_bucket(emulator: Emulator) -> None:
    failures = _bucket(emulator)
    role = _role(
        emulator, _allow("s3:PutObject", f"arn:aws:s3:::{failures}/*"), principal={"Service": "lambda.amazonaws.com"}
    )
    functions = emulator.client("lambda", ACCOUNT, region=REGION)
    function = functions.create_function(
        FunctionName="failing",
        Runtime="python3.13",
        Handler="failing.handler",
        Role=role,
        Code={"ZipFile": _zip("failing.py", "def handler(event, context):\n    raise RuntimeError(event)\n")},
    )["FunctionArn"]
    functions.put_function_event_invoke_config(
        FunctionName="failing",
        Qualifier="$LATEST",
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{failures}"}},
    )
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    logs.create_log_group(logGroupName="/aws/lambda/failing")
    logs.create_log_group(logGroupName="subscribed")
    logs.create_log_stream(logGroupName="subscribed", logStreamName="s")
    logs.put_subscription_filter(logGroupName="subscribed", filterName="all", filterPattern="", destinationArn=function)

    logs.put_log_events(logGroupName="subscribed", logStreamName="s", logEvents=[_event("a line")])

    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    _until(lambda: s3.list_objects_v2(Bucket=failures)["KeyCount"] == 1)
    (kept,) = s3.list_objects_v2(Bucket=failures)["Contents"]
    record = json.loads(s3.get_object(Bucket=failures, Key=kept["Key"])["Body"].read())
    payload = json.loads(gzip.decompress(base64.b64decode(record["requestPayload"]["awslogs"]["data"])))
    assert kept["Key"].startswith("aws/lambda/async/failing/")
    assert [event["message"] for event in payload["logEvents"]] == ["a line"]
    tries = logs.filter_log_events(logGroupName="/aws/lambda/failing", filterPattern="START")["events"]
    assert len(tries) == 3

    # Who sends the same event himself hears what came of it.
    answer = functions.invoke(FunctionName="failing", Payload=json.dumps(record["requestPayload"]))
    assert answer["FunctionError"] == "Unhandled"


def test_a_function_makes_no_log_group(emulator: Emulator) -> None:
    role = _role(emulator, _allow("logs:PutLogEvents", "*"), principal={"Service": "lambda.amazonaws.com"})
    functions = emulator.client("lambda", ACCOUNT, region=REGION)
    functions.create_function(
        FunctionName="talking",
        Runtime="python3.13",
        Handler="talking.handler",
        Role=role,
        Code={"ZipFile": _zip("talking.py", "def handler(event, context):\n    print('here')\n")},
    )

    functions.invoke(FunctionName="talking")

    logs = emulator.client("logs", ACCOUNT, region=REGION)
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/talking")["logGroups"] == []
    logs.create_log_group(logGroupName="/aws/lambda/talking")
    functions.invoke(FunctionName="talking")
    (line,) = logs.filter_log_events(logGroupName="/aws/lambda/talking", filterPattern="here")["events"]
    assert line["message"] == "here"


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _allow(action: str | list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _trusting(queue: str, rule: str) -> dict[str, Any]:
    grant = {**_allow("sqs:SendMessage", queue), "Principal": {"Service": "events.amazonaws.com"}}
    return {**grant, "Condition": {"ArnLike": {"aws:SourceArn": rule}}}


def _trust(account_id: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"}, "Action": "sts:AssumeRole"}


def _delegation() -> dict[str, Any]:
    return {**_allow("kms:*", "*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}


def _name() -> str:
    return f"made-{next(_numbers)}"


def _role(
    emulator: Emulator,
    *statements: dict[str, Any],
    session_seconds: int = 3600,
    principal: dict[str, str] | None = None,
) -> str:
    iam, name = emulator.client("iam", ACCOUNT, region=REGION), _name()
    trust = _trust(VENDOR) if principal is None else {**_trust(VENDOR), "Principal": principal}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust), MaxSessionDuration=session_seconds)
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_document(*statements))
    return str(role["Role"]["Arn"])


def _assume(emulator: Emulator, role: str, *, caller: Any = VENDOR, seconds: int = 900) -> Any:
    sts = emulator.client("sts", caller, region=REGION)
    return sts.assume_role(RoleArn=role, RoleSessionName="export", DurationSeconds=seconds)["Credentials"]


def _key(emulator: Emulator, *statements: dict[str, Any]) -> str:
    kms = emulator.client("kms", ACCOUNT, region=REGION)
    unrelated = {**_allow("kms:DescribeKey", "*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    created = kms.create_key(Policy=_document(unrelated, *statements), BypassPolicyLockoutSafetyCheck=True)
    return str(created["KeyMetadata"]["Arn"])


def _key_of_log_group(emulator: Emulator, log_group: str) -> str:
    context = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{log_group}"
    return _key(
        emulator,
        _delegation(),
        {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": context}},
        },
    )


def _bucket(emulator: Emulator) -> str:
    name = _name()
    emulator.client("s3", ACCOUNT, region=REGION).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return name


def _encrypted_bucket(emulator: Emulator, key: str) -> str:
    name = _bucket(emulator)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    emulator.client("s3", ACCOUNT, region=REGION).put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    return name


def _log_group(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, **properties}}


def _deploy(emulator: Emulator, name: str, resources: dict[str, Any]) -> str:
    cloudformation = emulator.client("cloudformation", ACCOUNT, region=REGION)
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), OnFailure="DO_NOTHING"
    )
    _until(lambda: not _status(cloudformation, name).endswith("_IN_PROGRESS"))
    return _status(cloudformation, name)


def _status(cloudformation: Any, name: str) -> str:
    return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


def _queue_of_created_objects(emulator: Emulator, bucket: str) -> str:
    sqs, events = (emulator.client(service, ACCOUNT, region=REGION) for service in ("sqs", "events"))
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{bucket}"
    grant = {**_allow("sqs:SendMessage", arn), "Principal": {"Service": "events.amazonaws.com"}}
    url = sqs.create_queue(QueueName=bucket, Attributes={"Policy": _document(grant)})["QueueUrl"]
    emulator.client("s3", ACCOUNT, region=REGION).put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "queue", "Arn": arn}])
    return str(url)


def _receive(emulator: Emulator, queue: str) -> Any:
    sqs = emulator.client("sqs", ACCOUNT, region=REGION)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    return json.loads(message["Body"])


def _event(message: str) -> dict[str, Any]:
    return {"timestamp": int(time.time() * 1000), "message": message}


def _zip(name: str, content: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(name, content)
    return archive.getvalue()


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)
