"""The API call behind each action that claims speak of, and what of a request's context such a call brings."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policy_proof.requests import Request

_POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
_LIFECYCLE = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
_ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_REPLICATION = {
    "Role": "arn:aws:iam::111122223333:role/x",
    "Rules": [{"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": "arn:aws:s3:::x"}}],
}
_TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}
_CUSTOMER_KEY = "0123456789abcdef0123456789abcdef"

_BY_EVERY_CALL = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
"""What a call to the local cloud brings whether it wants to or not."""

_BY_PARAMETER = {
    "s3:prefix": "Prefix",
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "sts:ExternalId": "ExternalId",
}
"""The parameter by which a call brings a condition key."""


class NoCallError(Exception):
    """A request that no call can make; its claim must say who evaluates it instead."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call: the client's method, how the resource is named to it, and what else it needs."""

    method: str
    names: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


_BUCKET, _OBJECT, _KEY = ("Bucket",), ("Bucket", "Key"), ("KeyId",)
_GROUP, _STREAM, _QUEUE = ("logGroupName",), ("logGroupName", "logStreamName"), ("QueueUrl",)
_CLUSTER, _PARAMETERS, _SECRET = ("DBClusterIdentifier",), ("DBClusterParameterGroupName",), ("SecretId",)
_INSTANCE, _INSTANCE_PARAMETERS = ("DBInstanceIdentifier",), ("DBParameterGroupName",)
_DATA_STREAM = ("StreamARN",)
_SUBSCRIPTION = {
    "filterName": "x",
    "filterPattern": "",
    "destinationArn": "arn:aws:lambda:eu-west-1:111122223333:function:x",
}
_METRIC = [{"metricName": "x", "metricNamespace": "x", "metricValue": "1"}]
_SESSION = {"RoleSessionName": "claims", "DurationSeconds": 3600}

