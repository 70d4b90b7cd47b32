"""`logdock validate` without a cloud: what is expected of a role, which exports have a key, and what is shown."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.sns.models import sns_backends

from logdock.cli.account import Account
from logdock.cli.stacks import NEVER_MADE
from logdock.cli.validate import functions, stacks
from logdock.cli.validate.buckets import check_bucket
from logdock.cli.validate.checks import Check, Checks, Verdict
from logdock.cli.validate.functions import check_topic
from logdock.cli.validate.log_groups import MOST_GROUPS, GroupRange, _check_prefix
from logdock.cli.validate.roles import as_list, trust_faults
from logdock.cli.validate.stacks import Stack, check_stack
from logdock.settings import Deployment, load_settings
from logdock.settings.landing import BucketLanding
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.rds.checks import check_database
from logdock.vendors.rds.settings import RdsExport
from tests.cli.conftest import EVERYTHING, Type
from tests.cli.deployed import Deployed
from tests.conftest import ROOT, synthesize
from tests.settings.documents import OTLP, PUSH, document, export

VENDOR = "arn:aws:iam::772401394250:root"
ARCHIVE_KEY = "arn:aws:kms:us-east-1:111122223333:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11"


def trust(principal: Any = VENDOR, ids: Any = "one", action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    condition = {"StringEquals": {"sts:ExternalId": ids}}
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Condition": condition, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("document", "ids"), [(trust(), ("one",)), (trust(ids=["two", "one"]), ("one", "two")), (trust([VENDOR]), ("one",))]
)
def test_a_trust_that_is_as_in_the_settings_has_no_fault(document: dict[str, Any], ids: tuple[str, ...]) -> None:
    assert trust_faults(document, VENDOR, ids) == []


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (
            trust("arn:aws:iam::999999999999:root"),
            "it trusts arn:aws:iam::999999999999:root, and should trust arn:aws:iam::772401394250:root",
        ),
        (trust("*"), "it trusts *"),
        (trust(Principal="*"), "it trusts *"),
        (trust([VENDOR, "AROAEXAMPLE"]), f"it trusts {VENDOR}, AROAEXAMPLE"),
        (trust(ids=["one", "two"]), "it accepts 2 external ids, 1 of them among the 1 of the settings"),
        (trust(ids="two"), "it accepts 1 external ids, 0 of them among the 1"),
        (trust(Condition={}), "it accepts 0 external ids"),
        (trust(Condition={"StringLike": {"sts:ExternalId": "*"}}), "it has conditions that Logdock did not write"),
        (trust(action=["sts:AssumeRole", "sts:TagSession"]), "it does not allow sts:AssumeRole alone"),
        (trust(Effect="Deny"), "it does not allow sts:AssumeRole alone"),
        ({"Statement": [trust()["Statement"][0]] * 2}, "it has 2 statements, and should have one"),
    ],
)
def test_a_trust_that_differs_says_how(document: dict[str, Any], fault: str) -> None:
    assert any(fault in each for each in trust_faults(document, VENDOR, ("one",)))


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        (trust(), []),
        (trust(ids=["old", "new"]), []),
        (trust("*"), ["it trusts *, and should trust one principal"]),
        (trust([VENDOR, "other"]), [f"it trusts {VENDOR}, other, and should trust one principal"]),
        (trust(Condition={}), ["it demands no external id"]),
    ],
)
def test_a_trust_that_the_deploy_asked_the_vendor_for_is_of_one_principal_with_an_id(
    document: dict[str, Any], faults: list[str]
) -> None:
    assert trust_faults(document, None, None) == faults


def test_an_export_that_the_settings_do_not_have_is_a_error_of_use(logdock: Type) -> None:
    ended = logdock("validate", "order", "--settings", str(EVERYTHING))
    assert (ended.code, ended.err) == (2, "Error: order: the settings have no such export; did you mean orders?\n")


def test_nothing_is_asked_of_aws_offline(logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logdock.cli.account.Session", None)
    ended = logdock("validate", "--offline", "--json", "--settings", str(EVERYTHING))
    found = json.loads(ended.out)
    assert (ended.code, found["checks"], found["errors"]) == (0, [], [])
    (documented,) = re.findall(r"in `limits`: (.+?)\.$", (ROOT / "docs" / "limits.md").read_text(), re.MULTILINE)
    assert [*found["limits"][0]] == re.findall(r"`(\w+)`", documented)


BAD = """\
deployment: acme-prod
account: 011112222333
region: eu-wset-1
exports:
  - name: orders-eu
    redacton: {}
    kind: aurora-mysql
    cluster_id: orders
