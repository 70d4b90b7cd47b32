"""Roles of vendors: only the principals in the settings are trusted, and the role may do what the vendor must.

What a role may do is asked of IAM's own simulator. It reads the role's policies, its boundary and the organisation's
service control policies; it knows no bucket or key policy for roles (IAM User Guide, "IAM policy testing with the IAM
policy simulator").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from logdock.cli.account import Account
from logdock.cli.validate.checks import Checks

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import EvaluationResultTypeDef

OWN_POLICY = "Export"

PROBE = "logdock-validate"
"""The name of an object or stream that is never written: IAM simulates calls on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequiredAction:
    """An action that a role must be allowed to perform on a resource."""

    action: str
    resource: str
    """`action`, `resource`: As a policy names them."""
    context: Mapping[str, str] = field(default_factory=dict)
    """What else a request carries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorRole:
    """A role that a vendor assumes."""

    name: str
    principal: str | None
    external_ids: tuple[str, ...] | None
    """`principal`, `external_ids`: Who may assume it, and with which external id; None where the deploy asks the
    vendor, and the settings do not say."""
    session_seconds: int
    """For how long at most."""
    required_actions: Sequence[RequiredAction]
    """What it must be allowed to do."""


def check_role(account: Account, checks: Checks, role: VendorRole) -> None:
    """Check a vendor's role."""
    with checks.of_thing(f"role {role.name}: trust") as check:
        found = account.iam.get_role(RoleName=role.name)["Role"]
        document: Any = found["AssumeRolePolicyDocument"]
        for fault in trust_faults(document, role.principal, role.external_ids):
            check.require(False, fault)
        longest = found.get("MaxSessionDuration", 3600)
        check.require(
            longest == role.session_seconds,
            f"its sessions last {longest} s, and the settings say {role.session_seconds}",
        )
    with checks.of_thing(f"role {role.name}: policies") as check:
        inline = account.iam.list_role_policies(RoleName=role.name)["PolicyNames"]
        attached = account.iam.list_attached_role_policies(RoleName=role.name)["AttachedPolicies"]
        others = sorted({*inline, *(each["PolicyArn"] for each in attached)} - {OWN_POLICY})
        check.require(
            not others, f"it has policies that are not Logdock's: {', '.join(others)}", "take them off by hand"
        )
    simulate_actions(account, checks, role.name, role.required_actions)


def simulate_actions(account: Account, checks: Checks, role: str, required_actions: Sequence[RequiredAction]) -> None:
    """Ask IAM whether a role may do what it must."""
    with checks.of_thing(f"role {role}: allowed what it needs, as IAM simulates it") as check:
        for required in required_actions:
            arn = account.names.role_arn(role)
            answer = simulate(account, arn, required.action, required.resource, required.context)
            by = ""
            if not answer.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
                by = " by a policy of your organisation"
            elif not answer.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
                by = " by its permissions boundary"
            check.require(
                answer["EvalDecision"] == "allowed", f"it may not {required.action} on {required.resource}{by}"
            )


def simulate(
    account: Account, role_arn: str, action: str, resource: str, context: Mapping[str, str]
) -> EvaluationResultTypeDef:
    """Return what IAM's simulator answers for one action of a role on one resource."""
    (answer,) = account.iam.simulate_principal_policy(
        PolicySourceArn=role_arn,
        ActionNames=[action],
        ResourceArns=[resource],
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in context.items()
        ],
    )["EvaluationResults"]
    return answer


def trust_faults(document: Mapping[str, Any], principal: str | None, external_ids: Sequence[str] | None) -> list[str]:
    """Return how a trust policy differs from one that trusts a principal, if one is named, with an external id."""
    statements = as_list(document.get("Statement", []))
    if len(statements) != 1:
        return [f"it has {len(statements)} statements, and should have one"]
    (statement,) = statements
    faults = []
    named = statement.get("Principal")
    trusted = as_list(named.get("AWS", []) if isinstance(named, dict) else "*")
    if trusted != [principal] and (principal or len(trusted) != 1 or trusted == ["*"]):
        faults.append(
            f"it trusts {', '.join(map(str, trusted)) or 'no one'}, and should trust {principal or 'one principal'}"
        )
    conditions = statement.get("Condition", {})
    accepted = as_list(conditions.get("StringEquals", {}).get("sts:ExternalId", []))
    if external_ids is None:
        if not accepted:
            faults.append("it demands no external id")
    elif sorted(accepted) != sorted(external_ids):
        # an external id is no secret, but it should not be in a log
        faults.append(
            f"it accepts {len(accepted)} external ids, {len(set(accepted) & set(external_ids))} of them among the "
            f"{len(external_ids)} of the settings"
        )
    if set(conditions) - {"StringEquals"} or set(conditions.get("StringEquals", {})) - {"sts:ExternalId"}:
        faults.append("it has conditions that Logdock did not write")
    if statement.get("Effect") != "Allow" or as_list(statement.get("Action")) != ["sts:AssumeRole"]:
        faults.append("it does not allow sts:AssumeRole alone")
    return faults


def as_list(value: Any) -> list[Any]:
    """Return the values of a member of a policy that may hold one or a list of them."""
    return value if isinstance(value, list) else [value]
