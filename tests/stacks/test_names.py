"""The names and keys that the command looks for are those that the stacks give."""

from __future__ import annotations

from pathlib import Path

import pytest

from logdock.settings import load_settings
from logdock.settings.names import Names
from tests.conftest import EXAMPLES, ROOT, Synthesized, synthesize


def test_a_destinations_queues_have_the_names_that_the_command_looks_for(everything: Synthesized) -> None:
    settings = load_settings(ROOT / "examples" / "everything.yaml")
    names = Names.of(settings)
    given = {resource["Properties"]["QueueName"] for _, _, resource in everything.resources("AWS::SQS::Queue")}
    assert given == {names.queue(name, suffix) for name in settings.shippers for suffix in ("", "-dead")}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_key_is_expected_of_the_exports_whose_stacks_make_one(example: Path) -> None:
    settings = load_settings(example)
    templates = synthesize(example).templates
    for export in settings.exports:
        landing = "Landing-" if export.other_account else ""
        stack = templates[f"{settings.deployment}-{landing}{export.name}"]
        makes_one = any(resource["Type"] == "AWS::KMS::Key" for resource in stack["Resources"].values())
        if settings.region in (getattr(export, "regions", ()) or (settings.region,)):
            assert export.has_own_key == makes_one, export.name
