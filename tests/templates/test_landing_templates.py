"""A template with its parameters filled in is what `cdk deploy` would deploy, and it asks for all that a user sets."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from logdock.settings.landing import log_group_digest
from logdock.settings.text import bucket_name
from policy_proof.proof import Proof
from policy_proof.synthesis import ROOT, synthesize_now
from templates.build import synthesize_exports
from templates.catalogue import LANDINGS
from templates.parameters import Parameter
from templates.render import ACCOUNT as SYNTHESIZED_ACCOUNT
from templates.render import ARCHIVE_DAYS, HOT_DAYS, LANDING_TYPES, landing_resources, rename_log_groups
from templates.render import REGION as SYNTHESIZED_REGION
from templates.yaml_form import to_yaml
from tests.templates.conftest import CASES, EVERY_NAME, NAMES, SHIPPERS, comparable, entry, template
from tests.templates.evaluate import Evaluation
from tests.templates.samples import ACCOUNT, FILLED, REGION, deployment, with_own_names

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:acme-alerts"
LIMIT_OF_AN_API_CALL = 51_200
LIMIT_IN_A_BUCKET = 1_000_000
"""Bytes of a template that is not in a bucket, and of one that is (CloudFormation User Guide, "Understand
CloudFormation quotas")."""
KEYS = {"DecryptionKeysSecret": "acme/aptible"}


@cache
def synthesized(case: str) -> dict[str, Any]:
    _, values, export = FILLED[case]
    settings = deployment(export, retention=values.get("Retention", "soc2"))
    return next(iter(synthesize_exports(settings).values()))


def filled(name: str, values: dict[str, Any]) -> dict[str, Any]:
    if "BucketName" in template(name)["Parameters"]:
        values = values | {"AccessLogBucket": f"acme-access-logs-{ACCOUNT}-{REGION}", "AlertTopicArn": TOPIC}
    return Evaluation(template(name), values, account=ACCOUNT, region=REGION).template()


@pytest.mark.parametrize("case", CASES)
def test_filled_template_is_the_landing_that_the_cdk_synthesizes(case: str) -> None:
    landing = landing_resources(synthesized(case))
    if FILLED[case][0] in ("cockroachdb", "aurora-mysql"):
        landing = rename_log_groups(landing)
    expected = Evaluation(landing, {}, account=ACCOUNT, region=REGION).template()
    for resource in expected["Resources"].values():
        if "AlarmDescription" in resource["Properties"]:
            description = resource["Properties"]["AlarmDescription"]
            resource["Properties"]["AlarmDescription"] = description.partition(" Run first: ")[0]
        if resource["Type"] == "AWS::Events::Rule":
            resource["Properties"]["Description"] = "New objects of the bucket, counted by the alarm"
    assert filled(*FILLED[case][:2]) == expected


def with_digests(document: str) -> str:
    """Return an export's configuration as the settings write it: CloudFormation computes no digest."""
    configuration = json.loads(document)
    landing = configuration["landing"]
    if "log_group_names" in landing:
        landing["log_groups"] = [log_group_digest(each) for each in landing.pop("log_group_names")]
    return json.dumps(configuration, separators=(",", ":"), sort_keys=True)


SHIPPED_TO = ("archive", "logzio,otlp", "archive,logzio,otlp")
"""Each destination is there, and is not."""


@pytest.mark.parametrize("case", CASES)
def test_shipped_template_is_the_stack_that_the_cdk_synthesizes(case: str) -> None:
    name, values, export = FILLED[case]
    keys = name == "aptible"
    if keys:
        values, export = values | KEYS, export | {"decryption_keys_secret": KEYS["DecryptionKeysSecret"]}
    for ship_to in SHIPPED_TO:
        settings = deployment(
            {**export, "ship_to": ship_to.split(",")},
            retention=values.get("Retention", "soc2"),
            destinations=("logzio", "otlp"),
        )
        (stack,) = synthesize_exports(settings).values()
        if name in ("cockroachdb", "aurora-mysql"):
            stack = rename_log_groups(stack)
        expected = Evaluation(stack, {}, account=ACCOUNT, region=REGION).template()
        evaluation = Evaluation(template(name), values | {"ShipTo": ship_to}, account=ACCOUNT, region=REGION)
        made = evaluation.template()["Resources"]
        for resource in made.values():
            if resource["Type"] == "AWS::SSM::Parameter":
                resource["Properties"]["Value"] = with_digests(resource["Properties"]["Value"])
        assert comparable(made) == comparable(expected["Resources"]), ship_to
        missing = {each for resource in made.values() for each in resource.get("DependsOn", [])} - made.keys()
        assert missing == set(), ship_to


def test_bucket_without_a_name_has_one_of_its_account_and_region() -> None:
    """One set of parameters works in every account that a stack set deploys to."""
    values = {key: each for key, each in FILLED["mongodb-atlas"][1].items() if key != "BucketName"}
    longest = values | {"ExportName": "e" * 32}
    buckets = set()
    for account in (ACCOUNT, "999988887777"):
        for region in ("eu-west-1", "ap-southeast-2"):
            made = Evaluation(template("mongodb-atlas"), longest, account=account, region=region).template()
            text = json.dumps(made)
            (bucket,) = (each["Properties"] for each in made["Resources"].values() if each["Type"] == "AWS::S3::Bucket")
            assert bucket_name(bucket["BucketName"]) == f"{'e' * 32}-{account}-{region}"
            assert f"arn:aws:s3:::{bucket['BucketName']}/" in text
            assert "${BucketName}" not in text
            buckets.add(bucket["BucketName"])
    assert len(buckets) == 4


@pytest.mark.parametrize("name", NAMES)
def test_outcome_is_the_same_whether_the_bucket_is_named_or_not(name: str) -> None:
    case = next(case for case, (each, *_) in FILLED.items() if each == name)
    values = FILLED[case][1]
    if "BucketName" not in values:
        assert "BucketName" not in template(name)["Parameters"]
        return
    default = f"{values['ExportName']}-{ACCOUNT}-{REGION}"
    unnamed = {key: each for key, each in values.items() if key != "BucketName"}
    assert filled(name, unnamed) == filled(name, values | {"BucketName": default})


@pytest.mark.parametrize("name", EVERY_NAME)
def test_no_value_of_the_synthesis_survives(name: str) -> None:
    made = template(name)
    text = json.dumps({key: value for key, value in made.items() if key != "Parameters"})
    found = re.findall(rf"zq\w*|{SYNTHESIZED_ACCOUNT}|{SYNTHESIZED_REGION}|arn:aws:\S*", text, re.IGNORECASE)
    samples = [each.sample.split("{")[0] for each in entry(name).parameters if each.sample]
    numbers = [each for each in (HOT_DAYS, ARCHIVE_DAYS) if str(each) in text]
    assert (found, [each for each in samples if each in text], numbers) == ([], [], [])


@pytest.mark.parametrize("name", EVERY_NAME)
def test_every_parameter_is_used_grouped_labelled_and_checked(name: str) -> None:
    made = template(name)
    text = json.dumps({key: made[key] for key in ("Rules", "Conditions", "Resources", "Outputs") if key in made})
    interface = made["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [each for group in interface["ParameterGroups"] for each in group["Parameters"]]
    assert grouped == list(made["Parameters"]) == list(interface["ParameterLabels"])
    wrong = []
    for parameter, declared in made["Parameters"].items():
        if f'{{"Ref": "{parameter}"}}' not in text and f"${{{parameter}}}" not in text:
            wrong.append(f"{parameter} is not used")
        if not {"AllowedPattern", "AllowedValues"} & declared.keys():
            wrong.append(f"{parameter} takes anything")
        if "AllowedPattern" in declared and "ConstraintDescription" not in declared:
            wrong.append(f"{parameter} does not say what it takes")
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_what_the_user_sets_in_the_settings_is_a_parameter(name: str) -> None:
    """Whatever the settings require of an export, its template asks for."""
    landing = next(each for each in LANDINGS if each.name == name)
    literal = {key for key, value in landing.settings.items() if not isinstance(value, Parameter | list)}
    literal |= {
        key for key, value in landing.settings.items() if isinstance(value, list) and value[0] not in landing.own
    }
    assert literal <= {"kind", "services", "stack_region", "configure_cluster"}
    assert "${AWS::Region}" in json.dumps(template(name))


def is_shipping(resource: dict[str, Any]) -> bool:
    return re.search("IsShipped|ShipsTo|IsAnnounced", resource.get("Condition", "")) is not None


@pytest.mark.parametrize("name", NAMES)
def test_template_needs_no_cdk_and_runs_nothing(name: str) -> None:
    made = template(name)
    types = {each["Type"] for each in made["Resources"].values() if not is_shipping(each)}
    assert types <= LANDING_TYPES | {"AWS::Events::Rule", "AWS::CloudWatch::Alarm"}
    assert "AWS::Lambda::Function" not in {each["Type"] for each in made["Resources"].values()}
    assert not re.search("bootstrap|cdk", json.dumps(made), re.IGNORECASE)
    assert made["Metadata"]["Logdock"]["Version"] in made["Description"]


@pytest.mark.parametrize("name", EVERY_NAME)
def test_yaml_is_what_was_made_and_fits_an_api_call(name: str) -> None:
    written = to_yaml(name, template(name))
    # The core and the shipper are deployed from a bucket, as their code is.
    assert len(written.encode()) < (LIMIT_IN_A_BUCKET if name in SHIPPERS else LIMIT_OF_AN_API_CALL)
    assert yaml.load(written, Loader=_Loader) == template(name)  # noqa: S506  (a SafeLoader)


class _Loader(yaml.SafeLoader):
    """Reads the short forms of functions."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {f"Fn::{suffix}": loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.ScalarNode)
    value = loader.construct_scalar(node)
    if suffix == "Condition":
        return {"Condition": value}
    if suffix == "GetAtt":
        return {"Fn::GetAtt": str(value).split(".")}
    return {"Ref": value} if suffix == "Ref" else {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


@pytest.mark.proof
def test_claims_hold_for_filled_templates() -> None:
    """In a deployment of them all: the claims about an export are about the archive and the shipper as well."""
    cases = [with_own_names(case) for case in FILLED]
    settings = deployment(*(export for *_, export in cases), retention="hipaa")
    deployed = synthesize_now(settings)
    plain = {
        f"{settings.deployment}-{export['name']}": filled(
            name, values | ({"Retention": "hipaa"} if "BucketName" in values else {})
        )
        for name, values, export in cases
    }
    assert plain.keys() < deployed.templates.keys()
    proof = Proof(settings, {**deployed.templates, **plain}, deployed.regions)
    outcomes = [each for each in proof.outcomes() if set(each.subject.stacks) & plain.keys()]
    assert len(outcomes) > len(plain)
    errors = [error for each in outcomes if (error := each.error())]
    errors += [error for each in proof.findings() if (error := each.error())]
    assert errors == []


@pytest.mark.proof
def test_claims_hold_for_a_deployment_of_plain_templates_alone() -> None:
    """Core, shipper and landings that are shipped: nothing of it is the CDK's."""
    values: dict[str, Any] = KEYS | {"Deployment": "acme", "LogzioTokenSecret": "acme/logzio", "Retention": "hipaa"}
    values |= {"OtlpEndpoint": "https://otel.acme.example", "OtlpHeadersSecret": "acme/otlp", "CodeBucket": "acme-code"}
    landings, exports, slots = {}, [], {"BucketExport": 0, "LogGroupExport": 0}
    for case in ("mongodb-atlas", "aptible-kms", "s3-logs-cloudtrail", "cockroachdb", "aurora-mysql-all"):
        name, own, export = with_own_names(case)
        slot = "BucketExport" if "BucketName" in own else "LogGroupExport"
        slots[slot] += 1
        values[f"{slot}{slots[slot]}"] = export["name"]
        ship_to = ["archive", "logzio", "otlp"]
        export |= {"ship_to": ship_to} | ({"decryption_keys_secret": "acme/aptible"} if name == "aptible" else {})
        exports.append(export)
        own |= {"ShipTo": ",".join(ship_to), "Retention": "hipaa"} | KEYS
        landings[export["name"]] = (name, own)
    settings = deployment(*exports, retention="hipaa", destinations=("logzio", "otlp"))
    deployed = synthesize_now(settings)
    plain = {}
    for stack, (name, own) in {**{each: (each, values) for each in SHIPPERS}, **landings}.items():
        known = {key: each for key, each in own.items() if key in template(name)["Parameters"]}
        evaluation = Evaluation(template(name), known, account=ACCOUNT, region=REGION)
        plain[f"{settings.deployment}-{stack}"] = evaluation.template()
    assert plain.keys() < deployed.templates.keys()
    proof = Proof(settings, {**deployed.templates, **plain}, deployed.regions)
    errors = [error for each in proof.outcomes() if (error := each.error())]
    errors += [error for each in proof.findings() if (error := each.error())]
    assert errors == []


@pytest.mark.proof
def test_two_runs_write_the_same_bytes_and_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    runs = [tmp_path / "first", tmp_path / "second"]
    for run in runs:
        subprocess.run([sys.executable, "-m", "templates", str(run)], cwd=ROOT, check=True, capture_output=True)
    first, second = ({path.name: path.read_bytes() for path in sorted(run.iterdir())} for run in runs)
    assert first == second
    files = [str(path) for path in sorted(runs[0].glob("*.yaml"))]
    zips = {name for name in first if name.endswith(".zip")}
    assert set(re.findall(rb"log-shipper-[a-z0-9-]+\.zip", first["shipper.yaml"])) == {each.encode() for each in zips}
    assert len(zips) == 2
    lint = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), "--regions", REGION, "us-east-1", "--", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.returncode, lint.stdout) == (0, "")


