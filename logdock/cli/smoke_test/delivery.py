"""A marked record through every export: entered where its logs land, followed to the archive and every destination."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from log_shipper.errors import ShipperError
from log_shipper.export_config import ExportConfig, parse_export_config
from log_shipper.keys import identity_of

from logdock.cli.account import WORKERS, Account, no_landing_profile
from logdock.cli.errors import code_of, is_absent, is_refused
from logdock.cli.smoke_test.arrivals import (
    Acknowledged,
    ArchivedEvent,
    ArchivedObject,
    Arrival,
    Fed,
    Matched,
    Poll,
    feed_note,
    hours_of,
)
from logdock.cli.smoke_test.cleanup import Cleanup, Made
from logdock.cli.smoke_test.function_logs import ERRORS, UNREADABLE, UnknownError, last_line
from logdock.cli.smoke_test.records import NAME, event_message, new_marker, object_record
from logdock.cli.smoke_test.steps import Report, Result, Step, explain
from logdock.cli.subscriptions import groups_under, subscription_of
from logdock.cli.validate.buckets import check_rule
from logdock.cli.validate.checks import Checks
from logdock.settings.destinations import ARCHIVE
from logdock.settings.export_base import LogGroupExport
from logdock.settings.exports import Export
from logdock.settings.landing import BucketLanding
from logdock.vendors.aptible.settings import AptibleExport

POLL_SECONDS = 1.0
STREAMED_EARLIER = timedelta(minutes=15)
"""How much older the first record of an archive object may be whose lines came through a data stream."""
DIRECT_EARLIER = timedelta(seconds=1)
KMS_ERRORS = ("AccessDenied", "KMS")


@dataclass(kw_only=True, slots=True)
class Wait:
    """Something that is waited for."""

    subject: str
    name: str
    poll: Poll
    """Looks whether it has happened."""
    arrived: Callable[[Arrival], Sequence[Wait]]
    """Called with what arrived; returns what to wait for next."""
    late: Callable[[], tuple[str, str]]
    """Returns why it may not have happened in time, and the fix."""
    began: float = field(default_factory=time.monotonic)
    """Since when, in seconds of the monotonic clock."""


@dataclass(kw_only=True, slots=True)
class Deliveries:
    """Enters a record for each export, and follows it."""

    account: Account
    report: Report
    cleanup: Cleanup
    timeout_seconds: float
    """How long each arrival is waited for."""
    faults: Mapping[str, str]
    """Why the record of a destination or an export cannot arrive, by its name: nothing is entered for these."""
    acknowledged: set[str] = field(default_factory=set)
    _waits: list[Wait] = field(default_factory=list)

    def run(self, exports: Sequence[Export]) -> None:
        """Enter the records and follow them, until each has arrived everywhere or its time is up."""
        with ThreadPoolExecutor(WORKERS) as pool:
            for waits in pool.map(self._enter, exports):
                self._waits += waits
        self.follow(self.timeout_seconds)

    def follow(self, timeout_seconds: float) -> None:
        """Follow the records that are under way, each arrival for so long from when it could be expected."""
        with ThreadPoolExecutor(WORKERS) as pool:
            while self._waits:
                waits = self._waits[:]
                for wait, (arrival, step) in zip(waits, pool.map(_look, waits), strict=True):
                    if step is not None:
                        self._end(wait, step)
                    elif arrival is not None:
                        self._waits += self._arrive(wait, arrival)
                    elif time.monotonic() - wait.began > timeout_seconds:
                        step = Step(subject=wait.subject, name=wait.name)
                        reason, fix = wait.late()
                        step.fail(f"not in {timeout_seconds:.0f} s; {reason}", fix)
                        self._end(wait, step)
                if self._waits:
                    time.sleep(POLL_SECONDS)

    def settle(self, grace_seconds: float) -> None:
        """Follow the records that are under way for so long from now."""
        now = time.monotonic()
        for wait in self._waits:
            wait.began = now
        self.follow(grace_seconds)

    def abandon(self, reason: str) -> None:
        """Give up what is still waited for."""
        for wait in self._waits[:]:
            step = Step(subject=wait.subject, name=wait.name)
            step.skip(reason)
            self._end(wait, step)

    def _end(self, wait: Wait, step: Step) -> None:
        self._waits.remove(wait)
        self.report.add(step)

    def _arrive(self, wait: Wait, arrival: Arrival) -> Sequence[Wait]:
        step = Step(subject=wait.subject, name=wait.name, seconds=time.monotonic() - wait.began)
        if arrival.refusal:
            step.fail(f"refused: {arrival.refusal}", f"logdock redrive --dry-run{self.account.option}")
        following = wait.arrived(arrival)
        self._end(wait, step)
        return following

    # ------------------------------------------------------------------------------------------------- how it enters

    def _enter(self, export: Export) -> list[Wait]:
        with self.report.together():
            return self._enter_record(export)

    def _enter_record(self, export: Export) -> list[Wait]:
        faults = [f"{name}: {self.faults[name]}" for name in (export.name, *export.ship_to) if name in self.faults]
        faults += self._rule_faults(export)
        config, fault = self._configuration(export)
        faults += [fault] if fault else []
        if faults:
            why = f"nothing was entered, because a step before failed ({'; '.join(faults)})"
            self.report.skip(export.name, "record", why)
            return []
        return [wait for member in export.members for wait in self._enter_member(member, config)]

    def _enter_member(self, export: Export, config: ExportConfig | None) -> list[Wait]:
        """Enter the record of an export of one, or of one of its projects or clusters."""
        landing = export.landing(self.account.settings)
        if isinstance(landing, BucketLanding):
            return self._enter_object(export, landing, config)
        return [
            wait for region in self._log_group_regions(export) for wait in self._enter_event(export, region, config)
        ]

    def _subject(self, export: Export, region: str | None = None) -> str:
        """Return what a record's steps are of: the export, which of several, and the Region if it is another."""
        subject = f"{export.member_id} of {export.name}" if export.member_id else export.name
        return subject if region in (None, self.account.settings.region) else f"{subject} in {region}"

    def _rule_faults(self, export: Export) -> list[str]:
        """Check the rule that announces objects; nothing is entered that it would not announce."""
        if export.lands_in == "log groups" and not export.announced_to:
            return []
        checks = Checks(export.name, self.account.deploy(self.account.names.export(export.name)))
        check_rule(self.account, checks, export, export.announced_to)
        return [check.reason for check in checks.all if not self.report.add_check(check)]

    def _configuration(self, export: Export) -> tuple[ExportConfig | None, str]:
        """Read what the shipper reads of an export; None where the caller may not."""
        with self.report.step(export.name, "configuration", self._deploy(export)) as step:
            name = f"{self.account.names.parameter_path}{export.name}"
            document = self.account.ssm_in(self.account.settings.region).get_parameter(Name=name)["Parameter"]["Value"]
            try:
                return parse_export_config(export.name, document), ""
            except ShipperError as error:
                step.fail(str(error), self._deploy(export))
        return None, step.reason if step.result is Result.FAILED else ""

    def _enter_object(self, export: Any, landing: BucketLanding, config: ExportConfig | None) -> list[Wait]:
        marker, now = new_marker(), datetime.now(UTC)
        there = self.account.landing_of(export)
        if there is None:
            self._skip_record(export)
            return []
        s3 = there.s3
        master_key = None
        if isinstance(export, AptibleExport) and export.decryption_keys_secret:
            master_key = self._master_key(export, export.decryption_keys_secret)
            if master_key is None:
                return []
        record = object_record(export, marker, now, master_key)
        subject = self._subject(export)
        if self._is_unwanted(subject, record.line, marker, config):
            return []
        bucket, key = landing.bucket, f"{landing.prefix}{record.key}"
        made = self.cleanup.object(s3, bucket, key)
        version: dict[str, str] = {}
        etag, modified = "", now
        with self.report.step(subject, "landing", self._validate(export), timed=True) as step:
            put = s3.put_object(Bucket=bucket, Key=key, Body=record.body, Metadata=dict(record.metadata))
            made.readers |= set(export.ship_to)
            version = {"VersionId": put["VersionId"]} if put.get("VersionId") else {}
            etag = put["ETag"].strip('"')
        if step.result is not Result.OK:
            return []
        began = time.monotonic()
        with self.report.step(subject, "read by version", self._validate(export), timed=True) as step:
            answer = s3.get_object(Bucket=bucket, Key=key, **version)  # type: ignore[arg-type]
            modified = answer["LastModified"]
            if answer["Body"].read() != record.body:
                step.fail("S3 returned another body than was written", self._validate(export))
            step.answer = "by its version" if version else "the bucket keeps no versions"
        identity = identity_of(bucket, key, version.get("VersionId") or etag)
        moments = (now, modified)
        waits = [
            self._wait_for(
                export, name, made, began, now, self._poll_object(export, name, identity, moments, marker), subject
            )
            for name in export.ship_to
        ]
        if not export.ship_to:
            rule = self.account.names.export(export.name)
            cloudwatch = self.account.cloudwatch_in(self.account.settings.region)
            matched = Matched(cloudwatch=cloudwatch, rule=rule, entered=now)
            late = lambda: ("the rule's metric MatchedEvents does not count the object", self._validate(export))  # noqa: E731
            name = "MatchedEvents of the rule without targets"
            waits.append(Wait(subject=subject, name=name, poll=matched, arrived=lambda _: (), late=late, began=began))
        return waits

    def _skip_record(self, export: Export) -> None:
        self.report.skip(self._subject(export), "record", f"it {no_landing_profile(export)}")

    def _master_key(self, export: AptibleExport, secret: str) -> bytes | None:
        from log_shipper.vendors.aptible import envelope as aptible_envelope

        fix = f"put Aptible's keys into the secret {secret}"
        with self.report.step(export.name, "keys of the envelope", fix) as step:
            text = self.account.secrets_manager.get_secret_value(SecretId=secret).get("SecretString", "")
            try:
                return aptible_envelope.read_keys(text)[-1]
            except ShipperError as error:
                step.fail(f"the secret {secret}: {error}", fix)
        if step.result is Result.NOT_CHECKED:
            why = "Aptible's objects are encrypted, and you may not read the key that encrypts one"
            self.report.skip(export.name, "record", why)
        return None

    def _enter_event(self, export: Any, region: str, config: ExportConfig | None) -> list[Wait]:
        subject = self._subject(export, region)
        there = self.account.landing_of(export)
        if there is None:
            self._skip_record(export)
            return []
        marker, now, logs = new_marker(), datetime.now(UTC), there.logs_in(region)
        deploy = self._deploy(export, region)
        group = ""
        with self.report.step(subject, "subscription", deploy) as step:
            group = self._log_group(export, region)
            if not group:
                step.skip("no log group has one of its prefixes yet")
            elif subscription_of(there, export, group, region) is None:
                step.fail(f"the archiver is not subscribed to {group}: nothing of it is archived", deploy)
        if step.result is Result.FAILED or not group:
            return []
        text = event_message(export, group, marker, now)
        if self._is_unwanted(subject, text, marker, config):
            return []
        with self.report.step(subject, "landing", self._validate(export), timed=True) as step:
            step.answer = f"log group {group}"
            self.cleanup.log_stream(logs, group, marker)
            logs.create_log_stream(logGroupName=group, logStreamName=marker)
            events: Any = [{"timestamp": int(now.timestamp() * 1000), "message": text}]
            answer = logs.put_log_events(logGroupName=group, logStreamName=marker, logEvents=events)
            if rejected := answer.get("rejectedLogEventsInfo"):
                step.fail(f"CloudWatch Logs rejected the event: {json.dumps(rejected)}", self._validate(export))
        if step.result is not Result.OK:
            return []
        streamed = self.account.settings.subscriptions == "kinesis"
        archive = self.account.settings.archive_bucket
        poll = ArchivedEvent(
            s3=self.account.s3,
            bucket=archive,
            export=export.name,
            marker=marker,
            entered=now,
            earlier=STREAMED_EARLIER if streamed else DIRECT_EARLIER,
        )
        return [
            Wait(
                subject=subject,
                name=ARCHIVE,
                poll=poll,
                arrived=partial(self._archived, export, subject, marker, now, time.monotonic()),
                late=partial(self._late, export, self.account.names.archiver, region, now),
            )
        ]

    def _archived(
        self, export: Export, subject: str, marker: str, entered: datetime, began: float, arrival: Arrival
    ) -> list[Wait]:
        """Follow an archive object to the destinations of an export that lands in log groups."""
        self.acknowledged.add(ARCHIVE)
        made = self._register_object(arrival)
        made.readers |= set(export.announced_to)
        identity = identity_of(arrival.bucket, arrival.key, "")
        return [
            self._wait_for(
                export, name, made, began, entered,
                self._poll_destination(export, name, identity, (identity,), marker, entered), subject,
            )
            for name in export.announced_to
        ]  # fmt: skip

    # ------------------------------------------------------------------------------------------------- how it arrives

    def _poll_object(
        self, export: Export, name: str, identity: str, moments: tuple[datetime, ...], marker: str
    ) -> Poll:
        if name == ARCHIVE:
            return ArchivedObject(
                s3=self.account.s3,
                bucket=self.account.settings.archive_bucket,
                export=export.name,
                identity=identity,
                marker=marker,
                moments=moments,
            )
        parts = tuple(identity_of(identity, "0", hour) for hour in hours_of(*moments))
        return self._poll_destination(export, name, identity, parts, marker, moments[0])

    def _poll_destination(
        self, export: Export, name: str, identity: str, parts: tuple[str, ...], marker: str, entered: datetime
    ) -> Poll:
        s3, names = self.account.s3, self.account.names
        if name in names.feeds:
            return Fed(
                s3=s3, bucket=names.bucket(ARCHIVE), export=export.name, destination=name, identities=parts,
                marker=marker,
            )  # fmt: skip
        return Acknowledged(
            s3=s3, dynamodb=self.account.dynamodb, table=names.mark_table, bucket=names.bucket("failed"),
            export=export.name, destination=name, identity=identity, marker=marker, entered=entered,
        )  # fmt: skip

    def _wait_for(
        self, export: Export, name: str, made: Made, began: float, entered: datetime, poll: Poll,
        subject: str,
    ) -> Wait:  # fmt: skip
        def arrived(arrival: Arrival) -> Sequence[Wait]:
            made.readers.discard(name)
            self.acknowledged.add(name)
            self._register(export, name, arrival, poll)
            return ()

        if name == ARCHIVE:
            step = ARCHIVE
        elif name in self.account.names.feeds:
            step = f"{name}: in its feed"
        else:
            step = f"{name}: acknowledged"
        late = partial(self._late, export, self.account.names.shipper(name), self.account.settings.region, entered)
        return Wait(subject=subject, name=step, poll=poll, arrived=arrived, late=late, began=began)

    def _register(self, export: Export, name: str, arrival: Arrival, poll: Poll) -> None:
        """Register the objects that a record arrived in: the archive object, the feed object and its note."""
        s3 = self.account.s3
        if arrival.key:
            self._register_object(arrival)
        if isinstance(poll, Fed) and arrival.is_alone:
            for identity in poll.identities:
                self.cleanup.object(s3, poll.bucket, feed_note(name, export.name, identity))

    def _register_object(self, arrival: Arrival) -> Made:
        """Register an archive or feed object for removal, unless it holds records that are not the test's."""
        made = self.cleanup.object(self.account.s3, arrival.bucket, arrival.key)
        if not arrival.is_alone:
            made.reason, made.command = "it holds other records too; it expires by itself", ""
        elif self.account.settings.replica and arrival.key.startswith("logs/"):
            reason = "S3 does not replicate the deletion of a version; retention removes it"
            what = f"copy of {arrival.key} in the replica"
            self.cleanup.add(Made(what=what, remove=lambda: None, reason=reason))
        return made

    def _late(self, export: Export, function: str, region: str, entered: datetime) -> tuple[str, str]:
        """Return what a function's log says of a record that does not arrive, and the fix."""
        try:
            found = str(last_line(self.account, function, region, ERRORS, entered).get("error", ""))
        except UnknownError as error:
            return f"why is not known: {error}", self._validate(export)
        if not found:
            return (
                f"the log of {function} says nothing of it",
                f"{self._validate(export)}; then aws logs tail /aws/lambda/{function} --region {region} --since 30m",
            )
        fix = f"aws logs tail /aws/lambda/{function} --region {region} --since 30m"
        if any(each in found for each in KMS_ERRORS):
            stacks = f"{self.account.names.export(export.name)} {self.account.names.core_stack}"
            fix = f"{self.account.deploy(stacks)} --revert-drift"
        elif "answered 401" in found or "answered 403" in found:
            fix = "put a valid token into the destination's secret"
        return f"{function} says: {found}", fix

    # --------------------------------------------------------------------------------------------------------- details

    def _is_unwanted(self, subject: str, line: str, marker: str, config: ExportConfig | None) -> bool:
        """Say whether the export's filters or redaction would take the record or its marker out."""
        if config is None:
            return False
        if not config.filter.wants(line):
            reason = "`include` and `exclude` of the export drop the test record"
        elif marker not in config.redactor.redact(line):
            reason = "`redaction` of the export takes the marker out of the test record"
        else:
            return False
        self.report.skip(subject, "record", f"{reason}: it could not be followed")
        return True

    def _log_group_regions(self, export: Any) -> list[str]:
        groups = export.landing(self.account.settings)
        return [region for region in groups.regions if region in self.account.regions]

    def _log_group(self, export: LogGroupExport, region: str) -> str:
        """Return the log group that the record goes to: the first by name, else the first that has a prefix."""
        groups = export.landing(self.account.settings)
        if groups.names:
            return groups.names[0]
        found = (each for prefix in groups.prefixes for each in groups_under(self.account, region, prefix))
        return next((each["logGroupName"] for each in found), "")

    def _deploy(self, export: Export, region: str | None = None) -> str:
        stack = self.account.names.in_region(export.name, region or self.account.settings.region)
        if region and export.other_account:
            stack = self.account.names.landing_stack(export.name)
        return self.account.deploy(stack)

    def _validate(self, export: Export) -> str:
        return f"logdock validate {export.name}{self.account.option}"


