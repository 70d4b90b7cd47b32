"""What a vendor's answer must be before anything is concluded from it."""

from typing import Any

import pytest
from vendor_connector import answers
from vendor_connector.answers import ID, UnusableError

SHAPE = {"id": ID, "on?": bool, "rate?": float, "count?": int, "parts?": [{"name": str}], "any?": object, "of?": {}}


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 7},
        {"id": "a-b_C0", "on": None, "parts": [], "more": {"x": 1}},
        {"id": "x", "on": False, "rate": 1, "count": 0, "parts": [{"name": ""}], "any": True, "of": {"y": None}},
        {"id": "x", "rate": 0.5},
    ],
)
def test_what_the_description_allows_is_usable(answer: Any) -> None:
    assert answers.of(SHAPE)(answer) is answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "the answer is empty and must be an object"),
        ([], "the answer is a list and must be an object"),
        (7, "the answer is a number and must be an object"),
        ({}, "its field id is missing and must be an id"),
        ({"id": True}, "its field id is a boolean and must be an id"),
        ({"id": "../x"}, "its field id is a string and must be an id"),
        ({"id": ""}, "its field id is a string and must be an id"),
        ({"id": "x\n"}, "its field id is a string and must be an id"),
        ({"id": -1.5}, "its field id is a number and must be an id"),
        ({"id": "x", "on": "true"}, "its field on is a string and must be a boolean"),
        ({"id": "x", "count": True}, "its field count is a boolean and must be a number"),
        ({"id": "x", "rate": float("nan")}, "its field rate is a number and must be a number"),
        ({"id": "x", "rate": 10**400}, "its field rate is a number and must be a number"),
        ({"id": "x", "parts": {}}, "its field parts is an object and must be a list"),
        ({"id": "x", "parts": [None]}, r"its field parts\[\] is missing and must be an object"),
        ({"id": "x", "parts": [{"name": "a"}, {}]}, r"its field parts\[\].name is missing and must be a string"),
    ],
)
def test_what_it_does_not_allow_is_named_without_its_value(answer: Any, said: str) -> None:
    with pytest.raises(UnusableError, match=f"^{said}$"):
        answers.of(SHAPE)(answer)


def test_an_object_with_another_id_is_not_the_one_that_was_asked_for() -> None:
    read = answers.one({"on?": bool}, "id", "7")
    assert read({"id": 7}) == {"id": 7}
    with pytest.raises(UnusableError, match="another id than the one in the request"):
        read({"id": 8})


@pytest.mark.parametrize("text", ["", "{", "[" * 65 + "]" * 65, "[" * 1000, "[" * 200_000, b"\xff\xfe\xff"])
def test_what_is_no_json_or_nested_too_deeply_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (of any kind)
        answers.parse(text)


def test_json_is_parsed_to_a_depth_that_no_vendor_reaches() -> None:
    assert answers.parse("[" * 60 + "]" * 60)
    assert answers.parse('{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}
