"""Who and what claims speak of: the callers, and the names that placeholders stand for, in one deployment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.stage import UNRELATED_ACCOUNT
from logdock.settings import Deployment
from logdock.settings.names import Names
from policy_proof.account import Account, Policy
from policy_proof.claim_file import Kind
from policy_proof.templates import Resource


def _allowing(*actions: str) -> Policy:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


EVERYTHING = _allowing("*")
READING_BUCKETS = _allowing("s3:Get*", "s3:List*")
NOTHING = _allowing("ec2:DescribeVpcs")

Values = Mapping[str, str | tuple[str, ...]]
"""What placeholders stand for. Several values: a claim is about each. None: there is nothing to claim."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """A principal that makes a request."""

    name: str
    """What the claims call it."""
    principal: str
    """Its ARN, the name of an AWS service, or ``anonymous``."""
    policies: Mapping[str, Policy]
    """What its own account lets it do."""

    @property
    def is_service(self) -> bool:
        """Whether it is an AWS service acting of its own accord."""
        return self.principal.endswith(".amazonaws.com")


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a file of claims is about, once: one export, one bucket."""

    kind: Kind
    name: str
    stacks: tuple[str, ...]
    """Its stacks: where a property looks. The first one's account is the subject's."""
    logical_id: str | None
    type: str | None
    """`logical_id`, `type`: The one resource that it is, if it is one."""
    facts: Mapping[str, Any]
    """What `when` asks."""
    values: Mapping[str, tuple[str, ...]]
    callers: Mapping[str, tuple[Caller, ...]]
    """All principals other than AWS's services. Where several have a name, a claim is about each."""


