"""One stack in an account: CloudFormation's order of an update, and IAM as the policies attached at that moment say.

CloudFormation creates and updates in the order of dependencies, then removes what left the template, and what was
replaced, in the reverse order (User Guide, "Update behaviors of stack resources"). Here a policy of the connector's
role holds from the moment it is made until the moment it is removed, and every call that the code makes is judged.
"""

import fnmatch
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient
from moto.ssm.models import ssm_backends

from logdock.settings import Deployment
from policy_proof.templates import Templates
from tests.conftest import synthesize_now
from tests.lambda_src.vendor_connector.conftest import refusal
from tests.lambda_src.vendor_connector.formation import Clock, Formation, Iam, _Deployed
from tests.stacks.test_dependencies import references

ACCOUNT, REGION = "123456789012", "eu-west-1"


@dataclass(frozen=True, kw_only=True)
class _Resolved(Templates):
    """Templates in which what custom resources returned is known."""

    returned: Mapping[str, _Deployed] = field(default_factory=dict)

    def _answered(self, stack: str, logical_id: str, attribute: str) -> str:
        if logical_id in self.returned:
            return str(self.returned[logical_id].data[attribute])
        return super()._answered(stack, logical_id, attribute)


_CONNECTOR_ROLE = re.compile(r"Connector[a-z0-9]*Role[0-9A-F]{8}")
"""The logical id of a connector's role: an export's stack has one, the shipper's one for each destination."""


