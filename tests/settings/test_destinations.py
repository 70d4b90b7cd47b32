import re
from collections.abc import Callable

import pytest
from log_shipper.bulk import BODIES_IN_FLIGHT

from logdock.settings.bodies import MOST_BODIES
from logdock.settings.concurrency import default_concurrency
from logdock.settings.resource_types import RESOURCE_TYPES
from logdock.vendors.logzio.settings import FETCHER_REGIONS, LISTENER_HOSTS, LogzioDestination
from tests.conftest import ROOT
from tests.settings.conftest import Load, Refusal, only
from tests.settings.documents import FETCH, OTLP, PUSH, Document, destination, document, export

Logzio = Callable[[Document], LogzioDestination]


@pytest.fixture
def logzio(load: Load) -> Logzio:
    """Load a file whose only destination this is."""
    return lambda wanted: only(LogzioDestination, load(document(destinations=[wanted])).destinations)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("token_secret", "acme/logzio"), ("listener_url", "https://x.example:8071")],
)
def test_rejects_what_belongs_to_push_in_fetch_mode(refusal: Refusal, setting: str, value: str) -> None:
    (line,) = refusal(document(destinations=[destination(FETCH, **{setting: value})]))
    assert line.startswith(f"destinations[0].{setting}: ")
    assert line.endswith(
        "expected nothing: with `mode: fetch` Logz.io reads by a role, and this belongs to `mode: push`"
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("connect", {"secret": "acme/logzio-api"}),
        ("account_id", "406095609952"),
        ("external_id", "logzio:x"),
        ("session_seconds", 3600),
        ("permissions", "vendor-documented"),
        ("archive_and_restore", {"bucket": "acme-logzio-archive"}),
        ("source_path", False),
    ],
)
def test_rejects_what_belongs_to_fetch_in_push_mode(refusal: Refusal, setting: str, value: object) -> None:
    (line,) = refusal(document(destinations=[destination(PUSH, **{setting: value})]))
    assert line.startswith(f"destinations[0].{setting}: got ")
    assert line.endswith("expected nothing: with `mode: push` no role is assumed, and this belongs to `mode: fetch`")


@pytest.mark.parametrize(
    ("bucket", "other"),
    [
        ("acme-prod-archive-111122223333-eu-west-1", "this deployment makes it"),
        ("acme-legacy", "exports[0] has it"),
        ("acme-logzio", "destinations[0] has it"),
    ],
)
def test_rejects_a_bucket_that_logzio_would_not_have_for_itself(refusal: Refusal, bucket: str, other: str) -> None:
    archives = ({"bucket": "acme-logzio"}, {"bucket": bucket})
    readers = [
        destination(FETCH, name=f"reader-{number}", archive_and_restore=archive)
        for number, archive in enumerate(archives)
    ]
    exports = [export("s3-logs", services=None, existing_bucket="acme-legacy")]
    (line,) = refusal(document(*exports, destinations=readers))
    assert line == (
        f"destinations[1].archive_and_restore.bucket: got '{bucket}'; expected a bucket for this account of Logz.io "
        f"alone ({other}): Logz.io writes to its root"
    )


def test_rejects_a_destination_without_what_its_mode_needs(refusal: Refusal) -> None:
    lines = refusal(
        document(
            destinations=[
                destination(PUSH, token_secret=None),
                destination(FETCH, account_id=None, external_id=None),
                destination(OTLP, endpoint=None),
            ]
        )
    )
    shown = (
        "missing: the value that Logz.io's page for its S3 bucket integration shows, or `connect`, which reads it "
        "(mode: fetch)"
    )
    assert lines == [
        "destinations[0].token_secret: missing: the name of the secret that holds the shipping token (mode: push)",
        f"destinations[1].account_id: {shown}",
        f"destinations[1].external_id: {shown}",
        "destinations[2].endpoint: missing: Base address of the OTLP/HTTP receiver; /v1/logs is added.",
    ]


@pytest.mark.parametrize("region", FETCHER_REGIONS)
def test_accepts_a_fetching_reader_where_logzio_reads(load: Load, region: str) -> None:
    assert load(document(region=region, destinations=[FETCH]))


@pytest.mark.parametrize("region", ["eu-north-1", "us-gov-west-1", "ap-northeast-3"])
def test_rejects_a_fetching_reader_where_logzio_does_not_read(load: Load, refusal: Refusal, region: str) -> None:
    (line,) = refusal(document(region=region, destinations=[FETCH]))
    start = (
        f"destinations[0].mode: got 'fetch'; expected push: Logz.io's fetcher does not read buckets in {region}, but in"
    )
    assert line.startswith(start)
    assert line.endswith(", ".join(FETCHER_REGIONS))
    assert load(document(region=region, destinations=[PUSH, OTLP]))


