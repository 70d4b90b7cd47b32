"""What holds for EVERY resource of its type, in every stack of every example."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from log_shipper.delivery import AHEAD

from constructs_lib.shipper import TIMEOUT_SECONDS
from logdock.settings import Deployment
from logdock.settings.text import LOG_GROUP_DAYS
from logdock.sources import version
from tests.conftest import ROOT, Synthesized, synthesize, synthesize_now

ACCOUNT = "111122223333"
DASHBOARD = "acme-prod-dashboard"
LANDINGS = {
    f"acme-prod-Landing-{name}": account
    for account, names in {"222233334444": ("orders", "ledger"), "444455556666": ("network", "services")}.items()
    for name in names
}
"""The stacks that are in other accounts."""
ACCESS_LOGS = (f"acme-prod-access-logs-{ACCOUNT}-", "acme-prod-logs-")
"""The buckets for access logs: the deployment's, and those of landings in other accounts."""
REPLICA = f"acme-prod-replica-{ACCOUNT}-"
COLD = [("GLACIER_IR", 90), ("DEEP_ARCHIVE", 365)]
# What names the export's key goes on being taken when a service that delivers SSE-S3 alone is added to the export.
ADMITS_ITS_KEY = f"acme-prod-edge-{ACCOUNT}-"


def text(value: Any) -> str:
    """Write a template value as one string, with references as ${...}."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        return "".join(text(part) for part in value["Fn::Join"][1])
    if "Fn::GetAtt" in value:
        return "${" + ".".join(value["Fn::GetAtt"]) + "}"
    if "Ref" in value:
        return "${" + str(value["Ref"]) + "}"
    return json.dumps(value, sort_keys=True)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policy_of(example: Synthesized, stack: str, bucket_id: str) -> dict[str, Any]:
    found = [
        resource
        for name, _, resource in example.resources("AWS::S3::BucketPolicy")
        if name == stack and resource["Properties"]["Bucket"] == {"Ref": bucket_id}
    ]
    assert len(found) == 1, f"{stack}/{bucket_id} has {len(found)} policies"
    return found[0]


def test_no_type_of_resource_is_looked_for_in_vain() -> None:
    asked = set(re.findall(r'\.resources\("([\w:]+)"\)', Path(__file__).read_text()))
    templates = synthesize(ROOT / "examples" / "everything.yaml", "kinesis").templates.values()
    found = {resource["Type"] for template in templates for resource in template["Resources"].values()}
    assert len(asked) > 10
    assert asked - found == set()


def test_every_bucket_is_versioned_and_closed(example: Synthesized) -> None:
    for stack, logical_id, bucket in example.resources("AWS::S3::Bucket"):
        where, properties = f"{stack}/{logical_id}", bucket["Properties"]
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}, where
        assert properties["PublicAccessBlockConfiguration"] == dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        ), where
        assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}, where


def test_only_buckets_with_a_rule_announce_their_objects(
    example: Synthesized,
) -> None:
    for _, _, bucket in example.resources("AWS::S3::Bucket"):
        announced = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        unheard = (*ACCESS_LOGS, REPLICA, f"acme-prod-failed-{ACCOUNT}-")
        silent = bucket["Properties"]["BucketName"].startswith(unheard)
        assert bucket["Properties"].get("NotificationConfiguration") == (None if silent else announced)


def test_every_bucket_with_a_key_has_a_bucket_key(example: Synthesized) -> None:
    for stack, logical_id, bucket in example.resources("AWS::S3::Bucket"):
        (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        has_key = "KMSMasterKeyID" in rule["ServerSideEncryptionByDefault"]
        assert rule.get("BucketKeyEnabled", False) is has_key, f"{stack}/{logical_id}"


def test_every_bucket_but_the_target_writes_access_logs(example: Synthesized) -> None:
    for stack, _, bucket in example.resources("AWS::S3::Bucket"):
        name = bucket["Properties"]["BucketName"]
        logging = bucket["Properties"].get("LoggingConfiguration")
        # A target must be in the same Region, so a second Region's failure bucket has none, nor has the replica.
        if name.startswith((*ACCESS_LOGS, REPLICA)) or stack == "acme-prod-shipper-us-east-1":
            assert logging is None
        else:
            assert logging["DestinationBucketName"].startswith(ACCESS_LOGS), name
            assert logging["LogFilePrefix"] == f"{name}/"


def test_every_bucket_ends_what_is_old_noncurrent_or_unfinished(example: Synthesized) -> None:
    for _, _, bucket in example.resources("AWS::S3::Bucket"):
        rules = {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
        retention = rules["Retention"]
        assert retention["ExpirationInDays"] >= 365
        assert retention["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        assert retention["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        steps = [(step["StorageClass"], step["TransitionInDays"]) for step in retention.get("Transitions", [])]
        assert steps in ([], [("GLACIER_IR", 30)], [("GLACIER_IR", 90)], [("GLACIER_IR", 120)], COLD)
        assert rules["DeleteMarkers"]["ExpiredObjectDeleteMarker"] is True
        assert all(rule["Status"] == "Enabled" for rule in rules.values())


def test_pci_moves_nothing_to_a_colder_class_in_the_first_three_months() -> None:
    for _, _, bucket in synthesize(ROOT / "examples" / "aurora-mysql.yaml").resources("AWS::S3::Bucket"):
        for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]:
            assert all(step["TransitionInDays"] >= 92 for step in rule.get("Transitions", []))


def test_the_cold_tier_takes_no_object_of_aptible() -> None:
    retention = {"hot_days": 90, "archive_days": 400, "cold_after_days": 180}
    one = {"name": "platform", "kind": "aptible", "stack_region": "eu-west-1"}
    other = {"name": "uploads", "kind": "s3-logs"}
    common = {"deployment": "acme-prod", "account": "111122223333", "region": "eu-west-1"}
    settings = Deployment.model_validate({**common, "retention": retention, "exports": [one, other]})
    is_cold = {
        bucket["Properties"]["BucketName"]: "DEEP_ARCHIVE" in str(bucket["Properties"]["LifecycleConfiguration"])
        for _, _, bucket in synthesize_now(settings).resources("AWS::S3::Bucket")
    }
    names = ("platform", "uploads")
    assert [is_cold[f"acme-prod-{name}-111122223333-eu-west-1"] for name in names] == [False, True]


def encryption_denies(bucket_arn: str, key: Any, *, trail: bool, takes_sse_s3: bool) -> list[dict[str, Any]]:
    """Write out the denies that hold, as plain documents; a trail's digest files are SSE-S3 whatever the key."""
    digests = {"StringNotEqualsIfExists": {"aws:PrincipalServiceName": ["cloudtrail.amazonaws.com"]}} if trail else {}
    header, key_header = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
    named = ["aws:kms", "AES256"] if takes_sse_s3 else "aws:kms" if key else "AES256"

    def deny(sid: str, condition: dict[str, Any]) -> dict[str, Any]:
        return {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["s3:PutObject", "s3:ReplicateObject"],
            "Resource": f"{bucket_arn}/*",
            "Condition": condition,
        }

    denies = [
        deny("DenyCustomerProvidedKeys", {"Null": {f"{header}-customer-algorithm": "false"}}),
        deny(
            "DenyOtherEncryption",
            {"Null": {header: "false"}, "StringNotEquals": {header: named}, **digests},
        ),
    ]
    if key:
        denies += [
            deny("DenyOtherKeys", {"Null": {key_header: "false"}, "StringNotEquals": {key_header: key}}),
            deny("DenyAccountDefaultKey", {"StringEquals": {header: "aws:kms"}, "Null": {key_header: "true"}}),
        ]
    return denies


