"""What the connector's role may do, per operation: exactly the calls that the operation makes, on what it acts on."""

from collections.abc import Sequence

from constructs_lib.statements import Statement, endpoint, statement
from logdock.settings.connect import Connect
from logdock.settings.names import Names


def allow(sid: str, actions: list[str], resources: list[str], **conditions: dict[str, str]) -> Statement:
    """Return a statement that allows some actions."""
    return statement(sid, actions, resources, conditions)


def remember(names: Names, *parameter_names: str, lists: bool = False) -> Statement:
    """Keep what was before in parameters, to put it back when the stack goes.

    Each object has a parameter under the operation's own; earlier releases kept all of them in that one.
    """
    arns = [names.parameter_arn(name, names.region) for name in parameter_names]
    return allow(
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
        allow("ListExports", ["ssm:GetParametersByPath"], [exports]),
        allow("ReadWhatOthersRemember", ["ssm:GetParameter"], [others, f"{others}/*"]),
    ]


def read_state(names: Names, parameter_name: str) -> Statement:
    """Read what another operation remembers, and change nothing of it."""
    arn = names.parameter_arn(parameter_name, names.region)
    return allow("ReadState", ["ssm:GetParameter"], [arn, f"{arn}/*"])


def credential(names: Names, connect: Connect) -> list[Statement]:
    """Read the credential of a vendor's API; the rest is the vendor's to grant."""
    secret = names.secret_arn(connect.secret)
    statements = [allow("ReadCredential", ["secretsmanager:GetSecretValue"], [secret])]
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


def describe_log_groups(names: Names, region: str) -> Statement:
    """Describe log groups; AWS authorises this on the account's log groups as a whole, whatever name is asked for."""
    return allow("FindLogGroups", ["logs:DescribeLogGroups"], [names.log_group_arn("*", region)])


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
    return [allow("AdoptLogGroups", actions, both), describe_log_groups(names, region)]
