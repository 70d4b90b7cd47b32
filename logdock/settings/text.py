"""The strings that AWS and the vendors put limits on, each as a type whose error says what is allowed."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from logdock.settings.regions import nearest_region


def invalid(expected: str) -> PydanticCustomError:
    """Return the error of an invalid value; `expected` describes the valid ones."""
    return PydanticCustomError("refused", "{expected}", {"expected": expected})


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    repeated = next((item for item in value if value.count(item) > 1), None)
    if repeated is not None:
        raise invalid(f"each entry once ({repeated} is there twice)")
    return value


EachOnce = (AfterValidator(_each_once), Field(json_schema_extra={"uniqueItems": True}))
"""The annotations of a list without repetition."""


def _some(value: tuple[object, ...]) -> tuple[object, ...]:
    if not value:
        raise invalid("at least one entry")
    return value


NotEmpty = (AfterValidator(_some), Field(json_schema_extra={"minItems": 1}))
"""The annotations of a list that must have entries; pydantic's own `min_length` leaves entries out that are refused."""

Switch = Annotated[bool, Strict()]
"""True or false, and nothing that could be read as one of them."""


def matching(pattern: str, allowed: str) -> tuple[AfterValidator, object]:
    """Make the annotations of a string that must match `pattern` whole; `allowed` is the error's text."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise invalid(allowed)
        return value

    return AfterValidator(check), Field(json_schema_extra={"pattern": f"^(?:{pattern})$"})


def between(least: float, most: float, unit: str) -> tuple[AfterValidator, object]:
    """Make the annotations of a number from `least` to `most`; `unit` ends the error's text."""

    def check(value: float) -> float:
        if not least <= value <= most:
            raise invalid(f"{least} to {most} {unit}")
        return value

    return AfterValidator(check), Field(json_schema_extra={"minimum": least, "maximum": most})


UNQUOTED = "unquoted"
"""Type of the error of a number that must be a string."""