def _keys_of(bucket: dict[str, Any], key: Any) -> Any:
    """Return the names of a bucket's key: its replication configuration names that of the replica by an alias."""
    name = bucket["Properties"]["BucketName"]
    if not name.startswith(REPLICA):
        return key
    region = name.removeprefix(REPLICA)
    return [key, f"arn:aws:kms:{region}:{ACCOUNT}:alias/acme-prod-replica-{region}"]


def test_every_bucket_denies_plain_http_old_tls_and_any_other_encryption(example: Synthesized) -> None:
    for stack, logical_id, bucket in example.resources("AWS::S3::Bucket"):
        resource = policy_of(example, stack, logical_id)
        statements = resource["Properties"]["PolicyDocument"]["Statement"]
        everything = [
            {"Fn::GetAtt": [logical_id, "Arn"]},
            {"Fn::Join": ["", [{"Fn::GetAtt": [logical_id, "Arn"]}, "/*"]]},
        ]
        tls = [
            {"Bool": {"aws:SecureTransport": "false"}},
            {"NumericLessThan": {"s3:TlsVersion": 1.2}},
        ]
        default = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0][
            "ServerSideEncryptionByDefault"
        ]
        name = bucket["Properties"]["BucketName"]
        arn = f"arn:aws:s3:::{name}"
        key, takes_sse_s3 = _keys_of(bucket, default.get("KMSMasterKeyID")), name.startswith(ADMITS_ITS_KEY)
        if takes_sse_s3:
            (key_id,) = (each for name, each, _ in example.resources("AWS::KMS::Key") if name == stack)
            key = {"Fn::GetAtt": [key_id, "Arn"]}
        expected = [
            {
                "Action": "s3:*",
                "Condition": condition,
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Resource": everything,
            }
            for condition in tls
        ] + encryption_denies(arn, key, trail="CloudTrailWrites" in str(statements), takes_sse_s3=takes_sse_s3)
        assert [statement for statement in statements if statement["Effect"] == "Deny"] == expected, stack


