"""Stacks: in which order resources are made, changed and deleted where no dependency decides.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_cloud.corrections import made

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


def _bucket(name: str, *, logs_to: str | None = None, **resource: Any) -> dict[str, Any]:
    logging = {"LoggingConfiguration": {"DestinationBucketName": logs_to}} if logs_to else {}
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **logging}, **resource}


def _log_group(name: str, **resource: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}, **resource}


@pytest.mark.parametrize("target_first", [True, False])
@pytest.mark.parametrize("waits", [True, False])
def test_a_name_that_is_spelled_out_is_no_dependency(emulator: Emulator, waits: bool, target_first: bool) -> None:
    name = made.new_name()
    target, source = ("A", "B") if target_first else ("B", "A")
    resources = {
        target: _bucket(f"{name}-target"),
        source: _bucket(f"{name}-source", logs_to=f"{name}-target", **({"DependsOn": target} if waits else {})),
    }

    assert (made.deploy(emulator, name, resources) == "CREATE_COMPLETE") is waits


def test_a_name_that_is_spelled_out_waits_for_what_its_user_depends_on(emulator: Emulator) -> None:
    name = made.new_name()
    resources = {
        "A": _bucket(f"{name}-target"),
        "B": _log_group(name),
        "C": _bucket(f"{name}-source", logs_to=f"{name}-target", DependsOn="B"),
    }

    assert made.deploy(emulator, name, resources) != "CREATE_COMPLETE"


def test_an_update_makes_what_is_new_before_it_deletes_what_is_gone(emulator: Emulator) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    assert made.deploy(emulator, name, {"Old": _log_group(name)}) == "CREATE_COMPLETE"

    # The same name under another logical id: it is still taken when the new one is made.
    formation.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"New": _log_group(name)}}))
    made.until(lambda: not made.status(formation, name).endswith("_IN_PROGRESS"))

    assert made.status(formation, name) == "UPDATE_ROLLBACK_COMPLETE"


def test_a_delete_goes_the_other_way_round(emulator: Emulator) -> None:
    formation, name = made.client(emulator, "cloudformation"), made.new_name()
    resources = {
        "A": _log_group(f"{name}-a", DependsOn="B"),
        "B": _log_group(f"{name}-b"),
        "C": _log_group(f"{name}-c", DependsOn="A"),
    }
    assert made.deploy(emulator, name, resources) == "CREATE_COMPLETE"
    stack_id = formation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]

    formation.delete_stack(StackName=name)
    made.until(lambda: made.status(formation, stack_id) == "DELETE_COMPLETE")

    events = formation.describe_stack_events(StackName=stack_id)["StackEvents"][::-1]
    deleted = [each["LogicalResourceId"] for each in events if each["ResourceStatus"] == "DELETE_COMPLETE"]
    assert deleted[:3] == ["C", "A", "B"]
