"""Logz.io: account, role, fetchers, in the order and with the references of the stack."""

from typing import Any

import pytest
from vendor_connector import aws

from local_cloud.vendors.logzio.api import Account, Fetcher, LogzioApi
from local_cloud.vendors.server import Refused, Reply
from tests.lambda_src.vendor_connector.conftest import parameters, saved_parameters
from tests.lambda_src.vendor_connector.formation import ROLE, Clock, FailedError, Formation, Get, Iam, Template

ROLE_ARN = "arn:aws:iam::111122223333:role/acme-prod-logz-reader"
BUCKET = "acme-prod-archive-111122223333-eu-west-1"
STATE = "/logdock/acme-prod/logz-reader/logzio"
TOKEN = "8a2c1f6e-0b4d-4f7a-9c3e-5d6b7a8c9d0e"
FETCHERS = "/v1/log-shipping/s3-buckets"


def for_a_role(logzio: LogzioApi, name: str, role_arn: str, changes: dict[str, Any], **own: Any) -> Template:
    """Return an account, the role that its external ids are for, and the custom resource of this name that needs both.

    Changes go to both custom resources where they know them; the others are properties of the named one alone.
    """
    account: dict[str, Any] = {
        "Secret": "acme/logzio-api",
        "ApiBaseUrl": logzio.url,
        "Adopt": "false",
        "StateParameter": STATE,
        **{each: changes[each] for each in ("Secret", "Adopt", "Revision", "FormerExternalIds") if each in changes},
    }
    return {
        "Account": {
            "Type": "Custom::LogdockLogzioAccount",
            "Operation": "logzio-account",
            **account,
            "RoleName": "acme-prod-logz-reader",
        },
        "Role": {"Type": ROLE, "Arn": role_arn, "ExternalIds": Get("Account", "ExternalIds")},
        name: {
            "Type": f"Custom::LogdockLogzio{name}",
            "Operation": f"logzio-{name.lower()}",
            **account,
            "LogzioAccount": Get("Account", "LogzioAccount"),
            "ExternalIds": Get("Account", "ExternalIds"),
            "RoleArn": Get("Role", "Arn"),
            **own,
            **changes,
        },
    }


def template(logzio: LogzioApi, *exports: str, **changes: Any) -> Template:
    """Return what the stack has."""
    own = {
        "Bucket": BUCKET,
        "Region": "eu-west-1",
        "Feed": "feed/logz-reader/",
        "Exports": list(exports or ("ledger", "trail")),
    }
    last = {"Type": ROLE, "Arn": "arn:aws:iam::111122223333:role/last", "ExternalIds": []}
    return for_a_role(logzio, "Fetchers", ROLE_ARN, changes, **own) | {"Last": last}


def shown(logzio: LogzioApi, token: str = TOKEN) -> dict[int, dict[str, Any]]:
    return {object_id: one.document for object_id, one in logzio.accounts[token].fetchers.items()}


def is_clean(logzio: LogzioApi) -> bool:
    return not any(account.fetchers for account in logzio.accounts.values()) and not parameters()


def by_hand(logzio: LogzioApi, **changes: Any) -> int:
    """Make the fetcher of the export ledger as a person does; return its id."""
    account = logzio.accounts[TOKEN]
    document = {
        "id": 17,
        "accessKey": None,
        "arn": ROLE_ARN,
        "bucket": BUCKET,
        "prefix": "feed/logz-reader/ledger",
        "active": True,
        "addS3ObjectKeyAsLogField": False,
        "region": "EU_WEST_1",
        "logsType": "json",
        **changes,
    }
    account.fetchers[17] = Fetcher(document=document, external_id=account.external_id)
    return 17


