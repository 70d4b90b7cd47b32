"""The difference between two sets of CloudFormation templates: which resources come, go, change or are replaced.

Which property's change replaces a resource is in the table `replacement.json`, for the resource types that the stacks
have: CloudFormation's own resource schemas name them (`createOnlyProperties`, and `conditionalCreateOnlyProperties`, of
which some changes replace; CloudFormation CLI User Guide, "Resource type definition schema"). A test makes the table
from those schemas, and finds a type that is missing. The same table serves offline and live, so that a pull request
and the terminal show the same; a change set would need permission to write, and has to be deleted again.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from logdock.assembly import AssemblyStack, read_stacks
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.plan.effects import Effect, Kind, clean
from logdock.settings.load import WITHOUT_DATES

Template = dict[str, Any]
KEEPS_DATA = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
    }
)
"""Types whose deletion deletes data, or makes it unreadable."""
_NAMED_AFTER_OTHERS = frozenset({"AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig"})
"""Types whose names are those of other resources."""
_NAMES_OF_PARENTS = frozenset({"DatabaseName", "EventBusName", "LogGroupName"})
"""What a table, a rule, a filter or a stream belongs to: no name of its own."""
_FUNCTION_LOGS = ("/aws/lambda/", "/aws/kinesisfirehose/", "/aws/vendedlogs/")


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceChange:
    """What happens to resources of a stack."""

    stack: str
    action: str
    """``new stack``, ``added``, ``changed``, ``replaced``, ``deleted`` or ``left behind``, as a whole stack is where
    another account or Region is to have it."""
    resource: str = ""
    """Logical id and type; empty for a whole stack and for changes in place, which are counted together."""
    type: str = ""
    physical_name: str = ""
    because: tuple[str, ...] = ()
    """The properties that cause a replacement."""
    counts: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """One line."""
        if self.counts:
            return f"{self.stack}: {self.action}: {', '.join(self.counts)}"
        if not self.resource:
            return f"{self.stack}: {self.action}"
        name = f" `{self.physical_name}`" if self.physical_name else ""
        because = f" (another {', '.join(self.because)})" if self.because else ""
        if self.action == "replaced" and self.type == "AWS::Lambda::LayerVersion":
            # a layer version never changes (AWS Lambda Developer Guide, "Managing Lambda dependencies with layers")
            because += ": other code is another version of the layer, which holds no data"
        return f"{self.stack}: {self.type.removeprefix('AWS::')} {self.resource}{name} is {self.action}{because}"

    def document(self) -> dict[str, object]:
        """Return what the JSON document has of it."""
        return {key: value for key, value in asdict(self).items() if value}


@cache
def replacement_table() -> dict[str, list[str]]:
    """Return the properties whose change replaces a resource, by type."""
    table: dict[str, list[str]] = json.loads(Path(__file__).with_name("replacement.json").read_text())
    return table


def read_assembly(directory: Path) -> dict[str, tuple[Template, str]]:
    """Read the templates of a cloud assembly (`cdk.out`), each with its Region, by stack name.

    Raises
    ------
    CommandError
        When the directory is not a cloud assembly.
    """
    return {name: (dict(stack.template), stack.region) for name, stack in read_stacks_of(directory).items()}


def read_stacks_of(directory: Path) -> dict[str, AssemblyStack]:
    """Read the stacks of a cloud assembly, by name.

    Raises
    ------
    CommandError
        When the directory is not a cloud assembly.
    """
    try:
        return read_stacks(directory)
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(
            f"{directory} is not a cloud assembly ({type(error).__name__}); `npx cdk synth --quiet --output "
            f"{directory}` makes one",
            ExitCode.USAGE,
        ) from None


class _WithoutDates(yaml.SafeLoader):
    """YAML without dates: the CDK sends small templates as YAML, and a policy's version is a string."""

    yaml_implicit_resolvers = WITHOUT_DATES


def parse_template(body: object) -> Template:
    """Return a template as GetTemplate gives it: a document, or its text."""
    if isinstance(body, str):
        body = yaml.load(body, Loader=_WithoutDates)  # noqa: S506  (a SafeLoader)
    return json.loads(json.dumps(body))  # type: ignore[no-any-return]


def moved_away(name: str, before: AssemblyStack, after: AssemblyStack) -> ResourceChange | None:
    """Return what becomes of a stack that another account or Region is to have; None where it is updated.

    A stack is of one account and Region: in another one CloudFormation makes a new stack, and the old one stays.
    """
    if (before.account, before.region) == (after.account, after.region):
        return None
    count = len(before.template.get("Resources", {}))
    where = f"{count} resource{'' if count == 1 else 's'} in {before.region} of the account {before.account}"
    return ResourceChange(stack=name, action="left behind", counts=(where,))


