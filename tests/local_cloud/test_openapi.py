"""Requests against a vendor's description: what fits, and each way in which one does not."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloud.openapi import Description, main

VERSION = "application/vnd.atlas.2025-03-12+json"
DESCRIPTION: dict[str, Any] = {
    "openapi": "3.0.1",
    "paths": {
        "/groups/{groupId}/sinks": {
            "parameters": [
                {
                    "name": "groupId",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[a-f0-9]{4}$"},
                }
            ],
            "get": {"parameters": [{"name": "size", "in": "query", "schema": {"type": "integer", "maximum": 500}}]},
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {VERSION: {"schema": {"$ref": "#/components/schemas/Sink"}}},
                }
            },
        },
        "/groups/{groupId}/sinks/{id}": {"delete": {}},
        "/groups/{groupId}/sinks/latest": {"get": {}},
    },
    "components": {
        "securitySchemes": {"A": {"type": "oauth2", "flows": {"x": {"tokenUrl": "https://v.example/oauth/token"}}}},
        "schemas": {
            "Sink": {
                "required": ["type", "kinds"],
                "properties": {
                    "type": {"type": "string"},
                    "kinds": {
                        "type": "array",
                        "uniqueItems": True,
                        "minItems": 1,
                        "maxItems": 2,
                        "items": {"type": "string", "enum": ["A", "B"]},
                    },
                    "id": {"type": "string", "readOnly": True},
                },
                "discriminator": {"propertyName": "type", "mapping": {"S3": "#/components/schemas/S3Sink"}},
                "oneOf": [{"$ref": "#/components/schemas/S3Sink"}],
            },
            "S3Sink": {
                "allOf": [
                    {"$ref": "#/components/schemas/Sink"},
                    {
                        "properties": {
                            "bucket": {"type": "string", "minLength": 3},
                            "key": {"type": "string", "nullable": True},
                            "on": {"type": "boolean"},
                            "delay": {"type": "integer", "minimum": 5},
                        }
                    },
                ],
                "required": ["bucket"],
            },
        },
    },
}
GOOD = {"type": "S3", "kinds": ["A", "B"], "bucket": "acme", "key": None, "on": True, "delay": 5}


def request(method: str = "POST", path: str = "/groups/ab12/sinks", body: Any = GOOD, **more: Any) -> dict[str, Any]:
    return {
        "vendor": "v",
        "method": method,
        "path": path,
        "query": more.get("query", {}),
        "headers": {"Content-Type": more.get("content_type", VERSION)},
        "body": body,
    }


def errors(one: dict[str, Any], vendor: str = "v", description: dict[str, Any] = DESCRIPTION) -> list[str]:
    return Description(vendor, description).errors(one)


@pytest.mark.parametrize(
    "one",
    [
        request(),
        request("GET", body=None, query={"size": "500"}),
        request("DELETE", "/groups/ab12/sinks/x", body=None),
        request("GET", "/groups/ab12/sinks/latest", body=None),
        request("POST", "/oauth/token", body={"grant_type": "client_credentials"}, content_type="form"),
    ],
)
def test_accepts_what_the_description_has(one: dict[str, Any]) -> None:
    assert errors(one) == []


@pytest.mark.parametrize(
    ("one", "error"),
    [
        (request(path="/groups/ab12/sink"), "no such path and method"),
        (request("PUT"), "no such path and method"),
        (request(path="/groups/AB12/sinks"), "groupId: 'AB12' does not match '^[a-f0-9]{4}$'"),
        (request("GET", body=None, query={"sise": "1"}), "query parameter sise is unknown"),
        (request("GET", body=None, query={"size": "501"}), "size: 501 is greater than the maximum of 500"),
        (request(body=None), "the body is missing"),
        (request(content_type="application/json"), f"Content-Type application/json is none of ['{VERSION}']"),
        (request(body={**GOOD, "colour": "x"}), "colour is unknown"),
        (request(body={**GOOD, "id": "x"}), "id is readOnly"),
        (request(body={name: GOOD[name] for name in GOOD if name != "bucket"}), "bucket is missing"),
        (request(body={name: GOOD[name] for name in GOOD if name != "kinds"}), "kinds is missing"),
        (request(body={**GOOD, "bucket": "ab"}), "bucket: 'ab' is too short"),
        (request(body={**GOOD, "bucket": None}), "bucket is null"),
        (request(body={**GOOD, "kinds": ["C"]}), "kinds[]: 'C' is not one of ['A', 'B']"),
        (request(body={**GOOD, "kinds": ["A", "A"]}), "kinds: ['A', 'A'] has non-unique elements"),
        (request(body={**GOOD, "kinds": []}), "kinds: [] should be non-empty"),
        (request(body={**GOOD, "kinds": ["A", "B", "A"]}), "kinds: ['A', 'B', 'A'] is too long"),
        (request(body={**GOOD, "on": "true"}), "on: 'true' is not of type 'boolean'"),
        (request(body={**GOOD, "delay": True}), "delay: True is not of type 'integer'"),
        (request(body={**GOOD, "delay": 4}), "delay: 4 is less than the minimum of 5"),
    ],
)
def test_reports_what_the_description_does_not_have(one: dict[str, Any], error: str) -> None:
    assert error in errors(one)


def test_one_of_several_without_a_discriminator_is_enough() -> None:
    choices = [
        {"type": "object", "required": ["a"], "properties": {"a": {}}},
        {"properties": {"b": {"type": "string"}}},
    ]
    description = {"paths": {"/x": {"post": {"requestBody": {"content": {"j": {"schema": {"oneOf": choices}}}}}}}}

    def errors_of(body: Any) -> list[str]:
        return errors(request(path="/x", body=body, content_type="j"), description=description)

    assert errors_of({"a": "1"}) == errors_of({"b": "1"}) == []
    assert errors_of({"b": 1})


def test_swagger_2_has_its_body_among_the_parameters() -> None:
    body = {"in": "body", "name": "body", "schema": {"$ref": "#/definitions/Bucket"}}
    bucket = {"required": ["bucket"], "properties": {"bucket": {"type": "string"}, "logsType": {"enum": ["elb"]}}}
    description = {
        "swagger": "2.0",
        "paths": {"/v1/buckets": {"post": {"parameters": [body]}}},
        "definitions": {"Bucket": bucket},
    }

    def errors_of(vendor: str, document: dict[str, str]) -> list[str]:
        return errors(request(path="/v1/buckets", body=document), vendor, description)

    assert errors_of("v", {"bucket": "b"}) == []
    assert errors_of("v", {"logsType": "elb"}) == ["bucket is missing"]
    assert errors_of("v", {"bucket": "b", "logsType": "acme"}) == ["logsType: 'acme' is not one of ['elb']"]
    assert errors_of("logzio", {"bucket": "b", "logsType": "acme"}) == [], "known to be behind the service"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_command_says_how_many_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    file, record = tmp_path / f"description.{form}", tmp_path / "requests.jsonl"
    # A description may hold a date that does not exist.
    whole = {**DESCRIPTION, "info": {"version": "2023-01-01"}}
    file.write_text(json.dumps(whole) if form == "json" else yaml.safe_dump(whole) + "x: 2023-13-01\n")
    record.write_text(json.dumps(request()) + "\n")
    assert main([str(record), f"v={file}", "other="]) == 0
    assert capsys.readouterr().out == "v: 1 requests, 0 errors\n"

    record.write_text(json.dumps(request(body={**GOOD, "delay": 1})) + "\n")
    assert main([str(record), f"v={file}"]) == 1
    assert "POST /groups/ab12/sinks: delay: 1 is less than the minimum of 5" in capsys.readouterr().out


def test_a_description_may_follow_a_pages_head(tmp_path: Path) -> None:
    file, record = tmp_path / "page.yml", tmp_path / "requests.jsonl"
    file.write_text(f"---\nlayout: none\n---\n\n{yaml.safe_dump(DESCRIPTION)}")
    record.write_text(json.dumps(request()) + "\n")
    assert main([str(record), f"v={file}"]) == 0


@pytest.mark.parametrize("text", ["{}", "layout: none", "", "not found"])
def test_a_file_that_is_no_description_is_named(tmp_path: Path, text: str) -> None:
    file, record = tmp_path / "page", tmp_path / "requests.jsonl"
    file.write_text(text)
    record.write_text(json.dumps(request()) + "\n")
    with pytest.raises(SystemExit, match=r"page: no OpenAPI description of v: it has no `paths`"):
        main([str(record), f"v={file}"])


def test_nothing_to_check_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").write_text("")
    (tmp_path / "d.json").write_text(json.dumps(DESCRIPTION))
    assert main([str(tmp_path / "requests.jsonl"), f"v={tmp_path / 'd.json'}"]) == 2
    assert main([str(tmp_path / "requests.jsonl"), "v="]) == 2


def answered(status: int, answer: Any, *, accept: str = VERSION, responses: Any = None) -> list[str]:
    """Return the errors of an answer to a GET."""
    operation = {"responses": responses or RESPONSES}
    description = {"paths": {"/x": {"get": operation}}}
    one = {**request("GET", "/x", None), "headers": {"Accept": accept}, "status": status, "answer": answer}
    return errors(one, description=description)


FIELDS: dict[str, Any] = {"id": {"type": "string", "readOnly": True}, "secret": {"type": "string", "writeOnly": True}}
SHOWN = {"type": "object", "required": ["id"], "properties": FIELDS}
OF_LAST_YEAR = "application/vnd.atlas.2024-01-01+json"
RESPONSES: dict[Any, Any] = {
    200: {"content": {VERSION: {"schema": SHOWN}, OF_LAST_YEAR: {"schema": SHOWN, "x-sunset": "2027-01-01"}}},
    "4XX": {"content": {"application/json": {"schema": {"required": ["error"]}}}},
}


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (200, {"id": "a"}, None),
        (404, {"error": 404}, None),
        (200, {}, "answer: id is missing"),
        (200, None, "answer: the body is missing"),
        (200, {"id": 1}, "answer: id: 1 is not of type 'string'"),
        (200, {"id": "a", "secret": "b"}, "answer: secret is writeOnly"),
        (200, {"id": "a", "colour": "b"}, "answer: colour is unknown"),
        (404, {}, "answer: error is missing"),
        (201, {"id": "a"}, "answer: status 201 is none of ['200', '4XX']"),
        (500, None, "answer: status 500 is none of ['200', '4XX']"),
    ],
)
def test_a_stand_ins_answer_is_held_against_the_description(status: int, answer: Any, error: str | None) -> None:
    assert answered(status, answer) == ([error] if error else [])


def test_a_description_without_refusals_leaves_them_open() -> None:
    swagger = {"200": {"schema": SHOWN}}
    assert answered(404, {"message": "no"}, accept="application/json", responses=swagger) == []
    assert answered(200, {}, accept="application/json", responses=swagger) == ["answer: id is missing"]


def test_a_version_that_ends_or_that_there_is_not_is_an_error() -> None:
    assert answered(200, {"id": "a"}, accept=OF_LAST_YEAR) == [f"Accept {OF_LAST_YEAR} ends on 2027-01-01"]
    unknown = "application/vnd.atlas.1999-01-01+json"
    expected = f"Accept {unknown} is none of {sorted([OF_LAST_YEAR, VERSION])}"
    assert expected in answered(404, {"error": 1}, accept=unknown)


def test_the_path_of_the_server_is_not_part_of_the_paths() -> None:
    description = {"servers": [{"url": "https://v.example/client/v4"}], "paths": {"/zones/{id}": {"get": {}}}}
    assert errors(request("GET", "/client/v4/zones/a", None), description=description) == []
    assert errors(request("GET", "/zones/a/b", None), description=description) == ["no such path and method"]
