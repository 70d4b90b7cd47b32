"""Templates that tests share: none can change what another one reads."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT, synthesize

EXAMPLE = ROOT / "examples" / "aptible.yaml"


def bucket(templates: dict[str, Any]) -> Any:
    stack = templates["acme-prod-platform"]
    return next(each for each in stack["Resources"].values() if each["Type"] == "AWS::S3::Bucket")


CHANGES: list[Callable[[Any], object]] = [
    lambda found: found.pop("Properties"),
    lambda found: found["Properties"].clear(),
    lambda found: found["Properties"].update(BucketName="other"),
    lambda found: found["Properties"].setdefault("Other", "x"),
    lambda found: found["Properties"].__setitem__("BucketName", "other"),
    lambda found: found["Properties"].__delitem__("BucketName"),
    lambda found: found["Properties"].__ior__({"BucketName": "other"}),
    lambda found: found["Properties"].popitem(),
    lambda found: found["Properties"]["Tags"].append({}),
    lambda found: found["Properties"]["Tags"].sort(),
    lambda found: found["Properties"]["Tags"].__iadd__([{}]),
    lambda found: found["Properties"]["Tags"][0].pop("Key"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_shared_template_cannot_be_changed(change: Callable[[Any], object]) -> None:
    shared = bucket(synthesize(EXAMPLE).templates)
    before = json.dumps(shared)
    with pytest.raises(TypeError, match="change a copy"):
        change(shared)
    assert json.dumps(shared) == before


def test_copies_of_a_shared_template_can_be_changed() -> None:
    shared = synthesize(EXAMPLE).templates
    copied = copy.deepcopy(shared)
    assert copied == shared
    bucket(copied)["Properties"]["Tags"].append({})
    copy.copy(bucket(shared))["Type"] = "other"
    assert copied != shared
    assert bucket(shared)["Type"] == "AWS::S3::Bucket"
