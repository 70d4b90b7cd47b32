"""`logdock init`: whatever is asked ends in a file that the deploy takes."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from logdock.cli.init.file import PART_SCHEMA
from logdock.cli.init.questions import ALERTS, DEPLOYMENT, DESTINATIONS, EXPORTS, ExportKind
from logdock.settings import load_settings
from logdock.settings.destinations import Destination
from logdock.settings.exports import Export
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from tests.cli.conftest import Type, Typed
from tests.cli.deployed import refuse

HEAD = ["acme", "111122223333", "eu-west-1", "", ""]
ANSWERS = {
    "mongodb-atlas": ["5e2211c17a3e5a48f5497de3", "", "arn:aws:iam::772401394250:root", "id-of-atlas", ""],
    "cockroachdb": ["f78b7feb-b6cf-4396-9d7f-494982d7d81e", "", "222233334444", "/acme/cockroach"],
    "aurora-mysql": ["billing", ""],
    "rds": ["postgres", "", "shop", "postgresql, upgrade", ""],
    "aptible": ["eu-west-1", "acme/aptible-keys"],
    "s3-logs": ["cloudtrail, alb", ""],
    "cloudwatch-logs": ["/acme/one, /acme/two", ""],
    "cloudflare": ["", "023e105f4ecef8ad9ca31a8372d0c353", "", "EdgeStartTimestamp, RayID", ""],
}

SCHEMA_FILE = "logdock/settings/logdock.schema.json"

Answer = Callable[..., Typed]


@pytest.fixture(autouse=True)
def no_credentials(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Propose nothing from the credentials of the developer who runs the tests."""
    if "aws" not in request.fixturenames:
        monkeypatch.setattr("logdock.cli.init.deployment.proposals", dict)


@pytest.fixture
def answer(answering: Type) -> Answer:
    return partial(answering, "init")


@pytest.mark.parametrize("kind", EXPORTS)
def test_the_file_of_every_kind_is_valid_and_says_what_each_setting_means(
    answer: Answer, tmp_path: Path, kind: str
) -> None:
    ended = answer([], [*HEAD, kind, "mine", *ANSWERS[kind], "none"])
    stacks = "acme-core, acme-shipper, acme-mine, acme-dashboard"
    assert ended.code == 0
    head, *lines = [line for line in ended.out.splitlines() if "Secrets Manager" not in line]
    assert head == "logdock.yaml is written. To deploy it:"
    assert [line.strip() for line in lines if line.startswith("    ")] == [
        "logdock plan",
        "npx cdk bootstrap aws://111122223333/eu-west-1",
        "npx cdk deploy --all",
        "logdock next-steps",
    ]
    assert f"- Deploy {stacks}:" in lines
    (export,) = load_settings(tmp_path / "logdock.yaml").exports
    assert (export.kind, export.name, export.ship_to) == (kind, "mine", ())
    text = (tmp_path / "logdock.yaml").read_text()
    unwrapped = re.sub(r"\n *# ", " ", text)
    for question in EXPORTS[kind].questions:
        # beside the settings that it reads, `connect` is no proposal
        assert (
            question.setting == "connect"
            or str(EXPORTS[kind].model.model_fields[question.setting].description) in unwrapped
        )


@pytest.mark.parametrize("is_clone", [True, False])
def test_the_file_names_its_schema_where_there_is_one(answer: Answer, tmp_path: Path, is_clone: bool) -> None:
    if is_clone:
        (tmp_path / SCHEMA_FILE).parent.mkdir(parents=True)
        (tmp_path / SCHEMA_FILE).write_text("{}")
    assert answer(["--kind", "aurora-mysql"], [*HEAD, "mine", *ANSWERS["aurora-mysql"], "none"]).code == 0
    text = (tmp_path / "logdock.yaml").read_text()
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n") is is_clone
    assert ("yaml-language-server" in text) is is_clone


@pytest.mark.parametrize(
    ("answers", "kind"),
    [(["logzio", "", "eu", "acme/logzio"], "logzio"), (["otlp", "lake", "https://otel.acme.example", ""], "otlp")],
)
def test_a_destination_is_shipped_to(answer: Answer, tmp_path: Path, answers: list[str], kind: str) -> None:
    ended = answer(["--kind", "aurora-mysql"], [*HEAD, "", "billing", "", *answers])
    assert ended.code == 0
    settings = load_settings(tmp_path / "logdock.yaml")
    assert ("- Store in AWS Secrets Manager, in eu-west-1: acme/logzio.\n" in ended.out) == (kind == "logzio")
    assert [each.kind for each in settings.destinations] == [kind]
    assert settings.exports[0].ship_to == (settings.destinations[0].name,)


