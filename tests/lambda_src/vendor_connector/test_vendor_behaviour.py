"""How the connector takes what a vendor does: late lists, outages, deletions, refusals, limits. For every vendor."""

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from vendor_connector import public_text
from vendor_connector.public_text import MAX_BYTES
from vendor_connector.vendors.mongodb_atlas import api as atlas_api

from local_cloud.vendors.cockroachdb.api import CockroachdbApi
from local_cloud.vendors.logzio.api import LogzioApi
from local_cloud.vendors.mongodb_atlas.api import AtlasApi
from local_cloud.vendors.mongodb_atlas.project import Project
from local_cloud.vendors.server import Reply, VendorApi, error_page
from tests.conftest import covering
from tests.lambda_src.vendor_connector import test_atlas_log_export as of_atlas
from tests.lambda_src.vendor_connector import test_atlas_settings as of_atlas_settings
from tests.lambda_src.vendor_connector import test_aurora_audit as of_aurora
from tests.lambda_src.vendor_connector import test_cockroachdb as of_cockroachdb
from tests.lambda_src.vendor_connector import test_logzio_fetchers as of_logzio
from tests.lambda_src.vendor_connector.conftest import COCKROACH_KEY, LOGZIO_TOKEN, PROJECT_ID, parameters, refusal
from tests.lambda_src.vendor_connector.formation import Clock, FailedError, Formation, Iam, Template

OTHER_ORGANIZATION = "5f1b2c3d4e5f6a7b8c9d0e1f"
LONG_LINE = "the bucket cannot be reached \N{SNOWMAN}\x1b[31m\x00 " * 400


@dataclass(kw_only=True)
class Vendor:
    """One vendor's stand-in, and what differs between the vendors.

    Attributes
    ----------
    change
        Another value of a property, which is changed in place.
    list_objects
        What the vendor has of the export, as it shows it.
    create_by_hand, delete_by_hand
        What a person may do at the vendor.
    created
        The paths to which a first deploy posts; the export itself is the last.
    cannot_assume
        What the connector reports when the vendor can never assume the role, as a pattern.
    """

    api: Any
    template: Callable[..., Template]
    change: dict[str, Any]
    list_objects: Callable[[], list[dict[str, Any]]]
    is_clean: Callable[[], bool]
    create_by_hand: Callable[[], object]
    delete_by_hand: Callable[[], object]
    created: tuple[str, ...]
    cannot_assume: str

    def objects(self) -> int:
        return len(self.list_objects())

    @property
    def written(self) -> str:
        return self.created[-1]


@pytest.fixture
def of_atlas_vendor(atlas: AtlasApi, iam: Iam) -> Vendor:
    project = atlas.projects[PROJECT_ID]

    def delete_by_hand() -> None:
        project.integrations.clear()
        project.roles.clear()

    return Vendor(
        api=atlas,
        template=lambda **changes: of_atlas.template(atlas, **changes),
        change={"LogTypes": ["MONGOD"]},
        list_objects=lambda: [*project.integrations.values()],
        is_clean=lambda: of_atlas.is_clean(atlas),
        create_by_hand=lambda: of_atlas.by_hand(atlas, iam),
        delete_by_hand=delete_by_hand,
        created=("/cloudProviderAccess", "/logIntegrations"),
        cannot_assume=f"Atlas cannot assume {of_atlas.ROLE_ARN} .*CANNOT_ASSUME_ROLE",
    )


@pytest.fixture
def of_cockroachdb_vendor(cockroach: CockroachdbApi) -> Vendor:
    clusters = cockroach.clusters.values()
    return Vendor(
        api=cockroach,
        template=lambda **changes: of_cockroachdb.template(cockroach, **changes),
        change={"Redact": "false"},
        list_objects=lambda: [cluster.spec for cluster in clusters if cluster.spec is not None],
        is_clean=lambda: of_cockroachdb.is_clean(cockroach),
        create_by_hand=lambda: of_cockroachdb.by_hand(cockroach),
        delete_by_hand=lambda: [info.update(status="DISABLED") for cluster in clusters if (info := cluster.info)],
        created=("/logexport",),
        cannot_assume=rf"the cluster cannot write .* with {of_cockroachdb.ROLE_ARN} \(CREDENTIALS_ERROR",
    )


