"""`logdock rotate-external-id` on the local cloud: three steps with a deploy each, and no call of a vendor lost.

Atlas makes its id itself, CockroachDB's is made here, and Logz.io's fetcher is set up by hand: their roles are rotated
together. The person may do no more than the page says, and deploys what the command names.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_cloud.cdk import Cdk
from local_cloud.customer import make_secrets, prepare
from local_cloud.emulator import Emulator
from local_cloud.stage import Stage
from local_cloud.stand_ins.sessions import Credentials, assume, vendor_identity
from local_cloud.vendor_accounts import Vendors
from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.end_to_end.person import Needs, Person, the_page_says

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT, REGION = "111122223333", "eu-west-1"
OLD = {"orders": "9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64", "ledger": "6d1f0c5be8a14c6f9f0d2b7a", "reader": "logzio:first"}
MADE_BY_THE_VENDOR = {"orders": "0c6b8f52-9c57-4c0e-8c1e-6b6f0a2f4d11", "reader": "logzio:second"}
SETTINGS = f"""\
# Ours; ask platform@acme.example.
deployment: acme
account: "{ACCOUNT}"
region: {REGION}

destinations:
  - name: reader
    kind: logzio
    mode: fetch
    account_id: "406095609952"
    external_id: {OLD["reader"]}  # from Logz.io's form

exports:
  - name: orders
    kind: mongodb-atlas
    project_id: 5e2211c17a3e5a48f5497de3
    atlas_principal_arn: arn:aws:iam::772401394250:root
    external_id: '{OLD["orders"]}'   # of the role in Atlas
    ship_to: [reader]

  - name: ledger
    kind: cockroachdb
    cluster_id: f78b7feb-b6cf-4396-9d7f-494982d7d81e
    cluster_account_id: "222233334444"
    # made in May
    external_id: {OLD["ledger"]}
    log_group: /acme/cockroach/ledger
"""
PRINCIPALS = {"orders": "772401394250", "ledger": "222233334444", "reader": "406095609952"}
STACKS = {"orders": "acme-orders", "ledger": "acme-ledger", "reader": "acme-shipper"}


@dataclass
class World:
    """The deployment as it is now, a person, and the vendors."""

    cdk: Cdk
    file: Path
    stage: Stage
    person: Person
    identities: dict[str, Credentials]

    def rotate(self, name: str, *arguments: str) -> tuple[int, str]:
        return self.person.logdock("rotate-external-id", name, *arguments)

    def deploy(self, *shown: str) -> None:
        """Deploy what the command has named."""
        named = rf"^Next: `npx cdk deploy (\S+) -c settings={self.file}`"
        stacks = [stack for text in shown for stack in re.findall(named, text, re.MULTILINE)]
        assert len(stacks) == len(shown), shown
        assembly = self.file.with_name("cdk.out")
        self.cdk.synth(self.file, assembly)
        outputs = self.stage.outputs | self.cdk.deploy(assembly, stacks=stacks, exclusively=True).outputs
        self.stage = Stage(self.stage.cloud, load_settings(self.file), outputs, self.stage.vendors)

    def works(self, name: str, external_id: str) -> bool:
        """Let a vendor do its work, in a session of its own; say whether it was let in."""
        role = Names.of(self.stage.settings).role_arn(f"acme-{name}")
        try:
            session = assume(self.stage, self.identities[name], role, external_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        WORK[name](self.stage, session)
        return True

    def next_second(self) -> None:
        """Wait for the next second: CloudTrail's times have no fractions."""
        second = int(time.time())
        while int(time.time()) == second:
            time.sleep(0.05)


def export_from_atlas(stage: Stage, session: Credentials) -> None:
    bucket, prefix = stage.stack_outputs("orders")["BucketName"], stage.stack_outputs("orders")["Prefix"]
    stage.client("s3", session).put_object(Bucket=bucket, Key=f"{prefix}/{time.time_ns()}.log", Body=b"a line\n")


