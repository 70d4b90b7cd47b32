"""`logdock validate` on the local cloud: nothing is wrong with what was just deployed, and each fault is found.

The person may only look: AWS's ReadOnlyAccess is all that docs/logdock.md asks for.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloud.cdk import Cdk
from local_cloud.customer import make_secrets, prepare
from local_cloud.emulator import Emulator
from local_cloud.stage import Stage
from local_cloud.stand_ins.sessions import role_session
from local_cloud.vendor_accounts import Vendors
from logdock.cli.main import main
from logdock.settings import load_settings
from logdock.settings.names import Names

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
BUCKET = "acme-prod-orders-111122223333-eu-west-1"
CHECKOUT = "/acme/apps/checkout"
SETTINGS = """\
deployment: acme-prod
account: "111122223333"
region: eu-west-1
retention: soc2
alerts:
  email: [oncall@acme.example]

destinations:
  - name: logz
    kind: logzio
    region: eu
    token_secret: acme/logzio
    listener_url: https://127.0.0.1:1
  - name: logz-reader
    kind: logzio
    mode: fetch
    region: eu
    account_id: "406095609952"
    external_id: logzio:aws:extid:example0nktixxe8q

exports:
  - name: orders
    kind: mongodb-atlas
    project_id: 5e2211c17a3e5a48f5497de3
    atlas_principal_arn: arn:aws:iam::772401394250:root
    external_id: 9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64
    prefix: atlas/orders
    ship_to: [archive, logz]
    redaction:
      detectors: [email]

  - name: ledger
    kind: cockroachdb
    plan: advanced
    cluster_id: f78b7feb-b6cf-4396-9d7f-494982d7d81e
    cluster_account_id: "222233334444"
    external_id: 6d1f0c5be8a14c6f9f0d2b7a
    log_group: /acme/cockroach/ledger
    redact: false
    groups:
      - {log_name: /acme/cockroach/ledger-sql, channels: [SQL_SCHEMA, SQL_EXEC, SENSITIVE_ACCESS]}
      - {log_name: /acme/cockroach/ledger-ops, channels: [OPS, HEALTH], min_level: WARNING}
    ship_to: [logz, logz-reader]
    redaction:
      markers: redact

  - name: billing
    kind: aurora-mysql
    cluster_id: billing
    parameter_group: billing-params
    events: [CONNECT, QUERY]
    ship_to: [logz]

  - name: platform
    kind: aptible
    stack_region: eu-west-1
    decryption_keys_secret: acme/aptible-keys
    ship_to: [archive, logz]

  - name: trail
    kind: s3-logs
    services: [cloudtrail, vpc-flow]
    ship_to: [archive, logz, logz-reader]

  - name: apps
    kind: cloudwatch-logs
    log_groups: [/acme/apps/checkout]
    log_group_prefixes: [/acme/services/]
    ship_to: [logz]
