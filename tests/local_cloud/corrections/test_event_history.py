"""CloudTrail's event history.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION, VENDOR

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


def test_the_event_history_of_a_roles_account_has_who_assumed_it_and_with_which_external_id(
    emulator: Emulator,
) -> None:
    role = made.role(emulator)
    sts = made.client(emulator, "sts", VENDOR)
    for external_id in ("old", "new"):
        sts.assume_role(RoleArn=role, RoleSessionName="export", ExternalId=external_id)
    with pytest.raises(ClientError):
        sts.assume_role(RoleArn=role, RoleSessionName="export", ExternalId="late", DurationSeconds=43200)

    def history(account: str, region: str = REGION, resource: str = role) -> list[Any]:
        by_role = [{"AttributeKey": "ResourceName", "AttributeValue": resource}]
        found = emulator.client("cloudtrail", account, region=region).lookup_events(LookupAttributes=by_role)
        return [json.loads(event["CloudTrailEvent"])["requestParameters"]["externalId"] for event in found["Events"]]

    assert history(ACCOUNT) == ["new", "old"]
    assert history(ACCOUNT, "us-east-1") == history(VENDOR) == history(ACCOUNT, resource=f"{role}-2") == []
