"""The templates: for each the settings that it is made from, and the values that its user sets.

A landing template creates what a vendor's logs land in, and nothing that runs: a bucket or log groups, a key, and the
role that the vendor assumes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from logdock.settings import text
from logdock.vendors.cloudflare.settings import CloudflareId, Dataset
from logdock.vendors.s3_logs.settings import SSE_S3_ONLY
from templates.conditions import is_set
from templates.parameters import (
    ACCESS_LOG_BUCKET,
    ALERT_TOPIC,
    BUCKET,
    CLOUDFLARE_FIELDS,
    DECRYPTION_KEYS_SECRET,
    DEPLOYMENT,
    RETENTION,
    RETENTION_IN_DAYS,
    SHIP_TO,
    Parameter,
    Prefix,
    name_parameter,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A choice between two forms of an export."""

    parameter: Parameter
    """Its parameter: two allowed values, the default first."""
    settings: Mapping[str, Any]
    """What the second value changes in the settings; a parameter is one of the landing's."""

    @property
    def condition(self) -> str:
        """Name of the condition that holds for the second value."""
        return f"Has{self.parameter.name}"

    @property
    def chosen(self) -> str:
        """The second value."""
        return str(self.parameter.allowed[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Landing:
    """A landing template."""

    name: str
    """Name of the file, without its suffix."""
    title: str
    vendor: str
    """Label of the group of the vendor's parameters."""
    settings: Mapping[str, Any]
    """The export's settings; a parameter stands where the user of the template sets the value, and in a list for values
    with commas."""
    option: Option | None = None
    """A choice that the template offers. Default: none."""
    has_bucket: bool = True
    """The export lands in a bucket, else in log groups."""
    shipping: Mapping[str, Parameter] = field(default_factory=dict)
    """Settings that the export needs if it is shipped, and the parameters that they are."""
    own: tuple[Parameter, ...] = field(init=False)
    """The parameters among the settings, in their order."""

    def __post_init__(self) -> None:
        values = (each for value in self.settings.values() for each in (value if isinstance(value, list) else [value]))
        object.__setattr__(self, "own", tuple(each for each in values if isinstance(each, Parameter)))

    @property
    def rules(self) -> dict[str, Any]:
        """What CloudFormation checks before it creates anything: what shipping needs is set."""
        return {
            f"Shipping{each.name}": {
                "RuleCondition": is_set(SHIP_TO.name),
                "Assertions": [
                    {"Assert": is_set(each.name), "AssertDescription": f"{SHIP_TO.name} needs {each.name}."}
                ],
            }
            for each in self.shipping.values()
        }

    @property
    def groups(self) -> dict[str, list[Parameter]]:
        """The parameters, as the console groups them."""
        names = [each for each in self.own if each.name in ("ExportName", "BucketName")]
        vendor = [each for each in self.own if each not in names]
        options = [self.option.parameter] if self.option else []
        further = [RETENTION, ACCESS_LOG_BUCKET, ALERT_TOPIC] if self.has_bucket else [RETENTION_IN_DAYS]
        groups = {
            self.vendor: vendor,
            "Names": [DEPLOYMENT, *names],
            "Options": [*options, *further],
            "Shipping": [SHIP_TO, *self.shipping.values()],
        }
        return {label: parameters for label, parameters in groups.items() if parameters}

    @property
    def parameters(self) -> list[Parameter]:
        """Every parameter."""
        return [each for group in self.groups.values() for each in group]


_ATLAS = Landing(
    name="mongodb-atlas",
    title="MongoDB Atlas: database and audit logs in an S3 bucket",
    vendor="From Atlas: Project Integrations, Authorize an AWS IAM Role",
    settings={
        "kind": "mongodb-atlas",
        "atlas_principal_arn": Parameter(
            name="AtlasAWSAccountArn",
            label="Atlas AWS account ARN (atlasAWSAccountArn)",
            description="The principal that Atlas shows for the access role.",
            sample="arn:aws:iam::77240139{:04d}:root",
            value=text.PrincipalArn,
        ),
        "external_id": Parameter(
            name="AtlasExternalId",
            label="Your unique external ID (atlasAssumedRoleExternalId)",
            description="The external id that Atlas shows for the access role.",
            sample="zqexternal{}",
            value=text.ExternalId,
        ),
        "project_id": Parameter(
            name="ProjectId",
            label="Project ID",
            description="Atlas project id, for the commands in the output NextSteps.",
            sample="5e2211c17a3e5a48f549{:04d}",
            value=text.ProjectId,
        ),
        "prefix": Parameter(
            name="PrefixPath",
            label="Prefix (prefixPath)",
            description="Directory in the bucket that Atlas writes under, without slashes at its ends.",
            sample="zqprefix{}",
            value=Prefix,
            default="atlas",
        ),
        "name": name_parameter("atlas"),
        "bucket": BUCKET,
    },
    option=Option(
        parameter=Parameter(
            name="VendorDocumentedPermissions",
            label="Permissions of the role",
            description="least: Atlas only writes. vendor-documented: it also lists and reads its prefix, as the "
            "policy that the Atlas console generates.",
            default="least",
            allowed=("least", "vendor-documented"),
        ),
        settings={"permissions": "vendor-documented"},
    ),
)

_APTIBLE = Landing(
    name="aptible",
    title="Aptible: container log archives in an S3 bucket",
    vendor="From Aptible",
    settings={
        "kind": "aptible",
        "stack_region": "eu-central-2",
        "replication_role_arn": Parameter(
            name="ReplicationRoleArn",
            label="Aptible's replication role",
            description="The role that Aptible replicates with. Create the stack in the Region of the Aptible stack.",
            sample="arn:aws:iam::91615085{:04d}:role/zqreplication",
            value=text.PrincipalArn,
            default="arn:aws:iam::916150859591:role/s3-stack-log-replication",
        ),
        "name": name_parameter("aptible"),
        "bucket": BUCKET,
    },
    option=Option(
        parameter=Parameter(
            name="CustomerManagedKey",
            label="Encryption of the bucket",
            description="sse-s3, or kms: with a key of your own, which Aptible must then name in its replication rule.",
            default="sse-s3",
            allowed=("sse-s3", "kms"),
        ),
        settings={"encryption": "kms"},
    ),
    shipping={"decryption_keys_secret": DECRYPTION_KEYS_SECRET},
)

_CLOUDFLARE_ID = Parameter(
    name="CloudflareId",
    label="Zone ID or Account ID",
    description="Id of the zone, or with Scope=account of the account, for the commands in the output NextSteps.",
    sample="5e2211c17a3e5a48f5497de38f6c{:04d}",
    value=CloudflareId,
)
_CLOUDFLARE = Landing(
    name="cloudflare",
    title="Cloudflare Logpush: a dataset in an S3 bucket",
    vendor="From Cloudflare: Logpush",
    settings={
        "kind": "cloudflare",
        "zone_id": _CLOUDFLARE_ID,
        "dataset": Parameter(
            name="Dataset",
            label="Dataset",
            description="What is pushed, as Cloudflare spells it.",
            sample="zqdataset{}",
            value=Dataset,
            default="http_requests",
        ),
        "fields": [CLOUDFLARE_FIELDS],
        "principal_arn": Parameter(
            name="CloudflareUserArn",
            label="Cloudflare's user",
            description="The IAM user that Logpush writes as.",
            sample="arn:aws:iam::39185451{:04d}:user/zqlogpush",
            value=text.PrincipalArn,
            default="arn:aws:iam::391854517948:user/cloudflare-logpush",
        ),
        "prefix": Parameter(
            name="Path",
            label="Path",
            description="Directory in the bucket that Logpush writes under, without slashes at its ends: "
            "<Path>/<Dataset>/<day>/.",
            sample="zqprefix{}",
            value=Prefix,
            default="cloudflare",
        ),
        "name": name_parameter("cloudflare"),
        "bucket": BUCKET,
    },
    option=Option(
        parameter=Parameter(
            name="Scope",
            label="Scope of the dataset",
            description="zone, or account: whose id CloudflareId is.",
            default="zone",
            allowed=("zone", "account"),
        ),
        settings={"zone_id": None, "account_id": _CLOUDFLARE_ID},
    ),
)

_SERVICES = {
    "cloudtrail": "AWS CloudTrail",
    "vpc-flow": "VPC flow logs",
    "alb": "Application Load Balancer access logs",
    "nlb": "Network Load Balancer access logs",
    "cloudfront": "CloudFront standard logs (v2)",
    "s3-access": "S3 server access logs",
}
S3_LOGS = tuple(
    Landing(
        name=f"s3-logs-{service}",
        title=f"{title} in an S3 bucket" + (" (encrypted with SSE-S3)" if service in SSE_S3_ONLY else ""),
        vendor="Delivery",
        settings={
            "kind": "s3-logs",
            "services": [service],
            "prefix": Parameter(
                name="Prefix",
                label="Prefix",
                description="Prefix of the keys that the service delivers to, without slashes at its ends.",
                sample="zqprefix{}",
                value=Prefix,
                default=service,
            ),
            "name": name_parameter(service),
            "bucket": BUCKET,
        },
    )
    for service, title in _SERVICES.items()
)

_COCKROACHDB = Landing(
    name="cockroachdb",
    title="CockroachDB Cloud (Advanced plan): cluster logs in a CloudWatch log group",
    vendor="From CockroachDB Cloud",
    has_bucket=False,
    settings={
        "kind": "cockroachdb",
        "cluster_id": Parameter(
            name="ClusterId",
            label="Cluster ID",
            description="Cluster id, from the Cloud Console's URL.",
            sample="f78b7feb-b6cf-4396-9d7f-49498297{:04d}",
            value=text.ClusterUuid,
        ),
        "cluster_account_id": Parameter(
            name="ClusterAccountId",
            label="AWS account ID of the cluster (account_id)",
            description="account_id of GET /api/v1/clusters/{cluster_id}.",
            sample="77340139{:04d}",
            value=text.AccountId,
        ),
        "external_id": Parameter(
            name="ExternalId",
            label="External ID (aws_external_id)",
            description="An id of your own making that the cluster sends; `openssl rand -hex 16` makes one.",
            sample="zqexternal{}",
            value=text.ExternalId,
        ),
        "log_group": Parameter(
            name="LogGroupName",
            label="Log group (log_name)",
            description="Name of the log group that the template creates and the cluster writes to.",
            sample="/zq/group{}",
            value=text.LogGroupName,
            default="/logdock/cockroachdb",
        ),
        "name": name_parameter("cockroachdb"),
    },
)

_AURORA = Landing(
    name="aurora-mysql",
    title="Aurora MySQL: audit log in a CloudWatch log group",
    vendor="From Amazon RDS",
    has_bucket=False,
    settings={
        "kind": "aurora-mysql",
        "configure_cluster": False,
        "cluster_id": Parameter(
            name="DBClusterIdentifier",
            label="DB cluster identifier",
            description="Identifier of an existing Aurora MySQL cluster whose log groups do not exist yet.",
            sample="zqcluster{}",
            value=text.DbClusterIdentifier,
        ),
        "parameter_group": Parameter(
            name="DBClusterParameterGroupName",
            label="DB cluster parameter group",
            description="The cluster's own parameter group, for the commands in the output NextSteps. A default.* "
            "group cannot be changed.",
            sample="zqparameters{}",
            value=text.ParameterGroup,
        ),
        "name": name_parameter("aurora"),
    },
    option=Option(
        parameter=Parameter(
            name="AllLogTypes",
            label="Logs to export",
            description="audit: the audit log alone. all: audit, error, general and slow query logs.",
            default="audit",
            allowed=("audit", "all"),
        ),
        settings={"log_types": ["audit", "error", "general", "slowquery"]},
    ),
)

LANDINGS: tuple[Landing, ...] = (_ATLAS, _APTIBLE, _CLOUDFLARE, *S3_LOGS, _COCKROACHDB, _AURORA)
"""Every landing template."""
