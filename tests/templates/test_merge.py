"""A merged template is its second form where the condition holds, and its first where it does not."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates.merge import merge_templates
from tests.costly import examples
from tests.templates.evaluate import Evaluation

VALUES = st.recursive(
    st.sampled_from(["a", "b", "c"]) | st.integers(0, 3) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["K", "L", "M"]), inner, max_size=3),
    max_leaves=12,
)


def template(properties: Any, **others: Any) -> dict[str, Any]:
    return {"Resources": {"One": {"Type": "AWS::Some::Thing", "Properties": {"P": properties}}, **others}}


def evaluated(merged: dict[str, Any], *, chosen: bool) -> dict[str, Any]:
    whole = {"Conditions": {"Chosen": {"Fn::Equals": ["yes", "yes" if chosen else "no"]}}, **merged}
    return Evaluation(whole, {}, account="1", region="r").template()


@settings(max_examples=examples(50))
@given(VALUES, VALUES)
def test_each_form_comes_back(first: Any, second: Any) -> None:
    more = {"Two": {"Type": "AWS::Some::Thing", "Properties": {}}}
    merged = merge_templates(template(first), template(second, **more), "Chosen")
    assert evaluated(merged, chosen=False)["Resources"] == template(first)["Resources"]
    assert evaluated(merged, chosen=True)["Resources"] == template(second, **more)["Resources"]


def test_what_no_condition_expresses_is_an_error() -> None:
    more = {"Two": {"Type": "AWS::Some::Thing", "Properties": {}}}
    with pytest.raises(ValueError, match="only the default form"):
        merge_templates(template("a", **more), template("a"), "Chosen")
    retained = template("a")
    retained["Resources"]["One"]["DeletionPolicy"] = "Retain"
    deleted = template("a")
    deleted["Resources"]["One"]["DeletionPolicy"] = "Delete"
    with pytest.raises(ValueError, match="no condition"):
        merge_templates(retained, deleted, "Chosen")
