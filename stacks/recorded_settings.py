"""The settings that a stack was made from, in its template: `logdock plan` reads them back from what is deployed.

They are metadata of a resource, not of the template: CloudFormation updates a template's own `Metadata` section only
along with a resource, but a resource's `Metadata` attribute by itself (CloudFormation Template Reference, "Metadata"
section and attribute). Settings name secrets and never hold them.
"""

import json

from aws_cdk import CfnResource
from constructs import IConstruct
from pydantic import BaseModel

METADATA = "logdock:settings"
"""Known to logdock/cli/plan/live.py by the same name."""


def record_settings(resource: IConstruct, settings: BaseModel, *, without: frozenset[str] = frozenset()) -> None:
    """Write settings, without those that have their default, into a resource's metadata."""
    assert isinstance(resource, CfnResource)  # noqa: S101  (narrows a jsii type)
    document = settings.model_dump(mode="json", exclude_defaults=True, exclude=set(without))
    # As a string: CloudFormation would turn the truth values and numbers inside into strings.
    resource.add_metadata(METADATA, json.dumps(document, sort_keys=True, ensure_ascii=False))
