"""`logdock next-steps`: what the stacks' outputs say, for every export and every destination that fetches."""

import json
from typing import Any

import pytest

from logdock.cli.main import main
from tests.aws_in_memory import Stacks
from tests.cli.conftest import EVERYTHING, Type
from tests.cli.terminal import Terminal

OUTPUTS = {
    "acme-prod-orders": {"RoleArn": "arn:role", "NextSteps": "curl atlas", "Prefix": "atlas/orders"},
    "acme-prod-ledger": {"NextSteps": "curl cockroach"},
    "acme-prod-billing": {"NextSteps": "Nothing to do."},
    "acme-prod-platform": {"NextSteps": "Ask Aptible"},
    "acme-prod-cdn": {"NextSteps": "Nothing to do."},
    "acme-prod-trail": {"NextSteps": "aws cloudtrail"},
    "acme-prod-apps": {"NextSteps": "Nothing to do."},
    "acme-prod-shipper": {"LogzReaderRoleArn": "arn:reader", "LogzReaderNextSteps": "curl logz", "Other": "x"},
}


@pytest.fixture
def formation(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Stacks(OUTPUTS)
    monkeypatch.setattr("logdock.cli.account.Account.cloudformation_in", lambda *_: fake)


def steps(logdock: Type, *arguments: str) -> Any:
    return logdock("next-steps", *arguments, "--settings", str(EVERYTHING))


@pytest.mark.usefixtures("formation")
def test_every_export_and_fetching_destination_has_its_steps(logdock: Type) -> None:
    found = json.loads(steps(logdock, "--json").out)
    assert {name: outputs["NextSteps"]["value"] for name, outputs in found.items()} == {
        "orders": "curl atlas",
        "ledger": "curl cockroach",
        "billing": "Nothing to do.",
        "platform": "Ask Aptible",
        "cdn": "Nothing to do.",
        "trail": "aws cloudtrail",
        "apps": "Nothing to do.",
        "logz-reader": "curl logz",
    }
    assert set(found["logz-reader"]) == {"RoleArn", "NextSteps"}


@pytest.mark.usefixtures("formation")
def test_the_values_of_the_form_are_shown_with_the_call(logdock: Type) -> None:
    shown = steps(logdock, "orders").out
    assert "(RoleArn)\n    arn:role\n" in shown
    assert "  Prefix (Prefix)\n    atlas/orders\n" in shown
    assert "curl atlas\n" in shown


@pytest.mark.usefixtures("formation")
def test_the_call_alone_can_be_run(logdock: Type) -> None:
    assert steps(logdock, "orders", "--call").out == "curl atlas\n"


@pytest.mark.usefixtures("formation")
def test_a_name_that_has_no_steps_is_a_error_of_use(logdock: Type) -> None:
    ended = steps(logdock, "logz")
    assert ended.code == 2
    assert "Error: logz: the settings have no such export, nor destination that fetches" in ended.err


def test_a_stack_that_is_not_deployed_is_named(logdock: Type, aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logdock.cli.account.Account.cloudformation_in", lambda *_: Stacks({}))
    ended = steps(logdock, "orders")
    assert ended.code == 4
    assert "acme-prod-orders is not deployed" in ended.err


@pytest.mark.usefixtures("formation")
def test_sentences_are_wrapped_between_words_and_commands_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "Ask Aptible Support: please archive the logs of our stack in eu-west-1 to the bucket acme-logs."
    command = f"curl https://cockroachlabs.cloud/api/v1/clusters/{'x' * 80}"
    monkeypatch.setitem(OUTPUTS, "acme-prod-platform", {"NextSteps": f"{sentence}\n{command}"})
    terminal = Terminal(80)
    with monkeypatch.context() as patch:
        terminal.install(patch)
        assert main(["next-steps", "platform", "--settings", str(EVERYTHING)]) == 0
    assert " ".join(terminal.rows[1:3]) == sentence
    assert [command.startswith(row) for row in terminal.wrapped] == [True]


@pytest.mark.usefixtures("formation")
@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ({"BucketName": "acme-logs"}, True),
        ({}, True),
        ({"NextSteps": "curl atlas"}, False),
        ({"MetricsNextSteps": "curl logz"}, False),
    ],
)
def test_a_stack_without_steps_says_that_nothing_is_to_do(
    logdock: Type, monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str], says: bool
) -> None:
    monkeypatch.setitem(OUTPUTS, "acme-prod-apps", outputs)
    assert ("Nothing to do.\n" in steps(logdock, "apps").out) == says
    assert "Nothing" not in steps(logdock, "apps", "--call").out
