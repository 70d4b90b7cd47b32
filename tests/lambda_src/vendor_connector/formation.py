"""A CloudFormation and an IAM small enough for a test: custom resources in order, references, rollback, polling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError
from moto.ssm.models import ssm_backends
from vendor_connector import aws, handler

if TYPE_CHECKING:
    import pytest

ACCOUNT, REGION = "123456789012", "eu-west-1"
CONFIGURATIONS = "/logdock/acme/x/connector/"
POLL_SECONDS = 10.0
ROLE = "AWS::IAM::Role"
Template = dict[str, dict[str, Any]]


def write_configuration(name: str, properties: Mapping[str, Any]) -> str:
    """Write a configuration as the stack does, and as no request of the code can; return its id."""
    document = {key: value for key, value in properties.items() if key != "Type"}
    value = json.dumps(document, sort_keys=True)
    configuration = f"{name}-{hashlib.sha256(value.encode()).hexdigest()[:12]}"
    ssm_backends[ACCOUNT][REGION].put_parameter(
        f"{CONFIGURATIONS}{configuration}", "", value, "String", "", "", True, [], "text", "Standard", ""
    )
    return configuration


def drop_configurations(*, but: Collection[str] = ()) -> None:
    """Delete the configurations that no resource names any more."""
    backend = ssm_backends[ACCOUNT][REGION]
    for name in [name for name in backend._parameters if name.startswith(CONFIGURATIONS)]:
        if name.removeprefix(CONFIGURATIONS) not in but:
            backend.delete_parameter(name)


@dataclass(frozen=True)
class Get:
    """A reference to what another resource returned."""

    resource: str
    attribute: str


@dataclass
class Clock:
    """A clock that advances when the code sleeps or a poll passes."""

    seconds: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, monkeypatch: pytest.MonkeyPatch) -> Self:
        """Return a clock that the connector goes by from here on."""
        clock = cls()
        monkeypatch.setattr(aws, "now", clock.now)
        monkeypatch.setattr(aws, "sleep", clock.sleep)
        return clock

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class Lambda:
    """Lambda's context: the time left falls as the clock goes on."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._end = clock, clock.seconds + 900

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - self._clock.seconds) * 1000)


class Iam:
    """Roles by ARN, each with the external ids that it trusts and the account, if it names one; what was written."""

    def __init__(self) -> None:
        self.roles: dict[str, list[str]] = {}
        self.accounts: dict[str, str] = {}
        self.written: list[str] = []
        self.denied: list[str] = []

    def assume(self, role_arn: str, external_id: str) -> Callable[..., None]:
        """Assume a role, as a vendor does; return what writes an object."""
        if external_id not in self.roles.get(role_arn, []):
            self.denied.append(role_arn)
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "AssumeRole")
        return lambda bucket, key, *_: self.written.append(f"{bucket}/{key}")

    def assume_from(self, account: str, role_arn: str, external_id: str) -> Callable[[str, str], None]:
        """Assume a role from an account."""
        return self.assume(role_arn if self.accounts.get(role_arn) == account else "", external_id)


class FailedError(Exception):
    """A deploy that failed and was rolled back; the text is the failing resource's."""


@dataclass
class _Deployed:
    properties: dict[str, Any]
    physical_id: str
    data: dict[str, Any]


