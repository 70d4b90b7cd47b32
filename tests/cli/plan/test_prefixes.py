"""`logdock plan` says that deliveries are refused exactly where the bucket's policy no longer admits them."""

from fnmatch import fnmatchcase
from itertools import permutations
from typing import get_args

import pytest

from logdock.cli.plan.changes import compare
from logdock.cli.plan.consequences import consequences
from logdock.cli.plan.effects import Kind
from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.vendors.s3_logs.settings import S3Service
from logdock.vendors.s3_logs.stack.delivery import delivery_statements
from tests.settings.documents import document, export

PREFIXES = (None, "a", "a/b", "ab", "b")
SERVICES: list[tuple[S3Service, ...]] = [
    *((service,) for service in get_args(S3Service)),
    ("cloudtrail", "vpc-flow"),
    ("alb", "s3-access"),
]


def settings_of(services: tuple[S3Service, ...], prefix: str | None) -> Deployment:
    found = export("s3-logs", services=services, **({"prefix": prefix} if prefix else {}))
    return Deployment.model_validate(document(found))


def admitted(names: Names, services: tuple[S3Service, ...], prefix: str | None) -> list[str]:
    """Return the patterns of the objects that the services may write."""
    statements = delivery_statements(names, services, "bucket", f"{prefix}/" if prefix else "")
    return [one for each in statements if "s3:PutObject" in each.actions for one in each.resources]


def is_refused(names: Names, service: S3Service, before: str | None, after: str | None) -> bool:
    """Say whether the policy with the new prefix refuses what a service wrote under the old one."""
    (pattern,) = admitted(names, (service,), before)
    (new,) = admitted(names, (service,), after)
    return not fnmatchcase(pattern.replace("*", "object"), new)


@pytest.mark.parametrize("services", SERVICES, ids="-".join)
def test_plan_says_refused_where_policy_denies_old_path(services: tuple[S3Service, ...]) -> None:
    wrong = []
    for before, after in permutations(PREFIXES, 2):
        old, new = settings_of(services, before), settings_of(services, after)
        refused = any(is_refused(Names.of(new), service, before, after) for service in services)
        kinds = {effect.kind for effect in consequences(compare(old, new)) if effect.what.endswith("prefix")}
        if refused != (Kind.REFUSES in kinds) or not kinds:
            wrong.append((before, after, kinds))
    assert wrong == []


@pytest.mark.parametrize("base", [{"existing_bucket": "acme-logs"}, {}], ids=["existing", "own without services"])
def test_prefix_of_bucket_without_services_refuses_nothing(base: dict[str, str]) -> None:
    part = {key: value for key, value in export("s3-logs", **base).items() if key != "services"}
    for before, after in permutations(PREFIXES, 2):
        old, new = (
            Deployment.model_validate(document({**part, **({"prefix": prefix} if prefix else {})}))
            for prefix in (before, after)
        )
        (kind,) = {effect.kind for effect in consequences(compare(old, new)) if effect.what.endswith("prefix")}
        is_wider = f"{before}/".startswith(f"{after}/") if after else True
        assert kind == (Kind.NOTE if is_wider else Kind.CUTS_OFF), (before, after)
