"""Log groups, buckets and roles that the next deploy makes and that the account has already.

Log groups and buckets stay when an export, or a setting that names them, goes, so they are there when it comes back. A
role is another deployment's: `acme` with the export `prod-archiver` and `acme-prod` both name one `acme-prod-archiver`.
CloudFormation takes nothing over under a name that it is to make: the deploy fails at it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import ClientError

from logdock.cli.account import WORKERS, Account
from logdock.cli.errors import is_absent
from logdock.cli.plan.effects import Effect, Kind
from logdock.cli.plan.templates import Template, holds_function_logs, physical_name
from logdock.cli.stacks import TAG
from logdock.cli.subscriptions import find_group
from logdock.cli.terminal import one_line
from logdock.settings import Deployment
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.rds.settings import DatabaseExport

_BUCKET, _LOG_GROUP, _ROLE = "AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::IAM::Role"
_NOUNS = {_BUCKET: "bucket", _LOG_GROUP: "log group", _ROLE: "role"}


@dataclass(frozen=True, slots=True)
class NewResource:
    """A resource that a stack is to make under a name of its own."""

    of: str
    region: str
    logical_id: str
    type: str
    name: str


def new_resources(of: str, region: str, before: Template | None, after: Template) -> Iterator[NewResource]:
    """Yield the log groups, buckets and roles that a stack does not have yet; a function's log group goes with it."""
    old = {_key(each) for each in (before or {}).get("Resources", {}).values()}
    for logical_id, resource in after.get("Resources", {}).items():
        kind, name = _key(resource)
        if kind in _NOUNS and name and (kind, name) not in old and not holds_function_logs(resource):
            yield NewResource(of, region, logical_id, kind, name)


def _key(resource: Template) -> tuple[str, str]:
    return resource["Type"], physical_name(resource)


def existing(account: Account, new: list[NewResource]) -> list[Effect]:
    """Return what exists of the log groups and buckets that are to be made."""
    new = [each for each in new if each.type != _ROLE]
    buckets: set[str] = set()
    if any(each.type == _BUCKET for each in new):
        pages = account.s3.get_paginator("list_buckets").paginate()
        buckets = {bucket["Name"] for page in pages for bucket in page["Buckets"]}

    def is_there(each: NewResource) -> bool:
        if each.type == _BUCKET:
            return each.name in buckets
        return find_group(account, each.region, each.name) is not None

    with ThreadPoolExecutor(WORKERS) as pool:
        found = zip(new, pool.map(is_there, new), strict=True)
        return [_effect(each, _way_out(account.settings, each)) for each, there in found if there]


def existing_roles(account: Account, new: list[NewResource]) -> list[Effect]:
    """Return what exists of the roles that are to be made, and whose each is."""

    def owner(each: NewResource) -> str | None:
        try:
            tags = account.iam.get_role(RoleName=each.name)["Role"].get("Tags", [])
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        return next((one_line(tag["Value"]) for tag in tags if tag["Key"] == TAG), "")

    roles = [each for each in new if each.type == _ROLE]
    with ThreadPoolExecutor(WORKERS) as pool:
        owners = zip(roles, pool.map(owner, roles), strict=True)
        return [
            _effect(
                each,
                (f"It is of the deployment `{name}`: rename the export, or `deployment`.",)
                if name and name != account.settings.deployment
                else (f"Delete the role if nothing uses it: `aws iam get-role --role-name {each.name}` shows it.",),
            )
            for each, name in owners
            if name is not None
        ]


def _effect(new: NewResource, steps: tuple[str, ...]) -> Effect:
    return Effect(
        of=new.of,
        what=f"resource.{new.logical_id}",
        kind=Kind.FAILS,
        sentence=f"The {_NOUNS[new.type]} `{new.name}` exists already in this account, and this stack does not have "
        "it: CloudFormation is to make it, so the deploy fails.",
        steps=steps,
    )


def _way_out(settings: Deployment, new: NewResource) -> tuple[str, ...]:
    export = next((each for each in settings.exports if each.name == new.of), None)
    if isinstance(export, CockroachdbExport):
        return ("Set `adopt_log_groups: true`: the deploy takes it over with its events.",)
    if isinstance(export, DatabaseExport):
        return ("Set `log_groups: adopt`: the deploy takes it over with its events.",)
    into = "`npx cdk import` of its stack takes it in, with what it holds."
    return ("Give the export another `bucket`.", f"Or: {into}") if export else (into,)
