"""Exports of several projects or clusters: what one of them has, and that the others do not depend on it."""

import json
from typing import Any

import pytest

from logdock.settings import Deployment
from policy_proof.synthesis import synthesize_now
from tests.settings.documents import document
from tests.settings.test_several import clusters, databases, projects

IDS = {
    "mongodb-atlas": ("project_ids", [f"{number:024}" for number in range(3)]),
    "cockroachdb": ("cluster_ids", [f"f78b7feb-b6cf-4396-9d7f-{number:012}" for number in range(3)]),
    "aurora-mysql": ("cluster_ids", ["billing", "stock", "search"]),
}
SHARED = {
    "mongodb-atlas": set(),
    "cockroachdb": {"AWS::SSM::Parameter"},
    # the rule for RDS's events names every cluster
    "aurora-mysql": {"AWS::SSM::Parameter", "AWS::Events::Rule"},
}
"""What is for all of them and says so: the shipper's configuration names every log group."""


def resources(kind: str, count: int) -> dict[str, Any]:
    setting, ids = IDS[kind]
    make = {"mongodb-atlas": projects, "cockroachdb": clusters, "aurora-mysql": databases}[kind]
    one = make(**{setting: ids[:count]})
    settings = Deployment.model_validate(document(one))
    found: dict[str, Any] = synthesize_now(settings).templates[f"acme-prod-{one['name']}"]["Resources"]
    return {
        name: {key: value for key, value in body.items() if key not in ("DependsOn", "Metadata")}
        for name, body in found.items()
    }


@pytest.mark.proof
@pytest.mark.parametrize("kind", IDS)
def test_one_more_changes_no_resource_of_the_others(kind: str) -> None:
    two, three = resources(kind, 2), resources(kind, 3)
    assert two.keys() <= three.keys()
    changed = {body["Type"] for name, body in two.items() if body != three[name]}
    assert changed <= SHARED[kind]
    own = {name: body for name, body in three.items() if name not in two}
    assert any(body["Type"].startswith("Custom::") for body in own.values())
    third = IDS[kind][1][2]
    assert not [name for name, body in two.items() if third in json.dumps(body)]
