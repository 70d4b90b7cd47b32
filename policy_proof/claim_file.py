"""The files of claims: what may stand in them, and every error with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from logdock.settings.load import compose
from logdock.vendors.registry import EXPORTS

CLAIMS = Path(__file__).parent / "claims"
CONTEXTS = CLAIMS / "contexts.yaml"

KINDS = (
    *EXPORTS, "logzio-fetch", "connect", "vendor-role", "core", "alerts", "shipper", "compactor", "bucket", "key",
    "log-group", "stream", "metrics", "function", "readers", "logzio-archive", "other-account",
    "other-account-logs",
)  # fmt: skip
"""What a file is about: every export of a kind, every destination, every bucket, key or log group of a deployment."""


class ClaimFileError(Exception):
    """Files that cannot be used. The text lists every error: file, place, what is expected."""


def _matching(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}, not {value!r}")
        return value

    return AfterValidator(check)


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _known_kind(value: str) -> str:
    if value not in KINDS:
        raise ValueError(f"expected one of {', '.join(KINDS)}, not {value!r}")
    return value


Kind = Annotated[str, AfterValidator(_known_kind)]
Slug = Annotated[str, _matching(r"[a-z0-9]+(-[a-z0-9]+)*", "lower-case words with hyphens")]
Action = Annotated[str, _matching(r"[a-z0-9-]+:[A-Za-z0-9]+", "an action such as s3:PutObject, without a wildcard")]
ContextKey = Annotated[
    str, _matching(r"(aws|[a-z0-9]+):[A-Za-z0-9:./_-]+", "a condition key such as aws:SourceAccount")
]
Text = Annotated[str, Field(strict=True, min_length=1)]
Sentence = Annotated[Text, _matching(r"(?s)[A-Z<`].*[.]", "a sentence that ends with a full stop")]
Texts = Annotated[list[Text], BeforeValidator(_as_list), Field(min_length=1)]
When = dict[str, str | bool | list[str]]
"""Facts that must hold: one value, or one of several."""
Actions = Annotated[list[Action], BeforeValidator(_as_list), Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


class Context(_Model):
    """What a request brings along, or expressly does not."""

    means: Sentence
    brings: dict[ContextKey, Text] = {}
    lacks: list[ContextKey] = []


class Default(_Model):
    """The contexts of every request of some actions, unless a claim says otherwise."""

    does: Text
    context: list[Slug] = Field(min_length=1)


class Contexts(_Model):
    """What the files share: named contexts, and why a claim is not tried by a call."""

    contexts: dict[Slug, Context]
    defaults: list[Default]
    not_called: dict[Slug, Sentence]


class Asked(_Model):
    """No caller here can make the call: the local cloud's evaluator decides by the deployed policies."""

    ask: Slug


class Claim(_Model):
    """Who may, or may not, do what."""

    claim: Slug
    who: Texts
    does: Actions
    to: Texts
    context: list[Slug] = []
    brings: dict[ContextKey, Text] = {}
    lacks: list[ContextKey] = []
    under: Text | None = None
    when: When = {}
    verdict: Literal["allow", "deny"]
    because: Sentence
    live: Literal["call"] | Asked = "call"


class Property(_Model):
    """What a setting of every resource of a type is."""

    property: Slug
    of: Annotated[str, _matching(r"\w+::\w+(::\w+)?", "a resource type such as AWS::S3::Bucket")]
    where: dict[str, Text] = {}
    at: Text
    equals: Any = None
    one_of: tuple[str, ...] | None = None
    at_least: Annotated[int, Field(strict=True)] | None = None
    when: When = {}
    because: Sentence


class NothingElse(_Model):
    """All that a caller may do, of every action of every AWS service."""

    nothing_else: Slug
    who: Text
    allowed: list[Annotated[str, _matching(r"\S+:\S+ on \S+( if .+)?", "<action> on <resource>[ if <conditions>]")]]
    when: When = {}
    because: Sentence


class ClaimFile(_Model):
    """One file."""

    kind: Kind
    about: Sentence
    claims: list[Claim] = Field(min_length=1)
    properties: list[Property] = []
    nothing_else: list[NothingElse] = []


