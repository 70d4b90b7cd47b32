"""The Logz.io API on loopback holds a client to Logz.io's description, and believes nothing that it can try."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.certificate import ServerCertificate
from local_cloud.vendors.logzio.api import Account, LogzioApi
from tests.local_cloud.conftest import Ask, Doors

FETCHERS = "/v1/log-shipping/s3-buckets"
ROLE_ARN = "arn:aws:iam::111122223333:role/acme-prod-logz-reader"


@pytest.fixture
def logzio(certificate: ServerCertificate, doors: Doors) -> Iterator[LogzioApi]:
    with LogzioApi(doors.assume, certificate=certificate.certificate, key=certificate.key) as api:
        api.accounts["token"] = Account(id=24601)
        yield api


@pytest.fixture
def account(logzio: LogzioApi, doors: Doors) -> Account:
    """Return the account, whose role trusts it."""
    doors.open.add((ROLE_ARN, logzio.accounts["token"].external_id))
    return logzio.accounts["token"]


@pytest.fixture
def call(logzio: LogzioApi, ask: Ask) -> Ask:
    """Make a request of the account; return the status and the document."""

    def called(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return ask(
            logzio, method, path, body, **{"X-API-TOKEN": "token", "Content-Type": "application/json", **headers}
        )

    return called


def fetcher(**changes: Any) -> dict[str, Any]:
    whole = {"arn": ROLE_ARN, "bucket": "acme", "prefix": "feed/x/", "region": "EU_WEST_1", "logsType": "x", **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def test_says_who_an_account_is_and_whom_to_trust(call: Ask, account: Account) -> None:
    assert call("GET", "/v2/whoami") == (200, {"accountId": 24601, "accountName": "account 24601"})
    details = {"logzioAWSAccountId": "406095609952", "assignedExternalId": account.external_id}
    assert call("GET", f"{FETCHERS}/aws-assume-role-details") == (200, details)


@pytest.mark.parametrize("path", ["/v2/whoami", FETCHERS, f"{FETCHERS}/aws-assume-role-details"])
def test_turns_a_wrong_token_away(call: Ask, path: str) -> None:
    status, refusal = call("GET", path, **{"X-API-TOKEN": "another"})
    assert (status, refusal) == (403, {"code": 403, "message": "Insufficient privileges"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/log-shipping/s3-bucket"), ("PATCH", f"{FETCHERS}/1"), ("DELETE", FETCHERS), ("GET", f"{FETCHERS}/x")],
)
def test_knows_no_other_path_or_method(call: Ask, method: str, path: str) -> None:
    assert call(method, path)[0] in (404, 501)


def test_takes_a_fetcher_only_when_it_has_entered_and_read(call: Ask, account: Account, doors: Doors) -> None:
    doors.is_reachable = False
    status, refusal = call("POST", FETCHERS, fetcher())
    assert (status, refusal["errorCode"]) == (400, "s3-buckets/ACCESS_DENIED")
    doors.is_reachable = True
    status, made = call("POST", FETCHERS, fetcher())
    assert status == 201
    assert doors.reached == ["acme/feed/x/"]
    assert call("GET", FETCHERS) == (200, [made])
    assert call("GET", f"{FETCHERS}/{made['id']}") == (200, made)


def test_enters_by_the_accounts_own_external_id_alone(call: Ask, logzio: LogzioApi, doors: Doors) -> None:
    doors.open.add((ROLE_ARN, "another"))
    assert call("POST", FETCHERS, fetcher())[0] == 400
    assert logzio.accounts["token"].fetchers == {}


def test_sees_a_new_external_id_only_after_a_while(
    call: Ask, logzio: LogzioApi, account: Account, doors: Doors
) -> None:
    logzio.propagation = 2
    assert [call("POST", FETCHERS, fetcher())[0] for _ in range(3)] == [400, 400, 201]
    doors.open.add((ROLE_ARN, account.change_external_id()))
    assert [call("POST", FETCHERS, fetcher())[0] for _ in range(3)] == [400, 400, 201]


def test_a_fetcher_keeps_the_external_id_it_was_made_under(call: Ask, account: Account, doors: Doors) -> None:
    old = account.external_id
    _, made = call("POST", FETCHERS, fetcher())
    doors.open.add((ROLE_ARN, account.change_external_id()))
    assert call("PUT", f"{FETCHERS}/{made['id']}", fetcher(logsType="y"))[0] == 200
    assert account.fetchers[made["id"]].external_id == old
    doors.open.remove((ROLE_ARN, old))
    assert call("PUT", f"{FETCHERS}/{made['id']}", fetcher(logsType="z"))[0] == 400
    assert account.fetchers[made["id"]].document["logsType"] == "y"


@pytest.mark.parametrize(
    "changes",
    [
        {"bucket": ...},
        {"bucket": ""},
        {"region": ...},
        {"region": "eu-west-1"},
        {"region": "EU_NORTH_1"},
        {"logsType": ...},
        {"logsType": ""},
        {"arn": ...},
        {"accessKey": "a", "secretKey": "b"},
        {"arn": ..., "accessKey": "a"},
        {"active": "true"},
        {"log_type": "x"},
        {"id": 1},
    ],
)
def test_refuses_a_fetcher_that_is_not_as_described(call: Ask, account: Account, changes: dict[str, Any]) -> None:
    assert call("POST", FETCHERS, fetcher(**changes))[0] == 400
    assert account.fetchers == {}


def test_wants_json(call: Ask, account: Account) -> None:
    assert call("POST", FETCHERS, fetcher(), **{"Content-Type": "text/plain"})[0] == 415


def test_shows_no_secret_key(call: Ask, account: Account) -> None:
    _, made = call("POST", FETCHERS, fetcher(arn=..., accessKey="a", secretKey="b"))
    assert made["accessKey"] == "a"
    assert "secretKey" not in made


def test_removes_a_fetcher_once(call: Ask, account: Account) -> None:
    _, made = call("POST", FETCHERS, fetcher())
    path = f"{FETCHERS}/{made['id']}"
    assert [call("DELETE", path)[0], call("DELETE", path)[0], call("GET", path)[0]] == [200, 404, 404]


def test_accounts_do_not_see_each_others_fetchers(call: Ask, logzio: LogzioApi, account: Account) -> None:
    _, made = call("POST", FETCHERS, fetcher())
    logzio.accounts["other"] = Account(id=7)
    assert call("GET", FETCHERS, **{"X-API-TOKEN": "other"}) == (200, [])
    assert call("DELETE", f"{FETCHERS}/{made['id']}", **{"X-API-TOKEN": "other"})[0] == 404
    assert list(account.fetchers) == [made["id"]]


def test_a_record_has_no_token(call: Ask, logzio: LogzioApi, account: Account) -> None:
    call("POST", FETCHERS, fetcher())
    assert "token" not in json.dumps([str(one) for one in logzio.recorded])
    assert [one.method for one in logzio.writes()] == ["POST"]
