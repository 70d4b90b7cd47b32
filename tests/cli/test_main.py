import ast
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from botocore import exceptions as boto

from logdock.cli import main as entry
from logdock.cli.account import Account
from logdock.cli.errors import ExitCode, from_aws
from logdock.settings import load_settings
from tests.cli.conftest import EVERYTHING, Type, main_into_closed_pipe
from tests.conftest import ROOT

LINE = entry.app(entry.COMMANDS)
COMMANDS = sorted(
    [str(command.name) for command in LINE.registered_commands]
    + [
        f"{group.name} {command.name}"
        for group in LINE.registered_groups
        if group.typer_instance
        for command in group.typer_instance.registered_commands
        if command.callback
    ]
)
PAGE = (ROOT / "docs" / "logdock.md").read_text()


def client_error(code: str, message: str = "", operation: str = "GetObject") -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, operation)


NO_SUCH_FILE = "no such file. Name yours with --settings FILE, or write one with `logdock init`"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example_and_the_page_has_the_command(logdock: Type, command: str) -> None:
    shown = logdock(*command.split(), "--help")
    assert shown.code == 0
    assert re.search(rf"Examples?:.*logdock {command}", shown.out, re.DOTALL)
    assert f"## logdock {command}\n" in PAGE


def test_help_has_whole_names_and_no_types_at_80_columns(logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    cut = re.compile(r"(?<!\w)--?[a-z-]*…|<(?:bool|str|path|int|float|list)\b|\w\|\w|\[\[")
    typed = ["", "alerts", *COMMANDS]
    shown = {command: logdock(*command.split(), "--help").out.partition("Example")[0] for command in typed}
    assert {command: cut.findall(text) for command, text in shown.items() if cut.search(text)} == {}
    assert "One of: mongodb-atlas, cockroachdb," in re.sub(r"[\s│]+", " ", shown["init"])


def test_help_summaries_fit_a_line_of_the_list(logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = logdock("--help").out.partition("Commands")[2]
    summaries = re.findall(r"^│ (\S+ +\S.*?) *│$", listed, re.MULTILINE)
    assert len(summaries) == len(entry.COMMANDS)
    assert [line for line in summaries if not line.endswith(".")] == []


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("init", "--kind", "mongodb"), "'--kind': 'mongodb' is not one of .*[.] Did you mean 'mongodb-atlas'[?]"),
        (("logs", "--from", "feed"), "'--from': 'feed' is not one of 'archive', 'landing'[.] "),
        (("logs", "--limit", "ten"), "'--limit' / '-n': got 'ten'; input should be a valid integer"),
        (("logs", "--limit", "0"), "'--limit' / '-n': got '0'; input should be greater than or equal to 1"),
    ],
)
def test_a_refused_value_of_an_option_is_named(logdock: Type, typed: tuple[str, ...], message: str) -> None:
    ended = logdock(*typed)
    assert ended.code == ExitCode.USAGE
    assert re.search(f"Invalid value for {message}", re.sub(r"[\s│]+", " ", ended.err))


def test_the_exit_codes_are_those_of_the_page() -> None:
    rows = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert [int(row) for row in rows] == [code.value for code in ExitCode]


@pytest.mark.parametrize(
    "command", ["--help", "logs --help", "explain lag", f"validate --offline --settings {EVERYTHING}"]
)
def test_closed_pipe_ends_with_0(command: str) -> None:
    assert main_into_closed_pipe(*shlex.split(command)) == ExitCode.FINE


def test_error_into_closed_pipe_keeps_its_code() -> None:
    assert main_into_closed_pipe("explain", "xyzzy") == ExitCode.USAGE


def test_closed_pipe_ends_the_process_with_0() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "logdock", "explain", "lag"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", 0)


def test_an_interrupt_of_the_start_shows_no_traceback() -> None:
    interrupted = """if True:
        import logdock.sources
        def add_to_path(): raise KeyboardInterrupt
        logdock.sources.add_to_path = add_to_path
        import logdock.__main__
    """
    ended = subprocess.run([sys.executable, "-c", interrupted], cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, b"")


def test_a_command_that_is_none_is_a_error_of_use(logdock: Type) -> None:
    ended = logdock("validat")
    assert ended.code == ExitCode.USAGE
    assert "validate" in ended.err


def test_a_settings_file_that_is_not_there_is_named(logdock: Type) -> None:
    ended = logdock("validate")
    assert (ended.code, ended.err) == (2, f"Error: logdock.yaml: {NO_SUCH_FILE}\n")


@pytest.mark.parametrize("command", ["validate --settings", "init --settings", "new", "plan --settings"])
def test_a_path_that_the_system_refuses_is_an_error_of_use(logdock: Type, command: str) -> None:
    ended = logdock(*command.split(), "a" * 300)
    assert (ended.code, ended.err) == (2, f"Error: {'a' * 300}: File name too long\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_a_full_disk_is_no_defect() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "logdock", "explain", "lag"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, b"Error: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [
        (">&-", 1, b"Error: the output cannot be written: it is closed\n"),
        (">&- 2>&-", 1, b""),
        ("2>&-", 0, b""),
        ("<&-", 0, b""),
    ],
)
def test_a_closed_stream_is_no_defect(closed: str, code: int, said: bytes) -> None:
    command = f"{shlex.quote(sys.executable)} -m logdock explain lag {closed}"
    ended = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (code, said)