def test_every_bucket_policy_allows_named_principals_only(example: Synthesized) -> None:
    for stack, _, resource in example.resources("AWS::S3::BucketPolicy"):
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny":
                continue
            (kind, principal), *more = statement["Principal"].items()
            assert not more
            if kind == "Service":
                account, operator = LANDINGS.get(stack, ACCOUNT), "StringEquals"
                if principal == "logdelivery.elasticloadbalancing.amazonaws.com":
                    # its guide does not say what it sends; the folder is that of the load balancer's account
                    operator = "StringEqualsIfExists"
                    assert f"/AWSLogs/{account}/" in text(statement["Resource"])
                assert statement["Condition"][operator]["aws:SourceAccount"] == account, statement
            else:
                named = (
                    "arn:aws:iam::111122223333:role/",
                    "arn:aws:iam::916150859591:role/",
                    "arn:aws:iam::391854517948:user/",
                )
                assert all(text(each).startswith(named) for each in as_list(principal)), stack
            assert all("*" not in action for action in as_list(statement["Action"])), statement


def test_every_service_that_assumes_a_role_says_for_whom(example: Synthesized) -> None:
    for stack, name, resource in example.resources("AWS::IAM::Role"):
        for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            if "Service" in statement["Principal"]:
                assert LANDINGS.get(stack, ACCOUNT) in json.dumps(statement.get("Condition", {})), (stack, name)


STATEFUL = (
    "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Kinesis::Stream", "AWS::Logs::LogGroup", "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
)  # fmt: skip


