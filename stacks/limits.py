"""AWS's hard limits on what a deployment comes to, measured on its templates: a deploy would fail halfway through.

Sources: the quota pages of IAM, S3, KMS, Lambda, EventBridge, CloudWatch, Systems Manager and CloudFormation. What the
outputs of a stack may come to in all is on no page; aws-amplify/amplify-backend#946 measured it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

REFERENCE_LENGTH = 90
"""Characters that a reference to another resource counts as: a key's ARN in the longest Region has 88."""

_VERSIONED = r"Connector-[0-9a-f]{12}"

Template = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """One of AWS's limits that cannot be raised.

    Attributes
    ----------
    name
        What is limited.
    allowed
        How much AWS takes.
    unit
        Of what.
    remedy
        What makes it smaller.
    """

    name: str
    allowed: int
    unit: str
    remedy: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """How much of a limit one thing takes."""

    limit: Limit
    where: str
    size: int


_SPLIT_GROUPS = "Split the export's log groups between two exports"
TRUST = Limit(name="trust policy of a role", allowed=2048, unit="characters", remedy="Shorten the external ids")
INLINE = Limit(
    name="inline policies of a role",
    allowed=10_240,
    unit="characters",
    remedy="What adds to a shipper's role is each existing bucket and each Aptible secret that ships to its "
    "destination; what adds to an export's role is each log group in each Region. Divide them between two "
    "destinations, exports or deployments",
)
_SECOND_DESTINATION = "Give some of the exports a second destination with the same address"
MANAGED = Limit(name="managed policy", allowed=6144, unit="characters", remedy=_SECOND_DESTINATION)
ATTACHED = Limit(name="managed policies of a role", allowed=10, unit="policies", remedy=_SECOND_DESTINATION)
BUCKET_POLICY = Limit(
    name="bucket policy", allowed=20_480, unit="bytes", remedy="Ship the export to fewer destinations"
)
KEY_POLICY = Limit(name="key policy", allowed=32_768, unit="bytes", remedy=_SPLIT_GROUPS)
QUEUE_POLICY = Limit(name="policy of a queue", allowed=8192, unit="bytes", remedy=_SECOND_DESTINATION)
FUNCTION_POLICY = Limit(name="resource policy of a function", allowed=20_480, unit="bytes", remedy=_SPLIT_GROUPS)
ENVIRONMENT = Limit(
    name="environment of a function", allowed=4096, unit="bytes", remedy="Shorten the destination's settings"
)
PARAMETER = Limit(
    name="parameter of an export",
    allowed=4096,
    unit="bytes",
    remedy="Shorten or merge the patterns of the export's redaction and filters",
)
CONFIGURATION = Limit(
    name="configuration of a connector",
    allowed=8192,
    unit="bytes",
    remedy="Shorten the audit filter, the lists of users or the groups' names, or ship fewer exports to a "
    "`mode: fetch` destination with `connect`",
)
PARAMETERS = Limit(
    name="parameters of a Region",
    allowed=10_000,
    unit="parameters",
    remedy="Divide the exports between two deployments in two Regions",
)
TARGETS = Limit(name="targets of an event rule", allowed=5, unit="targets", remedy="Ship to fewer destinations")
RESOURCES = Limit(name="resources of a stack", allowed=500, unit="resources", remedy=_SPLIT_GROUPS)
OUTPUTS = Limit(name="outputs of a stack", allowed=200, unit="outputs", remedy="Have fewer `mode: fetch` destinations")
OUTPUT_VALUES = Limit(
    name="values of a stack's outputs",
    allowed=450_000,
    unit="characters",
    remedy="Have fewer `mode: fetch` destinations, or fewer exports that ship to them",
)
_NO_DASHBOARD = "Say `dashboard: false`, and make smaller ones yourself"
WIDGETS = Limit(name="widgets of a dashboard", allowed=500, unit="widgets", remedy=_NO_DASHBOARD)
METRICS = Limit(name="metrics of a dashboard", allowed=2500, unit="metrics", remedy=_NO_DASHBOARD)
TEMPLATE = Limit(name="template", allowed=1_000_000, unit="bytes", remedy=_SPLIT_GROUPS)
LIMITS = (
    TRUST, INLINE, MANAGED, ATTACHED, BUCKET_POLICY, KEY_POLICY, QUEUE_POLICY, FUNCTION_POLICY, ENVIRONMENT, PARAMETER,
    CONFIGURATION, PARAMETERS,
    TARGETS, RESOURCES, OUTPUTS, OUTPUT_VALUES, WIDGETS, METRICS, TEMPLATE,
)  # fmt: skip


def limit_violations(templates: Mapping[str, Template]) -> list[str]:
    """Return a line for each limit that a deployment exceeds.

    Parameters
    ----------
    templates
        Every stack's template by the stack's name.
    """
    return [
        f"{measure.where}: {measure.limit.name}: {measure.size} {measure.limit.unit}; AWS takes "
        f"{measure.limit.allowed}. {measure.limit.remedy}"
        for measure in measures(templates)
        if measure.size > measure.limit.allowed
    ]


