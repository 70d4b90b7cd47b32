"""Log groups that are moved to a stream and back: every line is archived, even while components are missing."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local_cloud.cdk import Cdk, CdkError
from local_cloud.customer import Customer, make_secrets, prepare, sightings
from local_cloud.emulator import Emulator
from local_cloud.markers import Line, new_hex
from local_cloud.play import Play
from local_cloud.stage import Stage
from local_cloud.stand_ins.log_events import put_lines
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import Deployment, load_settings
from tests.conftest import ROOT
from tests.end_to_end.waiting import until

if TYPE_CHECKING:
    from logdock.settings.exports import Export

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

EXAMPLE = ROOT / "examples" / "subscriptions.yaml"
GROUP = "/acme/apps/checkout"
REGIONS = ("eu-west-1", "us-east-1")
WITH_LOG_GROUPS = ("acme-prod-services", "acme-prod-ledger", "acme-prod-ledger-us-east-1")


@dataclass
class World:
    """A local cloud, and the deployment in it."""

    cloud: Emulator
    cdk: Cdk
    directory: Path
    settings: Deployment

    def templates(self, subscriptions: str) -> Path:
        """Write the templates of the example, with subscriptions travelling one way."""
        file = self.directory / f"{subscriptions}.yaml"
        document = yaml.safe_load(EXAMPLE.read_text())
        file.write_text(yaml.safe_dump(document | {"subscriptions": subscriptions}))
        self.cdk.synth(file, self.directory / subscriptions)
        return self.directory / subscriptions

    def client(self, service: str, region: str = REGIONS[0]) -> Any:
        return self.cloud.client(service, self.settings.account, region=region)

    def subscriptions(self) -> dict[tuple[str, str, str], str]:
        """Return what each subscription goes to, by Region, log group and name."""
        found = {}
        for region in REGIONS:
            logs = self.client("logs", region)
            for group in logs.describe_log_groups(logGroupNamePrefix="/acme/")["logGroups"]:
                name = group["logGroupName"]
                for each in logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]:
                    found[region, name, each["filterName"]] = each["destinationArn"].split(":")[2]
        return found

    def write(self) -> str:
        """Write a line to a log group; return what it is known by."""
        marker = new_hex(32)
        line = Line(f"a line with {marker}", marker, time.time_ns() // 1_000_000)
        put_lines(self.client("logs"), GROUP, f"stream-{marker}", [line])
        return marker


def wait_for(marker: str, customer: Customer, export: Export) -> None:
    """Wait until a line is in the archive."""
    until("the line is archived", lambda: sightings(customer.archived(export)).of({marker}))


def test_log_groups_move_to_a_stream_and_back_and_every_line_is_archived(tmp_path: Path) -> None:
    settings = load_settings(EXAMPLE)
    with (
        Emulator(log_file=tmp_path / "emulator.log") as cloud,
        LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=tmp_path / "cdk.log")
        world, secrets, services = World(cloud, cdk, tmp_path, settings), make_secrets(settings), settings.exports[0]
        cdk.bootstrap(*REGIONS)
        prepare(cloud, settings, secrets)

        direct = world.templates("direct")
        cdk.deploy(direct)
        before = world.subscriptions()
        assert set(before.values()) == {"lambda"}

        kinesis = world.templates("kinesis")
        stage = Stage(cloud, settings, cdk.deploy(kinesis).outputs, Vendors(cloud))
        assert world.subscriptions() == dict.fromkeys(before, "kinesis")
        report = Play(stage, secrets, listener).perform()
        assert report.broken == []
        for entry in report.exports:
            assert entry.archived_records == entry.written_records > 0
            assert entry.lost_records == entry.duplicate_records == 0

        # Records that are sent while there is no reader wait in the stream.
        customer = Customer(stage, secrets, datetime.datetime.now(datetime.UTC))
        cdk.destroy(kinesis, "acme-prod-shipper")
        while_away = world.write()
        cdk.deploy(kinesis)
        wait_for(while_away, customer, services)

        # The stream does not go before the log groups have moved.
        with pytest.raises(CdkError, match="acme-prod-subscriptions-stream-arn cannot be deleted as it is in use"):
            cdk.deploy(direct)
        assert set(world.subscriptions().values()) == {"kinesis"}
        cdk.deploy(direct, stacks=WITH_LOG_GROUPS, exclusively=True)
        assert world.subscriptions().items() >= before.items()
        cdk.deploy(direct)
        wait_for(world.write(), customer, services)
        for region in REGIONS:
            assert world.client("kinesis", region).list_streams()["StreamNames"] == ["acme-prod-shipper-subscriptions"]
            assert world.client("lambda", region).list_event_source_mappings()["EventSourceMappings"] == []
