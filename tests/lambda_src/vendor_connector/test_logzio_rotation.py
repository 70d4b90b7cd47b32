"""Another external id for Logz.io's fetchers: trust [old], [old, new], [new], and no caller is refused on the way."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from vendor_connector import aws, state

from local_cloud.vendors.logzio.api import Account, LogzioApi
from local_cloud.vendors.server import Reply
from tests.lambda_src.vendor_connector.conftest import remembered_values
from tests.lambda_src.vendor_connector.formation import FailedError, Formation, Iam
from tests.lambda_src.vendor_connector.test_logzio_fetchers import (
    BUCKET,
    FETCHERS,
    ROLE_ARN,
    STATE,
    TOKEN,
    by_hand,
    is_clean,
    shown,
    template,
)

OWN = "acme-chose-this-one"


class Reader:
    """The account's fetchers: at every request to the API, each tries its role; one at least must read each feed."""

    def __init__(self, logzio: LogzioApi, iam: Iam) -> None:
        self._logzio, self._iam = logzio, iam
        self.refused: list[str] = []
        self.tries = 0
        real = logzio.answer

        def watched(request: Any) -> Any:
            self.read()
            try:
                return real(request)
            finally:
                self.read()

        logzio.answer = watched  # type: ignore[method-assign]

    def read(self) -> None:
        for account in self._logzio.accounts.values():
            for fetcher in account.fetchers.values():
                self.tries += 1
                try:
                    self._iam.assume(fetcher.document["arn"], fetcher.external_id)
                except ClientError as error:
                    self.refused.append(f"{fetcher.document['prefix']} {fetcher.external_id}: {error}")


def next_steps(formation: Formation) -> str:
    return str(formation.resources["Fetchers"].data["NextSteps"])


def ids(logzio: LogzioApi) -> list[str]:
    """Return the external ids that the account's fetchers bring, by prefix and in the order they were made."""
    fetchers = logzio.accounts[TOKEN].fetchers.values()
    return [f"{one.document['logsType']} {one.external_id}" for one in fetchers]