def test_commands_of_the_page_pass_what_each_template_takes() -> None:
    page = (ROOT / "docs" / "templates.md").read_text().replace("\\\n", " ")
    (together,) = re.findall(r'DEPLOYMENT="(.*?)"', page)
    seen = []
    for command in re.findall(r"aws cloudformation (?:deploy|create-stack-set) --[^\n]*", page):
        (file,) = re.findall(r"build/templates/([\w$-]+)\.yaml", command)
        overrides = command.partition("--parameter-overrides")[2].replace("$DEPLOYMENT", together)
        given = {*re.findall(r"(\w+)=", overrides), *re.findall(r"ParameterKey=(\w+)", command)}
        entries = [*SHIPPERS.values()] if file == "$name" else [entry(file)]
        parameters = [parameter for each in entries for parameter in each.parameters]
        required = {each.name for each in parameters if each.default is None}
        assert required <= given <= {each.name for each in parameters}, command
        seen.append(file)
    assert seen == ["mongodb-atlas", "$name", "s3-logs-cloudtrail"]


def test_catalogue_lists_every_template_and_what_it_asks_for() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| .* \| .* \| (.*) \|$", (ROOT / "docs" / "templates.md").read_text(), re.M)
    assert {name: re.findall(r"`(\w+)`", asks) for name, asks in rows} == {
        each.name: [parameter.name for parameter in each.parameters if parameter.default is None]
        for each in map(entry, [*SHIPPERS, *(landing.name for landing in LANDINGS)])
    }