@pytest.fixture
def of_logzio_vendor(logzio: LogzioApi) -> Vendor:
    fetchers = logzio.accounts[LOGZIO_TOKEN].fetchers
    return Vendor(
        api=logzio,
        template=lambda **changes: of_logzio.template(logzio, "ledger", **changes),
        change={"LogType": "other"},
        list_objects=lambda: [*of_logzio.shown(logzio).values()],
        is_clean=lambda: of_logzio.is_clean(logzio),
        create_by_hand=lambda: of_logzio.by_hand(logzio),
        delete_by_hand=fetchers.clear,
        created=("/s3-buckets",),
        cannot_assume=rf"Logz.io cannot read {of_logzio.BUCKET}/feed/logz-reader/ledger/ through {of_logzio.ROLE_ARN} "
        ".*ACCESS_DENIED.*role's trust and permissions",
    )


@pytest.fixture(params=["atlas", "cockroachdb", "logzio"])
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.getfixturevalue(f"of_{request.param}_vendor")
    return found


def test_a_second_deploy_sends_nothing_and_a_revision_only_reads(vendor: Vendor, formation: Formation) -> None:
    formation.deploy(vendor.template())
    sent, writes = len(vendor.api.recorded), len(vendor.api.writes())
    formation.deploy(vendor.template())
    assert len(vendor.api.recorded) == sent
    formation.deploy(vendor.template(Revision="2"))
    assert len(vendor.api.recorded) > sent
    assert len(vendor.api.writes()) == writes


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_first_deploy_that_fails_after_a_step_leaves_nothing(vendor: Vendor, formation: Formation, step: int) -> None:
    formation.fail_before = list(vendor.template())[step]
    with pytest.raises(FailedError):
        formation.deploy(vendor.template())
    assert vendor.is_clean()


def test_a_first_deploy_without_its_credential_is_rolled_back_without_it(vendor: Vendor, formation: Formation) -> None:
    with pytest.raises(FailedError, match="acme/none"):
        formation.deploy(vendor.template(Secret="acme/none"))
    assert formation.calls[-1][0] == "Delete"
    assert '"IsComplete": true' in formation.seen[-1]


@pytest.mark.parametrize("is_carried_out", [False, True], ids=["not-done", "done"])
@pytest.mark.parametrize("reply", [None, Reply(500, {"message": "internal"})], ids=["cut", "500"])
@pytest.mark.covering
def test_a_lost_answer_repeats_nothing_that_was_done(
    vendor: Vendor, formation: Formation, reply: Reply | None, is_carried_out: bool
) -> None:
    for method, path in itertools.product(("POST", "PATCH", "PUT", "DELETE"), vendor.created):
        vendor.api.fail(method, path, reply, is_carried_out=is_carried_out)
    formation.deploy(vendor.template())
    before = copy.deepcopy(vendor.list_objects())
    formation.deploy(vendor.template(**vendor.change))
    assert vendor.objects() == 1
    assert vendor.list_objects() != before
    formation.destroy()
    assert vendor.is_clean()


def test_a_role_that_iam_is_still_spreading_is_waited_for(vendor: Vendor, formation: Formation, clock: Clock) -> None:
    vendor.api.propagation = 4
    begun = clock.now()
    formation.deploy(vendor.template())
    assert 40 <= clock.now() - begun <= 50
    assert vendor.objects() == 1


def test_a_role_that_can_never_be_assumed_ends_with_what_the_vendor_said(vendor: Vendor, formation: Formation) -> None:
    vendor.api.propagation = 1_000
    with pytest.raises(FailedError, match=rf"given up after \d+ minutes: {vendor.cannot_assume}"):
        formation.deploy(vendor.template())
    assert vendor.is_clean()


def test_a_creation_whose_answer_was_lost_for_good_is_rolled_back(vendor: Vendor, formation: Formation) -> None:
    real = vendor.api.answer
    for path in vendor.created:
        vendor.api.fail("POST", path, None, is_carried_out=True)
        refused: list[Any] = []

        def refuse_once_after_the_write(request: Any, path: str = path, refused: list[Any] = refused) -> Any:
            wrote = any(one.method == "POST" and path in one.path for one in vendor.api.recorded)
            if wrote and request.method == "GET" and path in request.path and not refused:
                refused.append(request)
                return Reply(403, page="TAKEN_AWAY")
            return real(request)

        vendor.api.answer = refuse_once_after_the_write
        with pytest.raises(FailedError, match="TAKEN_AWAY"):
            formation.deploy(vendor.template())
        assert vendor.is_clean()


