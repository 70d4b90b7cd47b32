"""How a vendor gets into the customer's account: from its own account, through a role, with an external id."""

from __future__ import annotations

import contextlib
import datetime
import json
from typing import TYPE_CHECKING, Any

from local_cloud.stage import UNRELATED_ACCOUNT

if TYPE_CHECKING:
    from local_cloud.journal import Journal
    from local_cloud.stage import Stage

TWELVE_HOURS = 43200
CHAINED_SECONDS = 3600
"""A session that was started from another role's session lasts at most an hour (IAM User Guide, "Role chaining")."""

Credentials = dict[str, Any]
"""The ``Credentials`` of an AssumeRole answer, or an access key of a user."""

_EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def account_of(arn: str) -> str:
    """Return the account of an ARN."""
    return arn.split(":")[4]


def vendor_identity(stage: Stage, principal_arn: str) -> Credentials:
    """Become the principal that a vendor uses, in the vendor's own account.

    A role or user that does not exist yet is made there and may do everything, as far as its own account is concerned:
    what the customer's account then refuses, the customer's policies refused. Where the whole account is named, the
    vendor comes as a user of it: AWS lets no root assume a role, and a role's session could not assume another for 12
    hours.

    Parameters
    ----------
    principal_arn
        The root, a role or a user of the vendor's account.
    """
    account, name = account_of(principal_arn), principal_arn.rpartition("/")[2]
    if ":role/" in principal_arn:
        return role_session(stage, account, name)
    return user(stage, account, name if ":user/" in principal_arn else "log-export")


def user(stage: Stage, account: str, name: str) -> Credentials:
    """Make a user in an account, unless it is there, who may do everything; return a new access key of it."""
    iam = stage.client("iam", account)
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=_EVERYTHING)
    credentials: Credentials = iam.create_access_key(UserName=name)["AccessKey"]
    return credentials


def unrelated_user(stage: Stage) -> Credentials:
    """Return a user of an AWS account that is unrelated to the deployment and its vendors."""
    return user(stage, UNRELATED_ACCOUNT, "unrelated")


def administrator(stage: Stage) -> Credentials:
    """Return a session of a role of the customer's own account that may do everything there."""
    return role_session(stage, stage.owner, "administrator")


def ids_of_others(stage: Stage, own: tuple[str, ...]) -> list[str]:
    """Return the external ids of the deployment's other roles: one that is known must not open another's door."""
    known: list[str] = []
    for party in (*stage.settings.exports, *stage.settings.destinations):
        for member in getattr(party, "members", (party,)):
            known += stage.external_ids(member)
    return [external_id for external_id in known if external_id not in own]


def role_session(
    stage: Stage, account: str, role_name: str, *, policy: str = _EVERYTHING, service: str | None = None
) -> Credentials:
    """Make a role in an account, unless it is there, and start a session of it for an hour.

    Parameters
    ----------
    role_name
        Its name, without a path.
    service
        An AWS service that may also assume it, in addition to its own account.
    """
    iam = stage.client("iam", account)
    principal = {"AWS": f"arn:aws:iam::{account}:root", **({"Service": service} if service else {})}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    try:
        role = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=document)["Role"]
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName=role_name)["Role"]
    iam.put_role_policy(RoleName=role_name, PolicyName="permissions", PolicyDocument=policy)
    # Root may, in this cloud, so no other principal has to be created first.
    sts = stage.client("sts", account)
    credentials: Credentials = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="operator")["Credentials"]
    return credentials


def assume(
    stage: Stage, identity: Credentials, role_arn: str, external_id: str | None = None, **request: Any
) -> Credentials:
    """Assume a role; ``seconds`` is how long for, everything else goes into the request as it is."""
    request["DurationSeconds"] = request.pop("seconds", CHAINED_SECONDS)
    if external_id is not None:
        request["ExternalId"] = external_id
    sts = stage.client("sts", identity)
    credentials: Credentials = sts.assume_role(RoleArn=role_arn, RoleSessionName="log-export", **request)["Credentials"]
    return credentials


def enter(
    stage: Stage, journal: Journal, identity: Credentials, role_arn: str, external_id: str, seconds: int
) -> Credentials:
    """Assume the export's role for as long as it allows, and check how long the session really is."""
    seconds = CHAINED_SECONDS if "SessionToken" in identity else seconds
    started = datetime.datetime.now(datetime.UTC)
    credentials = assume(stage, identity, role_arn, external_id, seconds=seconds)
    journal.session_seconds = round((credentials["Expiration"] - started).total_seconds())
    journal.check(
        f"assumed the role with its external id for {seconds / 3600:g} h", abs(journal.session_seconds - seconds) < 60
    )
    return credentials


def try_the_door(
    stage: Stage,
    journal: Journal,
    identity: Credentials,
    *,
    principal_arn: str,
    role_arn: str,
    external_id: str,
    other_ids: list[str],
) -> None:
    """Try to assume an export's role in every way that must not work."""
    vendor = account_of(principal_arn)

    def door(who: Credentials, with_id: str | None, **request: Any) -> Any:
        return lambda: assume(stage, who, role_arn, with_id, **request)

    journal.attempt_all(
        [
            ("assume the role with a wrong external id", door(identity, f"{external_id}x")),
            ("assume the role without an external id", door(identity, None)),
            (
                "assume the role from another account that knows the external id",
                door(unrelated_user(stage), external_id),
            ),
            (
                "assume the role from inside the customer's own account, as its administrator",
                door(administrator(stage), external_id),
            ),
            ("assume the role with session tags", door(identity, external_id, Tags=[{"Key": "team", "Value": "x"}])),
            *(
                ("assume the role with the external id of another export", door(identity, other))
                for other in other_ids[:1]
            ),
        ]
    )
    if not principal_arn.endswith(":root"):
        other = role_session(stage, vendor, "another-service-of-the-vendor")
        journal.attempt("assume the role from another role of the vendor's account", door(other, external_id))
    journal.attempt(
        "assume the role for longer than 12 hours",
        door(identity, external_id, seconds=TWELVE_HOURS + 1),
        denials=("ValidationError",),
    )
