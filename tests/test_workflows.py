"""The workflows: zizmor finds nothing, every action is pinned, and the examples call what is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

OWN = ROOT / "logdock" / "cli" / "new" / "files"
"""The pipelines that `logdock new` writes."""
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), OWN / "github.yml"]
GITHUB, ENVIRONMENTS, GITLAB = (
    ROOT / "examples" / "pipelines" / f"{name}.yml" for name in ("github", "github-environments", "gitlab")
)
HASH = "0" * 40


def filled(example: Path, directory: Path) -> Path:
    """Fill in the values in capitals, as a user does."""
    text = example.read_text().replace("OWNER", "acme")
    text = re.sub(r"\b([A-Z]+_)?ACCOUNT\b", "111122223333", text)
    copy = directory / example.name
    copy.write_text(text.replace("COMMIT", HASH).replace("IMAGE@sha256:DIGEST", f"python@sha256:{'0' * 64}"))
    return copy


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    examples = [filled(example, tmp_path) for example in (GITHUB, ENVIRONMENTS)]
    zizmor = Path(sys.executable).with_name("zizmor")
    found = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--persona", "pedantic", "--format", "plain", *WORKFLOWS, *examples],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_a_hash_with_its_version(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text())
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: (.*)", path.read_text())}
    assert len(used) == len({each.split("@")[0] for each in used})


def test_no_workflow_has_permissions_that_a_job_does_not_ask_for() -> None:
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {}, path
        for name, job in workflow["jobs"].items():
            writes = {scope for scope, access in job["permissions"].items() if access == "write"}
            assert writes <= {"plan": {"id-token", "pull-requests"}, "deploy": {"id-token"}}.get(name, set()), name


def test_make_targets_of_the_workflows_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = [path.read_text() for path in (*WORKFLOWS, GITLAB)]
    used = {
        word for text in texts for line in re.findall(r"\bmake (?:-C \S+ )?([a-z -]+)", text) for word in line.split()
    }
    assert {"setup", "synth", "templates"} <= used <= targets


def test_example_passes_inputs_that_the_reusable_workflow_has() -> None:
    called = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())[True]["workflow_call"][
        "inputs"
    ]
    for example in (GITHUB, ENVIRONMENTS):
        for job in yaml.safe_load(example.read_text())["jobs"].values():
            assert (
                {name for name, each in called.items() if each.get("required")} <= job["with"].keys() <= called.keys()
            )


def test_environments_of_one_run_share_no_artifact_and_no_comment() -> None:
    jobs = yaml.safe_load(ENVIRONMENTS.read_text())["jobs"]
    assert [(name, job["with"]["environment"], job["with"]["settings"]) for name, job in jobs.items()] == [
        ("staging", "staging", "staging.yaml"),
        ("production", "production", "production.yaml"),
    ]
    workflow = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    assert set(re.findall(r"name: (cdk-out\S*(?: \S+ \}\})?)", workflow)) == {"cdk-out-${{ inputs.environment }}"}
    assert "--edit-last" not in workflow


@pytest.mark.parametrize("path", [GITLAB, OWN / "gitlab.yml"], ids=["example", "new"])
def test_gitlab_deploys_what_was_synthesized_by_hand_on_the_default_branch(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text())
    deploy = jobs["deploy"]
    assert deploy["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", "when": "manual"}]
    assert deploy["script"][0] == 'echo "$SHA256  cdk.out.tar" | sha256sum --check'
    with_role = [
        name
        for name, job in jobs.items()
        if "AWS_ROLE_ARN" in (job.get("variables", {}) if isinstance(job, dict) else {})
    ]
    for name in with_role:
        assert all("merge_request" not in rule["if"] for rule in jobs[name]["rules"]), name
