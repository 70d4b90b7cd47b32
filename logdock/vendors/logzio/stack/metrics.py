"""CloudWatch's metrics to Logz.io: the configuration of a destination's metric stream.

Source: docs.logz.io, "AWS S3 Bucket" (Metrics), and the template that it deploys, logzio/cloudwatch-metrics-helpers.
"""

from pathlib import Path

from aws_cdk import CfnOutput, Stack

from constructs_lib.metric_stream import MetricStream, MetricStreamProps
from constructs_lib.resource_tags import ResourceTags, ResourceTagsProps
from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.vendors.logzio.metrics import LogzioMetrics
from logdock.vendors.logzio.next_steps import dashboard_steps
from logdock.vendors.logzio.settings import LogzioDestination


def stream_metrics(
    stack: Stack,
    destination: LogzioDestination,
    metrics: LogzioMetrics,
    *,
    names: Names,
    log_key_arn: str,
    tags_source: Path,
) -> None:
    """Add the metric stream of a destination and, where they are sent, the tags of its resources."""
    streamed = MetricStream(
        stack,
        f"Metrics-{destination.name}",
        MetricStreamProps(
            name=names.metrics(destination.name),
            delivery_role_name=names.metrics(destination.name, "delivery"),
            namespaces=metrics.filters,
            listener_url=destination.metrics_listener,
            listener_name="Logz.io",
            secret_arn=metrics.token_secret,
            # Logz.io makes a label of every metric of it; Logz.io's own template has a fixed text here.
            attributes={"P8S_LOGZIO_NAME": names.deployment},
            backup_bucket_arn=names.bucket_arn(names.bucket("failed")),
            backup_prefix=f"metrics/{destination.name}/",
            key_arn=log_key_arn,
        ),
    )
    if metrics.tags:
        # Into the same delivery stream: Firehose alone has the token, and delivers, tries again and keeps these, too.
        tags = ResourceTags(
            stack,
            f"Tags-{destination.name}",
            ResourceTagsProps(
                name=names.metrics(destination.name, "tags"),
                source=tags_source,
                resource_types=metrics.resource_types,
                delivery_stream_name=names.metrics(destination.name),
                log_key_arn=log_key_arn,
            ),
        )
        tags.node.add_dependency(streamed)
    if steps := dashboard_steps(destination):
        suffix = destination.name.title().replace("-", "")
        CfnOutput(stack, f"{suffix}MetricsNextSteps", value=steps, description="What is left to do for the metrics")


def streams_metrics(settings: Deployment) -> bool:
    """Return whether a destination takes metrics."""
    return any(each.kind == "logzio" and each.metrics is not None for each in settings.destinations)
