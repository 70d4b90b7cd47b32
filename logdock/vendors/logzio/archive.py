"""Logz.io's Archive & Restore of an account: the bucket that Logz.io copies every log of the account to.

Sources: docs.logz.io, "Configure Archiving and Restoring", "AWS S3 Bucket Permissions & Storage Class Required for
Archiving".
"""

from pydantic import Field

from logdock.settings.model import Model
from logdock.settings.text import ExistingBucketName, KeyArn


class LogzioArchive(Model):
    """Where Logz.io archives an account's logs, and restores them from."""

    bucket: ExistingBucketName = Field(
        description="A bucket that exists, for this account of Logz.io alone: Logz.io writes to its root."
    )
    kms_key_arn: KeyArn | None = Field(default=None, description="Key of the bucket, if it is encrypted with one.")
