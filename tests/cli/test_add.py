"""`logdock add`: an export is added to a settings file, and every other line of it stays as it is."""

import difflib
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from logdock.cli.init.file import add_export
from logdock.settings import load_settings
from logdock.vendors.registry import load_part
from tests.cli.conftest import Type, Typed
from tests.cli.test_init import ANSWERS
from tests.conftest import EXAMPLES, ROOT
from tests.costly import sample

Answer = Callable[..., Typed]
LINES = [
    "# of the platform team",
    "deployment: acme",
    'account: "111122223333"  # ours',
    "region: eu-west-1",
    "exports:",
    "  - name: billing",
    "    kind: aurora-mysql",
    "    cluster_id: first",
    "    # parameter_group: the default",
    "",
    "# who is notified",
    "alerts:",
    "  email: [oncall@acme.example]",
]
ADDED = [
    "",
    '  - name: "logs"',
    "    kind: aurora-mysql",
    "    # DB cluster identifier. Required without `cluster_ids`.",
    '    cluster_id: "shop"',
]


@pytest.fixture
def answer(answering: Type) -> Answer:
    return partial(answering, "add")


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines that were removed, and those that were added."""
    compared = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return tuple([line[2:] for line in compared if line.startswith(sign)] for sign in "-+")  # type: ignore[return-value]


@pytest.mark.parametrize("example", sample(EXAMPLES, 4, ids=lambda path: path.stem))
def test_add_to_an_example_changes_no_line_of_it(answer: Answer, tmp_path: Path, example: Path) -> None:
    file = tmp_path / "logdock.yaml"
    file.write_text(example.read_text())
    before = load_settings(example)
    destinations = [] if not before.destinations else ["none"]
    kinds = [argument for kind in ("s3-logs", "cloudwatch-logs") for argument in ("--kind", kind)]
    ended = answer(kinds, ["new", "alb", "", "none", "new-2", "/new/one", "", *destinations])
    assert (ended.code, ended.err.count("  expected ")) == (0, 0), ended.err
    assert changed_lines(example.read_text(), file.read_text())[0] == []
    after = load_settings(file)
    assert after.exports[:-2] == before.exports
    assert [(export.name, export.kind) for export in after.exports[-2:]] == [
        ("new", "s3-logs"), ("new-2", "cloudwatch-logs"),
    ]  # fmt: skip
    assert after.model_copy(update={"exports": before.exports}) == before


@pytest.mark.parametrize("kind", ANSWERS)
def test_add_asks_what_init_asks_for_the_kind(answer: Answer, tmp_path: Path, kind: str) -> None:
    (tmp_path / "logdock.yaml").write_text("\n".join(LINES))
    bucket = [""] if load_part(kind, "settings").EXPORT.lands_in == "bucket" else []
    ended = answer([], [kind, "", *ANSWERS[kind], *bucket])
    assert (ended.code, ended.err.count("  expected ")) == (0, 0), ended.err
    added = load_settings(tmp_path / "logdock.yaml").exports[-1]
    assert (added.kind, added.name, added.ship_to) == (kind, "logs", ())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [False, True], ids=["in-the-middle", "at-the-end"])
def test_export_is_added_below_the_last_one_and_its_comments(
    answer: Answer, tmp_path: Path, end: str, last: bool
) -> None:
    lines = LINES[:9] if last else LINES
    file = tmp_path / "prod 1.yaml"
    file.write_bytes(end.join(lines).encode())  # no line break at the end
    ended = answer(["--kind", "aurora-mysql", "--settings", "prod 1.yaml"], ["", "shop", ""])
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "prod 1.yaml:11: logs is added; its stack is acme-logs.",
        "`logdock plan --settings 'prod 1.yaml'` shows what the next deploy changes.",
    ]
    written = file.read_bytes().decode()
    assert written.count("\n") == written.count(end)
    assert written.split(end)[:14] == [*lines[:9], *ADDED]
    assert written.endswith(end.join(["", *lines[9:]]) if not last else f'parameter_group: ""{end}')


def test_lists_without_indent_and_anchors_are_understood() -> None:
    text = "exports: &all\n- name: a\n  ship_to: &to [x]\n- name: b\n  ship_to: *to\n# the end\nsql: {}\n"
    added, line = add_export(text, {"name": "c", "kind": "aurora-mysql", "cluster_id": "c"})
    assert (added.splitlines()[line - 1], line) == ('- name: "c"', 7)
    assert re.search(r'\n  # parameter_group: ""\n# the end\nsql', added)


@pytest.mark.parametrize(
    "exports",
    ["exports: [{name: app, kind: aurora-mysql, cluster_id: app}]", "exports:\n  [{name: app, kind: s3-logs}]"],
)
def test_list_in_flow_style_is_refused_before_anything_is_asked(answer: Answer, tmp_path: Path, exports: str) -> None:
    text = "\n".join([*LINES[:4], exports])
    (tmp_path / "logdock.yaml").write_text(text)
    ended = answer([], [])
    assert (ended.code, "logdock.yaml: `exports` is not a plain list" in ended.err) == (2, True)
    assert (tmp_path / "logdock.yaml").read_text() == text


def test_file_that_would_get_another_meaning_is_left_as_it_was(answer: Answer, tmp_path: Path) -> None:
    text = "\n".join([*LINES[:8], "    include:", "      - |", "        a", "", "        # b"]).replace(
        "aurora-mysql\n    cluster_id: first", "cloudwatch-logs\n    log_groups: [/acme/a]"
    )
    (tmp_path / "logdock.yaml").write_text(text)
    ended = answer(["--kind", "aurora-mysql"], ["", "shop", ""])
    assert (ended.code, "Nothing was written" in ended.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["logdock.yaml"]
    assert (tmp_path / "logdock.yaml").read_text() == text


def test_file_with_errors_is_refused_before_anything_is_asked(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "logdock.yaml").write_text("\n".join([*LINES[:3], "region: eu-wset-1", *LINES[4:]]))
    ended = answer([], [])
    assert (ended.code, "logdock.yaml:4: region: got 'eu-wset-1'" in ended.err) == (2, True)


def test_name_that_another_export_has_is_asked_again(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "logdock.yaml").write_text("\n".join(LINES))
    ended = answer(["--kind", "aurora-mysql"], ["billing", "shop", "shop", ""])
    assert (ended.code, ended.err.count("  expected a name that no other export has")) == (0, 1)


def test_destinations_of_the_other_exports_are_proposed(answer: Answer, tmp_path: Path) -> None:
    everything = (ROOT / "examples" / "logzio.yaml").read_text()
    (tmp_path / "logdock.yaml").write_text(everything)
    shared = {export.ship_to for export in load_settings(tmp_path / "logdock.yaml").exports}
    ended = answer(["--kind", "aurora-mysql"], ["new", "shop", "", "nowhere", ""])
    assert (ended.code, ended.err.count("  expected one of the destinations")) == (0, 1)
    (proposed,) = re.findall(r"ship_to \(.*\)(?: \[(.*?)\])?: $", ended.err)
    added = load_settings(tmp_path / "logdock.yaml").exports[-1]
    assert ", ".join(added.ship_to) == proposed
    assert len(shared) > 1 or added.ship_to == shared.pop()


def test_links_and_permissions_of_the_file_stay(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "of-the-team.yaml").write_text("\n".join(LINES))
    (tmp_path / "of-the-team.yaml").chmod(0o640)
    (tmp_path / "logdock.yaml").symlink_to("of-the-team.yaml")
    assert answer(["--kind", "aurora-mysql"], ["", "shop", ""]).code == 0
    assert (tmp_path / "logdock.yaml").is_symlink()
    assert (tmp_path / "of-the-team.yaml").stat().st_mode & 0o777 == 0o640


def test_the_users_own_files_beside_it_stay(answer: Answer, tmp_path: Path) -> None:
    for name in ("logdock.yaml", "logdock.yaml.new"):
        (tmp_path / name).write_text("\n".join(LINES))
    before = {each.name for each in tmp_path.iterdir()}
    assert answer(["--kind", "aurora-mysql"], ["", "shop", ""]).code == 0
    assert (tmp_path / "logdock.yaml.new").read_text() == "\n".join(LINES)
    assert {each.name for each in tmp_path.iterdir()} == before


def test_document_has_the_export_its_line_and_its_stack(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "logdock.yaml").write_text("\n".join(LINES))
    ended = answer(["--kind", "aurora-mysql", "--json"], ["", "shop", ""])
    assert json.loads(ended.out) == {
        "settings": "logdock.yaml", "added": [{"export": "logs", "line": 11, "stack": "acme-logs"}],
    }  # fmt: skip


def test_add_to_an_environment_changes_its_own_file_alone(answer: Answer, tmp_path: Path) -> None:
    folder = EXAMPLES[0].parent / "environments"
    for file in folder.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text())
    production = folder / "production.yaml"
    arguments = ["--kind", "cloudwatch-logs", "--settings", "production.yaml"]
    ended = answer(arguments, ["queue", "/acme/queue", "", "logz"])
    assert (ended.code, "stack is acme-prod-queue" in ended.out) == (0, True)
    assert changed_lines(production.read_text(), (tmp_path / "production.yaml").read_text())[0] == []
    names = [export.name for export in load_settings(tmp_path / "production.yaml").exports]
    assert names == ["orders", "services", "queue"]
    assert (tmp_path / "shared.yaml").read_text() == (folder / "shared.yaml").read_text()
    # a file without exports of its own has no line to add one at
    (tmp_path / "production.yaml").write_text("extends: staging.yaml\ndeployment: acme-prod\n")
    ended = answer(arguments, [])
    assert (ended.code, "add the export by hand" in ended.err) == (2, True)
