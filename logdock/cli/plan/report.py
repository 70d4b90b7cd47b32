"""A plan as text, as Markdown for a pull request, and as one JSON document. The order and the words are stable."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from logdock.cli.plan.changes import DEPLOYMENT, Change, Comparison
from logdock.cli.plan.effects import Effect, shown
from logdock.cli.plan.rules.table import remark_on
from logdock.cli.plan.templates import ResourceChange
from logdock.limits import Measure, fullest, report
from logdock.settings import Deployment
from logdock.settings.costs import Inputs, monthly_estimate


@dataclass(kw_only=True, slots=True)
class Plan:
    """What is shown."""

    settings: Deployment
    """Those of the next deploy."""
    before: str
    after: str
    """`before`, `after`: What was compared, in words."""
    difference: Comparison | None
    """The settings' difference; None where the old settings are not known."""
    effects: list[Effect]
    accepted: tuple[str, ...] = ()
    """What `--accept` names."""
    resources: list[ResourceChange] = field(default_factory=list)
    """Differences of the templates, where templates were compared."""
    notes: list[str] = field(default_factory=list)
    """What the settings do not do, and what could not be compared, and why."""
    not_looked_at: list[str] = field(default_factory=list)
    """What AWS did not answer although the caller may ask."""
    measured: list[Measure] = field(default_factory=list)
    """What the next deploy takes of AWS's limits."""

    @property
    def costs(self) -> tuple[float | None, float]:
        """Monthly estimates in USD before and after; before is None where the old settings are not known."""
        return _dollars(self.difference.old) if self.difference else None, _dollars(self.settings)

    @property
    def open_dangers(self) -> list[Effect]:
        """The dangerous consequences that are not accepted."""
        return [each for each in self.effects if each.is_dangerous and not each.is_accepted(self.accepted)]

    @property
    def unused(self) -> list[str]:
        """What `--accept` names and nothing has."""
        return [name for name in self.accepted if not any(each.is_accepted((name,)) for each in self.effects)]


def _dollars(deployment: Deployment) -> float:
    return sum(row.dollars for row in monthly_estimate(deployment))


def as_document(plan: Plan) -> dict[str, object]:
    """Return the JSON document."""
    difference = plan.difference
    return {
        "deployment": plan.settings.deployment,
        "from": plan.before,
        "to": plan.after,
        "exports": {
            "added": [each.name for each in difference.added] if difference else [],
            "changed": list(difference.changed) if difference else [],
            "removed": [each.name for each in difference.removed] if difference else [],
            "renamed": difference.renamed if difference else {},
        },
        "changes": [
            {"of": each.of, "setting": each.path, "before": shown(each.before), "after": shown(each.after)}
            for each in (difference.changes if difference else ())
        ],
        "effects": [
            {
                "name": each.name,
                "kind": each.kind.value,
                "dangerous": each.is_dangerous,
                "accepted": each.is_dangerous and each.is_accepted(plan.accepted),
                "sentence": each.sentence,
                "steps": list(each.steps),
            }
            for each in plan.effects
        ],
        "resources": [each.document() for each in plan.resources],
        "notes": plan.notes,
        "not_looked_at": plan.not_looked_at,
        "limits": [each.document for each in fullest(plan.measured)],
        "monthly_usd": dict(zip(("before", "after"), plan.costs, strict=True)),
        "dangers": len(plan.open_dangers),
    }


def as_text(plan: Plan) -> str:
    """Return the text for a terminal."""
    return "\n".join(_lines(plan, markdown=False))


def as_markdown(plan: Plan) -> str:
    """Return the text for a pull request."""
    return "\n".join(_lines(plan, markdown=True))


def _lines(plan: Plan, *, markdown: bool) -> Iterator[str]:
    yield f"{'## ' if markdown else ''}Plan of {plan.settings.deployment}: {plan.before} → {plan.after}"
    blank = [""] if markdown else []
    yield from blank
    if not (plan.effects or plan.resources or (plan.difference and plan.difference.changes)):
        yield "Nothing changes."
    for name in _owners(plan):
        yield from [*blank, f"{'### ' if markdown else ''}{_heading(plan, name)}"]
        yield from _part(plan, name, markdown=markdown)
    yield from _resources(plan.resources, markdown=markdown)
    for note in plan.notes:
        yield from [*blank, f"{'> ' if markdown else ''}Note: {note}"]
    for what in plan.not_looked_at:
        yield from [*blank, f"{'> ' if markdown else ''}Not looked at: {what}. Run the command again."]
    yield from [*blank, _costs(plan)]
    for line in report(plan.measured, always=False):
        yield from [*blank, f"{line}."]
    yield from [*blank, _verdict(plan)]


