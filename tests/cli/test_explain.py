"""`logdock explain`: every alarm of every example leads to the section that its own text names."""

import json

import pytest

from logdock.cli.explain import RUNBOOKS, find, read_sections
from tests.cli.conftest import Type
from tests.conftest import ROOT, synthesize

SECTIONS = read_sections(RUNBOOKS[0].read_text(encoding="utf-8"))
ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


@pytest.mark.parametrize("example", ["everything", pytest.param("replica", marks=pytest.mark.proof)])
def test_every_alarm_leads_to_the_section_that_its_text_names(example: str) -> None:
    resources = [
        resource["Properties"]
        for template in synthesize(ROOT / "examples" / f"{example}.yaml").templates.values()
        for resource in template["Resources"].values()
        if resource["Type"] in ALARMS
    ]
    sections = {each["AlarmName"]: each["AlarmDescription"].rpartition("#")[2] for each in resources}
    assert sections
    assert {name: find(name, SECTIONS) for name in sections} == sections


def test_an_alarm_is_explained(logdock: Type) -> None:
    ended = logdock("explain", "acme/app/silence")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("## silence\n**What it means.**")
    assert "## lag" not in ended.out


def test_an_error_is_found_by_its_words(logdock: Type) -> None:
    ended = logdock("explain", "given", "up", "after", "10", "minutes:", "--json")
    assert json.loads(ended.out)["section"] == "a-deploy-or-destroy-waits-for-a-vendor-or-fails-at-one"


@pytest.mark.parametrize("what", ["xyzzy", "", "!"])
def test_what_is_unknown_lists_the_sections(logdock: Type, what: str) -> None:
    ended = logdock("explain", what)
    assert ended.code == 2
    assert "silence, lag," in ended.err
