"""Metric streams of templates.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.local_cloud.corrections import made

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


def test_a_template_with_a_metric_stream_is_deployed_and_destroyed(emulator: Emulator) -> None:
    stream = {"Name": "metrics", "FirehoseArn": "x", "RoleArn": "x", "OutputFormat": "opentelemetry1.0"}
    resource = {"Type": "AWS::CloudWatch::MetricStream", "Properties": stream}

    assert made.deploy(emulator, "metered", {"Metrics": resource}) == "CREATE_COMPLETE"
    cloudformation = made.client(emulator, "cloudformation")
    (found,) = cloudformation.describe_stack_resources(StackName="metered")["StackResources"]
    assert found["PhysicalResourceId"] == "metrics"
    stack_id = cloudformation.describe_stacks(StackName="metered")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="metered")
    made.until(lambda: made.status(cloudformation, stack_id) == "DELETE_COMPLETE")