@pytest.mark.parametrize("region", LISTENER_HOSTS)
def test_pushes_to_the_listener_of_the_accounts_region(logzio: Logzio, region: str) -> None:
    assert logzio(destination(PUSH, region=region)).listener == f"https://{LISTENER_HOSTS[region]}:8071"


def test_a_listener_url_stands_in_for_the_regions_listener(logzio: Logzio) -> None:
    own = "https://private.example:8071"
    assert logzio(destination(PUSH, listener_url=own)).listener == own


def connected(**changes: object) -> Document:
    return destination(FETCH, **{"account_id": None, "external_id": None, "connect": {"secret": "acme/api"}, **changes})


def test_a_fetching_reader_needs_no_ids_when_the_deploy_reads_them(logzio: Logzio) -> None:
    loaded = logzio(connected())
    assert loaded.connect is not None
    assert (loaded.connect.secret, loaded.account_id, loaded.external_id) == ("acme/api", None, None)


def test_rejects_an_account_that_would_be_read(refusal: Refusal) -> None:
    (line,) = refusal(document(destinations=[connected(account_id="406095609952")]))
    assert line.endswith("got '406095609952'; expected nothing: `connect` reads it from Logz.io")


def test_takes_the_external_id_that_fetchers_made_by_hand_come_with(logzio: Logzio) -> None:
    assert logzio(connected(external_id="acme-own")).external_id == ("acme-own",)


def test_a_refused_connect_does_not_accuse_the_ids(refusal: Refusal) -> None:
    (line,) = refusal(document(destinations=[connected(connect={"secret": "two words"})]))
    assert line.startswith("destinations[0].connect.secret: ")


@pytest.mark.parametrize("base", [PUSH, FETCH], ids=["push", "fetch"])
def test_a_type_of_logs_belongs_to_both_modes(logzio: Logzio, base: Document) -> None:
    assert logzio(destination(base, log_type="acme")).log_type == "acme"


def test_bodies_in_flight_belong_to_push(load: Load, refusal: Refusal) -> None:
    for base in (PUSH, OTLP):
        loaded = load(document(destinations=[destination(base, bodies_in_flight=1)])).destinations[0]
        assert loaded.bodies_in_flight == 1
    (line,) = refusal(document(destinations=[destination(FETCH, bodies_in_flight=1)]))
    assert line.startswith("destinations[0].bodies_in_flight: ")


def test_most_bodies_in_flight_are_the_shippers_default() -> None:
    assert MOST_BODIES == BODIES_IN_FLIGHT


def test_parse_json_belongs_to_push(logzio: Logzio, refusal: Refusal) -> None:
    assert logzio(destination(PUSH, parse_json=True)).parse_json
    (line,) = refusal(document(destinations=[destination(FETCH, parse_json=True)]))
    assert line.startswith("destinations[0].parse_json: ")


@pytest.mark.parametrize(
    ("region", "url"),
    [("us", "https://api.logz.io"), ("eu", "https://api-eu.logz.io"), ("uk", "https://api-uk.logz.io")],
)
def test_asks_the_api_of_the_accounts_region(logzio: Logzio, region: str, url: str) -> None:
    assert logzio(connected(region=region)).api_url == url


def test_an_api_base_url_stands_in_for_the_regions_api(logzio: Logzio) -> None:
    connect = {"secret": "acme/api", "api_base_url": "https://relay.example"}
    assert logzio(connected(connect=connect)).api_url == "https://relay.example"


METRICS_SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme/logzio-metrics-a1B2c3"


def metered(base: Document = PUSH, **changes: object) -> Document:
    return destination(base, metrics={"token_secret": METRICS_SECRET, **changes})


@pytest.mark.parametrize("base", [PUSH, FETCH], ids=["push", "fetch"])
def test_metrics_belong_to_both_modes_and_are_those_of_s3_by_default(logzio: Logzio, base: Document) -> None:
    metrics = logzio(metered(base)).metrics
    assert metrics is not None
    assert metrics.namespaces == {"AWS/S3": ()}


def test_metrics_belong_to_logzio_alone(refusal: Refusal) -> None:
    (line,) = refusal(document(destinations=[metered(OTLP)]))
    assert line.startswith("destinations[0].metrics: unknown setting")


@pytest.mark.parametrize("secret", ["acme/logzio-metrics", METRICS_SECRET.removesuffix("-a1B2c3")])
def test_rejects_a_metrics_secret_without_its_whole_arn(refusal: Refusal, secret: str) -> None:
    (line,) = refusal(document(destinations=[metered(token_secret=secret)]))
    assert line.startswith("destinations[0].metrics.token_secret: ")
    assert "the secret's whole ARN, which ends with six characters that AWS chose" in line
    assert secret not in line


def test_rejects_a_metrics_secret_of_another_region(refusal: Refusal) -> None:
    (line,) = refusal(document(region="us-east-1", destinations=[metered()]))
    assert line.startswith("destinations[0].metrics.token_secret: ")
    assert line.endswith(
        "expected a secret in the deployment's region, us-east-1: Firehose reads secrets of its own Region"
    )