"""
VENDORS = {("orders", "the vendor's own configuration"), ("ledger", "the vendor's own configuration")} | {
    ("platform", "the vendor's own configuration")
}


@dataclass(frozen=True)
class World:
    """The deployment, and the file that it was made from."""

    stage: Stage
    names: Names
    settings_file: Path

    def client(self, service: str) -> Any:
        return self.stage.customer(service)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("validate")
    with Emulator(log_file=directory / "emulator.log") as cloud:
        file = directory / "logdock.yaml"
        file.write_text(SETTINGS)
        settings = load_settings(file)
        prepare(cloud, settings, make_secrets(settings))
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=directory / "cdk.log")
        cdk.bootstrap()
        cdk.synth(file, directory / "cdk.out")
        outputs = cdk.deploy(directory / "cdk.out").outputs
        yield World(Stage(cloud, settings, outputs, Vendors(cloud)), Names.of(settings), file)


Found = dict[tuple[str, str], dict[str, str]]
Validate = Callable[..., tuple[int, Found]]


@pytest.fixture
def validate(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Validate:
    """Run the command as a caller with read access only; return its exit code and the checks by what they are of."""

    def type_in(*arguments: str, denied: str | None = None, file: Path | None = None) -> tuple[int, Found]:
        settings = world.stage.settings
        deny = {"Effect": "Deny", "Action": denied or "nothing:AtAll", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [deny]}
        session = role_session(world.stage, settings.account, "auditor", policy=json.dumps(document))
        world.client("iam").attach_role_policy(RoleName="auditor", PolicyArn=READ_ONLY)
        for name, value in {
            **world.stage.cloud.environment(settings.account, settings.region),
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = main(["validate", *arguments, "--settings", str(file or world.settings_file), "--json"])
        printed = capsys.readouterr()
        assert printed.out, printed.err
        return code, {(check["of"], check["what"]): check for check in json.loads(printed.out)["checks"]}

    return type_in


def wrong(found: Found) -> set[tuple[str, str]]:
    return {key for key, check in found.items() if check["verdict"] == "wrong"}


def test_nothing_is_wrong_with_what_was_just_deployed(validate: Validate) -> None:
    code, found = validate()
    assert (code, wrong(found)) == (0, set())
    assert {key for key, check in found.items() if check["verdict"] == "not checked"} == VENDORS
    assert {of for of, _ in found} == {
        *(
            f"acme-prod-{name}"
            for name in ("core", "shipper", "orders", "ledger", "billing", "platform", "trail", "apps")
        ),
        *("orders", "ledger", "billing", "platform", "trail", "apps", "logz", "logz-reader", "archive", "alerts"),
        "archiver",
        "acme-prod",
    }


def test_an_export_is_checked_with_what_it_stands_on(validate: Validate) -> None:
    _, found = validate("orders")
    assert {of for of, _ in found} == {
        "acme-prod-core", "acme-prod-shipper", "acme-prod-orders", "orders", "logz", "archive",
    }  # fmt: skip


def test_what_is_left_to_do_at_the_vendors_is_what_the_deploy_has_put_out(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = world.stage.settings
    for name, value in world.stage.cloud.environment(settings.account, settings.region).items():
        monkeypatch.setenv(name, value)
    assert main(["next-steps", "--settings", str(world.settings_file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {*(export.name for export in settings.exports), "logz-reader"}
    for export in settings.exports:
        outputs = world.stage.stack_outputs(export.name)
        assert {name: output["value"] for name, output in found[export.name].items()} == outputs
    assert found["logz-reader"]["NextSteps"]["value"].startswith("curl ")


# ------------------------------------------------------------------------------------------- what a person may do wrong


@contextmanager
def trusting_another_id(world: World) -> Iterator[None]:
    iam = world.client("iam")
    document = iam.get_role(RoleName="acme-prod-orders")["Role"]["AssumeRolePolicyDocument"]
    other = json.dumps(document).replace("9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64", "another-id")
    iam.update_assume_role_policy(RoleName="acme-prod-orders", PolicyDocument=other)
    yield
    iam.update_assume_role_policy(RoleName="acme-prod-orders", PolicyDocument=json.dumps(document))


@contextmanager
def without_its_policy(world: World) -> Iterator[None]:
    iam = world.client("iam")
    document = iam.get_role_policy(RoleName="acme-prod-orders", PolicyName="Export")["PolicyDocument"]
    iam.delete_role_policy(RoleName="acme-prod-orders", PolicyName="Export")
    yield
    iam.put_role_policy(RoleName="acme-prod-orders", PolicyName="Export", PolicyDocument=json.dumps(document))


@contextmanager
def with_a_policy_more(world: World) -> Iterator[None]:
    iam = world.client("iam")
    iam.attach_role_policy(RoleName="acme-prod-ledger", PolicyArn=READ_ONLY)
    yield
    iam.detach_role_policy(RoleName="acme-prod-ledger", PolicyArn=READ_ONLY)


@contextmanager
def key_disabled(world: World) -> Iterator[None]:
    kms = world.client("kms")
    key = kms.describe_key(KeyId="alias/acme-prod-orders")["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    yield
    kms.enable_key(KeyId=key)


@contextmanager
def bucket_silent(world: World) -> Iterator[None]:
    s3 = world.client("s3")
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    yield
    announced: dict[str, Any] = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=announced)


@contextmanager
def versioning_suspended(world: World) -> Iterator[None]:
    s3 = world.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    yield
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


@contextmanager
def unsubscribed(world: World) -> Iterator[None]:
    logs = world.client("logs")
    (kept,) = logs.describe_subscription_filters(logGroupName=CHECKOUT)["subscriptionFilters"]
    logs.delete_subscription_filter(logGroupName=CHECKOUT, filterName=kept["filterName"])
    yield
    wanted = ("logGroupName", "filterName", "filterPattern", "destinationArn")
    logs.put_subscription_filter(**{name: kept[name] for name in wanted})


@contextmanager
def another_group_under_the_prefix(world: World) -> Iterator[None]:
    logs = world.client("logs")
    logs.create_log_group(logGroupName="/acme/services/new")
    yield
    logs.delete_log_group(logGroupName="/acme/services/new")


@contextmanager
def lines_kept_for_a_day(world: World) -> Iterator[None]:
    logs = world.client("logs")
    logs.put_retention_policy(logGroupName="/acme/cockroach/ledger", retentionInDays=1)
    yield
    days = world.stage.settings.effective_retention.hot_days
    logs.put_retention_policy(logGroupName="/acme/cockroach/ledger", retentionInDays=days)


@contextmanager
def rule_off(world: World) -> Iterator[None]:
    events = world.client("events")
    events.disable_rule(Name="acme-prod-trail")
    yield
    events.enable_rule(Name="acme-prod-trail")


@contextmanager
def rule_without_a_target(world: World) -> Iterator[None]:
    events = world.client("events")
    kept = next(
        target for target in events.list_targets_by_rule(Rule="acme-prod-trail")["Targets"] if target["Id"] == "logz"
    )
    events.remove_targets(Rule="acme-prod-trail", Ids=["logz"])
    yield
    events.put_targets(Rule="acme-prod-trail", Targets=[kept])


@contextmanager
def mapping_off(world: World) -> Iterator[None]:
    functions = world.client("lambda")
    (mapping,) = functions.list_event_source_mappings(FunctionName="acme-prod-ship-logz")["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    yield
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@contextmanager
def function_held(world: World) -> Iterator[None]:
    functions = world.client("lambda")
    functions.put_function_concurrency(FunctionName="acme-prod-archiver", ReservedConcurrentExecutions=0)
    yield
    functions.delete_function_concurrency(FunctionName="acme-prod-archiver")


@contextmanager
def queue_changed(world: World) -> Iterator[None]:
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName="acme-prod-ship-logz")["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


@contextmanager
def secret_deleted(world: World) -> Iterator[None]:
    secrets = world.client("secretsmanager")
    secrets.delete_secret(SecretId="acme/logzio", RecoveryWindowInDays=7)
    yield
    secrets.restore_secret(SecretId="acme/logzio")


@contextmanager
def cluster_not_exporting(world: World) -> Iterator[None]:
    rds = world.client("rds")
    for types in ({"DisableLogTypes": ["audit"]}, {"EnableLogTypes": ["audit"]}):
        rds.modify_db_cluster(DBClusterIdentifier="billing", CloudwatchLogsExportConfiguration=types)
        if "DisableLogTypes" in types:
            yield


@contextmanager
def configuration_gone(world: World) -> Iterator[None]:
    ssm, name = world.client("ssm"), "/logdock/acme-prod/exports/trail"
    value = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.delete_parameter(Name=name)
    yield
    ssm.put_parameter(Name=name, Type="String", Value=value)


Fault = Callable[[World], Any]
FAULTS: list[tuple[Fault, tuple[str, str], str, str]] = [
    (
        trusting_another_id,
        ("orders", "role acme-prod-orders: trust"),
        "it accepts 1 external ids, 0 of them among the 1 of the settings",
        "npx cdk deploy acme-prod-orders",
    ),
    (
        without_its_policy,
        ("orders", "role acme-prod-orders: allowed what it needs, as IAM simulates it"),
        f"it may not s3:PutObject on arn:aws:s3:::{BUCKET}/atlas/orders/logdock-validate",
        "npx cdk deploy acme-prod-orders",
    ),
    (
        with_a_policy_more,
        ("ledger", "role acme-prod-ledger: policies"),
        f"it has policies that are not Logdock's: {READ_ONLY}",
        "take them off",
    ),
    (key_disabled, ("orders", "key alias/acme-prod-orders"), "it is Disabled", "aws kms enable-key"),
    (bucket_silent, ("orders", f"bucket {BUCKET}"), "it announces no new objects", "npx cdk deploy acme-prod-orders"),
    (versioning_suspended, ("orders", f"bucket {BUCKET}"), "its versioning is Suspended", ""),
    (
        unsubscribed,
        ("apps", f"subscription of {CHECKOUT} in eu-west-1"),
        "the archiver is not subscribed",
        "npx cdk deploy acme-prod-apps",
    ),
    (
        another_group_under_the_prefix,
        ("apps", "subscriptions of /acme/services/* in eu-west-1: 3 log groups"),
        "the archiver is not subscribed to 1: /acme/services/new",
        "wait an hour",
    ),
    (
        lines_kept_for_a_day,
        ("ledger", "log group /acme/cockroach/ledger in eu-west-1"),
        "it keeps lines for 1 days, and the settings say",
        "npx cdk deploy acme-prod-ledger",
    ),
    (rule_off, ("trail", "rule acme-prod-trail"), "it is off", "aws events enable-rule --name acme-prod-trail"),
    (rule_without_a_target, ("trail", "rule acme-prod-trail"), "it does not put objects on the queue of logz", ""),
    (mapping_off, ("logz", "function acme-prod-ship-logz"), "its mapping of arn:aws:sqs:", "update-event-source"),
    (function_held, ("archiver", "function acme-prod-archiver in eu-west-1"), "concurrency is 0", "aws lambda"),
    (
        queue_changed,
        ("acme-prod-shipper", "SQS::Queue acme-prod-ship-logz"),
        "/VisibilityTimeout is 7, and was deployed as",
        "npx cdk deploy acme-prod-shipper --revert-drift",
    ),
    (secret_deleted, ("logz", "secret acme/logzio"), "it is about to be deleted", "aws secretsmanager restore-secret"),
    (cluster_not_exporting, ("billing", "cluster billing"), "it does not export audit", "cdk deploy acme-prod-billing"),
    (configuration_gone, ("trail", "configuration in eu-west-1"), "it is not there", "npx cdk deploy acme-prod-trail"),
]


@pytest.mark.parametrize(("fault", "where", "reason", "fix"), FAULTS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_fault_is_found_with_its_reason_and_its_fix(
    world: World, validate: Validate, fault: Fault, where: tuple[str, str], reason: str, fix: str
) -> None:
    of = where[0] if where[0] in {export.name for export in world.stage.settings.exports} else "orders"
    with fault(world):
        code, found = validate(*([] if where[0] == "archiver" else [of]))
    assert code == 1
    assert where in wrong(found), found
    assert reason in found[where]["reason"]
    assert fix in found[where]["fix"]


def test_a_stack_that_is_not_deployed_is_named_with_the_command_that_deploys_it(
    world: World, validate: Validate, tmp_path: Path
) -> None:
    document = yaml.safe_load(world.settings_file.read_text())
    document["exports"].append({"name": "more", "kind": "s3-logs"})
    document["alerts"] = {"email": ["new@acme.example"]}
    file = tmp_path / "logdock.yaml"
    file.write_text(yaml.safe_dump(document))
    code, found = validate(file=file)
    assert code == 1
    stack = found["acme-prod-more", "stack in eu-west-1"]
    deploy = f"npx cdk deploy acme-prod-more -c settings={file}"
    assert (stack["reason"], stack["fix"]) == ("it is not deployed", deploy)
    assert found["alerts", "topic acme-prod-alerts in eu-west-1"]["reason"] == "new@acme.example is not subscribed"
    assert wrong(found) >= {("more", "configuration in eu-west-1"), ("more", "key alias/acme-prod-more")}


def test_what_the_caller_may_not_look_at_is_named_and_is_no_failure(validate: Validate) -> None:
    code, found = validate("orders", denied="iam:SimulatePrincipalPolicy")
    assert (code, wrong(found)) == (0, set())
    simulated = found["orders", "role acme-prod-orders: allowed what it needs, as IAM simulates it"]
    assert (simulated["verdict"], simulated["reason"]) == ("not checked", "iam:SimulatePrincipalPolicy is refused")