def compare_templates(stack: str, before: Template | None, after: Template) -> list[ResourceChange]:
    """Compare a stack's template with the one that would be deployed."""
    new = after.get("Resources", {})
    if before is None:
        return [ResourceChange(stack=stack, action="new stack", counts=(f"{len(new)} resources",))]
    old = before.get("Resources", {})
    found: list[ResourceChange] = []
    in_place: Counter[str] = Counter()
    added: Counter[str] = Counter()
    for logical_id, resource in old.items():
        kind = resource["Type"]
        change = partial(
            ResourceChange, stack=stack, resource=logical_id, type=kind, physical_name=physical_name(resource)
        )
        if logical_id not in new or new[logical_id]["Type"] != kind:
            is_kept = resource.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
            found.append(change(action="left behind" if is_kept else "deleted"))
        elif because := _replacing(resource, new[logical_id]):
            found.append(change(action="replaced", because=because))
        elif _comparable(resource) != _comparable(new[logical_id]):
            in_place[kind] += 1
    for logical_id, resource in new.items():
        if logical_id not in old or old[logical_id]["Type"] != resource["Type"]:
            added[resource["Type"]] += 1
    for action, counts in (("added", added), ("changed in place", in_place)):
        if counts:
            words = tuple(f"{kind.removeprefix('AWS::')} ×{count}" for kind, count in sorted(counts.items()))
            found.append(ResourceChange(stack=stack, action=action, counts=words))
    return found


def dangers(stack: str, before: Template, after: Template, of: str) -> Iterator[Effect]:
    """Yield what loses data or fails, by the templates alone."""
    old, new = before.get("Resources", {}), after.get("Resources", {})
    for change in compare_templates(stack, before, after):
        if not change.resource:
            continue
        resource = old[change.resource]
        named = f"`{change.physical_name or change.resource}` ({change.type.removeprefix('AWS::')})"
        if change.action == "replaced" and change.physical_name == physical_name(new[change.resource]) != "":
            kind = Kind.FAILS
            sentence = (
                f"{named} must be replaced for another {', '.join(change.because)}, and keeps its name: "
                "CloudFormation does not update a stack when a custom-named resource requires replacing."
            )
        elif change.action in ("deleted", "left behind") and (twin := _twin(resource, new)):
            kind = Kind.FAILS
            sentence = (
                f"{named} leaves the template as `{change.resource}` and comes as `{twin}` under the same name: the "
                "deploy fails, because it is there."
            )
        elif change.type in KEEPS_DATA and not holds_function_logs(resource):
            policy = "UpdateReplacePolicy" if change.action == "replaced" else "DeletionPolicy"
            if resource.get(policy, "Delete") == "Delete":
                kind, sentence = Kind.LOSES, f"{named} is {change.action} with what it holds."
            else:
                kind, sentence = Kind.RETAINS, f"{named} stays with what it holds and belongs to no stack any more."
        else:
            continue
        yield Effect(of=of, what=f"resource.{change.resource}", kind=kind, sentence=sentence)


def unexplained(known: Iterable[Effect], found: list[Effect]) -> list[Effect]:
    """Return what the settings' difference has not said already of the same export, or of any destination's queue."""
    said = {each.of for each in known if each.kind is not Kind.NOTE and not each.what.startswith("resource.")}
    queues = {each.what for each in known if each.kind is Kind.LOSES} & {"queue", "mode"}
    return [
        each
        for each in found
        if each.kind is Kind.FAILS or not (each.of in said or (queues and each.of.startswith("shipper")))
    ]


def _twin(resource: Mapping[str, Any], others: Mapping[str, Any]) -> str | None:
    """Return the resource of the same type and name, if it has a name."""
    name = physical_name(resource)
    alike = (each for each, other in others.items() if other["Type"] == resource["Type"])
    return next((each for each in alike if name and physical_name(others[each]) == name), None)


def holds_function_logs(resource: Mapping[str, Any]) -> bool:
    """Say whether it is the log group of a function or of a service that Logdock runs."""
    return resource["Type"] == "AWS::Logs::LogGroup" and physical_name(resource).startswith(_FUNCTION_LOGS)


def _replacing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    old, new = _normal(before.get("Properties", {})), _normal(after.get("Properties", {}))
    return tuple(name for name in _create_only(before["Type"]) if _at(old, name) != _at(new, name))


def _create_only(kind: str) -> list[str]:
    if kind.startswith("Custom::"):
        kind = "AWS::CloudFormation::CustomResource"
    return replacement_table().get(kind, [])


def _at(properties: Any, path: str) -> Any:
    for part in path.split("."):
        properties = properties.get(part) if isinstance(properties, dict) else None
    return properties


def physical_name(resource: Mapping[str, Any]) -> str:
    """Return the name that a template gives to a resource; empty where CloudFormation chooses one."""
    properties = resource.get("Properties", {})
    if resource["Type"] in _NAMED_AFTER_OTHERS:
        return ""
    given = {each: _at(properties, each) for each in _create_only(resource["Type"]) if each.endswith("Name")}
    own = given.keys() - _NAMES_OF_PARENTS or given.keys()
    names = [name for name in given.values() if name]
    is_named = any(given[each] for each in own) and all(isinstance(name, str) for name in names)
    return clean(" ".join(dict.fromkeys(names))) if is_named else ""


def _comparable(resource: Mapping[str, Any]) -> Any:
    return _normal({key: value for key, value in resource.items() if key not in ("Metadata", "DependsOn")})


def _normal(value: Any) -> Any:
    """Return a value as CloudFormation takes it: numbers and truth values are strings."""
    match value:
        case dict():
            return {key: _normal(each) for key, each in value.items()}
        case list():
            return [_normal(each) for each in value]
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    return value
