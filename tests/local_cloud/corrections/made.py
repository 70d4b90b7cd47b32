"""What the tests make in the accounts of the local cloud, and how they wait for it."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.emulator import Emulator

ACCOUNT = "111122223333"
VENDOR = "444455556666"
REGION = "eu-west-1"
WAIT_SECONDS = 60

_numbers = itertools.count(1)


def client(emulator: Emulator, service: str, caller: Any = ACCOUNT) -> Any:
    return emulator.client(service, caller, region=REGION)


def refused_unless(allowed: object, match: str = "AccessDenied") -> contextlib.AbstractContextManager[object]:
    """Expect a refusal that says why, or none."""
    return contextlib.nullcontext() if allowed else pytest.raises(ClientError, match=match)


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: str | list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def trust(account_id: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"}, "Action": "sts:AssumeRole"}


def delegation() -> dict[str, Any]:
    return {**allow("kms:*", "*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}


def new_name() -> str:
    return f"made-{next(_numbers)}"


def role(
    emulator: Emulator,
    *statements: dict[str, Any],
    session_seconds: int = 3600,
    principal: dict[str, str] | None = None,
    condition: dict[str, Any] | None = None,
) -> str:
    """Make a role that an account, by default the vendor's, or a service may assume."""
    iam, name = client(emulator, "iam"), new_name()
    trusted = trust(VENDOR) | ({"Principal": principal} if principal else {})
    trusted |= {"Condition": condition} if condition else {}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=document(trusted), MaxSessionDuration=session_seconds
    )
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    return str(role["Role"]["Arn"])


def function(emulator: Emulator, name: str, code: str, *statements: dict[str, Any], **more: Any) -> str:
    """Make a function whose role has some statements; return its ARN."""
    created = client(emulator, "lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="code.handler",
        Role=role(emulator, *statements, principal={"Service": "lambda.amazonaws.com"}),
        Code={"ZipFile": zipped("code.py", code)},
        **more,
    )
    return str(created["FunctionArn"])


def log_group(emulator: Emulator, name: str | None = None, stream: str = "s") -> tuple[Any, str]:
    """Make a log group with a stream; return a client of CloudWatch Logs, and the group's name."""
    logs, name = client(emulator, "logs"), name or new_name()
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName=stream)
    return logs, name


def queue_of(emulator: Emulator, name: str, pattern: dict[str, Any]) -> Callable[[], list[dict[str, Any]]]:
    """Make a queue that an event rule fills, and return how to read it."""
    sqs, rules = client(emulator, "sqs"), client(emulator, "events")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    grant = {**allow("sqs:SendMessage", arn), "Principal": {"Service": "events.amazonaws.com"}}
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": document(grant)})["QueueUrl"]
    rules.put_rule(Name=name, EventPattern=json.dumps(pattern))
    rules.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def read() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return read


def statistic(emulator: Emulator, namespace: str, name: str, wanted: str, **dimensions: str) -> float:
    """Return a metric's value over the last minutes; 0 without data."""
    answer = client(emulator, "cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=time.time() - 600,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=[wanted],
    )
    return float(sum(each[wanted] for each in answer["Datapoints"]))


def assume(emulator: Emulator, role: str, *, caller: Any = VENDOR, seconds: int = 900) -> Any:
    sts = client(emulator, "sts", caller)
    return sts.assume_role(RoleArn=role, RoleSessionName="export", DurationSeconds=seconds)["Credentials"]


def key(emulator: Emulator, *statements: dict[str, Any]) -> str:
    kms = client(emulator, "kms")
    unrelated = {**allow("kms:DescribeKey", "*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    created = kms.create_key(Policy=document(unrelated, *statements), BypassPolicyLockoutSafetyCheck=True)
    return str(created["KeyMetadata"]["Arn"])


def bucket(emulator: Emulator) -> str:
    name = new_name()
    client(emulator, "s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def encrypted_bucket(emulator: Emulator, key: str) -> str:
    name = bucket(emulator)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    client(emulator, "s3").put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    return name


def deploy(emulator: Emulator, name: str, resources: dict[str, Any], *, outputs: dict[str, Any] | None = None) -> str:
    cloudformation = client(emulator, "cloudformation")
    template = {"Resources": resources, **({"Outputs": outputs} if outputs else {})}
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        OnFailure="DO_NOTHING",
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    until(lambda: not status(cloudformation, name).endswith("_IN_PROGRESS"))
    return status(cloudformation, name)


def status(cloudformation: Any, name: str) -> str:
    return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


def event(message: str) -> dict[str, Any]:
    return {"timestamp": int(time.time() * 1000), "message": message}


def zipped(name: str, content: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(name, content)
    return archive.getvalue()


def until(reached: Callable[[], Any]) -> Any:
    """Wait for something, and return it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := reached()):
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)
    return found
