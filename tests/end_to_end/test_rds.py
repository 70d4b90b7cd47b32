"""Exports of RDS from deploy to destroy: a cluster and instances are configured, archived from, and put back."""

import datetime
import json
import shutil
from pathlib import Path

import pytest

from local_cloud.cdk import Cdk
from local_cloud.customer import Customer, sightings
from local_cloud.vendors.rds import databases
from logdock.vendors.rds.settings import RdsExport
from tests.conftest import ROOT
from tests.end_to_end.played import played

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]


def test_databases_are_configured_archived_from_and_put_back(tmp_path: Path) -> None:
    file = Path(shutil.copy(ROOT / "examples" / "rds.yaml", tmp_path / "logdock.yaml"))
    began = datetime.datetime.now(datetime.UTC)
    with played(file) as deployed:
        stage = deployed.stage
        customer = Customer(stage, deployed.secrets, began)
        exports = [each for each in stage.settings.exports if isinstance(each, RdsExport)]
        for each in exports:
            assert deployed.written[each.name]
            assert sightings(customer.archived(each)).of(deployed.written[each.name]) == deployed.written[each.name]

        # an entry that arrives as three events is one record, with the fields of its prefix
        (orders,) = (each for each in exports if each.name == "orders")
        entries = [json.loads(line) for line in customer.archived(orders)]
        refused = [entry for entry in entries if "ERROR:" in entry["message"]]
        assert refused
        assert {(entry["message"].count("\n"), entry["fields"]["error_severity"]) for entry in refused} == {
            (2, "ERROR")
        }

        settings = stage.settings
        log = tmp_path / "destroy.log"
        cdk = Cdk(cloud=stage.cloud, account=settings.account, region=settings.region, log_file=log)
        cdk.destroy(tmp_path / "cdk.out", *(f"{settings.deployment}-{each.name}" for each in exports))
        assert [each.name for each in exports if not databases.is_as_it_was(stage, each)] == []
