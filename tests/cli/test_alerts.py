"""`logdock alerts test`: everybody who hears of failures gets one message, and who does not is named."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto.sns.models import sns_backends

from tests.cli.conftest import Type
from tests.cli.deployed import Deployed

TOPIC = "arn:aws:sns:eu-west-1:111122223333:acme-alerts"


@pytest.fixture
def sns(deployed: Deployed) -> Any:
    untyped: Any = boto3
    client = untyped.client("sns", region_name="eu-west-1")
    client.create_topic(Name="acme-alerts")
    return client


def sent() -> list[tuple[Any, ...]]:
    return list(sns_backends["111122223333"]["eu-west-1"].topics[TOPIC].sent_notifications)


def test_one_message_is_sent_and_who_hears_it_is_named(logdock: Type, sns: Any) -> None:
    sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="oncall@acme.example")
    ended = logdock("alerts", "test", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, {"eu-west-1": {"oncall@acme.example": True}})
    ((_, message, subject, *_),) = sent()
    assert subject == "Logdock: a test"
    assert message == "This is a test of the alerts of acme in eu-west-1. Nothing has failed."


def test_nobody_to_hear_is_something_to_mend(logdock: Type, sns: Any) -> None:
    ended = logdock("alerts", "test")
    assert ended.code == 1
    assert "Nobody hears of a failure in eu-west-1: `alerts.email` names who should." in ended.out


def test_who_has_not_confirmed_is_named(logdock: Type, sns: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("new", "old"):
        sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint=f"{name}@acme.example")
    (pending,) = (
        each for each in sns_backends["111122223333"]["eu-west-1"].subscriptions.values() if "new" in each.endpoint
    )
    pending.arn = "PendingConfirmation"
    ended = logdock("alerts", "test")
    assert ended.code == 1
    assert "new@acme.example  has not confirmed" in ended.out
    assert "old@acme.example  hears" in ended.out


def test_a_topic_that_is_not_there_names_the_stack_to_deploy(logdock: Type, deployed: Deployed) -> None:
    ended = logdock("alerts", "test")
    assert (ended.code, "acme-core is not deployed" in ended.err) == (4, True)
