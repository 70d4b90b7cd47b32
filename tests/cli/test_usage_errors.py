"""What a person can get wrong, for every command that asks AWS: each has its message and its exit code."""

from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from logdock.cli.errors import closest
from logdock.cli.main import COMMANDS
from tests.cli.conftest import ACCOUNT, EVERYTHING, Type
from tests.conftest import ROOT

ASKING_AWS = {
    "validate": (),
    "next-steps": (),
    "status": (),
    "logs": (),
    "sql": ("SELECT 1 FROM archive",),
    "backfill": ("--export", "apps", "--since", "1h"),
    "rotate-external-id": ("ledger", "--settings", str(ROOT / "examples" / "cockroachdb.yaml")),
    "redrive": (),
    "smoke-test": (),
}
"""Each command, and what it must be given."""
TYPED = [
    typed if "--settings" in typed else (*typed, "--settings", str(EVERYTHING))
    for typed in (*((name, *rest) for name, rest in ASKING_AWS.items()), ("alerts", "test"))
]


def test_every_command_that_asks_aws_is_here() -> None:
    # previews and explanations ask no service; a plan has exit codes of its own: tests/cli/plan
    without = {"add", "bootstrap-policy", "explain", "init", "new", "plan", "preview"}
    assert set(COMMANDS) - without == {typed[0] for typed in TYPED}


@pytest.mark.parametrize("typed", TYPED, ids=lambda typed: typed[0])
def test_no_credentials(logdock: Type, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...]) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ended = logdock(*typed)
    assert (ended.code, "Error: No AWS credentials: " in ended.err) == (3, True)
    assert "--profile" in ended.err


@pytest.mark.parametrize("typed", TYPED, ids=lambda typed: typed[0])
@pytest.mark.usefixtures("aws")
def test_a_region_that_the_deployment_is_not_in(logdock: Type, typed: tuple[str, ...]) -> None:
    ended = logdock(*typed, "--region", "eu-west-9")
    assert (ended.code, ended.err) == (
        2, "Error: --region eu-west-9: acme-prod has nothing there; did you mean eu-west-1?\n",
    )  # fmt: skip


@pytest.mark.parametrize("typed", TYPED, ids=lambda typed: typed[0])
@pytest.mark.usefixtures("aws")
def test_credentials_of_another_account(logdock: Type, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...]) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "999999999999")
    monkeypatch.setattr(
        "moto.sts.models.STSBackend.get_caller_identity",
        lambda *_: ("u", "arn:aws:iam::999999999999:u", "999999999999"),
    )
    ended = logdock(*typed)
    assert ended.code == 2
    assert f"of the account 999999999999 (arn:aws:iam::999999999999:u), and acme-prod is in {ACCOUNT}" in ended.err


@pytest.mark.parametrize("typed", TYPED, ids=lambda typed: typed[0])
@pytest.mark.usefixtures("aws")
def test_a_permission_that_is_missing_is_named(
    logdock: Type, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...]
) -> None:
    client_class: Any = BaseClient
    asked = client_class._make_api_call

    def refuse(client: Any, operation: str, parameters: Any) -> Any:
        if operation == "GetCallerIdentity":
            return asked(client, operation, parameters)
        message = f"User: u is not authorized to perform: some:{operation} on resource: r"
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    ended = logdock(*typed)
    # a look at everything goes on without, and says so
    goes_on = typed[0] in ("validate", "status", "smoke-test")
    assert ended.code == (0 if goes_on else 3), ended.err
    assert " is refused" in ended.out + ended.err if goes_on else "AWS refused some:" in ended.err


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        *((f"{each} orders", f"Name an export with the option: logdock {each} --export NAME")
          for each in ("logs", "redrive", "smoke-test", "backfill --export orders --since 1h")),
        *((f"{each} orders", f"Name it without the option: logdock {each.split()[0]} NAME")
          for each in ("validate --export", "next-steps -e", "rotate-external-id --export")),
    ],
)  # fmt: skip
def test_an_export_named_the_other_way_is_answered_with_the_way_of_the_command(
    logdock: Type, typed: str, answer: str
) -> None:
    ended = logdock(*typed.split())
    said = " ".join(ended.err.replace("│", " ").split())
    assert (ended.code, answer.replace(" --export orders --since 1h", "") in said) == (2, True), said


def test_what_there_is_is_named_once() -> None:
    assert closest("nope", ["logz", "archive", "archive"]) == "there are: logz, archive"
