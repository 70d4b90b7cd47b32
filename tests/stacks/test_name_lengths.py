"""With the longest names that the settings take, every physical name is one that AWS takes."""

import json
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from logdock.settings import Deployment
from logdock.settings.cross_checks_names import LONGEST_SUFFIX, _has_connector
from logdock.settings.document import Part
from tests.conftest import ROOT, synthesize_now
from tests.costly import sample

LENGTHS: dict[str, tuple[str, int]] = {
    "AWS::Athena::WorkGroup": ("Name", 128),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::CloudWatch::MetricStream": ("Name", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::Events::ApiDestination": ("Name", 64),
    "AWS::Events::Connection": ("Name", 64),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::Policy": ("PolicyName", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::KMS::Alias": ("AliasName", 256),
    "AWS::Kinesis::Stream": ("Name", 128),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName", 64),
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Logs::Destination": ("DestinationName", 512),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::Logs::SubscriptionFilter": ("FilterName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SSM::Parameter": ("Name", 1011),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", 80),
}
"""The property that names a resource, and the characters that the service's API reference allows."""
DEPLOYMENT = "acme-production1"
LONGEST_WITH_CONNECTOR = 64 - len(LONGEST_SUFFIX) - len(DEPLOYMENT) - 1


def at_full_length(example: str, *, longer: int = 0) -> dict[str, Any]:
    """Return an example whose names are as long as they may be, or those with a connector a little longer."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "examples" / f"{example}.yaml").read_text())
    document |= {"deployment": DEPLOYMENT}
    document = json.loads(json.dumps(document).replace("eu-west-1", "ap-southeast-2"))
    renamed = {}
    for at, part in enumerate((*document.get("destinations", []), *document["exports"])):
        connector = _has_connector(Part((), part))
        length = LONGEST_WITH_CONNECTOR + longer if connector else 32
        renamed[part["name"]] = part["name"] = f"{part['name'][:10]}{at:02d}".ljust(length, "x")
    for export in document["exports"]:
        export["ship_to"] = [renamed.get(name, name) for name in export.get("ship_to", [])]
        if Part((), export).lands_in_bucket and "existing_bucket" not in export:
            export["bucket"] = f"b-{export['name']}".ljust(63, "y")
    return document


@pytest.mark.parametrize("example", sample(["everything", "logzio", "replica", "s3-logs", "cockroachdb"], 5))
def test_longest_names_are_within_the_limits_of_aws(example: str) -> None:
    synthesized = synthesize_now(Deployment.model_validate(at_full_length(example)))
    too_long = []
    for stack, template in synthesized.templates.items():
        assert len(stack) <= 128
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] not in LENGTHS:
                continue
            key, most = LENGTHS[resource["Type"]]
            name = resource["Properties"].get(key, "")
            if isinstance(name, str) and len(name.removeprefix("alias/")) > most:
                too_long.append(f"{stack}/{logical_id}: {name} has {len(name)} characters, of {most}")
    assert not too_long, "\n".join(too_long)


def test_a_name_that_makes_a_functions_name_too_long_is_refused_with_the_length_that_fits() -> None:
    with pytest.raises(ValidationError) as refused:
        Deployment.model_validate(at_full_length("everything", longer=1))
    said = [str(error["msg"]) for error in refused.value.errors()]
    assert said
    assert all(f"at most {LONGEST_WITH_CONNECTOR} characters, because" in line for line in said), said
