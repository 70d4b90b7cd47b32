import pytest

from logdock.settings import Deployment
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import EXPORTS, PUSH, document, export

TOPIC = "arn:aws:sns:eu-west-1:111122223333:oncall"
SILENT = "0 to 2880 minutes: 0 for never, else at least 5, and whole hours over 1440"
TOPIC_EXPECTED = "an SNS topic's ARN (arn:aws:sns:<Region>:<account>:<name>), not a FIFO topic's"
REACHABLE = "a topic in a Region that this deployment has stacks in (eu-west-1): alarms reach no other Region"
ADDRESS = "an https:// address without a query, such as https://otel.acme.example"
ONE_ADDRESS = "exactly one of `url` and `url_secret`, the address or the name of the secret that holds it"


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
        (export("cockroachdb", omitted_channels=["HEALTH"]), 1440),
        (export("cockroachdb", groups=[{"log_name": "/a", "channels": ["HEALTH"], "min_level": "ERROR"}]), 1440),
        (export("cockroachdb", groups=[{"log_name": "/a", "channels": ["OPS"], "min_level": "ERROR"}]), 60),
        (export("aurora-mysql"), 1440),
        (export("aurora-mysql", log_types=["audit", "general"]), 60),
        (export("rds"), 1440),
        (export("rds", log_statement="all"), 60),
        (export("aptible"), 0),
        (export("s3-logs"), 60),
        (export("s3-logs", services=["alb"]), 1440),
        (export("cloudwatch-logs"), 1440),
    ],
    ids=lambda value: str(value["kind"]) if isinstance(value, dict) else str(value),
)
def test_a_kind_that_is_quiet_by_nature_is_silent_later(load: Load, exported: object, minutes: int) -> None:
    assert silent_after(load(document(exported))) == minutes


@pytest.mark.parametrize(
    ("kind", "deployments", "minutes"),
    [
        ("aurora-mysql", 2400, 2400),
        ("aurora-mysql", 10, 1440),
        ("mongodb-atlas", 10, 10),
        ("aptible", 0, 0),
        ("aptible", 10, 0),
        ("aptible", 2880, 0),
    ],
)
def test_a_deployments_silence_is_no_shorter_than_the_kinds_and_none_for_aptible(
    load: Load, kind: str, deployments: int, minutes: int
) -> None:
    assert silent_after(load(document(export(kind), alerts={"silent_after_minutes": deployments}))) == minutes


@pytest.mark.parametrize("minutes", [5, 0])
def test_an_exports_own_silence_holds_whatever_its_kind(load: Load, minutes: int) -> None:
    assert silent_after(load(document(export("aptible", alerts={"silent_after_minutes": minutes})))) == minutes


def test_what_an_export_leaves_out_is_the_deployments(load: Load) -> None:
    exported = export("aurora-mysql", alerts={"daily_gb": 2})
    settings = load(document(exported, alerts={"daily_gb": 5, "lag_after_minutes": 30, "volume_band": True}))
    alerts = settings.alerts_of(settings.exports[0])
    assert (alerts.daily_gb, alerts.lag_after_minutes, alerts.volume_band) == (2, 30, True)


@pytest.mark.parametrize(
    ("setting", "value", "given", "expected"),
    [
        ("silent_after_minutes", 4, "4", SILENT),
        ("silent_after_minutes", 1441, "1441", SILENT),
        ("silent_after_minutes", 2940, "2940", SILENT),
        ("silent_after_minutes", "60", "'60'", "a whole number, without quotes"),
        ("lag_after_minutes", 4, "4", "5 to 1440 minutes"),
        ("remind_after_minutes", 59, "59", "60 to 43200 minutes (an hour to 30 days)"),
        ("daily_gb", 0, "0", "0.001 to 1000000 GB in 24 hours"),
        ("failed_logins_per_hour", 0, "0", "1 to 1000000 in an hour"),
        ("runbook_url", "wiki", "'wiki'", ADDRESS),
    ],
)
def test_rejects_what_no_alarm_could_hold(
    refusal: Refusal, setting: str, value: object, given: str, expected: str
) -> None:
    assert refusal(document(alerts={setting: value})) == [f"alerts.{setting}: got {given}; expected {expected}"]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("oncall", TOPIC_EXPECTED),
        (f"{TOPIC}.fifo", TOPIC_EXPECTED),
        (TOPIC.replace("eu-west-1", "us-east-1"), REACHABLE),
    ],
)
def test_rejects_a_topic_that_no_alarm_reaches(refusal: Refusal, topic: str, expected: str) -> None:
    assert refusal(document(alerts={"sns_topic_arns": [topic]})) == [
        f"alerts.sns_topic_arns[0]: got '{topic}'; expected {expected}"
    ]


@pytest.mark.parametrize(
    ("webhook", "line"),
    [
        ({}, f"url_secret: missing: {ONE_ADDRESS}"),
        (
            {"url": "https://chat.acme.example/x", "url_secret": "acme/chat"},
            f"url_secret: got a value that is not shown; expected {ONE_ADDRESS}",
        ),
        ({"url": "http://chat.acme.example"}, f"url: got 'http://chat.acme.example'; expected {ADDRESS}"),
        (
            {"url": "https://chat.acme.example", "header": "X Key"},
            "header: got 'X Key'; expected the name of an HTTP header, such as Authorization",
        ),
    ],
    ids=["none", "both", "no TLS", "no header"],
)
def test_rejects_a_webhook_that_cannot_be_posted_to(refusal: Refusal, webhook: object, line: str) -> None:
    assert refusal(document(alerts={"webhook": webhook})) == [f"alerts.webhook.{line}"]


def test_names_the_setting_that_was_meant(refusal: Refusal) -> None:
    assert refusal(document(alerts={"silent_after": 60})) == [
        "alerts.silent_after: unknown setting; did you mean silent_after_minutes?"
    ]


@pytest.mark.parametrize("setting", ["failed_logins_per_hour", "privilege_changes_per_hour", "schema_changes_per_hour"])
@pytest.mark.parametrize("kind", EXPORTS)
def test_counts_are_asked_for_only_where_they_are_made(load: Load, refusal: Refusal, kind: str, setting: str) -> None:
    counted = {"aurora-mysql", "rds", "cockroachdb"} | (
        {"mongodb-atlas"} if setting == "failed_logins_per_hour" else set()
    )
    whole = document(export(kind, alerts={setting: 3}))
    if kind in counted:
        assert load(whole)
        return
    (line,) = refusal(whole)
    assert line.startswith(f"exports[0].alerts.{setting}: got 3; expected nothing: this is counted in exports of kind ")
    assert line.endswith(f"and this one is {kind}")


@pytest.mark.parametrize("setting", [{"daily_gb": 1}, {"volume_band": True}])
def test_rejects_a_volume_that_is_not_measured(load: Load, refusal: Refusal, setting: dict[str, object]) -> None:
    ((name, value),) = setting.items()
    (line,) = refusal(document(export("s3-logs", alerts=setting)))
    assert line == (
        f"exports[0].alerts.{name}: got {str(value).lower()}; expected no value without `ship_to`: what lands in "
        "a bucket is measured by who reads it"
    )
    assert load(document(export("s3-logs", alerts=setting, ship_to=["logz"]), destinations=[PUSH]))


def test_a_topic_of_a_further_region_of_an_export_is_accepted(load: Load) -> None:
    exported = export("cockroachdb", regions=["eu-west-1", "us-east-1"])
    assert load(document(exported, alerts={"sns_topic_arns": [TOPIC, TOPIC.replace("eu-west-1", "us-east-1")]}))