@pytest.mark.parametrize(
    ("kind", "answers", "read"),
    [
        ("mongodb-atlas", ["5e2211c17a3e5a48f5497de3", "acme/api", ""], ("atlas_principal_arn", "external_id")),
        ("cockroachdb", ["f78b7feb-b6cf-4396-9d7f-494982d7d81e", "acme/api", "/acme/crdb"], ("cluster_account_id",)),
    ],
)
def test_what_connect_reads_is_not_asked_for(
    answer: Answer, tmp_path: Path, kind: str, answers: list[str], read: tuple[str, ...]
) -> None:
    ended = answer(["--kind", kind], [*HEAD, "", *answers, "none"])
    assert ended.code == 0
    (export,) = load_settings(tmp_path / "logdock.yaml").exports
    values = export.model_dump()
    assert values["connect"]["secret"] == "acme/api"
    assert [values[setting] for setting in read] == [None] * len(read)
    assert not any(f"{setting}:" in ended.err for setting in read)


PROJECTS = ["5e2211c17a3e5a48f5497de3", "6f3322d28b4f6b59a6508ef4"]
CLUSTERS = ["f78b7feb-b6cf-4396-9d7f-494982d7d81e", "0d2a1b1e-7b1f-4c55-9b3e-3f1a0f2f6c11"]


@pytest.mark.parametrize(
    ("kind", "ids", "answers", "refusals"),
    [
        (
            "mongodb-atlas",
            PROJECTS,
            ["", "acme/api", ""],
            ["how the deploy reaches Atlas: with `project_ids` it reads each project's external id there"],
        ),
        (
            "cockroachdb",
            CLUSTERS,
            ["", "acme/api", "/acme/crdb"],
            ["how the deploy reaches CockroachDB Cloud: with `cluster_ids` it reads each cluster's account"],
        ),
        (
            "aurora-mysql",
            ["billing", "stock"],
            ["own", ""],
            ["nothing with `cluster_ids`: `parameter_groups` has the group of each cluster"],
        ),
    ],
)
def test_several_ids_become_the_plural_setting(
    answer: Answer, tmp_path: Path, kind: str, ids: list[str], answers: list[str], refusals: list[str]
) -> None:
    twice = f"{ids[0]},{ids[0]}"
    ended = answer(["--kind", kind], [*HEAD, "", "", twice, ", ".join(ids), *answers, "none"])
    assert ended.code == 0, ended.err
    # none, and one that is there twice
    expected = re.findall(r"  expected (.*(?:\n(?! ).*)*?)\n", ended.err)
    assert [" ".join(each.split()) for each in expected[2:]] == refusals
    assert expected[0] == "an answer: this setting has no default"
    setting = EXPORTS[kind].questions[0]
    assert f"  {setting.setting} (commas between several): " in ended.err
    text = (tmp_path / "logdock.yaml").read_text()
    assert f"    {setting.several}: {json.dumps(ids)}\n" in text
    assert f"{setting.setting}:" not in text
    (export,) = load_settings(tmp_path / "logdock.yaml").exports
    assert [each.member_id for each in export.members] == ids


def test_every_kind_that_takes_several_ids_asks_for_them() -> None:
    plural = {kind for kind in EXPORTS if {"project_ids", "cluster_ids"} & EXPORTS[kind].model.model_fields.keys()}
    assert plural == {kind for kind in EXPORTS if any(each.several for each in EXPORTS[kind].questions)}


def test_address_for_alarms_is_asked_for(answer: Answer, tmp_path: Path) -> None:
    head = [*HEAD[:-1], "no-address", "oncall@acme.example, dev@acme.example"]
    ended = answer(["--kind", "aurora-mysql"], [*head, "", "billing", "", "none"])
    assert (ended.code, ended.err.count("  expected ")) == (0, 1)
    assert load_settings(tmp_path / "logdock.yaml").alerts.email == ("oncall@acme.example", "dev@acme.example")


def test_external_ids_are_made_and_never_the_same(answer: Answer, tmp_path: Path) -> None:
    made: set[str] = set()
    for number in range(3):
        file = f"{number}.yaml"
        answer(["--kind", "cockroachdb", "--settings", file], [*HEAD, "", *ANSWERS["cockroachdb"], "none"])
        (export,) = load_settings(tmp_path / file).exports
        assert isinstance(export, CockroachdbExport)
        made.update(export.external_id or ())
    assert len(made) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made)


