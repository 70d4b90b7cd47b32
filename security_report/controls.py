"""Which control of a framework is met by what in the templates: `controls.yaml`, measured in one deployment."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from policy_proof.account import Account
from policy_proof.claim_file import Claim, NothingElse, Property
from policy_proof.paths import NoSuchPlaceError, look
from security_report.evidence import Evaluated, Findings

FILE = Path(__file__).with_name("controls.yaml")

State = Literal["holds", "holds, with acknowledged findings", "does not hold", "nothing of it here"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Model):
    """What a property of every resource of a type must be: a number at least, or one of these."""

    of: str
    at: str
    at_least: int | None = None
    one_of: tuple[str, ...] = ()
    may_be_absent: bool = False

    def holds(self, value: Any) -> bool:
        """Return whether a value, None where there is none, will do."""
        if value is None:
            return self.may_be_absent
        return value in self.one_of if self.at_least is None else isinstance(value, int) and value >= self.at_least

    def __str__(self) -> str:
        wanted = ", ".join(self.one_of) if self.at_least is None else f"{self.at_least} at least"
        return f"{wanted}, or nothing" if self.may_be_absent else wanted


class Control(_Model):
    """A control, and what shows it."""

    id: Annotated[str, Field(strict=True)]
    asks: str
    met_by: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    rules: tuple[str, ...] = ()


class Framework(_Model):
    """A framework, and the controls that templates can contribute to."""

    framework: str
    source: str
    note: str = ""
    controls: tuple[Control, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """Something of the templates that contributes to a control, measured."""

    what: str
    where: str
    """`what`, `where`: What is asked for, and the type and place in the templates that it is asked of."""
    result: str
    shown_by: str
    """The claim, property or rule."""
    state: bool | None
    """Whether it holds; None where there is nothing that it is about."""
    is_acknowledged: bool = False
    """Whether it is a rule whose findings all stay, with a reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessed:
    """A control in one deployment."""

    control: Control
    items: tuple[Item, ...]

    @property
    def state(self) -> State:
        """What its items come to."""
        if any(each.state is False for each in self.items):
            return "does not hold"
        # A rule finds nothing where there is nothing, so rules alone show nothing.
        if not any(each.state for each in self.items if each.where):
            return "nothing of it here"
        if any(each.is_acknowledged for each in self.items):
            return "holds, with acknowledged findings"
        return "holds"


def frameworks() -> tuple[Framework, ...]:
    """Read the mapping."""
    return TypeAdapter(tuple[Framework, ...]).validate_python(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def assess(
    account: Account, evidence: Mapping[str, Evaluated], findings: Findings
) -> list[tuple[Framework, list[Assessed]]]:
    """Measure every control."""
    return [
        (
            framework,
            [
                Assessed(control=control, items=tuple(_items(control, account, evidence, findings)))
                for control in framework.controls
            ],
        )
        for framework in frameworks()
    ]


def _items(control: Control, account: Account, evidence: Mapping[str, Evaluated], findings: Findings) -> Iterator[Item]:
    for name in control.met_by:
        evaluated = evidence[name]
        yield Item(
            what=evaluated.because,
            where=_where(evaluated),
            result=evaluated.result if evaluated.asked else "nothing of it here",
            shown_by=evaluated.id,
            state=evaluated.holds if evaluated.asked else None,
        )
    for figure in control.figures:
        yield _figure(figure, account)
    for rule in control.rules:
        yield _rule(rule, findings)


def _where(evaluated: Evaluated) -> str:
    """Say where in the templates it is looked for."""
    match evaluated.says:
        case Property() as says:
            wanted = (
                f"{says.at_least} at least"
                if says.at_least is not None
                else " or ".join(says.one_of)
                if says.one_of
                else json.dumps(says.equals)
            )
            return f"{says.of} {says.at}: {wanted}"
        case Claim() as says:
            return f"policies, for {', '.join(says.who)}: {', '.join(says.does)}"
        case NothingElse() as says:
            return f"all policies, for {says.who}"


def _figure(figure: Figure, account: Account) -> Item:
    found = {f"{each.stack}/{each.logical_id}": _at(each.body, figure.at) for each in account.of_type(figure.of)}
    wrong = [f"{name} has {value}" for name, value in found.items() if not figure.holds(value)]
    return Item(
        what=str(figure),
        where=f"{figure.of} {figure.at}: {figure}",
        result="; ".join([f"so: {len(found) - len(wrong)} of {len(found)}", *wrong]) if found else "nothing of it here",
        shown_by="this report",
        state=not wrong if found else None,
    )


def _at(body: Any, path: str) -> Any:
    try:
        return look(body, path)
    except NoSuchPlaceError:
        return None


def _rule(rule: str, findings: Findings) -> Item:
    others = [each.resource for each in findings.others if each.rule == rule]
    entries = [each for each in findings.acknowledged if any(finding.rule == rule for finding in each.findings)]
    stays = "; ".join(f"acknowledged: {each.entry.title}" for each in entries)
    return Item(
        what="cdk-nag",
        where="",
        result=f"finds {', '.join(others)}" if others else stays or "no finding",
        shown_by=rule,
        state=not others,
        is_acknowledged=bool(stays),
    )
