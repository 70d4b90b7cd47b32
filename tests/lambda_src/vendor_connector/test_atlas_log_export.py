"""Atlas: access role, authorisation, log integration, in the order and with the references of the stack."""

from typing import Any

import pytest

from local_cloud.vendors.mongodb_atlas.api import AtlasApi
from local_cloud.vendors.server import Reply
from tests.lambda_src.vendor_connector.conftest import parameters, saved_parameters
from tests.lambda_src.vendor_connector.formation import ROLE, FailedError, Formation, Get, Iam, Template

PROJECT = "5e2211c17a3e5a48f5497de3"
OTHER_PROJECT = "6f3322d28b4f6b59a6508ef4"
ROLE_ARN = "arn:aws:iam::111122223333:role/acme-prod-orders"
BUCKET = "acme-prod-orders-111122223333-eu-west-1"
STATE = "/logdock/acme-prod/orders"


def template(atlas: AtlasApi, **changes: Any) -> Template:
    """Return what the stack has; changes go to both custom resources where they know them."""
    project = {
        "Secret": "acme/atlas",
        "ApiBaseUrl": atlas.url,
        "ProjectId": changes.pop("ProjectId", PROJECT),
        "Adopt": changes.pop("Adopt", "false"),
        **({"Revision": changes.pop("Revision")} if "Revision" in changes else {}),
    }
    prefix = changes.pop("Prefix", "atlas/orders")
    return {
        "AccessRole": {
            "Type": "Custom::LogdockAtlasAccessRole",
            "Operation": "atlas-access-role",
            **project,
            "RoleArn": ROLE_ARN,
            "Bucket": BUCKET,
            "Prefix": prefix,
            "StateParameter": f"{STATE}/atlas-access-role",
        },
        "Role": {"Type": ROLE, "Arn": ROLE_ARN, "ExternalIds": [Get("AccessRole", "ExternalId")]},
        "LogExport": {
            "Type": "Custom::LogdockAtlasLogExport",
            "Operation": "atlas-log-export",
            **project,
            "RoleId": Get("AccessRole", "RoleId"),
            "RoleArn": Get("Role", "Arn"),
            "Bucket": BUCKET,
            "Prefix": prefix,
            "LogTypes": ["MONGOD", "MONGOD_AUDIT"],
            "KmsKey": "arn:aws:kms:eu-west-1:111122223333:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11",
            "LegacyPaths": "false",
            "StateParameter": f"{STATE}/atlas-log-export",
            **changes,
        },
        "Last": {"Type": ROLE, "Arn": "arn:aws:iam::111122223333:role/last", "ExternalIds": []},
    }


def is_clean(atlas: AtlasApi) -> bool:
    projects = atlas.projects.values()
    return not any(one.roles or one.integrations or one.alerts for one in projects) and not parameters()