def test_an_answer_that_the_deploy_would_refuse_is_asked_again(answer: Answer, tmp_path: Path) -> None:
    head = ["much-too-long-a-name", "acme", "12", "111122223333", "eu-west-1", "", ""]
    ended = answer(["--kind", "cloudwatch-logs"], [*head, "", "", "", "/acme/", "other", "none"])
    assert ended.code == 0
    assert ended.err.count("  expected ") == 4
    assert "expected an AWS account id: exactly 12 digits" in ended.err
    assert "expected at least one log group" in ended.err
    assert "expected one of logzio, otlp, none" in ended.err
    (export,) = load_settings(tmp_path / "logdock.yaml").exports
    assert export.model_dump()["log_group_prefixes"] == ("/acme/",)


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (["TODO"], "expected 2 to 16 lower-case letters"),
        (["acme", "<account>"], "expected an AWS account id"),
        (["acme", "111122223333", "eu-wset-1"], "did you mean eu-west-1?"),
    ],
)
def test_placeholder_or_misspelt_region_is_asked_again(answer: Answer, refused: list[str], expected: str) -> None:
    ended = answer(["--kind", "aurora-mysql"], [*refused, *HEAD[len(refused) - 1 :], "", "billing", "", "none"])
    assert (ended.code, ended.err.count("  expected ")) == (0, 1)
    assert expected in ended.err


def test_placeholder_that_the_pattern_allows_is_asked_again(answer: Answer) -> None:
    ended = answer(["--kind", "mongodb-atlas"], [*HEAD, "", *ANSWERS["mongodb-atlas"][:3], "TODO", "x1", "", "none"])
    assert (ended.code, ended.err.count("  expected a value of your own")) == (0, 1)


def test_bucket_that_no_service_may_write_to_is_asked_again(answer: Answer, tmp_path: Path) -> None:
    ended = answer(["--kind", "s3-logs"], [*HEAD, "", "", "", "", "", "cloudtrail", "", "none"])
    assert (ended.code, ended.err.count("  expected services or existing_bucket")) == (0, 2)
    (export,) = load_settings(tmp_path / "logdock.yaml").exports
    assert export.model_dump()["services"] == ("cloudtrail",)