"""
PAGE = (ROOT / "docs" / "logdock.md").read_text()


def test_errors_of_the_file_are_as_the_page_shows_them(logdock: Type, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(BAD)
    ended = logdock("validate", "--offline", "--settings", "prod.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert f"```text\n{ended.err.removeprefix('Error: ')}```" in PAGE


def test_errors_of_the_file_are_objects_for_a_script(logdock: Type, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(BAD)
    ended = logdock("validate", "--offline", "--json", "--settings", "prod.yaml")
    found = json.loads(ended.out)
    assert (ended.code, found["deployment"], found["checks"]) == (2, None, [])
    assert [(each["file"], each["line"], each["column"], each["path"], each["export"]) for each in found["errors"]] == [
        ("prod.yaml", 2, 10, "account", None),
        ("prod.yaml", 3, 9, "region", None),
        ("prod.yaml", 6, 5, "exports[0].redacton", "orders-eu"),
    ]
    documented = re.findall(
        r"^\| (`[^|]*`) \|", PAGE[PAGE.index("| member of `errors[]`") :].split("\n\n")[0], re.MULTILINE
    )
    assert set(found["errors"][0]) == set(re.findall(r"`(\w+)`", "".join(documented)))


def test_syntax_error_is_an_object_for_a_script(logdock: Type, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text("deployment: acme\n\taccount: x\n")
    ended = logdock("validate", "--json", "--settings", "prod.yaml")
    (error,) = json.loads(ended.out)["errors"]
    assert (ended.code, error["line"], error["column"], error["path"]) == (2, 2, 1, "")


JQ = shutil.which("jq") or ""


@pytest.mark.skipif(not JQ, reason="jq is not installed")
def test_step_of_the_page_annotates_each_error(logdock: Type, tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text(BAD.replace("eu-wset-1", "100%"))
    ended = logdock("validate", "--offline", "--json", "--settings", "prod.yaml")
    program = re.findall(r"jq -r '(\.errors.*::error.*)' report.json", PAGE)[0]
    run = subprocess.run([JQ, "-r", program], input=ended.out, capture_output=True, text=True, check=True, timeout=10)
    account, region, setting = run.stdout.splitlines()
    assert account.startswith("::error file=prod.yaml,line=2,col=10::account: got 011112222333; expected")
    assert region.startswith("::error file=prod.yaml,line=3,col=9::region: got '100%25'; expected")
    assert setting.startswith("::error file=prod.yaml,line=6,col=5::exports[0].redacton: unknown setting")


def test_signs_reasons_and_fixes_are_shown_and_counted(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> Checks:
        checks = Checks("app", "npx cdk deploy acme-app")
        with checks.of_thing("bucket"):
            pass
        with checks.of_thing("rule") as check:
            check.require(False, "it is off", "switch it on")
            check.require(False, "it is old")
        with checks.of_thing("key"):
            raise ClientError({"Error": {"Code": "NotFoundException", "Message": "no"}}, "DescribeKey")
        with checks.of_thing("trust"):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRole")
        for what in ("alarm", "queue"):
            with checks.of_thing(what) as check:
                check.require(False, "it is not there")
        return checks

    monkeypatch.setattr("logdock.cli.validate.command._parts", lambda *_, **__: [look])
    ended = logdock("validate")
    assert ended.code == 1
    assert ended.out.splitlines()[2:] == [
        "✓ app  bucket",
        "✗ app  rule: it is off; it is old",
        "✗ app  key: it is not there",
        "? app  trust: GetRole is refused",
        "✗ app  alarm: it is not there",
        "✗ app  queue: it is not there",
        "  fix app, rule: switch it on",
        "  fix app, key and 2 more: npx cdk deploy acme-app",
        "1 fine, 4 wrong, 1 not checked",
    ]


@pytest.mark.parametrize(
    ("subscription", "reason"),
    [
        ("arn:aws:sns:eu-west-1:111122223333:acme-prod-alerts:1", ""),
        ("PendingConfirmation", "oncall@acme.example has not confirmed, and is not notified"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_an_address_that_has_not_confirmed_is_reported(subscription: str, reason: str) -> None:
    account = Account(load_settings(EVERYTHING), None, None)
    sns, region = account.sns_in("eu-west-1"), "eu-west-1"
    topic = sns.create_topic(Name="acme-prod-alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="oncall@acme.example")
    (kept,) = sns_backends["111122223333"][region].subscriptions.values()
    kept.arn = subscription
    (check,) = check_topic(account, region).all
    assert check.reason == reason


def admitting(principals: Sequence[str]) -> str:
    read = {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "s3:GetObject", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [read]})


SHIPPERS = [f"arn:aws:iam::111122223333:role/acme-prod-ship-{name}" for name in ("lake", "logz")]
READERS = "arn:aws:iam::111122223333:role/acme-prod-readers"


@pytest.mark.parametrize(
    ("admitted", "missing"),
    [
        ([*SHIPPERS, READERS], ""),
        ([SHIPPERS[0], "AROAEXAMPLEOFAROLETHAT", READERS], SHIPPERS[1]),
        (["AROAEXAMPLEOFAROLETHAT", SHIPPERS[1]], f"{SHIPPERS[0]}, {READERS}"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_a_bucket_that_admits_a_role_that_was_made_again_is_found(
    monkeypatch: pytest.MonkeyPatch, admitted: list[str], missing: str
) -> None:
    """S3 names a deleted role in a policy by its id: a deploy that was broken off and put back does that."""
    orders = export("mongodb-atlas", ship_to=["lake", "logz"])
    readers = ["arn:aws:iam::111122223333:role/Searchers"]
    settings = Deployment.model_validate(document(orders, destinations=[OTLP, PUSH], readers=readers))
    account = Account(settings, None, None)
    asked = SimpleNamespace(
        get_bucket_location=lambda **_: {"LocationConstraint": "eu-west-1"},
        get_bucket_versioning=lambda **_: {"Status": "Enabled"},
        get_bucket_encryption=lambda **_: {
            "ServerSideEncryptionConfiguration": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"KMSMasterKeyID": "key", "SSEAlgorithm": "aws:kms"}}]
            }
        },
        get_bucket_notification_configuration=lambda **_: {"EventBridgeConfiguration": {}},
        get_bucket_policy=lambda **_: {"Policy": admitting(admitted)},
    )
    monkeypatch.setattr(Account, "s3", property(lambda _: asked))
    (one,) = settings.exports
    landing = one.landing(settings)
    assert isinstance(landing, BucketLanding)
    checks = Checks(of="orders", fix="")
    check_bucket(account, checks, one, landing, "key")

    (check,) = checks.all
    assert check.reason == (f"its policy does not admit {missing}" if missing else "")
    assert ("deploy acme-prod-orders once without" in check.fix) is bool(missing)


@pytest.mark.parametrize(
    ("state", "faults"), [("running", []), ("stopped", ["its state is stopped: no metrics are sent"])]
)
def test_of_metrics_the_secret_the_stream_and_the_function_of_tags_are_looked_at(
    aws: None, monkeypatch: pytest.MonkeyPatch, state: str, faults: list[str]
) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []
    functions_asked: list[str] = []
    streams = SimpleNamespace(get_metric_stream=lambda Name: {"State": {"acme-prod-ship-logz_metrics": state}[Name]})  # noqa: N803
    monkeypatch.setattr(functions, "_check_function", lambda *asked: functions_asked.append(asked[2]))
    monkeypatch.setattr(functions, "check_secret", lambda _, __, secret, readers: asked.append((secret, readers)))
    monkeypatch.setattr(Account, "cloudwatch_in", lambda *_: streams)
    account = Account(load_settings(ROOT / "examples" / "logzio.yaml"), None, None)

    checks = functions.check_destination(account, "logz")

    metrics = "arn:aws:secretsmanager:us-east-1:111122223333:secret:acme/logzio-metrics-a1B2c3"
    assert asked == [
        (metrics, ("acme-prod-ship-logz_delivery",)),
        ("acme/logzio", ("acme-prod-ship-logz",)),
    ]
    assert functions_asked == ["acme-prod-ship-logz", "acme-prod-ship-logz_tags"]
    assert [each.reason for each in checks.all if each.verdict is Verdict.WRONG] == faults


def test_validate_simulates_every_action_of_logzios_roles(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    example = ROOT / "examples" / "logzio.yaml"
    encrypted = {"ApplyServerSideEncryptionByDefault": {"KMSMasterKeyID": ARCHIVE_KEY}}
    answer = {"ServerSideEncryptionConfiguration": {"Rules": [encrypted]}}
    buckets = {"acme-prod-archive-111122223333-us-east-1": answer}
    s3 = SimpleNamespace(get_bucket_encryption=lambda **named: buckets[named["Bucket"]])
    simulated: dict[str, set[str]] = {}
    monkeypatch.setattr(Account, "s3", s3)
    monkeypatch.setattr(functions, "_check_function", lambda *_: None)
    monkeypatch.setattr(
        functions,
        "check_role",
        lambda _, __, role: simulated.update({role.name: {each.action for each in role.required_actions}}),
    )

    checks = functions.check_destination(Account(load_settings(example), None, None), "logz-reader")

    assert [each.reason for each in checks.all] == ["", ""]
    roles = {
        each["Properties"]["RoleName"]: {
            action
            for policy in each["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in as_list(statement["Action"])
        }
        for each in synthesize(example).templates["acme-prod-shipper"]["Resources"].values()
        if each["Type"] == "AWS::IAM::Role" and each["Properties"].get("RoleName") in simulated
    }
    assert simulated == roles
    assert len(roles) == 2


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, "DescribeRule"),
        ClientError(
            {"Error": {"Code": "InternalError", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 500}},  # type: ignore[typeddict-item]
            "DescribeRule",
        ),
        ReadTimeoutError(endpoint_url="https://events"),
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.covering
def test_a_request_that_aws_does_not_answer_is_one_that_is_not_checked(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch, error: Exception, *, as_json: bool
) -> None:
    def look() -> Checks:
        checks = Checks("app", "")
        with checks.of_thing("rule"):
            raise error
        with checks.of_thing("bucket"):
            pass
        return checks

    monkeypatch.setattr("logdock.cli.validate.command._parts", lambda *_, **__: [look])
    ended = logdock("validate", *(["--json"] if as_json else []))
    assert ended.code == 1
    if as_json:
        checks = json.loads(ended.out)["checks"]
        assert [(each["verdict"], each["not_looked_at"]) for each in checks] == [("not checked", True), ("fine", False)]
    else:
        assert "? app  rule: AWS did not answer" in ended.out
        assert "Not looked at to the end: 1." in ended.out


def test_log_groups_behind_the_limit_are_not_taken_for_checked(
    logdock: Type, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployment's own log groups, which are not archived, are not counted against the limit."""
    for number in range(MOST_GROUPS + 1):
        deployed.logs.create_log_group(logGroupName=f"/aws/lambda/acme-{number:04}")
    for number in range(3):
        deployed.logs.create_log_group(logGroupName=f"/aws/lambda/other-{number}")
    account = Account(deployed.settings, None, None)
    export = next(each for each in deployed.settings.exports if each.name == "jobs")
    monkeypatch.setattr("logdock.cli.validate.log_groups._is_subscribed", lambda *_: True)
    for most, verdict, shown in ((2, Verdict.NOT_CHECKED, 2), (3, Verdict.FINE, 3)):
        checks = Checks("jobs", "")
        _check_prefix(account, checks, export, "/aws/lambda/", GroupRange(most))
        assert [each.verdict for each in checks.all] == [verdict]
        assert f": {shown} log groups" in checks.all[0].what
        assert (
            "go on with `logdock validate jobs --log-groups-after /aws/lambda/other-1`" in checks.all[0].reason
        ) == (most == 2)
    checks = Checks("jobs", "")
    _check_prefix(account, checks, export, "/aws/lambda/", GroupRange(2, "/aws/lambda/other-1"))
    assert (checks.all[0].verdict, checks.all[0].what.endswith(": 1 log groups")) == (Verdict.FINE, True)


