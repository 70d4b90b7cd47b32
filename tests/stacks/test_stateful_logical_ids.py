"""A stateful resource whose logical id changes is replaced, and what it held is left behind: these ids never change."""

import json
from pathlib import Path

from tests.conftest import ROOT, synthesize

STATEFUL = (
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::S3::BucketPolicy",
    "AWS::Kinesis::Stream",
)
RECORDED = Path(__file__).with_name("stateful_logical_ids.json")


def test_logical_ids_of_stateful_resources_never_change() -> None:
    found = {
        f"{stack}/{logical_id}": resource_type
        for example, subscriptions in (("everything", "kinesis"), ("replica", None), ("log-archive-account", None))
        for resource_type in STATEFUL
        for stack, logical_id, resource in synthesize(ROOT / "examples" / f"{example}.yaml", subscriptions).resources(
            resource_type
        )
        if resource.get("DeletionPolicy") != "Delete"
    }
    recorded = json.loads(RECORDED.read_text())
    assert found == recorded, (
        "a stateful resource would be replaced or left behind. If a NEW resource came into the example, add its id to "
        f"{RECORDED.name}; never edit one that is there"
    )
