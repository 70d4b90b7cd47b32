"""`make measure` counts what it says it counts, in a small tree of its own."""

import subprocess
from pathlib import Path

import pytest

from logdock.vendors.registry import EXPORTS
from supply_chain.measure import ROOT, Tree, document_builders, landing_places, main, patched_names, vendor_files


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    files = {
        "logdock/vendors/mongodb_atlas/settings.py": "KIND = 'mongodb-atlas'\nLANDING = BucketLanding(1)\n",
        "stacks/core.py": "from logdock.vendors.mongodb_atlas.settings import KIND\nWHERE = own_bucket(1, 2)\n",
        "functions/parser.py": "class BucketLanding(NamedTuple):\n    bucket: str\nREAD = BucketLanding('a')\n",
        "stacks/edge.py": "EDGE = CloudflareExport()\n",
        "stacks/prose.py": '"""Atlas (kind mongodb-atlas) writes here."""\n# mongodb-atlas\n',
        "stacks/document.py": "DOCUMENT = {'bucketName': 1}\nNAME = 'bucketName'\n",
        "stacks/reader.py": "NAME = DOCUMENT['bucketName']\n",
        "local_cloud/patch.py": "from ministack.services import s3, sqs\ns3._put = s3._put2\nsqs.receive\nother._x\n",
        "tests/test_words.py": (
            "import re\nINSTEAD = {'zzz': 'fix'}\nFOLDERS = ('stacks',)\nENDINGS = {'.py'}\n"
            "FROZEN = re.compile('x')\nNOT_OURS = ('tests/',)\n"
        ),
        "tests/test_atlas.py": "KIND = 'mongodb-atlas'\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)  # noqa: S607
    return Tree(tmp_path)


def test_files_outside_a_vendors_package_that_name_it_are_counted(tree: Tree) -> None:
    assert vendor_files(tree, "mongodb-atlas") == ["stacks/core.py"]


def test_every_vendor_of_the_registry_is_counted(tree: Tree) -> None:
    """A new kind has a row by itself."""
    lines: list[str] = []
    main([str(tree.root)], lines.append)
    found = {kind for kind in EXPORTS for line in lines if f"that name {kind} |" in line}
    assert found == {"mongodb-atlas", "cockroachdb", "aptible", "cloudflare"}
    assert vendor_files(tree, "cloudflare") == ["stacks/edge.py"]


def test_places_that_work_out_a_landing_are_counted(tree: Tree) -> None:
    assert landing_places(tree) == ["stacks/core.py"]


def test_a_document_is_counted_where_it_is_built_and_not_where_it_is_read(tree: Tree) -> None:
    assert document_builders(tree, "bucketName") == ["stacks/document.py"]


def test_few_private_names_of_the_emulator_are_used() -> None:
    """A release of MiniStack may rename each: ask by AWS's operations (`local_cloud/corrections/operations.py`)."""
    assert len(patched_names(Tree(ROOT))) <= 40


def test_private_names_of_the_emulator_are_counted_once(tree: Tree) -> None:
    assert patched_names(tree) == {"s3._put", "s3._put2"}


def test_every_measure_has_a_row(tree: Tree) -> None:
    lines: list[str] = []
    main([str(tree.root)], lines.append)
    assert "| words that have a standard term | 0 | 0 |" in lines
    assert len(lines) > 8
