"""`logdock plan` of two settings files: every setting has a rule, every transition its consequences."""

import copy
import difflib
import json
import os
import re
import typing
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from logdock.cli.plan.changes import declared
from logdock.cli.plan.effects import shown
from logdock.cli.plan.existing import NewResource, _way_out
from logdock.cli.plan.rules.table import RULES
from logdock.settings import Deployment
from logdock.vendors.rds.settings import DatabaseExport
from tests.cli.conftest import Type
from tests.cli.plan.transitions import BASE, TRANSITIONS
from tests.conftest import ROOT
from tests.settings.documents import Document, document, export

PAGE = ROOT / "docs" / "plan.md"
BEGIN, END = "<!-- transitions -->\n", "<!-- /transitions -->"


def models(model: type[BaseModel] = Deployment) -> set[type[BaseModel]]:
    """Return a model and all that are part of it."""
    found = {model}
    for field in model.model_fields.values():
        for part in _inside(field.annotation):
            found |= models(part)
    return found


def _inside(annotation: object) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for part in typing.get_args(annotation) for model in _inside(part)}


def write(directory: Path, settings: Document, name: str) -> Path:
    file = directory / name
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    return file


def test_every_setting_has_a_rule_or_a_reason() -> None:
    settings = {declared(model, field) for model in models() for field in model.model_fields}
    assert settings - set(RULES) == set(), "say in logdock/cli/plan/rules/table.py what a change of it leads to"
    assert set(RULES) - settings == set()


def test_every_reason_is_a_sentence() -> None:
    assert all(re.fullmatch(r"[A-Z].{20,}\.", rule) for rule in RULES.values() if isinstance(rule, str))


@pytest.mark.parametrize("kind", ["cloudwatch-logs", "rds"])
def test_plan_export_of_another_account_owns_nothing_of_this_one(kind: str, logdock: Type, tmp_path: Path) -> None:
    """The same names in another account are other log groups and another database."""
    more = {"configure_database": False} if kind == "rds" else {}
    old, new = (
        document(export(kind, **more, account=account, name=name), subscriptions="kinesis")
        for account, name in (("222233334444", "one"), ("444455556666", "two"))
    )
    write(tmp_path, old, "old.yaml")
    write(tmp_path, new, "logdock.yaml")
    effects = json.loads(logdock("plan", "--from", "old.yaml", "--json").out)["effects"]
    assert "the deploy fails" not in {each["kind"] for each in effects}


def test_plan_of_log_groups_in_another_account_names_no_vendor(logdock: Type, tmp_path: Path) -> None:
    old, new = (
        document(export("cloudwatch-logs", account=account), subscriptions="kinesis")
        for account in ("222233334444", "444455556666")
    )
    write(tmp_path, old, "old.yaml")
    write(tmp_path, new, "logdock.yaml")
    shown = logdock("plan", "--from", "old.yaml").out
    assert "its log groups stay subscribed, and nothing of it is shipped" in shown
    assert "Before the deploy, have the log groups in the account `444455556666`: it fails where one is not" in shown
    assert "vendor" not in shown


def test_plan_and_validate_name_what_an_alert_does_not_count(logdock: Type, tmp_path: Path) -> None:
    there = export("cockroachdb", account="444455556666")
    settings = document(there, subscriptions="kinesis", alerts={"failed_logins_per_hour": 5})
    write(tmp_path, settings, "logdock.yaml")
    note = f"Note: alerts.failed_logins_per_hour does not count {there['name']}: "
    for command in (("validate", "--offline"), ("plan", "--from", "logdock.yaml")):
        assert note in logdock(*command).out
        assert len(json.loads(logdock(*command, "--json").out)["notes"]) == 1