@pytest.mark.parametrize(
    ("throttled", "looked_at", "go_on"), [({3, 7}, 18, ""), (set(range(8, 20)), 8, " --log-groups-after /many/07")]
)
def test_log_groups_that_aws_does_not_answer_for_are_named_and_the_others_checked(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, throttled: set[int], looked_at: int, go_on: str
) -> None:
    for number in range(20):
        deployed.logs.create_log_group(logGroupName=f"/many/{number:02}")
    account = Account(deployed.settings, None, None)
    export = next(each for each in deployed.settings.exports if each.name == "jobs")

    def is_subscribed(_: Account, __: object, name: str, ___: str) -> bool:
        if int(name[-2:]) in throttled:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeSubscriptionFilters")
        return True

    monkeypatch.setattr("logdock.cli.validate.log_groups._is_subscribed", is_subscribed)
    checks = Checks("jobs", "")
    _check_prefix(account, checks, export, "/many/", GroupRange())
    (check,) = checks.all
    assert (check.verdict, check.not_looked_at) == (Verdict.NOT_CHECKED, True)
    assert check.what.endswith(f": {looked_at} log groups")
    assert "AWS did not answer for" in check.reason
    assert f"/many/{min(throttled):02}" in check.reason
    assert ("go on with" in check.reason) == bool(go_on)
    assert go_on in check.reason


