"""The stacks of a cloud assembly (`cdk.out`), read from its files: asking the CDK for them serializes each again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class AssemblyStack:
    """A stack as it would be deployed."""

    region: str
    account: str
    template: Mapping[str, Any]
    template_bytes: int
    """The template's size as CloudFormation gets it."""


def read_stacks(directory: Path) -> dict[str, AssemblyStack]:
    """Read the stacks of a cloud assembly by their names.

    Raises
    ------
    OSError, ValueError, KeyError
        When the directory is no cloud assembly.
    """
    artifacts = json.loads((directory / "manifest.json").read_bytes())["artifacts"]
    stacks = {}
    for artifact_id, artifact in artifacts.items():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        body = (directory / artifact["properties"]["templateFile"]).read_bytes()
        account, region = artifact["environment"].removeprefix("aws://").split("/")
        stacks[artifact["properties"].get("stackName", artifact_id)] = AssemblyStack(
            region=region, account=account, template=json.loads(body), template_bytes=len(body)
        )
    return stacks
