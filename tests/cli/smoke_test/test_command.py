"""The command: what it leaves after a failure and after Ctrl-C, what it records, and what it does not enter."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from log_shipper.events import ObjectRef, message_of

from constructs_lib.shipper import RUNTIME
from logdock.cli.account import Account
from logdock.cli.smoke_test import functions, run_record, sources
from logdock.cli.smoke_test.arrivals import feed_note
from logdock.cli.smoke_test.cleanup import Cleanup, Made
from logdock.cli.smoke_test.delivery import Deliveries
from logdock.cli.smoke_test.function_logs import STARTED, UnknownError, last_line
from logdock.cli.smoke_test.keys import allows
from logdock.cli.smoke_test.records import NAME
from logdock.cli.smoke_test.steps import Report, Result
from logdock.cli.validate.checks import Check, Verdict
from logdock.cli.vendors import has_credential
from logdock.settings import load_settings
from logdock.settings.landing import BucketLanding
from tests.cli.conftest import Type
from tests.cli.deployed import LANDING, Deployed, refuse
from tests.conftest import ROOT

ONE_EXPORT = ("--export", "app", "--no-alarms", "--record", "record.json")


@pytest.fixture
def records_only(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """A deployment of which the records alone are tested; EventBridge and the shipper work while the command waits."""
    monkeypatch.setattr("logdock.cli.smoke_test.command.check_sources", lambda *_, **__: None)
    monkeypatch.setattr("logdock.cli.smoke_test.functions.Functions.check", lambda _: {})
    monkeypatch.setattr("logdock.cli.smoke_test.functions.Functions.check_starts", lambda *_: None)
    monkeypatch.setattr("logdock.cli.smoke_test.command.check_keys", lambda *_: {})
    monkeypatch.setattr("logdock.cli.smoke_test.delivery.check_rule", lambda *_: None)
    monkeypatch.setattr("logdock.cli.smoke_test.alarms.Alarms.check_topics", lambda _: None)
    return deployed


def announce(deployed: Deployed) -> None:
    """Put what has landed on the queues, once."""
    pages = deployed.s3.list_object_versions(Bucket=LANDING, Prefix="logdock-smoke-test/").get("Versions", [])
    for each in pages:
        for destination in ("logz", "lake"):
            message = message_of(ObjectRef("app", LANDING, each["Key"], each["VersionId"]))
            deployed.send(destination, message)


def while_waiting(monkeypatch: pytest.MonkeyPatch, *work: Callable[[], object]) -> None:
    """Do one thing each time that the command waits, and the last again and again."""
    waits = iter(work)

    def sleep(_: float) -> None:
        next(waits, work[-1])()

    monkeypatch.setattr("logdock.cli.smoke_test.delivery.time.sleep", sleep)


def versions(deployed: Deployed) -> list[str]:
    found = deployed.s3.list_object_versions(Bucket=LANDING)
    return [each["Key"] for each in (*found.get("Versions", []), *found.get("DeleteMarkers", []))]


def steps(path: str = "record.json") -> dict[str, str]:
    return {step["name"]: step["result"] for step in json.loads(Path(path).read_text())["steps"]}


def ship_both(deployed: Deployed) -> None:
    announce(deployed)
    deployed.ship("logz")
    deployed.ship("lake")


def test_a_record_is_followed_to_every_destination_and_removed(
    records_only: Deployed, logdock: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    records_only.land("theirs.log", "line")
    while_waiting(monkeypatch, lambda: ship_both(records_only))
    ended = logdock("smoke-test", *ONE_EXPORT)
    assert ended.code == 0, ended.out + ended.err
    assert steps()["logz: acknowledged"] == steps()["lake: acknowledged"] == "ok"
    assert versions(records_only) == ["theirs.log"]
    assert json.loads(Path("record.json").read_text())["left"] == []
    assert all(len(line) <= 80 for line in ended.out.splitlines())


def test_an_object_that_a_destination_must_still_read_is_left_with_the_command_that_removes_it(
    records_only: Deployed, logdock: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_lake() -> None:
        announce(records_only)
        records_only.ship("lake")

    while_waiting(monkeypatch, only_lake)
    monkeypatch.setattr("logdock.cli.smoke_test.delivery.time.monotonic", iter(range(100_000)).__next__)
    ended = logdock("smoke-test", *ONE_EXPORT, "--timeout", "40")
    assert ended.code == 1
    assert (steps()["logz: acknowledged"], steps()["lake: acknowledged"]) == ("failed", "ok")
    (key,) = versions(records_only)
    (left,) = json.loads(Path("record.json").read_text())["left"]
    assert key in left["what"]
    assert left["reason"].startswith("logz has not acknowledged it")
    assert "delete-object" in left["command"]


def test_ctrl_c_waits_for_what_is_under_way_removes_it_and_ends_with_130(
    records_only: Deployed, logdock: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    while_waiting(monkeypatch, interrupt, lambda: ship_both(records_only))
    ended = logdock("smoke-test", *ONE_EXPORT)
    assert ended.code == 130, ended.out + ended.err
    assert versions(records_only) == []
    document = json.loads(Path("record.json").read_text())
    assert (document["interrupted"], document["left"]) == (True, [])


def test_a_second_ctrl_c_leaves_what_is_under_way_and_says_so(
    records_only: Deployed, logdock: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    while_waiting(monkeypatch, interrupt)
    ended = logdock("smoke-test", *ONE_EXPORT)
    assert ended.code == 130
    assert len(versions(records_only)) == len(json.loads(Path("record.json").read_text())["left"]) == 1
    assert steps()["logz: acknowledged"] == "not checked"


def test_a_record_that_the_filters_drop_is_not_entered(records_only: Deployed, logdock: Type) -> None:
    records_only.export("app", vendor="s3-logs", exclude=["logdock-smoke-test"])
    ended = logdock("smoke-test", *ONE_EXPORT)
    assert (ended.code, steps()["record"]) == (0, "not checked")
    assert "`include` and `exclude` of the export drop the test record" in " ".join(ended.out.split())
    assert versions(records_only) == []


def test_each_project_or_cluster_of_an_export_gets_a_record(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logdock.cli.smoke_test.delivery.Deliveries._rule_faults", lambda *_: [])
    monkeypatch.setattr("logdock.cli.smoke_test.delivery.Deliveries._configuration", lambda *_: (None, ""))
    monkeypatch.setattr("logdock.cli.smoke_test.delivery.subscription_of", lambda *_: True)
    settings = load_settings(ROOT / "examples" / "many-clusters.yaml")
    account, report = Account(settings, None, None, Path("logdock.yaml")), Report()
    s3, logs = account.s3, account.logs_in(settings.region)
    expected, groups = set(), list[str]()
    for export in settings.exports:
        landing = export.landing(settings)
        if isinstance(landing, BucketLanding):
            s3.create_bucket(Bucket=landing.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        else:
            groups += landing.names
        expected |= {f"{member.member_id} of {export.name}" for member in export.members}
    for group in groups:
        logs.create_log_group(logGroupName=group)
    entering = Deliveries(account=account, report=report, cleanup=Cleanup(), timeout_seconds=1, faults={})
    waits = [wait for export in settings.exports for wait in entering._enter(export)]
    assert {step.subject for step in report.steps if step.name == "landing" and step.result is Result.OK} == expected
    assert {wait.subject for wait in waits} == expected
    (bucket,) = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert [key.split("/")[:3] for key in keys] == [
        ["atlas", "5e2211c17a3e5a48f5497de3", NAME], ["atlas", "6f3322d28b4f6b59a6508ef4", NAME]
    ]  # fmt: skip
    for group in groups:
        (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
        assert stream["logStreamName"].startswith(NAME)


def test_the_vendor_of_each_project_or_cluster_is_asked(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(ROOT / "examples" / "many-clusters.yaml")
    asked = []
    monkeypatch.setattr(sources, "check_vendor", lambda _account, _checks, party: asked.append(party.member_id))
    for export in filter(has_credential, settings.exports):
        sources._check_vendor(Account(settings, None, None, Path("logdock.yaml")), export)
    assert asked == [
        member.member_id for export in settings.exports if has_credential(export) for member in export.members
    ]
    assert len(asked) == 4


def test_nothing_is_entered_that_cannot_arrive(
    records_only: Deployed, logdock: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "logdock.cli.smoke_test.functions.Functions.check", lambda _: {"logz": "secret acme/logzio: gone"}
    )
    ended = logdock("smoke-test", *ONE_EXPORT)
    assert (ended.code, steps()["record"], versions(records_only)) == (0, "not checked", [])
    assert "logz: secret acme/logzio: gone" in " ".join(ended.out.split())


@pytest.mark.parametrize(("code", "exit_code"), [("ThrottlingException", 1), ("AccessDenied", 0)])
def test_a_step_that_aws_did_not_answer_is_no_success(
    records_only: Deployed, logdock: Type, monkeypatch: pytest.MonkeyPatch, code: str, exit_code: int
) -> None:
    monkeypatch.setattr("logdock.cli.smoke_test.command.check_sources", sources.check_sources)
    refuse(monkeypatch, "GetMetricData", code)
    while_waiting(monkeypatch, lambda: ship_both(records_only))
    ended = logdock("smoke-test", *ONE_EXPORT)
    assert (ended.code, "Not looked at: " in ended.out) == (exit_code, exit_code == 1), ended.out
    missed = [step for step in json.loads(Path("record.json").read_text())["steps"] if step["not_looked_at"]]
    assert {step["result"] for step in missed} == ({"not checked"} if exit_code else set())


def test_a_log_that_aws_did_not_show_is_not_looked_at(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(deployed.settings, None, None)
    for code, not_looked_at in (("ThrottlingException", True), ("AccessDenied", False)):
        with monkeypatch.context() as patch:
            refuse(patch, "FilterLogEvents", code)
            with pytest.raises(UnknownError) as unknown:
                last_line(account, "acme-ship-logz", "eu-west-1", STARTED, datetime.now(UTC))
        assert unknown.value.not_looked_at is not_looked_at


def test_a_check_that_aws_did_not_answer_is_a_step_that_is_not_looked_at() -> None:
    report = Report()
    report.add_check(Check(of="app", what="rule", verdict=Verdict.NOT_CHECKED, not_looked_at=True))
    assert [step.not_looked_at for step in report.steps] == [True]


def test_an_export_that_does_not_exist_is_an_error_of_use(logdock: Type, deployed: Deployed) -> None:
    ended = logdock("smoke-test", "--export", "apps")
    assert (ended.code, ended.err) == (
        2, "Error: --export apps: the settings have no such export; did you mean app?\n",
    )  # fmt: skip


def test_the_record_masks_accounts_and_addresses() -> None:
    text = "arn:aws:iam::111122223333:role/x, oncall@acme.example, acme-app-111122223333-eu-west-1, 1234567890123"
    assert run_record.masked(text) == (
        "arn:aws:iam::<account>:role/x, <address>, acme-app-<account>-eu-west-1, 1234567890123"
    )


def test_the_runtime_that_functions_need_is_the_one_that_they_are_deployed_with() -> None:
    assert RUNTIME.name == functions.RUNTIME


STATEMENT = {"Effect": "Allow", "Principal": {"AWS": ["a", "b"]}, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]}


@pytest.mark.parametrize(
    ("principal", "action", "statement", "is_allowed"),
    [
        ("a", "kms:Decrypt", STATEMENT, True),
        ("b", "kms:GenerateDataKey", STATEMENT, True),
        ("c", "kms:Decrypt", STATEMENT, False),
        ("a", "kms:Encrypt", STATEMENT, False),
        ("a", "kms:Decrypt", {**STATEMENT, "Effect": "Deny"}, False),
        ("a", "kms:Decrypt", {**STATEMENT, "Principal": "*"}, True),
    ],
)
def test_a_statement_of_a_key_is_found_by_principal_and_action(
    principal: str, action: str, statement: dict[str, Any], is_allowed: bool
) -> None:
    assert allows([statement], principal, action) is is_allowed


def test_what_aws_refuses_to_remove_is_left_with_the_reason() -> None:
    def refuse() -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteObject")

    removed: list[str] = []
    cleanup = Cleanup()
    cleanup.add(Made(what="first", remove=lambda: removed.append("first")))
    cleanup.add(Made(what="refused", remove=refuse, command="aws …"))
    cleanup.add(Made(what="last", remove=lambda: removed.append("last")))
    assert [(each.what, each.reason) for each in cleanup.remove_all()] == [("refused", "s3:DeleteObject is refused")]
    assert removed == ["last", "first"]
    assert cleanup.remove_all() == []


def test_a_refusal_skips_a_step_and_another_error_fails_it() -> None:
    report = Report()
    for code in ("AccessDenied", "NoSuchBucket", "InternalError"):
        with report.step("app", code, "fix it"):
            raise ClientError({"Error": {"Code": code, "Message": "said"}}, "PutObject")
    assert [step.result for step in report.steps] == [Result.NOT_CHECKED, Result.FAILED, Result.FAILED]
    assert [step.fix for step in report.steps] == ["", "fix it", "fix it"]


def test_every_step_that_the_page_of_the_first_deploy_names_is_one_of_the_command() -> None:
    rows = (ROOT / "docs" / "first-deploy.md").read_text().partition("| --- |")[2].partition("\n## ")[0]
    named = {
        name
        for row in rows.splitlines()[1:]
        if row.startswith("| ")
        for name in row.rpartition(" | ")[2].split("`")[1::2]
        if not name.startswith(("logdock ", "ship_to"))
    }
    folders = [ROOT / "logdock" / "cli" / name for name in ("smoke_test", "validate", "")]
    folders += (ROOT / "logdock" / "vendors").iterdir()
    source = "".join(file.read_text() for folder in folders for file in folder.glob("*.py"))
    assert len(named) > 10
    assert [name for name in sorted(named) if name not in source] == []


def test_a_feed_note_is_where_the_shipper_writes_it() -> None:
    written = (ROOT / "lambda_src" / "log_shipper" / "log_shipper" / "feed.py").read_text()
    assert 'f"feed-index/{self._destination}/{export}/{identity}.json"' in written
    assert feed_note("reader", "app", "0123") == "feed-index/reader/app/0123.json"


AWS = """\
#!{python}
import sys, jmespath
if sys.argv[2] == "list-object-versions":
    listed = {{"Versions": [{{"VersionId": "v1"}}, {{"VersionId": "v2"}}], "DeleteMarkers": {markers}}}
    print("\\t".join(jmespath.search(sys.argv[sys.argv.index("--query") + 1], listed)))
else:
    with open("deleted", "a") as file:
        file.write(" ".join(sys.argv[2:]) + "\\n")
"""


@pytest.mark.parametrize("markers", [[{"VersionId": "m1"}], None])
def test_command_that_removes_an_object_deletes_every_version(tmp_path: Path, markers: object) -> None:
    """It is run as it is printed."""
    (aws := tmp_path / "aws").write_text(AWS.format(python=sys.executable, markers=markers))
    aws.chmod(0o755)
    s3 = SimpleNamespace(meta=SimpleNamespace(region_name="eu-west-1"))
    made = Cleanup().object(cast("Any", s3), "bucket", "it's a/key")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["/bin/bash", "-euo", "pipefail", "-c", made.command], cwd=tmp_path, env=environment, check=True)
    versions = ["v1", "v2", *(["m1"] if markers else [])]
    assert (tmp_path / "deleted").read_text().splitlines() == [
        f"delete-object --bucket bucket --region eu-west-1 --key it's a/key --version-id {each}" for each in versions
    ]
