"""Settings of a Cloudflare export: scope and dataset, the time among the fields, Cloudflare's limits."""

from typing import Any

import pytest

from logdock.vendors.cloudflare.settings import _ACCOUNT, _ZONE, TIME_FIELDS
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import document, export

ACCOUNT = "01a7362d577a6c3019a474fd6f485823"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"account_id": ACCOUNT}, "nothing: http_requests is a dataset of a zone, which `zone_id` names"),
        ({"zone_id": None}, "exactly one of `zone_id` and `account_id`"),
        ({"dataset": "audit_logs", "fields": ["When"]}, "the id of the account, because audit_logs is a dataset of"),
        ({"dataset": "firewall_events", "fields": ["Datetime"], "account_id": ACCOUNT}, "exactly one of `zone_id`"),
        ({"fields": ["RayID"]}, "fields with EdgeStartTimestamp among them"),
        ({"fields": ["EdgeStartTimestamp", "Ray ID"]}, "a field as Cloudflare spells it"),
        ({"fields": []}, "at least one entry"),
        ({"filter": '{"key": "RayID"}'}, 'a JSON object as text with the key "where"'),
        ({"filter": '{"where": "' + "x" * 1000 + '"}'}, "at most 1000 bytes"),
        ({"sample_rate": 0}, "greater than 0"),
        ({"max_upload_bytes": 1000}, "5000000"),
        ({"zone_id": "acme.example"}, "an id of Cloudflare: 32 hexadecimal digits"),
    ],
)
def test_rejects_what_cloudflare_does_not_take(refusal: Refusal, changes: dict[str, Any], message: str) -> None:
    (line,) = refusal(document(export("cloudflare", **changes)))
    assert message in line


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "firewall_events", "fields": ["Datetime"]},
        {"dataset": "firewall_events", "fields": ["Datetime"], "zone_id": None, "account_id": ACCOUNT},
        {"dataset": "audit_logs", "fields": ["When"], "zone_id": None, "account_id": ACCOUNT},
        {"dataset": "new_dataset_of_tomorrow", "fields": ["Anything"]},
    ],
)
def test_takes_datasets_of_both_scopes_and_new_ones(load: Load, changes: dict[str, Any]) -> None:
    assert load(document(export("cloudflare", **changes)))


def test_the_scope_of_every_dataset_with_a_time_is_known() -> None:
    assert TIME_FIELDS.keys() <= {*_ZONE, *_ACCOUNT, "firewall_events", "websocket_analytics"}
    assert not {*_ZONE} & {*_ACCOUNT}


@pytest.mark.parametrize(("region", "partition"), [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")])
def test_rejects_a_partition_that_cloudflare_does_not_write_to(refusal: Refusal, region: str, partition: str) -> None:
    lines = refusal(document(export("cloudflare"), region=region))
    reason = f"Cloudflare's principal is in the partition aws, and writes to no bucket in {partition}"
    assert f"exports[0].kind: got 'cloudflare'; expected another kind: {reason}" in lines


@pytest.mark.parametrize(
    ("dataset", "time", "minutes"), [("http_requests", "EdgeStartTimestamp", 0), ("firewall_events", "Datetime", 1440)]
)
def test_silence_is_an_alarm_where_traffic_is_logged(load: Load, dataset: str, time: str, minutes: int) -> None:
    (found,) = load(document(export("cloudflare", dataset=dataset, fields=[time]))).exports
    assert found.max_expected_silence_minutes == minutes


@pytest.mark.parametrize(
    ("changes", "has_key"), [({}, False), ({"encryption": "kms"}, True), ({"connect": {"secret": "acme/cf"}}, True)]
)
def test_a_key_is_made_for_the_bucket_or_for_what_calls_cloudflare(
    load: Load, changes: dict[str, Any], has_key: bool
) -> None:
    (found,) = load(document(export("cloudflare", **changes))).exports
    assert found.has_own_key is has_key