def measures(templates: Mapping[str, Template]) -> Iterator[Measure]:
    """Measure everything in a deployment that has a limit."""
    # These add up over resources, and a role's policies over stacks.
    sums: dict[tuple[Limit, str], int] = defaultdict(int)
    for stack, template in templates.items():
        yield Measure(limit=RESOURCES, where=stack, size=len(template["Resources"]))
        outputs = template.get("Outputs", {}).values()
        yield Measure(limit=OUTPUTS, where=stack, size=len(outputs))
        yield Measure(limit=OUTPUT_VALUES, where=stack, size=sum(len(_text(output["Value"])) for output in outputs))
        # The CDK writes templates with an indentation of one.
        yield Measure(limit=TEMPLATE, where=stack, size=len(json.dumps(template, indent=1).encode()))
        for logical_id, resource in template["Resources"].items():
            properties, where = resource.get("Properties", {}), f"{stack}/{logical_id}"
            match resource["Type"]:
                case "AWS::IAM::Role":
                    yield Measure(limit=TRUST, where=where, size=_size(properties["AssumeRolePolicyDocument"]))
                    role = properties.get("RoleName", where)
                    sums[INLINE, role] += sum(
                        _size(policy["PolicyDocument"]) for policy in properties.get("Policies", [])
                    )
                case "AWS::IAM::Policy":
                    for role in properties["Roles"]:
                        role = role if isinstance(role, str) else f"{stack}/{role['Ref']}"
                        # A policy named by its content is beside its successor until an update is over.
                        times = 2 if re.fullmatch(_VERSIONED, str(properties["PolicyName"])) else 1
                        sums[INLINE, role] += times * _size(properties["PolicyDocument"])
                case "AWS::IAM::ManagedPolicy":
                    yield Measure(limit=MANAGED, where=where, size=_size(properties["PolicyDocument"]))
                    for role in properties["Roles"]:
                        sums[ATTACHED, role] += 1
                case "AWS::S3::BucketPolicy":
                    yield Measure(limit=BUCKET_POLICY, where=where, size=_size(properties["PolicyDocument"]))
                case "AWS::SQS::QueuePolicy":
                    yield Measure(limit=QUEUE_POLICY, where=where, size=_size(properties["PolicyDocument"]))
                case "AWS::KMS::Key":
                    yield Measure(limit=KEY_POLICY, where=where, size=_size(properties["KeyPolicy"]))
                case "AWS::Lambda::Permission":
                    function = properties["FunctionName"]["Fn::GetAtt"][0]
                    sums[FUNCTION_POLICY, f"{stack}/{function}"] += _size(properties)
                case "AWS::Lambda::Function":
                    environment = properties.get("Environment", {}).get("Variables", {})
                    yield Measure(limit=ENVIRONMENT, where=where, size=_size(environment))
                case "AWS::SSM::Parameter":
                    limit = CONFIGURATION if properties.get("Tier") == "Intelligent-Tiering" else PARAMETER
                    size = len(_text(properties["Value"]).encode())
                    yield Measure(limit=limit, where=properties["Name"], size=size)
                    sums[PARAMETERS, "the deployment"] += 1
                case "Custom::LogdockLogzioFetchers":
                    # Each fetcher is remembered in a parameter, and during a rotation there are two of each.
                    sums[PARAMETERS, "the deployment"] += 2 * len(properties["Exports"])
                case "AWS::CloudWatch::Dashboard":
                    widgets = json.loads(properties["DashboardBody"])["widgets"]
                    yield Measure(limit=WIDGETS, where=where, size=len(widgets))
                    shown = sum(len(widget["properties"].get("metrics", [])) for widget in widgets)
                    yield Measure(limit=METRICS, where=where, size=shown)
                case "AWS::Events::Rule":
                    yield Measure(limit=TARGETS, where=where, size=len(properties.get("Targets", [])))
    for (limit, where), size in sums.items():
        yield Measure(limit=limit, where=where, size=size)


def _size(document: Any) -> int:
    return len(json.dumps(_rendered(document), separators=(",", ":"), ensure_ascii=False).encode())


def _text(value: Any) -> str:
    rendered = _rendered(value)
    return rendered if isinstance(rendered, str) else json.dumps(rendered)


def _rendered(value: Any) -> Any:
    """Replace references by texts of the length that they will have."""
    if isinstance(value, list):
        return [_rendered(each) for each in value]
    if isinstance(value, dict):
        match value:
            case {"Fn::Join": [separator, parts]}:
                return separator.join(_text(part) for part in parts)
            case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _}:
                return "x" * REFERENCE_LENGTH
        return {key: _rendered(each) for key, each in value.items()}
    return value
