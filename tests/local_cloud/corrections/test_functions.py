"""Functions: retries, failed events, and where they log.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


def test_a_failed_subscription_is_retried_and_then_kept_in_the_failure_bucket(emulator: Emulator) -> None:
    failures = made.bucket(emulator)
    role = made.role(
        emulator,
        made.allow("s3:PutObject", f"arn:aws:s3:::{failures}/*"),
        principal={"Service": "lambda.amazonaws.com"},
    )
    functions = emulator.client("lambda", ACCOUNT, region=REGION)
    function = functions.create_function(
        FunctionName="failing",
        Runtime="python3.13",
        Handler="failing.handler",
        Role=role,
        Code={"ZipFile": made.zipped("failing.py", "def handler(event, context):\n    raise RuntimeError(event)\n")},
    )["FunctionArn"]
    functions.put_function_event_invoke_config(
        FunctionName="failing",
        Qualifier="$LATEST",
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{failures}"}},
    )
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    logs.create_log_group(logGroupName="/aws/lambda/failing")
    logs.create_log_group(logGroupName="subscribed")
    logs.create_log_stream(logGroupName="subscribed", logStreamName="s")
    logs.put_subscription_filter(logGroupName="subscribed", filterName="all", filterPattern="", destinationArn=function)

    logs.put_log_events(logGroupName="subscribed", logStreamName="s", logEvents=[made.event("a line")])

    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    made.until(lambda: s3.list_objects_v2(Bucket=failures)["KeyCount"] == 1)
    (kept,) = s3.list_objects_v2(Bucket=failures)["Contents"]
    record = json.loads(s3.get_object(Bucket=failures, Key=kept["Key"])["Body"].read())
    payload = json.loads(gzip.decompress(base64.b64decode(record["requestPayload"]["awslogs"]["data"])))
    assert kept["Key"].startswith("aws/lambda/async/failing/")
    assert [event["message"] for event in payload["logEvents"]] == ["a line"]
    tries = logs.filter_log_events(logGroupName="/aws/lambda/failing", filterPattern="START")["events"]
    assert len(tries) == 3

    # The caller that sends the same event itself gets its result.
    answer = functions.invoke(FunctionName="failing", Payload=json.dumps(record["requestPayload"]))
    assert answer["FunctionError"] == "Unhandled"


def test_a_function_makes_no_log_group(emulator: Emulator) -> None:
    role = made.role(emulator, made.allow("logs:PutLogEvents", "*"), principal={"Service": "lambda.amazonaws.com"})
    functions = emulator.client("lambda", ACCOUNT, region=REGION)
    functions.create_function(
        FunctionName="talking",
        Runtime="python3.13",
        Handler="talking.handler",
        Role=role,
        Code={"ZipFile": made.zipped("talking.py", "def handler(event, context):\n    print('here')\n")},
    )

    functions.invoke(FunctionName="talking")

    logs = emulator.client("logs", ACCOUNT, region=REGION)
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/talking")["logGroups"] == []
    logs.create_log_group(logGroupName="/aws/lambda/talking")
    functions.invoke(FunctionName="talking")
    (line,) = logs.filter_log_events(logGroupName="/aws/lambda/talking", filterPattern="here")["events"]
    assert line["message"] == "here"


def test_every_line_of_an_invocation_is_logged(emulator: Emulator) -> None:
    role = made.role(emulator, made.allow("logs:PutLogEvents", "*"), principal={"Service": "lambda.amazonaws.com"})
    functions = emulator.client("lambda", ACCOUNT, region=REGION)
    code = "def handler(event, context):\n    print('here\\n' * 100_000 + 'finished')\n"
    functions.create_function(
        FunctionName="long",
        Runtime="python3.13",
        Handler="long.handler",
        Role=role,
        Code={"ZipFile": made.zipped("long.py", code)},
    )
    logs = emulator.client("logs", ACCOUNT, region=REGION)
    logs.create_log_group(logGroupName="/aws/lambda/long")

    functions.invoke(FunctionName="long")

    (line,) = logs.filter_log_events(logGroupName="/aws/lambda/long", filterPattern="finished")["events"]
    assert line["message"] == "finished"
