"""Every JSONata expression of the state machines, by the reference implementation, with sample inputs.

Step Functions implements JSONata 2.0.6 (Step Functions Developer Guide, "Transforming data with JSONata in Step
Functions"), which is the version that ``package.json`` pins. A field whose expression has no result fails its state
there, so here it is a problem too.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("jsonata.mjs")
_SECONDS = 60
_SINCE = "2026-11-01T10:00:00Z"
_LATER = "2026-11-02T10:00:00Z"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Variables of an expression, and what it must evaluate to."""

    variables: Mapping[str, Any]
    result: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """One expression with one sample."""

    definition: str
    field: str
    """`definition`, `field`: Where the expression is: the state machine, and the path in its definition."""
    expression: str
    problem: str = ""
    """What is wrong; empty if nothing is."""


def _input(**fields: str) -> dict[str, Any]:
    return {"states": {"input": {"alarm": "acme-prod/orders", **fields}}}


def _composites(*states: str) -> dict[str, Any]:
    found = [
        {"AlarmName": "acme-prod/orders", "StateValue": state, "StateTransitionedTimestamp": _SINCE} for state in states
    ]
    return {"states": {"input": {"alarm": "acme-prod/orders"}, "result": {"CompositeAlarms": found}}}


def _still(*names: str) -> dict[str, Any]:
    alarms = [{"AlarmName": name, "AlarmDescription": f"About {name}.", "StateReason": "Crossed."} for name in names]
    return {"alarm": "acme-prod/orders", "since": _SINCE, "states": {"result": {"MetricAlarms": alarms}}}


def _sample(variables: Mapping[str, Any], result: Any) -> Sample:
    return Sample(variables=variables, result=result)


_ON = f"[acme-prod] still on: acme-prod/orders, since {_SINCE}. "
SAMPLES: dict[str, list[Sample]] = {
    "Route.Choices.0.Condition": [
        _sample(_input(state="OK", at=_LATER), True),
        _sample(_input(state="ALARM", at=_LATER), False),
        _sample(_input(since=_SINCE), False),
    ],
    "Route.Choices.1.Condition": [
        _sample(_input(state="TEST"), True),
        _sample(_input(state="ALARM", at=_LATER), False),
        _sample(_input(since=_SINCE), False),
    ],
    "Route.Choices.2.Condition": [
        _sample(_input(since=_SINCE), True),
        _sample(_input(state="ALARM", at=_LATER), False),
    ],
    "Recovered.Assign.subject": [_sample(_input(state="OK", at=_LATER), "[acme-prod] recovered: acme-prod/orders")],
    "Recovered.Assign.text": [
        _sample(
            _input(state="OK", at=_LATER),
            f"[acme-prod] recovered: none of the alarms of acme-prod/orders is on, since {_LATER}.",
        )
    ],
    "Test.Assign.subject": [_sample(_input(state="TEST"), "[acme-prod] test")],
    "Test.Assign.text": [_sample(_input(state="TEST"), "[acme-prod] test: you receive the alarms of acme-prod.")],
    "DescribeAlarm.Arguments.AlarmNames.0": [_sample(_input(state="ALARM"), "acme-prod/orders")],
    "DescribeAlarm.Assign.alarm": [_sample(_input(state="ALARM"), "acme-prod/orders")],
    "DescribeAlarm.Assign.previous_since": [_sample(_input(since=_SINCE), _SINCE), _sample(_input(state="ALARM"), "")],
    "DescribeAlarm.Assign.since": [
        _sample(_composites("ALARM"), _SINCE),
        _sample(_composites("OK"), ""),
        _sample(_composites(), ""),
    ],
    "StillInAlarm.Choices.0.Condition": [
        _sample({"since": _SINCE, "previous_since": ""}, True),
        _sample({"since": _SINCE, "previous_since": _SINCE}, True),
        _sample({"since": _LATER, "previous_since": _SINCE}, False),
        _sample({"since": "", "previous_since": _SINCE}, False),
        _sample({"since": "", "previous_since": ""}, False),
    ],
    "ScheduleNext.Arguments.Input.alarm": [_sample({"alarm": "acme-prod/orders"}, "acme-prod/orders")],
    "ScheduleNext.Arguments.Input.since": [_sample({"since": _SINCE}, _SINCE)],
    "IsFirst.Choices.0.Condition": [_sample({"previous_since": ""}, True), _sample({"previous_since": _SINCE}, False)],
    "ListAlarms.Arguments.AlarmNamePrefix": [_sample({"alarm": "acme-prod/orders"}, "acme-prod/orders/")],
    "ListAlarms.Assign.subject": [_sample(_still("lag"), "[acme-prod] still on: acme-prod/orders")],
    "ListAlarms.Assign.text": [
        _sample(_still(), _ON),
        _sample(_still("lag"), f"{_ON}lag: About lag. (Crossed.)"),
        _sample(_still("lag", "silence"), f"{_ON}lag: About lag. (Crossed.) silence: About silence. (Crossed.)"),
    ],
    "Notify.Branches.*.Arguments.Subject": [_sample({"subject": "s"}, "s")],
    "Notify.Branches.*.Arguments.Message": [_sample({"text": "t"}, "t")],
    "Notify.Branches.*.Arguments.Entries.0.Detail.text": [_sample({"text": "t"}, "t")],
}
"""By the field of the definition. An expression without samples is a problem."""

_BRANCH = re.compile(r"Branches\.\d+\.States\.\w+")


def expressions_of(definition: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text, without delimiters, of every JSONata expression of a definition."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
            yield _BRANCH.sub("Branches.*", path.removeprefix(".States.")), value[2:-2].strip()
        elif isinstance(value, dict):
            for name, inner in value.items():
                yield from walk(inner, f"{path}.{name}")
        elif isinstance(value, list):
            for at, inner in enumerate(value):
                yield from walk(inner, f"{path}.{at}")

    parsed = json.loads(definition)
    return walk(parsed, "") if parsed.get("QueryLanguage") == "JSONata" else iter(())


def evaluate_all(definitions: Mapping[str, str], samples: Mapping[str, list[Sample]] = SAMPLES) -> list[Evaluation]:
    """Evaluate every expression of every definition with every sample of its field.

    Parameters
    ----------
    definitions
        State machines' definitions by a name for the report.
    samples
        Samples by field.
    """
    without, todo = [], []
    for name, definition in definitions.items():
        for field, expression in expressions_of(definition):
            if field not in samples:
                without.append(Evaluation(definition=name, field=field, expression=expression, problem="has no sample"))
            todo += [(name, field, expression, sample) for sample in samples.get(field, [])]
    request = [{"expression": expression, "variables": sample.variables} for _, _, expression, sample in todo]
    answers = _ask(request) if request else []
    return without + [
        Evaluation(definition=name, field=field, expression=expression, problem=_problem(sample, answer))
        for (name, field, expression, sample), answer in zip(todo, answers, strict=True)
    ]


def _problem(sample: Sample, answer: Mapping[str, Any]) -> str:
    if "error" in answer:
        return f"{dict(sample.variables)} fails: {answer['error']}"
    if "result" not in answer:
        return f"{dict(sample.variables)} has no result, which fails the state"
    return "" if answer["result"] == sample.result else f"{answer['result']!r}, not {sample.result!r}"


def _ask(request: list[dict[str, Any]]) -> list[dict[str, Any]]:
    node = Path(sys.executable).parent / "node"
    done = subprocess.run(  # noqa: S603
        [str(node), str(_SCRIPT)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers
