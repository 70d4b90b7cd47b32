"""CockroachDB Cloud: the look at the cluster, then the log export, in the stack's order and with its references."""

import json
from typing import Any

import pytest
from vendor_connector import answers

from local_cloud.vendors.cockroachdb.api import Cluster, CockroachdbApi
from local_cloud.vendors.server import Reply
from tests.lambda_src.vendor_connector.conftest import parameters, saved_parameters
from tests.lambda_src.vendor_connector.formation import ROLE, Clock, FailedError, Formation, Get, Iam, Template

CLUSTER = "f78b7feb-b6cf-4396-9d7f-494982d7d81e"
OTHER_CLUSTER = "0d2a1b1e-7b1f-4c55-9b3e-3f1a0f2f6c11"
ROLE_ARN = "arn:aws:iam::111122223333:role/acme-prod-ledger"
STATE = "/logdock/acme-prod/ledger/cockroachdb-log-export"
GROUPS: list[dict[str, Any]] = [
    {"log_name": "/acme/ledger-sql", "channels": ["SQL_EXEC", "SQL_SCHEMA"], "min_level": "UNSPECIFIED"},
    {"log_name": "/acme/ledger-ops", "channels": ["OPS"], "min_level": "WARNING", "redact": False},
]


def template(cockroach: CockroachdbApi, **changes: Any) -> Template:
    """Return what the stack has; changes go to the custom resource that knows them."""
    target = {
        "Secret": "acme/cockroach",
        "ApiBaseUrl": cockroach.url,
        "ClusterId": changes.pop("ClusterId", CLUSTER),
        "Adopt": changes.pop("Adopt", "false"),
        "StateParameter": STATE,
        **({"Revision": changes.pop("Revision")} if "Revision" in changes else {}),
    }
    plan, regions = changes.pop("Plan", "ADVANCED"), changes.pop("Regions", [])
    external_id = changes.pop("ExternalId", "6d1f0c5be8a14c6f9f0d2b7a")
    trusted = changes.pop("Trusted", external_id or target["ClusterId"])
    return {
        "Cluster": {
            "Type": "Custom::LogdockCockroachdbCluster",
            "Operation": "cockroachdb-cluster",
            **target,
            "Plan": plan,
            "Regions": regions,
        },
        "Role": {"Type": ROLE, "Arn": ROLE_ARN, "ExternalIds": [trusted], "Account": Get("Cluster", "AccountId")},
        "LogExport": {
            "Type": "Custom::LogdockCockroachdbLogExport",
            "Operation": "cockroachdb-log-export",
            **target,
            "RoleArn": Get("Role", "Arn"),
            **({"ExternalId": external_id} if external_id else {}),
            **({} if regions else {"Region": "eu-west-1"}),
            "LogName": "/acme/ledger",
            "Redact": "true",
            "OmittedChannels": ["SQL_PERF"],
            "Groups": json.dumps(GROUPS),
            **changes,
        },
        "Last": {"Type": ROLE, "Arn": "arn:aws:iam::111122223333:role/last", "ExternalIds": []},
    }


def is_clean(cockroach: CockroachdbApi) -> bool:
    return not any(cluster.spec for cluster in cockroach.clusters.values()) and not parameters()


def spec_of(cockroach: CockroachdbApi, cluster_id: str = CLUSTER) -> dict[str, Any]:
    spec = cockroach.clusters[cluster_id].spec
    assert spec is not None
    return spec


def by_hand(cockroach: CockroachdbApi, **changes: Any) -> dict[str, Any]:
    """Enable an export as a person does; return what it is set to."""
    spec = {
        "type": "AWS_CLOUDWATCH",
        "log_name": "/by/hand",
        "auth_principal": "arn:aws:iam::111122223333:role/by-hand",
        "redact": False,
        "omitted_channels": [],
        "groups": [],
        **changes,
    }
    info = {"cluster_id": CLUSTER, "spec": spec, "status": "ENABLED", "user_message": "", "updated_at": "x"}
    cockroach.clusters[CLUSTER].info = {**info, "created_at": "x"}
    return spec


