"""What is left to do at Aptible: a support request (Aptible, "S3 Log Archives")."""

from logdock.vendors.aptible.settings import AptibleExport


def aptible_steps(export: AptibleExport, *, account: str, bucket: str, key_arn: str | None) -> str:
    """Write the support request that Aptible's page asks for; there is no API."""
    encrypt = f" Please have the replication rule encrypt with our KMS key {key_arn}." if key_arn else ""
    return (
        "Ask Aptible Support (Enterprise plan, limited beta): Please enable S3 log archiving for our stack in "
        f"{export.stack_region}. AWS account id: {account}. Bucket: {bucket}.{encrypt}"
    )
