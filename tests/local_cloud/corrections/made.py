"""What the tests make in the accounts of the local cloud, and how they wait for it."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cloud.emulator import Emulator

ACCOUNT = "111122223333"
VENDOR = "444455556666"
REGION = "eu-west-1"
WAIT_SECONDS = 60

_numbers = itertools.count(1)


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
) -> str:
    iam, name = emulator.client("iam", ACCOUNT, region=REGION), new_name()
    trusted = trust(VENDOR) if principal is None else {**trust(VENDOR), "Principal": principal}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=document(trusted), MaxSessionDuration=session_seconds
    )
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    return str(role["Role"]["Arn"])


def assume(emulator: Emulator, role: str, *, caller: Any = VENDOR, seconds: int = 900) -> Any:
    sts = emulator.client("sts", caller, region=REGION)
    return sts.assume_role(RoleArn=role, RoleSessionName="export", DurationSeconds=seconds)["Credentials"]


def key(emulator: Emulator, *statements: dict[str, Any]) -> str:
    kms = emulator.client("kms", ACCOUNT, region=REGION)
    unrelated = {**allow("kms:DescribeKey", "*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    created = kms.create_key(Policy=document(unrelated, *statements), BypassPolicyLockoutSafetyCheck=True)
    return str(created["KeyMetadata"]["Arn"])


def bucket(emulator: Emulator) -> str:
    name = new_name()
    emulator.client("s3", ACCOUNT, region=REGION).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return name


def encrypted_bucket(emulator: Emulator, key: str) -> str:
    name = bucket(emulator)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    emulator.client("s3", ACCOUNT, region=REGION).put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    return name


def deploy(emulator: Emulator, name: str, resources: dict[str, Any], *, outputs: dict[str, Any] | None = None) -> str:
    cloudformation = emulator.client("cloudformation", ACCOUNT, region=REGION)
    template = {"Resources": resources, **({"Outputs": outputs} if outputs else {})}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template), OnFailure="DO_NOTHING")
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


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)
