"""The role of people who search: `logdock logs`, `logdock status`, and Athena where SQL is on.

It may do what docs/logdock.md and docs/sql.md list for these, and nothing else. What a landing bucket and its key allow
it is in the export's stack (`read_landing`), because the bucket and the key are. What it needs for a bucket that exists
is part of the role.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam

from constructs_lib import statements
from constructs_lib.customer_key import CustomerKey
from constructs_lib.landing_bucket import LandingBucket
from logdock.settings import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.exports import Export
from logdock.settings.names import Names
from logdock.settings.sql import ARCHIVE_TABLE, COLUMNS_TABLE
from logdock.vendors.aptible.settings import AptibleExport
from logdock.vendors.s3_logs.settings import S3LogsExport
from stacks.sql import COLUMNS_INDEX_PREFIX, COLUMNS_PREFIX, RESULTS_PREFIX


def readers_role(
    stack: Stack, *, settings: Deployment, names: Names, regions: Sequence[str], archive_key_arn: str
) -> None:
    """Add the role, which the principals of the settings may assume.

    A user must have signed in with MFA. The session of a role does not say whether its person had (IAM User Guide,
    "AWS global condition context keys", `aws:MultiFactorAuthPresent`): its identity provider asks for that.
    """
    permissions = [
        *_search(settings, names, archive_key_arn),
        *_status(settings, names, regions),
        *(_query(settings, names, archive_key_arn) if settings.sql else ()),
    ]
    role = iam.CfnRole(
        stack,
        "ReadersRole",
        role_name=names.readers,
        description="Logdock: people who search what landed",
        # the least that a role may have
        max_session_duration=3600,
        assume_role_policy_document=iam.PolicyDocument(statements=[*_trust(settings.readers)]),
        policies=[
            iam.CfnRole.PolicyProperty(policy_name=name, policy_document=iam.PolicyDocument(statements=allowed))
            for name, allowed in {"Readers": permissions, **_existing_landings(settings, names)}.items()
        ],
    )
    CfnOutput(stack, "ReadersRoleArn", value=role.attr_arn, description="The role of people who search")


def reads_landing(settings: Deployment, export: Export) -> bool:
    """Say whether readers may read what the vendor left: only where the archive does not have it, redacted."""
    return bool(settings.readers) and ARCHIVE not in export.ship_to


def read_landing(landing: LandingBucket, key: CustomerKey | None, prefix: str, names: Names) -> None:
    """Let readers list and read a landing bucket's objects, by the policies of the bucket and its key."""
    role_arn = names.role_arn(names.readers)
    for statement in _read_objects(landing.arn, prefix):
        statement.add_arn_principal(role_arn)
        landing.allow(statement)
    if key:
        key.allow(statements.use_key_for_objects(["kms:Decrypt"], landing.arn, role_arn, names.region))


def existing_landing_policy(export: str) -> str:
    """Return the name of the policy by which a role reads an export's existing bucket.

    Release 0.1.0 had it under the export's own name in the export's stack, which deletes it after the core is deployed.
    """
    return f"Existing-{export}"


def _existing_landings(settings: Deployment, names: Names) -> dict[str, list[iam.PolicyStatement]]:
    """Return what readers need for buckets whose policies are not Logdock's, by the name of the policy."""
    policies: dict[str, list[iam.PolicyStatement]] = {}
    for export in settings.exports:
        if isinstance(export, S3LogsExport) and export.existing_bucket and reads_landing(settings, export):
            prefix = export.landing(settings).prefix
            allowed = [*_read_objects(names.bucket_arn(export.existing_bucket), prefix)]
            if export.kms_key_arn:
                allowed.append(_use_key("DecryptLanding", export.kms_key_arn, names))
            policies[existing_landing_policy(export.name)] = allowed
    return policies