def test_account_and_region_of_the_credentials_are_proposed(
    answer: Answer, aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    ended = answer(["--kind", "aurora-mysql"], ["acme", "", "", "", "", "", "billing", "", "none"])
    assert (ended.code, "  account [111122223333]: " in ended.err) == (0, True)
    settings = load_settings(tmp_path / "logdock.yaml")
    assert (settings.account, settings.region) == ("111122223333", "eu-central-1")


def test_credentials_that_are_refused_propose_nothing(
    answer: Answer, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "GetCallerIdentity", "ExpiredToken")
    ended = answer(["--kind", "aurora-mysql"], [*HEAD, "", "billing", "", "none"])
    assert (ended.code, "  account: " in ended.err) == (0, True)


def test_a_cluster_of_aurora_that_is_not_named_is_asked_for_again(answer: Answer, tmp_path: Path) -> None:
    answers = ["aurora-mysql", "aurora-postgresql", "", "shop", "", "upgrade", "postgresql", ""]
    ended = answer(["--kind", "rds"], [*HEAD, "", *answers, "none"])
    assert (ended.code, ended.err.count("  expected ")) == (0, 3)
    (export,) = load_settings(tmp_path / "logdock.yaml").exports
    assert (export.model_dump()["cluster_id"], export.model_dump()["log_types"]) == ("shop", ("postgresql",))


def test_a_file_that_is_there_is_left_alone(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "logdock.yaml").write_text("mine")
    ended = answer([], [])
    assert ended.code == 2
    assert ended.err.startswith("Error: logdock.yaml already exists. Name another with --settings FILE, or add ")
    assert (tmp_path / "logdock.yaml").read_text() == "mine"


def test_an_unwritable_path_is_reported_before_the_first_question(answer: Answer) -> None:
    ended = answer(["--settings", "nowhere/logdock.yaml"], [])
    says = "Error: nowhere/logdock.yaml: nowhere is not a directory that you may write to\n"
    assert (ended.code, ended.err) == (2, says)


def test_nothing_is_written_when_the_answers_end(answer: Answer, tmp_path: Path) -> None:
    ended = answer([], HEAD)
    assert (ended.code, "\nError: the answers ended before kind" in ended.err) == (2, True)
    assert not (tmp_path / "logdock.yaml").exists()


def test_a_script_gets_the_file_and_the_stacks(answer: Answer) -> None:
    ended = answer(["--kind", "aurora-mysql", "--json"], [*HEAD, "", "billing", "", "none"])
    stacks = ["acme-core", "acme-shipper", "acme-logs", "acme-dashboard"]
    assert json.loads(ended.out) == {"settings": "logdock.yaml", "stacks": stacks}


def test_another_file_is_named_to_the_deploy(answer: Answer) -> None:
    ended = answer(["--kind", "aurora-mysql", "--settings", "our own.yaml"], [*HEAD, "", "billing", "", "none"])
    assert "    npx cdk deploy --all -c settings='our own.yaml'\n" in ended.out
    assert "    logdock plan --settings 'our own.yaml'\n" in ended.out


def test_what_only_shipping_needs_is_asked_for_once_it_is_wanted(answer: Answer, tmp_path: Path) -> None:
    ended = answer(["--kind", "aptible"], [*HEAD, "", "eu-west-1", "", "logzio", "", "eu", "acme/logzio", "acme/keys"])
    assert (ended.code, ended.err.count("decryption_keys_secret (Enter for none): ")) == (0, 2)
    (export,) = load_settings(tmp_path / "logdock.yaml").exports
    assert export.model_dump()["decryption_keys_secret"] == "acme/keys"


def test_what_may_be_left_out_and_what_may_be_several_is_said(answer: Answer) -> None:
    ended = answer(["--kind", "cloudwatch-logs"], [*HEAD, "", "/acme/", "", "none"])
    assert "  log_groups (commas between several; Enter for none): " in ended.err


@pytest.mark.parametrize(("kind", "hinted"), [("s3-logs", True), ("cloudwatch-logs", False)])
def test_the_archive_hint_is_only_for_kinds_without_it(answer: Answer, tmp_path: Path, kind: str, hinted: bool) -> None:
    answer(["--kind", kind], [*HEAD, "", *ANSWERS[kind], "none"])
    assert ("# ship_to: [archive]" in (tmp_path / "logdock.yaml").read_text()) == hinted


@pytest.mark.parametrize("kind", EXPORTS)
def test_what_was_left_out_is_valid_once_its_comment_goes(answer: Answer, tmp_path: Path, kind: str) -> None:
    asked = zip(EXPORTS[kind].questions, ANSWERS[kind], strict=True)
    left_out = ["" if question.proposed == "" else given for question, given in asked]
    if kind == "cloudwatch-logs":
        left_out[0] = "/acme/one"
    if kind == "s3-logs":
        left_out[1] = "acme-logs"
    if kind == "rds":
        left_out[2] = "shop"
    if kind == "cloudflare":
        left_out[1] = "023e105f4ecef8ad9ca31a8372d0c353"
    answer(["--kind", kind], [*HEAD, "", *left_out, "none"])
    text = (tmp_path / "logdock.yaml").read_text()
    lists = {question.setting for question in EXPORTS[kind].questions if question.is_list and question.proposed == ""}
    assert set(re.findall(r"^    # (\w+): \[\]$", text, re.MULTILINE)) == lists - {"log_groups"}
    (tmp_path / "logdock.yaml").write_text(re.sub(r"^    # (\w+: \[\])$", r"    \1", text, flags=re.MULTILINE))
    assert [export.kind for export in load_settings(tmp_path / "logdock.yaml").exports] == [kind]


@pytest.mark.parametrize("by_option", [True, False])
def test_several_exports_are_asked_for_in_one_go(answer: Answer, tmp_path: Path, by_option: bool) -> None:
    kinds = ["aptible", "aurora-mysql", "aurora-mysql"]
    answers = ["", "eu-west-1", "", "", "billing", "", "logs", "shop-2", "shop", ""]
    options = [part for kind in kinds for part in ("--kind", kind)] if by_option else []
    asked = [] if by_option else ["aptible, nonsense", ", ".join(kinds)]
    ended = answer(options, [*HEAD, *asked, *answers, "logzio", "", "eu", "acme/logzio", "acme/keys"])
    assert ended.code == 0, ended.err
    settings = load_settings(tmp_path / "logdock.yaml")
    assert [(export.kind, export.name) for export in settings.exports] == [
        ("aptible", "logs"), ("aurora-mysql", "aurora-mysql"), ("aurora-mysql", "shop-2"),
    ]  # fmt: skip
    assert {export.ship_to for export in settings.exports} == {("logzio",)}
    assert settings.exports[0].model_dump()["decryption_keys_secret"] == "acme/keys"
    assert "Deploy acme-core, acme-shipper, acme-logs, acme-aurora-mysql, acme-shop-2, acme-dashboard:" in ended.out


def test_every_kind_can_be_asked_for() -> None:
    def kinds(union: object) -> set[str]:
        return {model.model_fields["kind"].annotation.__args__[0] for model in union.__origin__.__args__}  # type: ignore[attr-defined]

    assert {str(kind) for kind in vars(ExportKind)["_member_map_"].values()} == set(EXPORTS) == kinds(Export)
    assert set(DESTINATIONS) == kinds(Destination)


SHARED = """\
region: eu-west-1
retention: pci
exports:
  - {name: jobs, kind: cloudwatch-logs, log_groups: [/acme/jobs]}
"""


def test_an_environment_is_asked_only_for_what_the_shared_file_lacks(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text(SHARED)
    schema = tmp_path / PART_SCHEMA.rpartition("=")[2]
    schema.parent.mkdir(parents=True)
    schema.write_text("{}")
    ended = answer(["--extends", "shared.yaml", "--settings", "staging.yaml"], ["acme-staging", "111122223333"])
    assert (ended.code, "npx cdk deploy --all -c settings=staging.yaml" in ended.out) == (0, True)
    written = f'{PART_SCHEMA}\nextends: "shared.yaml"\ndeployment: "acme-staging"\naccount: "111122223333"\n'
    assert (tmp_path / "staging.yaml").read_text() == written
    assert load_settings(tmp_path / "staging.yaml").retention == "pci"


@pytest.mark.parametrize(
    ("shared", "arguments", "expected"),
    [
        (SHARED, ["--kind", "rds"], "--kind is for a file with exports of its own"),
        (SHARED.replace("pci", "sox"), [], "shared.yaml:2: retention: got 'sox'"),
        (None, [], "--extends shared.yaml: expected a file that exists, relative to "),
        ("- a list", [], "shared.yaml: expected a mapping of settings"),
    ],
)
def test_an_environment_that_cannot_be_is_not_written(
    answer: Answer, tmp_path: Path, shared: str | None, arguments: list[str], expected: str
) -> None:
    if shared:
        (tmp_path / "shared.yaml").write_text(shared)
    ended = answer(["--extends", "shared.yaml", *arguments], ["acme-staging", "111122223333"])
    assert (ended.code, expected in ended.err) == (2, True)
    assert not (tmp_path / "logdock.yaml").exists()


@pytest.mark.parametrize("outside", ["../outside.yaml", "/etc/hostname", ""])
def test_what_cannot_be_extended_is_refused_before_anything_is_asked(
    answer: Answer, tmp_path: Path, outside: str
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "outside.yaml").write_text(SHARED)
    ended = answer(["--extends", outside, "--settings", "project/staging.yaml"], [])
    assert (ended.code, ended.err.startswith(f"Error: --extends {outside}: expected ")) == (2, True)


ASKED = {"deployment": DEPLOYMENT, "alerts": ALERTS, **EXPORTS, **DESTINATIONS}


def test_texts_at_the_prompt_explain_an_answer_and_no_line_of_a_file() -> None:
    of_a_file = re.compile(r"in quotes|[Dd]efault:|[Rr]equired|[{}\[]|NextSteps|[^.]$")
    texts = {(kind, each.setting): each.text for kind, asked in ASKED.items() for each in asked.questions}
    assert len(texts) > 25
    assert {at: text for at, text in texts.items() if of_a_file.search(text)} == {}
    named = {at: set(re.findall(r"`(\w+)`", text)) & {*ASKED[at[0]].model.model_fields} for at, text in texts.items()}
    assert {at: settings for at, settings in named.items() if settings} == {}
    assert {at: len(text) for at, text in texts.items() if len(text) > 240} == {}


def test_choices_at_the_prompt_are_all_that_the_setting_takes() -> None:
    """The texts name them, so that no one has to fail once to see them."""
    for kind, setting in (("rds", "engine"), ("rds", "log_types"), ("s3-logs", "services"), ("logzio", "region")):
        (question,) = (each for each in ASKED[kind].questions if each.setting == setting)
        choices = re.findall(r"'([a-z0-9-]+)'", str(ASKED[kind].model.model_fields[setting].annotation))
        assert len(choices) > 3
        assert [choice for choice in choices if not re.search(rf"\b{choice}\b", question.text)] == []
