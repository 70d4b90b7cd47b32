"""What an organisation's SCPs and RCPs must except for this deployment to work, as text and as JSON to paste.

The forms follow AWS's own data perimeter examples (github.com/aws-samples/data-perimeter-policy-examples). What is
excepted comes from the templates: the principals of other accounts that their policies name, and their roles, buckets
and Regions.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from policy_proof.account import Account, Policy
from security_report.matrix import is_foreign

ORGANISATION = "<your organisation's id>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Guest:
    """A principal of another account that a policy of the templates allows something."""

    principal: str
    arn: str
    """The role or the bucket or key that has the policy."""
    actions: tuple[str, ...]

    @property
    def account(self) -> str:
        """Its account."""
        return self.principal.split(":")[4] if self.principal.startswith("arn:") else self.principal


@dataclass(frozen=True, kw_only=True, slots=True)
class Snippet:
    """JSON to paste, and where to."""

    where: str
    json: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Exemption:
    """An exception that a policy of the organisation needs."""

    policy: str
    """The kind of policy; an organisation without this kind needs no exception."""
    stops: tuple[str, ...]
    """What it would stop, a line each."""
    text: str
    """The exception in words."""
    snippets: tuple[Snippet, ...]
    """The exception as JSON."""


def guests(account: Account) -> list[Guest]:
    """Find everybody of another account whom a policy allows something."""
    found = [
        Guest(principal=principal, arn=arn, actions=tuple(_several(statement["Action"])))
        for arn, policy in account.policies.items()
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        for principal in _principals(statement)
        if is_foreign(principal, account.id)
    ]
    return sorted(found, key=lambda each: (each.account, each.arn))


def exemptions(account: Account, deploy_roles: Sequence[str]) -> list[Exemption]:
    """List the exceptions.

    Parameters
    ----------
    deploy_roles
        The ARNs of the roles that CloudFormation makes the resources with.
    """
    found = guests(account)
    return [
        *([_organisation(account, found)] if found else []),
        _networks(account, found),
        _headers(account),
        _roles(account, deploy_roles),
        _regions(account),
    ]


def _organisation(account: Account, found: list[Guest]) -> Exemption:
    accounts = sorted({each.account for each in found})
    resources = sorted({each.arn for each in found})
    wide = {"StringNotEqualsIfExists": {"aws:PrincipalAccount": accounts}}
    return Exemption(
        policy="RCP: callers of your organisation alone (aws:PrincipalOrgID), on STS, S3, KMS or SQS",
        stops=tuple(f"{each.principal}: {', '.join(each.actions)} on {each.arn}" for each in found),
        text=f"Except {_and(accounts)}. That lets these accounts past the RCP everywhere, so the second form is "
        "narrower: it takes the resources out of your statement, and closes each of them again to everybody but your "
        "organisation and its vendor. AWS's own services come past such an RCP by aws:PrincipalIsAWSService.",
        snippets=(
            Snippet(where="Into the Condition of your statement", json=_json(wide)),
            Snippet(
                where="Or, narrower: instead of Resource in your statement",
                json=_json({"NotResource": [one for arn in resources for one in _with_inside(arn)]}),
            ),
            Snippet(
                where="And these statements beside it",
                json=_json([_closed_again(arn, found, account) for arn in resources]),
            ),
        ),
    )


def _closed_again(arn: str, found: list[Guest], account: Account) -> dict[str, Any]:
    """Close a resource to everybody but the organisation and its guests: their accounts, or if it is one role, that."""
    own = {each for each in found if each.arn == arn}
    accounts = sorted({each.account for each in own if each.principal.endswith(":root")})
    principals = sorted({each.principal for each in own if not each.principal.endswith(":root")})
    action = "sts:AssumeRole" if ":iam:" in arn else f"{arn.split(':')[2]}:*"
    negated: dict[str, Any] = {"aws:PrincipalOrgID": ORGANISATION}
    return {
        "Sid": "Logdock" + "".join(part.capitalize() for part in _name(arn, account).split("-") if part.isalnum()),
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": _with_inside(arn),
        "Condition": {
            "StringNotEqualsIfExists": negated | ({"aws:PrincipalAccount": accounts} if accounts else {}),
            **({"ArnNotEqualsIfExists": {"aws:PrincipalArn": principals}} if principals else {}),
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    }


def _networks(account: Account, found: list[Guest]) -> Exemption:
    roles = _role_arns(account)
    accounts = sorted({each.account for each in found})
    rcp: dict[str, Any] = {"ArnNotLikeIfExists": {"aws:PrincipalArn": roles}}
    if accounts:
        rcp["StringNotEqualsIfExists"] = {"aws:PrincipalAccount": accounts}
    return Exemption(
        policy="SCP or RCP: from your networks alone (aws:SourceIp, aws:SourceVpc, aws:SourceVpce)",
        stops=("every vendor's session, from the vendor's network, and the functions, which are in no VPC",),
        text=f"Except the roles {_and([each.rpartition('/')[2] for each in roles])}"
        + (f"; in an RCP {_and(accounts)} as well, which call before they have a session here." if accounts else "."),
        snippets=(
            Snippet(where="SCP: into the Condition", json=_json({"ArnNotLikeIfExists": {"aws:PrincipalArn": roles}})),
            Snippet(where="RCP: into the Condition", json=_json(rcp)),
        ),
    )


def _headers(account: Account) -> Exemption:
    buckets = sorted(each.arn for each in account.of_type("AWS::S3::Bucket"))
    return Exemption(
        policy="SCP or RCP: uploads must name their encryption (s3:x-amz-server-side-encryption)",
        stops=("vendors, AWS's log delivery, the archiver and the shippers: they leave it to the bucket's default",),
        text=f"Except the objects of {_and([each.rpartition(':')[2] for each in buckets])}. "
        "Each has a default, and its policy denies every other encryption by itself.",
        snippets=(
            Snippet(
                where="Instead of Resource in your statement",
                json=_json({"NotResource": [f"{each}/*" for each in buckets]}),
            ),
        ),
    )


def _roles(account: Account, deploy_roles: Sequence[str]) -> Exemption:
    return Exemption(
        policy="SCP: roles, trust and resource policies are changed by named principals alone (iam:CreateRole, "
        "iam:UpdateAssumeRolePolicy, iam:PutRolePolicy, iam:PassRole, s3:PutBucketPolicy, kms:PutKeyPolicy)",
        stops=("the deploy, by which CloudFormation makes the roles and policies of this page",),
        text=f"Except {_and(deploy_roles)}, by which the CDK has CloudFormation deploy; for statements about roles, "
        "excepting the roles of the second form is enough. No condition key has the principal that a trust policy "
        "trusts, so an SCP can only go by who makes a role, and which.",
        snippets=(
            Snippet(
                where="Into the Condition", json=_json({"ArnNotLikeIfExists": {"aws:PrincipalArn": list(deploy_roles)}})
            ),
            Snippet(
                where="Statements about roles: instead of Resource", json=_json({"NotResource": _role_arns(account)})
            ),
        ),
    )


def _regions(account: Account) -> Exemption:
    regions = sorted(set(account.regions.values()))
    return Exemption(
        policy="SCP: some Regions alone (aws:RequestedRegion)",
        stops=("stacks and functions in a Region that is not on your list",),
        text=f"{_and(regions)} must be on it. IAM is global and answers in us-east-1; an SCP of this kind leaves it "
        "out by NotAction, or has us-east-1 on its list.",
        snippets=(
            Snippet(
                where="Into the Condition, in addition to your own",
                json=_json({"StringNotEquals": {"aws:RequestedRegion": regions}}),
            ),
        ),
    )


def _role_arns(account: Account) -> list[str]:
    """Name the roles; a pattern for each stack stands for those that CloudFormation names, after the stack."""
    roles = account.of_type("AWS::IAM::Role")
    made_up = {_made_up(each.arn, each.stack) for each in roles if "RoleName" not in each.properties}
    return [*sorted(each.arn for each in roles if "RoleName" in each.properties), *sorted(made_up)]


def _made_up(arn: str, stack: str) -> str:
    # CloudFormation shortens a long stack's name within a role's.
    return f"{arn.rpartition('/')[0]}/{stack[:24]}*"


def _principals(statement: Policy) -> Iterator[str]:
    principal = statement.get("Principal", {})
    yield from [principal] if isinstance(principal, str) else _several(principal.get("AWS", []))


def _several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _with_inside(arn: str) -> list[str]:
    """Return a resource and what is in it. A key's id is AWS's to choose, so all keys of its account stand for it."""
    if ":s3:::" in arn:
        return [arn, f"{arn}/*"]
    return [f"{arn.rpartition('/')[0]}/*"] if ":kms:" in arn else [arn]


def _name(arn: str, account: Account) -> str:
    aliases = {key: alias for alias, key in account.keys.items()}
    return aliases.get(arn, arn.rpartition(":")[2].rpartition("/")[2])


def _and(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)
