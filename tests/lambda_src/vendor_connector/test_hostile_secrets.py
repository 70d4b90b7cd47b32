"""No exception, log line or chained exception ever holds a secret, whatever bytes it has: every vendor."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vendor_connector import answers, aws, credential, handler, public_text
from vendor_connector.connection import Access
from vendor_connector.request import ConnectorError
from vendor_connector.vendor_api import NoAnswerError, VendorApi, VendorRefusalError
from vendor_connector.vendors.cockroachdb import api as cockroachdb_api
from vendor_connector.vendors.logzio import api as logzio_api
from vendor_connector.vendors.mongodb_atlas import api as atlas_api

from tests.costly import examples
from tests.lambda_src.vendor_connector.conftest import Context
from tests.lambda_src.vendor_connector.formation import Clock

# What a person pastes by accident: line breaks, another file's content, quotes, escapes, blanks at the ends, no ASCII.
HOSTILE = [
    "k3y-first-line\nk3y-second-line",
    "k3y-before\r\nX-Injected: yes-indeed",
    "k3y-\N{LATIN SMALL LETTER U WITH DIAERESIS}mlaut-\N{SNOWMAN}",
    "k3y-\"quoted\"-'twice'",
    "k3y-%0a%20percent%s%(x)d",
    '{"k3y-inner": "k3y-json-fragment"',
    "  k3y-with-blanks-at-the-ends \t",
    "k3y-with\x00nul-and\x1bescape",
    "k3y\\backslash\\n",
    "-----BEGIN PRIVATE KEY-----\nk3yMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----",
    "k3y-base64+/==",
]
secrets = st.sampled_from(HOSTILE) | st.text(min_size=8, max_size=60)

CREDENTIALS: dict[str, Callable[[str], object]] = {
    "atlas": lambda secret: {"client_id": "mdb_sa_id_1", "client_secret": secret},
    "atlas-digest": lambda secret: {"public_key": "abcdefgh", "private_key": secret},
    "cockroachdb": lambda secret: {"api_key": secret},
    "cockroachdb-alone": lambda secret: secret,
    "logzio": lambda secret: {"api_token": secret},
    "logzio-alone": lambda secret: secret,
}
UNREACHABLE = "https://127.0.0.1:9"


def ask(vendor: str, text: str) -> None:
    """Connect with a stored credential and make one request."""
    access = Access(
        secret="acme/vendor",
        base_url=UNREACHABLE,
        remaining_seconds=lambda: 0.0,
        read=lambda secret, *shapes: credential.fields(secret, text.strip(), *shapes),
    )
    match vendor.partition("-")[0]:
        case "atlas":
            atlas_api.connect(access, "a" * 24).find("", atlas_api.V2023, answers.ignored)
        case "cockroachdb":
            cockroachdb_api.connect(access, "b").cluster()
        case "logzio":
            logzio_api.connect(access).account()


def chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def parts(secret: str) -> list[str]:
    """Return what must not appear: the secret and each part of it that means something."""
    words = [word for word in secret.split() if len(word) >= 8]
    return [each for each in {secret.strip(), *words} if len(each) >= 8]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "sleep", lambda _: None)
    monkeypatch.setattr(atlas_api, "_tokens", {})
    # What is registered here must not be taken out of other tests' messages.
    monkeypatch.setattr(public_text, "_spellings", set())


@pytest.mark.parametrize("vendor", CREDENTIALS)
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(secret=secrets)
def test_no_vendors_client_raises_anything_that_holds_the_secret(
    vendor: str, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = CREDENTIALS[vendor](secret)
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises((ConnectorError, NoAnswerError, VendorRefusalError)) as failed:
        ask(vendor, text)
    said = "".join(f"{one!s}{one!r}{one.args!r}" for one in chain(failed.value)) + capsys.readouterr().out
    for part in parts(secret):
        assert part not in said
        assert repr(part)[1:-1] not in said


@pytest.mark.parametrize("secret", HOSTILE)
def test_a_header_that_http_refuses_is_not_shown(clock: Clock, secret: str) -> None:
    """The last line of defence: even a credential that was not validated."""
    api = VendorApi(
        vendor="Any",
        base_url=UNREACHABLE,
        remaining_seconds=lambda: 0.0,
        headers=lambda: {"Authorization": f"Bearer {secret}"},
    )
    with pytest.raises((ConnectorError, NoAnswerError)) as failed:
        api.call("GET", "/x", answers.ignored)
    said = "".join(f"{one!s}{one!r}{one.args!r}" for one in chain(failed.value))
    for part in parts(secret):
        assert part not in said


@pytest.mark.parametrize("operation", ["on_event", "is_complete", "on_schedule"])
@pytest.mark.parametrize("secret", HOSTILE)
def test_the_functions_edge_scrubs_whatever_an_operation_raises(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, connector: Any, operation: str, secret: str
) -> None:
    class Leaks:
        @staticmethod
        def physical_id(_: Any) -> str:
            return "leaks"

        @staticmethod
        def apply(_: Any) -> dict[str, str]:
            public_text.register_secret(secret)
            aws.log("leak", value=secret, nested={"in": [secret]})
            try:
                raise KeyError(secret)
            except KeyError as error:
                raise ValueError(f"Invalid header value b'Bearer {secret}' {secret!r}") from error

        delete = apply

    name = "polled" if operation == "is_complete" else "leaks"
    monkeypatch.setattr(handler, "OPERATIONS", {"leaks": Leaks})
    monkeypatch.setattr(handler, "POLLED", {"polled": Leaks})
    event = connector.event("Create", {"Operation": name}) | {"StartedAt": clock.now(), "PhysicalResourceId": "leaks"}
    event |= {"FormerId": None}
    event = {"Operation": name} if operation == "on_schedule" else event
    with pytest.raises(ConnectorError) as failed:
        getattr(handler, operation)(event, Context())
    assert [*chain(failed.value)] == [failed.value], "nothing is chained"
    said = str(failed.value)
    for part in parts(secret):
        assert part not in said
    assert len(said.encode()) <= public_text.MAX_BYTES
    assert said.isprintable()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=secrets, before=st.text(max_size=20), after=st.text(max_size=20))
def test_what_is_shown_is_printable_short_and_without_the_secret(secret: str, before: str, after: str) -> None:
    public_text.register_secret(secret)
    for spelling in (secret, repr(secret), json.dumps(secret), quote(secret.encode("utf-8", "replace"))):
        shown = public_text.public(f"{before} {spelling} {after}" * 50)
        assert len(shown.encode()) <= public_text.MAX_BYTES
        for part in parts(secret):
            if part not in before + after:
                assert part not in shown