class Cast:
    """Everybody of one deployment.

    Who a vendor is comes from the settings alone, so that a template that trusts another principal is caught.

    Parameters
    ----------
    settings, account
        The deployment, and what its templates make.
    foreign_key
        A key of an unrelated account. Default: one that does not exist.
    """

    def __init__(self, settings: Deployment, account: Account, foreign_key: str | None = None) -> None:
        self.settings, self.account = settings, account
        self.names = Names.of(settings)
        kms = f"arn:{self.names.partition}:kms:{settings.region}:{UNRELATED_ACCOUNT}"
        self.foreign_key = foreign_key or f"{kms}:key/11111111-2222-4333-8444-555555555555"
        self.foreign_bucket = self.names.bucket_arn(f"foreign-{settings.account}")
        self.buckets = [each.arn for each in account.of_type("AWS::S3::Bucket")]
        # who the deployment's own roles are is known before anything is claimed
        self._home = self._people(settings.account)

    def _people(self, account: str) -> dict[str, Caller]:
        """Return who is in every account, and whom the deployment has once."""
        return {
            caller.name: caller
            for caller in (
                Caller(name="anonymous", principal="anonymous", policies={}),
                user("unrelated-account", UNRELATED_ACCOUNT, "unrelated"),
                session("administrator", account, "administrator", {"everything": EVERYTHING}),
                session("auditor", account, "auditor", {"reading": READING_BUCKETS}),
                session("application", account, "application", {"nothing": NOTHING}),
                self.own_role("archiver", self.names.archiver),
            )
        }

    def subject(
        self,
        kind: Kind,
        name: str,
        stacks: tuple[str, ...],
        values: Values,
        *,
        facts: Mapping[str, Any] | None = None,
        callers: Mapping[str, Caller | tuple[Caller, ...]] | None = None,
        resource: Resource | None = None,
    ) -> Subject:
        """Put a subject together: what is its own, and what every subject has."""
        account = self.account.account_of(stacks[0]) if stacks else self.account.id
        own = {"account": (account,)} | {
            key: (value,) if isinstance(value, str) else value for key, value in values.items()
        }
        return Subject(
            kind=kind,
            name=name,
            stacks=stacks,
            logical_id=resource.logical_id if resource else None,
            type=resource.type if resource else None,
            facts=facts or {},
            values={**self._common(own), **own},
            callers={
                name: (found,) if isinstance(found, Caller) else found
                for name, found in {
                    **(self._home if account == self.account.id else self._people(account)),
                    **(callers or {}),
                }.items()
            },
        )

    def own_role(self, caller: str, role_name: str) -> Caller:
        """Return a session of a role of this deployment."""
        role = self.account.roles[role_name]
        return session(caller, role.arn.split(":")[4], role_name, role.policies)

    def connector(self, export_name: str) -> dict[str, Caller]:
        """Return the function that configures for an export, if there is one."""
        role = self.account.functions.get(f"{self.names.export(export_name)}-connector")
        return {"connector": self.own_role("connector", role)} if role else {}

    def vendor(self, principal_arn: str) -> dict[str, Caller]:
        """Return a vendor as it comes, and another service of the vendor's: both may do everything at home."""
        account, name = principal_arn.split(":")[4], principal_arn.rpartition("/")[2]
        everything = {"everything": EVERYTHING}
        comes = (
            session("vendor", account, name, everything)
            if ":role/" in principal_arn
            else user("vendor", account, name if ":user/" in principal_arn else "log-export")
        )
        other = session("vendors-other-role", account, "another-service-of-the-vendor", everything)
        return {"vendor": comes, "vendors-other-role": other}

    def shippers(self, destinations: tuple[str, ...]) -> dict[str, tuple[Caller, ...]]:
        """Return the functions that ship an export."""
        shippers = tuple(self.own_role("shipper", self.names.shipper(each)) for each in destinations)
        return {"shipper": shippers} if shippers else {}

    def _common(self, own: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Name what every subject may be measured against: the rest of the deployment, and unrelated accounts."""
        names, account = self.names, self.account
        functions = f":log-group:/aws/lambda/{names.deployment}-"
        groups = [
            f"{each.arn}:log-stream:n1"
            for each in account.of_type("AWS::Logs::LogGroup")
            # Of the functions' own log groups, one stands for all.
            if functions not in each.arn or each.arn.endswith(f"/{names.archiver}")
        ]
        roles = [role.arn for role in account.roles.values()]

        def all_other(found: list[str], name: str) -> tuple[str, ...]:
            return tuple(each for each in found if each not in own.get(name, ()))

        return {
            "account": (names.account,),
            "region": (names.region,),
            "deployment": (names.deployment,),
            "unrelated-account": (UNRELATED_ACCOUNT,),
            "archive": (names.bucket_arn(names.bucket("archive")),),
            "failures": (names.bucket_arn(names.bucket("failed")),),
            "access-logs": (names.bucket_arn(names.bucket("access-logs")),),
            "mark-table": (names.mark_table_arn,),
            "archive-key": (account.keys[f"{names.deployment}-archive"],),
            "archiver-role": (names.role_arn(names.archiver),),
            "archiver-function": (names.archiver_arn(names.region),),
            "topic": (names.alert_topic_arn,),
            "configuration": tuple(
                each.arn
                for each in account.of_type("AWS::SSM::Parameter")
                if f"parameter{names.parameter_path}" in each.arn
            ),
            "foreign-bucket": (self.foreign_bucket,),
            "foreign-key": (self.foreign_key,),
            "every-bucket": tuple(self.buckets),
            "every-key": tuple(account.keys.values()),
            "other-bucket": all_other(self.buckets, "bucket"),
            "other-key": all_other([*account.keys.values()], "key"),
            "other-role": all_other(roles, "role"),
            "other-log-stream": all_other(groups, "log-stream"),
        }


def user(caller: str, account: str, name: str) -> Caller:
    """Return a user of another account, who may do everything there."""
    arn = f"arn:aws:iam::{account}:user/{name}"
    return Caller(name=caller, principal=arn, policies={"everything": EVERYTHING})


def session(caller: str, account: str, role: str, policies: Mapping[str, Policy]) -> Caller:
    """Return a session of a role."""
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/log-export"
    return Caller(name=caller, principal=arn, policies=policies)