def _as_text(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        # the string is proposed by `logdock.settings.messages`, as the file has it
        raise PydanticCustomError(
            UNQUOTED, "a string of 12 digits: put it in quotes, or YAML reads it as a number and drops leading zeros"
        )
    return value


AccountId = Annotated[str, BeforeValidator(_as_text), *matching(r"\d{12}", "an AWS account id: exactly 12 digits")]
"""An AWS account id."""


def _region(value: str) -> str:
    if nearest := nearest_region(value):
        raise invalid(f"an AWS Region that exists; did you mean {nearest}?")
    return value


Region = Annotated[
    str,
    *matching(
        r"(?!us-iso|eu-iso)[a-z]{2}(-[a-z]+){1,2}-\d",
        "an AWS Region code, such as eu-west-1, of the partitions aws, aws-us-gov and aws-cn",
    ),
    AfterValidator(_region),
]
"""An AWS Region code."""

DeploymentName = Annotated[
    str,
    *matching(
        r"(?!xn--|sthree-|amzn-s3-demo-)[a-z][a-z0-9-]{0,14}[a-z0-9]",
        "2 to 16 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen "
        "(nor beginning with xn--, sthree- or amzn-s3-demo-, which S3 reserves)",
    ),
]
"""The prefix of every stack, role, function and queue."""

Name = Annotated[
    str,
    *matching(
        r"[a-z][a-z0-9-]{0,30}[a-z0-9]",
        "2 to 32 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen",
    ),
]
"""The name of an export or a destination; it becomes part of AWS resource names."""


SessionSeconds = Annotated[
    int,
    Strict(),
    *between(3600, 43200, "seconds (1 to 12 hours), which is what a role's maximum session may be"),
    Field(
        description="MaxSessionDuration of the role, in seconds: 3600 to 43200 (12 hours, what the vendors ask for)."
    ),
]
"""IAM's limits of a role's MaxSessionDuration, in seconds."""

_EXTERNAL_ID = r"[\w+=,.@:/-]{2,1224}"
ExternalId = Annotated[
    str,
    *matching(
        _EXTERNAL_ID, "an external id as IAM takes it: 2 to 1224 letters, digits and any of _+=,.@:/- (no spaces)"
    ),
]
"""An STS external id (IAM User Guide, sts:ExternalId: 2 to 1224 characters)."""


_MOST_EXTERNAL_IDS = 2


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _one_or_two(value: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(value) <= _MOST_EXTERNAL_IDS:
        raise invalid("one external id, or two while it is rotated: [old, new]")
    return value


_EXTERNAL_ID_SCHEMA = {"type": "string", "pattern": f"^(?:{_EXTERNAL_ID})$"}
ExternalIds = Annotated[
    tuple[ExternalId, ...],
    BeforeValidator(_as_tuple),
    AfterValidator(_one_or_two),
    AfterValidator(_each_once),
    WithJsonSchema(
        {
            "anyOf": [
                _EXTERNAL_ID_SCHEMA,
                {
                    "type": "array",
                    "items": _EXTERNAL_ID_SCHEMA,
                    "minItems": 1,
                    "maxItems": _MOST_EXTERNAL_IDS,
                    "uniqueItems": True,
                },
            ]
        }
    ),
]
"""One external id, or [old, new] while it is rotated."""

LOG_GROUP_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""The retention values of the CloudWatch Logs API (PutRetentionPolicy), in days."""


def _log_group_days(value: int) -> int:
    if value not in LOG_GROUP_DAYS:
        raise invalid("a retention that CloudWatch Logs allows: " + ", ".join(map(str, LOG_GROUP_DAYS)) + " days")
    return value


LogGroupDays = Annotated[
    int, Strict(), AfterValidator(_log_group_days), Field(json_schema_extra={"enum": list(LOG_GROUP_DAYS)})
]
"""Days that CloudWatch Logs accepts as a retention."""

_BUCKET = (
    "an S3 bucket name: 3 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit"
)
_BUCKET_PATTERN = "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def bucket_name(value: str) -> str:
    """Check a bucket name against S3's rules and ours.

    Dots are refused although S3 takes them: virtual-hosted TLS names do not match such buckets (S3 User Guide,
    "Bucket naming rules").
    """
    if "." in value:
        raise invalid(_BUCKET + " (no dots: TLS certificates do not cover such buckets)")
    return existing_bucket_name(value)


def existing_bucket_name(value: str) -> str:
    """Check the name of a bucket that exists. One with dots is reached by its path: boto3 does that by itself."""
    is_address = re.fullmatch(r"[0-9.]+", value) and "." in value
    if not re.fullmatch(_BUCKET_PATTERN, value) or ".." in value or is_address:
        raise invalid(_BUCKET)
    if value.startswith(_BUCKET_PREFIXES) or value.endswith(_BUCKET_SUFFIXES):
        reserved = f"{', '.join(_BUCKET_PREFIXES)} and the suffixes {', '.join(_BUCKET_SUFFIXES)}"
        raise invalid(f"{_BUCKET}; AWS reserves the prefixes {reserved}")
    return value


BucketName = Annotated[
    str,
    AfterValidator(bucket_name),
    Field(json_schema_extra={"pattern": f"^{_BUCKET_PATTERN.replace('.', '')}$"}),
]
"""A general purpose bucket's name, without dots."""

ExistingBucketName = Annotated[
    str,
    AfterValidator(existing_bucket_name),
    Field(json_schema_extra={"pattern": f"^{_BUCKET_PATTERN}$"}),
]
"""The name of a bucket that exists, which may have dots."""

LogGroupName = Annotated[
    str,
    *matching(
        r"(?!aws/)[\w./#-]{1,512}",
        "a CloudWatch log group name: 1 to 512 letters, digits and any of . - _ / #, not beginning with aws/",
    ),
]
"""A log group's name (CreateLogGroup's pattern)."""

Prefix = Annotated[
    str,
    BeforeValidator(lambda value: value.strip("/") if isinstance(value, str) else value),
    *matching(
        r"[A-Za-z0-9!_.()/=-]{1,200}",
        "a key prefix of 1 to 200 letters, digits and any of ! _ . ( ) / = - (a slash at either end is dropped)",
    ),
]
"""A key prefix without slashes at its ends. Wildcards are refused: the prefix becomes part of an IAM resource."""

_ROLE = r"arn:aws[a-z-]*:iam::\d{12}:(root|role/[\w+=,.@/-]{1,512}|user/[\w+=,.@/-]{1,512})"
PrincipalArn = Annotated[str, *matching(_ROLE, "an IAM principal's ARN, such as arn:aws:iam::123456789012:root")]
"""An IAM principal that a vendor names."""

PersonArn = Annotated[
    str,
    *matching(
        _ROLE.replace("root|", ""),
        "the ARN of one IAM role or user, such as arn:aws:iam::123456789012:role/oncall; no whole account",
    ),
]
"""An IAM role or user that people have."""

KeyArn = Annotated[
    str,
    *matching(
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]{1,64}",
        "a KMS key's ARN (arn:aws:kms:<Region>:<account>:key/<id>); aliases cannot be granted",
    ),
]
"""A KMS key's ARN."""


_MRAP = r"arn:aws[a-z-]*:s3::\d{12}:accesspoint/[a-z0-9]+\.mrap"


def _mrap(value: str) -> str:
    if not re.fullmatch(_MRAP, value, re.ASCII):
        said = "this is its alias; " if re.fullmatch(r"[a-z0-9]+\.mrap", value) else ""
        raise invalid(
            "a Multi-Region Access Point's ARN, arn:aws:s3::<account>:accesspoint/<alias>.mrap "
            f"({said}Atlas does not take aliases)"
        )
    return value


MrapArn = Annotated[str, AfterValidator(_mrap), Field(json_schema_extra={"pattern": f"^{_MRAP}$"})]
"""The ARN of an S3 Multi-Region Access Point."""

HttpsUrl = Annotated[
    str,
    *matching(
        r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[\w./-]*)?",
        "an https:// address without a query, such as https://otel.acme.example",
    ),
]
"""An HTTPS endpoint."""

