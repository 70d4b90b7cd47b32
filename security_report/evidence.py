"""What `policy_proof` says of one deployment: its claims, and what the checkers find in its templates."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_cdk import App

from policy_proof import packs
from policy_proof.claim_file import Claim, NothingElse, Property, load_book
from policy_proof.findings import Acknowledgement, Finding, acknowledged, unacknowledged
from policy_proof.nothing_else import SOME, sweeps
from policy_proof.proof import Finding as Look
from policy_proof.proof import Outcome, Proof
from policy_proof.templates import Template


@dataclass(kw_only=True, slots=True)
class Evaluated:
    """A claim, a property or a list of all that is allowed, and what came out in this deployment."""

    id: str
    source: str
    because: str
    """`id`, `source`, `because`: Which, where it is written, and why it is claimed."""
    says: Claim | Property | NothingElse
    """The entry."""
    subjects: dict[str, None] = field(default_factory=dict)
    """What it is about here, in the order of the settings."""
    asked: int = 0
    """How many requests were evaluated, or resources looked at."""
    errors: list[str] = field(default_factory=list)
    """What is wrong."""

    @property
    def holds(self) -> bool:
        """Whether it was evaluated, and nothing is wrong."""
        return self.asked > 0 and not self.errors

    @property
    def result(self) -> str:
        """What came out, in words."""
        match self.says:
            case Claim():
                word = {"allow": "allowed", "deny": "refused"}[self.says.verdict]
            case Property():
                word = "so"
            case NothingElse():
                return f"nothing else, in {self.asked:,} requests" if self.holds else "something else"
        return f"{word}: {self.asked - len(self.errors)} of {self.asked}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """Findings that stay, with the reason, and how many there are here."""

    entry: Acknowledgement
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What the checkers found."""

    resources: int
    """How many resources they looked at."""
    acknowledged: tuple[Acknowledged, ...]
    """What stays, and why."""
    others: tuple[Finding, ...]
    """Findings that are not acknowledged."""


def evaluate(proof: Proof) -> dict[str, Evaluated]:
    """Evaluate everything that is claimed; what is about nothing in this deployment has nothing asked."""
    return evaluated(proof.outcomes(), proof.findings(), sweeps(proof, one_in=SOME))


def evaluated(outcomes: Iterable[Outcome], looks: Iterable[Look], swept: Iterable[Any]) -> dict[str, Evaluated]:
    """Gather what came out, by the entry's id."""
    found = {
        each.id: Evaluated(id=each.id, source=each.source, because=each.says.because, says=each.says)
        for each in load_book().entries
    }
    for each in (*outcomes, *looks, *swept):
        entry = found[each.entry.id]
        entry.subjects[each.subject.name] = None
        entry.asked += getattr(each, "asked", 1)
        if error := each.error():
            entry.errors.append(error)
    return found


def find(app: App, templates: dict[str, Template], deployment: str, folder: Path) -> Findings:
    """Run the checkers over an App and its templates.

    Parameters
    ----------
    folder
        Where the checkers may leave files.
    """
    named = {f"{deployment}/{stack}": template for stack, template in templates.items()}
    found = packs.nag(app) | packs.checkov(named, folder) | packs.cfn_lint(named, folder) | packs.parliament(named)
    return sorted_out(found, sum(len(template["Resources"]) for template in templates.values()))


def sorted_out(found: set[Finding], resources: int) -> Findings:
    """Separate acknowledged findings from others."""
    entries = acknowledged()
    covered = [(entry, tuple(sorted(each for each in found if entry.covers(each)))) for entry in entries]
    return Findings(
        resources=resources,
        acknowledged=tuple(Acknowledged(entry=entry, findings=those) for entry, those in covered if those),
        others=tuple(unacknowledged(found, entries)),
    )
