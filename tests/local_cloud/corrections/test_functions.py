"""Functions: retries, failed events, and where they log.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services import lambda_svc

from local_cloud.corrections.functions import SharedZip, end_idle_environments, one_at_a_time
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


def test_the_same_code_is_extracted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for environment, code in (("first", "x = 1"), ("second", "x = 1"), ("changed", "x = 2")):
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
            archive.writestr("package/module.py", code)
        (tmp_path / environment).mkdir()
        SharedZip(tmp_path / "code.zip").extractall(tmp_path / environment)
    first, second, changed = (tmp_path / each / "package/module.py" for each in ("first", "second", "changed"))
    assert first.samefile(second)
    assert (first.read_text(), changed.read_text()) == ("x = 1", "x = 2")


def test_code_that_another_process_extracts_meanwhile_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("module.py", "x = 1")
    extract = zipfile.ZipFile.extractall

    def extract_second(self: zipfile.ZipFile, *arguments: Any) -> None:
        monkeypatch.setattr(zipfile.ZipFile, "extractall", extract)
        SharedZip(tmp_path / "code.zip").extractall(tmp_path / "other")
        extract(self, *arguments)

    monkeypatch.setattr(zipfile.ZipFile, "extractall", extract_second)
    for environment in ("other", "this"):
        (tmp_path / environment).mkdir()
    SharedZip(tmp_path / "code.zip").extractall(tmp_path / "this")
    assert (tmp_path / "this/module.py").samefile(tmp_path / "other/module.py")
    assert len([*(tmp_path / "ministack-code").iterdir()]) == 1


def test_threads_run_a_function_one_after_the_other() -> None:
    running: list[int] = []
    at_once: list[int] = []

    def run(number: int) -> None:
        running.append(number)
        time.sleep(0.001)  # others would run now
        at_once.append(len(running))
        running.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one_at_a_time(run), range(8)))
    assert at_once == [1] * 8


def test_an_idle_environment_ends_and_the_next_invocation_starts_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("acquire_worker", "reap_idle_workers"):
        monkeypatch.setattr(lambda_svc, name, getattr(lambda_svc, name))
    end_idle_environments()
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as written:
        written.writestr("index.py", "import os\ndef handler(event, context):\n    return os.getpid()\n")
    config = {
        "FunctionName": "idle",
        "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:idle",
        "Handler": "index.handler",
        "Runtime": "python3.13",
    }

    environment, _ = lambda_svc.acquire_worker("idle", config, code.getvalue())
    process = environment.invoke({}, "first")["result"]
    assert lambda_svc.reap_idle_workers(0) == 0
    os.kill(process, 0)
    lambda_svc.release_worker(environment)

    assert lambda_svc.reap_idle_workers(0) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    environment, _ = lambda_svc.acquire_worker("idle", config, code.getvalue())
    assert environment.invoke({}, "second")["result"] != process
    environment.kill()
