"""From each release to this commit: no stateful resource is replaced, renamed or dropped, as CloudFormation decides."""

import copy

import pytest

from logdock.cli.plan.effects import Effect, Kind
from logdock.cli.plan.templates import KEEPS_DATA, compare_templates, dangers, replacement_table
from logdock.settings import load_settings
from tests.conftest import ROOT, synthesize
from tests.upgrades.releases import RELEASES, Templates, settings_of, templates_of

STATEFUL = KEEPS_DATA | {"AWS::S3::BucketPolicy", "AWS::SNS::Topic", "AWS::KMS::Alias", "AWS::IAM::Role"}
"""What holds data or what others know by its name: vendors hold a role's ARN, and people a topic's."""

KEPT = ("Retain", "RetainExceptOnCreate")


def lost(before: Templates, after: Templates) -> list[str]:
    """List what an upgrade replaces, drops or leaves behind of what is stateful, and whole stacks that are gone."""
    found = [f"{stack}: the stack is gone" for stack in before if stack not in after]
    for stack in before.keys() & after.keys():
        new = after[stack]["Resources"]
        for change in compare_templates(stack, before[stack], after[stack]):
            named = bool(change.physical_name)
            if change.type in STATEFUL and change.resource and (named or change.type == "AWS::KMS::Key"):
                found.append(change.sentence)
        for logical_id, resource in before[stack]["Resources"].items():
            if resource["Type"] in STATEFUL and logical_id in new:
                for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                    if resource.get(policy) == "Retain" and new[logical_id].get(policy) not in KEPT:
                        found.append(f"{stack}: {logical_id} is no longer retained ({policy})")
    return sorted(found)


@pytest.fixture
def now() -> Templates:
    return synthesize(ROOT / "examples" / "everything.yaml").templates


def test_a_release_is_recorded() -> None:
    assert RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_upgrade_replaces_and_drops_nothing_stateful(release: str, now: Templates) -> None:
    assert lost(templates_of(release), now) == [], "CHANGELOG.md must say it, and how to keep the data; better: keep it"


@pytest.mark.parametrize("release", RELEASES)
def test_upgrade_would_not_fail_for_a_name(release: str, now: Templates) -> None:
    before = templates_of(release)
    found: list[Effect] = [
        effect for stack in before.keys() & now.keys() for effect in dangers(stack, before[stack], now[stack], "")
    ]
    assert [each.sentence for each in found if each.kind in (Kind.FAILS, Kind.LOSES)] == []


@pytest.mark.parametrize("release", RELEASES)
def test_settings_of_a_release_are_valid_and_those_of_its_templates(release: str) -> None:
    settings = load_settings(settings_of(release))
    of_all = {f"{settings.deployment}-{stack}" for stack in ("core", "dashboard", "shipper")}
    of_exports = {f"{settings.deployment}-{export.name}" for export in settings.exports}
    assert of_exports == templates_of(release).keys() - of_all


def test_upgrade_that_renames_drops_or_stops_retaining_is_found() -> None:
    before = templates_of(RELEASES[-1])
    after = copy.deepcopy(dict(before))
    core, orders = after["acme-prod-core"]["Resources"], after["acme-prod-orders"]["Resources"]
    core["ArchiveBucket49F1AC64"]["Properties"]["BucketName"] = "another"
    core["Other"] = core.pop("FailuresBucket3D5A4556")
    orders["Key9BCD29C7"]["DeletionPolicy"] = "Delete"
    del after["acme-prod-apps"]
    assert [each.partition(": ")[2] for each in lost(before, after)] == [
        "the stack is gone",
        "S3::Bucket ArchiveBucket49F1AC64 `acme-prod-archive-111122223333-eu-west-1` is replaced (another BucketName)",
        "S3::Bucket FailuresBucket3D5A4556 `acme-prod-failed-111122223333-eu-west-1` is left behind",
        "Key9BCD29C7 is no longer retained (DeletionPolicy)",
    ]


def test_table_knows_every_type_of_the_releases() -> None:
    kinds = {
        resource["Type"]
        for release in RELEASES
        for template in templates_of(release).values()
        for resource in template["Resources"].values()
        if not resource["Type"].startswith("Custom::")
    }
    assert kinds <= set(replacement_table())
