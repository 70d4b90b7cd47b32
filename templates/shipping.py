"""A landing that is shipped: the configuration, rules, subscriptions, permissions and alarms of an export's stack.

They are there under conditions on the parameter ``ShipTo``. Nothing of it is a function: those are the shipper's.
"""

import json
import re
from typing import Any

from logdock.settings.landing import log_group_digest
from templates.conditions import SHIPS_TO, any_of, one_of, when, wrap_elements
from templates.parameters import CLOUDFLARE_FIELDS, SHIP_TO, SHIP_TO_DESTINATIONS
from templates.render import Template

SHIPPED = "IsShipped"
ANNOUNCED = "IsAnnounced"
"""The archive's objects of a log group are announced to a destination; the archive itself needs no announcement."""
ROLE_OR_QUEUE = rf"-ship-({'|'.join(SHIP_TO_DESTINATIONS)})\""
OF_A_DESTINATION = re.compile(rf"/(?:lag|refused)-({'|'.join(SHIP_TO_DESTINATIONS)})$")


def shipped_resources(template: Template, *, has_bucket: bool) -> Template:
    """Return all that an export's stack creates; what belongs to one destination has its condition."""
    kept = {
        name: {key: value for key, value in resource.items() if key != "Metadata"}
        for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CDK::Metadata"
    }
    by_destination = one_of(ROLE_OR_QUEUE, SHIPS_TO)
    for resource in kept.values():
        properties = resource["Properties"] = wrap_elements(resource["Properties"], by_destination)
        if condition := _condition(resource["Type"], properties, has_bucket=has_bucket):
            resource["Condition"] = condition
        if resource["Type"] == "AWS::SSM::Parameter":
            names = json.dumps(SHIP_TO_DESTINATIONS, separators=(",", ":"))
            document = properties["Value"].replace(names, json.dumps([SHIP_TO.sample]))
            properties["Value"] = _with_names(document, kept)
    for resource in kept.values():
        if resource["Type"] == "AWS::CloudWatch::CompositeAlarm":
            resource["Properties"]["AlarmRule"] = _rule(resource["Properties"]["AlarmRule"], kept)
            # The rule refers to the alarms, which is a dependency.
            del resource["DependsOn"]
    return {"Resources": kept, "Outputs": template["Outputs"]}


def _with_names(document: str, resources: dict[str, Any]) -> str:
    """Write the names of log groups instead of their digests, which CloudFormation cannot compute."""
    groups = [
        each["Properties"]["LogGroupName"] for each in resources.values() if each["Type"] == "AWS::Logs::LogGroup"
    ]
    named = {log_group_digest(each): each for each in groups}
    landing = json.loads(document)["landing"]
    if "log_groups" not in landing:
        return document
    names = [named[each] for each in landing["log_groups"]]
    written = json.dumps(landing["log_groups"], separators=(",", ":"))
    return document.replace(f'"log_groups":{written}', f'"log_group_names":{json.dumps(names, separators=(",", ":"))}')


def _condition(kind: str, properties: dict[str, Any], *, has_bucket: bool) -> str | None:
    """Return the condition of a resource that not every shipped landing has."""
    alarm = str(properties.get("AlarmName", ""))
    if kind == "AWS::CloudWatch::Alarm" and (found := OF_A_DESTINATION.search(alarm)):
        # The archiver's lag is that of every log group.
        return SHIPS_TO[found[1]] if has_bucket or found[1] != "archive" else None
    is_announcement = kind == "AWS::Events::Rule" and "-ship-" in json.dumps(properties.get("Targets", []))
    if not has_bucket and (is_announcement or alarm.endswith("/handover")):
        return ANNOUNCED
    return None


def _rule(rule: str, resources: dict[str, Any]) -> dict[str, Any]:
    """Write the rule of a composite alarm so that it names the alarms that are there."""
    by_name = {
        each["Properties"]["AlarmName"]: name
        for name, each in resources.items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    parts: list[Any] = []
    for part in rule.split(" OR "):
        name = by_name[part.removeprefix('ALARM("').removesuffix('")')]
        reference = {"Fn::Sub": f'{" OR " if parts else ""}ALARM("${{{name}}}")'}
        condition = resources[name].get("Condition")
        if condition and not parts:
            raise ValueError(f"{rule}: the first alarm is not always there")
        parts.append(when(condition, reference, "") if condition else reference)
    return {"Fn::Join": ["", parts]}


def announced() -> dict[str, Any]:
    """Return the condition that the archive's objects of a log group are announced."""
    return any_of([{"Condition": SHIPS_TO[each]} for each in SHIP_TO_DESTINATIONS if each != "archive"])


LISTS = {SHIP_TO.name: "Destinations", CLOUDFLARE_FIELDS.name: "FieldNames"}
"""Parameters that are lists with commas, which documents have as strings; and the replacement's name in a
substitution."""


def write_lists(value: Any) -> Any:
    """Return a rendered template in which documents have lists as JSON does: ``a,b`` becomes ``"a","b"``."""
    if isinstance(value, list):
        return [write_lists(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Fn::Sub": str(string)}:
            values = {}
            for name, strings in LISTS.items():
                if f"${{{name}}}" in string:
                    string = string.replace(f"${{{name}}}", f"${{{strings}}}")
                    values[strings] = {"Fn::Join": ['","', {"Fn::Split": [",", {"Ref": name}]}]}
            return {"Fn::Sub": [string, values]} if values else value
    return {key: write_lists(each) for key, each in value.items()}
