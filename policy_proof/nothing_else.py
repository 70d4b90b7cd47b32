"""All that a caller may do: every action of every AWS service, compared whole with what the claims allow."""

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from local_cloud.stage import UNRELATED_ACCOUNT
from policy_proof.account import Policy
from policy_proof.cast import Subject
from policy_proof.claim_file import Entry, NothingElse
from policy_proof.proof import SIMULATOR, Proof
from policy_proof.requests import fill

_KINDS = {
    "AWS::DynamoDB::Table": ("dynamodb", "table"),
    "AWS::Events::ApiDestination": ("events", "api-destination"),
    "AWS::Events::EventBus": ("events", "event-bus"),
    "AWS::Events::Rule": ("events", "rule-on-default-event-bus"),
    "AWS::IAM::Role": ("iam", "role"),
    "AWS::KMS::Key": ("kms", "key"),
    "AWS::Kinesis::Stream": ("kinesis", "stream"),
    "AWS::KinesisFirehose::DeliveryStream": ("firehose", "deliverystream"),
    "AWS::Lambda::Function": ("lambda", "function"),
    "AWS::S3::Bucket": ("s3", "bucket"),
    "AWS::SNS::Topic": ("sns", "topic"),
    "AWS::SQS::Queue": ("sqs", "queue"),
    "AWS::SSM::Parameter": ("ssm", "parameter"),
    "AWS::StepFunctions::StateMachine": ("states", "statemachine"),
}
"""What AWS's Service Authorization Reference calls the resources of the templates."""

EVERY = 1
SOME = 200
"""Of services that hold no logs and of which nothing is allowed, one action in so many is asked about."""
_HOLD_LOGS = ("kinesis", "kms", "logs", "s3", "sts")
_OWN = (
    "archive", "archive-key", "bucket", "bus", "counted-queue", "delivery", "every-key-here", "key", "listed-failures",
    "log-group", "machine", "role", "stream", "vendors-bucket", "vendors-key", "webhook",
)  # fmt: skip
_OF_NO_TEMPLATE = {
    "alarm": ("cloudwatch", "alarm"),
    "token": ("secretsmanager", "Secret"),
    "event-bus": ("events", "event-bus"),
    "any-dataset": ("cloudwatch", "dataset"),
    "any-stack": ("cloudformation", "stack"),
    "workgroup": ("athena", "workgroup"),
    "catalog": ("glue", "catalog"),
    "database": ("glue", "database"),
    "default-database": ("glue", "database"),
    "table": ("glue", "table"),
    "alert-topic": ("sns", "topic"),
}
"""What a subject may reach and no template has, or not always: the account's event bus, topics of the user's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What a caller may do, and what is claimed."""

    entry: Entry
    subject: Subject
    asked: int
    """How many requests that took."""
    unexpected: list[str]
    """Allowed, and not claimed."""
    missing: list[str]
    """Claimed, and not allowed."""

    def error(self) -> str | None:
        """Return what is wrong, if anything is."""
        if not self.unexpected and not self.missing:
            return None
        where = f"{self.entry.source}: {self.entry.id} ({self.subject.name})"
        return f"{where}: allowed beyond the list: {self.unexpected}; on the list and not allowed: {self.missing}"


def sweeps(proof: Proof, *, one_in: int, known: Container[str] = ()) -> Iterator[Sweep]:
    """Ask about everybody of whom the claims say that they may do nothing else.

    Parameters
    ----------
    one_in
        `EVERY` action of other services, or `SOME`: then one subject of each list is enough.
    known
        Lists that have been compared already.
    """
    entries = [each for each in proof.about(NothingElse) if each[1].who in each[2].callers and each[0].id not in known]
    if one_in != EVERY:
        entries = list({entry.id: (entry, says, subject) for entry, says, subject in entries}.values())
    questions = [_question(proof, subject, says, one_in) for _, says, subject in entries]
    for (entry, says, subject), answer in zip(entries, SIMULATOR.ask(questions), strict=True):
        if "error" in answer:
            raise RuntimeError(f"{entry.id}: the simulator says {answer['error']}")
        found = {f"{what} if {conditions}" if conditions else what for what, conditions in answer["allowed"].items()}
        claimed = {text for each in says.allowed for [text] in fill([each], subject, entry)}
        yield Sweep(
            entry=entry,
            subject=subject,
            asked=answer["asked"],
            unexpected=sorted(found - claimed),
            missing=sorted(claimed - found),
        )


