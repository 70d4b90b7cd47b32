"""Makes the templates: one synthesis of all their exports, then parameters in the place of values."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Tags

from app import SOURCES
from constructs_lib.shipper import ShipperCode
from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.settings.retention import PROFILES
from logdock.sources import ROOT, version
from logdock.vendors.registry import load_part
from stacks.core import CoreStack
from stacks.pipeline import Pipeline, PipelineStack
from stacks.shipper import ShipperStack
from templates.bucket_name import HAS_NAME, default_bucket_name
from templates.catalogue import LANDINGS, Landing
from templates.code import Code, write_code
from templates.conditions import SHIPS_TO, any_of, equals, is_set, landing_conditions
from templates.merge import merge_templates
from templates.parameters import (
    ACCESS_LOG_BUCKET,
    ALERT_EMAIL,
    ALERT_TOPIC,
    BUCKET,
    BUCKET_EXPORTS,
    DECRYPTION_KEYS_SECRET,
    DEPLOYMENT,
    LOG_GROUP_EXPORTS,
    LOGZIO_LISTENER,
    LOGZIO_SECRET,
    OTLP_ENDPOINT,
    OTLP_SECRET,
    RETENTION,
    SHIP_TO,
    SHIP_TO_DESTINATIONS,
    Parameter,
)
from templates.pipelines import BRANCH, ENVIRONMENT, PIPELINES, PROJECT, QUALIFIER, REPOSITORY, PipelineTemplate
from templates.render import (
    ACCOUNT,
    ARCHIVE_DAYS,
    HAS_ACCESS_LOG_BUCKET,
    HAS_ACCESS_LOGS,
    HAS_ALARMS,
    HAS_ALERT_TOPIC,
    HOT_DAYS,
    REGION,
    Renderer,
    Template,
    add_bucket_options,
    announcements,
    describe_alone,
    landing_resources,
    rename_log_groups,
)
from templates.shipper import SHIPPERS, ShipperTemplate, shipper_resources
from templates.shipping import ANNOUNCED, SHIPPED, announced, shipped_resources, write_lists
from templates.yaml_form import to_yaml

TAG = "logdock:deployment"


class Forms:
    """The exports that the templates are made from: each landing template's, in each of its forms."""

    def __init__(self, landings: tuple[Landing, ...]) -> None:
        self.exports: list[dict[str, Any]] = []
        self.strings: dict[str, dict[str, str]] = {}
        """For each export's name, the parameters that stand for its values."""
        self.shipping: dict[str, dict[str, str]] = {}
        """For each export's name, the settings that it has if it is shipped."""
        self.names: dict[tuple[str, bool], str] = {}
        for landing in landings:
            self._add(landing, {}, chosen=False)
            if landing.option:
                self._add(landing, landing.option.settings, chosen=True)

    def _add(self, landing: Landing, changes: Mapping[str, Any], *, chosen: bool) -> None:
        number = len(self.exports) + 1
        strings = {DEPLOYMENT.sample: DEPLOYMENT.name}

        def sampled(value: Any) -> Any:
            if isinstance(value, list):
                return [sampled(each) for each in value]
            if not isinstance(value, Parameter):
                return value
            sample = value.sample.format(number)
            strings[sample] = value.name
            return sample

        document = {key: sampled(value) for key, value in {**landing.settings, **changes}.items()}
        self.exports.append(document)
        self.names[landing.name, chosen] = document["name"]
        self.shipping[document["name"]] = {key: each.sample for key, each in landing.shipping.items()}
        strings |= {each.sample: each.name for each in landing.shipping.values()}
        self.strings[document["name"]] = strings


DESTINATIONS: list[dict[str, Any]] = [
    {
        "kind": "logzio",
        "name": "logzio",
        "token_secret": LOGZIO_SECRET.sample,
        "listener_url": LOGZIO_LISTENER.sample,
    },
    {"kind": "otlp", "name": "otlp", "endpoint": OTLP_ENDPOINT.sample, "headers_secret": OTLP_SECRET.sample},
]
"""The destinations that the templates know; `archive` is built in."""


def sample_settings(exports: list[dict[str, Any]], **settings: Any) -> Deployment:
    """Return the settings that templates are synthesized with."""
    return Deployment.model_validate(
        {
            "deployment": DEPLOYMENT.sample,
            "account": ACCOUNT,
            "region": REGION,
            "retention": {"hot_days": HOT_DAYS, "archive_days": ARCHIVE_DAYS},
            "dashboard": False,
            "exports": exports,
            **settings,
        }
    )


