"""The checkers that others wrote, each run once over all templates of all examples.

checkov and parliament pin old libraries and run from an environment of their own, without a network.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cdk_nag
from aws_cdk import App, CfnElement, Stack
from constructs import IConstruct

from policy_proof.findings import ROOT, Finding

TOOLS_BIN = ROOT / "build" / "tools" / "bin"
CFN_LINT = str(Path(sys.executable).parent / "cfn-lint")
NAG_PACKS = (
    cdk_nag.AwsSolutionsChecks,
    cdk_nag.NIST80053R5Checks,
    cdk_nag.HIPAASecurityChecks,
    cdk_nag.PCIDSS321Checks,
)
POLICIES = {
    "AWS::IAM::Policy": "PolicyDocument",
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}
ARNS = {
    "AWS::Events::ApiDestination": "arn:aws:events:eu-west-1:111122223333:api-destination/acme/",
    "AWS::IAM::Role": "arn:aws:iam::111122223333:role/",
    "AWS::KMS::Key": "arn:aws:kms:eu-west-1:111122223333:key/",
    "AWS::Lambda::Function": "arn:aws:lambda:eu-west-1:111122223333:function:",
    "AWS::S3::Bucket": "arn:aws:s3:::",
    "AWS::SNS::Topic": "arn:aws:sns:eu-west-1:111122223333:",
    "AWS::SQS::Queue": "arn:aws:sqs:eu-west-1:111122223333:",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:eu-west-1:111122223333:stateMachine:",
}
Templates = Mapping[str, dict[str, Any]]
"""Templates by ``<example>/<stack>``."""


def nag(app: App) -> set[Finding]:
    """Run cdk-nag's packs over an App; what a rule has in brackets is the finding's detail."""
    found = set()
    for pack in NAG_PACKS:
        for violation in pack(app).validate_scope(app).violations:
            rule, _, detail = violation.rule_name.partition("[")
            for resource in violation.violating_resources:
                stack, *path = (resource.construct_path or "").split("/")
                construct: IConstruct = app.node.find_child(stack)
                for part in path:
                    construct = construct.node.find_child(part)
                assert isinstance(construct, CfnElement)
                where = f"{stack}/{Stack.of(construct).resolve(construct.logical_id)}"
                found.add(Finding(tool="cdk-nag", rule=rule, resource=where, detail=detail.removesuffix("]")))
    return found


def checkov(templates: Templates, folder: Path) -> set[Finding]:
    """Run checkov over all templates at once."""
    _write(templates, folder)
    command = [str(TOOLS_BIN / "checkov"), "--directory", str(folder), "--framework", "cloudformation"]
    report = json.loads(_run([*command, "--skip-download", "--quiet", "--compact", "--output", "json"]))
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] == sum(len(template["Resources"]) for template in templates.values())
    return {
        Finding(
            tool="checkov",
            rule=check["check_id"],
            resource=f"{Path(check['file_path']).stem}/{check['resource'].split('.')[1]}",
        )
        for check in report["results"]["failed_checks"]
    }


def cfn_lint(templates: Templates, folder: Path) -> set[Finding]:
    """Run cfn-lint over all templates at once."""
    files = _write(templates, folder)
    report = json.loads(_run([CFN_LINT, "--format", "json", "--regions", "eu-west-1", "--template", *map(str, files)]))
    return {
        Finding(
            tool="cfn-lint",
            rule=match["Rule"]["Id"],
            resource=f"{Path(match['Filename']).stem}/{match['Location']['Path'][1]}",
            detail=match["Message"],
        )
        for match in report
    }


def parliament(templates: Templates) -> set[Finding]:
    """Run parliament over every policy but trust policies."""
    policies = {
        f"{name}|{at}": document
        for name, template in templates.items()
        for at, document in enumerate(_policies(name.split("/")[1], template))
    }
    named = {name: {"Version": "2012-10-17", **document} for name, (_, document) in policies.items()}
    command = [str(TOOLS_BIN / "python"), "-W", "ignore", str(Path(__file__).with_name("parliament_findings.py"))]
    found = json.loads(_run(command, json.dumps(named)))
    assert policies
    return {
        Finding(tool="parliament", rule=rule, resource=policies[name][0], detail=detail) for name, rule, detail in found
    }


def _write(templates: Templates, folder: Path) -> list[Path]:
    files = []
    for name, template in templates.items():
        files.append(folder / f"{name}.json")
        files[-1].parent.mkdir(exist_ok=True)
        files[-1].write_text(json.dumps(template))
    return files


def _run(command: list[str], stdin: str = "") -> str:
    # An address where nothing listens: a checker that wants the network fails instead of depending on it.
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    # checkov would start a process for each template.
    environment = os.environ | nowhere | {"CHECKOV_PARALLELIZATION_TYPE": "none"}
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment)
    assert result.stdout, f"{command[0]}: {result.stderr}"
    return result.stdout


def _policies(stack: str, template: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for logical_id, resource in template["Resources"].items():
        documents = [each["PolicyDocument"] for each in resource.get("Properties", {}).get("Policies", [])]
        if resource["Type"] in POLICIES:
            documents.append(resource["Properties"][POLICIES[resource["Type"]]])
        for document in documents:
            yield f"{stack}/{logical_id}", _with_literals(document, template["Resources"])


def _with_literals(value: Any, resources: dict[str, Any]) -> Any:
    """Replace references by the ARNs that CloudFormation would put there."""
    if isinstance(value, list):
        return [_with_literals(each, resources) for each in value]
    if isinstance(value, dict):
        match value:
            case {"Fn::Join": [separator, parts]}:
                return separator.join(_with_literals(part, resources) for part in parts)
            case {"Fn::ImportValue": _}:
                return ARNS["AWS::KMS::Key"] + "imported"
            case {"Fn::GetAtt": [logical_id, "Arn"]} | {"Ref": logical_id}:
                return ARNS[resources[logical_id]["Type"]] + logical_id
        return {key: _with_literals(each, resources) for key, each in value.items()}
    return str(value) if isinstance(value, int | float) else value