def _question(proof: Proof, subject: Subject, says: NothingElse, one_in: int) -> str:
    (caller,) = subject.callers[says.who]
    return json.dumps(
        {
            "caller": {"principal": caller.principal, "identity": caller.policies},
            "resources": [*_resources(proof, subject, whole=one_in == EVERY)],
            "account": proof.account.account_of(subject.stacks[0]),
            "unrelatedAccount": UNRELATED_ACCOUNT,
            "region": proof.settings.region,
            "oneIn": one_in,
            "every": sorted({*_HOLD_LOGS, *(text.split(":")[0] for text in says.allowed)}),
        },
        sort_keys=True,
    )


def _resources(proof: Proof, subject: Subject, *, whole: bool) -> Iterator[dict[str, Any]]:
    """Yield what the deployment has: all of it, or the subject's own and the archive."""
    own = {arn for name in _OWN for arn in subject.values.get(name, ())}
    for resource in proof.account.resources:
        if not whole and resource.arn not in own:
            continue
        policy = proof.account.policy_of(resource.arn)
        if resource.type in _KINDS:
            service, kind = _KINDS[resource.type]
            if kind == "rule-on-default-event-bus" and "EventBusName" in resource.properties:
                kind = "rule-on-custom-event-bus"
            yield _resource(proof, service, kind, resource.arn, None if "IAM" in resource.type else policy)
        if resource.type == "AWS::S3::Bucket":
            yield _resource(proof, "s3", "object", f"{resource.arn}/object", policy)
        if resource.type == "AWS::IAM::Role":
            yield _resource(proof, "sts", "role", resource.arn, policy)
        if resource.type == "AWS::Logs::LogGroup":
            yield from _log_group(proof, resource.arn)
    # What the subject may reach, whose template is elsewhere or which no template names.
    for name in ("log-stream", "compactor-log"):
        for arn in subject.values.get(name, ()):
            yield from _log_group(proof, arn.partition(":log-stream:")[0])
    for name, (service, kind) in _OF_NO_TEMPLATE.items():
        for arn in subject.values.get(name, ()):
            if not any(resource.arn == arn for resource in proof.account.resources if whole):
                yield _resource(proof, service, kind, arn, None)
    for inside in ("backup", "feed", "own-path"):
        for arn in subject.values.get(inside, ()):
            yield _resource(proof, "s3", "object", f"{arn}/object", proof.account.policy_of(arn))

    for point in subject.values.get("access-point", ()):
        yield _resource(proof, "s3", "accesspoint", point, None)
        for prefix in subject.values["prefix"]:
            yield _resource(proof, "s3", "accesspointobject", f"{point}/object/{prefix}/object", None)
    for bucket in subject.values.get("outside-bucket", ()):
        yield _resource(proof, "s3", "bucket", bucket, None)
        yield _resource(proof, "s3", "object", f"{bucket}/object", None)
    for key in subject.values.get("outside-key", ()):
        yield _resource(proof, "kms", "key", key, proof.account.policy_of(key))
    for bucket in subject.values.get("replica", ()):
        yield _resource(proof, "s3", "bucket", bucket, None)
        for prefix in subject.values["prefix"]:
            yield _resource(proof, "s3", "object", f"{bucket}/{prefix}/object", None)


def _log_group(proof: Proof, arn: str) -> Iterator[dict[str, Any]]:
    # IAM sees a stream behind the name, whether the action is about the group or about the stream.
    for kind in ("log-group", "log-stream"):
        yield _resource(proof, "logs", kind, f"{arn}:log-stream:n1", None)


def _resource(proof: Proof, service: str, kind: str, arn: str, policy: Policy | None) -> dict[str, Any]:
    return {"service": service, "type": kind, "arn": arn, "owner": proof.account.owner_of(arn, {}), "policy": policy}