class Formation:
    """One stack: ``deploy`` a template, ``destroy`` it."""

    def __init__(self, clock: Clock, iam: Iam) -> None:
        self._clock, self._iam = clock, iam
        self.resources: dict[str, _Deployed] = {}
        self.seen: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.fail_before: str | None = None
        # What was returned in a rollback, to the former properties.
        self.answered: dict[str, dict[str, Any]] = {}

    def deploy(self, template: Template, *, rollback: bool = True) -> None:
        """Create what is new, update what changed, delete what is gone; on a failure go back."""
        before, done = dict(self.resources), []
        try:
            for name, raw in template.items():
                if name == self.fail_before:
                    raise FailedError(f"{name} failed")
                properties = self._with_configuration(name, raw, template)
                if name in before and before[name].properties == properties:
                    continue
                done.append(name)
                self._bring(name, properties, before.get(name))
        except FailedError:
            if rollback:
                try:
                    self._roll_back(done, before)
                    self._clean_up()
                except FailedError as error:
                    raise AssertionError(f"the rollback failed, which a person must fix: {error}") from error
            raise
        for name in reversed([name for name in before if name not in template]):
            self._delete(name, self.resources.pop(name))
        for name in reversed(done):
            if name in before and before[name].physical_id != self.resources[name].physical_id:
                self._delete(name, before[name])
        self._clean_up()

    def destroy(self) -> None:
        """Delete everything, last first."""
        for name in reversed(list(self.resources)):
            self._delete(name, self.resources[name])
            del self.resources[name]
        self._clean_up()

    def _clean_up(self) -> None:
        """Delete the former configurations, as CloudFormation does after the resources that depended on them."""
        drop_configurations(but=[str(one.properties.get("Configuration")) for one in self.resources.values()])

    def _with_configuration(self, name: str, raw: Mapping[str, Any], template: Template) -> dict[str, Any]:
        """Return a resource's properties; what it is configured with is written beside, as the stack does."""
        properties: dict[str, Any] = self._resolved(raw)
        if properties["Type"] == ROLE:
            return properties
        from_vendor = [key for key, value in raw.items() if isinstance(value, Get) and value.attribute != "Arn"]
        configuration = {key: value for key, value in properties.items() if key not in from_vendor}
        if raw.get("Operation") == "atlas-log-export":
            configuration["AccessRoleState"] = template["AccessRole"]["StateParameter"]
        if raw.get("Operation") in ("logzio-archive", "logzio-fetchers"):
            configuration["Account"] = self.resources["Account"].properties["Configuration"]
        return {**properties, "Configuration": write_configuration(name, configuration)}

    def _bring(self, name: str, properties: dict[str, Any], former: _Deployed | None) -> None:
        if properties["Type"] == ROLE:
            ids = properties["ExternalIds"]
            self._iam.roles[properties["Arn"]] = ids.split("|") if isinstance(ids, str) else ids
            self._iam.accounts[properties["Arn"]] = properties.get("Account", "")
            self.resources[name] = _Deployed(properties, properties["Arn"], {"Arn": properties["Arn"]})
            return
        kind = "Update" if former else "Create"
        physical_id, data, failure = self._request(kind, name, properties, former)
        if physical_id is not None:
            self.resources[name] = _Deployed(properties, physical_id, data)
        if failure:
            raise FailedError(failure)

    def _roll_back(self, done: list[str], before: Mapping[str, _Deployed]) -> None:
        for name in reversed(done):
            now, former = self.resources.get(name), before.get(name)
            if former is None:
                if now is not None:
                    self._delete(name, self.resources.pop(name))
            elif now is not None and now.physical_id != former.physical_id:
                self._delete(name, now)
                self.resources[name] = former
            else:
                self._bring(name, former.properties, now or former)
                self.answered[name] = self.resources[name].data
                self.resources[name].data = former.data

    def _delete(self, name: str, deployed: _Deployed) -> None:
        if deployed.properties["Type"] == ROLE:
            self._iam.roles.pop(deployed.properties["Arn"], None)
            return
        _, _, failure = self._request("Delete", name, deployed.properties, deployed)
        if failure:
            raise FailedError(failure)

    def _request(
        self, kind: str, name: str, properties: dict[str, Any], former: _Deployed | None
    ) -> tuple[str | None, dict[str, Any], str | None]:
        """Send one request through both handlers, as the provider framework and its state machine do."""
        self.calls.append((kind, name))
        event: dict[str, Any] = {
            "RequestType": kind,
            "LogicalResourceId": name,
            "ResourceProperties": {"ServiceToken": "arn:aws:lambda:f", **_strings(properties)},
        }
        if former:
            event["PhysicalResourceId"] = former.physical_id
        if former and kind == "Update":
            event["OldResourceProperties"] = _strings(former.properties)
        try:
            event |= self._json(handler.on_event(event, Lambda(self._clock)))
        except Exception as error:  # noqa: BLE001 - as Lambda reports it
            return None, {}, str(error)
        while True:
            try:
                answer = self._json(handler.is_complete(event, Lambda(self._clock)))
            except Exception as error:  # noqa: BLE001 - as Lambda reports it
                self.seen.append(str(error))
                return event["PhysicalResourceId"], {}, str(error)
            if answer["IsComplete"]:
                return event["PhysicalResourceId"], {**event.get("Data", {}), **answer.get("Data", {})}, None
            assert "Data" not in answer, "the framework refuses data before the end"
            self._clock.seconds += POLL_SECONDS

    def _json(self, answer: Any) -> Any:
        self.seen.append(json.dumps(answer))
        return json.loads(self.seen[-1])

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, Get):
            return self.resources[value.resource].data[value.attribute]
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        return [self._resolved(item) for item in value] if isinstance(value, list) else value


def _strings(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != "Type"}
