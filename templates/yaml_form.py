"""How a template is written: functions in their short form, and a head that says how to deploy it."""

import json
from typing import Any

import yaml

from templates.render import Template


class _Dumper(yaml.SafeDumper):
    """Writes functions in their short form and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (PyYAML's signature)
        return True


_SHORT = (
    "Ref",
    "Fn::Sub",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::FindInMap",
    "Fn::Equals",
    "Fn::Not",
    "Fn::Select",
    "Fn::Split",
    "Fn::Or",
    "Fn::And",
    "Fn::Join",
    "Condition",
)


def _represent(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    if len(value) == 1 and (name := next(iter(value))) in _SHORT:
        tag, argument = "!" + name.removeprefix("Fn::"), value[name]
        if name == "Fn::GetAtt":
            argument = ".".join(argument)
        if isinstance(argument, str):
            return dumper.represent_scalar(tag, argument, style="|" if "\n" in argument else None)
        # Short functions are one line: `!If [HasAlertTopic, ..., ...]`.
        return dumper.represent_sequence(tag, argument, flow_style=not _has_long(argument))
    return dumper.represent_dict(value.items())


def _has_long(value: list[Any]) -> bool:
    return any(isinstance(each, dict) and not (len(each) == 1 and next(iter(each)) in _SHORT) for each in value) or (
        len(json.dumps(value)) > 100
    )


_Dumper.add_representer(dict, _represent)


def to_yaml(name: str, template: Template) -> str:
    """Write a template as a person reads it."""
    body = yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
    return (
        f"# {template['Description']}.\n"
        f"# Deploy: aws cloudformation deploy --template-file {name}.yaml --stack-name NAME \\\n"
        "#   --capabilities CAPABILITY_NAMED_IAM --parameter-overrides NAME=VALUE ...\n"
        "# Generated from the stacks by `make templates`. docs/templates.md explains it.\n" + body
    )
