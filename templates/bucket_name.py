"""A bucket's name that may be left to the template: the same parameters then work in every account and Region."""

import json
import re
from typing import Any

from templates.conditions import when
from templates.parameters import BUCKET
from templates.render import Template

DEFAULT_NAME = "${ExportName}-${AWS::AccountId}-${AWS::Region}"
"""At most 32, 12 and 14 characters: with the hyphens 60 of the 63 that S3 takes (Amazon S3 User Guide, "General purpose
bucket naming rules")."""
HAS_NAME = f"Has{BUCKET.name}"


def default_bucket_name(template: Template) -> Template:
    """Return a rendered template in which the bucket has a name of its own if the parameter is empty.

    Other resources refer to the bucket, except for those that the bucket itself refers to.
    """
    resources = template["Resources"]
    (bucket,) = [name for name, each in resources.items() if each["Type"] == "AWS::S3::Bucket"]
    first = {bucket}
    while more := {name for each in first for name in _references(resources[each]) if name in resources} - first:
        first |= more
    named = {name: _replace(each, _chosen() if name in first else {"Ref": bucket}) for name, each in resources.items()}
    return {"Resources": named, "Outputs": _replace(template["Outputs"], {"Ref": bucket})}


def _chosen() -> dict[str, Any]:
    return when(HAS_NAME, {"Ref": BUCKET.name}, {"Fn::Sub": DEFAULT_NAME})


def _references(resource: dict[str, Any]) -> set[str]:
    found = re.findall(r'\$\{(\w+)[}.]|"Ref": "(\w+)"|"Fn::GetAtt": \["(\w+)"', json.dumps(resource))
    return {name for names in found for name in names} | set(resource.get("DependsOn", []))


def _replace(value: Any, name: dict[str, Any]) -> Any:
    reference = f"${{{BUCKET.name}}}"
    match value:
        case {"Ref": BUCKET.name}:
            return name
        case {"Fn::Sub": str(string)} if reference in string:
            if "Ref" in name:
                return {"Fn::Sub": string.replace(reference, f"${{{name['Ref']}}}")}
            return {"Fn::Sub": [string, {BUCKET.name: name}]}
        case {"Fn::Sub": [str(string), dict(values)]} if reference in string:
            if "Ref" in name:
                return {"Fn::Sub": [string.replace(reference, f"${{{name['Ref']}}}"), values]}
            return {"Fn::Sub": [string, {**values, BUCKET.name: name}]}
        case dict():
            return {key: _replace(each, name) for key, each in value.items()}
        case list():
            return [_replace(each, name) for each in value]
    return value