Email = Annotated[str, *matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]
"""An e-mail address."""

ProjectId = Annotated[str, *matching(r"[a-f0-9]{24}", "an Atlas project id: 24 hexadecimal digits")]
"""A MongoDB Atlas project (group) id."""

ClusterUuid = Annotated[
    str,
    *matching(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "a CockroachDB Cloud cluster id, as in the Cloud Console's URL: f78b7feb-b6cf-4396-9d7f-494982d7d81e",
    ),
]
"""A CockroachDB Cloud cluster id."""

_DATABASE = r"[a-z](?!.*--)([a-z0-9-]{0,61}[a-z0-9])?"
_DATABASE_ALLOWED = "identifier: 1 to 63 lower-case letters, digits and single hyphens, beginning with a letter"
DbClusterIdentifier = Annotated[str, *matching(_DATABASE, f"a DB cluster {_DATABASE_ALLOWED}")]
"""A DB cluster identifier."""
DbInstanceIdentifier = Annotated[str, *matching(_DATABASE, f"a DB instance {_DATABASE_ALLOWED}")]
"""A DB instance identifier."""

ParameterGroup = Annotated[
    str,
    *matching(
        r"[a-z](?!.*--)([a-z0-9-]{0,253}[a-z0-9])?",
        "a parameter group of your own: 1 to 255 lower-case letters, digits and single hyphens, beginning "
        "with a letter (a default.* group cannot be changed: without this setting the deploy makes one)",
    ),
]
"""The name of a DB parameter group or a DB cluster parameter group."""
