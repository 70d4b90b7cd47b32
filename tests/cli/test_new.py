"""`logdock new`: a directory that deploys, and nothing written over what is there."""

import io
import json
import re
import tomllib
from pathlib import Path

import pytest

from logdock.settings import load_settings
from tests.cli.conftest import Type
from tests.conftest import ROOT

ANSWERS = ["acme", "111122223333", "eu-west-1", "", "", "billing", "billing", "", "none"]
WRITTEN = {".gitignore", "README.md", "cdk.json", "logdock.yaml", "package-lock.json", "package.json"}
WRITTEN |= {"requirements.txt"}


@pytest.fixture(autouse=True)
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logdock.cli.init.deployment.proposals", dict)
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in ANSWERS)))


@pytest.mark.parametrize(
    ("pipeline", "file"), [("none", None), ("github", ".github/workflows/logdock.yml"), ("gitlab", ".gitlab-ci.yml")]
)
def test_new_writes_what_a_deploy_needs(logdock: Type, tmp_path: Path, pipeline: str, file: str | None) -> None:
    ended = logdock("new", "logs", "--kind", "aurora-mysql", "--pipeline", pipeline)
    assert (ended.code, "logs/README.md has the next steps" in ended.out) == (0, True)
    written = {str(path.relative_to(tmp_path / "logs")) for path in (tmp_path / "logs").rglob("*") if path.is_file()}
    assert written == WRITTEN | ({file} if file else set())
    assert load_settings(tmp_path / "logs" / "logdock.yaml").deployment == "acme"
    texts = {name: (tmp_path / "logs" / name).read_text() for name in written}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert texts["requirements.txt"] == f"logdock[deploy]=={version}\n"
    assert [name for name, text in texts.items() if re.search(r"<(\w+)>", text)] == []
    if file:
        assert "arn:aws:iam::111122223333:role/acme-pipeline-deploy" in texts[file]
    # npm checks the CDK command line against the hash that this version was tested with.
    packages = json.loads(texts["package-lock.json"])["packages"]
    ours = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert packages.pop("")["devDependencies"] == json.loads(texts["package.json"])["devDependencies"]
    assert packages == {"node_modules/aws-cdk": ours["node_modules/aws-cdk"]}


@pytest.mark.parametrize("existing", ["file", "directory"])
def test_new_refuses_what_is_there_before_it_asks(logdock: Type, tmp_path: Path, existing: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "notes").write_text("mine\n")
    name = "logs" if existing == "directory" else "logs/notes"
    ended = logdock("new", name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"Error: {name}: exists, and is not an empty directory. Name another, or empty this one\n"
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["notes"]


def test_new_refuses_where_nothing_can_be_written_before_it_asks(logdock: Type, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = logdock("new", "file/logs/prod")
    expected = f"Error: file/logs/prod: {tmp_path}/file is not a directory that you may write to\n"
    assert (ended.code, ended.err) == (2, expected)


def test_new_writes_a_file_and_a_workflow_for_each_environment(
    logdock: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*ANSWERS, "acme-prod", "444455556666", ""])))
    ended = logdock(
        *("new", "logs", "--kind", "aurora-mysql", "--pipeline", "github"),
        *("--environment", "staging", "--environment", "production"),
    )
    assert ended.code == 0, ended.err
    logs = tmp_path / "logs"
    written = {str(path.relative_to(logs)) for path in logs.rglob("*") if path.is_file()}
    pipelines = {f".github/workflows/logdock-{name}.yml" for name in ("staging", "production")}
    assert written == WRITTEN - {"logdock.yaml"} | pipelines | {"shared.yaml", "staging.yaml", "production.yaml"}
    staging, production = (load_settings(logs / f"{name}.yaml") for name in ("staging", "production"))
    assert (staging.deployment, staging.account) == ("acme", "111122223333")
    assert (production.deployment, production.account) == ("acme-prod", "444455556666")
    assert staging.exports == production.exports
    workflow = (logs / ".github" / "workflows" / "logdock-production.yml").read_text()
    for part in ("validate --offline --settings production.yaml", "cdk.out -c settings=production.yaml"):
        assert part in workflow
    for part in ("role/acme-prod-pipeline-deploy", "logdock plan of acme-prod", "environment: production"):
        assert part in workflow
    readme = (logs / "README.md").read_text()
    assert "`staging.yaml` (account 111122223333), `production.yaml` (account 444455556666)" in readme
    assert not re.search(r"<\w+>", readme)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--environment", "shared"], "--environment: got 'shared'; expected"),
        (["--environment", "../up"], "--environment: got '../up'; expected"),
        (["--environment", "one", "--environment", "one"], "each name once"),
        (["--environment", "one", "--pipeline", "gitlab"], "--environment is not for --pipeline gitlab"),
    ],
)
def test_new_refuses_environments_before_it_asks(
    logdock: Type, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    ended = logdock("new", "logs", *arguments)
    assert (ended.code, ended.out, expected in ended.err) == (2, "", True)
    assert not (tmp_path / "logs").exists()