def test_one_deploy_enables_the_export(cockroach: CockroachdbApi, formation: Formation, iam: Iam) -> None:
    formation.deploy(template(cockroach))

    assert formation.resources["Cluster"].data == {"AccountId": "222233334444"}
    assert formation.resources["LogExport"].data == {"Status": "ENABLED"}
    assert spec_of(cockroach) == {
        "type": "AWS_CLOUDWATCH",
        "log_name": "/acme/ledger",
        "auth_principal": ROLE_ARN,
        "aws_external_id": "6d1f0c5be8a14c6f9f0d2b7a",
        "redact": True,
        "region": "eu-west-1",
        "omitted_channels": ["SQL_PERF"],
        "groups": GROUPS,
    }
    assert iam.written == [f"eu-west-1//acme/{name}" for name in ("ledger", "ledger-sql", "ledger-ops")]
    assert [one.method for one in cockroach.writes()] == ["POST"]


def test_each_region_has_its_own_logs_where_the_settings_name_all(
    cockroach: CockroachdbApi, formation: Formation, iam: Iam
) -> None:
    cockroach.clusters[CLUSTER].regions = ("eu-west-1", "us-east-1")
    formation.deploy(template(cockroach, Regions=["eu-west-1", "us-east-1"], Groups="[]"))
    assert "region" not in spec_of(cockroach)
    assert iam.written == ["eu-west-1//acme/ledger", "us-east-1//acme/ledger"]


def test_standard_comes_from_its_keychain_with_the_clusters_id(cockroach: CockroachdbApi, formation: Formation) -> None:
    cockroach.clusters[CLUSTER] = Cluster(plan="STANDARD", account_id="333344445555")
    formation.deploy(template(cockroach, Plan="STANDARD", ExternalId=""))
    assert formation.resources["Cluster"].data == {"AccountId": "333344445555"}
    assert "aws_external_id" not in spec_of(cockroach)


def test_only_one_account_is_trusted(cockroach: CockroachdbApi, formation: Formation, iam: Iam) -> None:
    cockroach.clusters[CLUSTER].account_id = "*"
    with pytest.raises(FailedError, match="names no AWS account that a role could trust"):
        formation.deploy(template(cockroach))
    assert iam.roles == {}
    assert not cockroach.writes()


def test_a_region_that_the_settings_do_not_name_is_refused_by_name(
    cockroach: CockroachdbApi, formation: Formation, iam: Iam
) -> None:
    cockroach.clusters[CLUSTER].regions = ("ap-south-1", "eu-west-1", "us-east-1")
    with pytest.raises(FailedError, match=r"has nodes in ap-south-1, us-east-1, which `regions` does not name"):
        formation.deploy(template(cockroach, Regions=["eu-west-1", "eu-west-2"]))
    assert iam.roles == {}
    assert not cockroach.writes()


def test_a_new_region_of_the_cluster_is_reported_and_rolled_back(
    cockroach: CockroachdbApi, formation: Formation
) -> None:
    formation.deploy(template(cockroach, Regions=["eu-west-1"]))
    before, writes = spec_of(cockroach), len(cockroach.writes())
    cockroach.clusters[CLUSTER].regions += ("us-east-1",)
    for _ in range(2):
        with pytest.raises(FailedError, match="has nodes in us-east-1, which `regions` does not name"):
            formation.deploy(template(cockroach, Regions=["eu-west-1"], Revision="2"))
    assert (spec_of(cockroach), len(cockroach.writes())) == (before, writes)
    formation.destroy()
    assert is_clean(cockroach)


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (Cluster(cloud="GCP"), "runs on GCP; only clusters on AWS write to CloudWatch Logs"),
        (Cluster(plan="STANDARD"), "on the plan STANDARD, and the settings say ADVANCED: set `plan: standard`"),
        (Cluster(plan="BASIC"), "on the plan BASIC, .* only Advanced and Standard clusters export logs"),
        (Cluster(state="DELETED"), "was deleted in CockroachDB Cloud"),
    ],
    ids=["gcp", "standard", "basic", "deleted"],
)
def test_a_cluster_that_does_not_fit_is_refused_before_anything_is_made(
    cockroach: CockroachdbApi, formation: Formation, cluster: Cluster, said: str
) -> None:
    cockroach.clusters[CLUSTER] = cluster
    with pytest.raises(FailedError, match=said):
        formation.deploy(template(cockroach))
    assert not cockroach.writes()
    assert not parameters()


