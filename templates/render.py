"""A stack's template with parameters instead of the values that it was synthesized with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT = "100200300400"
REGION = "eu-central-2"
HOT_DAYS, ARCHIVE_DAYS = 1827, 3653
"""What the templates are synthesized with. No template has these values for another reason."""

LANDING_TYPES = frozenset(
    {
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::KMS::Key",
        "AWS::KMS::Alias",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
    }
)
"""What logs land in, and who may write it."""

Template = dict[str, Any]


def landing_resources(template: Template) -> Template:
    """Return what logs land in, with the rule and the alarm that notice when nothing lands in a bucket."""
    kept: dict[str, Any] = {}
    silence = {name for name, each in template["Resources"].items() if _is_silence_alarm(each)}
    for name, resource in template["Resources"].items():
        is_counted = resource["Type"] == "AWS::Events::Rule" and "aws.s3" in str(resource["Properties"])
        if resource["Type"] in LANDING_TYPES or name in silence or is_counted:
            kept[name] = {key: value for key, value in resource.items() if key != "Metadata"}
    if not any(each["Type"] == "AWS::Events::Rule" for each in kept.values()):
        # The alarm of a log group counts what the archiver reads, which is not there.
        kept = {name: each for name, each in kept.items() if name not in silence}
    for resource in kept.values():
        waits_for = [name for name in resource.pop("DependsOn", []) if name in kept]
        if waits_for:
            resource["DependsOn"] = waits_for
    return {"Resources": kept, "Outputs": template["Outputs"]}


def _is_silence_alarm(resource: Mapping[str, Any]) -> bool:
    name = str(resource.get("Properties", {}).get("AlarmName", ""))
    return resource["Type"] == "AWS::CloudWatch::Alarm" and name.endswith("/silence")


def add_bucket_options(template: Template) -> None:
    """Make the access log of the bucket, and the alarm, depend on parameters that may be empty."""
    for resource in template["Resources"].values():
        properties = resource["Properties"]
        if "LoggingConfiguration" in properties:
            logging = {**properties["LoggingConfiguration"], "DestinationBucketName": {"Ref": "AccessLogBucket"}}
            properties["LoggingConfiguration"] = {
                "Fn::If": ["HasAccessLogBucket", logging, {"Ref": "AWS::NoValue"}],
            }
        if resource["Type"] in ("AWS::Events::Rule", "AWS::CloudWatch::Alarm"):
            resource["Condition"] = "HasAlertTopic"
        if resource["Type"] == "AWS::Events::Rule":
            properties["Description"] = "New objects of the bucket, counted by the alarm"
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            properties["AlarmActions"] = [{"Ref": "AlertTopicArn"}]
            # The commands that the description names need a settings file.
            properties["AlarmDescription"] = properties["AlarmDescription"].partition(" Run first: ")[0]


def rename_log_groups(template: Template) -> Template:
    """Give log groups logical ids without their names: the CDK builds them from the name."""
    resources: dict[str, Any] = {}
    for name, resource in template["Resources"].items():
        new = name
        if resource["Type"] == "AWS::Logs::LogGroup":
            group = resource["Properties"]["LogGroupName"]
            # An Aurora cluster has one for each log type, whose name ends with the type.
            new = "LogGroup" + (group.rpartition("/")[2].title() if group.startswith("/aws/rds/") else "")
        if new in resources:
            raise ValueError(f"{name}: the template has a resource {new} already")
        resources[new] = resource
    return {**template, "Resources": resources}


class Renderer:
    """Replaces the values that a template was synthesized with by references.

    Parameters
    ----------
    strings
        The reference that replaces each string, wherever it is in another.
    numbers
        The function that replaces each number.
    """

    def __init__(self, strings: Mapping[str, str], numbers: Mapping[int, Any]) -> None:
        self._strings = {**strings, ACCOUNT: "AWS::AccountId", REGION: "AWS::Region"}
        self._numbers = numbers
        longest_first = sorted(self._strings, key=lambda each: (-len(each), each))
        self._pattern = re.compile("|".join([*map(re.escape, longest_first), r"(?<=\barn:)aws(?=:)"]))

    def render(self, value: Any) -> Any:
        """Return a value with every reference in its place."""
        if isinstance(value, str):
            return _function(self._pieces(value))
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._numbers.get(int(value), value)
        if isinstance(value, list):
            return [self.render(each) for each in value]
        if isinstance(value, dict):
            if value.keys() == {"Fn::Join"} and value["Fn::Join"][0] == "":
                return self._joined(value["Fn::Join"][1])
            if value.keys() in ({"Ref"}, {"Fn::GetAtt"}):
                return value
            for key in value:
                if self._pattern.search(key):
                    raise ValueError(f"{key}: a key cannot be a reference")
            return {key: self.render(each) for key, each in value.items()}
        return value

    def _pieces(self, value: str) -> list[str | tuple[str]]:
        """Divide a string into text, and references in tuples."""
        pieces: list[str | tuple[str]] = []
        at = 0
        for found in self._pattern.finditer(value):
            pieces.append(value[at : found.start()])
            pieces.append((self._strings.get(found.group(), "AWS::Partition"),))
            at = found.end()
        return [each for each in [*pieces, value[at:]] if each]

    def _joined(self, parts: list[Any]) -> Any:
        pieces: list[str | tuple[str]] = []
        for part in parts:
            match part:
                case str():
                    pieces += self._pieces(part)
                case {"Ref": name}:
                    pieces.append((name,))
                case {"Fn::GetAtt": [name, attribute]}:
                    pieces.append((f"{name}.{attribute}",))
                case _:
                    return {"Fn::Join": ["", self.render(parts)]}
        return _function(pieces)


def _function(pieces: list[str | tuple[str]]) -> Any:
    """Write pieces as a string, a reference or a substitution."""
    match pieces:
        case []:
            return ""
        case [(name,)]:
            resource, _, attribute = name.partition(".")
            return {"Fn::GetAtt": [resource, attribute]} if attribute else {"Ref": name}
    if all(isinstance(each, str) for each in pieces):
        return "".join(str(each) for each in pieces)
    return {
        "Fn::Sub": "".join(each.replace("${", "${!") if isinstance(each, str) else f"${{{each[0]}}}" for each in pieces)
    }
