"""The vendors' APIs on loopback hold a client to the vendors' descriptions, and believe nothing that they can try."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local_cloud.certificate import ServerCertificate
from local_cloud.vendors.cockroachdb.api import Cluster, CockroachdbApi
from local_cloud.vendors.mongodb_atlas.api import AtlasApi
from local_cloud.vendors.mongodb_atlas.project import Project
from local_cloud.vendors.server import Reply
from tests.local_cloud.conftest import Ask, Doors

PROJECT = "5e2211c17a3e5a48f5497de3"
GROUP = f"/api/atlas/v2/groups/{PROJECT}"
V2023, V2025 = (f"application/vnd.atlas.{version}+json" for version in ("2023-01-01", "2025-03-12"))
ROLE_ARN = "arn:aws:iam::111122223333:role/acme-prod-orders"


@pytest.fixture
def atlas(certificate: ServerCertificate, doors: Doors) -> Iterator[AtlasApi]:
    with AtlasApi(doors.assume, certificate=certificate.certificate, key=certificate.key) as api:
        api.projects[PROJECT] = Project()
        api.callers.service_accounts["client"] = "secret"
        yield api


@pytest.fixture
def call(atlas: AtlasApi, ask: Ask) -> Ask:
    """Make a request of the project with a valid token."""
    pair = base64.b64encode(b"client:secret").decode()
    _, answer = ask(atlas, "POST", "/api/oauth/token", b"grant_type=client_credentials", Authorization=f"Basic {pair}")
    token = f"Bearer {answer['access_token']}"

    def called(method: str, path: str, version: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        headers = {"Authorization": token, "Accept": version, "Content_Type": version, **headers}
        status, document = ask(atlas, method, GROUP + path, body, **headers)
        return status, document

    return called


def authorised(call: Ask, doors: Doors) -> str:
    _, role = call("POST", "/cloudProviderAccess", V2023, {"providerName": "AWS"})
    doors.open.add((ROLE_ARN, role["atlasAssumedRoleExternalId"]))
    body = {"providerName": "AWS", "iamAssumedRoleArn": ROLE_ARN}
    assert call("PATCH", f"/cloudProviderAccess/{role['roleId']}", V2023, body)[0] == 200
    return str(role["roleId"])


def integration(role_id: str, **changes: Any) -> dict[str, Any]:
    whole = {
        "type": "S3_LOG_EXPORT",
        "bucketName": "acme-logs",
        "iamRoleId": role_id,
        "prefixPath": "atlas",
        "logTypes": ["MONGOD"],
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


@pytest.mark.parametrize(
    "header", ["Bearer eyJwrong", "Basic Y2xpZW50OnNlY3JldA==", "", 'Digest username="x", nonce="y"']
)
def test_atlas_challenges_who_has_no_credential(atlas: AtlasApi, ask: Ask, header: str) -> None:
    status, _ = ask(atlas, "GET", f"{GROUP}/cloudProviderAccess", Authorization=header, Accept=V2023)
    assert status == 401


@pytest.mark.parametrize(("version", "status"), [(V2023, 200), (V2025, 406), ("application/json", 406)])
def test_atlas_wants_each_resources_own_version(call: Ask, version: str, status: int) -> None:
    assert call("GET", "/cloudProviderAccess", version)[0] == status


def test_atlas_wants_its_media_type_for_a_body(call: Ask) -> None:
    body = {"providerName": "AWS"}
    assert call("POST", "/cloudProviderAccess", V2023, body, Content_Type="text/plain")[0] == 415


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/cloudProviderAcces"),
        ("PUT", "/cloudProviderAccess"),
        ("GET", "/logIntegrations/x"),
        ("POST", "/auditLog"),
    ],
)
def test_atlas_knows_no_other_path_or_method(call: Ask, method: str, path: str) -> None:
    assert call(method, path, V2025, {} if method != "GET" else None)[0] == 404


def test_atlas_authorises_a_role_only_when_it_has_assumed_it(atlas: AtlasApi, call: Ask, doors: Doors) -> None:
    _, role = call("POST", "/cloudProviderAccess", V2023, {"providerName": "AWS"})
    path = f"/cloudProviderAccess/{role['roleId']}"
    body = {"providerName": "AWS", "iamAssumedRoleArn": ROLE_ARN}
    status, refusal = call("PATCH", path, V2023, body)
    assert (status, refusal["errorCode"]) == (400, "CANNOT_ASSUME_ROLE")
    doors.open.add((ROLE_ARN, "another external id"))
    assert call("PATCH", path, V2023, body)[0] == 400
    assert atlas.projects[PROJECT].roles[role["roleId"]].get("authorizedDate") is None
    doors.open.add((ROLE_ARN, role["atlasAssumedRoleExternalId"]))
    assert call("PATCH", path, V2023, body)[0] == 200


def test_atlas_sees_a_new_role_only_after_a_while(atlas: AtlasApi, call: Ask, doors: Doors) -> None:
    atlas.propagation = 2
    _, role = call("POST", "/cloudProviderAccess", V2023, {"providerName": "AWS"})
    doors.open.add((ROLE_ARN, role["atlasAssumedRoleExternalId"]))
    body = {"providerName": "AWS", "iamAssumedRoleArn": ROLE_ARN}
    answers = [call("PATCH", f"/cloudProviderAccess/{role['roleId']}", V2023, body)[0] for _ in range(3)]
    assert answers == [400, 400, 200]


def test_atlas_takes_an_integration_only_when_it_has_written_to_the_bucket(call: Ask, doors: Doors) -> None:
    role_id = authorised(call, doors)
    doors.is_reachable = False
    assert call("POST", "/logIntegrations", V2025, integration(role_id))[0] == 400
    doors.is_reachable = True
    assert call("POST", "/logIntegrations", V2025, integration(role_id))[0] == 201
    assert doors.reached == ["acme-logs/atlas/mongodb-atlas-access-test"]


def test_atlas_takes_no_integration_for_a_role_that_is_not_authorised(call: Ask) -> None:
    _, role = call("POST", "/cloudProviderAccess", V2023, {"providerName": "AWS"})
    status, refusal = call("POST", "/logIntegrations", V2025, integration(role["roleId"]))
    assert (status, refusal["errorCode"]) == (400, "CLOUD_PROVIDER_ACCESS_ROLE_NOT_AUTHORIZED")


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "S3"},
        {"bucketName": ...},
        {"prefixPath": ...},
        {"logTypes": ["AUDIT"]},
        {"logTypes": ["MONGOD", "MONGOD"]},
        {"logTypes": "MONGOD"},
        {"iamRoleId": "x"},
        {"useLegacyPathStructure": "true"},
        {"prefix_path": "x"},
        {"colour": "blue"},
    ],
)
def test_atlas_refuses_an_integration_that_is_not_as_described(
    call: Ask, doors: Doors, changes: dict[str, Any]
) -> None:
    role_id = authorised(call, doors)
    assert call("POST", "/logIntegrations", V2025, integration(role_id, **changes))[0] == 400


def test_atlas_keeps_a_role_that_an_integration_uses(call: Ask, doors: Doors) -> None:
    role_id = authorised(call, doors)
    _, made = call("POST", "/logIntegrations", V2025, integration(role_id))
    assert call("DELETE", f"/cloudProviderAccess/AWS/{role_id}", V2023)[0] == 400
    assert call("DELETE", f"/logIntegrations/{made['id']}", V2025) == (204, None)
    assert call("DELETE", f"/cloudProviderAccess/AWS/{role_id}", V2023) == (204, None)
    assert call("GET", f"/cloudProviderAccess/{role_id}", V2023)[0] == 404


def test_atlas_has_ten_integrations_in_a_project(call: Ask, doors: Doors) -> None:
    role_id = authorised(call, doors)
    answers = [call("POST", "/logIntegrations", V2025, integration(role_id))[0] for _ in range(11)]
    assert answers == [201] * 10 + [400]


def test_a_record_has_no_credential(atlas: AtlasApi, call: Ask, doors: Doors) -> None:
    authorised(call, doors)
    whole = json.dumps([str(one) for one in atlas.recorded])
    assert "secret" not in whole
    assert "eyJ" not in whole
    assert [one.method for one in atlas.writes()] == ["POST", "PATCH"]


def test_fails_on_demand_with_or_without_doing_what_was_asked(atlas: AtlasApi, call: Ask) -> None:
    body = {"providerName": "AWS"}
    atlas.fail("POST", "/cloudProviderAccess", Reply(503, None, {"Retry-After": "1"}), times=2)
    atlas.fail("POST", "/cloudProviderAccess", None, is_carried_out=True)
    assert [call("POST", "/cloudProviderAccess", V2023, body)[0] for _ in range(2)] == [503, 503]
    assert atlas.projects[PROJECT].roles == {}
    with pytest.raises(OSError, match=r"closed|reset"):
        call("POST", "/cloudProviderAccess", V2023, body)
    assert len(atlas.projects[PROJECT].roles) == 1
    assert call("POST", "/cloudProviderAccess", V2023, body)[0] == 200


CLUSTER = "f78b7feb-b6cf-4396-9d7f-494982d7d81e"
CLUSTER_PATH = f"/api/v1/clusters/{CLUSTER}"
COCKROACH = {"Authorization": "Bearer CCDB1_x", "Cc_Version": "2024-09-16"}
LOG_EXPORT = {
    "type": "AWS_CLOUDWATCH",
    "log_name": "/acme/ledger",
    "auth_principal": ROLE_ARN,
    "aws_external_id": "ours",
    "groups": [{"log_name": "/acme/ops", "channels": ["OPS"], "min_level": "WARNING"}],
}


@pytest.fixture
def cockroach(certificate: ServerCertificate, doors: Doors) -> Iterator[CockroachdbApi]:
    def assume(account: str, role_arn: str, external_id: str) -> Callable[[str, str], None]:
        return doors.assume(f"{account}:{role_arn}", external_id)

    with CockroachdbApi(assume, certificate=certificate.certificate, key=certificate.key) as api:
        api.clusters[CLUSTER] = Cluster(regions=("eu-west-1", "us-east-1"))
        api.api_keys.add("CCDB1_x")
        yield api


def enabled(cockroach: CockroachdbApi, ask: Ask, **changes: Any) -> str:
    """Ask for a log export; return the status that it ends with."""
    path = f"{CLUSTER_PATH}/logexport"
    status, made = ask(cockroach, "POST", path, LOG_EXPORT | changes, **COCKROACH)
    assert (status, made["status"]) == (200, "ENABLING")
    answers = [ask(cockroach, "GET", path, **COCKROACH)[1]["status"] for _ in range(2)]
    assert answers[0] == "ENABLING"
    return str(answers[1])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer CCDB1_y"}, 401),
        ({"Authorization": ""}, 401),
        ({"Cc_Version": "2022-09-20"}, 400),
        ({}, 200),
    ],
)
def test_cockroachdb_wants_a_key_and_its_version(
    cockroach: CockroachdbApi, ask: Ask, headers: dict[str, str], status: int
) -> None:
    assert ask(cockroach, "GET", CLUSTER_PATH, **(COCKROACH | headers))[0] == status


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/clusters/x"), ("GET", f"{CLUSTER_PATH}/logexports"), ("GET", f"{CLUSTER_PATH}/logexport")],
)
def test_cockroachdb_knows_what_is_there(cockroach: CockroachdbApi, ask: Ask, method: str, path: str) -> None:
    assert ask(cockroach, method, path, **COCKROACH)[0] == 404


def test_cockroachdb_lets_a_key_that_may_look_change_nothing(cockroach: CockroachdbApi, ask: Ask) -> None:
    cockroach.read_only.add("CCDB1_x")
    assert ask(cockroach, "POST", f"{CLUSTER_PATH}/logexport", LOG_EXPORT, **COCKROACH)[0] == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "GCP_CLOUD_LOGGING"},
        {"type": "S3"},
        {"log_name": None},
        {"auth_principal": ""},
        {"redact": "true"},
        {"omitted_channels": ["DEV"]},
        {"groups": [{"log_name": "/a", "channels": []}]},
        {"groups": [{"log_name": "/a", "channels": ["TELEMETRY"]}]},
        {"groups": [{"log_name": "/a", "channels": ["OPS"], "min_level": "INFO"}]},
        {"groups": [{"channels": ["OPS"]}]},
        {"colour": "blue"},
    ],
)
def test_cockroachdb_refuses_an_export_that_is_not_as_described(
    cockroach: CockroachdbApi, ask: Ask, changes: dict[str, Any]
) -> None:
    status, refusal = ask(cockroach, "POST", f"{CLUSTER_PATH}/logexport", LOG_EXPORT | changes, **COCKROACH)
    assert (status, refusal["code"]) == (400, 3)
    assert cockroach.clusters[CLUSTER].info is None


def test_cockroachdb_takes_an_external_id_for_advanced_alone(cockroach: CockroachdbApi, ask: Ask) -> None:
    cockroach.clusters[CLUSTER].plan = "STANDARD"
    status, refusal = ask(cockroach, "POST", f"{CLUSTER_PATH}/logexport", LOG_EXPORT, **COCKROACH)
    assert (status, "only supported for Advanced" in refusal["message"]) == (400, True)


def test_cockroachdb_says_enabled_only_when_it_has_reached_every_log_group_in_every_region(
    cockroach: CockroachdbApi, ask: Ask, doors: Doors
) -> None:
    assert enabled(cockroach, ask) == "CREDENTIALS_ERROR"
    doors.open.add((f"999988887777:{ROLE_ARN}", "ours"))
    assert enabled(cockroach, ask) == "CREDENTIALS_ERROR"
    doors.open.add((f"222233334444:{ROLE_ARN}", "ours"))
    doors.is_reachable = False
    assert enabled(cockroach, ask) == "ENABLE_FAILED"
    doors.is_reachable = True
    assert enabled(cockroach, ask) == "ENABLED"
    assert doors.reached == [
        f"{region}/{name}" for region in ("eu-west-1", "us-east-1") for name in ("/acme/ledger", "/acme/ops")
    ]
    doors.reached.clear()
    assert enabled(cockroach, ask, region="us-east-1", groups=[]) == "ENABLED"
    assert doors.reached == ["us-east-1//acme/ledger"]


def test_cockroachdb_does_one_thing_at_a_time(cockroach: CockroachdbApi, ask: Ask, doors: Doors) -> None:
    doors.open.add((f"222233334444:{ROLE_ARN}", "ours"))
    path = f"{CLUSTER_PATH}/logexport"
    assert ask(cockroach, "POST", path, LOG_EXPORT, **COCKROACH)[0] == 200
    for method, body in (("POST", LOG_EXPORT), ("DELETE", None)):
        status, refusal = ask(cockroach, method, path, body, **COCKROACH)
        assert (status, "couldn't lock" in refusal["message"]) == (400, True)


def test_cockroachdb_disables_in_its_own_time(cockroach: CockroachdbApi, ask: Ask, doors: Doors) -> None:
    doors.open.add((f"222233334444:{ROLE_ARN}", "ours"))
    enabled(cockroach, ask)
    path = f"{CLUSTER_PATH}/logexport"
    assert ask(cockroach, "DELETE", path, **COCKROACH)[1]["status"] == "DISABLING"
    assert [ask(cockroach, "GET", path, **COCKROACH)[1]["status"] for _ in range(2)] == ["DISABLING", "DISABLED"]
    assert ask(cockroach, "DELETE", path, **COCKROACH)[0] == 404
