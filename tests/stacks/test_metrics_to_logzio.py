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
from tests.settings.documents import FETCH, PUSH, destination, document, export

ACCOUNT, REGION = "111122223333", "us-east-1"
CORE, SHIPPER = "acme-prod-core", "acme-prod-shipper"
NAME = "acme-prod-ship-logz_metrics"
TAGS = "acme-prod-ship-logz_tags"
GROUP = f"/aws/kinesisfirehose/{NAME}"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:acme/logzio-metrics-a1B2c3"
FAILURES = f"arn:aws:s3:::acme-prod-failed-{ACCOUNT}-{REGION}"
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


def test_metrics_are_streamed_as_opentelemetry_by_namespace_and_name(example: Synthesized) -> None:
    delivery, _ = only(example, "AWS::KinesisFirehose::DeliveryStream")
    metrics_role, _ = role(example, NAME)
    assert only(example, "AWS::CloudWatch::MetricStream")[1] == {
        "Name": NAME,
        "FirehoseArn": {"Fn::GetAtt": [delivery, "Arn"]},
        "RoleArn": {"Fn::GetAtt": [metrics_role, "Arn"]},
        "OutputFormat": "opentelemetry1.0",
        "IncludeFilters": [
            {"Namespace": "AWS/S3", "MetricNames": ["BucketSizeBytes", "NumberOfObjects"]},
            {"Namespace": "AWS/Lambda"},
        ],
    }


def test_they_are_delivered_to_logzio_with_the_token_and_what_is_not_taken_is_kept(example: Synthesized) -> None:
    delivery_role, _ = role(example, "acme-prod-ship-logz_delivery")
    by_role = {"RoleARN": {"Fn::GetAtt": [delivery_role, "Arn"]}}
    buffering = {"IntervalInSeconds": 60, "SizeInMBs": 5}

    def error_logs(stream: str) -> dict[str, Any]:
        return {"Enabled": True, "LogGroupName": GROUP, "LogStreamName": stream}

    assert only(example, "AWS::KinesisFirehose::DeliveryStream")[1] == {
        "DeliveryStreamName": NAME,
        "DeliveryStreamType": "DirectPut",
        "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"},
        "HttpEndpointDestinationConfiguration": {
            **by_role,
            "EndpointConfiguration": {
                "Name": "Logz.io",
                "Url": "https://listener-otlp-aws-metrics-stream-us.logz.io",
            },
            "SecretsManagerConfiguration": {"Enabled": True, "SecretARN": SECRET, **by_role},
            "RequestConfiguration": {
                "ContentEncoding": "GZIP",
                "CommonAttributes": [{"AttributeName": "P8S_LOGZIO_NAME", "AttributeValue": "acme-prod"}],
            },
            "BufferingHints": buffering,
            "RetryOptions": {"DurationInSeconds": 7200},
            "CloudWatchLoggingOptions": error_logs("Listener"),
            "S3BackupMode": "FailedDataOnly",
            "S3Configuration": {
                **by_role,
                "BucketARN": FAILURES,
                "Prefix": "metrics/logz/",
                "BufferingHints": buffering,
                "CompressionFormat": "GZIP",
                "CloudWatchLoggingOptions": error_logs("Backup"),
                "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": ARCHIVE_KEY}},
            },
        },
    }


def test_cloudwatch_puts_records_on_that_one_stream(example: Synthesized) -> None:
    trust, policy = documents(example, NAME)
    assert trust == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "streams.metrics.cloudwatch.amazonaws.com"},
            "Condition": {
                "StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT},
                "ArnEqualsIfExists": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:metric-stream/{NAME}"},
            },
        }
    ]
    assert policy == [
        {
            "Sid": "PutMetrics",
            "Effect": "Allow",
            "Action": ["firehose:PutRecord", "firehose:PutRecordBatch"],
            "Resource": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{NAME}",
        }
    ]


def test_firehose_reads_one_secret_writes_its_prefix_and_logs_errors(example: Synthesized) -> None:
    trust, policy = documents(example, "acme-prod-ship-logz_delivery")
    objects = f"{FAILURES}/metrics/logz/*"
    assert trust == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "firehose.amazonaws.com"},
            "Condition": {"StringEquals": {"sts:ExternalId": ACCOUNT}},
        }
    ]
    assert policy == [
        {
            "Sid": "FindBackup",
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            "Resource": FAILURES,
        },
        {
            "Sid": "WriteBackup",
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            "Resource": objects,
        },
        {
            "Sid": "EncryptBackup",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": ARCHIVE_KEY,
            "Condition": {
                "StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"},
                "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [FAILURES, objects]},
            },
        },
        {
            "Sid": "ReadToken",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": SECRET,
        },
        {
            "Sid": "LogErrors",
            "Effect": "Allow",
            "Action": "logs:PutLogEvents",
            "Resource": [
                f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}:log-stream:{stream}"
                for stream in ("Backup", "Listener")
            ],
        },
    ]


def test_the_function_that_sends_tags_asks_for_tags_and_puts_records_on_that_one_stream(example: Synthesized) -> None:
    trust, policy = documents(example, TAGS)
    assert trust == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
        }
    ]
    assert policy == [
        {
            "Sid": "OwnLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{TAGS}:*",
        },
        {"Sid": "ReadTags", "Effect": "Allow", "Action": "tag:GetResources", "Resource": "*"},
        {
            "Sid": "PutTags",
            "Effect": "Allow",
            "Action": "firehose:PutRecordBatch",
            "Resource": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{NAME}",
        },
    ]


def tags_function(of: Synthesized) -> tuple[str, dict[str, Any]]:
    ((logical_id, function),) = [
        (logical_id, resource)
        for _, logical_id, resource in of.resources("AWS::Lambda::Function")
        if resource["Properties"]["FunctionName"] == TAGS
    ]
    return logical_id, function


def test_it_gets_the_stream_and_the_resource_types_of_the_namespaces(example: Synthesized) -> None:
    _, function = tags_function(example)
    properties = function["Properties"]
    assert properties["Environment"]["Variables"] == {
        "LOGDOCK_DELIVERY_STREAM": NAME,
        "LOGDOCK_RESOURCE_TYPES": "lambda:function,s3",
    }
    assert (properties["Handler"], properties["Timeout"]) == ("resource_tags.handler.handler", 240)
    assert "Layers" not in properties


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


def test_it_runs_every_five_minutes_and_only_by_its_rule(example: Synthesized) -> None:
    function, _ = tags_function(example)
    arn = {"Fn::GetAtt": [function, "Arn"]}
    ((rule, schedule),) = [
        (logical_id, resource["Properties"])
        for _, logical_id, resource in example.resources("AWS::Events::Rule")
        if "ScheduleExpression" in resource["Properties"]
    ]
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["Targets"] == [{"Id": "ResourceTags", "Arn": arn}]
    permissions = [
        resource["Properties"]
        for _, _, resource in example.resources("AWS::Lambda::Permission")
        if resource["Properties"]["FunctionName"] == arn
    ]
    assert permissions == [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": arn,
            "Principal": "events.amazonaws.com",
            "SourceArn": {"Fn::GetAtt": [rule, "Arn"]},
        }
    ]


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


@pytest.mark.parametrize("region", LISTENER_HOSTS)
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
