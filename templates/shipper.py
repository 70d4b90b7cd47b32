"""The templates of the core and the shipper: a deployment's own stacks, for a fixed set of destinations and exports."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from templates.code import Code
from templates.conditions import all_of, any_of, export_conditions, has, is_set, one_of, when, wrap_elements
from templates.parameters import (
    ALERT_EMAIL,
    BUCKET_EXPORTS,
    CODE_BUCKET,
    CODE_KEY,
    DECRYPTION_KEYS_SECRET,
    DEPLOYMENT,
    LAYER_KEY,
    LOG_GROUP_EXPORTS,
    LOGZIO_LISTENER,
    LOGZIO_SECRET,
    OTLP_ENDPOINT,
    OTLP_SECRET,
    RETENTION,
    Parameter,
)
from templates.render import Template

HAS_LOGZIO, HAS_OTLP, HAS_HEADERS, HAS_KEYS = map(
    has, (LOGZIO_SECRET, OTLP_ENDPOINT, OTLP_SECRET, DECRYPTION_KEYS_SECRET)
)
CONDITION_OF = {"logzio": HAS_LOGZIO, "otlp": HAS_OTLP, "archive": "HasBucketExports"}
"""When a destination is there: what lands in a bucket may be shipped to the archive."""
_OF_A_DESTINATION = re.compile(r"^(?:ShipRole|Ship|Alarmsship)(logzio|otlp|archive)[A-Z0-9]")
_SECRETS_OF = {HAS_LOGZIO: None, HAS_OTLP: "HasSecretsOfOtlp", "HasBucketExports": HAS_KEYS}
"""When a destination's role may read a secret at all; None: always."""
_GOVERNED = {
    each.sample: has(each) for each in (*BUCKET_EXPORTS, *LOG_GROUP_EXPORTS, OTLP_SECRET, DECRYPTION_KEYS_SECRET)
}
"""Samples in the elements of lists that are there only if their parameter is set."""
_GOVERNED_BY = one_of(rf"\b({'|'.join(_GOVERNED)})(?![a-z0-9])", _GOVERNED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShipperTemplate:
    """A template of a deployment's own."""

    name: str
    """Name of the file, without its suffix."""
    title: str
    groups: Mapping[str, list[Parameter]]
    """The parameters, as the console groups them."""

    @property
    def parameters(self) -> list[Parameter]:
        """Every parameter."""
        return [each for group in self.groups.values() for each in group]

    @property
    def conditions(self) -> dict[str, Any]:
        """Every condition."""
        optional = (
            ALERT_EMAIL,
            LOGZIO_SECRET,
            OTLP_ENDPOINT,
            OTLP_SECRET,
            DECRYPTION_KEYS_SECRET,
            CODE_KEY,
            LAYER_KEY,
        )
        conditions = {has(each): is_set(each.name) for each in optional} | export_conditions()
        conditions["HasSecretsOfOtlp"] = any_of([{"Condition": HAS_HEADERS}, {"Condition": HAS_KEYS}])
        for name in (HAS_LOGZIO, HAS_OTLP):
            conditions[f"{name}AndLogGroupExports"] = all_of(name, "HasLogGroupExports")
            conditions[f"{name}AndExports"] = all_of(name, "HasExports")
        return conditions


CORE = ShipperTemplate(
    name="core",
    title="Core of a deployment: archive, alarm notifications and the roles of the shipper",
    groups={
        "Deployment": [DEPLOYMENT, RETENTION, ALERT_EMAIL],
        "Destinations": [LOGZIO_SECRET, OTLP_ENDPOINT, OTLP_SECRET],
        "Exports that are shipped": [*BUCKET_EXPORTS, *LOG_GROUP_EXPORTS, DECRYPTION_KEYS_SECRET],
    },
)


SHIPPER = ShipperTemplate(
    name="shipper",
    title="Shipper of a deployment: archives what arrives in log groups and ships what lands",
    groups={
        "Deployment": [DEPLOYMENT],
        "Destinations": [LOGZIO_SECRET, LOGZIO_LISTENER, OTLP_ENDPOINT, OTLP_SECRET],
        "Exports that are shipped": [*BUCKET_EXPORTS, *LOG_GROUP_EXPORTS],
        "Code": [CODE_BUCKET, CODE_KEY, LAYER_KEY],
    },
)
SHIPPERS = (CORE, SHIPPER)
"""A deployment's own templates."""


def shipper_resources(template: Template, code: Code) -> Template:
    """Return a synthesized core or shipper whose resources have their conditions, without what only the CDK reads."""
    resources: dict[str, Any] = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::CDK::Metadata":
            continue
        kept = {key: value for key, value in resource.items() if key != "Metadata"}
        if found := _OF_A_DESTINATION.match(name):
            kept["Condition"] = CONDITION_OF[found[1]]
        if resource["Type"] == "AWS::SNS::Subscription":
            # The CDK builds the logical id from the address.
            name, kept["Condition"] = "AlertsEmail", has(ALERT_EMAIL)
        kept["Properties"] = _with_code(kept["Type"], wrap_elements(kept["Properties"], _GOVERNED_BY), code)
        for statement in _statement_lists(kept["Properties"]):
            statement[:] = [_under_condition(each, kept.get("Condition")) for each in statement]
        if found and kept["Type"] == "AWS::IAM::ManagedPolicy" and "ReadArchive" in str(kept["Properties"]):
            kept["Condition"] += "AndLogGroupExports"
        resources[name] = kept
    return {"Resources": resources, "Outputs": _outputs(template, resources)}


def _with_code(kind: str, properties: dict[str, Any], code: Code) -> dict[str, Any]:
    """Take code from the bucket of the parameters instead of the bootstrap's, and headers only where there are some."""
    properties = dict(properties)
    for attribute, key, file in (("Code", CODE_KEY, code.function), ("Content", LAYER_KEY, code.layer)):
        if kind.startswith("AWS::Lambda::") and attribute in properties:
            chosen = when(has(key), {"Ref": key.name}, file)
            properties[attribute] = {"S3Bucket": {"Ref": CODE_BUCKET.name}, "S3Key": chosen}
    variables = properties.get("Environment", {}).get("Variables", {})
    headers = f'"headers_secret":"{OTLP_SECRET.sample}",'
    if headers in (document := variables.get("LOGDOCK_DESTINATION", "")):
        either = when(HAS_HEADERS, document, document.replace(headers, ""))
        properties["Environment"] = {"Variables": {**variables, "LOGDOCK_DESTINATION": either}}
    return properties


def _statement_lists(properties: Any) -> Iterator[list[Any]]:
    """Yield the statements of every policy in a resource's properties."""
    if isinstance(properties, dict):
        if isinstance(properties.get("Statement"), list):
            yield properties["Statement"]
        properties = list(properties.values())
    if isinstance(properties, list):
        for each in properties:
            yield from _statement_lists(each)


def _under_condition(statement: dict[str, Any], condition: str | None) -> dict[str, Any]:
    """Drop a statement that names no export or secret if none is set: IAM takes no empty list."""
    match statement.get("Sid"):
        case "ExportRules" if condition != "HasBucketExports":
            return when("HasExports", statement)
        case "ReadSecrets" if condition and (needed := _SECRETS_OF[condition]):
            return when(needed, statement)
    return statement


def _outputs(template: Template, resources: Mapping[str, Any]) -> dict[str, Any]:
    outputs = dict(template.get("Outputs", {}))
    if "AlertsGoTo" in outputs:
        recipients = when(has(ALERT_EMAIL), {"Ref": ALERT_EMAIL.name}, f"No one: set {ALERT_EMAIL.name}")
        outputs["AlertsGoTo"] = {**outputs["AlertsGoTo"], "Value": recipients}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function":
            function = re.sub(r"Function[0-9A-F]{8}$", "", name)
            outputs[f"{function.title()}FunctionArn"] = {
                "Description": resource["Properties"]["Description"],
                "Value": {"Fn::GetAtt": [name, "Arn"]},
                **({"Condition": resource["Condition"]} if "Condition" in resource else {}),
            }
    return outputs
