"""Cloudflare's API on loopback is as strict as its description: bodies, ranges, tokens, ownership."""

import json
from email.message import Message
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.certificate import ServerCertificate
from local_cloud.vendors.cloudflare.api import CloudflareApi, Place
from local_cloud.vendors.server import Request

SCOPE = "zones/023e105f4ecef8ad9ca31a8372d0c353"
OTHER = f"zones/{'b' * 32}"
DESTINATION = "s3://acme-logs/edge/{DATE}?region=eu-west-1"
OPTIONS = {"field_names": ["EdgeStartTimestamp"], "timestamp_format": "rfc3339"}


class Cloudflare:
    def __init__(self, api: CloudflareApi, written: dict[str, bytes]) -> None:
        self.api, self.written = api, written

    def ask(self, method: str, path: str, body: Any = None, *, bearer: str = "right") -> tuple[int, Any]:
        headers = Message()
        headers["Authorization"] = f"Bearer {bearer}"
        raw = json.dumps(body).encode() if body is not None else b""
        path = path if path.startswith("/client") else f"/client/v4/{SCOPE}/logpush{path}"
        reply = self.api.take(Request(method=method, path=path, query={}, headers=headers, body=raw))
        assert reply is not None
        return reply.status, reply.document

    def proven(self, destination: str = DESTINATION) -> str:
        status, answer = self.ask("POST", "/ownership", {"destination_conf": destination})
        assert status == 200
        return self.written[answer["result"]["filename"]].decode()

    def created(self, **changes: Any) -> tuple[int, Any]:
        job = {"dataset": "http_requests", "destination_conf": DESTINATION, "output_options": OPTIONS, **changes}
        return self.ask("POST", "/jobs", {"ownership_challenge": self.proven(), **job})


@pytest.fixture
def cloudflare(certificate: ServerCertificate) -> Cloudflare:
    written: dict[str, bytes] = {}

    def write(bucket: str, key: str, body: bytes) -> None:
        if bucket == "closed":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
        written[f"{bucket}/{key}"] = body

    api = CloudflareApi(write, certificate=certificate.certificate, key=certificate.key)
    api.places[SCOPE] = Place(tokens={"right"})
    api.now = lambda: 1_796_032_800.0
    return Cloudflare(api, written)


def test_a_job_is_created_disabled_by_default_then_enabled_and_deleted(cloudflare: Cloudflare) -> None:
    status, answer = cloudflare.created()
    job = answer["result"]
    assert (status, job["enabled"], job["last_complete"]) == (200, False, None)
    assert list(cloudflare.written) == ["acme-logs/edge/20261130/ownership-challenge.txt"]
    assert cloudflare.ask("PUT", f"/jobs/{job['id']}", {"enabled": True})[1]["result"]["enabled"] is True
    assert cloudflare.ask("GET", "/jobs")[1]["result"] == [job]
    assert cloudflare.ask("DELETE", f"/jobs/{job['id']}")[1]["result"] == {"id": job["id"]}
    assert cloudflare.ask("GET", f"/jobs/{job['id']}")[0] == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown": 1},
        {"enabled": "true"},
        {"max_upload_bytes": 4_999_999},
        {"max_upload_records": 999},
        {"max_upload_interval_seconds": 29},
        {"filter": '{"key": "RayID"}'},
        {"filter": json.dumps({"where": "x" * 1000})},
        {"output_options": {**OPTIONS, "timestamp_format": "iso"}},
        {"output_options": {**OPTIONS, "sample_rate": 0}},
        {"destination_conf": "s3://acme-logs/edge"},
        {"destination_conf": "s3://acme-logs/edge?region=eu-west-1&access-key-id=a"},
        {"name": "not allowed_"},
        {"ownership_challenge": "a.b.c"},
        {"ownership_challenge": None},
    ],
)
def test_a_job_that_is_not_as_documented_is_refused(cloudflare: Cloudflare, changes: dict[str, Any]) -> None:
    status, answer = cloudflare.created(**changes)
    assert (status, answer["success"]) == (400, False)
    assert cloudflare.api.places[SCOPE].jobs == {}


def test_a_challenge_is_of_one_destination_and_seven_days(cloudflare: Cloudflare) -> None:
    other = cloudflare.proven("s3://acme-logs/other?region=eu-west-1")
    assert cloudflare.created(ownership_challenge=other)[0] == 400
    token = cloudflare.proven()
    cloudflare.api.now = lambda: 1_796_032_800.0 + 8 * 86_400
    assert cloudflare.created(ownership_challenge=token)[0] == 400


def test_a_challenge_is_of_one_zone_and_signed(cloudflare: Cloudflare) -> None:
    token = cloudflare.proven()
    assert cloudflare.created(ownership_challenge=f"{token.rpartition('.')[0]}.forged")[0] == 400
    cloudflare.api.places[OTHER] = Place(tokens={"right"})
    job = {"destination_conf": DESTINATION, "ownership_challenge": token}
    assert cloudflare.ask("POST", f"/client/v4/{OTHER}/logpush/jobs", job)[0] == 400
    assert cloudflare.created(ownership_challenge=token)[0] == 200


def test_another_destination_needs_another_challenge(cloudflare: Cloudflare) -> None:
    job = cloudflare.created()[1]["result"]
    target = "s3://acme-logs/other?region=eu-west-1"
    path = f"/jobs/{job['id']}"
    assert cloudflare.ask("PUT", path, {"destination_conf": target})[0] == 400
    proven = {"destination_conf": target, "ownership_challenge": cloudflare.proven(target)}
    assert cloudflare.ask("PUT", path, proven)[1]["result"]["destination_conf"] == target


@pytest.mark.parametrize("field", ["dataset", "kind", "name"])
def test_what_is_of_a_job_for_good_is_not_updated(cloudflare: Cloudflare, field: str) -> None:
    job = cloudflare.created()[1]["result"]
    assert cloudflare.ask("PUT", f"/jobs/{job['id']}", {field: "dns_logs"})[0] == 400


def test_a_bucket_that_does_not_admit_cloudflare_is_no_destination(cloudflare: Cloudflare) -> None:
    status, answer = cloudflare.ask("POST", "/ownership", {"destination_conf": "s3://closed/a?region=eu-west-1"})
    assert (status, answer["errors"][0]["code"]) == (400, 1002)


def test_a_zone_has_four_jobs(cloudflare: Cloudflare) -> None:
    assert [cloudflare.created()[0] for _ in range(5)] == [200, 200, 200, 200, 400]


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/jobs", "wrong", 401),
        (f"/client/v4/accounts/{'a' * 32}/logpush/jobs", "right", 403),
        (f"/client/v4/{OTHER}/logpush/jobs", "right", 403),
        (f"/client/v4/{SCOPE}", "right", 403),
        ("/elsewhere", "right", 404),
    ],
)
def test_a_token_reaches_the_logs_of_its_zone_alone(cloudflare: Cloudflare, path: str, token: str, status: int) -> None:
    cloudflare.api.places[OTHER] = Place(tokens={"another"})
    assert cloudflare.ask("GET", path, bearer=token)[0] == status
