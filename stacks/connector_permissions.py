"""What the connector's role may do, per operation: exactly the calls that the operation makes, on what it acts on."""

from __future__ import annotations

from collections.abc import Sequence

from constructs_lib.statements import Statement, endpoint, logs_principal, statement
from logdock.settings.connect import Connect
from logdock.settings.exports import AuroraMysqlExport, RdsExport
from logdock.settings.names import Names


def _allow(sid: str, actions: list[str], resources: list[str], **conditions: dict[str, str]) -> Statement:
    return statement(sid, actions, resources, conditions)


def remember(names: Names, *parameter_names: str, lists: bool = False) -> Statement:
    """Keep what was before in parameters, to put it back when the stack goes.

    Each object has a parameter under the operation's own; earlier releases kept all of them in that one.
    """
    arns = [names.parameter_arn(name, names.region) for name in parameter_names]
    return _allow(
        "RememberBefore",
        [
            "ssm:GetParameter",
            *(["ssm:GetParametersByPath"] if lists else []),
            "ssm:PutParameter",
            "ssm:DeleteParameter",
        ],
        [form for arn in arns for form in (arn, f"{arn}/*")],
    )


def find_owners(names: Names, operation: str) -> list[Statement]:
    """Read what the deployment's other exports remember by an operation: which of them has configured an object."""
    exports = names.parameter_arn(names.parameter_path.rstrip("/"), names.region)
    others = names.parameter_arn(f"/logdock/{names.deployment}/*/{operation}", names.region)
    return [
        _allow("ListExports", ["ssm:GetParametersByPath"], [exports]),
        _allow("ReadWhatOthersRemember", ["ssm:GetParameter"], [others, f"{others}/*"]),
    ]


def read_state(names: Names, parameter_name: str) -> Statement:
    """Read what another operation remembers, and change nothing of it."""
    arn = names.parameter_arn(parameter_name, names.region)
    return _allow("ReadState", ["ssm:GetParameter"], [arn, f"{arn}/*"])


def credential(names: Names, connect: Connect) -> list[Statement]:
    """Read the credential of a vendor's API; the rest is the vendor's to grant."""
    secret = names.secret_arn(connect.secret)
    statements = [_allow("ReadCredential", ["secretsmanager:GetSecretValue"], [secret])]
    if connect.secret_key_arn:
        region = connect.secret_key_arn.split(":")[3]
        statements.append(
            statement(
                "DecryptCredential",
                ["kms:Decrypt"],
                [connect.secret_key_arn],
                {
                    "StringEquals": {"kms:ViaService": endpoint("secretsmanager", region)},
                    "StringLike": {"kms:EncryptionContext:SecretARN": secret},
                },
            )
        )
    return statements


def database_logs(
    names: Names, export: AuroraMysqlExport | RdsExport, own_group: str, state: str, role_arn: str | None
) -> list[Statement]:
    """Configure one database, its parameter group, and the group made for it when it has a default one.

    The resource types of each action: Service Authorization Reference, "Actions, resources, and condition keys for
    Amazon RDS". What describes parameters, groups and databases is authorised on them, too.
    """
    rds = f"arn:{names.partition}:rds:{names.region}:{names.account}"
    kind, group_kind, verb = ("cluster", "cluster-pg", "DBCluster") if export.is_cluster else ("db", "pg", "DB")
    database, group = f"{rds}:{kind}:{export.database_id}", f"{rds}:{group_kind}:{own_group}"
    groups = [group, *([f"{rds}:{group_kind}:{export.parameter_group}"] if export.parameter_group else [])]
    modify = "rds:ModifyDBCluster" if export.is_cluster else "rds:ModifyDBInstance"
    describe = "rds:DescribeDBClusters" if export.is_cluster else "rds:DescribeDBInstances"
    default = f"{rds}:{group_kind}:default.{export.engine_name}*"
    statements = [
        _allow("ConfigureCluster" if export.is_cluster else "ConfigureInstance", [describe, modify], [database]),
        # RDS authorises attaching a group on the group, too: ours now, the default one when it is put back. An instance
        # is required beside its group.
        _allow("AttachGroup", [modify], [*([] if export.is_cluster else [database]), group, default]),
        _allow(
            "MakeGroup",
            [
                f"rds:Create{verb}ParameterGroup",
                f"rds:Delete{verb}ParameterGroup",
                f"rds:Describe{verb}ParameterGroups",
            ],
            [group],
        ),
        _allow(
            "SetParameters",
            [
                f"rds:Describe{verb}Parameters",
                f"rds:Modify{verb}ParameterGroup",
                f"rds:Reset{verb}ParameterGroup",
            ],
            groups,
        ),
        remember(names, state),
        *find_owners(names, "aurora-audit" if isinstance(export, AuroraMysqlExport) else "rds-logs"),
    ]
    if role_arn:
        statements += [
            _allow("AssociateRole", ["rds:AddRoleToDBCluster", "rds:RemoveRoleFromDBCluster"], [database]),
            _allow("PassRole", ["iam:PassRole"], [role_arn], StringEquals={"iam:PassedToService": "rds.amazonaws.com"}),
        ]
    return statements