def test_stateful_resources_are_retained_but_a_rolled_back_creation_leaves_none(example: Synthesized) -> None:
    """A leftover bucket blocks the next deploy by its name.

    Landing log groups stay, because deletion protection would fail the rollback; and so does a key that they, or log
    groups that the stack adopts, are encrypted with.
    """
    for stack, template in example.templates.items():
        resources = template["Resources"].values()
        groups = [each for each in resources if each["Type"] in ("AWS::Logs::LogGroup", "Custom::LogdockLogGroup")]
        kept = [
            each["Properties"].get("KmsKeyId", each["Properties"].get("KmsKeyArn"))
            for each in groups
            if each["Properties"].get("DeletionProtectionEnabled") or each["Type"] == "Custom::LogdockLogGroup"
        ]
        kept += [
            each["Properties"].get("KmsKeyArn")
            for each in resources
            if each["Type"] == "Custom::LogdockLogGroupSubscriptions"
        ]
        kept_keys = {each["Fn::GetAtt"][0] for each in kept if each}
        for logical_id, resource in template["Resources"].items():
            policies = (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
            stays = logical_id in kept_keys or resource["Properties"].get("DeletionProtectionEnabled")
            if resource["Type"] in STATEFUL and policies != ("Delete", "Delete"):
                assert policies == ("Retain" if stays else "RetainExceptOnCreate", "Retain"), f"{stack}/{logical_id}"
            else:
                assert policies[0] in (None, "Delete"), f"{stack}/{logical_id}"
            if resource["Type"] in STATEFUL and resource["Type"] != "AWS::Logs::LogGroup":
                assert policies[0] != "Delete", f"{stack}/{logical_id}"


def test_every_key_policy_narrows_all_principals_but_the_root(example: Synthesized) -> None:
    for stack, _, key in example.resources("AWS::KMS::Key"):
        root, *others = key["Properties"]["KeyPolicy"]["Statement"]
        assert root == {
            "Action": "kms:*",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{LANDINGS.get(stack, ACCOUNT)}:root"},
            "Resource": "*",
        }
        for statement in others:
            assert statement["Effect"] == "Allow"
            assert statement["Condition"], statement
            assert "*" not in statement["Principal"].values()
            assert "kms:*" not in as_list(statement["Action"])


def test_replication_roles_may_use_the_key_of_buckets_with_bucket_keys(example: Synthesized) -> None:
    """S3 User Guide, "Replicating encrypted objects": with a bucket key, replication needs kms:Decrypt as well."""
    needed = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}
    replicators = [
        (stack, logical_id, text(statement["Principal"]["AWS"]))
        for stack, _, policy in example.resources("AWS::S3::BucketPolicy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and "s3:ReplicateObject" in statement["Action"]
        for logical_id in [policy["Properties"]["Bucket"]["Ref"]]
    ]
    replicators += [
        (stack, logical_id, "${" + role_id + ".Arn}")
        for stack, role_id, role in example.resources("AWS::IAM::Role")
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if "s3:ReplicateObject" in statement["Action"]
        for name, logical_id, bucket in example.resources("AWS::S3::Bucket")
        if name == stack
        and text(statement["Resource"]).startswith(f"arn:aws:s3:::{bucket['Properties']['BucketName']}/")
    ]
    replicates = {name for name, _, role in example.resources("AWS::IAM::Role") if "ReplicateObject" in str(role)}
    assert replicates <= {stack for stack, _, _ in replicators}
    for stack, bucket_id, role in replicators:
        resources = example.templates[stack]["Resources"]
        (rule,) = resources[bucket_id]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        if not rule.get("BucketKeyEnabled"):
            continue
        key = resources[rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0]]
        granted = {
            action
            for statement in key["Properties"]["KeyPolicy"]["Statement"]
            if text(statement["Principal"].get("AWS", "")) == role
            for action in as_list(statement["Action"])
        }
        assert granted == needed, f"{stack}: {role}"


def test_every_landing_log_group_is_kept_encrypted_and_protected(example: Synthesized) -> None:
    for stack, _, group in example.resources("AWS::Logs::LogGroup"):
        properties = group["Properties"]
        assert properties["RetentionInDays"] in LOG_GROUP_DAYS
        assert properties["KmsKeyId"], stack
        if properties["LogGroupName"].startswith(("/aws/lambda/acme-prod-", "/aws/kinesisfirehose/acme-prod-")):
            assert group["DeletionPolicy"] == "Delete"
        else:
            assert properties["DeletionProtectionEnabled"] is True
            assert group["DeletionPolicy"] == "Retain"


