"""What vendors answer when the deploy asks them: whom to trust, and by which external id."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from logdock.settings import Deployment
from logdock.settings.partitions import partition_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One vendor's answer."""

    principal_arn: str
    """Who will come."""
    external_id: str
    """What it will bring."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """The custom resource's attributes."""
        return {
            "PrincipalArn": self.principal_arn,
            "AccountId": self.principal_arn.split(":")[4],
            "ExternalId": self.external_id,
            "ExternalIds": self.external_id,
            "RoleId": "32b6e34b3d91647abb20e7b8",
            "LogzioAccount": "24601",
        }


Answers = Mapping[str, Answer]
"""By export or destination; by `<export>/<member>` where an export has several projects or clusters."""


def connected(settings: Deployment) -> dict[str, Any]:
    """Return the exports, or their members, and destinations that the deploy connects, by name."""
    return {
        name_of(member): member
        for party in (*settings.exports, *settings.destinations)
        if getattr(party, "connect", None) is not None
        for member in getattr(party, "members", (party,))
    }


def with_role(settings: Deployment) -> dict[str, Any]:
    """Return those of `connected` that assume a role here; Cloudflare, for one, has none and answers nothing."""
    return {name: party for name, party in connected(settings).items() if hasattr(party, "session_seconds")}


def name_of(member: Any) -> str:
    """Return the name of a destination, an export or one of its members."""
    member_id = getattr(member, "member_id", None)
    return f"{member.name}/{member_id}" if member_id else str(member.name)


def stack_id(stack: str, *, account: str, region: str) -> str:
    """Return an id such as CloudFormation gives to a stack."""
    number = uuid.uuid5(uuid.NAMESPACE_URL, stack)
    return f"arn:{partition_of(region)}:cloudformation:{region}:{account}:stack/{stack}/{number}"


def made_up(settings: Deployment) -> Answers:
    """Make answers up, for templates that are not deployed. An export's stack may be what makes up its id."""
    partition = partition_of(settings.region)

    def own_id(name: str) -> str:
        stack = f"{settings.deployment}-{name}"
        return stack_id(stack, account=settings.account, region=settings.region).rpartition("/")[2]

    def made_up_id(name: str, party: Any) -> str:
        # Each Atlas project has an external id of its own; of several clusters the stack's id is everyone's.
        return own_id(name if party.kind == "mongodb-atlas" else party.name)

    return {
        name: Answer(
            principal_arn=f"arn:{partition}:iam::{333300000000 + place}:root",
            external_id=next(iter(getattr(party, "trusted_external_ids", ())), made_up_id(name, party)),
        )
        for place, (name, party) in enumerate(with_role(settings).items())
    }
