"""The person at the end of the demo, who types `logdock`: all is well, lines are found, and a fault is fixed."""

from __future__ import annotations

import dataclasses
import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from local_cloud.markers import new_uuid
from local_cloud.vendors.logzio.listener import MAX_LINE_BYTES
from logdock.settings.names import Names
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.s3_logs.settings import S3LogsExport

if TYPE_CHECKING:
    from local_cloud.report import Report
    from local_cloud.stage import Stage
    from local_cloud.vendors.logzio.listener import LogzioListener

ROOT = Path(__file__).parents[1]
_SOURCES = [ROOT, *(ROOT / "lambda_src" / name for name in ("log_shipper", "resource_tags", "vendor_connector"))]
PYTHON_PATH = os.pathsep.join(map(str, _SOURCES))
"""Where the command's modules are."""
DEADLINE_SECONDS = 120.0
SMOKE_TEST_RECORD = "smoke-test.json"
"""The record of the run of `logdock smoke-test`, beside the settings file."""
_POLL_SECONDS = 0.2
_SHORT_LINE_BYTES = 1000


class Answer(NamedTuple):
    """What came of a command."""

    command: str
    code: int
    printed: str


class Fault(NamedTuple):
    """A record that a destination was to refuse, and whether it did."""

    export: str
    destination: str
    marker: str
    was_kept: bool


@dataclass(frozen=True, slots=True)
class Person:
    """The owner of the account, at a terminal."""

    stage: Stage
    settings_file: Path
    listener: LogzioListener
    written: dict[str, set[str]]
    """The markers of what was written, by export."""

    def perform(self, report: Report) -> tuple[list[Answer], Report]:
        """Type every command, with a fault before the last; return what each said, and the report with it."""
        known = self._known_lines()
        searches = self._searches(known)
        record = str(self.settings_file.with_name(SMOKE_TEST_RECORD))
        smoke_test = ("smoke-test", "--record", record, "--timeout", "120")
        # The smoke test alone and last: it sets alarms off, and removes records that others may be reading.
        typed = [("validate",), ("status",), *searches, smoke_test]
        with ThreadPoolExecutor(max_workers=2) as pool:
            answers = [*pool.map(self._type, typed[:-1]), self._type(smoke_test)]
        fault = self._fault()
        if fault:
            answers.append(self._type(("redrive",)))
        found = {
            export: all(
                sum(marker in line for line in answer.printed.splitlines()) == 1
                for arguments, answer in zip(typed, answers, strict=False)
                if arguments in searches and marker in arguments[-1]
            )
            for export, marker in known.items()
        }
        exports = [
            entry.after_commands(
                found=found.get(entry.name),
                redriven=self._has_arrived(fault) if fault and fault.export == entry.name else None,
            )
            for entry in report.exports
        ]
        codes = {answer.command: answer.code for answer in answers}
        return answers, dataclasses.replace(report, exports=exports, exit_codes=codes)

    def _known_lines(self) -> dict[str, str]:
        """Return the marker of a line of each export; not of Aptible's archives for which no secret has the keys."""
        return {
            export.name: min(self.written[export.name])
            for export in self.stage.settings.exports
            if self.written[export.name] and getattr(export, "decryption_keys_secret", True)
        }

    def _searches(self, known: dict[str, str]) -> list[tuple[str, ...]]:
        """Return a search for every known line, and one for each in the archives that Aptible encrypted."""
        exports = [argument for name in known for argument in ("--export", name)]
        sealed = [each.name for each in self.stage.settings.exports if each.kind == "aptible" and each.name in known]
        return [
            *([("logs", *exports, "--grep", "|".join(known.values()))] if known else []),
            *(("logs", "--export", name, "--from", "landing", "--grep", known[name]) for name in sealed),
        ]

    def _type(self, arguments: tuple[str, ...]) -> Answer:
        settings = self.stage.settings
        environment = self.stage.cloud.environment(settings.account, settings.region)
        environment["PYTHONPATH"] = PYTHON_PATH
        if arguments[0] in ("validate", "smoke-test"):
            arguments = (*arguments, *self._landing_profiles(environment))
        result = subprocess.run(  # noqa: S603 - the arguments are the demo's own
            [sys.executable, "-P", "-m", "logdock", *arguments, "--settings", str(self.settings_file)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Answer(shlex.join(["logdock", *arguments]), result.returncode, result.stdout.rstrip())

    def _landing_profiles(self, environment: dict[str, str]) -> list[str]:
        """Give the other accounts that exports land in a profile each; return the options that name them."""
        accounts = sorted({each.other_account for each in self.stage.settings.exports if each.other_account})
        if accounts:
            file = self.settings_file.with_name("aws-config")
            profile = "[profile {0}]\naws_access_key_id = {0}\naws_secret_access_key = local\n"
            file.write_text("".join(profile.format(each) for each in accounts), encoding="utf-8")
            environment["AWS_CONFIG_FILE"] = str(file)
        return [part for each in accounts for part in ("--landing-profile", each)]

    def _fault(self) -> Fault | None:
        """Have a destination refuse a record as too long, for a while; None if the owner can write none for one."""
        for export in self.stage.settings.exports:
            pushed = [name for name in export.ship_to if name in self.listener.tokens.values()]
            if pushed and isinstance(export, MongodbAtlasExport | S3LogsExport):
                marker = new_uuid()
                self.listener.max_line_bytes = _SHORT_LINE_BYTES
                self.stage.at(export).customer("s3").put_object(
                    Bucket=self.stage.stack_outputs(export.name)["BucketName"],
                    Key=f"{export.prefix}/too-long.log".lstrip("/"),
                    Body=f"{marker} {'x' * _SHORT_LINE_BYTES}".encode(),
                )
                was_kept = self._is_kept(f"quarantine/{export.name}/{pushed[0]}/")
                self.listener.max_line_bytes = MAX_LINE_BYTES
                return Fault(export.name, pushed[0], marker, was_kept)
        return None

    def _is_kept(self, prefix: str) -> bool:
        """Wait until something is in quarantine."""
        s3, bucket = self.stage.customer("s3"), Names.of(self.stage.settings).bucket("failed")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            if s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"]:
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _has_arrived(self, fault: Fault) -> bool:
        return fault.was_kept and self.listener.accepted[fault.destination, fault.export].counts[fault.marker] == 1
