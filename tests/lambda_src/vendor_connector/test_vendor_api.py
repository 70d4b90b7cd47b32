"""HTTPS to a vendor: what is tried again, what is not, and what a message may hold."""

import ssl
from collections.abc import Iterator
from typing import Any
from urllib.request import HTTPDigestAuthHandler, HTTPPasswordMgrWithDefaultRealm

import pytest
from vendor_connector import answers, public_text, vendor_api
from vendor_connector.request import ConnectorError
from vendor_connector.vendor_api import NoAnswerError, VendorApi, VendorRefusalError, pause_seconds

from local_cloud.certificate import ServerCertificate, create_server_certificate
from local_cloud.vendors.server import Reply, Request
from local_cloud.vendors.server import VendorApi as Server
from tests.lambda_src.vendor_connector.conftest import Wire
from tests.lambda_src.vendor_connector.formation import Clock

TOKEN = "mdb_sa_sk_topsecret"


class Echo(Server):
    """Answers with what it was asked."""

    vendor = "echo"

    def __init__(self, certificate: ServerCertificate) -> None:
        super().__init__(certificate=certificate.certificate, key=certificate.key)
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        body = request.body.decode()
        return Reply(200, {"method": request.method, "path": request.path, "query": dict(request.query), "body": body})

    def malformed(self, wrong: str) -> Reply:
        return Reply(400, {"wrong": wrong})


@pytest.fixture
def clock(wire: Wire, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that passes as the test lets it; servers are asked through TLS here, and their certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.ca_bundle))
    return Clock.start(monkeypatch)


@pytest.fixture
def server(clock: Clock, certificate: ServerCertificate) -> Iterator[Echo]:
    with Echo(certificate) as running:
        yield running


def api(server: Server, *, seconds: float = 900) -> VendorApi:
    public_text.register_secret(TOKEN)
    return VendorApi(
        vendor="Echo",
        base_url=server.url,
        remaining_seconds=lambda: seconds,
        headers=lambda: {"Authorization": f"Bearer {TOKEN}"},
    )


def test_sends_json_and_reads_json(server: Echo) -> None:
    answer = api(server).call("PUT", "/a/b", answers.of({}), body={"x": [1]}, query={"q": "a b"})
    assert answer == {"method": "PUT", "path": "/a/b", "query": {"q": "a b"}, "body": '{"x":[1]}'}
    (request,) = server.asked
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_an_empty_answer_is_none(server: Echo) -> None:
    server.fail("DELETE", "/a", Reply(204))
    assert api(server).call("DELETE", "/a", answers.ignored) is None


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.covering
def test_a_busy_vendor_is_asked_again(server: Echo, clock: Clock, method: str, status: int) -> None:
    server.fail(method, "/a", Reply(status, {"message": "busy"}), times=4)
    assert api(server).call(method, "/a", answers.of({}))["method"] == method
    assert len(clock.slept) == 4
    assert clock.slept[0] < clock.slept[-1]


def test_a_vendor_that_stays_busy_is_given_up_after_five_tries(server: Echo, clock: Clock) -> None:
    server.fail("GET", "/a", Reply(503, {"message": "busy"}), times=9)
    with pytest.raises(NoAnswerError, match=r'Echo: GET /a answered 503: {"message": "busy"}') as failed:
        api(server).call("GET", "/a", answers.of({}))
    assert (failed.value.status, failed.value.document) == (503, {"message": "busy"})
    assert len(server.recorded) == 5


def test_retry_after_is_kept_to(server: Echo, clock: Clock) -> None:
    server.fail("GET", "/a", Reply(429, None, {"Retry-After": "17"}))
    api(server).call("GET", "/a", answers.of({}))
    assert clock.slept == [17.0]


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("0", 0.0), ("600", 300.0), ("Fri, 15 Jan 2027 08:00:20 GMT", 20.0), ("Fri, 15 Jan 2027 07:00:00 GMT", 0.5)],
)
def test_retry_after_is_a_number_or_a_date_within_bounds(clock: Clock, asked: str, seconds: float) -> None:
    assert clock.now() == 1_800_000_000.0, "Fri, 15 Jan 2027 08:00:00 GMT"
    assert pause_seconds(asked, 1) == seconds


