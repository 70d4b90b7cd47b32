"""A stateful resource whose logical id changes is replaced, and what it held is left behind: these ids never change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT, synthesize

STATEFUL = (
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::S3::BucketPolicy",
    "AWS::Kinesis::Stream",
)
RECORDED = Path(__file__).with_name("stateful_logical_ids.json")


@pytest.mark.parametrize("subscriptions", ["direct", "kinesis"])
def test_logical_ids_of_stateful_resources_never_change(subscriptions: str) -> None:
    everything = synthesize(ROOT / "examples" / "everything.yaml", subscriptions)
    found = {
        f"{stack}/{logical_id}": resource_type
        for resource_type in STATEFUL
        for stack, logical_id, resource in everything.resources(resource_type)
        if resource.get("DeletionPolicy") != "Delete"
    }
    recorded = json.loads(RECORDED.read_text())
    if subscriptions == "direct":
        recorded = {place: kind for place, kind in recorded.items() if kind != "AWS::Kinesis::Stream"}
    assert found == recorded, (
        "a stateful resource would be replaced or left behind. If a NEW resource came into the example, add its id to "
        f"{RECORDED.name}; never edit one that is there"
    )
