"""Where MiniStack is more lenient, or stricter, than AWS in ways that the demo and the tests depend on.

Runs inside the emulator's process and changes MiniStack before it serves its first request. Each function corrects one
difference and names what AWS does; a demo that shows a refusal must not show one that AWS would not make, and must not
miss one that it would. Written against the release in the lock file: every corrected name is looked up at the start, so
a release that renames one stops the emulator with an error instead of leaving the difference in place.
"""

from __future__ import annotations

from local_cloud.corrections import (
    alarms,
    buckets,
    custom_resources,
    databases,
    destinations,
    event_history,
    functions,
    log_groups,
    metric_streams,
    metrics,
    other_accounts,
    parameters,
    permissions,
    queues,
    requests,
    roles,
    service_role,
    stack_exports,
    stack_order,
    streams,
    tables,
    topics,
)


def apply(*, endpoint_url: str, ca_bundle: str) -> None:
    """Correct MiniStack in this process.

    Parameters
    ----------
    endpoint_url
        Where the emulator will answer: what its services write for a user goes through the front door.
    ca_bundle
        PEM file that vouches for that address.
    """
    permissions.apply()
    event_history.apply()
    log_groups.apply()
    databases.apply()
    buckets.apply()
    custom_resources.apply()
    stack_exports.apply()
    stack_order.apply()
    queues.apply()
    metrics.apply()
    metric_streams.apply()
    topics.apply()
    alarms.apply()
    functions.apply(endpoint_url=endpoint_url, ca_bundle=ca_bundle)
    destinations.apply()
    streams.apply(endpoint_url=endpoint_url, ca_bundle=ca_bundle)
    tables.apply()
    parameters.apply()
    other_accounts.apply()
    roles.apply()
    service_role.apply()
    requests.apply()
