"""Which external ids a role was assumed with, from CloudTrail's event history of the last 90 days.

An AssumeRole event of another account's caller is recorded in the account of the role, in the Region of the endpoint
that was called, and us-east-1 for the global one, within about five minutes; it names the external id (CloudTrail User
Guide, "Working with CloudTrail event history"; IAM User Guide, "Logging IAM and AWS STS API calls with CloudTrail").
"""

import json
from datetime import datetime
from typing import NamedTuple

from logdock.cli.account import Account

GLOBAL_REGION = "us-east-1"


class Uses(NamedTuple):
    """When a role was first and last assumed with an external id."""

    first: datetime
    last: datetime


def uses_of(account: Account, role: str) -> dict[str, Uses]:
    """Return the uses of each external id; refusals do not count."""
    found: dict[str, Uses] = {}
    arn = account.names.role_arn(role)
    for region in dict.fromkeys((*account.settings.regions, GLOBAL_REGION)):
        pages = account.cloudtrail_in(region).get_paginator("lookup_events")
        for page in pages.paginate(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": arn}]):
            for event in page["Events"]:
                record = json.loads(event["CloudTrailEvent"])
                external_id = (record.get("requestParameters") or {}).get("externalId")
                if record.get("eventName") != "AssumeRole" or record.get("errorCode") or not external_id:
                    continue
                time = event["EventTime"]
                known = found.get(external_id, Uses(time, time))
                found[external_id] = Uses(min(known.first, time), max(known.last, time))
    return found
