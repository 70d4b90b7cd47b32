"""The demo, as far as it goes without a deploy: what it may not do, and what it says."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from rich.console import Console

from local_cloud import cdk, demo, kept
from local_cloud.commands import Answer, Fault, Person
from local_cloud.markers import Sightings
from local_cloud.report import ExportReport, Report
from local_cloud.terminal import Terminal
from local_cloud.vendor_accounts import Vendors
from logdock.settings import Deployment, load_settings
from logdock.vendors import registry

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator
    from local_cloud.stage import Stage
    from local_cloud.vendor_accounts import VendorAccount
    from local_cloud.vendors.cockroachdb.api import CockroachdbApi
    from local_cloud.vendors.logzio.api import LogzioApi
    from local_cloud.vendors.logzio.listener import LogzioListener
    from local_cloud.vendors.mongodb_atlas.api import AtlasApi

EXAMPLES = Path(__file__).parents[2] / "examples"
Localised = Callable[[Path], Deployment]
LISTENER = "https://127.0.0.1:8071"
API = "https://127.0.0.1:8072"


def _vendors() -> Vendors:
    vendors = Vendors(cast("Emulator", None))
    vendors.atlas = cast("AtlasApi", SimpleNamespace(url=API))
    vendors.logzio = cast("LogzioApi", SimpleNamespace(url=API))
    vendors.cockroachdb = cast("CockroachdbApi", SimpleNamespace(url=API))
    vendors.accounts = {
        kind: cast("VendorAccount", SimpleNamespace(api=SimpleNamespace(url=API))) for kind in registry.EXPORTS
    }
    return vendors


@pytest.fixture
def localised(tmp_path: Path) -> Localised:
    """Return the settings of a file as the demo deploys them."""
    return lambda file: demo.localised(file, LISTENER, _vendors(), tmp_path / "local.yaml")


def _report(**changes: object) -> Report:
    values: dict[str, object] = {
        "name": "orders",
        "kind": "mongodb-atlas",
        "stack": "acme-orders",
        "session_seconds": 43200,
        "allowed": ["wrote"],
        "refused": ["read"],
        "written_records": 5,
        "landed_records": 5,
        "shipped_records": None,
        "archived_records": 4,
        "found_records": 5,
        "lost_records": 1,
        "duplicate_records": 0,
        **changes,
    }
    return Report([ExportReport(**values)])  # type: ignore[arg-type]


def test_logs_are_pushed_to_this_machine_and_nowhere_else(tmp_path: Path, localised: Localised) -> None:
    source = tmp_path / "settings.yaml"
    text = (EXAMPLES / "everything.yaml").read_text(encoding="utf-8")
    otlp = "destinations:\n  - {name: lake, kind: otlp, endpoint: 'https://otel.acme.example'}"
    source.write_text(text.replace("destinations:", otlp).replace("[archive, logz]", "[archive, logz, lake]"))

    local = localised(source)

    assert "lake" in {name for export in load_settings(source).exports for name in export.ship_to}
    assert "lake" not in {name for export in local.exports for name in export.ship_to}
    pushed = [entry for entry in local.destinations if entry.kind == "logzio" and entry.mode == "push"]
    assert [entry.kind for entry in local.destinations] == ["logzio"] * len(local.destinations)
    assert {entry.listener for entry in pushed if entry.kind == "logzio"} == {LISTENER}


def test_says_what_is_not_played(localised: Localised) -> None:
    settings = load_settings(EXAMPLES / "mongodb-atlas-mrap.yaml")

    local = localised(EXAMPLES / "mongodb-atlas-mrap.yaml")

    assert [note.partition("'")[0] for note in demo.not_played(settings)] == ["orders-audit"]
    assert demo.not_played(local) == []


def test_everything_else_stays_as_it_was_set(localised: Localised) -> None:
    original = load_settings(EXAMPLES / "everything.yaml")

    local = localised(EXAMPLES / "everything.yaml")

    for mine, theirs in zip(local.exports, original.exports, strict=True):
        connect = getattr(theirs, "connect", None)
        asked = theirs.model_copy(
            update={"connect": connect.model_copy(update={"api_base_url": API})} if connect else {}
        )
        assert mine == asked


def test_someone_is_notified_of_alarms_whatever_the_example(localised: Localised) -> None:
    """The smoke test fails where no one is, and with it the demo."""
    notified = {example.name: localised(example).alerts for example in sorted(EXAMPLES.glob("*.yaml"))}

    assert [name for name, alerts in notified.items() if not (alerts.email or alerts.webhook)] == []
    assert notified["everything.yaml"].email == load_settings(EXAMPLES / "everything.yaml").alerts.email


def test_an_environment_is_played_with_what_it_extends(tmp_path: Path, localised: Localised) -> None:
    settings_file = EXAMPLES / "environments" / "production.yaml"

    local = localised(settings_file)

    assert [export.name for export in local.exports] == ["orders", "services"]
    assert local == load_settings(tmp_path / "local.yaml")


def test_no_vendor_is_called_but_on_this_machine(localised: Localised) -> None:
    local = localised(EXAMPLES / "everything.yaml")

    connects = [getattr(party, "connect", None) for party in (*local.exports, *local.destinations)]
    assert any(connects)
    assert all(connect.api_base_url == API for connect in connects if connect)


def test_a_error_in_the_settings_is_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("deployment: acme\n")

    assert demo.main(["--settings", str(broken)]) == 2
    assert "account" in capsys.readouterr().err


def test_a_tool_that_is_not_installed_is_a_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cdk, "ROOT", tmp_path)

    assert demo.main(["--settings", str(EXAMPLES / "everything.yaml")]) == 1
    assert "make setup" in capsys.readouterr().err


def test_two_demos_do_not_share_a_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kept, "BUILD", tmp_path)
    monkeypatch.setattr(kept, "LOCK", tmp_path / "demo.lock")
    monkeypatch.setattr(demo, "command_line", list)

    with kept.alone():
        assert demo.main(["--settings", str(EXAMPLES / "everything.yaml")]) == 1

    assert "Another demo is running" in capsys.readouterr().err


def test_ends_well_only_if_every_promise_held(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.conclude(_report(), Terminal()) == 0
    assert "cdk deploy --all" in capsys.readouterr().out

    assert demo.conclude(_report(broken=["a record is missing"]), Terminal()) == 1
    assert "orders: a record is missing" in capsys.readouterr().out


@pytest.mark.parametrize("is_clean", [True, False])
def test_what_a_destroy_leaves_at_a_vendor_is_a_broken_promise(is_clean: bool) -> None:
    entry = _report(connected=True).exports[0].after_destroy(is_clean=is_clean)

    assert entry.vendor_clean_after_destroy is is_clean
    assert entry.broken == ([] if is_clean else ["a destroy left something of it at the vendor"])


def test_the_table_has_a_row_per_export() -> None:
    console = Console(file=io.StringIO(), width=80)

    console.print(_report().table())

    assert isinstance(console.file, io.StringIO)
    assert "…" not in console.file.getvalue(), "cut in a terminal of 80 columns"
    row = next(line for line in console.file.getvalue().splitlines() if "orders" in line)
    assert row.split() == ["orders", "(mongodb-atlas)", "12", "h", "1", "5", "-", "4", "5", "-"]


def test_output_that_is_no_terminal_has_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()

    with terminal.step("deploying") as progress:
        progress("half of it")

    assert capsys.readouterr().out == "==> deploying\n"
    assert list(terminal.seconds) == ["deploying"]


def test_the_report_says_which_promises_did_not_hold(tmp_path: Path) -> None:
    report = _report(broken=["a record is missing"])

    report.write(tmp_path / "report.json")

    assert '"broken": [\n    "orders: a record is missing"\n  ]' in (tmp_path / "report.json").read_text(
        encoding="utf-8"
    )


def test_what_logdock_says_is_shown_but_for_what_is_fine_and_the_end_of_a_long_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = [
        Answer("logdock validate", 0, "✓ orders  key\n? orders  vendor\n1 fine"),
        Answer("logdock logs", 0, "x" * 133),
    ]
    demo._show(answers, Terminal())
    assert capsys.readouterr().out.splitlines() == [
        "$ logdock validate", "? orders  vendor", "1 fine", "", "$ logdock logs", f"{'x' * 131}…", "",
    ]  # fmt: skip


def test_a_command_that_ends_badly_is_a_broken_promise() -> None:
    report = Report([], exit_codes={"logdock validate": 0, "logdock status": 1})
    assert report.broken == ["`logdock status` ended with 1, not 0"]


class _Person(Person):
    """A person whose terminal prints what a test says."""

    fault = Fault("orders", "logz", "0" * 32, was_kept=True)

    def _type(self, arguments: tuple[str, ...]) -> Answer:
        text = arguments[-1].replace("|", "\n") if arguments[0] == "logs" else ""
        return Answer(" ".join(arguments), 0, text)

    def _fault(self) -> Fault:
        return self.fault


def _person(person: type[Person] = _Person, *, arrived: int = 1) -> Person:
    settings = load_settings(EXAMPLES / "everything.yaml")
    listener = SimpleNamespace(accepted={("logz", "orders"): Sightings(Counter({_Person.fault.marker: arrived}))})
    return person(
        stage=cast("Stage", SimpleNamespace(settings=settings)),
        settings_file=Path("logdock.yaml"),
        listener=cast("LogzioListener", listener),
        written={export.name: {f"marker-of-{export.name}"} for export in settings.exports},
    )


def test_logdock_finds_a_line_of_every_export_and_sends_again_what_was_refused() -> None:
    answers, report = _person().perform(_report())

    searched = [answer.command for answer in answers if answer.command.startswith("logs")]
    assert [set(re.findall(r"marker-of-(\w+)", command)) for command in searched] == [
        {export.name for export in load_settings(EXAMPLES / "everything.yaml").exports},
        {"platform"},
    ]
    assert "--from landing" in searched[1]
    assert answers[-1].command == "redrive"
    (entry,) = report.exports
    assert (entry.found_by_logdock, entry.redriven, report.broken) == (True, True, [])
    assert set(report.exit_codes) == {answer.command for answer in answers}


def test_a_line_that_logdock_does_not_find_is_a_broken_promise() -> None:
    class Blind(_Person):
        def _type(self, _arguments: tuple[str, ...]) -> Answer:
            return Answer("logs", 0, "0 lines")

    _, report = _person(Blind).perform(_report())
    assert report.broken == ["orders: `logdock logs` did not find a known line of it, once"]


def test_a_line_that_is_in_the_archive_but_not_in_what_aptible_encrypted_is_not_found() -> None:
    class Locked(_Person):
        def _type(self, arguments: tuple[str, ...]) -> Answer:
            return Answer("logs", 0, "") if "landing" in arguments else super()._type(arguments)

    _, report = _person(Locked).perform(_report(name="platform"))
    assert report.exports[0].found_by_logdock is False


@pytest.mark.parametrize(("arrived", "was_kept"), [(0, True), (2, True), (1, False)])
def test_a_refused_record_that_does_not_arrive_once_is_a_broken_promise(arrived: int, was_kept: bool) -> None:
    class Unlucky(_Person):
        fault = _Person.fault._replace(was_kept=was_kept)

    _, report = _person(Unlucky, arrived=arrived).perform(_report())
    assert report.broken == ["orders: `logdock redrive` did not bring, once, the record that a destination had refused"]
