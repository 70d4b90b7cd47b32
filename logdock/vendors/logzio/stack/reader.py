"""Logz.io's S3 fetcher: the role by which it reads its feed; with ``connect``, also what Logz.io has of it.

With ``connect`` the order is: the account at Logz.io, which says whom to trust; our role; the fetchers. A destroy goes
back the same way. Source: docs.logz.io, "AWS S3 Bucket" (S3 Fetcher).
"""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import CfnOutput, CustomResource, Fn, Stack
from aws_cdk import aws_iam as iam

from constructs_lib import statements
from constructs_lib.connector import Connector, ConnectorProps
from constructs_lib.export_role import ExportRole, ExportRoleProps
from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.vendors.logzio.archive import LogzioArchive
from logdock.vendors.logzio.documents import logzio_archive, logzio_fetchers
from logdock.vendors.logzio.next_steps import archive_steps, fetch_steps
from logdock.vendors.logzio.settings import LogzioConnect, LogzioDestination
from stacks.connection import connection, properties_of
from stacks.connector_permissions import credential, remember


def logzio_reader(
    stack: Stack,
    destination: LogzioDestination,
    *,
    settings: Deployment,
    names: Names,
    log_key_arn: str,
    connector_source: Path,
) -> None:
    """Add the role that a fetching destination's reader assumes, and with ``connect`` the fetchers.

    Parameters
    ----------
    stack
        The shipper's.
    log_key_arn
        Key of the functions' log groups.
    connector_source
        The asset root of the connector's code.
    """
    connect, name = destination.connect, destination.name
    connector = account = None
    if connect:
        connector = _connector(stack, name, connect, names, log_key_arn, connector_source)
        permissions = [credential(names, connect), [remember(names, _state(names, name), lists=True)]]
        account = connector.apply(
            "Account",
            "logzio-account",
            {**_account(destination, connect, names), "RoleName": names.export(name)},
            permissions=permissions,
        )
    account_id = account.get_att_string("AccountId") if account else destination.account_id
    role = ExportRole(
        stack,
        f"Reader-{name}",
        ExportRoleProps(
            role_name=names.export(name),
            description="Logdock: Logz.io reads the feed made for it",
            principal_arn=f"arn:{names.partition}:iam::{account_id}:root",
            external_ids=_external_ids(account) if account else destination.external_id or (),
            session_seconds=destination.session_seconds,
            permissions=reader_permissions(names, name, whole_bucket=destination.permissions == "vendor-documented"),
        ),
    )
    wanted = logzio_fetchers(destination, settings, names, role_arn=role.arn)
    suffix = name.title().replace("-", "")
    CfnOutput(stack, f"{suffix}RoleArn", value=role.arn, description="Role ARN, as Logz.io's form asks for it")
    if connector and account and connect:
        properties = {**_account(destination, connect, names), **properties_of(wanted)}
        answered = {one: account.get_att_string(one) for one in ("LogzioAccount", "ExternalIds")}
        fetchers = connector.apply(
            "Fetchers",
            "logzio-fetchers",
            {**properties, **answered},
            permissions=permissions,
            # What Logz.io answers is read from what is remembered of that operation: the role waits for it.
            configuration={
                **properties,
                "RoleArn": names.role_arn(names.export(name)),
                "Account": connector.configuration_of("Account"),
            },
        )
        steps, about = fetchers.get_att_string("NextSteps"), "What is left to do"
    else:
        steps = fetch_steps(destination, wanted)
        about = "What to enter at Logz.io"
    CfnOutput(stack, f"{suffix}NextSteps", value=steps, description=about)
    if archive := destination.archive_and_restore:
        writer = ExportRole(
            stack,
            f"Archive-{name}",
            ExportRoleProps(
                role_name=names.archive_and_restore(name),
                description="Logdock: Logz.io archives and restores the account's logs",
                principal_arn=f"arn:{names.partition}:iam::{account_id}:root",
                external_ids=_external_ids(account) if account else destination.external_id or (),
                session_seconds=destination.session_seconds,
                permissions=archive_permissions(names, archive),
            ),
        )
        archiving = logzio_archive(archive, role_arn=writer.arn)
        CfnOutput(stack, f"{suffix}ArchiveRoleArn", value=writer.arn, description="Role of Logz.io's Archive & Restore")
        if connector and account and connect:
            properties = {**_account(destination, connect, names), **properties_of(archiving)}
            connector.apply(
                "Archive",
                "logzio-archive",
                {**properties, **answered},
                permissions=permissions,
                configuration={
                    **properties,
                    "RoleArn": names.role_arn(names.archive_and_restore(name)),
                    "Account": connector.configuration_of("Account"),
                },
            )
        else:
            CfnOutput(
                stack,
                f"{suffix}ArchiveNextSteps",
                value=archive_steps(destination, archiving),
                description="How to start archiving at Logz.io",
            )


