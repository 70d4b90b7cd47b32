"""Stack exports: none goes while another stack imports it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import yaml
from botocore.exceptions import ClientError
from ministack.services import cloudformation
from ministack.services.cloudformation import engine

from local_cloud.corrections.operations import client, intercept, xml_error

if TYPE_CHECKING:
    from local_cloud.corrections.operations import Answer, Proceed, Request


def apply() -> None:
    """Make this correction."""
    intercept(cloudformation, "UpdateStack")(_keep_exports_in_use)


async def _keep_exports_in_use(request: Request, proceed: Proceed) -> Answer:
    """MiniStack keeps a stack whose export is in use from being deleted, but lets an update drop the export."""
    stack, text = request.parameters.get("StackName", ""), request.parameters.get("TemplateBody", "")
    if url := request.parameters.get("TemplateURL"):
        bucket, _, key = unquote(urlsplit(url).path).lstrip("/").partition("/")
        text = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    if not text:
        return await proceed()
    template = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, engine.CfnLoader)  # noqa: S506
    kept = [output["Export"]["Name"] for output in template.get("Outputs", {}).values() if "Export" in output]
    if not all(isinstance(name, str) for name in kept):
        return await proceed()  # a name that is computed
    calls = client("cloudformation")
    for export in calls.get_paginator("list_exports").paginate().search("Exports[]"):
        if export["Name"] in kept or stack not in (
            export["ExportingStackId"],
            export["ExportingStackId"].split("/")[1],
        ):
            continue
        try:
            users = calls.list_imports(ExportName=export["Name"])["Imports"]
        except ClientError:
            continue  # no stack imports it
        message = f"Export {export['Name']} cannot be deleted as it is in use by {', '.join(users)}"
        return xml_error("ValidationError", message)
    return await proceed()
