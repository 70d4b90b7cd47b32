"""The cost model's requests, held against those that the local cloud counts, by kind and destination.

Objects land one at a time and each is shipped before the next one, as the model counts them.
"""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from local_cloud.cdk import Cdk
from local_cloud.customer import make_secrets, store_secrets
from local_cloud.emulator import Emulator
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings
from logdock.settings.costs import EVENTS_OF_AN_OBJECT, PER_OBJECT, Inputs
from tests.end_to_end.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

SETTINGS = """
deployment: acme-bill
account: "111122223333"
region: eu-west-1
destinations:
  - {{name: logz, kind: logzio, token_secret: acme/logzio, listener_url: "{url}"}}
  - {{name: reader, kind: logzio, mode: fetch, account_id: "406095609952", external_id: "logzio:aws:extid:example"}}
exports:
  - {{name: pushed, kind: s3-logs, services: [cloudfront], ship_to: [logz]}}
  - {{name: fed, kind: s3-logs, services: [cloudfront], ship_to: [reader]}}
  - {{name: rewritten, kind: s3-logs, services: [cloudfront], ship_to: [archive]}}
  - {{name: grouped, kind: cloudwatch-logs, log_groups: [/acme/grouped], ship_to: [logz, reader]}}
"""
OBJECTS = 3
PLATFORM_LINES_BYTES = 450
"""What Lambda itself logs of an invocation, START, END and REPORT, which the local cloud does not."""


def test_the_model_counts_the_requests_that_the_local_cloud_sees(tmp_path: Path) -> None:
    requests = tmp_path / "requests.jsonl"
    with (
        Emulator(log_file=tmp_path / "emulator.log", options={"LOGDOCK_REQUESTS_FILE": str(requests)}) as cloud,
        LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        file = tmp_path / "logdock.yaml"
        file.write_text(SETTINGS.format(url=listener.url))
        settings = load_settings(file)
        secrets = make_secrets(settings)
        listener.tokens.update(secrets.tokens)
        store_secrets(cloud, settings, secrets)

        def client(service: str) -> Any:
            return cloud.client(service, settings.account, region=settings.region)

        s3, logs, sqs = client("s3"), client("logs"), client("sqs")
        logs.create_log_group(logGroupName="/acme/grouped")
        logs.create_log_stream(logGroupName="/acme/grouped", logStreamName="one")
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=tmp_path / "cdk.log")
        with ThreadPoolExecutor() as pool:
            for task in (pool.submit(cdk.bootstrap), pool.submit(cdk.synth, file, tmp_path / "cdk.out")):
                task.result()
        outputs = cdk.deploy(tmp_path / "cdk.out").outputs

        def idle() -> bool:
            """Return whether nothing waits on a queue."""
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            urls = sqs.list_queues()["QueueUrls"]
            found = (sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in urls)
            return all(int(number) == 0 for each in found for number in each.values())

        def counted(land: Callable[[int], object], done: Callable[[], int]) -> Counter[str]:
            """Return what an object or payload causes, on average, by caller and operation."""
            before = len(requests.read_text().splitlines())
            for number in range(OBJECTS):
                finished = done()
                land(number)
                until("it is shipped", lambda finished=finished: done() > finished)  # type: ignore[misc]
                until("nothing waits", idle)
            lines = map(json.loads, requests.read_text().splitlines()[before:])
            found = Counter(kind_of(line) for line in lines)
            return Counter({kind: count / OBJECTS for kind, count in found.items() if kind})

        def shipped(function: str) -> int:
            return sum('"shipped"' in message for message in messages(logs, f"/aws/lambda/acme-bill-{function}"))

        def put(export: str) -> Callable[[int], object]:
            bucket = outputs[f"acme-bill-{export}"]["BucketName"]
            return lambda number: s3.put_object(
                Bucket=bucket, Key=f"{export}/{number}.gz", Body=gzip.compress(f"{export} {number}\n".encode())
            )

        def write(number: int) -> None:
            event = {"timestamp": int(time.time() * 1000), "message": f"grouped {number}"}
            logs.put_log_events(logGroupName="/acme/grouped", logStreamName="one", logEvents=[event])

        landing = PER_OBJECT["landing"]
        cases = {
            "push": (put("pushed"), lambda: shipped("ship-logz"), landing + PER_OBJECT["push"]),
            "feed": (put("fed"), lambda: shipped("ship-reader"), landing + PER_OBJECT["feed"]),
            "archive": (put("rewritten"), lambda: shipped("ship-archive"), landing + PER_OBJECT["archive"]),
            "log groups": (
                write,
                lambda: min(shipped("ship-logz") - OBJECTS, shipped("ship-reader") - OBJECTS),
                PER_OBJECT["archiving"] + PER_OBJECT["push"] + PER_OBJECT["feed"],
            ),
        }
        for name, (land, done, model) in cases.items():
            found = counted(land, done)
            created = found["event"]
            assert (found["put"], found["get"], found["mark"]) == (model.puts, model.gets, model.marks), (name, found)
            # An object's end is years away: the model counts its two further events.
            assert created * EVENTS_OF_AN_OBJECT == model.events, (name, found)

        for function in ("ship-logz", "ship-reader", "ship-archive", "archiver"):
            own = messages(logs, f"/aws/lambda/acme-bill-{function}")
            invocations = sum('"shipped"' in message for message in own)
            size = sum(len(message.encode()) for message in own) / invocations + PLATFORM_LINES_BYTES
            assert 0.5 * Inputs().own_log_bytes < size <= Inputs().own_log_bytes, (function, size)


def kind_of(line: dict[str, str]) -> str | None:
    """Return how a request is priced; None for what is not counted: the answers' own checks, and the test's."""
    kind, what = line["kind"], line["what"]
    if what.startswith("cdk-"):
        return None
    if kind == "dynamodb:UpdateItem":
        # a destination notes once when it began; what lands within 15 minutes of that is looked for in S3 too
        return None if what.endswith("/") else "mark"
    if "/progress/" in what:
        return None
    if kind == "Object Created":
        return "event"
    if kind in ("s3:PutObject", "s3:ListBucket"):
        return "put"
    return "get" if kind in ("s3:GetObject", "s3:GetObjectVersion") else None


def messages(logs: Any, group: str) -> list[str]:
    """Return what a function has logged."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]
