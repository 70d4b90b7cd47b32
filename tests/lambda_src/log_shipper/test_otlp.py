import gzip
import json
from collections.abc import Iterator

import pytest
from google.protobuf import json_format
from log_shipper import ship
from log_shipper.vendors.otlp.dialect import logs_url
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.lambda_src.log_shipper.world import FAILURES, Cloud, Context, Listener, batch, message, recorded


@pytest.fixture
def lake(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The OTLP destination of `ship`, on a listener, that never waits."""
    listener = Listener(accept=lambda body: [json.loads(body)])
    cloud.secret("acme/otlp", json.dumps({"Authorization": "Bearer lake-token"}))
    destination = {"name": "lake", "kind": "otlp", "endpoint": listener.url, "headers_secret": "acme/otlp"}
    monkeypatch.setenv("LOGDOCK_DESTINATION", json.dumps(destination))
    monkeypatch.setattr("log_shipper.http_client.Backoff.pause", lambda *_: None)
    cloud.export("orders", vendor="mongodb-atlas", path_fields="{_}/{cluster}")
    yield listener
    listener.close()


def records(listener: Listener) -> list[tuple[str, int, dict[str, str], dict[str, str]]]:
    """Return message, time, attributes and resource of everything accepted, by the official definitions."""
    found = []
    for request in listener.accepted:
        parsed = json_format.Parse(json.dumps(request), ExportLogsServiceRequest())
        for resource in parsed.resource_logs:
            of = {item.key: item.value.string_value for item in resource.resource.attributes}
            for scope in resource.scope_logs:
                assert scope.scope.name == "logdock"
                for record in scope.log_records:
                    attributes = {item.key: item.value.string_value for item in record.attributes}
                    found.append((record.body.string_value, record.time_unix_nano, attributes, of))
    return found


def land(cloud: Cloud) -> tuple[dict[str, object], list[str]]:
    text = recorded("mongodb-atlas/mongodb.log")
    return cloud.land("atlas/Cluster0/h/mongodb/1.log", gzip.compress(text.encode())), text.splitlines()


def test_request_is_what_the_official_definitions_read(cloud: Cloud, lake: Listener) -> None:
    item, lines = land(cloud)
    again, _ = land(cloud)  # another version of the object
    assert ship.handler(batch(message("orders", item), message("orders", again, number=2)), Context()) == {
        "batchItemFailures": []
    }
    found = records(lake)
    assert [text for text, *_ in found] == lines * 2
    _, time, attributes, resource = found[0]
    assert time == 1588346177180000000
    assert attributes == {
        "log_type": "mongodb",
        "source": "s3://acme-landing/atlas/Cluster0/h/mongodb/1.log",
        "cluster": "Cluster0",
    }
    assert resource == {"service.name": "orders", "logdock.export": "orders", "logdock.vendor": "mongodb-atlas"}
    assert lake.headers[0]["Authorization"] == "Bearer lake-token"
    assert lake.paths[0] == "/v1/logs"


def test_columns_with_the_names_of_attributes_are_there_beside_them(cloud: Cloud, lake: Listener) -> None:
    cloud.export("orders", vendor="s3-logs", format="csv")
    item = cloud.land("a.csv", b"id,source,log_type\n1,paris,x\n")
    assert ship.handler(batch(message("orders", item)), Context()) == {"batchItemFailures": []}
    names = [item["key"] for item in lake.accepted[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"]]
    assert names == ["log_type", "source", "id", "fields.source", "fields.log_type"]
    item = cloud.land("b.csv", b"id,source,log_type\n1,paris,x\n")
    lake.will_answer(200, body=b'{"partialSuccess":{"rejectedLogRecords":"1"}}')
    assert ship.handler(batch(message("orders", item)), Context()) == {"batchItemFailures": []}
    (kept,) = cloud.lines(FAILURES, "quarantine/orders/lake/")
    assert kept["record"]["fields"] == {"id": "1", "source": "paris", "log_type": "x"}
    assert (kept["record"]["source"], kept["record"]["log_type"]) == ("s3://acme-landing/b.csv", "csv")


def test_rejected_records_of_a_partial_success_are_kept(cloud: Cloud, lake: Listener) -> None:
    item, lines = land(cloud)
    lake.will_answer(200, body=b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}')
    assert ship.handler(batch(message("orders", item)), Context()) == {"batchItemFailures": []}
    kept = cloud.lines(FAILURES, "quarantine/orders/lake/")
    assert [line["record"]["message"] for line in kept] == lines
    assert kept[0]["record"]["fields"] == {"cluster": "Cluster0"}
    assert kept[0]["reason"] == "the endpoint rejected 1 of 3 records"


def test_bad_record_is_found_by_halving_and_its_neighbours_are_delivered(cloud: Cloud, lake: Listener) -> None:
    item, lines = land(cloud)
    lake.refuse = lambda body: 400 if b"Slow query" in body else 200
    assert ship.handler(batch(message("orders", item)), Context()) == {"batchItemFailures": []}
    assert [text for text, *_ in records(lake)] == lines[:2]
    assert [line["record"]["message"] for line in cloud.lines(FAILURES, "quarantine/")] == lines[2:]


def test_lasting_fault_fails_the_message(cloud: Cloud, lake: Listener) -> None:
    item, _ = land(cloud)
    lake.will_answer(*[503] * 4)
    assert ship.handler(batch(message("orders", item)), Context())["batchItemFailures"] == [{"itemIdentifier": "m1"}]


def test_logs_path_is_added_once() -> None:
    assert logs_url("https://otel.example") == "https://otel.example/v1/logs"
    assert logs_url("https://otel.example/base/v1/logs") == "https://otel.example/base/v1/logs"