class Account:
    """The account that one export's stack is deployed to, again and again."""

    def __init__(self, clock: Clock, iam: Iam, monkeypatch: pytest.MonkeyPatch, stack: str) -> None:
        self.stack, self._iam = stack, iam
        self._formation = Formation(clock, iam)
        self._monkeypatch = monkeypatch
        self.template: dict[str, Any] = {}
        self.properties: dict[str, dict[str, Any]] = {}
        self.custom: dict[str, _Deployed] = {}
        self.policies: dict[str, list[dict[str, Any]]] = {}
        self.violations: list[str] = []
        self.encrypted: dict[str, str] = {}
        self.read: set[str] = set()
        self.is_judged = False
        self._watch()

    def deploy(self, settings: Deployment, *, until_a_failure: bool = False) -> None:
        """Bring the stack to what the settings say, or remove it when they no longer have it.

        A failure is noted and the deploy goes on, so that all is found at once; or it ends there, as CloudFormation's
        does, for `destroy` to remove what was created.
        """
        synthesized = synthesize_now(settings)
        new: dict[str, Any] = synthesized.templates.get(self.stack, {"Resources": {}})
        templates = dict(synthesized.templates)
        before, former = dict(self.properties), self.template
        replaced: list[tuple[str, _Deployed]] = []
        for name in _in_order(new["Resources"]):
            resource = new["Resources"][name]
            resolved = (
                _Resolved(
                    templates=templates,
                    account=ACCOUNT,
                    partition="aws",
                    regions=synthesized.regions,
                    returned=self.custom,
                ).resolve(self.stack, resource.get("Properties", {}))
                if _is_played(resource)
                else {}
            )
            if before.get(name) == resolved and name in before:
                continue
            if old := self._bring(name, resource["Type"], resolved):
                replaced.append((name, old))
            self.properties[name] = resolved
            if until_a_failure and self.violations:
                break
        order = list(reversed(_in_order(former.get("Resources", {}))))
        for name, old in sorted(replaced, key=lambda each: order.index(each[0])):
            self._request("Delete", name, old.properties, old)
        for name in order:
            if name not in new["Resources"]:
                self._remove(name, former["Resources"][name])
        self.template = new

    def destroy(self) -> None:
        """Remove the stack."""
        for name in reversed(_in_order(self.template.get("Resources", {}))):
            self._remove(name, self.template["Resources"][name])
        self.template = {}

    def _bring(self, name: str, kind: str, properties: dict[str, Any]) -> _Deployed | None:
        """Create or update a resource; return what it replaced."""
        match kind:
            case "AWS::SSM::Parameter":
                ssm_backends[ACCOUNT][REGION].put_parameter(
                    properties["Name"], "", properties["Value"], "String", "", "", True, [], "text", "Standard", ""
                )
            case "AWS::IAM::Policy" if "PolicyDocument" in properties and name.startswith("Connector"):
                self.policies[name] = properties["PolicyDocument"]["Statement"]
            case "AWS::IAM::Role":
                for policy in properties.get("Policies", []) if _CONNECTOR_ROLE.fullmatch(name) else []:
                    self.policies[name] = policy["PolicyDocument"]["Statement"]
                self._trust(properties)
            case "AWS::Logs::LogGroup":
                self.encrypted[properties["LogGroupName"]] = properties.get("KmsKeyId", "")
            case _ if _is_ours(kind, properties):
                former = self.custom.get(name)
                deployed = self._request("Update" if former else "Create", name, properties, former)
                if kind == "Custom::LogdockLogGroup" and "KmsKeyArn" in properties:
                    self.encrypted[properties["Name"]] = properties["KmsKeyArn"]
                if deployed:
                    self.custom[name] = deployed
                    return former if former and former.physical_id != deployed.physical_id else None
        return None

    def _trust(self, properties: Mapping[str, Any]) -> None:
        for statement in properties["AssumeRolePolicyDocument"]["Statement"]:
            ids = statement.get("Condition", {}).get("StringEquals", {}).get("sts:ExternalId")
            if ids:
                arn = f"arn:aws:iam::{ACCOUNT}:role/{properties['RoleName']}"
                self._iam.roles[arn] = ids if isinstance(ids, list) else [ids]
                self._iam.accounts[arn] = statement["Principal"]["AWS"].split(":")[4]

    def _remove(self, name: str, resource: Mapping[str, Any]) -> None:
        if name not in self.properties:
            return
        properties = self.properties.pop(name)
        match resource["Type"]:
            case "AWS::SSM::Parameter":
                ssm_backends[ACCOUNT][REGION].delete_parameter(properties["Name"])
            case "AWS::Logs::LogGroup" if resource.get("DeletionPolicy") != "Retain":
                self.encrypted.pop(properties["LogGroupName"], None)
            case _ if name in self.custom:
                deployed = self.custom.pop(name)
                self._request("Delete", name, deployed.properties, deployed)
        self.policies.pop(name, None)

    def _request(self, kind: str, name: str, properties: dict[str, Any], former: _Deployed | None) -> _Deployed | None:
        function = next(
            each["Properties"]["Environment"]["Variables"]["LOGDOCK_CONFIGURATIONS"] for each in [*self._functions()]
        )
        os.environ["LOGDOCK_CONFIGURATIONS"] = function
        self.is_judged = True
        try:
            physical_id, data, failure = self._formation._request(kind, name, properties, former)
        finally:
            self.is_judged = False
        if failure:
            self.violations.append(f"{kind} {name}: {failure}")
        return _Deployed(properties, physical_id, data) if physical_id else None

    def _functions(self) -> Iterator[dict[str, Any]]:
        for properties in self.properties.values():
            if str(properties.get("Handler", "")).startswith("vendor_connector."):
                yield {"Properties": properties}

    def _watch(self) -> None:
        original = BaseClient._make_api_call  # type: ignore[attr-defined]

        def call(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
            if self.is_judged:
                for action, resource, context in _needs(client.meta.service_model.service_name, operation, arguments):
                    if not self._allows(action, resource, context):
                        raise refusal("AccessDenied", operation, f"not authorized: {action} on {resource}")
            return original(client, operation, arguments)

        self._monkeypatch.setattr(BaseClient, "_make_api_call", call)

    def _allows(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        found = [
            statement["Effect"]
            for statements in self.policies.values()
            for statement in statements
            if any(fnmatch.fnmatchcase(action, one) for one in _list(statement["Action"]))
            and any(fnmatch.fnmatchcase(resource, one) for one in _list(statement["Resource"]))
            and _holds(statement.get("Condition", {}), context)
        ]
        return "Allow" in found and "Deny" not in found

    def unreadable(self) -> Iterator[str]:
        """Yield log groups that are encrypted with the export's key and that the key does not admit."""
        keys = [one for one in self.template.get("Resources", {}).values() if one["Type"] == "AWS::KMS::Key"]
        if not keys:
            return
        (key,) = keys
        admitted = [
            pattern
            for statement in key["Properties"]["KeyPolicy"]["Statement"]
            for operator in ("ArnLike", "ArnEquals")
            for pattern in _list(
                statement.get("Condition", {}).get(operator, {}).get("kms:EncryptionContext:aws:logs:arn", [])
            )
        ]
        for group in self.encrypted:
            arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
            if not any(fnmatch.fnmatchcase(arn, pattern) for pattern in admitted):
                yield f"log group {group} has a key that does not admit it"


def _is_ours(kind: str, properties: Mapping[str, Any]) -> bool:
    return kind.startswith("Custom::Logdock") and "Configuration" in properties


PLAYED = ("AWS::SSM::Parameter", "AWS::IAM::", "AWS::Logs::LogGroup", "AWS::Lambda::Function", "Custom::Logdock")


def _is_played(resource: Mapping[str, Any]) -> bool:
    if resource["Type"] == "AWS::Lambda::Function":
        return str(resource["Properties"].get("Handler", "")).startswith("vendor_connector.")
    if resource["Type"] == "AWS::IAM::Policy":
        return "FrameworkRole" not in json.dumps(resource["Properties"]["Roles"])
    return resource["Type"].startswith(PLAYED) and "Kinesis" not in resource["Type"]


def _in_order(resources: Mapping[str, Any]) -> list[str]:
    """Return the logical ids so that each comes after what it depends on."""
    order: list[str] = []
    waiting: set[str] = set()

    def visit(name: str) -> None:
        if name in order or name in waiting:
            return
        waiting.add(name)
        for other in references(resources[name]):
            if other in resources:
                visit(other)
        order.append(name)

    for name in resources:
        visit(name)
    return order


_OPERATORS = {
    "StringEquals": lambda found, wanted: found == wanted,
    "StringLike": fnmatch.fnmatchcase,
    "ArnEquals": fnmatch.fnmatchcase,
    "ArnLike": fnmatch.fnmatchcase,
}


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Say whether a condition holds: every key of every operator, with one of its values (IAM User Guide).

    A key that the request does not have fails these operators; an operator that is not known fails the test.
    """
    return all(
        key in context and any(_OPERATORS[operator](context[key], one) for one in _list(wanted))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _needs(service: str, operation: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield what IAM is asked about a call: action, resource and condition keys (Service Authorization Reference)."""
    context = {"aws:ResourceAccount": ACCOUNT, "aws:PrincipalAccount": ACCOUNT, "aws:SecureTransport": "true"}
    principal = {"logs": "logs.amazonaws.com", "rds": "rds.amazonaws.com"}.get(service, "")
    for action, resource in _actions(service, operation, arguments):
        passed = {"iam:PassedToService": principal} if action == "iam:PassRole" else {}
        yield action, resource, context | passed


_RDS_RESOURCES = {
    "DBClusterIdentifier": "cluster",
    "DBInstanceIdentifier": "db",
    "DBClusterParameterGroupName": "cluster-pg",
    "DBParameterGroupName": "pg",
}


def _actions(service: str, operation: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield actions and resources."""
    place = f"{REGION}:{ACCOUNT}"
    match service:
        case "ssm":
            yield f"ssm:{operation}", f"arn:aws:ssm:{place}:parameter{arguments.get('Name') or arguments['Path']}"
        case "secretsmanager":
            yield f"secretsmanager:{operation}", f"arn:aws:secretsmanager:{place}:secret:{arguments['SecretId']}-AbCdEf"
        case "logs":
            group = arguments.get("logGroupName") or arguments.get("logGroupIdentifier") or ""
            yield f"logs:{operation}", f"arn:aws:logs:{place}:log-group:{group}:log-stream:"
            if "roleArn" in arguments:
                yield "iam:PassRole", arguments["roleArn"]
        case "s3":
            action = operation.removesuffix("Configuration")
            yield f"s3:{action}", f"arn:aws:s3:::{arguments['Bucket']}"
        case "rds":
            for named, kind in _RDS_RESOURCES.items():
                if name := arguments.get(named):
                    yield f"rds:{operation}", f"arn:aws:rds:{place}:{kind}:{name}"
            if operation == "AddRoleToDBCluster":
                yield "iam:PassRole", arguments["RoleArn"]
        case _:
            raise AssertionError(f"{service}:{operation}: who may call it is not known to {__name__}")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
