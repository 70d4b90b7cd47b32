"""What happens to the objects of the archive after they were written."""

from pydantic import Field

from logdock.settings.model import Model
from logdock.settings.text import Switch


class Archive(Model):
    """The archive of the deployment."""

    compact: Switch = Field(
        default=False,
        description="Replace the small objects of an hour by few of up to 128 MiB, three hours after its end and once "
        "every destination has them ([Compaction](retention.md#compaction)). Not with `replica`.",
    )
