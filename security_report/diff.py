"""What access two reports, or two settings files, differ in: added, removed and changed, in sentences.

It compares what `as_json` writes of roles and resources: every statement of every policy, by its `Sid`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

ELEMENTS = ("who", "external_ids", "actions", "resources", "conditions")
"""What is compared of two statements of one `Sid`."""
_WIDENING = ("who", "actions", "resources")
"""Those of which another value means that more is allowed, or denied."""
VENDORS_ROLE = "vendor's role"
_MOST = 6
"""How many values a sentence lists."""
_NAMES = {"who": "principals", "external_ids": "external ids"}
Change = Literal["added", "removed", "changed"]
Statement = Mapping[str, Sequence[str]]
Document = Mapping[str, Any]
"""A report as JSON: of it `deployment`, `roles` and `resources` are read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One difference between two deployments."""

    change: Change
    """Whether access is added, removed or changed. A statement that denies something is the opposite of one that allows
    it: without it, access is added."""
    of: str
    name: str
    stack: str
    sentence: str
    """What it is, for a person: long lists are cut."""
    before: Statement | None
    after: Statement | None
    """`before`, `after`: The whole statement, if there is one."""


class _Owner(NamedTuple):
    """A role or a resource that has policies."""

    of: str
    name: str
    stack: str


class _Key(NamedTuple):
    """What two statements of an owner have in common that are compared; `sid` is their actions if they have none."""

    part: str
    effect: str
    sid: str


Statements = list[tuple[_Key, Statement]]


def compare(old: Document, new: Document) -> list[Difference]:
    """Return what access the new one adds, removes and changes, that of vendors first."""
    before, after = _owners(old), _owners(new)
    found: list[Difference] = []
    for owner in dict.fromkeys([*after, *before]):
        found += _of_owner(owner, before.get(owner), after.get(owner))
    found += _sessions(old, new)
    return sorted(found, key=lambda each: each.of != VENDORS_ROLE)


def as_text(old: Document, new: Document, differences: Iterable[Difference]) -> str:
    """Return the differences as a text that is Markdown, too: a list for each kind of change."""
    differences = list(differences)
    lines = [f"Access of {new['deployment']}: {old['settings']} → {new['settings']}"]
    for change in ("added", "changed", "removed"):
        those = [each for each in differences if each.change == change]
        if those:
            lines += ["", f"**{change.capitalize()}** ({len(those)})", "", *(f"* {each.sentence}" for each in those)]
    if not differences:
        lines += ["", "No role, no policy statement and no session length differs."]
    return "\n".join(lines) + "\n"


def as_document(old: Document, new: Document, differences: Iterable[Difference]) -> dict[str, Any]:
    """Return the differences as data."""
    return {
        "deployment": new["deployment"],
        "old": old["settings"],
        "new": new["settings"],
        "differences": [asdict(each) for each in differences],
    }


def _owners(document: Document) -> dict[_Owner, Statements]:
    """Return the statements of each role and each resource."""
    found: dict[_Owner, Statements] = {}
    for role in document["roles"]:
        trusts = [{**each["statement"], "external_ids": each["external_ids"]} for each in role["trusts"]]
        owner = _Owner(_role(role), role["name"], role["stack"])
        found[owner] = [*_keyed("trust", trusts), *_keyed("policy", role["statements"])]
    for resource in document["resources"]:
        owner = _Owner(resource["kind"], resource["name"], resource["stack"])
        found[owner] = _keyed("policy", resource["statements"])
    return found


def _role(role: Mapping[str, Any]) -> str:
    return VENDORS_ROLE if role["kind"] == "vendor" else "role"


def _keyed(part: str, statements: Iterable[Mapping[str, Any]]) -> Statements:
    found: Statements = []
    for each in statements:
        values = {element: tuple(each.get(element, ())) for element in ELEMENTS}
        found.append((_Key(part, each["effect"], each["sid"] or ", ".join(values["actions"])), values))
    return found


def _pairs(old: Statements, new: Statements) -> Iterator[tuple[_Key, Statement | None, Statement | None]]:
    """Pair the statements that differ; one that is the same in both is in no pair, in whatever order they are."""
    left = [each for each in old if each not in new]
    for key, becomes in (each for each in new if each not in old):
        was = next((each for each in left if each[0] == key), None)
        if was:
            left.remove(was)
        yield key, was[1] if was else None, becomes
    yield from ((key, was, None) for key, was in left)


def _of_owner(owner: _Owner, before: Statements | None, after: Statements | None) -> Iterator[Difference]:
    if after is None:
        sentence = f"{_title(owner)} leaves the deployment, with what its policies allow."
        yield _difference("removed", owner, sentence)
        return
    # a denial of what was not there before takes no access away
    new = [each for each in after if before is not None or each[0].effect == "Allow"]
    if not new and before is None:
        yield _difference("added", owner, f"{_title(owner)} is new; its policies allow nothing.")
    for key, was, becomes in _pairs(before or [], new):
        change, sentence = _changed(key, was, becomes) if was and becomes else _one_sided(key, was, becomes)
        yield _difference(change, owner, f"{_title(owner)}: {sentence}", was, becomes)


def _difference(
    change: Change, owner: _Owner, sentence: str, before: Statement | None = None, after: Statement | None = None
) -> Difference:
    return Difference(change=change, **owner._asdict(), sentence=sentence, before=before, after=after)


def _title(owner: _Owner) -> str:
    return f"{owner.of[0].upper()}{owner.of[1:]} `{owner.name}`"


def _one_sided(key: _Key, was: Statement | None, becomes: Statement | None) -> tuple[Change, str]:
    """Describe a statement that only one of the two has; without a denial there is more access, not less."""
    statement = becomes or was or {}
    allows, is_new = key.effect == "Allow", becomes is not None
    verb = f"may {'now' if is_new else 'no longer'}" if allows else f"is {'now' if is_new else 'no longer'} denied"
    who = _listed(statement["who"]) if statement["who"] else "it"
    action = _listed(statement["actions"])
    if key.part == "trust" and action == "`sts:AssumeRole`":
        action = "assume it" if allows else "to assume it"
    sentence = f"{who} {verb} {action}"
    if statement["resources"]:
        sentence += f" on {_listed(statement['resources'])}"
    if statement["external_ids"]:
        sentence += f", with the external id {_listed(statement['external_ids'])}"
    if statement["conditions"]:
        sentence += f", if {'; '.join(statement['conditions'])}"
    return "added" if allows is is_new else "removed", f"{sentence}."


def _changed(key: _Key, was: Statement, becomes: Statement) -> tuple[Change, str]:
    """Describe a statement that both have; it adds or removes access only if it got wider, or narrower, throughout."""
    parts, directions = [], set[Change]()
    for element in ELEMENTS:
        more = [each for each in becomes[element] if each not in was[element]]
        less = [each for each in was[element] if each not in becomes[element]]
        if not more and not less:
            continue
        name = _NAMES.get(element, element)
        parts += [f"{name} added: {_listed(more)}"] if more else []
        parts += [f"{name} removed: {_listed(less)}"] if less else []
        is_list = element in _WIDENING and not any(each.startswith("all but ") for each in (*more, *less))
        # without any value an element restricts nothing
        if not is_list or (more and less) or not was[element] or not becomes[element]:
            directions.add("changed")
        else:
            directions.add("added" if bool(more) is (key.effect == "Allow") else "removed")
    change: Change = directions.pop() if len(directions) == 1 else "changed"
    what = "who may assume it" if key.part == "trust" else f"what is {'allowed' if key.effect == 'Allow' else 'denied'}"
    return change, f"{what} ({key.sid}) changes. {'. '.join(_capitalized(part) for part in parts)}."


def _sessions(old: Document, new: Document) -> Iterator[Difference]:
    before = {role["name"]: role["session_seconds"] for role in old["roles"]}
    for role in new["roles"]:
        was, becomes = before.get(role["name"]), role["session_seconds"]
        if was not in (None, becomes):
            hours = f"{becomes / 3600:g} h instead of {was / 3600:g} h"
            owner = _Owner(_role(role), role["name"], role["stack"])
            change: Change = "added" if becomes > was else "removed"
            yield _difference(change, owner, f"{_title(owner)}: a session lasts up to {hours}.")


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(f"`{each}`" for each in values[:_MOST])
    return f"{shown} and {len(values) - _MOST} more" if len(values) > _MOST else shown


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]
