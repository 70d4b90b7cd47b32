"""Small objects to two destinations on the local cloud, one of which fails for a while: what arrives, what it takes.

The real CDK deploys the real stacks; the functions, queues, event rules, the mark table and both listeners are those of
the local cloud. One listener takes everything. The other fails in three ways, one after the other: it answers 503, it
refuses connections, and it takes bodies whose answers are lost. Everything must arrive at both, and no more may arrive
twice than the bodies whose answers were lost: that is what `docs/shipping.md` promises for these faults.

``python -m benchmarks.load --part 1`` is one part, on a cloud of its own; ``make load`` runs ten, which is 20,000
objects, and each ends within five minutes. The results are in ``build/load.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import report_progress
from local_cloud.cdk import Cdk
from local_cloud.customer import make_secrets, store_secrets
from local_cloud.emulator import Emulator
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings

if TYPE_CHECKING:
    from logdock.settings import Deployment

ROOT = Path(__file__).parents[1]
OUT = ROOT / "build" / "load.json"
ACCOUNT, REGION = "111122223333", "eu-west-1"
STEADY, AILING = "steady", "ailing"
SETTINGS = """
deployment: acme-load
account: "{account}"
region: {region}
destinations:
  - {{name: steady, kind: logzio, token_secret: acme/steady, listener_url: "{steady}"}}
  - {{name: ailing, kind: logzio, token_secret: acme/ailing, listener_url: "{ailing}"}}
exports:
  - {{name: load, kind: s3-logs, services: [cloudfront], ship_to: [steady, ailing]}}
"""
WRITERS = 4
FAULT_SECONDS = 12.0
"""How long the destination fails in each of the first two ways: messages that failed wait for half a minute."""
LOST_ANSWERS = 3
LIMIT_SECONDS = 270.0
"""After so long nothing is waited for any more."""
IDLE_SECONDS = 0.5


class Listener(LogzioListener):
    """A listener that can lose the answer to a body that it took, and counts the lines of those."""

    def __init__(self, *, certificate: Path, key: Path) -> None:
        super().__init__(certificate=certificate, key=key)
        self.answers_to_lose = 0
        """How many of the next answers are lost."""
        self.lost: Counter[str] = Counter()
        """How often each message was taken without an answer."""
        self._losing = threading.Lock()

    def take(self, query: Mapping[str, list[str]], body: bytes) -> tuple[int, bytes]:
        """Accept a body's lines; perhaps without an answer."""
        answer = super().take(query, body)
        with self._losing:
            if answer[0] == 200 and self.answers_to_lose:
                self.answers_to_lose -= 1
                self.lost.update(json.loads(line)["message"] for line in body.splitlines())
                raise ConnectionAbortedError
        return answer

    def messages(self) -> Counter[str]:
        """Count the messages of all lines that were accepted."""
        return Counter(json.loads(line)["message"] for lines in list(self.lines.values()) for line in list(lines))

    def count(self) -> int:
        """Return how many lines were accepted."""
        return sum(map(len, list(self.lines.values())))


def measure(folder: Path, objects: int, lines: int = 10, fault_seconds: float = FAULT_SECONDS) -> dict[str, Any]:
    """Land objects, break one destination for a while, wait, and compare what arrived with what landed.

    Parameters
    ----------
    folder
        Where the cloud keeps its logs.
    fault_seconds
        How long the destination answers 503, and then how long it refuses connections.
    """
    requests = folder / "requests.jsonl"
    with (
        Emulator(log_file=folder / "emulator.log", options={"LOGDOCK_REQUESTS_FILE": str(requests)}) as cloud,
        Listener(certificate=cloud.certificate, key=cloud.key) as steady,
        Listener(certificate=cloud.certificate, key=cloud.key) as ailing,
    ):
        file = folder / "logdock.yaml"
        file.write_text(SETTINGS.format(account=ACCOUNT, region=REGION, steady=steady.url, ailing=ailing.url))
        settings = load_settings(file)
        bucket = _deploy(cloud, settings, {STEADY: steady, AILING: ailing}, folder)
        requests.write_text("")
        run = _Run(cloud, bucket, objects, lines)
        begun = time.monotonic()
        landing = threading.Thread(target=run.land)
        landing.start()
        _until(lambda: ailing.count() > 0)
        report_progress(f"{AILING} answers 503")
        ailing.failing = 503
        time.sleep(fault_seconds)
        report_progress(f"{AILING} refuses connections")
        ailing.go_away()
        ailing.failing = None
        time.sleep(fault_seconds)
        report_progress(f"{AILING} loses {LOST_ANSWERS} answers, then is well")
        ailing.answers_to_lose = LOST_ANSWERS
        ailing.come_back()
        landing.join()
        landed = time.monotonic() - begun
        wanted = Counter(f"{number}.{line}" for number in range(objects) for line in range(lines))
        report_progress(f"all has landed after {landed:.0f} s")
        arrived: dict[str, float] = {}

        def is_complete() -> bool:
            for name, listener in ((STEADY, steady), (AILING, ailing)):
                if name not in arrived and listener.count() >= len(wanted) and listener.messages() >= wanted:
                    arrived[name] = time.monotonic() - begun
                    report_progress(f"all has arrived at {name}")
            return len(arrived) == 2

        _until(is_complete)
        # what comes twice may come later
        _until(lambda: run.waiting() == 0)
        kinds = Counter(_kind(json.loads(line)) for line in requests.read_text().splitlines())
        destinations = [
            _compared(name, listener, wanted, arrived[name]) for name, listener in ((STEADY, steady), (AILING, ailing))
        ]
        # each object is shipped twice, and both are counted here
        per_object = {kind: round(count / objects / 2, 3) for kind, count in sorted(kinds.items()) if count > 1}
        return {
            "objects": objects,
            "lines": len(wanted),
            "landed_seconds": round(landed, 1),
            "seconds": round(max(arrived.values()), 1),
            "invocations": run.invocations(settings),
            "destinations": destinations,
            "requests_per_object_and_destination": per_object,
        }


