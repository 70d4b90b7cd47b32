"""A role that a principal of another account assumes: one principal, its external ids, a session, what it may do."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Token
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.durations import seconds

MINIMUM_SESSION_SECONDS = 3600
MAXIMUM_SESSION_SECONDS = 43200


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRoleProps:
    """Who may assume a role, and what it may do.

    Attributes
    ----------
    role_name
        Its name.
    description
        Who assumes it, for the person who finds it in the console.
    principal_arn
        The one principal that may assume it.
    external_ids
        The external ids that are accepted: one, or [old, new] while it is rotated; or as many as the deploy finds out.
    session_seconds
        The longest session, 3600 to 43200 s. A caller that itself runs on role credentials gets 3600 s at most (role
        chaining, IAM User Guide), whatever this says.
    permissions
        The statements of its one policy, or the document: explicit actions and resources.
    """

    role_name: str
    description: str
    principal_arn: str
    external_ids: tuple[str, ...]
    session_seconds: int
    permissions: Sequence[iam.PolicyStatement] | iam.PolicyDocument

    def __post_init__(self) -> None:
        if not self.external_ids:
            raise ValueError(f"role {self.role_name}: external_ids is empty; a cross-account role needs at least one")
        if not MINIMUM_SESSION_SECONDS <= self.session_seconds <= MAXIMUM_SESSION_SECONDS:
            raise ValueError(
                f"role {self.role_name}: session_seconds is {self.session_seconds}; "
                f"allowed: {MINIMUM_SESSION_SECONDS} to {MAXIMUM_SESSION_SECONDS}"
            )


class ExportRole(Construct):
    """A cross-account role whose trust is exact: `StringEquals` on the external id, no wildcard, no session tags."""

    def __init__(self, scope: Construct, construct_id: str, props: ExportRoleProps) -> None:
        super().__init__(scope, construct_id)
        ids: object = list(props.external_ids)
        if len(props.external_ids) == 1 and not Token.is_unresolved(ids):
            ids = props.external_ids[0]
        permissions = props.permissions
        if not isinstance(permissions, iam.PolicyDocument):
            permissions = iam.PolicyDocument(statements=list(permissions))
        self.role = iam.Role(
            self,
            "Role",
            role_name=props.role_name,
            description=props.description,
            assumed_by=iam.PrincipalWithConditions(
                iam.ArnPrincipal(props.principal_arn), {"StringEquals": {"sts:ExternalId": ids}}
            ),
            max_session_duration=seconds(props.session_seconds),
            inline_policies={"Export": permissions},
        )
        self.arn = self.role.role_arn
        """The role's ARN."""
