"""Every example synthesizes for each partition and names its own partition, Regions, endpoints and principals alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from logdock.settings import Deployment
from logdock.settings.document import Part
from tests.conftest import EXAMPLES, ROOT, synthesize_now

REGIONS = {"aws-us-gov": ("us-gov-west-1", "us-gov-east-1"), "aws-cn": ("cn-north-1", "cn-northwest-1")}
ONE_NAME = (
    "lambda", "s3", "events", "states", "cloudwatch", "rds", "firehose", "cloudtrail", "delivery.logs", "logging.s3",
    "logdelivery.elasticloadbalancing", "streams.metrics.cloudwatch",
)  # fmt: skip
"""Services whose principal has one name in all partitions."""
COMMERCIAL = r"\b(?:eu|us|ap|ca)-(?:west|east|central|southeast|northeast)-\d\b"


def moved(path: Path, partition: str) -> dict[str, Any] | None:
    """Return an example in another partition, without what does not exist there; None if nothing is left."""
    home, away = REGIONS[partition]
    document = yaml.safe_load(path.read_text().replace("arn:aws:", f"arn:{partition}:"))
    old_home = document["region"]
    text = re.sub(COMMERCIAL, lambda found: home if found[0] == old_home else away, json.dumps(document))
    document = json.loads(text)
    destinations = document.get("destinations", [])
    fetching = {each["name"] for each in destinations if each.get("mode") == "fetch"}
    document["destinations"] = [each for each in destinations if each["name"] not in fetching]
    document["exports"] = [each for each in document["exports"] if not Part((), each).model.only_commercial]
    for export in document["exports"]:
        export["ship_to"] = [each for each in export.get("ship_to", []) if each not in fetching]
        if export["kind"] == "aptible":
            export["replication_role_arn"] = f"arn:{partition}:iam::916150859591:role/s3-stack-log-replication"
        if export["kind"] == "mongodb-atlas" and "connect" in export:
            export["connect"]["api_base_url"] = "https://cloud.mongodbgov.com"
        if "cloudfront" in export.get("services", []):
            export["services"].remove("cloudfront")
    return document if document["exports"] else None


def service_principals(value: Any) -> list[str]:
    """List the service principals of a template."""
    if isinstance(value, list):
        return [found for each in value for found in service_principals(each)]
    if not isinstance(value, dict):
        return []
    found = [value[key] for key in ("Service", "Principal") if isinstance(value.get(key), str) and value[key] != "*"]
    return found + service_principals(list(value.values()))


def is_right(principal: str, partition: str) -> bool:
    if partition == "aws-cn" and re.fullmatch(r"logs\.cn-[a-z]+-\d\.amazonaws\.com\.cn", principal):
        return True
    name = principal.removesuffix(".amazonaws.com")
    return name in ONE_NAME or (partition != "aws-cn" and re.fullmatch(r"logs(\.[a-z-]+-\d)?", name) is not None)


@pytest.mark.parametrize(
    "examples", [[ROOT / "examples" / "everything.yaml"], pytest.param(EXAMPLES, marks=pytest.mark.proof)], ids=len
)
@pytest.mark.parametrize("partition", REGIONS)
def test_every_example_names_its_own_partition_alone(partition: str, examples: list[Path]) -> None:
    wrong: set[str] = set()
    for path in examples:
        document = moved(path, partition)
        if document is None:
            continue
        for stack, template in synthesize_now(Deployment.model_validate(document)).templates.items():
            whole = json.dumps(template)
            found = [arn for arn in re.findall(r"arn:aws[a-z-]*:[^\"]{0,40}", whole) if arn.split(":")[1] != partition]
            found += re.findall(COMMERCIAL, whole)
            suffix = r"(?!\.cn)" if partition == "aws-cn" else r"\.cn"
            found += re.findall(rf"\b[a-z0-9]+\.[a-z]+(?:-[a-z]+)+-\d\.amazonaws\.com{suffix}", whole)
            found += [each for each in service_principals(template) if not is_right(each, partition)]
            wrong |= {f"{path.stem} {stack}: {each}" for each in found}
    assert not wrong, "\n".join(sorted(wrong))
