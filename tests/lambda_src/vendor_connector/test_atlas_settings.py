"""Atlas: the project's alert, its auditing, its clusters' redaction; and both kinds of credential."""

import copy
import json
from typing import Any

import pytest
from vendor_connector import answers, aws

from local_cloud.vendors.mongodb_atlas.api import AtlasApi
from local_cloud.vendors.mongodb_atlas.callers import Callers
from local_cloud.vendors.server import Reply
from tests.lambda_src.vendor_connector.conftest import parameters, saved_parameters
from tests.lambda_src.vendor_connector.formation import Clock, FailedError, Formation, Template

PROJECT = "5e2211c17a3e5a48f5497de3"
FILTER = '{"atype": {"$in": ["authenticate", "createUser"]}}'
NOTIFICATION = {
    "typeName": "GROUP",
    "emailEnabled": True,
    "smsEnabled": False,
    "delayMin": 60,
    "intervalMin": 10080,
    "roles": ["GROUP_OWNER"],
}


def template(atlas: AtlasApi, operation: str, *, credential: str = "acme/atlas", **properties: Any) -> Template:
    return {
        "Resource": {
            "Type": "Custom::Logdock",
            "Operation": operation,
            "Secret": credential,
            "ApiBaseUrl": atlas.url,
            "ProjectId": PROJECT,
            "Adopt": "false",
            "StateParameter": f"/logdock/acme-prod/orders/{operation}",
            **properties,
        }
    }


def alert(atlas: AtlasApi, **properties: Any) -> Template:
    return template(atlas, "atlas-alert", **properties)


def auditing(atlas: AtlasApi, filter_text: str = FILTER, **properties: Any) -> Template:
    return template(atlas, "atlas-auditing", Filter=filter_text, AuthorizationSuccess="false", **properties)


def redaction(atlas: AtlasApi, *clusters: str) -> Template:
    return template(atlas, "atlas-redaction", Clusters=list(clusters))


def users_alert(atlas: AtlasApi, event: str = "HOST_EXTERNAL_LOG_SINK_EXPORT_DOWN") -> dict[str, Any]:
    found = {
        "id": "e" * 24,
        "eventTypeName": event,
        "enabled": True,
        "matchers": [],
        "notifications": [{**NOTIFICATION, "delayMin": 0, "notifierId": "f" * 24}],
    }
    atlas.projects[PROJECT].alerts["e" * 24] = found
    return dict(found)


