"""From a claim to the requests that it is about: every caller, action, resource and value, each with its context."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from policy_proof.cast import Caller, Subject
from policy_proof.claim_file import Book, Claim, ClaimFileError, Contexts, Entry, When

_PLACEHOLDER = re.compile(r"<([a-z-]+)>")
_USES_KEY = {
    "s3:PutObject": "kms:GenerateDataKey",
    "s3:GetObject": "kms:Decrypt",
    "s3:GetObjectVersion": "kms:Decrypt",
}
"""What S3 does with an object's key in the caller's name (S3 User Guide, "Using server-side encryption with KMS")."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request."""

    caller: Caller
    action: str
    resource: str
    context: Mapping[str, str] = field(hash=False)
    """The condition keys that it brings."""
    lacks: frozenset[str] = frozenset()
    """The condition keys that it expressly does not bring."""
    also: Request | None = None
    """What the service does in the caller's name, and must be allowed as well."""
    wrote: tuple[str, str] = ("", "")
    """Who and to what, as the claim has it."""

    def __str__(self) -> str:
        brings = ", ".join(f"{key}={value}" for key, value in self.context.items())
        return f"{self.caller.name}: {self.action} on {self.resource}" + (f" with {brings}" if brings else "")


def applies(when: When, subject: Subject, entry: Entry) -> bool:
    """Return whether an entry is about a subject.

    Raises
    ------
    ClaimFileError
        When it asks for a fact that the subject does not have.
    """
    for name, wanted in when.items():
        if name not in subject.facts:
            known = ", ".join(sorted(subject.facts))
            raise ClaimFileError(
                f"{entry.source}: {entry.id}: when: {name} is no fact of {subject.name}; there are {known}"
            )
        fact = subject.facts[name]
        facts = fact if isinstance(fact, tuple | list) else (fact,)
        if not any(one in facts for one in (wanted if isinstance(wanted, list) else [wanted])):
            return False
    return True


def requests_of(entry: Entry, claim: Claim, subject: Subject, book: Book) -> Iterator[Request]:
    """Yield the requests of a claim about a subject: none where it says of something that the subject has none of."""
    if not applies(claim.when, subject, entry):
        return
    for who, action, resource in itertools.product(claim.who, claim.does, claim.to):
        brings, lacks = _context(claim, action, book.contexts)
        texts = [who, resource, claim.under or "", *brings.values()]
        for filled in fill(texts, subject, entry):
            who_now, resource_now, under, *values = filled
            for caller in _callers(who_now, subject, entry):
                context = {**dict(zip(brings, values, strict=True)), **_implied(caller)}
                yield Request(
                    caller=caller,
                    action=action,
                    resource=resource_now,
                    context=context,
                    lacks=frozenset({*lacks, *_LACKING_UNLESS_SERVICE} - {*context}),
                    wrote=(who, resource),
                    also=_through_s3(caller, action, resource_now, under) if under else None,
                )


def fill(texts: list[str], subject: Subject, entry: Entry) -> Iterator[list[str]]:
    """Put values for the placeholders of several texts, the same value wherever a placeholder stands."""
    names = sorted({name for text in texts for name in _PLACEHOLDER.findall(text)})
    for name in names:
        if name not in subject.values:
            known = ", ".join(f"<{each}>" for each in sorted(subject.values))
            raise ClaimFileError(f"{entry.source}: {entry.id}: {subject.name} has no <{name}>; there are {known}")
    for values in itertools.product(*(subject.values[name] for name in names)):
        chosen = dict(zip(names, values, strict=True))
        yield [_PLACEHOLDER.sub(lambda match, chosen=chosen: chosen[match[1]], text) for text in texts]  # type: ignore[misc]


_NOT_EVERYWHERE = ("vendor", "vendors-other-role", "role", "connector", "shipper")
"""Callers that some exports do not have: a claim about one says nothing there."""

_NOT_OF_S3 = ("kms:EncryptionContext:aws:logs:arn", "kms:EncryptionContext:aws:dynamodb:tableName")
_LACKING_UNLESS_SERVICE = ("aws:PrincipalServiceName",)


def _implied(caller: Caller) -> dict[str, str]:
    """Return what AWS itself adds: the name of the service that calls (IAM User Guide, "Global condition keys")."""
    return {"aws:PrincipalServiceName": caller.principal} if caller.is_service else {}


def _context(claim: Claim, action: str, contexts: Contexts) -> tuple[dict[str, str], set[str]]:
    brings: dict[str, str] = {}
    lacks: set[str] = set()
    names = [name for default in contexts.defaults if fnmatchcase(action, default.does) for name in default.context]
    layers = [(contexts.contexts[name].brings, contexts.contexts[name].lacks) for name in [*names, *claim.context]]
    for more, fewer in [*layers, (claim.brings, claim.lacks)]:
        for key in fewer:
            brings.pop(key, None)
        brings |= more
        lacks = (lacks | {*fewer}) - {*more}
    return brings, lacks


def _callers(who: str, subject: Subject, entry: Entry) -> tuple[Caller, ...]:
    if who.endswith(".amazonaws.com"):
        return (Caller(name=who, principal=who, policies={}),)
    if who not in subject.callers and who not in _NOT_EVERYWHERE:
        known = ", ".join(sorted({*subject.callers, *_NOT_EVERYWHERE}))
        raise ClaimFileError(f"{entry.source}: {entry.id}: who: there is no caller {who}; there are {known}")
    return subject.callers.get(who, ())


def _through_s3(caller: Caller, action: str, resource: str, key: str) -> Request:
    """Return the use that S3 makes of a key: the buckets have bucket keys, so the context is the bucket's ARN."""
    return Request(
        caller=caller,
        action=_USES_KEY[action],
        resource=key,
        context={
            "kms:ViaService": f"s3.{key.split(':')[3]}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": resource.partition("/")[0],
            **_implied(caller),
        },
        lacks=frozenset({*_NOT_OF_S3, *_LACKING_UNLESS_SERVICE} - {*_implied(caller)}),
    )
