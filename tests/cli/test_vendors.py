"""What vendors say of what the deploy switched on: their stand-ins are asked, for `status` and for `validate`."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from vendor_connector.vendors.mongodb_atlas import api as atlas_api

from local_cloud.certificate import create_server_certificate
from local_cloud.vendors.cockroachdb.api import Cluster, CockroachdbApi
from local_cloud.vendors.logzio.api import Account as LogzioAccount
from local_cloud.vendors.logzio.api import Fetcher, LogzioApi
from local_cloud.vendors.mongodb_atlas.api import AtlasApi
from local_cloud.vendors.mongodb_atlas.project import Project, refusal
from logdock.cli.account import Account
from logdock.cli.status import command
from logdock.cli.status.findings import Status, common_status
from logdock.cli.status.survey import Survey
from logdock.cli.validate.checks import Check, Checks, Verdict
from logdock.cli.validate.vendors import check_vendor
from logdock.cli.vendors import UnknownError, checks_of, fetch_status
from logdock.settings import load_settings
from logdock.vendors.logzio.archive import LogzioArchive
from logdock.vendors.vendor_checks import assumed_role_arn
from tests.aws_in_memory import Stacks
from tests.cli.conftest import EVERYTHING

ROLE = "arn:aws:iam::111122223333:role/acme-prod-"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11"
PROJECT, CLUSTER = "5e2211c17a3e5a48f5497de3", "f78b7feb-b6cf-4396-9d7f-494982d7d81e"
ROLE_ID = "6524f0a1b2c3d4e5f6a7b8c9"
TOKEN = "8a2c1f6e-0b4d-4f7a-9c3e-5d6b7a8c9d0e"
STACK_ID = "0c6b8f52-9c57-4c0e-8c1e-6b6f0a2f4d11"
# What Atlas shows of what was asked: in its own order, with fields of its own, the filter in another spelling.
AUDIT_FILTER = '{"atype":{"$in":["authenticate","createUser","dropCollection"]}}'
NOTIFICATION = {
    "notifierId": "6524f0a1b2c3d4e5f6a7b8ca", "typeName": "GROUP", "roles": ["GROUP_OWNER"], "emailEnabled": True,
    "smsEnabled": False, "intervalMin": 10080, "delayMin": 60,
}  # fmt: skip
EVENT = "HOST_EXTERNAL_LOG_SINK_EXPORT_DOWN"
ALERT = {"eventTypeName": EVENT, "enabled": True, "matchers": [], "notifications": [NOTIFICATION]}
SECRETS = {
    "acme/atlas": json.dumps({"client_id": "mdb_sa_id_1", "client_secret": "mdb_sa_sk_1f0c8b529c574c0e"}),
    "acme/cockroach": "CCDB1_D4zlI3pmTmk5rGrzYqMhbc",
    "acme/logzio-api": TOKEN,
}


@dataclass
class World:
    """The account, and what each vendor shows; all is as the settings want."""

    account: Account
    atlas: AtlasApi
    cockroach: CockroachdbApi
    role: dict[str, Any]
    integration: dict[str, Any]
    log_export: dict[str, Any]
    fetchers: list[dict[str, Any]]
    logzio: LogzioAccount

    def ask(self, name: str) -> tuple[str, list[str]]:
        answer = fetch_status(self.account, self.party(name), KEY)
        return answer.status, answer.faults

    def party(self, name: str) -> Any:
        settings = self.account.settings
        return next(each for each in (*settings.exports, *settings.destinations) if each.name == name)

    def checks(self, name: str) -> dict[str, Check]:
        checks = Checks(name, "npx cdk deploy")
        check_vendor(self.account, checks, self.party(name), KEY)
        return {check.what: check for check in checks.all}

    def check(self, name: str) -> Check:
        return self.checks(name)["the vendor's own configuration"]


def no_request(*_: str) -> Callable[[str, str], None]:
    raise AssertionError("nothing is changed")


@pytest.fixture
def world(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    certificate = create_server_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.ca_bundle))
    monkeypatch.setattr(atlas_api, "_tokens", {})
    tls = {"certificate": certificate.certificate, "key": certificate.key}
    with (
        AtlasApi(no_request, **tls) as atlas,
        CockroachdbApi(no_request, **tls) as cockroach,
        LogzioApi(no_request, **tls) as logzio,
    ):
        document = yaml.safe_load(EVERYTHING.read_text())
        urls = {"mongodb-atlas": atlas.url, "cockroachdb": cockroach.url, "logzio": logzio.url}
        # Cloudflare has a file of its own.
        document["exports"] = [entry for entry in document["exports"] if entry["kind"] != "cloudflare"]
        for entry in (*document["exports"], *document["destinations"]):
            if "connect" in entry:
                entry["connect"]["api_base_url"] = urls[entry["kind"]]
            if entry["name"] == "orders":
                entry["connect"]["redact_clusters"] = ["Cluster0", "Cluster1"]
        file = tmp_path / "connected.yaml"
        file.write_text(yaml.safe_dump(document))
        manager = boto3.client("secretsmanager", region_name="eu-west-1")
        for name, text in SECRETS.items():
            manager.create_secret(Name=name, SecretString=text)

        settings = load_settings(file)
        orders: Any = next(export for export in settings.exports if export.name == "orders")
        role = {"iamAssumedRoleArn": f"{ROLE}orders", "authorizedDate": "2026-11-01T00:00:00Z", "roleId": ROLE_ID}
        integration = {
            "id": "i", "type": "S3_LOG_EXPORT", "bucketName": orders.landing(settings).bucket, "iamRoleId": ROLE_ID,
            "prefixPath": "atlas/orders/", "logTypes": list(orders.log_types), "kmsKey": KEY,
        }  # fmt: skip
        atlas.projects[PROJECT] = Project(
            roles={ROLE_ID: role},
            integrations={"i": integration},
            alerts={"other": {"id": "other", "eventTypeName": "OUTSIDE_METRIC_THRESHOLD"}, "a": ALERT | {"id": "a"}},
            auditing={"enabled": True, "auditFilter": AUDIT_FILTER, "auditAuthorizationSuccess": False},
            clusters={name: {"name": name, "redactClientLogData": True} for name in ("Cluster0", "Cluster1")},
        )
        atlas.callers.service_accounts["mdb_sa_id_1"] = "mdb_sa_sk_1f0c8b529c574c0e"
        groups = [
            {"log_name": "/acme/cockroach/ledger-ops", "channels": ["HEALTH", "OPS"], "min_level": "WARNING"},
            {"log_name": "/acme/cockroach/ledger-sql", "channels": ["SQL_SCHEMA", "SQL_EXEC", "SENSITIVE_ACCESS"],
             "redact": False},
        ]  # fmt: skip
        spec = {
            "type": "AWS_CLOUDWATCH", "log_name": "/acme/cockroach/ledger", "auth_principal": f"{ROLE}ledger",
            "redact": False, "region": "eu-west-1", "groups": groups, "aws_external_id": STACK_ID,
        }  # fmt: skip
        log_export = {"spec": spec, "status": "ENABLED", "user_message": ""}
        cockroach.clusters[CLUSTER] = Cluster(info=log_export)
        cockroach.api_keys.add(SECRETS["acme/cockroach"])
        fetchers = [
            {
                "id": number, "arn": f"{ROLE}logz-reader", "bucket": "acme-prod-archive-111122223333-eu-west-1",
                "prefix": f"feed/logz-reader/{export}/", "active": True, "logsType": export,
                "region": "EU_WEST_1", "addS3ObjectKeyAsLogField": True,
            }
            for number, export in enumerate(("ledger", "trail"))
        ]  # fmt: skip
        kept = {number: Fetcher(document=one, external_id="x") for number, one in enumerate(fetchers)}
        logzio.accounts[TOKEN] = LogzioAccount(id=24601, fetchers=kept)
        outputs = [{"OutputKey": "ExternalId", "OutputValue": STACK_ID}, {"OutputKey": "RoleArn", "OutputValue": "x"}]
        described = {"acme-prod-ledger": {"Stacks": [{"Outputs": outputs}]}}
        stacks = SimpleNamespace(
            describe_stacks=lambda StackName: described[StackName],  # noqa: N803 - as AWS calls it
            get_paginator=Stacks({}).get_paginator,
        )
        monkeypatch.setattr(Account, "cloudformation_in", lambda *_: stacks)
        yield World(
            Account(settings, None, None),
            atlas,
            cockroach,
            role,
            integration,
            log_export,
            fetchers,
            logzio.accounts[TOKEN],
        )


CONNECTED = ("orders", "ledger", "logz-reader")


@pytest.mark.parametrize("name", CONNECTED)
def test_what_is_as_the_settings_want_is_enabled_and_has_no_fault(world: World, name: str) -> None:
    assert world.ask(name) == ("ENABLED", [])
    assert {check.verdict for check in world.checks(name).values()} == {Verdict.FINE}


@pytest.mark.parametrize(
    ("name", "further"),
    [
        ("orders", {"the alert for failed exports", "database auditing", "the redaction of clusters' logs"}),
        ("ledger", {"the external id that the cluster uses"}),
        ("logz-reader", set()),
        ("platform", set()),
    ],
)
def test_each_further_object_of_connect_has_its_own_line(world: World, name: str, further: set[str]) -> None:
    assert world.checks(name).keys() == {"the vendor's own configuration"} | further


@pytest.mark.parametrize(
    ("of", "changed", "fault"),
    [
        ("integration", {"logTypes": ["MONGOD"]}, 'logTypes is ["MONGOD"], and should be'),
        ("integration", {"kmsKey": "other"}, f'kmsKey is "other", and should be "{KEY}"'),
        ("integration", {"useLegacyPathStructure": True}, "useLegacyPathStructure is true, and should be false"),
        ("role", {"iamAssumedRoleArn": "other"}, f'role is "other", and should be "{ROLE}orders"'),
        ("role", {"authorizedDate": None}, "the role is not authorised"),
        ("integration", {"prefixPath": "elsewhere"}, "Atlas has no log integration to acme-prod-orders-"),
    ],
)
def test_what_atlas_has_otherwise_is_a_fault(world: World, of: str, changed: dict[str, Any], fault: str) -> None:
    getattr(world, of).update(changed)
    status, faults = world.ask("orders")
    assert [fault in each for each in faults] == [True], faults
    assert status == ("disabled" if "no log integration" in fault or "authorised" in fault else "ENABLED")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"log_name": "/other"}, 'log_name is "/other", and should be "/acme/cockroach/ledger"'),
        ({"auth_principal": "other"}, f'auth_principal is "other", and should be "{ROLE}ledger"'),
        ({"redact": True}, "redact is true, and should be false"),
        ({"region": "us-east-1"}, 'region is "us-east-1", and should be "eu-west-1"'),
        ({"omitted_channels": ["OPS"]}, 'omitted_channels is ["OPS"], and should be []'),
        ({"groups": []}, "groups is [], and should be"),
    ],
)
def test_what_a_cluster_has_otherwise_is_a_fault(world: World, changed: dict[str, Any], fault: str) -> None:
    world.log_export["spec"] |= changed
    status, faults = world.ask("ledger")
    assert status == "ENABLED"
    assert any(each.startswith(fault) for each in faults), faults


def test_what_connect_does_not_manage_is_not_looked_at(world: World) -> None:
    orders = world.party("orders")
    bare = orders.model_copy(
        update={
            "connect": orders.connect.model_copy(update={"alert": False, "auditing": None, "redact_clusters": ()}),
        }
    )
    assert checks_of(bare).extra_checks(world.account, bare) == {}


@pytest.mark.parametrize(
    "alerts",
    [
        [],
        [ALERT | {"eventTypeName": "HOST_DOWN"}],
        [ALERT | {"enabled": False}],
        [ALERT | {"notifications": []}],
        [ALERT | {"notifications": [NOTIFICATION | {"delayMin": 0}]}],
        [ALERT | {"notifications": [NOTIFICATION, NOTIFICATION]}],
    ],
)
def test_an_alert_that_does_not_write_as_asked_is_a_fault(world: World, alerts: list[dict[str, Any]]) -> None:
    world.atlas.projects[PROJECT].alerts = {
        str(number): {**one, "id": str(number)} for number, one in enumerate(alerts)
    }
    check = world.checks("orders")["the alert for failed exports"]
    assert check.verdict is Verdict.WRONG
    count = len([one for one in alerts if one["eventTypeName"] == EVENT])
    assert check.reason.startswith(f"of {count} alerts of the event {EVENT} none is on and writes to")
    assert "connect.revision" in check.fix


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"enabled": False}, "enabled is false, and should be true"),
        ({"auditFilter": "{}"}, 'auditFilter is "{}", and should be "{'),
        ({"auditAuthorizationSuccess": True}, "auditAuthorizationSuccess is true, and should be false"),
    ],
)
def test_auditing_that_is_otherwise_is_a_fault(world: World, changed: dict[str, Any], reason: str) -> None:
    world.atlas.projects[PROJECT].auditing |= changed
    check = world.checks("orders")["database auditing"]
    assert check.verdict is Verdict.WRONG
    assert check.reason.startswith(reason)


def test_each_cluster_whose_logs_are_not_redacted_is_a_fault(world: World) -> None:
    clusters = world.atlas.projects[PROJECT].clusters
    clusters["Cluster0"]["redactClientLogData"] = False
    del clusters["Cluster1"]
    check = world.checks("orders")["the redaction of clusters' logs"]
    assert check.verdict is Verdict.WRONG
    assert check.reason == f"cluster Cluster0 writes values into its logs; project {PROJECT} has no cluster Cluster1"


@pytest.mark.parametrize(
    ("used", "trusted", "verdict", "reason"),
    [
        (STACK_ID, None, Verdict.FINE, ""),
        ("x" * 24, None, Verdict.WRONG, "it is none that the role accepts: the cluster's next session is refused"),
        ("n" * 24, ["o" * 24, "n" * 24], Verdict.FINE, ""),
        ("o" * 24, ["o" * 24, "n" * 24], Verdict.WRONG, "it is a former one, which the role accepts only until"),
        (STACK_ID, ["n" * 24], Verdict.WRONG, "it is none that the role accepts"),
        (None, None, Verdict.NOT_CHECKED, "CockroachDB Cloud does not show it"),
    ],
)
def test_the_external_id_of_a_cluster_is_the_one_that_the_deploy_sends(
    world: World, used: str | None, trusted: list[str] | None, verdict: Verdict, reason: str
) -> None:
    world.log_export["spec"]["aws_external_id"] = used
    ledger = world.party("ledger").model_copy(update={"external_id": tuple(trusted) if trusted else None})
    checks = Checks("ledger", "npx cdk deploy")
    check_vendor(world.account, checks, ledger)
    (check,) = [each for each in checks.all if each.what == "the external id that the cluster uses"]
    assert check.verdict is verdict
    assert check.reason.startswith(reason)
    assert not used or used not in check.reason


def test_a_cluster_on_the_standard_plan_has_its_own_id_and_no_choice(world: World) -> None:
    ledger = world.party("ledger").model_copy(update={"plan": "standard"})
    assert checks_of(ledger).extra_checks(world.account, ledger) == {}


def test_one_thing_that_may_not_be_seen_leaves_the_others_checked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise refusal(403, "USER_UNAUTHORIZED", "no")

    monkeypatch.setattr("local_cloud.vendors.mongodb_atlas.project_settings.get_auditing", refuse)
    found = {what: check.verdict for what, check in world.checks("orders").items()}
    assert found.pop("database auditing") is Verdict.NOT_CHECKED
    assert set(found.values()) == {Verdict.FINE}


@pytest.mark.parametrize(
    ("status", "fault"),
    [("CREDENTIALS_ERROR", "its status is CREDENTIALS_ERROR: not authorized"), ("DISABLED", "has no log export")],
)
def test_a_log_export_that_is_not_enabled_is_a_fault(world: World, status: str, fault: str) -> None:
    world.log_export.update(status=status, user_message="not authorized")
    shown, faults = world.ask("ledger")
    assert shown == ("disabled" if status == "DISABLED" else status)
    assert [fault in each for each in faults] == [True], faults


@pytest.mark.parametrize(
    ("changed", "status", "fault"),
    [
        ({"arn": "other"}, "ENABLED", f'feed/logz-reader/trail: arn is "other", and should be "{ROLE}logz-reader"'),
        (
            {"region": "US_EAST_1"},
            "ENABLED",
            'feed/logz-reader/trail: region is "US_EAST_1", and should be "EU_WEST_1"',
        ),
        ({"active": False}, "disabled", "feed/logz-reader/trail: active is false, and should be true"),
        ({"prefix": "x"}, "disabled", "Logz.io has no S3 fetcher of acme-prod-archive-111122223333-eu-west-1/feed/"),
    ],
)
def test_a_fetcher_that_is_otherwise_is_a_fault(world: World, changed: dict[str, Any], status: str, fault: str) -> None:
    world.fetchers[1].update(changed)
    shown, faults = world.ask("logz-reader")
    assert shown == status
    assert [each.startswith(fault) for each in faults] == [True], faults


@pytest.mark.parametrize(
    ("changed", "status", "fault"),
    [
        ({}, "ENABLED", ""),
        ({"path": "another"}, "ENABLED", 'Archive & Restore: path is "another", and should be "acme-logzio-archive"'),
        ({"s3IamCredentials": None}, "ENABLED", "Archive & Restore: arn is null, and should be "),
        (None, "disabled", "Logz.io does not archive the account"),
    ],
)
def test_archive_at_logzio_that_is_otherwise_is_a_fault(
    world: World, changed: dict[str, Any] | None, status: str, fault: str
) -> None:
    s3 = {
        "credentialsType": "IAM",
        "path": "acme-logzio-archive",
        "s3IamCredentials": {"arn": f"{ROLE}logz-reader_archive"},
    }
    settings = {"storageType": "S3", "enabled": True, "compressed": True}
    if changed is not None:
        world.logzio.archive = {"id": 1, "settings": settings | {"amazonS3StorageSettings": s3 | changed}}
    archive = LogzioArchive(bucket="acme-logzio-archive")
    party = world.party("logz-reader").model_copy(update={"archive_and_restore": archive})
    answer = fetch_status(world.account, party, KEY)
    assert answer.status == status
    assert "".join(answer.faults).startswith(fault)
    assert bool(answer.faults) == bool(fault)


def test_a_fault_at_the_vendor_is_wrong_with_its_fix(world: World) -> None:
    world.log_export["spec"]["redact"] = True
    check = world.check("ledger")
    assert check.verdict is Verdict.WRONG
    assert "connect.revision" in check.fix


def test_a_vendor_without_a_credential_is_not_asked(world: World) -> None:
    assert world.check("platform").reason.startswith("it is not looked at; `logdock next-steps platform`")


def test_a_vendor_that_refuses_leaves_it_unchecked_says_why_and_names_no_secret(world: World) -> None:
    world.cockroach.api_keys.clear()
    check = world.check("ledger")
    assert check.verdict is Verdict.NOT_CHECKED
    assert "CockroachDB Cloud does not accept the credential" in check.reason
    assert SECRETS["acme/cockroach"] not in check.reason


def test_a_secret_that_is_not_there_is_said(world: World) -> None:
    boto3.client("secretsmanager", region_name="eu-west-1").delete_secret(
        SecretId="acme/atlas", ForceDeleteWithoutRecovery=True
    )
    with pytest.raises(UnknownError, match="the secret with the credential is not there"):
        world.ask("orders")


def test_a_vendor_that_is_busy_is_asked_once_and_nothing_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vendor_connector.aws.sleep", no_request)
    world.cockroach.__exit__(None, None, None)
    with pytest.raises(UnknownError, match="no answer"):
        world.ask("ledger")
    assert capsys.readouterr().out == ""


def _statuses(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], list[str]]:
    """Return what a look at the vendors alone finds."""
    for part in ("_readings", "_quarantined", "_kept", "_queue", "_archived", "_counts"):
        monkeypatch.setattr(Survey, part, lambda *_: None)
    monkeypatch.setattr(Survey, "_deliveries", lambda *_: [])
    found = Survey(world.account, datetime.now(UTC)).take()
    return found.vendors, found.notes


def test_status_has_the_vendors_word_for_each_that_can_be_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.log_export["status"] = "CREDENTIALS_ERROR"
    assert _statuses(world, monkeypatch) == (
        {"orders": "ENABLED", "ledger": "CREDENTIALS_ERROR", "logz-reader": "ENABLED"},
        [],
    )


def test_a_credential_that_may_not_be_read_is_a_question_mark_with_a_note(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "GetSecretValue" and arguments["SecretId"] == "acme/atlas":
            text = "User: x is not authorized to perform: secretsmanager:GetSecretValue on resource: y"
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": text}}, operation)
        return original(client, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    statuses, notes = _statuses(world, monkeypatch)
    assert statuses == {"orders": None, "ledger": "ENABLED", "logz-reader": "ENABLED"}
    assert notes == ["the vendor's own status of orders: not known, secretsmanager:GetSecretValue is refused"]


@pytest.mark.parametrize(("name", "shown"), [("orders", "ENABLED"), ("ledger", "?"), ("billing", "-")])
def test_a_status_is_shown_as_it_is_a_question_mark_or_a_dash(name: str, shown: str) -> None:
    assert command._vendor(Status(vendors={"orders": "ENABLED", "ledger": None}), name) == shown


def test_each_project_of_several_has_a_line_of_its_own(world: World) -> None:
    other = "f" * 24
    connect = world.party("orders").connect.model_copy(update={"redact_clusters": ()})
    several = world.party("orders").model_copy(
        update={"project_id": None, "project_ids": (PROJECT, other), "connect": connect}
    )
    first, second = several.members
    world.role["iamAssumedRoleArn"] = assumed_role_arn(world.account, first)
    world.integration["prefixPath"] = f"{several.prefix}/{PROJECT}/"
    checks = Checks("orders", "npx cdk deploy")
    for member in (first, second):
        check_vendor(world.account, checks, member, KEY)
    verdicts = {check.what: check.verdict for check in checks.all}
    own = "the vendor's own configuration of"
    assert verdicts[f"{own} {PROJECT}"] is Verdict.FINE
    assert verdicts[f"{own} {other}"] is not Verdict.FINE


def test_the_status_of_several_members_says_how_many_have_which() -> None:
    assert common_status({"a": "ENABLED", "b": "ENABLED"}) == "ENABLED"
    assert common_status({"a": "ENABLED", "b": "disabled", "c": "ENABLED"}) == "2 ENABLED, 1 disabled"
    assert common_status({"a": "ENABLED", "b": None}) == "1 ENABLED, 1 not known"
    assert common_status({"a": None, "b": None}) is None
