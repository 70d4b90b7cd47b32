"""Policy statements as small pure functions, so that each can be read, reviewed and tested without a stack.

Sources: Amazon S3 User Guide ("Using server-side encryption", "Bucket policy examples"), CloudWatch Logs User Guide
("Encrypt log data using AWS KMS"), AWS KMS Developer Guide ("Condition keys for AWS KMS").
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

from aws_cdk import aws_iam as iam

_SSE = "s3:x-amz-server-side-encryption"
_SSE_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_SSE_C = "s3:x-amz-server-side-encryption-customer-algorithm"


Statement = Mapping[str, Any]
"""A statement of an identity policy as IAM writes it. The CDK makes one document of many in one call
(`document_of`), where each `PolicyStatement` is a call of its own."""


def statement(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, object] | None = None,
    *,
    effect: Literal["Allow", "Deny"] = "Allow",
) -> Statement:
    """Return a statement as `iam.PolicyStatement` renders it: a list of one is that one."""
    return {
        "Sid": sid,
        "Effect": effect,
        "Action": _one_or_many(actions),
        "Resource": _one_or_many(resources),
        **({"Condition": dict(conditions)} if conditions else {}),
    }


def _one_or_many(values: Sequence[str]) -> str | list[str]:
    each_once = list(dict.fromkeys(values))
    return each_once[0] if len(each_once) == 1 else each_once


def document_of(statements: Sequence[Statement]) -> iam.PolicyDocument:
    """Make the document of an identity policy."""
    return iam.PolicyDocument.from_json({"Version": "2012-10-17", "Statement": list(statements)})


def rendered_document(statements: Sequence[Statement]) -> dict[str, object]:
    """Return the document of an identity policy for a resource that takes JSON.

    In the order in which `iam.PolicyDocument` writes it, which would be one more call of the CDK.
    """
    ordered = [
        {key: sorted(value) if isinstance(value, list) else value for key, value in sorted(each.items())}
        for each in statements
    ]
    return {"Statement": ordered, "Version": "2012-10-17"}


def endpoint(service: str, region: str) -> str:
    """Return the name of a service in a Region as ``kms:ViaService`` has it: in China it ends in ``.com.cn``.

    Sources: AWS KMS Developer Guide, "kms:ViaService"; Amazon Web Services in China, "Endpoints and ARNs".
    """
    return f"{service}.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def logs_principal(region: str, *, regional: bool = False) -> str:
    """Return CloudWatch Logs as a service principal.

    In China it is regional and ends in ``.com.cn`` everywhere, as its pages there have it; Lambda refuses the other
    forms (serverless/serverless#12087). The other services that deliver to us have one name in all partitions.
    """
    return endpoint("logs", region) if regional or region.startswith("cn-") else "logs.amazonaws.com"


@cache
def any_principal() -> iam.IPrincipal:
    """Return everyone; made once, because each object of the CDK is a call to another process."""
    return iam.AnyPrincipal()


@cache
def service_principal(name: str) -> iam.IPrincipal:
    """Return an AWS service as a principal."""
    return iam.ServicePrincipal(name)


@cache
def arn_principal(arn: str) -> iam.IPrincipal:
    """Return a role, a user or an account as a principal."""
    return iam.ArnPrincipal(arn)


def _deny_put(sid: str, bucket_arn: str, conditions: dict[str, object]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        principals=[any_principal()],
        # A replica is written by s3:ReplicateObject, with the same condition keys.
        actions=["s3:PutObject", "s3:ReplicateObject"],
        resources=[f"{bucket_arn}/*"],
        conditions=conditions,
    )


def encryption_denies(
    bucket_arn: str,
    key_arn: str | None,
    sse_s3_services: Sequence[str] = (),
    key_alias_arn: str | None = None,
    *,
    takes_sse_s3: bool = False,
) -> list[iam.PolicyStatement]:
    """Deny uploads that ask for any encryption but the bucket's own.

    An upload without a header gets the bucket's default and is allowed. Each header is tested for presence by `Null`
    first, because a negated operator is true when the key is absent, and in a statement of its own, because the
    conditions of one statement are ANDed.

    Parameters
    ----------
    bucket_arn
        The bucket.
    key_arn
        The one KMS key that uploads may name; None for a bucket that is encrypted with SSE-S3.
    sse_s3_services
        Service principals that may also ask for SSE-S3 in a bucket with a key.
    key_alias_arn
        The alias by which uploads may name the key as well, as a replication configuration of another Region does.
    takes_sse_s3
        The default is SSE-S3, and uploads may name either that or the key.
    """
    named = ["aws:kms", *(["AES256"] if takes_sse_s3 else [])] if key_arn else ["AES256"]
    # True when the key is absent, as it must be here: who is no service is denied.
    unless: dict[str, object] = (
        {"StringNotEqualsIfExists": {"aws:PrincipalServiceName": list(sse_s3_services)}} if sse_s3_services else {}
    )
    denies = [
        _deny_put("DenyCustomerProvidedKeys", bucket_arn, {"Null": {_SSE_C: "false"}}),
        _deny_put(
            "DenyOtherEncryption",
            bucket_arn,
            {"Null": {_SSE: "false"}, "StringNotEquals": {_SSE: named if takes_sse_s3 else named[0]}, **unless},
        ),
    ]
    if key_arn:
        keys = [key_arn, key_alias_arn] if key_alias_arn else key_arn
        denies += [
            _deny_put("DenyOtherKeys", bucket_arn, {"Null": {_SSE_KEY: "false"}, "StringNotEquals": {_SSE_KEY: keys}}),
            # aws:kms without a key id means the account's aws/s3 key, not the bucket's.
            _deny_put(
                "DenyAccountDefaultKey", bucket_arn, {"StringEquals": {_SSE: "aws:kms"}, "Null": {_SSE_KEY: "true"}}
            ),
        ]
    return denies


def admit_access_logs(bucket_arn: str, account: str) -> iam.PolicyStatement:
    """Let S3 write access logs of the buckets of this account (Amazon S3 User Guide, "Enabling access logging")."""
    return iam.PolicyStatement(
        sid="S3ServerAccessLogs",
        principals=[service_principal("logging.s3.amazonaws.com")],
        actions=["s3:PutObject"],
        resources=[f"{bucket_arn}/*"],
        conditions={"StringEquals": {"aws:SourceAccount": account}},
    )


def read_objects(bucket_arn: str, prefix: str, role_arn: str) -> iam.PolicyStatement:
    """Let a role read objects under a prefix, by the bucket's policy.

    Reading a version by its id is a permission of its own, and the shipper reads the version that its event names.
    """
    return iam.PolicyStatement(
        principals=[arn_principal(role_arn)],
        actions=["s3:GetObject", "s3:GetObjectVersion"],
        resources=[f"{bucket_arn}/{prefix}*"],
    )


@cache
def service_of_this_account(service: str, account: str, source_arn: str | None = None) -> iam.IPrincipal:
    """Return an AWS service as a role's principal, acting for this account alone, or for one resource of it.

    Lambda says for which account it assumes a function's role (the trust policy of aws/agent-toolkit-for-aws, skill
    "deploying-custom-domain-rest-api"), and EventBridge for which rule (EventBridge User Guide, "Cross-service confused
    deputy prevention in Amazon EventBridge").
    """
    conditions = {"StringEquals": {"aws:SourceAccount": account}}
    if source_arn:
        conditions["ArnEquals"] = {"aws:SourceArn": source_arn}
    return iam.PrincipalWithConditions(service_principal(service), conditions)


def via_s3(region: str) -> dict[str, dict[str, str]]:
    """Return the condition that a key is used through S3 of a Region alone."""
    return {"StringEquals": {"kms:ViaService": endpoint("s3", region)}}


def via_kinesis(stream_arn: str, region: str) -> dict[str, dict[str, str]]:
    """Return the condition that a key is used through Kinesis for the records of one stream alone."""
    context = {"kms:EncryptionContext:aws:kinesis:arn": stream_arn}
    return {"StringEquals": {"kms:ViaService": endpoint("kinesis", region), **context}}


def write_stream(stream_arn: str, key_arn: str, region: str) -> iam.PolicyDocument:
    """Let a role write to one stream, and have Kinesis encrypt what it writes."""
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(sid="PutEvents", actions=["kinesis:PutRecord"], resources=[stream_arn]),
            iam.PolicyStatement(
                sid="EncryptEvents",
                actions=["kms:GenerateDataKey"],
                resources=[key_arn],
                conditions=via_kinesis(stream_arn, region),
            ),
        ]
    )


def via_dynamodb(table_name: str, region: str) -> dict[str, dict[str, str]]:
    """Return the condition that a key is used through DynamoDB for one table alone.

    DynamoDB decrypts the table's key on behalf of who reads or writes an item (DynamoDB Developer Guide, "DynamoDB
    encryption at rest usage notes").
    """
    context = {"kms:EncryptionContext:aws:dynamodb:tableName": table_name}
    return {"StringEquals": {"kms:ViaService": endpoint("dynamodb", region), **context}}


def use_items(table_arn: str, prefix: str) -> iam.PolicyStatement:
    """Let a role read and update the items of a table whose keys begin so, and no others.

    The key is a list, and what is about every value of a list is also true of none; `Null` asks for one (IAM User
    Guide, "Set operators for multivalued context keys"; DynamoDB Developer Guide, "Using IAM policy conditions for
    fine-grained access control").
    """
    return iam.PolicyStatement(
        sid="KeepMarks",
        actions=["dynamodb:GetItem", "dynamodb:UpdateItem"],
        resources=[table_arn],
        conditions={
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{prefix}*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    )


def find_default_database(partition: str, region: str, account: str) -> iam.PolicyStatement:
    """Let a role's queries find Glue's database `default`, which Athena looks for whatever is queried, and makes.

    Mandatory for a role that may not do it to every database (Athena User Guide, "Configure access to databases and
    tables in the AWS Glue Data Catalog", "Access to the default database and catalog per AWS Region").
    """
    glue = f"arn:{partition}:glue:{region}:{account}"
    return iam.PolicyStatement(
        sid="FindDefaultDatabase",
        actions=["glue:GetDatabase", "glue:GetDatabases", "glue:CreateDatabase"],
        resources=[f"{glue}:catalog", f"{glue}:database/default"],
    )


def use_key_for_objects(actions: Sequence[str], bucket_arn: str, role_arn: str, region: str) -> iam.PolicyStatement:
    """Let a role use a key for the objects of one bucket, through S3 alone, by the key's policy.

    The encryption context is the bucket's ARN with a bucket key, and the object's without one.
    """
    return iam.PolicyStatement(
        principals=[arn_principal(role_arn)],
        actions=list(actions),
        resources=["*"],
        conditions={
            **via_s3(region),
            "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [bucket_arn, f"{bucket_arn}/*"]},
        },
    )


@cache
def decrypt_objects(role_arn: str, region: str) -> iam.PolicyStatement:
    """Let a role decrypt objects with an export's own key, through S3 alone, whichever of its buckets they are in.

    The key is for what lands for one export. Objects of a bucket that the export had before are under it too, and may
    still wait in a queue; the policy of that bucket, which is retained with it, says who reads them.
    """
    return iam.PolicyStatement(
        principals=[arn_principal(role_arn)], actions=["kms:Decrypt"], resources=["*"], conditions=via_s3(region)
    )


def encrypt_replicas(bucket_arn: str, role_arn: str, region: str) -> iam.PolicyStatement:
    """Let the role that S3 replicates as use the key of the bucket that it replicates into, by the key's policy.

    Decrypt is needed although nothing is read: with a bucket key, S3 verifies the key before it uses it (S3 User Guide,
    "Replicating encrypted objects", and "Reducing the cost of SSE-KMS with S3 Bucket Keys").
    """
    actions = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
    return use_key_for_objects(actions, bucket_arn, role_arn, region)


def encrypt_log_groups(
    log_group_arns: Sequence[str], region: str, *, sid: str = "CloudWatchLogs"
) -> iam.PolicyStatement:
    """Let CloudWatch Logs use a key for the named log groups: the statement that CDK's LogGroup does not add.

    Parameters
    ----------
    log_group_arns
        Exact log group ARNs, without the trailing ``:*``: that is what the service puts into the encryption context.
    region
        The Region of the log groups; the service principal carries it.
    sid
        The statement's id, where a key's policy has several of these.
    """
    return iam.PolicyStatement(
        sid=sid,
        principals=[service_principal(logs_principal(region, regional=True))],
        actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        resources=["*"],
        conditions={
            "ArnLike" if any("*" in arn for arn in log_group_arns) else "ArnEquals": {
                "kms:EncryptionContext:aws:logs:arn": list(log_group_arns)
            }
        },
    )
