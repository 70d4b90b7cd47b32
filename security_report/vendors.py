"""Page one of the report: each vendor by name, how it gets in, what it may and may not do, and what risk remains.

Who gets in, by which resource and with which actions comes from the templates; how many forbidden requests were refused
comes from the claims. The sentences are about a kind of export, and [docs/threat-model.md] has their tests.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from logdock.settings import Deployment
from logdock.settings.destinations import Destination
from logdock.settings.exports import Export
from logdock.vendors.access import Access
from logdock.vendors.registry import load_part
from policy_proof.claim_file import Claim
from security_report.evidence import Evaluated
from security_report.matrix import Matrix, Role, Statement, is_foreign


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """One vendor in one deployment."""

    name: str
    stack: str
    """`name`, `stack`: The export or destination, and the stack that lets it in."""
    kind: Access
    """What is said of every vendor of its kind."""
    accounts: tuple[str, ...]
    """The principals of other accounts, or AWS services, that the policies name."""
    entry: tuple[str, ...]
    """How each gets in."""
    actions: tuple[str, ...]
    """All that the policies allow those principals, by AWS service."""
    refused: int
    tried: int
    """`refused`, `tried`: How many requests that must be refused were, of how many, by the claims about it."""


def vendors(settings: Deployment, matrix: Matrix, evidence: Mapping[str, Evaluated]) -> list[Vendor]:
    """Describe every vendor of a deployment, in the order of the settings."""
    return [_vendor(settings, each, matrix, evidence) for each in (*settings.exports, *settings.destinations)]


def _vendor(
    settings: Deployment, party: Export | Destination, matrix: Matrix, evidence: Mapping[str, Evaluated]
) -> Vendor:
    is_destination = party in settings.destinations
    fetches = is_destination and getattr(party, "mode", "") == "fetch"
    named = f"{settings.deployment}-{party.name}"
    stack = f"{settings.deployment}-shipper" if is_destination else named
    roles = [each for each in matrix.roles if each.kind == "vendor" and each.stack == stack]
    if is_destination:
        # readers' roles are in one stack, and what is pushed to has none
        roles = [each for each in roles if fetches and each.name in (named, f"{named}_archive")]
    entries = [*_by_role(roles), *([] if is_destination else _by_resource(settings, matrix, stack))]
    claims = [each for each in evidence.values() if _forbids(each, party.name)]
    return Vendor(
        name=party.name,
        stack=stack,
        kind=load_part(party.kind, "access").access_of(party),
        accounts=tuple(dict.fromkeys(who for who, _, _ in entries)),
        entry=tuple(dict.fromkeys(how for _, how, _ in entries)) or (_without_entry(is_destination),),
        actions=tuple(sorted({action for _, _, actions in entries for action in actions})),
        refused=sum(each.asked - len(each.errors) for each in claims),
        tried=sum(each.asked for each in claims),
    )


def _without_entry(is_destination: bool) -> str:
    return "It does not: a function of the deployment sends to it." if is_destination else "No policy lets it in."


def _by_role(roles: list[Role]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for role in roles:
        actions = tuple(action for each in role.statements if each.effect == "Allow" for action in each.actions)
        for trust in role.trusts:
            ids = ", ".join(trust.external_ids)
            how = f"with external id {ids}" if ids else "WITHOUT an external id"
            hours = f"{role.session_seconds / 3600:g}"
            for who in trust.statement.who:
                yield who, f"assumes the role {role.name} {how}, for {hours} h at most", actions


def _by_resource(settings: Deployment, matrix: Matrix, stack: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for resource in matrix.resources:
        if resource.stack == stack and resource.kind == "bucket":
            for each in resource.statements:
                for who in _outsiders(each, settings.account):
                    yield who, f"by the policy of the bucket {resource.name}", each.actions


def _outsiders(statement: Statement, account: str) -> list[str]:
    if statement.effect != "Allow":
        return []
    return [who for who in statement.who if is_foreign(who, account) or who.endswith(".amazonaws.com")]


def _forbids(evaluated: Evaluated, name: str) -> bool:
    about = {each.partition("/")[0] for each in evaluated.subjects}
    return isinstance(evaluated.says, Claim) and evaluated.says.verdict == "deny" and name in about
