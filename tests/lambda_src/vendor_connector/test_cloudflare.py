"""Cloudflare: the ownership is proven, the job is created once, kept as asked, and deleted."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from vendor_connector import aws
from vendor_connector.request import ConnectorError, read
from vendor_connector.vendors.cloudflare.operations import logpush_job

from local_cloud.certificate import ServerCertificate
from local_cloud.vendors.cloudflare.api import CloudflareApi, Place, disable
from local_cloud.vendors.server import Reply
from logdock.vendors.cloudflare.documents import logpush_job as job_document
from logdock.vendors.cloudflare.settings import CloudflareExport
from stacks.connection import properties_of
from tests.lambda_src.vendor_connector.conftest import record, saved_parameters
from tests.lambda_src.vendor_connector.formation import POLL_SECONDS, Clock, FailedError, Formation, Template
from tests.settings.documents import export

ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
SCOPE = f"zones/{ZONE}"
BUCKET = "acme-prod-edge-111122223333-eu-west-1"
TOKEN = "v1.0-cf-8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T"


@pytest.fixture
def cloudflare(
    clock: Clock, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CloudflareApi]:
    """Cloudflare with one zone without jobs, whose token is stored, and the landing bucket."""

    def write(bucket: str, key: str, body: bytes) -> None:
        aws.s3().put_object(Bucket=bucket, Key=key, Body=body)

    with CloudflareApi(write, certificate=certificate.certificate, key=certificate.key) as api:
        api.now = clock.now
        api.places[SCOPE] = Place(tokens={TOKEN})
        aws.secrets_manager().create_secret(Name="acme/cloudflare", SecretString=TOKEN)
        aws.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield api
        record(api)


def template(api: CloudflareApi, **changes: Any) -> Template:
    own: dict[str, Any] = {name: changes.pop(name) for name in ("Adopt", "Revision") if name in changes}
    model = CloudflareExport.model_validate(export("cloudflare", **changes))
    job = job_document(model, name="acme-prod-edge", bucket=BUCKET, region="eu-west-1")
    return {
        "LogpushJob": {
            "Type": "Custom::LogdockCloudflareLogpushJob",
            "Operation": "cloudflare-logpush-job",
            "Secret": "acme/cloudflare",
            "ApiBaseUrl": api.url,
            "Scope": model.scope,
            **properties_of(job),
            "Adopt": "false",
            "StateParameter": "/logdock/acme-prod/edge/cloudflare-logpush-job",
            **own,
        }
    }


def only(api: CloudflareApi) -> dict[str, Any]:
    (job,) = api.places[SCOPE].jobs.values()
    return job


def by_hand(api: CloudflareApi, **changes: Any) -> dict[str, Any]:
    """Return a job that a person created."""
    api.places[SCOPE].jobs[7] = job = {
        "id": 7, "dataset": "http_requests", "enabled": False, "name": "mine", "kind": "",
        "destination_conf": f"s3://{BUCKET}/old?region=eu-west-1",
        "output_options": {"field_names": ["RayID"], "timestamp_format": "rfc3339"}, "filter": "",
        "max_upload_bytes": 0, "max_upload_interval_seconds": 0, "max_upload_records": 0,
        "last_complete": None, "last_error": None, "error_message": None, **changes,
    }  # fmt: skip
    return job


def test_one_deploy_proves_the_ownership_and_creates_the_job_enabled(
    cloudflare: CloudflareApi, formation: Formation
) -> None:
    formation.deploy(template(cloudflare, filter='{"where": {"key": "BotScore", "operator": "lt", "value": 30}}'))

    job = only(cloudflare)
    assert job["enabled"] is True
    assert job["destination_conf"] == f"s3://{BUCKET}/cloudflare/http_requests/{{DATE}}?region=eu-west-1"
    assert job["output_options"] == {
        "field_names": ["EdgeStartTimestamp", "ClientIP", "RayID"],
        "output_type": "ndjson",
        "timestamp_format": "unixnano",
    }
    assert formation.resources["LogpushJob"].data == {"JobId": str(job["id"])}
    assert [one.path.rpartition("/")[2] for one in cloudflare.writes()] == ["ownership", "jobs"]
    formation.destroy()
    assert cloudflare.places[SCOPE].jobs == {}


def test_a_deploy_of_the_same_writes_nothing(cloudflare: CloudflareApi, formation: Formation) -> None:
    formation.deploy(template(cloudflare))
    writes = len(cloudflare.writes())
    formation.deploy(template(cloudflare, Revision="2"))
    assert len(cloudflare.writes()) == writes


def test_waits_while_the_buckets_policy_spreads(cloudflare: CloudflareApi, formation: Formation) -> None:
    cloudflare.propagation = 3
    formation.deploy(template(cloudflare))
    assert only(cloudflare)["enabled"] is True


def test_gives_up_on_a_bucket_that_never_admits_cloudflare(cloudflare: CloudflareApi, formation: Formation) -> None:
    cloudflare.propagation = 1000
    with pytest.raises(FailedError, match="Cloudflare cannot write to acme-prod-edge"):
        formation.deploy(template(cloudflare))
    assert cloudflare.places[SCOPE].jobs == {}


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"timestamp_format": "rfc3339"}, "output_options", {"timestamp_format": "rfc3339"}),
        (
            {"fields": ["RayID", "EdgeStartTimestamp"]},
            "output_options",
            {"field_names": ["RayID", "EdgeStartTimestamp"]},
        ),
        ({"sample_rate": 0.5}, "output_options", {"sample_rate": 0.5}),
        ({"max_upload_records": 1000}, "max_upload_records", 1000),
    ],
)
def test_a_change_is_made_in_place_and_taken_back(
    cloudflare: CloudflareApi, formation: Formation, changes: dict[str, Any], name: str, value: Any
) -> None:
    formation.deploy(template(cloudflare))
    job_id, before = only(cloudflare)["id"], json.dumps(only(cloudflare)["output_options"])
    formation.deploy(template(cloudflare, **changes))
    changed = only(cloudflare)
    assert changed["id"] == job_id
    assert changed[name] == value if isinstance(value, int) else value.items() <= changed[name].items()
    assert cloudflare.writes()[-1].method == "PUT"
    assert "ownership_challenge" not in cloudflare.writes()[-1].body
    formation.deploy(template(cloudflare))
    assert json.dumps(only(cloudflare)["output_options"]) == before
    assert only(cloudflare)["max_upload_records"] == 0


def test_another_prefix_is_proven_again_and_the_job_stays(cloudflare: CloudflareApi, formation: Formation) -> None:
    formation.deploy(template(cloudflare))
    job_id = only(cloudflare)["id"]
    formation.deploy(template(cloudflare, prefix="edge/logs"))
    assert only(cloudflare)["id"] == job_id
    assert only(cloudflare)["destination_conf"].startswith(f"s3://{BUCKET}/edge/logs/http_requests/")


def test_another_dataset_is_another_job(cloudflare: CloudflareApi, formation: Formation) -> None:
    formation.deploy(template(cloudflare))
    formation.deploy(template(cloudflare, dataset="dns_logs", fields=["Timestamp", "QueryName"]))
    assert only(cloudflare)["dataset"] == "dns_logs"


def test_a_job_that_cloudflare_disabled_is_enabled_by_another_revision(
    cloudflare: CloudflareApi, formation: Formation
) -> None:
    formation.deploy(template(cloudflare))
    disable(only(cloudflare), "access denied", "2026-11-30T08:00:00Z")
    formation.deploy(template(cloudflare, Revision="2"))
    assert only(cloudflare)["enabled"] is True


def test_a_job_of_another_owner_is_refused_or_adopted_and_put_back(
    cloudflare: CloudflareApi, formation: Formation
) -> None:
    by_hand(cloudflare)
    with pytest.raises(FailedError, match=r"connect\.adopt: true"):
        formation.deploy(template(cloudflare))
    formation.deploy(template(cloudflare, Adopt="true"))
    assert only(cloudflare)["enabled"] is True
    formation.destroy()
    assert (only(cloudflare)["enabled"], only(cloudflare)["output_options"]["field_names"]) == (False, ["RayID"])


def test_an_adopted_job_pushes_attack_traffic_and_is_put_back(cloudflare: CloudflareApi, formation: Formation) -> None:
    by_hand(cloudflare, filter_attack_traffic=True)
    formation.deploy(template(cloudflare, Adopt="true"))
    assert only(cloudflare)["filter_attack_traffic"] is False
    formation.destroy()
    assert only(cloudflare)["filter_attack_traffic"] is True


def test_a_destroy_is_no_success_while_the_list_has_no_result(cloudflare: CloudflareApi, formation: Formation) -> None:
    formation.deploy(template(cloudflare))
    nothing = Reply(200, {"success": True, "errors": [], "messages": [], "result": None})
    cloudflare.fail("GET", "/jobs", nothing, times=10**6)
    with pytest.raises(FailedError, match="logpush/jobs: the answer is empty and must be a list"):
        formation.destroy()
    assert len(cloudflare.places[SCOPE].jobs) == 1
    assert len(saved_parameters()) == 1


def test_a_job_may_be_null_in_a_list(cloudflare: CloudflareApi, formation: Formation) -> None:
    formation.deploy(template(cloudflare))
    jobs = [None, *cloudflare.places[SCOPE].jobs.values()]
    cloudflare.fail("GET", "/jobs", Reply(200, {"success": True, "errors": [], "messages": [], "result": jobs}))
    formation.deploy(template(cloudflare, sample_rate=0.5))
    assert only(cloudflare)["output_options"]["sample_rate"] == 0.5


def test_a_deleted_job_may_be_answered_without_a_body(cloudflare: CloudflareApi, formation: Formation) -> None:
    formation.deploy(template(cloudflare))
    cloudflare.fail("DELETE", "/jobs", Reply(204), is_carried_out=True)
    formation.destroy()
    assert cloudflare.places[SCOPE].jobs == {}


def test_a_number_that_contains_a_code_of_cloudflares_is_not_that_code(
    cloudflare: CloudflareApi, formation: Formation
) -> None:
    errors = [{"code": 1001, "message": "job 100412 is wrong"}]
    said = {"success": False, "errors": errors, "messages": [], "result": None}
    cloudflare.fail("POST", "/jobs", Reply(400, said), times=99)
    with pytest.raises(FailedError, match="job 100412 is wrong") as failed:
        formation.deploy(template(cloudflare))
    assert "does not accept it" not in str(failed.value)


@pytest.mark.parametrize("is_carried_out", [False, True])
def test_a_lost_challenge_is_asked_for_again_at_once(
    cloudflare: CloudflareApi, formation: Formation, clock: Clock, is_carried_out: bool
) -> None:
    cloudflare.fail("POST", "/ownership", None, is_carried_out=is_carried_out)
    begun = clock.now()
    formation.deploy(template(cloudflare))
    assert clock.now() - begun < POLL_SECONDS, "in the same invocation"


def test_a_challenge_that_is_not_answered_is_no_lost_job(
    cloudflare: CloudflareApi, formation: Formation, clock: Clock
) -> None:
    cloudflare.fail("POST", "/ownership", None, times=7)
    begun = clock.now()
    formation.deploy(template(cloudflare))
    assert clock.now() - begun < 100


def test_a_full_zone_is_named(cloudflare: CloudflareApi, formation: Formation) -> None:
    for number in range(4):
        job = by_hand(cloudflare, dataset="dns_logs")
        cloudflare.places[SCOPE].jobs[number] = {**job, "id": number}
    del cloudflare.places[SCOPE].jobs[7]
    with pytest.raises(FailedError, match="as many Logpush jobs as Cloudflare allows"):
        formation.deploy(template(cloudflare))


@pytest.mark.parametrize("scope", [f"zones/{'a' * 32}", f"accounts/{'a' * 32}"])
def test_a_token_of_another_zone_or_account_is_explained(
    cloudflare: CloudflareApi, formation: Formation, scope: str
) -> None:
    named = {"Scope": scope}
    whole = template(cloudflare)
    whole["LogpushJob"] |= named
    with pytest.raises(FailedError, match=r"Logs: Edit"):
        formation.deploy(whole)


def test_a_wrong_token_is_explained_and_never_shown(cloudflare: CloudflareApi, formation: Formation) -> None:
    cloudflare.places[SCOPE].tokens.clear()
    with pytest.raises(FailedError, match=r"Logs: Edit") as failed:
        formation.deploy(template(cloudflare))
    assert TOKEN not in str(failed.value) + "".join(formation.seen)


def test_a_lost_answer_makes_no_second_job(cloudflare: CloudflareApi, formation: Formation) -> None:
    cloudflare.fail("POST", "/jobs", None, is_carried_out=True)
    formation.deploy(template(cloudflare))
    assert len(cloudflare.places[SCOPE].jobs) == 1


@pytest.mark.parametrize("filename", ["cloudflare/http_requests/20261130/x.log.gz", "ownership-challenge/x.log", ""])
def test_nothing_but_a_challenge_is_read_whatever_cloudflare_names(
    cloudflare: CloudflareApi, formation: Formation, filename: str
) -> None:
    result = {"filename": filename, "valid": True, "message": ""}
    envelope = {"success": True, "errors": [], "messages": [], "result": result}
    cloudflare.fail("POST", "/ownership", Reply(200, envelope))
    with pytest.raises(FailedError, match="which is none"):
        formation.deploy(template(cloudflare))


def test_a_challenge_in_a_bucket_of_another_owner_is_not_read(cloudflare: CloudflareApi, formation: Formation) -> None:
    """The token there is valid: this function must not read elsewhere because an answer says so."""
    key, another = "cloudflare/http_requests/20261130/ownership-challenge.txt", "another-bucket"
    aws.s3().create_bucket(Bucket=another, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    conf = f"s3://{BUCKET}/cloudflare/http_requests/{{DATE}}?region=eu-west-1"
    aws.s3().put_object(Bucket=another, Key=key, Body=cloudflare._token(SCOPE, conf).encode())
    result = {"filename": f"{another}/{key}", "valid": True, "message": ""}
    envelope = {"success": True, "errors": [], "messages": [], "result": result}
    cloudflare.fail("POST", "/ownership", Reply(200, envelope))
    with pytest.raises(FailedError, match="NoSuchKey"):
        formation.deploy(template(cloudflare))
    assert cloudflare.places[SCOPE].jobs == {}


def test_nothing_but_a_token_is_sent_back(cloudflare: CloudflareApi, formation: Formation) -> None:
    key = "cloudflare/ownership-challenge.txt"
    aws.s3().put_object(Bucket=BUCKET, Key=key, Body=b'{"EdgeStartTimestamp":1506702504433000200}\n')
    result = {"filename": f"{BUCKET}/{key}", "valid": True, "message": ""}
    envelope = {"success": True, "errors": [], "messages": [], "result": result}
    cloudflare.fail("POST", "/ownership", Reply(200, envelope))
    with pytest.raises(FailedError, match="holds no token"):
        formation.deploy(template(cloudflare))
    assert cloudflare.places[SCOPE].jobs == {}


def test_an_unknown_scope_is_refused(cloudflare: CloudflareApi) -> None:
    whole = template(cloudflare)["LogpushJob"]
    properties = {name: value for name, value in whole.items() if name not in ("Type", "Operation")}
    with pytest.raises(ConnectorError, match="zones/<id> or accounts/<id>"):
        read(logpush_job.Settings, {**properties, "Scope": "zones/../user"})