def _trust(principals: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    users = [arn for arn in principals if ":user/" in arn]
    roles = [arn for arn in principals if arn not in users]
    for sid, named, conditions in (
        ("Roles", roles, {}),
        ("UsersWithMfa", users, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    ):
        if named:
            yield iam.PolicyStatement(
                sid=sid,
                principals=[iam.ArnPrincipal(arn) for arn in named],
                actions=["sts:AssumeRole"],
                conditions=conditions,
            )


def _search(settings: Deployment, names: Names, archive_key_arn: str) -> Iterator[iam.PolicyStatement]:
    archive = names.bucket_arn(names.bucket("archive"))
    yield from _read_objects(archive, "logs/", "Archive")
    if settings.archive.compact:
        yield _allow("ReadersReadIndexes", ["s3:GetObject"], [f"{archive}/archive-index/*"])
    if settings.is_columnar:
        yield from _read_objects(archive, COLUMNS_PREFIX, "Columns")
        yield from _read_objects(archive, COLUMNS_INDEX_PREFIX, "ColumnIndexes")
    yield _use_key("DecryptArchive", archive_key_arn, names)
    secrets = [
        export.decryption_keys_secret
        for export in settings.exports
        if isinstance(export, AptibleExport) and export.decryption_keys_secret and reads_landing(settings, export)
    ]
    if secrets:
        arns = [names.secret_arn(secret) for secret in dict.fromkeys(secrets)]
        yield _allow("ReadDecryptionKeys", ["secretsmanager:GetSecretValue"], arns)


def _status(settings: Deployment, names: Names, regions: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    failures = [names.bucket_arn(names.bucket("failed", region)) for region in regions]
    yield _allow("ListFailures", ["s3:ListBucket"], failures)
    # Metrics are no resources (Service Authorization Reference), alarms are asked for by a prefix and stacks by a tag.
    actions = ["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "cloudformation:DescribeStacks"]
    yield _allow("ReadMetricsAndStacks", actions, ["*"])
    if settings.archive.compact:
        group = f"arn:{names.partition}:logs:{names.region}:{names.account}:log-group:/aws/lambda/{names.compactor}:*"
        yield _allow("ReadWaitingHours", ["logs:FilterLogEvents"], [group])
    queues = [names.queue(name, suffix) for name in settings.shippers for suffix in ("", "-dead")]
    if queues:
        here = f"arn:{names.partition}:sqs:{names.region}:{names.account}"
        yield _allow(
            "CountMessages", ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], [f"{here}:{queue}" for queue in queues]
        )


def _query(settings: Deployment, names: Names, archive_key_arn: str) -> Iterator[iam.PolicyStatement]:
    """Yield what docs/sql.md says that a query needs, for the archive."""
    archive, here = names.bucket_arn(names.bucket("archive")), f"{names.region}:{names.account}"
    glue = f"arn:{names.partition}:glue:{here}"
    tables = [ARCHIVE_TABLE, *([COLUMNS_TABLE] if settings.is_columnar else [])]
    yield _allow(
        "Query",
        [
            "athena:StartQueryExecution",
            "athena:GetQueryExecution",
            "athena:GetQueryResults",
            # Ctrl-C: a query that goes on is billed
            "athena:StopQueryExecution",
        ],
        [f"arn:{names.partition}:athena:{here}:workgroup/{names.sql_workgroup}"],
    )
    yield _allow(
        "ReadTables",
        ["glue:GetDatabase", "glue:GetTable", "glue:GetPartitions"],
        [
            f"{glue}:catalog",
            f"{glue}:database/{names.sql_database}",
            *(f"{glue}:table/{names.sql_database}/{table}" for table in tables),
        ],
    )
    yield statements.find_default_database(names.partition, names.region, names.account)
    yield _allow("LocateArchive", ["s3:GetBucketLocation"], [archive])
    yield _list(archive, RESULTS_PREFIX, "ListAnswers")
    yield _allow("KeepAnswers", ["s3:GetObject", "s3:PutObject"], [f"{archive}/{RESULTS_PREFIX}*"])
    yield _use_key("EncryptAnswers", archive_key_arn, names, "kms:GenerateDataKey")


def _read_objects(bucket_arn: str, prefix: str, what: str = "Landing") -> Iterator[iam.PolicyStatement]:
    yield _list(bucket_arn, prefix, f"ReadersList{what}")
    yield _allow(f"ReadersRead{what}", ["s3:GetObject"], [f"{bucket_arn}/{prefix}*"])


def _list(bucket_arn: str, prefix: str, sid: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        actions=["s3:ListBucket"],
        resources=[bucket_arn],
        conditions={"StringLike": {"s3:prefix": f"{prefix}*"}} if prefix else {},
    )


def _use_key(sid: str, key_arn: str, names: Names, action: str = "kms:Decrypt") -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid, actions=[action], resources=[key_arn], conditions=statements.via_s3(names.region)
    )


def _allow(sid: str, actions: list[str], resources: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=actions, resources=resources)
