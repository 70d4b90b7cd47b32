"""What README.md and docs/ say is so: links, words, snippets, settings, outputs and logical ids exist."""

import html
import re
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local_cloud.recording import COMMANDS as RECORDED
from logdock.cli.main import COMMANDS as LOGDOCK_COMMANDS
from logdock.settings import Deployment
from logdock.settings.retention import PROFILES
from tests.conftest import EXAMPLES, ROOT, synthesize

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
TUTORIAL, DEPLOY, CONFIGURE = (ROOT / "docs" / f"{name}.md" for name in ("tutorial", "deploy", "configure"))
INDEX = ROOT / "docs" / "index.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS]
KINDS = {
    str(model["properties"]["kind"]["const"])
    for name, model in Deployment.model_json_schema()["$defs"].items()
    if name.endswith("Export") and "kind" in model.get("properties", {})
}
KIND_PAGES = [ROOT / "docs" / f"{kind}.md" for kind in (*sorted(KINDS), "logzio")]
LOGICAL_ID = re.compile(r"`([A-Z][A-Za-z]+[0-9A-F]{8})`")


def fenced(text: str, language: str) -> list[str]:
    """Return the contents of a text's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def section(text: str, heading: str, until: str | None = None) -> str:
    """Return the text below a second-level heading, up to the next one or the one named."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## {re.escape(until or '')}|\Z)", text, re.M | re.S)
    assert found, f"no heading {heading!r}"
    return found[1]


def commands(page: Path) -> list[str]:
    """Return the lines of every `sh` block of a page."""
    return [line for block in fenced(page.read_text(), "sh") for line in block.splitlines()]


def typed_answers() -> list[str]:
    """Return what the tutorial answers to `logdock init`; an empty one is Enter alone."""
    (transcript,) = fenced(TUTORIAL.read_text(), "console")
    asked = re.findall(r"^  (\S.*)$", transcript, re.MULTILINE)
    return ["" if line.endswith(":") else line.rpartition(": ")[2] for line in asked]


def first_cells(text: str) -> list[str]:
    """Return the codes in the first cell of every row of the tables in a text."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings have on a forge."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def outputs_of(kind: str) -> set[str]:
    """Return the outputs of every example's stacks of a kind."""
    return {name for template in templates_of(kind) for name in template.get("Outputs", {})}


@cache
def templates_of(kind: str) -> list[dict[str, Any]]:
    """Return the templates of every example's stacks of a kind (``logzio``: of the shippers)."""
    from logdock.settings import load_settings

    found = []
    for example in EXAMPLES:
        settings = load_settings(example)
        names = {f"{settings.deployment}-{export.name}" for export in settings.exports if export.kind == kind}
        if kind == "logzio":
            names = {f"{settings.deployment}-shipper"}
        found += [template for name, template in synthesize(example).templates.items() if name in names]
    return found