@pytest.mark.parametrize("reply", [None, Reply(500), Reply(503)])
def test_a_post_whose_fate_is_not_known_is_not_repeated(server: Echo, reply: Reply | None) -> None:
    server.fail("POST", "/a", reply)
    with pytest.raises(NoAnswerError):
        api(server).call("POST", "/a", answers.of({}), body={})
    assert len(server.recorded) == 1


def test_a_post_that_was_not_taken_is_repeated(server: Echo) -> None:
    server.fail("POST", "/a", Reply(429))
    assert api(server).call("POST", "/a", answers.of({}), body={})["method"] == "POST"


def test_a_post_that_changes_nothing_the_second_time_is_repeated(server: Echo) -> None:
    server.fail("POST", "/a", None)
    assert api(server).call("POST", "/a", answers.of({}), body={}, is_repeatable=True)["method"] == "POST"


def test_a_cut_connection_is_tried_again(server: Echo) -> None:
    server.fail("GET", "/a", None, times=2)
    assert api(server).call("GET", "/a", answers.of({}))["method"] == "GET"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_not_repeated(server: Echo, status: int) -> None:
    server.fail("GET", "/a", Reply(status, {"errorCode": "X"}))
    with pytest.raises(VendorRefusalError) as refused:
        api(server).call("GET", "/a", answers.of({}))
    assert (refused.value.status, refused.value.document) == (status, {"errorCode": "X"})
    assert len(server.recorded) == 1


