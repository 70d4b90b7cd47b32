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