CALLS: Mapping[str, Call] = {
    "cloudwatch:DeleteAlarms": Call("delete_alarms", ("AlarmNames",)),
    "cloudwatch:DescribeAlarms": Call("describe_alarms"),
    "cloudwatch:DisableAlarmActions": Call("disable_alarm_actions", ("AlarmNames",)),
    "cloudwatch:SetAlarmState": Call("set_alarm_state", ("AlarmName",), {"StateValue": "OK", "StateReason": "x"}),
    "dynamodb:GetItem": Call("get_item", ("TableName",)),
    "dynamodb:UpdateItem": Call("update_item", ("TableName",), {"UpdateExpression": "REMOVE x"}),
    "iam:ListRoles": Call("list_roles"),
    "kinesis:DecreaseStreamRetentionPeriod": Call(
        "decrease_stream_retention_period", _DATA_STREAM, {"RetentionPeriodHours": 24}
    ),
    "kinesis:DeleteStream": Call("delete_stream", _DATA_STREAM),
    "kinesis:DescribeStream": Call("describe_stream", _DATA_STREAM),
    "kinesis:DescribeStreamSummary": Call("describe_stream_summary", _DATA_STREAM),
    "kinesis:GetShardIterator": Call(
        "get_shard_iterator", _DATA_STREAM, {"ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}
    ),
    "kinesis:ListShards": Call("list_shards", _DATA_STREAM),
    "kinesis:StopStreamEncryption": Call(
        "stop_stream_encryption", _DATA_STREAM, {"EncryptionType": "KMS", "KeyId": "x"}
    ),
    "kms:CreateGrant": Call(
        "create_grant", _KEY, {"GranteePrincipal": "arn:aws:iam::999988887777:root", "Operations": ["Decrypt"]}
    ),
    "kms:Decrypt": Call("decrypt", _KEY, {"CiphertextBlob": b"\0" * 64}),
    "kms:DescribeKey": Call("describe_key", _KEY),
    "kms:DisableKey": Call("disable_key", _KEY),
    "kms:DisableKeyRotation": Call("disable_key_rotation", _KEY),
    "kms:Encrypt": Call("encrypt", _KEY, {"Plaintext": b"x"}),
    "kms:GenerateDataKey": Call("generate_data_key", _KEY, {"KeySpec": "AES_256"}),
    "kms:ListKeys": Call("list_keys"),
    "kms:PutKeyPolicy": Call("put_key_policy", _KEY, {"PolicyName": "default", "Policy": _POLICY}),
    "kms:ScheduleKeyDeletion": Call("schedule_key_deletion", _KEY),
    "lambda:InvokeFunction": Call("invoke", ("FunctionName",)),
    "logs:AssociateKmsKey": Call("associate_kms_key", _GROUP, {"kmsKeyId": "arn:aws:kms:eu-west-1:111122223333:key/x"}),
    "logs:CreateLogGroup": Call("create_log_group", _GROUP),
    "logs:CreateLogStream": Call("create_log_stream", _STREAM),
    "logs:DeleteLogGroup": Call("delete_log_group", _GROUP),
    "logs:DeleteLogStream": Call("delete_log_stream", _STREAM),
    "logs:DeleteRetentionPolicy": Call("delete_retention_policy", _GROUP),
    "logs:DeleteSubscriptionFilter": Call("delete_subscription_filter", _GROUP, {"filterName": "x"}),
    "logs:DescribeLogGroups": Call("describe_log_groups"),
    "logs:DescribeLogStreams": Call("describe_log_streams", _GROUP),
    "logs:DescribeSubscriptionFilters": Call("describe_subscription_filters", _GROUP),
    "logs:DisassociateKmsKey": Call("disassociate_kms_key", _GROUP),
    "logs:FilterLogEvents": Call("filter_log_events", _GROUP),
    "logs:GetLogEvents": Call("get_log_events", _STREAM),
    "logs:PutLogEvents": Call("put_log_events", _STREAM, {"logEvents": [{"timestamp": 0, "message": "x"}]}),
    "logs:PutLogGroupDeletionProtection": Call(
        "put_log_group_deletion_protection", ("logGroupIdentifier",), {"deletionProtectionEnabled": True}
    ),
    "logs:PutMetricFilter": Call(
        "put_metric_filter", _GROUP, {"filterName": "x", "filterPattern": "", "metricTransformations": _METRIC}
    ),
    "logs:PutRetentionPolicy": Call("put_retention_policy", _GROUP, {"retentionInDays": 400}),
    "logs:PutSubscriptionFilter": Call("put_subscription_filter", _GROUP, _SUBSCRIPTION),
    "logs:StartQuery": Call("start_query", _GROUP, {"startTime": 0, "endTime": 1, "queryString": "fields @message"}),
    "rds:CreateDBParameterGroup": Call(
        "create_db_parameter_group",
        _INSTANCE_PARAMETERS,
        {"DBParameterGroupFamily": "postgres16", "Description": "x"},
    ),
    "rds:CreateDBClusterParameterGroup": Call(
        "create_db_cluster_parameter_group",
        _PARAMETERS,
        {"DBParameterGroupFamily": "aurora-mysql8.0", "Description": "x"},
    ),
    "rds:DeleteDBCluster": Call("delete_db_cluster", _CLUSTER, {"SkipFinalSnapshot": True}),
    "rds:DeleteDBClusterParameterGroup": Call("delete_db_cluster_parameter_group", _PARAMETERS),
    "rds:DeleteDBInstance": Call("delete_db_instance", _INSTANCE, {"SkipFinalSnapshot": True}),
    "rds:DeleteDBParameterGroup": Call("delete_db_parameter_group", _INSTANCE_PARAMETERS),
    "rds:DescribeDBClusters": Call("describe_db_clusters", _CLUSTER),
    "rds:DescribeDBInstances": Call("describe_db_instances", _INSTANCE),
    "rds:ModifyDBCluster": Call("modify_db_cluster", _CLUSTER),
    "rds:ModifyDBClusterParameterGroup": Call("modify_db_cluster_parameter_group", _PARAMETERS, {"Parameters": []}),
    "rds:ModifyDBInstance": Call("modify_db_instance", _INSTANCE),
    "rds:ModifyDBParameterGroup": Call("modify_db_parameter_group", _INSTANCE_PARAMETERS, {"Parameters": []}),
    "rds:RebootDBInstance": Call("reboot_db_instance", _INSTANCE),
    "rds:StopDBCluster": Call("stop_db_cluster", _CLUSTER),
    "rds:StopDBInstance": Call("stop_db_instance", _INSTANCE),
    "s3:AbortMultipartUpload": Call("abort_multipart_upload", _OBJECT, {"UploadId": "x"}),
    "s3:DeleteBucket": Call("delete_bucket", _BUCKET),
    "s3:DeleteBucketPolicy": Call("delete_bucket_policy", _BUCKET),
    "s3:DeleteObject": Call("delete_object", _OBJECT),
    "s3:DeleteObjectTagging": Call("delete_object_tagging", _OBJECT),
    "s3:DeleteObjectVersion": Call("delete_object", _OBJECT, {"VersionId": "x"}),
    "s3:GetBucketLocation": Call("get_bucket_location", _BUCKET),
    "s3:GetBucketNotification": Call("get_bucket_notification_configuration", _BUCKET),
    "s3:GetBucketPolicy": Call("get_bucket_policy", _BUCKET),
    "s3:GetBucketVersioning": Call("get_bucket_versioning", _BUCKET),
    "s3:GetObject": Call("get_object", _OBJECT),
    "s3:GetObjectAcl": Call("get_object_acl", _OBJECT),
    "s3:GetObjectVersion": Call("get_object", _OBJECT, {"VersionId": "x"}),
    "s3:ListAllMyBuckets": Call("list_buckets"),
    "s3:ListBucket": Call("list_objects_v2", _BUCKET),
    "s3:ListBucketMultipartUploads": Call("list_multipart_uploads", _BUCKET),
    "s3:ListBucketVersions": Call("list_object_versions", _BUCKET),
    "s3:PutBucketAcl": Call("put_bucket_acl", _BUCKET, {"ACL": "public-read"}),
    "s3:PutBucketLogging": Call("put_bucket_logging", _BUCKET, {"BucketLoggingStatus": {}}),
    "s3:PutBucketNotification": Call(
        "put_bucket_notification_configuration",
        _BUCKET,
        {"NotificationConfiguration": {"EventBridgeConfiguration": {}}, "SkipDestinationValidation": True},
    ),
    "s3:PutBucketPolicy": Call("put_bucket_policy", _BUCKET, {"Policy": _POLICY}),
    "s3:PutBucketPublicAccessBlock": Call(
        "put_public_access_block", _BUCKET, {"PublicAccessBlockConfiguration": {"BlockPublicAcls": False}}
    ),
    "s3:PutBucketVersioning": Call(
        "put_bucket_versioning", _BUCKET, {"VersioningConfiguration": {"Status": "Enabled"}}
    ),
    "s3:PutEncryptionConfiguration": Call(
        "put_bucket_encryption", _BUCKET, {"ServerSideEncryptionConfiguration": _ENCRYPTION}
    ),
    "s3:PutLifecycleConfiguration": Call(
        "put_bucket_lifecycle_configuration", _BUCKET, {"LifecycleConfiguration": _LIFECYCLE}
    ),
    "s3:PutObject": Call("put_object", _OBJECT, {"Body": b"claims"}),
    "s3:PutObjectAcl": Call("put_object_acl", _OBJECT, {"ACL": "public-read"}),
    "s3:PutObjectLegalHold": Call("put_object_legal_hold", _OBJECT, {"LegalHold": {"Status": "OFF"}}),
    "s3:PutObjectRetention": Call("put_object_retention", _OBJECT, {"Retention": {"Mode": "GOVERNANCE"}}),
    "s3:PutObjectTagging": Call("put_object_tagging", _OBJECT, {"Tagging": _TAGS}),
    "s3:PutReplicationConfiguration": Call(
        "put_bucket_replication", _BUCKET, {"ReplicationConfiguration": _REPLICATION}
    ),
    "s3:RestoreObject": Call("restore_object", _OBJECT, {"RestoreRequest": {"Days": 1}}),
    "secretsmanager:DeleteSecret": Call("delete_secret", _SECRET),
    "secretsmanager:GetSecretValue": Call("get_secret_value", _SECRET),
    "secretsmanager:PutResourcePolicy": Call("put_resource_policy", _SECRET, {"ResourcePolicy": _POLICY}),
    "secretsmanager:PutSecretValue": Call("put_secret_value", _SECRET, {"SecretString": "x"}),
    "sns:Publish": Call("publish", ("TopicArn",), {"Message": "x"}),
    "sqs:AddPermission": Call(
        "add_permission", _QUEUE, {"Label": "x", "AWSAccountIds": ["999988887777"], "Actions": ["*"]}
    ),
    "sqs:DeleteMessage": Call("delete_message", _QUEUE, {"ReceiptHandle": "x"}),
    "sqs:DeleteQueue": Call("delete_queue", _QUEUE),
    "sqs:GetQueueAttributes": Call("get_queue_attributes", _QUEUE),
    "sqs:GetQueueUrl": Call("get_queue_url", ("QueueName",)),
    "sqs:PurgeQueue": Call("purge_queue", _QUEUE),
    "sqs:ReceiveMessage": Call("receive_message", _QUEUE),
    "sqs:SendMessage": Call("send_message", _QUEUE, {"MessageBody": "x"}),
    "sqs:SetQueueAttributes": Call("set_queue_attributes", _QUEUE, {"Attributes": {"VisibilityTimeout": "1"}}),
    "ssm:DeleteParameter": Call("delete_parameter", ("Name",)),
    "ssm:GetParameter": Call("get_parameter", ("Name",)),
    "ssm:PutParameter": Call("put_parameter", ("Name",), {"Value": "x", "Type": "String", "Overwrite": True}),
    "states:StartExecution": Call("start_execution", ("stateMachineArn",), {"input": '{"state": "TEST"}'}),
    "sts:AssumeRole": Call("assume_role", ("RoleArn",), _SESSION),
    "sts:SetSourceIdentity": Call("assume_role", ("RoleArn",), {**_SESSION, "SourceIdentity": "claims"}),
    "sts:TagSession": Call("assume_role", ("RoleArn",), {**_SESSION, "Tags": [{"Key": "team", "Value": "x"}]}),
    "tag:GetResources": Call("get_resources"),
}


def parameters_of(request: Request) -> tuple[str, dict[str, Any]]:
    """Return the method and the parameters of the call that makes a request.

    Raises
    ------
    NoCallError
        When no call can: the action has none here, or the context is not a caller's to bring.
    """
    if request.action not in CALLS:
        raise NoCallError(f"{request}: no call is known for {request.action}")
    call = CALLS[request.action]
    named = _names(request.resource)
    parameters = {**{name: named[name] for name in call.names}, **call.more}
    for key, value in request.context.items():
        if key == "dynamodb:LeadingKeys":
            parameters["Key"] = {"id": {"S": value}}
        elif key in _BY_PARAMETER:
            parameters[_BY_PARAMETER[key]] = value
        elif _BY_EVERY_CALL.get(key) != value:
            raise NoCallError(f"{request}: a caller cannot bring {key}={value}")
    if "SSECustomerAlgorithm" in parameters:
        parameters["SSECustomerKey"] = _CUSTOMER_KEY
    return call.method, parameters


def _names(arn: str) -> dict[str, Any]:
    """Name a resource in the words of its service's API."""
    if arn == "*":
        return {}
    _, _, service, region, account, resource = arn.split(":", 5)
    match service:
        case "s3":
            bucket, _, key = resource.partition("/")
            return {"Bucket": bucket, "Key": key}
        case "kms":
            return {"KeyId": arn}
        case "dynamodb":
            return {"TableName": resource.removeprefix("table/")}
        case "kinesis":
            return {"StreamARN": arn}
        case "logs":
            name = re.sub(r"^log-group:|:log-stream:.*$", "", resource)
            stream = resource.partition(":log-stream:")[2] or "n1"
            return {"logGroupName": name, "logGroupIdentifier": name, "logStreamName": stream}
        case "sqs":
            return {"QueueUrl": f"https://sqs.{region}.amazonaws.com/{account}/{resource}", "QueueName": resource}
        case "iam" | "sns" | "secretsmanager":
            return {"RoleArn": arn, "TopicArn": arn, "SecretId": arn}
        case "lambda":
            return {"FunctionName": arn}
        case "states":
            return {"stateMachineArn": arn}
        case "cloudwatch":
            name = resource.removeprefix("alarm:")
            return {"AlarmName": name, "AlarmNames": [name]}
        case "ssm":
            return {"Name": resource.removeprefix("parameter")}
        case "rds":
            name = resource.partition(":")[2]
            names = (*_CLUSTER, *_PARAMETERS, *_INSTANCE, *_INSTANCE_PARAMETERS)
            return dict.fromkeys(names, name)
    raise NoCallError(f"{arn}: how its service names it is not known")
