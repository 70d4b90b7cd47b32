"""What a smoke test made or changed, and how it is removed or restored: after a failure and after Ctrl-C too."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from logdock.cli.errors import action_of, code_of, is_absent, is_refused

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client


@dataclass(kw_only=True, slots=True)
class Made:
    """Something that a smoke test made or changed."""

    what: str
    """What it is and where."""
    remove: Callable[[], None]
    """Removes or restores it."""
    command: str = ""
    """The command that does the same."""
    readers: set[str] = field(default_factory=set)
    """Destinations that still have to read it. Removed before, each would find nothing, try for ten hours and put its
    message on the dead-letter queue."""
    reason: str = ""
    """Why it is not removed. Empty: it is."""


@dataclass(kw_only=True, slots=True)
class Left:
    """Something that was not removed."""

    what: str
    reason: str
    """`what`, `reason`: What it is, and why it is still there."""
    command: str
    """The command that removes it; empty where AWS removes it."""


class Cleanup:
    """Everything that was made or changed, in order."""

    def __init__(self) -> None:
        self._made: list[Made] = []
        self._changing = threading.Lock()

    def add(self, made: Made) -> Made:
        """Register something, before it is made."""
        with self._changing:
            self._made.append(made)
        return made

    def object(self, s3: S3Client, bucket: str, key: str, readers: Iterable[str] = ()) -> Made:
        """Register an object: every version of its key is removed."""
        what = f"object s3://{bucket}/{key}"
        at = f"--bucket {bucket} --region {s3.meta.region_name}"
        quoted = shlex.quote(key)
        command = (
            f"aws s3api list-object-versions {at} --prefix {quoted} --output text "
            "--query '[Versions,DeleteMarkers][].VersionId' | tr '\\t' '\\n' | "
            f"xargs -I VERSION aws s3api delete-object {at} --key {quoted} --version-id VERSION"
        )

        def remove() -> None:
            # in a bucket without versions, the object
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
                for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                    if each["Key"] == key:
                        s3.delete_object(Bucket=bucket, Key=key, VersionId=each["VersionId"])

        return self.add(Made(what=what, remove=remove, command=command, readers=set(readers)))

    def log_stream(self, logs: CloudWatchLogsClient, log_group: str, stream: str) -> Made:
        """Register a log stream. One event of a stream cannot be deleted, so it has a stream of its own."""
        at = f"--region {logs.meta.region_name}"
        command = f"aws logs delete-log-stream {at} --log-group-name '{log_group}' --log-stream-name '{stream}'"
        what = f"log stream {stream} of {log_group}"

        def remove() -> None:
            logs.delete_log_stream(logGroupName=log_group, logStreamName=stream)

        return self.add(Made(what=what, remove=remove, command=command))

    def finish(self, made: Made) -> None:
        """Remove one thing now.

        Raises
        ------
        botocore.exceptions.ClientError
            When AWS refuses; it stays registered.
        """
        made.remove()
        with self._changing:
            self._made.remove(made)

    def remove_all(self) -> list[Left]:
        """Remove everything, the newest first; return what is left."""
        left = []
        with self._changing:
            made, self._made = self._made[::-1], []
        for each in made:
            reason = each.reason
            if not reason and each.readers:
                reason = (
                    f"{', '.join(sorted(each.readers))} has not acknowledged it, and would fail without it; remove it "
                    "when `logdock status` shows that nothing waits"
                )
            reason = reason or _removed(each)
            if reason:
                left.append(Left(what=each.what, reason=reason, command=each.command))
        return left


def _removed(made: Made) -> str:
    """Remove one thing; return why it could not be."""
    try:
        made.remove()
    except ClientError as error:
        if is_refused(error):
            return f"{action_of(error)} is refused"
        if is_absent(error):
            return ""
        message = str(error.response.get("Error", {}).get("Message", ""))
        return f"{error.operation_name} answered {code_of(error)}: {message}"
    except BotoCoreError as error:
        return f"AWS could not be reached: {type(error).__name__}"
    return ""