@dataclass(frozen=True, slots=True)
class Entry:
    """A claim, a property or a list of all that is allowed, and where it stands."""

    id: str
    """``<file>/<name>``."""
    kind: Kind
    source: str
    """``<path>:<line>``."""
    says: Claim | Property | NothingElse


@dataclass(frozen=True, slots=True)
class Book:
    """All files together."""

    entries: tuple[Entry, ...]
    contexts: Contexts

    def claims(self) -> Iterator[tuple[Entry, Claim]]:
        """Yield every claim."""
        return ((entry, entry.says) for entry in self.entries if isinstance(entry.says, Claim))


@cache
def load_book(directory: Path = CLAIMS) -> Book:
    """Read every file.

    Raises
    ------
    ClaimFileError
        With every error of every file.
    """
    errors: list[str] = []
    contexts = _read(directory / CONTEXTS.name, Contexts, errors)
    entries: list[Entry] = []
    for path in sorted(directory.glob("*.yaml")):
        if path.name != CONTEXTS.name:
            file = _read(path, ClaimFile, errors)
            entries += _entries(path, file) if isinstance(file, ClaimFile) else []
    if isinstance(contexts, Contexts):
        errors += _across(entries, contexts)
    if errors or not isinstance(contexts, Contexts):
        raise ClaimFileError("\n".join(errors))
    return Book(tuple(entries), contexts)


def _read(path: Path, model: type[BaseModel], errors: list[str]) -> BaseModel | None:
    try:
        root, loader = compose(path.read_text(encoding="utf-8"), str(path))
        return TypeAdapter(model).validate_python(loader.construct_document(root) if root is not None else None)
    except ValidationError as error:
        for line in error.errors(include_url=False):
            place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in line["loc"]).lstrip(".")
            errors.append(f"{path.name}: {place or '(the file)'}: {line['msg']}")
    except yaml.YAMLError as error:
        errors.append(f"{path.name}: is not valid YAML: {error}")
    except OSError as error:
        errors.append(f"{path.name}: cannot be read: {error.strerror}")
    return None


def _entries(path: Path, file: ClaimFile) -> list[Entry]:
    root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    assert isinstance(root, yaml.MappingNode)  # The model has read it.
    lines = {
        key.value: [item.start_mark.line + 1 for item in value.value]
        for key, value in root.value
        if isinstance(value, yaml.SequenceNode)
    }
    where = f"policy_proof/claims/{path.name}"
    return [
        Entry(f"{path.stem}/{getattr(each, name)}", file.kind, f"{where}:{line}", each)
        for section, name in (("claims", "claim"), ("properties", "property"), ("nothing_else", "nothing_else"))
        for each, line in zip(getattr(file, section), lines.get(section, []), strict=True)
    ]


def _across(entries: list[Entry], contexts: Contexts) -> Iterator[str]:
    """Find what no single entry shows: names that are there twice, or that nothing stands behind."""
    seen: dict[str, Entry] = {}
    for entry in entries:
        if entry.id in seen:
            yield f"{entry.source}: {entry.id}: the name is taken by {seen[entry.id].source}"
        seen[entry.id] = entry
        says = entry.says
        if isinstance(says, Property) and [says.equals, says.one_of, says.at_least].count(None) != 2:
            yield f"{entry.source}: {entry.id}: expected one of equals, one_of and at_least"
        if not isinstance(says, Claim):
            continue
        for name in [*says.context, *(name for each in contexts.defaults for name in each.context)]:
            if name not in contexts.contexts:
                yield f"{entry.source}: {entry.id}: context: {name} is not in {CONTEXTS.name}"
        for key in {*says.brings} & {*says.lacks}:
            yield f"{entry.source}: {entry.id}: {key} is both brought and lacking"
        if isinstance(says.live, Asked) and says.live.ask not in contexts.not_called:
            yield f"{entry.source}: {entry.id}: live: {says.live.ask} is not under not_called in {CONTEXTS.name}"
