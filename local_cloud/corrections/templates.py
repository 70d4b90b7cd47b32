"""What CloudFormation does with a resource beyond what MiniStack does, said by AWS's operations."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services.cloudformation import provisioners

Properties = Mapping[str, Any]


def _nothing(*_: Any) -> None:
    """Do nothing."""


def extend(
    kind: str,
    *,
    check: Callable[[Properties, str | None], object] = _nothing,
    apply: Callable[[str, Properties, Properties], object] = _nothing,
    check_delete: Callable[[str], object] = _nothing,
) -> None:
    """Extend how a kind of resource is made, updated and deleted. An error that is raised fails the resource.

    Parameters
    ----------
    kind
        Such as ``AWS::S3::Bucket``.
    check
        Gets the properties, and the physical id of the resource that is updated, before anything is done.
    apply
        Gets the physical id, the properties and those before, once MiniStack has done its part.
    check_delete
        Gets the physical id of the resource that is to be deleted.
    """
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    create, update, delete = (handlers[action] for action in ("create", "update", "delete"))

    def extended_create(logical_id: str, properties: Properties, *rest: Any) -> Any:
        check(properties, None)
        physical_id, attributes = create(logical_id, properties, *rest)
        apply(physical_id, properties, {})
        return physical_id, attributes

    def extended_update(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        check(new, physical_id)
        updated_id, attributes = update(physical_id, old, new, *rest)
        apply(updated_id, new, old)
        return updated_id, attributes

    def extended_delete(physical_id: str, *rest: Any) -> Any:
        check_delete(physical_id)
        return delete(physical_id, *rest)

    handlers.update(create=extended_create, update=extended_update, delete=extended_delete)


def change(kind: str, simplify: Callable[[Properties], Properties]) -> None:
    """Have MiniStack see other properties of a kind of resource than its template has."""
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handlers["create"], handlers["update"]
    handlers.update(
        create=lambda logical_id, properties, *rest: create(logical_id, simplify(properties), *rest),
        update=lambda name, old, new, *rest: update(name, simplify(old), simplify(new), *rest),
    )


def define(
    kind: str,
    create: Callable[[Properties], str],
    *,
    update: Callable[[Properties], str] | None = None,
    delete: Callable[[str], object] = _nothing,
) -> None:
    """Define a kind of resource that MiniStack's templates do not have, and that always has a name.

    Parameters
    ----------
    kind
        Such as ``AWS::CloudWatch::CompositeAlarm``.
    create, update
        Makes or changes the resource that properties describe, and returns its ARN. Default: updated as created.
    delete
        Deletes the resource with a name.
    """

    def made(properties: Properties, put: Callable[[Properties], str]) -> tuple[str, dict[str, str]]:
        name = properties.get("AlarmName") or properties.get("DestinationName") or properties["Name"]
        return name, {"Arn": put(properties)}

    provisioners._RESOURCE_HANDLERS[kind] = {
        "create": lambda _id, properties, _stack: made(properties, create),
        "update": lambda _id, _old, properties, _stack: made(properties, update or create),
        "delete": lambda physical_id, _properties: delete(physical_id),
    }