def only(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (one,) = found.values()
    return one


def unfinished(atlas: AtlasApi, letter: str) -> dict[str, Any]:
    """Return an access role that no one has authorised."""
    return {"providerName": "AWS", "roleId": letter * 24, "atlasAWSAccountArn": atlas.principal_arn}


def by_hand(atlas: AtlasApi, iam: Iam, **integration: Any) -> tuple[str, str]:
    """Configure Atlas as a person does; return the ids of the access role and the integration."""
    project = atlas.projects[PROJECT]
    role_id, integration_id = "a" * 24, "b" * 24
    project.roles[role_id] = {
        "providerName": "AWS",
        "roleId": role_id,
        "atlasAWSAccountArn": atlas.principal_arn,
        "atlasAssumedRoleExternalId": "9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64",
        "iamAssumedRoleArn": ROLE_ARN,
        "authorizedDate": "2026-11-01T00:00:00Z",
    }
    project.integrations[integration_id] = {
        "id": integration_id,
        "type": "S3_LOG_EXPORT",
        "bucketName": BUCKET,
        "prefixPath": "atlas/orders/",
        "iamRoleId": role_id,
        "logTypes": ["MONGOD"],
        "kmsKey": None,
        "useLegacyPathStructure": None,
        **integration,
    }
    iam.roles[ROLE_ARN] = ["9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64"]
    return role_id, integration_id


def test_one_deploy_authorises_the_role_and_creates_the_integration(
    atlas: AtlasApi, formation: Formation, iam: Iam
) -> None:
    formation.deploy(template(atlas))

    project = atlas.projects[PROJECT]
    role, integration = only(project.roles), only(project.integrations)
    assert formation.resources["AccessRole"].data == {
        "RoleId": role["roleId"],
        "PrincipalArn": "arn:aws:iam::772401394250:root",
        "ExternalId": role["atlasAssumedRoleExternalId"],
    }
    assert role["iamAssumedRoleArn"] == ROLE_ARN
    assert integration == {
        "id": integration["id"],
        "type": "S3_LOG_EXPORT",
        "bucketName": BUCKET,
        "prefixPath": "atlas/orders",
        "iamRoleId": role["roleId"],
        "logTypes": ["MONGOD", "MONGOD_AUDIT"],
        "kmsKey": "arn:aws:kms:eu-west-1:111122223333:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11",
        "useLegacyPathStructure": False,
    }
    assert formation.resources["LogExport"].data == {"IntegrationId": integration["id"]}
    assert iam.written == [f"{BUCKET}/atlas/orders/mongodb-atlas-access-test"]


def test_only_one_principal_is_trusted(atlas: AtlasApi, formation: Formation, iam: Iam) -> None:
    atlas.principal_arn = "arn:aws:iam::772401394250:*"
    with pytest.raises(FailedError, match=r"names no IAM principal that a role could trust: it answered 'arn:.*:\*'"):
        formation.deploy(template(atlas))
    assert iam.roles == {}
    assert is_clean(atlas)


@pytest.mark.parametrize(
    "change",
    [
        {"LogTypes": ["MONGOS"]},
        {"KmsKey": ""},
        {"LegacyPaths": "true"},
        {"Prefix": "atlas/other"},
        {"Bucket": "arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_update_changes_the_integration_in_place_and_nothing_else(
    atlas: AtlasApi, formation: Formation, change: dict[str, Any]
) -> None:
    formation.deploy(template(atlas))
    project = atlas.projects[PROJECT]
    roles, integration = dict(project.roles), only(project.integrations)
    writes = len(atlas.writes())

    formation.deploy(template(atlas, **change))

    (write,) = atlas.writes()[writes:]
    assert (write.method, write.path) == (
        "PUT",
        f"/api/atlas/v2/groups/{PROJECT}/logIntegrations/{integration['id']}",
    )
    assert project.roles == roles
    assert list(project.integrations) == [integration["id"]]
    assert only(project.integrations) != integration


def test_another_project_is_another_role_and_integration(atlas: AtlasApi, formation: Formation) -> None:
    atlas.projects[OTHER_PROJECT] = type(atlas.projects[PROJECT])()
    formation.deploy(template(atlas))
    formation.deploy(template(atlas, ProjectId=OTHER_PROJECT))
    assert not atlas.projects[PROJECT].roles
    assert not atlas.projects[PROJECT].integrations
    assert len(atlas.projects[OTHER_PROJECT].integrations) == 1


def test_a_replacement_that_fails_leaves_the_old_project_as_it_was(atlas: AtlasApi, formation: Formation) -> None:
    atlas.projects[OTHER_PROJECT] = type(atlas.projects[PROJECT])()
    formation.deploy(template(atlas))
    before = only(atlas.projects[PROJECT].integrations)
    atlas.fail("POST", f"{OTHER_PROJECT}/logIntegrations", Reply(400, {"error": 400, "errorCode": "NO_CLUSTER"}))
    with pytest.raises(FailedError, match="NO_CLUSTER"):
        formation.deploy(template(atlas, ProjectId=OTHER_PROJECT))
    assert only(atlas.projects[PROJECT].integrations) == before
    assert not atlas.projects[OTHER_PROJECT].roles
    assert not atlas.projects[OTHER_PROJECT].integrations


def test_two_unfinished_roles_are_not_guessed_between(atlas: AtlasApi, formation: Formation) -> None:
    atlas.fail("POST", "/cloudProviderAccess", None, is_carried_out=True)
    atlas.projects[PROJECT].roles["c" * 24] = unfinished(atlas, "c")
    real = atlas.answer

    def another_deploy_makes_one_too(request: Any) -> Any:
        if request.method == "POST" and "cloudProviderAccess" in request.path:
            atlas.projects[PROJECT].roles["d" * 24] = unfinished(atlas, "d")
        return real(request)

    atlas.answer = another_deploy_makes_one_too  # type: ignore[method-assign]
    with pytest.raises(FailedError, match="it is unknown which one is this stack's") as failed:
        formation.deploy(template(atlas), rollback=False)
    assert "c" * 24 not in str(failed.value), "it was there before"


@pytest.mark.parametrize("path", ["/logIntegrations", "/cloudProviderAccess"])
def test_a_removal_that_atlas_refuses_is_explained(atlas: AtlasApi, formation: Formation, path: str) -> None:
    formation.deploy(template(atlas))
    atlas.fail("DELETE", path, Reply(403, {"error": 403, "errorCode": "USER_UNAUTHORIZED"}))
    with pytest.raises(FailedError, match=r"answered 403: .*USER_UNAUTHORIZED.*lacks a role"):
        formation.destroy()


def test_a_destroy_after_the_project_was_deleted(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(template(atlas))
    atlas.projects.clear()
    formation.destroy()
    assert not parameters()


def test_what_was_deleted_by_hand_is_made_again_by_a_revision(atlas: AtlasApi, formation: Formation, iam: Iam) -> None:
    formation.deploy(template(atlas))
    project = atlas.projects[PROJECT]
    former = only(project.roles)["atlasAssumedRoleExternalId"]
    project.integrations.clear()
    project.roles.clear()
    formation.deploy(template(atlas, Revision="2"))
    assert iam.roles[ROLE_ARN] == [only(project.roles)["atlasAssumedRoleExternalId"]] != [former]
    assert only(project.integrations)["iamRoleId"] == only(project.roles)["roleId"]


def test_a_role_that_was_deleted_by_hand_is_named_when_only_the_integration_changes(
    atlas: AtlasApi, formation: Formation
) -> None:
    formation.deploy(template(atlas))
    atlas.projects[PROJECT].integrations.clear()
    atlas.projects[PROJECT].roles.clear()
    with pytest.raises(FailedError, match=r"is gone from Atlas: .* Change `connect.revision` and deploy again"):
        formation.deploy(template(atlas, LogTypes=["MONGOS"]), rollback=False)


@pytest.mark.parametrize("found", ["role", "integration"])
def test_a_foreign_configuration_is_refused_before_anything_is_made(
    atlas: AtlasApi, formation: Formation, iam: Iam, found: str
) -> None:
    by_hand(atlas, iam)
    project = atlas.projects[PROJECT]
    (project.integrations if found == "role" else project.roles).clear()
    with pytest.raises(FailedError, match=r"atlas-access-role: .*this stack did not make it.*`connect.adopt: true`"):
        formation.deploy(template(atlas))
    assert not atlas.writes()
    assert not parameters()


def test_an_adopted_configuration_keeps_its_ids_and_gets_what_is_asked(
    atlas: AtlasApi, formation: Formation, iam: Iam
) -> None:
    role_id, integration_id = by_hand(atlas, iam)
    formation.deploy(template(atlas, Adopt="true"))
    project = atlas.projects[PROJECT]
    assert list(project.roles) == [role_id]
    assert list(project.integrations) == [integration_id]
    assert project.integrations[integration_id]["logTypes"] == ["MONGOD", "MONGOD_AUDIT"]
    assert [one.method for one in atlas.writes()] == ["PUT"]
    assert iam.roles[ROLE_ARN] == ["9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64"]


def test_a_full_project_is_refused_before_anything_is_made(atlas: AtlasApi, formation: Formation, iam: Iam) -> None:
    by_hand(atlas, iam, bucketName="others")
    project = atlas.projects[PROJECT]
    project.roles.clear()
    one = only(project.integrations)
    project.integrations = {f"{number:024x}": {**one, "id": f"{number:024x}"} for number in range(10)}
    with pytest.raises(FailedError, match=rf"project {PROJECT} has 10 log integrations, and Atlas allows 10"):
        formation.deploy(template(atlas))
    assert not atlas.writes()


def test_a_role_that_another_feature_uses_is_named(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(template(atlas))
    real = atlas._role

    def also_for_backups(project: Any, role_id: str) -> dict[str, Any]:
        role = real(project, role_id)
        return {**role, "featureUsages": [{"featureType": "EXPORT_SNAPSHOT"}]}

    atlas._role = also_for_backups  # type: ignore[method-assign]
    with pytest.raises(FailedError, match=r"still uses the access role .* for EXPORT_SNAPSHOT: remove that in Atlas"):
        formation.destroy()


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("IP_ADDRESS_NOT_ON_ACCESS_LIST", 403, r"fixed egress address \(`connect.vpc`\)"),
        ("ORG_REQUIRES_ACCESS_LIST", 403, r"fixed egress address \(`connect.vpc`\)"),
        ("USER_UNAUTHORIZED", 401, "it needs Project Owner in this project"),
        ("GROUP_NOT_FOUND", 403, "check `project_id`"),
        ("PAYMENT_REQUIRED", 402, "plan or payment does not cover this"),
    ],
)
def test_a_refusal_says_what_atlas_said_what_it_means_and_what_to_do(
    atlas: AtlasApi, formation: Formation, code: str, status: int, said: str
) -> None:
    atlas.fail("GET", "/", Reply(status, {"error": status, "errorCode": code, "detail": "Atlas's words"}), times=9)
    with pytest.raises(FailedError, match=rf"answered {status}: .*{code}.*Atlas's words.*{said}"):
        formation.deploy(template(atlas))
    assert not atlas.writes()


def test_a_cluster_that_cannot_export_is_explained(atlas: AtlasApi, formation: Formation) -> None:
    atlas.fail("POST", "/logIntegrations", Reply(400, {"error": 400, "errorCode": "CLUSTER_TIER_UNSUPPORTED"}))
    with pytest.raises(FailedError, match=r"CLUSTER_TIER_UNSUPPORTED.* M10 or larger"):
        formation.deploy(template(atlas))
    assert is_clean(atlas)


def test_a_missing_project_is_reported_before_anything_is_created(atlas: AtlasApi, formation: Formation) -> None:
    with pytest.raises(FailedError, match="GROUP_NOT_FOUND"):
        formation.deploy(template(atlas, ProjectId=OTHER_PROJECT))
    assert not parameters()


def cluster(size: str, version: str) -> dict[str, Any]:
    region = {"electableSpecs": {"instanceSize": size}}
    return {"mongoDBVersion": version, "replicationSpecs": [{"regionConfigs": [region]}]}


@pytest.mark.parametrize(
    "silent",
    [{"Cluster0": cluster("M0", "8.0.4")}, {"Old": cluster("M30", "6.0.19"), "Cluster0": cluster("M5", "8.0.4")}],
)
def test_a_project_none_of_whose_clusters_exports_logs_is_refused_by_their_names(
    atlas: AtlasApi, formation: Formation, silent: dict[str, dict[str, Any]]
) -> None:
    atlas.projects[PROJECT].clusters = silent
    with pytest.raises(FailedError, match=r"Cluster0 \((M0|M5)\).*M10 or larger on MongoDB 7\.0 or later"):
        formation.deploy(template(atlas))
    assert is_clean(atlas)


@pytest.mark.parametrize(
    ("clusters", "log_types"),
    [
        ({"Small": cluster("M2", "8.0.4"), "Prod": cluster("M10", "7.0.2")}, ["MONGOD"]),
        ({"Prod": {"redactClientLogData": False}}, ["MONGOD"]),
        ({"Small": cluster("M0", "8.0.4")}, ["EVENTS"]),
    ],
)
def test_a_project_that_has_something_to_export_is_taken(
    atlas: AtlasApi, formation: Formation, clusters: dict[str, dict[str, Any]], log_types: list[str]
) -> None:
    atlas.projects[PROJECT].clusters = clusters
    formation.deploy(template(atlas, LogTypes=log_types))
    assert only(atlas.projects[PROJECT].integrations)["logTypes"] == log_types


def test_a_destroy_is_no_success_while_atlas_shows_nothing_usable(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(template(atlas))
    atlas.fail("GET", "/cloudProviderAccess/", Reply(200), times=10**6)
    atlas.fail("GET", "/cloudProviderAccess", Reply(200, {}), times=10**6)
    with pytest.raises(FailedError, match="the answer is empty and must be an object"):
        formation.destroy()
    assert len(atlas.projects[PROJECT].roles) == 1
    assert saved_parameters()


def test_an_authorisation_that_atlas_only_confirms_is_a_failure(atlas: AtlasApi, formation: Formation) -> None:
    atlas.fail("PATCH", "/cloudProviderAccess/", Reply(200, {}), times=10**6)
    with pytest.raises(FailedError, match=f"Atlas took {ROLE_ARN} and does not show it as authorised"):
        formation.deploy(template(atlas))
    assert is_clean(atlas)


def test_what_atlas_shows_by_its_id_is_not_gone(atlas: AtlasApi, formation: Formation) -> None:
    """By the API's description a list without a field is an empty one."""
    formation.deploy(template(atlas))
    real = atlas.answer
    atlas.answer = lambda request: (  # type: ignore[method-assign]
        Reply(200, {}) if request.method == "GET" and request.path.endswith("/cloudProviderAccess") else real(request)
    )
    atlas.fail("DELETE", "/cloudProviderAccess", Reply(204), times=10**6)
    with pytest.raises(FailedError, match="is still there"):
        formation.destroy()
    assert len(atlas.projects[PROJECT].roles) == 1
    assert saved_parameters()
