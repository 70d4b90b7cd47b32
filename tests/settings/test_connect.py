from typing import Any

import pytest

from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.mongodb_atlas.documents import atlas_alert
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from tests.settings.conftest import Load, Refusal, only
from tests.settings.documents import Document, document, export

VPC = {"subnet_ids": ["subnet-0abc1234"], "security_group_ids": ["sg-0abc1234"]}


def atlas(name: str = "orders", **connect: Any) -> Document:
    connect = {"secret": "acme/atlas", **connect}
    return export("mongodb-atlas", name=name, atlas_principal_arn=None, external_id=None, connect=connect)


def cockroachdb(**changes: Any) -> Document:
    given = {"cluster_account_id": None, "external_id": None, "connect": {"secret": "acme/cockroach"}, **changes}
    return export("cockroachdb", **given)


@pytest.mark.parametrize(
    ("changes", "trusted"),
    [
        ({}, ()),
        ({"external_id": ["old-id", "new-id"]}, ("old-id", "new-id")),
        ({"plan": "standard"}, ("f78b7feb-b6cf-4396-9d7f-494982d7d81e",)),
    ],
    ids=["advanced", "advanced-with-an-id", "standard"],
)
def test_cockroachdb_needs_no_account_when_the_deploy_reads_it(
    load: Load, changes: Document, trusted: tuple[str, ...]
) -> None:
    loaded = only(CockroachdbExport, load(document(cockroachdb(**changes))).exports)
    assert loaded.cluster_account_id is None
    assert loaded.trusted_external_ids == trusted


def test_rejects_a_cluster_account_that_would_be_read(refusal: Refusal) -> None:
    assert refusal(document(cockroachdb(cluster_account_id="222233334444"))) == [
        "exports[0].cluster_account_id: got '222233334444'; expected nothing: `connect` reads it from CockroachDB Cloud"
    ]


def test_rejects_a_cluster_with_neither(refusal: Refusal) -> None:
    assert refusal(document(cockroachdb(connect=None))) == [
        "exports[0].cluster_account_id: missing: the AWS account of the cluster, or `connect`, which reads it",
        "exports[0].external_id: missing: an id of your own making (plan: advanced); `openssl rand -hex 16` makes one",
    ]


def test_a_refused_connect_does_not_accuse_the_cluster(refusal: Refusal) -> None:
    (line,) = refusal(document(cockroachdb(connect={"secret": "two words"})))
    assert line.startswith("exports[0].connect.secret: ")


def test_atlas_needs_no_ids_when_the_deploy_reads_them(load: Load) -> None:
    loaded = only(MongodbAtlasExport, load(document(atlas())).exports)
    assert loaded.connect is not None
    assert (loaded.connect.secret, loaded.connect.adopt, loaded.connect.alert) == ("acme/atlas", False, False)
    assert (loaded.atlas_principal_arn, loaded.external_id) == (None, None)


def test_rejects_ids_that_would_be_read(refusal: Refusal) -> None:
    both = export("mongodb-atlas", connect={"secret": "acme/atlas"})
    assert refusal(document(both)) == [
        (
            "exports[0].atlas_principal_arn: got 'arn:aws:iam::772401394250:root'; expected nothing: `connect` reads "
            "it from Atlas"
        ),
        (
            "exports[0].external_id: got '9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64'; expected nothing: `connect` reads it "
            "from Atlas"
        ),
    ]


def test_rejects_an_export_with_neither(refusal: Refusal) -> None:
    neither = export("mongodb-atlas", atlas_principal_arn=None, external_id=None)
    said = "missing: the value that Atlas shows when an AWS access role is added, or `connect`, which reads it"
    assert refusal(document(neither)) == [
        f"exports[0].atlas_principal_arn: {said}",
        f"exports[0].external_id: {said}",
    ]


def test_a_refused_connect_does_not_accuse_the_ids(refusal: Refusal) -> None:
    wrong = atlas(secret="two words")
    assert [line.split(":")[0] for line in refusal(document(wrong))] == ["exports[0].connect.secret"]


