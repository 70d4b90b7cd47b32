"""Templates as CloudFormation would leave them: every reference a concrete name or ARN, and nothing guessed."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_cloud.resource_types import ARNS, NAMED_BY, Environment, fill
from policy_proof.answers import Answers, stack_id

Template = dict[str, Any]

_REF_IS_ARN = {"AWS::SNS::Topic", "AWS::Lambda::LayerVersion", "AWS::StepFunctions::StateMachine"}
_REF_IS_NAME = {"AWS::IAM::Role", "AWS::KMS::Key", "AWS::Lambda::Function", "AWS::S3::Bucket"}
_REF_IS_URL = {"AWS::SQS::Queue": "https://sqs.{region}.amazonaws.com/{account}/{name}"}


class UnresolvedError(Exception):
    """A reference that this module does not know; a policy with a hole in it must not be evaluated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource of a template, with every reference resolved."""

    stack: str
    logical_id: str
    type: str
    arn: str
    """Its ARN; empty for a type that no policy names."""
    body: Mapping[str, Any]
    """The resource as the template has it: Properties, DeletionPolicy and the rest."""

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties."""
        properties: Mapping[str, Any] = self.body.get("Properties", {})
        return properties


@dataclass(frozen=True, kw_only=True)
class Templates:
    """The templates of one deployment."""

    templates: Mapping[str, Template]
    account: str
    partition: str
    """`account`, `partition`: Where they are deployed."""
    regions: Mapping[str, str]
    accounts: Mapping[str, str] = field(default_factory=dict)
    """The account of each stack that is in another one."""
    physical_ids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """What CloudFormation named stacks and resources that the templates do not name, by stack and logical id. Default:
    names are generated, as CloudFormation would."""
    answers: Answers = field(default_factory=dict)
    """What the vendors answer that the deploy asks."""

    def resources(self) -> Iterator[Resource]:
        """Yield every resource, resolved."""
        for stack, template in self.templates.items():
            for logical_id, body in template["Resources"].items():
                yield Resource(
                    stack=stack,
                    logical_id=logical_id,
                    type=body["Type"],
                    arn=self._arn(stack, logical_id) if body["Type"] in ARNS else "",
                    body=self.resolve(stack, body),
                )

    def resolve(self, stack: str, value: Any) -> Any:
        """Replace every reference in a value of a stack's template.

        Raises
        ------
        UnresolvedError
            At an intrinsic function, an attribute or a parameter that is not known here.
        """
        if isinstance(value, list):
            return [self.resolve(stack, each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and ((function := next(iter(value))) == "Ref" or function.startswith("Fn::")):
            return self._call(stack, function, value[function])
        return {key: self.resolve(stack, each) for key, each in value.items()}

    def _call(self, stack: str, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._reference(stack, argument)
            case "Fn::GetAtt" if argument[1] == "Arn":
                return self._arn(stack, argument[0])
            case "Fn::GetAtt" if argument[1] == "QueueName":
                return self._name(stack, argument[0])
            case "Fn::GetAtt" if self._type(stack, argument[0]).startswith("Custom::Logdock"):
                return self._answered(stack, *argument)
            case "Fn::Select":
                index, values = argument
                return self.resolve(stack, values)[int(index)]
            case "Fn::Split":
                separator, text = argument
                return self.resolve(stack, text).split(separator)
            case "Fn::Join":
                separator, parts = argument
                return str(separator).join(self.resolve(stack, parts))
            case "Fn::ImportValue":
                return self._imported(stack, argument)
        raise UnresolvedError(f"{stack}: {function} {argument}: not known to {__name__}; teach it, or change the stack")

    def _reference(self, stack: str, logical_id: str) -> str:
        match logical_id:
            case "AWS::Partition":
                return self.partition
            case "AWS::Region":
                return self.regions[stack]
            case "AWS::AccountId":
                return self._account_of(stack)
            case "AWS::StackId":
                made_up = stack_id(stack, account=self._account_of(stack), region=self.regions[stack])
                return self.physical_ids.get((stack, logical_id), made_up)
        kind = self._type(stack, logical_id)
        if kind in _REF_IS_ARN:
            return self._arn(stack, logical_id)
        if kind in _REF_IS_NAME:
            return self._name(stack, logical_id)
        if kind in _REF_IS_URL:
            return self._fill(_REF_IS_URL[kind], stack, logical_id)
        raise UnresolvedError(f"{stack}: Ref {logical_id} ({kind}): not known to {__name__}")

    def _answered(self, stack: str, logical_id: str, attribute: str) -> str:
        """Return what a vendor answers to the export or destination that a custom resource remembers things of."""
        properties = self.templates[stack]["Resources"][logical_id]["Properties"]
        parameter = str(properties.get("StateParameter", ""))
        asked = {properties.get("ProjectId"), properties.get("ClusterId")}
        for name, answer in self.answers.items():
            party, _, member_id = name.partition("/")
            is_asked = f"/{party}/" in parameter and (not member_id or member_id in asked)
            if is_asked and attribute in answer.attributes:
                return answer.attributes[attribute]
        raise UnresolvedError(f"{stack}: Fn::GetAtt {logical_id} {attribute}: no vendor answers this")

    def _imported(self, into: str, name: str) -> str:
        found = [
            self.resolve(stack, output["Value"])
            for stack, template in self.templates.items()
            if self.regions[stack] == self.regions[into]
            for output in template.get("Outputs", {}).values()
            if output.get("Export", {}).get("Name") == name
        ]
        if len(found) != 1:
            raise UnresolvedError(f"Fn::ImportValue {name}: exported by {len(found)} stacks")
        return str(found[0])

    def _type(self, stack: str, logical_id: str) -> str:
        resources = self.templates[stack]["Resources"]
        if logical_id not in resources:
            raise UnresolvedError(f"{stack}: Ref {logical_id}: no such resource or parameter")
        return str(resources[logical_id]["Type"])

    def _arn(self, stack: str, logical_id: str) -> str:
        kind = self._type(stack, logical_id)
        if kind not in ARNS:
            raise UnresolvedError(f"{stack}: the ARN of {logical_id} ({kind}): not known to {__name__}")
        return self._fill(ARNS[kind], stack, logical_id)

    def _fill(self, pattern: str, stack: str, logical_id: str) -> str:
        properties = self.templates[stack]["Resources"][logical_id].get("Properties", {})
        bus = {key: self.resolve(stack, properties[key]) for key in ("EventBusName",) if key in properties}
        environment = Environment(self.partition, self.regions[stack], self._account_of(stack))
        return fill(pattern, self._name(stack, logical_id), bus, environment)

    def _account_of(self, stack: str) -> str:
        return self.accounts.get(stack, self.account)

    def _name(self, stack: str, logical_id: str) -> str:
        resource = self.templates[stack]["Resources"][logical_id]
        given = resource.get("Properties", {}).get(NAMED_BY.get(resource["Type"], ""))
        if given is not None:
            return str(self.resolve(stack, given))
        if (stack, logical_id) in self.physical_ids:
            return self.physical_ids[stack, logical_id]
        if resource["Type"] == "AWS::KMS::Key":
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{stack}/{logical_id}"))
        return f"{stack}-{logical_id}"