class _Run:
    """What is asked of the account while it is measured."""

    def __init__(self, cloud: Emulator, bucket: str, objects: int, lines: int) -> None:
        self._cloud, self._bucket, self._objects, self._lines = cloud, bucket, objects, lines
        self._sqs = self._client("sqs")
        names = ("", "-dead")
        self._queues = [
            self._sqs.get_queue_url(QueueName=f"acme-load-ship-{name}{suffix}")["QueueUrl"]
            for name in (STEADY, AILING)
            for suffix in names
        ]

    def _client(self, service: str) -> Any:
        return self._cloud.client(service, ACCOUNT, region=REGION)

    def land(self) -> None:
        s3 = self._client("s3")

        def put(number: int) -> None:
            text = "".join(f"{number}.{line}\n" for line in range(self._lines))
            s3.put_object(Bucket=self._bucket, Key=f"load/{number:06d}.gz", Body=gzip.compress(text.encode()))

        with ThreadPoolExecutor(WRITERS) as pool:
            for _ in pool.map(put, range(self._objects)):
                pass

    def waiting(self) -> int:
        """Return how many messages are in the queues, hidden or not, and in the dead-letter queues."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(
            int(count)
            for url in self._queues
            for count in self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()
        )

    def invocations(self, settings: Deployment) -> dict[str, int]:
        """Count the invocations of each function by their lines of figures, and its failed posts."""
        logs = self._client("logs")
        counts: Counter[str] = Counter()
        for name in (STEADY, AILING):
            group = f"/aws/lambda/{settings.deployment}-ship-{name}"
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                for event in page["events"]:
                    counts[name] += '"shipped"' in event["message"]
                    counts[f"{name}, gave up"] += '"returned"' in event["message"]
        return dict(counts)


def _deploy(cloud: Emulator, settings: Deployment, listeners: Mapping[str, Listener], folder: Path) -> str:
    secrets = make_secrets(settings)
    for token, name in secrets.tokens.items():
        listeners[name].tokens[token] = name
    store_secrets(cloud, settings, secrets)
    cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=folder / "cdk.log")
    report_progress("deploying")
    with ThreadPoolExecutor() as pool:
        synth = pool.submit(cdk.synth, folder / "logdock.yaml", folder / "cdk.out")
        for task in (pool.submit(cdk.bootstrap), synth):
            task.result()
    return cdk.deploy(folder / "cdk.out").outputs["acme-load-load"]["BucketName"]


def _kind(line: Mapping[str, str]) -> str:
    """Return what a request is counted as; a new deployment looks for marks of 0.1.0 in its first 15 minutes."""
    return "S3 marks of 0.1.0" if "/progress/" in line["what"] else line["kind"]


def _compared(name: str, listener: Listener, wanted: Counter[str], seconds: float) -> dict[str, Any]:
    """Compare what arrived with what landed; what is repeated must have been taken without an answer."""
    got = listener.messages()
    repeated = got - wanted
    return {
        "destination": name,
        "seconds": round(seconds, 1),
        "lost": (wanted - got).total(),
        "repeated": repeated.total(),
        "may_repeat": listener.lost.total(),
        "repeated_beyond": (repeated - listener.lost).total(),
        "refused": sum(listener.refusals.values()),
    }


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise SystemExit("not everything arrived in time")
        time.sleep(IDLE_SECONDS)


def is_kept(part: Mapping[str, Any]) -> bool:
    """Say whether the promise was kept: nothing lost, and nothing repeated but what was taken without an answer."""
    return not any(each["lost"] or each["repeated_beyond"] for each in part["destinations"])


def show(parts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the table's lines: a row for each part and destination, and the sums."""
    heads = f"{'part':>5} {'objects':>8} {'lines':>9} {'s':>6} {'ms an object':>13}"
    rows = [f"{heads} {'lost':>5} {'twice':>6} {'may':>5}  at"]
    objects = lines = lost = twice = may = 0
    for name, part in sorted(parts.items(), key=lambda each: (len(each[0]), each[0])):
        objects, lines = objects + part["objects"], lines + part["lines"]
        for each in part["destinations"]:
            lost, twice, may = lost + each["lost"], twice + each["repeated"], may + each["may_repeat"]
            pace = each["seconds"] / part["objects"] * 1000
            rows.append(
                f"{name:>5} {part['objects']:8,} {part['lines']:9,} {each['seconds']:6.0f} {pace:13.1f} "
                f"{each['lost']:5} {each['repeated']:6} {each['may_repeat']:5}  {each['destination']}"
            )
    return [*rows, f"{'all':>5} {objects:8,} {lines:9,} {'':6} {'':13} {lost:5} {twice:6} {may:5}"]


def main() -> None:
    """Run one part, add it to the results, and show all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--objects", type=int, default=2000, help="objects of this part")
    parser.add_argument("--part", default="1", help="its name in the results")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="load-"))
    try:
        part = measure(folder, options.objects)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    parts = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    parts[options.part] = part
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(parts, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(show(parts)) + "\n")
    if not is_kept(part):
        raise SystemExit("lines were lost, or repeated beyond what was taken without an answer")


if __name__ == "__main__":
    main()