def test_what_was_deleted_by_hand_is_made_again_by_a_revision_and_needs_no_destroy(
    vendor: Vendor, formation: Formation
) -> None:
    formation.deploy(vendor.template())
    vendor.delete_by_hand()
    formation.deploy(vendor.template(Revision="2"))
    assert vendor.objects() == 1
    vendor.delete_by_hand()
    formation.destroy()
    assert vendor.is_clean()


def test_a_destroy_while_a_user_deletes(vendor: Vendor, formation: Formation) -> None:
    formation.deploy(vendor.template())
    for path in vendor.created:
        vendor.api.fail("DELETE", path, Reply(404, {"errorCode": "NOT_FOUND"}), is_carried_out=True)
    formation.destroy()
    assert vendor.is_clean()


def test_with_adopt_what_is_not_there_is_made_and_removed_again(vendor: Vendor, formation: Formation) -> None:
    formation.deploy(vendor.template(Adopt="true"))
    assert vendor.objects() == 1
    formation.destroy()
    assert vendor.is_clean()


def test_a_rollback_puts_an_adopted_configuration_back(vendor: Vendor, formation: Formation) -> None:
    vendor.create_by_hand()
    before = copy.deepcopy(vendor.list_objects())
    formation.fail_before = "Last"
    with pytest.raises(FailedError):
        formation.deploy(vendor.template(Adopt="true"))
    assert vendor.list_objects() == before
    assert not parameters()


def test_what_was_adopted_is_ours_once_adopt_is_taken_out(vendor: Vendor, formation: Formation) -> None:
    vendor.create_by_hand()
    formation.deploy(vendor.template(Adopt="true"))
    writes = len(vendor.api.writes())
    formation.deploy(vendor.template())
    assert len(vendor.api.writes()) == writes
    formation.destroy()
    assert vendor.is_clean()


@pytest.mark.parametrize("read_delay", [0, 45])
def test_a_new_object_that_is_listed_late_is_not_created_again(
    vendor: Vendor, formation: Formation, read_delay: int
) -> None:
    vendor.api.list_delay_seconds, vendor.api.read_delay_seconds = 90, read_delay
    formation.deploy(vendor.template())
    assert vendor.objects() == 1
    formation.deploy(vendor.template(**vendor.change))
    assert vendor.objects() == 1
    formation.destroy()
    assert vendor.is_clean()


def test_a_creation_whose_answer_is_lost_and_that_is_listed_late_is_not_repeated(
    vendor: Vendor, formation: Formation
) -> None:
    vendor.api.list_delay_seconds = vendor.api.read_delay_seconds = 90
    vendor.api.fail("POST", vendor.written, None, is_carried_out=True)
    formation.deploy(vendor.template())
    assert vendor.objects() == 1
    formation.destroy()
    assert vendor.is_clean()


def test_a_rollback_removes_what_is_not_listed_yet(vendor: Vendor, formation: Formation) -> None:
    vendor.api.list_delay_seconds = 90
    formation.fail_before = "Last"
    with pytest.raises(FailedError):
        formation.deploy(vendor.template())
    assert vendor.is_clean()


REPLIES = {
    "429": Reply(429),
    "429-retry-after": Reply(429, headers={"Retry-After": "200"}),
    "500": Reply(500),
    "502-html": error_page(502),
    "503-html": error_page(503),
    "closed": None,
}
PHASES = {phase: phase for phase in ("create", "update", "destroy", "rollback")}


@pytest.mark.parametrize(("reply", "phase"), covering(REPLIES, PHASES))
def test_five_minutes_without_a_usable_answer_are_waited_out(
    vendor: Vendor, formation: Formation, phase: str, reply: Reply | None
) -> None:
    if phase == "create":
        vendor.api.fail_for(300, reply)
    formation.deploy(vendor.template())
    before = copy.deepcopy(vendor.list_objects())
    if phase == "update":
        vendor.api.fail_for(300, reply)
    if phase == "rollback":
        formation.fail_before = "Last"
        changed = vendor.template(**vendor.change)
        original = formation._roll_back

        def outage(*arguments: Any) -> None:
            vendor.api.fail_for(300, reply)
            original(*arguments)

        formation._roll_back = outage  # type: ignore[assignment,method-assign]
        with pytest.raises(FailedError, match="Last failed"):
            formation.deploy({**changed, "Last": {**changed["Last"], "ExternalIds": ["x"]}})
        assert vendor.list_objects() == before
    else:
        formation.deploy(vendor.template(**vendor.change))
    assert vendor.objects() == 1
    if phase == "destroy":
        vendor.api.fail_for(300, reply)
    formation.destroy()
    assert vendor.is_clean()


