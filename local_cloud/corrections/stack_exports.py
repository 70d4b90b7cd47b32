"""Stack exports: none goes while another stack imports it."""

from __future__ import annotations

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers


def apply() -> None:
    """Make this correction: MiniStack keeps such a stack from being deleted, but lets an update drop its export."""
    original = handlers._update_stack

    def update_stack(params: Any) -> Any:
        stack = handlers._resolve_stack(handlers._p(params, "StackName"))
        body, _ = handlers._resolve_template(params)
        if stack and body:
            outputs = handlers._parse_template(body).get("Outputs", {}).values()
            kept = [output["Export"]["Name"] for output in outputs if "Export" in output]
            before = [output["ExportName"] for output in stack.get("Outputs", []) if output.get("ExportName")]
            for name in before if all(isinstance(name, str) for name in kept) else []:
                for other, found in cloudformation._stacks.items():
                    if name not in kept and name in handlers._imported_export_names(found, other):
                        message = f"Export {name} cannot be deleted as it is in use by {other}"
                        return handlers._error("ValidationError", message)
        return original(params)

    handlers._ACTION_HANDLERS["UpdateStack"] = update_stack