@pytest.mark.parametrize("name", [each["name"] for each in BASE["exports"]])
def test_plan_of_a_renamed_export_has_steps_that_lose_nothing(name: str, logdock: Type, tmp_path: Path) -> None:
    """Both exports at once where the settings take both, and otherwise a backfill of the gap."""
    old, new = copy.deepcopy(BASE), copy.deepcopy(BASE)
    (changed,) = (each for each in new["exports"] if each["name"] == name)
    changed["name"] = "another"
    write(tmp_path, old, "old.yaml")
    write(tmp_path, new, "logdock.yaml")
    effects = json.loads(logdock("plan", "--from", "old.yaml", "--json").out)["effects"]
    (steps,) = (each["steps"] for each in effects if each["name"] == f"{name}:stack")
    once = [each for each in changed.get("connect", {}) if f"`connect.{each}`" in steps[0]]
    assert all("give `another`" in steps[-1] and f"`connect.{each}`" in steps[-1] for each in once)
    for each in once:
        del changed["connect"][each]
    old["exports"].append(changed)
    both = logdock("validate", "--offline", "--settings", str(write(tmp_path, old, "both.yaml")))
    is_owned = any(each["name"] == "another:stack" for each in effects)
    if steps[0].startswith("Keep "):
        assert (both.code, is_owned) == (0, False), both.err
        assert steps[-1].startswith("When `logdock status` shows that `another` lands")
    else:
        assert "logdock backfill --export another" in steps[-1]
    by_hand = changed["kind"] in ("mongodb-atlas", "cockroachdb", "aptible", "cloudflare", "s3-logs")
    by_hand = by_hand and not {"connect", "existing_bucket"} & set(changed)
    assert any("Point " in each or "Switch the export off" in each for each in steps) == by_hand


@pytest.mark.parametrize("database", [{"instance_id": "shop"}, {"instance_id": None, "cluster_id": "shop"}])
def test_plan_export_of_same_database_fails(database: Document, logdock: Type, tmp_path: Path) -> None:
    """Also where no log group is the same."""
    write(tmp_path, document(export("rds", **database)), "old.yaml")
    write(tmp_path, document(export("rds", **database, name="store", log_types=["upgrade"])), "logdock.yaml")
    effects = json.loads(logdock("plan", "--from", "old.yaml", "--json").out)["effects"]
    assert "store:stack: the deploy fails" in {f"{each['name']}: {each['kind']}" for each in effects}


DATABASES: list[Document] = [
    export("aurora-mysql"),
    export("rds", log_statement="ddl"),
    export("rds", log_types=["error", "general"], engine="mysql", instance_id=None, cluster_id="shop"),
    export("rds", pgaudit=["ddl"]),
]


@pytest.mark.parametrize("database", DATABASES)
def test_plan_added_database_is_configured_by_deploy(database: Document, logdock: Type, tmp_path: Path) -> None:
    write(tmp_path, document(), "old.yaml")
    write(tmp_path, document(export("cloudwatch-logs"), database), "logdock.yaml")
    effects = json.loads(logdock("plan", "--from", "old.yaml", "--json").out)["effects"]
    kinds = {each["kind"] for each in effects}
    assert kinds == {"note", "restart"}


@pytest.mark.parametrize("database", DATABASES)
def test_way_out_of_existing_log_group_is_to_adopt_it(database: Document) -> None:
    settings = Deployment.model_validate(document(database))
    (one,) = settings.exports
    assert isinstance(one, DatabaseExport)
    new = NewResource(one.name, "eu-west-1", "Group", "AWS::Logs::LogGroup", one.log_group_names[0])
    assert _way_out(settings, new) == ("Set `log_groups: adopt`: the deploy takes it over with its events.",)


@pytest.mark.parametrize(
    ("added", "command"),
    [
        (export("s3-logs", existing_bucket="acme-old", services=[], ship_to=["archive"]), "--since"),
        (export("cloudwatch-logs"), "--destination archive --since"),
    ],
)
def test_plan_of_what_holds_logs_already_names_the_backfill(
    added: Document, command: str, logdock: Type, tmp_path: Path
) -> None:
    write(tmp_path, document(export("aptible")), "old.yaml")
    write(tmp_path, document(export("aptible"), added), "logdock.yaml")
    ended = logdock("plan", "--from", "old.yaml")
    assert f"`logdock backfill --export {added['name']} {command}` a time before the deploy" in ended.out, ended.err
    assert "next-steps" not in ended.out