def _costs(plan: Plan) -> str:
    before, after = (None if each is None else f"{each:,.0f} USD" for each in plan.costs)
    dollars = after if before in (None, after) else f"{before} → {after}"
    return f"Monthly estimate on AWS, at {Inputs().gigabytes_a_day:g} GB a day of each export: {dollars}."


def _owners(plan: Plan) -> list[str]:
    difference = plan.difference
    changes = [each.of for each in difference.changes] if difference else []
    known = {*changes, *(each.of for each in plan.effects)}
    owners = difference.owners if difference else (DEPLOYMENT,)
    return [name for name in dict.fromkeys([*owners, *sorted(known)]) if name in known]


def _heading(plan: Plan, name: str) -> str:
    difference = plan.difference
    if name == DEPLOYMENT or not difference:
        return name
    for sign, what, parts in (
        ("+", "added", (*difference.added, *difference.destinations_added)),
        ("-", "removed", (*difference.removed, *difference.destinations_removed)),
    ):
        found = next((each for each in parts if each.name == name), None)
        if found and not any(each.of == name for each in difference.changes):
            return f"{sign} {name} ({found.kind}) {what}"
    parts = (*difference.new.destinations, *difference.new.exports, *difference.old.exports)
    found = next((each for each in parts if each.name == name), None)
    return f"~ {name} ({found.kind}) changed" if found else name


def _part(plan: Plan, name: str, *, markdown: bool) -> Iterator[str]:
    effects = [each for each in plan.effects if each.of == name]
    changes = [each for each in plan.difference.changes if each.of == name] if plan.difference else []
    for change in changes:
        yield _line(_change(change, markdown=markdown), 0, markdown=markdown)
        own = [each for each in effects if each.what == change.path or each.what.startswith(f"{change.path}.")]
        yield from _effects(plan, own, 1, markdown=markdown)
        effects = [each for each in effects if each not in own]
    yield from _effects(plan, effects, 0, markdown=markdown)


def _change(change: Change, *, markdown: bool) -> str:
    mark = "`" if markdown else ""
    before, after = f"{mark}{shown(change.before)}{mark}", f"{mark}{shown(change.after)}{mark}"
    remark = remark_on(change)
    return f"{mark}{change.path}{mark}: {before} → {after}" + (f". {remark}" if remark else "")


def _effects(plan: Plan, effects: Iterable[Effect], depth: int, *, markdown: bool) -> Iterator[str]:
    for each in effects:
        kind = f"**{each.kind.value}**" if markdown and each.is_dangerous else each.kind.value
        sign = "! " if each.is_dangerous and not markdown else ""
        name = ""
        if each.is_dangerous:
            mark, state = "`" if markdown else "", "accepted" if each.is_accepted(plan.accepted) else "accept"
            name = f" ({state}: {mark}{each.name}{mark})"
        yield _line(f"{sign}{kind}: {each.sentence}{name}", depth, markdown=markdown)
        for number, step in enumerate(each.steps, 1):
            yield f"{'   ' * (depth + 1) if markdown else '  ' * (depth + 2)}{number}. {step}"


def _line(text: str, depth: int, *, markdown: bool) -> str:
    return f"{'   ' * depth}- {text}" if markdown else f"{'  ' * (depth + 1)}{text}"


def _resources(resources: list[ResourceChange], *, markdown: bool) -> Iterator[str]:
    if not resources:
        return
    yield from [*([""] if markdown else []), f"{'### ' if markdown else ''}Resources"]
    for each in resources:
        yield _line(each.sentence, 0, markdown=markdown)


def _verdict(plan: Plan) -> str:
    dangers = plan.open_dangers
    if not dangers:
        accepted = sum(each.is_dangerous for each in plan.effects)
        if accepted:
            return f"{accepted} accepted, none open."
        but = f", but {len(plan.not_looked_at)} not looked at" if plan.not_looked_at else ""
        return f"Nothing here loses data or cuts an export off{but}."
    names = " ".join(f"--accept {name}" for name in dict.fromkeys(each.name for each in dangers))
    many = f"{len(dangers)} consequence{'s' if len(dangers) > 1 else ''}"
    return f"{many} to accept or avoid: `{names}`"
