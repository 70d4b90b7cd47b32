"""What the app says when it cannot build anything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from logdock.assembly import AssemblyStack, read_stacks
from logdock.settings import Deployment
from policy_proof.synthesis import build_now
from tests.conftest import ROOT
from tests.settings.documents import document, export

LAYER = ROOT / "tests" / "stacks" / "layer"


def run(context: dict[str, str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK command line does."""
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=folder,
        env=os.environ | {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(folder / "cdk.out")} | more,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (
            {"settings": "logdock.yaml", "shipper_layer": str(LAYER)},
            "logdock.yaml: no such file; name yours with -c settings=FILE, or write one with `logdock init`",
        ),
        (
            {"settings": "logdock.yaml", "shipper_layer": "nowhere"},
            "nowhere: the shipper's wheels are not there; run",
        ),
    ],
)
@pytest.mark.proof
def test_says_what_is_missing_and_ends_with_2(context: dict[str, str], message: str, tmp_path: Path) -> None:
    result = run(context, tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.proof
def test_takes_the_layer_from_the_environment_unless_the_context_names_one(tmp_path: Path) -> None:
    nowhere = {"LOGDOCK_SHIPPER_LAYER": "nowhere"}
    assert "nowhere: the shipper's wheels are not there" in run({}, tmp_path, **nowhere).stderr
    assert "no such file" in run({"shipper_layer": str(LAYER)}, tmp_path, **nowhere).stderr
    assert "no such file" in run({}, tmp_path, LOGDOCK_SHIPPER_LAYER=str(LAYER)).stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a.yaml", ["a.yaml"]),
        ("a.yaml,b.yaml", ["a.yaml", "b.yaml"]),
        ("a.yaml, b.yaml", ["a.yaml", "b.yaml"]),
        (["a.yaml", "b.yaml"], ["a.yaml", "b.yaml"]),
        ("a.yaml,", "expected -c settings=FILE"),
        ("", "expected -c settings=FILE"),
        (5, "expected -c settings=FILE"),
        ([], "expected -c settings=FILE"),
        ({"a.yaml": 1}, "expected -c settings=FILE"),
        (["a.yaml", None], "expected -c settings=FILE"),
        (None, r"logdock\.yaml: no such file"),
        ("a.yaml,nowhere.yaml", r"nowhere\.yaml: no such file"),
        ("a" * 300, "aaa: no such file"),
    ],
)
def test_settings_of_the_context_are_files_or_an_error(
    given: object, expected: list[str] | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app import settings_files

    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).touch()
    if isinstance(expected, list):
        assert settings_files(given) == [Path(name) for name in expected]
    else:
        with pytest.raises(ValueError, match=expected):
            settings_files(given)


def test_errors_of_every_settings_file_are_listed(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(f"x-{name}: 1\nregion: nowhere\n", encoding="utf-8")
    # No Node either: an error in the settings does not wait for the CDK.
    result = run({"settings": "a.yaml,b.yaml", "shipper_layer": str(LAYER)}, tmp_path, JSII_NODE="nowhere")
    listed = [line.partition(":")[0] for line in result.stderr.splitlines() if " errors" in line]
    assert (result.returncode, listed, result.stdout) == (2, ["a.yaml", "b.yaml"], "")
    assert "  b.yaml:2: region: got 'nowhere'; expected an AWS Region" in result.stderr
    assert "Traceback" not in result.stderr


def test_context_that_the_cdk_writes_to_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app import read_context

    monkeypatch.setenv("CDK_CONTEXT_JSON", '{"settings": "a.yaml"}')
    assert read_context() == {"settings": "a.yaml"}
    (tmp_path / "context.json").write_text('{"shipper_layer": "layer"}', encoding="utf-8")
    monkeypatch.setenv("CONTEXT_OVERFLOW_LOCATION_ENV", str(tmp_path / "context.json"))
    assert read_context() == {"settings": "a.yaml", "shipper_layer": "layer"}


def test_deployments_of_one_app_have_stacks_of_different_names() -> None:
    from app import repeated_stacks

    one, same, other = (
        Deployment.model_validate(document(deployment=name, account=account))
        for name, account in (("acme", "1" * 12), ("acme", "2" * 12), ("acme-two", "2" * 12))
    )
    assert repeated_stacks([one, other]) == []
    assert "acme-core" in repeated_stacks([one, same])


def test_assembly_does_not_record_where_constructs_were_created() -> None:
    outdir = Path(build_now(Deployment.model_validate(document())).outdir)
    recorded = [path.read_text(encoding="utf-8") for path in outdir.glob("*.metadata.json")]
    assert "aws:cdk:logicalId" in recorded[0]
    assert not any("creationStack" in each for each in recorded)


@pytest.mark.proof
def test_several_settings_files_make_one_app(tmp_path: Path) -> None:
    shared = {key: value for key, value in document().items() if key not in ("deployment", "account")}
    (tmp_path / "shared.yaml").write_text(yaml.safe_dump(shared), encoding="utf-8")
    for name, account in (("staging", "1" * 12), ("prod", "2" * 12)):
        own = {"extends": "shared.yaml", "deployment": f"acme-{name}", "account": account}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    context = {"shipper_layer": str(LAYER)}
    together = run(context | {"settings": "staging.yaml,prod.yaml"}, tmp_path)
    assert (together.returncode, together.stderr) == (0, "")
    both = read_stacks(tmp_path / "cdk.out")
    alone: dict[str, AssemblyStack] = {}
    for name in ("staging", "prod"):
        (tmp_path / name).mkdir()
        for file in ("shared.yaml", f"{name}.yaml"):
            (tmp_path / name / file).write_text((tmp_path / file).read_text(encoding="utf-8"), encoding="utf-8")
        assert run(context | {"settings": f"{name}.yaml"}, tmp_path / name).returncode == 0
        alone |= read_stacks(tmp_path / name / "cdk.out")
    assert both == alone
    refused = run(context | {"settings": "staging.yaml,staging.yaml"}, tmp_path)
    assert (refused.returncode, "both have a stack acme-staging" in refused.stderr) == (2, True)


@pytest.mark.proof
def test_says_that_a_deployment_is_larger_than_aws_allows_and_ends_with_2(tmp_path: Path) -> None:
    too_long = export("cloudwatch-logs", exclude=[f"{number}{'é' * 400}" for number in range(6)])
    (tmp_path / "logdock.yaml").write_text(yaml.safe_dump(document(too_long)), encoding="utf-8")
    result = run({"shipper_layer": str(LAYER)}, tmp_path)
    assert result.returncode == 2
    assert "/logdock/acme-prod/exports/apps: parameter of an export: 4" in result.stderr
    assert "Traceback" not in result.stderr
