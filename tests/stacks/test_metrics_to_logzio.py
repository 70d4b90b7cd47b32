"""Metrics to Logz.io: every resource and both roles' documents, whole; and nothing of it without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from logdock.vendors.logzio.next_steps import dashboard_steps
from logdock.vendors.logzio.settings import LISTENER_HOSTS, LogzioDestination
from tests.conftest import ROOT, Synthesized, synthesize
from tests.costly import sample
from tests.settings.documents import FETCH, PUSH, destination, document, export

ACCOUNT, REGION = "111122223333", "us-east-1"
CORE, SHIPPER = "acme-prod-core", "acme-prod-shipper"
NAME = "acme-prod-ship-logz_metrics"
TAGS = "acme-prod-ship-logz_tags"
GROUP = f"/aws/kinesisfirehose/{NAME}"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:acme/logzio-metrics-a1B2c3"
ARCHIVE_KEY = {"Fn::ImportValue": "acme-prod-archive-key-arn"}


@pytest.fixture
def example() -> Synthesized:
    return synthesize(ROOT / "examples" / "logzio.yaml")


@pytest.fixture
def synth(tmp_path: Path) -> Any:
    """Synthesize a deployment whose one destination streams metrics; changes go to the metrics."""

    def synthesized(base: dict[str, Any] = PUSH, *, region: str = "us", **changes: Any) -> Synthesized:
        secret = SECRET.replace(REGION, "eu-west-1")
        party = destination(base, region=region, metrics={"token_secret": secret, **changes})
        file = tmp_path / "logdock.yaml"
        whole = document(export("cloudwatch-logs", ship_to=[party["name"]]), destinations=[party])
        file.write_text(yaml.safe_dump(whole), encoding="utf-8")
        return synthesize(file)

    return synthesized


def only(of: Synthesized, resource_type: str) -> tuple[str, dict[str, Any]]:
    ((_, logical_id, resource),) = of.resources(resource_type)
    return logical_id, {key: value for key, value in resource["Properties"].items() if key != "Tags"}


def role(of: Synthesized, name: str) -> tuple[str, dict[str, Any]]:
    ((logical_id, properties),) = [
        (logical_id, resource["Properties"])
        for _, logical_id, resource in of.resources("AWS::IAM::Role")
        if resource["Properties"].get("RoleName") == name
    ]
    return logical_id, properties


def documents(of: Synthesized, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the statements of a role's trust and of its one policy."""
    _, properties = role(of, name)
    (policy,) = properties["Policies"]
    assert "ManagedPolicyArns" not in properties
    return properties["AssumeRolePolicyDocument"]["Statement"], policy["PolicyDocument"]["Statement"]


def key_users(of: Synthesized) -> list[dict[str, Any]]:
    ((_, _, key),) = [each for each in of.resources("AWS::KMS::Key") if each[0] == CORE]
    return [each for each in key["Properties"]["KeyPolicy"]["Statement"] if each.get("Sid") == "CloudWatchLogs"]


def tags_function(of: Synthesized) -> tuple[str, dict[str, Any]]:
    ((logical_id, function),) = [
        (logical_id, resource)
        for _, logical_id, resource in of.resources("AWS::Lambda::Function")
        if resource["Properties"]["FunctionName"] == TAGS
    ]
    return logical_id, function


def test_it_comes_after_the_stream_and_its_own_log_group(example: Synthesized) -> None:
    _, function = tags_function(example)
    delivery, _ = only(example, "AWS::KinesisFirehose::DeliveryStream")
    ((group, found),) = [
        (logical_id, resource["Properties"])
        for _, logical_id, resource in example.resources("AWS::Logs::LogGroup")
        if resource["Properties"]["LogGroupName"] == f"/aws/lambda/{TAGS}"
    ]
    assert {delivery, group} <= {*function["DependsOn"]}
    assert (found["RetentionInDays"], found["KmsKeyId"]) == (30, ARCHIVE_KEY)


def test_without_tags_nothing_asks_for_them(synth: Any) -> None:
    whole = json.dumps(synth().templates)
    assert "tag:GetResources" not in whole
    assert "_tags" not in whole


