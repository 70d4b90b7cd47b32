"""What a message or a subscription event may name: checked against the deployment before anything is read.

A principal that may send to a queue (`logdock backfill` needs it) or subscribe a log group controls all that arrives
here. The export's configuration, which its own stack writes, says where the export lands and where it is shipped; the
function's environment says which buckets are the deployment's. An event that fits neither is refused with the reason:
its message fails, is tried 20 times and is then kept on the dead-letter queue.

A configuration of the first release says neither. Its export is then known to land in the bucket that is named after
it and in its archive; an export with a bucket of another name waits on the queue until its stack is deployed. Where
such an export may be shipped is left to IAM: a destination's role reads nothing else.
"""

from log_shipper.environment import Environment
from log_shipper.errors import ForeignObjectError, UnknownExportError
from log_shipper.events import LogEvents, ObjectRef
from log_shipper.export_config import BucketLanding, ExportConfig, LogGroupLanding, log_group_digest
from log_shipper.keys import archive_prefix, quarantined


def check_object(ref: ObjectRef, config: ExportConfig, environment: Environment, destination: str) -> None:
    """Refuse an object that is not the export's, or an export that is not shipped to this destination.

    Raises
    ------
    ForeignObjectError
        Saying what does not belong together.
    """
    if config.ship_to is not None and destination not in config.ship_to:
        raise ForeignObjectError(f"{config.name} is not shipped to {destination}")
    if ref.bucket == environment.failure_bucket:
        if quarantined(ref.key) != (config.name, destination):
            raise ForeignObjectError(f"of the failure bucket only what {destination} refused of {config.name} is sent")
    elif ref.bucket == environment.archive_bucket:
        if not ref.key.startswith(archive_prefix(config.name)):
            raise ForeignObjectError(f"{ref.key[:200]!r} is not an archive object of {config.name}")
    else:
        _check_landing(ref, config, environment)


def _check_landing(ref: ObjectRef, config: ExportConfig, environment: Environment) -> None:
    landing = config.landing
    if isinstance(landing, LogGroupLanding):
        raise ForeignObjectError(f"{config.name} lands in log groups, not in the bucket {ref.bucket[:80]}")
    bucket, prefix = landing or (environment.default_landing_bucket.replace("{export}", config.name), "")
    if ref.bucket != bucket:
        raise ForeignObjectError(f"{config.name} does not land in the bucket {ref.bucket[:80]}")
    if not ref.key.startswith(prefix):
        raise ForeignObjectError(f"{config.name} lands under {prefix!r}, not at {ref.key[:200]!r}")


def check_log_events(payload: LogEvents, config: ExportConfig, environment: Environment) -> None:
    """Refuse the events of an account that is not the export's, or of a log group that is not.

    CloudWatch Logs writes the account of the log group into the payload (``owner``), not who sends events to it.

    Raises
    ------
    UnknownExportError
        Saying what does not belong together.
    """
    landing = config.landing
    account = (isinstance(landing, LogGroupLanding) and landing.account) or environment.account
    if payload.owner != account:
        raise UnknownExportError(
            f"the log events are of the account {payload.owner[:20]!r}, not of the export's, {account}"
        )
    if isinstance(landing, BucketLanding):
        raise UnknownExportError(f"{config.name} lands in a bucket, not in the log group {payload.log_group[:200]!r}")
    if landing is not None and not (
        log_group_digest(payload.log_group) in landing.log_groups
        or payload.log_group.startswith(landing.log_group_prefixes)
    ):
        raise UnknownExportError(f"the log group {payload.log_group[:200]!r} is not one of {config.name}")