def test_three_deploys_change_the_external_id_and_no_fetcher_is_ever_refused(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    account, reader = logzio.accounts[TOKEN], Reader(logzio, iam)
    formation.deploy(template(logzio, Revision="1"))
    old, new = account.external_id, account.change_external_id()

    formation.deploy(template(logzio, Revision="2"))
    assert iam.roles[ROLE_ARN] == [old, new]
    assert ids(logzio) == [f"ledger {old}", f"trail {old}", f"ledger {new}", f"trail {new}"]
    assert "Two fetchers read each feed now" in next_steps(formation)
    reader.read()

    formation.deploy(template(logzio, Revision="3"))
    assert iam.roles[ROLE_ARN] == [old, new]
    assert ids(logzio) == [f"ledger {new}", f"trail {new}"]
    assert "the former one is still trusted" in next_steps(formation)
    reader.read()

    formation.deploy(template(logzio, Revision="4"))
    assert iam.roles[ROLE_ARN] == [new]
    assert ids(logzio) == [f"ledger {new}", f"trail {new}"]
    assert next_steps(formation).startswith("Nothing to do")
    reader.read()

    assert (reader.refused, reader.tries > 50) == ([], True)
    formation.destroy()
    assert is_clean(logzio)


def test_a_deploy_without_another_revision_does_not_begin_a_rotation(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    formation.deploy(template(logzio))
    old = logzio.accounts[TOKEN].external_id
    logzio.accounts[TOKEN].change_external_id()
    formation.deploy(template(logzio))
    assert iam.roles[ROLE_ARN] == [old]


def test_a_new_fetcher_that_logzio_refuses_leaves_the_former_one_and_its_trust(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    reader = Reader(logzio, iam)
    formation.deploy(template(logzio, Revision="1"))
    before = shown(logzio)
    old = logzio.accounts[TOKEN].external_id
    logzio.accounts[TOKEN].change_external_id()
    logzio.fail("POST", FETCHERS, Reply(403, {"message": "not today"}), times=99)
    with pytest.raises(FailedError, match="not today"):
        formation.deploy(template(logzio, Revision="2"))
    assert shown(logzio) == before
    assert iam.roles[ROLE_ARN] == [old]
    assert formation.answered["Account"] == formation.resources["Account"].data
    reader.read()
    assert reader.refused == []


def test_a_rotation_that_is_rolled_back_removes_the_new_fetchers_alone(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    reader = Reader(logzio, iam)
    formation.deploy(template(logzio, Revision="1"))
    before, old = shown(logzio), logzio.accounts[TOKEN].external_id
    logzio.accounts[TOKEN].change_external_id()
    formation.fail_before = "Last"
    with pytest.raises(FailedError):
        formation.deploy(template(logzio, Revision="2"))
    assert shown(logzio) == before
    assert formation.answered["Account"] == formation.resources["Account"].data
    assert reader.refused == []

    # Tried again under the same revision, it begins again.
    formation.fail_before = None
    formation.deploy(template(logzio, Revision="2"))
    assert iam.roles[ROLE_ARN] == [old, logzio.accounts[TOKEN].external_id]
    assert len(shown(logzio)) == 4


@pytest.mark.parametrize("step", [2, 3])
def test_a_later_step_that_is_rolled_back_leaves_fetchers_that_are_trusted(
    logzio: LogzioApi, formation: Formation, iam: Iam, step: int
) -> None:
    reader = Reader(logzio, iam)
    formation.deploy(template(logzio, Revision="1"))
    logzio.accounts[TOKEN].change_external_id()
    for number in range(2, step + 1):
        formation.deploy(template(logzio, Revision=str(number)))
    formation.fail_before = "Last"
    with pytest.raises(FailedError):
        formation.deploy(template(logzio, Revision=str(step + 1)))
    assert formation.answered["Account"] == formation.resources["Account"].data
    reader.read()
    assert reader.refused == []
    formation.fail_before = None
    for number in range(5, 8):
        formation.deploy(template(logzio, Revision=str(number)))
    assert iam.roles[ROLE_ARN] == [logzio.accounts[TOKEN].external_id]
    assert reader.refused == []


def test_two_changes_of_the_id_in_a_row_end_with_the_last_one(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    account, reader = logzio.accounts[TOKEN], Reader(logzio, iam)
    formation.deploy(template(logzio, "ledger", Revision="1"))
    first, second = account.external_id, account.change_external_id()
    formation.deploy(template(logzio, "ledger", Revision="2"))
    third = account.change_external_id()
    formation.deploy(template(logzio, "ledger", Revision="3"))
    assert iam.roles[ROLE_ARN] == [*sorted([first, second]), third]
    for number in range(4, 7):
        formation.deploy(template(logzio, "ledger", Revision=str(number)))
    assert iam.roles[ROLE_ARN] == [third]
    assert ids(logzio) == [f"ledger {third}"]
    assert reader.refused == []


def test_a_new_fetcher_that_was_deleted_by_hand_keeps_the_former_one_for_another_deploy(
    logzio: LogzioApi, formation: Formation
) -> None:
    account = logzio.accounts[TOKEN]
    formation.deploy(template(logzio, "ledger", Revision="1"))
    old, new = account.external_id, account.change_external_id()
    formation.deploy(template(logzio, "ledger", Revision="2"))
    account.fetchers.popitem()
    formation.deploy(template(logzio, "ledger", Revision="3"))
    assert ids(logzio) == [f"ledger {old}", f"ledger {new}"]


@pytest.mark.parametrize("is_carried_out", [False, True], ids=["not-done", "done"])
def test_a_lost_answer_in_a_rotation_makes_one_new_fetcher(
    logzio: LogzioApi, formation: Formation, is_carried_out: bool
) -> None:
    account = logzio.accounts[TOKEN]
    formation.deploy(template(logzio, "ledger", Revision="1"))
    old, new = account.external_id, account.change_external_id()
    logzio.fail("POST", FETCHERS, None, is_carried_out=is_carried_out)
    formation.deploy(template(logzio, "ledger", Revision="2"))
    assert ids(logzio) == [f"ledger {old}", f"ledger {new}"]


def test_an_id_that_changes_while_a_deploy_runs_is_not_used_before_it_is_trusted(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    account, real = logzio.accounts[TOKEN], logzio.answer
    details = f"{FETCHERS}/aws-assume-role-details"

    def changed_after_it_was_read(request: Any) -> Any:
        reply = real(request)
        if request.path == details and len([one for one in logzio.recorded if one.path == details]) == 1:
            account.change_external_id()
        return reply

    logzio.answer = changed_after_it_was_read  # type: ignore[method-assign]
    with pytest.raises(
        FailedError, match=r"another external id, which the role does not trust yet: change `connect.re"
    ):
        formation.deploy(template(logzio))
    assert is_clean(logzio)


def test_a_fetcher_made_by_hand_under_an_id_of_ones_own_moves_to_logzios(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    account = logzio.accounts[TOKEN]
    fetcher = by_hand(logzio)
    account.fetchers[fetcher].external_id = OWN
    iam.roles[ROLE_ARN] = [OWN]
    reader = Reader(logzio, iam)

    formation.deploy(template(logzio, "ledger", Adopt="true", FormerExternalIds=[OWN]))
    assert iam.roles[ROLE_ARN] == [OWN, account.external_id]
    assert ids(logzio) == [f"ledger {OWN}"]
    assert "take `adopt` out" in next_steps(formation)

    formation.deploy(template(logzio, "ledger", FormerExternalIds=[OWN]))
    assert ids(logzio) == [f"ledger {OWN}", f"ledger {account.external_id}"]

    formation.deploy(template(logzio, "ledger", FormerExternalIds=[OWN], Revision="2"))
    assert ids(logzio) == [f"ledger {account.external_id}"]
    assert "take it out of the settings" in next_steps(formation)

    formation.deploy(template(logzio, "ledger"))
    assert iam.roles[ROLE_ARN] == [account.external_id]
    reader.read()
    assert reader.refused == []
    formation.destroy()
    assert is_clean(logzio)


def test_an_id_that_is_taken_out_too_early_stays_trusted_as_long_as_a_fetcher_comes_with_it(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    account = logzio.accounts[TOKEN]
    account.fetchers[by_hand(logzio)].external_id = OWN
    iam.roles[ROLE_ARN] = [OWN]
    formation.deploy(template(logzio, "ledger", Adopt="true", FormerExternalIds=[OWN]))
    formation.deploy(template(logzio, "ledger"))
    assert iam.roles[ROLE_ARN] == [OWN, account.external_id]


def test_an_export_that_goes_in_the_middle_of_a_rotation_goes_whole(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(template(logzio, Revision="1"))
    logzio.accounts[TOKEN].change_external_id()
    formation.deploy(template(logzio, Revision="2"))
    formation.deploy(template(logzio, "ledger", Revision="2"))
    assert {one["logsType"] for one in shown(logzio).values()} == {"ledger"}
    assert {one["bucket"] for one in shown(logzio).values()} == {BUCKET}


def test_a_destroy_in_the_middle_of_a_rotation_leaves_nothing(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(template(logzio, Revision="1"))
    logzio.accounts[TOKEN].change_external_id()
    formation.deploy(template(logzio, Revision="2"))
    formation.destroy()
    assert is_clean(logzio)


def test_going_back_to_the_revision_before_drops_no_id_that_a_fetcher_comes_with(
    logzio: LogzioApi, formation: Formation, iam: Iam
) -> None:
    account, reader = logzio.accounts[TOKEN], Reader(logzio, iam)
    formation.deploy(template(logzio, "ledger", Revision="1"))
    old, new = account.external_id, account.change_external_id()
    formation.deploy(template(logzio, "ledger", Revision="2"))
    del account.fetchers[min(account.fetchers)]
    formation.deploy(template(logzio, "ledger", Revision="2", LogType="acme"))
    formation.deploy(template(logzio, "ledger", Revision="1", LogType="acme"))
    assert new in iam.roles[ROLE_ARN]
    assert ids(logzio) == [f"acme {new}"]
    assert old not in {one.external_id for one in account.fetchers.values()}
    assert reader.refused == []


@pytest.mark.parametrize("count", [12, pytest.param(100, marks=pytest.mark.proof)])
def test_many_exports_are_deployed_and_rotated_and_no_parameter_is_near_its_limit(
    logzio: LogzioApi, formation: Formation, iam: Iam, count: int
) -> None:
    exports = [f"an-export-with-a-long-name-{number:03}" for number in range(count)]
    account = logzio.accounts[TOKEN]
    formation.deploy(template(logzio, *exports, Revision="1"))
    for revision in ("2", "3", "4"):
        if revision == "2":
            account.change_external_id()
        formation.deploy(template(logzio, *exports, Revision=revision))
        assert max(map(len, remembered_values(STATE))) < 1024
    assert {one.external_id for one in account.fetchers.values()} == {account.external_id}
    assert (len(account.fetchers), iam.roles[ROLE_ARN]) == (count, [account.external_id])
    formation.destroy()
    assert is_clean(logzio)


def test_another_accounts_secret_ends_the_fetchers_of_the_former_account(
    logzio: LogzioApi, formation: Formation
) -> None:
    logzio.accounts["other-token"] = Account(id=7)
    aws.secrets_manager().create_secret(Name="acme/other-api", SecretString="other-token")
    formation.deploy(template(logzio))
    formation.deploy(template(logzio, Secret="acme/other-api"))
    assert (len(shown(logzio)), len(shown(logzio, "other-token"))) == (0, 2)
    formation.destroy()
    assert is_clean(logzio)


def test_what_an_earlier_release_remembers_in_one_parameter_is_kept_and_removed(
    logzio: LogzioApi, formation: Formation
) -> None:
    formation.deploy(template(logzio))
    before, entries = shown(logzio), state.entries(STATE)
    for object_id in entries:
        state.delete(STATE, object_id)
    aws.ssm().put_parameter(Name=STATE, Value=json.dumps(entries), Type="String")
    formation.deploy(template(logzio, Revision="2"))
    assert shown(logzio) == before
    formation.destroy()
    assert is_clean(logzio)
