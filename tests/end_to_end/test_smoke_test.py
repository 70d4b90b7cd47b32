"""`logdock smoke-test` on the local cloud, by a person who may do no more than the page says.

After a deploy every step is ok, and nothing of the run is left. Each fault is then provoked, and must be named with
its fix.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_cloud.cdk import Cdk
from local_cloud.customer import make_secrets, prepare
from local_cloud.emulator import Emulator
from local_cloud.stage import Stage
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.end_to_end.person import Needs, Person, the_page_says

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]

ACCOUNT, REGION = "111122223333", "eu-west-1"
SETTINGS = """\
deployment: acme
account: "{account}"
region: {region}
retention: soc2
alerts:
  email: [oncall@acme.example]
destinations:
  - {{name: logz, kind: logzio, token_secret: acme/logzio, listener_url: "{listener}"}}
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
    ship_to: [archive, logz, logz-reader]
  - name: platform
    kind: aptible
    stack_region: {region}
    decryption_keys_secret: acme/aptible-keys
    ship_to: [logz]
  - {{name: trail, kind: s3-logs, services: [cloudtrail], ship_to: [archive]}}
  - {{name: quiet, kind: s3-logs}}
  - {{name: apps, kind: cloudwatch-logs, log_groups: [/acme/apps/checkout], ship_to: [logz, logz-reader]}}
"""
BUCKETS = ("archive", "orders", "platform", "trail", "quiet")
MARKER = "logdock-smoke-test-"


@dataclass(frozen=True)
class World:
    """The deployment, and the person who tests it."""

    stage: Stage
    names: Names
    person: Person
    listener: Listener
    directory: Path

    def client(self, service: str) -> Any:
        return self.stage.customer(service)

    def run(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run the command; return its exit code and what it says as JSON."""
        record = self.directory / "record.json"
        code, printed = self.person.logdock("smoke-test", "--json", "--record", str(record), *arguments)
        start = printed.find("\n{\n")
        assert start >= 0, printed
        document: dict[str, Any] = json.loads(printed[start:])
        return code, document

    def versions(self, bucket: str) -> list[str]:
        """Return the keys of a bucket that name a smoke test, or hold its record, in any version."""
        s3, name = self.client("s3"), self.names.bucket(bucket)
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=name)
        return [each["Key"] for page in pages for each in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]

    def streams(self) -> list[str]:
        found = self.client("logs").describe_log_streams(logGroupName="/acme/apps/checkout")["logStreams"]
        return [each["logStreamName"] for each in found]

    def alarms(self) -> dict[str, str]:
        pages = self.client("cloudwatch").get_paginator("describe_alarms").paginate(
            AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )  # fmt: skip
        return {
            alarm["AlarmName"]: alarm["StateValue"]
            for page in pages
            for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"])
        }


class Listener(LogzioListener):
    """A listener that can be down."""

    is_down = False

    def take(self, query: Mapping[str, list[str]], body: bytes) -> tuple[int, bytes]:
        return (503, b"") if self.is_down else super().take(query, body)