def export_from_cockroachdb(stage: Stage, session: Credentials) -> None:
    where = {"logGroupName": "/acme/cockroach/ledger", "logStreamName": f"ops.{time.time_ns()}"}
    logs = stage.client("logs", session)
    logs.create_log_stream(**where)
    logs.put_log_events(**where, logEvents=[{"timestamp": time.time_ns() // 1_000_000, "message": "a line"}])


def fetch_to_logzio(stage: Stage, session: Credentials) -> None:
    stage.client("s3", session).list_objects_v2(Bucket=stage.archive_bucket, Prefix="feed/reader/orders/")


WORK: dict[str, Callable[[Stage, Credentials], None]] = {
    "orders": export_from_atlas,
    "ledger": export_from_cockroachdb,
    "reader": fetch_to_logzio,
}


def needs(_command: str) -> Needs:
    """Return what the page says that the command needs, on the roles that it is asked about."""
    return [
        (["iam:GetRole"], [f"arn:aws:iam::{ACCOUNT}:role/acme-{name}" for name in WORK]),
        (["cloudtrail:LookupEvents"], ["*"]),
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("rotate")
    file = directory / "logdock.yaml"
    file.write_text(SETTINGS)
    settings = load_settings(file)
    with Emulator(log_file=directory / "emulator.log") as cloud:
        prepare(cloud, settings, make_secrets(settings))
        cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=directory / "cdk.log")
        cdk.bootstrap()
        cdk.synth(file, directory / "cdk.out")
        stage = Stage(cloud, settings, cdk.deploy(directory / "cdk.out").outputs, Vendors(cloud))
        identities = {
            name: vendor_identity(stage, f"arn:aws:iam::{account}:root") for name, account in PRINCIPALS.items()
        }
        yield World(cdk, file, stage, Person(stage, file, needs), identities)


def test_a_rotation_lets_a_vendor_in_at_every_step_and_the_old_id_only_until_it_ends(world: World) -> None:
    ids = dict(OLD)
    for name, old in OLD.items():
        new, where = (" --new ID", ", with the id that the vendor shows") if name in MADE_BY_THE_VENDOR else ("", "")
        todo = f"Next: `logdock rotate-external-id {name} --begin{new} --settings {world.file}` starts one{where}"
        assert world.rotate(name) == (0, f"{name}: no rotation is under way.\n{todo}\n")
        assert (world.works(name, old), world.works(name, "another")) == (True, False)

    # First step: the settings say both, and until they are deployed the new one opens nothing and nothing is finished.
    printed = {}
    for name, old in OLD.items():
        given = ["--new", MADE_BY_THE_VENDOR[name]] if name in MADE_BY_THE_VENDOR else []
        code, printed[name] = world.rotate(name, "--begin", *given)
        assert (code, f"{name}: the settings are not deployed." in printed[name]) == (1, True), printed[name]
        party = next(
            party
            for party in (*load_settings(world.file).exports, *load_settings(world.file).destinations)
            if party.name == name
        )
        first, ids[name] = party.external_id  # type: ignore[union-attr, misc]
        assert first == old
        assert ids[name] == MADE_BY_THE_VENDOR.get(name, ids[name])
        assert (world.works(name, old), world.works(name, ids[name])) == (True, False)
        code, refused = world.rotate(name, "--finish", "--unchecked")
        assert (code, "there is nothing to finish: the settings are not deployed" in refused) == (2, True), refused
        code, refused = world.rotate(name, "--begin", *given)
        assert (code, "a rotation is under way already" in refused) == (2, True), refused
    assert re.fullmatch(r"[0-9a-f]{32}", ids["ledger"])
    assert not any(external_id in text for text in printed.values() for external_id in ids.values())
    begun = SETTINGS
    for name, old in OLD.items():
        quoted = f"'{old}'" if name == "orders" else old
        begun = begun.replace(f"external_id: {quoted}", f'external_id: ["{old}", "{ids[name]}"]')
    assert world.file.read_text() == begun

    # Second step: both open, and as long as the vendor comes with the old one it is not taken away.
    world.deploy(*printed.values())
    assert world.stage.stack_outputs("ledger")["ExternalId"] == ids["ledger"]
    for name, old in OLD.items():
        code, shown = world.rotate(name, "--finish")
        assert (code, "CloudTrail shows no use of the new id" in shown) == (1, True), shown
        assert (world.works(name, old), world.works(name, "another")) == (True, False)
    world.next_second()
    for name, new in ids.items():
        assert "the vendor is to change to the new one" in world.rotate(name)[1]
        assert world.works(name, new)
    world.next_second()
    # A part of CockroachDB's has not changed yet.
    assert world.works("ledger", OLD["ledger"])
    code, shown = world.rotate("ledger", "--finish")
    assert code == 1
    assert re.search(r"the old id was used \S+ \S+ UTC, and the new one \S+ \S+ UTC already", shown), shown
    assert world.file.read_text() == begun

    # Third step.
    for name in OLD:
        code, printed[name] = world.rotate(name, "--finish", *(["--unchecked"] if name == "ledger" else []))
        assert (code, f"{name}: the settings are not deployed." in printed[name]) == (1, True), printed[name]
        assert (world.works(name, OLD[name]), world.works(name, ids[name])) == (True, True)
    world.deploy(*printed.values())
    for name, old in OLD.items():
        assert (world.works(name, old), world.works(name, ids[name])) == (False, True)
        code, shown = world.rotate(name)
        assert (code, shown.splitlines()[0]) == (0, f"{name}: no rotation is under way.")
    after = SETTINGS
    for name, old in OLD.items():
        after = after.replace(f"'{old}'" if name == "orders" else old, f'"{ids[name]}"')
    assert world.file.read_text() == after


def test_the_page_says_what_the_person_of_this_test_may_do(world: World) -> None:
    assert world.person.may("rotate-external-id") == the_page_says("rotate-external-id")
