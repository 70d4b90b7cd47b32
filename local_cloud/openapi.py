"""Holds recorded requests, and what the stand-ins answered, against the vendors' own OpenAPI descriptions.

``python -m local_cloud.openapi build/vendor-requests.jsonl mongodb-atlas=FILE cockroachdb=FILE logzio=FILE
cloudflare=FILE``. The descriptions are the vendors' and are not part of this project: you fetch them to run the check.
Swagger 2.0 and OpenAPI 3.0 are read, in YAML or JSON, as far as parameters and bodies need it. A field that a
description does not know is an error here, although JSON Schema would let it pass; so is a version (an ``Accept``) that
the operation does not have, or that the vendor has given a last day.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft202012Validator

from logdock.settings.load import WITHOUT_DATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Schema = dict[str, Any]

KNOWN_DIFFERENCES = {
    "mongodb-atlas": (
        # Atlas's page "Export Logs to External Sinks" has the Activity Feed; the description lists four types.
        r"logTypes\[\]: 'EVENTS' is not one of",
        # What a wrong credential is answered has no code.
        r"answer: errorCode is missing",
    ),
    "cockroachdb": (
        # "Export Logs", the steps for Standard clusters.
        r"answer: keychain_config is unknown",
        # It is required, and there is no such field.
        r"answer: (clusters\[\]\.)?is_customer_cloud_account is missing",
    ),
    "cloudflare": (
        # Cloudflare's Terraform provider 4 reads it; the answers of the description do not have it.
        r"answer: result(\[\])?\.filter is unknown",
    ),
    "logzio": (
        # The published description lists four; Logz.io's own client says "You can use any value for the LogsType".
        r"logsType: .* is not one of",
        # What the same client reads, and the recorded answers of its tests, are more than the description has.
        r"answer: (\[\]\.)?(id is unknown|(accessKey|arn) is null)",
        r"answer: : \[.*is not of type 'object'",
        r"answer: (id|settings) is unknown",
        r"answer: settings\.(\S+\.externalId is unknown|\S+ is null)",
    ),
}
"""Where a description is known to be behind its vendor's service: by vendor, patterns of the errors."""

_SCALAR = (
    "type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "uniqueItems",
)  # fmt: skip
"""Keywords that OpenAPI has from JSON Schema as they are, and that look at a value as a whole."""

_ANSWER = "answer: "
"""What the errors of a stand-in's answer begin with."""


class _Loader(yaml.SafeLoader):
    """YAML without dates: a description has some that do not exist."""


_Loader.yaml_implicit_resolvers = WITHOUT_DATES


