from __future__ import annotations

from collections.abc import Callable

import pytest

from settings import Deployment
from tests.settings.documents import EXPORTS, PUSH, document, export

Load = Callable[[object], Deployment]
Refusal = Callable[[object], list[str]]
TOPIC = "arn:aws:sns:eu-west-1:111122223333:oncall"


def silent_after(settings: Deployment) -> int:
    return settings.alerts_of(settings.exports[0]).silent_after_minutes


def test_the_defaults_are_those_that_atlas_asks_for(load: Load) -> None:
    alerts = load(document()).alerts
    assert (alerts.silent_after_minutes, alerts.remind_after_minutes) == (60, 10080)


@pytest.mark.parametrize(
    ("exported", "minutes"),
    [
        (export("mongodb-atlas"), 60),
        (export("mongodb-atlas", log_types=["MONGOD_AUDIT"]), 1440),
        (export("cockroachdb"), 60),
        (export("aurora-mysql"), 1440),
        (export("aurora-mysql", log_types=["audit", "general"]), 60),
        (export("aptible"), 180),
        (export("s3-logs"), 60),
        (export("s3-logs", services=["alb"]), 1440),
        (export("cloudwatch-logs"), 1440),
    ],
    ids=lambda value: str(value["kind"]) if isinstance(value, dict) else str(value),
)
def test_a_kind_that_is_quiet_by_nature_is_silent_later(load: Load, exported: object, minutes: int) -> None:
    assert silent_after(load(document(exported))) == minutes


def test_a_deployments_longer_silence_holds_for_quiet_kinds_too(load: Load) -> None:
    assert silent_after(load(document(export("aptible"), alerts={"silent_after_minutes": 600}))) == 600


@pytest.mark.parametrize("minutes", [5, 0])
def test_an_exports_own_silence_holds_whatever_its_kind(load: Load, minutes: int) -> None:
    assert silent_after(load(document(export("aptible", alerts={"silent_after_minutes": minutes})))) == minutes


def test_silence_can_be_no_alarm_for_all_exports(load: Load) -> None:
    assert silent_after(load(document(export("aptible"), alerts={"silent_after_minutes": 0}))) == 0


def test_what_an_export_leaves_out_is_the_deployments(load: Load) -> None:
    exported = export("aurora-mysql", alerts={"daily_gb": 2})
    settings = load(document(exported, alerts={"daily_gb": 5, "lag_after_minutes": 30, "volume_band": True}))
    alerts = settings.alerts_of(settings.exports[0])
    assert (alerts.daily_gb, alerts.lag_after_minutes, alerts.volume_band) == (2, 30, True)


@pytest.mark.parametrize(
    ("alerts", "line"),
    [
        ({"silent_after_minutes": 4}, "silent_after_minutes: got 4; expected 0 (never), or 5 to 2880 minutes; over 1440, whole hours"),
        ({"silent_after_minutes": 1441}, "silent_after_minutes: got 1441; expected 0 (never), or 5 to 2880 minutes; over 1440, whole hours"),
        ({"silent_after_minutes": 2940}, "silent_after_minutes: got 2940; expected 0 (never), or 5 to 2880 minutes; over 1440, whole hours"),
        ({"silent_after_minutes": "60"}, "silent_after_minutes: got '60'; expected a whole number, without quotes"),
        ({"lag_after_minutes": 4}, "lag_after_minutes: got 4; expected 5 to 1440 minutes"),
        ({"remind_after_minutes": 59}, "remind_after_minutes: got 59; expected 60 to 43200 minutes (an hour to 30 days)"),
        ({"daily_gb": 0}, "daily_gb: got 0; expected 0.001 to 1000000 GB in 24 hours"),
        ({"failed_logins_per_hour": 0}, "failed_logins_per_hour: got 0; expected 1 to 1000000 in an hour"),
        ({"sns_topic_arns": ["oncall"]}, "sns_topic_arns[0]: got 'oncall'; expected an SNS topic's ARN (arn:aws:sns:<Region>:<account>:<name>), not a FIFO topic's"),
        ({"sns_topic_arns": [f"{TOPIC}.fifo"]}, f"sns_topic_arns[0]: got '{TOPIC}.fifo'; expected an SNS topic's ARN (arn:aws:sns:<Region>:<account>:<name>), not a FIFO topic's"),
        ({"sns_topic_arns": [TOPIC.replace("eu-west-1", "us-east-1")]}, f"sns_topic_arns[0]: got '{TOPIC.replace('eu-west-1', 'us-east-1')}'; expected a topic in a Region that this deployment has stacks in (eu-west-1): alarms reach no other Region"),
        ({"webhook": {}}, "webhook.url_secret: missing: exactly one of `url` and `url_secret`, the address or the name of the secret that holds it"),
        ({"webhook": {"url": "https://chat.acme.example/x", "url_secret": "acme/chat"}}, "webhook.url_secret: got a value that is not shown; expected exactly one of `url` and `url_secret`, the address or the name of the secret that holds it"),
        ({"webhook": {"url": "http://chat.acme.example"}}, "webhook.url: got 'http://chat.acme.example'; expected an https:// address without a query, such as https://otel.acme.example"),
        ({"webhook": {"url": "https://chat.acme.example", "header": "X Key"}}, "webhook.header: got 'X Key'; expected the name of an HTTP header, such as Authorization"),
        ({"runbook_url": "wiki"}, "runbook_url: got 'wiki'; expected an https:// address without a query, such as https://otel.acme.example"),
        ({"silent_after": 60}, "silent_after: unknown setting; did you mean silent_after_minutes?"),
    ],
)  # fmt: skip
def test_rejects_what_no_alarm_could_hold(refusal: Refusal, alerts: object, line: str) -> None:
    assert refusal(document(alerts=alerts)) == [f"alerts.{line}"]


@pytest.mark.parametrize("setting", ["failed_logins_per_hour", "privilege_changes_per_hour", "schema_changes_per_hour"])
@pytest.mark.parametrize("kind", EXPORTS)
def test_counts_are_asked_for_only_where_they_are_made(
    load: Load, refusal: Refusal, kind: str, setting: str
) -> None:
    counted = {"aurora-mysql", "cockroachdb"} | ({"mongodb-atlas"} if setting == "failed_logins_per_hour" else set())
    whole = document(export(kind, alerts={setting: 3}))
    if kind in counted:
        assert load(whole)
        return
    (line,) = refusal(whole)
    assert line.startswith(f"exports[0].alerts.{setting}: got 3; expected nothing: this is counted in exports of kind ")
    assert line.endswith(f"and this one is {kind}")


@pytest.mark.parametrize("setting", [{"daily_gb": 1}, {"volume_band": True}])
def test_rejects_a_volume_that_nobody_measures(load: Load, refusal: Refusal, setting: dict[str, object]) -> None:
    ((name, value),) = setting.items()
    (line,) = refusal(document(export("s3-logs", alerts=setting)))
    assert line == (
        f"exports[0].alerts.{name}: got {str(value).lower()}; expected nothing unless `ship_to` is set: what lands in "
        "a bucket is measured by who reads it"
    )
    assert load(document(export("s3-logs", alerts=setting, ship_to=["logz"]), destinations=[PUSH]))


def test_a_topic_of_a_further_region_of_an_export_is_accepted(load: Load) -> None:
    exported = export("cockroachdb", regions=["eu-west-1", "us-east-1"])
    assert load(document(exported, alerts={"sns_topic_arns": [TOPIC, TOPIC.replace("eu-west-1", "us-east-1")]}))