def statements(template: dict[str, Any]) -> set[str]:
    """Return the sids of every policy in a template."""
    return set(re.findall(r"'Sid': '(\w+)'", str(template)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_resolve(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_are_closed_and_steps_are_numbered_in_order(page: Path) -> None:
    fences = [line.strip() for line in page.read_text().splitlines() if line.strip().startswith("```")]
    assert len(fences) % 2 == 0
    assert [fence for fence in fences[1::2] if fence != "```"] == []
    steps = [int(number) for number in re.findall(r"^## (\d+)\. ", page.read_text(), re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))


def test_index_links_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)", INDEX.read_text()))
    assert linked == {page.name for page in DOCS} - {INDEX.name}


def test_site_has_every_page_in_its_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    assert set(re.findall(r": ([\w-]+\.md)$", navigation, re.MULTILINE)) == {page.name for page in DOCS} | {
        "changelog.md", "contributing.md", "security.md"
    }  # fmt: skip


def test_upgrade_notes_have_every_release() -> None:
    releases = re.findall(r"^## \[(.+)\]$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "upgrades.md").read_text(), re.MULTILINE)
    assert headings == ["How to upgrade", *releases]


def test_readme_fits_a_screen() -> None:
    assert len(README.read_text().split()) < 500
    assert "![" in README.read_text().partition("\n## ")[0]


def test_recording_and_table_of_the_demo_are_of_one_run() -> None:
    page = (ROOT / "docs" / "demo.md").read_text()
    (table,) = re.findall(r"^<!-- demo-table -->\n(.*)^<!-- /demo-table -->$", page, re.MULTILINE | re.DOTALL)
    recording = re.sub(r"<[^>]*>|&#160;|\s", " ", (ROOT / "docs" / "demo.svg").read_text())
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert rows
    for name, _, _, refused, landed, shipped, _, found, _ in rows:
        kind = name.partition("(")[2].rstrip(")")
        assert re.search(rf"{kind} +{landed} +{shipped} +{found} +{refused} ", recording), name


def test_dashboard_picture_shows_no_more_shipped_than_landed() -> None:
    picture = (ROOT / "docs" / "dashboard.svg").read_text()
    curves = re.findall(r'<g id="([^".]+).records-landed-shipped.([^".]+)">\s*<path d="([^"]*)"', picture)
    # heights above the axis grow upwards, and y downwards
    last = {(export, label): float(path.split()[-1]) for export, label, path in curves}
    landed = {export: y for (export, label), y in last.items() if label == "landed"}
    assert len(landed) >= 3
    assert {each for each, y in last.items() if y < landed[each[0]] - 0.01} == set()


def test_commands_page_has_a_recording_of_commands_that_exist() -> None:
    page, picture = ((ROOT / "docs" / name).read_text() for name in ("logdock.md", "commands.svg"))
    assert "](commands.svg)" in page
    shown = re.sub(r"\s", "", html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", "", picture, flags=re.DOTALL)))
    for command in RECORDED:
        assert re.sub(r"\s", "", f"$ {command}") in shown
        assert command.split()[1] in LOGDOCK_COMMANDS


def test_pictures_are_readable_on_a_phone_and_load_nothing() -> None:
    pictures = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.svg")}
    sizes = {}
    for name, picture in pictures.items():
        width = re.findall(r'viewBox="0 0 ([\d.]+) ', picture)[0]
        # the title of a terminal's window is no part of what it shows
        drawn = re.sub(r"-title \{.*?\}", "", picture, flags=re.DOTALL)
        points = [float(size) for size in re.findall(r"font(?:-size)?(?:: |=\")[\w ]*?([\d.]+)(?:px|\")", drawn)]
        # a phone is 360 px wide, and a page has margins of 16
        sizes[name] = min(points) * 328 / float(width)
    assert len(sizes) >= 5
    assert {name: size for name, size in sizes.items() if size < 10} == {}
    assert [name for name, picture in pictures.items() if "font-face" in picture or "url(http" in picture] == []


def test_every_make_word_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    words = {word for page in PAGES for word in re.findall(r"\bmake ([a-z-]+)[`\s]", codes(page))}
    assert words
    assert words <= targets


def codes(page: Path) -> str:
    """Return the code of a page: its `sh` blocks and inline code."""
    text = page.read_text()
    inline = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced(text, "sh"), *(f"{code}\n" for code in re.findall(r"`([^`\n]+)`", inline))])


def test_commands_that_no_test_runs_are_make_words() -> None:
    run = {line for page in (README, TUTORIAL, DEPLOY) for line in commands(page)}
    # tests of the plain templates and of the constructs hold these pages
    # so does `make demo ACCOUNTS=2` with that of several accounts
    others = [page for page in DOCS if page.stem not in ("templates", "pipelines", "constructs", "accounts")]
    shown = {line for page in others for line in commands(page)}
    assert {line for line in shown - run if not line.startswith(("make ", "aws "))} == set()


def test_every_snippet_is_part_of_an_example_or_of_a_file_of_claims() -> None:
    claims = (ROOT / "policy_proof" / "claims").glob("*.yaml")
    environments = (ROOT / "examples" / "environments").glob("*.yaml")
    examples = [f"\n{example.read_text()}" for example in [*EXAMPLES, *environments, *claims]]
    snippets = [snippet for page in PAGES for snippet in fenced(page.read_text(), "yaml")]
    # the step of GitHub Actions is run by tests/cli/test_validate.py
    others = ("# yaml-language-server", "- name: Check the settings\n  run: |\n    logdock validate ")
    snippets = [snippet for snippet in snippets if not snippet.startswith(others)]
    assert len(snippets) >= len(KIND_PAGES)
    for snippet in snippets:
        assert any(f"\n{snippet}" in example for example in examples), snippet


def test_the_days_of_the_profiles_are_those_that_they_set() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \| (\d+) days \| (\d+) days \|", (ROOT / "docs" / "retention.md").read_text(), re.M
    )
    assert {name: (int(hot), int(archive)) for name, hot, archive in rows} == {
        name: (kept.hot_days, kept.archive_days) for name, kept in PROFILES.items()
    }


def test_there_is_a_snippet_and_a_page_for_every_kind() -> None:
    per_export = section(CONFIGURE.read_text(), "What you get per export")
    assert set(re.findall(r"^### ([a-z0-9-]+)$", per_export, re.MULTILINE)) == KINDS
    assert set(KIND_PAGES) <= set(DOCS)


def test_every_setting_of_the_table_exists() -> None:
    schema = Deployment.model_json_schema()
    inside = {name: set(model.get("properties", {})) for name, model in schema["$defs"].items()}
    of_exports = set.intersection(*(keys for name, keys in inside.items() if name.endswith("Export")))
    known = set(schema["properties"]) | {f"alerts.{key}" for key in inside["Alerts"]}
    known |= {f"exports.{key}" for key in of_exports}
    known |= {f"destinations.{key}" for name, keys in inside.items() if name.endswith("Destination") for key in keys}
    table = section(CONFIGURE.read_text(), "The settings").partition("\n\n| setting")[2].partition("\n\n")[0]
    named = first_cells(table)
    assert set(named) <= known
    assert set(schema["properties"]) - {"alerts"} <= set(named)


@pytest.mark.parametrize("page", KIND_PAGES, ids=lambda page: page.stem)
def test_the_outputs_of_a_page_are_those_of_its_stacks(page: Path) -> None:
    assert set(first_cells(section(page.read_text(), "Outputs"))) == outputs_of(page.stem)


@pytest.mark.parametrize("page", KIND_PAGES, ids=lambda page: page.stem)
def test_the_statements_of_a_page_are_those_of_its_stacks(page: Path) -> None:
    named = set(first_cells(section(page.read_text(), "Allowed and refused")))
    exist = {sid for template in templates_of(page.stem) for sid in statements(template)}
    assert named
    assert named <= exist


def test_the_outputs_that_the_deploy_page_names_exist() -> None:
    exist = {name for page in KIND_PAGES for name in outputs_of(page.stem)}
    deploy = re.search(r"under the names of that form \(([^)]+)\)", DEPLOY.read_text())
    assert deploy
    assert set(re.findall(r"`(\w+)`", deploy[1])) <= exist
    assert {"NextSteps", "RestartNeeded"} <= exist


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_logical_ids_of_a_page_exist(page: Path) -> None:
    named = set(LOGICAL_ID.findall(page.read_text()))
    assert named <= logical_ids(page.stem if page in KIND_PAGES else None)


@cache
def logical_ids(kind: str | None) -> set[str]:
    """Return the logical ids of every example's stacks of a kind, or of all kinds, and of the stacks that all share."""
    templates = [template for page in KIND_PAGES if kind in (None, page.stem) for template in templates_of(page.stem)]
    templates += [template for example in EXAMPLES for template in shared(synthesize(example).templates)]
    return {logical_id for template in templates for logical_id in template["Resources"]}


def shared(templates: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the templates that are no export's: the core, the shippers and the replica."""
    return [template for name, template in templates.items() if re.search(r"-(core|shipper|replica)\b", name)]


def test_pages_are_of_this_project_alone() -> None:
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", page.read_text()), page.name


def test_snippets_of_a_kind_are_under_its_heading() -> None:
    per_export = section(CONFIGURE.read_text(), "What you get per export")
    for heading, text in re.findall(r"^### (\S+)\n(.*?)(?=^### |\Z)", per_export, re.MULTILINE | re.DOTALL):
        for snippet in fenced(text, "yaml"):
            kinds = set(re.findall(r"^ +kind: ([\w-]+)$", textwrap.indent(snippet, " "), re.MULTILINE))
            assert kinds == {"logzio" if heading == "Logz.io" else heading}


@cache
def defined_tests() -> set[str]:
    return {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }


NOT_SHOWN = ("left to you", "not offered", "the vendor's side")
"""What a row of a vendor's page may have in place of a test."""


ROWS_OF_PAGES = {
    "aptible": 16, "aurora-mysql": 15, "cloudflare": 20, "cloudwatch-logs": 9, "cockroachdb": 16, "logzio": 16,
    "mongodb-atlas": 16, "rds": 11, "s3-logs": 7,
}  # fmt: skip
"""The pages that follow a vendor's page, and how many rows their tables have at least."""


@pytest.mark.parametrize("page", sorted(ROWS_OF_PAGES))
def test_every_row_of_a_vendors_page_is_shown_by_a_test(page: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    table = re.split(r"\| the pages? says? \| here it is \| shown by \|\n", text)[1].partition("\n\n")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[1:]]
    assert len(rows) >= ROWS_OF_PAGES[page]
    assert [cells[0] for cells in rows if len(cells) != 3] == []
    shown = {cells[0]: set(re.findall(r"`(test_\w+)`", cells[2])) for cells in rows if cells[2] not in NOT_SHOWN}
    assert {row: names for row, names in shown.items() if not names or not names <= defined_tests()} == {}


def test_every_page_that_follows_a_vendors_page_says_what_shows_it() -> None:
    followed = {
        path.stem
        for path in (ROOT / "docs").glob("*.md")
        if re.search(r"^\| the pages? says? \|", path.read_text(), re.MULTILINE)
    }
    assert followed == set(ROWS_OF_PAGES)


def test_every_test_and_word_that_the_threat_model_leans_on_exists() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 30
    assert named <= defined_tests()
    assert all((ROOT / path).is_dir() for path in re.findall(r"`(tests/\w+/)`", text))
