"""IAM roles: which of them a stack deletes.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.local_cloud.corrections import made

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator

READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-legacy/*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def _role(name: str) -> dict[str, Any]:
    own = [{"PolicyName": "Own", "PolicyDocument": READ}]
    properties = {"RoleName": name, "AssumeRolePolicyDocument": TRUST, "Policies": own}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _policy(role: str) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "Of", "PolicyDocument": READ, "Roles": [role]}}


def _managed(role: str) -> dict[str, Any]:
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": READ, "Roles": [role]}}


def _update(emulator: Emulator, name: str, resources: dict[str, Any]) -> str:
    formation = made.client(emulator, "cloudformation")
    formation.update_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    made.until(lambda: not made.status(formation, name).endswith("_IN_PROGRESS"))
    return made.status(formation, name)


def _roles(emulator: Emulator) -> list[str]:
    return [each["RoleName"] for each in made.client(emulator, "iam").list_roles()["Roles"]]


def test_a_role_stays_while_another_stack_gives_it_a_policy(emulator: Emulator) -> None:
    for add in (_policy, _managed):
        name = made.new_name()
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}
        assert made.deploy(emulator, name, {"Role": _role(name), "Topic": topic}) == "CREATE_COMPLETE"
        assert made.deploy(emulator, f"{name}-other", {"Policy": add(name)}) == "CREATE_COMPLETE"

        # The clean-up of an update fails no update.
        assert _update(emulator, name, {"Topic": topic}) == "UPDATE_COMPLETE"
        assert name in _roles(emulator)


def test_a_role_needs_a_free_name(emulator: Emulator) -> None:
    name = made.new_name()
    assert made.deploy(emulator, name, {"Role": _role(name)}) == "CREATE_COMPLETE"
    assert made.deploy(emulator, f"{name}-other", {"Role": _role(name)}) == "CREATE_FAILED"


def test_a_role_goes_with_the_policies_of_its_own_template(emulator: Emulator) -> None:
    name = made.new_name()
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}
    own = {"Type": "AWS::IAM::Policy", "DependsOn": "Role", "Properties": _policy(name)["Properties"]}
    assert made.deploy(emulator, name, {"Role": _role(name), "Topic": topic, "Policy": own}) == "CREATE_COMPLETE"

    assert _update(emulator, name, {"Topic": topic}) == "UPDATE_COMPLETE"
    assert name not in _roles(emulator)


def test_policies_do_not_admit_a_role_that_was_deleted_and_made_again(emulator: Emulator) -> None:
    name = made.new_name()
    assert made.deploy(emulator, name, {"Role": _role(name)}) == "CREATE_COMPLETE"
    role = made.client(emulator, "iam").get_role(RoleName=name)["Role"]
    read = {
        "Effect": "Allow",
        "Principal": {"AWS": [role["Arn"]]},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [read]}
    root = f"arn:aws:iam::{role['Arn'].split(':')[4]}:root"
    owner = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
    decrypt = {**read, "Action": "kms:Decrypt", "Resource": "*"}
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}},
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": policy},
        },
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [owner, decrypt]}},
        },
    }
    assert made.deploy(emulator, f"{name}-other", resources, outputs={"Key": {"Value": {"Ref": "Key"}}}) == (
        "CREATE_COMPLETE"
    )
    formation, s3, kms = (made.client(emulator, service) for service in ("cloudformation", "s3", "kms"))
    (key,) = formation.describe_stacks(StackName=f"{name}-other")["Stacks"][0]["Outputs"]

    def policies() -> list[str]:
        return [
            s3.get_bucket_policy(Bucket=name)["Policy"],
            kms.get_key_policy(KeyId=key["OutputValue"], PolicyName="default")["Policy"],
        ]

    assert all(role["Arn"] in each for each in policies())

    formation.delete_stack(StackName=name)
    made.until(lambda: name not in _roles(emulator))
    assert made.deploy(emulator, f"{name}-again", {"Role": _role(name)}) == "CREATE_COMPLETE"

    assert all(role["Arn"] not in each and role["RoleId"] in each for each in policies())
