"""The metrics half of a Logz.io destination: which of CloudWatch's metrics are streamed there."""

from collections.abc import Collection
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.model import Model
from logdock.settings.resource_types import RESOURCE_TYPES
from logdock.settings.secret_reference import SecretArn
from logdock.settings.text import EachOnce, HttpsUrl, Switch, invalid, matching

ALL = "all"
"""Stands for every namespace, present and future; CloudWatch's own begin with ``AWS/`` or name their service."""
FILTERS_OF_A_STREAM = 1000
"""Filters that a metric stream takes: namespaces, or metrics of one (CloudWatch User Guide, "Use metric streams")."""

Namespace = Annotated[
    str,
    *matching(r"[^:\x00-\x1f][^\x00-\x1f]{0,254}", "a namespace of CloudWatch, such as AWS/S3, at most 255 characters"),
]
MetricName = Annotated[
    str, *matching(r"[^\x00-\x1f]{1,255}", "a metric's name, such as BucketSizeBytes, at most 255 characters")
]
Metrics = Annotated[tuple[MetricName, ...], *EachOnce]


def _some_but_not_too_many(value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    if not value:
        raise invalid("at least one namespace, or `{all: []}` for every metric of the account, each at a price")
    if ALL in value and value != {ALL: ()}:
        raise invalid("`{all: []}` alone: it is every namespace, with all metrics")
    if sum(len(metrics) or 1 for metrics in value.values()) > FILTERS_OF_A_STREAM:
        raise invalid(f"at most {FILTERS_OF_A_STREAM} namespaces and metrics in all: a metric stream takes no more")
    return value


class LogzioMetrics(Model):
    """CloudWatch metrics of this account and Region, streamed to a Logz.io metrics account."""

    token_secret: SecretArn = Field(
        description='Whole ARN of the secret that holds the METRICS shipping token, as `{"api_key": "<token>"}`: '
        "Amazon Data Firehose reads it itself, and in no other form."
    )
    namespaces: Annotated[
        dict[Namespace, Metrics],
        AfterValidator(_some_but_not_too_many),
        Field(json_schema_extra={"minProperties": 1}),
    ] = Field(
        default={"AWS/S3": ()},
        description="Namespaces of CloudWatch, each with the metrics that are sent; `[]` sends all of a namespace, and "
        "`{all: []}` every namespace of the account and Region, also future ones.",
    )
    listener_url: HttpsUrl | None = Field(
        default=None, description="Another address of the metrics listener. Default: that of `region`."
    )
    tags: Switch = Field(
        default=False,
        description="Also send the tags of the resources that these namespaces are about, every five minutes, as "
        "labels of the metric `aws_resource_info`. A function reads the tags of all these resources.",
    )

    @field_validator("tags")
    @classmethod
    def _tags_of_known_resources(cls, value: bool, info: ValidationInfo) -> bool:
        # namespaces that are refused are not in the data: their own message is enough
        if value and not _types_of(info.data.get("namespaces", RESOURCE_TYPES)):
            raise invalid(f"false, or a namespace whose resources are known: {', '.join(RESOURCE_TYPES)}")
        return value

    def streams(self, namespace: str) -> bool:
        """Say whether metrics of a namespace are streamed."""
        return namespace in self.namespaces or ALL in self.namespaces

    @property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """The namespaces that the stream is limited to, each with its metrics; none where all are streamed."""
        return {} if ALL in self.namespaces else self.namespaces

    @property
    def resource_types(self) -> tuple[str, ...]:
        """The types of the resources behind the namespaces, as far as they are known."""
        return _types_of(self.namespaces)


def _types_of(namespaces: Collection[str]) -> tuple[str, ...]:
    names = RESOURCE_TYPES if ALL in namespaces else namespaces
    return tuple(sorted({kind for name in names for kind in RESOURCE_TYPES.get(name, ())}))
