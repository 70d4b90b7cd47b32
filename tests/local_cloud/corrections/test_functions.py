"""Functions: retries, failed events, and where they log.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING

from tests.local_cloud.corrections import made

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


def test_a_failed_subscription_is_retried_and_then_kept_in_the_failure_bucket(emulator: Emulator) -> None:
    failures = made.bucket(emulator)
    functions = made.client(emulator, "lambda")
    may = made.allow("s3:PutObject", f"arn:aws:s3:::{failures}/*")
    function = made.function(emulator, "failing", "def handler(event, context):\n    raise RuntimeError(event)\n", may)
    functions.put_function_event_invoke_config(
        FunctionName="failing",
        Qualifier="$LATEST",
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{failures}"}},
    )
    logs, _ = made.log_group(emulator, "subscribed")
    logs.create_log_group(logGroupName="/aws/lambda/failing")
    logs.put_subscription_filter(logGroupName="subscribed", filterName="all", filterPattern="", destinationArn=function)

    logs.put_log_events(logGroupName="subscribed", logStreamName="s", logEvents=[made.event("a line")])

    s3 = made.client(emulator, "s3")
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
    functions = made.client(emulator, "lambda")
    code = "def handler(event, context):\n    print('here')\n"
    made.function(emulator, "talking", code, made.allow("logs:PutLogEvents", "*"))

    functions.invoke(FunctionName="talking")

    logs = made.client(emulator, "logs")
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/talking")["logGroups"] == []
    logs.create_log_group(logGroupName="/aws/lambda/talking")
    functions.invoke(FunctionName="talking")
    (line,) = logs.filter_log_events(logGroupName="/aws/lambda/talking", filterPattern="here")["events"]
    assert line["message"] == "here"


def test_every_line_of_an_invocation_is_logged(emulator: Emulator) -> None:
    functions = made.client(emulator, "lambda")
    code = "def handler(event, context):\n    print('here\\n' * 100_000 + 'finished')\n"
    made.function(emulator, "long", code, made.allow("logs:PutLogEvents", "*"))
    logs = made.client(emulator, "logs")
    logs.create_log_group(logGroupName="/aws/lambda/long")

    functions.invoke(FunctionName="long")

    (line,) = logs.filter_log_events(logGroupName="/aws/lambda/long", filterPattern="finished")["events"]
    assert line["message"] == "finished"