def test_errors_are_logged_in_a_log_group_that_exists_before(example: Synthesized) -> None:
    resources = example.templates[SHIPPER]["Resources"]
    ((group, found),) = [
        (logical_id, resource)
        for _, logical_id, resource in example.resources("AWS::Logs::LogGroup")
        if resource["Properties"]["LogGroupName"] == GROUP
    ]
    assert (found["Properties"]["RetentionInDays"], found["Properties"]["KmsKeyId"]) == (30, ARCHIVE_KEY)
    assert found["DeletionPolicy"] == "Delete"
    streams = {logical_id: resource for _, logical_id, resource in example.resources("AWS::Logs::LogStream")}
    assert {each["Properties"]["LogStreamName"] for each in streams.values()} == {"Listener", "Backup"}
    assert all(each["DependsOn"] == [group] for each in streams.values())
    delivery, _ = only(example, "AWS::KinesisFirehose::DeliveryStream")
    assert {*resources[delivery]["DependsOn"]} >= {*streams}


def test_the_archives_key_admits_that_log_group_only_where_metrics_are_streamed(example: Synthesized) -> None:
    def groups(of: Synthesized, region: str) -> Any:
        (statement,) = key_users(of)
        arns = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        start = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:"
        return [each.removeprefix(start) for each in ([arns] if isinstance(arns, str) else arns)]

    assert groups(example, REGION) == ["/aws/lambda/acme-prod-*", "/aws/kinesisfirehose/acme-prod-*"]
    assert groups(synthesize(ROOT / "examples" / "s3-logs.yaml"), "eu-west-1") == ["/aws/lambda/acme-prod-*"]


def test_next_steps_say_where_to_install_the_dashboard(example: Synthesized) -> None:
    outputs = [each for template in example.templates.values() for each in template.get("Outputs", {}).items()]
    (step,) = [output["Value"] for name, output in outputs if name == "LogzMetricsNextSteps"]
    assert "1Pm3OYbu1MRGoELc2qhxQ1" in step


@pytest.mark.parametrize(
    ("namespaces", "has_dashboard"), [({"AWS/S3": []}, True), ({"AWS/EC2": []}, False), ({"all": []}, True)]
)
def test_only_metrics_of_s3_have_a_dashboard(namespaces: dict[str, Any], has_dashboard: bool) -> None:
    metrics = {"token_secret": SECRET, "namespaces": namespaces}
    assert bool(dashboard_steps(LogzioDestination.model_validate({**PUSH, "metrics": metrics}))) is has_dashboard


def test_without_metrics_there_is_nothing_of_it() -> None:
    whole = json.dumps(synthesize(ROOT / "examples" / "everything.yaml").templates).lower()
    assert "firehose" not in whole
    assert "metricstream" not in whole
    assert "streams.metrics" not in whole


@pytest.mark.parametrize("region", sample(LISTENER_HOSTS, 99))
def test_the_listener_is_that_of_the_accounts_region(synth: Any, region: str) -> None:
    _, delivery = only(synth(region=region), "AWS::KinesisFirehose::DeliveryStream")
    endpoint = delivery["HttpEndpointDestinationConfiguration"]["EndpointConfiguration"]
    assert endpoint["Url"] == f"https://listener-otlp-aws-metrics-stream-{region}.logz.io"


def test_another_address_stands_in_for_the_listener(synth: Any) -> None:
    _, delivery = only(synth(listener_url="https://relay.example/metrics"), "AWS::KinesisFirehose::DeliveryStream")
    endpoint = delivery["HttpEndpointDestinationConfiguration"]["EndpointConfiguration"]
    assert endpoint["Url"] == "https://relay.example/metrics"


def test_by_default_all_metrics_of_s3_are_streamed_and_no_others(synth: Any) -> None:
    assert only(synth(), "AWS::CloudWatch::MetricStream")[1]["IncludeFilters"] == [{"Namespace": "AWS/S3"}]


def test_every_namespace_is_streamed_only_if_that_is_what_the_settings_say(synth: Any) -> None:
    stream = only(synth(namespaces={"all": []}), "AWS::CloudWatch::MetricStream")[1]
    assert not {"IncludeFilters", "ExcludeFilters"} & set(stream)


def test_a_reader_that_fetches_has_metrics_too(synth: Any) -> None:
    assert only(synth(FETCH), "AWS::CloudWatch::MetricStream")[1]["Name"] == "acme-prod-ship-reader_metrics"
