"""Exports of RDS from deploy to destroy: a cluster and instances are configured, archived from, and put back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from local_cloud.customer import Customer, sightings
from local_cloud.stage import Stage
from local_cloud.stand_ins import databases
from settings.exports import RdsExport
from tests.conftest import ROOT
from tests.end_to_end.played import played_and_destroyed

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]


def archived_entries(stage: Stage, customer: Customer, export: RdsExport) -> list[dict[str, object]]:
    return [entry for entry in map(json.loads, customer.archived(export)) if entry["log_type"] == "postgresql"]


def test_databases_are_configured_archived_from_and_put_back(tmp_path: Path) -> None:
    file = tmp_path / "logdock.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load((ROOT / "examples" / "rds.yaml").read_text())))
    with played_and_destroyed(file) as (stage, customer, written, destroy):
        exports = [each for each in stage.settings.exports if isinstance(each, RdsExport)]
        for export in exports:
            assert sightings(customer.archived(export)).of(written[export.name]) == written[export.name]
        entries = archived_entries(stage, customer, next(each for each in exports if each.name == "orders"))
        refused = [entry for entry in entries if "ERROR:" in str(entry["message"])]
        # an entry of three events is one record, with the fields of its first line
        assert refused
        assert all(str(entry["message"]).count("\n") == 2 for entry in refused)
        assert {str(entry["fields"]["error_severity"]) for entry in refused} == {"ERROR"}  # type: ignore[index]
        destroy([f"acme-prod-{each.name}" for each in exports])
        assert [each.name for each in exports if not databases.is_as_it_was(stage, each)] == []
