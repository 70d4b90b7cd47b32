"""CloudTrail's event history: by whom, and with which external id, a role was assumed."""

from __future__ import annotations

import collections
import json
import time
import uuid
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import get_region
from ministack.services import cloudtrail, sts

from local_cloud.corrections.permissions import first

_PARAMETERS = {
    "roleArn": "RoleArn",
    "roleSessionName": "RoleSessionName",
    "externalId": "ExternalId",
    "durationSeconds": "DurationSeconds",
}


def apply() -> None:
    """Make these corrections."""
    _record_who_assumes_a_role()


def _record_who_assumes_a_role() -> None:
    """CloudTrail records a call in the account of the assumed role; MiniStack records it in the caller's, if at all.

    An event is in the Region that was called, has whole seconds, and names the role by its ARN (IAM User Guide,
    "Logging IAM and AWS STS API calls with CloudTrail"). Refused calls and the caller's own copy are omitted.
    """
    original = sts.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        answer = await original(method, path, headers, body, query_params)
        parameters = {**parse_qs((body or b"").decode(errors="replace")), **query_params}
        if answer[0] == 200 and first(parameters, "Action") == "AssumeRole":
            _record({name: first(parameters, key) for name, key in _PARAMETERS.items() if key in parameters})
        return answer

    sts.handle_request = handle_request


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
        history = collections.deque(maxlen=cloudtrail._MAX_EVENTS)
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