def test_a_redirect_is_not_followed_with_the_credential(server: Echo) -> None:
    server.fail("GET", "/a", Reply(302, None, {"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(VendorRefusalError, match="answered 302"):
        api(server).call("GET", "/a", answers.of({}))
    assert [one.path for one in server.recorded] == ["/a"]


def test_what_the_vendor_says_is_shown_without_the_credential_and_shortened(server: Echo) -> None:
    said = {"message": f"token {TOKEN} is wrong", "header": "Authorization: Bearer eyJabc", "more": "x" * 2000}
    server.fail("GET", "/a", Reply(400, said))
    with pytest.raises(VendorRefusalError) as refused:
        api(server).call("GET", "/a", answers.of({}))
    text = str(refused.value)
    assert TOKEN not in text
    assert "eyJabc" not in text
    assert "token *** is wrong" in text
    assert len(text) < 700


def test_no_pause_goes_beyond_the_functions_time(server: Echo, clock: Clock) -> None:
    server.fail("GET", "/a", Reply(429, None, {"Retry-After": "60"}))
    with pytest.raises(NoAnswerError, match="429"):
        api(server, seconds=80).call("GET", "/a", answers.of({}))
    assert clock.slept == []


def test_a_server_with_an_untrusted_certificate_gets_no_request(
    clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Echo(create_server_certificate(tmp_path_factory.mktemp("other"))) as other:
        with pytest.raises(NoAnswerError, match="CERTIFICATE_VERIFY_FAILED") as failed:
            api(other).call("GET", "/a", answers.of({}))
        assert isinstance(failed.value.__cause__.reason, ssl.SSLCertVerificationError)  # type: ignore[union-attr]
        assert other.recorded == []


@pytest.mark.parametrize("address", ["http://127.0.0.1", "https://", "https://a.example/api", "127.0.0.1", "file:///x"])
def test_rejects_an_address_that_is_no_https_host(address: str) -> None:
    with pytest.raises(ConnectorError, match="the API's address must be https:// and a host"):
        VendorApi(vendor="Echo", base_url=address, remaining_seconds=lambda: 900.0)


def test_an_answer_that_is_no_json_names_the_address(server: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from local_cloud.vendors import server as module

    class Page:
        @staticmethod
        def dumps(_: Any) -> str:
            return "<html>"

        loads, JSONDecodeError = staticmethod(json.loads), json.JSONDecodeError

    monkeypatch.setattr(module, "json", Page)
    with pytest.raises(NoAnswerError, match=f"the answer is no JSON; is {server.url} the address of its API"):
        api(server).call("GET", "/a", answers.of({}))


def page(text: str, *, length: int | None = None) -> Reply:
    return Reply(200, page=text, headers={"Content-Length": str(length)} if length is not None else {})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 65 + "]" * 65, "7" * 5000])
def test_an_answer_that_is_nested_or_large_beyond_reason_is_no_usable_answer(server: Echo, text: str) -> None:
    server.fail("GET", "/a", page(text), times=9)
    with pytest.raises(NoAnswerError, match="the answer is no JSON"):
        api(server).call("GET", "/a", answers.ignored)
    assert len(server.recorded) == 5


def test_an_answer_of_another_form_is_asked_for_again(server: Echo) -> None:
    server.fail("GET", "/a", Reply(200, []), times=4)
    assert api(server).call("GET", "/a", answers.of({"method": str}))["method"] == "GET"
    server.fail("GET", "/a", Reply(200, []), times=5)
    with pytest.raises(NoAnswerError, match=r"^Echo: GET /a: the answer is a list and must be an object$"):
        api(server).call("GET", "/a", answers.of({"method": str}))


def test_an_answer_that_is_cut_off_is_noticed(server: Echo) -> None:
    server.fail("GET", "/a", page("7", length=9), times=9)
    with pytest.raises(NoAnswerError, match="the answer was cut off after 1 of 9 bytes"):
        api(server).call("GET", "/a", answers.ignored)


def test_a_chunked_answer_that_is_cut_off_is_noticed(server: Echo) -> None:
    server.fail("GET", "/a", Reply(200, page="5\r\n[1,2,", headers={"Transfer-Encoding": "chunked"}), times=9)
    with pytest.raises(NoAnswerError, match=r"GET /a: the answer was cut off$"):
        api(server).call("GET", "/a", answers.ignored)


def test_a_chunked_answer_is_read_whole(server: Echo) -> None:
    server.fail(
        "GET", "/a", Reply(200, page="3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"})
    )
    assert api(server).call("GET", "/a", answers.of([int])) == [1, 2]


def test_an_answer_that_is_too_long_is_not_read_to_its_end(server: Echo) -> None:
    server.fail("GET", "/a", page(f'"{"x" * 5_000_000}"'), times=9)
    with pytest.raises(NoAnswerError, match="the answer is longer than 4194304 bytes"):
        api(server).call("GET", "/a", answers.ignored)


def test_an_answer_that_never_ends_is_given_up(clock: Clock) -> None:
    class Slow:
        """A body of which one byte comes every 20 seconds, each within the timeout of a read."""

        length = None

        def read1(self, _: int) -> bytes:
            clock.sleep(20)
            return b" "

    begun = clock.now()
    with pytest.raises(NoAnswerError, match="the answer did not end within 60 seconds"):
        vendor_api._body("Echo: GET /a", Slow())  # type: ignore[arg-type]
    assert clock.now() - begun == 80


def test_a_refusal_whose_body_is_cut_off_is_a_refusal(server: Echo) -> None:
    server.fail("GET", "/a", Reply(403, page="no", headers={"Content-Length": "9"}))
    with pytest.raises(VendorRefusalError, match="answered 403: Forbidden"):
        api(server).call("GET", "/a", answers.ignored)


def test_an_access_token_in_an_unusable_answer_is_not_shown(server: Echo) -> None:
    server.fail("GET", "/a", page('{"access_token": "eyJhbGciOi", "expires_in": '), times=9)
    with pytest.raises(NoAnswerError, match=r'\{"access_token": "\*\*\*"') as failed:
        api(server).call("GET", "/a", answers.ignored)
    assert "eyJ" not in str(failed.value)


@pytest.mark.parametrize(
    "challenge", ["Bearer", "Digest", "Digest realm=", "Digest x", 'Digest realm="a", algorithm=X']
)
def test_a_challenge_that_no_digest_answers_is_named(server: Echo, challenge: str) -> None:
    server.fail("GET", "/a", Reply(401, headers={"WWW-Authenticate": challenge}), times=9)
    passwords = HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, server.url, "public", TOKEN)
    digest = VendorApi(
        vendor="Echo",
        base_url=server.url,
        remaining_seconds=lambda: 900.0,
        handlers=[HTTPDigestAuthHandler(passwords)],
    )
    with pytest.raises((ConnectorError, VendorRefusalError)) as failed:
        digest.call("GET", "/a", answers.ignored)
    assert str(failed.value).startswith("Echo: GET /a")
    assert "Error" not in str(failed.value)