def test_nothing_changes(logdock: Type, tmp_path: Path) -> None:
    write(tmp_path, BASE, "logdock.yaml")
    ended = logdock("plan", "--from", "logdock.yaml")
    assert (ended.code, ended.out.splitlines()[1]) == (0, "Nothing changes.")


@pytest.mark.parametrize("accepted", ["carts", "carts:prefix"])
def test_accepted_consequence_is_no_danger(logdock: Type, tmp_path: Path, accepted: str) -> None:
    before, after = next(each for each in TRANSITIONS if "without connect" in each.title).documents()
    write(tmp_path, before, "old.yaml")
    write(tmp_path, after, "logdock.yaml")
    assert logdock("plan", "--from", "old.yaml", "--accept", "cart").code == 2
    assert logdock("plan", "--from", "old.yaml", "--accept", accepted).code == 0


def test_accept_of_nothing_is_noted(logdock: Type, tmp_path: Path) -> None:
    write(tmp_path, BASE, "logdock.yaml")
    ended = logdock("plan", "--from", "logdock.yaml", "--accept", "gone")
    assert (ended.code, ended.err) == (0, "Note: --accept gone: nothing in this plan has that name\n")


@pytest.mark.parametrize(
    "arguments",
    [("--from", "missing.yaml"), ("missing.yaml", "--from", "logdock.yaml"), ("--nonsense",),
     ("--from", "logdock.yaml", "--from-templates", "x"),
     ("--from", "logdock.yaml", "--from-templates", "x", "--templates", "x")],
)  # fmt: skip
def test_error_never_ends_with_the_code_of_a_danger(logdock: Type, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    write(tmp_path, BASE, "logdock.yaml")
    assert logdock("plan", *arguments).code == 1


def test_value_cannot_steer_terminal_or_markdown() -> None:
    assert shown("\x1b[2J`x`\n") == "\\x1b[2J'x'\\n"
    assert shown(("a", "b")) == "[a, b]"
    assert len(shown("x" * 500)) == 100


@pytest.mark.parametrize("output", ["text", "markdown"])
def test_text_is_stable(logdock: Type, tmp_path: Path, output: str) -> None:
    before, after = TRANSITIONS[0].documents()
    write(tmp_path, before, "old.yaml")
    write(tmp_path, after, "logdock.yaml")
    shown_twice = [logdock("plan", "--from", "old.yaml", "--output", output).out for _ in range(2)]
    assert shown_twice[0] == shown_twice[1]


def _diff(before: Document, after: Document) -> str:
    old, new = (yaml.safe_dump(each, sort_keys=False).splitlines() for each in (before, after))
    lines = list(difflib.unified_diff(old, new, lineterm="", n=0))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))


def test_page_shows_every_transition(logdock: Type, tmp_path: Path) -> None:
    parts = []
    for transition in TRANSITIONS:
        before, after = transition.documents()
        write(tmp_path, before, "old.yaml")
        write(tmp_path, after, "logdock.yaml")
        ended = logdock("plan", "--from", "old.yaml")
        parts.append(
            f"### {transition.title}\n```diff\n{_diff(before, after)}\n```\n```text\n{ended.out}```\n"
            f"Exit code {ended.code}.\n"
        )
    written = "\n".join(parts)
    page = PAGE.read_text()
    if "LOGDOCK_WRITE_TRANSCRIPTS" in os.environ:
        page = page.partition(BEGIN)[0] + BEGIN + written + END + page.partition(END)[2]
        PAGE.write_text(page)
    assert page.partition(BEGIN)[2].partition(END)[0] == written, "LOGDOCK_WRITE_TRANSCRIPTS=1 writes it"
