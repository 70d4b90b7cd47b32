"""The IAM and KMS documents of every kind of export, compared whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from logdock.settings.names import Names
from logdock.vendors.logzio.stack.reader import reader_permissions
from stacks.core import _fitting
from tests.conftest import ROOT, Synthesized, synthesize

ACCOUNT = "111122223333"
HOME = "eu-west-1"


def example(name: str) -> Synthesized:
    return synthesize(ROOT / "examples" / f"{name}.yaml")


def role(of: Synthesized, stack: str, role_name: str) -> dict[str, Any]:
    (properties,) = [
        resource["Properties"]
        for name, _, resource in of.resources("AWS::IAM::Role")
        if name == stack and resource["Properties"].get("RoleName") == role_name
    ]
    found: dict[str, Any] = properties
    return found


def key_arn(of: Synthesized, stack: str) -> dict[str, Any]:
    (logical_id,) = [found for name, found, _ in of.resources("AWS::KMS::Key") if name == stack]
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def key_statements(of: Synthesized, stack: str) -> list[dict[str, Any]]:
    """The key policy but for its first statement, which a test of every key compares."""
    (found,) = [resource for name, _, resource in of.resources("AWS::KMS::Key") if name == stack]
    statements: list[dict[str, Any]] = found["Properties"]["KeyPolicy"]["Statement"]
    return statements[1:]


def bucket_allows(of: Synthesized, stack: str) -> list[dict[str, Any]]:
    """The bucket policy's allow statements; the denies are compared by a test of every bucket."""
    (found,) = [resource for name, _, resource in of.resources("AWS::S3::BucketPolicy") if name == stack]
    return [each for each in found["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]


def trust(principal: str, external_ids: str | list[str]) -> dict[str, Any]:
    return {
        "Statement": [
            {
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": external_ids}},
                "Effect": "Allow",
                "Principal": {"AWS": principal},
            }
        ],
        "Version": "2012-10-17",
    }


def allow(
    sid: str | None, action: str | list[str], resource: Any, condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": sid} if sid else {}
    statement |= {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def via_s3(region: str = HOME) -> dict[str, Any]:
    return {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}


def statements(properties: dict[str, Any]) -> list[dict[str, Any]]:
    (policy,) = properties["Policies"]
    assert policy["PolicyDocument"]["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_atlas_may_write_its_prefix_and_nothing_else() -> None:
    atlas = example("mongodb-atlas")
    found = role(atlas, "acme-prod-orders", "acme-prod-orders")
    bucket = f"arn:aws:s3:::acme-prod-orders-{ACCOUNT}-{HOME}"

    assert found["AssumeRolePolicyDocument"] == trust(
        "arn:aws:iam::772401394250:root", "9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64"
    )
    assert found["MaxSessionDuration"] == 43200
    assert statements(found) == [
        allow("WriteLogs", "s3:PutObject", f"{bucket}/atlas/orders/*"),
        allow("FindBucket", "s3:GetBucketLocation", bucket),
        allow(
            "EncryptLogs",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            key_arn(atlas, "acme-prod-orders"),
            via_s3(),
        ),
    ]


def test_atlas_through_an_access_point_reaches_its_buckets_only_through_it() -> None:
    atlas = example("mongodb-atlas-mrap")
    found = role(atlas, "acme-prod-orders-audit", "acme-prod-orders-audit")
    point = f"arn:aws:s3::{ACCOUNT}:accesspoint/mfzwi23gnjvgw.mrap"
    buckets = ["arn:aws:s3:::acme-audit-us", f"arn:aws:s3:::acme-prod-orders-audit-{ACCOUNT}-{HOME}"]
    through = {"StringEquals": {"s3:DataAccessPointArn": point}}

    assert found["AssumeRolePolicyDocument"] == trust(
        "arn:aws:iam::772401394250:root",
        ["9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64", "0c6b8f52-9c57-4c0e-8c1e-6b6f0a2f4d11"],
    )
    assert statements(found) == [
        allow("WriteLogs", ["s3:GetObject", "s3:PutObject"], [f"{arn}/atlas/*" for arn in buckets], through),
        allow("FindBucket", "s3:GetBucketLocation", buckets),
        allow(
            "EncryptLogs",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [
                f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1f0c8b52-9c57-4c0e-8c1e-6b6f0a2f4d11",
                key_arn(atlas, "acme-prod-orders-audit"),
            ],
            {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com"]}},
        ),
        allow("WriteThroughAccessPoint", ["s3:GetObject", "s3:PutObject"], f"{point}/object/atlas/*"),
        allow("ListLogs", "s3:ListBucket", [point, *buckets], {"StringLike": {"s3:prefix": ["atlas", "atlas/*"]}}),
        allow("DescribeKey", "kms:DescribeKey", key_arn(atlas, "acme-prod-orders-audit")),
    ]


COCKROACH_ACTIONS = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "logs:PutRetentionPolicy",
]


def test_cockroachdb_may_write_every_group_in_every_region_of_the_cluster() -> None:
    found = role(example("cockroachdb"), "acme-prod-ledger", "acme-prod-ledger")

    assert found["AssumeRolePolicyDocument"] == trust("arn:aws:iam::222233334444:root", "6d1f0c5be8a14c6f9f0d2b7a")
    assert found["MaxSessionDuration"] == 43200
    (write,) = statements(found)
    assert sorted(write["Resource"]) == sorted(
        f"arn:aws:logs:{region}:{ACCOUNT}:log-group:/acme/cockroach/{name}:*"
        for region in ("eu-west-1", "us-east-1")
        for name in ("ledger", "ledger-sql", "ledger-ops")
    )
    assert write | {"Resource": []} == {
        "Sid": "WriteLogs",
        "Effect": "Allow",
        "Action": COCKROACH_ACTIONS,
        "Resource": [],
    }


def test_cockroachdb_standard_is_trusted_by_its_cluster_id() -> None:
    found = role(example("cockroachdb"), "acme-prod-catalogue", "acme-prod-catalogue")

    assert found["AssumeRolePolicyDocument"] == trust(
        "arn:aws:iam::333344445555:root", "0d2a1b1e-7b1f-4c55-9b3e-3f1a0f2f6c11"
    )
    assert statements(found) == [
        allow(
            "WriteLogs",
            COCKROACH_ACTIONS,
            f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/acme/cockroach/catalogue:*",
        )
    ]


def test_aurora_the_older_way_trusts_rds_for_one_cluster() -> None:
    found = role(example("aurora-mysql"), "acme-prod-legacy", "acme-prod-legacy")
    group = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/rds/cluster/legacy/audit"

    assert found["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
                "ArnEquals": {"aws:SourceArn": f"arn:aws:rds:{HOME}:{ACCOUNT}:cluster:legacy"},
            },
            "Effect": "Allow",
            "Principal": {"Service": "rds.amazonaws.com"},
        }
    ]
    assert statements(found) == [
        allow("WriteEvents", ["logs:GetLogEvents", "logs:PutLogEvents"], f"{group}:log-stream:*"),
        allow(
            "ManageGroups",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutRetentionPolicy"],
            f"{group}:*",
        ),
    ]


def test_aurora_the_current_way_has_no_role_of_its_own() -> None:
    names = [
        resource["Properties"].get("RoleName")
        for stack, _, resource in example("everything").resources("AWS::IAM::Role")
        if stack == "acme-prod-billing"
    ]
    assert names == [None, None]  # the connector's function and its framework


def test_aptible_replicates_into_its_bucket_and_nothing_else() -> None:
    platform = bucket_allows(example("aptible"), "acme-prod-platform")
    arn = f"arn:aws:s3:::acme-prod-platform-{ACCOUNT}-{HOME}"
    principal = {"AWS": "arn:aws:iam::916150859591:role/s3-stack-log-replication"}

    assert platform == [
        allow(
            "AptibleReplicatesObjects",
            ["s3:ObjectOwnerOverrideToBucketOwner", "s3:ReplicateDelete", "s3:ReplicateObject"],
            f"{arn}/*",
        )
        | {"Principal": principal},
        allow(
            "AptibleReadsBucket",
            [
                "s3:GetBucketVersioning",
                "s3:ListBucket",
                "s3:ListBucketMultipartUploads",
                "s3:ListBucketVersions",
                "s3:PutBucketVersioning",
            ],
            arn,
        )
        | {"Principal": principal},
    ]


def test_aptible_under_a_key_may_replicate_with_it() -> None:
    bucket = "arn:aws:s3:::acme-aptible-archive-two"
    assert key_statements(example("aptible"), "acme-prod-platform-two") == [
        allow(
            "AptibleEncryptsReplicas",
            ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
            "*",
            via_s3() | {"ArnLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, f"{bucket}/*"]}},
        )
        | {"Principal": {"AWS": "arn:aws:iam::916150859591:role/s3-stack-log-replication"}},
        allow(None, "kms:Decrypt", "*", via_s3())
        | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/acme-prod-ship-archive"}},
    ]


def test_aws_services_deliver_to_their_own_paths_from_this_account() -> None:
    arn = "arn:aws:s3:::acme-trail-logs"
    owned = {"aws:SourceAccount": ACCOUNT, "s3:x-amz-acl": "bucket-owner-full-control"}
    trail = {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/*"}}
    vended = {"ArnLike": {"aws:SourceArn": [f"arn:aws:logs:{HOME}:{ACCOUNT}:*", f"arn:aws:logs:us-east-1:{ACCOUNT}:*"]}}
    account = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    logs = f"{arn}/aws/AWSLogs/{ACCOUNT}/*"

    def by(service: str) -> dict[str, Any]:
        return {"Principal": {"Service": service}}

    assert bucket_allows(example("s3-logs"), "acme-prod-trail")[:4] == [
        allow("CloudTrailChecks", "s3:GetBucketAcl", arn, account | trail) | by("cloudtrail.amazonaws.com"),
        allow("CloudTrailWrites", "s3:PutObject", logs, {"StringEquals": owned} | trail)
        | by("cloudtrail.amazonaws.com"),
        allow("LogDeliveryChecks", "s3:GetBucketAcl", arn, account | vended) | by("delivery.logs.amazonaws.com"),
        allow("LogDeliveryWrites", "s3:PutObject", logs, {"StringEquals": owned} | vended)
        | by("delivery.logs.amazonaws.com"),
    ]


def test_load_balancers_and_s3_deliver_to_a_bucket_without_kms() -> None:
    arn = f"arn:aws:s3:::acme-prod-edge-{ACCOUNT}-{HOME}"
    account = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    balancers = f"arn:aws:elasticloadbalancing:{HOME}:{ACCOUNT}:loadbalancer/*"

    assert bucket_allows(example("s3-logs"), "acme-prod-edge")[:2] == [
        allow(
            "LoadBalancerWrites",
            "s3:PutObject",
            f"{arn}/AWSLogs/{ACCOUNT}/*",
            account | {"ArnLike": {"aws:SourceArn": balancers}},
        )
        | {"Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}},
        allow(
            "S3AccessLogWrites", "s3:PutObject", f"{arn}/*", account | {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}
        )
        | {"Principal": {"Service": "logging.s3.amazonaws.com"}},
    ]


def test_an_existing_bucket_keeps_its_policy_and_the_shippers_role_gets_the_permission() -> None:
    s3_logs = example("s3-logs")
    template = s3_logs.templates["acme-prod-legacy"]["Resources"].values()

    assert not [each for each in template if each["Type"] in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy")]
    (policy,) = [each for each in template if each["Properties"].get("Roles") == ["acme-prod-ship-logz"]]
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [
        allow("ReadLanding", ["s3:GetObject", "s3:GetObjectVersion"], "arn:aws:s3:::acme-legacy-logs/app/*")
    ]


def test_the_function_that_switches_a_buckets_events_on_does_that_and_its_framework_calls_it_alone() -> None:
    s3_logs = example("s3-logs")
    function, framework = (
        resource["Properties"]
        for stack, _, resource in s3_logs.resources("AWS::IAM::Role")
        if stack == "acme-prod-legacy"
    )
    own_log = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/lambda/acme-prod-legacy-connector"
    write = ["logs:CreateLogStream", "logs:PutLogEvents"]
    deployment = f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/logdock/acme-prod"
    parameters = f"{deployment}/legacy"

    assert statements(function) == [
        allow("OwnLogs", write, [f"{own_log}-schedule:*", f"{own_log}:*"]),
        allow("ReadConfigurations", "ssm:GetParameter", f"{parameters}/connector/*"),
    ]
    policies = [
        resource["Properties"]
        for stack, name, resource in s3_logs.resources("AWS::IAM::Policy")
        if stack == "acme-prod-legacy" and name.startswith("ConnectorPolicy")
    ]
    assert [statement for each in policies for statement in each["PolicyDocument"]["Statement"]] == [
        allow(
            "AnnounceObjects",
            ["s3:GetBucketNotification", "s3:PutBucketNotification"],
            "arn:aws:s3:::acme-legacy-logs",
            {"StringEquals": {"aws:ResourceAccount": ACCOUNT}},
        ),
        allow(
            "RememberBefore",
            ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            [f"{parameters}/bucket-events", f"{parameters}/bucket-events/*"],
        ),
        allow("ListExports", "ssm:GetParametersByPath", f"{deployment}/exports"),
        allow(
            "ReadWhatOthersRemember",
            "ssm:GetParameter",
            [f"{deployment}/*/bucket-events", f"{deployment}/*/bucket-events/*"],
        ),
    ]
    assert statements(framework) == [allow("OwnLogs", write, f"{own_log}-framework:*")]
    (invoke,) = [
        resource["Properties"]
        for stack, _, resource in s3_logs.resources("AWS::IAM::Policy")
        if stack == "acme-prod-legacy" and "FrameworkRole" in str(resource["Properties"]["Roles"])
    ]
    arn = {"Fn::GetAtt": ["ConnectorFunction13E63ADB", "Arn"]}
    assert invoke["Roles"] == [{"Ref": "ConnectorFrameworkRole2022D4A7"}]
    assert invoke["PolicyDocument"]["Statement"] == [
        allow(None, "lambda:InvokeFunction", [arn, {"Fn::Join": ["", [arn, ":*"]]}]),
        allow(None, "lambda:GetFunction", arn),
    ]


def test_each_vendors_key_admits_the_shipper_through_s3_alone() -> None:
    context = via_s3()

    own_logs = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/lambda/acme-prod-orders-connector*"
    assert key_statements(example("everything"), "acme-prod-orders") == [
        allow(
            "ConnectorLogs",
            ["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            "*",
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": [own_logs]}},
        )
        | {"Principal": {"Service": f"logs.{HOME}.amazonaws.com"}},
        allow(None, "kms:Decrypt", "*", context)
        | {
            "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/acme-prod-ship-{name}" for name in ("archive", "logz")]}
        },
    ]


def test_logzios_reader_reads_its_own_feed_and_nothing_else() -> None:
    found = role(example("everything"), "acme-prod-shipper", "acme-prod-logz-reader")
    archive = f"arn:aws:s3:::acme-prod-archive-{ACCOUNT}-{HOME}"
    feed = "feed/logz-reader/"

    assert found["MaxSessionDuration"] == 43200
    assert statements(found) == [
        allow("ListFeed", "s3:ListBucket", archive, {"StringLike": {"s3:prefix": [feed, f"{feed}*"]}}),
        allow("FindBucket", "s3:GetBucketLocation", archive),
        allow("ReadFeed", "s3:GetObject", f"{archive}/{feed}*"),
        allow("DecryptFeed", "kms:Decrypt", {"Fn::ImportValue": "acme-prod-archive-key-arn"}, via_s3()),
    ]


@pytest.mark.parametrize("whole_bucket", [False, True])
def test_logzios_reader_lists_the_whole_bucket_only_if_asked_to(whole_bucket: bool) -> None:
    names = Names("acme", "111122223333", "eu-west-1")
    statements = [each.to_json() for each in reader_permissions(names, "reader", whole_bucket=whole_bucket)]
    (listing,) = [each for each in statements if each["Action"] == "s3:ListBucket"]
    assert ("Condition" not in listing) == whole_bucket
    (reading,) = [each for each in statements if each["Action"] == "s3:GetObject"]
    assert reading["Resource"] == "arn:aws:s3:::acme-archive-111122223333-eu-west-1/feed/reader/*"


def test_logzios_archive_writes_and_restores_one_bucket_as_its_page_says() -> None:
    found = role(example("logzio"), "acme-prod-shipper", "acme-prod-logz-reader_archive")
    bucket = "arn:aws:s3:::acme-logzio-archive"
    key = "arn:aws:kms:us-east-1:111122223333:key/0e5c1d2a-3b4f-4a5b-8c6d-7e8f9a0b1c2d"

    assert found["AssumeRolePolicyDocument"] == trust(
        "arn:aws:iam::406095609952:root",
        ["logzio:aws:extid:example0nktixxe8q", "logzio:aws:extid:example1nktixxe8q"],
    )
    assert statements(found) == [
        allow("FindArchive", ["s3:GetBucketLocation", "s3:ListBucket"], bucket),
        allow("WriteAndRestore", ["s3:GetObject", "s3:PutObject"], f"{bucket}/*"),
        allow("UseArchiveKey", ["kms:Decrypt", "kms:GenerateDataKey"], key, via_s3("us-east-1")),
    ]


def test_logzios_reader_trusts_the_account_and_the_ids_that_the_settings_name() -> None:
    found = role(example("logzio"), "acme-prod-shipper", "acme-prod-logz-reader")

    assert found["AssumeRolePolicyDocument"] == trust(
        "arn:aws:iam::406095609952:root",
        ["logzio:aws:extid:example0nktixxe8q", "logzio:aws:extid:example1nktixxe8q"],
    )


def test_the_archiver_writes_the_archive_and_the_failures_and_reads_neither() -> None:
    everything = example("everything")
    found = role(everything, "acme-prod-core", "acme-prod-archiver")
    archive, failed = (f"arn:aws:s3:::acme-prod-{name}-{ACCOUNT}-{HOME}" for name in ("archive", "failed"))

    assert statements(found) == [
        allow(
            "OwnLogs",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/lambda/acme-prod-archiver:*",
        ),
        allow(
            "ReadConfiguration",
            "ssm:GetParameter",
            f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/logdock/acme-prod/exports/*",
        ),
        allow("PutArchive", "s3:PutObject", f"{archive}/logs/*"),
        allow("ListFailures", "s3:ListBucket", failed),
        allow("PutFailures", "s3:PutObject", [f"{failed}/aws/lambda/*", f"{failed}/unclaimed/*"]),
        allow("UseArchiveKey", "kms:GenerateDataKey", key_arn(everything, "acme-prod-core"), via_s3()),
    ]


def test_a_destinations_function_takes_its_own_queue_and_reads_its_own_secret() -> None:
    everything = example("everything")
    found = role(everything, "acme-prod-core", "acme-prod-ship-logz")
    failed = f"arn:aws:s3:::acme-prod-failed-{ACCOUNT}-{HOME}"
    secrets = f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret"

    assert statements(found) == [
        allow(
            "OwnLogs",
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:/aws/lambda/acme-prod-ship-logz:*",
        ),
        allow(
            "ReadConfiguration",
            "ssm:GetParameter",
            f"arn:aws:ssm:{HOME}:{ACCOUNT}:parameter/logdock/acme-prod/exports/*",
        ),
        allow(
            "TakeMessages",
            ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            f"arn:aws:sqs:{HOME}:{ACCOUNT}:acme-prod-ship-logz",
        ),
        allow(
            "PutBack",
            ["sqs:GetQueueUrl", "sqs:SendMessage"],
            f"arn:aws:sqs:{HOME}:{ACCOUNT}:acme-prod-ship-logz",
        ),
        allow("PutQuarantine", "s3:PutObject", f"{failed}/quarantine/*/logz/*"),
        allow("ReadQuarantine", "s3:GetObjectVersion", f"{failed}/quarantine/*/logz/*"),
        {
            "Sid": "NoOthersQuarantine",
            "Effect": "Deny",
            "Action": ["s3:GetObjectVersion", "s3:PutObject"],
            "Resource": f"{failed}/quarantine/*/*/logz/*",
        },
        allow("KeepProgress", ["s3:GetObject", "s3:PutObject"], f"{failed}/progress/logz/*"),
        allow("FindProgress", "s3:ListBucket", failed, {"StringLike": {"s3:prefix": ["progress/logz/*"]}}),
        allow(
            "UseArchiveKey",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            key_arn(everything, "acme-prod-core"),
            via_s3(),
        ),
        allow(
            "ReadSecrets",
            "secretsmanager:GetSecretValue",
            [f"{secrets}:acme/aptible-keys-??????", f"{secrets}:acme/logzio-??????"],
        ),
    ]


def test_a_feeds_writer_also_writes_and_lists_only_its_own_feed() -> None:
    everything = example("everything")
    found = role(everything, "acme-prod-core", "acme-prod-ship-logz-reader")
    archive = f"arn:aws:s3:::acme-prod-archive-{ACCOUNT}-{HOME}"
    prefixes = ["feed/logz-reader/*", "feed-index/logz-reader/*"]
    queue = f"arn:aws:sqs:{HOME}:{ACCOUNT}:acme-prod-ship-logz-reader.fifo"

    assert {each["Resource"] for each in statements(found) if each["Sid"] in ("TakeMessages", "PutBack")} == {queue}
    assert statements(found)[-2:] == [
        allow("ListFeed", "s3:ListBucket", archive, {"StringLike": {"s3:prefix": prefixes}}),
        allow("WriteFeed", ["s3:GetObject", "s3:PutObject"], sorted(f"{archive}/{prefix}" for prefix in prefixes)),
    ]


def managed(sid: str) -> dict[str, list[dict[str, Any]]]:
    """Return the statements of the managed policies that begin with one, by role."""
    return {
        policy["Properties"]["Roles"][0]: policy["Properties"]["PolicyDocument"]["Statement"]
        for _, _, policy in example("everything").resources("AWS::IAM::ManagedPolicy")
        if policy["Properties"]["PolicyDocument"]["Statement"][0]["Sid"] in sid
    }


def test_each_destination_reaches_the_archives_of_the_exports_that_ship_there() -> None:
    archive = f"arn:aws:s3:::acme-prod-archive-{ACCOUNT}-{HOME}/logs"
    assert managed("ReadArchive, PutArchive") == {
        "acme-prod-ship-logz": [
            allow("ReadArchive", "s3:GetObject", [f"{archive}/{name}/*" for name in ("apps", "billing", "ledger")])
        ],
        "acme-prod-ship-logz-reader": [allow("ReadArchive", "s3:GetObject", f"{archive}/ledger/*")],
        "acme-prod-ship-archive": [
            allow("PutArchive", "s3:PutObject", [f"{archive}/{name}/*" for name in ("orders", "platform", "trail")])
        ],
    }


def test_each_destination_reaches_its_own_marks_alone() -> None:
    everything = example("everything")
    destinations = ("logz", "logz-reader", "archive")
    assert managed("KeepMarks") == {
        f"acme-prod-ship-{name}": [
            allow(
                "KeepMarks",
                ["dynamodb:GetItem", "dynamodb:UpdateItem"],
                f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/acme-prod-marks",
                {
                    "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{name}/*"]},
                    "Null": {"dynamodb:LeadingKeys": "false"},
                },
            ),
            allow(
                "UseMarkKey",
                "kms:Decrypt",
                key_arn(everything, "acme-prod-core"),
                {
                    "StringEquals": {
                        "kms:EncryptionContext:aws:dynamodb:tableName": "acme-prod-marks",
                        "kms:ViaService": f"dynamodb.{HOME}.amazonaws.com",
                    }
                },
            ),
        ]
        for name in destinations
    }


def test_two_hundred_exports_fit_into_managed_policies() -> None:
    resources = [f"arn:aws:s3:::acme-prod-archive-{ACCOUNT}-{HOME}/logs/export-{n}/*" for n in range(200)]
    lists = list(_fitting(resources))
    assert [each for some in lists for each in some] == resources
    assert len(lists) <= 9
    assert all(len(json.dumps(some, separators=(",", ":"))) < 6144 - 200 for some in lists)
