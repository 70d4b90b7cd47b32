"""No exception of the shipper holds a destination's secret, whatever bytes it has: Logz.io's token, OTLP headers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_shipper.errors import ConfigurationError, DeliveryError
from log_shipper.http_client import HttpClient
from log_shipper.secret_store import SecretStore
from log_shipper.vendors.logzio import dialect as logzio

from tests.costly import examples

HOSTILE = [
    "k3y-first-line\nk3y-second-line",
    "k3y-before\r\nX-Injected: yes-indeed",
    "k3y-\N{LATIN SMALL LETTER U WITH DIAERESIS}mlaut-\N{SNOWMAN}",
    "k3y-\"quoted\"-'twice'",
    "k3y-%0a%20percent%s%(x)d",
    "k3y-with\x00nul-and\x1bescape",
    '{"k3y-inner": "k3y-json-fragment"',
    "  k3y-with-blanks-at-the-ends \t",
]
secrets = st.sampled_from(HOSTILE) | st.text(min_size=8, max_size=40)


def store_of(text: str) -> SecretStore:
    store = SecretStore(clock=lambda: 0.0)
    store._held["s"] = (1.0, text)
    return store


def said_by(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error!s}{error!r}{error.args!r}"
        error = error.__cause__ or error.__context__


def send(url: str, headers: dict[str, str]) -> None:
    client = HttpClient(url, remaining_seconds=lambda: 0.0)
    try:
        client.post(b"{}", headers)
    finally:
        client.close()


@settings(deadline=None, max_examples=examples(60))
@given(secret=secrets, place=st.sampled_from(["token", "json-token", "header-value", "header-name"]))
def test_no_destination_raises_anything_that_holds_the_secret(secret: str, place: str) -> None:
    def act() -> Any:
        if place in ("token", "json-token"):
            text = secret if place == "token" else json.dumps({"token": secret})
            send(logzio.listener_url("https://127.0.0.1:9", store_of(text).token("s")), {})
        else:
            header = {"Authorization": secret} if place == "header-value" else {secret: "x"}
            send("https://127.0.0.1:9", store_of(json.dumps(header)).headers("s"))

    with pytest.raises((ConfigurationError, DeliveryError)) as failed:
        act()
    said = "".join(said_by(failed.value))
    for part in {secret.strip(), *(word for word in secret.split() if len(word) >= 8)}:
        if len(part) >= 8:
            assert part not in said
            assert repr(part)[1:-1] not in said


@pytest.mark.parametrize("secret", HOSTILE)
@pytest.mark.parametrize("is_name", [False, True])
@pytest.mark.covering
def test_a_header_that_http_refuses_is_not_shown(monkeypatch: pytest.MonkeyPatch, secret: str, is_name: bool) -> None:
    """The last line of defence: headers that were not validated."""
    monkeypatch.setattr("log_shipper.http_client.Backoff.pause", lambda *_: None)
    with pytest.raises(DeliveryError) as failed:
        send("https://127.0.0.1:9", {secret: "x"} if is_name else {"Authorization": secret})
    said = "".join(said_by(failed.value))
    assert "k3y" not in said
