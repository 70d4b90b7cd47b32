"""The function on an account: which resources become metrics, and what happens when Firehose does not take them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from resource_tags import handler
from resource_tags.delivery import TRIES, DeliveryError, put

from tests.lambda_src.resource_tags.conftest import Cloud, Context, points, text


def test_every_tagged_resource_becomes_a_metric_with_its_tags_and_identity(cloud: Cloud) -> None:
    cloud.bucket("orders", team="sales", cost__center="42")
    cloud.sqs.create_queue(QueueName="jobs", tags={"team": "ops"})
    cloud.bucket("untagged")
    assert handler.handler({}, Context()) == {"records": 1}
    assert sorted((text(each.attributes) for each in points(cloud.put())), key=str) == [
        {"cost_center": "42", "team": "sales", "bucketname": "orders"},
        {"team": "ops", "queuename": "jobs"},
    ]


def test_only_the_types_that_are_asked_for_are_sent(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGDOCK_RESOURCE_TYPES", "sqs")
    cloud.bucket("orders", team="sales")
    cloud.sqs.create_queue(QueueName="jobs", tags={"team": "ops"})
    handler.handler({}, Context())
    assert [text(each.attributes) for each in points(cloud.put())] == [{"team": "ops", "queuename": "jobs"}]


def test_resources_on_every_page_are_sent(cloud: Cloud) -> None:
    for number in range(205):
        cloud.sqs.create_queue(QueueName=f"jobs-{number}", tags={"team": "ops"})
    handler.handler({}, Context())
    assert {text(each.attributes)["queuename"] for each in points(cloud.put())} == {f"jobs-{n}" for n in range(205)}


def test_a_resource_that_has_lost_its_tags_is_not_sent(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"PaginationToken": "", "ResourceTagMappingList": [{"ResourceARN": "arn:aws:s3:::once", "Tags": []}]}
    monkeypatch.setattr(handler._tagging(), "_make_api_call", lambda *_: page)
    assert handler.handler({}, Context()) == {"records": 0}


def test_an_account_without_tags_puts_nothing(cloud: Cloud) -> None:
    assert handler.handler({}, Context()) == {"records": 0}
    assert cloud.put() == []


def test_the_metric_says_whose_it_is_and_when(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_764_000_000_000_000_123)
    cloud.bucket("orders", team="sales")
    handler.handler({}, Context())
    (request,) = cloud.put()
    (resource,) = request.resource_metrics
    assert text(resource.resource.attributes) == {
        "cloud.provider": "aws",
        "cloud.account.id": "111122223333",
        "cloud.region": "eu-west-1",
    }
    (metric,) = resource.scope_metrics[0].metrics
    (point,) = metric.gauge.data_points
    assert (metric.name, point.as_int, point.time_unix_nano) == ("aws_resource_info", 1, 1_764_000_000_000_000_123)


class Reluctant:
    """A Firehose that does not take some records at first."""

    def __init__(self, *refusals: list[int]) -> None:
        self.refusals, self.asked = list(refusals), []  # type: list[list[int]], list[list[bytes]]

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> Any:  # noqa: N803
        assert DeliveryStreamName == "metrics"
        self.asked.append([each["Data"] for each in Records])
        refused = self.refusals.pop(0) if self.refusals else []
        answers = [
            {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."} if at in refused
            else {"RecordId": str(at)} for at in range(len(Records))
        ]  # fmt: skip
        return {"FailedPutCount": len(refused), "RequestResponses": answers}


def test_records_that_were_not_taken_are_put_again_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource_tags.delivery.sleep", lambda _seconds: None)
    firehose: Any = Reluctant([0, 2], [1])
    assert put(firehose, "metrics", [b"a", b"b", b"c"]) == 3
    assert firehose.asked == [[b"a", b"b", b"c"], [b"a", b"c"], [b"c"]]


def test_a_record_that_is_never_taken_fails_the_invocation_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("resource_tags.delivery.sleep", waits.append)
    firehose: Any = Reluctant(*[[1]] * 1, *[[0]] * TRIES)
    with pytest.raises(DeliveryError) as raised:
        put(firehose, "metrics", [b"secret-a", b"secret-b"])
    assert str(raised.value) == "metrics did not take 1 of 2 records in 5 tries: ServiceUnavailableException"
    assert len(firehose.asked) == TRIES
    assert waits == [2, 4, 8, 16]


def test_batches_are_no_larger_than_firehose_takes() -> None:
    firehose: Any = Reluctant()
    put(firehose, "metrics", [bytes(500_000)] * 17 + [b"x"] * 1200)
    assert all(sum(map(len, batch)) <= 4 * 1024 * 1024 and len(batch) <= 500 for batch in firehose.asked)
    assert sum(map(len, firehose.asked)) == 1217
    assert len(firehose.asked) == 5


def test_a_refused_question_fails_the_invocation(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_request: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetResources")

    monkeypatch.setattr(handler._tagging(), "_make_api_call", lambda *_: refuse())
    with pytest.raises(ClientError, match="AccessDenied"):
        handler.handler({}, Context())
