"""An attacker who may put a message on a destination's queue.

`sqs:SendMessage` is what operators of `logdock backfill` have, and what an event rule has. A message names the export,
the bucket, the key and the version, and each of these words can be chosen. What must hold: nothing leaves that the
export's own deployment would not have sent, and nothing leaves with less redaction. A refused message is not lost
either: it fails, comes back, and after 20 tries waits on the dead-letter queue; the reason is in the function's log.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from log_shipper import archive, errors, objects, ship
from log_shipper.export_config import ExportConfig, ExportConfigs, parse_export_config

from tests.lambda_src.log_shipper.world import ARCHIVE, FAILURES, LANDING, Cloud, Context, Listener, batch, message
from tests.lambda_src.log_shipper.world import subscription as log_events

CARD_LINE = b"paid with 4111 1111 1111 1111 by anna@example.com\n"
SHARED, OTHER = "acme-shared", "acme-other"


@pytest.fixture
def exports(cloud: Cloud, logz: Listener) -> Cloud:
    """`cards` redacts and lands in `LANDING`; `plain` redacts nothing and lands elsewhere; `vault` ships nowhere."""
    for bucket in (SHARED, OTHER):
        cloud.s3.create_bucket(Bucket=bucket)
        cloud.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    redaction = {"detectors": ["payment-card", "email"]}
    cloud.export("cards", vendor="s3-logs", landing={"bucket": LANDING}, ship_to=["logz"], redaction=redaction)
    cloud.export("plain", vendor="s3-logs", landing={"bucket": OTHER}, ship_to=["logz", "feed", "archive"])
    cloud.export("team", vendor="s3-logs", landing={"bucket": SHARED, "prefix": "team/"}, ship_to=["logz"])
    groups = {"log_groups": [], "log_group_prefixes": ["/app/"]}
    cloud.export("vault", vendor="cloudwatch-logs", landing=groups, ship_to=[])
    cloud.export("jobs", vendor="cloudwatch-logs", landing=groups, ship_to=["logz", "feed"])
    return cloud


def refused(*messages: dict[str, Any]) -> bool:
    """Say whether every message failed, which is what keeps it and brings it to the dead-letter queue."""
    failed = {item["itemIdentifier"] for item in ship.handler(batch(*messages), Context())["batchItemFailures"]}
    return failed == {each["messageId"] for each in messages}


def reason(capsys: pytest.CaptureFixture[str]) -> str:
    return next(line for line in capsys.readouterr().out.splitlines() if '"event":"failed"' in line)


def test_object_announced_under_another_export_keeps_its_redaction(
    exports: Cloud, logz: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    """The attacker announces an object of `cards` as one of `plain`, which redacts nothing."""
    item = exports.land("a", CARD_LINE)
    assert refused(message("plain", item))
    assert logz.accepted == []
    assert "plain does not land in the bucket acme-landing" in reason(capsys)
    assert ship.handler(batch(message("cards", item)), Context()) == {"batchItemFailures": []}
    assert "4111" not in str(logz.accepted)
    assert "anna@" not in str(logz.accepted)


def test_object_outside_the_prefix_of_a_shared_bucket_stays(exports: Cloud, logz: Listener) -> None:
    """Two teams share a bucket; the attacker announces the other team's object, or climbs with `../`."""
    for key in ("other/a", "team", "teammates/a", "./team/a", "../team/a"):
        assert refused(message("team", exports.land(key, b"x\n", SHARED), SHARED))
    assert logz.accepted == []
    assert not refused(message("team", exports.land("team/a", b"x\n", SHARED), SHARED))


def test_objects_of_an_earlier_prefix_are_shipped_from_a_bucket_of_its_own(exports: Cloud, logz: Listener) -> None:
    """No attack: the settings' `prefix` changed while messages waited, and the bucket is the export's alone."""
    assert not refused(message("cards", exports.land("former-prefix/a", b"x\n")))
    assert len(logz.accepted) == 1


@pytest.mark.parametrize("key", ["logs/vault/dt=2026-11-21/hour=02/1-a.json.gz", "feed/logz/jobs/1.gz", "logs/jobsx/a"])
def test_archive_object_of_another_export_stays(exports: Cloud, logz: Listener, key: str) -> None:
    """The attacker announces another export's archive object, or one of the shipper's own feeds, as one of `jobs`."""
    assert refused(message("jobs", exports.land(key, b"{}\n", ARCHIVE), ARCHIVE))
    assert logz.accepted == []


