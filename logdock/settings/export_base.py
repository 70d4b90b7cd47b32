"""What every kind of export has."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, Strict, ValidationInfo

from logdock.settings.alerts import ExportAlerts
from logdock.settings.destinations import ARCHIVE
from logdock.settings.landing import BucketLanding, Home, LogGroupLanding
from logdock.settings.model import Model
from logdock.settings.reading import Oversize, PathFields
from logdock.settings.redaction import Redaction
from logdock.settings.regex import Regex
from logdock.settings.text import AccountId, EachOnce, LogGroupDays, Name, Switch, between, invalid, matching


def one_or_several(setting: str) -> ConfigDict:
    """Return the configuration of a model that requires the id of one object or, in the plural, of several."""
    return ConfigDict(json_schema_extra={"anyOf": [{"required": [setting]}, {"required": [f"{setting}s"]}]})


def check_one_or_several(several: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Refuse both the id of one object and those of several, and neither."""
    one = (info.field_name or "").removesuffix("s")
    # An id that is refused is not in the data: its own message is enough.
    if one in info.data and bool(several) == bool(info.data[one]):
        raise invalid(f"either `{one}`, or ids of {one.removesuffix('_id')}s in `{one}s`")
    return several


class ExportBase(Model):
    """Settings that every kind of export has."""

    if TYPE_CHECKING:
        # each kind's own field, a Literal: pydantic selects the model by it
        kind: str

    name: Name = Field(description="Name of the export: its stack is <deployment>-<name>.")
    ship_to: Annotated[tuple[str, ...], *EachOnce] = Field(
        default=(),
        max_length=5,
        description="Names of destinations, at most 5. `archive` is built in: a normalised copy in the archive bucket "
        "(exports that land in CloudWatch have it without asking).",
    )
    redaction: Redaction = Field(
        default=Redaction(), description="What is taken out before lines are archived or shipped."
    )
    include: tuple[Regex, ...] = Field(
        default=(), max_length=10, description="Archive and ship only lines that match one of these (RE2), at most 10."
    )
    exclude: tuple[Regex, ...] = Field(
        default=(), max_length=10, description="Leave out lines that match one of these (RE2), at most 10."
    )
    alerts: ExportAlerts = Field(default=ExportAlerts(), description="What differs from the deployment's `alerts`.")
    oversize: Oversize = Field(
        default="split",
        description="What becomes of a message that is longer than a destination takes. `split`: it is sent in parts, "
        "which say what they are parts of. `truncate`: it is cut, with a mark. `quarantine`: it is kept in the failure "
        "bucket. The archive takes any length.",
    )
    log_type: Annotated[str, *matching(r"\S{1,256}", "1 to 256 characters without spaces")] | None = Field(
        default=None,
        description="Logz.io's `type` of this export's logs, such as `guardduty`. It has no effect in other "
        "destinations and in the archive. Default: the destination's `log_type`.",
    )
    max_expansion: Annotated[int, Strict(), *between(10, 1_000_000, "times the stored size")] = Field(
        default=250,
        description="How many times its stored size a compressed object may expand to. The first 64 MiB always pass. "
        "What exceeds it is not read: the failure bucket gets a note with the sizes, and the object stays where it is.",
    )
    account: AccountId | None = Field(
        default=None,
        description="AWS account that the export lands in, where it is not the deployment's: 12 digits, in quotes. "
        "Bucket or log groups, key and the vendor's role are then there, and the archive, its copy included, in the "
        "deployment's ([Several accounts](accounts.md)). Requires `archive` in `ship_to` of a kind that lands in a "
        "bucket, and the deployment's `subscriptions: kinesis` of one that lands in log groups.",
    )

    lands_in: ClassVar[Literal["bucket", "log groups"]]
    """Where logs of this kind land."""

    vendor_name: ClassVar[str]
    """Who writes, in a sentence."""

    only_commercial: ClassVar[str | None] = None
    """Why the kind is for the partition ``aws`` alone, up to "in aws-us-gov". None: it is for every partition."""

    is_of_aws: ClassVar[bool] = False
    """Whether an AWS service writes, and no vendor from outside, whose denied calls a trail shows."""

    id_setting: ClassVar[str] = ""
    """The setting with the id of the project or cluster; its plural has those of several. Empty: neither."""

    @abstractmethod
    def landing(self, home: Home) -> BucketLanding | LogGroupLanding:
        """Say where the export lands in a deployment."""

    @property
    def members(self) -> tuple[Self, ...]:
        """The export for each of its projects, clusters or databases: alike, each with the settings of that one alone.

        An export of one is its own only member.
        """
        _, several = self._ids
        if self.member_id or not several:
            return (self,)
        return tuple(
            self.model_copy(
                update={self.id_setting: each, f"{self.id_setting}s": (each,), **self.settings_of_member(each)}
            )
            for each in several
        )

    def settings_of_member(self, member_id: str) -> dict[str, object]:
        """Return the settings that one member of several has of its own, beside its id."""
        del member_id
        return {}

    @property
    def member_id(self) -> str | None:
        """Which project, cluster or database of several this is; None for an export of one."""
        one, several = self._ids
        return one if several else None

    @property
    def object_id(self) -> str:
        """The project or cluster of an export of one, or of a member."""
        if (one := self._ids[0]) is None:
            raise ValueError(f"{self.name} has several of `{self.id_setting}s`: ask its members")
        return one

    @property
    def _ids(self) -> tuple[str | None, tuple[str, ...]]:
        return (getattr(self, self.id_setting), getattr(self, f"{self.id_setting}s")) if self.id_setting else (None, ())

    @property
    def other_account(self) -> str | None:
        """The account that it lands in, where that is not the deployment's."""
        return self.account

    @property
    def announcing_account(self) -> str | None:
        """The other account that announces its objects to the deployment's event bus, if one does.

        What lands in log groups of another account is subscribed instead, and its objects are the archive's.
        """
        return self.account if self.lands_in == "bucket" else None

    @property
    def has_own_key(self) -> bool:
        """Whether the export's stacks make a key, one in each Region."""
        return True

    @property
    def announced_to(self) -> tuple[str, ...]:
        """The destinations that its objects are announced to."""
        return self.ship_to

    @property
    def delivered_to(self) -> tuple[str, ...]:
        """Everything that gets its records, `archive` included."""
        return self.ship_to

    @property
    def archive_prefix(self) -> str:
        """What the keys of its objects in the archive begin with."""
        return f"logs/{self.name}/"

    @property
    def is_archived(self) -> bool:
        """Whether the archive has a copy."""
        return ARCHIVE in self.ship_to

    @property
    def decoding_secrets(self) -> tuple[str, ...]:
        """The secrets without which its objects cannot be read, by name or ARN."""
        return ()

    @property
    def max_expected_silence_minutes(self) -> int | None:
        """How long nothing may land although all is well; no shorter silence holds unless the export says so.

        None: any time at all, so silence is no alarm unless the export says so.
        """
        return 0


