"""The templates of the examples, as they are committed: a change of a stack shows as a diff of YAML.

Regenerate with ``LOGDOCK_WRITE_SNAPSHOTS=1 pytest tests/stacks/test_snapshots.py``, and read the diff. What every
template has alike is omitted: the CDK's metadata and bootstrap check, the tags that other tests look for, and the
hashes of assets, which change with any line of a function.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from logdock.sources import version
from tests.conftest import ROOT, VARIANTS, Synthesized, synthesize

SNAPSHOTS = Path(__file__).with_name("snapshots")
OPTIONS = [(SNAPSHOTS / "options.yaml", None)]
"""Options of exports and destinations that no example has."""
OF_EVERY_TEMPLATE = (
    "BootstrapVersion",
    "CheckBootstrapVersion",
    "CDKMetadata",
    "CDKMetadataAvailable",
)
WITH_SHARED_STACKS = (
    "alerts",
    "cockroachdb-kinesis",
    "everything",
    "everything-kinesis",
    "logzio",
    "options",
    "replica",
)
"""Of the others only the stacks of their exports are kept: those of all exports differ by names alone."""
SHARED_STACKS = ("acme-prod-core", "acme-prod-shipper", "acme-prod-dashboard")
TAGS = [
    [{"Key": "logdock:deployment", "Value": "acme-prod"}],
    [{"Key": "logdock:deployment", "Value": "acme-prod"}, {"Key": "logdock:version", "Value": version()}],
]
"""Of a resource, and of a function."""
HASH = re.compile(r"\b[0-9a-f]{64}\b")


def name_of(variant: tuple[Path, str | None]) -> str:
    return "-".join(filter(None, (variant[0].stem, variant[1])))


def scrubbed(value: Any) -> Any:
    """Return a part of a template without what changes with any line of a function, or is alike everywhere."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in ("Metadata", *OF_EVERY_TEMPLATE)}
        return {key: scrubbed(each) for key, each in kept.items() if each not in TAGS}
    if isinstance(value, list):
        return [scrubbed(each) for each in value]
    return HASH.sub("<hash of the asset>", value) if isinstance(value, str) else value


def snapshot(of: Synthesized, *, with_shared_stacks: bool) -> str:
    documents = {
        name: {
            part: found for part in ("Description", "Resources", "Outputs") if (found := scrubbed(template.get(part)))
        }
        for name, template in sorted(of.templates.items())
        if with_shared_stacks or not name.startswith(SHARED_STACKS)
    }
    text: str = yaml.dump(
        documents, Dumper=yaml.CSafeDumper, sort_keys=False, default_flow_style=None, width=118, allow_unicode=True
    )
    return text


@pytest.mark.parametrize("variant", [*VARIANTS, *OPTIONS], ids=name_of)
def test_templates_are_the_committed_snapshot(variant: tuple[Path, str | None]) -> None:
    file = SNAPSHOTS / f"{name_of(variant)}.snapshot.yaml"
    found = snapshot(synthesize(*variant), with_shared_stacks=name_of(variant) in WITH_SHARED_STACKS)
    if "LOGDOCK_WRITE_SNAPSHOTS" in os.environ:
        file.write_text(found, encoding="utf-8")
    assert found.splitlines() == file.read_text(encoding="utf-8").splitlines(), f"{file.relative_to(ROOT)}: see above"
