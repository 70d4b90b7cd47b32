"""What Cloudflare shows of a Logpush job, for `status` and `validate`; and the commands that `next-steps` prints."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local_cloud.certificate import create_server_certificate
from local_cloud.vendors.cloudflare.api import CloudflareApi, JobCreate, Place, disable
from logdock.cli.account import Account
from logdock.cli.vendors import UnknownError, VendorStatus, fetch_status
from logdock.settings import load_settings
from logdock.vendors.cloudflare.documents import logpush_job
from logdock.vendors.cloudflare.next_steps import cloudflare_steps
from logdock.vendors.cloudflare.settings import CloudflareExport
from tests.settings.documents import document, export

TOKEN = "v1.0-cf-8M7wS6hCpXVc"
SCOPE = "zones/023e105f4ecef8ad9ca31a8372d0c353"
BUCKET = "acme-prod-edge-111122223333-eu-west-1"
MODEL = CloudflareExport.model_validate(export("cloudflare", filter='{"where": {"key": "Note", "value": "it\'s"}}'))
WANTED = logpush_job(MODEL, name="acme-prod-edge", bucket=BUCKET, region="eu-west-1")
JOB = WANTED.document


class World:
    """The account, and the job as Cloudflare shows it: as the settings want, with Cloudflare's defaults."""

    def __init__(self, account: Account, api: CloudflareApi) -> None:
        self.account, self.api = account, api
        self.job: dict[str, Any] = {
            **JOB, "id": 1, "kind": "", "frequency": "high", "max_upload_bytes": 0, "max_upload_records": 0,
            "max_upload_interval_seconds": 0, "last_complete": "2026-11-30T08:00:00Z", "last_error": None,
            "error_message": None,
        }  # fmt: skip
        api.places[SCOPE] = Place(tokens={TOKEN}, jobs={1: self.job})

    def ask(self) -> VendorStatus:
        return fetch_status(self.account, self.account.settings.exports[0])


@pytest.fixture
def world(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    certificate = create_server_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.ca_bundle))
    with CloudflareApi(lambda *_: None, certificate=certificate.certificate, key=certificate.key) as api:
        connect = {"secret": "acme/cloudflare", "api_base_url": api.url}
        file = tmp_path / "logdock.yaml"
        whole = document(export("cloudflare", connect=connect, filter=MODEL.filter), account="111122223333")
        file.write_text(json.dumps({**whole, "deployment": "acme-prod"}))
        secrets = boto3.client("secretsmanager", region_name="eu-west-1")
        secrets.create_secret(Name="acme/cloudflare", SecretString=json.dumps({"api_token": TOKEN}))
        yield World(Account(load_settings(file), None, None), api)


def test_a_job_as_the_settings_want_is_enabled(world: World) -> None:
    assert world.ask() == ("ENABLED", [])


def test_a_job_that_cloudflare_disabled_is_shown_with_its_error(world: World) -> None:
    when = "2026-11-30T09:00:00Z"
    disable(world.job, "access denied", when)
    status, faults = world.ask()
    assert status == "disabled"
    assert faults == [
        "enabled is false, and should be true",
        f"it is failing since 2026-11-30T08:00:00Z, last at {when}: access denied. What it cannot push is lost",
    ]


def test_a_job_that_fails_is_shown_while_it_is_still_enabled(world: World) -> None:
    world.job.update(last_error="2026-11-30T09:00:00Z", error_message=None, last_complete=None)
    status, (fault,) = world.ask()
    assert (status, fault.partition(",")[0]) == ("ENABLED", "it is failing since its creation")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"filter": ""}, "filter is null"),
        ({"max_upload_records": 5000}, "max_upload_records is 5000"),
        ({"destination_conf": f"s3://{BUCKET}/elsewhere?region=eu-west-1"}, "destination is"),
        ({"output_options": {**JOB["output_options"], "output_type": "csv"}}, 'output_type is "csv"'),
        ({"output_options": {**JOB["output_options"], "sample_rate": 0.1}}, "sample_rate is 0.1"),
        ({"output_options": {**JOB["output_options"], "CVE-2021-44228": True}}, "CVE-2021-44228 is true"),
    ],
)
def test_what_differs_from_the_settings_is_named(world: World, changes: dict[str, Any], fault: str) -> None:
    world.job.update(changes)
    (found,) = world.ask().faults
    assert fault in found


def test_a_job_that_is_gone_is_named(world: World) -> None:
    world.api.places[SCOPE].jobs.clear()
    assert world.ask() == ("disabled", [f"{SCOPE} has no Logpush job of http_requests to {BUCKET}"])


def test_a_token_that_may_not_is_no_answer(world: World) -> None:
    world.api.places[SCOPE].tokens = {"another"}
    with pytest.raises(UnknownError, match="Logs: Edit") as refused:
        world.ask()
    assert TOKEN not in str(refused.value)


def test_the_commands_are_what_the_api_takes() -> None:
    steps = cloudflare_steps(MODEL, WANTED).splitlines()
    ask, token, create = (shlex.split(step) for step in steps)
    assert json.loads(ask[-1]) == {"destination_conf": JOB["destination_conf"]}
    assert re.match(r"TOKEN=\$\(aws s3 cp ", steps[1])
    assert token[0].startswith("TOKEN=")
    sent = json.loads(create[-1])
    assert sent == {**JOB, "ownership_challenge": "$TOKEN"}
    assert JobCreate.model_validate(sent)