def test_rejects_a_token_in_place_of_the_metrics_secret_without_showing_it(refusal: Refusal) -> None:
    token = "aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"
    (line,) = refusal(document(destinations=[metered(token_secret=token)]))
    assert "this looks like the secret itself" in line
    assert token not in line


def test_rejects_metrics_without_a_namespace_which_would_be_all_of_the_account(refusal: Refusal) -> None:
    (line,) = refusal(document(destinations=[metered(namespaces={})]))
    assert line.startswith("destinations[0].metrics.namespaces: ")
    assert "at least one namespace, or `{all: []}` for every metric of the account" in line


def test_rejects_more_metrics_than_a_stream_takes(load: Load, refusal: Refusal) -> None:
    whole = {"AWS/S3": [f"m{number}" for number in range(999)], "AWS/Lambda": []}
    assert load(document(destinations=[metered(namespaces=whole)]))
    (line,) = refusal(document(destinations=[metered(namespaces={**whole, "AWS/SQS": []})]))
    assert "at most 1000 namespaces and metrics in all" in line


@pytest.mark.parametrize("namespaces", [{":x": []}, {"": []}, {"AWS/S3": [""]}, {"AWS/S3": ["a", "a"]}])
def test_rejects_names_that_cloudwatch_does_not_have(refusal: Refusal, namespaces: object) -> None:
    assert len(refusal(document(destinations=[metered(namespaces=namespaces)]))) == 1


def test_tags_are_sent_only_if_asked_for_and_of_known_resources_alone(logzio: Logzio) -> None:
    of = {"AWS/SQS": ["NumberOfMessagesSent"], "AWS/RDS": [], "AWS/Neptune": [], "Acme/Shop": []}
    plain = logzio(metered(namespaces=of)).metrics
    tagged = logzio(metered(namespaces=of, tags=True)).metrics
    assert plain is not None
    assert tagged is not None
    assert (plain.tags, tagged.tags) == (False, True)
    assert tagged.resource_types == ("rds:cluster", "rds:db", "sqs")


def test_rejects_tags_where_no_namespace_has_known_resources(refusal: Refusal) -> None:
    (line,) = refusal(document(destinations=[metered(namespaces={"Acme/Shop": []}, tags=True)]))
    assert line.startswith(
        "destinations[0].metrics.tags: got true; expected false, or a namespace whose resources are known: "
        "AWS/ACMPrivateCA, AWS/AmazonMQ, "
    )


def test_says_nothing_of_tags_where_the_namespaces_are_refused(refusal: Refusal) -> None:
    (line,) = refusal(document(destinations=[metered(namespaces={}, tags=True)]))
    assert line.startswith("destinations[0].metrics.namespaces: ")


def test_a_call_for_tags_has_no_more_types_than_it_takes() -> None:
    # GetResources takes 100 filters
    assert len({kind for kinds in RESOURCE_TYPES.values() for kind in kinds}) <= 100


def test_the_page_lists_the_namespaces_whose_resources_are_known() -> None:
    page = (ROOT / "docs" / "logzio.md").read_text()
    (listed,) = re.findall(r"The namespaces whose resources are known: (.+?)\.", page)
    assert listed.split(", ") == [f"`{name}`" for name in RESOURCE_TYPES]


@pytest.mark.parametrize(("destinations", "each"), [(1, 5), (2, 3), (3, 2), (7, 2)])
def test_default_concurrency_up_to_three_destinations_leaves_four_of_ten(destinations: int, each: int) -> None:
    assert default_concurrency(destinations) == each
    assert destinations > 3 or destinations * each <= 6


@pytest.mark.parametrize("base", [PUSH, FETCH, OTLP], ids=["push", "fetch", "otlp"])
def test_concurrency_of_a_destination_wins_over_the_default(load: Load, base: Document) -> None:
    settings = load(document(destinations=[destination(base, concurrency=40), destination(OTLP, name="other")]))
    assert [settings.concurrency_of(each.name) for each in settings.destinations] == [40, 3]


def test_every_namespace_is_one_word_and_has_the_tags_of_all_known_resources(logzio: Logzio) -> None:
    metrics = logzio(metered(namespaces={"all": []}, tags=True)).metrics
    assert metrics is not None
    assert (metrics.filters, metrics.streams("Acme/Shop")) == ({}, True)
    assert set(metrics.resource_types) == {kind for kinds in RESOURCE_TYPES.values() for kind in kinds}


@pytest.mark.parametrize("mixed", [{"all": ["x"]}, {"all": [], "AWS/S3": []}])
def test_rejects_every_namespace_beside_others(refusal: Refusal, mixed: Document) -> None:
    (line,) = refusal(document(destinations=[metered(namespaces=mixed)]))
    assert line.endswith("expected `{all: []}` alone: it is every namespace, with all metrics")
