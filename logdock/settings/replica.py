"""A copy of the archive in another Region, and its lock.

Sources: Amazon S3 User Guide, "Replicating objects" and "Locking objects with Object Lock".
"""

from typing import Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from logdock.settings.model import Model
from logdock.settings.retention import ArchiveDays
from logdock.settings.text import Region, invalid


class Replica(Model):
    """A copy of the archive in another Region, which S3 keeps up to date and which may be locked."""

    region: Region = Field(description="AWS Region of the copy: another than the deployment's.")
    lock: Literal["governance", "compliance"] | None = Field(
        default=None,
        description="S3 Object Lock of the copy. `governance`: deleting before the time needs a permission of its own. "
        "`compliance`: no one can, not even the account's root. Default: none. A lock cannot be taken away again.",
    )
    lock_days: ArchiveDays | None = Field(
        default=None,
        validate_default=True,
        description="Days that an object of the copy is locked, from its arrival there: at most `archive_days`. Needed "
        "for `lock`.",
    )

    @field_validator("lock_days")
    @classmethod
    def _with_a_lock(cls, value: int | None, info: ValidationInfo) -> int | None:
        if "lock" in info.data and (value is None) != (info.data["lock"] is None):
            raise invalid("the days of the lock" if value is None else "no value without `lock`")
        return value
