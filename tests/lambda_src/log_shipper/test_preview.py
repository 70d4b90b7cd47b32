"""`logdock preview` prints what the functions archive: every recorded input through both."""

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from log_shipper import archive, ship

from logdock.cli.main import main
from logdock.settings import load_settings
from logdock.settings.shipper_document import shipper_document
from tests.lambda_src.log_shipper.world import ARCHIVE, EVENTS, LANDING, Cloud, Context, batch, message, subscription

DETECTORS = ["email", "ipv4", "ipv6", "payment-card", "aws-key", "bearer-token"]
REDACTION = {"markers": "redact", "detectors": DETECTORS, "patterns": [{"name": "number", "regex": r"\b\d{5}\b"}]}
LOG_GROUPS = {
    "ledger": "/acme/cockroach",
    "billing": "/aws/rds/cluster/billing/audit",
    "apps": "/acme/apps",
    "shop": "/aws/rds/instance/shop/postgresql",
}
SETTINGS: dict[str, Any] = {
    "deployment": "acme",
    "account": "111122223333",
    "region": "eu-west-1",
    "retention": "soc2",
    "exports": [
        {"name": "orders", "kind": "mongodb-atlas", "project_id": "5e2211c17a3e5a48f5497de3", "prefix": "atlas",
         "connect": {"secret": "acme/atlas"}},
        {"name": "ledger", "kind": "cockroachdb", "cluster_id": "f78b7feb-b6cf-4396-9d7f-494982d7d81e",
         "cluster_account_id": "222233334444", "external_id": "x" * 24, "log_group": "/acme/cockroach"},
        {"name": "billing", "kind": "aurora-mysql", "cluster_id": "billing", "parameter_group": "p",
         "events": ["CONNECT"]},
        {"name": "shop", "kind": "rds", "engine": "postgres", "instance_id": "shop", "log_types": ["postgresql"]},
        {"name": "platform", "kind": "aptible", "stack_region": "eu-west-1", "decryption_keys_secret": "acme/keys"},
        {"name": "buckets", "kind": "s3-logs", "existing_bucket": LANDING,
         "path_fields": "logs/{team}/{_}", "exclude": ["healthz"], "exclude_keys": ["/draft/"]},
        {"name": "apps", "kind": "cloudwatch-logs", "log_groups": ["/acme/apps"]},
    ],
}  # fmt: skip
EXPORT_OF = {
    "mongodb-atlas": "orders", "cockroachdb": "ledger", "aurora-mysql": "billing", "rds": "shop", "aptible": "platform",
    "s3-logs": "buckets",
}  # fmt: skip
CASES = sorted(
    (EXPORT_OF[folder], path)
    for folder in EXPORT_OF
    for path in [*(EVENTS / folder).iterdir(), *(EVENTS / "redaction").iterdir()]
)
FIRST = {(export, path.parent): path for export, path in reversed(CASES)}
AT_ONCE = [
    pytest.param(export, path, marks=() if FIRST[export, path.parent] == path else pytest.mark.proof)
    for export, path in CASES
]
"""One file of each folder for each export; `make proof` takes all."""
Preview = Callable[..., tuple[int, list[dict[str, Any]], dict[str, int]]]


@pytest.fixture
def preview(cloud: Cloud, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Preview:
    """Write the settings, configure the functions from them, and return what runs the command."""
    file = tmp_path / "logdock.yaml"

    def run(export: str, *arguments: object, **changes: Any) -> tuple[int, list[dict[str, Any]], dict[str, int]]:
        exports = [each | {"redaction": REDACTION} for each in SETTINGS["exports"]]
        file.write_text(yaml.safe_dump(SETTINGS | {"exports": exports} | changes))
        for each in load_settings(file).exports:
            # a preview is of decrypted archives
            cloud.export(each.name, **shipper_document(each) | {"decryption_keys_secret": None})
        capsysbinary.readouterr()
        typed = ["preview", "--export", export, "--settings", str(file), "--json", *map(str, arguments)]
        code = main(typed)
        *lines, summary = map(json.loads, capsysbinary.readouterr().out.splitlines())
        return code, lines, summary["summary"]

    return run


def in_order(lines: list[dict[str, Any]]) -> list[str]:
    """Return lines without the place of the object, which the local file does not have, in an order of their own."""
    return sorted(json.dumps(line | {"source": ""}, sort_keys=True) for line in lines)


@pytest.mark.parametrize(
    ("export", "path"), AT_ONCE, ids=lambda value: value.name if isinstance(value, Path) else value
)
def test_preview_prints_what_the_functions_archive(
    cloud: Cloud, destination: Callable[[str], None], preview: Preview, tmp_path: Path, export: str, path: Path
) -> None:
    destination("archive")
    body = path.read_bytes()
    key = f"logs/payments/mongodb-audit-log/{path.name}"
    if export in LOG_GROUPS:
        group = LOG_GROUPS[export]
        texts = body.decode().split("\n")
        events = [{"id": str(i), "timestamp": 1772600767000, "message": text} for i, text in enumerate(texts)]
        event = subscription(export, group, [], logEvents=events)
        arguments = [path, "--stream-name", "stream-1", "--log-group", group, "--arrival", "2026-03-04T05:06:07Z"]
        code, lines, summary = preview(export, *arguments)
        archive.handler(event, None)
        recorded = tmp_path / "event.json"
        recorded.write_text(json.dumps(event))
        payload = tmp_path / "payload.gz"
        payload.write_bytes(base64.b64decode(event["awslogs"]["data"]))
        assert preview(export, recorded)[1] == preview(export, payload)[1] == lines
        assert {line["source"] for line in lines} == {f"cloudwatch:{group}:stream-1"}
    else:
        code, _, _ = preview(export, path)
        item = cloud.land(key, body)
        modified = cloud.s3.head_object(Bucket=LANDING, Key=key)["LastModified"].isoformat()
        assert ship.handler(batch(message(export, item)), Context()) == {"batchItemFailures": []}
        code, lines, summary = preview(export, path, "--key", key, "--arrival", modified)
        assert {line["source"].rpartition("/")[2] for line in lines} == {path.name}
    archived = cloud.lines(ARCHIVE)
    assert in_order(lines) == in_order(archived)
    assert (code, summary["records"], summary["bytes_in"]) == (0, len(archived), len(body))


def test_preview_counts_what_is_filtered_and_quarantined(preview: Preview, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(gzip.compress(b"one\nGET /healthz\ntwo\n")[:-9])
    code, lines, summary = preview("buckets", tmp_path / "a.log")
    assert code == 1
    assert [line["message"] for line in lines] == ["one", "two"]
    figures = {"records": 2, "filtered": 1, "quarantined": 1, "not_understood": 0, "failed_logins": 0}
    assert summary == {"bytes_in": (tmp_path / "a.log").stat().st_size} | figures


def test_preview_joins_files_as_batches_when_a_stream_carries_them(preview: Preview) -> None:
    files = [EVENTS / "redaction" / f"mark-{name}-batch.log" for name in ("begins-in-first", "ends-in-second")]
    assert len(preview("ledger", *files)[1]) == 2
    (joined,) = preview("ledger", *files, subscriptions="kinesis")[1]
    assert joined["message"].endswith("query ‹×› done")


def test_says_that_an_objects_key_is_not_wanted(
    preview: Preview, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "a.log"
    file.write_bytes(b"x\n")
    code, lines, summary = preview("buckets", "--key", "logs/shop/draft/a.log", file)
    assert (code, lines, summary["records"]) == (0, [], 0)
    assert len(preview("buckets", "--key", "logs/shop/a.log", file)[1]) == 1
