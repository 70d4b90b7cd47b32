"""Makes the templates: one synthesis of all their exports, then parameters in the place of values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from aws_cdk import App, Environment, Tags

from app import SOURCES
from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.settings.retention import PROFILES
from logdock.sources import ROOT, version
from logdock.vendors.registry import load_part
from stacks.pipeline import Pipeline, PipelineStack
from templates.catalogue import LANDINGS, Landing
from templates.merge import merge_templates
from templates.parameters import DEPLOYMENT, Parameter
from templates.pipelines import BRANCH, ENVIRONMENT, PIPELINES, PROJECT, QUALIFIER, REPOSITORY, PipelineTemplate
from templates.render import (
    ACCOUNT,
    ARCHIVE_DAYS,
    HOT_DAYS,
    REGION,
    Renderer,
    Template,
    add_bucket_options,
    landing_resources,
    rename_log_groups,
)

TAG = "logdock:deployment"


class Forms:
    """The exports that the templates are made from: each landing template's, in each of its forms.

    Attributes
    ----------
    exports
        The settings of the exports.
    strings
        For each export's name, the parameters that stand for its values.
    """

    def __init__(self, landings: tuple[Landing, ...]) -> None:
        self.exports: list[dict[str, Any]] = []
        self.strings: dict[str, dict[str, str]] = {}
        self.names: dict[tuple[str, bool], str] = {}
        for landing in landings:
            self._add(landing, {}, chosen=False)
            if landing.option:
                self._add(landing, landing.option.settings, chosen=True)

    def _add(self, landing: Landing, changes: Mapping[str, Any], *, chosen: bool) -> None:
        number = len(self.exports) + 1
        strings = {DEPLOYMENT.sample: DEPLOYMENT.name}
        document: dict[str, Any] = {}
        for key, value in landing.settings.items():
            document[key] = value
            if isinstance(value, Parameter):
                document[key] = value.sample.format(number)
                strings[document[key]] = value.name
        self.exports.append({**document, **changes})
        self.names[landing.name, chosen] = document["name"]
        self.strings[document["name"]] = strings


def make_landing_templates(landings: tuple[Landing, ...] = LANDINGS) -> dict[str, Template]:
    """Return the landing templates by name."""
    forms = Forms(landings)
    settings = Deployment.model_validate(
        {
            "deployment": DEPLOYMENT.sample,
            "account": ACCOUNT,
            "region": REGION,
            "retention": {"hot_days": HOT_DAYS, "archive_days": ARCHIVE_DAYS},
            "dashboard": False,
            "exports": forms.exports,
        }
    )
    stacks = synthesize_exports(settings)

    def form(landing: Landing, *, chosen: bool) -> Template:
        name = forms.names[landing.name, chosen]
        template = landing_resources(stacks[f"{settings.deployment}-{name}"])
        if landing.has_bucket:
            add_bucket_options(template)
        numbers = {HOT_DAYS: _retained("HotDays"), ARCHIVE_DAYS: _retained("ArchiveDays")}
        if not landing.has_bucket:
            template, numbers = rename_log_groups(template), {HOT_DAYS: {"Ref": "RetentionInDays"}}
        rendered: Template = Renderer(forms.strings[name], numbers).render(template)
        return rendered

    made: dict[str, Template] = {}
    for landing in landings:
        body = form(landing, chosen=False)
        if landing.option:
            body = merge_templates(body, form(landing, chosen=True), landing.option.condition)
        made[landing.name] = {**_head(landing), **body}
    return made


def synthesize_exports(settings: Deployment) -> dict[str, Template]:
    """Return the template of each export by its stack's name. None of these exports needs a function's source."""
    app = App(context=json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"])
    names, env = Names.of(settings), Environment(account=settings.account, region=settings.region)
    for export in settings.exports:
        load_part(export.kind, "stack").STACK(
            app,
            names.in_region(export.name, settings.region),
            settings=settings,
            names=names,
            export=export,
            connector_source=SOURCES / "vendor_connector",
            env=env,
        )
    Tags.of(app).add(TAG, settings.deployment)
    return {stack.stack_name: stack.template for stack in app.synth().stacks}


def make_pipeline_templates() -> dict[str, Template]:
    """Return the templates of pipelines' roles by name."""
    app = App(context=json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"])
    for entry in PIPELINES:
        repository = PROJECT if entry.host == "gitlab" else REPOSITORY
        pipeline = Pipeline(
            host=entry.host, repository=repository.sample, branch=BRANCH.sample, environment=ENVIRONMENT.sample
        )
        for creates in (False, True):
            PipelineStack(
                app,
                _form_name(entry, creates=creates),
                pipeline=pipeline,
                deployment=DEPLOYMENT.sample,
                qualifier=QUALIFIER.sample,
                creates_provider=creates,
                env=Environment(account=ACCOUNT, region=REGION),
            )
    Tags.of(app).add(TAG, DEPLOYMENT.sample)
    stacks = {stack.stack_name: stack.template for stack in app.synth().stacks}
    made: dict[str, Template] = {}
    for entry in PIPELINES:
        strings = {each.sample: each.name for each in entry.parameters if each.sample}
        base, other = (
            Renderer(strings, {}).render(_without_cdk(stacks[_form_name(entry, creates=creates)]))
            for creates in (False, True)
        )
        made[entry.name] = {**_head(entry), **merge_templates(base, other, entry.option.condition)}
    return made


def _form_name(entry: PipelineTemplate, *, creates: bool) -> str:
    return entry.name + ("" if creates else "-existing")


def _without_cdk(template: Template) -> Template:
    """Leave out what only the CDK's command line reads."""
    resources = {
        name: {key: value for key, value in resource.items() if key != "Metadata"}
        for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CDK::Metadata"
    }
    return {"Resources": resources, "Outputs": template["Outputs"]}


def _retained(days: str) -> dict[str, Any]:
    return {"Fn::FindInMap": ["Days", {"Ref": "Retention"}, days]}


def _head(landing: Landing | PipelineTemplate) -> Template:
    """Return all but the resources and outputs."""
    conditions: dict[str, Any] = {}
    if landing.option:
        conditions[landing.option.condition] = _equals(landing.option.parameter.name, landing.option.chosen)
    head: Template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Logdock {version()}: {landing.title}",
        "Metadata": {
            "Logdock": {"Version": version(), "Template": landing.name},
            "AWS::CloudFormation::Interface": {
                "ParameterGroups": [
                    {"Label": {"default": label}, "Parameters": [each.name for each in parameters]}
                    for label, parameters in landing.groups.items()
                ],
                "ParameterLabels": {each.name: {"default": each.label} for each in landing.parameters},
            },
        },
        "Parameters": {each.name: each.declaration for each in landing.parameters},
    }
    if landing.has_bucket:
        head["Mappings"] = {
            "Days": {
                name: {"HotDays": profile.hot_days, "ArchiveDays": profile.archive_days}
                for name, profile in PROFILES.items()
            }
        }
        for name in ("AccessLogBucket", "AlertTopic"):
            parameter = "AlertTopicArn" if name == "AlertTopic" else name
            conditions[f"Has{name}"] = {"Fn::Not": [_equals(parameter, "")]}
    return {**head, **({"Conditions": conditions} if conditions else {})}


def _equals(parameter: str, value: str) -> dict[str, Any]:
    return {"Fn::Equals": [{"Ref": parameter}, value]}


class _Dumper(yaml.SafeDumper):
    """Writes functions in their short form and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (PyYAML's signature)
        return True


_SHORT = ("Ref", "Fn::Sub", "Fn::GetAtt", "Fn::If", "Fn::FindInMap", "Fn::Equals", "Fn::Not", "Fn::Select", "Fn::Split")


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


def write_templates(directory: Path) -> list[Path]:
    """Write every template into a directory, and return the files."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, template in {**make_landing_templates(), **make_pipeline_templates()}.items():
        path = directory / f"{name}.yaml"
        path.write_text(to_yaml(name, template), encoding="utf-8")
        written.append(path)
    return written