def test_every_log_groups_key_admits_cloudwatch_logs_for_it(example: Synthesized) -> None:
    for stack, _, group in example.resources("AWS::Logs::LogGroup"):
        key = group["Properties"]["KmsKeyId"]
        template = example.templates[stack]
        if "Fn::ImportValue" in key:
            template = example.templates["acme-prod-core"]
            key = template["Outputs"]["ArchiveKeyArn"]["Value"]
        region = "us-east-1" if stack.endswith("us-east-1") else _home(example)
        account = LANDINGS.get(stack, ACCOUNT)
        arn = f"arn:aws:logs:{region}:{account}:log-group:{group['Properties']['LogGroupName']}"
        admitted = [
            pattern
            for statement in template["Resources"][key["Fn::GetAtt"][0]]["Properties"]["KeyPolicy"]["Statement"]
            if statement["Principal"] == {"Service": f"logs.{region}.amazonaws.com"}
            for operator in ("ArnEquals", "ArnLike")
            for pattern in as_list(
                statement["Condition"].get(operator, {}).get("kms:EncryptionContext:aws:logs:arn", [])
            )
        ]
        assert any(fnmatchcase(arn, pattern) for pattern in admitted), f"{stack}: {arn} is not in {admitted}"


def _home(example: Synthesized) -> str:
    name: str = example.templates["acme-prod-core"]["Outputs"]["ArchiveKeyArn"]["Export"]["Name"]
    assert name == "acme-prod-archive-key-arn"
    buckets = [bucket["Properties"]["BucketName"] for _, _, bucket in example.resources("AWS::S3::Bucket")]
    return str(next(bucket for bucket in buckets if "-archive-1" in bucket)).split(f"{ACCOUNT}-")[1]


def test_every_cross_account_role_trusts_one_principal_by_external_id_for_twelve_hours(example: Synthesized) -> None:
    for stack, logical_id, role in example.resources("AWS::IAM::Role"):
        trust = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if logical_id == "ReadersRole":
            continue  # people, whom the settings name: test_readers.py compares it whole
        assert len(trust) == 1
        (kind, principal), *more = trust[0]["Principal"].items()
        assert not more
        assert trust[0]["Action"] == "sts:AssumeRole"
        if kind == "Service":
            services = ("lambda", "logs", "rds", "s3", "states", "events", "firehose", "streams.metrics.cloudwatch")
            assert principal in [f"{service}.amazonaws.com" for service in services]
            continue
        # What a vendor's API names is checked by the connector, which refuses anything but one principal.
        assert text(principal).startswith(("arn:aws:iam::", "${ConnectorAccessRole"))
        assert "*" not in text(principal), stack
        assert list(trust[0]["Condition"]) == ["StringEquals"]
        assert list(trust[0]["Condition"]["StringEquals"]) == ["sts:ExternalId"]
        assert role["Properties"]["MaxSessionDuration"] == 43200


