"""`logdock explain`: every alarm of every example leads to the section that its own text names."""

import json
import re

import pytest
from rich.console import Console

from logdock.cli.explain import DEPLOY_ERRORS, find_alarm, find_deploy_errors, find_words, read_page, read_sections
from logdock.cli.screen import Screen
from tests.cli.conftest import Type
from tests.conftest import ROOT, synthesize

SECTIONS = read_sections(read_page("runbook.md"))
TROUBLESHOOTING = read_sections(read_page("troubleshooting.md"))
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
    assert {name: find_alarm(name, SECTIONS) for name in sections} == sections


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


def test_every_message_of_the_deploy_errors_finds_its_row() -> None:
    rows = [row for row in TROUBLESHOOTING[DEPLOY_ERRORS].splitlines() if row.startswith("| `")]
    assert len(rows) >= 20
    for row in rows:
        for part in re.findall("`([^`]+)`", row.split("|")[1]):
            error = f"Error: {part.replace('...', ' one two ')} (Service: X)"
            assert row in (find_deploy_errors(error, TROUBLESHOOTING) or ""), part


def test_a_deploy_error_is_explained_by_its_row_alone(logdock: Type) -> None:
    error = "acme-prod-core: SSM parameter /cdk-bootstrap/hnb659fds/version not found. Is the account bootstrapped?"
    ended = logdock("explain", *error.split())
    assert (ended.code, ended.err) == (0, "")
    assert "npx cdk bootstrap aws://ACCOUNT/REGION" in ended.out
    assert "ExpiredToken" not in ended.out


def test_common_words_alone_find_nothing() -> None:
    assert find_words("what has not been there", SECTIONS) is None


def test_links_within_the_page_are_the_names_of_sections() -> None:
    assert "| busy or slow is on, too |" in SECTIONS["lag"]
    assert not any("](#" in text for text in [*SECTIONS.values(), *TROUBLESHOOTING.values()])


def test_a_terminal_shows_the_addresses_of_other_pages(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen._out = Console(force_terminal=True, width=80)
    screen.markdown("See [the first deploy](first-deploy.md).")
    assert "the first deploy (first-deploy.md)" in re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


def test_a_section_that_has_some_words_is_not_added_to_a_deploy_error(logdock: Type) -> None:
    ended = logdock("explain", "deploy failed: acme-core is in ROLLBACK_COMPLETE state")
    assert "delete the stack" in ended.out
    assert "## " not in ended.out
