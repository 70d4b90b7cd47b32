import io
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from logdock.cli.errors import ExitCode
from tests.cli.conftest import Type

SETTINGS = """
deployment: acme
account: "111122223333"
region: eu-west-1
retention: soc2
exports:
  - {name: app, kind: s3-logs, redaction: {detectors: [email]}, include: [user]}
  - {name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs]}
"""


@pytest.fixture
def in_folder(logdock: Type, tmp_path: Path) -> Type:
    (tmp_path / "logdock.yaml").write_text(SETTINGS)
    (tmp_path / "app.log").write_text("user ada@example.com\nuser [email] \x1b[2J\nnot included\n")
    os.utime(tmp_path / "app.log", (1772600767, 1772600767))
    return logdock


def test_preview_without_credentials_and_network_prints_records(
    in_folder: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)

    def refuse(*_: object) -> None:
        raise AssertionError("the preview opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    ended = in_folder("preview", "--export", "app", "app.log")
    assert ended.code == 0
    first, second = ended.out.splitlines()
    assert first == "2026-03-04T05:06:07Z app plain user [email]"
    assert "\x1b" not in second
    assert ended.err == ("bytes in 52, records 2, filtered 1, quarantined 0, not understood 0, failed logins 0\n")


def test_preview_on_a_terminal_highlights_replacements_alone(in_folder: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("logdock.cli.preview._is_terminal", lambda: True)
    first, second = in_folder("preview", "--export", "app", "app.log").out.splitlines()
    assert first == "2026-03-04T05:06:07Z app plain user \x1b[1;33m[email]\x1b[0m"
    assert "\x1b" not in second


@pytest.mark.parametrize("files", [[], ["-"]])
def test_preview_reads_standard_input(in_folder: Type, monkeypatch: pytest.MonkeyPatch, files: list[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"time":"2026-03-04T05:06:07Z"}\nplain\n')))
    ended = in_folder("preview", "--export", "jobs", "--json", "--arrival", "2026-03-05", *files)
    *lines, summary = map(json.loads, ended.out.splitlines())
    assert [line["time"] for line in lines] == ["2026-03-04T05:06:07Z", "2026-03-05T00:00:00.000Z"]
    assert lines[0] == {
        "time": "2026-03-04T05:06:07Z",
        "@timestamp": "2026-03-04T05:06:07Z",
        "export": "jobs",
        "vendor": "cloudwatch-logs",
        "log_type": "jobs",
        "source": "cloudwatch:/acme/jobs:preview",
        "message": '{"time":"2026-03-04T05:06:07Z"}',
    }
    assert summary["summary"]["records"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--export", "ap", "app.log"], "ap: the settings have no such export; did you mean app?"),
        (["--export", "app", "no.log"], "no.log: No such file or directory"),
        (["--export", "app", "."], ".: Is a directory"),
        (["--export", "jobs", "--key", "k", "app.log"], "--key k: the export lands in log groups: use --log-group"),
        (["--export", "app", "--log-group", "g", "app.log"], "--log-group g: the export lands in a bucket: use --key"),
        (["--export", "app", "--arrival", "soon", "app.log"], "--arrival 'soon' is not a time"),
    ],
)
def test_preview_with_a_wrong_argument_names_it(in_folder: Type, arguments: list[str], says: str) -> None:
    ended = in_folder("preview", *arguments)
    assert (ended.code, ended.out) == (ExitCode.USAGE, "")
    assert ended.err.startswith(f"Error: {says}")


def test_preview_of_a_broken_event_names_the_file(in_folder: Type, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"awslogs": {"data": "H4sIAAAA"}}')
    ended = in_folder("preview", "--export", "jobs", "event.json")
    assert (ended.code, ended.err[:40]) == (ExitCode.USAGE, "Error: event.json: the subscription payl")


@pytest.mark.parametrize("records", ["5", "[5]", '{"kinesis": 1}', '"kinesis"', "[null]"])
def test_preview_of_a_document_that_only_looks_like_an_event(in_folder: Type, tmp_path: Path, records: str) -> None:
    (tmp_path / "event.json").write_text(f'{{"Records": {records}, "inner": {{"kinesis": 1}}}}')
    assert in_folder("preview", "--export", "jobs", "event.json").code == ExitCode.FINE