@pytest.mark.parametrize(
    ("connect", "line"),
    [
        (
            {"secret": "mdb_sa_sk_4f6a7b8c9d0e1f2a3b4c"},
            (
                "secret: (the value is not shown) expected the NAME or ARN of a secret in AWS Secrets Manager, such as "
                "acme/logzio; this looks like the secret itself: store it with `aws secretsmanager create-secret`, put "
                "its name here, and replace the secret if this file was ever shared (if it is a name after all, give "
                "the ARN)"
            ),
        ),
        ({"secret": None}, "secret: missing: Name or ARN of the secret that holds the vendor's API credential."),
        (
            {"secret_key_arn": "alias/acme"},
            (
                "secret_key_arn: got 'alias/acme'; expected a KMS key's ARN (arn:aws:kms:<Region>:<account>:key/<id>); "
                "aliases cannot be granted"
            ),
        ),
        (
            {"api_base_url": "http://cloud.mongodb.com"},
            (
                "api_base_url: got 'http://cloud.mongodb.com'; expected an https:// address without a query, such as "
                "https://otel.acme.example"
            ),
        ),
        (
            {"api_base_url": "https://cloud.mongodbgov.com/api"},
            (
                "api_base_url: got 'https://cloud.mongodbgov.com/api'; expected an https:// address without a path, "
                "such as https://cloud.mongodbgov.com"
            ),
        ),
        ({"adopt": "yes"}, "adopt: got 'yes'; expected true or false, without quotes"),
        ({"revision": 2}, 'revision: got 2; expected a string: put it in quotes; type "2"'),
        (
            {"vpc": {**VPC, "subnet_ids": ["vpc-0abc1234"]}},
            "vpc.subnet_ids[0]: got 'vpc-0abc1234'; expected a subnet's id, such as subnet-0abc1234",
        ),
        ({"vpc": {**VPC, "security_group_ids": []}}, "vpc.security_group_ids: got []; expected at least one entry"),
        (
            {"auditing": {"filter": "authenticate"}},
            (
                "auditing.filter: got 'authenticate'; expected a JSON object as text, such as "
                '\'{"atype": {"$in": ["authenticate", "createUser"]}}\''
            ),
        ),
        (
            {"redact_clusters": ["Cluster 0"]},
            "redact_clusters[0]: got 'Cluster 0'; expected an Atlas cluster's name: letters, digits and hyphens",
        ),
    ],
)
def test_rejects_a_setting_with_a_message_of_its_own(refusal: Refusal, connect: Document, line: str) -> None:
    whole = atlas()
    whole["connect"] = {key: value for key, value in {**whole["connect"], **connect}.items() if value is not None}
    assert refusal(document(whole)) == [f"exports[0].connect.{line}"]


def test_a_secret_of_the_wrong_type_is_not_shown(refusal: Refusal) -> None:
    (line,) = refusal(document(atlas(secret={"client_secret": "mdb_sa_sk_1"})))
    assert "mdb_sa_sk_1" not in line


@pytest.mark.parametrize(
    ("setting", "value"),
    [("alert", True), ("auditing", {"filter": "{}"}), ("redact_clusters", ["Cluster0"])],
)
def test_what_a_project_has_once_one_export_sets(load: Load, refusal: Refusal, setting: str, value: Any) -> None:
    (line,) = refusal(document(atlas(**{setting: value}), atlas("second", **{setting: value})))
    assert line.startswith(f"exports[1].connect.{setting}: ")
    assert line.endswith(
        "expected nothing: an Atlas project has this once, and exports[0] sets it for the same project"
    )
    assert load(document(atlas(**{setting: value}), atlas("second")))
    other = atlas("second", **{setting: value}) | {"project_id": "6f3322d28b4f6b59a6508ef4"}
    assert load(document(atlas(**{setting: value}), other))


def test_accepts_everything_at_once(load: Load) -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11"
    whole = atlas(
        secret_key_arn=key,
        api_base_url="https://cloud.mongodbgov.com",
        adopt=True,
        revision="2",
        vpc=VPC,
        legacy_paths=True,
        alert=True,
        auditing={"filter": "{}", "authorization_success": True},
        redact_clusters=["Cluster0"],
    )
    assert load(document(whole))


def test_the_alert_goes_to_the_owners_or_to_the_recipients_of_the_settings(load: Load) -> None:
    def notifications(**connect: Any) -> list[dict[str, Any]]:
        loaded = only(MongodbAtlasExport, load(document(atlas(alert=True, **connect))).exports)
        assert loaded.connect is not None
        found: list[dict[str, Any]] = atlas_alert(loaded.connect).document["notifications"]
        return found

    assert [(each["typeName"], each["roles"], each["emailEnabled"]) for each in notifications()] == [
        ("GROUP", ["GROUP_OWNER"], True)
    ]
    recipients = [
        {"roles": ["GROUP_OWNER", "GROUP_CLUSTER_MANAGER"]},
        {"email": "oncall@acme.example"},
        {"team_id": "b" * 24},
        {"channel": "SLACK", "integration_id": "a" * 24, "channel_name": "#oncall"},
    ]
    found = notifications(alert_recipients=recipients)
    assert [each["typeName"] for each in found] == ["GROUP", "EMAIL", "TEAM", "SLACK"]
    assert found[0]["roles"] == ["GROUP_OWNER", "GROUP_CLUSTER_MANAGER"]
    assert {(each["delayMin"], each["intervalMin"]) for each in found} == {(60, 10080)}


@pytest.mark.parametrize(
    ("alert", "recipient", "where"),
    [
        (True, {}, "[0].integration_id"),
        (True, {"roles": ["GROUP_OWNER"], "email": "a@b.example"}, "[0].integration_id"),
        (True, {"channel": "PAGER_DUTY"}, "[0].integration_id"),
        (True, {"email": "a@b.example", "integration_id": "a" * 24}, "[0].integration_id"),
        (True, {"channel": "SLACK", "integration_id": "a" * 24}, "[0].channel_name"),
        (True, {"roles": ["owner"]}, "[0].roles[0]"),
        (False, {"email": "a@b.example"}, ""),
    ],
)
def test_rejects_a_recipient_that_atlas_would_not_take(
    refusal: Refusal, alert: bool, recipient: Document, where: str
) -> None:
    lines = refusal(document(atlas(alert=alert, alert_recipients=[recipient])))
    assert lines[0].startswith(f"exports[0].connect.alert_recipients{where}: ")