def test_an_outage_is_given_up_after_ten_minutes_from_its_beginning(
    cockroach: CockroachdbApi, formation: Formation, clock: Clock
) -> None:
    cockroach.clusters[of_cockroachdb.CLUSTER].looks = 320
    begun, original = clock.now(), cockroach.answer

    def answer(request: Any) -> Reply:
        if clock.now() > begun + 900 and not cockroach._faults:
            cockroach.fail_for(300, Reply(503))
        return original(request)

    cockroach.answer = answer  # type: ignore[method-assign]
    formation.deploy(of_cockroachdb.template(cockroach))
    assert clock.now() - begun > 1_200, "the outage began when more than ten minutes had passed"

    cockroach.fail_for(3_000, Reply(503))
    with pytest.raises(FailedError, match="given up after 10 minutes"):
        formation.deploy(of_cockroachdb.template(cockroach, Revision="2"), rollback=False)


def test_ten_functions_that_sign_in_at_once_are_within_the_rate_limit(
    atlas: AtlasApi, formation: Formation, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each export's function is another one, with a token of its own: nothing is shared but the limit."""
    atlas.callers.sign_ins_a_minute = 10
    template: Template = {}
    for number in range(12):
        project = f"{number:024x}"
        atlas.projects[project] = Project()
        monkeypatch.setattr(atlas_api, "_tokens", {})
        state = f"/logdock/acme-prod/orders-{number}/atlas-alert"
        alert = of_atlas_settings.alert(atlas, ProjectId=project, StateParameter=state)
        template[f"Alert{number}"] = alert["Resource"]
        formation.deploy(template)
        assert len(atlas.projects[project].alerts) == 1
    assert clock.slept, "the limit was reached"


def test_a_project_that_another_organizations_credential_cannot_see_is_not_forgotten(
    atlas: AtlasApi, formation: Formation, monkeypatch: pytest.MonkeyPatch
) -> None:
    formation.deploy(of_atlas.template(atlas))
    monkeypatch.setattr(atlas_api, "_tokens", {})
    atlas.callers.organizations["mdb_sa_id_1"] = OTHER_ORGANIZATION
    with pytest.raises(FailedError, match=r"may still be exporting.*`aws ssm delete-parameters --names /logdock/"):
        formation.destroy()
    assert len(atlas.projects[PROJECT_ID].integrations) == 1
    assert parameters()
    del atlas.callers.organizations["mdb_sa_id_1"]
    formation.destroy()
    assert of_atlas.is_clean(atlas)


@pytest.mark.parametrize("operation", ["auditing", "redaction"])
def test_a_projects_setting_is_not_forgotten_while_the_project_is_out_of_sight(
    atlas: AtlasApi, formation: Formation, operation: str
) -> None:
    atlas.projects[PROJECT_ID].clusters["Prod"] = {"name": "Prod", "redactClientLogData": False}
    auditing, redaction = of_atlas_settings.auditing(atlas), of_atlas_settings.redaction(atlas, "Prod")
    formation.deploy(auditing if operation == "auditing" else redaction)
    atlas.callers.organizations["mdb_sa_id_1"] = OTHER_ORGANIZATION
    with pytest.raises(FailedError, match="may still be exporting"):
        formation.destroy()
    assert parameters()
    del atlas.callers.organizations["mdb_sa_id_1"]
    del atlas.projects[PROJECT_ID]
    formation.destroy()
    assert not parameters()


def test_a_credential_that_lost_its_role_in_the_project_is_refused_and_nothing_is_forgotten(
    atlas: AtlasApi, formation: Formation
) -> None:
    formation.deploy(of_atlas.template(atlas))
    atlas.callers.without_role.add("mdb_sa_id_1")
    with pytest.raises(FailedError, match="does not belong to this project"):
        formation.destroy()
    assert parameters()


def test_a_cluster_that_another_organizations_key_cannot_see_is_not_forgotten(
    cockroach: CockroachdbApi, formation: Formation
) -> None:
    formation.deploy(of_cockroachdb.template(cockroach))
    cockroach.organizations[COCKROACH_KEY] = OTHER_ORGANIZATION
    with pytest.raises(FailedError, match=f"the credential belongs to {OTHER_ORGANIZATION}.*may still be exporting"):
        formation.destroy()
    assert of_cockroachdb.spec_of(cockroach)
    assert parameters()
    cockroach.organizations.clear()
    formation.destroy()
    assert of_cockroachdb.is_clean(cockroach)


def test_a_deleted_cluster_fails_a_deploy_at_once_and_needs_no_destroy(
    cockroach: CockroachdbApi, formation: Formation, clock: Clock
) -> None:
    formation.deploy(of_cockroachdb.template(cockroach))
    cockroach.clusters[of_cockroachdb.CLUSTER].state = "DELETED"
    begun = clock.now()
    with pytest.raises(FailedError, match="was deleted in CockroachDB Cloud"):
        formation.deploy(of_cockroachdb.template(cockroach, Redact="false"))
    formation.destroy()
    assert clock.now() - begun < 60
    assert not parameters()


@pytest.mark.parametrize(
    "message",
    [
        "this organization is blocked: contact support",
        "the address is not in the IP allowlist",
        "block list entry matches",
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_refusal_that_merely_contains_lock_is_not_waited_for(
    cockroach: CockroachdbApi, formation: Formation, clock: Clock, message: str, method: str
) -> None:
    formation.deploy(of_cockroachdb.template(cockroach))
    cockroach.fail(method, "/logexport", Reply(400, {"code": 9, "message": message}), times=2)
    begun = clock.now()
    changed = of_cockroachdb.template(cockroach, Redact="false")
    act: Callable[[], None] = formation.destroy
    if method == "POST":
        act = lambda: formation.deploy(changed, rollback=False)  # noqa: E731
    with pytest.raises(FailedError, match=message):
        act()
    assert clock.now() - begun < 60


@pytest.mark.parametrize("is_on", [False, True])
def test_a_paused_cluster_ends_a_deploy_or_a_destroy_at_once(
    atlas: AtlasApi, formation: Formation, clock: Clock, is_on: bool
) -> None:
    clusters = atlas.projects[PROJECT_ID].clusters
    clusters["Prod"] = {"name": "Prod", "redactClientLogData": False, "paused": not is_on}
    if is_on:
        formation.deploy(of_atlas_settings.redaction(atlas, "Prod"))
        clusters["Prod"]["paused"] = True
    begun = clock.now()
    wanted = of_atlas_settings.redaction(atlas, "Prod")
    act: Callable[[], None] = formation.destroy if is_on else lambda: formation.deploy(wanted)
    with pytest.raises(FailedError, match=r"cluster Prod is paused.*resume it in Atlas"):
        act()
    assert clock.now() - begun < 60
    clusters["Prod"]["paused"] = False
    formation.deploy(of_atlas_settings.redaction(atlas, "Prod"))
    formation.destroy()
    assert not clusters["Prod"]["redactClientLogData"]


def test_a_vendors_long_message_fits_into_cloudformations_answer(vendor: Vendor, formation: Formation) -> None:
    vendor.api.fail("POST", vendor.written, Reply(418, {"message": LONG_LINE, "errorCode": LONG_LINE}), times=99)
    with pytest.raises(FailedError) as failed:
        formation.deploy(vendor.template())
    said = str(failed.value)
    assert len(said.encode()) <= MAX_BYTES
    assert said.isprintable()


def test_every_message_is_cut_to_bytes_at_a_character() -> None:
    for limit in range(20, 60):
        cut = public_text.shorten("\N{SNOWMAN}" * 100, limit)
        assert len(cut.encode()) <= limit
        assert cut.endswith("\N{SNOWMAN} ...")


def test_a_full_logzio_account_is_reported_as_full_and_not_waited_for(
    logzio: LogzioApi, formation: Formation, clock: Clock
) -> None:
    logzio.accounts[LOGZIO_TOKEN].most_fetchers = 1
    begun = clock.now()
    with pytest.raises(FailedError, match=r"as many as its plan allows.*remove one") as failed:
        formation.deploy(of_logzio.template(logzio, "ledger", "trail"))
    assert "role" not in str(failed.value)
    assert clock.now() - begun < 120


@pytest.mark.parametrize("api", ["atlas", "logzio"])
def test_a_conflict_is_reported_as_one_and_not_waited_for(
    request: pytest.FixtureRequest, formation: Formation, clock: Clock, api: str
) -> None:
    stand_in: VendorApi = request.getfixturevalue(api)
    path = "/logIntegrations" if api == "atlas" else "/s3-buckets"
    stand_in.fail("POST", path, Reply(409, {"errorCode": "DUPLICATE_BUCKET", "detail": "exists"}), times=99)
    begun = clock.now()
    with pytest.raises(FailedError, match=r"(?i)it conflicts with what") as failed:
        formation.deploy((of_atlas if api == "atlas" else of_logzio).template(stand_in))
    assert "cannot use" not in str(failed.value)
    assert clock.now() - begun < 120


def test_a_list_that_is_not_found_is_no_empty_list(logzio: LogzioApi, formation: Formation) -> None:
    formation.deploy(of_logzio.template(logzio))
    logzio.fail("GET", "/s3-buckets", Reply(404, {"message": "no such route"}), times=99)
    with pytest.raises(FailedError, match="404"):
        formation.destroy()
    assert parameters()


AURORA = {**of_aurora.PROPERTIES, "Type": "Custom::LogdockAudit"}


@pytest.fixture
def rds(wire: Any) -> of_aurora.Rds:
    return of_aurora.Rds(wire, refusal)


def failing_update(formation: Formation, **changes: Any) -> None:
    """Deploy a change of the audit, of which another resource fails when the audit is done, so that all goes back."""
    formation.fail_before = "Last"
    with pytest.raises(FailedError, match="Last failed"):
        formation.deploy({"Audit": {**AURORA, **changes}, "Last": {"Type": "Custom::LogdockAudit"}})
    formation.fail_before = None


@pytest.mark.parametrize("before", ["own", None], ids=["from-another-own-group", "from-the-group-that-was-made"])
def test_a_rollback_after_another_parameter_group_puts_it_back_and_says_what_is_left(
    rds: of_aurora.Rds, formation: Formation, before: str | None
) -> None:
    rds.groups["second"], rds.descriptions["second"] = {"binlog_format": "ROW"}, "the team's"
    if before:
        rds.cluster["DBClusterParameterGroup"] = before
    first = {**AURORA, "ParameterGroup": before or ""}
    formation.deploy({"Audit": first})
    rds.cluster["DBClusterParameterGroup"] = "second"

    failing_update(formation, ParameterGroup="second")

    assert rds.groups["second"] == {"binlog_format": "ROW"}
    assert rds.groups[before or of_aurora.OURS] == of_aurora.PROPERTIES["Parameters"]
    answer = formation.answered["Audit"]
    assert "uses the parameter group second" in answer["Restart"]
    assert "`parameter_group: second`" in answer["Restart"]
    formation.destroy()
    assert rds.groups["own"] == {}
    assert of_aurora.OURS not in rds.groups
    assert not parameters()


def upgraded_beside_another_cluster(rds: of_aurora.Rds) -> str:
    of_aurora.upgrade(rds)
    rds.used_elsewhere.add(of_aurora.OURS)
    return f"parameter group {of_aurora.OURS} has the family aurora-mysql8.0.*Delete that database or attach another"


def restored_under_another_name(rds: of_aurora.Rds) -> str:
    rds.is_gone = True
    return "cluster billing does not exist"


def another_group_attached(rds: of_aurora.Rds) -> str:
    rds.groups["third"], rds.cluster["DBClusterParameterGroup"] = {}, "third"
    return "parameter_group: third"


@pytest.mark.parametrize(
    "what_happened", [upgraded_beside_another_cluster, restored_under_another_name, another_group_attached]
)
def test_an_aurora_cluster_that_no_longer_fits_is_refused_before_a_change_and_the_rollback_ends(
    rds: of_aurora.Rds, formation: Formation, what_happened: Callable[[of_aurora.Rds], str]
) -> None:
    formation.deploy({"Audit": AURORA})
    said = what_happened(rds)
    before = copy.deepcopy((rds.groups, rds.cluster))
    with pytest.raises(FailedError, match=said):
        formation.deploy({"Audit": {**AURORA, "Revision": "2"}})
    assert (rds.groups, rds.cluster) == before
    # Another change that fails is no rollback, and is refused again.
    with pytest.raises(FailedError, match=said):
        formation.deploy({"Audit": {**AURORA, "LogTypes": ["audit", "error"]}})
    rds.used_elsewhere.clear()
    formation.destroy()
    assert not parameters()
