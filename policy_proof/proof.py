"""A deployment and all that is claimed about it: what holds, what does not, and who says so."""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from logdock.settings import Deployment
from policy_proof.account import Account
from policy_proof.answers import Answers
from policy_proof.cast import Cast, Subject
from policy_proof.claim_file import Book, Claim, Entry, Property, load_book
from policy_proof.paths import NoSuchPlaceError, look
from policy_proof.requests import Request, applies, fill, requests_of
from policy_proof.simulator import Simulator, Verdict
from policy_proof.subjects import subjects
from policy_proof.templates import Template

SIMULATOR = Simulator()
"""One for all: what the examples have in common is asked once."""

Evaluator = Callable[[Claim, Request], Verdict]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one request of a claim."""

    entry: Entry
    subject: Subject
    claim: Claim
    request: Request
    """`entry`, `subject`, `claim`, `request`: What was claimed."""
    simulator: Verdict
    live: Verdict | None = None
    """What the local cloud says, if it was asked."""

    @property
    def part(self) -> tuple[str, ...]:
        """The part of the claim: the claim, who and to what as it has them, and the action."""
        return (self.entry.id, *self.request.wrote, self.request.action)

    def error(self) -> str | None:
        """Return what is wrong, if anything is: an evaluator that contradicts the claim, or is inconclusive."""
        said = {"the simulator": self.simulator} | ({"the local cloud": self.live} if self.live else {})
        if all(verdict.answer == self.claim.verdict for verdict in said.values()):
            return None
        evaluators = "; ".join(
            f"{evaluator} says {verdict.answer}{f' ({verdict.why})' if verdict.why else ''}"
            for evaluator, verdict in said.items()
        )
        where = f"{self.entry.source}: {self.entry.id} ({self.subject.name})"
        return f"{where}: {self.request}: claimed: {self.claim.verdict}; {evaluators}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What became of a property of one resource."""

    entry: Entry
    subject: Subject
    expected: Any
    found: Any
    holds: bool

    def error(self) -> str | None:
        """Return what is wrong, if anything is."""
        if self.holds:
            return None
        where = f"{self.entry.source}: {self.entry.id} ({self.subject.name})"
        return f"{where}: claimed: {self.expected!r}; the template has {self.found!r}"


class Proof:
    """The claims about one deployment.

    Parameters
    ----------
    settings, templates, regions
        The deployment, and its templates and their Regions by stack.
    physical_ids, foreign_key, answers
        As the cloud named them, and as the vendors answered, when it is deployed.
    stack
        Only what is about this stack. Default: everything.
    """

    def __init__(
        self,
        settings: Deployment,
        templates: Mapping[str, Template],
        regions: Mapping[str, str],
        *,
        physical_ids: Mapping[tuple[str, str], str] | None = None,
        foreign_key: str | None = None,
        answers: Answers | None = None,
        stack: str | None = None,
    ) -> None:
        self.settings = settings
        self.account = Account(settings, templates, regions, physical_ids, answers)
        self.cast = Cast(settings, self.account, foreign_key)
        self.book: Book = load_book()
        self.subjects = [each for each in subjects(self.cast) if stack is None or stack in each.stacks]

    def about(self, kind: type[Any]) -> Iterator[tuple[Entry, Any, Subject]]:
        """Yield every entry of a kind with each subject that it is about."""
        for subject in self.subjects:
            for entry in self.book.entries:
                if (
                    entry.kind == subject.kind
                    and isinstance(entry.says, kind)
                    and applies(entry.says.when, subject, entry)
                ):
                    yield entry, entry.says, subject

    def outcomes(
        self,
        *,
        live: Evaluator | None = None,
        is_tried: Callable[[Subject], bool] = lambda _: True,
        known: Container[tuple[str, ...]] = (),
    ) -> list[Outcome]:
        """Evaluate every request of every claim.

        Parameters
        ----------
        is_tried
            Which subjects it is asked about.
        known
            Parts of claims that need no evaluation here, each as `Outcome.part` has it.
        """
        asked = [
            (entry, claim, subject, request)
            for entry, claim, subject in self.about(Claim)
            for request in requests_of(entry, claim, subject, self.book)
            if (entry.id, *request.wrote, request.action) not in known
        ]
        verdicts = SIMULATOR.evaluate([request for *_, request in asked], self.account, self.cast)
        return [
            Outcome(
                entry=entry,
                subject=subject,
                claim=claim,
                request=request,
                simulator=verdict,
                live=live(claim, request) if live and is_tried(subject) else None,
            )
            for (entry, claim, subject, request), verdict in zip(asked, verdicts, strict=True)
        ]

    def findings(self) -> list[Finding]:
        """Look at every property of every resource that it is about."""
        return [
            finding for entry, says, subject in self.about(Property) for finding in self._look(entry, says, subject)
        ]

    def _look(self, entry: Entry, says: Property, subject: Subject) -> Iterator[Finding]:
        expected = list(says.one_of or _filled(says.equals if says.at_least is None else says.at_least, subject, entry))
        where = [(at, value) for at, text in says.where.items() for [value] in fill([text], subject, entry)]
        resources = [
            resource
            for resource in self.account.of_type(says.of)
            if resource.stack in subject.stacks
            and (resource.type != subject.type or resource.logical_id == subject.logical_id)
            and all(_at(resource.body, at) == value for at, value in where)
        ]
        if not resources and (where or says.of == subject.type):
            yield Finding(entry=entry, subject=subject, expected=expected, found=f"no {says.of}", holds=False)
        for resource in resources:
            found = _at(resource.body, says.at)
            number = int(found) if isinstance(found, str) and found.isdigit() else found
            holds = number in expected if says.at_least is None else isinstance(number, int) and number >= says.at_least
            yield Finding(entry=entry, subject=subject, expected=expected, found=found, holds=holds)


def _at(body: Any, path: str) -> Any:
    try:
        return look(body, path)
    except NoSuchPlaceError:
        return None


def _filled(value: Any, subject: Subject, entry: Entry) -> Iterator[Any]:
    """Yield what a property may be: one value, or one for each that a placeholder stands for."""
    match value:
        case dict():
            yield {key: next(_filled(each, subject, entry)) for key, each in value.items()}
        case [str(), *_]:
            yield [text for each in value for [text] in fill([each], subject, entry)]
        case str() if "<" in value:
            for [text] in fill([value], subject, entry):
                yield int(text) if text.isdigit() else text
        case _:
            yield value
