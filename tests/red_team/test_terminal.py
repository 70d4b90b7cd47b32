"""An attacker who writes log lines, names objects, or answers for a vendor, against the person who reads them.

A terminal obeys control characters: they clear the screen, rewrite what was printed, change the window's title or paste
commands. Bidirectional controls show a line in another order than it has. Rich reads `[red]` as markup. What must hold:
nothing that another wrote reaches the terminal unescaped, from any command, and none of it ends a command.
"""

import ast
import gzip
import io
import json
import unicodedata
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logdock.cli.screen import Screen
from logdock.cli.terminal import one_line, printable, printable_json
from tests.cli.conftest import Type, Typed, aws, deployed, logdock
from tests.cli.deployed import Deployed
from tests.cli.logs.conftest import DAY, Landed
from tests.cli.logs.test_aptible import BODY, MASTER, key_of, keys_file, land
from tests.conftest import ROOT
from tests.costly import sample

__all__ = ["aws", "deployed", "logdock"]

CASE = b'{"time":"2026-03-04T05:06:07Z","m":"\xc2\x9b[2J\xc2\x9b[31m gone \xe2\x80\xae."}'
BIDI = {"\u061c", "\u200e", "\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J", "\x9b31m", "\x90", "\u202egnp.exe", "\u2066\u2069", "[/x]", "[red]x[/red]", "[link=x]",
    ":smile:", "a\nError: b", "\r", "\x7f\x08", "\ud800", "\u2028", "\U000e0041",
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.sampled_from(HOSTILE), st.lists(st.sampled_from(HOSTILE)).map("".join))


