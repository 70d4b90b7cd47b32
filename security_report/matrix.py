"""Who may do what on which resource, and by which condition: every statement of every policy of the templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from policy_proof.account import Account, Policy
from policy_proof.templates import Resource

SESSION_SECONDS = 3600
"""What IAM gives a role that names no maximum (IAM User Guide, "Update the maximum session duration for a role")."""

KINDS = {
    "AWS::S3::Bucket": "bucket",
    "AWS::KMS::Key": "key",
    "AWS::SQS::Queue": "queue",
    "AWS::SNS::Topic": "topic",
    "AWS::Lambda::Function": "function",
    "AWS::Logs::LogGroup": "log group",
    "AWS::Logs::Destination": "destination of log groups",
    "AWS::Kinesis::Stream": "stream",
    "AWS::DynamoDB::Table": "table",
    "AWS::Events::EventBus": "event bus",
}
"""The resources that may have a policy of their own."""

_READ = {
    "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}  # fmt: skip
"""The types of policies that `Account` reads. Those of log groups, streams and tables are not; no stack makes one."""


class UnreadPolicyError(Exception):
    """A policy that the report would omit; it must not look complete without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement of a policy."""

    effect: str
    """Allow or Deny."""
    who: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """`who`, `actions`, `resources`: As the policy has them; a role's own policy names none."""
    conditions: tuple[str, ...]
    """A line for each condition key: operator, key, values."""
    sid: str
    """Its name, if it has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """Who may become a role, by one statement of its trust policy."""

    statement: Statement
    """The statement; its conditions without the external ids."""
    external_ids: tuple[str, ...]
    """Those of which the caller must bring one, compared whole."""
    is_foreign: bool
    """Whether it names a principal of another account, or everybody."""

    @property
    def is_open(self) -> bool:
        """Whether another account's customer could have that account come here (the confused deputy)."""
        return self.statement.effect == "Allow" and self.is_foreign and not self.external_ids


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A role: who may assume it, for how long, and all that its own policies say."""

    name: str
    stack: str
    """`name`, `stack`: Which. A name that the template leaves to CloudFormation is the stack's and the logical id's."""
    kind: Literal["vendor", "function", "service"]
    """Whose: a vendor's, a function's, or another AWS service's."""
    trusts: tuple[Trust, ...]
    session_seconds: int
    """`trusts`, `session_seconds`: Who may assume it, and for how long at most."""
    statements: tuple[Statement, ...]
    """What its own policies say."""
    named_by: tuple[str, ...]
    """The resources whose policies name it."""

    def allowed(self) -> dict[str, list[str]]:
        """Return the actions that it is allowed anywhere, by AWS service."""
        actions = sorted({action for each in self.statements if each.effect == "Allow" for action in each.actions})
        found: dict[str, list[str]] = {}
        for action in actions:
            service, _, name = action.partition(":")
            found.setdefault(service, []).append(name)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Guarded:
    """A resource that may have a policy of its own, and what that says."""

    kind: str
    name: str
    stack: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """Every role and every resource with a policy."""

    roles: tuple[Role, ...]
    resources: tuple[Guarded, ...]


def matrix(account: Account) -> Matrix:
    """Read every policy of a deployment.

    Raises
    ------
    UnreadPolicyError
        When the templates have a type of policy that is not read here.
    """
    for each in account.resources:
        if each.type.endswith("Policy") and each.type not in _READ:
            raise UnreadPolicyError(f"{each.stack}/{each.logical_id}: {each.type} is not read by {__name__}; teach it")
    return Matrix(
        roles=tuple(_role(account, each) for each in account.of_type("AWS::IAM::Role")),
        resources=tuple(
            Guarded(
                kind=KINDS[each.type],
                name=_name(account, each),
                stack=each.stack,
                statements=_statements(account.policies.get(each.arn, {"Statement": []})),
            )
            for each in account.resources
            if each.type in KINDS
        ),
    )


def is_foreign(principal: str, account_id: str) -> bool:
    """Return whether a principal of a policy is in another account, or everybody."""
    account = principal.split(":")[4] if principal.startswith("arn:") else principal
    # A service is neither; an account may stand for itself (IAM User Guide, "AWS JSON policy elements: Principal").
    return principal == "*" or (account != account_id and (principal.startswith("arn:") or account.isdecimal()))


def _role(account: Account, resource: Resource) -> Role:
    role = account.roles[resource.arn.rpartition("/")[2]]
    trusts = tuple(_trust(each, account.id) for each in account.policies[role.arn]["Statement"])
    is_function = role.name in account.functions.values()
    return Role(
        name=role.name,
        stack=resource.stack,
        kind="vendor" if any(each.is_foreign for each in trusts) else "function" if is_function else "service",
        trusts=trusts,
        session_seconds=int(resource.properties.get("MaxSessionDuration", SESSION_SECONDS)),
        statements=tuple(each for policy in role.policies.values() for each in _statements(policy)),
        named_by=tuple(
            f"{KINDS[each.type]} {_name(account, each)}"
            for each in account.resources
            if each.type in KINDS
            and any(role.arn in one.who for one in _statements(account.policies.get(each.arn, {"Statement": []})))
        ),
    )


def _trust(statement: Mapping[str, Any], account_id: str) -> Trust:
    conditions = {operator: dict(keys) for operator, keys in statement.get("Condition", {}).items()}
    external_ids = _texts(conditions.get("StringEquals", {}).pop("sts:ExternalId", ()))
    read = _statement({**statement, "Condition": conditions})
    foreign = any(is_foreign(each, account_id) for each in read.who)
    return Trust(statement=read, external_ids=external_ids, is_foreign=foreign)


def _statements(policy: Policy) -> tuple[Statement, ...]:
    return tuple(_statement(each) for each in policy["Statement"])


def _statement(statement: Mapping[str, Any]) -> Statement:
    def said(element: str) -> tuple[str, ...]:
        """Return an element's values; those of its negation, such as NotAction, are marked."""
        excluded = _texts(statement.get(f"Not{element}", ()))
        return (*_texts(statement.get(element, ())), *(f"all but {each}" for each in excluded))

    return Statement(
        effect=statement["Effect"],
        who=said("Principal"),
        actions=said("Action"),
        resources=said("Resource"),
        conditions=tuple(
            f"{operator} {key}: {', '.join(_texts(values))}"
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        ),
        sid=statement.get("Sid", ""),
    )


def _texts(value: Any) -> tuple[str, ...]:
    """Return a value of a policy, which may be one, several, or principals by their type, as texts."""
    match value:
        case dict():
            return tuple(text for each in value.values() for text in _texts(each))
        case list() | tuple():
            return tuple(str(each) for each in value)
    return (str(value),)


def _name(account: Account, resource: Resource) -> str:
    """Return the name that people know a resource by: of a key, its alias."""
    aliases = {arn: f"alias/{alias}" for alias, arn in account.keys.items()}
    if resource.type == "AWS::Logs::LogGroup":
        return resource.arn.partition(":log-group:")[2]
    return aliases.get(resource.arn, resource.arn.rpartition(":")[2].removeprefix("stream/"))


def statements(matrix: Matrix) -> Iterator[Statement]:
    """Yield every statement: of roles' own policies, of their trust, and of resources."""
    for role in matrix.roles:
        yield from role.statements
        yield from (each.statement for each in role.trusts)
    for resource in matrix.resources:
        yield from resource.statements
