"""Functions: what they run on, whether their code can be read, and whether they can read their secrets.

No function is invoked: a real record has been through the archiver and the shippers, and a connector's call would
change a vendor's configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from logdock.cli.account import WORKERS, Account
from logdock.cli.ages import ago
from logdock.cli.smoke_test.function_logs import STARTED, UnknownError, last_line
from logdock.cli.smoke_test.steps import Report, Step, explain
from logdock.cli.status.metrics import Metric, last_readings
from logdock.cli.validate.checks import Checks
from logdock.cli.validate.functions import check_archiver, check_destination
from logdock.cli.validate.roles import simulate
from logdock.settings.exports import Export
from logdock.vendors.aptible.settings import AptibleExport

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef

RUNTIME, ARCHITECTURE = "python3.13", "arm64"
"""What the wheels of the shipper are built for, and the connectors are deployed with (`constructs_lib.shipper`)."""
SHIPPER_SDK, CONNECTOR_SDK = (1, 35, 0), (1, 41, 0)
"""botocore that writes only if a key is free (S3 `IfNoneMatch`), and that protects log groups against deletion."""
SDK_DAYS = 1
"""A function's SDK is the runtime's, which depends on the Region (Lambda Developer Guide, "Runtime-included SDK
versions"). It names it when it starts; an execution environment lives for hours."""
CONNECTORS = ("-connector", "-connector-poll", "-connector-schedule", "-connector-framework")


class Function(NamedTuple):
    """A function of the deployment: its Region, and the stack and the SDK that it needs."""

    region: str
    name: str
    stack: str
    sdk: tuple[int, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Functions:
    """The functions that some exports and destinations need."""

    account: Account
    report: Report
    exports: Sequence[Export]
    destinations: Sequence[str]

    def check(self) -> dict[str, str]:
        """Check them all; return why records cannot pass, by destination or export."""
        faults: dict[str, str] = {}
        with ThreadPoolExecutor(WORKERS) as pool:
            of_destinations = pool.map(partial(check_destination, self.account), self.destinations)
            for name, checks in zip(self.destinations, of_destinations, strict=True):
                faults |= self._faults(name, checks)
            archivers = [region for region in self.account.regions if self._log_group_exports(region)]
            of_archivers = pool.map(partial(check_archiver, self.account), archivers)
            for region, checks in zip(archivers, of_archivers, strict=True):
                for each in self._faults("archiver", checks).values():
                    faults |= {export.name: each for export in self._log_group_exports(region)}
            self._report_in_order(pool.map(self._check_code, self._functions()))
            self._report_in_order(pool.map(self._check_keys_of_secrets, self.destinations))
        return faults

    def check_starts(self, since: datetime) -> None:
        """Check, once records have been through the functions, which SDK they started with, and that none failed."""
        with ThreadPoolExecutor(WORKERS) as pool:
            self._report_in_order(pool.map(lambda function: self._check_start(function, since), self._functions()))

    def _report_in_order(self, found: Iterable[list[Step]]) -> None:
        for step in chain.from_iterable(found):
            self.report.add(step)

    def _functions(self) -> list[Function]:
        return [*self._own(), *self._connectors()]

    def _faults(self, name: str, checks: Checks) -> dict[str, str]:
        """Report checks; return the fault that stops the records of a destination, if any does."""
        faults: dict[str, str] = {}
        passing = ("function ", "secret ", f"role {self.account.names.shipper(name)}:")
        for check in checks.all:
            if check.what.startswith(passing[-1]) and check.fix:
                # the shipper's roles outlive its functions, in the core's stack
                check.fix = f"{self.account.deploy(self.account.names.core_stack)} --revert-drift"
            if not self.report.add_check(check) and check.what.startswith(passing):
                faults.setdefault(name, f"{check.what}: {check.reason}")
        return faults

    def _log_group_exports(self, region: str) -> list[Export]:
        settings = self.account.settings
        return [each for each in self.exports if each.lands_in == "log groups" and region in settings.regions_of(each)]

    def _own(self) -> Iterator[Function]:
        names, home = self.account.names, self.account.settings.region
        for region in self.account.regions:
            if self._log_group_exports(region):
                yield Function(region, names.archiver, names.in_region("shipper", region), SHIPPER_SDK)
        for destination in self.destinations:
            yield Function(home, names.shipper(destination), names.in_region("shipper", home), SHIPPER_SDK)

    def _connectors(self) -> Iterator[Function]:
        """Yield the connectors that exist: which an export has follows from its stack and not from its name."""
        for region in self.account.regions:
            wanted = {
                f"{self.account.names.in_region(export.name, region)}{suffix}": export.name
                for export in self.exports
                if region in self.account.settings.regions_of(export)
                for suffix in CONNECTORS
            }
            try:
                pages = self.account.lambda_in(region).get_paginator("list_functions").paginate()
                found = {each["FunctionName"] for page in pages for each in page["Functions"]}
            except ClientError as error:
                step = Step(subject="connectors", name=f"functions in {region}")
                explain(step, error, "run the command again")
                self.report.add(step)
                continue
            for name in sorted(wanted.keys() & found):
                sdk = None if name.endswith("-framework") else CONNECTOR_SDK
                yield Function(region, name, self.account.names.in_region(wanted[name], region), sdk)

    def _check_code(self, function: Function) -> list[Step]:
        report = Report()
        fix = self.account.deploy(function.stack)
        region, name = function.region, function.name
        with report.step(name, "runtime and code", fix) as step:
            found = self.account.lambda_in(region).get_function_configuration(FunctionName=name)
            if function.sdk:
                _check_runtime(step, found, fix)
            state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
            if state not in ("Active", "Inactive"):
                step.fail(f"its state is {state}: {found.get('StateReason', 'no reason given')}", fix)
            elif update != "Successful":
                step.fail(f"its last update is {update}: {found.get('LastUpdateStatusReason', 'no reason given')}", fix)
        return report.steps

    def _check_start(self, function: Function, since: datetime) -> list[Step]:
        report, fix = Report(), f"aws logs tail /aws/lambda/{function.name} --region {function.region} --since 1h"
        if function.sdk:
            self._check_sdk(report, function)
        with report.step(function.name, "errors", fix) as step:
            now = datetime.now(UTC)
            metric = Metric("AWS/Lambda", "Errors", "Sum", (("FunctionName", function.name),))
            reading = last_readings(self.account.cloudwatch_in(function.region), [metric], now).get(metric)
            step.answer = f"the last one {ago(reading.time, now)}" if reading else "none in 14 days"
            if reading and reading.time - timedelta(minutes=5) > since:
                step.fail("invocations failed during the test", fix)
        return report.steps

    def _check_sdk(self, report: Report, function: Function) -> None:
        name, region = function.name, function.region
        least = ".".join(map(str, function.sdk or ()))
        with report.step(name, "SDK", self.account.deploy(function.stack)) as step:
            since = datetime.now(UTC) - timedelta(days=SDK_DAYS)
            try:
                version = str(last_line(self.account, name, region, STARTED, since).get("botocore", ""))
            except UnknownError as error:
                step.skip(str(error), not_looked_at=error.not_looked_at)
                return
            if not version:
                step.skip(f"it has not started within {SDK_DAYS} day, or its log is gone")
                return
            step.answer = f"botocore {version}"
            if tuple(int(part) for part in version.split(".")[:3]) < (function.sdk or ()):
                step.fail(
                    f"botocore {version} is older than {least}, which the code needs",
                    "set the function's runtime management to a newer runtime version, or to Auto",
                )

    def _check_keys_of_secrets(self, destination: str) -> list[Step]:
        """Check that the shipper's role may use the key of each of its secrets, where that is a customer's key.

        IAM simulates the role's policies alone; the key's own policy may grant as much (AWS KMS Developer Guide, "Key
        policies").
        """
        report, account = Report(), self.account
        role = account.names.role_arn(account.names.shipper(destination))
        for secret in self._secrets_of(destination):
            with report.step(destination, f"key of the secret {secret}", "admit the role to the key's policy") as step:
                key = account.secrets_manager.describe_secret(SecretId=secret).get("KmsKeyId", "")
                if not key or "aws/secretsmanager" in key:
                    step.answer = "AWS's own key"
                    continue
                region = account.settings.region
                kms = account.kms_in(region)
                found = kms.describe_key(KeyId=key)["KeyMetadata"]
                if found["KeyState"] != "Enabled":
                    enable = f"aws kms enable-key --key-id {found['KeyId']} --region {region}"
                    step.fail(f"it is {found['KeyState']}", enable)
                    continue
                via = {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}
                decision = simulate(account, role, "kms:Decrypt", found["Arn"], via)["EvalDecision"]
                if decision == "explicitDeny":
                    step.fail(f"a policy denies {role} kms:Decrypt", "remove the denial")
                elif decision != "allowed" and role not in kms.get_key_policy(KeyId=key)["Policy"]:
                    step.skip("neither the role's policies nor the key's policy names the role")
        return report.steps

    def _secrets_of(self, name: str) -> list[str]:
        found = [
            secret
            for destination in self.account.settings.destinations
            if destination.name == name
            and (secret := getattr(destination, "token_secret", None) or getattr(destination, "headers_secret", None))
        ]
        found += [
            export.decryption_keys_secret
            for export in self.exports
            if isinstance(export, AptibleExport) and name in export.ship_to and export.decryption_keys_secret
        ]
        return list(dict.fromkeys(found))


def _check_runtime(step: Step, found: FunctionConfigurationResponseTypeDef, fix: str) -> None:
    runtime, (architecture, *_) = found.get("Runtime", "?"), found.get("Architectures") or ["x86_64"]
    step.answer = f"{runtime} on {architecture}"
    if version := found.get("RuntimeVersionConfig", {}).get("RuntimeVersionArn"):
        step.answer += f", runtime version {version.rpartition(':')[2][:12]}"
    if (runtime, architecture) != (RUNTIME, ARCHITECTURE):
        step.fail(f"it runs on {runtime} and {architecture}; its code needs {RUNTIME} and {ARCHITECTURE}", fix)