def test_a_missing_cluster_is_reported(cockroach: CockroachdbApi, formation: Formation) -> None:
    with pytest.raises(FailedError, match=rf"has no cluster {OTHER_CLUSTER}, .*check `cluster_id`"):
        formation.deploy(template(cockroach, ClusterId=OTHER_CLUSTER))


def test_a_wrong_key_is_reported_without_showing_it(cockroach: CockroachdbApi, formation: Formation) -> None:
    cockroach.api_keys.clear()
    with pytest.raises(FailedError, match=r"answered 401: .* does not accept the credential"):
        formation.deploy(template(cockroach))


def test_a_read_only_key_is_reported(cockroach: CockroachdbApi, formation: Formation) -> None:
    cockroach.read_only = cockroach.api_keys
    with pytest.raises(FailedError, match="it needs Cluster Admin or Cluster Operator Writer on this cluster"):
        formation.deploy(template(cockroach))
    assert is_clean(cockroach)


def test_waits_while_the_service_refuses_the_role(cockroach: CockroachdbApi, formation: Formation) -> None:
    cockroach.refusals = 3
    formation.deploy(template(cockroach))
    assert formation.resources["LogExport"].data == {"Status": "ENABLED"}
    assert len(cockroach.writes()) == 4


def test_waits_for_the_nodes_longer_than_for_anything_else(
    cockroach: CockroachdbApi, formation: Formation, clock: Clock
) -> None:
    cockroach.clusters[CLUSTER].looks = 200
    begun = clock.now()
    formation.deploy(template(cockroach))
    assert clock.now() - begun > 600
    assert [one.method for one in cockroach.writes()] == ["POST"]


def test_a_failure_in_the_nodes_is_reported_at_once_and_disabled(
    cockroach: CockroachdbApi, formation: Formation, clock: Clock
) -> None:
    cockroach.failures = ["log group /acme/ledger-ops does not exist"]
    begun = clock.now()
    with pytest.raises(FailedError, match="ENABLE_FAILED: log group /acme/ledger-ops does not exist"):
        formation.deploy(template(cockroach))
    assert clock.now() - begun < 120
    assert is_clean(cockroach)


def test_the_next_deploy_tries_again_what_failed(cockroach: CockroachdbApi, formation: Formation) -> None:
    cockroach.failures = ["no such log group"]
    with pytest.raises(FailedError, match="no such log group"):
        formation.deploy(template(cockroach), rollback=False)
    formation.deploy(template(cockroach, Revision="2"))
    assert formation.resources["LogExport"].data == {"Status": "ENABLED"}


def test_a_failed_update_goes_back_to_what_was(cockroach: CockroachdbApi, formation: Formation) -> None:
    formation.deploy(template(cockroach))
    before = spec_of(cockroach)
    cockroach.failures = ["no such log group"]
    with pytest.raises(FailedError, match="no such log group"):
        formation.deploy(template(cockroach, LogName="/acme/other"))
    assert spec_of(cockroach) == before
    assert cockroach.clusters[CLUSTER].info["status"] == "ENABLED"  # type: ignore[index]


def test_one_destroy_disables_it_and_waits(cockroach: CockroachdbApi, formation: Formation, clock: Clock) -> None:
    formation.deploy(template(cockroach))
    cockroach.clusters[CLUSTER].looks = 5
    begun = clock.now()
    formation.destroy()
    assert is_clean(cockroach)
    assert clock.now() - begun > 30
    assert [one.method for one in cockroach.writes()] == ["POST", "DELETE"]


def test_a_failure_to_disable_is_reported_and_tried_again(cockroach: CockroachdbApi, formation: Formation) -> None:
    formation.deploy(template(cockroach))
    cockroach.failures = ["a node is down"]
    with pytest.raises(FailedError, match="DISABLE_FAILED: a node is down"):
        formation.destroy()
    formation.destroy()
    assert is_clean(cockroach)


