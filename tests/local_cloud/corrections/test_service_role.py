"""CloudFormation's service role: what it may not do, a stack cannot do.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_cloud.corrections import made

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator

FORMATION = {"Service": "cloudformation.amazonaws.com"}
QUEUE = ["sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:TagQueue"]
CHANGES = ["sqs:SetQueueAttributes", "sqs:UntagQueue"]


def queue(name: str, seconds: int | str = 60) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, "VisibilityTimeout": seconds}}


def events(formation: Any, stack: str, status: str) -> list[str]:
    found = formation.describe_stack_events(StackName=stack)["StackEvents"]
    return [each.get("ResourceStatusReason", "") for each in found if each["ResourceStatus"] == status]


def finished(formation: Any, stack: str) -> str:
    made.until(lambda: not made.status(formation, stack).endswith("_IN_PROGRESS"))
    return made.status(formation, stack)


def create(formation: Any, name: str, resources: dict[str, Any], **more: Any) -> str:
    body = json.dumps({"Resources": resources})
    stack_id = str(formation.create_stack(StackName=name, TemplateBody=body, **more)["StackId"])
    finished(formation, stack_id)
    return stack_id


@pytest.mark.parametrize("lacking", ["", *QUEUE])
def test_resource_is_created_with_all_actions_of_its_handler_alone(emulator: Emulator, lacking: str) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    on = f"arn:aws:sqs:{made.REGION}:{made.ACCOUNT}:{name}"
    role = made.role(emulator, made.allow([each for each in QUEUE if each != lacking], on), principal=FORMATION)

    stack = create(formation, name, {"Queue": queue(name)}, RoleARN=role)

    assert made.status(formation, stack) == ("ROLLBACK_COMPLETE" if lacking else "CREATE_COMPLETE")
    if lacking:
        session = f"arn:aws:sts::{made.ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/AWSCloudFormation"
        (reason,) = events(formation, stack, "CREATE_FAILED")
        assert f"User: {session} is not authorized to perform: {lacking} on resource: {on} " in reason
        assert "HandlerErrorCode: AccessDenied" in reason


def test_role_is_asked_about_the_resource_that_is_made(emulator: Emulator) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    other = f"arn:aws:sqs:{made.REGION}:{made.ACCOUNT}:{name}-other"
    role = made.role(emulator, made.allow(QUEUE, other), principal=FORMATION)
    stack = create(formation, name, {"Queue": queue(name)}, RoleARN=role)
    assert made.status(formation, stack) == "ROLLBACK_COMPLETE"


def test_role_stays_the_stacks_for_updates_and_deletion(emulator: Emulator) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    role = made.role(emulator, made.allow(QUEUE, "*"), principal=FORMATION)
    stack = create(formation, name, {"Queue": queue(name)}, RoleARN=role)

    with pytest.raises(formation.exceptions.AlreadyExistsException):
        create(formation, name, {"Queue": queue(name)})
    formation.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Queue": queue(name, 90)}}))
    assert finished(formation, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert "sqs:SetQueueAttributes" in events(formation, stack, "UPDATE_FAILED")[0]

    formation.delete_stack(StackName=name)
    assert finished(formation, stack) == "DELETE_FAILED"
    assert "sqs:DeleteQueue" in "".join(events(formation, stack, "DELETE_FAILED"))

    allowing = made.role(emulator, made.allow("sqs:*", "*"), principal=FORMATION)
    formation.delete_stack(StackName=name, RoleARN=allowing)
    assert finished(formation, stack) == "DELETE_COMPLETE"


def test_next_stack_of_the_name_has_no_role(emulator: Emulator) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    role = made.role(emulator, principal=FORMATION)
    formation.delete_stack(StackName=create(formation, name, {"Queue": queue(name)}, RoleARN=role))
    assert made.status(formation, create(formation, name, {"Queue": queue(name)})) == "CREATE_COMPLETE"


def test_change_set_is_executed_with_its_role(emulator: Emulator) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    role = made.role(emulator, principal=FORMATION)
    made_set = formation.create_change_set(
        StackName=name, ChangeSetName="first", ChangeSetType="CREATE", RoleARN=role,
        TemplateBody=json.dumps({"Resources": {"Queue": queue(name)}}),
    )  # fmt: skip
    formation.execute_change_set(ChangeSetName=made_set["Id"])
    assert finished(formation, name) == "ROLLBACK_COMPLETE"
    formation.delete_stack(StackName=name)


def test_without_a_role_the_caller_is_asked(emulator: Emulator) -> None:
    name = made.new_name()
    caller = made.role(emulator, made.allow(["cloudformation:*", "sqs:Get*", "sqs:List*"], "*"))
    formation = made.client(emulator, "cloudformation", made.assume(emulator, caller))
    stack = create(formation, name, {"Queue": queue(name)})
    assert made.status(formation, stack) == "ROLLBACK_COMPLETE"
    assert "sqs:CreateQueue" in events(formation, stack, "CREATE_FAILED")[0]


@pytest.mark.parametrize("may_pass", [True, False])
def test_role_is_taken_from_who_may_pass_it_alone(emulator: Emulator, may_pass: bool) -> None:
    name, role = made.new_name(), made.role(emulator, made.allow("sqs:*", "*"), principal=FORMATION)
    passing = [made.allow("iam:PassRole", role)] if may_pass else []
    caller = made.role(emulator, made.allow("cloudformation:*", "*"), *passing)
    formation = made.client(emulator, "cloudformation", made.assume(emulator, caller))
    with made.refused_unless(may_pass, "iam:PassRole"):
        create(formation, name, {"Queue": queue(name)}, RoleARN=role)


def test_role_that_cloudformation_may_not_assume_is_refused(emulator: Emulator) -> None:
    role = made.role(emulator, made.allow("sqs:*", "*"))
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    with made.refused_unless(False, "is invalid or cannot be assumed"):
        create(formation, name, {"Queue": queue(name)}, RoleARN=role)


@pytest.mark.parametrize("may_read", [True, False])
def test_values_of_parameters_and_secrets_are_read_with_the_role(emulator: Emulator, may_read: bool) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    secret = made.client(emulator, "secretsmanager").create_secret(Name=name, SecretString="60")["ARN"]
    role = made.role(
        emulator,
        made.allow("sqs:*", "*"),
        *([made.allow("secretsmanager:GetSecretValue", secret)] if may_read else []),
        principal=FORMATION,
    )
    resources = {"Queue": queue(name, f"{{{{resolve:secretsmanager:{name}:SecretString}}}}")}
    stack = create(formation, name, resources, RoleARN=role)
    assert made.status(formation, stack) == ("CREATE_COMPLETE" if may_read else "ROLLBACK_COMPLETE")


@pytest.mark.parametrize("may_invoke", [True, False])
def test_function_of_a_custom_resource_is_invoked_with_the_role(emulator: Emulator, may_invoke: bool) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    answer = (
        "import json, ssl, urllib.request\n"
        "def handler(event, _):\n"
        "    answer = {k: event[k] for k in ('StackId', 'RequestId', 'LogicalResourceId')}\n"
        "    answer |= {'Status': 'SUCCESS', 'PhysicalResourceId': 'made'}\n"
        "    request = urllib.request.Request(event['ResponseURL'], json.dumps(answer).encode(), method='PUT')\n"
        "    urllib.request.urlopen(request)\n"
    )
    token = made.function(emulator, name, answer)
    role = made.role(
        emulator, *([made.allow("lambda:InvokeFunction", token)] if may_invoke else []), principal=FORMATION
    )
    resources = {"Made": {"Type": "Custom::Made", "Properties": {"ServiceToken": token}}}
    stack = create(formation, name, resources, RoleARN=role)
    assert made.status(formation, stack) == ("CREATE_COMPLETE" if may_invoke else "ROLLBACK_COMPLETE")
