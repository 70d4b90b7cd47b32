"""The tutorial: its steps are few, and the questions that it shows are those that `logdock init` asks.

tests/end_to_end/test_readme.py runs its commands. With LOGDOCK_WRITE_TRANSCRIPTS set, the page is written instead of
compared.
"""

import os
import re
import shlex

import pytest

from tests.cli.conftest import Type, typed
from tests.test_readme import README, TUTORIAL, commands, typed_answers

MOST_COMMANDS, MOST_ANSWERS = 8, 6
COMMAND = "logdock init --kind mongodb-atlas"
ANSWERS = [
    "acme-prod", "", "", "", "oncall@acme.example", "orders", "5e2211c17a3e5a48f5497de3", "",
    "arn:aws:iam::772401394250:root",
    "9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64", "", "",
]  # fmt: skip
BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)


def test_steps_are_few() -> None:
    assert len(commands(TUTORIAL)) <= MOST_COMMANDS
    assert len([answer for answer in typed_answers() if answer]) <= MOST_ANSWERS


def test_readme_has_the_same_commands() -> None:
    with_setup = [line for line in commands(README) if line not in ("make demo", "make test", "make setup")]
    assert with_setup == [line for line in commands(TUTORIAL) if line != "make demo"]


def test_transcript_is_what_init_prints(logdock: Type, aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr("builtins.input", typed(*ANSWERS))
    ended = logdock(*shlex.split(COMMAND)[1:])
    shown = re.sub(r" +$", "", f"$ {COMMAND}\n{ended.err}{ended.out}", flags=re.MULTILINE)
    if "LOGDOCK_WRITE_TRANSCRIPTS" in os.environ:
        TUTORIAL.write_text(BLOCK.sub(lambda _: shown, TUTORIAL.read_text()))
    assert ended.code == 0
    assert BLOCK.findall(TUTORIAL.read_text()) == [shown]
    assert typed_answers() == ANSWERS
