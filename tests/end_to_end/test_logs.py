"""`logdock logs` on the local cloud: a known line of each vendor, by a person who may do no more than the page says."""

import base64
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_cloud.commands import PYTHON_PATH
from local_cloud.customer import Secrets
from local_cloud.markers import candidates
from local_cloud.stage import Stage
from local_cloud.stand_ins.sessions import role_session
from tests.conftest import ROOT
from tests.end_to_end.played import played

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT, REGION = "111122223333", "eu-west-1"
SETTINGS = f"""\
deployment: acme
account: "{ACCOUNT}"
region: {REGION}
sql: {{}}
exports:
  - name: orders
    kind: mongodb-atlas
    project_id: 5e2211c17a3e5a48f5497de3
    atlas_principal_arn: arn:aws:iam::772401394250:root
    external_id: 9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64
  - name: ledger
    kind: cockroachdb
    cluster_id: f78b7feb-b6cf-4396-9d7f-494982d7d81e
    cluster_account_id: "222233334444"
    external_id: 6d1f0c5be8a14c6f9f0d2b7a
    log_group: /acme/cockroach/ledger
  - {{name: billing, kind: aurora-mysql, cluster_id: billing, parameter_group: billing-params}}
  - {{name: platform, kind: aptible, stack_region: {REGION}, decryption_keys_secret: acme/aptible-keys}}
  - {{name: trail, kind: s3-logs, services: [cloudtrail, vpc-flow]}}
  - {{name: apps, kind: cloudwatch-logs, log_groups: [/acme/apps/checkout]}}
"""
EXPORTS = ("orders", "ledger", "billing", "platform", "trail", "apps")


@dataclass(frozen=True)
class World:
    """The deployment, what the vendors wrote to it, and a person."""

    stage: Stage
    secrets: Secrets
    directory: Path
    written: dict[str, set[str]]

    def logdock(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Type a command as the person that docs/logdock.md describes."""
        session = role_session(self.stage, ACCOUNT, "reader", policy=json.dumps(self.policy()))
        environment = {
            **self.stage.cloud.environment(ACCOUNT, REGION),
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
            "PYTHONPATH": PYTHON_PATH,
        }
        command = [sys.executable, "-P", "-m", "logdock", *arguments, "--settings", "logdock.yaml"]
        return subprocess.run(command, env=environment, cwd=self.directory, capture_output=True, text=True, check=False)

    def policy(self) -> dict[str, Any]:
        """Return what the page says that a search needs, each on what the page says."""
        buckets = [self.stage.archive_bucket]
        buckets += [of["BucketName"] for name in EXPORTS if "BucketName" in (of := self.stage.stack_outputs(name))]
        arns = [f"arn:aws:s3:::{bucket}" for bucket in buckets]
        kms = self.stage.customer("kms")
        keys = [
            kms.describe_key(KeyId=f"alias/acme-{name}")["KeyMetadata"]["Arn"]
            for name in ("archive", "orders", "trail")
        ]
        resources: list[tuple[list[str], list[str]]] = [
            (["s3:ListBucket"], arns),
            (["s3:GetObject"], [f"{arn}/*" for arn in arns]),
            (["kms:Decrypt"], keys),
            (
                ["secretsmanager:GetSecretValue"],
                [f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:acme/aptible-keys-??????"],
            ),
        ]
        statements = [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in resources]
        return {"Version": "2012-10-17", "Statement": statements}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("logs")
    file = directory / "logdock.yaml"
    file.write_text(SETTINGS)
    with played(file) as (stage, secrets, written):
        yield World(stage, secrets, directory, written)


@pytest.mark.parametrize("export", EXPORTS)
def test_a_known_line_of_every_vendor_is_found(world: World, export: str) -> None:
    marker = min(world.written[export])
    found = world.logdock("logs", "--export", export, "--raw", "--grep", marker)
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 1, found.stdout
    assert marker in found.stdout


def test_every_line_of_every_vendor_is_printed_once_in_one_order(world: World) -> None:
    found = world.logdock("logs", "--json")
    assert found.returncode == 0, found.stderr
    documents = [json.loads(line) for line in found.stdout.splitlines()]
    times = [document["time"].removesuffix("Z") for document in documents]
    assert times == sorted(times)
    for export in EXPORTS:
        shown = [marker for each in documents if each["export"] == export for marker in candidates(each["message"])]
        of_export = world.written[export]
        assert sorted(marker for marker in set(shown) if marker in of_export) == sorted(of_export)
        assert len([each for each in documents if each["export"] == export]) == len(of_export)


def test_archives_of_one_database_are_saved_decrypted(world: World) -> None:
    key = base64.b64encode(world.secrets.master_keys["platform"]).decode()
    (world.directory / "keys.txt").write_text(key)
    saved = world.logdock("logs", "--database", "77", "--decryption-keys", "keys.txt", "--download", "saved")
    assert saved.returncode == 0, saved.stderr
    files = [world.directory / line for line in saved.stdout.splitlines()]
    assert len(files) == 2
    assert all(file.parent == world.directory / "saved" / "databases-77" for file in files)
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).decode().splitlines()]
    assert {marker for line in lines for marker in candidates(line)} <= world.written["platform"]


def test_a_caller_without_permission_sees_the_action(world: World) -> None:
    refused = world.logdock("logs", "--export", "platform", "--decryption-keys-secret", "acme/other")
    assert refused.returncode == 3
    assert "AWS refused secretsmanager:GetSecretValue" in refused.stderr


def test_the_page_says_what_the_person_of_this_test_may_do(world: World) -> None:
    section = (ROOT / "docs" / "logdock.md").read_text().partition("## logdock logs")[2].partition("\n## ")[0]
    named = set(re.findall(r"`((?:s3|kms|secretsmanager):\w+)`", section.partition("It needs")[2]))
    assert named == {action for statement in world.policy()["Statement"] for action in statement["Action"]}
