"""Custom resources: what becomes of one whose creation failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services.cloudformation import custom_resource

if TYPE_CHECKING:
    from collections.abc import Mapping


def apply() -> None:
    """Make these corrections."""
    _delete_what_failed()


def _delete_what_failed() -> None:
    """CloudFormation deletes a custom resource whose creation failed, by the id of its answer; MiniStack forgets it.

    On AWS its turn comes with the rollback, as the first of all, which is the same moment: nothing else is deleted
    before.
    """
    deliver, invoke = custom_resource.deliver_response, custom_resource.invoke_custom_resource
    failed: dict[tuple[str, str], str] = {}

    def deliver_response(token: str, response: Mapping[str, Any]) -> bool:
        if response.get("Status") == "FAILED" and response.get("PhysicalResourceId"):
            failed[response["StackId"], response["LogicalResourceId"]] = response["PhysicalResourceId"]
        return bool(deliver(token, response))

    def invoke_custom_resource(
        request_type: str, logical_id: str, props: Any, stack_name: str, stack_id: str, *rest: Any, **named: Any
    ) -> Any:
        failed.pop((stack_id, logical_id), None)
        try:
            return invoke(request_type, logical_id, props, stack_name, stack_id, *rest, **named)
        except RuntimeError:
            physical_id = failed.pop((stack_id, logical_id), None)
            if request_type == "Create" and physical_id:
                invoke("Delete", logical_id, props, stack_name, stack_id, *rest, physical_id=physical_id)
            raise

    custom_resource.deliver_response = deliver_response
    custom_resource.invoke_custom_resource = invoke_custom_resource