def test_a_name_in_a_message_cannot_steer_the_terminal(logdock: Type) -> None:
    ended = logdock("validate", "--settings", "\x1b[2J.yaml")
    assert ended.err == f"Error: \\x1b[2J.yaml: {NO_SUCH_FILE}\n"


def test_a_file_without_errors_is_said_to_be_one(logdock: Type) -> None:
    ended = logdock("validate", "--offline", "--settings", str(EVERYTHING))
    assert ended.code == 0
    settings, limits = ended.out.splitlines()
    assert settings == f"{EVERYTHING}: acme-prod, 7 exports, 2 destinations, no errors"
    assert limits == ("AWS limits: acme-prod-ship-logz: policy of a queue: 851 bytes; AWS takes 8192, 7341 left.")


@pytest.mark.usefixtures("aws")
def test_a_profile_that_does_not_exist_is_a_error_of_use() -> None:
    with pytest.raises(boto.ProfileNotFound) as refused:
        Account(load_settings(EVERYTHING), "missing", None)
    error_shown = from_aws(refused.value)
    assert error_shown.code == ExitCode.USAGE
    assert "missing" in str(error_shown)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (boto.NoCredentialsError(), "No AWS credentials: .* --profile"),
        (boto.UnauthorizedSSOTokenError(), "aws sso login"),
        (boto.EndpointConnectionError(endpoint_url="https://sqs.eu-west-1"), "could not be reached: .*sqs.eu-west-1"),
        (boto.ConnectTimeoutError(endpoint_url="https://s3"), "could not be reached"),
        (client_error("ExpiredToken"), "have expired"),
        (client_error("InvalidClientTokenId"), "does not know these credentials"),
        (client_error("SlowDown"), "fewer requests"),
        (client_error("AccessDenied", "Access Denied", "ListObjectVersions"), "refused s3:ListBucketVersions"),
        (
            client_error("AccessDenied", "User: u is not authorized to perform: sqs:receivemessage on resource: q"),
            "refused sqs:receivemessage: User: u",
        ),
        (client_error("InternalError", "We are sorry"), "GetObject failed: InternalError: We are sorry"),
        (boto.UnknownServiceError(service_name="x", known_service_names="y"), "could not be asked: Unknown"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_aws_says_becomes_a_message_that_says_what_to_do(error: Exception, says: str) -> None:
    error_shown = from_aws(error)
    assert error_shown.code == ExitCode.AWS
    assert re.search(says, str(error_shown))


def test_an_unexpected_error_shows_no_traceback_and_no_value(logdock: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(**_: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr(entry, "app", lambda _: break_down)
    ended = logdock("validate")
    assert ended.code == ExitCode.DEFECT
    assert ended.err == "Error: a defect in logdock: KeyError at test_main.py:" + ended.err.rpartition(":")[2]
    assert "a secret" not in ended.err


@pytest.mark.proof
def test_the_installed_command_runs_its_own_checkout_from_anywhere(tmp_path: Path) -> None:
    """As `make setup` installs it, in a checkout whose path has a space, called by a link."""
    checkout = tmp_path / "my checkout"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for room in ("logdock", "lambda_src"):
        (checkout / room).symlink_to(ROOT / room)
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    shutil.copy(ROOT / "logdock" / "cli" / "logdock", checkout / ".venv" / "bin" / "logdock")
    (tmp_path / "logdock").symlink_to(checkout / ".venv" / "bin" / "logdock")
    result = subprocess.run(
        [tmp_path / "logdock", "validate", "--offline", "--settings", EVERYTHING],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "no errors" in result.stdout


def test_what_is_proposed_takes_the_same_settings_file(aws: None) -> None:
    settings = load_settings(EVERYTHING)
    assert Account(settings, None, None).deploy("acme-core") == "npx cdk deploy acme-core"
    account = Account(settings, None, None, Path("prod 1.yaml"))
    assert account.deploy("acme-core") == "npx cdk deploy acme-core -c settings='prod 1.yaml'"
    assert account.option == " --settings 'prod 1.yaml'"
    assert "-c settings='prod 1.yaml'`" in str(account.not_deployed("core"))


def test_version_prints_that_of_the_project(logdock: Type) -> None:
    shown = logdock("--version")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (shown.code, shown.out) == (0, f"logdock {version}\n")


def test_aws_commands_that_are_proposed_name_their_region() -> None:
    """The default Region of the user's shell may be another one."""
    of_no_region = re.compile(r"aws (configure|sso|s3|iam) ")
    without: list[str] = []
    for file in sorted((ROOT / "logdock" / "cli").rglob("*.py")):
        tree = ast.parse(file.read_text())
        joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        parts = {id(part) for whole in joined for part in ast.walk(whole) if part is not whole}
        for node in ast.walk(tree):
            if not isinstance(node, ast.JoinedStr | ast.Constant) or id(node) in parts:
                continue
            text = ast.unparse(node)
            if re.search(r"\baws [a-z0-9-]+ [a-z]+", text) and not of_no_region.search(text):
                without += [] if "--region" in text or "{at}" in text else [f"{file.name}:{node.lineno} {text}"]
    assert without == []


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [("logdock re", ["redrive"]), ("logdock validate --off", ["--offline"]), ("logdock alerts t", ["test"])],
)
def test_shell_completes_commands_and_options(
    typed: str, proposed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_LOGDOCK_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert entry.main([]) == 0
    assert capsys.readouterr().out.splitlines() == proposed