def make_landing_templates(landings: tuple[Landing, ...] = LANDINGS) -> dict[str, Template]:
    """Return the landing templates by name."""
    forms = Forms(landings)
    landed = synthesize_exports(sample_settings(forms.exports))
    shipped = synthesize_exports(
        sample_settings(
            [{**each, **forms.shipping[each["name"]], "ship_to": [*SHIP_TO_DESTINATIONS]} for each in forms.exports],
            destinations=DESTINATIONS,
        )
    )

    def form(landing: Landing, *, chosen: bool) -> Template:
        name = forms.names[landing.name, chosen]
        stack = f"{DEPLOYMENT.sample}-{name}"
        base = landing_resources(landed[stack])
        other = shipped_resources(shipped[stack], has_bucket=landing.has_bucket)
        numbers = {HOT_DAYS: _retained("HotDays"), ARCHIVE_DAYS: _retained("ArchiveDays")}
        if not landing.has_bucket:
            base, other = rename_log_groups(base), rename_log_groups(other)
            numbers = {HOT_DAYS: {"Ref": "RetentionInDays"}}
        renderer = Renderer({**forms.strings[name], SHIP_TO.sample: SHIP_TO.name}, numbers)
        describe_alone(base)
        waits = {each: other["Resources"][each].pop("DependsOn", []) for each in announcements(base)}
        merged = merge_templates(
            write_lists(renderer.render(base)),
            write_lists(renderer.render(other)),
            SHIPPED,
            implied_by={*SHIPS_TO.values(), ANNOUNCED},
        )
        if landing.has_bucket:
            add_bucket_options(merged, waits)
            merged = {**merged, **default_bucket_name(merged)}
        return merged

    made: dict[str, Template] = {}
    for landing in landings:
        head, body = _head(landing), form(landing, chosen=False)
        conditions = {**head.pop("Conditions"), **body.pop("Conditions", {})}
        if landing.option:
            body = merge_templates(body, form(landing, chosen=True), landing.option.condition)
            conditions |= body.pop("Conditions", {})
        made[landing.name] = _without_unused({**head, "Conditions": conditions, **body})
    return made


