"""Custom resources: what becomes of one whose creation failed.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.local_cloud.corrections import made

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


ANSWERS = """
import json, os, urllib.request
import boto3

def handler(event, context):
    key = f"{event['RequestType']}-{event['LogicalResourceId']}"
    body = event.get("PhysicalResourceId", "").encode()
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=body)
    answer = {
        "Status": "FAILED" if event["ResourceProperties"]["Fails"] == event["RequestType"] else "SUCCESS",
        "Reason": "as asked", "PhysicalResourceId": "half-made",
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT"))
"""


def test_a_custom_resource_whose_creation_failed_is_deleted_by_its_id(emulator: Emulator) -> None:
    results = made.bucket(emulator)
    may = made.allow("s3:PutObject", f"arn:aws:s3:::{results}/*")
    function = made.function(emulator, "answers", ANSWERS, may, Environment={"Variables": {"BUCKET": results}})
    properties = {"ServiceToken": function, "Fails": "Create"}
    cloudformation = made.client(emulator, "cloudformation")

    template = {"Resources": {"Half": {"Type": "Custom::Half", "Properties": properties}}}
    cloudformation.create_stack(StackName="half", TemplateBody=json.dumps(template))
    made.until(lambda: made.status(cloudformation, "half") == "ROLLBACK_COMPLETE")

    s3 = made.client(emulator, "s3")
    found = {
        item["Key"]: s3.get_object(Bucket=results, Key=item["Key"])["Body"].read()
        for item in s3.list_objects_v2(Bucket=results)["Contents"]
    }
    assert found == {"Create-Half": b"", "Delete-Half": b"half-made"}
