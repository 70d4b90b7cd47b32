"""AWS's partitions: which one a Region is in, and what does not exist outside of the commercial one.

Sources: IAM User Guide, "Amazon Resource Names (ARNs)" (a principal of one partition cannot assume a role of another);
AWS GovCloud (US) User Guide and "Getting Started with Amazon Web Services in China" (services and endpoints).
"""

from collections.abc import Iterator, Mapping

from pydantic_core import InitErrorDetails

from logdock.settings.document import Document, setting_error, strings

PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
"""The partitions that Logdock knows in addition to ``aws``, by the beginning of their Regions."""


def partition_of(region: str) -> str:
    """Return the partition of a Region, as ARNs write it."""
    return PARTITIONS.get(region.rsplit("-", 2)[0], "aws")


def _foreign_arns(document: Document) -> Iterator[InitErrorDetails]:
    if document.region is None:
        return
    partition = partition_of(document.region)
    for loc, arn in strings(document.data):
        if arn.startswith("arn:") and arn.split(":")[1] != partition:
            allowed = f"an ARN of the partition of {document.region}, {partition}: AWS connects no partitions"
            yield setting_error(loc, arn, allowed)


def _foreign_regions(document: Document) -> Iterator[InitErrorDetails]:
    if document.region is None:
        return
    partition = partition_of(document.region)
    for export in document.exports:
        for loc, region in export.texts("regions"):
            if partition_of(region) != partition:
                yield setting_error(loc, region, f"a Region of the partition of {document.region}, {partition}")


def _commercial_only(document: Document) -> Iterator[InitErrorDetails]:
    """Refuse what needs the commercial partition, whatever the account may do."""
    if document.region is None or partition_of(document.region) == "aws":
        return
    partition = partition_of(document.region)
    for export in document.exports:
        kind, connect = export.text("kind"), export.entry.get("connect")
        if kind == "aptible" and export.entry.get("replication_role_arn") is None:
            allowed = f"a role in {partition}: Aptible's own is in the partition aws, and S3 replicates to no other"
            yield setting_error((*export.loc, "replication_role_arn"), None, allowed)
        if export.model and export.model.only_commercial:
            allowed = f"another kind: {export.model.only_commercial} in {partition}"
            yield setting_error((*export.loc, "kind"), kind, allowed)
        if kind == "mongodb-atlas" and isinstance(connect, Mapping) and connect.get("api_base_url") is None:
            allowed = "the address of an Atlas in this partition, such as https://cloud.mongodbgov.com"
            allowed += f": cloud.mongodb.com's principals are in the partition aws, and assume no role in {partition}"
            yield setting_error((*export.loc, "connect", "api_base_url"), None, allowed)
        for loc, service in export.texts("services"):
            if service == "cloudfront":
                allowed = f"another service: CloudFront delivers from us-east-1, which is not in {partition}"
                yield setting_error(loc, service, allowed)


PARTITION_RULES = (_foreign_arns, _foreign_regions, _commercial_only)
