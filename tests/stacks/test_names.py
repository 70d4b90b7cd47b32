"""The names and keys that the command looks for are those that the stacks give."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from logdock.settings import Deployment, load_settings
from logdock.settings.names import Names
from tests.conftest import EXAMPLES, ROOT, Synthesized, synthesize
from tests.settings.documents import FETCH, OTLP, PUSH, destination, document, export

OPTIONS = ROOT / "tests" / "stacks" / "snapshots" / "options.yaml"
"""Options of exports and destinations that no example has."""


def test_a_destinations_queues_have_the_names_that_the_command_looks_for(everything: Synthesized) -> None:
    settings = load_settings(ROOT / "examples" / "everything.yaml")
    names = Names.of(settings)
    given = {resource["Properties"]["QueueName"] for _, _, resource in everything.resources("AWS::SQS::Queue")}
    assert given == {names.queue(name, suffix) for name in settings.shippers for suffix in ("", "-dead")}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_key_is_expected_of_the_exports_whose_stacks_make_one(example: Path) -> None:
    settings = load_settings(example)
    templates = synthesize(example).templates
    for each in settings.exports:
        landing = "Landing-" if each.other_account else ""
        stack = templates[f"{settings.deployment}-{landing}{each.name}"]
        makes_one = any(resource["Type"] == "AWS::KMS::Key" for resource in stack["Resources"].values())
        if settings.region in (getattr(each, "regions", ()) or (settings.region,)):
            assert each.has_own_key == makes_one, each.name


NAMED = {
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
}


class Pattern(NamedTuple):
    """A physical name: what is before and after the name of an export or destination, or the whole of our own."""

    type: str
    before: str
    after: str
    of: str  # exports, destinations, or nothing


def patterns() -> set[Pattern]:
    """Return how the stacks of some settings name their resources."""
    found = set()
    for file in (ROOT / "examples" / "everything.yaml", ROOT / "examples" / "alerts.yaml", OPTIONS):
        settings = load_settings(file)
        parts = {each.name: "destinations" for each in settings.destinations}
        parts |= {each.name: "exports" for each in settings.exports}
        choices = "|".join(sorted(parts, key=len, reverse=True))
        named = re.compile(rf"((?:alias/)?{settings.deployment}[-/](?:ship-)?)({choices})((?:[-_./].*)?)")
        for resource in (each for kind in NAMED for _, _, each in synthesize(file).resources(kind)):
            name = resource["Properties"].get(NAMED[resource["Type"]])
            if isinstance(name, str) and name.removeprefix("alias/").startswith(settings.deployment):
                of = named.fullmatch(name)
                before, part, after = of.groups() if of else (name, "", "")
                found.add(Pattern(resource["Type"], before, after, parts.get(part, "")))
    return found


def shared_names(one: Pattern, other: Pattern) -> Iterator[dict[str, set[str]]]:
    """Yield the names of exports and destinations with which two patterns make the same name."""
    for part in ("some-name", "some-name" + one.after) if one.of else ("",):
        name = one.before + part + (one.after if one.of else "")
        if one.type == other.type and other.of and name.startswith(other.before) and name.endswith(other.after):
            second = name[len(other.before) : len(name) - len(other.after)]
            if re.fullmatch("[a-z][a-z0-9-]*[a-z0-9]", second) and (one.of, part) != (other.of, second):
                names: dict[str, set[str]] = {"exports": {"other"}, "destinations": set()}
                for kind, each in ((one.of, part), (other.of, second)):
                    if kind:
                        names[kind].add(each)
                yield names


def is_refused(names: dict[str, set[str]], base: dict[str, object]) -> bool:
    """Return whether settings with exports in two Regions and destinations of these names are refused."""
    regions = ["eu-west-1", "us-east-1"]
    exports = [
        export(
            "cockroachdb",
            name=name,
            cluster_id=f"f78b7feb-b6cf-4396-9d7f-{at:012}",
            log_group=f"/{name}",
            regions=regions,
        )
        for at, name in enumerate(names["exports"])
    ]
    destinations = [destination(base, name=name) for name in names["destinations"]]
    try:
        Deployment.model_validate(document(*exports, destinations=destinations))
    except ValidationError:
        return True
    return False


def test_no_two_parts_of_a_settings_file_make_the_same_physical_name() -> None:
    """AWS refuses the second one, late: the settings refuse the names first."""
    clashes = [names for pair in itertools.product(patterns(), repeat=2) for names in shared_names(*pair)]
    assert len(clashes) > 20
    accepted = []
    for names in clashes:
        # With each kind of destination: the names that one makes decide.
        if not any(is_refused(names, each) for each in (PUSH, FETCH, OTLP)):
            accepted.append(names)
    assert accepted == []
    assert not is_refused({"exports": {"some-name", "other"}, "destinations": {"third"}}, FETCH)
