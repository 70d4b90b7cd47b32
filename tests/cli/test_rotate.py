"""`logdock rotate-external-id`: three steps, and the last only once the vendor has changed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest

from logdock.cli.rotate.file import external_ids, write_external_ids
from logdock.settings import load_settings
from tests.cli.conftest import Type, Typed
from tests.conftest import ROOT

OLD, NEW = "6d1f0c5be8a14c6f9f0d2b7a", "0c6b8f529c574c0e8c1e6b6f0a2f4d11"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEDGER = "acme-prod-ledger"


class World:
    """A deployed CockroachDB export: its settings file, its role, and what CloudTrail has recorded."""

    def __init__(self, file: Path, logdock: Type) -> None:
        self.file, self._logdock = file, logdock
        untyped: Any = boto3
        self.iam = untyped.client("iam", region_name="eu-west-1")
        self.iam.create_role(RoleName=LEDGER, AssumeRolePolicyDocument=self._trust(OLD))
        self.events: list[dict[str, Any]] = []

    def _trust(self, *ids: str) -> str:
        condition = {"StringEquals": {"sts:ExternalId": ids[0] if len(ids) == 1 else list(ids)}}
        statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def deploy(self) -> None:
        """Trust what the settings say."""
        ids = external_ids(load_settings(self.file), "ledger")
        self.iam.update_assume_role_policy(RoleName=LEDGER, PolicyDocument=self._trust(*ids))

    def used(self, external_id: str, minutes: int, **more: Any) -> None:
        """Record that the role was assumed, so long after noon."""
        record = {"eventName": "AssumeRole", "requestParameters": {"externalId": external_id}, **more}
        event = {"EventTime": NOW + timedelta(minutes=minutes), "CloudTrailEvent": json.dumps(record)}
        self.events.append(event)

    @property
    def ids(self) -> tuple[str, ...]:
        return external_ids(load_settings(self.file), "ledger")

    def rotate(self, *arguments: str, name: str = "ledger") -> Typed:
        return self._logdock("rotate-external-id", name, *arguments, "--settings", str(self.file))


class FakeTrail:
    """CloudTrail's event history."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self._events = events

    def get_paginator(self, operation: str) -> Any:
        assert operation == "lookup_events"
        return self

    def paginate(self, LookupAttributes: list[dict[str, str]]) -> list[dict[str, Any]]:  # noqa: N803
        role = f"arn:aws:iam::111122223333:role/{LEDGER}"
        assert LookupAttributes == [{"AttributeKey": "ResourceName", "AttributeValue": role}]
        return [{"Events": [event]} for event in self._events]


@pytest.fixture
def world(logdock: Type, aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    file = tmp_path / "logdock.yaml"
    file.write_text((ROOT / "examples" / "cockroachdb.yaml").read_text())
    found = World(file, logdock)
    regions: list[str] = []

    def trail(_account: object, region: str) -> FakeTrail:
        regions.append(region)
        return FakeTrail(found.events if region == "us-east-1" else [])

    monkeypatch.setattr("logdock.cli.account.Account.cloudtrail_in", trail)
    return found


def test_a_rotation_from_its_beginning_to_its_end(world: World) -> None:
    before = world.file.read_text()
    shown = world.rotate()
    assert (shown.code, world.file.read_text()) == (0, before)
    assert "ledger: no rotation is under way." in shown.out

    begun = world.rotate("--begin")
    old, new = world.ids
    assert (begun.code, old) == (1, OLD)
    assert world.file.read_text() == before.replace(OLD, f'["{OLD}", "{new}"]')
    assert f"Next: `npx cdk deploy {LEDGER} -c settings={world.file}`" in begun.out

    world.deploy()
    world.used(OLD, 1)
    assert "the vendor is to change to the new one" in world.rotate().out

    world.used(new, 5)
    switched = world.rotate()
    assert switched.code == 1
    assert "the new id was last used 2026-11-21 12:05:00 UTC" in switched.out
    assert f"Next: `logdock rotate-external-id ledger --finish --settings {world.file}`" in switched.out

    finished = world.rotate("--finish")
    assert (finished.code, world.ids) == (1, (new,))
    assert f"Next: `npx cdk deploy {LEDGER} -c settings={world.file}`" in finished.out
    world.deploy()
    assert world.rotate().code == 0
    assert new not in begun.out + switched.out + finished.out


def both_trusted(world: World) -> None:
    world.rotate("--begin", "--new", NEW)
    world.deploy()


@pytest.mark.parametrize(
    ("uses", "why"),
    [
        (lambda _: None, "CloudTrail shows no use of the new id"),
        (lambda world: world.used(OLD, 1), "CloudTrail shows no use of the new id"),
        (lambda world: world.used(NEW, 1, errorCode="AccessDenied"), "CloudTrail shows no use of the new id"),
        (
            lambda world: (world.used(NEW, 1), world.used(OLD, 9)),
            "the old id was used 2026-11-21 12:09:00 UTC, and the new one 2026-11-21 12:01:00 UTC already",
        ),
        (
            lambda world: (world.used(NEW, 1), world.used(OLD, 9), world.used(NEW, 9 + 12 * 60)),
            "the old id was used 2026-11-21 12:09:00 UTC",
        ),
    ],
)
def test_is_not_finished_before_the_vendor_has_changed(world: World, uses: Callable[[World], Any], why: str) -> None:
    both_trusted(world)
    uses(world)
    refused = world.rotate("--finish")
    assert (refused.code, world.ids) == (1, (OLD, NEW))
    assert why in refused.err
    assert world.rotate("--finish", "--unchecked").code == 1
    assert world.ids == (NEW,)


def test_parts_of_a_vendor_may_change_one_by_one(world: World) -> None:
    both_trusted(world)
    for external_id, minutes in ((NEW, 1), (OLD, 9), (NEW, 9 + 12 * 60 + 1)):
        world.used(external_id, minutes)
    assert "ledger: the vendor has changed to the new id." in world.rotate().out
    assert (world.rotate("--finish").code, world.ids) == (1, (NEW,))


def test_times_are_in_utc_wherever_the_person_is(world: World) -> None:
    both_trusted(world)
    world.used(NEW, 1)
    world.events[0]["EventTime"] = world.events[0]["EventTime"].astimezone(timezone(timedelta(hours=-8)))
    shown = world.rotate().out
    assert "the new id was last used 2026-11-21 12:01:00 UTC" in shown
    assert "the old id was not used in the last 90 days" in shown


def test_is_not_finished_before_both_are_trusted_whatever_is_said(world: World) -> None:
    world.rotate("--begin", "--new", NEW)
    refused = world.rotate("--finish", "--unchecked")
    assert (refused.code, world.ids) == (2, (OLD, NEW))
    assert "there is nothing to finish: the settings are not deployed" in refused.err


def test_is_not_begun_twice(world: World) -> None:
    world.rotate("--begin")
    ids = world.ids
    refused = world.rotate("--begin")
    assert (refused.code, world.ids) == (2, ids)
    assert "a rotation is under way already" in refused.err


def test_uses_that_were_not_looked_up_are_not_denied(world: World) -> None:
    world.used(OLD, 1)
    assert "used" not in world.rotate("--begin").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--begin", "--finish"), "Error: --finish needs a deploy of what --begin wrote, and a run of its own\n"),
        (("--new", NEW), "Error: --new needs --begin\n"),
        (("--unchecked",), "Error: --unchecked needs --finish\n"),
        (
            ("--begin", "--new", ""),
            "exports[0] (ledger).external_id[1]: got ''; expected an external id",
        ),
        (
            ("--begin", "--new", OLD),
            f"exports[0] (ledger).external_id: got a list of 2; expected each entry once ({OLD}",
        ),
    ],
)
def test_a_error_of_use_changes_nothing(world: World, arguments: tuple[str, ...], says: str) -> None:
    before = world.file.read_text()
    refused = world.rotate(*arguments)
    assert (refused.code, refused.out, world.file.read_text()) == (2, "", before)
    assert says in refused.err


