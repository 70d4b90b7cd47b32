"""The policies of CloudFormation's execution role: the actions of every type of resource, on the deployment's names.

The table ``permissions.json`` comes from CloudFormation's resource schemas (policy_proof/handlers.py). Pure.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from logdock.settings.names import Names

if TYPE_CHECKING:
    from logdock.settings import Deployment

MANAGED_POLICY_CHARACTERS = 6144
"""AWS's limit, white space not counted (IAM User Guide, "IAM and AWS STS quotas")."""
SERVICE_LINKED_ROLE = "iam:CreateServiceLinkedRole"
"""The role by which EventBridge keeps the secrets of connections; no other service's is created."""
EXTRA = frozenset(
    {
        "lambda:InvokeFunction",  # custom resources (CloudFormation User Guide, "AWS CloudFormation service role")
    }
)
"""Actions that no schema names."""
SCOPES: dict[str, tuple[str, ...]] = {
    "dynamodb": ("arn:{partition}:dynamodb:*:{account}:table/{deployment}-*",),
    "events": (
        "arn:{partition}:events:*:{account}:rule/{deployment}-*",
        "arn:{partition}:events:*:{account}:event-bus/{deployment}-*",
        "arn:{partition}:events:*:{account}:connection/{deployment}-*",
        "arn:{partition}:events:*:{account}:api-destination/{deployment}-*",
    ),
    "firehose": ("arn:{partition}:firehose:*:{account}:deliverystream/{deployment}-*",),
    "iam": (
        "arn:{partition}:iam::{account}:role/{deployment}-*",
        "arn:{partition}:iam::{account}:policy/{deployment}-*",
    ),
    "kinesis": ("arn:{partition}:kinesis:*:{account}:stream/{deployment}-*",),
    "lambda": (
        "arn:{partition}:lambda:*:{account}:function:{deployment}-*",
        # CloudFormation chooses the names of these without the stack's name.
        "arn:{partition}:lambda:*:{account}:layer:*",
        "arn:{partition}:lambda:*:{account}:event-source-mapping:*",
    ),
    "secretsmanager": ("arn:{partition}:secretsmanager:*:{account}:secret:events!connection/{deployment}-*",),
    "sns": ("arn:{partition}:sns:*:{account}:{deployment}-*",),
    "sqs": ("arn:{partition}:sqs:*:{account}:{deployment}-*",),
    "ssm": ("arn:{partition}:ssm:*:{account}:parameter/logdock/{deployment}/*",),
}
"""By service: the names that a deployment gives its resources. Buckets, log groups and alarms have names of the
settings, and keys, state machines and a few others names that AWS chooses: their services are not here."""
ON_ANYTHING = frozenset(
    {
        "events:PutPermission",
        "events:RemovePermission",
        "kinesis:UpdateShardCount",
        "kinesis:UpdateStreamMode",
        "lambda:CreateEventSourceMapping",
    }
)
"""Actions of those services that IAM allows on all resources or on none (Service Authorization Reference)."""
KEYS = "arn:{partition}:kms:*:{account}:key/*"
ALSO_ON = {
    "kinesis:StartStreamEncryption": (KEYS,),  # of the stream and its key (Service Authorization Reference)
    "kinesis:StopStreamEncryption": (KEYS,),
    # a parameter of the CDK's templates: the version of the bootstrap
    "ssm:GetParameters": ("arn:{partition}:ssm:*:{account}:parameter/cdk-bootstrap/*",),
}
"""Further resources of single actions."""
OBJECTS = frozenset({"s3:GetObject", "s3:GetObjectVersion"})
"""The functions' code, in the bucket of the CDK's bootstrap, whose name has the account."""


@cache
def permissions() -> dict[str, list[str]]:
    """Return the actions that each type of resource needs."""
    text = (files(__package__) / "permissions.json").read_text(encoding="utf-8")
    table: dict[str, list[str]] = json.loads(text)
    return table


def secrets_of(settings: Deployment) -> list[str]:
    """Return the ARNs of the secrets that a deployment's templates refer to: those of the webhook.

    Every Region with stacks has a webhook of its own, and reads a secret that is given by name in that Region.
    """
    webhook, names = settings.alerts.webhook, Names.of(settings)
    secrets = (webhook.url_secret, webhook.header_secret) if webhook else ()
    everywhere = [replace(names, region=region) for region in settings.regions]
    return list(dict.fromkeys(here.secret_arn(each) for each in secrets if each for here in everywhere))


def bootstrap_regions(settings: Deployment) -> list[str]:
    """Return the Regions of the deployment's own account that it has stacks in, and so need a bootstrap."""
    replica = [settings.replica.region] if settings.replica else []
    return list(dict.fromkeys([*settings.regions, *replica]))


def policies(deployment: str, account: str, partition: str, secrets: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return as few policies as hold all statements, each within IAM's limit.

    Parameters
    ----------
    secrets
        ARNs of the secrets that templates refer to: CloudFormation reads their values (CloudFormation User Guide, "Get
        a secret or secret value from Secrets Manager").
    """
    documents: list[dict[str, Any]] = []
    for statement in _statements(deployment, account, partition, tuple(sorted(secrets))):
        if documents and length(_document([*documents[-1]["Statement"], statement])) <= MANAGED_POLICY_CHARACTERS:
            documents[-1]["Statement"].append(statement)
        else:
            documents.append(_document([statement]))
    return documents


def length(document: dict[str, Any]) -> int:
    """Return how many characters of a policy count."""
    return len(json.dumps(document, separators=(",", ":")))


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _statements(deployment: str, account: str, partition: str, secrets: tuple[str, ...]) -> list[dict[str, Any]]:
    names = {"deployment": deployment, "account": account, "partition": partition}
    actions = defaultdict(set)
    for action in {each for needed in permissions().values() for each in needed} | EXTRA:
        also = secrets if action == "secretsmanager:GetSecretValue" else ALSO_ON.get(action, ())
        actions[_scope(action) + also].add(action)
    return [
        {
            "Effect": "Allow",
            "Action": sorted(actions[scope]),
            "Resource": [pattern.format(**names) for pattern in scope],
        }
        for scope in sorted(actions)
    ]


def _scope(action: str) -> tuple[str, ...]:
    service = action.partition(":")[0]
    if action == SERVICE_LINKED_ROLE:
        return ("arn:{partition}:iam::{account}:role/aws-service-role/apidestinations.events.amazonaws.com/*",)
    if action in OBJECTS:
        return ("arn:{partition}:s3:::cdk-*-assets-{account}-*/*",)
    if action in ON_ANYTHING:
        return ("*",)
    return SCOPES.get(service, ("*",))