def check_marks(deliveries: Deliveries, since: datetime) -> None:
    """Record whether the functions could use the marks of what was shipped or fed before.

    Before it ships an object to a destination that is pushed to, a function claims it in the mark table, and says so
    where it cannot. Before it feeds one, it looks for a note that does not exist yet: S3 answers 404, or 403 for want
    of ListBucket, and each function may list its own prefix alone.
    """
    account, report = deliveries.account, deliveries.report
    names, s3 = account.names, account.s3
    for name in sorted(deliveries.acknowledged - {ARCHIVE}):
        function = names.shipper(name)
        if name in names.feeds:
            with report.step(name, "answer for a missing key", account.deploy(names.core_stack)) as step:
                key = f"feed-index/{name}/{NAME}/missing.json"
                yours = ""
                try:
                    s3.get_object(Bucket=names.bucket("archive"), Key=key)
                except ClientError as error:
                    yours = "404" if is_absent(error) else "403" if is_refused(error) else code_of(error)
                step.answer = f"404 to {function}, {yours} to you"
            continue
        with report.step(name, "mark table", account.deploy(names.core_stack)) as step:
            try:
                said = last_line(account, function, account.settings.region, UNREADABLE, since)
            except UnknownError as error:
                step.skip(str(error), not_looked_at=error.not_looked_at)
                continue
            if said:
                step.fail(
                    f"{said.get('error', 'no answer')} to {function}: a message that comes twice is shipped twice",
                    account.deploy(names.core_stack),
                )
            else:
                step.answer = f"{names.mark_table} answers {function}"


def _look(wait: Wait) -> tuple[Arrival | None, Step | None]:
    """Look once; return the step where looking is refused or fails, and nothing more is to be waited for."""
    try:
        return wait.poll(), None
    except ClientError as error:
        step = Step(subject=wait.subject, name=wait.name)
        explain(step, error, "run the command again")
        return None, step