def needs(names: Names) -> Needs:
    """Return what the page says that the command needs, each on what the page says."""
    archive, failed = (names.bucket_arn(names.bucket(purpose)) for purpose in ("archive", "failed"))
    landings = [names.bucket_arn(names.bucket(each)) for each in BUCKETS[1:]]
    written = [f"{landings[0]}/atlas/orders/{MARKER[:-1]}/*", *(f"{arn}/{MARKER[:-1]}/*" for arn in landings[1:])]
    group = names.log_group_arn("/acme/apps/checkout", REGION)
    functions = [f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:acme-*"]
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:acme"
    return [
        (["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObjectVersion"], written),
        (["s3:ListBucketVersions"], [archive, *landings]),
        (["dynamodb:GetItem"], [names.mark_table_arn]),
        (["s3:ListBucket"], [archive, failed]),
        (["s3:GetEncryptionConfiguration"], [archive]),
        (["s3:GetObject"], [f"{archive}/*", f"{failed}/*"]),
        (["s3:DeleteObjectVersion"], [f"{archive}/*"]),
        (["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:GetKeyPolicy"], ["*"]),
        (["logs:DescribeLogGroups", "logs:DescribeSubscriptionFilters"], ["*"]),
        (["logs:CreateLogStream", "logs:PutLogEvents", "logs:DeleteLogStream"], [f"{group}:*"]),
        (["logs:FilterLogEvents"], [f"{names.log_group_arn('/aws/lambda/acme-*', REGION)}:*"]),
        (["events:DescribeRule", "events:ListTargetsByRule"], [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/acme-*"]),
        (["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"], ["*"]),
        (["cloudformation:DescribeStacks"], ["*"]),
        (["cloudwatch:SetAlarmState"], [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:acme/*"]),
        (["sns:ListSubscriptionsByTopic"], [names.alert_topic_arn]),
        (["states:ListExecutions"], [names.alerts_machine_arn(REGION)]),
        (["lambda:ListFunctions", "lambda:ListEventSourceMappings"], ["*"]),
        (["lambda:GetFunction", "lambda:GetFunctionConfiguration"], functions),
        (["secretsmanager:DescribeSecret"], [f"{secret}/*"]),
        (["secretsmanager:GetSecretValue"], [f"{secret}/aptible-keys-*"]),
        (["iam:SimulatePrincipalPolicy", "iam:GetRole"], ["*"]),
        (["iam:ListRolePolicies", "iam:ListAttachedRolePolicies"], ["*"]),
        (["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], [f"arn:aws:sqs:{REGION}:{ACCOUNT}:acme-ship-*"]),
        (["ssm:GetParameter"], [names.parameter_arn(f"{names.parameter_path}*", REGION)]),
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("smoke")
    with (
        Emulator(log_file=directory / "emulator.log") as cloud,
        Listener(certificate=cloud.certificate, key=cloud.key) as listener,
    ):
        file = directory / "logdock.yaml"
        file.write_text(SETTINGS.format(account=ACCOUNT, region=REGION, listener=listener.url))
        settings = load_settings(file)
        secrets = make_secrets(settings)
        listener.tokens.update(secrets.tokens)
        prepare(cloud, settings, secrets)
        cdk = Cdk(cloud=cloud, account=ACCOUNT, region=REGION, log_file=directory / "cdk.log")
        cdk.bootstrap()
        cdk.synth(file, directory / "cdk.out")
        outputs = cdk.deploy(directory / "cdk.out").outputs
        stage, names = Stage(cloud, settings, outputs, Vendors(cloud)), Names.of(settings)
        person = Person(stage, file, lambda _: needs(names))
        yield World(stage, names, person, listener, directory)


def found(document: dict[str, Any], result: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(step["subject"], step["name"]): step for step in document["steps"] if step["result"] == result}


def test_after_a_deploy_every_step_is_ok_and_nothing_is_left(world: World) -> None:
    before = {bucket: set(world.versions(bucket)) for bucket in BUCKETS}
    states = world.alarms()
    code, document = world.run()
    assert (code, found(document, "failed")) == (0, {}), document
    assert {name for _, name in found(document, "not checked")} <= {"last object", "the vendor's own configuration"}
    done = found(document, "ok")
    assert {
        ("orders", "landing"), ("orders", "read by version"), ("orders", "archive"), ("orders", "logz: acknowledged"),
        ("orders", "logz-reader: in its feed"), ("platform", "logz: acknowledged"), ("trail", "archive"),
        ("quiet", "MatchedEvents of the rule without targets"), ("apps", "archive"), ("apps", "logz: acknowledged"),
        ("apps", "logz-reader: in its feed"), ("logz-reader", "answer for a missing key"),
        ("acme/orders/silence", "action"), ("acme/orders/silence", "state set back"),
        ("alarms", "reminders in eu-west-1"), ("acme-alerts", "subscriptions in eu-west-1"),
        ("acme-archiver", "runtime and code"), ("acme-archiver", "SDK"), ("acme-ship-logz", "SDK"),
        ("archive", "key alias/acme-archive"), ("orders", "key alias/acme-orders"),
    } <= set(done)  # fmt: skip
    assert done["logz", "mark table"]["answer"] == "acme-marks answers acme-ship-logz"
    assert document["left"] == []
    for bucket in BUCKETS:
        assert set(world.versions(bucket)) <= before[bucket], bucket
    assert not [name for name in world.streams() if name.startswith(MARKER)]
    assert {name: state for name, state in world.alarms().items() if state == "ALARM"} == {
        name: state for name, state in states.items() if state == "ALARM"
    }
    record = (world.directory / "record.json").read_text()
    assert ACCOUNT not in record
    assert "oncall@acme.example" not in record
    names = [step["name"].replace(ACCOUNT, "<account>") for step in document["steps"]]
    assert [step["name"] for step in json.loads(record)["steps"]] == names


def test_the_page_says_what_the_person_of_this_test_may_do(world: World) -> None:
    assert world.person.may("smoke-test") <= the_page_says("smoke-test")


# ------------------------------------------------------------------------------------------------------------- faults


@contextmanager
def rule_disabled(world: World) -> Iterator[None]:
    events = world.client("events")
    events.disable_rule(Name="acme-trail")
    yield
    events.enable_rule(Name="acme-trail")


@contextmanager
def secret_unreadable(world: World) -> Iterator[None]:
    iam, role = world.client("iam"), {"RoleName": "acme-ship-logz", "PolicyName": "Shipper"}
    document = iam.get_role_policy(**role)["PolicyDocument"]
    fewer = [each for each in document["Statement"] if each["Sid"] != "ReadSecrets"]
    assert len(fewer) == len(document["Statement"]) - 1
    iam.put_role_policy(**role, PolicyDocument=json.dumps({**document, "Statement": fewer}))
    yield
    iam.put_role_policy(**role, PolicyDocument=json.dumps(document))


@contextmanager
def without_statement(world: World, alias: str, is_lost: Callable[[Any], bool]) -> Iterator[None]:
    kms = world.client("kms")
    key = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    fewer = [each for each in policy["Statement"] if not is_lost(each)]
    assert len(fewer) == len(policy["Statement"]) - 1
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({**policy, "Statement": fewer}))
    yield
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))


@contextmanager
def landing_key_without_its_reader(world: World) -> Iterator[None]:
    role = world.names.role_arn("acme-ship-logz")
    with without_statement(world, "alias/acme-orders", lambda each: role in str(each["Principal"])):
        yield


@contextmanager
def archive_key_without_alarms(world: World) -> Iterator[None]:
    with without_statement(world, "alias/acme-archive", lambda each: each.get("Sid") == "CloudWatchAlarms"):
        yield


@contextmanager
def unsubscribed(world: World) -> Iterator[None]:
    logs, group = world.client("logs"), "/acme/apps/checkout"
    (kept,) = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    logs.delete_subscription_filter(logGroupName=group, filterName=kept["filterName"])
    yield
    wanted = ("logGroupName", "filterName", "filterPattern", "destinationArn")
    logs.put_subscription_filter(**{name: kept[name] for name in wanted})


Fault = Callable[[World], Any]
FAULTS: list[tuple[Fault, str, tuple[str, str], str, str]] = [
    (
        secret_unreadable,
        "orders",
        ("logz", "role acme-ship-logz: allowed what it needs, as IAM simulates it"),
        "it may not secretsmanager:GetSecretValue on",
        "npx cdk deploy acme-core -c settings=",
    ),
    (
        landing_key_without_its_reader,
        "orders",
        ("orders", "key alias/acme-orders"),
        "arn:aws:iam::111122223333:role/acme-ship-logz may not kms:Decrypt",
        "--revert-drift",
    ),
    (
        unsubscribed,
        "apps",
        ("apps", "subscription"),
        "the archiver is not subscribed to /acme/apps/checkout",
        "npx cdk deploy acme-apps",
    ),
]


def check_fault(world: World, fault: Fault, export: str, step: tuple[str, str], reason: str, fix: str) -> None:
    """Provoke a fault, and check that it alone is named, with its fix, and that nothing was entered in vain."""
    with fault(world):
        code, document = world.run("--export", export, "--no-alarms", "--timeout", "60")
    failed = found(document, "failed")
    assert (code, {*failed}) == (1, {step}), document
    assert reason in failed[step]["reason"]
    assert fix in failed[step]["fix"]
    assert document["left"] == []


def test_a_disabled_rule_is_named_with_its_fix_and_nothing_is_entered(world: World) -> None:
    step = ("trail", "rule acme-trail")
    check_fault(world, rule_disabled, "trail", step, "it is off", "aws events enable-rule --name acme-trail")
    assert not [key for key in world.versions("trail") if MARKER in key]


@pytest.mark.parametrize(
    ("fault", "export", "step", "reason", "fix"), FAULTS, ids=lambda each: getattr(each, "__name__", "")
)
def test_a_fault_is_named_with_its_fix(
    world: World, fault: Fault, export: str, step: tuple[str, str], reason: str, fix: str
) -> None:
    check_fault(world, fault, export, step, reason, fix)


def test_a_key_that_does_not_admit_alarms_fails_their_actions(world: World) -> None:
    with archive_key_without_alarms(world):
        code, document = world.run("--export", "quiet")
    failed = found(document, "failed")
    assert (code, {*failed}) == (1, {("archive", "key alias/acme-archive"), ("acme/quiet/silence", "action")})
    assert (
        "CloudWatch Alarms is not authorized to perform: kms:GenerateDataKey"
        in (failed["acme/quiet/silence", "action"]["reason"])
    )
    assert "npx cdk deploy acme-core" in failed["acme/quiet/silence", "action"]["fix"]
    assert world.alarms()["acme/quiet/silence"] != "ALARM"


def test_a_destination_that_is_down_is_named_and_keeps_what_it_must_still_read(world: World) -> None:
    world.listener.is_down = True
    code, document = world.run("--export", "platform", "--no-alarms", "--timeout", "15")
    world.listener.is_down = False
    failed = found(document, "failed")
    assert (code, {*failed}) == (1, {("platform", "logz: acknowledged")}), document
    assert "acme-ship-logz says: DeliveryError" in failed["platform", "logz: acknowledged"]["reason"]
    (left,) = document["left"]
    assert "logz has not acknowledged it" in left["reason"]
    assert [key for key in world.versions("platform") if MARKER in key and key in left["what"]]


def test_an_unconfirmed_subscription_is_named_with_its_fix(world: World) -> None:
    topic = world.names.alert_topic_arn
    world.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:9/hook")
    code, document = world.run("--export", "quiet", "--no-alarms")
    step = ("acme-alerts", "subscriptions in eu-west-1")
    assert (code, {*found(document, "failed")}) == (1, {step}), document
    assert document["left"] == []
    failed = found(document, "failed")[step]
    assert failed["reason"] == "not confirmed, and not notified: http://127.0.0.1:9/hook"
    assert failed["fix"].startswith(
        "follow the link in AWS's message to each; or have it sent again: aws sns subscribe"
    )