class BucketExport(ExportBase):
    """An export that lands in a bucket."""

    lands_in = "bucket"

    path_fields: PathFields | None = Field(
        default=None,
        description="Names for parts of the object's key, as in `logs/{team}/{_}/{host}-{date}.log`: each becomes a "
        "field of every record. `{_}` is a part without a name. Keys are not redacted.",
    )
    include_keys: tuple[Regex, ...] = Field(
        default=(),
        max_length=10,
        description="Archive and ship only objects whose key matches one of these (RE2), at most 10.",
    )
    exclude_keys: tuple[Regex, ...] = Field(
        default=(), max_length=10, description="Leave out objects whose key matches one of these (RE2), at most 10."
    )

    keys_without_logs: ClassVar[tuple[str, ...]] = ()
    """Keys of objects that the vendor writes beside its logs (RE2): they are neither archived nor shipped."""

    @property
    def named_parts(self) -> str | None:
        """The names for parts of the key: the settings' own, or those that the layout of the kind has."""
        return self.path_fields

    @abstractmethod
    def landing(self, home: Home) -> BucketLanding:
        """Say which bucket the export lands in, and under which prefix."""

    @property
    def bucket_encryption(self) -> Literal["sse-s3", "kms"]:
        """How the bucket made here encrypts what names no encryption; `kms`: with the export's own key."""
        return "kms"

    @property
    def bucket_principal_arn(self) -> str | None:
        """The vendor's own principal that the bucket's policy admits; None where no principal outside may write."""
        return None

    @property
    def moves_to_cold_storage(self) -> bool:
        """Whether the deployment's `cold_after_days` applies to the landing bucket."""
        return True


class LineExport(ExportBase):
    """An export whose lines are of no vendor's own format."""

    record_start: Regex | None = Field(
        default=None,
        description="Matches the lines that begin a record (RE2), such as `^20` for lines that begin with a date: the "
        "others, such as a stack trace's, are joined to the one before. For plain lines and JSON lines.",
    )


class ConfiguredExport(ExportBase):
    """An export whose deploy changes something that exists already, such as a cluster, a bucket or log groups."""

    revision: str | None = Field(
        default=None,
        max_length=64,
        description="Any string. With another value the next deploy configures again what the export configures in "
        "AWS (the cluster, the existing bucket, the log groups), and fixes what was changed there by hand or by a "
        "restore.",
    )
    check_each_deploy: Switch = Field(
        default=False,
        description="Do what another `revision` does at every deploy. The template then holds the time at which it was "
        "made, so no two are the same.",
    )


class LogGroupExport(ConfiguredExport):
    """An export that lands in log groups, of which the archive has a copy."""

    lands_in = "log groups"

    @abstractmethod
    def landing(self, home: Home) -> LogGroupLanding:
        """Say which log groups the export lands in."""

    @property
    def delivered_to(self) -> tuple[str, ...]:
        """Everything that gets its records: the archive first, then destinations."""
        return (ARCHIVE, *self.announced_to)

    @property
    def announced_to(self) -> tuple[str, ...]:
        """The destinations that its objects are announced to: what lands in log groups is in the archive."""
        return tuple(name for name in self.ship_to if name != ARCHIVE)

    @property
    def is_archived(self) -> bool:
        """Whether the archive has a copy: of log groups it always has one."""
        return True


class OwnLogGroupExport(LogGroupExport):
    """An export that lands in log groups made here."""

    retention_days: LogGroupDays | None = Field(
        default=None, description="Days in CloudWatch. Default: `hot_days` of the deployment's retention."
    )