def test_a_script_gets_the_step(world: World) -> None:
    both_trusted(world)
    found = json.loads(world.rotate("--json").out)
    assert (found["step"], found["in_settings"], found["trusted"]) == ("AT_THE_VENDOR", 2, 2)


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("ledgr", (), "ledgr: the settings have none of that name; did you mean ledger?"),
        ("catalogue", (), "catalogue: the settings name no external id."),
    ],
)
def test_what_cannot_be_rotated_says_why(world: World, name: str, arguments: tuple[str, ...], says: str) -> None:
    refused = world.rotate(*arguments, name=name)
    assert refused.code == 2
    assert says in refused.err


def test_an_id_that_the_vendor_makes_must_be_given(logdock: Type, aws: None, tmp_path: Path) -> None:
    file = tmp_path / "logdock.yaml"
    file.write_text((ROOT / "examples" / "mongodb-atlas.yaml").read_text())
    world = World(file, logdock)
    world.iam.create_role(
        RoleName="acme-prod-orders", AssumeRolePolicyDocument=world._trust(*external_ids(load_settings(file), "orders"))
    )
    assert "--begin --new ID" in world.rotate(name="orders").out
    refused = world.rotate("--begin", name="orders")
    assert (refused.code, "orders: the vendor makes this id. Give what it shows: --begin --new ID" in refused.err) == (
        2,
        True,
    )


def test_a_role_that_is_not_deployed_is_named(world: World) -> None:
    world.iam.delete_role(RoleName=LEDGER)
    refused = world.rotate()
    assert (refused.code, "acme-prod-ledger is not deployed" in refused.err) == (4, True)


HEAD = 'deployment: acme\naccount: "111122223333"\nregion: eu-west-1\nexports:\n'
ENTRY = """\
  - name: ledger  # ours
    kind: cockroachdb
    cluster_id: f78b7feb-b6cf-4396-9d7f-494982d7d81e
    external_id: {}
    # where it lands
    cluster_account_id: "222233334444"
    log_group: /acme/ledger
"""


@pytest.mark.parametrize(
    "written", [OLD, f"'{OLD}'  # made in May", f"[{OLD}, other-id]", f"\n      - {OLD}\n      - other-id"]
)
def test_every_other_character_of_the_file_stays(tmp_path: Path, written: str) -> None:
    file = tmp_path / "logdock.yaml"
    file.write_text(HEAD + ENTRY.format(written))
    write_external_ids(file, "ledger", [OLD, NEW])
    comment = "  # made in May" if "#" in written else ""
    assert file.read_text() == HEAD + ENTRY.format(f'["{OLD}", "{NEW}"]{comment}')
    write_external_ids(file, "ledger", [NEW])
    assert file.read_text() == HEAD + ENTRY.format(f'"{NEW}"{comment}')
    assert [path.name for path in tmp_path.iterdir()] == ["logdock.yaml"]
