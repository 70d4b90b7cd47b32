"""The replica on the local cloud: what is archived is copied, and what is deleted stays.

The local cloud copies without asking whether S3's role may; what the role may do, the templates' tests compare whole.
"""

from pathlib import Path

import pytest

from local_cloud.cdk import Cdk
from local_cloud.emulator import Emulator
from logdock.settings import load_settings
from tests.conftest import ROOT

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

LINE = b'{"message":"a line"}\n'


def test_what_is_archived_is_copied_to_another_region_and_cannot_be_deleted_there(tmp_path: Path) -> None:
    file = ROOT / "examples" / "replica.yaml"
    settings = load_settings(file)
    assert settings.replica
    with Emulator(log_file=tmp_path / "emulator.log") as cloud:
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=tmp_path / "cdk.log")
        cdk.bootstrap(settings.region, settings.replica.region)
        cdk.synth(file, tmp_path / "cdk.out")
        outputs = cdk.deploy(tmp_path / "cdk.out", stacks=["acme-prod-core"]).outputs
        here = cloud.client("s3", settings.account, region=settings.region)
        there = cloud.client("s3", settings.account, region=settings.replica.region)
        archive = outputs["acme-prod-core"]["ArchiveBucketName"]
        replica = outputs["acme-prod-replica-eu-central-1"]["ReplicaBucketName"]

        here.put_object(Bucket=archive, Key="logs/apps/one", Body=LINE)
        here.put_object(Bucket=archive, Key="feed/reader/one", Body=LINE)
        assert here.head_object(Bucket=archive, Key="logs/apps/one")["ReplicationStatus"] == "COMPLETED"
        here.delete_object(Bucket=archive, Key="logs/apps/one")

        copy = there.get_object(Bucket=replica, Key="logs/apps/one")
        assert copy["Body"].read() == LINE
        assert (copy["ReplicationStatus"], copy["ObjectLockMode"]) == ("REPLICA", "GOVERNANCE")
        assert (copy["ObjectLockRetainUntilDate"] - copy["LastModified"]).days == settings.replica.lock_days
        assert [each["Key"] for each in there.list_objects_v2(Bucket=replica)["Contents"]] == ["logs/apps/one"]
        with pytest.raises(there.exceptions.ClientError, match="AccessDenied"):
            there.delete_object(Bucket=replica, Key="logs/apps/one", VersionId=copy["VersionId"])
