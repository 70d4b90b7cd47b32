"""Logz.io's fetchers by the real CDK on the local cloud: refused, made, given another external id, removed."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.cdk import CdkError
from local_cloud.emulator import Emulator
from local_cloud.stage import Stage
from local_cloud.stand_ins.sessions import assume, vendor_identity
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.api import Account, Fetcher
from local_cloud.vendors.server import Reply
from logdock.settings import Deployment
from logdock.vendors.logzio.settings import LogzioDestination
from tests.end_to_end.test_connect import Customer
from tests.settings.documents import FETCH, destination, document, export

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

STACK, FEED = "acme-prod-shipper", "feed/reader/apps/"
FETCHERS = "/v1/log-shipping/s3-buckets"

_accounts = (f"{4000_0000_0000 + number:012d}" for number in itertools.count())


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(log_file=tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        yield emulator


@pytest.fixture
def customer(cloud: Emulator, tmp_path: Path) -> Iterator[Customer]:
    with Vendors(cloud) as vendors:
        one = Customer(cloud, vendors, tmp_path, next(_accounts))
        one.client("logs").create_log_group(logGroupName="/acme/apps/checkout")
        yield one


def reader(*exports: dict[str, Any], log_type: str | None = None, **connect: Any) -> dict[str, Any]:
    connect = {"secret": "acme/api", **connect}
    one = destination(FETCH, account_id=None, external_id=None, connect=connect, log_type=log_type)
    return document(*(exports or [export("cloudwatch-logs", ship_to=["reader"])]), destinations=[one])


def account_of(customer: Customer, settings: Deployment) -> Account:
    (party,) = settings.destinations
    assert isinstance(party, LogzioDestination)
    return customer.vendors.logzio_account(party)


def trusted(customer: Customer) -> list[str]:
    """Return the external ids that the role is deployed to trust."""
    role = customer.client("iam").get_role(RoleName="acme-prod-reader")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    ids = statement["Condition"]["StringEquals"]["sts:ExternalId"]
    return [ids] if isinstance(ids, str) else list(ids)


def next_steps(customer: Customer) -> str:
    (stack,) = customer.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return str(outputs["ReaderNextSteps"])


class Logzio(threading.Thread):
    """Logz.io's fetchers at work, and an application whose lines land in the feed meanwhile.

    Each fetcher assumes the role anew at every round, and reads what sorts after the last key that it saw; it begins
    after what was there when it was made.
    """

    def __init__(self, customer: Customer, settings: Deployment) -> None:
        super().__init__(daemon=True)
        self._account = account_of(customer, settings)
        self._stage = Stage(customer.cloud, settings, {}, customer.vendors)
        self._s3 = customer.client("s3")
        self._identity = vendor_identity(self._stage, f"arn:aws:iam::{customer.vendors.logzio.aws_account_id}:root")
        self._last: dict[int, str] = {}
        self._end = threading.Event()
        self.rounds = 0
        self.landed: list[str] = []
        self.fetched: dict[int, list[str]] = {}
        self.refused: list[str] = []

    def run(self) -> None:
        while not self._end.is_set():
            for number, fetcher in list(self._account.fetchers.items()):
                self._last.setdefault(number, self.landed[-1] if self.landed else FEED)
                try:
                    self._fetch(number, fetcher)
                except ClientError as error:
                    # One that was removed in the meantime need not work any more.
                    if number in self._account.fetchers:
                        self.refused.append(f"{number} with {fetcher.external_id}: {error}")
            self.land()
            self.rounds += 1
            time.sleep(0.1)

    def land(self) -> None:
        """Put an object into the feed, as the shipper does: each key above the last."""
        key = f"{FEED}{time.time_ns() // 1_000_000:013d}-{len(self.landed):016x}.json.gz"
        self._s3.put_object(Bucket=self._stage.settings.archive_bucket, Key=key, Body=b"a line")
        self.landed.append(key)

    def stop(self) -> None:
        """Let them read what is there, and no more."""
        self._end.set()
        self.join()
        for number, fetcher in self._account.fetchers.items():
            self._fetch(number, fetcher)

    def _fetch(self, number: int, fetcher: Fetcher) -> None:
        form = fetcher.document
        s3 = self._stage.client("s3", assume(self._stage, self._identity, form["arn"], fetcher.external_id))
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=form["bucket"], Prefix=form["prefix"], StartAfter=self._last[number]
        )
        for item in (item for page in pages for item in page.get("Contents", [])):
            s3.get_object(Bucket=form["bucket"], Key=item["Key"])["Body"].read()
            self.fetched.setdefault(number, []).append(item["Key"])
            self._last[number] = item["Key"]


def test_another_external_id_takes_three_deploys_and_a_polling_reader_is_never_refused(customer: Customer) -> None:
    settings = customer.settings(reader(revision="1"))
    customer.store(customer.vendors.know(settings))
    customer.deploy()
    account = account_of(customer, settings)
    old, (first,) = account.external_id, account.fetchers
    assert trusted(customer) == [old]

    logzio = Logzio(customer, settings)
    logzio.start()
    new = account.change_external_id()

    # Logz.io refuses at first: what reads goes on reading.
    customer.vendors.logzio.fail("POST", FETCHERS, Reply(403, {"message": "not today"}))
    customer.settings(reader(revision="2"))
    with pytest.raises(CdkError):
        customer.deploy()
    assert "not today" in customer.events(STACK)
    assert trusted(customer) == [old]
    assert list(account.fetchers) == [first]

    customer.deploy()
    assert trusted(customer) == [old, new]
    assert [one.external_id for one in account.fetchers.values()] == [old, new]
    assert "Two fetchers read each feed now" in next_steps(customer)

    customer.settings(reader(revision="3"))
    customer.deploy()
    assert trusted(customer) == [old, new]
    assert [one.external_id for one in account.fetchers.values()] == [new]
    assert "the former one is still trusted" in next_steps(customer)

    customer.settings(reader(revision="4"))
    customer.deploy()
    assert trusted(customer) == [new]
    assert next_steps(customer).startswith("Nothing to do")
    (second,) = account.fetchers
    assert second != first

    rounds = logzio.rounds
    while logzio.rounds < rounds + 5:
        time.sleep(0.1)
    logzio.stop()
    assert logzio.refused == []
    assert logzio.rounds > 20
    everything = {key for keys in logzio.fetched.values() for key in keys}
    assert [key for key in logzio.landed if key not in everything] == []
    assert set(logzio.fetched) == {first, second}

    # The reader would have been refused: who comes with the former id now, is.
    account.fetchers[second].external_id = old
    with pytest.raises(ClientError, match="AccessDenied"):
        logzio._fetch(second, account.fetchers[second])


def test_logzio_refuses_then_agrees_then_is_changed_and_left(customer: Customer) -> None:
    settings = customer.settings(reader())
    right = customer.vendors.know(settings)
    logzio, account = customer.vendors.logzio, account_of(customer, settings)

    # A token that Logz.io does not know: no role, no fetcher.
    customer.store({"acme/api": json.dumps({"api_token": "a-shipping-token-by-accident"})})
    with pytest.raises(CdkError):
        customer.deploy()
    events = customer.events(STACK)
    assert "Insufficient privileges" in events
    assert "it must be an API token (not a shipping token)" in events
    assert "a-shipping-token-by-accident" not in events
    assert logzio.writes() == []

    # The right one, and nothing else changed.
    customer.store(right)
    customer.deploy()
    ((fetcher, made),) = account.fetchers.items()
    assert made.document["arn"] == f"arn:aws:iam::{customer.account}:role/acme-prod-reader"
    assert made.document["prefix"] == FEED

    # A second deploy asks nothing.
    asked = len(logzio.recorded)
    assert STACK in customer.deploy()
    assert len(logzio.recorded) == asked

    # A change is one write; one that Logz.io refuses is taken back.
    writes = len(logzio.writes())
    customer.settings(reader(log_type="acme"))
    customer.deploy()
    assert [one.method for one in logzio.writes()[writes:]] == ["PUT"]
    logzio.fail("PUT", FETCHERS, Reply(403, {"message": "not today"}))
    customer.settings(reader(log_type="other"))
    with pytest.raises(CdkError):
        customer.deploy()
    assert "not today" in customer.events(STACK)
    assert account.fetchers[fetcher].document["logsType"] == "acme"

    # A user deletes it by hand; the destroy ends well all the same.
    account.fetchers.clear()
    customer.settings(reader(log_type="acme"))
    customer.destroy(STACK)
    assert account.fetchers == {}
    assert customer.remembered() == []
