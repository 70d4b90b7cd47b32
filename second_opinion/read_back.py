"""What LocalStack's APIs say of each resource, in the words of its template.

A reader returns the properties that it read. A property of the template that no reader returns is listed as not
compared, with the reason that stands in :data:`NOT_COMPARED`, and is a difference without one.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

Properties = dict[str, Any]
Client = Callable[[str], Any]
Reader = Callable[[Client, str, Mapping[str, Any]], Properties]

NOT_COMPARED = {
    ("*", "Tags"): "tags carry no behaviour here",
    ("AWS::KMS::Key", "PendingWindowInDays"): "it is a parameter of the deletion, which no API shows",
    ("AWS::S3::Bucket", "ObjectLockEnabled"): "read back as ObjectLockConfiguration",
}
"""Properties that no API returns, or that are read back under another name."""

_DROPPED = "LocalStack's template handler ignores it"
KNOWN_GAPS = {
    ("AWS::CloudWatch::Alarm", "WarmUpConfiguration"): "LocalStack's CloudWatch does not know it",
    ("AWS::Events::EventBus", "Description"): _DROPPED,
    ("AWS::Events::EventBus", "Policy"): _DROPPED,
    ("AWS::IAM::ManagedPolicy", "Description"): _DROPPED,
    ("AWS::Logs::LogGroup", "DeletionProtectionEnabled"): _DROPPED,
    ("AWS::Logs::LogGroup", "KmsKeyId"): _DROPPED,
    ("AWS::Logs::LogGroup", "RetentionInDays"): _DROPPED,
    ("AWS::S3::Bucket", "BucketEncryption"): f"{_DROPPED}; the bucket has S3's default",
    ("AWS::S3::Bucket", "LifecycleConfiguration"): _DROPPED,
    ("AWS::S3::Bucket", "LoggingConfiguration"): _DROPPED,
    ("AWS::S3::Bucket", "ReplicationConfiguration"): _DROPPED,
}
"""Properties that LocalStack 4.14 is known to drop or to change, each with the reason."""


def s3_bucket(client: Client, name: str, _: Mapping[str, Any]) -> Properties:
    """Read a bucket."""
    s3 = client("s3")
    found: Properties = {"BucketName": name}
    status = s3.get_bucket_versioning(Bucket=name).get("Status")
    found["VersioningConfiguration"] = {"Status": status} if status else None
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    found["BucketEncryption"] = {
        "ServerSideEncryptionConfiguration": [
            _without(
                {
                    "ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"],
                    "BucketKeyEnabled": rule.get("BucketKeyEnabled"),
                    "BlockedEncryptionTypes": rule.get("BlockedEncryptionTypes"),
                }
            )
            for rule in encryption
        ]
    }
    found["PublicAccessBlockConfiguration"] = _or_none(
        lambda: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    )
    found["OwnershipControls"] = _or_none(lambda: s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"])
    found["LifecycleConfiguration"] = _or_none(
        lambda: {"Rules": s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]}
    )
    logging = s3.get_bucket_logging(Bucket=name).get("LoggingEnabled")
    found["LoggingConfiguration"] = logging and {
        "DestinationBucketName": logging["TargetBucket"],
        "LogFilePrefix": logging.get("TargetPrefix"),
        **({"TargetObjectKeyFormat": logging["TargetObjectKeyFormat"]} if logging.get("TargetObjectKeyFormat") else {}),
    }
    notification = s3.get_bucket_notification_configuration(Bucket=name)
    on = "EventBridgeConfiguration" in notification
    found["NotificationConfiguration"] = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}} if on else None
    lock = _or_none(lambda: s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"])
    found["ObjectLockConfiguration"] = lock
    found["ReplicationConfiguration"] = _or_none(
        lambda: s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"]
    )
    return found


def s3_bucket_policy(client: Client, _: str, properties: Mapping[str, Any]) -> Properties:
    """Read a bucket's policy."""
    bucket = properties["Bucket"]
    return {"Bucket": bucket, "PolicyDocument": client("s3").get_bucket_policy(Bucket=bucket)["Policy"]}


def kms_key(client: Client, key_id: str, _: Mapping[str, Any]) -> Properties:
    """Read a key, its policy and its rotation."""
    kms = client("kms")
    rotation = kms.get_key_rotation_status(KeyId=key_id)
    return {
        "Description": kms.describe_key(KeyId=key_id)["KeyMetadata"]["Description"],
        "KeyPolicy": kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"],
        "EnableKeyRotation": rotation["KeyRotationEnabled"],
        "RotationPeriodInDays": rotation.get("RotationPeriodInDays"),
    }


