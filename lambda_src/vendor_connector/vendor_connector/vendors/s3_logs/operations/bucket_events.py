"""Operation ``bucket-events``: an existing bucket sends its events to EventBridge and keeps its other notifications.

A bucket has one notification configuration and each PUT replaces the whole (S3 API,
PutBucketNotificationConfiguration), so it is read, completed and written back at once, then read again: when another
caller wrote in between, it is done again. Delete switches EventBridge off only when it was off before, and no
other export of the deployment reads the bucket: several may, each under a prefix of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from vendor_connector import aws, state
from vendor_connector.request import ConnectorError, Request, read, read_to_delete

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import NotificationConfigurationTypeDef

_TRIES = 5
_KEY = "EventBridgeConfiguration"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    bucket_name: str
    bucket_owner: str
    state_parameter: str

    @property
    def id(self) -> str:
        """What names the resource: one per bucket."""
        return f"bucket-events/{self.bucket_name}"


def apply(request: Request) -> dict[str, str]:
    """Switch EventBridge notifications on, and save whether they were on before.

    Returns
    -------
    dict
        ``WasOn``: they were on before Logdock first came here.
    """
    wanted = read(Settings, request.properties)
    key, s3 = wanted.id, aws.s3()
    entry = state.load(wanted.state_parameter, key)
    if entry is None:
        was_on = _KEY in _read(s3, wanted)
        # On because of another export: whichever goes last switches it off.
        entry = {"was_on": was_on and all(other["was_on"] for other in _others(wanted, key))}
        state.save(wanted.state_parameter, key, entry)
    _switch(s3, wanted, on=True)
    return {"WasOn": str(entry["was_on"]).lower()}


def delete(request: Request) -> None:
    """Switch EventBridge notifications off if they were off before and no one else needs them.

    A bucket that is gone needs nothing.
    """
    wanted = read_to_delete(Settings, request.properties)
    key = wanted.id
    entry = state.load(wanted.state_parameter, key)
    if entry is None:
        return
    if not entry["was_on"] and _others(wanted, key):
        aws.log("left on", bucket=wanted.bucket_name, why="another export of the deployment reads the bucket")
    elif not entry["was_on"]:
        try:
            _switch(aws.s3(), wanted, on=False)
        except ClientError as error:
            if aws.error_code(error) != "NoSuchBucket":
                raise
    state.delete(wanted.state_parameter, key)


def _others(wanted: Settings, key: str) -> list[state.Entry]:
    return [*state.of_other_exports(wanted.state_parameter, key, "s3-logs").values()]


def _switch(s3: S3Client, wanted: Settings, *, on: bool) -> None:
    for attempt in range(_TRIES):
        configuration = _read(s3, wanted)
        if (_KEY in configuration) == on:
            return
        _write(s3, wanted, configuration, on=on)
        if (_KEY in _read(s3, wanted)) == on:
            return
        aws.log("written by others meanwhile", level="WARNING", bucket=wanted.bucket_name, attempt=attempt)
        aws.sleep(2.0**attempt)
    raise ConnectorError(
        f"bucket {wanted.bucket_name}: its notification configuration was written {_TRIES} times and EventBridge is "
        f"still {'off' if on else 'on'}: something else keeps replacing it. Stop that, then deploy again."
    )


def _read(s3: S3Client, wanted: Settings) -> dict[str, Any]:
    answer = s3.get_bucket_notification_configuration(
        Bucket=wanted.bucket_name, ExpectedBucketOwner=wanted.bucket_owner
    )
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _write(s3: S3Client, wanted: Settings, configuration: dict[str, Any], *, on: bool) -> None:
    """Write everything back as it was but for EventBridge.

    The targets have other owners: without ``SkipDestinationValidation`` S3 would send each a test message, and refuse
    the whole when one of them is broken.
    """
    others = {name: value for name, value in configuration.items() if name != _KEY}
    s3.put_bucket_notification_configuration(
        Bucket=wanted.bucket_name,
        ExpectedBucketOwner=wanted.bucket_owner,
        NotificationConfiguration=cast("NotificationConfigurationTypeDef", {**others, **({_KEY: {}} if on else {})}),
        SkipDestinationValidation=True,
    )
    aws.log("notifications written", bucket=wanted.bucket_name, event_bridge=on, others=sorted(others))
