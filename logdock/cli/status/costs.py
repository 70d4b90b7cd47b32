"""What looking at a deployment costs, by the requests that are charged for.

Prices in dollars of us-east-1, without a free tier: Amazon CloudWatch pricing (GetMetricData, for each metric that is
requested, and DescribeAlarms), Amazon S3 pricing (LIST), Amazon SQS pricing (requests), AWS Secrets Manager pricing
(API calls).
CloudFormation's Describe calls are free. Other Regions are up to twice as expensive.
"""

import math
from collections.abc import Mapping

METRIC, ALARMS, LIST, QUEUE_REQUEST, SECRET = 0.01 / 1000, 0.01 / 1000, 0.005 / 1000, 0.40 / 1_000_000, 0.05 / 10_000
DOLLARS_A_DAY = 1.0
"""What `--watch` may cost at most."""
SHORTEST_SECONDS = 10.0
DAY_SECONDS = 86_400


def dollars(requests: Mapping[tuple[str, str], int]) -> float:
    """Return what requests cost, given by service and operation; of GetMetricData, the metrics are counted."""
    total = 0.0
    for (service, operation), count in requests.items():
        if operation == "GetMetricData":
            total += count * METRIC
        elif operation == "DescribeAlarms":
            total += count * ALARMS
        elif service == "s3":
            total += count * LIST
        elif service == "sqs":
            total += count * QUEUE_REQUEST
        elif service == "secretsmanager":
            total += count * SECRET
    return total


def interval_seconds(look: float) -> float:
    """Return how long to wait between looks that cost so many dollars each."""
    return max(SHORTEST_SECONDS, float(math.ceil(look * DAY_SECONDS / DOLLARS_A_DAY)))
