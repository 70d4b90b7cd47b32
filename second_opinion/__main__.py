"""Deploys every example on LocalStack and compares: ``python -m second_opinion --out build/second-opinion.json``.

Exit code 0: everything that was read back is what its template says, but for LocalStack's known gaps. 1: the report
says what is not. 2: LocalStack is not there.
"""

import argparse
import collections
import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from app import build_app
from logdock.settings import load_settings
from second_opinion.compare import Finding, compare
from second_opinion.engine import ROOT, Engine, EngineError
from second_opinion.jsonata import Evaluation, evaluate_all
from second_opinion.read_back import READERS
from second_opinion.templates import Resolver, Runnable, runnable

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
_EXAMPLE_ACCOUNT = "111122223333"
_INTERRUPTED = 130
_POLL_SECONDS = 0.5
_STACK_SECONDS = 240.0


@dataclass(kw_only=True, slots=True)
class Opinion:
    """What LocalStack says of one example."""

    example: str
    findings: list[Finding] = field(default_factory=list)
    """One per property."""
    left_out: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Stack, logical id, type and reason of what LocalStack does not run."""
    failures: list[str] = field(default_factory=list)
    """Stacks that LocalStack did not create, and definitions that its validator refuses."""
    definitions: dict[str, str] = field(default_factory=dict)
    """Of state machines, without functions, by stack and logical id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StackTemplate:
    """One stack of an example."""

    name: str
    region: str
    template: dict[str, Any]


def templates_of(example: Path, account: str, layer: Path) -> list[StackTemplate]:
    """Synthesize an example in an account of its own, because all of them use the same names; dependencies first."""
    copy = layer.parent / example.name
    copy.write_text(example.read_text(encoding="utf-8").replace(_EXAMPLE_ACCOUNT, account), encoding="utf-8")
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    stacks = build_app(load_settings(copy), shipper_layer=layer, context=context).synth().stacks
    # The assembly's order is that of the stacks' dependencies.
    return [StackTemplate(name=it.stack_name, region=it.environment.region, template=it.template) for it in stacks]


