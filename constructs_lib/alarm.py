"""An alarm on something that must never happen."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct


def alarm_on_first(
    scope: Construct, construct_id: str, *, name: str, description: str, metric: cloudwatch.IMetric
) -> cloudwatch.Alarm:
    """Make an alarm that one occurrence raises and that silence does not."""
    return cloudwatch.Alarm(
        scope,
        construct_id,
        alarm_name=name,
        alarm_description=description,
        metric=metric,
        threshold=1,
        evaluation_periods=1,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
