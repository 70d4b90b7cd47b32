"""The connector under the SDK of an old Lambda runtime: the client refuses what its service model lacks.

python3.13 came to Lambda in November 2024 with boto3 1.35; `deletionProtectionEnabled` came with botocore 1.41.
"""

import json
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest
from vendor_connector import aws

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PROPERTIES = {
    "Operation": "log-group",
    "Name": "/aws/rds/cluster/billing/audit",
    "RetentionDays": "400",
    "KmsKeyArn": KEY,
    "DeletionProtection": "true",
}


@pytest.fixture
def old_logs(wire: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of CloudWatch Logs as botocore before 1.41 makes it."""
    loader = botocore.loaders.Loader(include_default_search_paths=True)
    model = loader.load_service_model("logs", "service-2")
    version = loader.determine_latest_version("logs", "service-2")
    model = json.loads(json.dumps(model))
    for shape in model["shapes"].values():
        shape.get("members", {}).pop("deletionProtectionEnabled", None)
    del model["operations"]["PutLogGroupDeletionProtection"]
    (tmp_path / "logs" / version).mkdir(parents=True)
    (tmp_path / "logs" / version / "service-2.json").write_text(json.dumps(model))
    old = botocore.loaders.Loader(extra_search_paths=[str(tmp_path)])
    old.search_paths.insert(0, str(tmp_path))
    session = botocore.session.Session()
    session.register_component("data_loader", old)
    client = boto3.Session(botocore_session=session).client("logs")
    assert not hasattr(client, "put_log_group_deletion_protection")
    monkeypatch.setattr(aws, "logs", lambda **_: client)
    return client


def test_log_group_with_an_old_sdk_is_created_without_protection(
    old_logs: Any, connector: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    data = connector.create(PROPERTIES)
    assert (data["Adopted"], data["DeletionProtected"]) == ("false", "false")
    warnings = [line for line in capsys.readouterr().out.splitlines() if "no deletion protection" in line]
    assert len(warnings) == 1
    assert "WARNING" in warnings[0]
    assert "1.41" in warnings[0]


def test_log_group_with_an_old_sdk_is_adopted_without_protection(old_logs: Any, wire: Any, connector: Any) -> None:
    old_logs.create_log_group(logGroupName=PROPERTIES["Name"])
    wire.answers["AssociateKmsKey"] = lambda _: {}
    data = connector.create(PROPERTIES)
    assert (data["Adopted"], data["DeletionProtected"]) == ("true", "false")
