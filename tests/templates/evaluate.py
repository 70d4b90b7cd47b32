"""A template with its parameters filled in, as CloudFormation would: conditions decided, references replaced."""

import re
from collections.abc import Mapping
from typing import Any

NO_VALUE = object()


class Evaluation:
    """Evaluates one template with the values of its parameters.

    References to alarms and buckets become their names; other references to resources stay as they are. A pattern or a
    list of allowed values that refuses a value is an error.
    """

    def __init__(self, template: Mapping[str, Any], values: Mapping[str, Any], *, account: str, region: str) -> None:
        self._template = template
        declared = template.get("Parameters", {})
        assert values.keys() <= declared.keys(), values.keys() - declared.keys()
        self._values: dict[str, Any] = {
            "AWS::AccountId": account,
            "AWS::Region": region,
            "AWS::Partition": "aws",
            "AWS::NoValue": NO_VALUE,
        }
        for name, parameter in declared.items():
            value = values[name] if name in values else parameter["Default"]
            assert value in parameter.get("AllowedValues", [value]), (name, value)
            assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(value)), (name, value)
            self._values[name] = value
        # Their names are made of parameters alone.
        for name, resource in template["Resources"].items():
            for attribute in ("AlarmName", "BucketName"):
                if named := resource.get("Properties", {}).get(attribute):
                    self._values[name] = self._value(named)

    def template(self) -> dict[str, Any]:
        """Return the resources and outputs whose conditions hold; without metadata, which create nothing."""
        return {
            section: {
                name: self._value({key: value for key, value in entry.items() if key not in ("Condition", "Metadata")})
                for name, entry in self._template.get(section, {}).items()
                if "Condition" not in entry or self._holds({"Condition": entry["Condition"]})
            }
            for section in ("Resources", "Outputs")
        }

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Condition": name}:
                return self._holds(self._template["Conditions"][name])
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::Or": [*conditions]}:
                return any(map(self._holds, conditions))
            case {"Fn::And": [*conditions]}:
                return all(map(self._holds, conditions))
            case {"Fn::Equals": [first, second]}:
                return bool(self._value(first) == self._value(second))
        raise AssertionError(condition)

    def _value(self, value: Any) -> Any:
        match value:
            case {"Ref": name, **rest} if not rest:
                return self._values.get(name, value)
            case {"Fn::If": [name, yes, no], **rest} if not rest:
                return self._value(yes if self._holds({"Condition": name}) else no)
            case {"Fn::FindInMap": [name, key, second], **rest} if not rest:
                return self._template["Mappings"][name][self._value(key)][second]
            case {"Fn::Sub": str(text), **rest} if not rest:
                return self._substituted(text, {})
            case {"Fn::Sub": [str(text), dict(values)], **rest} if not rest:
                return self._substituted(text, {name: self._value(each) for name, each in values.items()})
            case {"Fn::Split": [separator, text], **rest} if not rest:
                return str(self._value(text)).split(separator)
            case {"Fn::Join": [separator, parts], **rest} if not rest:
                return separator.join(map(str, map(_as_text, self._value(parts))))
            case {"Fn::GetAtt": [*_], **rest} if not rest:
                return value
            case dict():
                found = {key: self._value(each) for key, each in value.items()}
                return {key: each for key, each in found.items() if each is not NO_VALUE}
            case list():
                return [each for each in map(self._value, value) if each is not NO_VALUE]
        return value

    def _substituted(self, text: str, values: Mapping[str, Any]) -> str:
        def replacement(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            return str(values.get(name, self._values.get(name, f"${{{name}}}")))

        return re.sub(r"\$\{([^}]+)\}", replacement, text)


def _as_text(value: Any) -> str:
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
    return str(value)
