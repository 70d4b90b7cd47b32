"""What is uploaded to Lambda can be read there, whatever the umask of the clone is (aws-cdk#8233)."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import aws_cdk  # noqa: F401 - Node starts under the umask of the session, as in a synth of such a clone by others
import pytest

from app import SOURCES, build_app, stage_source
from logdock.settings import load_settings
from tests.conftest import ROOT, cdk_context


@pytest.fixture
def umask_077(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work as in a clone that was made under this umask, in which nothing has been staged."""
    staged = tmp_path / "staged"
    staged.mkdir()
    monkeypatch.setattr("app.STAGED_SOURCES", staged)
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask_077")
def test_assets_of_a_clone_under_umask_077_are_readable_and_the_same(tmp_path: Path) -> None:
    sources = tmp_path / "lambda_src"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("__pycache__"))
    (sources / "log_shipper" / "log_shipper" / "__pycache__").mkdir()
    (sources / "log_shipper" / "log_shipper" / "__pycache__" / "ship.cpython-311.pyc").write_bytes(b"\0")
    for path in sorted(sources.rglob("*"), reverse=True):
        path.chmod(0o700 if path.is_dir() else 0o600)
    layer = ROOT / "tests" / "stacks" / "layer"
    settings = load_settings(ROOT / "examples" / "everything.yaml")
    assembly = build_app(settings, shipper_layer=layer, sources=sources, context=cdk_context()).synth()
    ours = [path for path in Path(assembly.directory).glob("asset.*") if (path / "log_shipper").is_dir()]
    ours += [path for path in Path(assembly.directory).glob("asset.*") if (path / "vendor_connector").is_dir()]
    ours += [path for path in Path(assembly.directory).glob("asset.*") if (path / "resource_tags").is_dir()]
    packages = {path.name for asset in ours for path in asset.iterdir()}
    assert {"log_shipper", "vendor_connector"} <= packages
    for asset in ours:
        for path in asset.rglob("*"):
            assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path
            assert "__pycache__" not in path.parts
    assert {path.name for path in (tmp_path / "staged").iterdir()} != set()
    for name in ("log_shipper", "vendor_connector", "resource_tags"):
        assert stage_source.__wrapped__(sources / name) == stage_source.__wrapped__(SOURCES / name)