def kms_alias(client: Client, name: str, _: Mapping[str, Any]) -> Properties:
    """Read an alias."""
    pages = client("kms").get_paginator("list_aliases").paginate()
    (alias,) = [each for page in pages for each in page["Aliases"] if each["AliasName"] == name]
    key = client("kms").describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]
    return {"AliasName": alias["AliasName"], "TargetKeyId": key["Arn"]}


def iam_role(client: Client, name: str, properties: Mapping[str, Any]) -> Properties:
    """Read a role: its trust, session and inline policies."""
    iam = client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    wanted = [policy["PolicyName"] for policy in properties.get("Policies", [])]
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    policies = [
        {
            "PolicyName": each,
            "PolicyDocument": iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"],
        }
        for each in names
        # AWS::IAM::Policy puts policies on roles as well; each is compared as the resource that it is.
        if each in wanted
    ]
    return {
        "RoleName": name,
        "AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"],
        "Description": role.get("Description"),
        "MaxSessionDuration": role["MaxSessionDuration"],
        "ManagedPolicyArns": sorted(each["PolicyArn"] for each in attached),
        "Policies": sorted(policies, key=lambda policy: wanted.index(policy["PolicyName"])),
    }


def iam_policy(client: Client, _: str, properties: Mapping[str, Any]) -> Properties:
    """Read an inline policy on every role that it names."""
    documents = [
        client("iam").get_role_policy(RoleName=role, PolicyName=properties["PolicyName"])["PolicyDocument"]
        for role in properties["Roles"]
    ]
    same = all(document == documents[0] for document in documents)
    return {
        "PolicyName": properties["PolicyName"],
        "Roles": properties["Roles"],
        "PolicyDocument": documents[0] if same else documents,
    }


def iam_managed_policy(client: Client, arn: str, properties: Mapping[str, Any]) -> Properties:
    """Read a managed policy, and the roles that it is attached to."""
    iam = client("iam")
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    attached = {each["RoleName"] for each in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]}
    return {
        "ManagedPolicyName": policy["PolicyName"],
        "Description": policy.get("Description", ""),
        "Path": policy["Path"],
        "Roles": [each for each in properties.get("Roles", []) if each in attached],
        "PolicyDocument": version["Document"],
    }


def logs_group(client: Client, name: str, _: Mapping[str, Any]) -> Properties:
    """Read a log group."""
    found = client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    (group,) = [each for each in found if each["logGroupName"] == name]
    return {
        "LogGroupName": name,
        "RetentionInDays": group.get("retentionInDays"),
        "KmsKeyId": group.get("kmsKeyId"),
        "DeletionProtectionEnabled": group.get("deletionProtectionEnabled"),
    }


def logs_stream(client: Client, _: str, properties: Mapping[str, Any]) -> Properties:
    """Read a log stream."""
    group, name = properties["LogGroupName"], properties["LogStreamName"]
    found = client("logs").describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
    return {"LogGroupName": group, "LogStreamName": found[0]["logStreamName"]}


def sqs_queue(client: Client, url: str, _: Mapping[str, Any]) -> Properties:
    """Read a queue."""
    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {
        "QueueName": found["QueueArn"].rpartition(":")[2],
        "MessageRetentionPeriod": found["MessageRetentionPeriod"],
        "VisibilityTimeout": found["VisibilityTimeout"],
        "SqsManagedSseEnabled": found.get("SqsManagedSseEnabled"),
        "KmsMasterKeyId": found.get("KmsMasterKeyId"),
        "RedrivePolicy": found.get("RedrivePolicy"),
        "FifoQueue": found.get("FifoQueue"),
        "ContentBasedDeduplication": found.get("ContentBasedDeduplication"),
        "FifoThroughputLimit": found.get("FifoThroughputLimit"),
        "DeduplicationScope": found.get("DeduplicationScope"),
    }


def sqs_queue_policy(client: Client, _: str, properties: Mapping[str, Any]) -> Properties:
    """Read the policy of a queue."""
    (url,) = properties["Queues"]
    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    return {"Queues": [url], "PolicyDocument": found.get("Policy")}


def sns_topic(client: Client, arn: str, _: Mapping[str, Any]) -> Properties:
    """Read a topic."""
    found = client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    return {"TopicName": arn.rpartition(":")[2], "KmsMasterKeyId": found.get("KmsMasterKeyId")}


