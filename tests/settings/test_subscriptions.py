from __future__ import annotations

import pytest

from tests.settings.conftest import Load, Refusal
from tests.settings.documents import document


def test_subscriptions_are_direct_unless_said_otherwise(load: Load) -> None:
    assert load(document()).subscriptions == "direct"


@pytest.mark.parametrize("way", ["direct", "kinesis"])
def test_accepts_each_way_that_subscriptions_may_travel(load: Load, way: str) -> None:
    assert load(document(subscriptions=way)).subscriptions == way


@pytest.mark.parametrize("way", ["firehose", "Kinesis", True, ["kinesis"]])
def test_rejects_another_way(refusal: Refusal, way: object) -> None:
    (line,) = refusal(document(subscriptions=way))
    assert line.startswith("subscriptions: got ")
    assert line.endswith("expected one of: direct, kinesis")