@pytest.mark.parametrize("name", ["logz", "feed"])
def test_export_that_ships_nowhere_is_not_shipped(
    exports: Cloud, logz: Listener, destination: Callable[[str], None], name: str
) -> None:
    """The attacker announces the archive of `vault`, which has no `ship_to`, to Logz.io's listener and to its feed."""
    if name == "feed":
        destination("feed")
    item = exports.land("logs/vault/dt=2026-11-21/hour=02/1-a.json.gz", b"{}\n", ARCHIVE)
    assert refused(message("vault", item, ARCHIVE))
    assert logz.accepted == []
    assert exports.keys(ARCHIVE, "feed") == []


def test_landed_object_of_an_export_without_the_destination_archive_is_not_archived(
    exports: Cloud, destination: Callable[[str], None]
) -> None:
    """The attacker has an export archived that did not ask for it."""
    destination("archive")
    assert refused(message("cards", exports.land("a", CARD_LINE)))
    assert exports.keys(ARCHIVE) == []


def test_records_that_another_export_or_destination_refused_stay(exports: Cloud, logz: Listener) -> None:
    """The attacker has quarantined records sent in the name of an export, or by a destination, that is not theirs."""
    for key in (
        "quarantine/plain/logz/dt=2026-11-21/1-a.json.gz",
        "quarantine/cards/other/logz/1-a.json.gz",
        "quarantine/cards/logz/dt=2026-11-21/deeper/1-a.json.gz",
        "progress/logz/cards/1.json",
    ):
        assert refused(message("cards", exports.land(key, b"{}\n", FAILURES), FAILURES))
    assert logz.accepted == []