def sns_topic_policy(client: Client, _: str, properties: Mapping[str, Any]) -> Properties:
    """Read the policy of a topic."""
    (arn,) = properties["Topics"]
    found = client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    return {"Topics": [arn], "PolicyDocument": found["Policy"]}


def sns_subscription(client: Client, arn: str, _: Mapping[str, Any]) -> Properties:
    """Read a subscription; one that is not confirmed has no attributes that are compared."""
    found = client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    return {name: found[name] for name in ("TopicArn", "Protocol", "Endpoint")}


def event_bus(client: Client, name: str, _: Mapping[str, Any]) -> Properties:
    """Read an event bus."""
    found = client("events").describe_event_bus(Name=name)
    return {"Name": found["Name"], "Description": found.get("Description"), "Policy": found.get("Policy")}


def events_rule(client: Client, name: str, _: Mapping[str, Any]) -> Properties:
    """Read a rule and its targets; the id of one on a bus of its own has the bus in front."""
    events = client("events")
    *bus, name = name.rpartition("/")[2].split("|")
    where = {"EventBusName": bus[0]} if bus else {}
    rule = events.describe_rule(Name=name, **where)
    return {
        "Name": name,
        "EventBusName": rule.get("EventBusName"),
        "Description": rule.get("Description"),
        "EventPattern": rule.get("EventPattern"),
        "ScheduleExpression": rule.get("ScheduleExpression"),
        "State": rule["State"],
        "Targets": events.list_targets_by_rule(Rule=name, **where)["Targets"] or None,
    }


def cloudwatch_alarm(client: Client, name: str, properties: Mapping[str, Any]) -> Properties:
    """Read a metric alarm."""
    (found,) = client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    return {each: found.get(each) for each in properties if each != "Tags"}


def cloudwatch_composite_alarm(client: Client, name: str, properties: Mapping[str, Any]) -> Properties:
    """Read a composite alarm."""
    name = name.rpartition(":")[2]
    (found,) = client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    return {each: found.get(each) for each in properties if each != "Tags"}


def ssm_parameter(client: Client, name: str, _: Mapping[str, Any]) -> Properties:
    """Read a parameter."""
    found = client("ssm").get_parameter(Name=name)["Parameter"]
    (described,) = client("ssm").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}]
    )["Parameters"]
    return {
        "Name": found["Name"],
        "Type": found["Type"],
        "Value": found["Value"],
        "Description": described.get("Description"),
        "Tier": described.get("Tier"),
    }


def state_machine(client: Client, arn: str, _: Mapping[str, Any]) -> Properties:
    """Read a state machine."""
    found = client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    return {
        "StateMachineName": found["name"],
        "StateMachineType": found["type"],
        "RoleArn": found["roleArn"],
        "DefinitionString": found["definition"],
    }


READERS: dict[str, Reader] = {
    "AWS::CloudWatch::Alarm": cloudwatch_alarm,
    "AWS::CloudWatch::CompositeAlarm": cloudwatch_composite_alarm,
    "AWS::Events::EventBus": event_bus,
    "AWS::Events::Rule": events_rule,
    "AWS::IAM::ManagedPolicy": iam_managed_policy,
    "AWS::IAM::Policy": iam_policy,
    "AWS::IAM::Role": iam_role,
    "AWS::KMS::Alias": kms_alias,
    "AWS::KMS::Key": kms_key,
    "AWS::Logs::LogGroup": logs_group,
    "AWS::Logs::LogStream": logs_stream,
    "AWS::S3::Bucket": s3_bucket,
    "AWS::S3::BucketPolicy": s3_bucket_policy,
    "AWS::SNS::Subscription": sns_subscription,
    "AWS::SNS::Topic": sns_topic,
    "AWS::SNS::TopicPolicy": sns_topic_policy,
    "AWS::SQS::Queue": sqs_queue,
    "AWS::SQS::QueuePolicy": sqs_queue_policy,
    "AWS::SSM::Parameter": ssm_parameter,
    "AWS::StepFunctions::StateMachine": state_machine,
}


def _without(values: Mapping[str, Any]) -> Properties:
    return {name: value for name, value in values.items() if value is not None}


def _or_none(read: Callable[[], Any]) -> Any:
    """Return None for a setting that a bucket does not have."""
    with contextlib.suppress(ClientError):
        return read()
    return None