def describe_log_groups(names: Names, region: str) -> Statement:
    """Describe log groups; AWS authorises this on the account's log groups as a whole, whatever name is asked for."""
    return _allow("FindLogGroups", ["logs:DescribeLogGroups"], [names.log_group_arn("*", region)])


def log_group(
    names: Names, region: str, log_groups: Sequence[str], *, retention: bool, key: bool, protect: bool
) -> list[Statement]:
    """Create or adopt log groups by name."""
    actions = ["logs:CreateLogGroup"]
    actions += ["logs:PutRetentionPolicy"] if retention else []
    actions += ["logs:AssociateKmsKey"] if key else []
    actions += ["logs:PutLogGroupDeletionProtection"] if protect else []
    arns = [names.log_group_arn(name, region) for name in log_groups]
    # AWS matches log group actions on the name with a tail or without one.
    both = [form for arn in arns for form in (arn, f"{arn}:*")]
    return [_allow("AdoptLogGroups", actions, both), describe_log_groups(names, region)]


def log_group_subscriptions(
    names: Names, prefixes: Sequence[str], state: str, *, role_arn: str | None, retention: bool, key: bool
) -> list[Statement]:
    """Subscribe log groups by prefix, but never the shipper's own; to a stream by handing CloudWatch Logs its role."""
    actions = ["logs:DescribeSubscriptionFilters", "logs:PutSubscriptionFilter", "logs:DeleteSubscriptionFilter"]
    actions += ["logs:PutRetentionPolicy"] if retention else []
    actions += ["logs:AssociateKmsKey"] if key else []
    own = names.log_group_arn(f"/aws/lambda/{names.deployment}-*", names.region)
    by_role = {"StringEquals": {"iam:PassedToService": logs_principal(names.region)}}
    return [
        _allow("SubscribeLogGroups", actions, [names.log_group_arn(f"{prefix}*", names.region) for prefix in prefixes]),
        statement("NeverOwnLogs", ["logs:PutSubscriptionFilter"], [own], effect="Deny"),
        describe_log_groups(names, names.region),
        remember(names, state),
        *([_allow("PassSubscriptionRole", ["iam:PassRole"], [role_arn], **by_role)] if role_arn else []),
    ]


def bucket_events(names: Names, bucket_name: str, state: str) -> list[Statement]:
    """Switch EventBridge notifications of one existing bucket on, and off again when no other export needs them."""
    return [
        _allow(
            "AnnounceObjects",
            ["s3:GetBucketNotification", "s3:PutBucketNotification"],
            [names.bucket_arn(bucket_name)],
            StringEquals={"aws:ResourceAccount": names.account},
        ),
        remember(names, state),
        *find_owners(names, "bucket-events"),
    ]
