"""Weakened templates: what each changes, and which claims and properties notice.

``python -m policy_proof.mutations`` writes the list of who notices what, which a test compares.
"""

import copy
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from logdock.settings import Deployment, load_settings
from policy_proof.claim_file import Slug
from policy_proof.paths import container_of, look
from policy_proof.proof import Finding, Outcome, Proof
from policy_proof.synthesis import ROOT, Synthesized, synthesize
from policy_proof.templates import Template

MUTATIONS = Path(__file__).with_name("mutations.yaml")
NOTICED = MUTATIONS.with_suffix(".md")
_HEAD = """# Who notices which weakened template
The changes of [mutations.yaml](mutations.yaml), and the claims and properties of [claims](claims) that fail by each.
Made by `python -m policy_proof.mutations`; a test compares.

| weakened | in | noticed by |
| --- | --- | --- |
"""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Remove(_Model):
    """Take away what is at a place."""

    remove: str


class Set(_Model):
    """Put something at a place."""

    set: str
    to: Any


class Append(_Model):
    """Add something to the list at a place; a single text becomes a list first."""

    append: str
    value: Any


class Mutation(_Model):
    """One weakened template."""

    mutation: Slug
    example: Slug
    stack: str
    claims_of: str | None = None
    """The stack whose claims are evaluated, if not `stack`: a role of the core reads the bucket of an export."""
    resource: str
    changes: list[Remove | Set | Append] = Field(min_length=1)

    def templates(self) -> dict[str, Template]:
        """Return the example's templates with the changes."""
        original = _example(self.example).templates
        templates = {**original, self.stack: copy.deepcopy(original[self.stack])}
        resources = templates[self.stack]["Resources"]
        found = [logical_id for logical_id in resources if fnmatchcase(logical_id, self.resource)]
        if len(found) != 1:
            raise LookupError(f"{self.mutation}: {self.resource} is {found} of {sorted(resources)}")
        for change in self.changes:
            _apply(resources[found[0]], change)
        return templates

    def noticed_by(self) -> list[str]:
        """Return the claims and properties that fail."""
        regions = _example(self.example).regions
        stack = self.claims_of or self.stack
        proof = Proof(_settings(self.example), self.templates(), regions, stack=stack)
        held = _held(self.example, stack)
        results: list[Outcome | Finding] = [*proof.outcomes(), *proof.findings()]
        # A subject that the change took away is noticed by what no longer holds of it.
        gone = held - {(each.entry.id, each.subject.name) for each in results}
        return sorted({each.entry.id for each in results if each.error()} | {entry for entry, _ in gone})


def _example(name: str) -> Synthesized:
    return synthesize(ROOT / "examples" / f"{name}.yaml")


@cache
def _settings(example: str) -> Deployment:
    return load_settings(ROOT / "examples" / f"{example}.yaml")


@cache
def _held(example: str, stack: str) -> frozenset[tuple[str, str]]:
    """Return what is claimed of an unmodified stack."""
    synthesized = _example(example)
    proof = Proof(_settings(example), synthesized.templates, synthesized.regions, stack=stack)
    results: list[Outcome | Finding] = [*proof.outcomes(), *proof.findings()]
    return frozenset((each.entry.id, each.subject.name) for each in results)


def _apply(resource: dict[str, Any], change: Remove | Set | Append) -> None:
    match change:
        case Remove(remove=path):
            holder, step = container_of(resource, path)
            del holder[step]
        case Set(set=path, to=value):
            holder, step = container_of(resource, path)
            holder[step] = copy.deepcopy(value)
        case Append(append=path, value=value):
            holder, step = container_of(resource, path)
            there = look(resource, path)
            holder[step] = [*(there if isinstance(there, list) else [there]), copy.deepcopy(value)]


@cache
def load_mutations() -> list[Mutation]:
    """Read the mutations."""
    document = yaml.load(MUTATIONS.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return TypeAdapter(list[Mutation]).validate_python(document)


def table(noticed: Mapping[str, list[str]]) -> str:
    """Write who notices what."""
    lines = [
        f"| {each.mutation} | {each.example}: {each.stack} | {', '.join(noticed[each.mutation])} |\n"
        for each in load_mutations()
    ]
    return _HEAD + "".join(lines)


if __name__ == "__main__":
    NOTICED.write_text(table({each.mutation: each.noticed_by() for each in load_mutations()}), encoding="utf-8")
