"""The role of people who search: who may assume it, and what it may do. Compared whole."""

import copy
import re
from typing import Any

from logdock.settings import Deployment
from tests.conftest import ROOT, synthesize, synthesize_now
from tests.settings.documents import PUSH, document
from tests.stacks.test_limits import KEY, existing_bucket

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/acme-prod-readers"


def resources(example: str, resource_type: str, stack: str) -> dict[str, Any]:
    found = synthesize(ROOT / "examples" / f"{example}.yaml").resources(resource_type)
    # A copy: the templates are made once for all tests.
    return {name: copy.deepcopy(each["Properties"]) for where, name, each in found if where == stack}


def role(example: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources(example, "AWS::IAM::Role", "acme-prod-core")["ReadersRole"]
    return properties


def test_readers_may_make_every_call_of_the_athena_engine_and_no_other() -> None:
    source = (ROOT / "logdock" / "cli" / "sql" / "athena.py").read_text()
    methods = {*re.findall(r'client\.(?:get_paginator\(")?(\w+)', source)} - {"get_paginator"}
    called = {f"athena:{method.title().replace('_', '')}" for method in methods}
    statements = role("cloudwatch-logs")["Policies"][0]["PolicyDocument"]["Statement"]
    (query,) = [each for each in statements if each["Sid"] == "Query"]
    assert {*query["Action"]} == called
    assert query["Resource"] == f"arn:aws:athena:eu-west-1:{ACCOUNT}:workgroup/acme-prod-logs"


def test_no_role_for_readers_unless_the_settings_name_some() -> None:
    assert ROLE.rpartition("/")[2] not in str(synthesize(ROOT / "examples" / "aptible.yaml").templates)


def test_readers_read_existing_buckets_that_are_not_archived() -> None:
    exports = [
        existing_bucket(1, kms_key_arn=KEY, ship_to=["logz"]),
        existing_bucket(2, ship_to=["logz"], prefix="app"),
        existing_bucket(3, ship_to=["archive"]),
    ]
    settings = document(*exports, destinations=[PUSH]) | {"readers": [f"arn:aws:iam::{ACCOUNT}:role/people"]}
    templates = synthesize_now(Deployment.model_validate(settings)).templates
    policies = templates["acme-prod-core"]["Resources"]["ReadersRole"]["Properties"]["Policies"]
    allowed = {each["PolicyName"]: str(each["PolicyDocument"]) for each in policies[1:]}
    assert [*allowed] == ["Existing-legacy-1", "Existing-legacy-2"]
    assert KEY in allowed["Existing-legacy-1"]
    assert "arn:aws:s3:::acme-legacy-logs-2/app/*" in allowed["Existing-legacy-2"]
    assert "kms:" not in allowed["Existing-legacy-2"]