def test_what_the_service_fills_in_or_orders_otherwise_is_no_difference(
    cockroach: CockroachdbApi, formation: Formation
) -> None:
    formation.deploy(template(cockroach))
    spec = spec_of(cockroach)
    spec["groups"] = [
        {**group, "redact": group.get("redact", True), "channels": group["channels"][::-1]}
        for group in reversed(spec["groups"])
    ]
    writes = len(cockroach.writes())
    formation.deploy(template(cockroach, Revision="2"))
    assert len(cockroach.writes()) == writes


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"LogName": "/acme/other"}, {"log_name": "/acme/other"}),
        ({"Redact": "false"}, {"redact": False}),
        ({"Region": "us-east-1"}, {"region": "us-east-1"}),
        ({"OmittedChannels": []}, {"omitted_channels": []}),
        ({"Groups": "[]"}, {"groups": []}),
        (
            {"Groups": json.dumps([{**GROUPS[0], "min_level": "ERROR"}])},
            {"groups": [{**GROUPS[0], "min_level": "ERROR"}]},
        ),
        ({"ExternalId": "7e2f"}, {"aws_external_id": "7e2f"}),
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_update_is_one_request_and_changes_nothing_else(
    cockroach: CockroachdbApi, formation: Formation, change: dict[str, Any], expected: dict[str, Any]
) -> None:
    formation.deploy(template(cockroach))
    before, writes = spec_of(cockroach), len(cockroach.writes())
    formation.deploy(template(cockroach, **change))
    assert [one.method for one in cockroach.writes()[writes:]] == ["POST"]
    assert spec_of(cockroach) == {**before, **expected}


def test_redaction_is_changed_where_no_group_inherits_it(cockroach: CockroachdbApi, formation: Formation) -> None:
    formation.deploy(template(cockroach, Groups="[]"))
    formation.deploy(template(cockroach, Groups="[]", Redact="false"))
    assert spec_of(cockroach)["redact"] is False


def test_another_cluster_is_enabled_before_the_old_one_is_disabled(
    cockroach: CockroachdbApi, formation: Formation
) -> None:
    cockroach.clusters[OTHER_CLUSTER] = Cluster(account_id="333344445555")
    formation.deploy(template(cockroach))
    writes = len(cockroach.writes())
    formation.deploy(template(cockroach, ClusterId=OTHER_CLUSTER))
    assert [(one.method, one.path.split("/")[4]) for one in cockroach.writes()[writes:]] == [
        ("POST", OTHER_CLUSTER),
        ("DELETE", CLUSTER),
    ]
    assert cockroach.clusters[CLUSTER].spec is None
    formation.destroy()
    assert is_clean(cockroach)


def test_a_replacement_that_fails_leaves_the_old_cluster_as_it_was(
    cockroach: CockroachdbApi, formation: Formation
) -> None:
    cockroach.clusters[OTHER_CLUSTER] = Cluster(account_id="333344445555")
    formation.deploy(template(cockroach))
    before = spec_of(cockroach)
    cockroach.failures = ["no such log group"]
    with pytest.raises(FailedError, match="no such log group"):
        formation.deploy(template(cockroach, ClusterId=OTHER_CLUSTER))
    assert spec_of(cockroach) == before
    assert cockroach.clusters[OTHER_CLUSTER].spec is None


@pytest.mark.parametrize(
    ("method", "reply", "times"),
    [
        ("POST", Reply(400, {"code": 9, "message": "couldn't lock cluster"}), 65),
        ("POST", Reply(503, {"code": 14, "message": "cluster is busy"}), 100),
        ("DELETE", Reply(503, {"code": 14, "message": "cluster is busy"}), 100),
    ],
    ids=["locked", "not-enabled", "not-disabled"],
)
def test_a_busy_cluster_is_waited_for(
    cockroach: CockroachdbApi,
    formation: Formation,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    reply: Reply,
    times: int,
) -> None:
    # 670 s with the jitter of every pause at its mean; with any, now and then less than 650
    monkeypatch.setattr("random.uniform", lambda least, most: (least + most) / 2)
    cockroach.fail(method, "/logexport", reply, times=times)
    begun = clock.now()
    formation.deploy(template(cockroach))
    formation.destroy()
    assert clock.now() - begun > 650
    assert is_clean(cockroach)


