"""Log groups: keys, protection, and templates.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


@pytest.mark.parametrize(("admitted", "taken"), [("keyed", True), ("another", False)])
def test_a_log_group_that_exists_takes_a_key_that_admits_it(emulator: Emulator, admitted: str, taken: bool) -> None:
    group = "keyed" if taken else "keyless"
    logs = made.client(emulator, "logs")
    logs.create_log_group(logGroupName=group)
    key = _key_of_log_group(emulator, admitted)
    with made.refused_unless(taken, "not allowed to be used"):
        logs.associate_kms_key(logGroupName=group, kmsKeyId=key)
    (found,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found.get("kmsKeyId") == (key if taken else None)


@pytest.mark.parametrize(("condition_group", "created"), [("encrypted-1", True), ("another", False)])
def test_a_log_group_takes_a_key_only_when_the_service_may_use_it(
    emulator: Emulator, condition_group: str, created: bool
) -> None:
    group = "encrypted-1" if created else "encrypted-2"
    key = _key_of_log_group(emulator, condition_group)

    status = made.deploy(emulator, group, {"Group": _log_group(group, KmsKeyId=key)})

    assert (status == "CREATE_COMPLETE") is created


def test_a_protected_log_group_is_not_deleted(emulator: Emulator) -> None:
    made.deploy(emulator, "protected", {"Group": _log_group("protected", DeletionProtectionEnabled=True)})

    with pytest.raises(ClientError, match="deletion protection"):
        made.client(emulator, "logs").delete_log_group(logGroupName="protected")


def test_a_template_does_not_take_over_a_log_group(emulator: Emulator) -> None:
    logs, _ = made.log_group(emulator, "mine", "kept")

    assert made.deploy(emulator, "theirs", {"Group": _log_group("mine")}) != "CREATE_COMPLETE"
    assert [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName="mine")["logStreams"]] == [
        "kept"
    ]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("MetricFilter", {"MetricTransformations": [{"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}]}),
        ("SubscriptionFilter", {"DestinationArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"}),
    ],
)
def test_a_filter_requires_its_log_group(emulator: Emulator, kind: str, properties: dict[str, Any]) -> None:
    properties = {"LogGroupName": "nowhere-at-all", "FilterPattern": "", **properties}
    resources = {"Filter": {"Type": f"AWS::Logs::{kind}", "Properties": properties}}

    assert made.deploy(emulator, f"nowhere-{kind}", resources) != "CREATE_COMPLETE"


def _key_of_log_group(emulator: Emulator, log_group: str) -> str:
    context = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{log_group}"
    return made.key(
        emulator,
        made.delegation(),
        {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": context}},
        },
    )


def _log_group(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, **properties}}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ('{ $.event = "waiting" || $.event = "compacted" }', [0, 1]),
        ('{ $.ids[0] = "*" }', [2]),
        ("waiting", [0, 3]),
        ("Waiting", []),
        ('"event" -"waiting"', [1]),
        ("event -waiting", [1]),
        ("", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_pattern_finds_words_as_spelt_and_json_of_its_fields(
    emulator: Emulator, pattern: str, found: list[int]
) -> None:
    logs, group = made.log_group(emulator)
    now = int(time.time() * 1000)
    lines = ['{"event": "waiting"}', '{"event": "compacted"}', '{"ids": ["x"]}', "waiting", '{"ids": []}', "[]"]
    events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    answer = logs.filter_log_events(logGroupName=group, filterPattern=pattern, startTime=now)
    assert [lines.index(event["message"]) for event in answer["events"]] == found