def synthesize_exports(settings: Deployment) -> dict[str, Template]:
    """Return the template of each export by its stack's name. None of these exports needs a function's source."""
    app = App(context=json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"])
    names, env = Names.of(settings), Environment(account=settings.account, region=settings.region)
    for export in settings.exports:
        stack = load_part(export.kind, "stack").STACK(
            app,
            names.in_region(export.name, settings.region),
            settings=settings,
            names=names,
            export=export,
            connector_source=SOURCES / "vendor_connector",
            env=env,
        )
        stack.alarms.complete()
    Tags.of(app).add(TAG, settings.deployment)
    return {stack.stack_name: stack.template for stack in app.synth().stacks}


def make_shipper_templates(code: Code) -> dict[str, Template]:
    """Return the templates of the core and the shipper by name."""
    synthesized = _synthesize_shipper()
    made: dict[str, Template] = {}
    for entry in SHIPPERS:
        strings = {each.sample: each.name for each in entry.parameters if each.sample}
        renderer = Renderer(strings, {HOT_DAYS: _retained("HotDays"), ARCHIVE_DAYS: _retained("ArchiveDays")})
        body = renderer.render(shipper_resources(synthesized[entry.name], code))
        made[entry.name] = _without_unused({**_head(entry), **body})
    return made


def _synthesize_shipper() -> dict[str, Template]:
    """Return the core's and the shipper's template, with every export and secret that their parameters can name."""
    *buckets, last = BUCKET_EXPORTS
    exports: list[dict[str, Any]] = [
        {"kind": "s3-logs", "services": ["cloudtrail"], "name": each.sample, "bucket": each.sample, "prefix": "a"}
        for each in buckets
    ]
    exports += [
        {
            "kind": "aptible",
            "stack_region": REGION,
            "name": last.sample,
            "bucket": last.sample,
            "decryption_keys_secret": DECRYPTION_KEYS_SECRET.sample,
        }
    ]
    exports += [
        {"kind": "cloudwatch-logs", "name": each.sample, "log_groups": [f"/{each.sample}"]}
        for each in LOG_GROUP_EXPORTS
    ]
    settings = sample_settings(
        [{**each, "ship_to": [*SHIP_TO_DESTINATIONS]} for each in exports],
        destinations=DESTINATIONS,
        alerts={"email": [ALERT_EMAIL.sample]},
    )
    return synthesize_core_and_shipper(settings)


def synthesize_core_and_shipper(settings: Deployment) -> dict[str, Template]:
    """Return the templates of a deployment's core and shipper, made without the code of its functions."""
    app = App(context=json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"])
    names, env = Names.of(settings), Environment(account=settings.account, region=settings.region)
    with tempfile.TemporaryDirectory() as folder:
        # The CDK copies what it is given as code, and the templates name other files.
        nothing = Path(folder)
        (nothing / "empty").touch()
        CoreStack(app, "core", settings=settings, names=names, regions=settings.regions, env=env)
        ShipperStack(
            app,
            "shipper",
            settings=settings,
            names=names,
            code=ShipperCode(source=nothing, layer=nothing),
            connector_source=nothing,
            tags_source=nothing,
            env=env,
        )
        Tags.of(app).add(TAG, settings.deployment)
        Tags.of(app).add("logdock:version", version(), include_resource_types=["AWS::Lambda::Function"])
        return {stack.stack_name: stack.template for stack in app.synth().stacks}


def _without_unused(template: Template) -> Template:
    """Drop the conditions that nothing refers to."""
    conditions = dict(template["Conditions"])
    while True:
        text = json.dumps({**template, "Conditions": conditions})
        used = {each for each in conditions if f'["{each}"' in text or f'"Condition": "{each}"' in text}
        if used == conditions.keys():
            break
        conditions = {each: conditions[each] for each in conditions if each in used}
    return {**template, "Conditions": conditions}


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


def _head(entry: Landing | PipelineTemplate | ShipperTemplate) -> Template:
    """Return all but the resources and outputs."""
    head: Template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Logdock {version()}: {entry.title}",
        "Metadata": {
            "Logdock": {"Version": version(), "Template": entry.name},
            "AWS::CloudFormation::Interface": {
                "ParameterGroups": [
                    {"Label": {"default": label}, "Parameters": [each.name for each in parameters]}
                    for label, parameters in entry.groups.items()
                ],
                "ParameterLabels": {each.name: {"default": each.label} for each in entry.parameters},
            },
        },
        "Parameters": {each.name: each.declaration for each in entry.parameters},
    }
    if RETENTION in entry.parameters:
        head["Mappings"] = {
            "Days": {
                name: {"HotDays": profile.hot_days, "ArchiveDays": profile.archive_days}
                for name, profile in PROFILES.items()
            }
        }
    if isinstance(entry, Landing) and entry.rules:
        head["Rules"] = entry.rules
    return {**head, "Conditions": _conditions(entry)}


def _conditions(entry: Landing | PipelineTemplate | ShipperTemplate) -> dict[str, Any]:
    conditions: dict[str, Any] = {}
    if isinstance(entry, ShipperTemplate):
        return entry.conditions
    if entry.option:
        conditions[entry.option.condition] = equals(entry.option.parameter.name, entry.option.chosen)
    if isinstance(entry, PipelineTemplate):
        return conditions
    conditions |= landing_conditions()
    if not entry.has_bucket:
        return {**conditions, ANNOUNCED: announced()}
    return {
        **conditions,
        HAS_NAME: is_set(BUCKET.name),
        HAS_ACCESS_LOG_BUCKET: is_set(ACCESS_LOG_BUCKET.name),
        HAS_ALERT_TOPIC: is_set(ALERT_TOPIC.name),
        HAS_ACCESS_LOGS: any_of([{"Condition": HAS_ACCESS_LOG_BUCKET}, {"Condition": SHIPPED}]),
        HAS_ALARMS: any_of([{"Condition": HAS_ALERT_TOPIC}, {"Condition": SHIPPED}]),
    }


def write_templates(directory: Path) -> list[Path]:
    """Write every template into a directory, with the code that they name, and return the files."""
    directory.mkdir(parents=True, exist_ok=True)
    code = write_code(directory)
    made = {**make_shipper_templates(code), **make_landing_templates(), **make_pipeline_templates()}
    written = [directory / code.function, directory / code.layer]
    for name, template in made.items():
        path = directory / f"{name}.yaml"
        path.write_text(to_yaml(name, template), encoding="utf-8")
        written.append(path)
    return written
