"""How a deploy reaches a vendor's API: which credential, and which address."""

from typing import Annotated

from pydantic import AfterValidator, Field

from logdock.settings.model import Model
from logdock.settings.secret_reference import SecretReference
from logdock.settings.text import EachOnce, HttpsUrl, KeyArn, NotEmpty, Switch, invalid, matching

SubnetId = Annotated[str, *matching(r"subnet-[0-9a-f]{8,17}", "a subnet's id, such as subnet-0abc1234")]
SecurityGroupId = Annotated[str, *matching(r"sg-[0-9a-f]{8,17}", "a security group's id, such as sg-0abc1234")]


def _host_alone(value: str) -> str:
    if value.count("/") > 2:
        raise invalid("an https:// address without a path, such as https://cloud.mongodbgov.com")
    return value


class Vpc(Model):
    """Where the functions that call the vendor's API run, for organisations that admit listed addresses only.

    Subnets and security groups may be shared by another account. If you take `vpc` out again, Lambda leaves its network
    interfaces behind, because the deploy also takes away the permission to delete them: delete them by hand before you
    delete the subnets or security groups.
    """

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
