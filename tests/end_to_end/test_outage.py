"""The listener dies in the middle of a load and comes back; the counts match to the record, and the feed's too."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from local_cloud.cdk import Cdk
from local_cloud.customer import make_secrets, store_secrets
from local_cloud.emulator import Emulator
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings
from tests.end_to_end.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

SETTINGS = """
deployment: acme-away
account: "111122223333"
region: eu-west-1
destinations:
  - {{name: logz, kind: logzio, token_secret: acme/logzio, listener_url: "{url}"}}
  - {{name: reader, kind: logzio, mode: fetch, account_id: "406095609952", external_id: "logzio:aws:extid:example"}}
exports:
  - {{name: load, kind: s3-logs, services: [cloudfront], ship_to: [logz, reader]}}
"""
OBJECTS, LINES = 24, 50


def test_a_listener_that_dies_in_the_middle_of_a_load_loses_and_repeats_no_record(tmp_path: Path) -> None:
    with (
        Emulator(log_file=tmp_path / "emulator.log") as cloud,
        LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        file = tmp_path / "logdock.yaml"
        file.write_text(SETTINGS.format(url=listener.url))
        settings = load_settings(file)
        secrets = make_secrets(settings)
        listener.tokens.update(secrets.tokens)
        store_secrets(cloud, settings, secrets)
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=tmp_path / "cdk.log")
        with ThreadPoolExecutor() as pool:
            for task in (pool.submit(cdk.bootstrap), pool.submit(cdk.synth, file, tmp_path / "cdk.out")):
                task.result()
        bucket = cdk.deploy(tmp_path / "cdk.out").outputs["acme-away-load"]["BucketName"]

        def client(service: str) -> Any:
            return cloud.client(service, settings.account, region=settings.region)

        s3, sqs = client("s3"), client("sqs")
        queue = sqs.get_queue_url(QueueName="acme-away-ship-logz")["QueueUrl"]

        def land(numbers: range) -> None:
            for number in numbers:
                lines = "".join(f"{number}.{line}\n" for line in range(LINES))
                s3.put_object(Bucket=bucket, Key=f"load/{number}.gz", Body=gzip.compress(lines.encode()))

        def arrived() -> Counter[str]:
            return Counter(json.loads(line)["message"] for line in list(listener.lines["logz"]))

        def waiting() -> int:
            """Return how many messages are in the queue, hidden or not."""
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            return sum(map(int, sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values()))

        third = OBJECTS // 3
        land(range(third))
        until("a record arrives", arrived)
        listener.go_away()
        before = arrived()
        land(range(third, 2 * third))
        until("the break is noted", lambda: waiting() >= third and failures(client("logs"), "broke the connection") > 0)
        assert arrived() == before
        listener.failing = 503
        listener.come_back()
        land(range(2 * third, OBJECTS))
        until("a request is refused", lambda: listener.refusals[503] > 0)
        assert arrived() == before
        listener.failing = None

        wanted = Counter(f"{number}.{line}" for number in range(OBJECTS) for line in range(LINES))
        until("every record arrives", lambda: arrived() >= wanted)
        assert arrived() == wanted

        # EventBridge delivers at least once: everything is announced again.
        for number in range(OBJECTS):
            version = s3.head_object(Bucket=bucket, Key=f"load/{number}.gz")["VersionId"]
            item = {"key": f"load/{number}.gz", "version-id": version}
            body = {"export": "load", "detail": {"bucket": {"name": bucket}, "object": item}}
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
        until("nothing waits", lambda: waiting() == 0)
        assert arrived() == wanted

        archive = settings.archive_bucket
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=archive, Prefix="feed/reader/load/")["Contents"]]
        fed = b"".join(gzip.decompress(s3.get_object(Bucket=archive, Key=key)["Body"].read()) for key in keys)
        assert Counter(json.loads(line)["message"] for line in fed.splitlines()) == wanted
        written = {key: s3.head_object(Bucket=archive, Key=key)["LastModified"] for key in keys}
        assert sorted(keys, key=written.__getitem__) == keys


def failures(logs: Any, text: str) -> int:
    """Return how often the function's log says so."""
    events = logs.filter_log_events(logGroupName="/aws/lambda/acme-away-ship-logz")["events"]
    return sum(text in event["message"] for event in events)
