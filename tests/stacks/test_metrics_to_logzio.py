"""Metrics to Logz.io: nothing of it without; the snapshots and the claims hold every resource and document whole."""

import json
from typing import Any

import pytest

from logdock.settings import Deployment
from logdock.vendors.logzio.next_steps import dashboard_steps
from logdock.vendors.logzio.settings import LISTENER_HOSTS, LogzioDestination
from tests.conftest import ROOT, synthesize, synthesize_now
from tests.settings.documents import PUSH, destination, document, export

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme/logzio-metrics-a1B2c3"


def metered(region: str = "us", **metrics: Any) -> dict[str, Any]:
    """Return a destination that streams metrics."""
    return destination(PUSH, region=region, metrics={"token_secret": SECRET, **metrics})


@pytest.mark.parametrize(
    ("namespaces", "has_dashboard"), [({"AWS/S3": []}, True), ({"AWS/EC2": []}, False), ({"all": []}, True)]
)
def test_only_metrics_of_s3_have_a_dashboard(namespaces: dict[str, Any], has_dashboard: bool) -> None:
    assert bool(dashboard_steps(LogzioDestination.model_validate(metered(namespaces=namespaces)))) is has_dashboard


def test_without_metrics_there_is_nothing_of_it() -> None:
    whole = json.dumps(synthesize(ROOT / "examples" / "everything.yaml").templates).lower()
    assert [each for each in ("firehose", "metricstream", "streams.metrics") if each in whole] == []


def test_the_listener_is_that_of_the_accounts_region_or_another_address() -> None:
    for region in LISTENER_HOSTS:
        found = LogzioDestination.model_validate(metered(region)).metrics_listener
        assert found == f"https://listener-otlp-aws-metrics-stream-{region}.logz.io"
    relayed = LogzioDestination.model_validate(metered(listener_url="https://relay.example/metrics"))
    assert relayed.metrics_listener == "https://relay.example/metrics"


def test_every_namespace_is_streamed_only_if_that_is_what_the_settings_say() -> None:
    whole = document(export("cloudwatch-logs", ship_to=["logz"]), destinations=[metered(namespaces={"all": []})])
    example = synthesize_now(Deployment.model_validate(whole))
    ((_, _, stream),) = example.resources("AWS::CloudWatch::MetricStream")
    assert not {"IncludeFilters", "ExcludeFilters"} & set(stream["Properties"])
