"""How a deploy reaches a vendor's API: which credential, which address, and what else is configured there."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.model import Model
from logdock.settings.secret_reference import SecretReference
from logdock.settings.text import EachOnce, Email, HttpsUrl, KeyArn, NotEmpty, Switch, invalid, matching

SubnetId = Annotated[str, *matching(r"subnet-[0-9a-f]{8,17}", "a subnet's id, such as subnet-0abc1234")]
SecurityGroupId = Annotated[str, *matching(r"sg-[0-9a-f]{8,17}", "a security group's id, such as sg-0abc1234")]
ClusterName = Annotated[
    str, *matching(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", "an Atlas cluster's name: letters, digits and hyphens")
]


def _host_alone(value: str) -> str:
    if value.count("/") > 2:
        raise invalid("an https:// address without a path, such as https://cloud.mongodbgov.com")
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
        default=None, description="KMS key of that secret, if it has one of your own. Default: AWS's own key."
    )
    api_base_url: Annotated[HttpsUrl, AfterValidator(_host_alone)] | None = Field(
        default=None, description="Another address of the vendor's API. Default: the vendor's public one."
    )
    adopt: Switch = Field(
        default=False,
        description="Take over a configuration that exists at the vendor and that this deployment did not make. It is "
        "put back by a rollback or a destroy until this setting is taken out again.",
    )
    revision: str | None = Field(
        default=None,
        max_length=64,
        description="Any text. Changing it has the next deploy look at everything at the vendor, and fix what was "
        "changed or deleted there by hand.",
    )
    check_each_deploy: Switch = Field(
        default=False,
        description="Do what another `revision` does at every deploy. The template then holds the time at which it was "
        "made, so no two are the same.",
    )
    vpc: Vpc | None = Field(
        default=None,
        description="Run the functions that call the vendor in a VPC, so that they have a fixed address. Default: "
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
        raise invalid('a JSON object as text, such as \'{"atype": {"$in": ["authenticate", "createUser"]}}\'')
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


AtlasRole = Annotated[str, *matching(r"GROUP_[A-Z_]{1,60}", "a role in an Atlas project, such as GROUP_OWNER")]
AtlasId = Annotated[str, *matching(r"[a-f0-9]{24}", "an id of Atlas: 24 hexadecimal digits")]
ALERT_DELAY_MINUTES, ALERT_INTERVAL_MINUTES = 60, 10080
"""When Atlas's alert begins and repeats: "longer than 60 minutes", "every 10080 minutes" (MongoDB Atlas, "Alerting for
Log Export Failures")."""


class AtlasRecipient(Model):
    """A recipient of Atlas's alert: roles, an address, a team, or a channel that is integrated with the project."""

    roles: Annotated[tuple[AtlasRole, ...], *EachOnce] = Field(
        default=(), description="Everyone with one of these roles in the project gets an e-mail, such as GROUP_OWNER."
    )
    email: Email | None = Field(default=None, description="An e-mail address.")
    team_id: AtlasId | None = Field(default=None, description="An Atlas team, by e-mail.")
    channel: (
        Literal["DATADOG", "MICROSOFT_TEAMS", "OPS_GENIE", "PAGER_DUTY", "SLACK", "VICTOR_OPS", "WEBHOOK"] | None
    ) = Field(default=None, description="A service that is integrated with the Atlas project; its secret stays there.")
    integration_id: AtlasId | None = Field(
        default=None, validate_default=True, description="Id of that integration. Required with `channel`."
    )
    channel_name: Annotated[str, *matching(r"[^\s]{1,80}", "the name of a Slack channel")] | None = Field(
        default=None, validate_default=True, description="Slack's channel. Required with `channel: SLACK`."
    )

    @field_validator("integration_id")
    @classmethod
    def _one_recipient(cls, value: str | None, info: ValidationInfo) -> str | None:
        # What is refused is not in the data: its own message is enough.
        names = ("roles", "email", "team_id", "channel")
        if any(name not in info.data for name in names):
            return value
        if sum(bool(info.data[name]) for name in names) != 1:
            raise invalid("exactly one of `roles`, `email`, `team_id` and `channel` in an entry")
        if (value is None) == bool(info.data["channel"]):
            raise invalid("the integration's id with `channel`, and nothing without")
        return value

    @field_validator("channel_name")
    @classmethod
    def _of_slack(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) == (info.data.get("channel") == "SLACK"):
            raise invalid("the channel's name with `channel: SLACK`, and nothing without")
        return value

    @property
    def notification(self) -> dict[str, Any]:
        """What is sent to Atlas (Administration API, alertConfigs, notifications)."""
        when = {"delayMin": ALERT_DELAY_MINUTES, "intervalMin": ALERT_INTERVAL_MINUTES}
        if self.roles:
            mail = {"emailEnabled": True, "smsEnabled": False}
            return {"typeName": "GROUP", **mail, **when, "roles": list(self.roles)}
        if self.email:
            return {"typeName": "EMAIL", "emailAddress": self.email, **when}
        if self.team_id:
            return {"typeName": "TEAM", "teamId": self.team_id, "emailEnabled": True, "smsEnabled": False, **when}
        named = {"channelName": self.channel_name} if self.channel_name else {}
        return {"typeName": self.channel, "integrationId": self.integration_id, **named, **when}


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
        description="An alert when Atlas has not been able to export for 60 minutes, again every 7 days. One export of "
        "a project may set it.",
    )
    alert_recipients: Annotated[tuple[AtlasRecipient, ...], *EachOnce] = Field(
        default=(),
        max_length=25,
        description="Who gets that alert. Default: the project's owners, by e-mail.",
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

    @field_validator("alert_recipients")
    @classmethod
    def _of_an_alert(cls, value: tuple[AtlasRecipient, ...], info: ValidationInfo) -> tuple[AtlasRecipient, ...]:
        if value and info.data.get("alert") is False:
            raise invalid("nothing, or `alert: true`: without it there is no alert")
        return value

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """What Atlas's alert does."""
        recipients = self.alert_recipients or (AtlasRecipient(roles=("GROUP_OWNER",)),)
        return [each.notification for each in recipients]