def test_the_alert_is_as_the_vendors_page_asks(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(alert(atlas))
    (write,) = atlas.writes()
    assert write.body == {
        "eventTypeName": "HOST_EXTERNAL_LOG_SINK_EXPORT_DOWN",
        "enabled": True,
        "notifications": [NOTIFICATION],
    }
    formation.destroy()
    assert atlas.projects[PROJECT].alerts == {}
    assert not parameters()


def test_the_alert_notifies_the_recipients_of_the_settings(atlas: AtlasApi, formation: Formation) -> None:
    when = {"delayMin": 60, "intervalMin": 10080}
    first = {"typeName": "EMAIL", "emailAddress": "oncall@acme.example", **when}
    second = {"typeName": "SLACK", "integrationId": "a" * 24, "channelName": "#oncall", **when}
    formation.deploy(alert(atlas))
    formation.deploy(alert(atlas, Notifications=json.dumps([first, second])))
    (found,) = atlas.projects[PROJECT].alerts.values()
    shown = [{name: value for name, value in each.items() if name != "notifierId"} for each in found["notifications"]]
    assert shown == [first, second]
    writes = len(atlas.writes())
    found["notifications"].reverse()
    formation.deploy(alert(atlas, Notifications=json.dumps([first, second]), Revision="2"))
    assert len(atlas.writes()) == writes
    formation.deploy(alert(atlas, Revision="3"))
    (found,) = atlas.projects[PROJECT].alerts.values()
    assert [each["typeName"] for each in found["notifications"]] == ["GROUP"]


@pytest.mark.parametrize("channel", ["OPS_GENIE", "PAGER_DUTY", "VICTOR_OPS"])
def test_an_alert_whose_interval_atlas_does_not_show_is_not_sent_again(
    atlas: AtlasApi, formation: Formation, channel: str
) -> None:
    one = {"typeName": channel, "integrationId": "a" * 24, "delayMin": 60, "intervalMin": 10080}
    formation.deploy(alert(atlas, Notifications=json.dumps([one])))
    (found,) = atlas.projects[PROJECT].alerts.values()
    assert "intervalMin" not in found["notifications"][0]
    writes = len(atlas.writes())
    formation.deploy(alert(atlas, Notifications=json.dumps([one]), Revision="2"))
    assert len(atlas.writes()) == writes


def test_an_alert_whose_key_atlas_does_not_give_back_is_not_adopted(atlas: AtlasApi, formation: Formation) -> None:
    users_alert(atlas)
    found = atlas.projects[PROJECT].alerts["e" * 24]
    found["notifications"] = [{"typeName": "PAGER_DUTY", "serviceKey": "****1f0c", "delayMin": 0}]
    before = copy.deepcopy(found)
    with pytest.raises(
        FailedError, match=r"\(e{24}\) has serviceKey, which Atlas does not give back: it cannot be adopted"
    ):
        formation.deploy(alert(atlas, Adopt="true"))
    assert atlas.projects[PROJECT].alerts == {"e" * 24: before}


def test_an_alert_that_was_adopted_with_a_key_is_not_put_back_without_it(atlas: AtlasApi, formation: Formation) -> None:
    """A release that adopted such alerts has saved the key as Atlas shows it."""
    users_alert(atlas)
    formation.deploy(alert(atlas, Adopt="true"))
    (name,) = saved_parameters()
    saved = json.loads(aws.ssm().get_parameter(Name=name)["Parameter"]["Value"])
    saved["entry"]["adopted"]["notifications"] = [{"typeName": "PAGER_DUTY", "serviceKey": "****1f0c"}]
    aws.ssm().put_parameter(Name=name, Value=json.dumps(saved), Overwrite=True)
    writes = len(atlas.writes())
    formation.destroy()
    assert len(atlas.writes()) == writes
    assert not parameters()


def test_an_adopted_alert_of_an_integration_is_put_back_without_what_is_redacted(
    atlas: AtlasApi, formation: Formation
) -> None:
    users_alert(atlas)
    one = {"typeName": "WEBHOOK", "integrationId": "a" * 24, "delayMin": 0, "intervalMin": 5}
    shown = {**one, "webhookUrl": "https://hooks.example/****", "webhookSecret": "****"}
    atlas.projects[PROJECT].alerts["e" * 24]["notifications"] = [shown]
    formation.deploy(alert(atlas, Adopt="true"))
    formation.destroy()
    assert atlas.writes()[-1].body["notifications"] == [one]


def test_an_alert_list_without_end_is_given_up(
    atlas: AtlasApi, formation: Formation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_PAGES", 5)
    page = {"results": [{"id": "f" * 24, "eventTypeName": "HOST_DOWN"}] * 500}
    atlas.fail("GET", "/alertConfigs", Reply(200, page), times=10**6)
    with pytest.raises(FailedError, match="a list has more than 5 pages of 500"):
        formation.deploy(alert(atlas))
    assert atlas.writes() == []


def test_a_silenced_alert_is_fixed_by_a_revision(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(alert(atlas))
    (found,) = atlas.projects[PROJECT].alerts.values()
    found["enabled"] = False
    formation.deploy(alert(atlas, Revision="2"))
    (found,) = atlas.projects[PROJECT].alerts.values()
    assert found["enabled"] is True


def test_alerts_are_looked_for_on_every_page(atlas: AtlasApi, formation: Formation) -> None:
    project = atlas.projects[PROJECT]
    for number in range(500):
        other = users_alert(atlas, "HOST_DOWN")
        project.alerts[f"{number:024x}"] = {**other, "id": f"{number:024x}"}
    users_alert(atlas)
    with pytest.raises(FailedError, match=r"an alert of the event .* exists already \(e{24}\)"):
        formation.deploy(alert(atlas))


def test_an_alert_for_something_else_is_ignored(atlas: AtlasApi, formation: Formation) -> None:
    users_alert(atlas, "HOST_DOWN")
    formation.deploy(alert(atlas))
    formation.destroy()
    assert list(atlas.projects[PROJECT].alerts) == ["e" * 24]


def test_an_adopted_alert_is_put_back(atlas: AtlasApi, formation: Formation) -> None:
    before = users_alert(atlas)
    formation.deploy(alert(atlas, Adopt="true"))
    assert atlas.projects[PROJECT].alerts["e" * 24]["notifications"][0]["delayMin"] == 60
    formation.destroy()
    found = atlas.projects[PROJECT].alerts["e" * 24]
    assert {name: found[name] for name in before} == before


def test_auditing_is_switched_on_and_put_back(atlas: AtlasApi, formation: Formation) -> None:
    before = dict(atlas.projects[PROJECT].auditing)
    formation.deploy(auditing(atlas))
    assert atlas.projects[PROJECT].auditing == {
        "enabled": True,
        "auditFilter": FILTER,
        "auditAuthorizationSuccess": False,
    }
    formation.destroy()
    assert atlas.projects[PROJECT].auditing["enabled"] is before["enabled"] is False
    assert not parameters()


def test_another_filter_is_one_write_and_what_was_first_is_put_back(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(auditing(atlas))
    writes = len(atlas.writes())
    formation.deploy(auditing(atlas, '{"atype": "authCheck"}'))
    assert len(atlas.writes()) == writes + 1
    formation.destroy()
    assert atlas.projects[PROJECT].auditing["enabled"] is False


def test_a_filter_that_atlas_spells_differently_is_the_same(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(auditing(atlas))
    atlas.projects[PROJECT].auditing["auditFilter"] = json.dumps(json.loads(FILTER), separators=(",", ":"))
    writes = len(atlas.writes())
    formation.deploy(auditing(atlas, Revision="2"))
    assert len(atlas.writes()) == writes
    formation.destroy()
    assert atlas.projects[PROJECT].auditing["enabled"] is False


def test_foreign_auditing_is_refused_unless_adopted(atlas: AtlasApi, formation: Formation) -> None:
    theirs = {"enabled": True, "auditFilter": "{}", "auditAuthorizationSuccess": True}
    atlas.projects[PROJECT].auditing = dict(theirs)
    with pytest.raises(FailedError, match=r"database auditing is on in this project already, with another filter"):
        formation.deploy(auditing(atlas))
    assert not atlas.writes()
    formation.deploy(auditing(atlas, Adopt="true"))
    formation.destroy()
    assert atlas.projects[PROJECT].auditing == theirs


def test_auditing_that_is_as_asked_already_is_left_and_stays(atlas: AtlasApi, formation: Formation) -> None:
    atlas.projects[PROJECT].auditing = {"enabled": True, "auditFilter": FILTER, "auditAuthorizationSuccess": False}
    formation.deploy(auditing(atlas))
    formation.destroy()
    assert not atlas.writes()
    assert atlas.projects[PROJECT].auditing["enabled"] is True


def test_auditing_that_was_changed_since_is_left(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(auditing(atlas))
    atlas.projects[PROJECT].auditing["auditFilter"] = "{}"
    writes = len(atlas.writes())
    formation.destroy()
    assert len(atlas.writes()) == writes
    assert not parameters()


def test_redaction_restarts_only_the_clusters_that_need_it_and_waits(
    atlas: AtlasApi, formation: Formation, clock: Clock
) -> None:
    atlas.projects[PROJECT].clusters = {
        "Cluster0": {"redactClientLogData": False},
        "Cluster1": {"redactClientLogData": True},
    }
    atlas.projects[PROJECT].restart_looks = 3
    begun = clock.now()
    formation.deploy(redaction(atlas, "Cluster0", "Cluster1"))
    assert [one.path.rpartition("/")[2] for one in atlas.writes()] == ["Cluster0"]
    assert clock.now() - begun == 20
    formation.destroy()
    assert [one["redactClientLogData"] for one in atlas.projects[PROJECT].clusters.values()] == [False, True]


def test_a_cluster_that_is_no_longer_asked_for_is_put_back(atlas: AtlasApi, formation: Formation) -> None:
    clusters = atlas.projects[PROJECT].clusters
    clusters |= {name: {"redactClientLogData": False} for name in ("Cluster0", "Cluster1")}
    formation.deploy(redaction(atlas, "Cluster0", "Cluster1"))
    formation.deploy(redaction(atlas, "Cluster1"))
    assert [one["redactClientLogData"] for one in clusters.values()] == [False, True]
    formation.destroy()
    assert [one["redactClientLogData"] for one in clusters.values()] == [False, False]
    assert not parameters()


def test_a_cluster_that_does_not_exist_is_named_before_any_restart(atlas: AtlasApi, formation: Formation) -> None:
    atlas.projects[PROJECT].clusters["Cluster0"] = {"redactClientLogData": False}
    with pytest.raises(FailedError, match=rf"project {PROJECT} has no cluster Clutser1"):
        formation.deploy(redaction(atlas, "Cluster0", "Clutser1"))
    assert not atlas.writes()


def test_a_cluster_that_was_deleted_needs_nothing(atlas: AtlasApi, formation: Formation) -> None:
    atlas.projects[PROJECT].clusters["Cluster0"] = {"redactClientLogData": False}
    formation.deploy(redaction(atlas, "Cluster0"))
    atlas.projects[PROJECT].clusters.clear()
    formation.destroy()
    assert not parameters()


def test_redaction_that_atlas_takes_and_does_not_do_is_a_failure(atlas: AtlasApi, formation: Formation) -> None:
    atlas.projects[PROJECT].clusters["Cluster0"] = {"redactClientLogData": False}
    atlas.fail("PATCH", "/clusters", Reply(200, {}), times=1_000)
    with pytest.raises(FailedError, match="Atlas took the change of cluster Cluster0 and does not show it"):
        formation.deploy(redaction(atlas, "Cluster0"))


def test_redaction_that_is_not_taken_back_stays_saved(atlas: AtlasApi, formation: Formation) -> None:
    atlas.projects[PROJECT].clusters["Cluster0"] = {"redactClientLogData": False}
    formation.deploy(redaction(atlas, "Cluster0"))
    atlas.fail("PATCH", "/clusters", Reply(200, {}), times=1_000)
    with pytest.raises(FailedError, match="does not show it"):
        formation.destroy()
    assert len(saved_parameters()) == 1


def test_auditing_that_atlas_takes_and_does_not_do_is_a_failure(atlas: AtlasApi, formation: Formation) -> None:
    atlas.fail("PATCH", "/auditLog", Reply(200, {}), times=1_000)
    with pytest.raises(FailedError, match="took database auditing and does not show it as it was sent"):
        formation.deploy(auditing(atlas))


@pytest.mark.parametrize("expires_in", [None, 0, -5, 10**400], ids=["none", "zero", "negative", "huge"])
def test_a_token_is_used_whatever_its_lifetime(
    atlas: AtlasApi, formation: Formation, monkeypatch: pytest.MonkeyPatch, expires_in: Any
) -> None:
    original = Callers.sign_in

    def sign_in(callers: Callers, request: Any) -> Reply:
        reply = original(callers, request)
        return Reply(reply.status, {**reply.document, "expires_in": expires_in})

    monkeypatch.setattr(Callers, "sign_in", sign_in)
    if expires_in == 10**400:
        with pytest.raises(FailedError, match="POST /api/oauth/token: its field expires_in is a number and must be"):
            formation.deploy(alert(atlas))
    else:
        formation.deploy(alert(atlas))
        assert len(atlas.projects[PROJECT].alerts) == 1


def test_a_cluster_that_is_being_changed_is_waited_for(atlas: AtlasApi, formation: Formation) -> None:
    atlas.projects[PROJECT].clusters["Cluster0"] = {"redactClientLogData": False}
    atlas.fail("PATCH", "/clusters", Reply(409, {"error": 409, "errorCode": "CLUSTER_UPDATE_IN_PROGRESS"}), times=3)
    formation.deploy(redaction(atlas, "Cluster0"))
    assert atlas.projects[PROJECT].clusters["Cluster0"]["redactClientLogData"] is True


def test_digest_keys_do_as_well_as_a_service_account(atlas: AtlasApi, formation: Formation) -> None:
    atlas.callers.api_keys["abcdefgh"] = "7d1c8f3b-7e64-4f4a-9d0e-6a864c0da3f5"
    keys = {"public_key": "abcdefgh", "private_key": "7d1c8f3b-7e64-4f4a-9d0e-6a864c0da3f5"}
    aws.secrets_manager().create_secret(Name="acme/keys", SecretString=json.dumps(keys))
    formation.deploy(alert(atlas, credential="acme/keys"))
    formation.deploy(auditing(atlas, credential="acme/keys"))
    formation.destroy()
    assert not any(atlas.is_sign_in(one.path) for one in atlas.recorded)


@pytest.mark.parametrize(
    "value",
    [
        {"client_id": "mdb_sa_id_1", "client_secret": "wrong"},
        {"public_key": "abcdefgh", "private_key": "wrong"},
    ],
    ids=["service-account", "digest"],
)
def test_a_wrong_credential_is_reported_before_anything_is_created(
    atlas: AtlasApi, formation: Formation, value: dict[str, str]
) -> None:
    aws.secrets_manager().create_secret(Name="acme/wrong", SecretString=json.dumps(value))
    with pytest.raises(FailedError, match=r"answered 401: .*Atlas does not accept the credential: .*not expired"):
        formation.deploy(alert(atlas, credential="acme/wrong"))
    assert not atlas.writes()


def test_a_secret_that_the_new_role_may_not_read_yet_is_waited_for(
    atlas: AtlasApi, formation: Formation, wire: Any
) -> None:
    wire.refuse("GetSecretValue", "AccessDeniedException", times=3)
    formation.deploy(alert(atlas))
    assert len(atlas.projects[PROJECT].alerts) == 1


def test_a_missing_role_is_named(atlas: AtlasApi, formation: Formation) -> None:
    atlas.callers.read_only.add("mdb_sa_id_1")
    with pytest.raises(FailedError, match=r"USER_UNAUTHORIZED.*it needs Project Owner"):
        formation.deploy(alert(atlas))


def test_one_token_serves_many_requests(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(alert(atlas))
    formation.destroy()
    assert len([one for one in atlas.recorded if atlas.is_sign_in(one.path)]) == 1


def test_a_token_that_was_revoked_is_replaced(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(alert(atlas))
    atlas.callers.tokens.clear()
    formation.destroy()
    assert atlas.projects[PROJECT].alerts == {}


def test_a_token_is_not_used_to_its_last_second(atlas: AtlasApi, formation: Formation, clock: Clock) -> None:
    formation.deploy(alert(atlas))
    clock.seconds += 3400
    formation.destroy()
    assert len([one for one in atlas.recorded if atlas.is_sign_in(one.path)]) == 2


def test_a_rotated_secret_is_read_anew(atlas: AtlasApi, formation: Formation) -> None:
    formation.deploy(alert(atlas))
    atlas.callers.service_accounts = {"mdb_sa_id_1": "rotated"}
    atlas.callers.tokens.clear()
    value = json.dumps({"client_id": "mdb_sa_id_1", "client_secret": "rotated"})
    aws.secrets_manager().put_secret_value(SecretId="acme/atlas", SecretString=value)
    formation.destroy()
    assert atlas.projects[PROJECT].alerts == {}


def test_the_rate_limit_is_waited_out(atlas: AtlasApi, formation: Formation, clock: Clock) -> None:
    atlas.fail("POST", "/alertConfigs", Reply(429, {"error": 429, "errorCode": "RATE_LIMITED"}, {"Retry-After": "9"}))
    formation.deploy(alert(atlas))
    assert clock.slept == [9.0]
    assert len(atlas.projects[PROJECT].alerts) == 1
