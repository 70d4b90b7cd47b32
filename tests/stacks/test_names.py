"""The names that the command looks for are those that the stacks give."""

from __future__ import annotations

from settings import load_settings
from settings.names import Names
from tests.conftest import ROOT, Synthesized


def test_a_destinations_queues_have_the_names_that_the_command_looks_for(everything: Synthesized) -> None:
    settings = load_settings(ROOT / "examples" / "everything.yaml")
    names = Names.of(settings)
    given = {resource["Properties"]["QueueName"] for _, _, resource in everything.resources("AWS::SQS::Queue")}
    assert given == {names.queue(name, suffix) for name in settings.shippers for suffix in ("", "-dead")}
