"""What of a template LocalStack can run, and what the template's functions mean once it runs."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

NO_VALUE = object()

_SECRETS = "its key is {{resolve:secretsmanager:...}}, of which LocalStack takes a bare name only"
NOT_RUN = {
    "AWS::Lambda::": "functions need a container engine in LocalStack",
    "Custom::": "custom resources are functions, which are skipped",
    "AWS::Athena::": "not in LocalStack community",
    "AWS::Glue::": "not in LocalStack community",
    "AWS::CloudWatch::Dashboard": "not in LocalStack community's templates",
    "AWS::CloudWatch::MetricStream": "not in LocalStack community",
    "AWS::DynamoDB::": "LocalStack downloads the engine of tables, DynamoDB Local, when the first is made",
    "AWS::Kinesis::": "LocalStack downloads the engine of streams when the first is made",
    "AWS::Logs::Destination": "its stream is skipped, and LocalStack requires it",
    "AWS::Logs::MetricFilter": "not in LocalStack community's templates",
    "AWS::Logs::SubscriptionFilter": "their functions and streams are skipped, and LocalStack requires them",
    "AWS::KinesisFirehose::": _SECRETS,
    "AWS::Events::Connection": _SECRETS,
    "AWS::Events::ApiDestination": "it needs a connection, which is skipped",
}
"""Resource types, by prefix, that are removed from every template, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Runnable:
    """What LocalStack is given of a template."""

    template: dict[str, Any]
    """The template without the removed resources. A reference to that is a name of the same form, so that the resource
    that holds it stays and is compared."""
    left_out: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Logical ids with their types and the reason."""


def runnable(template: Mapping[str, Any], region: str, account: str) -> Runnable:
    """Leave out what LocalStack community cannot run in host mode."""
    left_out: dict[str, tuple[str, str]] = {}
    for logical_id, resource in template["Resources"].items():
        if reason := _why_not(resource):
            left_out[logical_id] = (resource["Type"], reason)

    def stand_in(name: str, attribute: str | None) -> str:
        if attribute == "Arn" and left_out[name][0].startswith("AWS::Lambda::Function"):
            properties = template["Resources"][name]["Properties"]
            return f"arn:aws:lambda:{region}:{account}:function:{properties.get('FunctionName', name)}"
        if attribute == "Arn":
            return f"arn:aws:events:{region}:{account}:left-out/{name}"
        return f"left-out-{name}"

    def keep(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("Ref") in left_out:
                return stand_in(value["Ref"], None)
            target = value.get("Fn::GetAtt")
            if isinstance(target, list) and target[0] in left_out:
                return stand_in(target[0], target[1])
            return {name: keep(inner) for name, inner in value.items()}
        return [keep(inner) for inner in value] if isinstance(value, list) else value

    resources = {}
    for logical_id, resource in template["Resources"].items():
        if logical_id in left_out:
            continue
        kept = keep(copy.deepcopy(resource))
        # Every name may be reused and every bucket removed with the engine: policies would only be in the way.
        kept = {name: value for name, value in kept.items() if name in ("Type", "Properties", "DependsOn")}
        waits_for = kept.get("DependsOn", [])
        waits_for = [waits_for] if isinstance(waits_for, str) else waits_for
        kept["DependsOn"] = [name for name in waits_for if name not in left_out]
        resources[logical_id] = kept
    # Rules and the bootstrap version are asserted by CloudFormation before anything is made.
    outputs = {name: keep(output) for name, output in template.get("Outputs", {}).items()}
    return Runnable(template={"Resources": resources, "Outputs": outputs}, left_out=left_out)


def _why_not(resource: Mapping[str, Any]) -> str | None:
    kind = resource["Type"]
    return next((reason for prefix, reason in NOT_RUN.items() if kind.startswith(prefix)), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolver:
    """Evaluates a template's functions with what CloudFormation knows after a deploy."""

    account: str
    region: str
    stack: str
    stack_id: str
    physical_ids: Mapping[str, str]
    """What ``Ref`` returns, by logical id."""
    types: Mapping[str, str]
    exports: Mapping[str, str]
    """Values that other stacks export."""

    def resolve(self, value: Any) -> Any:
        """Return a value without functions."""
        if isinstance(value, list):
            return [found for inner in value if (found := self.resolve(inner)) is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._functions()[name](argument)
        resolved = {name: self.resolve(inner) for name, inner in value.items()}
        return {name: found for name, found in resolved.items() if found is not NO_VALUE}

    def _functions(self) -> dict[str, Callable[[Any], Any]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::Join": lambda it: str(it[0]).join(str(part) for part in self.resolve(it[1])),
            "Fn::Split": lambda it: str(self.resolve(it[1])).split(it[0]),
            "Fn::Select": lambda it: self.resolve(it[1])[int(it[0])],
            "Fn::ImportValue": lambda it: self.exports[str(self.resolve(it))],
        }

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": "aws",
            "AWS::StackName": self.stack,
            "AWS::StackId": self.stack_id,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
        }
        return pseudo[name] if name in pseudo else self.physical_ids[name]

    def _attribute(self, target: list[str]) -> str:
        name, attribute = target
        kind, identifier = self.types[name], self.physical_ids[name]
        last = identifier.rpartition("/")[2]
        where = f"{self.region}:{self.account}"
        forms = {
            ("AWS::S3::Bucket", "Arn"): f"arn:aws:s3:::{identifier}",
            ("AWS::KMS::Key", "Arn"): f"arn:aws:kms:{where}:key/{identifier}",
            ("AWS::IAM::Role", "Arn"): f"arn:aws:iam::{self.account}:role/{identifier}",
            ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{where}:{last}",
            ("AWS::SQS::Queue", "QueueName"): last,
            ("AWS::Logs::LogGroup", "Arn"): f"arn:aws:logs:{where}:log-group:{identifier}:*",
            ("AWS::Events::Rule", "Arn"): f"arn:aws:events:{where}:rule/{identifier.replace('|', '/')}",
            ("AWS::Events::EventBus", "Arn"): f"arn:aws:events:{where}:event-bus/{identifier}",
            ("AWS::StepFunctions::StateMachine", "Arn"): identifier,
            ("AWS::CloudWatch::Alarm", "Arn"): f"arn:aws:cloudwatch:{where}:alarm:{identifier}",
            ("AWS::CloudWatch::CompositeAlarm", "Arn"): f"arn:aws:cloudwatch:{where}:alarm:{identifier}",
        }
        return forms[kind, attribute]
