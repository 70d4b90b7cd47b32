"""What `connect` adds for Logz.io's fetchers: whom the role trusts, in which order, what the connector may do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Synthesized, synthesize
from tests.settings.documents import FETCH, destination, document, export

ACCOUNT, HOME = "111122223333", "eu-west-1"
STACK = "acme-prod-shipper"
STATE = "/logdock/acme-prod/reader/logzio"


@pytest.fixture
def synth(tmp_path: Path) -> Any:
    """Synthesize a deployment whose reader is connected; changes go to the destination."""

    def synthesized(trail: Mapping[str, Any] | None = None, **changes: Any) -> Synthesized:
        connect = {"secret": "acme/api"}
        reader = destination(FETCH, **{"account_id": None, "external_id": None, "connect": connect, **changes})
        exports = [
            export("cloudwatch-logs", ship_to=["reader"]),
            export("s3-logs", ship_to=["reader", "archive"], **(trail or {})),
            export("cockroachdb"),
        ]
        file = tmp_path / "logdock.yaml"
        file.write_text(yaml.safe_dump(document(*exports, destinations=[reader])), encoding="utf-8")
        return synthesize(file)

    return synthesized


def only(of: Synthesized, resource_type: str) -> tuple[str, dict[str, Any]]:
    ((logical_id, resource),) = [
        (name, one) for name, one in of.templates[STACK]["Resources"].items() if one["Type"] == resource_type
    ]
    return logical_id, resource["Properties"]


def named(of: Synthesized, prefix: str) -> dict[str, Any]:
    ((_, resource),) = [
        (name, one)
        for name, one in of.templates[STACK]["Resources"].items()
        if name.startswith(prefix) and one["Type"] == "AWS::IAM::Role"
    ]
    properties: dict[str, Any] = resource["Properties"]
    return properties


def test_the_role_trusts_the_account_that_logzio_names_by_every_id_that_is_in_use(synth: Any) -> None:
    stack = synth()
    account, _ = only(stack, "Custom::LogdockLogzioAccount")
    role = named(stack, "ReaderreaderRole")
    principal = {"Fn::Join": ["", ["arn:aws:iam::", {"Fn::GetAtt": [account, "AccountId"]}, ":root"]]}
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"sts:ExternalId": {"Fn::Split": ["|", {"Fn::GetAtt": [account, "ExternalIds"]}]}}
            },
            "Effect": "Allow",
            "Principal": {"AWS": principal},
        }
    ]
    assert (role["RoleName"], role["MaxSessionDuration"]) == ("acme-prod-reader", 43200)


def test_the_account_is_asked_before_there_is_a_role(synth: Any) -> None:
    _, properties = only(synth(), "Custom::LogdockLogzioAccount")
    assert properties | {"ServiceToken": ""} == {
        "ServiceToken": "",
        "Operation": "logzio-account",
        "Configuration": properties["Configuration"],
        "Secret": "acme/api",
        "Adopt": "false",
        "ApiBaseUrl": "https://api.logz.io",
        "StateParameter": STATE,
        "RoleName": "acme-prod-reader",
    }


def test_the_fetchers_are_those_of_the_exports_that_ship_there_and_come_after_the_role(synth: Any) -> None:
    stack = synth(region="uk")
    account, _ = only(stack, "Custom::LogdockLogzioAccount")
    _, properties = only(stack, "Custom::LogdockLogzioFetchers")
    (role,) = [name for name in stack.templates[STACK]["Resources"] if name.startswith("ReaderreaderRole")]
    assert properties | {"ServiceToken": ""} == {
        "ServiceToken": "",
        "Operation": "logzio-fetchers",
        "Configuration": properties["Configuration"],
        "Secret": "acme/api",
        "Adopt": "false",
        "ApiBaseUrl": "https://api-uk.logz.io",
        "StateParameter": STATE,
        "LogzioAccount": {"Fn::GetAtt": [account, "LogzioAccount"]},
        "ExternalIds": {"Fn::GetAtt": [account, "ExternalIds"]},
        "RoleArn": {"Fn::GetAtt": [role, "Arn"]},
        "Bucket": f"acme-prod-archive-{ACCOUNT}-{HOME}",
        "Region": HOME,
        "Feed": "feed/reader/",
        "Exports": ["apps", "trail"],
    }


def test_both_get_revision_adopt_and_former_external_ids(synth: Any) -> None:
    connect = {"secret": "acme/api", "revision": "2", "adopt": True, "api_base_url": "https://relay.example"}
    stack = synth(connect=connect, external_id="acme-own", log_type="acme")
    expected = {
        "Adopt": "true",
        "Revision": "2",
        "FormerExternalIds": ["acme-own"],
        "ApiBaseUrl": "https://relay.example",
    }
    for operation in ("Account", "Fetchers"):
        _, properties = only(stack, f"Custom::LogdockLogzio{operation}")
        assert properties.items() >= expected.items()
    assert properties["LogType"] == "acme"
    assert "LogTypes" not in properties


def test_fetchers_have_the_types_that_exports_name(synth: Any) -> None:
    _, properties = only(synth({"log_type": "cloudtrail"}, log_type="acme"), "Custom::LogdockLogzioFetchers")
    assert (properties["LogType"], properties["LogTypes"]) == ("acme", {"trail": "cloudtrail"})


def test_archive_follows_its_role_which_trusts_as_the_readers_does(synth: Any) -> None:
    stack = synth(archive_and_restore={"bucket": "acme-logzio-archive"})
    account, _ = only(stack, "Custom::LogdockLogzioAccount")
    _, properties = only(stack, "Custom::LogdockLogzioArchive")
    (role,) = [name for name in stack.templates[STACK]["Resources"] if name.startswith("ArchivereaderRole")]
    assert properties | {"ServiceToken": ""} == {
        "ServiceToken": "",
        "Operation": "logzio-archive",
        "Configuration": properties["Configuration"],
        "Secret": "acme/api",
        "Adopt": "false",
        "ApiBaseUrl": "https://api.logz.io",
        "StateParameter": STATE,
        "LogzioAccount": {"Fn::GetAtt": [account, "LogzioAccount"]},
        "ExternalIds": {"Fn::GetAtt": [account, "ExternalIds"]},
        "RoleArn": {"Fn::GetAtt": [role, "Arn"]},
        "Bucket": "acme-logzio-archive",
    }
    trust = "AssumeRolePolicyDocument"
    assert named(stack, "ArchivereaderRole")[trust] == named(stack, "ReaderreaderRole")[trust]


def test_source_path_is_switched_off_only_if_asked_for(synth: Any) -> None:
    _, properties = only(synth(source_path=False), "Custom::LogdockLogzioFetchers")
    assert properties["SourcePath"] == "false"


def test_the_connector_reads_one_secret_and_remembers_and_no_more(synth: Any) -> None:
    stack = synth()
    (policy,) = named(stack, "ConnectorreaderRole")["Policies"]
    log_groups = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/lambda/acme-prod-reader-connector"
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "OwnLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [f"{log_groups}-poll:*", f"{log_groups}-schedule:*", f"{log_groups}:*"],
        },
        {
            "Sid": "ReadConfigurations",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/logdock/acme-prod/reader/connector/*",
        },
    ]
    policies = [
        one["Properties"]["PolicyDocument"]["Statement"]
        for name, one in stack.templates[STACK]["Resources"].items()
        if name.startswith("ConnectorreaderPolicy")
    ]
    assert [statement for policy in policies for statement in policy] == [
        {
            "Sid": "ReadCredential",
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:acme/api-??????",
        },
        {
            "Sid": "RememberBefore",
            "Effect": "Allow",
            "Action": ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:GetParametersByPath", "ssm:PutParameter"],
            "Resource": [f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter{STATE}{tail}" for tail in ("", "/*")],
        },
    ]


def test_in_a_vpc_every_function_of_the_connector_is_in_it(synth: Any) -> None:
    vpc = {"subnet_ids": ["subnet-0abc1234"], "security_group_ids": ["sg-0abc1234"]}
    stack = synth(connect={"secret": "acme/api", "vpc": vpc})
    functions = [
        one["Properties"]["VpcConfig"]
        for one in stack.templates[STACK]["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function" and one["Properties"]["Handler"].startswith("vendor_connector.")
    ]
    assert functions == [{"SubnetIds": vpc["subnet_ids"], "SecurityGroupIds": vpc["security_group_ids"]}] * 2


def test_next_steps_are_what_the_fetchers_say(synth: Any) -> None:
    stack = synth()
    fetchers, _ = only(stack, "Custom::LogdockLogzioFetchers")
    assert stack.templates[STACK]["Outputs"]["ReaderNextSteps"]["Value"] == {"Fn::GetAtt": [fetchers, "NextSteps"]}


def test_without_connect_the_shipper_has_no_connector(tmp_path: Path) -> None:
    file = tmp_path / "logdock.yaml"
    whole = document(export("cloudwatch-logs", ship_to=["reader"]), destinations=[FETCH])
    file.write_text(yaml.safe_dump(whole), encoding="utf-8")
    template = synthesize(file).templates[STACK]
    assert "vendor_connector" not in json.dumps(template)
    assert "X-API-TOKEN" in json.dumps(template["Outputs"]["ReaderNextSteps"])
