"""Page one of the report: each vendor by name, how it gets in, what it may and may not do, and what risk remains.

Who gets in, by which resource and with which actions comes from the templates; how many forbidden requests were refused
comes from the claims. The sentences are about a kind of export, and [docs/threat-model.md] has their tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from logdock.settings import Deployment
from logdock.settings.destinations import Destination
from logdock.settings.exports import Export
from policy_proof.claim_file import Claim
from security_report.evidence import Evaluated
from security_report.matrix import Matrix, Role, Statement, is_foreign


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What is said of every vendor of a kind.

    Attributes
    ----------
    vendor
        Who it is.
    may, may_not
        What it may do and what not, in a sentence.
    remains
        The risk that remains.
    """

    vendor: str
    may: str
    may_not: str
    remains: str


KINDS: Mapping[str, Kind] = {
    "mongodb-atlas": Kind(
        vendor="MongoDB Atlas (MongoDB, Inc.), managed MongoDB",
        may="Write objects under one prefix of one bucket, and use the export's key through S3.",
        may_not="Read, list or delete objects; write elsewhere; change any setting.",
        remains="It can write false lines, none, or so many that they cost. It may trust its whole account to assume "
        "roles; the external id is your organization's.",
    ),
    "cockroachdb": Kind(
        vendor="CockroachDB Cloud (Cockroach Labs, Inc.), managed CockroachDB",
        may="Create streams and write events in the named log groups, and set how long those groups keep events.",
        may_not="Read, search or delete events, streams or log groups; reach other log groups or the archive.",
        remains="It can write false lines, none, or so many that they cost, and shorten the log groups' retention; "
        "the archive keeps its copy. On the Standard plan the external id is the cluster's id, which is no secret.",
    ),
    "aptible": Kind(
        vendor="Aptible (Aptible, Inc.), managed containers",
        may="Replicate objects and delete markers into one bucket, and set that bucket's versioning.",
        may_not="Read objects back, delete versions, change policy, lifecycle or encryption; write to other buckets.",
        remains="One role of Aptible's writes for all of its customers, without an external id. It could suspend "
        "versioning; a copy in the archive is out of its reach.",
    ),
    "aurora-mysql": Kind(
        vendor="Amazon Aurora (AWS), in your own account",
        may="Publish the cluster's logs to its log groups, by AWS's service-linked role.",
        may_not="No principal outside of your account gets access.",
        remains="Audit lines hold the statements that users ran.",
    ),
    "rds": Kind(
        vendor="Amazon Aurora or RDS (AWS), in your own account",
        may="Publish the database's logs to its log groups, by AWS's service-linked role.",
        may_not="No principal outside of your account gets access.",
        remains="Logs can hold the statements that users ran.",
    ),
    "s3-logs": Kind(
        vendor="AWS services that deliver logs",
        may="Write objects under the export's prefix, for your account alone.",
        may_not="Read, delete or write elsewhere; deliver for another account.",
        remains="Principals that configure a service in your account decide what it delivers.",
    ),
    "cloudwatch-logs": Kind(
        vendor="Your own log groups (AWS CloudWatch Logs)",
        may="No new principal gets access: functions of the deployment read the named log groups.",
        may_not="No principal outside of your account gets access.",
        remains="Principals that may write to the log groups can write false lines.",
    ),
    "logzio": Kind(
        vendor="Logz.io (Logshero Ltd.), log analytics",
        may="Receive what the settings ship to it, after redaction.",
        may_not="Get into your account.",
        remains="What has been sent is Logz.io's to keep and to protect.",
    ),
    "logzio fetch": Kind(
        vendor="Logz.io (Logshero Ltd.), log analytics",
        may="List and read its own feed in one bucket, and use that bucket's key through S3.",
        may_not="Read the archive, a landing bucket or another feed; write or delete anything.",
        remains="One account of Logz.io's reads for all of its customers; the external id distinguishes them. What it "
        "has read is Logz.io's to keep and to protect.",
    ),
    "logzio archive": Kind(
        vendor="Logz.io (Logshero Ltd.), log analytics, with Archive & Restore",
        may="List and read its own feed in one bucket, and use that bucket's key through S3; write to and read the "
        "bucket that is made for its own archive.",
        may_not="Read the deployment's archive, a landing bucket or another feed; delete anything.",
        remains="One account of Logz.io's reads for all of its customers; the external id distinguishes them. What it "
        "has read is Logz.io's to keep and to protect. It can overwrite what it has archived: switch versioning on.",
    ),
    "otlp": Kind(
        vendor="An OpenTelemetry receiver of your choice",
        may="Receive what the settings ship to it, after redaction.",
        may_not="Get into your account.",
        remains="What has been sent is the receiver's to keep and to protect.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """One vendor in one deployment.

    Attributes
    ----------
    name, stack
        The export or destination, and the stack that lets it in.
    kind
        What is said of every vendor of its kind.
    accounts
        The principals of other accounts, or AWS services, that the policies name.
    entry
        How each gets in.
    actions
        All that the policies allow those principals, by AWS service.
    refused, tried
        How many requests that must be refused were, of how many, by the claims about it.
    """

    name: str
    stack: str
    kind: Kind
    accounts: tuple[str, ...]
    entry: tuple[str, ...]
    actions: tuple[str, ...]
    refused: int
    tried: int


def vendors(settings: Deployment, matrix: Matrix, evidence: Mapping[str, Evaluated]) -> list[Vendor]:
    """Describe every vendor of a deployment, in the order of the settings."""
    return [_vendor(settings, each, matrix, evidence) for each in (*settings.exports, *settings.destinations)]


def _kind_of(reader: Export | Destination) -> str:
    return "logzio archive" if getattr(reader, "archive_and_restore", None) else "logzio fetch"


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
        kind=KINDS[_kind_of(party) if fetches else party.kind],
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
    return isinstance(evaluated.says, Claim) and evaluated.says.verdict == "deny" and name in evaluated.subjects
