"""How a deploy reaches a vendor's API: which credential, which address, and what is asked of the vendor besides."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import AfterValidator, Field

from settings.model import Model
from settings.secret_reference import SecretReference
from settings.text import EachOnce, HttpsUrl, KeyArn, NotEmpty, Switch, matching, refuse

SubnetId = Annotated[str, *matching(r"subnet-[0-9a-f]{8,17}", "a subnet's id, such as subnet-0abc1234")]
SecurityGroupId = Annotated[str, *matching(r"sg-[0-9a-f]{8,17}", "a security group's id, such as sg-0abc1234")]
ClusterName = Annotated[
    str, *matching(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", "an Atlas cluster's name: letters, digits and hyphens")
]


def _host_alone(value: str) -> str:
    if value.count("/") > 2:
        raise refuse("an https:// address without a path, such as https://cloud.mongodbgov.com")
    return value


class Vpc(Model):
    """Where the functions that call the vendor's API run, for organisations that admit listed addresses only."""

    subnet_ids: Annotated[tuple[SubnetId, ...], *EachOnce, *NotEmpty] = Field(
        max_length=16, description="Private subnets whose way out is a NAT gateway with a fixed address."
    )
    security_group_ids: Annotated[tuple[SecurityGroupId, ...], *EachOnce, *NotEmpty] = Field(
        max_length=5, description="Security groups that let HTTPS out."
    )


class Connect(Model):
    """The deploy switches the export on at the vendor, and a destroy switches it off."""

    secret: SecretReference = Field(description="Name or ARN of the secret that holds the vendor's API credential.")
    secret_key_arn: KeyArn | None = Field(
        default=None, description="KMS key of that secret, if it has one of your own. Left out: AWS's own key."
    )
    api_base_url: Annotated[HttpsUrl, AfterValidator(_host_alone)] | None = Field(
        default=None, description="Another address of the vendor's API. Left out: the vendor's public one."
    )
    adopt: Switch = Field(
        default=False,
        description="Take over a configuration that exists at the vendor and that this deployment did not make. It is "
        "put back by a rollback or a destroy until this setting is taken out again.",
    )
    revision: str | None = Field(
        default=None,
        max_length=64,
        description="Any text. Changing it has the next deploy look at everything at the vendor, and mend what was "
        "changed or deleted there by hand.",
    )
    check_each_deploy: Switch = Field(
        default=False,
        description="Do what another `revision` does at every deploy. The template then holds the time at which it was "
        "made, so no two are the same.",
    )
    vpc: Vpc | None = Field(
        default=None,
        description="Run the functions that call the vendor in a VPC, so that they have a fixed address. Left out: "
        "outside of any.",
    )


class LogzioConnect(Connect):
    """The deploy creates the S3 fetchers at Logz.io, and a destroy removes them.

    The secret holds `{"api_token": ...}`, an API token of the Logz.io account, or is that token.
    """


def _json_object(value: str) -> str:
    try:
        document = json.loads(value)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise refuse('a JSON object as text, such as \'{"atype": {"$in": ["authenticate", "createUser"]}}\'')
    return value


class AtlasAuditing(Model):
    """Database Auditing of the Atlas project, without which its audit logs are empty."""

    filter: Annotated[str, AfterValidator(_json_object)] = Field(
        max_length=3500, description="Atlas's audit filter, a JSON document: which events are recorded."
    )
    authorization_success: Switch = Field(
        default=False, description="Record successful authorisations too (`authCheck`). Slows the cluster down."
    )


class CockroachdbConnect(Connect):
    """The deploy enables the log export at CockroachDB Cloud, and a destroy disables it.

    The secret holds the secret key of a service account with the role Cluster Admin or Cluster Operator Writer on the
    cluster, as it is or as `{"api_key": ...}`.
    """


class AtlasConnect(Connect):
    """The deploy switches the log integration on at Atlas, and a destroy switches it off.

    The secret holds `{"client_id": ..., "client_secret": ...}` of a service account, or `{"public_key": ...,
    "private_key": ...}`, with the role Project Owner.
    """

    legacy_paths: Switch = Field(
        default=False, description="Daily folders in the keys, as the push-based log export wrote them."
    )
    alert: Switch = Field(
        default=False,
        description="E-mail to the project's owners when Atlas has not been able to export for 60 minutes, again every "
        "7 days. One export of a project may set it.",
    )
    auditing: AtlasAuditing | None = Field(
        default=None, description="Switch Database Auditing on. One export of a project may set it."
    )
    redact_clusters: Annotated[tuple[ClusterName, ...], *EachOnce] = Field(
        default=(),
        max_length=20,
        description="Clusters that leave values out of their diagnostic logs. **Restarts their nodes one after the "
        "other**, at the deploy and again when it is taken back. One export of a project may set it.",
    )