def test_one_deploy_trusts_logzio_and_creates_a_fetcher_for_each_export(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    formation.deploy(template(logzio))

    external_id = logzio.accounts[TOKEN].external_id
    assert formation.resources["Account"].data == {
        "LogzioAccount": "24601",
        "AccountId": "406095609952",
        "ExternalIds": external_id,
    }
    assert iam.roles[ROLE_ARN] == [external_id]
    first, second = shown(logzio).values()
    assert first == {
        "id": first["id"],
        "accessKey": None,
        "arn": ROLE_ARN,
        "bucket": BUCKET,
        "prefix": "feed/logz-reader/ledger/",
        "active": True,
        "addS3ObjectKeyAsLogField": True,
        "region": "EU_WEST_1",
        "logsType": "ledger",
    }
    assert (second["prefix"], second["logsType"]) == ("feed/logz-reader/trail/", "trail")
    assert formation.resources["Fetchers"].data == {
        "FetcherIds": f"{first['id']},{second['id']}",
        "NextSteps": "Nothing to do: the deploy created the fetchers.",
    }
    assert iam.written == [f"{BUCKET}/feed/logz-reader/ledger/", f"{BUCKET}/feed/logz-reader/trail/"]


@pytest.mark.parametrize(
    ("aws_account", "external_id", "said"),
    [
        ("*", None, r"names no AWS account that a role could trust: it answered '\*'"),
        ("406095609952", "one|two", "gives no external id"),
    ],
)
def test_only_one_account_with_an_external_id_is_trusted(
    logzio: LogzioApi, formation: Formation, iam: Iam, aws_account: str, external_id: str | None, said: str
) -> None:
    logzio.aws_account_id = aws_account
    if external_id is not None:
        logzio.accounts[TOKEN].external_id = external_id
    with pytest.raises(FailedError, match=f"logzio-account: Logz.io {said}"):
        formation.deploy(template(logzio))
    assert iam.roles == {}
    assert is_clean(logzio)


def test_waits_until_logzio_shows_the_fetcher_as_active(logzio: LogzioApi, formation: Formation, clock: Clock) -> None:
    logzio.fail("GET", f"{FETCHERS}/45", Reply(404, {"errorCode": "s3-buckets/NOT_FOUND", "message": "no"}), times=2)
    logzio.fail("GET", f"{FETCHERS}/45", Reply(200, {"id": 45_001, "active": False}))
    begun = clock.now()
    formation.deploy(template(logzio, "ledger"))
    assert clock.now() - begun == 20
    assert [one.method for one in logzio.writes()] == ["POST"]


def test_a_fetcher_that_stays_inactive_is_a_failure(logzio: LogzioApi, formation: Formation) -> None:
    logzio.fail_for(700, Reply(200, {"id": 45_001, "active": False}), path_part=f"{FETCHERS}/45", method="GET")
    with pytest.raises(FailedError, match=r"given up after 10 minutes: Logz.io took an S3 fetcher .* does not show it"):
        formation.deploy(template(logzio, "ledger"))
    assert is_clean(logzio)


def test_a_changed_type_is_changed_in_place_and_nothing_else(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(template(logzio))
    before = shown(logzio)
    formation.deploy(template(logzio, LogType="acme"))
    assert shown(logzio) == {object_id: {**one, "logsType": "acme"} for object_id, one in before.items()}
    assert [(one.method, one.path) for one in logzio.writes()[2:]] == [
        ("PUT", f"{FETCHERS}/{object_id}") for object_id in before
    ]


def test_one_fetcher_that_was_changed_by_hand_is_fixed_alone(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(template(logzio))
    first, second = logzio.accounts[TOKEN].fetchers.values()
    wanted = dict(second.document)
    second.document["active"] = False
    formation.deploy(template(logzio, Revision="2"))
    assert second.document == wanted
    assert [(one.method, one.path) for one in logzio.writes()[2:]] == [("PUT", f"{FETCHERS}/{wanted['id']}")]
    assert first.document["active"]


def test_an_export_that_comes_and_one_that_goes_leave_the_others_alone(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(template(logzio, "ledger", "trail"))
    ledger, trail = shown(logzio)
    formation.deploy(template(logzio, "trail", "apps"))
    assert ledger not in shown(logzio)
    assert trail in shown(logzio)
    assert [one["logsType"] for one in shown(logzio).values()] == ["trail", "apps"]
    assert [one.method for one in logzio.writes()[2:]] == ["POST", "DELETE"]


@pytest.mark.parametrize(("log_type", "others"), [({}, "ledger"), ({"LogType": "acme"}, "acme")])
def test_fetcher_has_the_type_that_its_export_names(
    logzio: LogzioApi, formation: Formation, log_type: dict[str, str], others: str
) -> None:
    formation.deploy(template(logzio, LogTypes={"trail": "cloudtrail"}, **log_type))
    assert [one["logsType"] for one in shown(logzio).values()] == [others, "cloudtrail"]


def test_a_destination_without_exports_has_no_fetchers(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(template(logzio, Exports=[]))
    assert not logzio.writes()
    formation.destroy()
    assert is_clean(logzio)


def test_a_second_fetcher_that_is_refused_takes_the_first_with_it(logzio: LogzioApi, formation: Formation) -> None:
    real = logzio._checked

    def no_trail(request: Any, external_id: str) -> Any:
        if "trail" in request.json()["prefix"]:
            raise Refused(400, {"errorCode": "s3-buckets/NOT_TODAY"})
        return real(request, external_id)

    logzio._checked = no_trail  # type: ignore[method-assign]
    with pytest.raises(FailedError, match="NOT_TODAY"):
        formation.deploy(template(logzio))
    assert is_clean(logzio)


def test_source_path_is_switched_off_in_place(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(template(logzio))
    before = shown(logzio)
    formation.deploy(template(logzio, SourcePath="false"))
    after = shown(logzio)
    assert before.keys() == after.keys()
    assert {one["addS3ObjectKeyAsLogField"] for one in before.values()} == {True}
    assert {one["addS3ObjectKeyAsLogField"] for one in after.values()} == {False}


@pytest.mark.parametrize("is_carried_out", [False, True], ids=["not-done", "done"])
def test_a_creation_that_is_answered_without_a_document_is_not_repeated(
    logzio: LogzioApi, formation: Formation, is_carried_out: bool
) -> None:
    logzio.fail("POST", FETCHERS, Reply(201, None), is_carried_out=is_carried_out)
    formation.deploy(template(logzio))
    assert [one["logsType"] for one in shown(logzio).values()] == ["ledger", "trail"]


def test_a_foreign_fetcher_of_the_feed_is_refused(logzio: LogzioApi, formation: Formation) -> None:
    fetcher = by_hand(logzio)
    with pytest.raises(
        FailedError, match=rf"exists already \({fetcher}\) and this stack did not make it.*`connect.ado"
    ):
        formation.deploy(template(logzio))
    assert not logzio.writes()
    assert not parameters()


def test_fetchers_of_other_prefixes_and_buckets_are_ignored(logzio: LogzioApi, formation: Formation) -> None:
    by_hand(logzio, prefix="feed/logz-reader/ledger-2/")
    formation.deploy(template(logzio, "ledger"))
    formation.destroy()
    assert list(shown(logzio)) == [17]


def test_an_adopted_fetcher_keeps_its_id_and_gets_what_is_asked(logzio: LogzioApi, formation: Formation) -> None:
    fetcher = by_hand(logzio)
    formation.deploy(template(logzio, "ledger", Adopt="true"))
    assert [(one.method, one.path) for one in logzio.writes()] == [("PUT", f"{FETCHERS}/{fetcher}")]
    assert shown(logzio)[fetcher]["prefix"] == "feed/logz-reader/ledger/"
    assert shown(logzio)[fetcher]["logsType"] == "ledger"


def test_a_fetcher_with_access_keys_is_not_adopted(logzio: LogzioApi, formation: Formation) -> None:
    by_hand(logzio, arn=None, accessKey="AKIAEXAMPLE")
    with pytest.raises(FailedError, match=r"the S3 fetcher 17 of .* signs in with access keys"):
        formation.deploy(template(logzio, "ledger", Adopt="true"))
    assert not logzio.writes()
    assert not parameters()


def test_a_token_of_another_account_makes_new_fetchers_there_and_removes_the_old(
    logzio: LogzioApi, formation: Formation
) -> None:
    formation.deploy(template(logzio))
    logzio.accounts["other-token"] = Account(id=7)
    aws.secrets_manager().create_secret(Name="acme/other", SecretString="other-token")
    formation.deploy(template(logzio, Secret="acme/other"))
    assert not shown(logzio)
    assert [one["logsType"] for one in shown(logzio, "other-token").values()] == ["ledger", "trail"]
    formation.destroy()
    assert is_clean(logzio)


def test_a_secret_that_became_another_accounts_is_refused_and_nothing_is_forgotten(
    logzio: LogzioApi, formation: Formation
) -> None:
    formation.deploy(template(logzio))
    logzio.accounts["other-token"] = Account(id=7)
    aws.secrets_manager().put_secret_value(SecretId="acme/logzio-api", SecretString="other-token")
    with pytest.raises(
        FailedError, match=r"the token in acme/logzio-api is of Logz.io's account 7, .* account 24601: "
    ):
        formation.destroy()
    assert len(shown(logzio)) == 2
    assert [name for name in parameters() if name.startswith(STATE)]


@pytest.mark.parametrize(
    ("status", "document", "said"),
    [
        (403, {"code": 403, "message": "Insufficient privileges"}, r"an API token \(not a shipping token\)"),
        (401, {"message": "Unauthorized"}, "on a Pro or Enterprise plan"),
        (
            400,
            {"message": "Account region eu differs from current server region us"},
            "The account is in another region of Logz.io: correct the `region`",
        ),
        (418, {"message": "I am a teapot"}, ""),
    ],
)
def test_a_refusal_says_what_logzio_said_what_it_means_and_what_to_do(
    logzio: LogzioApi, formation: Formation, status: int, document: dict[str, Any], said: str
) -> None:
    logzio.fail("GET", "/v2/whoami", Reply(status, document))
    with pytest.raises(FailedError, match=rf"answered {status}: .*{document['message']}.*{said}"):
        formation.deploy(template(logzio))
    assert not logzio.writes()


def test_a_token_that_logzio_does_not_know_makes_nothing(logzio: LogzioApi, formation: Formation, iam: Iam) -> None:
    logzio.accounts.clear()
    with pytest.raises(FailedError, match=r"logzio-account: Logz.io: GET /v2/whoami answered 403: .*Insufficient"):
        formation.deploy(template(logzio))
    assert iam.roles == {}
    assert not parameters()


def test_the_token_may_be_the_secret_itself(logzio: LogzioApi, formation: Formation) -> None:
    aws.secrets_manager().create_secret(Name="acme/plain", SecretString=f"{TOKEN}\n")
    formation.deploy(template(logzio, Secret="acme/plain"))
    assert len(shown(logzio)) == 2


@pytest.mark.parametrize("reply", [Reply(200), Reply(200, {}), Reply(200, [{"bucket": BUCKET}])], ids=str)
def test_a_destroy_is_no_success_while_logzio_lists_nothing_usable(
    logzio: LogzioApi, formation: Formation, reply: Reply
) -> None:
    formation.deploy(template(logzio, "ledger"))
    logzio.fail("GET", FETCHERS, reply, times=10**6)
    with pytest.raises(FailedError, match=r"s3-buckets: (the answer|its field \[\].id) is \S+( object)? and must be"):
        formation.destroy()
    assert len(shown(logzio)) == 1
    assert saved_parameters()


def test_a_removal_that_logzio_only_confirms_is_no_success(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(template(logzio, "ledger"))
    logzio.fail("DELETE", FETCHERS, Reply(200), times=10**6)
    with pytest.raises(FailedError, match="is still there"):
        formation.destroy()
    assert saved_parameters()


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"id": "../../v2/whoami"}, [], 7, "x"], ids=str)
def test_a_creation_without_a_usable_id_is_looked_up(logzio: LogzioApi, formation: Formation, answer: Any) -> None:
    logzio.fail("POST", FETCHERS, Reply(201, answer), is_carried_out=True)
    formation.deploy(template(logzio, "ledger"))
    assert len(shown(logzio)) == 1
    assert [one.method for one in logzio.writes()] == ["POST"]


def test_a_creation_that_names_a_fetcher_of_another_owner_does_not_make_it_ours(
    logzio: LogzioApi, formation: Formation
) -> None:
    by_hand(logzio, prefix="theirs")
    logzio.fail("POST", FETCHERS, Reply(201, {"id": 17}), is_carried_out=True)
    formation.deploy(template(logzio, "ledger"))
    formation.destroy()
    assert [*shown(logzio)] == [17]


def test_an_address_that_is_not_logzios_is_reported(logzio: LogzioApi, formation: Formation) -> None:
    logzio.fail("GET", "/v2/whoami", Reply(200, {"hello": "world"}), times=1_000)
    with pytest.raises(FailedError, match="GET /v2/whoami: its field accountId is missing and must be an id"):
        formation.deploy(template(logzio))


def test_a_token_that_logzio_repeats_is_not_shown(logzio: LogzioApi, formation: Formation) -> None:
    logzio.fail("GET", "/v2/whoami", Reply(400, {"message": f"no such token: {TOKEN}"}))
    with pytest.raises(FailedError, match=r"no such token: \*\*\*"):
        formation.deploy(template(logzio))


def test_a_token_that_ends_before_anything_was_made_is_not_needed_for_the_rollback(
    logzio: LogzioApi, formation: Formation
) -> None:
    real = logzio.answer

    def ended_after_the_first(request: Any) -> Any:
        if request.path == "/v2/whoami" and len([one for one in logzio.recorded if one.path == request.path]) > 1:
            logzio.accounts.clear()
        return real(request)

    logzio.answer = ended_after_the_first  # type: ignore[method-assign]
    with pytest.raises(FailedError, match=r"logzio-fetchers: .*Insufficient privileges"):
        formation.deploy(template(logzio))
    assert [one.path for one in logzio.recorded].count("/v2/whoami") == 2
    assert not parameters()
