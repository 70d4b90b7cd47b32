"""What `connect` adds for Logz.io's fetchers; the snapshot of the options holds the resources themselves."""

import json
from typing import Any

from logdock.settings import Deployment
from tests.conftest import synthesize, synthesize_now
from tests.settings.documents import FETCH, document, export
from tests.stacks.test_snapshots import SNAPSHOTS

STACK = "acme-prod-shipper"


def test_archive_role_trusts_as_the_readers_does() -> None:
    resources = synthesize(SNAPSHOTS / "options.yaml").templates[STACK]["Resources"]
    trusts: list[Any] = [
        body["Properties"]["AssumeRolePolicyDocument"]
        for name, body in resources.items()
        if body["Type"] == "AWS::IAM::Role" and name.startswith(("ArchivereaderRole", "ReaderreaderRole"))
    ]
    assert len(trusts) == 2
    assert trusts[0] == trusts[1]


def test_without_connect_the_shipper_has_no_connector() -> None:
    settings = document(export("cloudwatch-logs", ship_to=["reader"]), destinations=[FETCH])
    template = synthesize_now(Deployment.model_validate(settings)).templates[STACK]
    assert "vendor_connector" not in json.dumps(template)
    assert "X-API-TOKEN" in json.dumps(template["Outputs"]["ReaderNextSteps"])
