"""Logz.io's S3 fetcher: reads whatever appears under a prefix after the last key that it saw.

It remembers one key per prefix and asks for what sorts after it, so a key that appears before one it has seen is never
read. Source: docs.logz.io, "AWS S3 Bucket" (S3 Fetcher).
"""

from __future__ import annotations

import gzip
import json
import re
import threading
from typing import TYPE_CHECKING, Any

from local_cloud.markers import Sightings
from local_cloud.stand_ins.attempts import misuse_key, reach_further, tamper_with_object, weaken_bucket
from local_cloud.stand_ins.sessions import enter, ids_of_others, try_the_door, vendor_identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.journal import Attempt, Journal
    from local_cloud.stage import Stage
    from logdock.vendors.logzio.settings import LogzioDestination

_POLL_SECONDS = 0.3
_MAX_OBJECT_BYTES = 50 * 1024 * 1024
_FORM = re.compile(r"-d '(\{.*?\})'")


class LogzioFetcher:
    """The fetchers of one Logz.io account: one per bucket and prefix that was entered there."""

    def __init__(self, stage: Stage, destination: LogzioDestination, journal: Journal) -> None:
        self._stage, self._destination, self._journal = stage, destination, journal
        if destination.connect:
            # What the deploy created by the API, and nothing from the person's side.
            self._forms = [one.document for one in stage.vendors.logzio_account(destination).fetchers.values()]
            self._account = stage.vendors.principal_arn(destination)
            journal.did(f"the deploy created {len(self._forms)} fetchers at Logz.io")
        else:
            # What a person enters in Logz.io's form is what the deployment says to enter.
            steps = stage.stack_outputs("shipper")[f"{destination.name.title().replace('-', '')}NextSteps"]
            self._forms = [json.loads(form) for form in _FORM.findall(steps)]
            self._account = f"arn:aws:iam::{destination.account_id}:root"
        self._role_arn = self._forms[0]["arn"]
        self._last = {form["prefix"]: "" for form in self._forms}
        self.fetched = Sightings()
        """The markers of what it read."""
        self.keys: list[str] = []

    @property
    def prefixes(self) -> list[tuple[str, str]]:
        """The buckets and prefixes that it reads."""
        return [(form["bucket"], form["prefix"]) for form in self._forms]

    def play(self, stop: threading.Event, is_done: Callable[[], bool]) -> None:
        """Fetch until everything is there, or until it is stopped; then try what Logz.io must not be able to do.

        Parameters
        ----------
        stop
            Set when there is no use in waiting any longer.
        is_done
            Whether what was fetched is all there will be.
        """
        stage, journal, destination = self._stage, self._journal, self._destination
        identity = vendor_identity(stage, self._account)
        external_ids = stage.external_ids(destination)
        session = enter(stage, journal, identity, self._role_arn, external_ids[-1], destination.session_seconds)
        s3 = stage.client("s3", session)
        for bucket in {form["bucket"] for form in self._forms}:
            s3.get_bucket_location(Bucket=bucket)
        try_the_door(
            stage,
            journal,
            identity,
            principal_arn=self._account,
            role_arn=self._role_arn,
            external_id=external_ids[-1],
            other_ids=ids_of_others(stage, external_ids),
        )
        while not stop.is_set():
            self._poll(s3)
            if is_done():
                break
            stop.wait(_POLL_SECONDS)
        journal.did(f"listed {len(self._forms)} prefixes and read {len(self.keys)} objects, in the order of their keys")
        journal.attempt_all(self._attempts(s3, session))

    def _poll(self, s3: Any) -> None:
        for form in self._forms:
            prefix = form["prefix"]
            pages = s3.get_paginator("list_objects_v2").paginate(
                Bucket=form["bucket"], Prefix=prefix, StartAfter=self._last[prefix]
            )
            for item in (item for page in pages for item in page.get("Contents", [])):
                body = s3.get_object(Bucket=form["bucket"], Key=item["Key"])["Body"].read()
                if len(body) > _MAX_OBJECT_BYTES:
                    self._journal.broken.append(f"{item['Key']} is larger than the 50 MB that Logz.io fetches")
                self.fetched.see(gzip.decompress(body).decode().splitlines())
                self._last[prefix] = item["Key"]
                self.keys.append(item["Key"])

    def _attempts(self, s3: Any, session: dict[str, Any]) -> list[Attempt]:
        stage = self._stage
        bucket = stage.archive_bucket
        customer = stage.customer("s3")
        archived = customer.list_objects_v2(Bucket=bucket, Prefix="logs/", MaxKeys=1).get(
            "Contents", [{"Key": "logs/x"}]
        )[0]["Key"]
        fed = self.keys[-1] if self.keys else f"{self._forms[0]['prefix']}x"
        head = customer.head_object(Bucket=bucket, Key=archived)
        key_arn = head.get("SSEKMSKeyId", "")
        landing = [outputs["BucketName"] for outputs in stage.outputs.values() if "BucketName" in outputs]
        attempts: list[Attempt] = [
            ("list the whole bucket", lambda: s3.list_objects_v2(Bucket=bucket)),
            ("read an object outside its prefix", lambda: s3.get_object(Bucket=bucket, Key=archived)),
            ("list the versions of the bucket's objects", lambda: s3.list_object_versions(Bucket=bucket)),
            ("write under its prefix", lambda: s3.put_object(Bucket=bucket, Key=f"{fed}x", Body=b"forged")),
            *tamper_with_object(s3, bucket, fed, "x"),
            *weaken_bucket(s3, bucket),
            *misuse_key(stage.client("kms", session), key_arn),
            *reach_further(stage, session, own=""),
        ]
        if landing:
            attempts.append(("list an export's landing bucket", lambda: s3.list_objects_v2(Bucket=landing[0])))
        return attempts