class Clusters:
    """RDS with one cluster and the parameters of its group, in two pages, as `logdock validate` reads them."""

    def __init__(
        self, group: str, values: dict[str, str], *, waits: bool = False, exported: Sequence[str] = ()
    ) -> None:
        self.group, self.values, self.waits, self.exported = group, values, waits, list(exported)
        self.asked: list[str] = []

    def describe_db_clusters(self, DBClusterIdentifier: str) -> Any:  # noqa: N803 - the AWS client's names
        status = "pending-reboot" if self.waits else "in-sync"
        member = {"DBInstanceIdentifier": f"{DBClusterIdentifier}-1", "DBClusterParameterGroupStatus": status}
        cluster = {
            "DBClusterParameterGroup": self.group,
            "EnabledCloudwatchLogsExports": self.exported,
            "DBClusterMembers": [member],
        }
        return {"DBClusters": [cluster]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_db_cluster_parameters"

        def pages(DBClusterParameterGroupName: str) -> Any:  # noqa: N803
            self.asked.append(DBClusterParameterGroupName)
            # RDS leaves the value out of its answer where there is none.
            items = [
                {"ParameterName": name, **({"ParameterValue": it} if it else {})} for name, it in self.values.items()
            ]
            return [{"Parameters": items[:1]}, {"Parameters": items[1:]}]

        return SimpleNamespace(paginate=pages)


def check_of_database(
    monkeypatch: pytest.MonkeyPatch, rds: Clusters | Instances, example: str, name: str, **changes: Any
) -> list[Check]:
    """Check the database of an example's export with what RDS shows of it."""
    monkeypatch.setattr(Account, "rds", rds)
    settings = load_settings(ROOT / "examples" / f"{example}.yaml")
    (export,) = (each for each in settings.exports if each.name == name)
    assert isinstance(export, AuroraMysqlExport | RdsExport)
    checks = Checks(name, "")
    check_database(Account(settings, None, None), checks, export.model_copy(update=changes))
    return checks.all


AUDITED = {
    "server_audit_logging": "1",
    "server_audit_events": "CONNECT,QUERY_DCL,QUERY_DDL",
    "server_audit_excl_users": "rdsadmin",
    "server_audit_incl_users": "",
}


@pytest.mark.parametrize(
    ("group", "changed", "reason"),
    [
        ("billing-params", {}, ""),
        ("billing-params", {"server_audit_events": " QUERY_DDL, QUERY_DCL,CONNECT"}, ""),
        ("billing-params", {"server_audit_logging": "0"}, "server_audit_logging is '0', and should be '1'"),
        ("billing-params", {"server_audit_logging": ""}, "server_audit_logging is '', and should be '1'"),
        ("billing-params", {"server_audit_events": "CONNECT"}, "server_audit_events is 'CONNECT', and should be"),
        ("billing-params", {"server_audit_excl_users": "rdsadmin,eve"}, "server_audit_excl_users is 'rdsadmin,eve'"),
        ("default.aurora-mysql8.0", {}, "uses a default group, which has none of them"),
    ],
)
def test_audit_parameters_of_the_clusters_group_are_compared(
    aws: None, monkeypatch: pytest.MonkeyPatch, group: str, changed: dict[str, str], reason: str
) -> None:
    """A cluster that was restored or upgraded still exports its log types, and audits nothing."""
    rds = Clusters(group, AUDITED | changed, exported=["audit"])

    cluster, parameters = check_of_database(monkeypatch, rds, "aurora-mysql", "billing")

    assert cluster.verdict is Verdict.FINE
    assert rds.asked == [group]
    assert group in parameters.what
    assert (parameters.verdict is Verdict.WRONG, reason in parameters.reason) == (bool(reason), True)
    if reason:
        assert "revision" in parameters.fix


def test_instances_that_must_be_restarted_are_named(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rds = Clusters("billing-params", AUDITED, waits=True)
    cluster, _ = check_of_database(monkeypatch, rds, "aurora-mysql", "billing")
    assert "it does not export audit" in cluster.reason
    assert "billing-1 must be restarted before the parameters count" in cluster.reason


def test_a_log_that_needs_no_parameter_is_well_with_a_default_group(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rds = Clusters("default.aurora-mysql8.0", {}, exported=["error"], waits=True)
    found = check_of_database(monkeypatch, rds, "aurora-mysql", "billing", log_types=("error",))
    assert [check.verdict for check in found] == [Verdict.FINE]


class Instances:
    """RDS with one instance, as `logdock validate` reads it."""

    def __init__(self, values: dict[str, str], *, options: Sequence[str] = (), waits: bool = False) -> None:
        self.values, self.options, self.waits = values, options, waits

    def describe_db_instances(self, DBInstanceIdentifier: str) -> Any:  # noqa: ARG002, N803 - the AWS client's names
        status = "pending-reboot" if self.waits else "in-sync"
        instance = {
            "DBParameterGroups": [{"DBParameterGroupName": "orders-params", "ParameterApplyStatus": status}],
            "OptionGroupMemberships": [{"OptionGroupName": "orders-options", "Status": "in-sync"}],
            "EnabledCloudwatchLogsExports": ["postgresql", "upgrade", "audit", "error", "slowquery"],
        }
        return {"DBInstances": [instance]}

    def describe_option_groups(self, OptionGroupName: str) -> Any:  # noqa: N803
        assert OptionGroupName == "orders-options"
        return {"OptionGroupsList": [{"Options": [{"OptionName": name} for name in self.options]}]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_db_parameters"
        items = [{"ParameterName": name, "ParameterValue": value} for name, value in self.values.items()]

        def pages(DBParameterGroupName: str) -> Any:  # noqa: N803
            assert DBParameterGroupName == "orders-params"
            return [{"Parameters": items}]

        return SimpleNamespace(paginate=pages)


LOGGED = {"log_connections": "1", "log_disconnections": "1", "pgaudit.log": "role,ddl"}


@pytest.mark.parametrize(
    ("libraries", "changed", "waits", "reasons"),
    [
        ("rdsutils, pgaudit", {}, False, ["", ""]),
        ("pgaudit", {}, True, ["orders must be restarted before the parameters count", ""]),
        ("pg_stat_statements", {}, False, ["", "shared_preload_libraries is 'pg_stat_statements', without pgaudit"]),
        ("pgaudit", {"log_connections": "0"}, False, ["", "log_connections is '0', and should be '1'"]),
    ],
)
def test_parameters_and_libraries_of_an_instance_are_compared(
    aws: None,
    monkeypatch: pytest.MonkeyPatch,
    libraries: str,
    changed: dict[str, str],
    waits: bool,
    reasons: list[str],
) -> None:
    values = LOGGED | {"shared_preload_libraries": libraries} | changed
    found = check_of_database(monkeypatch, Instances(values, waits=waits), "rds", "orders")
    assert [check.reason for check in found] == reasons


@pytest.mark.parametrize("options", [[], ["MARIADB_AUDIT_PLUGIN"]])
def test_audit_log_without_the_plugin_is_found(aws: None, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    values = {"slow_query_log": "1", "long_query_time": "2", "log_output": "FILE"}
    _, plugin, *_ = check_of_database(monkeypatch, Instances(values, options=options), "rds", "shop")
    assert (plugin.verdict is Verdict.FINE) == bool(options)
    assert options or plugin.reason == "option group orders-options has no MARIADB_AUDIT_PLUGIN: the audit log is empty"


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("state", sorted(NEVER_MADE))
def test_a_stack_whose_first_deploy_failed_is_destroyed_before_the_next(
    monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """A deploy alone fails again at what the first one left, such as a bucket; the plan names that."""
    monkeypatch.setattr(stacks, "_describe", lambda *_: {"StackName": "acme-prod-trail", "StackStatus": state})
    account = Account(load_settings(EVERYTHING), None, None, Path("prod.yaml"))
    (found,) = check_stack(account, Stack("acme-prod-trail", "eu-west-1")).all
    assert (found.verdict, found.reason, found.fix) == (
        Verdict.WRONG,
        f"its first deploy failed, and left it empty ({state})",
        "npx cdk destroy acme-prod-trail --force -c settings=prod.yaml && logdock plan --settings prod.yaml",
    )
