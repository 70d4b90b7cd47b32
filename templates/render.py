"""A stack's template with parameters instead of the values that it was synthesized with."""

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT = "100200300400"
REGION = "eu-central-2"
HOT_DAYS, ARCHIVE_DAYS = 1827, 3653
"""What the templates are synthesized with. No template has these values for another reason."""

HAS_ACCESS_LOG_BUCKET, HAS_ALERT_TOPIC = "HasAccessLogBucket", "HasAlertTopic"
HAS_ACCESS_LOGS, HAS_ALARMS = "HasAccessLogs", "HasAlarms"
"""Conditions of a bucket: a shipped landing has the access logs and alarms of its deployment by default."""

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


def describe_alone(template: Template) -> None:
    """Describe the rule and the alarm of a landing that nothing is shipped from."""
    for resource in template["Resources"].values():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::Events::Rule":
            properties["Description"] = "New objects of the bucket, counted by the alarm"
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            # The commands that the description names need a settings file.
            properties["AlarmDescription"] = properties["AlarmDescription"].partition(" Run first: ")[0]


def announcements(template: Template) -> list[str]:
    """Return the rules of a landing."""
    return [name for name, each in template["Resources"].items() if each["Type"] == "AWS::Events::Rule"]


def add_bucket_options(template: Template, waits_for: Mapping[str, list[str]]) -> None:
    """Make the access log of a bucket, and what counts its objects, depend on parameters that may be empty.

    Parameters
    ----------
    template
        A rendered landing, with what ships it.
    waits_for
        What each rule waits for if the landing is shipped. Not as ``DependsOn``, in which CloudFormation takes no
        condition: a reference is a dependency too, also in metadata (CloudFormation Template Reference, "Metadata
        attribute").
    """
    for name, resource in template["Resources"].items():
        properties = resource["Properties"]
        if "LoggingConfiguration" in properties:
            logging = properties["LoggingConfiguration"]
            target = {"Fn::If": [HAS_ACCESS_LOG_BUCKET, {"Ref": "AccessLogBucket"}, logging["DestinationBucketName"]]}
            logging = {**logging, "DestinationBucketName": target}
            properties["LoggingConfiguration"] = {"Fn::If": [HAS_ACCESS_LOGS, logging, {"Ref": "AWS::NoValue"}]}
        if "AlarmActions" in properties:
            (topic,) = properties["AlarmActions"]
            properties["AlarmActions"] = [{"Fn::If": [HAS_ALERT_TOPIC, {"Ref": "AlertTopicArn"}, topic]}]
        if name in waits_for or (resource["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in resource):
            resource["Condition"] = HAS_ALARMS
        if waits_for.get(name):
            references = [{"Ref": each} for each in waits_for[name]]
            resource["Metadata"] = {"After": {"Fn::If": ["IsShipped", references, []]}}


def rename_log_groups(template: Template) -> Template:
    """Give what is of a log group a logical id without the group's name: the CDK builds them from the name."""
    groups = {
        each["Properties"]["LogGroupName"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::Logs::LogGroup"
    }
    names: dict[str, str] = {}
    for name, resource in template["Resources"].items():
        new = name
        for group in groups:
            in_id = re.sub("[^A-Za-z0-9]", "", group)
            if in_id in name:
                # An Aurora cluster has one for each log type, whose name ends with the type.
                kind = group.rpartition("/")[2].title() if group.startswith("/aws/rds/") else ""
                own = "" if resource["Type"] == "AWS::Logs::LogGroup" else re.sub(r"[0-9A-F]{8}$", "", name)
                new = (own.replace(in_id, "") or "LogGroup") + kind
        if new in names.values():
            raise ValueError(f"{name}: the template has a resource {new} already")
        names[name] = new
    return {
        **template,
        "Resources": {names[name]: _renamed(each, names) for name, each in template["Resources"].items()},
    }


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value whose references go by new names."""
    match value:
        case {"Ref": str(name), **rest} if not rest:
            return {"Ref": names.get(name, name)}
        case {"Fn::GetAtt": [name, attribute], **rest} if not rest:
            return {"Fn::GetAtt": [names.get(name, name), attribute]}
        case dict():
            return {
                key: [names[name] for name in each] if key == "DependsOn" else _renamed(each, names)
                for key, each in value.items()
            }
        case list():
            return [_renamed(each, names) for each in value]
    return value


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