@dataclass(frozen=True, slots=True)
class Description:
    """A vendor's description of its API."""

    vendor: str
    whole: Schema
    hidden: str = "readOnly"
    """The keyword of fields that may not be there: of a request ``readOnly``, of an answer ``writeOnly``."""

    @classmethod
    def read(cls, vendor: str, file: Path) -> Description:
        """Read it from a file, of which it may be a part: a published page has a head of its own."""
        text = file.read_text(encoding="utf-8")
        documents = [json.loads(text)] if text.lstrip().startswith("{") else yaml.load_all(text, _Loader)
        whole = next((one for one in documents if isinstance(one, dict) and "paths" in one), None)
        if whole is None:
            raise SystemExit(f"{file}: no OpenAPI description of {vendor}: it has no `paths`")
        return cls(vendor, whole)

    def errors(self, request: Mapping[str, Any]) -> list[str]:
        """List what a recorded request, or its answer, has that the description does not allow."""
        if request["path"] in self._token_paths():
            return []
        found = self._operation(request["method"], request["path"])
        if found is None:
            return ["no such path and method"]
        operation, parameters, values = found
        errors = [
            *self._of_parameters(parameters, values, request),
            *self._of_body(operation, parameters, request),
            *self._of_version(operation, request),
            *replace(self, hidden="writeOnly")._of_answer(operation, request),
        ]
        return [
            error
            for error in errors
            if not any(re.search(known, error) for known in KNOWN_DIFFERENCES.get(self.vendor, ()))
        ]

    def _token_paths(self) -> set[str]:
        schemes = self.whole.get("components", {}).get("securitySchemes", {}).values()
        flows = [flow for scheme in schemes for flow in scheme.get("flows", {}).values()]
        return {urlsplit(flow["tokenUrl"]).path for flow in flows if "tokenUrl" in flow}

    def _operation(self, method: str, path: str) -> tuple[Schema, list[Schema], dict[str, str]] | None:
        # A literal segment counts for more than a parameter: .../{id} also fits .../aws-assume-role-details.
        bases = {urlsplit(server.get("url", "")).path.rstrip("/") for server in self.whole.get("servers", [])}
        path = next((path.removeprefix(base) for base in bases if base and path.startswith(f"{base}/")), path)
        for template in sorted(self.whole["paths"], key=lambda one: one.count("{")):
            item = self.whole["paths"][template]
            names = re.findall(r"{(\w+)}", template)
            pattern = re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(template))
            match = re.fullmatch(pattern, path)
            if match and method.lower() in item:
                operation = item[method.lower()]
                parameters = [*(item.get("parameters") or []), *(operation.get("parameters") or [])]
                values = dict(zip(names, match.groups(), strict=True))
                return operation, [self._resolved(one) for one in parameters], values
        return None

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self.whole
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _of_parameters(
        self, parameters: list[Schema], values: Mapping[str, str], request: Mapping[str, Any]
    ) -> Iterator[str]:
        given = {"path": values, "query": request["query"], "header": request["headers"]}
        known = {one["name"] for one in parameters if one["in"] == "query"}
        yield from (f"query parameter {name} is unknown" for name in request["query"] if name not in known)
        for one in parameters:
            place, name = one["in"], one["name"]
            if place not in given:
                continue
            value = given[place].get(name)
            if value is None:
                if one.get("required"):
                    yield f"{place} parameter {name} is missing"
                continue
            schema = self._resolved(one.get("schema") or one)
            converted = int(value) if schema.get("type") == "integer" and value.isdigit() else value
            if schema.get("type") != "boolean":
                yield from self._of_value(schema, converted, name)

    def _of_body(self, operation: Schema, parameters: list[Schema], request: Mapping[str, Any]) -> Iterator[str]:
        in_parameters = [one for one in parameters if one["in"] == "body"]
        described = self._resolved(operation.get("requestBody") or {})
        body = request["body"]
        if body is None:
            if described.get("required") or any(one.get("required") for one in in_parameters):
                yield "the body is missing"
            return
        if in_parameters:
            yield from self._of_value(in_parameters[0]["schema"], body, "")
            return
        content, media_type = described.get("content", {}), request["headers"].get("Content-Type", "")
        if media_type not in content:
            yield f"Content-Type {media_type} is none of {sorted(content)}"
            return
        yield from self._of_value(content[media_type]["schema"], body, "")

    def _of_version(self, operation: Schema, request: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with the version that is asked for: the media type of the answer."""
        succeeds = [response for status, response in _responses(operation).items() if status.startswith("2")]
        offered = {
            name: one for response in succeeds for name, one in self._resolved(response).get("content", {}).items()
        }
        accepted = request["headers"].get("Accept")
        if not offered or accepted is None:
            return
        if accepted not in offered:
            yield f"Accept {accepted} is none of {sorted(offered)}"
        elif last_day := offered[accepted].get("x-sunset"):
            yield f"Accept {accepted} ends on {last_day}"

    def _of_answer(self, operation: Schema, request: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with a stand-in's answer."""
        status, answer = request.get("status"), request.get("answer")
        if status is None:
            return
        responses = _responses(operation)
        names = (str(status), f"{status // 100}XX", "default")
        response = next((responses[name] for name in names if name in responses), None)
        if response is None:
            # A description without any refusal leaves them to its text.
            if status < 400 or any(each.startswith("4") for each in responses):
                yield f"{_ANSWER}status {status} is none of {sorted(responses)}"
            return
        response = self._resolved(response)
        content = response.get("content", {})
        chosen = content.get(request["headers"].get("Accept")) or content.get("application/json") or response
        schema = chosen.get("schema")
        if answer is None and schema:
            yield f"{_ANSWER}the body is missing"
        elif schema:
            yield from (f"{_ANSWER}{error}" for error in self._of_value(schema, answer, ""))

    def _of_value(self, schema: Schema, value: Any, where: str) -> Iterator[str]:
        """Yield what is wrong with a value."""
        parts = list(self._parts(schema, value))
        if value is None:
            if not any(part.get("nullable") for part in parts):
                yield f"{where} is null"
            return
        for part in parts:
            yield from self._of_scalar(part, value, where)
            if isinstance(value, list) and "items" in part:
                for item in value:
                    yield from self._of_value(part["items"], item, f"{where}[]")
        if isinstance(value, dict):
            yield from self._of_object(parts, value, where)

    def _of_object(self, parts: list[Schema], value: Mapping[str, Any], where: str) -> Iterator[str]:
        known = {name: schema for part in parts for name, schema in part.get("properties", {}).items()}
        is_open = any(part.get("additionalProperties") for part in parts) or not known
        for name in {name for part in parts for name in part.get("required", [])} - value.keys():
            yield f"{where}.{name} is missing".lstrip(".")
        for name, item in value.items():
            inner = f"{where}.{name}".lstrip(".")
            if name not in known:
                if not is_open:
                    yield f"{inner} is unknown"
            elif self._resolved(known[name]).get(self.hidden):
                yield f"{inner} is {self.hidden}"
            else:
                yield from self._of_value(known[name], item, inner)

    def _parts(self, schema: Schema, value: Any, *, is_parent: bool = False) -> Iterator[Schema]:
        """Yield the schemas that hold for a value all at once.

        A discriminator says which of several it is; the one it says refers back to its parent, of which then only the
        fields count.
        """
        schema = self._resolved(schema)
        yield schema
        yield from (part for one in schema.get("allOf", []) for part in self._parts(one, value, is_parent=True))
        if is_parent:
            return
        discriminator = schema.get("discriminator", {})
        says = value.get(discriminator.get("propertyName")) if isinstance(value, dict) else None
        if named := discriminator.get("mapping", {}).get(says):
            yield from self._parts({"$ref": named}, value)
            return
        choices = schema.get("oneOf") or schema.get("anyOf") or []
        for choice in choices:
            if not list(self._of_value(choice, value, "")):
                yield from self._parts(choice, value)
                return
        if choices:
            yield {"enum": []}

    @staticmethod
    def _of_scalar(schema: Schema, value: Any, where: str) -> Iterator[str]:
        known = {keyword: schema[keyword] for keyword in _SCALAR if keyword in schema}
        if "\\p{" in known.get("pattern", ""):
            # Unicode properties, which Python's regular expressions do not have.
            del known["pattern"]
        yield from (f"{where}: {error.message}" for error in Draft202012Validator(known).iter_errors(value))


def _responses(operation: Schema) -> dict[str, Schema]:
    """Return the described responses; YAML may have the statuses as numbers."""
    return {str(status): response for status, response in operation.get("responses", {}).items()}


def main(arguments: list[str]) -> int:
    """Check a record against the descriptions that are given.

    Returns
    -------
    int
        0 if every request fits, 1 if one does not, 2 if there is nothing to check.
    """
    record, *given = arguments
    descriptions = {
        vendor: Description.read(vendor, Path(file))
        for vendor, _, file in (one.partition("=") for one in given)
        if file
    }
    requests = [json.loads(line) for line in Path(record).read_text(encoding="utf-8").splitlines()]
    checked = {vendor: [one for one in requests if one["vendor"] == vendor] for vendor in descriptions}
    if not descriptions or not all(checked.values()):
        print(f"nothing to check: {record} has no requests to {', '.join(descriptions) or 'any vendor'}")
        return 2
    failed = 0
    for vendor, mine in checked.items():
        wrong = {(one["method"], one["path"], error): one for one in mine for error in descriptions[vendor].errors(one)}
        failed += len(wrong)
        print(f"{vendor}: {len(mine)} requests, {len(wrong)} errors")
        for (method, path, error), one in wrong.items():
            print(f"  {method} {path}: {error} ({json.dumps(one['body'])[:200]})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
