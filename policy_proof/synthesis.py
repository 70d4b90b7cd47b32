"""The templates of a deployment, as the CDK command line would synthesize them."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from aws_cdk import App

    from logdock.settings import Deployment

ROOT = Path(__file__).resolve().parents[1]


def cdk_context() -> dict[str, Any]:
    """Return the feature flags that the CDK command line would pass."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context


def _refuse_change(*_: object, **__: object) -> NoReturn:
    raise TypeError("templates are shared by all who ask for them: change a copy, such as of copy.deepcopy")


class _Shared:
    """What cannot be changed, and whose copies can."""

    __setitem__ = __delitem__ = __ior__ = __iadd__ = __imul__ = _refuse_change
    append = clear = extend = insert = pop = popitem = remove = reverse = setdefault = sort = update = _refuse_change

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Copy to a plain dictionary or list; `copy.deepcopy` copies what is in it the same way."""
        return (dict, (list(self.items()),)) if isinstance(self, dict) else (list, (list(self),))  # type: ignore[call-overload]


class _SharedDict(_Shared, dict[str, Any]):
    pass


class _SharedList(_Shared, list[Any]):
    pass


def _shared_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _SharedDict({key: _shared_value(each) for key, each in value.items()})
    return _SharedList(map(_shared_value, value)) if isinstance(value, list) else value


@dataclass(frozen=True)
class Synthesized:
    """The stacks of a deployment: their templates, Regions and tags, and which other stacks each waits for."""

    templates: dict[str, dict[str, Any]]
    regions: dict[str, str]
    dependencies: dict[str, set[str]]
    tags: dict[str, dict[str, str]]

    def resources(self, resource_type: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield every resource of a type: stack name, logical id, resource."""
        for stack, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] == resource_type:
                    yield stack, logical_id, resource


_synthesized: dict[str, Synthesized] = {}
"""What has been synthesized, by its settings."""
_shared: list[Path] = []
"""The folder that the processes of a test run have in common, if there is one."""


def share_between_processes(folder: Path) -> None:
    """Synthesize each settings file once for all processes that have this folder."""
    _shared.append(folder)


@cache
def synthesize(example: Path, subscriptions: str | None = None) -> Synthesized:
    """Synthesize an example as it is, or with its subscriptions travelling another way; the same settings once.

    All who ask share the templates, so they cannot be changed: whether a test passes depends on no test before it.
    """
    settings = settings_of(example, subscriptions)
    known_by = settings.model_dump_json()
    if known_by not in _synthesized:
        made = _once_for_all(settings, known_by) if _shared else synthesize_now(settings)
        _synthesized[known_by] = dataclasses.replace(made, templates=_shared_value(made.templates))
    return _synthesized[known_by]


def settings_of(example: Path, subscriptions: str | None = None) -> Deployment:
    """Load an example, or one whose subscriptions travel another way."""
    from logdock.settings import load_settings

    settings = load_settings(example)
    return settings.model_copy(update={"subscriptions": subscriptions}) if subscriptions else settings


def _once_for_all(settings: Deployment, known_by: str) -> Synthesized:
    """Synthesize, unless another process has; a process waits for one that is at it."""
    file = _shared[0] / f"{hashlib.sha256(known_by.encode()).hexdigest()}.json"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            made = synthesize_now(settings)
            waits_for = {name: sorted(others) for name, others in made.dependencies.items()}
            file.write_text(json.dumps(dataclasses.asdict(made) | {"dependencies": waits_for}))
            return made
    found = json.loads(file.read_text())
    return Synthesized(**found | {"dependencies": {name: set(each) for name, each in found["dependencies"].items()}})


def build_now(settings: Deployment) -> App:
    """Build the App of a deployment, with an empty layer: the wheels are 40 MB that every App would copy.

    The assembly names each function's code where it is and has no copy of it, and no construct's stack trace.
    """
    from app import build_app

    context = cdk_context() | {"aws:cdk:disable-asset-staging": True, "aws:cdk:disable-stack-trace": True}

    with TemporaryDirectory() as layer:
        (Path(layer) / "python").mkdir()
        app = build_app(settings, shipper_layer=Path(layer), context=context)
        app.synth()
    return app


def synthesize_now(settings: Deployment) -> Synthesized:
    """Synthesize a deployment."""
    stacks = build_now(settings).synth().stacks
    return Synthesized(
        templates={stack.stack_name: stack.template for stack in stacks},
        regions={stack.stack_name: stack.environment.region for stack in stacks},
        dependencies={
            stack.stack_name: {found.id for found in stack.dependencies if not found.id.endswith(".assets")}
            for stack in stacks
        },
        tags={stack.stack_name: dict(stack.tags) for stack in stacks},
    )
