"""The marked records: each is a record of its format, carries its marker everywhere, and counts for no alarm."""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from log_shipper.fast import RawBlock
from log_shipper.reading import read_blocks
from log_shipper.record import Origin, Record
from log_shipper.vendors.aptible import envelope as aptible_envelope

from logdock.cli.smoke_test.records import NAME, event_message, new_marker, object_record
from logdock.settings import Deployment, load_settings
from logdock.vendors.aptible.settings import AptibleExport
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.cockroachdb.security_events import cockroachdb_filters
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.rds.security_events import database_filters
from logdock.vendors.rds.settings import RdsExport
from logdock.vendors.s3_logs.settings import S3Format, S3LogsExport
from tests.cli.conftest import EVERYTHING
from tests.conftest import ROOT

NOW = datetime(2026, 11, 29, 17, 4, 5, 678000, tzinfo=UTC)
MASTER_KEY = b"k" * 32
COUNTED = ("error", "fail", "denied", "exception", "warn", "fatal", "critical", "alarm")
"""Words that people count in their own log groups."""


def records_of(body: bytes, vendor: str, format_name: str) -> list[Record]:
    blocks: Iterable[Any] = read_blocks(
        iter([body]), vendor=vendor, format_name=format_name, origin=Origin("2026-11-29T17:04:06Z", "log")
    )
    return [record for block in blocks for record in (block.records() if isinstance(block, RawBlock) else block)]


@pytest.fixture(scope="module")
def settings() -> Deployment:
    return load_settings(EVERYTHING)


@pytest.mark.parametrize("format_name", get_args(S3Format))
def test_an_object_of_every_format_is_one_understood_record_with_its_marker(format_name: str) -> None:
    marker = new_marker()
    export = S3LogsExport(name="trail", kind="s3-logs", format=format_name)
    made = object_record(export, marker, NOW, None)
    (record,) = records_of(made.body, "s3-logs", format_name)
    assert record.understood
    assert marker in record.message
    assert made.key == f"{NAME}/{marker}.log"
    if format_name not in ("auto", "plain"):
        assert record.time.startswith("2026-11-29T17:04:05"), record


@pytest.mark.parametrize("name", ["orders", "ledger", "billing", "platform", "trail", "apps"])
def test_a_record_of_every_kind_is_understood_and_has_no_word_that_people_count(
    settings: Deployment, name: str
) -> None:
    marker = new_marker()
    (export,) = (each for each in settings.exports if each.name == name)
    if export.lands_in == "bucket":
        made = object_record(export, marker, NOW, None)
        body = gzip.decompress(made.body) if isinstance(export, AptibleExport) else made.body
    else:
        group = "/aws/rds/cluster/billing/audit"
        body = event_message(export, group, marker, NOW).encode()  # type: ignore[arg-type]
    (record,) = records_of(body, export.kind, "auto")
    assert record.understood
    assert marker in record.message
    assert not [word for word in COUNTED if word in record.message.lower()]


@pytest.mark.parametrize("export", load_settings(ROOT / "examples" / "rds.yaml").exports, ids=lambda each: each.name)
def test_a_record_of_every_log_of_a_database_is_understood(export: RdsExport) -> None:
    for group in export.log_group_names:
        marker = new_marker()
        (record,) = records_of(event_message(export, group, marker, NOW).encode(), "rds", "auto")
        assert record.understood
        assert marker in record.message
        assert (record.time[:19] == "2026-11-29T17:04:05") == group.endswith(("/audit", "/postgresql"))


def test_no_record_matches_a_filter_of_security_events(settings: Deployment) -> None:
    for export in (*settings.exports, *load_settings(ROOT / "examples" / "rds.yaml").exports):
        if isinstance(export, CockroachdbExport):
            filters = cockroachdb_filters(export)
        elif isinstance(export, AuroraMysqlExport | RdsExport):
            filters = database_filters(export)
        else:
            continue
        for groups in filters.values():
            for group, pattern in groups.items():
                name = "/aws/rds/cluster/billing/audit" if export.kind == "aurora-mysql" else group
                message = event_message(export, name, new_marker(), NOW)
                assert not re.search(pattern.strip("%"), message), pattern


def test_an_aptible_record_is_encrypted_as_the_shipper_reads_it() -> None:
    marker = new_marker()
    export = AptibleExport(name="platform", kind="aptible", stack_region="eu-west-1", decryption_keys_secret="keys")
    made = object_record(export, marker, NOW, MASTER_KEY)
    envelope = aptible_envelope.read_envelope(made.metadata)
    assert envelope is not None
    keys = aptible_envelope.read_keys(base64.b64encode(MASTER_KEY).decode())
    assert aptible_envelope.master_key_for(made.key, keys) == MASTER_KEY
    assert hashlib.sha256(MASTER_KEY).hexdigest() in made.key
    content_key = aptible_envelope.unwrap_key(envelope, MASTER_KEY)
    plain = b"".join(aptible_envelope.decrypt([made.body], envelope, content_key))
    assert marker.encode() in gzip.decompress(plain)
