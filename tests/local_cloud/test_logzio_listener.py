"""The listener holds clients to what Logz.io documents."""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from log_shipper import json_fields

from local_cloud.certificate import ServerCertificate
from local_cloud.markers import new_uuid
from local_cloud.vendors.logzio.listener import MAX_BODY_BYTES, MAX_LINE_BYTES, LogzioListener, invalid_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "right"


@pytest.fixture
def listener(certificate: ServerCertificate) -> Iterator[LogzioListener]:
    with LogzioListener(certificate=certificate.certificate, key=certificate.key) as running:
        running.tokens[TOKEN] = "logz"
        yield running


@pytest.fixture
def connection(listener: LogzioListener, certificate: ServerCertificate) -> Iterator[http.client.HTTPSConnection]:
    context = ssl.create_default_context(cafile=str(certificate.ca_bundle))
    with closing(http.client.HTTPSConnection(urlsplit(listener.url).netloc, timeout=10, context=context)) as opened:
        yield opened


def _post(
    connection: http.client.HTTPSConnection, body: bytes, *, token: str = TOKEN, packed: bool = True
) -> tuple[int, bytes]:
    headers = {"Content-Encoding": "gzip"} if packed else {}
    connection.request("POST", f"/?token={token}&type=x", gzip.compress(body, 1) if packed else body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _line(export: str, marker: str) -> bytes:
    return json.dumps({"export": export, "message": marker}).encode() + b"\n"


@pytest.mark.parametrize("packed", [True, False])
def test_accepts_lines_with_an_empty_answer(
    listener: LogzioListener, connection: http.client.HTTPSConnection, packed: bool
) -> None:
    marker = new_uuid()

    assert _post(connection, _line("orders", marker), packed=packed) == (200, b"")
    assert listener.accepted["logz", "orders"].of({marker}) == {marker}


def test_keeps_the_connection_for_the_next_request(connection: http.client.HTTPSConnection) -> None:
    answers = [_post(connection, _line("orders", new_uuid())) for _ in range(3)]

    assert answers == [(200, b"")] * 3


@pytest.mark.parametrize(("token", "said"), [("", b"missing"), ("wrong", b"not valid")])
def test_refuses_a_token(
    listener: LogzioListener, connection: http.client.HTTPSConnection, token: str, said: bytes
) -> None:
    status, answer = _post(connection, _line("orders", new_uuid()), token=token)

    assert status == 401
    assert said in answer
    assert not listener.accepted


def test_counts_what_it_refuses_and_keeps_the_rest(
    listener: LogzioListener, connection: http.client.HTTPSConnection
) -> None:
    marker = new_uuid()
    body = b"not json\n" + _line("orders", marker) + b"\n" + b'{"message":"' + b"x" * MAX_LINE_BYTES + b'"}\n[1]\n'

    status, answer = _post(connection, body)

    assert status == 400
    assert json.loads(answer) == {"malformedLines": 2, "successfulLines": 1, "oversizedLines": 1, "emptyLogLines": 1}
    assert listener.accepted["logz", "orders"].of({marker}) == {marker}


def test_refuses_a_body_that_unpacks_to_more_than_10_mb(connection: http.client.HTTPSConnection) -> None:
    assert _post(connection, b" " * (MAX_BODY_BYTES + 1))[0] == 413


def test_refuses_a_body_of_more_than_10_mb(connection: http.client.HTTPSConnection) -> None:
    connection.putrequest("POST", f"/?token={TOKEN}")
    connection.putheader("Content-Length", str(MAX_BODY_BYTES + 1))
    connection.endheaders()

    assert connection.getresponse().status == 413


def test_refuses_a_body_that_is_no_gzip_stream(connection: http.client.HTTPSConnection) -> None:
    connection.request("POST", f"/?token={TOKEN}", b"plain", {"Content-Encoding": "gzip"})

    assert connection.getresponse().status == 400


def test_takes_nothing_while_it_fails(listener: LogzioListener, connection: http.client.HTTPSConnection) -> None:
    listener.failing = 503
    assert _post(connection, _line("orders", new_uuid())) == (503, b"")
    assert not listener.accepted

    listener.failing = None
    assert _post(connection, _line("orders", new_uuid())) == (200, b"")
    assert listener.refusals == {503: 1}


def test_takes_nothing_while_it_is_away_and_comes_back_to_the_same_address(
    listener: LogzioListener, connection: http.client.HTTPSConnection
) -> None:
    _post(connection, _line("orders", new_uuid()))
    taken = len(listener.lines["logz"])
    listener.go_away()
    for error in (http.client.RemoteDisconnected, ConnectionRefusedError):
        with pytest.raises(error):
            _post(connection, _line("orders", new_uuid()))
        connection.close()
    assert len(listener.lines["logz"]) == taken

    listener.come_back()
    assert _post(connection, _line("orders", new_uuid())) == (200, b"")


def test_its_certificate_is_the_local_clouds(listener: LogzioListener) -> None:
    distrusting = ssl.create_default_context()

    with (
        closing(http.client.HTTPSConnection(urlsplit(listener.url).netloc, timeout=10, context=distrusting)) as opened,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        opened.request("POST", "/")


def test_type_of_a_line_overrides_the_one_in_the_url(
    listener: LogzioListener, connection: http.client.HTTPSConnection
) -> None:
    body = _line("a", "m") + b'{"export":"b","message":"m","type":"cloudtrail","userIdentity":{"arn":"a"}}\n'
    assert _post(connection, body) == (200, b"")
    assert (listener.types["logz", "a"], listener.types["logz", "b"]) == ({"x"}, {"cloudtrail"})
    assert listener.tags["logz", "b"] == set()


@pytest.mark.parametrize(
    ("document", "tag"),
    [
        ({f"f{number}": 1 for number in range(1001)}, "MAX_FIELDS_NUMBER"),
        ({"a": "x" * 32_701}, "INVALID_FIELD_VALUE_LENGTH"),
        (json.loads('{"a":' * 11 + "1" + "}" * 11), "MAX_JSON_DEPTH"),
        ({"a.b": 1}, "ARRAY_INDEX_OUT_OF_BOUNDS_EXCEPTION"),
    ],
)
def test_line_that_breaks_a_limit_of_fields_has_a_tag(document: dict[str, object], tag: str) -> None:
    assert invalid_tags(document) == {tag}


def test_fields_of_a_json_message_break_no_limit() -> None:
    deep = json.loads('{"a.b":' * 30 + "1" + "}" * 30)
    message = json.dumps({"deep": deep, "_id": 1, "long": "x" * 40_000, **{f"f{number}": 1 for number in range(2000)}})
    members = json_fields.members_of(message).decode()
    assert invalid_tags(json.loads("{" + members.removeprefix(",") + "}")) == set()
