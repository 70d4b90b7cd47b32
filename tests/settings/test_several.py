"""Exports of several projects or clusters: which settings they take, and what each member is."""

from typing import Any

import pytest

from logdock.settings.names import Names
from logdock.settings.shipper_document import configuration_document
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import Document, document, export

PROJECTS = ["5e2211c17a3e5a48f5497de3", "6f3322d28b4f6b59a6508ef4"]
CLUSTERS = ["f78b7feb-b6cf-4396-9d7f-494982d7d81e", "0d2a1b1e-7b1f-4c55-9b3e-3f1a0f2f6c11"]


def projects(**changes: Any) -> Document:
    given = {"atlas_principal_arn": None, "external_id": None, "project_id": None, "project_ids": PROJECTS}
    return export("mongodb-atlas", **{**given, "connect": {"secret": "acme/atlas"}, **changes})


def clusters(**changes: Any) -> Document:
    given = {"cluster_account_id": None, "external_id": None, "cluster_id": None, "cluster_ids": CLUSTERS}
    return export("cockroachdb", **{**given, "connect": {"secret": "acme/cockroach"}, **changes})


def databases(**changes: Any) -> Document:
    return export("aurora-mysql", **{"cluster_id": None, "cluster_ids": ["billing", "stock"], **changes})


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (projects(project_ids=None), "project_ids: missing: either `project_id`, or ids of projects in `project_ids`"),
        (
            projects(project_id=PROJECTS[0]),
            "project_ids: got a list of 2; expected either `project_id`, or ids of projects in `project_ids`",
        ),
        (
            projects(connect=None),
            (
                "connect: missing: how the deploy reaches Atlas: with `project_ids` it reads each project's external "
                "id there"
            ),
        ),
        (
            clusters(cluster_id=CLUSTERS[0]),
            "cluster_ids: got a list of 2; expected either `cluster_id`, or ids of clusters in `cluster_ids`",
        ),
        (
            clusters(connect=None),
            (
                "connect: missing: how the deploy reaches CockroachDB Cloud: with `cluster_ids` it reads each "
                "cluster's account"
            ),
        ),
        (
            clusters(external_id="acme-own"),
            "external_id: got 'acme-own'; expected nothing: with `cluster_ids` the deploy takes the stack's own id",
        ),
        (
            databases(parameter_group="own"),
            (
                "parameter_group: got 'own'; expected nothing with `cluster_ids`: `parameter_groups` has the group of "
                "each cluster"
            ),
        ),
        (
            databases(role="custom"),
            "role: got 'custom'; expected service-linked with `cluster_ids`: a role of the older way is one cluster's",
        ),
    ],
)
def test_rejects_what_is_of_one_object_alone(refusal: Refusal, wrong: Document, line: str) -> None:
    assert refusal(document(wrong)) == [f"exports[0].{line}"]


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"other": "own"}, "clusters of `cluster_ids` (other is none)"),
        ({"billing": "own", "stock": "own"}, "a parameter group of its own for each cluster"),
    ],
)
def test_rejects_parameter_groups_that_are_not_one_clusters(refusal: Refusal, groups: Any, said: str) -> None:
    (line,) = refusal(document(databases(parameter_groups=groups)))
    assert line.startswith("exports[0].parameter_groups: ")
    assert said in line


def test_rejects_redact_clusters_of_several_projects(refusal: Refusal) -> None:
    (line,) = refusal(document(projects(connect={"secret": "acme/atlas", "redact_clusters": ["Cluster0"]})))
    assert line.startswith("exports[0].connect: ")
    assert "no `redact_clusters` with `project_ids`" in line


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        (clusters(), export("cockroachdb", name="other", log_group="/other"), "cluster_id"),
        (databases(), export("aurora-mysql", name="other", cluster_id="stock"), "cluster_id"),
        (export("aurora-mysql", name="other", cluster_id="stock"), databases(), "cluster_ids[1]"),
    ],
)
def test_rejects_a_cluster_that_another_export_has(refusal: Refusal, first: Any, second: Any, where: str) -> None:
    (line,) = refusal(document(first, second))
    assert line.startswith(f"exports[1].{where}: ")
    assert "a cluster that no other export has (exports[0] has it)" in line


def test_rejects_a_projects_alert_that_another_export_sets(refusal: Refusal) -> None:
    connect = {"secret": "acme/atlas", "alert": True}
    other = projects(name="other", project_ids=None, project_id=PROJECTS[1], connect=connect)
    (line,) = refusal(document(projects(connect=connect), other))
    assert line.startswith("exports[1].connect.alert: ")


def test_each_project_has_a_directory_and_lines_name_it(load: Load) -> None:
    settings = load(document(projects(prefix="logs/atlas")))
    (orders,) = settings.exports
    assert isinstance(orders, MongodbAtlasExport)
    assert [(each.member_id, each.prefix) for each in orders.members] == [
        (each, f"logs/atlas/{each}") for each in PROJECTS
    ]
    assert configuration_document(settings, orders)["path_fields"] == "logs/atlas/{project_id}/{cluster}"
    assert orders.members[0].landing(settings).document == orders.landing(settings).document


def test_each_cluster_has_log_groups_of_its_own(load: Load) -> None:
    settings = load(document(clusters(groups=[{"log_name": "/sql", "channels": ["SQL_EXEC"]}])))
    (ledger,) = settings.exports
    names = [f"{group}/{cluster}" for cluster in CLUSTERS for group in ("/acme/cockroach/ledger", "/sql")]
    assert isinstance(ledger, CockroachdbExport)
    assert ledger.landing(settings).names == tuple(names)
    assert [name for each in ledger.members for name in each.log_groups] == names


@pytest.mark.parametrize("several", [projects(), clusters(), databases()], ids=lambda each: each["kind"])
def test_a_member_is_an_export_of_one_and_its_own_only_member(load: Load, several: Document) -> None:
    (whole,) = load(document(several)).exports
    for member in whole.members:
        assert member.members == (member,)
        assert member.member_id is not None
    assert len({member.member_id for member in whole.members}) == len(whole.members) == 2


def test_names_of_members_fit_iam_and_are_no_other_exports() -> None:
    names = Names("a" * 16, "111122223333", "eu-west-1")
    role = names.vendor_role("b" * 32, CLUSTERS[0])
    assert len(role) <= 64
    assert "_" in role
    group = names.parameter_group("orders", "billing")
    pattern = names.parameter_groups("orders")
    assert group.startswith(pattern.rstrip("?"))
    assert len(group) == len(pattern)
    assert not names.parameter_group("orders-x", None).startswith(pattern.rstrip("?"))