def statements_of(example: Synthesized) -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every identity policy."""
    found = []
    for stack, logical_id, role in example.resources("AWS::IAM::Role"):
        for policy in role["Properties"].get("Policies", []):
            found += [(f"{stack}/{logical_id}", each) for each in policy["PolicyDocument"]["Statement"]]
    for resource_type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for stack, logical_id, policy in example.resources(resource_type):
            found += [(f"{stack}/{logical_id}", each) for each in policy["Properties"]["PolicyDocument"]["Statement"]]
    return found


def test_no_identity_policy_has_a_wildcard_action_or_every_resource(example: Synthesized) -> None:
    for where, statement in statements_of(example):
        # AWS describes composite alarms to those only who may describe every alarm, and lists tags by no resource.
        # `logdock status` finds stacks by their tag, and metrics have no resource.
        everywhere = {
            "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudformation:DescribeStacks",
            "tag:GetResources",
        }  # fmt: skip
        if set(as_list(statement["Action"])) <= everywhere:
            assert statement["Effect"] == "Allow"
            continue
        assert all("*" not in action for action in as_list(statement["Action"])), where
        for resource in as_list(statement["Resource"]):
            assert text(resource) != "*", f"{where}: {statement['Action']}"


def test_no_role_has_a_managed_policy(example: Synthesized) -> None:
    for stack, logical_id, role in example.resources("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role["Properties"], f"{stack}/{logical_id}"


def test_every_queue_is_encrypted_tls_only_and_keeps_messages_for_fourteen_days(example: Synthesized) -> None:
    policies = {
        text(queue): resource["Properties"]["PolicyDocument"]["Statement"]
        for _, _, resource in example.resources("AWS::SQS::QueuePolicy")
        for queue in resource["Properties"]["Queues"]
    }
    for _, logical_id, queue in example.resources("AWS::SQS::Queue"):
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86400
        denies = [each for each in policies["${" + logical_id + "}"] if each["Effect"] == "Deny"]
        assert [each["Condition"] for each in denies] == [{"Bool": {"aws:SecureTransport": "false"}}]
        if not queue["Properties"]["QueueName"].removesuffix(".fifo").endswith("-dead"):
            assert queue["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 20


def test_every_queue_of_a_feed_and_no_other_is_fifo(example: Synthesized) -> None:
    feeds = {
        function["Properties"]["FunctionName"]
        for _, _, function in example.resources("AWS::Lambda::Function")
        if '"kind":"feed"' in str(function["Properties"].get("Environment"))
    }
    for _, _, queue in example.resources("AWS::SQS::Queue"):
        properties = queue["Properties"]
        name = properties["QueueName"].removesuffix(".fifo").removesuffix("-dead")
        assert properties["QueueName"].endswith(".fifo") == (name in feeds)
        assert properties.get("FifoQueue", False) is (name in feeds)
        # What EventBridge sends has no deduplication id, and SQS refuses it without this.
        if "RedrivePolicy" in properties:
            assert properties.get("ContentBasedDeduplication", False) is (name in feeds)
            # Else the exports of a feed share 300 calls a second.
            throughput = properties.get("FifoThroughputLimit"), properties.get("DeduplicationScope")
            assert throughput == (("perMessageGroupId", "messageGroup") if name in feeds else (None, None))


def test_every_rule_sends_to_a_queue_that_is_there_as_its_exports_group_where_the_queue_has_groups(
    example: Synthesized,
) -> None:
    queues = {queue["Properties"]["QueueName"] for _, _, queue in example.resources("AWS::SQS::Queue")}
    rules = [rule["Properties"] for _, _, rule in example.resources("AWS::Events::Rule")]
    targets = [target for rule in rules for target in rule.get("Targets", []) if ":sqs:" in text(target["Arn"])]
    assert targets or not queues
    for target in targets:
        queue = text(target["Arn"]).rpartition(":")[2]
        export = re.match(r'\{"export":"([^"]+)"', target["InputTransformer"]["InputTemplate"])
        assert queue in queues
        assert export is not None
        group = {"MessageGroupId": export[1]} if queue.endswith(".fifo") else None
        assert target.get("SqsParameters") == group


def test_destinations_share_the_concurrency_of_a_new_account_and_reserve_none(example: Synthesized) -> None:
    served = {
        "${" + name + ".Arn}"
        for _, name, queue in example.resources("AWS::SQS::Queue")
        if "RedrivePolicy" in queue["Properties"]
    }
    scaling = {
        text(mapping["Properties"]["EventSourceArn"]): mapping["Properties"].get("ScalingConfig")
        for _, _, mapping in example.resources("AWS::Lambda::EventSourceMapping")
    }
    expected = {"MaximumConcurrency": {0: 0, 1: 5, 2: 3}.get(len(served), 2)}
    assert all(scaling[queue] == expected for queue in served)
    for _, _, function in example.resources("AWS::Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in function["Properties"]


def test_a_batch_has_as_many_messages_as_its_queue_allows_and_the_function_opens_at_once(example: Synthesized) -> None:
    """More than ten need a window, which a FIFO queue has not, and the visibility time is for the window too.

    Lambda Developer Guide, "Lambda parameters for Amazon SQS event source mappings"; "Using Lambda with Amazon SQS".
    """
    mappings = {
        text(mapping["Properties"]["EventSourceArn"]): mapping["Properties"]
        for _, _, mapping in example.resources("AWS::Lambda::EventSourceMapping")
    }
    for _, name, queue in example.resources("AWS::SQS::Queue"):
        if "RedrivePolicy" not in queue["Properties"]:
            continue
        mapping, is_fifo = mappings["${" + name + ".Arn}"], queue["Properties"].get("FifoQueue", False)
        window = mapping.get("MaximumBatchingWindowInSeconds", 0)
        assert (mapping["BatchSize"], window) == ((10, 0) if is_fifo else (AHEAD, 1))
        assert queue["Properties"]["VisibilityTimeout"] == 6 * TIMEOUT_SECONDS + window


def test_functions_that_requeue_and_no_others_may_recurse(example: Synthesized) -> None:
    for stack, logical_id, function in example.resources("AWS::Lambda::Function"):
        role = function["Properties"]["Role"]
        requeues = isinstance(role, str) and "-ship-" in role
        found = function["Properties"].get("RecursiveLoop")
        assert found == ("Allow" if requeues else None), f"{stack}/{logical_id}"


def announcing(example: Synthesized, queue_id: str) -> set[str]:
    """Return the names of the rules that send to a queue."""
    (queue,) = (
        queue["Properties"]["QueueName"]
        for _, logical_id, queue in example.resources("AWS::SQS::Queue")
        if logical_id == queue_id
    )
    return {
        "/".join(filter(None, (rule["Properties"].get("EventBusName"), rule["Properties"]["Name"])))
        for _, _, rule in example.resources("AWS::Events::Rule")
        for target in rule["Properties"].get("Targets", [])
        if text(target["Arn"]).rpartition(":")[2] == queue
    }


def test_every_invocation_and_message_comes_from_this_account(example: Synthesized) -> None:
    for stack, _, permission in example.resources("AWS::Lambda::Permission"):
        properties = permission["Properties"]
        if properties["Principal"] == "logs.amazonaws.com":
            assert properties["SourceAccount"] == ACCOUNT, stack
            assert properties["SourceArn"].split(":")[4] == ACCOUNT, stack
        else:
            # A rule of the same stack.
            assert properties["Principal"] == "events.amazonaws.com", stack
            assert "Fn::GetAtt" in properties["SourceArn"], stack
    for stack, _, policy in example.resources("AWS::SQS::QueuePolicy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}, stack
                assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}, stack
                assert list(statement["Condition"]) == ["StringEquals", "ArnLike"], stack
                (queue,) = (text(each) for each in policy["Properties"]["Queues"])
                rules = announcing(example, queue.removeprefix("${").removesuffix("}"))
                # The account is in the other condition; a rule reaches no queue of another Region.
                sources = [f"arn:*:events:*:*:rule/{name}" for name in sorted(rules)]
                assert sorted(as_list(statement["Condition"]["ArnLike"]["aws:SourceArn"])) == sources, stack


def test_every_function_of_ours_is_arm64_python_with_its_own_log_group(example: Synthesized) -> None:
    groups = {group["Properties"]["LogGroupName"] for _, _, group in example.resources("AWS::Logs::LogGroup")}
    for stack, logical_id, function in example.resources("AWS::Lambda::Function"):
        properties = function["Properties"]
        name = properties["LoggingConfig"]["LogGroup"]
        assert name in groups, logical_id
        # A function that runs before its log group is there makes one itself: without a key, and kept indefinitely.
        waits_for = example.templates[stack]["Resources"]
        assert name in [
            waits_for[other]["Properties"].get("LogGroupName") for other in as_list(function.get("DependsOn", []))
        ], logical_id
        if properties["Handler"].startswith("framework."):
            continue
        assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])


def test_stacks_refer_one_way_export_to_shipper_to_core_to_replica(example: Synthesized) -> None:
    core, shippers = "acme-prod-core", {name for name in example.templates if name.startswith("acme-prod-shipper")}
    replicas = {name for name in example.templates if name.startswith("acme-prod-replica")}
    assert example.dependencies[core] == replicas
    for name, found in example.dependencies.items():
        if name in replicas or name == DASHBOARD:
            assert found == set()
        elif name in shippers:
            assert found == {core}
        elif name in LANDINGS:
            assert found == {name.replace("-Landing", "")}
        elif name != core:
            assert len(found) == 1
            assert found <= shippers


def test_imported_values_are_the_archive_key_and_where_there_is_one_the_stream(example: Synthesized) -> None:
    streams = list(example.resources("AWS::Kinesis::Stream"))
    for name, template in example.templates.items():
        imports = [line for line in json.dumps(template, indent=1).splitlines() if "Fn::ImportValue" in line]
        shipper = name.startswith("acme-prod-shipper")
        values = ["acme-prod-archive-key-arn"] if shipper else ["acme-prod-subscriptions-stream-arn"]
        if any(each["Type"] == "AWS::Logs::Destination" for each in template["Resources"].values()):
            values.append("acme-prod-archive-key-arn")  # what its role writes to the stream is encrypted
        assert all(any(f'"{value}"' in line for value in values) for line in imports), name
        assert not imports or shipper or streams, name


def test_export_stacks_are_asset_free_unless_something_must_be_configured(example: Synthesized) -> None:
    for name, template in example.templates.items():
        if name.startswith(("acme-prod-core", "acme-prod-shipper", "acme-prod-replica")):
            continue
        types = {resource["Type"] for resource in template["Resources"].values()}
        configures = any(each.startswith("Custom::Logdock") for each in types)
        assert ("AWS::Lambda::Function" in types) == configures, name
        assert ("cdk-hnb659fds-assets" in json.dumps(template["Resources"])) == configures, name


def test_every_stack_has_the_tag_that_it_is_found_by(example: Synthesized) -> None:
    assert example.tags == {name: {"logdock:deployment": "acme-prod"} for name in example.templates}


def test_every_stack_outputs_its_next_steps_within_cloudformations_limit(example: Synthesized) -> None:
    for name, template in example.templates.items():
        shared = ("acme-prod-core", "acme-prod-shipper", "acme-prod-replica", DASHBOARD)
        is_central = name.replace("acme-prod-", "acme-prod-Landing-") in example.templates
        if name.startswith(shared) or name.endswith("us-east-1") or is_central:
            continue
        steps = text(template["Outputs"]["NextSteps"]["Value"])
        assert 0 < len(steps) < 4096


def test_every_function_and_template_has_the_version_and_nothing_else_does(example: Synthesized) -> None:
    """A tag on all resources would change all of them with every upgrade."""
    tagged: dict[bool, set[str]] = {True: set(), False: set()}
    for template in example.templates.values():
        assert template["Metadata"] == {"Logdock": {"Version": version()}}
        for resource in template["Resources"].values():
            tags = resource.get("Properties", {}).get("Tags", [])
            pairs = tags.items() if isinstance(tags, dict) else [(each["Key"], each["Value"]) for each in tags]
            tagged[("logdock:version", version()) in pairs].add(resource["Type"])
            assert resource["Type"] != "AWS::Lambda::Function" or ("logdock:version", version()) in pairs
    assert tagged[True] == {"AWS::Lambda::Function"}