def test_deleted_object_is_not_shipped_by_its_version(
    exports: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line was deleted because it should not have been written; the attacker announces its version, which is kept."""
    monkeypatch.setattr(objects, "FRESH", timedelta())
    item = exports.land("a", CARD_LINE)
    exports.s3.delete_object(Bucket=LANDING, Key="a")
    assert refused(message("cards", item))
    assert logz.accepted == []
    assert "has been deleted" in reason(capsys)


def test_overwritten_object_is_shipped_by_each_of_its_messages(
    exports: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No attack: a vendor writes a key twice before the first message is read, and neither line may be lost."""
    monkeypatch.setattr(objects, "FRESH", timedelta())
    items = [exports.land("a", line) for line in (b"first\n", b"second\n")]
    assert not refused(*(message("cards", item, number=at) for at, item in enumerate(items)))
    assert [record["message"] for record in logz.accepted] == ["first", "second"]


def test_fresh_object_costs_no_second_request(exports: Cloud, logz: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """No attack: the usual message comes within seconds, and is shipped without another request to S3."""
    asked: list[Any] = []
    monkeypatch.setattr(exports.s3, "head_object", lambda **which: asked.append(which))
    assert not refused(message("cards", exports.land("a", b"x\n")))
    assert asked == []


class TestConfigurationOfTheFirstRelease:
    """The shipper is deployed before the exports' stacks: their parameters do not say yet where they land."""

    @pytest.fixture(autouse=True)
    def default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOGDOCK_DEFAULT_LANDING_BUCKET", "acme-{export}-eu")

    def test_lands_in_the_bucket_that_is_named_after_it(self, exports: Cloud, logz: Listener) -> None:
        exports.s3.create_bucket(Bucket="acme-old-eu")
        exports.s3.put_bucket_versioning(Bucket="acme-old-eu", VersioningConfiguration={"Status": "Enabled"})
        exports.export("old", vendor="s3-logs", landing=None)
        assert not refused(message("old", exports.land("a", b"x\n", "acme-old-eu"), "acme-old-eu"))
        assert len(logz.accepted) == 1

    def test_does_not_take_another_exports_bucket(self, exports: Cloud, logz: Listener) -> None:
        exports.export("old", vendor="s3-logs", landing=None)
        item = exports.land("a", CARD_LINE)
        assert refused(message("old", item))
        assert logz.accepted == []

    def test_ships_as_soon_as_its_stack_is_deployed(self, exports: Cloud) -> None:
        exports.export("old", vendor="s3-logs", landing=None)
        item = exports.land("a", b"x\n")
        assert refused(message("old", item))
        exports.export("old", vendor="s3-logs", landing={"bucket": LANDING}, ship_to=["logz"])
        assert not refused(message("old", item))


def test_configuration_is_read_again_before_it_refuses() -> None:
    """No attack: a bucket was changed a moment ago, and the function still holds the former configuration."""
    documents = ['{"vendor":"s3-logs","landing":{"bucket":"a"}}', '{"vendor":"s3-logs","landing":{"bucket":"b"}}']
    wanted, now = parse_export_config("x", documents[1]).landing, [0.0]
    configs = ExportConfigs(lambda _: documents[0], lambda: now[0])

    def lands_in_b(config: ExportConfig) -> None:
        if config.landing != wanted:
            raise errors.ForeignObjectError("not b")

    configs.get("x")
    documents.reverse()
    with pytest.raises(errors.ForeignObjectError):
        configs.checked("x", lands_in_b)
    now[0] = 6.0
    assert configs.checked("x", lands_in_b).landing == ("b", "")


class TestSubscriptions:
    """An attacker who may subscribe a log group of his own to the archiver, or invoke it."""

    def test_log_group_of_another_export_is_not_archived_as_this_ones(self, exports: Cloud) -> None:
        """The filter's name chooses the export, and its creator chooses the name."""
        with pytest.raises(errors.UnknownExportError, match="is not one of jobs"):
            archive.handler(log_events("jobs", "/attacker/group", ["forged"]), None)
        assert exports.keys(ARCHIVE) == []
        assert archive.handler(log_events("jobs", "/app/a", ["true"]), None)["archived"] == 1

    def test_log_events_of_an_export_that_lands_in_a_bucket_are_not_archived(self, exports: Cloud) -> None:
        with pytest.raises(errors.UnknownExportError, match="lands in a bucket"):
            archive.handler(log_events("cards", "/app/a", ["forged"]), None)
        assert exports.keys(ARCHIVE) == []

    @pytest.mark.parametrize("owner", ["999988887777", "", None, 111122223333])
    def test_log_events_of_another_account_are_not_archived(self, exports: Cloud, owner: object) -> None:
        with pytest.raises(errors.UnknownExportError, match="not of the export's, 111122223333"):
            archive.handler(log_events("jobs", "/app/a", ["forged"], owner=owner), None)
        assert exports.keys(ARCHIVE) == []

    @pytest.mark.parametrize("owner", ["111122223333", "444455556666", ""])
    def test_log_events_of_an_exports_own_account_alone_are_archived(self, exports: Cloud, owner: str) -> None:
        """Each account that may send to the stream chooses the filter's name, but not the owner."""
        groups = {"log_groups": [], "log_group_prefixes": ["/app/"], "account": "222233334444"}
        exports.export("away", vendor="cloudwatch-logs", landing=groups, ship_to=[])
        with pytest.raises(errors.UnknownExportError, match="not of the export's, 222233334444"):
            archive.handler(log_events("away", "/app/a", ["forged"], owner=owner), None)
        with pytest.raises(errors.UnknownExportError, match="not of the export's, 111122223333"):
            archive.handler(log_events("jobs", "/app/a", ["forged"], owner="222233334444"), None)
        assert exports.keys(ARCHIVE) == []
        assert archive.handler(log_events("away", "/app/a", ["true"], owner="222233334444"), None)["archived"] == 1

    def test_records_of_another_group_in_a_stream_block_no_export(self, exports: Cloud) -> None:
        """Through a stream the others wait behind it: it is set aside with the reason, and they are archived."""
        payloads = [log_events("jobs", group, ["x"])["awslogs"]["data"] for group in ("/attacker/group", "/app/a")]
        records = [
            {"eventSourceARN": "arn:aws:kinesis:eu-west-1:111122223333:stream/x", "eventID": str(at),
             "kinesis": {"data": data}}
            for at, data in enumerate(payloads)
        ]  # fmt: skip
        assert archive.handler({"Records": records}, None)["archived"] == 1
        assert [line["message"] for line in exports.lines(ARCHIVE)] == ["x"]
        assert len(exports.keys(FAILURES, "unclaimed/jobs/")) == 1
