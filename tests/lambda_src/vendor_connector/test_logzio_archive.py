"""Logz.io's Archive & Restore: account, role, archive, in the order and with the references of the stack."""

import copy
from typing import Any

import pytest

from local_cloud.vendors.logzio.api import Account, LogzioApi
from local_cloud.vendors.server import Reply
from tests.lambda_src.vendor_connector.conftest import parameters, store_secret
from tests.lambda_src.vendor_connector.formation import Clock, FailedError, Formation, Iam, Template
from tests.lambda_src.vendor_connector.test_logzio_fetchers import TOKEN, for_a_role

ROLE_ARN = "arn:aws:iam::111122223333:role/acme-prod-logz-reader_archive"
BUCKET = "acme-logzio-archive"
OTHER_TOKEN = "1b2c1f6e-0b4d-4f7a-9c3e-5d6b7a8c9d0e"


def template(logzio: LogzioApi, *, archive: bool = True, **changes: Any) -> Template:
    """Return what the stack has."""
    found = for_a_role(logzio, "Archive", ROLE_ARN, changes, Bucket=BUCKET)
    return found if archive else {name: each for name, each in found.items() if name != "Archive"}


def s3(logzio: LogzioApi, token: str = TOKEN) -> dict[str, Any]:
    archive = logzio.accounts[token].archive
    assert archive is not None
    found: dict[str, Any] = archive["settings"]["amazonS3StorageSettings"]
    return found


def by_hand(logzio: LogzioApi, **settings: Any) -> dict[str, Any]:
    """Set the account's archive as a person does; return it."""
    credentials = {
        "credentialsType": "IAM",
        "path": "bucket-of-another-owner",
        "s3IamCredentials": {"arn": "arn:aws:iam::111122223333:role/theirs", "externalId": "theirs"},
        "s3SecretCredentials": None,
        **settings,
    }
    archive = {
        "id": 7,
        "settings": {
            "storageType": "S3",
            "enabled": True,
            "compressed": False,
            "amazonS3StorageSettings": credentials,
            "azureBlobStorageSettings": None,
        },
    }
    logzio.accounts[TOKEN].archive = archive
    return archive


def test_archiving_is_started_through_the_role_and_stopped(formation: Formation, logzio: LogzioApi, iam: Iam) -> None:
    logzio.propagation = 3
    formation.deploy(template(logzio))
    external_id = logzio.accounts[TOKEN].external_id
    assert s3(logzio) == {
        "credentialsType": "IAM",
        "path": BUCKET,
        "s3IamCredentials": {"arn": ROLE_ARN, "externalId": external_id},
        "s3SecretCredentials": None,
    }
    assert iam.written == [f"{BUCKET}/logzio-verified"]
    formation.destroy()
    assert logzio.accounts[TOKEN].archive is None
    assert parameters() == []


def test_deploy_that_changes_nothing_writes_nothing_to_the_archive(formation: Formation, logzio: LogzioApi) -> None:
    formation.deploy(template(logzio))
    sent = len(logzio.recorded)
    formation.deploy(template(logzio, Revision="2"))
    assert {request.method for request in logzio.recorded[sent:]} == {"GET"}


def test_another_bucket_changes_the_archive_in_place(formation: Formation, logzio: LogzioApi) -> None:
    formation.deploy(template(logzio))
    before = logzio.accounts[TOKEN].archive
    formation.deploy(template(logzio, Bucket="acme-another"))
    after = logzio.accounts[TOKEN].archive
    assert before
    assert after
    assert (after["id"], s3(logzio)["path"]) == (before["id"], "acme-another")


def test_archive_that_was_stopped_by_hand_is_started_by_a_revision(formation: Formation, logzio: LogzioApi) -> None:
    formation.deploy(template(logzio))
    archive = logzio.accounts[TOKEN].archive
    assert archive
    archive["settings"]["enabled"] = False
    formation.deploy(template(logzio, Revision="2"))
    assert archive is not logzio.accounts[TOKEN].archive
    assert s3(logzio)["path"] == BUCKET
    logzio.accounts[TOKEN].archive = None
    formation.deploy(template(logzio, Revision="3"))
    assert s3(logzio)["path"] == BUCKET


