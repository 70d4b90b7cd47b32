"""CloudWatch Logs as it writes to a stream: the role that it assumes for someone, and what that role may do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from ministack.core import iam_evaluator, lambda_runtime, responses

from local_cloud.corrections.operations import client
from local_cloud.stand_ins.service_principal import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGS = "logs.amazonaws.com"


def control_message() -> dict[str, Any]:
    """Return what CloudWatch Logs sends first."""
    return {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [{"id": "", "timestamp": 0, "message": "CWL CONTROL MESSAGE: Checking health."}],
    }


def writer(role_arn: str) -> dict[str, str]:
    """Return CloudWatch Logs with a role of this account, as who asks."""
    arn = f"arn:aws:lambda:{responses.get_region()}:{responses.get_account_id()}:function:CloudWatchLogs"
    return {"FunctionName": "CloudWatchLogs", "FunctionArn": arn, "Role": role_arn}


def role_may(actor: Mapping[str, Any], action: str, stream_arn: str) -> bool:
    """Ask IAM, and the stream's key where there is one, about a role."""
    access_key_id = lambda_runtime.execution_credentials(actor)["AWS_ACCESS_KEY_ID"]
    service, region = action.partition(":")[0], responses.get_region()
    return iam_evaluator.enforce(access_key_id, action, service, region, stream_arn) is None


def service_may_assume(role_arn: str, source_account: str, source_arn: str, *, service: str = LOGS) -> bool:
    """Say whether CloudWatch Logs, or another service, may assume a role of this account on someone's behalf."""
    try:
        role = client("iam").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    except ClientError:
        return False
    # A trust policy names no resource, and the evaluator wants one.
    statements = [{**statement, "Resource": "*"} for statement in role["AssumeRolePolicyDocument"]["Statement"]]
    return ServiceRequest(
        service=service,
        action="sts:AssumeRole",
        resource_arn="*",
        region=responses.get_region(),
        source_account=source_account,
        source_arn=source_arn,
    ).is_allowed_by(json.dumps({"Statement": statements}))