def opinion_on(engine: Engine, example: str, account: str, stacks: list[StackTemplate]) -> Opinion:
    """Deploy an example's stacks, read them back and compare."""
    opinion, exports = Opinion(example=example), collections.defaultdict[str, dict[str, str]](dict)
    for stack in stacks:
        part = runnable(stack.template, stack.region, account)
        opinion.left_out += [(stack.name, name, *why) for name, why in sorted(part.left_out.items())]
        formation = engine.client("cloudformation", account, stack.region)
        if failure := _deploy(formation, stack.name, part):
            opinion.failures.append(f"{stack.name}: {failure}")
            continue
        described = formation.describe_stacks(StackName=stack.name)["Stacks"][0]
        exports[stack.region] |= {
            each["ExportName"]: each["OutputValue"] for each in described.get("Outputs", []) if "ExportName" in each
        }
        resources = formation.describe_stack_resources(StackName=stack.name)["StackResources"]
        resolver = Resolver(
            account=account,
            region=stack.region,
            stack=stack.name,
            stack_id=described["StackId"],
            physical_ids={each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
            types={each["LogicalResourceId"]: each["ResourceType"] for each in resources},
            exports=exports[stack.region],
        )
        opinion.findings += _read_back(engine, account, stack, part, resolver, opinion)
    return opinion


def _deploy(formation: Any, name: str, part: Runnable) -> str | None:
    """Create a stack; return why it failed."""
    formation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(part.template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        OnFailure="DO_NOTHING",
    )
    deadline = time.monotonic() + _STACK_SECONDS
    while time.monotonic() < deadline:
        stack = formation.describe_stacks(StackName=name)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return None
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            events = formation.describe_stack_events(StackName=name)["StackEvents"]
            failed = [
                f"{each['LogicalResourceId']} ({each['ResourceType']}): {each.get('ResourceStatusReason', '')}"
                for each in events
                if each["ResourceStatus"].endswith("_FAILED")
            ]
            return f"{stack['StackStatus']}: {stack.get('StackStatusReason', '')} {'; '.join(failed)}"
        time.sleep(_POLL_SECONDS)
    return f"not created within {_STACK_SECONDS:.0f} seconds"


def _read_back(
    engine: Engine, account: str, stack: StackTemplate, part: Runnable, resolver: Resolver, opinion: Opinion
) -> Iterator[Finding]:
    def client(service: str) -> Any:
        return engine.client(service, account, stack.region)

    for logical_id, resource in part.template["Resources"].items():
        kind = resource["Type"]
        try:
            properties = resolver.resolve(resource["Properties"])
            found = READERS[kind](client, resolver.physical_ids[logical_id], properties)
        except (ClientError, ValueError, KeyError, IndexError) as error:
            opinion.failures.append(f"{stack.name}: {logical_id} ({kind}) could not be read back: {error!r}")
            continue
        yield from compare(stack.name, logical_id, kind, properties, found)
        if kind == "AWS::StepFunctions::StateMachine":
            opinion.definitions[f"{stack.name}/{logical_id}"] = properties["DefinitionString"]
            answer = client("stepfunctions").validate_state_machine_definition(
                definition=properties["DefinitionString"], type=properties.get("StateMachineType", "STANDARD")
            )
            if answer["result"] != "OK":
                opinion.failures.append(f"{stack.name}: {logical_id}: {answer['diagnostics']}")


def summary(opinions: list[Opinion], evaluations: list[Evaluation]) -> Iterator[str]:
    """Yield the lines of the readable report."""
    counted: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for opinion in opinions:
        for each in opinion.findings:
            counted[each.kind][each.verdict] += 1
    yield f"{'resource type':40} {'same':>6} {'gap':>6} {'not compared':>13} {'different':>10}"
    for kind, verdicts in sorted(counted.items()):
        yield (
            f"{kind:40} {verdicts['same']:6} {verdicts['known gap']:6} {verdicts['not compared']:13} "
            f"{verdicts['different']:10}"
        )
    yield "\nLeft out, because LocalStack does not run it:"
    reasons = collections.Counter((kind, why) for each in opinions for _, _, kind, why in each.left_out)
    yield from (f"{count:5} {kind}: {why}" for (kind, why), count in sorted(reasons.items()))
    yield "\nKnown gaps of LocalStack, and what no API shows:"
    gaps = collections.Counter(
        (each.kind, each.name, each.reason) for one in opinions for each in one.findings if each.reason
    )
    yield from (f"{count:5} {kind} {name}: {why}" for (kind, name, why), count in sorted(gaps.items()))
    yield f"\nJSONata: {len(evaluations)} evaluations by the reference implementation"
    yield from _problems(opinions, evaluations)


def _problems(opinions: list[Opinion], evaluations: list[Evaluation]) -> Iterator[str]:
    for opinion in opinions:
        for failure in opinion.failures:
            yield f"FAILED {opinion.example}: {failure}"
        for each in opinion.findings:
            if each.verdict == "different":
                yield (
                    f"DIFFERENT {opinion.example}: {each.stack} {each.logical_id} ({each.kind}) {each.name}:\n"
                    f"  template {json.dumps(each.expected)}\n  engine   {json.dumps(each.found)}"
                )
    for one in evaluations:
        if one.problem:
            yield f"JSONATA {one.expression}: {one.problem}"


def main() -> int:
    """Run, write the report, and say by the exit code whether all is the same."""
    parser = argparse.ArgumentParser(prog="second_opinion", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the report, as JSON")
    parser.add_argument("--example", action="append", help="the name of an example; default: all")
    options = parser.parse_args()
    # A signal ends the engine, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_INTERRUPTED))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    chosen = [path for path in EXAMPLES if not options.example or path.stem in options.example]
    layer = options.out.parent / "second-opinion-layer" / "layer"
    # What is in the wheels is not compared.
    (layer / "python").mkdir(parents=True, exist_ok=True)
    opinions: list[Opinion] = []
    try:
        with Engine(options.out.with_suffix(".log")) as engine:
            for path in chosen:
                account = f"{3000_0000_0000 + EXAMPLES.index(path):012d}"
                stacks = templates_of(path, account, layer)
                opinions.append(opinion_on(engine, path.stem, account, stacks))
                print(f"{path.stem}: {len(stacks)} stacks, {len(opinions[-1].findings)} properties", flush=True)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 2
    evaluations = evaluate_all(
        {f"{one.example}/{name}": text for one in opinions for name, text in one.definitions.items()}
    )
    if not (evaluations or options.example):
        opinions[-1].failures.append("no state machine's expressions were evaluated")
    problems = list(_problems(opinions, evaluations))
    report = {
        "engine": "LocalStack 4.14.0",
        "opinions": [asdict(each) for each in opinions],
        "jsonata": [asdict(each) for each in evaluations],
        "problems": problems,
    }
    options.out.write_text(json.dumps(report, indent=1, default=str) + "\n", encoding="utf-8")
    print("\n".join(summary(opinions, evaluations)))
    print(f"{len(problems)} differences; the whole report is {options.out}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