def test_a_key_that_the_vendor_repeats_is_not_shown(cockroach: CockroachdbApi, formation: Formation) -> None:
    key = next(iter(cockroach.api_keys))
    cockroach.fail("GET", "/clusters", Reply(400, {"code": 3, "message": f"the key {key} is not for this"}))
    with pytest.raises(FailedError, match=r"the key \*\*\* is not for this"):
        formation.deploy(template(cockroach))


def test_a_destroy_after_everything_was_deleted_by_hand(cockroach: CockroachdbApi, formation: Formation) -> None:
    formation.deploy(template(cockroach))
    cockroach.clusters[CLUSTER].info = None
    writes = len(cockroach.writes())
    formation.destroy()
    assert len(cockroach.writes()) == writes
    assert not parameters()


def test_a_foreign_export_is_refused_before_anything_is_made(
    cockroach: CockroachdbApi, formation: Formation, iam: Iam
) -> None:
    by_hand(cockroach)
    with pytest.raises(FailedError, match=r"has a log export already, to /by/hand .*`connect.adopt: true`"):
        formation.deploy(template(cockroach))
    assert iam.roles == {}
    assert not cockroach.writes()
    assert not parameters()


@pytest.mark.parametrize("status", [None, 7, "absent"])
def test_an_export_without_a_status_is_not_overwritten(
    cockroach: CockroachdbApi, formation: Formation, status: Any
) -> None:
    before = dict(by_hand(cockroach))
    info = cockroach.clusters[CLUSTER].info
    assert info is not None
    shown = {name: value for name, value in info.items() if name != "status"}
    shown |= {} if status == "absent" else {"status": status}
    cockroach.fail("GET", "/logexport", Reply(200, shown), times=10**6)
    with pytest.raises(FailedError, match=r"logexport: its field status is (missing|a number) and must be a string"):
        formation.deploy(template(cockroach))
    assert spec_of(cockroach) == before
    assert cockroach.writes() == []


def test_an_export_without_its_spec_is_not_overwritten(cockroach: CockroachdbApi, formation: Formation) -> None:
    by_hand(cockroach)
    cockroach.fail("GET", "/logexport", Reply(200, {"status": "ENABLED"}), times=10**6)
    with pytest.raises(FailedError, match="has a log export already"):
        formation.deploy(template(cockroach))
    assert cockroach.writes() == []


def test_a_list_of_clusters_without_end_is_given_up(
    cockroach: CockroachdbApi, formation: Formation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_PAGES", 5)
    formation.deploy(template(cockroach))
    del cockroach.clusters[CLUSTER]
    page = {"clusters": [{"id": OTHER_CLUSTER, "state": "CREATED"}], "pagination": {"next_page": "again"}}
    cockroach.fail("GET", f"/api/v1/clusters/{CLUSTER}", Reply(404, {"code": 5}), times=10**6)
    cockroach.fail("GET", "/api/v1/clusters", Reply(200, page), times=10**6)
    with pytest.raises(FailedError, match="the list of clusters has more than 5 pages"):
        formation.destroy()
    assert saved_parameters()


def test_an_adopted_export_gets_what_is_asked_and_is_put_back(cockroach: CockroachdbApi, formation: Formation) -> None:
    before = by_hand(cockroach, aws_external_id="theirs", groups=[{**GROUPS[1]}])
    formation.deploy(template(cockroach, Adopt="true"))
    assert spec_of(cockroach)["auth_principal"] == ROLE_ARN
    assert [one.method for one in cockroach.writes()] == ["POST"]
    formation.destroy()
    assert spec_of(cockroach) == before
    assert not parameters()


def test_one_that_is_being_disabled_is_waited_for(cockroach: CockroachdbApi, formation: Formation) -> None:
    by_hand(cockroach)
    cockroach.clusters[CLUSTER].info["status"] = "DISABLING"  # type: ignore[index]
    cockroach.clusters[CLUSTER].left = 3
    formation.deploy(template(cockroach))
    assert spec_of(cockroach)["auth_principal"] == ROLE_ARN
