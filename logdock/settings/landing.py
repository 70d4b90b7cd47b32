"""Where an export lands: what the model of each kind answers."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol


class Home(Protocol):
    """What a landing's name is made of: a `settings.Deployment`."""

    @property
    def deployment(self) -> str:
        """Its name."""

    @property
    def account(self) -> str:
        """The AWS account."""

    @property
    def region(self) -> str:
        """Its own Region."""


class Lands(Protocol):
    """What a landing's name has of its export: an `export_base.BucketExport`."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def other_account(self) -> str | None:
        """The account that it lands in, where that is not the deployment's."""


def own_bucket_pattern(home: Home, account: str | None = None) -> str:
    """Return the default name of a landing bucket that an export's stack makes, with ``{export}`` for its name."""
    return f"{home.deployment}-{{export}}-{account or home.account}-{home.region}"


def own_bucket(home: Home, export: Lands) -> str:
    """Return the default name of the landing bucket that an export's stack makes."""
    return own_bucket_pattern(home, export.other_account).format(export=export.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class BucketLanding:
    """An export's landing bucket."""

    bucket: str
    prefix: str
    """What the export's keys begin with: empty, or with a final slash."""
    is_own: bool
    """True where the export's stack makes the bucket, so that everything in it is the export's."""

    @property
    def document(self) -> dict[str, str]:
        """What the shipper reads.

        The whole of a bucket of its own is the export's: what still waits under an earlier `prefix` is shipped. Of an
        existing bucket only what is under the prefix is, because other exports may share the bucket.
        """
        return {"bucket": self.bucket} | ({} if self.is_own or not self.prefix else {"prefix": self.prefix})


@dataclass(frozen=True, kw_only=True, slots=True)
class LogGroupLanding:
    """The log groups that an export lands in, of which the archive has a copy."""

    regions: tuple[str, ...]
    """The Regions that have them."""
    names: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    """Prefixes of names: log groups that exist, and those to come."""

    @property
    def document(self) -> dict[str, object]:
        """What the shipper reads: digests, because a hundred names do not fit into a parameter."""
        document: dict[str, object] = {"log_groups": [log_group_digest(name) for name in self.names]}
        return document | ({"log_group_prefixes": list(self.prefixes)} if self.prefixes else {})


def log_group_digest(name: str) -> str:
    """Return 12 characters that stand for a log group's name, as `log_shipper.export_config` compares them."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()[:9]).decode()