def obeyed(printed: str) -> set[str]:
    """Return the characters that a terminal would obey, but for line breaks and tabs."""
    return {
        each for each in printed if (unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t") or each in BIDI
    }


def shown(show: str, text: str) -> str:
    """Return what a screen prints of a text, one way or another."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        screen = Screen(as_json=show == "document")
        match show:
            case "say":
                screen.say(text)
            case "note":
                screen.note(text)
            case "error":
                screen.error(text)
            case "table":
                screen.table(["export", "reason"], [["app", text], [1, 2]])
            case "document":
                screen.document({"reason": text, text: [text]})
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("show", ["say", "note", "error", "table", "document"])
@settings(deadline=None)
@given(text=TEXTS)
@example(text="[/x]")
def test_no_control_character_is_printed(show: str, text: str) -> None:
    printed = shown(show, text)
    assert obeyed(printed) == set()
    printed.encode()


@pytest.mark.parametrize(("show", "lines"), [("say", 1), ("note", 1)])
@settings(deadline=None)
@given(text=TEXTS)
def test_what_others_wrote_begins_no_line_of_its_own(show: str, lines: int, text: str) -> None:
    """The attacker ends the line and writes one that looks like the command's own, such as `0 wrong`."""
    assert len(shown(show, text).split("\n")) == lines + 1


@given(text=TEXTS)
def test_json_means_the_same_as_before(text: str) -> None:
    assert json.loads(printable_json(json.dumps({"x": text}, ensure_ascii=False))) == {"x": text}


@given(text=st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_text_that_is_safe_is_printed_as_it_is(text: str) -> None:
    assert (printable(text), one_line(text), printable_json(text)) == (text, text, text)


def test_the_screen_the_search_and_the_preview_alone_print() -> None:
    """What is printed elsewhere would be printed unescaped."""
    printing: set[str] = set()
    for file in (ROOT / "logdock" / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id="print")) | ast.Call(func=ast.Attribute(attr="echo" | "secho")):
                    printing.add(str(file.relative_to(ROOT)))
                case ast.Attribute(value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr"), attr=used):
                    if used not in ("isatty", "fileno", "flush"):
                        printing.add(str(file.relative_to(ROOT)))
                case ast.ImportFrom(module=str(module)) if module.startswith("rich") and module != "rich.cells":
                    printing.add(str(file.relative_to(ROOT)))
    assert printing == {"logdock/cli/screen.py", "logdock/cli/logs/search.py", "logdock/cli/preview.py"}


@pytest.fixture
def landed(aws: None, logdock: Type, tmp_path: Path) -> Landed:
    return Landed(tmp_path, logdock)


class TestLogs:
    """`logdock logs` prints what was logged."""

    @pytest.mark.parametrize("form", [(), ("--json",)])
    def test_a_line_cannot_clear_the_screen_or_turn_its_text_around(
        self, landed: Landed, form: tuple[str, ...]
    ) -> None:
        landed.archived((f"{DAY}T03:12:00Z", CASE.decode()))
        landed.s3.put_object(Bucket="acme-trail", Key="a.log", Body=CASE + b"\n")
        for more in ((), ("--from", "landing", "--export", "trail", "--since", "2026-03-04", "--until", "now")):
            found = landed.logs(*more, *form)
            assert (found.code, obeyed(found.out)) == (0, set())
            assert "gone" in found.out

    def test_raw_lines_are_escaped_on_a_terminal_and_are_the_vendors_bytes_elsewhere(
        self, landed: Landed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        landed.archived((f"{DAY}T03:12:00Z", CASE.decode()))
        assert landed.logs("--raw").out.encode() == CASE + b"\n"
        monkeypatch.setattr("logdock.cli.logs.scan.is_terminal", lambda: True)
        assert obeyed(landed.logs("--raw").out) == set()

    def test_an_objects_name_is_escaped_where_it_is_named(self, landed: Landed) -> None:
        landed.s3.put_object(Bucket=landed.platform, Key=key_of(name="\x9b2J\u202e\n0 wrong.archived.gz"), Body=b"x")
        found = landed.logs("--export", "platform", "--since", "1h", "--until", "now")
        assert found.code == 1
        assert obeyed(found.err) == set()
        assert "\n0 wrong" not in found.err


class TestDownload:
    """`logdock logs --download` makes files of objects, whose names others chose."""

    @pytest.mark.parametrize(
        "name",
        sample([
            "../../../evil", "..", ".", "a//b", "/etc/evil", "a/../../../../evil", "new\nline",
            "\x1b[2J", "\u202ex", "n" * 300,
            "d/" * 200 + "n" * 250, "x" * 252,
        ], 3),
    )  # fmt: skip
    def test_a_hostile_key_ends_nothing_and_writes_nothing_outside(self, landed: Landed, name: str) -> None:
        land(landed, key_of(name=name))
        land(landed, key_of(name="z-good"))
        keys = keys_file(landed, MASTER)
        before = set(landed.directory.rglob("*"))
        saved = landed.logs("--since", "1h", "--until", "now", "--decryption-keys", keys, "--download", "out")
        assert saved.code in (0, 1)
        assert obeyed(saved.out + saved.err) == set()
        written = {file for file in set(landed.directory.rglob("*")) - before if file.is_file()}
        assert all(file.is_relative_to(landed.directory / "out") for file in written)
        assert (landed.directory / "out" / "apps-321" / "service-123" / "z-good").read_bytes() == BODY
        assert not list((landed.directory / "out").rglob("*.part"))

    def test_a_key_that_is_another_keys_folder_ends_nothing(self, landed: Landed) -> None:
        for name in ("a", "a/b", "a/b/c", "z"):
            land(landed, key_of(name=name))
        keys = keys_file(landed, MASTER)
        saved = landed.logs("--since", "1h", "--until", "now", "--decryption-keys", keys, "--download", "out")
        assert saved.code == 1
        assert "no file can have its name" in saved.err
        assert (landed.directory / "out" / "apps-321" / "service-123" / "z").read_bytes() == BODY

    def test_an_object_without_encryption_is_not_saved(self, landed: Landed) -> None:
        """A principal that can write into the bucket adds an object without an envelope."""
        landed.s3.put_object(Bucket=landed.platform, Key=key_of(name="x"), Body=BODY)
        keys = keys_file(landed, MASTER)
        saved = landed.logs("--since", "1h", "--until", "now", "--decryption-keys", keys, "--download", "out")
        assert (saved.code, "no encryption envelope" in saved.err) == (1, True)
        assert not [file for file in (landed.directory / "out").rglob("*") if file.is_file()]


class TestFailures:
    """`logdock redrive` and `logdock status` print reasons, which hold what vendors answered."""

    @pytest.mark.parametrize("reason", ["x [/x]", "\x9b2J", "\u202e[red]", "[/]"])
    def test_a_reason_is_printed_as_it_is_and_ends_nothing(
        self, logdock: Type, deployed: Deployed, reason: str
    ) -> None:
        key = "quarantine/app/logz/dt=2026-11-21/0001763690584000-0011223344556677.json.gz"
        body = gzip.compress(json.dumps({"reason": reason, "record": {}}).encode())
        deployed.s3.put_object(Bucket=deployed.failed, Key=key, Body=body)
        ended: Typed = logdock("redrive", "--dry-run", "--settings", str(Path("logdock.yaml")))
        assert ended.code == 1
        assert obeyed(ended.out + ended.err) == set()
        assert one_line(reason) in ended.out
        assert obeyed(logdock("status").out) == set()
