"""The parameters of the templates, in the words of the vendor or of AWS.

Patterns and constraint descriptions are those of the settings, so that a template accepts what the settings accept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from logdock.settings import text
from logdock.settings.alerts import TopicArn
from logdock.settings.retention import PROFILES

REFUSED = "\0"
"""No setting accepts it: the error says what is allowed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A value that the user of a template sets.

    Attributes
    ----------
    name
        Its logical id.
    label
        What the vendor or AWS calls it; the console shows it.
    description
        Where the value comes from.
    sample
        The value that stands for it while the template is made. ``{}`` is filled with a number, so that no two exports
        share one. Empty: no value of the settings becomes this parameter; the template refers to it by itself.
    value
        The type of the setting that it becomes. Default: any string.
    type
        CloudFormation's type.
    default
        What the console proposes. None: the user must set it.
    allowed
        All values there are. Empty: any that match.
    """

    name: str
    label: str
    description: str
    sample: str = ""
    value: Any = None
    type: str = "String"
    default: str | int | None = None
    allowed: tuple[str | int, ...] = ()

    @property
    def declaration(self) -> dict[str, Any]:
        """Its entry in the template's section ``Parameters``."""
        found: dict[str, Any] = {"Type": self.type, "Description": self.description}
        if self.default is not None:
            found["Default"] = self.default
        if self.allowed:
            found["AllowedValues"] = list(self.allowed)
        elif self.value is not None:
            found["AllowedPattern"] = ("^$|" if self.default == "" else "") + _pattern(self.value)
            allowed = _allowed(self.value) + (", or nothing" if self.default == "" else "")
            found["ConstraintDescription"] = f"must be {allowed}"
        return found


def _pattern(value: Any) -> str:
    """Return the pattern of a setting's type."""
    return str(TypeAdapter(value).json_schema()["pattern"])


def _allowed(value: Any) -> str:
    """Return what a setting's type says of a value that it refuses."""
    try:
        TypeAdapter(value).validate_python(REFUSED)
    except ValidationError as error:
        return str(error.errors()[0]["msg"])
    raise ValueError(f"{value} accepts {REFUSED!r}")


Prefix = Annotated[
    str,
    *text.matching(
        r"(?!/)[A-Za-z0-9!_.()/=-]{1,200}(?<!/)",
        "a key prefix of 1 to 200 letters, digits and any of ! _ . ( ) / = - without a slash at either end",
    ),
]
"""As the settings have it. They drop slashes at the ends, which CloudFormation cannot do."""

DEPLOYMENT = Parameter(
    name="Deployment",
    label="Deployment",
    description="First part of the names of what the template creates.",
    sample="zqdeployment",
    value=text.DeploymentName,
    default="logdock",
)
BUCKET = Parameter(
    name="BucketName",
    label="Bucket Name",
    description="Name of the bucket that the template creates. The vendor is given this name.",
    sample="zqbucket{}",
    value=text.BucketName,
)
RETENTION = Parameter(
    name="Retention",
    label="Retention",
    description="How long objects are kept: "
    + ", ".join(f"{name} {profile.archive_days} days" for name, profile in PROFILES.items())
    + ".",
    default="soc2",
    allowed=tuple(PROFILES),
)
RETENTION_IN_DAYS = Parameter(
    name="RetentionInDays",
    label="Retention",
    description="Days that log events are kept in CloudWatch Logs.",
    type="Number",
    default=90,
    allowed=text.LOG_GROUP_DAYS,
)
ACCESS_LOG_BUCKET = Parameter(
    name="AccessLogBucket",
    label="Server access logs",
    description="An existing bucket of this Region for S3 server access logs of the new bucket. Empty: none.",
    value=text.BucketName,
    default="",
)
ALERT_TOPIC = Parameter(
    name="AlertTopicArn",
    label="SNS topic for alarms",
    description="ARN of an existing topic that is notified when no object has landed for too long. Empty: no alarm.",
    value=TopicArn,
    default="",
)


def name_parameter(default: str) -> Parameter:
    """Return the parameter of an export's name."""
    return Parameter(
        name="ExportName",
        label="Name of the export",
        description="Second part of the names: roles, aliases and rules are <Deployment>-<ExportName>.",
        sample="zqname{}",
        value=text.Name,
        default=default,
    )
