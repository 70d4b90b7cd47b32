"""The asynchronous half of the handler: what is polled, for how long, and what a failure leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from vendor_connector import handler
from vendor_connector.request import ConnectorError, Request, RetryLaterError
from vendor_connector.vendor_api import NoAnswerError

from tests.lambda_src.vendor_connector.formation import Clock, FailedError, Formation, Lambda, Template

GROUP = {"Operation": "log-group", "Name": "/acme/ledger"}


class Probe:
    """An operation that does what the test says."""

    def __init__(self) -> None:
        self.applied: Callable[[Request], dict[str, str]] = lambda _: {}
        self.deleted: Callable[[Request], None] = lambda _: None
        self.log: list[tuple[str, str]] = []

    @dataclass(frozen=True)
    class Settings:
        """Its properties."""

        name: str
        again: str = ""

        @property
        def id(self) -> str:
            return f"probe/{self.name}"

    def apply(self, request: Request) -> dict[str, str]:
        self.log.append(("apply", request.properties["Name"]))
        return self.applied(request)

    def delete(self, request: Request) -> None:
        self.log.append(("delete", request.properties["Name"]))
        self.deleted(request)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    probe = Probe()
    monkeypatch.setattr(handler, "POLLED", {"probe": probe})
    return probe


def template(name: str = "a", **more: str) -> Template:
    return {"Probe": {"Type": "Custom::Probe", "Operation": "probe", "Name": name, **more}}


def wait_until(clock: Clock, end: float, patience: float) -> Callable[[Request], dict[str, str]]:
    def applied(_: Request) -> dict[str, str]:
        if clock.now() < end:
            raise RetryLaterError("the vendor is still at it", timeout_seconds=patience)
        return {"Status": "ready"}

    return applied


def test_an_operation_that_is_not_polled_is_complete_when_it_has_been_done(clock: Clock, connector: Any) -> None:
    event = connector.event("Create", GROUP)
    event |= handler.on_event(event, Lambda(clock))
    assert handler.is_complete(event, Lambda(clock)) == {"IsComplete": True}
    assert event["PhysicalResourceId"] == "log-group//acme/ledger"


def test_a_polled_operation_does_nothing_before_its_first_poll(probe: Probe, clock: Clock, connector: Any) -> None:
    event = connector.event("Create", {"Operation": "probe", "Name": "a"})
    assert handler.on_event(event, Lambda(clock)) == {
        "PhysicalResourceId": "probe/a",
        "StartedAt": clock.now(),
        "FormerId": None,
    }
    assert probe.log == []


def test_is_polled_until_it_is_ready(probe: Probe, clock: Clock, formation: Formation) -> None:
    probe.applied = wait_until(clock, clock.now() + 45, 600)
    formation.deploy(template())
    assert len(probe.log) == 6
    assert formation.resources["Probe"].data == {"Status": "ready"}


def test_patience_ends_with_what_was_waited_for_and_what_to_do(
    probe: Probe, clock: Clock, formation: Formation
) -> None:
    probe.applied = wait_until(clock, clock.now() + 10_000, 300)
    with pytest.raises(
        FailedError,
        match=r"probe: given up after 5 minutes: the vendor is still at it. Deploy again .*`cdk deploy --no-rollback`",
    ):
        formation.deploy(template())
    assert probe.log[-1] == ("delete", "a"), "CloudFormation deletes what it has the id of"


def test_nothing_is_polled_for_longer_than_cloudformation_waits(
    probe: Probe, clock: Clock, formation: Formation
) -> None:
    begun = clock.now()
    probe.applied = wait_until(clock, begun + 10_000, 9_000)
    with pytest.raises(FailedError, match="given up after 55 minutes"):
        formation.deploy(template())
    assert clock.now() - begun < 3600


def test_the_next_deploy_goes_on_after_one_without_rollback(probe: Probe, clock: Clock, formation: Formation) -> None:
    probe.applied = wait_until(clock, clock.now() + 4000, 9_000)
    with pytest.raises(FailedError):
        formation.deploy(template(), rollback=False)
    formation.deploy(template(Again="1"))
    assert formation.resources["Probe"].data == {"Status": "ready"}
    assert ("delete", "a") not in probe.log


def test_an_outage_of_the_vendor_is_waited_out(probe: Probe, clock: Clock, formation: Formation) -> None:
    end = clock.now() + 300

    def applied(_: Request) -> dict[str, str]:
        if clock.now() < end:
            raise NoAnswerError("Vendor: GET /x: no answer")
        return {}

    probe.applied = applied
    formation.deploy(template())
    probe.applied = lambda _: _raise(NoAnswerError("Vendor: GET /x: no answer"))
    with pytest.raises(FailedError, match="given up after 10 minutes: Vendor: GET /x: no answer"):
        formation.deploy(template(Again="1"), rollback=False)


def test_its_own_role_may_take_a_minute_to_be_seen(
    probe: Probe, clock: Clock, formation: Formation, connector: Any
) -> None:
    denied, end = connector.refusal("AccessDeniedException", "GetSecretValue"), clock.now() + 50
    probe.applied = lambda _: _raise(denied) if clock.now() < end else {}
    formation.deploy(template())
    probe.applied = lambda _: _raise(denied)
    begun = clock.now()
    with pytest.raises(FailedError, match=r"probe: .*AccessDeniedException"):
        formation.deploy(template(Again="1"), rollback=False)
    assert clock.now() - begun == 60


def test_a_delete_is_polled_too(probe: Probe, clock: Clock, formation: Formation) -> None:
    formation.deploy(template())
    end = clock.now() + 25

    def deleted(_: Request) -> None:
        if clock.now() < end:
            raise RetryLaterError("the vendor is still at it", timeout_seconds=600)

    probe.deleted = deleted
    formation.destroy()
    assert probe.log.count(("delete", "a")) == 4


def test_a_failed_update_that_was_to_replace_is_undone(probe: Probe, clock: Clock, formation: Formation) -> None:
    formation.deploy(template())
    answers: list[Exception] = [RetryLaterError("going", timeout_seconds=600), NoAnswerError("gone")]

    def applied(request: Request) -> dict[str, str]:
        return _raise(ConnectorError("no")) if request.properties["Name"] == "b" else {}

    probe.applied, probe.log = applied, []
    probe.deleted = lambda _: _raise(answers.pop()) if answers else None
    with pytest.raises(FailedError, match="probe: no"):
        formation.deploy(template("b"), rollback=False)
    assert probe.log == [("apply", "b"), *[("delete", "b")] * 3]


def test_a_failed_update_in_place_is_left_to_cloudformations_rollback(probe: Probe, formation: Formation) -> None:
    formation.deploy(template())
    probe.log = []

    def applied(request: Request) -> dict[str, str]:
        return _raise(ConnectorError("no")) if "Again" in request.properties else {}

    probe.applied = applied
    with pytest.raises(FailedError):
        formation.deploy(template(Again="1"))
    assert probe.log == [("apply", "a"), ("apply", "a")]


def test_an_undo_that_does_not_end_is_logged_within_the_functions_time(
    probe: Probe, clock: Clock, formation: Formation, capsys: Any
) -> None:
    formation.deploy(template())
    probe.applied = lambda _: _raise(ConnectorError("no"))
    probe.deleted = lambda _: _raise(RetryLaterError("going", timeout_seconds=600))
    begun = clock.now()
    with pytest.raises(FailedError, match="probe: no"):
        formation.deploy(template("b"), rollback=False)
    assert clock.now() - begun < 900
    assert "undo not finished" in capsys.readouterr().out


def _raise(error: Exception) -> Any:
    raise error
