"""IAM roles: which of them a stack deletes and makes, and what bucket and key policies say of one that is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.services import iam, kms, s3
from ministack.services.cloudformation import provisioners

from local_cloud.corrections.templates import extend

if TYPE_CHECKING:
    from collections.abc import Mapping


def apply() -> None:
    """Make these corrections.

    CreateRole refuses a name that is taken (IAM API Reference, CreateRole: EntityAlreadyExists). MiniStack's stack
    takes the role over.

    DeleteRole refuses a role that has a policy (IAM API Reference, DeleteRole: DeleteConflict). CloudFormation takes
    away those of the role's own properties alone, so a role stays to which another stack or a person has added one:
    "Cannot delete entity, must delete policies first". An update skips it after three tries and ends (AWS re:Post,
    "Why is my CloudFormation stack stuck in the UPDATE_COMPLETE_CLEANUP_IN_PROGRESS state"). MiniStack deletes it.

    Policies of buckets and keys name a role that was deleted by its id, and do not admit another one of its name (IAM
    User Guide, "AWS JSON policy elements: Principal"). MiniStack goes by the ARN.
    """
    extend("AWS::IAM::Role", check=_require_a_free_name)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    original = handlers["delete"]

    def delete(name: str, properties: Any, *rest: Any) -> None:
        role = iam._roles.get(name) or {}
        own = {each.get("PolicyName") for each in properties.get("Policies") or []}
        for kept, what in (
            (set(role.get("InlinePolicies", {})) - own, "delete policies"),
            (set(role.get("AttachedPolicies", [])) - set(properties.get("ManagedPolicyArns") or []), "detach policies"),
        ):
            if kept:
                raise ValueError(f"Cannot delete entity, must {what} first: {name} has {', '.join(sorted(kept))}")
        original(name, properties, *rest)
        if role:
            _name_by_id(role["Arn"], role["RoleId"])

    handlers["delete"] = delete


def _name_by_id(arn: str, role_id: str) -> None:
    named, by_id = json.dumps(arn), json.dumps(role_id)
    for bucket, policy in list(s3._bucket_policies.items()):
        s3._bucket_policies[bucket] = policy.replace(named, by_id)
    for key in list(kms._keys.values()):
        if policy := key.get("Policy"):
            key["Policy"] = policy.replace(named, by_id)


def _require_a_free_name(properties: Mapping[str, Any], physical_id: str | None) -> None:
    name = properties.get("RoleName")
    if physical_id is None and name in iam._roles:
        raise ValueError(f"Role with name {name} already exists.")