def test_another_external_id_is_trusted_before_the_archive_comes_with_it(
    formation: Formation, logzio: LogzioApi, iam: Iam
) -> None:
    formation.deploy(template(logzio))
    old, new = logzio.accounts[TOKEN].external_id, logzio.accounts[TOKEN].change_external_id()
    formation.deploy(template(logzio, Revision="2"))
    assert iam.roles[ROLE_ARN] == [old, new]
    assert s3(logzio)["s3IamCredentials"]["externalId"] == new
    formation.deploy(template(logzio, Revision="3"))
    assert iam.roles[ROLE_ARN] == [new]
    assert iam.denied == []


def test_archive_of_another_owner_is_refused_and_stays(formation: Formation, logzio: LogzioApi) -> None:
    theirs = by_hand(logzio)
    with pytest.raises(FailedError, match=r"exists already \(7\) and this stack did not make it"):
        formation.deploy(template(logzio))
    assert logzio.accounts[TOKEN].archive == theirs
    assert parameters() == []


def test_adopted_archive_is_put_back_as_it_was_found(formation: Formation, logzio: LogzioApi, iam: Iam) -> None:
    by_hand(logzio)
    iam.roles["arn:aws:iam::111122223333:role/theirs"] = [logzio.accounts[TOKEN].external_id]
    formation.deploy(template(logzio, Adopt="true"))
    assert (s3(logzio)["path"], s3(logzio)["s3IamCredentials"]["arn"]) == (BUCKET, ROLE_ARN)
    formation.destroy()
    assert s3(logzio)["path"] == "bucket-of-another-owner"
    archive = logzio.accounts[TOKEN].archive
    assert archive
    assert archive["settings"]["compressed"] is False


def test_archive_with_access_keys_is_not_adopted(formation: Formation, logzio: LogzioApi) -> None:
    keys = {"accessKey": "AKIAIOSFODNN7EXAMPLE"}
    theirs = by_hand(logzio, credentialsType="KEYS", s3IamCredentials=None, s3SecretCredentials=keys)
    with pytest.raises(FailedError, match="signs in with keys"):
        formation.deploy(template(logzio, Adopt="true"))
    assert logzio.accounts[TOKEN].archive == theirs


def test_role_that_logzio_cannot_use_fails_the_deploy_and_leaves_nothing(
    formation: Formation, logzio: LogzioApi, clock: Clock
) -> None:
    logzio.propagation = 1_000
    with pytest.raises(FailedError, match=f"cannot write to {BUCKET} through {ROLE_ARN}"):
        formation.deploy(template(logzio))
    assert logzio.accounts[TOKEN].archive is None
    assert parameters() == []


def test_token_of_another_account_archives_that_one(formation: Formation, logzio: LogzioApi) -> None:
    logzio.accounts[OTHER_TOKEN] = Account(id=777)
    store_secret("acme/other-api", {"api_token": OTHER_TOKEN})
    formation.deploy(template(logzio))
    formation.deploy(template(logzio, Secret="acme/other-api"))
    assert s3(logzio, OTHER_TOKEN)["path"] == BUCKET
    assert logzio.accounts[TOKEN].archive is None


def test_archive_that_leaves_the_settings_is_stopped(formation: Formation, logzio: LogzioApi) -> None:
    formation.deploy(template(logzio))
    formation.deploy(template(logzio, archive=False))
    assert logzio.accounts[TOKEN].archive is None


def test_a_list_of_archives_that_is_not_there_is_not_taken_for_an_empty_one(
    formation: Formation, logzio: LogzioApi
) -> None:
    before = copy.deepcopy(by_hand(logzio))
    logzio.fail("GET", "/v2/archive/settings", Reply(404, {"message": "no"}), times=10**6)
    with pytest.raises(FailedError, match="/v2/archive/settings answered 404"):
        formation.deploy(template(logzio))
    assert logzio.accounts[TOKEN].archive == before
    assert logzio.writes() == []


def test_one_archive_instead_of_a_list_is_read(formation: Formation, logzio: LogzioApi) -> None:
    by_hand(logzio)
    logzio.fail("GET", "/v2/archive/settings", Reply(200, logzio.accounts[TOKEN].archive), times=10**6)
    with pytest.raises(FailedError, match=r"exists already \(7\)"):
        formation.deploy(template(logzio))
