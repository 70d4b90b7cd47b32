"""CloudTrail's event history: by whom, and with which external id, a role was assumed."""

from __future__ import annotations

import collections
import json
import time
import uuid
from typing import TYPE_CHECKING

from ministack.core.responses import get_region
from ministack.services import cloudtrail, sts

from local_cloud.corrections.operations import intercept

if TYPE_CHECKING:
    from local_cloud.corrections.operations import Answer, Proceed, Request

_MOST_EVENTS = 10_000
_PARAMETERS = {
    "roleArn": "RoleArn",
    "roleSessionName": "RoleSessionName",
    "externalId": "ExternalId",
    "durationSeconds": "DurationSeconds",
}


def apply() -> None:
    """Make this correction."""
    intercept(sts, "AssumeRole")(_record_who_assumes_a_role)


async def _record_who_assumes_a_role(request: Request, proceed: Proceed) -> Answer:
    """CloudTrail records a call in the account of the assumed role; MiniStack records it in the caller's, if at all.

    An event is in the Region that was called, has whole seconds, and names the role by its ARN (IAM User Guide,
    "Logging IAM and AWS STS API calls with CloudTrail"). Refused calls and the caller's own copy are omitted.
    """
    answer = await proceed()
    if answer[0] == 200:
        named = request.parameters
        _record({name: named[parameter] for name, parameter in _PARAMETERS.items() if parameter in named})
    return answer


def _record(parameters: dict[str, str]) -> None:
    arn, event_id, now = parameters["roleArn"], str(uuid.uuid4()), int(time.time())
    account, region = arn.split(":")[4], get_region()
    event = {
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "awsRegion": region,
        "requestParameters": parameters,
        "resources": [{"ARN": arn, "accountId": account, "type": "AWS::IAM::Role"}],
        "eventID": event_id,
        "recipientAccountId": account,
    }
    history = cloudtrail._events.get_scoped(account, region, "events")
    if history is None:
        history = collections.deque(maxlen=_MOST_EVENTS)
        cloudtrail._events.set_scoped(account, region, "events", history)
    history.append(
        {
            "EventId": event_id,
            "EventName": "AssumeRole",
            "EventSource": "sts.amazonaws.com",
            "EventTime": now,
            "Resources": [{"ResourceType": "AWS::IAM::Role", "ResourceName": arn}],
            "CloudTrailEvent": json.dumps(event),
        }
    )