def _connector(
    stack: Stack, name: str, connect: LogzioConnect, names: Names, log_key_arn: str, source: Path
) -> Connector:
    return Connector(
        stack,
        f"Connector-{name}",
        ConnectorProps(
            function_name=f"{names.export(name)}-connector",
            source=source,
            configuration_path=f"/logdock/{names.deployment}/{name}/connector/",
            log_key_arn=log_key_arn,
            partition=names.partition,
            region=names.region,
            account=names.account,
            is_polled=True,
            subnet_ids=connect.vpc.subnet_ids if connect.vpc else (),
            security_group_ids=connect.vpc.security_group_ids if connect.vpc else (),
        ),
    )


def _state(names: Names, name: str) -> str:
    return f"/logdock/{names.deployment}/{name}/logzio"


def _account(destination: LogzioDestination, connect: LogzioConnect, names: Names) -> dict[str, object]:
    """Return the properties of both operations on the account."""
    return {
        **connection(connect),
        "ApiBaseUrl": destination.api_url,
        "StateParameter": _state(names, destination.name),
        **({"FormerExternalIds": list(destination.external_id)} if destination.external_id else {}),
    }


def _external_ids(account: CustomResource) -> tuple[str, ...]:
    """Return the ids as a list that is as long as the deploy finds it: one, or more while they are rotated."""
    return tuple(Fn.split("|", account.get_att_string("ExternalIds")))


def archive_permissions(names: Names, archive: LogzioArchive) -> Sequence[iam.PolicyStatement]:
    """Return what Archive & Restore may do with its bucket: the four actions of Logz.io's page, and with the key.

    Source: docs.logz.io, "AWS S3 Bucket Permissions & Storage Class Required for Archiving".
    """
    bucket_arn = names.bucket_arn(archive.bucket)
    permissions = [
        iam.PolicyStatement(
            sid="FindArchive", actions=["s3:GetBucketLocation", "s3:ListBucket"], resources=[bucket_arn]
        ),
        iam.PolicyStatement(
            sid="WriteAndRestore", actions=["s3:GetObject", "s3:PutObject"], resources=[f"{bucket_arn}/*"]
        ),
    ]
    if archive.kms_key_arn:
        permissions.append(
            iam.PolicyStatement(
                sid="UseArchiveKey",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[archive.kms_key_arn],
                conditions=statements.via_s3(names.region),
            )
        )
    return permissions


def reader_permissions(names: Names, name: str, *, whole_bucket: bool) -> Sequence[iam.PolicyStatement]:
    """Return what Logz.io's reader may do: with `whole_bucket` also list what is not of its feed, but never read it."""
    bucket_arn, prefix = names.bucket_arn(names.bucket("archive")), f"feed/{name}/"
    return [
        iam.PolicyStatement(
            sid="ListFeed",
            actions=["s3:ListBucket"],
            resources=[bucket_arn],
            conditions={} if whole_bucket else {"StringLike": {"s3:prefix": [prefix, f"{prefix}*"]}},
        ),
        iam.PolicyStatement(sid="FindBucket", actions=["s3:GetBucketLocation"], resources=[bucket_arn]),
        iam.PolicyStatement(sid="ReadFeed", actions=["s3:GetObject"], resources=[f"{bucket_arn}/{prefix}*"]),
        iam.PolicyStatement(
            sid="DecryptFeed",
            actions=["kms:Decrypt"],
            resources=[Fn.import_value(names.archive_key_export)],
            conditions=statements.via_s3(names.region),
        ),
    ]
