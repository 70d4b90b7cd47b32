"""The parameters of the templates, in the words of the vendor or of AWS.

Patterns and constraint descriptions are those of the settings, so that a template accepts what the settings accept.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from logdock.settings import text
from logdock.settings.alerts import TopicArn
from logdock.settings.retention import PROFILES
from logdock.vendors.logzio.settings import LISTENER_HOSTS

REFUSED = "\0"
"""No setting accepts it: the error says what is allowed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A value that the user of a template sets."""

    name: str
    label: str
    """What the vendor or AWS calls it; the console shows it."""
    description: str
    """Where the value comes from."""
    sample: str = ""
    """The value that stands for it while the template is made. ``{}`` is filled with a number, so that no two exports
    share one. Empty: no value of the settings becomes this parameter; the template refers to it by itself."""
    value: Any = None
    """The type of the setting that it becomes. Default: any string."""
    type: str = "String"
    default: str | int | None = None
    """What the console proposes. None: the user must set it."""
    allowed: tuple[str | int, ...] = ()
    """All values there are. Empty: any that match."""

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

FieldNames = Annotated[
    str,
    *text.matching(
        r"[A-Za-z][A-Za-z0-9]{0,127}(?:,[A-Za-z][A-Za-z0-9]{0,127}){0,99}",
        "fields as Cloudflare spells them, such as EdgeStartTimestamp,RayID: with commas and without spaces",
    ),
]

SecretName = Annotated[
    str,
    *text.matching(r"[A-Za-z0-9_/+=.@-]{1,512}", "the name of a secret in AWS Secrets Manager, not its ARN"),
]
_Key = Annotated[str, *text.matching(r"[A-Za-z0-9!_.()/-]{1,1024}", "the key of an object in S3")]

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
    description="Name of the bucket that the template creates. The vendor is given this name. Empty: "
    "<ExportName>-<account>-<Region>, so that the same parameters work in every account.",
    sample="zqbucket{}",
    value=text.BucketName,
    default="",
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
    description="An existing bucket of this Region for S3 server access logs of the new bucket. Empty: that of the "
    "Deployment if the landing is shipped, else none.",
    value=text.BucketName,
    default="",
)
ALERT_TOPIC = Parameter(
    name="AlertTopicArn",
    label="SNS topic for alarms",
    description="ARN of an existing topic that is notified when no object has landed for too long. Empty: that of the "
    "Deployment if the landing is shipped, else no alarm.",
    value=TopicArn,
    default="",
)


SHIP_TO_DESTINATIONS = ("archive", "logzio", "otlp")
"""What a landing can be shipped to: the archive, and the destinations of the shipper's template, by their names."""

SHIP_TO = Parameter(
    name="ShipTo",
    label="Ship to",
    description="Where the shipper of this Deployment (templates core and shipper) sends what lands. Empty: nothing is "
    "shipped, and the template creates the landing alone.",
    sample="zqshipto",
    default="",
    allowed=(
        "", "archive", "logzio", "otlp", "archive,logzio", "archive,otlp", "logzio,otlp", "archive,logzio,otlp",
    ),
)  # fmt: skip
CODE_BUCKET = Parameter(
    name="CodeBucket",
    label="Bucket with the code",
    description="A bucket of this Region that you have copied the zip files beside this template to.",
    sample="zqcodebucket",
    value=text.BucketName,
)
CODE_KEY = Parameter(
    name="CodeKey",
    label="Key of the functions' code",
    description="Key of the zip file in CodeBucket. Empty: the name of the file of this release.",
    value=_Key,
    default="",
)
LAYER_KEY = Parameter(
    name="LayerKey",
    label="Key of the layer with their libraries",
    description="Key of the zip file in CodeBucket. Empty: the name of the file of this release.",
    value=_Key,
    default="",
)
ALERT_EMAIL = Parameter(
    name="AlertEmail",
    label="E-mail address for alarms",
    description="Is notified of alarms, after it has confirmed its subscription. Empty: no one.",
    sample="zq@zq.example",
    value=text.Email,
    default="",
)
LOGZIO_SECRET = Parameter(
    name="LogzioTokenSecret",
    label="Secret with the log shipping token",
    description="Name of the secret in Secrets Manager that holds Logz.io's log shipping token. Empty: no Logz.io.",
    sample="zqtokensecret",
    value=SecretName,
    default="",
)
LOGZIO_LISTENER = Parameter(
    name="LogzioListener",
    label="Listener",
    description="Address of the listener of your account's region: "
    + ", ".join(f"{region} https://{host}:8071" for region, host in LISTENER_HOSTS.items())
    + ".",
    sample="https://zqlistener.example:8071",
    value=text.HttpsUrl,
    default=f"https://{LISTENER_HOSTS['us']}:8071",
)
OTLP_ENDPOINT = Parameter(
    name="OtlpEndpoint",
    label="OTLP/HTTP endpoint",
    description="Base address of a receiver of OpenTelemetry logs; /v1/logs is added. Empty: no OTLP.",
    sample="https://zqendpoint.example",
    value=text.HttpsUrl,
    default="",
)
OTLP_SECRET = Parameter(
    name="OtlpHeadersSecret",
    label="Secret with HTTP headers",
    description="Name of a secret that holds a JSON object of HTTP headers, such as the API key. Empty: no headers.",
    sample="zqheaderssecret",
    value=SecretName,
    default="",
)
DECRYPTION_KEYS_SECRET = Parameter(
    name="DecryptionKeysSecret",
    label="Secret with Aptible's decryption keys",
    description="Name of the secret with the keys that Aptible's log archives are decrypted with. Required to ship an "
    "Aptible export; empty: none is shipped.",
    sample="zqdecryptionkeys",
    value=SecretName,
    default="",
)
CLOUDFLARE_FIELDS = Parameter(
    name="Fields",
    label="Fields of the dataset (field_names)",
    description="With commas and without spaces. The one with the time of a record must be among them.",
    sample="zqfields{}",
    value=FieldNames,
    default="EdgeStartTimestamp,ClientIP,ClientRequestHost,ClientRequestMethod,ClientRequestURI,EdgeEndTimestamp,"
    "EdgeResponseBytes,EdgeResponseStatus,RayID",
)


def _slots(prefix: str, lands_in: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            name=f"{prefix}{number}",
            label=f"Export {number} that lands in {lands_in}",
            description="ExportName of its landing template. Empty: none.",
            sample=f"zq{prefix.lower()}{number}",
            value=text.Name,
            default="",
        )
        for number in range(1, EXPORTS_OF_A_KIND + 1)
    )


EXPORTS_OF_A_KIND = 5
"""Ten exports: more are a reason to use the CDK. Policies name each export, so each needs a parameter."""
BUCKET_EXPORTS = _slots("BucketExport", "a bucket")
LOG_GROUP_EXPORTS = _slots("LogGroupExport", "log groups")


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
